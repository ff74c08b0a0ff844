//! Corrections: voiding a batch, asking for a reversal (更正/追回), reopening what is settled.
//!
//! - Writes: `batch_void`, `reversal`, `reopening` (all append only), `delivery` (withdrawn with its batch), audit.
//! - Trusts: reasons are typed by people and may name persons: they are sealed, and the audit log holds their keyed
//!   hash only.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::ledger::Change;
use super::settled::{batch_id, reopenable};
use super::shelf::StoredLine;
use super::values::{Arg, args};
use super::{Result, Store, StoreError, from_ms, to_ms};
use crate::subsidy::assessment::ResultRow;
use crate::subsidy::course::Kind;
use crate::subsidy::register::Settled;

/// Why a batch was not voided.
#[derive(Debug, thiserror::Error)]
pub enum VoidRefused {
    /// It is void already.
    #[error("the batch is void already")]
    AlreadyVoid,
    /// A live batch takes lines of it back: void that one first.
    #[error("batch {0} holds reversals of its lines")]
    Reversed(String),
    /// A later batch grants anew what reversal lines of this batch freed, or to whom they freed: void that one first.
    #[error("batch {0} grants anew what this batch freed")]
    GrantedAnew(String),
    /// Somebody downstream accepted it: correct it by reversal.
    #[error("{0} accepted the batch: correct it by reversal")]
    Accepted(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a reversal was not noted.
#[derive(Debug, thiserror::Error)]
pub enum ReversalRefused {
    /// The batch is void: nothing is granted by it.
    #[error("the batch is void")]
    Void,
    /// No such line.
    #[error("the batch has no line {0}")]
    NoSuchLine(u32),
    /// The line is itself a reversal.
    #[error("the line is itself a reversal")]
    IsReversal,
    /// It was asked for before.
    #[error("a reversal of this line was asked for before")]
    AskedBefore,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why nothing was reopened.
#[derive(Debug, thiserror::Error)]
pub enum ReopenRefused {
    /// No refusal and no reversed grant settles this assessment.
    #[error("nothing is settled that could be reopened")]
    NothingSettled,
    /// It is granted: correct it by reversal.
    #[error("granted by line {line} of batch {batch}: correct it by reversal")]
    Granted {
        /// The batch.
        batch: String,
        /// Its line.
        line: u32,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A reversal that waits for the next batch.
#[derive(Clone, Debug)]
pub struct PendingReversal {
    /// The batch that granted.
    pub batch: String,
    /// The line that is to be taken back.
    pub line: StoredLine,
    /// The facts as they were judged.
    pub row: Arc<ResultRow>,
    /// Why.
    pub reason: String,
    /// Who asked.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// Lines of live batches that grant an assessment of which any version has one of the hashes of a column.
macro_rules! grants_by {
    ($column:literal) => {
        concat!(
            "SELECT b.id, b.number, l.kind, v.",
            $column,
            " FROM assessment_version v JOIN batch_line l ON l.assessment_id = v.assessment_id \
             JOIN batch b ON b.id = l.batch_id WHERE l.reverses_batch_id IS NULL \
             AND NOT EXISTS (SELECT 1 FROM batch_void w WHERE w.batch_id = l.batch_id) AND v.",
            $column,
            " IN "
        )
    };
}

impl Store {
    /// Marks a batch void; what it granted and refused becomes unsettled, what is not yet delivered is withdrawn.
    pub async fn void_batch(&self, number: &str, reason: &str, by: &str, at: DateTime<Utc>) -> Result<(), VoidRefused> {
        let mut change = self.change().await?;
        let id = batch_id(&mut change, number).await?;
        if is_void(&mut change, id).await? {
            return Err(VoidRefused::AlreadyVoid);
        }
        let sql = "SELECT b.number FROM batch_line r JOIN batch b ON b.id = r.batch_id \
                   WHERE r.reverses_batch_id = $1 \
                   AND NOT EXISTS (SELECT 1 FROM batch_void w WHERE w.batch_id = r.batch_id) LIMIT 1";
        if let Some(row) = change.tx.row(sql, args![id]).await? {
            return Err(VoidRefused::Reversed(row.text(0)?));
        }
        if let Some(later) = self.batch_resting_on(&mut change, id).await? {
            return Err(VoidRefused::GrantedAnew(later));
        }
        // Answers from downstream arrive with the route; what the door recorded is that a packet left.
        let (sealed_reason, sealed_by) = self.sealed_words("batch_void", reason, by);
        let row = args![id, sealed_reason, sealed_by, to_ms(at)];
        change.tx.insert("batch_void (batch_id, reason, by_whom, at)", [row]).await?;
        let sql = "UPDATE delivery SET state = 'withdrawn' WHERE batch_id = $1 AND state IN ('due', 'aside')";
        let withdrawn = change.tx.run(sql, args![id]).await?;
        change.facts_change();
        let detail = json!({"typed": self.typed(reason, by), "withdrawn": withdrawn});
        change.audit("batch.voided", number, &detail, at);
        change.commit("void-batch").await?;
        Ok(())
    }

    /// A later live batch that rests on what the reversal lines of this one freed: it grants the same assessment anew, the
    /// same person (the caps count fewer grants, R7 and R8), or on the same certificate (R3). Void first what rests on it, lest
    /// the old grant and the new one both count.
    async fn batch_resting_on(&self, change: &mut Change, id: i64) -> Result<Option<String>> {
        let sql = "SELECT r.kind, v.person_hash, v.certificate_hash FROM batch_line r \
                   JOIN assessment_version v ON v.id = r.version_id \
                   WHERE r.batch_id = $1 AND r.reverses_batch_id IS NOT NULL";
        let mut freed: HashSet<(String, Vec<u8>)> = HashSet::new();
        let (mut persons, mut certificates) = (Vec::new(), Vec::new());
        for row in change.tx.rows(sql, args![id]).await? {
            let (kind, person) = (row.text(0)?, row.bytes(1)?);
            persons.push(Arg::from(person.clone()));
            if let Some(certificate) = row.bytes_or_null(2)? {
                certificates.push(Arg::from(certificate.clone()));
                freed.insert((kind.clone(), certificate));
            }
            freed.insert((kind, person));
        }
        if freed.is_empty() {
            return Ok(None);
        }
        let mut later: Option<(i64, String)> = None;
        for (sql, hashes) in [(grants_by!("person_hash"), persons), (grants_by!("certificate_hash"), certificates)] {
            for row in change.tx.rows_in(sql, &hashes).await? {
                let batch = (row.int(0)?, row.text(1)?);
                if batch.0 > id && freed.contains(&(row.text(2)?, row.bytes(3)?)) {
                    later = Some(later.map_or(batch.clone(), |known| known.min(batch)));
                }
            }
        }
        if let Some((_, number)) = later {
            return Ok(Some(number));
        }
        // Under another prisoner number a person is known by the resident ID, which stands in the sealed lines only. They
        // never change, so they are read past this transaction.
        let lines: Vec<StoredLine> = self.blocks(id, "lines").await?;
        let of = |line: &StoredLine| (line.person_key.clone(), line.kind);
        let freed: HashSet<(Arc<str>, Kind)> = lines.iter().filter(|line| line.reverses.is_some()).map(of).collect();
        let sql = "SELECT id, number FROM batch b WHERE id > $1 \
                   AND NOT EXISTS (SELECT 1 FROM batch_void w WHERE w.batch_id = b.id) ORDER BY id";
        for row in change.tx.rows(sql, args![id]).await? {
            let lines: Vec<StoredLine> = self.blocks(row.int(0)?, "lines").await?;
            if lines.iter().any(|line| line.reverses.is_none() && freed.contains(&of(line))) {
                return Ok(Some(row.text(1)?));
            }
        }
        Ok(None)
    }

    /// Notes that a line is to be taken back by the next batch.
    pub async fn request_reversal(
        &self,
        batch: &str,
        line: u32,
        reason: &str,
        by: &str,
        at: DateTime<Utc>,
    ) -> Result<(), ReversalRefused> {
        let mut change = self.change().await?;
        let id = batch_id(&mut change, batch).await?;
        if is_void(&mut change, id).await? {
            return Err(ReversalRefused::Void);
        }
        let sql = "SELECT reverses_batch_id FROM batch_line WHERE batch_id = $1 AND line = $2";
        let found = change.tx.row(sql, args![id, line]).await?.ok_or(ReversalRefused::NoSuchLine(line))?;
        if found.int_or_null(0)?.is_some() {
            return Err(ReversalRefused::IsReversal);
        }
        let sql = "SELECT COUNT(*) FROM reversal WHERE batch_id = $1 AND line = $2";
        if change.tx.int(sql, args![id, line]).await? > 0 {
            return Err(ReversalRefused::AskedBefore);
        }
        let (sealed_reason, sealed_by) = self.sealed_words("reversal", reason, by);
        let row = args![id, line, sealed_reason, sealed_by, to_ms(at)];
        change.tx.insert("reversal (batch_id, line, reason, by_whom, at)", [row]).await?;
        change.facts_change();
        let detail = json!({"line": line, "typed": self.typed(reason, by)});
        change.audit("line.reversal-requested", batch, &detail, at);
        change.commit("request-reversal").await?;
        Ok(())
    }

    /// Reversals that were asked for and that no live batch holds, by batch and line.
    pub async fn pending_reversals(&self) -> Result<Vec<PendingReversal>> {
        let sql = "SELECT b.number, q.line, q.reason, q.by_whom, q.at, q.batch_id \
                   FROM reversal q JOIN batch b ON b.id = q.batch_id \
                   WHERE NOT EXISTS (SELECT 1 FROM batch_void v WHERE v.batch_id = b.id) \
                   AND NOT EXISTS (SELECT 1 FROM batch_line r WHERE r.reverses_batch_id = q.batch_id \
                       AND r.reverses_line = q.line \
                       AND NOT EXISTS (SELECT 1 FROM batch_void w WHERE w.batch_id = r.batch_id)) \
                   ORDER BY q.batch_id, q.line";
        let mut pending = Vec::new();
        for row in self.db.rows(sql, []).await? {
            let (batch, number) = (row.text(0)?, row.number(1)?);
            let line = self.line(row.int(5)?, number).await?;
            pending.push(PendingReversal {
                row: self.version(line.version_id).await?,
                line,
                batch,
                reason: self.opened("reversal.reason", &row.bytes(2)?)?,
                by: self.opened("reversal.by_whom", &row.bytes(3)?)?,
                at: from_ms(row.int(4)?)?,
            });
        }
        Ok(pending)
    }

    /// Reopens the settled refusals and reversed grants of an assessment; returns the kinds.
    pub async fn reopen(
        &self,
        assessment_id: i64,
        reason: &str,
        by: &str,
        at: DateTime<Utc>,
    ) -> Result<Vec<Kind>, ReopenRefused> {
        let mut change = self.change().await?;
        // Read past this transaction, which has written nothing and keeps all others from writing.
        let mut settled = self.load_settlements().await?;
        settled.retain(|settlement| settlement.assessment_id == assessment_id);
        let mut kinds = Vec::new();
        for settlement in &settled {
            let Some((refusal, batch, number)) = reopenable(settlement) else { continue };
            let id = batch_id(&mut change, &batch).await?;
            let (sealed_reason, sealed_by) = self.sealed_words("reopening", reason, by);
            let kind = settlement.kind.code();
            let row = args![id, refusal, number, assessment_id, kind, sealed_reason, sealed_by, to_ms(at)];
            let into = "reopening (batch_id, refusal, number, assessment_id, kind, reason, by_whom, at)";
            change.tx.insert(into, [row]).await?;
            let detail = json!({
                "kind": kind, "batch": &*batch, "number": number, "refusal": refusal, "typed": self.typed(reason, by),
            });
            change.audit("assessment.reopened", &assessment_id.to_string(), &detail, at);
            kinds.push(settlement.kind);
        }
        if kinds.is_empty() {
            let granted = settled.iter().find(|s| matches!(s.what, Settled::Granted { reversed_by: None, .. }));
            return Err(match granted {
                Some(s) => ReopenRefused::Granted { batch: s.batch.to_string(), line: s.number },
                None => ReopenRefused::NothingSettled,
            });
        }
        change.facts_change();
        change.commit("reopen").await?;
        Ok(kinds)
    }

    /// One line of a batch.
    async fn line(&self, batch_id: i64, number: u32) -> Result<StoredLine> {
        let sql = "SELECT sealed FROM batch_block WHERE batch_id = $1 AND part = 'lines' AND position < $2 \
                   ORDER BY position DESC LIMIT 1";
        let missing = || StoreError::Unknown { what: "line", key: number.to_string() };
        let row = self.db.row(sql, args![batch_id, number]).await?.ok_or_else(missing)?;
        let lines: Vec<StoredLine> = self.vault.open_value("batch_block.sealed", &row.bytes(0)?)?;
        lines.into_iter().find(|line| line.number == number).ok_or_else(missing)
    }

    /// Reason and name, sealed for their columns.
    fn sealed_words(&self, table: &'static str, reason: &str, by: &str) -> (Vec<u8>, Vec<u8>) {
        let (reason_column, by_column) = match table {
            "batch_void" => ("batch_void.reason", "batch_void.by_whom"),
            "reversal" => ("reversal.reason", "reversal.by_whom"),
            _ => ("reopening.reason", "reopening.by_whom"),
        };
        (self.vault.seal(reason_column, reason.as_bytes()), self.vault.seal(by_column, by.as_bytes()))
    }

    /// A sealed text.
    pub(super) fn opened(&self, context: &'static str, sealed: &[u8]) -> Result<String> {
        String::from_utf8(self.vault.open(context, sealed)?)
            .map_err(|_| StoreError::Damaged(format!("text of {context}")))
    }
}

async fn is_void(change: &mut Change, id: i64) -> Result<bool> {
    Ok(change.tx.int("SELECT COUNT(*) FROM batch_void WHERE batch_id = $1", args![id]).await? > 0)
}
