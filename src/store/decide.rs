//! What is decided about deliveries: by people (try again, stop, let go), and by a server that refuses some of a
//! letter's addresses.
//!
//! - Writes: `delivery`, `letter_mail` (to be sent once more), `delivery_decision`, the letter that is parted off, audit.
//! - Trusts: reasons are typed by people and may name persons: they are sealed, and the audit log holds their keyed
//!   hash only.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::deliver::Lease;
use super::ledger::Change;
use super::letter::{LetterWords, NewLetter, queue_letter_of};
use super::values::args;
use super::{Result, Store, StoreError, from_ms, to_ms};

/// To whom a letter goes, and who gets a copy.
type Addresses = (Vec<String>, Vec<String>);

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Due now, whatever became of it: set aside, waiting, stopped, or accepted already (then marked 重发).
    Retry {
        /// For a letter: other addresses from here on; empty = those it has.
        to: Vec<String>,
    },
    /// Nothing is sent until it is released.
    Hold,
    /// Due now after a hold.
    Release,
}

impl Decision {
    fn act(&self) -> &'static str {
        match self {
            Decision::Retry { .. } => "retry",
            Decision::Hold => "hold",
            Decision::Release => "release",
        }
    }
}

/// A decision that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// `retry`, `hold`, `release` or `refused`.
    pub act: String,
    /// Why.
    pub reason: String,
    /// Who; of `refused` the server.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// An address that a mail server refuses for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The address, as the letter has it.
    pub address: String,
    /// The server's words.
    pub words: String,
}

/// Why a decision was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum DecisionRefused {
    /// It stands where the decision has no meaning.
    #[error("the delivery is {0}")]
    Stands(String),
    /// Addresses were given for a packet that goes to the folder.
    #[error("a packet for the folder has no addresses")]
    NoLetter,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Carries out a decision about a delivery.
    pub async fn decide(
        &self,
        id: i64,
        decision: &Decision,
        reason: &str,
        by: &str,
        at: DateTime<Utc>,
    ) -> Result<(), DecisionRefused> {
        let before = self.letter(id).await?;
        let mut change = self.change().await?;
        let sql = "SELECT d.key, d.state, \
                   (SELECT COUNT(*) FROM batch_void v WHERE v.batch_id = d.batch_id) FROM delivery d WHERE d.id = $1";
        let row = change.tx.row(sql, args![id]).await?;
        let row = row.ok_or_else(|| StoreError::Unknown { what: "delivery", key: id.to_string() })?;
        let (key, state) = (row.text(0)?, row.text(1)?);
        let allowed = match decision {
            Decision::Retry { .. } => matches!(state.as_str(), "due" | "aside" | "held" | "done"),
            Decision::Hold => matches!(state.as_str(), "due" | "aside"),
            Decision::Release => state == "held",
        };
        if !allowed || row.int(2)? > 0 {
            return Err(DecisionRefused::Stands(if allowed { "withdrawn".to_owned() } else { state }));
        }
        let mut addresses = None;
        if let Decision::Retry { to } = decision
            && !to.is_empty()
        {
            let letter = before.ok_or(DecisionRefused::NoLetter)?;
            addresses = Some((to.clone(), letter.words.cc));
        }
        if *decision == Decision::Hold {
            change.tx.run("UPDATE delivery SET state = 'held' WHERE id = $1", args![id]).await?;
        } else {
            let again = state == "done";
            let sql = "UPDATE delivery SET state = 'due', due_at = $2, done_at = NULL, failures = 0, alarm = 0, \
                       failing_since = NULL, resend = CASE WHEN CAST($3 AS BIGINT) = 1 THEN 1 ELSE resend END WHERE id = $1";
            change.tx.run(sql, args![id, to_ms(at), again]).await?;
            if again {
                let sql = "UPDATE letter_mail SET accepted_at = NULL, again = 1 WHERE delivery_id = $1";
                change.tx.run(sql, args![id]).await?;
            }
        }
        let decided = Decided { act: decision.act().to_owned(), reason: reason.to_owned(), by: by.to_owned(), at };
        enter(&mut change, id, &decided, addresses.as_ref()).await?;
        let detail = json!({"act": decision.act(), "from": state, "typed": self.typed(reason, by)});
        change.audit("delivery.decided", &key, &detail, at);
        change.commit("decide-delivery").await?;
        Ok(())
    }

    /// What was decided about a delivery, in order.
    pub async fn decisions(&self, id: i64) -> Result<Vec<Decided>> {
        let sql = "SELECT act, reason, by_whom, at FROM delivery_decision WHERE delivery_id = $1 ORDER BY id";
        let mut decided = Vec::new();
        for row in self.db.rows(sql, args![id]).await? {
            decided.push(Decided {
                act: row.text(0)?,
                reason: self.opened("delivery_decision.reason", &row.bytes(1)?)?,
                by: self.opened("delivery_decision.by_whom", &row.bytes(2)?)?,
                at: from_ms(row.int(3)?)?,
            });
        }
        Ok(decided)
    }

    /// The addresses (to, copies) that were decided last for a letter, if any were.
    pub(super) async fn decided_addresses(&self, id: i64) -> Result<Option<Addresses>> {
        let sql = "SELECT addresses FROM delivery_decision WHERE delivery_id = $1 AND addresses IS NOT NULL \
                   ORDER BY id DESC LIMIT 1";
        let Some(row) = self.db.row(sql, args![id]).await? else { return Ok(None) };
        Ok(Some(self.vault.open_value("delivery_decision.addresses", &row.bytes(0)?)?))
    }

    /// Parts a letter of which nothing of this attempt has left: the addresses that the server refuses for good go into
    /// a letter of their own, which waits for a person with the server's words; this one goes on to the others.
    /// `words` is what it says now. Answers what it says from here on and the key of the other one, or `None` where the
    /// lease was lost meanwhile.
    pub async fn part_letter(
        &self,
        lease: &Lease,
        words: &LetterWords,
        refused: &[Refusal],
        at: DateTime<Utc>,
    ) -> Result<Option<(LetterWords, String)>> {
        let (is_refused, others) = partition(words, |address| refused.iter().any(|one| one.address == *address));
        let id = lease.delivery.id;
        let mut change = self.change().await?;
        let held = "SELECT batch_id FROM delivery WHERE id = $1 AND attempts = $2 AND state = 'sending'";
        let Some(row) = change.tx.row(held, args![id, lease.attempt]).await? else {
            change.roll_back().await?;
            return Ok(None);
        };
        let of =
            PartedOf { id, key: &lease.delivery.key, recipient: &lease.delivery.recipient, batch: row.int_or_null(0)? };
        let said: Vec<String> = refused.iter().map(|one| format!("{}：{}", one.address, one.words)).collect();
        let (act, by) = ("refused".to_owned(), "邮件服务器".to_owned());
        let decided = Decided { act, reason: said.join("；"), by, at };
        let key = part_off(&mut change, &of, words, (is_refused, &others), &decided).await?;
        let detail = json!({"refused": refused.len(), "into": key});
        change.audit("letter.parted", &lease.delivery.key, &detail, at);
        change.commit("part-letter").await?;
        Ok(Some((others, key)))
    }
}

