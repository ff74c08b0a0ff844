//! The planning workbook: which file is one, whose plan of which year it is, and what its four annexes say.
//!
//! Findings: `old-form`, `plan-prison` (no prison at all), `no-header`, `column-missing`, those of cells, and those of
//! [`crate::subsidy::plan::check`].
//!
//! Settled here:
//! - A file is a plan if it carries our mark, or if a sheet is annex 1 or 2 beyond doubt, or holds a form of annex 4. A
//!   roster alone stays a roster.
//! - Prison: that of most rows; without rows the mark's. Year: what 计划年度 says, else the mark, else a title, else that of
//!   most planned starts, else by the day of arrival (the next year from July on).
//! - A workbook of which nothing could be taken is no plan: it does not take the place of the one before.
//! - An addition (临时备案): 计划类型 says so, or its title, or whoever takes the file in; its number is 备案序号. Without
//!   a number it is the first.

mod blocks;
mod classes;
mod tables;

use std::collections::BTreeMap;

use chrono::Datelike;

use super::cell::{is_filled, written};
use super::header::{Layout, header_text};
use super::row::Output;
use super::{
    Content, FileKind, FileReading, FormMark, ReadingContext, columns_missing, count_rows, no_header, of_file,
    other_form,
};
use crate::forms::grid::{FileFault, Sheet, Workbook};
use crate::forms::planning::MARK_NAME;
use crate::subsidy::assessment::Name;
use crate::subsidy::finding::{Code, Finding, Severity};
use crate::subsidy::fragment::Fragment;
use crate::subsidy::plan::check::check;
use crate::subsidy::plan::{Annex, Entry, Plan};

/// Rows above a header in which 计划年度 and the like are looked for; also the rows of a sheet's title.
const MAX_HEAD_ROWS: u32 = 20;
/// From this month of arrival on a plan that says nothing is for the next year.
const PLANNING_FROM_MONTH: u32 = 7;

/// What the head of a sheet says.
#[derive(Default)]
struct Head {
    year: Option<i32>,
    title_year: Option<i32>,
    addition: bool,
    addition_number: Option<u32>,
}

/// What was read so far.
pub(super) struct Draft {
    plan: Plan,
    /// What could be read of rows that came back.
    rest: Vec<(Annex, Entry<Fragment>)>,
    rows: u32,
    set_aside: u32,
    duplicates: u32,
    output: Output,
}

impl Draft {
    /// Counts rows of an annex: seen, and of them set aside.
    fn count(&mut self, annex: Annex, rows: u32, set_aside: u32) {
        self.rows += rows;
        self.set_aside += set_aside;
        let state = self.plan.state_mut(annex);
        state.rows += rows;
        state.unread += set_aside;
    }

    /// Takes over findings and repairs of an annex.
    fn take(&mut self, annex: Annex, output: &mut Output) {
        let errors = output.findings.iter().filter(|finding| finding.severity == Severity::Error).count();
        self.plan.state_mut(annex).errors += u32::try_from(errors).unwrap_or(u32::MAX);
        self.output.append(output);
    }
}

