//! Received mails: each kept before anybody works on it, recognised wherever it lies, ended once.
//!
//! - Writes: `received_mail`, `received_mail_bytes`, `received_place`, `received_part`, the letter that answers, audit.
//! - Safe to repeat because: a mail is known by its place in the mailbox, and a copy of it by Message-ID and parts; what
//!   became of it is decided once, in the transaction that queues the answer.
//! - Trusts: the caller with what the mail says of itself: it is sealed, and the audit log names numbers only.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ledger::Change;
use super::letter::{NewLetter, queue_letter};
use super::values::{Row, args};
use super::vault::sha256_hex;
use super::{Result, Store, StoreError, from_ms, to_ms};

mod bounce;
mod fate;
mod tray;

pub use bounce::{Bounce, BounceOf};
pub use fate::MailFate;
pub use tray::{MailAct, MailDecision, Origin, TrayMail};

/// Where a mail lies in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailPlace {
    /// Server, user and folder.
    pub account: String,
    /// UIDVALIDITY of the folder.
    pub validity: u32,
    /// UID of the mail.
    pub uid: u32,
}

/// What a mail says of itself. Personal data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailHeader {
    /// Address of the sender in lower case; empty where it has none.
    pub sender: String,
    /// Subject.
    pub subject: String,
    /// Message-ID without angle brackets; may be empty.
    pub message_id: String,
    /// Message-IDs of the mails before it, oldest first.
    pub thread: Vec<String>,
}

/// A file in a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPart {
    /// Its name. May name a person.
    pub name: String,
    /// SHA-256 of its bytes in hexadecimal.
    pub sha256: String,
}

/// A mail to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMail<'a> {
    /// Where it lies.
    pub place: &'a MailPlace,
    /// What it says of itself.
    pub header: &'a MailHeader,
    /// The mail as it arrived; of one that is too large its beginning.
    pub raw: &'a [u8],
    /// Its size, as the server says.
    pub bytes: u64,
    /// Its files.
    pub parts: &'a [NewPart],
    /// The unit that sent it.
    pub unit: Option<&'a str>,
}

/// A mail that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedMail {
    /// Identity.
    pub id: i64,
    /// When it was first seen.
    pub received_at: DateTime<Utc>,
    /// Its size, as the server says.
    pub bytes: u64,
    /// What it says of itself.
    pub header: MailHeader,
    /// The unit that sent it.
    pub unit: Option<String>,
    /// What became of it; `None` while it waits.
    pub fate: Option<MailFate>,
    /// Whether a person let it in that had been set aside.
    pub let_in: bool,
}

/// A file of a kept mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedPart {
    /// Order in the mail, from 0.
    pub position: u32,
    /// Its name. May name a person.
    pub name: String,
    /// SHA-256 of its bytes in hexadecimal.
    pub sha256: String,
    /// What its sender is told, as [`Store::take_in`] stored it; `None` until then.
    pub report: Option<Vec<u8>>,
}

/// A part of a kept mail, to which a report belongs.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct PartOf {
    /// The mail.
    pub mail: i64,
    /// Order in it, from 0.
    pub position: u32,
}

/// How a mail ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailEnding<'a> {
    /// What becomes of it.
    pub fate: MailFate,
    /// What answers it, if anything does.
    pub answer: Option<&'a NewLetter>,
    /// Not answered where a mail of this sender that ended the same way was answered after this instant; then a person
    /// must look at it, as this says.
    pub once_since: Option<(DateTime<Utc>, MailFate)>,
}

/// How a mail ended.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct MailEnded {
    /// What became of it.
    pub fate: MailFate,
    /// Whether this call decided it.
    pub now: bool,
}

impl Store {
    /// Keeps a mail. One that is known, here or elsewhere in the mailbox, is returned as it is.
    pub async fn keep_mail(&self, mail: &NewMail<'_>, at: DateTime<Utc>) -> Result<ReceivedMail> {
        if let Some(known) = self.mail_at(mail.place).await? {
            return Ok(known);
        }
        let mark = self.mark(mail);
        // Sealed before the lock is taken: it takes longest.
        let sealed = self.vault.seal("received_mail_bytes.sealed", mail.raw);
        let mut change = self.change().await?;
        if change.tx.row(AT_PLACE, self.place(mail.place)).await?.is_some() {
            change.roll_back().await?;
            return self.mail_at(mail.place).await?.ok_or(StoreError::Moving);
        }
        let known = change.tx.row("SELECT id FROM received_mail WHERE mark = $1", args![mark]).await?;
        let id = match known {
            Some(row) => row.int(0)?,
            None => self.insert_mail(&mut change, mail, (mark, sealed), at).await?,
        };
        let [account, validity, uid] = self.place(mail.place);
        let row = [account, validity, uid, id.into()];
        change.tx.insert("received_place (account, validity, uid, mail_id)", [row]).await?;
        change.commit("keep-mail").await?;
        self.received_mail(id).await
    }

