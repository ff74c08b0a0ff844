//! The draft of a batch: judged anew on the claim date, numbered, grouped and netted. No I/O.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use rayon::prelude::*;

use crate::store::PendingReversal;
use crate::subsidy::batch::{self, Batch, Line, LineWaiver, Refusal, Reverses};
use crate::subsidy::calendar::Period;
use crate::subsidy::catalogue::Catalogue;
use crate::subsidy::course::Kind;
use crate::subsidy::identifiers::ResidentId;
use crate::subsidy::judge::{Bench, Judgement, Trace};
use crate::subsidy::money::Fen;
use crate::subsidy::register::{Register, Reversals, RowFacts};
use crate::subsidy::verdict::{Effect, Outcome, Rule, Step, Verdict};
use crate::subsidy::waiver::Waiver;

/// Number, period and dates of the batch to be.
pub(super) struct Terms {
    pub(super) period: Period,
    pub(super) serial: u32,
    pub(super) sealed_at: DateTime<Utc>,
    pub(super) claim_on: NaiveDate,
}

/// A batch before it is sealed, with the facts that it rests on.
pub(super) struct Draft {
    pub(super) batch: Batch,
    pub(super) line_facts: Vec<RowFacts>,
    pub(super) refusal_facts: Vec<RowFacts>,
    pub(super) facts_version: i64,
    pub(super) days_without_policy: BTreeSet<NaiveDate>,
    pub(super) zero_amounts: BTreeSet<i64>,
}

/// Judges what enters the period and puts together what is granted, refused and taken back.
pub(super) fn draft(
    mut register: Register,
    reversals: Vec<PendingReversal>,
    catalogue: &Catalogue,
    terms: &Terms,
) -> Draft {
    let docket = register.docket(Reversals::TakeEffect);
    let bench = Bench::new(&docket, catalogue);
    let open = register.open(&bench);
    let judgement = bench.judge(&open, Some(terms.period.last_day()), terms.claim_on, &Trace::Failures);
    let waived: HashMap<(i64, Kind), Vec<i64>> = judgement
        .waived
        .iter()
        .map(|((i, kind), waivers)| ((register.results[*i].assessment_id, Kind::ALL[*kind]), waivers.clone()))
        .collect();
    let granted_now = |verdict: &&Verdict| verdict.outcome == Outcome::Granted;
    let granted_now = judgement.verdicts.iter().flatten().flatten().filter(granted_now).count();
    // Exactly as much room as is needed: growing would take half as much again.
    let mut lines = Vec::with_capacity(granted_now + reversals.len());
    let mut refusals = Vec::new();
    for (i, verdict) in
        (0..).zip(judgement.verdicts).flat_map(|(i, pair)| pair.into_iter().flatten().map(move |v| (i, v)))
    {
        let known = &register.results[i];
        let (facts, late) =
            (register.facts(&bench, i, terms.claim_on), known.row.assessed_on < terms.period.first_day());
        if verdict.outcome == Outcome::Granted {
            lines.push((granted(&bench, i, known.assessment_id, verdict, late), facts));
        } else {
            let steps = judgement.steps.get(&(i, verdict.kind.index())).map_or(&[][..], Vec::as_slice);
            let (assessment_id, row) = (known.assessment_id, known.row.clone());
            refusals.push((Refusal { assessment_id, row, details: details(steps), verdict, late }, facts));
        }
    }
    for reversal in reversals {
        let assessment = BTreeSet::from([reversal.line.assessment_id]);
        let judged = (reversal.line.roster_fingerprint, reversal.line.warnings);
        let today = register.at(&assessment).first().map(|i| register.facts_today(&bench, *i, judged));
        // Of the result the version that was granted: a correction that arrived while an earlier reversal stood, whose
        // batch was voided since, is then still one. Of the roster today's row: another roster alone frees nothing.
        let facts = RowFacts {
            version_id: reversal.line.version_id,
            roster_fingerprint: today.map_or(reversal.line.roster_fingerprint, |facts| facts.roster_fingerprint),
        };
        lines.push((taken_back(reversal), facts));
    }
    // Nothing looks at rosters and results any more, and the lines need the room.
    drop(bench);
    docket.roster.into_par_iter().for_each(drop);
    drop((docket.subjects, std::mem::take(&mut register.results)));
    // Unstable: keys are unique, and a buffer for a stable sort would be as large again.
    lines.par_sort_unstable_by(|(a, _), (b, _)| order_of(a).cmp(&order_of(b)));
    refusals.sort_by(|(a, _), (b, _)| order_of_refusal(a).cmp(&order_of_refusal(b)));
    let (lines, line_facts): (Vec<Line>, Vec<RowFacts>) = lines.into_iter().unzip();
    let (refusals, refusal_facts) = refusals.into_iter().unzip();
    let facts_version = register.stamp.facts_version;
    let waivers = std::mem::take(&mut register.waivers);
    let mut batch = put_together(lines, refusals, register, terms);
    batch.waivers = line_waivers(&batch.lines, &waived, &waivers);
    let Judgement { days_without_policy, zero_amounts, .. } = judgement;
    Draft { batch, line_facts, refusal_facts, facts_version, days_without_policy, zero_amounts }
}

