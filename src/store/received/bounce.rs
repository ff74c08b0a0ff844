//! Bounces: a letter that a server took and that came back.
//!
//! - Writes: `delivery` (set aside), `delivery_decision` (what the report says), the letter that is parted off,
//!   `received_mail` (ended), audit; in one transaction.
//! - Safe to repeat because: a mail ends once, and an address that a letter does not have any more changes nothing.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::super::decide::{Decided, PartedOf, enter, part_off, partition};
use super::super::ledger::Change;
use super::super::values::args;
use super::super::{Result, Store, StoreError, to_ms};
use super::{MailFate, mark_ended};

/// Letters that left longer before a report in words than this are not what it is about.
const MAX_AGE: TimeDelta = TimeDelta::days(6);

/// What a report says of one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounce {
    /// The address, in lower case.
    pub address: String,
    /// Whether it will not arrive at all; else it has not arrived yet.
    pub failed: bool,
    /// The server's words.
    pub words: String,
}

impl Bounce {
    fn is_to(&self, address: &str) -> bool {
        address.eq_ignore_ascii_case(&self.address)
    }
}

/// Which letter a report is about, as far as it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BounceOf<'a> {
    /// Message-IDs that it names.
    pub message_ids: &'a [String],
    /// What it says of each address.
    pub bounces: &'a [Bounce],
}

/// Who speaks in a decision that a report brought.
const POSTMASTER: &str = "退信";

impl Store {
    /// Ends a mail that reports on a letter of ours: addresses that failed wait for a person, with the server's words.
    /// The letter is found by Message-ID; where the report names none, it is the last one that went to the address. Answers
    /// with its key, or `None` where there is no such letter: then the mail waits for a person.
    pub async fn end_bounce(&self, mail: i64, of: &BounceOf<'_>, at: DateTime<Utc>) -> Result<Option<String>> {
        let found = match self.letter_with_id(of.message_ids).await? {
            None if of.message_ids.is_empty() => self.letter_to(of.bounces, at).await?,
            found => found,
        };
        let letter = match found {
            Some(id) => self.letter(id).await?.map(|letter| (id, letter.words)),
            None => None,
        };
        let mut change = self.change().await?;
        let waits = "SELECT COUNT(*) FROM received_mail WHERE id = $1 AND fate IS NULL";
        if change.tx.int(waits, args![mail]).await? == 0 {
            change.roll_back().await?;
            return Ok(None);
        }
        let Some((id, words)) = letter else {
            mark_ended(&mut change, mail, MailFate::Unmatched, (None, None), at).await?;
            change.commit("end-unmatched").await?;
            return Ok(None);
        };
        let sql = "SELECT d.key, d.state, d.recipient, d.batch_id FROM delivery d WHERE d.id = $1";
        let row = change.tx.row(sql, args![id]).await?.ok_or(StoreError::Moving)?;
        let (key, state) = (row.text(0)?, row.text(1)?);
        let is_ours = |bounce: &&Bounce| words.to.iter().chain(&words.cc).any(|to| bounce.is_to(to));
        let (failed, delayed): (Vec<&Bounce>, Vec<&Bounce>) =
            of.bounces.iter().filter(is_ours).partition(|bounce| bounce.failed);
        let decided = |act: &str, told: &[&Bounce]| {
            let said: Vec<String> = told.iter().map(|one| format!("{}：{}", one.address, one.words)).collect();
            Decided { act: act.to_owned(), reason: said.join("；"), by: POSTMASTER.to_owned(), at }
        };
        if !delayed.is_empty() {
            enter(&mut change, id, &decided("delayed", &delayed), None).await?;
        }
        if !failed.is_empty() {
            let (decided, gone) = (decided("bounced", &failed), |to: &String| failed.iter().any(|one| one.is_to(to)));
            let (gone, others) = partition(&words, gone);
            // Whoever sends it again meanwhile hears of it again.
            if state != "done" {
                enter(&mut change, id, &decided, None).await?;
            } else if others.to.is_empty() {
                come_back(&mut change, id, &decided).await?;
            } else {
                let of = PartedOf { id, key: &key, recipient: &row.text(2)?, batch: row.int_or_null(3)? };
                part_off(&mut change, &of, &words, (gone, &others), &decided).await?;
            }
        }
        let detail = json!({"failed": failed.len(), "delayed": delayed.len(), "mail": mail});
        change.audit("delivery.bounced", &key, &detail, at);
        mark_ended(&mut change, mail, MailFate::Bounced, (None, Some(id)), at).await?;
        change.commit("end-bounce").await?;
        Ok(Some(key))
    }

    /// The delivery of the letter of ours that has one of these Message-IDs.
    pub async fn letter_with_id(&self, message_ids: &[String]) -> Result<Option<i64>> {
        for id in message_ids {
            let own = id.split(['.', '@']).next().unwrap_or_default().to_lowercase();
            let row = self.db.row("SELECT delivery_id FROM letter WHERE message_id = $1", args![own]).await?;
            if let Some(row) = row {
                return row.int(0).map(Some);
            }
        }
        Ok(None)
    }

    /// The last letter that left for one of these addresses and has not come back.
    async fn letter_to(&self, bounces: &[Bounce], at: DateTime<Utc>) -> Result<Option<i64>> {
        let sql = "SELECT d.id FROM delivery d JOIN letter l ON l.delivery_id = d.id \
                   WHERE d.state = 'done' AND d.done_at > $1 AND d.done_at <= $2 ORDER BY d.done_at DESC, d.id DESC";
        for row in self.db.rows(sql, args![to_ms(at - MAX_AGE), to_ms(at)]).await? {
            let id = row.int(0)?;
            let Some(letter) = self.letter(id).await? else { continue };
            let mut addresses = letter.words.to.iter().chain(&letter.words.cc);
            if addresses.any(|to| bounces.iter().any(|bounce| bounce.is_to(to))) {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// Letters that came back and wait for a person: key, recipient, and the server's words.
    pub async fn bounced_letters(&self) -> Result<Vec<(String, String, String)>> {
        let sql = "SELECT d.key, d.recipient, d.answer FROM delivery d WHERE d.state = 'aside' AND 'bounced' = \
                   (SELECT x.act FROM delivery_decision x WHERE x.delivery_id = d.id ORDER BY x.id DESC LIMIT 1) \
                   ORDER BY d.id";
        let mut bounced = Vec::new();
        for row in self.db.rows(sql, []).await? {
            let said = row.bytes_or_null(2)?.map(|sealed| self.opened("delivery.answer", &sealed)).transpose()?;
            bounced.push((row.text(0)?, row.text(1)?, said.unwrap_or_default()));
        }
        Ok(bounced)
    }
}

/// The whole letter came back: it waits for a person, who may send it again as if it had never left.
async fn come_back(change: &mut Change, id: i64, decided: &Decided) -> Result<()> {
    let answer = change.vault().seal("delivery.answer", decided.reason.as_bytes());
    let sql = "UPDATE delivery SET state = 'aside', answer = $2, done_at = NULL WHERE id = $1";
    change.tx.run(sql, args![id, answer]).await?;
    change.tx.run("UPDATE letter_mail SET accepted_at = NULL WHERE delivery_id = $1", args![id]).await?;
    enter(change, id, decided, None).await
}
