//! Deliveries: what is due to leave, to whom, and what came of it.
//!
//! - Writes: `delivery`, `delivery_file`, the letter that follows a packet, audit.
//! - Safe to repeat because: a one-row update decides who sends; a packet is stored once and sent again as stored.
//!   A lease that runs out leaves the delivery *in doubt*: it goes out again, marked 重发.

use chrono::{DateTime, Utc};
use rayon::prelude::*;
use serde_json::json;

use super::ledger::Change;
use super::letter::{NewLetter, queue_letter_of};
use super::values::{Arg, Row, args};
use super::vault::sha256_hex;
use super::{Result, Store, StoreError, from_ms, to_ms};

/// A delivery to be queued with a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    /// Unique for ever, e.g. `CZ-2026-Q4-001:bureau`; queueing it again changes nothing.
    pub key: String,
    /// The recipient's name in the settings.
    pub recipient: String,
}

/// A delivery that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Identity.
    pub id: i64,
    /// Its unique key; the Message-ID is made from it.
    pub key: String,
    /// The recipient's name in the settings.
    pub recipient: String,
    /// The batch.
    pub batch: Option<String>,
    /// When it was queued.
    pub created_at: DateTime<Utc>,
    /// Attempts begun so far.
    pub attempts: u32,
    /// An attempt is in doubt: mark it 重发.
    pub resend: bool,
    /// Its packet is stored.
    pub packed: bool,
    /// It leaves by mail; see [`Store::letter`].
    pub letter: bool,
    /// Failed attempts since the last success or retry.
    pub failures: u32,
}

/// The right to send one delivery until a given instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The delivery as of now.
    pub delivery: Delivery,
    /// Number of this attempt, from 1: whoever lost the lease meanwhile cannot finish it.
    pub attempt: u32,
}

/// One file of a packet, as it leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketFile {
    /// Name, in the folder or as attachment. No personal data in it.
    pub name: String,
    /// The bytes, encrypted where they are personal.
    pub bytes: Vec<u8>,
}

/// A delivery and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryLine {
    /// The delivery.
    pub delivery: Delivery,
    /// `due`, `sending`, `done`, `aside`, `withdrawn` or `held`.
    pub state: String,
    /// The last answer.
    pub answer: Option<String>,
    /// Not before.
    pub due_at: DateTime<Utc>,
    /// The first of the attempts that failed since the last success or retry.
    pub failing_since: Option<DateTime<Utc>>,
    /// For how long it has been stuck, as [`Store::raise_alarms`] last found it.
    pub alarm: Alarm,
    /// When it was accepted.
    pub done_at: Option<DateTime<Utc>>,
}

/// For how long a delivery has been stuck.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alarm {
    /// Not, or not for long.
    None,
    /// Hours: the administrator must look.
    Hours,
    /// Days: somebody above must know.
    Days,
}

/// What is read of a delivery; see [`delivery`].
macro_rules! select_deliveries {
    ($rest:literal) => {
        concat!(
            "SELECT d.id, d.key, d.recipient, b.number, d.created_at, d.attempts, d.resend, d.state, \
             (SELECT COUNT(*) FROM delivery_file f WHERE f.delivery_id = d.id), \
             (SELECT COUNT(*) FROM letter l WHERE l.delivery_id = d.id), d.answer, d.due_at, d.failures, d.failing_since, \
             d.alarm, d.done_at \
             FROM delivery d LEFT JOIN batch b ON b.id = d.batch_id ",
            $rest
        )
    };
}

/// When a delivery may be sent: `$1` is now. Nothing waits, and no lease holds, for longer than a day (the settings
/// allow no more): what lies 25 hours ahead and further was written by a clock that was ahead.
macro_rules! due {
    ($rest:literal) => {
        concat!(
            "WHERE ((d.state = 'due' AND (d.due_at <= $1 OR d.due_at > $1 + 90000000)) \
             OR (d.state = 'sending' AND (d.lease_until < $1 OR d.lease_until > $1 + 90000000))) \
             AND NOT EXISTS (SELECT 1 FROM batch_void v WHERE v.batch_id = d.batch_id) ",
            $rest
        )
    };
}

