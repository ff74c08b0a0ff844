//! The figures of `status`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::values::args;
use super::verdicts::VerdictSummary;
use super::{Result, Store, StoreError, from_ms, to_ms};

/// The store in figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusNumbers {
    /// Originals taken in and not withdrawn.
    pub originals_read: u64,
    /// Originals withdrawn.
    pub originals_withdrawn: u64,
    /// Originals kept and not yet taken in.
    pub originals_waiting: u64,
    /// Originals whose report has errors that nobody has decided about yet.
    pub originals_with_errors: u64,
    /// Rows that came back with them.
    pub rows_set_aside: u64,
    /// Live assessments.
    pub assessments: u64,
    /// Rosters.
    pub rosters: u64,
    /// Rosters without approval: they cover nobody.
    pub rosters_unapproved: u64,
    /// Rows of the opening history.
    pub history_rows: u64,
    /// Persons surveyed.
    pub survey_rows: u64,
    /// The last calculation.
    pub verdicts: Option<VerdictSummary>,
    /// Batches that count.
    pub batches_sealed: u64,
    /// Void batches.
    pub batches_void: u64,
    /// Reversals that wait for the next batch.
    pub reversals_pending: u64,
    /// Deliveries by state: `due`, `sending`, `done`, `aside`, `withdrawn`.
    pub deliveries: BTreeMap<String, u64>,
    /// Mails that wait for a person.
    pub tray: u64,
    /// Since when the oldest of them does.
    pub tray_since: Option<DateTime<Utc>>,
    /// Audit entries.
    pub audit_count: i64,
    /// State of the facts.
    pub facts_version: i64,
}

/// What came back and waits for a decision.
const OPEN_FILES: &str = "SELECT COUNT(*) FROM arrived WHERE errors > 0 AND withdrawn = 0 AND decided = 0";
const OPEN_ROWS: &str = "SELECT CAST(COALESCE(SUM(set_aside), 0) AS BIGINT) FROM arrived \
                         WHERE errors > 0 AND withdrawn = 0 AND decided = 0";

impl Store {
    /// The store in figures.
    pub async fn status(&self) -> Result<StatusNumbers> {
        let count = async |sql: &'static str| -> Result<u64> {
            let n = self.db.int(sql, []).await?;
            u64::try_from(n).map_err(|_| StoreError::Damaged("count".to_owned()))
        };
        let stamp = self.stamp().await?;
        let (tray, tray_since) = self.tray_numbers().await?;
        let mut deliveries = BTreeMap::new();
        for row in self.db.rows("SELECT state, COUNT(*) FROM delivery GROUP BY state", []).await? {
            deliveries.insert(row.text(0)?, row.count(1)?);
        }
        let unapproved = "SELECT COUNT(*) FROM roster WHERE id NOT IN (SELECT roster_id FROM roster_approval) \
                          AND id NOT IN (SELECT id FROM withdrawn_roster)";
        let pending = "SELECT COUNT(*) FROM reversal q WHERE q.batch_id NOT IN (SELECT batch_id FROM batch_void) \
                       AND NOT EXISTS (SELECT 1 FROM batch_line r WHERE r.reverses_batch_id = q.batch_id \
                           AND r.reverses_line = q.line \
                           AND r.batch_id NOT IN (SELECT batch_id FROM batch_void))";
        Ok(StatusNumbers {
            originals_read: count("SELECT COUNT(*) FROM arrived WHERE read_at IS NOT NULL AND withdrawn = 0").await?,
            originals_withdrawn: count("SELECT COUNT(*) FROM arrived WHERE read_at IS NOT NULL AND withdrawn > 0")
                .await?,
            originals_waiting: count("SELECT COUNT(*) FROM original WHERE read_at IS NULL").await?,
            originals_with_errors: count(OPEN_FILES).await?,
            rows_set_aside: count(OPEN_ROWS).await?,
            assessments: count("SELECT COUNT(*) FROM assessment_version WHERE live = 1").await?,
            rosters: count("SELECT COUNT(*) FROM roster WHERE id NOT IN (SELECT id FROM withdrawn_roster)").await?,
            rosters_unapproved: count(unapproved).await?,
            history_rows: count("SELECT COUNT(*) FROM history_row WHERE id NOT IN (SELECT id FROM withdrawn_history)")
                .await?,
            survey_rows: count("SELECT COUNT(*) FROM survey_row WHERE live = 1").await?,
            verdicts: self.verdict_summary().await?,
            batches_sealed: count("SELECT COUNT(*) FROM batch WHERE id NOT IN (SELECT batch_id FROM batch_void)")
                .await?,
            batches_void: count("SELECT COUNT(*) FROM batch_void").await?,
            reversals_pending: count(pending).await?,
            deliveries,
            tray,
            tray_since,
            audit_count: stamp.audit_count,
            facts_version: stamp.facts_version,
        })
    }

    /// How many deliveries another process sends or died over, and until when the last of them is left to it.
    pub async fn open_leases(&self, now: DateTime<Utc>) -> Result<Option<(usize, DateTime<Utc>)>> {
        let sql = "SELECT lease_until FROM delivery WHERE state = 'sending' AND lease_until >= $1 \
                   AND NOT EXISTS (SELECT 1 FROM batch_void v WHERE v.batch_id = delivery.batch_id) ORDER BY lease_until";
        let open = self.db.rows(sql, args![to_ms(now)]).await?;
        open.last().map(|last| Ok((open.len(), from_ms(last.int(0)?)?))).transpose()
    }
}
