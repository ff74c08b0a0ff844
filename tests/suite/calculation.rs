//! The golden cases of `tests/calculation/`: figures worked by hand, held against the judge and the oracle.
//!
//! The syntax of the cases stands in `tests/calculation/README.md`. Figures there are never produced by running code.

mod catalogue;
mod facts;
mod tables;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use shenling::subsidy::course::Kind;
use shenling::subsidy::judge::judge_all;
use shenling::subsidy::verdict::{Effect, Outcome, Rule};

use super::oracle;
use facts::Facts;
use tables::{Paper, read_paper};

/// What a verdict says, for comparison: `核定 1000.00元 提示 W4`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    outcome: Outcome,
    failing: BTreeSet<&'static str>,
    warnings: BTreeSet<&'static str>,
    amount: Option<i64>,
}

type Answers = Vec<[Option<Said>; 2]>;

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/calculation"))
}

/// All files of cases, in the order of their names.
fn papers() -> Vec<(String, Paper)> {
    let mut papers = Vec::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name == "README.md" {
            continue;
        }
        assert_eq!(path.extension().and_then(|e| e.to_str()), Some("md"), "{name} is no case");
        let paper = read_paper(&std::fs::read_to_string(&path).unwrap()).unwrap_or_else(|e| panic!("{name}: {e}"));
        papers.push((name, paper));
    }
    papers.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(!papers.is_empty(), "there are no cases");
    papers
}

fn by_the_judge(facts: &Facts) -> Answers {
    let judgement = judge_all(&facts.docket, &facts.catalogue, facts.claim_on);
    let said = |verdict: shenling::subsidy::verdict::Verdict| {
        let codes = |warns: bool| {
            verdict.rules.iter().filter(|r| (r.effect() == Effect::Warns) == warns).map(Rule::code).collect()
        };
        Said {
            outcome: verdict.outcome,
            failing: codes(false),
            warnings: codes(true),
            amount: verdict.payable.as_ref().map(|payable| payable.amount.0),
        }
    };
    judgement.verdicts.into_iter().map(|pair| pair.map(|verdict| verdict.map(said))).collect()
}

fn by_the_oracle(facts: &Facts) -> Answers {
    let said = |answer: oracle::Answer| Said {
        outcome: answer.outcome,
        failing: answer.failing.into_iter().collect(),
        warnings: answer.warnings.into_iter().collect(),
        amount: answer.amount,
    };
    oracle::answers(&facts.docket, &facts.catalogue, facts.claim_on)
        .into_iter()
        .map(|pair| pair.map(|answer| answer.map(said)))
        .collect()
}

fn check_all(answer: impl Fn(&Facts) -> Answers) {
    let mut wrong = String::new();
    for (name, paper) in papers() {
        for case in &paper.cases {
            let facts = Facts::of(case).unwrap_or_else(|e| panic!("{name}, {}: {e}", case.title));
            let answers = answer(&facts);
            for expected in &facts.expected {
                let pair = answers.get(expected.subject);
                let found = pair.and_then(|pair| pair[expected.kind.index()].as_ref());
                if found != expected.said.as_ref() {
                    let (row, kind) = (&expected.row, expected.kind.name());
                    let _ = writeln!(wrong, "{name}, {}, 行 {row}, {kind}:", case.title);
                    let _ = writeln!(wrong, "  by hand {:?}\n  found   {found:?}", expected.said);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn the_judge_says_what_was_worked_by_hand() {
    check_all(by_the_judge);
}

#[test]
fn the_oracle_says_what_was_worked_by_hand() {
    check_all(by_the_oracle);
}

/// Each rule has its own paper in which it fails at least once and, for the same kind, at least once does not.
#[test]
fn every_rule_has_a_failing_and_a_passing_case() {
    let papers = papers();
    for rule in Rule::ALL {
        let name = format!("{}-{}.md", rule.number(), rule.code());
        let (_, paper) = papers.iter().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("no {name}"));
        let mut seen = BTreeSet::new();
        for case in &paper.cases {
            for expected in Facts::of(case).unwrap().expected {
                let said = expected.said.unwrap_or_else(|| panic!("{name}: without a verdict nothing is shown"));
                let fails = said.failing.contains(rule.code()) || said.warnings.contains(rule.code());
                seen.insert((expected.kind, fails));
            }
        }
        let both = Kind::ALL.into_iter().any(|kind| seen.contains(&(kind, true)) && seen.contains(&(kind, false)));
        assert!(both, "{name} lacks a failing or a passing neighbour");
    }
}

#[test]
fn a_case_with_a_mistake_is_refused() {
    let good = "# 题\n\n## 一\n\n### 考核结果\n| 行 |\n|---|\n| 1 |\n\n### 步骤\n无。\n\n### 应得\n\
                | 行 | 种类 | 结果 | 金额 |\n|---|---|---|---|\n| 1 | 培训 | 核定 | 1000.00 |\n";
    let read = |text: &str| read_paper(text).and_then(|paper| Facts::of(&paper.cases[0]).map(|_| ()));
    assert_eq!(read(good), Ok(()));
    for (from, to) in [
        ("| 行 |\n", "| 航 |\n"),
        ("### 考核结果", "### 考核"),
        ("### 步骤\n无。\n", "### 步骤\n"),
        ("| 1 | 培训 | 核定 | 1000.00 |\n", ""),
        ("| 1 | 培训 | 核定 | 1000.00 |", "| 1 | 培训 | 核定 | |"),
        ("| 1 | 培训 | 核定 | 1000.00 |", "| 1 | 培训 | 待补正 | 1000.00 |"),
        ("| 1 | 培训 | 核定 | 1000.00 |", "| 2 | 培训 | 核定 | 1000.00 |"),
        ("| 1 | 培训 | 核定 | 1000.00 |", "| 1 | 培训 | 核定 | 1000 |"),
        ("| 1 | 培训 | 核定 | 1000.00 |", "| 1 | 培训 | 核定 |"),
    ] {
        assert!(read(&good.replace(from, to)).is_err(), "{from} -> {to}");
    }
}
