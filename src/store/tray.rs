//! The tray: files of which something came back, and what a person decides about them.
//!
//! - Writes: `tray_decision` (append only), the letter that answers, audit.
//! - Safe to repeat because: what is decided about one reading of a file is decided once.
//! - Trusts: reasons are typed by people and may name persons: they are sealed, and the audit log holds their keyed
//!   hash only.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::intake::Intake;
use super::ledger::Change;
use super::letter::{NewLetter, queue_letter};
use super::undo::Reasoned;
use super::values::args;
use super::{FileKind, Result, Store, StoreError, from_ms, to_ms};

/// A decision about a file of which something came back.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum TrayAct {
    /// It was taken as this kind; what came back of it then is open again.
    Taken(FileKind),
    /// What came back is settled in another way.
    Settled,
    /// What came back is refused for good.
    Refused,
}

impl TrayAct {
    /// The word in the database and in JSON.
    pub const fn code(self) -> &'static str {
        match self {
            TrayAct::Taken(_) => "taken",
            TrayAct::Settled => "settled",
            TrayAct::Refused => "refused",
        }
    }

    const fn kind(self) -> Option<&'static str> {
        match self {
            TrayAct::Taken(kind) => Some(kind.code()),
            TrayAct::Settled | TrayAct::Refused => None,
        }
    }
}

/// A person's decision that a file is of a kind.
#[derive(Copy, Clone, Debug)]
pub struct TakenAs<'a> {
    /// The kind.
    pub kind: FileKind,
    /// Why, and who says so.
    pub because: Reasoned<'a>,
    /// What tells the sender.
    pub answer: Option<&'a NewLetter>,
}

/// A decision as it was entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrayDecision {
    /// What was decided.
    pub act: TrayAct,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// Why nothing was decided.
#[derive(Debug, thiserror::Error)]
pub enum TrayRefused {
    /// It waits to be read.
    #[error("the file is not read yet")]
    NotRead,
    /// Nothing of it came back.
    #[error("nothing of the file came back")]
    NothingBack,
    /// It is withdrawn.
    #[error("the file is withdrawn")]
    Withdrawn,
    /// It is decided already.
    #[error("the file is decided already")]
    Decided,
    /// Its kind was recognised: it is not taken as another one.
    #[error("the file was taken as {0:?}")]
    Recognised(FileKind),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Whether a decision may be taken now: something of the file came back and is open.
    pub async fn check_tray(&self, original_id: i64, act: TrayAct) -> Result<(), TrayRefused> {
        let row = self.db.row(OPEN, args![original_id]).await?;
        let row = row.ok_or_else(|| StoreError::Unknown { what: "original", key: original_id.to_string() })?;
        if row.int_or_null(0)?.is_none() {
            return Err(TrayRefused::NotRead);
        }
        if row.int(2)? > 0 {
            return Err(TrayRefused::Withdrawn);
        }
        if row.int_or_null(1)?.unwrap_or_default() == 0 {
            return Err(TrayRefused::NothingBack);
        }
        if row.int(3)? > 0 {
            return Err(TrayRefused::Decided);
        }
        let kind = FileKind::from_code(&row.text_or_null(4)?.unwrap_or_default());
        match (act, kind) {
            (TrayAct::Taken(_), Some(kind)) if kind != FileKind::Unknown => Err(TrayRefused::Recognised(kind)),
            _ => Ok(()),
        }
    }

    /// Closes what came back of a file: settled in another way, or refused for good.
    pub async fn close_file(
        &self,
        original_id: i64,
        act: TrayAct,
        because: Reasoned<'_>,
        answer: Option<&NewLetter>,
    ) -> Result<(), TrayRefused> {
        let mut change = self.change().await?;
        // Read past this transaction, which keeps all others from writing.
        self.check_tray(original_id, act).await?;
        let sql = "SELECT read_at FROM original WHERE id = $1";
        let read_at = change.tx.int(sql, args![original_id]).await?;
        self.enter_decision(&mut change, original_id, (act, read_at), because).await?;
        if let Some(answer) = answer {
            queue_letter(&mut change, answer, because.at).await?;
        }
        change.commit("close-file").await?;
        Ok(())
    }

    /// What was decided about a file, in order.
    pub async fn tray_decisions(&self, original_id: i64) -> Result<Vec<TrayDecision>> {
        let sql = "SELECT act, kind, reason, by_whom, at FROM tray_decision WHERE original_id = $1 ORDER BY id";
        let mut decisions = Vec::new();
        for row in self.db.rows(sql, args![original_id]).await? {
            let kind = row.text_or_null(1)?.as_deref().and_then(FileKind::from_code);
            let act = match (row.text(0)?.as_str(), kind) {
                ("taken", Some(kind)) => TrayAct::Taken(kind),
                ("settled", _) => TrayAct::Settled,
                ("refused", _) => TrayAct::Refused,
                _ => return Err(StoreError::Damaged("a decision about a file".to_owned())),
            };
            decisions.push(TrayDecision {
                act,
                reason: self.opened("tray_decision.reason", &row.bytes(2)?)?,
                by: self.opened("tray_decision.by_whom", &row.bytes(3)?)?,
                at: from_ms(row.int(4)?)?,
            });
        }
        Ok(decisions)
    }

    /// Enters that a file was taken as a kind; what came back of it this time is open again.
    pub(super) async fn enter_taken(
        &self,
        change: &mut Change,
        intake: &Intake<'_>,
        taken: &TakenAs<'_>,
    ) -> Result<()> {
        let about = (TrayAct::Taken(taken.kind), to_ms(intake.at));
        self.enter_decision(change, intake.original.id, about, taken.because).await?;
        if let Some(answer) = taken.answer {
            queue_letter(change, answer, intake.at).await?;
        }
        Ok(())
    }

    /// Enters a decision about one reading of a file.
    async fn enter_decision(
        &self,
        change: &mut Change,
        original_id: i64,
        (act, read_at): (TrayAct, i64),
        because: Reasoned<'_>,
    ) -> Result<()> {
        let id = change.tx.int("SELECT COALESCE(MAX(id), 0) + 1 FROM tray_decision", []).await?;
        let reason = self.vault.seal("tray_decision.reason", because.reason.as_bytes());
        let by = self.vault.seal("tray_decision.by_whom", because.by.as_bytes());
        let kind = act.kind().map(str::to_owned);
        let row = args![id, original_id, read_at, act.code(), kind, reason, by, to_ms(because.at)];
        let into = "tray_decision (id, original_id, read_at, act, kind, reason, by_whom, at)";
        change.tx.insert(into, [row]).await?;
        let detail = json!({
            "read_at": read_at, "decision": act.code(), "kind": act.kind().unwrap_or_default(),
            "typed": self.typed(because.reason, because.by),
        });
        change.audit("original.decided", &original_id.to_string(), &detail, because.at);
        Ok(())
    }
}

/// How a file stands: read, errors, withdrawn, decided, kind.
const OPEN: &str = "SELECT read_at, errors, withdrawn, decided, kind FROM arrived WHERE id = $1";
