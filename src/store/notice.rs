//! Reminders on record: which prison was told which step of which duty.
//!
//! - Writes: `notice` (append only), and the letter that tells it, in one transaction; audit.
//! - Safe to repeat because: of two processes that decide the same, the one that comes second finds the steps on record
//!   and changes nothing; the table's UNIQUE key stands behind that.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::json;

use super::letter::{NewLetter, queue_letter};
use super::values::args;
use super::{Result, Store, StoreError, from_ms, to_date, to_ms};
use crate::subsidy::duty::{Record, Step};

/// One step that a prison is or was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Id of the duty.
    pub duty: String,
    /// Which deadline of it: plan year, period, key of a course.
    pub term: String,
    /// The prison's full name.
    pub prison: String,
    /// The step.
    pub step: Step,
    /// The day for which it was planned.
    pub planned_on: NaiveDate,
    /// Whether the letter left on a later day.
    pub late: bool,
    /// When the next letter comes, as the letter says.
    pub next_on: Option<NaiveDate>,
}

/// A notice on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenNotice {
    /// What was told.
    pub notice: Notice,
    /// Key of the letter that told it.
    pub letter: String,
    /// When it was queued.
    pub at: DateTime<Utc>,
}

impl Store {
    /// Queues a letter and puts the steps that it tells on record. `false`: one of them is on record already, and
    /// nothing is done; who still owes something is decided anew.
    pub async fn give_notice(&self, notices: &[Notice], letter: &NewLetter, at: DateTime<Utc>) -> Result<bool> {
        let mut change = self.change().await?;
        let known = "SELECT COUNT(*) FROM notice WHERE duty = $1 AND term = $2 AND prison = $3 AND step = $4";
        let mut rows = Vec::new();
        for notice in notices {
            let Notice { duty, term, prison, step, .. } = notice.clone();
            let step = i64::from(step.number());
            let key = args![duty.clone(), term.clone(), prison.clone(), step];
            if change.tx.int(known, key).await? > 0 {
                change.roll_back().await?;
                return Ok(false);
            }
            let (planned_on, next_on) = (notice.planned_on.to_string(), notice.next_on.map(|day| day.to_string()));
            let letter = letter.key.clone();
            rows.push(args![duty, term, prison, step, planned_on, notice.late, next_on, letter, to_ms(at)]);
        }
        if rows.is_empty() || !queue_letter(&mut change, letter, at).await? {
            change.roll_back().await?;
            return Ok(false);
        }
        change.tx.insert("notice (duty, term, prison, step, planned_on, late, next_on, letter, at)", rows).await?;
        let steps: Vec<String> =
            notices.iter().map(|notice| format!("{}:{}:{}", notice.duty, notice.term, notice.step)).collect();
        let prison = notices.first().map(|notice| notice.prison.clone()).unwrap_or_default();
        change.audit("notice.given", &letter.key, &json!({"prison": prison, "steps": steps}), at);
        change.commit("give-notice").await?;
        Ok(true)
    }

    /// Every notice on record, oldest first; steps of one letter in their order.
    pub async fn notices(&self) -> Result<Vec<GivenNotice>> {
        let sql = "SELECT duty, term, prison, step, planned_on, late, next_on, letter, at FROM notice \
                   ORDER BY at, letter, duty, term, step";
        let mut notices = Vec::new();
        for row in self.db.rows(sql, []).await? {
            let step = Step::from_number(row.int(3)?).ok_or_else(|| StoreError::Damaged("step".to_owned()))?;
            let notice = Notice {
                duty: row.text(0)?,
                term: row.text(1)?,
                prison: row.text(2)?,
                step,
                planned_on: to_date(&row.text(4)?)?,
                late: row.int(5)? != 0,
                next_on: row.text_or_null(6)?.as_deref().map(to_date).transpose()?,
            };
            notices.push(GivenNotice { notice, letter: row.text(7)?, at: from_ms(row.int(8)?)? });
        }
        Ok(notices)
    }
}

/// The steps of notices, as decisions ask for them.
pub fn record(notices: &[GivenNotice]) -> Record {
    let mut record = Record::new();
    for GivenNotice { notice, .. } in notices {
        let key = (notice.duty.clone(), notice.term.clone(), notice.prison.clone());
        record.entry(key).or_default().insert(notice.step);
    }
    record
}