/// How an attempt ended.
struct Ending<'a> {
    act: &'static str,
    state: &'static str,
    answer: &'a str,
    due_at: Option<DateTime<Utc>>,
    /// Whether it counts as a failure.
    failed: bool,
    /// The mail that may have arrived all the same.
    unclear: Option<u32>,
}

impl Store {
    /// What is due: never sent, postponed until now, or in doubt; oldest first. Never of a void batch.
    pub async fn due_deliveries(&self, now: DateTime<Utc>) -> Result<Vec<Delivery>> {
        let sql = concat!(select_deliveries!(""), due!("ORDER BY d.id"));
        self.db.rows(sql, args![to_ms(now)]).await?.iter().map(delivery).collect()
    }

    /// A person asks: every packet that waits for the folder is due now, what was set aside too; letters keep their
    /// pace (see [`Store::decide`]). With `alone` no other process can be sending, so that an open lease is one of a
    /// process that died: in doubt, and due at once.
    pub async fn hurry_deliveries(&self, alone: bool, now: DateTime<Utc>) -> Result<()> {
        let mut change = self.change().await?;
        let waiting = "UPDATE delivery SET state = 'due', due_at = $1 \
                       WHERE (state = 'aside' OR (state = 'due' AND due_at > $1)) \
                       AND id NOT IN (SELECT delivery_id FROM letter)";
        let mut hurried = change.tx.run(waiting, args![to_ms(now)]).await?;
        if alone {
            let open = "UPDATE delivery SET lease_until = $1 WHERE state = 'sending' AND lease_until >= $2";
            hurried += change.tx.run(open, args![to_ms(now) - 1, to_ms(now)]).await?;
        }
        if hurried == 0 {
            return change.roll_back().await;
        }
        change.audit("delivery.hurried", "all", &json!({"deliveries": hurried}), now);
        change.commit("hurry-deliveries").await
    }

    /// Takes the right to send, or `None` where another has it or nothing is due any more.
    pub async fn lease_delivery(&self, id: i64, until: DateTime<Utc>, now: DateTime<Utc>) -> Result<Option<Lease>> {
        let mut change = self.change().await?;
        let Some((lease, _)) = take_lease(&mut change, id, until, now).await? else {
            change.roll_back().await?;
            return Ok(None);
        };
        change.commit("lease-delivery").await?;
        Ok(Some(lease))
    }

    /// Stores the packet of a delivery, once: the first writer wins, and its files are returned.
    pub async fn store_packet(&self, id: i64, files: Vec<PacketFile>, at: DateTime<Utc>) -> Result<Vec<PacketFile>> {
        let rows: Vec<[Arg; 5]> = files
            .par_iter()
            .enumerate()
            .map(|(i, file)| {
                let position = i64::try_from(i).unwrap_or(i64::MAX);
                let sealed = self.vault.seal("delivery_file.sealed", &file.bytes);
                args![id, position, file.name.clone(), sha256_hex(&file.bytes), sealed]
            })
            .collect();
        let mut change = self.change().await?;
        let row = change.tx.row("SELECT key FROM delivery WHERE id = $1", args![id]).await?;
        let row = row.ok_or_else(|| StoreError::Unknown { what: "delivery", key: id.to_string() })?;
        let stored = change.tx.int("SELECT COUNT(*) FROM delivery_file WHERE delivery_id = $1", args![id]).await?;
        if stored > 0 {
            change.roll_back().await?;
            return self.packet(id).await.map(Option::unwrap_or_default);
        }
        for row in rows {
            change.tx.insert("delivery_file (delivery_id, position, name, sha256, sealed)", [row]).await?;
        }
        change.audit("delivery.packed", &row.text(0)?, &json!({"files": files.len()}), at);
        change.commit("store-packet").await?;
        Ok(files)
    }

