//! What waits for a person (待人工), and what a person decides; which mail brought an original, and how it is answered.
//!
//! - Writes: `received_mail` (settled, or let in after all), `mail_decision` (append only), the letter that answers, audit.
//! - Safe to repeat because: what is settled, or let in, is so once.
//! - Trusts: reasons are typed by people and may name persons: they are sealed, and the audit log holds their keyed hash.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::super::deliver::PacketFile;
use super::super::letter::{NewLetter, queue_letter};
use super::super::undo::Reasoned;
use super::super::values::{Row, args};
use super::super::{Result, Store, StoreError, from_ms, to_ms};
use super::{MailFate, MailHeader, ReceivedMail};
use crate::subsidy::calendar::civil_date;

/// A mail that waits for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrayMail {
    /// The mail.
    pub mail: ReceivedMail,
    /// Whether its sender was answered.
    pub answered: bool,
}

/// What a person decides about a mail that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailAct {
    /// It is taken in after all.
    LetIn {
        /// As one of this unit, by its name.
        unit: String,
    },
    /// What it is about is settled in another way.
    Settled,
    /// It is refused.
    Refused,
}

impl MailAct {
    /// The word in the database and in JSON.
    pub const fn code(&self) -> &'static str {
        match self {
            MailAct::LetIn { .. } => "let-in",
            MailAct::Settled => "settled",
            MailAct::Refused => "refused",
        }
    }

    fn unit(&self) -> Option<&str> {
        match self {
            MailAct::LetIn { unit } => Some(unit),
            MailAct::Settled | MailAct::Refused => None,
        }
    }
}

/// A decision about a mail as it was entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailDecision {
    /// What was decided.
    pub act: MailAct,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// The mail that brought a file: whom an answer goes to, and where it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The mail.
    pub mail: i64,
    /// When it was first seen.
    pub received_at: DateTime<Utc>,
    /// The unit that sent it.
    pub unit: Option<String>,
    /// What it says of itself.
    pub header: MailHeader,
}

/// The recipient of an answer to somebody who is nobody's, in `delivery list`.
const STRANGER: &str = "未登记的发件人";

impl Origin {
    /// The number under which its sender knows it: the day, and the number of the mail.
    pub fn number(&self) -> String {
        format!("{}-{:04}", civil_date(self.received_at).format("%Y%m%d"), self.mail)
    }

    /// A letter that answers this mail. Key, subject and bodies without personal data; attachments encrypted where they
    /// are personal.
    pub fn letter(
        &self,
        key: String,
        (subject, text, html): (String, String, String),
        attachments: Vec<PacketFile>,
    ) -> NewLetter {
        let mut thread = self.header.thread.clone();
        thread.extend(Some(self.header.message_id.clone()).filter(|id| !id.is_empty()));
        NewLetter {
            key,
            recipient: self.unit.clone().unwrap_or_else(|| STRANGER.to_owned()),
            to: vec![self.header.sender.clone()],
            cc: Vec::new(),
            subject,
            text,
            html,
            attachments,
            thread,
        }
    }
}

impl From<ReceivedMail> for Origin {
    fn from(mail: ReceivedMail) -> Origin {
        let ReceivedMail { id, received_at, header, unit, .. } = mail;
        Origin { mail: id, received_at, unit, header }
    }
}

impl Store {
    /// Mails that wait for a person, oldest first.
    pub async fn tray(&self) -> Result<Vec<TrayMail>> {
        let sql = "SELECT id, received_at, bytes, header, unit, fate, let_in, answer_id FROM received_mail \
                   WHERE fate IS NOT NULL AND settled_at IS NULL ORDER BY id";
        let mail = |row: &Row| Ok(TrayMail { mail: self.read_mail(row)?, answered: row.int_or_null(7)?.is_some() });
        let mails: Vec<TrayMail> = self.db.rows(sql, []).await?.iter().map(mail).collect::<Result<_>>()?;
        Ok(mails.into_iter().filter(|one| one.mail.fate.is_some_and(MailFate::is_for_a_person)).collect())
    }

    /// How many mails wait for a person, and since when the oldest does.
    pub async fn tray_numbers(&self) -> Result<(u64, Option<DateTime<Utc>>)> {
        let sql = "SELECT fate, COUNT(*), MIN(received_at) FROM received_mail \
                   WHERE fate IS NOT NULL AND settled_at IS NULL GROUP BY fate";
        let (mut count, mut oldest) = (0, None);
        for row in self.db.rows(sql, []).await? {
            if super::fate::stored(&row.text(0)?)?.is_for_a_person() {
                let since = from_ms(row.int(2)?)?;
                count += row.count(1)?;
                oldest = Some(oldest.map_or(since, |oldest: DateTime<Utc>| oldest.min(since)));
            }
        }
        Ok((count, oldest))
    }

