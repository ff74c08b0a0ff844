//! Batches of random lines with reversals: sums, groups and balances hold together.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use shenling::subsidy::assessment::ResultRow;
use shenling::subsidy::batch::{BalanceKey, Line, Reverses, balances, groups, totals as control_totals};
use shenling::subsidy::course::{Category, CertificateType, Kind, Level};
use shenling::subsidy::money::Fen;
use shenling::subsidy::verdict::{Payable, RuleSet};

use super::worlds::{INSTITUTIONS, OCCUPATIONS, PRISONS, parse};

#[derive(Clone, Debug)]
struct LineSpec {
    prison: usize,
    institution: usize,
    occupation: usize,
    class: u8,
    person: u8,
    training: bool,
    base: i64,
    cut: i64,
    reversal: bool,
}

fn line_spec() -> impl Strategy<Value = LineSpec> {
    let bases = prop_oneof![Just(100_000_i64), Just(130_000), 1..200_000_i64];
    let where_from = (0..2_usize, 0..2_usize, 0..2_usize, 0..2_u8);
    (where_from, 0..6_u8, any::<bool>(), bases, 0..3_i64, prop::bool::weighted(0.3)).prop_map(
        |((prison, institution, occupation, class), person, training, base, cut, reversal)| LineSpec {
            prison,
            institution,
            occupation,
            class,
            person,
            training,
            base,
            cut,
            reversal,
        },
    )
}

fn line(spec: &LineSpec, i: usize) -> Line {
    let day = parse("2026-03-01");
    let amount = Fen((spec.base - spec.cut * 50).max(1));
    let row = ResultRow {
        prison: PRISONS[spec.prison].into(),
        number: format!("100{}", spec.person),
        name: "赵甲".to_owned(),
        resident_id: None,
        training_institution: INSTITUTIONS[spec.institution].into(),
        assessment_institution: INSTITUTIONS[1 - spec.institution].into(),
        category: Category::Employment,
        occupation: OCCUPATIONS[spec.occupation].into(),
        occupation_code: None,
        level: Level::Five,
        class: format!("第{}期", spec.class),
        started_on: day,
        ended_on: day,
        hours: None,
        hours_theory: None,
        hours_practice: None,
        assessed_on: day,
        score_theory: None,
        score_practice: None,
        passed: true,
        certificate_type: Some(CertificateType::SkillLevel),
        certificate_number: Some(format!("A-{i}")),
        issued_on: Some(day),
        fee: None,
        completed: true,
        remark: None,
    };
    Line {
        number: u32::try_from(i + 1).unwrap(),
        kind: if spec.training { Kind::Training } else { Kind::Assessment },
        assessment_id: i64::try_from(i).unwrap(),
        row: Arc::new(row),
        person_key: format!("常州监狱/{}", spec.person).into(),
        sex: None,
        amount: if spec.reversal { Fen(-amount.0) } else { amount },
        payable: Payable { base: Fen(spec.base), fee: None, share_permille: 1000, amount, citation: "".into(), nth: 1 },
        warnings: RuleSet::EMPTY,
        late: false,
        reverses: spec
            .reversal
            .then(|| Box::new(Reverses { batch: "CZ-2026-Q1-001".to_owned(), line: 1, reason: "更正".to_owned() })),
    }
}

fn lines(specs: &[LineSpec]) -> Vec<Line> {
    specs.iter().enumerate().map(|(i, spec)| line(spec, i)).collect()
}

fn batch() -> impl Strategy<Value = Vec<LineSpec>> {
    prop::collection::vec(line_spec(), 0..24)
}

proptest! {
    #[test]
    fn the_sum_of_lines_is_the_control_total(specs in batch()) {
        let lines = lines(&specs);
        let totals = control_totals(&lines);
        let mut sum = 0;
        let mut persons = Vec::new();
        for line in &lines {
            sum += line.amount.0;
            if !persons.contains(&&line.person_key) {
                persons.push(&line.person_key);
            }
        }
        prop_assert_eq!(totals.sum.0, sum);
        prop_assert_eq!(totals.lines as usize, specs.len());
        prop_assert_eq!(totals.persons as usize, persons.len());
        let mut backwards: Vec<Line> = lines.iter().rev().cloned().collect();
        prop_assert_eq!(&control_totals(&backwards), &totals, "the order of lines changes no total");
        if let Some(line) = backwards.first_mut() {
            line.amount.0 += 1;
            prop_assert_ne!(control_totals(&backwards).lines_sha256, totals.lines_sha256);
        }
    }

    #[test]
    fn groups_hold_every_line_once(specs in batch()) {
        let lines = lines(&specs);
        let groups = groups(&lines);
        let mut held: Vec<usize> = groups.iter().flat_map(|group| group.lines.clone()).collect();
        held.sort_unstable();
        prop_assert_eq!(held, (0..lines.len()).collect::<Vec<_>>());
        for (group, number) in groups.iter().zip(1..) {
            prop_assert_eq!(group.number, number);
            prop_assert!(!group.lines.is_empty());
            for i in &group.lines {
                let (line, key) = (&lines[*i], &group.key);
                let institution = match line.kind {
                    Kind::Training => &line.row.training_institution,
                    Kind::Assessment => &line.row.assessment_institution,
                };
                prop_assert_eq!((&key.kind, &key.prison, &key.institution), (&line.kind, &line.row.prison, institution));
                prop_assert_eq!((&key.occupation, &key.class), (&line.row.occupation, &line.row.class));
                prop_assert_eq!((key.base, key.share_permille), (line.payable.base, line.payable.share_permille));
            }
        }
        for (i, one) in groups.iter().enumerate() {
            prop_assert!(groups[..i].iter().all(|other| other.key != one.key), "two groups with one key");
        }
    }

    /// Batch after batch: nothing is paid below zero, nothing is carried above it, and no fen is lost or made.
    #[test]
    fn balances_conserve_every_fen(batches in prop::collection::vec(batch(), 1..5)) {
        let mut carried: BTreeMap<BalanceKey, Fen> = BTreeMap::new();
        let (mut claimed, mut paid) = (0, 0);
        for specs in &batches {
            let lines = lines(specs);
            let balances = balances(&lines, &carried);
            let before: i64 = carried.values().map(|fen| fen.0).sum();
            let sum: i64 = lines.iter().map(|line| line.amount.0).sum();
            let mut after = 0;
            for balance in &balances {
                prop_assert!(balance.payable.0 >= 0 && balance.carried_out.0 <= 0);
                prop_assert!(balance.payable.0 == 0 || balance.carried_out.0 == 0);
                prop_assert!(balance.granted.0 >= 0 && balance.reversed.0 <= 0);
                let net = balance.granted.0 + balance.reversed.0 + balance.carried_in.0;
                prop_assert_eq!(net, balance.payable.0 + balance.carried_out.0);
                let key = (balance.prison.clone(), balance.institution.clone(), balance.kind);
                prop_assert_eq!(balance.carried_in, carried.get(&key).copied().unwrap_or_default());
                after += balance.carried_out.0;
                paid += balance.payable.0;
                carried.insert(key, balance.carried_out);
            }
            claimed += sum;
            let payable: i64 = balances.iter().map(|balance| balance.payable.0).sum();
            prop_assert_eq!(before + sum, payable + after);
        }
        prop_assert_eq!(claimed, paid + carried.values().map(|fen| fen.0).sum::<i64>());
    }
}
