//! The answer for every live assessment and kind: the sealed verdict where it is settled, else judged now.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::store::Store;
use crate::subsidy::catalogue::Catalogue;
use crate::subsidy::course::Kind;
use crate::subsidy::judge::{Bench, Docket, Trace};
use crate::subsidy::register::{Register, Reversals, Settled, Settlement, StoredResult};
use crate::subsidy::verdict::{Outcome, Payable, RuleSet, Step};

/// One answer.
pub(crate) struct Answer {
    /// The assessment.
    pub(crate) known: StoredResult,
    /// The kind.
    pub(crate) kind: Kind,
    /// The outcome.
    pub(crate) outcome: Outcome,
    /// Failing rules and warnings.
    pub(crate) rules: RuleSet,
    /// The amount, if granted.
    pub(crate) payable: Option<Payable>,
    /// What settled it, if it is settled.
    pub(crate) settlement: Option<Settlement>,
    /// The steps, where they were asked for; empty where those of a sealed verdict cannot be retraced.
    pub(crate) steps: Vec<Step>,
}

/// All answers, and the days for which no policy is in force.
pub(crate) struct Answers {
    /// Sorted by prison, number, occupation, level, class, assessment date and kind.
    pub(crate) list: Vec<Answer>,
    /// Days on which a policy was needed and none is in force.
    pub(crate) days_without_policy: BTreeSet<NaiveDate>,
    /// Assessments that the catalogue would pay nothing or less.
    pub(crate) zero_amounts: BTreeSet<i64>,
}

/// Answers for all assessments, or with `only` for some, with their steps.
pub(crate) async fn answers(
    store: &Store,
    catalogue: &Catalogue,
    only: Option<&BTreeSet<i64>>,
    claim_on: NaiveDate,
) -> anyhow::Result<Answers> {
    let mut register = store.load_register().await?;
    Ok(answer(&mut register, catalogue, only, claim_on))
}

fn answer(
    register: &mut Register,
    catalogue: &Catalogue,
    only: Option<&BTreeSet<i64>>,
    claim_on: NaiveDate,
) -> Answers {
    let docket = register.docket(Reversals::Wait);
    let bench = Bench::new(&docket, catalogue);
    let open = register.open(&bench);
    let trace = only.map_or(Trace::Nothing, |ids| Trace::Everything(ids.clone()));
    let mut judgement = bench.judge(&open, None, claim_on, &trace);
    let settled = register.settled();
    let mut answers = Vec::new();
    for (i, known) in register.results.iter().enumerate() {
        if only.is_some_and(|ids| !ids.contains(&known.assessment_id)) {
            continue;
        }
        for kind in Kind::ALL {
            let answer = if open[i][kind.index()] {
                let steps = judgement.steps.remove(&(i, kind.index())).unwrap_or_default();
                judgement.verdicts[i][kind.index()].take().map(|verdict| Answer {
                    known: known.clone(),
                    kind,
                    outcome: verdict.outcome,
                    rules: verdict.rules,
                    payable: verdict.payable,
                    settlement: None,
                    steps,
                })
            } else {
                settled.get(&(known.assessment_id, kind)).map(|settlement| sealed(known, settlement))
            };
            answers.extend(answer);
        }
    }
    if let Some(ids) = only {
        retrace(&mut answers, &docket, register, catalogue, ids);
    }
    answers.sort_by(|a, b| order_of(a).cmp(&order_of(b)));
    let days_without_policy = judgement.days_without_policy;
    Answers { list: answers, days_without_policy, zero_amounts: judgement.zero_amounts }
}

/// The steps of sealed verdicts, by judging their batches once more on what was known then. Where today's catalogue or
/// facts lead elsewhere, a sealed verdict stays without steps.
fn retrace(answers: &mut [Answer], docket: &Docket, register: &Register, catalogue: &Catalogue, ids: &BTreeSet<i64>) {
    let settled = register.settled();
    let moment = |settlement: &Settlement| (settlement.claim_on, settlement.batch.clone());
    let batches: BTreeSet<_> = answers.iter().filter_map(|answer| answer.settlement.as_ref()).map(moment).collect();
    for batch in batches {
        let stood = |settlement: &&Settlement| match &settlement.what {
            Settled::Granted { reversed_by, .. } => {
                moment(settlement) < batch && reversed_by.as_ref().is_none_or(|(by, _)| *by >= batch.1)
            }
            Settled::Refused { .. } => false,
        };
        let grants = register.settlements.iter().filter(stood).map(Settlement::grant).collect();
        let docket = Docket { grants, ..docket.clone() };
        let bench = Bench::new(&docket, catalogue);
        let of_batch = |known: &StoredResult, kind| {
            settled.get(&(known.assessment_id, kind)).is_some_and(|settlement| settlement.batch == batch.1)
        };
        let open: Vec<[bool; 2]> =
            register.results.iter().map(|known| Kind::ALL.map(|kind| of_batch(known, kind))).collect();
        let mut judgement = bench.judge(&open, None, batch.0, &Trace::Everything(ids.clone()));
        for answer in answers.iter_mut() {
            let Some(settlement) = answer.settlement.as_ref().filter(|settlement| settlement.batch == batch.1) else {
                continue;
            };
            let same_facts = answer.known.version_id == settlement.facts.version_id;
            let subject = register.results.iter().position(|known| known.assessment_id == settlement.assessment_id);
            let Some(at) = subject.filter(|_| same_facts).map(|i| (i, answer.kind.index())) else { continue };
            let same = judgement.verdicts[at.0][at.1].as_ref().is_some_and(|verdict| {
                (verdict.outcome, verdict.rules, &verdict.payable) == (answer.outcome, answer.rules, &answer.payable)
            });
            answer.steps = judgement.steps.remove(&at).filter(|_| same).unwrap_or_default();
        }
    }
}

/// The sealed verdict of a settled assessment and kind.
fn sealed(known: &StoredResult, settlement: &Settlement) -> Answer {
    let (outcome, rules, payable) = match &settlement.what {
        Settled::Granted { payable, warnings, .. } => (Outcome::Granted, *warnings, Some(payable.clone())),
        Settled::Refused { rules } => (Outcome::of(*rules), *rules, None),
    };
    Answer {
        known: known.clone(),
        kind: settlement.kind,
        outcome,
        rules,
        payable,
        settlement: Some(settlement.clone()),
        steps: Vec::new(),
    }
}

fn order_of(answer: &Answer) -> impl Ord + '_ {
    let row = &answer.known.row;
    (&*row.prison, row.number.as_str(), &*row.occupation, row.level, row.class.as_str(), row.assessed_on, answer.kind)
}
