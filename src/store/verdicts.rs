//! The verdicts of the last calculation, for `status`.
//!
//! - Writes: `verdict_run`, `verdict_block`; the former run is replaced.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::values::{Arg, args};
use super::{Result, Store, StoreError, from_ms, to_date, to_ms};
use crate::subsidy::course::Kind;
use crate::subsidy::money::Fen;
use crate::subsidy::verdict::{Outcome, Rule, RuleSet};

/// Verdicts of a block.
const MAX_BLOCK_ROWS: usize = 8192;
/// Identity of the one run that is kept.
const RUN: i64 = 1;

/// On what a calculation was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerdictRun {
    /// When.
    pub run_at: DateTime<Utc>,
    /// For which claim date.
    pub claim_on: NaiveDate,
    /// By which catalogue.
    pub catalogue_sha256: String,
    /// On which facts ([`crate::subsidy::register::Stamp::facts_version`]).
    pub facts_version: i64,
}

/// One verdict.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictRow {
    /// The assessment.
    pub assessment_id: i64,
    /// The kind.
    pub kind: Kind,
    /// The answer.
    pub outcome: Outcome,
    /// Failing rules and warnings.
    pub rules: RuleSet,
    /// The amount; zero unless granted.
    pub amount: Fen,
}

/// The last calculation in figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerdictSummary {
    /// On what it was made.
    pub run: VerdictRun,
    /// Number and sum per kind and outcome.
    pub by_outcome: BTreeMap<(Kind, Outcome), (u64, Fen)>,
    /// Number of verdicts per failing rule, both kinds together.
    pub by_rule: BTreeMap<Rule, u64>,
}

impl Store {
    /// Records the verdicts of a calculation in place of the former ones.
    pub async fn record_verdicts(&self, run: &VerdictRun, rows: &[VerdictRow]) -> Result<()> {
        let blocks: Vec<[Arg; 3]> = rows
            .chunks(MAX_BLOCK_ROWS)
            .enumerate()
            .map(|(i, part)| {
                let position = i64::try_from(i * MAX_BLOCK_ROWS).unwrap_or(i64::MAX);
                args![RUN, position, postcard::to_stdvec(part).expect("verdicts serialise")]
            })
            .collect();
        let mut change = self.change().await?;
        change.tx.run("DELETE FROM verdict_block", []).await?;
        change.tx.run("DELETE FROM verdict_run", []).await?;
        let catalogue = run.catalogue_sha256.clone();
        let row = args![RUN, to_ms(run.run_at), run.claim_on.to_string(), catalogue, run.facts_version];
        let into = "verdict_run (id, run_at, claim_on, catalogue_sha256, facts_version)";
        change.tx.insert(into, [row]).await?;
        change.tx.insert("verdict_block (run_id, position, content)", blocks).await?;
        change.commit("record-verdicts").await
    }

    /// The last calculation in figures; `None` before the first.
    pub async fn verdict_summary(&self) -> Result<Option<VerdictSummary>> {
        let sql = "SELECT run_at, claim_on, catalogue_sha256, facts_version FROM verdict_run WHERE id = $1";
        let Some(row) = self.db.row(sql, args![RUN]).await? else { return Ok(None) };
        let run = VerdictRun {
            run_at: from_ms(row.int(0)?)?,
            claim_on: to_date(&row.text(1)?)?,
            catalogue_sha256: row.text(2)?,
            facts_version: row.int(3)?,
        };
        let mut summary = VerdictSummary { run, by_outcome: BTreeMap::new(), by_rule: BTreeMap::new() };
        for verdict in self.verdicts().await? {
            let entry = summary.by_outcome.entry((verdict.kind, verdict.outcome)).or_default();
            entry.0 += 1;
            entry.1.0 += verdict.amount.0;
            for rule in verdict.rules.failing().iter() {
                *summary.by_rule.entry(rule).or_default() += 1;
            }
        }
        Ok(Some(summary))
    }

    /// The verdicts of the last calculation.
    pub async fn verdicts(&self) -> Result<Vec<VerdictRow>> {
        let sql = "SELECT content FROM verdict_block WHERE run_id = $1 ORDER BY position";
        let mut verdicts = Vec::new();
        for row in self.db.rows(sql, args![RUN]).await? {
            let block: Vec<VerdictRow> = postcard::from_bytes(&row.bytes(0)?)
                .map_err(|_| StoreError::Damaged("verdicts of the last calculation".to_owned()))?;
            verdicts.extend(block);
        }
        Ok(verdicts)
    }
}
