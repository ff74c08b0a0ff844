//! Letters: mail that is queued like any delivery, its words and its identity fixed at that moment.
//!
//! - Writes: `delivery` (queued, withdrawn), `delivery_file`, `letter`, audit.
//! - Safe to repeat because: a key is queued once for ever; Message-ID and Date are made at queueing, so that whatever
//!   is sent again is the same letter.
//! - Trusts: the caller with recipients and bodies: they are sealed, and the audit log names the key only.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::deliver::PacketFile;
use super::ledger::Change;
use super::values::{Row, args};
use super::vault::{Vault, sha256_hex};
use super::{Result, Store, StoreError, from_ms, to_ms};

/// A letter to be queued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLetter {
    /// Unique for ever, e.g. `remind:plan:2027:溧阳监狱:D-7`; queueing it again changes nothing. No personal data in it.
    pub key: String,
    /// The recipient's id or name in the settings.
    pub recipient: String,
    /// Addresses, at least one.
    pub to: Vec<String>,
    /// Addresses that get a copy.
    pub cc: Vec<String>,
    /// Subject. No personal data in it.
    pub subject: String,
    /// The plain body. No personal data in it.
    pub text: String,
    /// The same as HTML.
    pub html: String,
    /// Attachments under ASCII names, encrypted where they are personal.
    pub attachments: Vec<PacketFile>,
    /// Message-IDs of the mails before it, oldest first: it answers the last one. Empty where it answers none.
    pub thread: Vec<String>,
}

/// A letter as it was queued; its attachments are the packet of its delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Left part of its Message-ID.
    pub message_id: String,
    /// Its Date.
    pub dated_at: DateTime<Utc>,
    /// What it says, and to whom.
    pub words: LetterWords,
    /// Message-IDs of the mails before it, oldest first.
    pub thread: Vec<String>,
}

/// What is sealed of a letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterWords {
    /// Addresses.
    pub to: Vec<String>,
    /// Addresses that get a copy.
    pub cc: Vec<String>,
    /// Subject.
    pub subject: String,
    /// The plain body.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// A letter that has not left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingLetter {
    /// Its delivery.
    pub id: i64,
    /// Its key.
    pub key: String,
    /// The recipient's id or name in the settings.
    pub recipient: String,
    /// When it was queued.
    pub queued_at: DateTime<Utc>,
    /// It is neither held nor set aside, and nobody is sending it.
    pub only_waits: bool,
}

impl Store {
    /// Queues a letter. `false`: its key is known, nothing changes.
    pub async fn queue_letter(&self, letter: &NewLetter, at: DateTime<Utc>) -> Result<bool> {
        let mut change = self.change().await?;
        if !queue_letter(&mut change, letter, at).await? {
            change.roll_back().await?;
            return Ok(false);
        }
        change.commit("queue-letter").await?;
        Ok(true)
    }

