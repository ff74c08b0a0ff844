//! Broken histories: every rule can fail, and says so of the very thing that is broken.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use shenling::store::{Counts, GivenNotice, Notice};
use shenling::subsidy::batch::Totals;
use shenling::subsidy::course::Kind;
use shenling::subsidy::duty::Step;
use shenling::subsidy::money::Fen;

use super::post::Copies;
use super::rules::{self, Grant, Moment, Verdict};

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// What a rule says of a broken history must name what is broken.
fn names(verdict: Verdict, what: &str) {
    let violation = verdict.expect_err("the rule does not see what is broken");
    assert!(violation.what.contains(what), "{violation:?}");
}

fn grant(batch: usize, claim_on: &str, assessment: i64, level: &str) -> Grant {
    Grant {
        batch,
        claim_on: date(claim_on),
        person: 1,
        kind: Kind::Training,
        occupation: "welder".to_owned(),
        level: level.to_owned(),
        assessment,
        reversed_in: None,
    }
}

#[test]
fn a_fourth_claim_of_a_year_is_seen_and_a_reversed_one_is_free() {
    let mut grants: Vec<Grant> =
        (0..4).map(|n| grant(n, "2027-03-05", i64::try_from(n).unwrap(), &format!("{n}"))).collect();
    names(rules::nobody_is_paid_more_often_than_the_cap(&grants, 3), "4 with");
    assert_eq!(rules::nobody_is_paid_more_often_than_the_cap(&grants[..3], 3), Ok(()));
    grants[0].reversed_in = Some(3);
    assert_eq!(rules::nobody_is_paid_more_often_than_the_cap(&grants, 3), Ok(()));
    grants[0].reversed_in = Some(4);
    names(rules::nobody_is_paid_more_often_than_the_cap(&grants, 3), "4 with");
    grants[0] = grant(0, "2026-12-31", 0, "0");
    assert_eq!(rules::nobody_is_paid_more_often_than_the_cap(&grants, 3), Ok(()));
}

#[test]
fn the_same_level_within_a_year_is_seen() {
    let again = |on| vec![grant(0, "2027-03-05", 1, "5"), grant(1, on, 2, "5")];
    names(rules::the_same_is_not_paid_again_within_a_year(&again("2028-03-04")), "2028-03-04");
    names(rules::the_same_is_not_paid_again_within_a_year(&again("2026-03-06")), "2026-03-06");
    assert_eq!(rules::the_same_is_not_paid_again_within_a_year(&again("2028-03-05")), Ok(()));
    let mut other = again("2027-04-05");
    other[1].person = 2;
    assert_eq!(rules::the_same_is_not_paid_again_within_a_year(&other), Ok(()));
}

#[test]
fn a_line_in_two_batches_is_seen() {
    let mut twice = vec![grant(0, "2027-03-05", 1, "5"), grant(2, "2028-06-05", 1, "5")];
    names(rules::no_line_is_granted_twice(&twice), "batch: 2");
    twice[0].reversed_in = Some(1);
    assert_eq!(rules::no_line_is_granted_twice(&twice), Ok(()));
}

#[test]
fn wrong_control_totals_are_seen() {
    let line = |person: &str, fen: i64| (format!("training|P|I|welder|5|1|{person}|T|N|2027-01-01|{fen}"), fen);
    let lines = [line("b", 100), line("a", -30)];
    let hash = shenling::store::sha256_hex(format!("{}\n{}\n", lines[1].0, lines[0].0).as_bytes());
    let right = Totals { persons: 2, lines: 2, sum: Fen(70), lines_sha256: hash };
    let rule = |totals: &Totals| rules::the_control_totals_are_those_of_the_lines("CZ-1", totals, &lines);
    assert_eq!(rule(&right), Ok(()));
    for wrong in [
        Totals { persons: 1, ..right.clone() },
        Totals { lines: 3, ..right.clone() },
        Totals { sum: Fen(71), ..right.clone() },
        Totals { lines_sha256: "0".repeat(64), ..right.clone() },
    ] {
        names(rule(&wrong), "CZ-1");
    }
}

#[test]
fn a_gap_in_batch_numbers_is_seen() {
    let numbers = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let right = numbers(&["CZ-2027-Q1-001", "CZ-2027-Q2-001", "CZ-2027-Q1-002"]);
    assert_eq!(rules::batch_numbers_run_without_gap(&right), Ok(()));
    names(rules::batch_numbers_run_without_gap(&numbers(&["CZ-2027-Q1-001", "CZ-2027-Q1-003"])), "Q1-003");
    names(rules::batch_numbers_run_without_gap(&numbers(&["CZ-2027-Q1-001", "CZ-2027-Q1-001"])), "Q1-001");
    names(rules::batch_numbers_run_without_gap(&numbers(&["CZ-2027-Q1-002"])), "Q1-002");
}

#[test]
fn a_sealed_batch_that_changes_or_goes_is_seen() {
    let seals = |hash: &str| BTreeMap::from([("CZ-1".to_owned(), hash.to_owned())]);
    assert_eq!(rules::what_is_sealed_stays(&seals("a"), &seals("a")), Ok(()));
    names(rules::what_is_sealed_stays(&seals("a"), &seals("b")), "CZ-1");
    names(rules::what_is_sealed_stays(&seals("a"), &BTreeMap::new()), "CZ-1");
}

