//! Alarms on record: what is wrong, since when, and whether the administrator was told.
//!
//! - Writes: `alarm`, the letter that tells, audit; in one transaction.
//! - Safe to repeat because: of what is wrong one row at most is open (unique index), and a letter is told for the rows
//!   that nobody told before; whoever comes second changes nothing.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::ledger::Change;
use super::letter::{NewLetter, queue_letter};
use super::values::{Row, args};
use super::{Result, Store, from_ms, to_ms};

/// Something that is wrong, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAlarm {
    /// Identity.
    pub id: i64,
    /// Who watches over it.
    pub source: String,
    /// What is wrong.
    pub what: String,
    /// The same in words.
    pub says: String,
    /// Since when.
    pub begun_at: DateTime<Utc>,
    /// When it was last seen.
    pub seen_at: DateTime<Utc>,
    /// When its letter was queued.
    pub told_at: Option<DateTime<Utc>>,
    /// When it was found to be over.
    pub ended_at: Option<DateTime<Utc>>,
}

/// Something that has begun to be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAlarm {
    /// Who watches over it.
    pub source: &'static str,
    /// What is wrong. No personal data.
    pub what: String,
    /// The same in words. No personal data.
    pub says: String,
    /// Since when.
    pub begun_at: DateTime<Utc>,
    /// Whether it is told by now.
    pub told: bool,
}

/// What changes at one look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlarmChanges {
    /// What has begun.
    pub begun: Vec<NewAlarm>,
    /// What lasts, and how it is put now.
    pub seen: Vec<(i64, String)>,
    /// What is told to have begun.
    pub told: Vec<i64>,
    /// What is over.
    pub ended: Vec<i64>,
    /// What is told to be over, or need not be told.
    pub end_told: Vec<i64>,
}

impl AlarmChanges {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        *self == AlarmChanges::default()
    }
}

impl Store {
    /// What is wrong now, and what is over and not told to be; oldest first.
    pub async fn alarms(&self) -> Result<Vec<StoredAlarm>> {
        let sql = "SELECT id, source, what, says, begun_at, seen_at, told_at, ended_at FROM alarm \
                   WHERE ended_at IS NULL OR end_told_at IS NULL ORDER BY id";
        self.db.rows(sql, []).await?.iter().map(alarm).collect()
    }

    /// What has been told or was over since an instant; oldest first.
    pub async fn alarms_since(&self, since: DateTime<Utc>) -> Result<Vec<StoredAlarm>> {
        let sql = "SELECT id, source, what, says, begun_at, seen_at, told_at, ended_at FROM alarm \
                   WHERE begun_at >= $1 OR ended_at >= $1 ORDER BY id";
        self.db.rows(sql, args![to_ms(since)]).await?.iter().map(alarm).collect()
    }

    /// When an alarm and when a recovery were last told.
    pub async fn alarms_last_told(&self) -> Result<(Option<DateTime<Utc>>, Option<DateTime<Utc>>)> {
        let sql = "SELECT MAX(told_at), MAX(end_told_at) FROM alarm";
        let Some(row) = self.db.row(sql, []).await? else { return Ok((None, None)) };
        let instant = |ms: Option<i64>| ms.map(from_ms).transpose();
        Ok((instant(row.int_or_null(0)?)?, instant(row.int_or_null(1)?)?))
    }

    /// Puts one look on record and queues the letter that tells it. `false`: another process was quicker, nothing is
    /// changed.
    pub async fn record_alarms(
        &self,
        changes: &AlarmChanges,
        letter: Option<&NewLetter>,
        at: DateTime<Utc>,
    ) -> Result<bool> {
        let mut change = self.change().await?;
        let is_first = record(&mut change, changes, at).await?;
        let queued = match letter.filter(|_| is_first) {
            Some(letter) => queue_letter(&mut change, letter, at).await?,
            None => is_first,
        };
        if !queued {
            change.roll_back().await?;
            return Ok(false);
        }
        change.commit("record-alarms").await?;
        Ok(true)
    }
}

/// `false`: somebody was quicker.
async fn record(change: &mut Change, changes: &AlarmChanges, at: DateTime<Utc>) -> Result<bool> {
    let now = to_ms(at);
    for new in &changes.begun {
        let open = "SELECT COUNT(*) FROM alarm WHERE what = $1 AND ended_at IS NULL";
        if change.tx.int(open, args![new.what.clone()]).await? > 0 {
            return Ok(false);
        }
        let id = change.tx.int("SELECT COALESCE(MAX(id), 0) + 1 FROM alarm", []).await?;
        let told_at = new.told.then_some(now);
        let row = args![id, new.source, new.what.clone(), new.says.clone(), to_ms(new.begun_at), now, told_at];
        change.tx.insert("alarm (id, source, what, says, begun_at, seen_at, told_at)", [row]).await?;
        change.audit("alarm.begun", &new.what, &json!({"source": new.source}), at);
    }
    for (id, says) in &changes.seen {
        let sql = "UPDATE alarm SET seen_at = $2, says = $3 WHERE id = $1 AND ended_at IS NULL";
        change.tx.run(sql, args![*id, now, says.clone()]).await?;
    }
    for id in &changes.told {
        let sql = "UPDATE alarm SET told_at = $2 WHERE id = $1 AND told_at IS NULL";
        if change.tx.run(sql, args![*id, now]).await? != 1 {
            return Ok(false);
        }
    }
    for id in &changes.ended {
        let sql = "UPDATE alarm SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL";
        if change.tx.run(sql, args![*id, now]).await? != 1 {
            return Ok(false);
        }
        change.audit("alarm.ended", &id.to_string(), &json!({}), at);
    }
    for id in &changes.end_told {
        let sql = "UPDATE alarm SET end_told_at = $2 WHERE id = $1 AND end_told_at IS NULL";
        if change.tx.run(sql, args![*id, now]).await? != 1 {
            return Ok(false);
        }
    }
    Ok(true)
}

fn alarm(row: &Row) -> Result<StoredAlarm> {
    Ok(StoredAlarm {
        id: row.int(0)?,
        source: row.text(1)?,
        what: row.text(2)?,
        says: row.text(3)?,
        begun_at: from_ms(row.int(4)?)?,
        seen_at: from_ms(row.int(5)?)?,
        told_at: row.int_or_null(6)?.map(from_ms).transpose()?,
        ended_at: row.int_or_null(7)?.map(from_ms).transpose()?,
    })
}
