//! What only the whole file shows: repeated rows, two versions of one assessment, one person in two courses at once.
//!
//! Only rows that are otherwise taken are compared here: a fault in one row never sets another one aside. What contradicts
//! another row, whatever becomes of it, is told by [`super::contradictions`].

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use chrono::NaiveDate;
use rayon::prelude::*;

use super::Placed;
use super::contradictions::{Beside, contradictions};
use crate::subsidy::alike::firsts;
use crate::subsidy::assessment::{ResultRow, RosterRow};
use crate::subsidy::finding::{Code, Finding, Severity};

/// Rows after comparison.
pub(super) struct Compared<T> {
    /// Rows that are taken.
    pub kept: Vec<Placed<T>>,
    /// Repeats of a row that is taken.
    pub duplicates: u32,
    /// Rows that were set aside.
    pub set_aside: u32,
    /// `two-versions`, `repeated-row`, and contradictions between rows.
    pub findings: Vec<Finding>,
}

/// Drops repeats, and sets aside every row of an assessment that stands in the file in two versions.
pub(super) fn compare_results(rows: Vec<Placed<Arc<ResultRow>>>, beside: &Beside<'_>) -> Compared<Arc<ResultRow>> {
    let (findings, Versions { persons, first_of, differing }) =
        rayon::join(|| contradictions(&rows, beside), || Versions::among(&rows));
    let is_kept = |i: usize| first_of[i] == i && !differing.contains_key(&i);
    let mut compared = Compared { kept: Vec::new(), duplicates: 0, set_aside: 0, findings };
    for (i, first) in first_of.iter().enumerate() {
        if let Some(other) = differing.get(first) {
            // Each row names one that differs; those that equal the first name the first differing one.
            let other = if rows[i].row.compared() == rows[*first].row.compared() { *other } else { *first };
            compared.findings.push(two_versions(&rows[i], &rows[other]));
            compared.set_aside += 1;
        } else if *first != i {
            compared.findings.push(repeated(&rows[i], &rows[*first]));
            compared.duplicates += 1;
        }
    }
    compared.findings.append(&mut overlaps(&rows, &persons, is_kept));
    compared.kept = rows.into_iter().zip(0..).filter(|(_, i)| is_kept(*i)).map(|(row, _)| row).collect();
    compared
}

/// Which rows of a file are about one person, and about one assessment.
struct Versions {
    /// Per row the index of the first row of its prison and prisoner number.
    persons: Vec<usize>,
    /// Per row the index of the first row of its assessment.
    first_of: Vec<usize>,
    /// By that index, the first row that says something else.
    differing: HashMap<usize, usize>,
}

impl Versions {
    fn among(rows: &[Placed<Arc<ResultRow>>]) -> Versions {
        let place = |at: usize| (&*rows[at].row.prison, &*rows[at].row.number);
        // By RULES section 2 (the same fields as `AssessmentKey`, borrowed).
        let assessment = |at: usize| {
            let row = &*rows[at].row;
            (place(at), &*row.occupation, row.level, &*row.class, row.assessed_on)
        };
        let persons = || firsts(rows.len(), |at| Some(place(at)));
        let (persons, first_of) = rayon::join(persons, || firsts(rows.len(), |at| Some(assessment(at))));
        let mut differing = HashMap::new();
        for (i, first) in first_of.iter().enumerate().filter(|(i, first)| i != *first) {
            if rows[*first].row.compared() != rows[i].row.compared() {
                differing.entry(*first).or_insert(i);
            }
        }
        Versions { persons, first_of, differing }
    }
}

fn two_versions(row: &Placed<Arc<ResultRow>>, other: &Placed<Arc<ResultRow>>) -> Finding {
    let advice = "同一人的同一次考核在本文件中有几行，内容不同；请按罪犯编号找到这几行，只保留正确的一行";
    let seen = format!("{}，另见{}", super::clean::shown(&row.row.number), row_of(row, other));
    found(row, Code::TwoVersions, Severity::Error, (seen, advice))
}

/// `repeated-row`: the row is not lost, it is there already.
fn repeated<T>(row: &Placed<T>, first: &Placed<T>) -> Finding {
    let advice = "此行与本文件中前面的一行完全相同，只收一次；如本是另一人或另一次考核，请改正后重新报送";
    found(row, Code::RepeatedRow, Severity::Warning, (format!("与{}完全相同", row_of(row, first)), advice))
}

