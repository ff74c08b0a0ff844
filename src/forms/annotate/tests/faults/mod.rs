//! Workbooks that must fail, written by several programs: every planted fault is named in its cell and none is invented.
//!
//! `tests/fixtures/faults/make.py` writes them, with what must be said of each.

mod copies;
mod corpus;
mod nasty;
mod own;
mod typing;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use self::corpus::{catalogue, corpus, findings, repairs};
use crate::forms::annotate::tests::list_of;
use crate::forms::reading::FileKind;
use crate::subsidy::finding::Code;

/// What is in one list and not in the other.
fn apart<T: Ord + Clone + std::fmt::Debug>(wanted: &[T], found: &[T]) -> String {
    let mut rest = found.to_vec();
    let mut missed = Vec::new();
    for one in wanted {
        match rest.iter().position(|other| other == one) {
            Some(at) => drop(rest.remove(at)),
            None => missed.push(one.clone()),
        }
    }
    if missed.is_empty() && rest.is_empty() { String::new() } else { format!(" missed {missed:?} invented {rest:?}") }
}

#[test]
fn every_planted_fault_is_named_in_its_cell_and_none_is_invented() {
    let catalogue = catalogue();
    let mut wrong = Vec::new();
    for planted in corpus() {
        let entry = &planted.entry;
        let reading = planted.read(&entry.file, &planted.bytes, &catalogue);
        let mut said = apart(&entry.findings, &findings(&reading));
        said += &apart(&entry.repairs, &repairs(&reading));
        let counted = (reading.kind.map(FileKind::code), reading.rows, reading.set_aside, reading.duplicates);
        let wanted = (entry.form.as_deref(), entry.rows, entry.aside, entry.repeats);
        if counted != wanted {
            let _ = write!(said, " counted {counted:?} wanted {wanted:?}");
        }
        // Whatever is good is taken, whatever stands beside it.
        let good = entry.rows - entry.aside - entry.repeats;
        if entry.form.as_deref() != Some("plan") && reading.content.len() != good as usize {
            let _ = write!(said, " took {} of {good}", reading.content.len());
        }
        if list_of(&reading).errors().next().is_none() {
            said += " an empty list";
        }
        if !said.is_empty() {
            wrong.push(format!("{}:{said}", entry.file));
        }
    }
    assert!(wrong.is_empty(), "{} workbooks:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn there_are_enough_of_them_and_two_programs_write_each_fault() {
    let corpus = corpus();
    assert!(corpus.len() >= 150, "{}", corpus.len());
    let mut programs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for planted in &corpus {
        for [_, _, code, _] in &planted.entry.findings {
            programs.entry(code).or_default().insert(&planted.entry.by);
        }
    }
    for code in Code::ALL {
        // What is claimed already only the store knows, and who sent it only the door.
        let elsewhere = [Code::AlreadyClaimed, Code::NotEntitled].contains(code);
        let enough = elsewhere || programs.get(code.as_str()).is_some_and(|by| by.len() >= 2);
        assert!(enough, "{code}: {:?}", programs.get(code.as_str()));
    }
}