/// The letter that is parted.
pub(super) struct PartedOf<'a> {
    pub(super) id: i64,
    pub(super) key: &'a str,
    pub(super) recipient: &'a str,
    pub(super) batch: Option<i64>,
}

/// Parts a letter within a change: the addresses that are `gone` get a letter of their own, which waits for a person with
/// what was decided; the letter itself goes on to the others. Answers with the key of the new one.
pub(super) async fn part_off(
    change: &mut Change,
    of: &PartedOf<'_>,
    words: &LetterWords,
    (gone, others): (Vec<String>, &LetterWords),
    decided: &Decided,
) -> Result<String> {
    let PartedOf { id, key, recipient, batch } = *of;
    let (other, vault) = (change.tx.int("SELECT COALESCE(MAX(id), 0) + 1 FROM delivery", []).await?, change.vault());
    let thread = change.tx.row("SELECT thread FROM letter WHERE delivery_id = $1", args![id]).await?;
    let thread = thread.map(|row| row.bytes_or_null(0)).transpose()?.flatten();
    let thread = thread.map(|sealed| vault.open_value("letter.thread", &sealed)).transpose()?;
    let letter = NewLetter {
        key: format!("{key}:{}-{other}", decided.act),
        recipient: recipient.to_owned(),
        to: gone,
        cc: Vec::new(),
        subject: words.subject.clone(),
        text: words.text.clone(),
        html: words.html.clone(),
        attachments: Vec::new(),
        thread: thread.unwrap_or_default(),
    };
    queue_letter_of(change, &letter, batch, decided.at).await?;
    // Sealed bytes may be copied as they are: they are bound to their column only.
    let files = "INSERT INTO delivery_file (delivery_id, position, name, sha256, sealed) \
                 SELECT CAST($2 AS BIGINT), position, name, sha256, sealed FROM delivery_file WHERE delivery_id = $1";
    change.tx.run(files, args![id, other]).await?;
    let answer = vault.seal("delivery.answer", decided.reason.as_bytes());
    let aside = "UPDATE delivery SET state = 'aside', answer = $2 WHERE id = $1";
    change.tx.run(aside, args![other, answer]).await?;
    enter(change, id, decided, Some(&(others.to.clone(), others.cc.clone()))).await?;
    enter(change, other, decided, None).await?;
    Ok(letter.key)
}

/// The refused addresses of a letter, and the letter to the others. A mail needs somebody whom it is to: where only
/// copies are left, they become that.
pub(super) fn partition(words: &LetterWords, is_refused: impl Fn(&String) -> bool) -> (Vec<String>, LetterWords) {
    let part = |addresses: &[String]| addresses.iter().cloned().partition::<Vec<String>, _>(&is_refused);
    let ((mut gone, to), (gone_cc, cc)) = (part(&words.to), part(&words.cc));
    gone.extend(gone_cc);
    let (to, cc) = if to.is_empty() { (cc, to) } else { (to, cc) };
    (gone, LetterWords { to, cc, ..words.clone() })
}

/// Enters a decision; from here on the letter has these addresses, if any are given.
pub(super) async fn enter(
    change: &mut Change,
    id: i64,
    decided: &Decided,
    addresses: Option<&Addresses>,
) -> Result<()> {
    let next = change.tx.int("SELECT COALESCE(MAX(id), 0) + 1 FROM delivery_decision", []).await?;
    let vault = change.vault();
    let seal = |column, text: &str| vault.seal(column, text.as_bytes());
    let (why, who) =
        (seal("delivery_decision.reason", &decided.reason), seal("delivery_decision.by_whom", &decided.by));
    let addresses = addresses.map(|addresses| vault.seal_value("delivery_decision.addresses", addresses));
    let row = args![next, id, decided.act.clone(), why, who, addresses, to_ms(decided.at)];
    let into = "delivery_decision (id, delivery_id, act, reason, by_whom, addresses, at)";
    change.tx.insert(into, [row]).await
}