/// Reads a planning workbook; `None`: it is none.
pub(super) fn read(
    workbook: &Workbook,
    sheets: &[(&Sheet, Layout<'_>)],
    asked_for: bool,
    ctx: &ReadingContext<'_>,
) -> Option<FileReading> {
    let mark = workbook.marks.iter().filter(|(name, _)| name == MARK_NAME).find_map(|(_, text)| FormMark::parse(text));
    let is_table = |layout: &Layout<'_>| layout.kind() == FileKind::Plan && layout.is_clear();
    // A sheet that is a table beyond doubt may be long, and holds no forms.
    let is_other =
        |sheet: &&Sheet| !sheets.iter().any(|(known, layout)| layout.is_clear() && std::ptr::eq(*known, *sheet));
    let forms: Vec<blocks::Block<'_>> = workbook.sheets.iter().filter(is_other).flat_map(blocks::blocks).collect();
    let is_plan = mark.is_some() || sheets.iter().any(|(_, layout)| is_table(layout)) || !forms.is_empty();
    if !is_plan && !asked_for {
        return None;
    }
    if let Some(old) = mark.as_ref().filter(|mark| mark.is_old()) {
        return Some(old_form(old));
    }
    let kind = Some(FileKind::Plan);
    if !is_plan && sheets.is_empty() {
        return Some(FileReading { kind, ..super::of_no_form(no_header(workbook)) });
    }
    let head = head(workbook, sheets);
    let mut draft = Draft {
        plan: Plan::empty(Name::from(""), 0, None),
        rest: Vec::new(),
        rows: 0,
        set_aside: 0,
        duplicates: 0,
        output: Output::default(),
    };
    tables(sheets, ctx, &mut draft);
    classes::read(&forms, ctx, &mut draft);
    Some(finish(draft, &head, mark.as_ref(), ctx))
}

/// Annexes 1 to 3.
fn tables(sheets: &[(&Sheet, Layout<'_>)], ctx: &ReadingContext<'_>, draft: &mut Draft) {
    for (sheet, layout) in sheets {
        // What only resembles a form is silent beside one that is it.
        let is_better = |other: &Layout<'_>| other.is_clear() && tables::annex_of(other) == tables::annex_of(layout);
        if !layout.is_clear() && sheets.iter().any(|(_, other)| is_better(other)) {
            continue;
        }
        let Some(annex) = tables::annex_of(layout) else {
            if layout.is_worth_a_file() {
                draft.output.findings.push(other_form(layout, ctx.specs.of(FileKind::Plan)));
            }
            continue;
        };
        if layout.missing.is_empty() {
            tables::read(annex, sheet, layout, ctx, draft);
        } else {
            let rows = count_rows(sheet, layout);
            draft.count(annex, rows, rows);
            let findings = columns_missing(layout).collect();
            draft.take(annex, &mut Output { findings, ..Output::default() });
        }
    }
}

/// Gives the plan its prison and year, and holds it against itself.
fn finish(mut draft: Draft, head: &Head, mark: Option<&FormMark>, ctx: &ReadingContext<'_>) -> FileReading {
    let kind = Some(FileKind::Plan);
    let (prison, year) = (prison_of(&draft, mark, ctx), year_of(&draft, head, mark, ctx));
    let (rows, mut set_aside, duplicates) = (draft.rows, draft.set_aside, draft.duplicates);
    let reading = |content, set_aside, output: Output| FileReading {
        kind,
        sheets: Vec::new(),
        rows,
        set_aside,
        duplicates,
        findings: output.findings,
        repairs: output.repairs,
        content,
    };
    if rows == 0 {
        // An empty form takes nobody's place.
        draft.output.findings.push(of_file(FileFault {
            code: Code::AnnexMissing,
            seen: String::new(),
            advice: "本工作簿没有填写任何内容，请填写后重新报送".to_owned(),
        }));
        return reading(Content::Nothing, 0, draft.output);
    }
    let Some(prison) = prison else {
        let finding = of_file(FileFault {
            code: Code::PlanPrison,
            seen: String::new(),
            advice: "看不出是哪个监狱的计划，请在各表的“监狱”列填写监狱名称后重新报送".to_owned(),
        });
        draft.output.findings.push(finding);
        return reading(Content::Nothing, rows - duplicates, draft.output);
    };
    let addition = head.addition || head.addition_number.is_some() || ctx.addition;
    let plan = Plan { prison, year, addition: addition.then(|| head.addition_number.unwrap_or(1)), ..draft.plan };
    draft.plan = plan;
    let checked = check(&draft.plan, &draft.rest, ctx.catalogue);
    for (annex, finding) in checked.findings {
        if finding.severity == Severity::Error {
            draft.plan.state_mut(annex).errors += 1;
        }
        draft.output.findings.push(finding);
    }
    if draft.plan.rows() == 0 {
        // A form of which every row comes back takes nobody's place either.
        return reading(Content::Nothing, rows - duplicates, draft.output);
    }
    let ineligible = u32::try_from(checked.ineligible.len()).unwrap_or(u32::MAX);
    set_aside += ineligible;
    draft.plan.state_mut(Annex::Three).unread += ineligible;
    let mut index = 0..;
    draft.plan.persons.retain(|_| index.next().is_none_or(|index| !checked.ineligible.contains(&index)));
    reading(Content::Plan(Box::new(draft.plan)), set_aside, draft.output)
}

fn old_form(mark: &FormMark) -> FileReading {
    let advice = format!(
        "本表是旧版（第 {} 版），没有收取；请改用随回执附上的新表填写，没有收到新表的请向牵头监狱索取",
        mark.version
    );
    let finding = of_file(FileFault { code: Code::OldForm, seen: format!("第 {} 版", mark.version), advice });
    let content = Content::OldForm(mark.clone());
    FileReading { kind: Some(FileKind::Plan), content, ..super::of_no_form(finding) }
}

/// The most frequent of some values; of equally frequent ones the first in order.
fn most<T: Ord>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map(|(value, _)| value)
}

fn prison_of(draft: &Draft, mark: Option<&FormMark>, ctx: &ReadingContext<'_>) -> Option<Name> {
    let plan = &draft.plan;
    let stated = plan
        .projects
        .iter()
        .map(|entry| &entry.value.prison)
        .chain(plan.summaries.iter().map(|entry| &entry.value.prison))
        .chain(plan.persons.iter().map(|entry| &entry.value.prison))
        .chain(draft.rest.iter().filter_map(|(_, entry)| entry.value.prison.as_ref()));
    let marked = || mark.and_then(|mark| ctx.catalogue.prison(&mark.prison)).cloned();
    most(stated).cloned().or_else(marked)
}

fn year_of(draft: &Draft, head: &Head, mark: Option<&FormMark>, ctx: &ReadingContext<'_>) -> i32 {
    let starts = draft.plan.projects.iter().map(|entry| entry.value.starts_on.year());
    let classes = draft.plan.classes.iter().map(|entry| entry.value.starts_on.year());
    let rest = draft.rest.iter().filter_map(|(_, entry)| entry.value.starts_on).map(|on| on.year());
    head.year
        .or(mark.map(|mark| mark.year))
        .or(head.title_year)
        .or_else(|| most(starts.chain(classes).chain(rest)))
        .unwrap_or_else(|| ctx.arrived_on.year() + i32::from(ctx.arrived_on.month() >= PLANNING_FROM_MONTH))
}

/// What stands above the tables.
fn head(workbook: &Workbook, sheets: &[(&Sheet, Layout<'_>)]) -> Head {
    let mut head = Head::default();
    for sheet in &workbook.sheets {
        let layout = sheets.iter().find(|(known, _)| std::ptr::eq(*known, sheet)).map(|(_, layout)| layout);
        let Some(layout) = layout.filter(|layout| tables::annex_of(layout).is_some()) else { continue };
        for (_, cells) in sheet.rows().take_while(|(row, _)| *row < layout.last_row.min(MAX_HEAD_ROWS)) {
            let texts: Vec<String> =
                cells.iter().filter(|cell| is_filled(cell)).map(|cell| written(cell).into_owned()).collect();
            for (at, text) in texts.iter().enumerate() {
                head.hear(text, texts.get(at + 1).map(String::as_str));
            }
        }
    }
    head
}

impl Head {
    /// Reads one text above a table; `next` stands to its right.
    fn hear(&mut self, text: &str, next: Option<&str>) {
        let plain = header_text(text);
        let (caption, rest) = plain.split_once(':').unwrap_or((&plain, ""));
        let value = || if rest.is_empty() { next.map(header_text).unwrap_or_default() } else { rest.to_owned() };
        match caption {
            "计划年度" | "年度" => self.year = self.year.or(year_in(&value())),
            "计划类型" => self.addition |= value().contains("临时"),
            "备案序号" => self.addition_number = self.addition_number.or(value().parse().ok().filter(|n| *n > 0)),
            _ => {
                self.title_year = self.title_year.or(text.contains('年').then(|| year_in(&plain)).flatten());
                self.addition |= plain.contains("临时备案") && plain.chars().count() > 4;
            }
        }
    }
}

/// The first four digits that are a year.
fn year_in(text: &str) -> Option<i32> {
    let runs = text.split(|c: char| !c.is_ascii_digit());
    runs.filter(|run| run.len() == 4).find_map(|run| run.parse().ok()).filter(|year| (2000..=2100).contains(year))
}

/// A finding in a cell.
fn finding(sheet: &str, cell: &str, code: Code, seen: &str, advice: String) -> Finding {
    let (sheet, cell) = (sheet.to_owned(), cell.to_owned());
    Finding { sheet, cell, code, severity: Severity::Error, seen: super::clean::shown(seen), advice }
}