    async fn insert_mail(
        &self,
        change: &mut Change,
        mail: &NewMail<'_>,
        (mark, sealed): ([u8; 16], Vec<u8>),
        at: DateTime<Utc>,
    ) -> Result<i64> {
        let id = change.tx.int("SELECT COALESCE(MAX(id), 0) + 1 FROM received_mail", []).await?;
        let bytes = i64::try_from(mail.bytes).unwrap_or(i64::MAX);
        let header = self.vault.seal_value("received_mail.header", mail.header);
        let sender = self.sender_hash(&mail.header.sender);
        let row = args![id, mark, to_ms(at), bytes, sender, header, mail.unit.map(str::to_owned)];
        let into = "received_mail (id, mark, received_at, bytes, sender_hash, header, unit)";
        change.tx.insert(into, [row]).await?;
        change.tx.insert("received_mail_bytes (mail_id, sealed)", [args![id, sealed]]).await?;
        self.insert_parts(change, (id, 0), mail.parts).await?;
        let detail = json!({"mark": hex::encode(mark), "bytes": bytes, "parts": mail.parts.len()});
        change.audit("mail.kept", &id.to_string(), &detail, at);
        Ok(id)
    }

    async fn insert_parts(
        &self,
        change: &mut Change,
        (id, first): (i64, i64),
        parts: impl IntoIterator<Item = &NewPart>,
    ) -> Result<()> {
        let rows = (first..).zip(parts).map(|(position, part)| {
            let name = self.vault.seal("received_part.name", part.name.as_bytes());
            args![id, position, part.sha256.clone(), name]
        });
        change.tx.insert("received_part (mail_id, position, sha256, name)", rows.collect::<Vec<_>>()).await
    }

    /// Adds the files of a mail that were locked when it was kept; returns all of them, in order.
    pub async fn complete_parts(&self, id: i64, parts: &[NewPart], at: DateTime<Utc>) -> Result<Vec<ReceivedPart>> {
        let missing = |known: &[ReceivedPart]| -> Vec<NewPart> {
            let is_known = |part: &NewPart| known.iter().any(|known| known.sha256 == part.sha256);
            parts.iter().filter(|part| !is_known(part)).cloned().collect()
        };
        let known = self.mail_parts(id).await?;
        if missing(&known).is_empty() {
            return Ok(known);
        }
        let mut change = self.change().await?;
        // Read past this transaction, which keeps all others from writing.
        let known = self.mail_parts(id).await?;
        let missing = missing(&known);
        if missing.is_empty() {
            change.roll_back().await?;
            return Ok(known);
        }
        let first = known.last().map_or(0, |last| i64::from(last.position) + 1);
        self.insert_parts(&mut change, (id, first), &missing).await?;
        change.audit("mail.opened", &id.to_string(), &json!({"parts": missing.len()}), at);
        change.commit("complete-parts").await?;
        self.mail_parts(id).await
    }

    /// The mail at a place, if it is known there.
    pub async fn mail_at(&self, place: &MailPlace) -> Result<Option<ReceivedMail>> {
        let Some(row) = self.db.row(AT_PLACE, self.place(place)).await? else { return Ok(None) };
        self.received_mail(row.int(0)?).await.map(Some)
    }

    /// A kept mail.
    pub async fn received_mail(&self, id: i64) -> Result<ReceivedMail> {
        let sql = "SELECT id, received_at, bytes, header, unit, fate, let_in FROM received_mail WHERE id = $1";
        let row = self.db.row(sql, args![id]).await?;
        let row = row.ok_or_else(|| StoreError::Unknown { what: "mail", key: id.to_string() })?;
        self.read_mail(&row)
    }

    /// Mails that are kept and not ended, in order of receipt: work that a dead process left behind.
    pub async fn waiting_mails(&self) -> Result<Vec<ReceivedMail>> {
        let sql = "SELECT id, received_at, bytes, header, unit, fate, let_in FROM received_mail WHERE fate IS NULL ORDER BY id";
        self.db.rows(sql, []).await?.iter().map(|row| self.read_mail(row)).collect()
    }

    /// The bytes of a mail; of one that was too large its beginning.
    pub async fn mail_bytes(&self, id: i64) -> Result<Vec<u8>> {
        let row = self.db.row("SELECT sealed FROM received_mail_bytes WHERE mail_id = $1", args![id]).await?;
        let row = row.ok_or_else(|| StoreError::Unknown { what: "mail", key: id.to_string() })?;
        Ok(self.vault.open("received_mail_bytes.sealed", &row.bytes(0)?)?)
    }

    /// The files of a mail, in order.
    pub async fn mail_parts(&self, id: i64) -> Result<Vec<ReceivedPart>> {
        let sql = "SELECT position, name, sha256, report FROM received_part WHERE mail_id = $1 ORDER BY position";
        let part = |row: &Row| {
            let report = row.bytes_or_null(3)?;
            Ok(ReceivedPart {
                position: row.number(0)?,
                name: self.opened("received_part.name", &row.bytes(1)?)?,
                sha256: row.text(2)?,
                report: report.map(|sealed| self.vault.open("received_part.report", &sealed)).transpose()?,
            })
        };
        self.db.rows(sql, args![id]).await?.iter().map(part).collect()
    }