fn notice(prison: &str, step: u32, letter: &str) -> GivenNotice {
    GivenNotice {
        notice: Notice {
            duty: "plan".to_owned(),
            term: "2028".to_owned(),
            prison: prison.to_owned(),
            step: Step::before(step),
            planned_on: date("2027-11-16"),
            late: false,
            next_on: None,
        },
        letter: letter.to_owned(),
        at: DateTime::<Utc>::UNIX_EPOCH,
    }
}

#[test]
fn a_step_that_is_told_twice_is_seen() {
    let told = [notice("甲", 14, "a"), notice("甲", 7, "b"), notice("乙", 14, "c")];
    assert_eq!(rules::every_step_is_told_once(&told), Ok(()));
    let twice = [told[0].clone(), told[2].clone(), notice("甲", 14, "d")];
    names(rules::every_step_is_told_once(&twice), "甲");
}

#[test]
fn a_reminder_to_the_wrong_one_or_at_the_wrong_time_is_seen() {
    let right = Moment { owes: true, has_address: true, is_open: true, today: date("2027-11-16") };
    let rule = |moment: Moment| rules::a_notice_goes_to_who_owes_in_office_hours(&notice("甲", 14, "a"), moment);
    assert_eq!(rule(right), Ok(()));
    for wrong in [
        Moment { owes: false, ..right },
        Moment { has_address: false, ..right },
        Moment { is_open: false, ..right },
        Moment { today: date("2027-11-15"), ..right },
    ] {
        names(rule(wrong), "甲");
    }
}

#[test]
fn a_burst_of_letters_is_seen() {
    let merged = [notice("甲", 14, "a"), notice("甲", 7, "a"), notice("乙", 14, "b")];
    assert_eq!(rules::a_prison_gets_one_letter_a_round(&merged), Ok(()));
    names(rules::a_prison_gets_one_letter_a_round(&[merged[0].clone(), notice("甲", 7, "c")]), "甲");
}

#[test]
fn a_reminder_that_never_came_is_seen() {
    let rule = |due, told| rules::nobody_who_owes_is_forgotten("甲", 2028, due, told);
    assert_eq!(rule(None, None), Ok(()));
    assert_eq!(rule(Some(Step::before(7)), Some(Step::before(3))), Ok(()));
    names(rule(Some(Step::before(7)), Some(Step::before(14))), "甲");
    names(rule(Some(Step::before(60)), None), "甲");
}

#[test]
fn a_copy_without_doubt_without_mark_or_with_other_words_is_seen() {
    let rule = |copies: &Copies, doubts| rules::a_mail_leaves_once_and_again_only_in_doubt("id-1", copies, doubts);
    let twice = Copies { left: 2, accepted: 2, ..Copies::default() };
    assert_eq!(rule(&twice, 1), Ok(()));
    names(rule(&twice, 0), "id-1");
    names(rule(&Copies { unmarked: 1, ..twice.clone() }, 1), "id-1");
    names(rule(&Copies { differing: 1, ..twice.clone() }, 1), "id-1");
}

#[test]
fn a_lost_or_stuck_delivery_is_seen() {
    let rule = rules::a_delivery_ends_and_is_done_only_where_it_arrived;
    assert_eq!(rule("k", "done", true), Ok(()));
    assert_eq!(rule("k", "aside", false), Ok(()));
    names(rule("key-1", "done", false), "key-1");
    names(rule("key-1", "due", false), "key-1");
    names(rule("key-1", "sending", true), "key-1");
}

#[test]
fn a_row_of_which_nobody_hears_is_seen() {
    let right = Counts { rows: 5, taken: 3, duplicates: 1, superseded: 1, set_aside: 1, ..Counts::default() };
    assert_eq!(rules::every_row_is_taken_or_told("a.csv", &right, 5), Ok(()));
    names(rules::every_row_is_taken_or_told("a.csv", &right, 6), "6 rows");
    for wrong in [Counts { taken: 2, ..right }, Counts { set_aside: 2, ..right }, Counts { superseded: 4, ..right }] {
        names(rules::every_row_is_taken_or_told("a.csv", &wrong, 5), "a.csv");
    }
}

#[test]
fn a_file_that_is_lost_or_left_is_seen() {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(rules::every_file_is_kept(&set(&["a"]), &set(&["a", "b"]), &[]), Ok(()));
    names(rules::every_file_is_kept(&set(&["a", "c"]), &set(&["a", "b"]), &[]), "c");
    names(rules::every_file_is_kept(&set(&["a"]), &set(&["a"]), &["left.csv".to_owned()]), "left.csv");
}

#[test]
fn a_second_round_that_does_something_is_seen() {
    assert_eq!(rules::a_second_round_changes_nothing("a\nb\n", "a\nb\n"), Ok(()));
    names(rules::a_second_round_changes_nothing("a\nb\n", "a\nb\nnotice\n"), "notice");
    names(rules::the_same_seed_gives_the_same_life("a\nb\n", "a\nc\n"), "\"c\"");
}