    /// The packet of a delivery, checked against its hashes; `None` if none is stored.
    pub async fn packet(&self, id: i64) -> Result<Option<Vec<PacketFile>>> {
        let sql = "SELECT name, sha256, sealed FROM delivery_file WHERE delivery_id = $1 ORDER BY position";
        let mut files = Vec::new();
        for row in self.db.rows(sql, args![id]).await? {
            let bytes = self.vault.open("delivery_file.sealed", &row.bytes(2)?)?;
            if sha256_hex(&bytes) != row.text(1)? {
                return Err(StoreError::Damaged(format!("packet of delivery {id}")));
            }
            files.push(PacketFile { name: row.text(0)?, bytes });
        }
        Ok((!files.is_empty()).then_some(files))
    }

    /// Records that it was accepted, and queues the letter that goes with it. `false`: the lease was lost meanwhile,
    /// nothing is recorded.
    pub async fn finish_delivery(
        &self,
        lease: &Lease,
        answer: &str,
        letter: Option<&NewLetter>,
        at: DateTime<Utc>,
    ) -> Result<bool> {
        let ending =
            Ending { act: "delivery.accepted", state: "done", answer, due_at: None, failed: false, unclear: None };
        self.end_attempt(lease, &ending, letter, at).await
    }

    /// Records that the attempt failed and when to try again. `unclear` is the mail that may have arrived all the same.
    pub async fn postpone_delivery(
        &self,
        lease: &Lease,
        answer: &str,
        unclear: Option<u32>,
        again_at: DateTime<Utc>,
        at: DateTime<Utc>,
    ) -> Result<bool> {
        let ending =
            Ending { act: "delivery.postponed", state: "due", answer, due_at: Some(again_at), failed: true, unclear };
        self.end_attempt(lease, &ending, None, at).await
    }

    /// Gives the lease back before its time, having failed at nothing; the rest goes on later.
    pub async fn pause_delivery(
        &self,
        lease: &Lease,
        answer: &str,
        again_at: DateTime<Utc>,
        at: DateTime<Utc>,
    ) -> Result<bool> {
        let ending = Ending {
            act: "delivery.paused",
            state: "due",
            answer,
            due_at: Some(again_at),
            failed: false,
            unclear: None,
        };
        self.end_attempt(lease, &ending, None, at).await
    }

    /// Records that it was refused for good: a person must look.
    pub async fn set_delivery_aside(&self, lease: &Lease, reason: &str, at: DateTime<Utc>) -> Result<bool> {
        let ending = Ending {
            act: "delivery.set-aside",
            state: "aside",
            answer: reason,
            due_at: None,
            failed: false,
            unclear: None,
        };
        self.end_attempt(lease, &ending, None, at).await
    }

    async fn end_attempt(
        &self,
        lease: &Lease,
        ending: &Ending<'_>,
        letter: Option<&NewLetter>,
        at: DateTime<Utc>,
    ) -> Result<bool> {
        let mut change = self.change().await?;
        if !end(&mut change, lease, ending, at).await? {
            change.roll_back().await?;
            return Ok(false);
        }
        if let Some(letter) = letter {
            let batch = "SELECT batch_id FROM delivery WHERE id = $1";
            let batch =
                change.tx.row(batch, args![lease.delivery.id]).await?.map(|row| row.int_or_null(0)).transpose()?;
            queue_letter_of(&mut change, letter, batch.flatten(), at).await?;
        }
        change.commit("end-attempt").await?;
        Ok(true)
    }

    /// Deliveries, oldest first, and where each stands.
    pub async fn deliveries(&self) -> Result<Vec<DeliveryLine>> {
        let rows = self.db.rows(select_deliveries!("ORDER BY d.id"), []).await?;
        rows.iter().map(|row| self.delivery_line(row)).collect()
    }

    /// One delivery, by its id or its key.
    pub async fn delivery(&self, key: &str) -> Result<DeliveryLine> {
        let id: i64 = key.strip_prefix('#').unwrap_or(key).parse().unwrap_or(0);
        let row = self.db.row(select_deliveries!("WHERE d.id = $1 OR d.key = $2"), args![id, key.to_owned()]).await?;
        let row = row.ok_or_else(|| StoreError::Unknown { what: "delivery", key: key.to_owned() })?;
        self.delivery_line(&row)
    }

