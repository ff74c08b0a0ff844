//! Waivers (豁免): added, ended, and on which of them lines of sealed batches rest.
//!
//! - Writes: `waiver`, `waiver_end` (append only), audit.
//! - Safe to repeat because: an assessment has one waiver in force per rule, and a waiver is ended once.
//! - Trusts: reasons are typed by people and may name persons: they are sealed, and the audit log holds their keyed
//!   hash only.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::json;

use super::undo::Reasoned;
use super::values::{Row, args};
use super::{Result, Store, StoreError, from_ms, to_date, to_ms};
use crate::subsidy::calendar::civil_date;
use crate::subsidy::verdict::Rule;
use crate::subsidy::waiver::Waiver;

/// Why a waiver was not added or ended.
#[derive(Debug, thiserror::Error)]
pub enum WaiverRefused {
    /// The rule denies, warns, or rests on what cannot be missing.
    #[error("rule {0} cannot be waived")]
    NotWaivable(&'static str),
    /// Its last day is past.
    #[error("its last day {0} is past")]
    Past(NaiveDate),
    /// No such assessment counts.
    #[error("assessment {0} is not known")]
    NoSuchAssessment(i64),
    /// A waiver of the rule is in force for the assessment.
    #[error("waiver {0} is in force")]
    InForce(i64),
    /// It was ended before.
    #[error("the waiver was ended before")]
    EndedBefore,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A waiver as it stands.
#[derive(Clone, Debug)]
pub struct StoredWaiver {
    /// The waiver.
    pub waiver: Waiver,
    /// When it was added.
    pub at: DateTime<Utc>,
    /// Who ended it, why and when.
    pub end: Option<(String, String, DateTime<Utc>)>,
    /// Batches and lines that rest on it, void batches left out.
    pub used: Vec<(String, u32)>,
}

impl Store {
    /// Adds a waiver that counts from the civil date of `because.at` on; returns its number.
    pub async fn add_waiver(
        &self,
        assessment_id: i64,
        rule: Rule,
        until: NaiveDate,
        because: Reasoned<'_>,
    ) -> Result<i64, WaiverRefused> {
        if !Waiver::RULES.contains(&rule) {
            return Err(WaiverRefused::NotWaivable(rule.number()));
        }
        let from = civil_date(because.at);
        if until < from {
            return Err(WaiverRefused::Past(until));
        }
        let mut change = self.change().await?;
        let sql = "SELECT COUNT(*) FROM assessment_version WHERE assessment_id = $1 AND live = 1";
        if change.tx.int(sql, args![assessment_id]).await? == 0 {
            return Err(WaiverRefused::NoSuchAssessment(assessment_id));
        }
        let sql = "SELECT id FROM waiver w WHERE assessment_id = $1 AND rule = $2 AND until_on >= $3 \
                   AND NOT EXISTS (SELECT 1 FROM waiver_end e WHERE e.waiver_id = w.id) LIMIT 1";
        if let Some(row) = change.tx.row(sql, args![assessment_id, rule.code(), from.to_string()]).await? {
            return Err(WaiverRefused::InForce(row.int(0)?));
        }
        let id = change.tx.int("SELECT COALESCE(MAX(id), 0) + 1 FROM waiver", []).await?;
        let reason = self.vault.seal("waiver.reason", because.reason.as_bytes());
        let by = self.vault.seal("waiver.by_whom", because.by.as_bytes());
        let (from_on, until_on) = (from.to_string(), until.to_string());
        let row = args![id, assessment_id, rule.code(), from_on, until_on, reason, by, to_ms(because.at)];
        let into = "waiver (id, assessment_id, rule, from_on, until_on, reason, by_whom, at)";
        change.tx.insert(into, [row]).await?;
        change.facts_change();
        let detail = json!({
            "assessment": assessment_id, "rule": rule.code(), "from": from, "until": until,
            "typed": self.typed(because.reason, because.by),
        });
        change.audit("waiver.added", &id.to_string(), &detail, because.at);
        change.commit("add-waiver").await?;
        Ok(id)
    }

    /// Ends a waiver: it counts no more for claims from the civil date of `because.at` on. What is sealed stays.
    pub async fn end_waiver(&self, id: i64, because: Reasoned<'_>) -> Result<(), WaiverRefused> {
        let mut change = self.change().await?;
        if change.tx.int("SELECT COUNT(*) FROM waiver WHERE id = $1", args![id]).await? == 0 {
            return Err(StoreError::Unknown { what: "waiver", key: id.to_string() }.into());
        }
        if change.tx.int("SELECT COUNT(*) FROM waiver_end WHERE waiver_id = $1", args![id]).await? > 0 {
            return Err(WaiverRefused::EndedBefore);
        }
        let on = civil_date(because.at);
        let reason = self.vault.seal("waiver_end.reason", because.reason.as_bytes());
        let by = self.vault.seal("waiver_end.by_whom", because.by.as_bytes());
        let row = args![id, on.to_string(), reason, by, to_ms(because.at)];
        change.tx.insert("waiver_end (waiver_id, ended_on, reason, by_whom, at)", [row]).await?;
        change.facts_change();
        let detail = json!({"on": on, "typed": self.typed(because.reason, because.by)});
        change.audit("waiver.ended", &id.to_string(), &detail, because.at);
        change.commit("end-waiver").await?;
        Ok(())
    }

    /// All waivers, oldest first.
    pub async fn waivers(&self) -> Result<Vec<StoredWaiver>> {
        let mut used: HashMap<i64, Vec<(String, u32)>> = HashMap::new();
        let sql = "SELECT u.waiver_id, b.number, u.line FROM batch_waiver u JOIN batch b ON b.id = u.batch_id \
                   WHERE b.id NOT IN (SELECT batch_id FROM batch_void) ORDER BY u.batch_id, u.line";
        for row in self.db.rows(sql, []).await? {
            used.entry(row.int(0)?).or_default().push((row.text(1)?, row.number(2)?));
        }
        let sql = "SELECT w.id, w.assessment_id, w.rule, w.from_on, w.until_on, w.reason, w.by_whom, w.at, \
                   e.ended_on, e.reason, e.by_whom, e.at \
                   FROM waiver w LEFT JOIN waiver_end e ON e.waiver_id = w.id ORDER BY w.id";
        let rows = self.db.rows(sql, []).await?;
        rows.iter()
            .map(|row| {
                let waiver = self.waiver(row)?;
                Ok(StoredWaiver {
                    at: from_ms(row.int(7)?)?,
                    end: match row.bytes_or_null(9)? {
                        None => None,
                        Some(reason) => Some((
                            self.opened("waiver_end.reason", &reason)?,
                            self.opened("waiver_end.by_whom", &row.bytes(10)?)?,
                            from_ms(row.int(11)?)?,
                        )),
                    },
                    used: used.remove(&waiver.id).unwrap_or_default(),
                    waiver,
                })
            })
            .collect()
    }

    /// The waivers on which a line of a batch rests.
    pub async fn waivers_of_line(&self, batch: &str, line: u32) -> Result<Vec<StoredWaiver>> {
        let mut waivers = self.waivers().await?;
        waivers.retain(|stored| stored.used.iter().any(|(of, number)| of == batch && *number == line));
        Ok(waivers)
    }

    /// Which lines of a batch rest on which waivers, by their numbers.
    pub(super) async fn line_waivers(&self, batch_id: i64) -> Result<Vec<(u32, i64)>> {
        let sql = "SELECT line, waiver_id FROM batch_waiver WHERE batch_id = $1 ORDER BY line, waiver_id";
        let rows = self.db.rows(sql, args![batch_id]).await?;
        rows.iter().map(|row| Ok((row.number(0)?, row.int(1)?))).collect()
    }

    fn waiver(&self, row: &Row) -> Result<Waiver> {
        let code = row.text(2)?;
        let rule = Rule::ALL.iter().copied().find(|rule| rule.code() == code);
        Ok(Waiver {
            id: row.int(0)?,
            assessment_id: row.int(1)?,
            rule: rule.ok_or_else(|| StoreError::Damaged("rule of a waiver".to_owned()))?,
            from: to_date(&row.text(3)?)?,
            until: to_date(&row.text(4)?)?,
            ended_on: row.text_or_null(8)?.as_deref().map(to_date).transpose()?,
            reason: self.opened("waiver.reason", &row.bytes(5)?)?,
            by: self.opened("waiver.by_whom", &row.bytes(6)?)?,
        })
    }
}