/// `第 7 行（C7）`, with the sheet where it is another one.
fn row_of<T>(row: &Placed<T>, other: &Placed<T>) -> String {
    let sheet = if row.sheet == other.sheet { String::new() } else { format!("“{}”", other.sheet) };
    format!("{sheet}第 {} 行（{}）", other.row_number, other.number_cell)
}

/// A finding at the 罪犯编号 of a row.
fn found<T>(row: &Placed<T>, code: Code, severity: Severity, (seen, advice): (String, &str)) -> Finding {
    let (sheet, cell, advice) = (row.sheet.to_string(), row.number_cell.clone(), advice.to_owned());
    Finding { sheet, cell, code, severity, seen, advice }
}

/// Drops repeats of a roster.
pub(super) fn compare_roster(rows: Vec<Placed<RosterRow>>, beside: &Beside<'_>) -> Compared<RosterRow> {
    let (mut findings, firsts) = rayon::join(|| contradictions(&rows, beside), || first_of_equals(&rows));
    let mut compared = without_repeats(rows, &firsts);
    compared.findings.append(&mut findings);
    compared
}

/// Drops rows that repeat an earlier one in every field.
pub(super) fn drop_repeats<T: Eq + Hash + Sync>(rows: Vec<Placed<T>>, _: &Beside<'_>) -> Compared<T> {
    let firsts = first_of_equals(&rows);
    without_repeats(rows, &firsts)
}

fn first_of_equals<T: Eq + Hash + Sync>(rows: &[Placed<T>]) -> Vec<usize> {
    firsts(rows.len(), |at| Some(&rows[at].row))
}

fn without_repeats<T>(rows: Vec<Placed<T>>, firsts: &[usize]) -> Compared<T> {
    let repeats = firsts.iter().enumerate().filter(|(i, first)| i != *first);
    let findings: Vec<Finding> = repeats.map(|(i, first)| repeated(&rows[i], &rows[*first])).collect();
    Compared {
        kept: rows.into_iter().zip(0..).filter(|(_, i)| firsts[*i] == *i).map(|(row, _)| row).collect(),
        duplicates: u32::try_from(findings.len()).unwrap_or(u32::MAX),
        set_aside: 0,
        findings,
    }
}

/// `overlap-doubt`: courses of one person that share a day, at the later starting one. Kept rows only.
fn overlaps(
    rows: &[Placed<Arc<ResultRow>>],
    persons: &[usize],
    is_kept: impl Fn(usize) -> bool + Sync,
) -> Vec<Finding> {
    // Person, days of the course, place in the sheet and in the file: all that the order takes, so that no row is looked
    // at again but those that overlap.
    let course = |(i, Placed { row, row_number, .. }): (usize, &Placed<Arc<ResultRow>>)| {
        (persons[i], row.started_on, row.ended_on, *row_number, i)
    };
    let mut courses: Vec<(usize, NaiveDate, NaiveDate, u32, usize)> =
        rows.par_iter().enumerate().filter(|(i, _)| is_kept(*i)).map(course).collect();
    courses.par_sort_unstable();
    let mut findings = Vec::new();
    // The course that ends last, so far: person, last day, row.
    let mut last: Option<(usize, NaiveDate, usize)> = None;
    for (person, started_on, ended_on, _, i) in courses {
        let earlier = last.filter(|(of, ..)| *of == person);
        if let Some((.., earlier)) = earlier.filter(|(_, ended, _)| started_on <= *ended)
            && !is_same_course(&rows[earlier].row, &rows[i].row)
        {
            findings.push(overlap(&rows[i], &rows[earlier]));
        }
        if earlier.is_none_or(|(_, ended, _)| ended_on >= ended) {
            last = Some((person, ended_on, i));
        }
    }
    findings
}

fn is_same_course(a: &ResultRow, b: &ResultRow) -> bool {
    (&a.training_institution, &a.occupation, a.level, &a.class)
        == (&b.training_institution, &b.occupation, b.level, &b.class)
}

fn overlap(placed: &Placed<Arc<ResultRow>>, earlier: &Placed<Arc<ResultRow>>) -> Finding {
    let dates = |row: &ResultRow| format!("{} 至 {}", row.started_on, row.ended_on);
    let advice = "此人（同一罪犯编号）在本文件中同时参加另一个班，请核对两个班的开班日期、结业日期";
    let seen = format!("{}；{}：{}", dates(&placed.row), row_of(placed, earlier), dates(&earlier.row));
    found(placed, Code::OverlapDoubt, Severity::Warning, (seen, advice))
}
