//! Annexes 1 to 3 as tables with drop-downs.

use chrono::NaiveDate;
use rust_xlsxwriter::{Format, FormatBorder, Worksheet, XlsxError};

use super::lists::{self, ADDITION, List, Lists, YEARLY};
use super::{Formats, Order, excel_day};
use crate::forms::reading::{FormSpec, Key};
use crate::subsidy::course::Kind;
use crate::subsidy::money::Fen;
use crate::subsidy::plan::check::project_name;
use crate::subsidy::plan::{Annex, Entry, Project};

/// Row of the header; label, title and head line stand above it.
const HEADER_ROW: u32 = 3;
/// Lines that stand ready in each annex. Below them cells are typed all the same, down to [`TYPED_ROWS`].
const LINES: [u32; 3] = [20, 30, 300];
/// Rows down to which drop-downs reach.
const TYPED_ROWS: u32 = 5_000;
/// A4 in the numbering of spreadsheets.
pub(super) const PAPER_A4: u8 = 9;

/// How a column is typed.
enum Typed {
    Text,
    Date,
    Count,
    Yuan,
}

fn typed(key: Key) -> Typed {
    match key {
        Key::BornOn | Key::ReleaseOn | Key::StartedOn | Key::EndedOn => Typed::Date,
        Key::Serial | Key::Heads | Key::Total | Key::Classes | Key::Hours | Key::HoursTheory | Key::HoursPractice => {
            Typed::Count
        }
        Key::Rate | Key::Budget => Typed::Yuan,
        _ => Typed::Text,
    }
}

fn format_of(key: Key, formats: &Formats) -> &Format {
    match typed(key) {
        Typed::Text => &formats.text,
        Typed::Date => &formats.date,
        Typed::Count => &formats.count,
        Typed::Yuan => &formats.yuan,
    }
}

/// One value that is filled in.
enum Value {
    Text(String),
    Count(u32),
    Yuan(Fen),
}