    fn delivery_line(&self, row: &Row) -> Result<DeliveryLine> {
        let alarm = match row.int(14)? {
            0 => Alarm::None,
            1 => Alarm::Hours,
            _ => Alarm::Days,
        };
        Ok(DeliveryLine {
            delivery: delivery(row)?,
            state: row.text(7)?,
            answer: row.bytes_or_null(10)?.map(|sealed| self.opened("delivery.answer", &sealed)).transpose()?,
            due_at: from_ms(row.int(11)?)?,
            failing_since: row.int_or_null(13)?.map(from_ms).transpose()?,
            alarm,
            done_at: row.int_or_null(15)?.map(from_ms).transpose()?,
        })
    }
}

/// The lease, and whether the attempt before it is in doubt.
pub(super) async fn take_lease(
    change: &mut Change,
    id: i64,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<(Lease, bool)>> {
    let due = concat!(select_deliveries!(""), due!("AND d.id = $2"));
    let Some(row) = change.tx.row(due, args![to_ms(now), id]).await? else { return Ok(None) };
    let (mut delivery, in_doubt) = (delivery(&row)?, row.text(7)? == "sending");
    let sql = "UPDATE delivery SET state = 'sending', lease_until = $2, attempts = attempts + 1, resend = $3 \
               WHERE id = $1 AND attempts = $4 AND state IN ('due', 'sending')";
    let args = args![id, to_ms(until), delivery.resend, delivery.attempts];
    if change.tx.run(sql, args).await? != 1 {
        return Ok(None);
    }
    delivery.attempts += 1;
    let attempt = delivery.attempts;
    let detail = json!({"attempt": attempt, "resend": delivery.resend});
    change.audit("delivery.attempted", &delivery.key, &detail, now);
    Ok(Some((Lease { delivery, attempt }, in_doubt)))
}

/// Ends an attempt within a change; `false`: the lease was lost meanwhile.
async fn end(change: &mut Change, lease: &Lease, ending: &Ending<'_>, at: DateTime<Utc>) -> Result<bool> {
    let (done, failed) = (ending.state == "done", ending.failed);
    let sql = "UPDATE delivery SET state = $3, lease_until = NULL, answer = $4, due_at = COALESCE($5, due_at), \
               done_at = $6, failures = CASE WHEN CAST($7 AS BIGINT) = 1 THEN failures + 1 ELSE 0 END, \
               failing_since = CASE WHEN CAST($7 AS BIGINT) = 0 THEN NULL \
                   WHEN failing_since <= $8 THEN failing_since ELSE $8 END, \
               alarm = CASE WHEN CAST($7 AS BIGINT) = 1 THEN alarm ELSE 0 END \
               WHERE id = $1 AND attempts = $2 AND state = 'sending'";
    let answer = change.vault().seal("delivery.answer", ending.answer.as_bytes());
    let (done_at, due_at) = (done.then(|| to_ms(at)), ending.due_at.map(to_ms));
    let args = args![lease.delivery.id, lease.attempt, ending.state, answer, due_at, done_at, failed, to_ms(at)];
    if change.tx.run(sql, args).await? != 1 {
        return Ok(false);
    }
    if let Some(number) = ending.unclear {
        change.tx.run("UPDATE delivery SET resend = 1 WHERE id = $1", args![lease.delivery.id]).await?;
        let sql = "UPDATE letter_mail SET again = 1 WHERE delivery_id = $1 AND number = $2";
        change.tx.run(sql, args![lease.delivery.id, number]).await?;
    }
    change.audit(ending.act, &lease.delivery.key, &json!({"attempt": lease.attempt}), at);
    Ok(true)
}

fn delivery(row: &Row) -> Result<Delivery> {
    // Whoever finds a delivery in sending finds it in doubt.
    let resend = row.int(6)? != 0 || row.text(7)? == "sending";
    Ok(Delivery {
        id: row.int(0)?,
        key: row.text(1)?,
        recipient: row.text(2)?,
        batch: row.text_or_null(3)?,
        created_at: from_ms(row.int(4)?)?,
        attempts: row.number(5)?,
        resend,
        packed: row.int(8)? > 0,
        letter: row.int(9)? > 0,
        failures: row.number(12)?,
    })
}
