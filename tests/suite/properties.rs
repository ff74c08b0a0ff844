//! Properties of the rules and of batches, on random dockets under random policies and catalogues.
//!
//! `PROPTEST_CASES` sets how many cases are tried (256 where it is not set); the comparison with the oracle tries four
//! times as many. Seeds of failures stay in `tests/proptest-regressions/`.

mod batches;
mod dockets;
mod rows;
mod seasons;
mod worlds;

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use shenling::subsidy::course::Kind;
use shenling::subsidy::judge::{Bench, Docket, judge_all};
use shenling::subsidy::policy::{CapAppliesTo, CapWindow, WindowBy};
use shenling::subsidy::verdict::{Effect, Outcome, Rule, Verdict};
use shenling::subsidy::waiver::Waiver;

use super::oracle;
use rows::{docket, shuffled};
use worlds::{World, world};

/// Outcome, codes, amount, warnings.
type Plain = (Outcome, String, Option<i64>, Vec<&'static str>);

fn cases(factor: u32) -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases * factor, ..usual }
}

fn plain(verdict: &Verdict) -> Plain {
    let warnings = verdict.rules.iter().filter(|rule| rule.effect() == Effect::Warns).map(Rule::code).collect();
    (verdict.outcome, verdict.rules.codes(), verdict.payable.as_ref().map(|payable| payable.amount.0), warnings)
}

fn judged(world: &World, docket: &Docket) -> BTreeMap<(i64, usize), Plain> {
    let judgement = judge_all(docket, &world.catalogue, world.claim_on);
    assert_eq!(judgement.verdicts.len(), docket.subjects.len(), "one answer per subject");
    let answers = docket.subjects.iter().zip(&judgement.verdicts);
    let flat = answers.flat_map(|(subject, pair)| {
        pair.iter().enumerate().filter_map(|(at, verdict)| Some(((subject.id, at), plain(verdict.as_ref()?))))
    });
    flat.collect()
}

fn reckoned(world: &World, docket: &Docket) -> BTreeMap<(i64, usize), Plain> {
    let answers = oracle::answers(docket, &world.catalogue, world.claim_on);
    let plains = oracle::judge(docket, &world.catalogue, world.claim_on);
    let mut all = BTreeMap::new();
    for ((subject, pair), plain) in docket.subjects.iter().zip(answers).zip(plains) {
        for (at, (answer, plain)) in pair.into_iter().zip(plain).enumerate() {
            if let (Some(answer), Some((outcome, codes, amount))) = (answer, plain) {
                all.insert((subject.id, at), (outcome, codes, amount, answer.warnings));
            }
        }
    }
    all
}

proptest! {
    #![proptest_config(cases(4))]

    #[test]
    fn the_judge_agrees_with_the_oracle_to_the_fen(spec in dockets::any_docket(), world_spec in worlds::any_world()) {
        let (world, docket) = (world(&world_spec), docket(&spec));
        prop_assert_eq!(judged(&world, &docket), reckoned(&world, &docket));
        let bench = Bench::new(&docket, &world.catalogue);
        for (i, person) in oracle::persons(&docket).into_iter().enumerate() {
            prop_assert_eq!(&**bench.person_key(i), person);
        }
    }
}

proptest! {
    #![proptest_config(cases(1))]

    #[test]
    fn the_order_of_arrival_changes_nothing(
        spec in dockets::any_docket(),
        world_spec in worlds::any_world(),
        keys in prop::collection::vec(any::<u32>(), 16),
    ) {
        let (world, docket) = (world(&world_spec), docket(&spec));
        prop_assert_eq!(judged(&world, &docket), judged(&world, &shuffled(&docket, &keys)));
    }

    #[test]
    fn a_second_run_says_the_same(spec in dockets::any_docket(), world_spec in worlds::any_world()) {
        let (world, docket) = (world(&world_spec), docket(&spec));
        prop_assert_eq!(judged(&world, &docket), judged(&world, &docket));
    }

    #[test]
    fn nothing_is_granted_where_the_cap_is_reached(spec in dockets::any_docket(), world_spec in worlds::any_world()) {
        let (world, docket) = (world(&world_spec), docket(&spec));
        cap_holds(&world, &docket)?;
    }
}