    /// How many mails of a sender were answered after an instant. What lies an hour ahead and further was written by a
    /// clock that was ahead, and counts nowhere.
    pub async fn answered_since(&self, sender: &str, after: DateTime<Utc>) -> Result<u64> {
        let sql = "SELECT COUNT(*) FROM received_mail WHERE sender_hash = $1 AND answer_id IS NOT NULL \
                   AND ended_at > $2 AND ended_at <= $2 + 90000000";
        let row = self.db.row(sql, args![self.sender_hash(sender), to_ms(after)]).await?;
        row.map_or(Ok(0), |row| row.count(0))
    }

    /// Ends a mail and queues its answer. A mail that has ended stays as it is.
    pub async fn end_mail(&self, id: i64, ending: &MailEnding<'_>, at: DateTime<Utc>) -> Result<MailEnded> {
        let mut change = self.change().await?;
        let sql = "SELECT fate, sender_hash FROM received_mail WHERE id = $1";
        let row = change.tx.row(sql, args![id]).await?;
        let row = row.ok_or_else(|| StoreError::Unknown { what: "mail", key: id.to_string() })?;
        if let Some(fate) = row.text_or_null(0)? {
            change.roll_back().await?;
            return Ok(MailEnded { fate: fate::stored(&fate)?, now: false });
        }
        let (mut fate, mut answer) = (ending.fate, ending.answer);
        if let Some((since, instead)) = ending.once_since {
            let sql = "SELECT COUNT(*) FROM received_mail WHERE sender_hash = $1 AND fate = $2 \
                       AND answer_id IS NOT NULL AND ended_at > $3 AND ended_at <= $3 + 90000000";
            if change.tx.int(sql, args![row.bytes(1)?, fate.code(), to_ms(since)]).await? > 0 {
                (fate, answer) = (instead, None);
            }
        }
        let answered = match answer {
            Some(letter) => {
                queue_letter(&mut change, letter, at).await?;
                let row = change.tx.row("SELECT id FROM delivery WHERE key = $1", args![letter.key.clone()]).await?;
                row.map(|row| row.int(0)).transpose()?
            }
            None => None,
        };
        mark_ended(&mut change, id, fate, (answered, None), at).await?;
        change.commit("end-mail").await?;
        Ok(MailEnded { fate, now: true })
    }

    /// By Message-ID and parts; without the one by its bytes, without the other by its text.
    fn mark(&self, mail: &NewMail<'_>) -> [u8; 16] {
        let mut told = vec![mail.header.sender.clone(), mail.header.message_id.clone()];
        told.extend(mail.parts.iter().map(|part| part.sha256.clone()));
        if mail.header.message_id.is_empty() || mail.parts.is_empty() {
            told.push(sha256_hex(if mail.header.message_id.is_empty() { mail.raw } else { body(mail.raw) }));
        }
        self.vault.lookup("received_mail.mark", told.join("\n").as_bytes())
    }

    fn place(&self, place: &MailPlace) -> [super::values::Arg; 3] {
        args![self.vault.lookup("received_place.account", place.account.as_bytes()), place.validity, place.uid]
    }

    fn sender_hash(&self, sender: &str) -> [u8; 16] {
        self.vault.lookup("received_mail.sender", sender.as_bytes())
    }

    fn read_mail(&self, row: &Row) -> Result<ReceivedMail> {
        Ok(ReceivedMail {
            id: row.int(0)?,
            received_at: from_ms(row.int(1)?)?,
            bytes: row.count(2)?,
            header: self.vault.open_value("received_mail.header", &row.bytes(3)?)?,
            unit: row.text_or_null(4)?,
            fate: row.text_or_null(5)?.as_deref().map(fate::stored).transpose()?,
            let_in: row.int(6)? != 0,
        })
    }
}

const AT_PLACE: &str = "SELECT mail_id FROM received_place WHERE account = $1 AND validity = $2 AND uid = $3";

/// What follows the headers: servers add to these.
fn body(raw: &[u8]) -> &[u8] {
    let end = |gap: &[u8]| raw.windows(gap.len()).position(|window| window == gap).map(|at| at + gap.len());
    let at = [end(b"\r\n\r\n"), end(b"\n\n")].into_iter().flatten().min();
    at.map_or(raw, |at| &raw[at..])
}

/// Enters what became of a mail: `answer` is the letter that answers it, `about` the delivery that it reports on.
pub(super) async fn mark_ended(
    change: &mut Change,
    id: i64,
    fate: MailFate,
    (answer, about): (Option<i64>, Option<i64>),
    at: DateTime<Utc>,
) -> Result<()> {
    let sql = "UPDATE received_mail SET fate = $2, ended_at = $3, answer_id = $4, about_id = $5 WHERE id = $1";
    change.tx.run(sql, args![id, fate.code(), to_ms(at), answer, about]).await?;
    let detail = json!({"fate": fate.code(), "answered": answer.is_some()});
    change.audit("mail.ended", &id.to_string(), &detail, at);
    Ok(())
}