/// Annex 1: one row per known project.
pub(super) fn annex1(
    sheet: &mut Worksheet,
    order: &Order<'_>,
    projects: &[Entry<Project>],
    lists: &Lists,
    formats: &Formats,
) -> Result<(), XlsxError> {
    let mut names: Vec<String> = Vec::new();
    for entry in projects {
        let project = &entry.value;
        let name = order.catalogue.occupation(&project.occupation).map_or(&*project.occupation, |known| &known.name);
        let name = project_name(name, Some(project.level));
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let value = |row: usize, key: Key| match key {
        Key::Serial => Some(Value::Count(u32::try_from(row + 1).unwrap_or(0))),
        Key::Prison => Some(Value::Text(order.prison.to_owned())),
        Key::Project => names.get(row).cloned().map(Value::Text),
        _ => None,
    };
    frame(sheet, Annex::One, &order.specs.annex1, order, formats)?;
    sheet.write_string_with_format(2, 0, order.what(), &formats.subtitle)?;
    table(sheet, Annex::One, &order.specs.annex1, (names.len(), &value), formats)?;
    offers(sheet, &order.specs.annex1, order, lists)
}

/// Annex 2: one row per project of the last plan, with today's rate; heads and dates are the new year's.
pub(super) fn annex2(
    sheet: &mut Worksheet,
    order: &Order<'_>,
    projects: &[Entry<Project>],
    lists: &Lists,
    formats: &Formats,
) -> Result<(), XlsxError> {
    let value = |row: usize, key: Key| known_project(&projects.get(row)?.value, row, key, order, lists);
    frame(sheet, Annex::Two, &order.specs.annex2, order, formats)?;
    let head = [
        ("计划年度", Some(Value::Count(u32::try_from(order.year).unwrap_or(0)))),
        ("计划类型", Some(Value::Text(if order.addition { ADDITION } else { YEARLY }.to_owned()))),
        ("备案序号", order.addition.then_some(Value::Count(1))),
    ];
    for (at, (caption, value)) in (1_u16..).step_by(2).zip(head) {
        sheet.write_string_with_format(2, at, caption, &formats.caption)?;
        match value {
            Some(value) => write(sheet, (2, at + 1), &value, &formats.count)?,
            None => drop(sheet.write_blank(2, at + 1, &formats.count)?),
        }
    }
    sheet.set_row_height(2, 20)?;
    lists.offer(sheet, List::PlanTypes, (2, 4, 2, 4))?;
    table(sheet, Annex::Two, &order.specs.annex2, (projects.len(), &value), formats)?;
    offers(sheet, &order.specs.annex2, order, lists)
}

/// Annex 3 is personal data and never filled in.
pub(super) fn annex3(
    sheet: &mut Worksheet,
    order: &Order<'_>,
    lists: &Lists,
    formats: &Formats,
) -> Result<(), XlsxError> {
    frame(sheet, Annex::Three, &order.specs.roster, order, formats)?;
    sheet.write_string_with_format(2, 0, order.what(), &formats.subtitle)?;
    table(sheet, Annex::Three, &order.specs.roster, (0, &|_, _| None), formats)?;
    offers(sheet, &order.specs.roster, order, lists)
}

fn known_project(project: &Project, row: usize, key: Key, order: &Order<'_>, lists: &Lists) -> Option<Value> {
    let text = |text: &str| Some(Value::Text(text.to_owned()));
    let known = order.catalogue.occupation(&project.occupation);
    match key {
        Key::Serial => Some(Value::Count(u32::try_from(row + 1).unwrap_or(0))),
        Key::Prison => text(order.prison),
        Key::Category => text(project.category.name()),
        Key::Occupation => text(known.map_or(&*project.occupation, |known| &known.name)),
        Key::OccupationCode => known.and_then(|known| known.code.clone()).map(Value::Text),
        Key::Level => text(project.level.name()),
        Key::CertificateType => project.certificate_type.and_then(|kind| text(kind.name())),
        Key::Classes => project.classes.map(Value::Count),
        Key::Hours => project.hours.map(Value::Count),
        Key::HoursTheory => project.hours_theory.map(Value::Count),
        Key::HoursPractice => project.hours_practice.map(Value::Count),
        Key::TrainingInstitution if lists.holds(List::Training, &project.training_institution) => {
            text(&project.training_institution)
        }
        Key::AssessmentInstitution => {
            let institution = project.assessment_institution.as_ref()?;
            if lists.holds(List::Assessment, institution) { text(institution) } else { None }
        }
        Key::Rate => rate_today(project, order).map(Value::Yuan),
        _ => None,
    }
}

/// The training rate that is in force on the order's day.
fn rate_today(project: &Project, order: &Order<'_>) -> Option<Fen> {
    let (catalogue, today) = (order.catalogue, order.today);
    let group = catalogue.policy_on(today).map(|policy| policy.trainee_group.as_str()).unwrap_or_default();
    let kind = project.certificate_type?;
    catalogue.rate_on(&project.occupation, project.level, kind, group, today)?.amount(Kind::Training)
}

/// Label, title, columns, page.
fn frame(
    sheet: &mut Worksheet,
    annex: Annex,
    form: &FormSpec,
    order: &Order<'_>,
    formats: &Formats,
) -> Result<(), XlsxError> {
    sheet.set_name(annex.label())?;
    sheet.set_landscape().set_paper_size(PAPER_A4).set_print_fit_to_pages(1, 0);
    sheet.set_repeat_rows(HEADER_ROW, HEADER_ROW)?;
    sheet.set_margins(0.4, 0.4, 0.5, 0.6, 0.3, 0.3);
    sheet.set_footer(format!("&L{}　{}&R第 &P 页 共 &N 页", order.what(), annex.label()));
    let last = u16::try_from(form.columns.len().saturating_sub(1)).unwrap_or(u16::MAX);
    for (at, column) in (0_u16..).zip(&form.columns) {
        sheet.set_column_width(at, column.width)?;
        let unboxed = format_of(column.key, formats).clone().set_border(FormatBorder::None);
        sheet.set_column_format(at, &unboxed)?;
        let needed = column.required && !column.cells_may_be_empty;
        let header = if needed { format!("{}*", column.header) } else { column.header.clone() };
        let format = if needed { &formats.needed } else { &formats.header };
        sheet.write_string_with_format(HEADER_ROW, at, header, format)?;
    }
    sheet.set_row_height(HEADER_ROW, 32)?;
    sheet.write_string_with_format(0, 0, annex.label(), &formats.label)?;
    sheet.set_row_height(0, 22)?;
    sheet.merge_range(1, 0, 1, last, annex.title(), &formats.title)?;
    sheet.set_row_height(1, 30)?;
    sheet.set_freeze_panes(HEADER_ROW + 1, if annex == Annex::Three { 5 } else { 0 })?;
    Ok(())
}

/// The lines of a table: known rows first, then empty ones.
fn table(
    sheet: &mut Worksheet,
    annex: Annex,
    form: &FormSpec,
    (known, value): (usize, &dyn Fn(usize, Key) -> Option<Value>),
    formats: &Formats,
) -> Result<(), XlsxError> {
    let ready = LINES.get(annex.number() as usize - 1).copied().unwrap_or_default() as usize;
    for row in 0..ready.max(known) {
        let line = HEADER_ROW + 1 + u32::try_from(row).unwrap_or(0);
        for (at, column) in (0_u16..).zip(&form.columns) {
            let format = format_of(column.key, formats);
            match value(row, column.key).filter(|_| row < known) {
                Some(value) => write(sheet, (line, at), &value, format)?,
                None => drop(sheet.write_blank(line, at, format)?),
            }
        }
    }
    Ok(())
}

fn write(sheet: &mut Worksheet, (row, at): (u32, u16), value: &Value, format: &Format) -> Result<(), XlsxError> {
    match value {
        Value::Text(text) => sheet.write_string_with_format(row, at, text, format)?,
        Value::Count(count) => sheet.write_number_with_format(row, at, *count, format)?,
        Value::Yuan(amount) => {
            let plain = amount.yuan_plain();
            let number: f64 = plain.parse().map_err(|_| XlsxError::ParameterError(plain.clone()))?;
            sheet.write_number_with_format(row, at, number, format)?
        }
    };
    Ok(())
}

/// Drop-downs and warnings of a table.
fn offers(sheet: &mut Worksheet, form: &FormSpec, order: &Order<'_>, lists: &Lists) -> Result<(), XlsxError> {
    for (at, column) in (0_u16..).zip(&form.columns) {
        let range = (HEADER_ROW + 1, at, TYPED_ROWS, at);
        let list = match column.key {
            Key::Prison => Some(List::Prisons),
            Key::Occupation => Some(List::Occupations),
            Key::Level => Some(List::Levels),
            Key::Category => Some(List::Categories),
            Key::CertificateType => Some(List::CertificateTypes),
            Key::TrainingInstitution => Some(List::Training),
            Key::AssessmentInstitution => Some(List::Assessment),
            Key::Sex => Some(List::Sexes),
            Key::Skilled => Some(List::Skilled),
            Key::Able => Some(List::Able),
            _ => None,
        };
        let from_to = |from: (i32, u32, u32), to: (i32, u32, u32)| {
            let day = |(year, month, day)| excel_day(NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default());
            Ok::<_, XlsxError>((day(from)?, day(to)?))
        };
        match (column.key, list) {
            (_, Some(list)) => lists.offer(sheet, list, range)?,
            (Key::StartedOn, _) => {
                lists::dates(sheet, from_to((order.year, 1, 1), (order.year, 12, 31))?, &column.header, range)?;
            }
            (Key::EndedOn, _) => {
                lists::dates(sheet, from_to((order.year, 1, 1), (order.year + 1, 12, 31))?, &column.header, range)?;
            }
            (Key::BornOn | Key::ReleaseOn, _) => {
                lists::dates(sheet, from_to((1920, 1, 1), (2099, 12, 31))?, &column.header, range)?;
            }
            (Key::Heads | Key::Total | Key::Classes, _) => lists::counts(sheet, &column.header, range)?,
            (Key::ResidentId, _) => lists::resident_ids(sheet, range)?,
            _ => {}
        }
    }
    Ok(())
}
