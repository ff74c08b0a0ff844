//! What only the whole file shows: repeated rows, two versions of one assessment, one person in two courses at once.
//!
//! Only rows that are otherwise taken are compared: a fault in one row never sets another one aside.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::Placed;
use crate::subsidy::assessment::ResultRow;
use crate::subsidy::finding::{Code, Finding, Severity};

/// Rows after comparison.
pub(super) struct Compared<T> {
    /// Rows that are taken.
    pub kept: Vec<Placed<T>>,
    /// Repeats of a row that is taken.
    pub duplicates: u32,
    /// Rows that were set aside.
    pub set_aside: u32,
    /// `two-versions`.
    pub findings: Vec<Finding>,
}

/// Drops repeats, and sets aside every row of an assessment that stands in the file in two versions.
pub(super) fn compare_results(rows: Vec<Placed<ResultRow>>) -> Compared<ResultRow> {
    // By RULES section 2 (the same fields as `AssessmentKey`, borrowed): index of the first row of each assessment.
    let mut first_by_key = HashMap::with_capacity(rows.len());
    let mut first_of: Vec<usize> = Vec::with_capacity(rows.len());
    let mut differing: HashMap<usize, usize> = HashMap::new();
    for (i, Placed { row, .. }) in rows.iter().enumerate() {
        let key = (&*row.prison, &*row.number, &*row.occupation, row.level, &*row.class, row.assessed_on);
        let first = *first_by_key.entry(key).or_insert(i);
        first_of.push(first);
        if rows.get(first).is_some_and(|other| other.row.compared() != row.compared()) {
            differing.entry(first).or_insert(i);
        }
    }
    drop(first_by_key);

    let mut compared = Compared { kept: Vec::new(), duplicates: 0, set_aside: 0, findings: Vec::new() };
    for (i, first) in first_of.iter().enumerate() {
        if let Some(other) = differing.get(first) {
            // Each row names one that differs; those that equal the first name the first differing one.
            let other = if rows[i].row.compared() == rows[*first].row.compared() { *other } else { *first };
            compared.findings.push(two_versions(&rows[i], &rows[other]));
            compared.set_aside += 1;
        } else if *first != i {
            compared.duplicates += 1;
        }
    }
    compared.kept = rows
        .into_iter()
        .enumerate()
        .filter(|(i, _)| first_of[*i] == *i && !differing.contains_key(i))
        .map(|(_, row)| row)
        .collect();
    compared
}

fn two_versions(row: &Placed<ResultRow>, other: &Placed<ResultRow>) -> Finding {
    let sheet = if row.sheet == other.sheet { String::new() } else { format!("工作表“{}”", other.sheet) };
    Finding {
        sheet: row.sheet.to_string(),
        cell: row.number_cell.clone(),
        code: Code::TwoVersions,
        severity: Severity::Error,
        seen: super::clean::shown(&row.row.number),
        advice: format!("同一次考核在本文件中有两种内容，另见{sheet}第 {} 行；请只保留正确的一行", other.row_number),
    }
}

/// Drops rows that repeat an earlier one in every field.
pub(super) fn drop_repeats<T: Eq + Hash>(rows: Vec<Placed<T>>) -> Compared<T> {
    let mut seen = HashSet::with_capacity(rows.len());
    let fresh: Vec<bool> = rows.iter().map(|placed| seen.insert(&placed.row)).collect();
    drop(seen);
    let duplicates = fresh.iter().filter(|fresh| !**fresh).count();
    Compared {
        kept: rows.into_iter().zip(fresh).filter_map(|(row, fresh)| fresh.then_some(row)).collect(),
        duplicates: u32::try_from(duplicates).unwrap_or(u32::MAX),
        set_aside: 0,
        findings: Vec::new(),
    }
}

/// `overlap-doubt`: courses of one person that share a day, at the later starting one. Taken rows only.
pub(super) fn overlaps(rows: &[Placed<ResultRow>]) -> Vec<Finding> {
    let mut order: Vec<&Placed<ResultRow>> = rows.iter().collect();
    let same_person = |a: &ResultRow, b: &ResultRow| a.number == b.number && a.prison == b.prison;
    order.sort_by(|a, b| {
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
    let (row, other) = (&placed.row, &earlier.row);
    Finding {
        sheet: placed.sheet.to_string(),
        cell: placed.number_cell.clone(),
        code: Code::OverlapDoubt,
        severity: Severity::Warning,
        seen: format!("{} 至 {}", row.started_on, row.ended_on),
        advice: format!(
            "此人同时参加另一个班（第 {} 行，{} 至 {}），请核对",
            earlier.row_number, other.started_on, other.ended_on
        ),
    }
}
