//! Calculate (核定): every unsettled assessment x catalogue x history -> a verdict.
//!
//! Reads: the register. Writes: the verdicts of the last run.
//! Safe to repeat because the same register, catalogue and day give the same verdicts.
//! When it fails: the former run's verdicts stand.
//! Trusts: the catalogue, which `settings` has checked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use tracing::info;

use super::{StageError, blocking, let_go};
use crate::store::{Store, VerdictRow, VerdictRun};
use crate::subsidy::calendar::civil_date;
use crate::subsidy::catalogue::Catalogue;
use crate::subsidy::course::Kind;
use crate::subsidy::judge::{Bench, Judgement, Trace};
use crate::subsidy::money::Fen;
use crate::subsidy::register::{Register, Reversals};
use crate::subsidy::verdict::Outcome;

/// What a run answered.
#[derive(Debug, Default)]
pub struct Report {
    /// Number and sum of verdicts, by kind and outcome.
    pub verdicts: BTreeMap<(Kind, Outcome), (u64, Fen)>,
    /// Days on which a policy was needed and none is in force.
    pub days_without_policy: BTreeSet<NaiveDate>,
    /// Assessments that the catalogue would pay nothing or less.
    pub zero_amounts: BTreeSet<i64>,
}

/// Judges all unsettled assessments as if claimed on the civil date of `now`.
pub async fn run(store: &Store, catalogue: &Arc<Catalogue>, now: DateTime<Utc>) -> Result<Report, StageError> {
    let register = store.load_register().await?;
    let facts_version = register.stamp.facts_version;
    let claim_on = civil_date(now);
    let judged = {
        let catalogue = catalogue.clone();
        blocking(move || judge(register, &catalogue, claim_on)).await?
    };
    let (rows, report) = judged;
    let catalogue_sha256 = catalogue.sha256.clone();
    store.record_verdicts(&VerdictRun { run_at: now, claim_on, catalogue_sha256, facts_version }, &rows).await?;
    let count = |outcome| report.verdicts.iter().filter(|((_, o), _)| *o == outcome).map(|(_, (n, _))| n).sum::<u64>();
    info!(
        granted = count(Outcome::Granted),
        denied = count(Outcome::Denied),
        held = count(Outcome::Held),
        "assessments judged"
    );
    Ok(report)
}

fn judge(mut register: Register, catalogue: &Catalogue, claim_on: NaiveDate) -> (Vec<VerdictRow>, Report) {
    let docket = register.docket(Reversals::Wait);
    let bench = Bench::new(&docket, catalogue);
    let open = register.open(&bench);
    let Judgement { verdicts, days_without_policy, zero_amounts, .. } =
        bench.judge(&open, None, claim_on, &Trace::Nothing);
    let mut report = Report { days_without_policy, zero_amounts, ..Report::default() };
    let mut rows = Vec::with_capacity(verdicts.len() * 2);
    for (known, pair) in register.results.iter().zip(verdicts) {
        for verdict in pair.into_iter().flatten() {
            let amount = verdict.payable.as_ref().map_or(Fen::ZERO, |payable| payable.amount);
            let entry = report.verdicts.entry((verdict.kind, verdict.outcome)).or_default();
            *entry = (entry.0 + 1, Fen(entry.1.0 + amount.0));
            rows.push(VerdictRow {
                assessment_id: known.assessment_id,
                kind: verdict.kind,
                outcome: verdict.outcome,
                rules: verdict.rules,
                amount,
            });
        }
    }
    drop(bench);
    let_go((docket, register));
    (rows, report)
}
