//! What only the whole file shows: repeated rows, two versions of one assessment, one person in two courses at once.
//!
//! Only rows that are otherwise taken are compared here: a fault in one row never sets another one aside. What contradicts
//! another row, whatever becomes of it, is told by [`super::contradictions`].

use std::collections::HashMap;
use std::hash::Hash;

use rayon::prelude::*;

use super::Placed;
use super::contradictions::{Beside, contradictions};
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
pub(super) fn compare_results(rows: Vec<Placed<ResultRow>>, beside: &Beside<'_>) -> Compared<ResultRow> {
    let (findings, Versions { first_of, differing }) =
        rayon::join(|| contradictions(&rows, beside), || Versions::among(&rows));
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
    compared.kept = rows
        .into_iter()
        .enumerate()
        .filter(|(i, _)| first_of[*i] == *i && !differing.contains_key(i))
        .map(|(_, row)| row)
        .collect();
    compared.findings.append(&mut overlaps(&compared.kept));
    compared
}

/// Which rows of a file are about one assessment.
struct Versions {
    /// Per row the index of the first row of its assessment.
    first_of: Vec<usize>,
    /// By that index, the first row that says something else.
    differing: HashMap<usize, usize>,
}

impl Versions {
    fn among(rows: &[Placed<ResultRow>]) -> Versions {
        // By RULES section 2 (the same fields as `AssessmentKey`, borrowed).
        let mut first_by_key = HashMap::with_capacity(rows.len());
        let mut versions = Versions { first_of: Vec::with_capacity(rows.len()), differing: HashMap::new() };
        for (i, Placed { row, .. }) in rows.iter().enumerate() {
            let key = (&*row.prison, &*row.number, &*row.occupation, row.level, &*row.class, row.assessed_on);
            let first = *first_by_key.entry(key).or_insert(i);
            versions.first_of.push(first);
            if first != i && rows[first].row.compared() != row.compared() {
                versions.differing.entry(first).or_insert(i);
            }
        }
        versions
    }
}

fn two_versions(row: &Placed<ResultRow>, other: &Placed<ResultRow>) -> Finding {
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
    let mut findings = contradictions(&rows, beside);
    let mut compared = drop_repeats(rows, beside);
    compared.findings.append(&mut findings);
    compared
}

/// Drops rows that repeat an earlier one in every field.
pub(super) fn drop_repeats<T: Eq + Hash>(rows: Vec<Placed<T>>, _: &Beside<'_>) -> Compared<T> {
    let mut first_of = HashMap::with_capacity(rows.len());
    let firsts: Vec<usize> = rows.iter().enumerate().map(|(i, row)| *first_of.entry(&row.row).or_insert(i)).collect();
    drop(first_of);
    let repeats = || firsts.iter().enumerate().filter(|(i, first)| i != *first);
    let findings: Vec<Finding> = repeats().map(|(i, first)| repeated(&rows[i], &rows[*first])).collect();
    Compared {
        kept: rows.into_iter().zip(0..).filter(|(_, i)| firsts[*i] == *i).map(|(row, _)| row).collect(),
        duplicates: u32::try_from(findings.len()).unwrap_or(u32::MAX),
        set_aside: 0,
        findings,
    }
}

/// `overlap-doubt`: courses of one person that share a day, at the later starting one. Taken rows only.
fn overlaps(rows: &[Placed<ResultRow>]) -> Vec<Finding> {
    let mut order: Vec<&Placed<ResultRow>> = rows.iter().collect();
    let same_person = |a: &ResultRow, b: &ResultRow| a.number == b.number && a.prison == b.prison;
    order.par_sort_by(|a, b| {
        let key = |p: &Placed<ResultRow>| (p.row.started_on, p.row.ended_on, p.row_number);
        (&*a.row.prison, &*a.row.number).cmp(&(&*b.row.prison, &*b.row.number)).then_with(|| key(a).cmp(&key(b)))
    });
    let mut findings = Vec::new();
    // The course of the same person that ends last, so far.
    let mut last: Option<&Placed<ResultRow>> = None;
    for placed in order {
        let earlier = last.filter(|last| same_person(&last.row, &placed.row));
        if let Some(earlier) = earlier.filter(|earlier| placed.row.started_on <= earlier.row.ended_on)
            && !is_same_course(&earlier.row, &placed.row)
        {
            findings.push(overlap(placed, earlier));
        }
        if earlier.is_none_or(|earlier| placed.row.ended_on >= earlier.row.ended_on) {
            last = Some(placed);
        }
    }
    findings
}

fn is_same_course(a: &ResultRow, b: &ResultRow) -> bool {
    (&a.training_institution, &a.occupation, a.level, &a.class)
        == (&b.training_institution, &b.occupation, b.level, &b.class)
}

fn overlap(placed: &Placed<ResultRow>, earlier: &Placed<ResultRow>) -> Finding {
    let dates = |row: &ResultRow| format!("{} 至 {}", row.started_on, row.ended_on);
    let advice = "此人（同一罪犯编号）在本文件中同时参加另一个班，请核对两个班的开班日期、结业日期";
    let seen = format!("{}；{}：{}", dates(&placed.row), row_of(placed, earlier), dates(&earlier.row));
    found(placed, Code::OverlapDoubt, Severity::Warning, (seen, advice))
}
