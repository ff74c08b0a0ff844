//! The answer for every live assessment and kind: the sealed verdict where it is settled, else judged now.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::store::Store;
use crate::subsidy::catalogue::Catalogue;
use crate::subsidy::course::Kind;
use crate::subsidy::judge::{Bench, Trace};
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
    /// The steps, where they were asked for and it is judged now.
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
    answers.sort_by(|a, b| order_of(a).cmp(&order_of(b)));
    let days_without_policy = judgement.days_without_policy;
    Answers { list: answers, days_without_policy, zero_amounts: judgement.zero_amounts }
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