    /// Whether we sent a file with one of these SHA-256 (hex) ourselves.
    pub async fn was_sent(&self, sha256: impl Iterator<Item = &String>) -> Result<bool> {
        let sql = "SELECT COUNT(*) FROM delivery_file WHERE sha256 = $1";
        for hash in sha256 {
            if self.db.int(sql, args![hash.clone()]).await? > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes a letter back that is not needed any more, and says why. `false`: it has left, is leaving now, or is
    /// withdrawn already; nothing changes. No personal data in the reason.
    pub async fn withdraw_letter(&self, key: &str, reason: &str, at: DateTime<Utc>) -> Result<bool> {
        let mut change = self.change().await?;
        if !take_back(&mut change, key, reason, at).await? {
            change.roll_back().await?;
            return Ok(false);
        }
        change.commit("withdraw-letter").await?;
        Ok(true)
    }

    /// Puts a letter in the place of one that does not say what holds now. `false`: that one has left, is leaving now, or
    /// is withdrawn already; nothing changes.
    pub async fn renew_letter(&self, key: &str, letter: &NewLetter, reason: &str, at: DateTime<Utc>) -> Result<bool> {
        let mut change = self.change().await?;
        if !take_back(&mut change, key, reason, at).await? || !queue_letter(&mut change, letter, at).await? {
            change.roll_back().await?;
            return Ok(false);
        }
        change.commit("renew-letter").await?;
        Ok(true)
    }

    /// The letters that have not left and whose key begins so, oldest first.
    pub async fn waiting_letters(&self, prefix: &'static str) -> Result<Vec<WaitingLetter>> {
        let sql = "SELECT d.id, d.key, d.recipient, d.created_at, d.state FROM delivery d \
                   JOIN letter l ON l.delivery_id = d.id \
                   WHERE d.state IN ('due', 'sending', 'held', 'aside') AND d.key LIKE $1 ORDER BY d.id";
        let rows = self.db.rows(sql, args![format!("{prefix}%")]).await?;
        let waiting = |row: &Row| {
            let (id, key, recipient) = (row.int(0)?, row.text(1)?, row.text(2)?);
            let (queued_at, only_waits) = (from_ms(row.int(3)?)?, row.text(4)? == "due");
            Ok(WaitingLetter { id, key, recipient, queued_at, only_waits })
        };
        rows.iter().map(waiting).collect()
    }

    /// When the last letter was queued whose key begins so, other than the one with this key.
    pub async fn last_letter(&self, prefix: &'static str, but: &str) -> Result<Option<DateTime<Utc>>> {
        let sql = "SELECT MAX(created_at) FROM delivery WHERE key LIKE $1 AND key <> $2";
        let row = self.db.row(sql, args![format!("{prefix}%"), but.to_owned()]).await?;
        row.map(|row| row.int_or_null(0)).transpose()?.flatten().map(from_ms).transpose()
    }

    /// What a delivery says, if it is a letter; to the addresses that it has by now: see [`Store::decide`] and
    /// [`Store::part_letter`].
    pub async fn letter(&self, delivery_id: i64) -> Result<Option<Letter>> {
        let sql = "SELECT message_id, dated_at, sealed, thread FROM letter WHERE delivery_id = $1";
        let Some(row) = self.db.row(sql, args![delivery_id]).await? else { return Ok(None) };
        let mut words: LetterWords = self.vault.open_value("letter.sealed", &row.bytes(2)?)?;
        if let Some((to, cc)) = self.decided_addresses(delivery_id).await? {
            (words.to, words.cc) = (to, cc);
        }
        let thread = row.bytes_or_null(3)?.map(|sealed| self.vault.open_value("letter.thread", &sealed)).transpose()?;
        let (message_id, dated_at) = (row.text(0)?, from_ms(row.int(1)?)?);
        Ok(Some(Letter { message_id, dated_at, words, thread: thread.unwrap_or_default() }))
    }
}

/// Takes a letter back; `false`: it has left, is leaving now, or is withdrawn already.
async fn take_back(change: &mut Change, key: &str, reason: &str, at: DateTime<Utc>) -> Result<bool> {
    // Of a letter of several mails that has begun to leave the rest leaves too.
    let sql = "UPDATE delivery SET state = 'withdrawn', lease_until = NULL, alarm = 0, answer = $3 WHERE key = $1 \
               AND (state IN ('due', 'held', 'aside') OR (state = 'sending' AND lease_until < $2)) \
               AND id IN (SELECT delivery_id FROM letter) AND NOT EXISTS \
               (SELECT 1 FROM letter_mail m WHERE m.delivery_id = delivery.id AND m.accepted_at IS NOT NULL)";
    let answer = change.vault().seal("delivery.answer", reason.as_bytes());
    let taken = change.tx.run(sql, args![key.to_owned(), to_ms(at), answer]).await? == 1;
    if taken {
        change.audit("letter.withdrawn", key, &json!({"reason": reason}), at);
    }
    Ok(taken)
}

/// Queues a letter within a change that does more; `false`: its key is known, nothing changes.
pub(super) async fn queue_letter(change: &mut Change, letter: &NewLetter, at: DateTime<Utc>) -> Result<bool> {
    queue_letter_of(change, letter, None, at).await
}

/// The same, for a batch: it is withdrawn with it.
pub(super) async fn queue_letter_of(
    change: &mut Change,
    letter: &NewLetter,
    batch_id: Option<i64>,
    at: DateTime<Utc>,
) -> Result<bool> {
    if letter.to.is_empty() {
        return Err(StoreError::Contradiction("a letter needs an address"));
    }
    if change.tx.int("SELECT COUNT(*) FROM delivery WHERE key = $1", args![letter.key.clone()]).await? > 0 {
        return Ok(false);
    }
    let id = change.tx.int("SELECT COALESCE(MAX(id), 0) + 1 FROM delivery", []).await?;
    let (key, recipient, ms) = (letter.key.clone(), letter.recipient.clone(), to_ms(at));
    let row = args![id, key, recipient, batch_id, ms, "due", ms, 0_i64, false];
    let into = "delivery (id, key, recipient, batch_id, created_at, state, due_at, attempts, resend)";
    change.tx.insert(into, [row]).await?;
    let vault = change.vault();
    let words = LetterWords {
        to: letter.to.clone(),
        cc: letter.cc.clone(),
        subject: letter.subject.clone(),
        text: letter.text.clone(),
        html: letter.html.clone(),
    };
    let thread = (!letter.thread.is_empty()).then(|| vault.seal_value("letter.thread", &letter.thread));
    let row = args![id, message_id(&vault, &letter.key), ms, vault.seal_value("letter.sealed", &words), thread];
    let files: Vec<_> = (0_i64..)
        .zip(&letter.attachments)
        .map(|(position, file)| {
            let sealed = vault.seal("delivery_file.sealed", &file.bytes);
            args![id, position, file.name.clone(), sha256_hex(&file.bytes), sealed]
        })
        .collect();
    change.tx.insert("letter (delivery_id, message_id, dated_at, sealed, thread)", [row]).await?;
    change.tx.insert("delivery_file (delivery_id, position, name, sha256, sealed)", files).await?;
    let attached: Vec<&str> = letter.attachments.iter().map(|file| file.name.as_str()).collect();
    change.audit("letter.queued", &letter.key, &json!({"recipient": letter.recipient, "attached": attached}), at);
    Ok(true)
}

/// Nobody who sees it can tell the key; the same key always gives the same.
fn message_id(vault: &Vault, key: &str) -> String {
    hex::encode(vault.lookup("letter.message_id", key.as_bytes()))
}