proptest! {
    #![proptest_config(cases(1))]

    #[test]
    fn a_waiver_lifts_what_is_held_and_nothing_else(
        spec in dockets::any_docket(),
        world_spec in worlds::any_world(),
        of in 0..9_usize,
    ) {
        let world = world(&world_spec);
        let mut with = docket(&spec);
        let id = with.subjects[of % with.subjects.len()].id;
        // One assessment only: what others are granted under a waiver would change what this one is judged against.
        with.waivers.retain(|waiver| waiver.assessment_id == id);
        with.waivers.extend(Waiver::RULES.map(|rule| Waiver {
            id: 90,
            assessment_id: id,
            rule,
            from: NaiveDate::MIN,
            until: NaiveDate::MAX,
            ended_on: None,
            reason: "某因".to_owned(),
            by: "某人".to_owned(),
        }));
        let without = Docket { waivers: Vec::new(), ..with.clone() };
        let (waived, plain) = (judged(&world, &with), judged(&world, &without));
        for at in [(id, 0), (id, 1)] {
            let (Some(was), Some(is)) = (plain.get(&at), waived.get(&at)) else { continue };
            prop_assert!(was.0 != Outcome::Denied || is.0 == Outcome::Denied, "{was:?} became {is:?}");
            prop_assert!(was.0 != Outcome::Granted || is == was, "{was:?} became {is:?}");
            if was.0 == Outcome::Held && is.0 == Outcome::Granted {
                prop_assert!(is.3.contains(&"waived") && !was.1.contains("certificate-missing"), "{was:?} became {is:?}");
            }
        }
    }
}

/// A granted claim as the cap counts it: the day that `window_by` names, and whether this run granted it.
struct Counted {
    day: NaiveDate,
    new: bool,
}

/// No window that holds a grant of this run holds more grants of its person and kind than the cap allows.
fn cap_holds(world: &World, docket: &Docket) -> Result<(), TestCaseError> {
    let Some(policy) = world.catalogue.policies.iter().find(|p| p.valid.covers(world.claim_on)) else {
        let none = judged(world, docket).is_empty();
        prop_assert!(none, "a verdict without a claim policy");
        return Ok(());
    };
    for ((_, kind), counted) in grants(world, docket, policy.window_by) {
        if policy.cap_applies_to == CapAppliesTo::TrainingOnly && kind == Kind::Assessment {
            continue;
        }
        for first in &counted {
            let inside = |other: &&Counted| match policy.cap_window {
                CapWindow::CalendarYear => other.day.year() == first.day.year(),
                // A window of less than 12 months that begins with `first`.
                CapWindow::Rolling12Months => {
                    let end = first.day.checked_add_months(chrono::Months::new(12)).unwrap_or(NaiveDate::MAX);
                    first.day <= other.day && other.day < end
                }
                CapWindow::Lifetime => true,
            };
            let window: Vec<&Counted> = counted.iter().filter(inside).collect();
            let over = window.len() > policy.cap_count as usize;
            prop_assert!(!(over && window.iter().any(|c| c.new)), "{} grants in a window", window.len());
        }
    }
    Ok(())
}

/// Everything that is granted after the run, by person and kind.
fn grants(world: &World, docket: &Docket, by: WindowBy) -> BTreeMap<(String, Kind), Vec<Counted>> {
    let day = |issued_on: Option<NaiveDate>, claimed_on| match by {
        WindowBy::Claim => claimed_on,
        WindowBy::Certificate => issued_on.unwrap_or(claimed_on),
    };
    let persons = oracle::persons(docket);
    let mut all: BTreeMap<(String, Kind), Vec<Counted>> = BTreeMap::new();
    let mut count = |person: String, kind, day, new| all.entry((person, kind)).or_default().push(Counted { day, new });
    for (person, line) in oracle::persons_of_opening(docket).into_iter().zip(&docket.opening) {
        if let Some(person) = person {
            count(person, line.kind, day(line.issued_on, line.claimed_on), false);
        }
    }
    let judgement = judge_all(docket, &world.catalogue, world.claim_on);
    for ((subject, person), pair) in docket.subjects.iter().zip(&persons).zip(&judgement.verdicts) {
        for grant in docket.grants.iter().filter(|grant| grant.subject == subject.id) {
            count(person.clone(), grant.kind, day(subject.row.issued_on, grant.claimed_on), false);
        }
        for verdict in pair.iter().flatten().filter(|verdict| verdict.outcome == Outcome::Granted) {
            count(person.clone(), verdict.kind, day(subject.row.issued_on, world.claim_on), true);
        }
    }
    all
}

/// The random worlds are no desert: grants are common, and every rule that denies or holds is met.
#[test]
fn the_generators_reach_every_rule() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut met: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..600 {
        let spec = dockets::any_docket().new_tree(&mut runner).unwrap().current();
        let world_spec = worlds::any_world().new_tree(&mut runner).unwrap().current();
        for (outcome, codes, _, warnings) in reckoned(&world(&world_spec), &docket(&spec)).into_values() {
            *met.entry(outcome.code().to_owned()).or_default() += 1;
            for code in codes.split(';').chain(warnings) {
                *met.entry(code.to_owned()).or_default() += 1;
            }
            if let [only] = codes.split(';').collect::<Vec<_>>()[..] {
                *met.entry(format!("{only} alone")).or_default() += 1;
            }
        }
    }
    for rule in Rule::ALL {
        assert!(met.get(rule.code()).is_some_and(|n| *n >= 5), "{} is hardly met: {met:#?}", rule.code());
        let alone = rule.effect() == Effect::Warns || met.contains_key(&format!("{} alone", rule.code()));
        assert!(alone, "{} never decides alone: {met:#?}", rule.code());
    }
    assert!(met["granted"] >= 300, "{met:#?}");
}