    /// A mail as the tray shows it, and what was decided about it, in order.
    pub async fn tray_mail(&self, id: i64) -> Result<(TrayMail, Vec<MailDecision>)> {
        let mail = self.received_mail(id).await?;
        let answered = "SELECT COUNT(*) FROM received_mail WHERE id = $1 AND answer_id IS NOT NULL";
        let answered = self.db.int(answered, args![id]).await? > 0;
        let sql = "SELECT act, unit, reason, by_whom, at FROM mail_decision WHERE mail_id = $1 ORDER BY id";
        let decision = |row: &Row| {
            let act = match (row.text(0)?.as_str(), row.text_or_null(1)?) {
                ("let-in", Some(unit)) => MailAct::LetIn { unit },
                ("settled", _) => MailAct::Settled,
                ("refused", _) => MailAct::Refused,
                _ => return Err(StoreError::Damaged("a decision about a mail".to_owned())),
            };
            Ok(MailDecision {
                act,
                reason: self.opened("mail_decision.reason", &row.bytes(2)?)?,
                by: self.opened("mail_decision.by_whom", &row.bytes(3)?)?,
                at: from_ms(row.int(4)?)?,
            })
        };
        let decisions = self.db.rows(sql, args![id]).await?.iter().map(decision).collect::<Result<_>>()?;
        Ok((TrayMail { mail, answered }, decisions))
    }

    /// Enters what a person decided about a mail that was set aside, and queues the letter that tells its sender. Let in, it
    /// waits, and is taken in at the next round as one of that unit. `false`: it is not set aside, somebody is done with it, or
    /// there is nothing in it that could be let in.
    pub async fn decide_mail(
        &self,
        id: i64,
        act: &MailAct,
        because: Reasoned<'_>,
        answer: Option<&NewLetter>,
    ) -> Result<bool> {
        let mut change = self.change().await?;
        let sql = "SELECT fate FROM received_mail WHERE id = $1 AND fate IS NOT NULL AND settled_at IS NULL";
        let fate = change.tx.row(sql, args![id]).await?.map(|row| row.text(0)).transpose()?;
        let fate = fate.as_deref().map(super::fate::stored).transpose()?;
        let may = match act {
            MailAct::LetIn { .. } => fate.is_some_and(MailFate::can_be_let_in),
            MailAct::Settled | MailAct::Refused => fate.is_some_and(MailFate::is_for_a_person),
        };
        if !may {
            change.roll_back().await?;
            return Ok(false);
        }
        if let MailAct::LetIn { unit } = act {
            let sql = "UPDATE received_mail SET fate = NULL, ended_at = NULL, unit = $2, let_in = 1 WHERE id = $1";
            change.tx.run(sql, args![id, unit.clone()]).await?;
        } else {
            let sql = "UPDATE received_mail SET settled_at = $2 WHERE id = $1";
            change.tx.run(sql, args![id, to_ms(because.at)]).await?;
        }
        let next = change.tx.int("SELECT COALESCE(MAX(id), 0) + 1 FROM mail_decision", []).await?;
        let reason = self.vault.seal("mail_decision.reason", because.reason.as_bytes());
        let by = self.vault.seal("mail_decision.by_whom", because.by.as_bytes());
        let row = args![next, id, act.code(), act.unit().map(str::to_owned), reason, by, to_ms(because.at)];
        change.tx.insert("mail_decision (id, mail_id, act, unit, reason, by_whom, at)", [row]).await?;
        let detail = json!({
            "decision": act.code(), "unit": act.unit().unwrap_or_default(),
            "typed": self.typed(because.reason, because.by),
        });
        change.audit("mail.decided", &id.to_string(), &detail, because.at);
        if let Some(answer) = answer {
            queue_letter(&mut change, answer, because.at).await?;
        }
        change.commit("decide-mail").await?;
        Ok(true)
    }

    /// The mail that brought an original: of several the last that was no trial (试检). `None` where it came otherwise.
    pub async fn mail_of_original(&self, original: i64) -> Result<Option<Origin>> {
        let sql = "SELECT m.id, m.received_at, m.bytes, m.header, m.unit, m.fate, m.let_in FROM received_mail m \
                   JOIN received_part p ON p.mail_id = m.id JOIN original o ON o.sha256 = p.sha256 \
                   WHERE o.id = $1 AND (m.fate IS NULL OR m.fate = 'taken') ORDER BY m.id DESC LIMIT 1";
        let row = self.db.row(sql, args![original]).await?;
        row.map(|row| self.read_mail(&row).map(Origin::from)).transpose()
    }
}