/// Numbers the sorted lines and counts them up.
fn put_together(mut lines: Vec<Line>, refusals: Vec<Refusal>, register: Register, terms: &Terms) -> Batch {
    for (line, number) in lines.iter_mut().zip(1..) {
        line.number = number;
    }
    let (totals, (groups, balances)) = rayon::join(
        || batch::totals(&lines),
        || rayon::join(|| batch::groups(&lines), || batch::balances(&lines, &register.carried)),
    );
    Batch {
        number: batch::batch_number(terms.period, terms.serial),
        period: terms.period,
        sealed_at: terms.sealed_at,
        claim_on: terms.claim_on,
        groups,
        balances,
        waivers: Vec::new(),
        totals,
        lines,
        refusals,
        previous: register.previous,
        audit_count: register.stamp.audit_count,
        audit_head: register.stamp.audit_head,
    }
}

/// The waivers of the numbered lines, in their order.
fn line_waivers(lines: &[Line], waived: &HashMap<(i64, Kind), Vec<i64>>, waivers: &[Waiver]) -> Vec<LineWaiver> {
    let granted = lines.iter().filter(|line| !waived.is_empty() && line.reverses.is_none());
    let of_line = |line: &Line| {
        let ids = waived.get(&(line.assessment_id, line.kind)).map_or(&[][..], Vec::as_slice);
        let found = ids.iter().filter_map(|id| waivers.iter().find(|waiver| waiver.id == *id));
        found.map(|waiver| LineWaiver { line: line.number, waiver: waiver.clone() }).collect::<Vec<_>>()
    };
    granted.flat_map(of_line).collect()
}

fn granted(bench: &Bench<'_>, subject: usize, assessment_id: i64, verdict: Verdict, late: bool) -> Line {
    let row = bench.row(subject).clone();
    let stated = row.resident_id.as_deref().and_then(ResidentId::parse).map(|id| id.sex());
    let sex = stated.or_else(|| bench.roster_row(subject).and_then(|entry| entry.row.sex));
    let payable = verdict.payable.expect("a granted verdict has its amount");
    Line {
        number: 0,
        kind: verdict.kind,
        assessment_id,
        row,
        person_key: bench.person_key(subject).clone(),
        sex,
        amount: payable.amount,
        payable,
        warnings: verdict.rules,
        late,
        reverses: None,
    }
}

/// The negative line that takes an earlier one back.
fn taken_back(reversal: PendingReversal) -> Line {
    let line = reversal.line;
    Line {
        number: 0,
        kind: line.kind,
        assessment_id: line.assessment_id,
        row: reversal.row,
        person_key: line.person_key,
        sex: line.sex,
        amount: Fen(-line.amount.0),
        payable: line.payable,
        warnings: line.warnings,
        late: false,
        reverses: Some(Box::new(Reverses { batch: reversal.batch, line: line.number, reason: reversal.reason })),
    }
}

/// Per failing rule what was found; warnings are not a reason to refuse.
fn details(steps: &[Step]) -> Vec<(Rule, String)> {
    let failing = |step: &Step| {
        let rule = Rule::ALL.iter().copied().find(|rule| rule.number() == step.rule)?;
        let fails = step.kept == Some(false) && rule.effect() != Effect::Warns;
        fails.then(|| (rule, step.text.clone()))
    };
    steps.iter().filter_map(failing).collect()
}

/// Lines stand in the order of their forms, then by prisoner number; reversals after grants.
fn order_of(line: &Line) -> (batch::GroupOrder<'_>, bool, &str, NaiveDate, i64) {
    let row = &*line.row;
    (line.group_order(), line.reverses.is_some(), row.number.as_str(), row.assessed_on, line.assessment_id)
}

fn order_of_refusal(refusal: &Refusal) -> (Kind, &str, &str, &str, &str, NaiveDate, i64) {
    let row = &refusal.row;
    (
        refusal.verdict.kind,
        &row.prison,
        row.institution(refusal.verdict.kind),
        &row.occupation,
        &row.number,
        row.assessed_on,
        refusal.assessment_id,
    )
}
