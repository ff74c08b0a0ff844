//! Annex 4: one form per class, one below the other, as in the notice.

use chrono::NaiveDate;
use rust_xlsxwriter::{Format, Worksheet, XlsxError};

use super::lists::{self, List, Lists};
use super::sheets::PAPER_A4;
use super::{Formats, Order, excel_day};
use crate::subsidy::plan::{Annex, Entry, Project};

/// Forms that stand ready where nothing is known.
const READY: usize = 6;
/// Most forms that are made out from the last plan.
const MAX_KNOWN: usize = 200;
/// Widths of the columns A to N.
const WIDTHS: [u16; 14] = [14, 5, 13, 5, 13, 14, 11, 8, 11, 7, 6, 8, 6, 5];
/// Last column.
const LAST: u16 = 13;
/// Rows of a form, the empty one below it included.
const HEIGHT: u32 = 10;

/// Draws the forms.
pub(super) fn draw(
    sheet: &mut Worksheet,
    order: &Order<'_>,
    projects: &[Entry<Project>],
    lists: &Lists,
    formats: &Formats,
) -> Result<(), XlsxError> {
    sheet.set_name(Annex::Four.label())?;
    sheet.set_landscape().set_paper_size(PAPER_A4).set_print_fit_to_pages(1, 0);
    sheet.set_margins(0.5, 0.5, 0.6, 0.6, 0.3, 0.3);
    sheet.set_footer(format!("&L{}　附件4&R第 &P 页 共 &N 页", order.what()));
    for (at, width) in (0_u16..).zip(WIDTHS) {
        sheet.set_column_width(at, width)?;
    }
    sheet.write_string_with_format(0, 0, Annex::Four.label(), &formats.label)?;
    sheet.set_row_height(0, 22)?;
    let known: Vec<(&Project, u32, u32)> = projects
        .iter()
        .flat_map(|entry| {
            let of = entry.value.classes.unwrap_or(1).max(1);
            (1..=of).map(move |number| (&entry.value, number, of))
        })
        .take(MAX_KNOWN)
        .collect();
    let mut breaks = Vec::new();
    for form in 0..known.len().max(READY) {
        let top = 1 + HEIGHT * u32::try_from(form).unwrap_or(0);
        if form > 0 && form % 2 == 0 {
            breaks.push(top);
        }
        one(sheet, top, order, known.get(form).copied(), lists, formats)?;
    }
    sheet.set_page_breaks(&breaks)?;
    Ok(())
}

/// One form.
fn one(
    sheet: &mut Worksheet,
    top: u32,
    order: &Order<'_>,
    known: Option<(&Project, u32, u32)>,
    lists: &Lists,
    formats: &Formats,
) -> Result<(), XlsxError> {
    sheet.merge_range(top, 0, top, LAST, Annex::Four.title(), &formats.title)?;
    sheet.set_row_height(top, 28)?;
    sheet.merge_range(top + 1, 0, top + 1, 5, &format!("{}（盖章）", order.prison), &formats.subtitle)?;
    sheet.merge_range(top + 1, 8, top + 1, LAST, "填报日期：　　　年　　月　　日", &formats.subtitle)?;
    let offered = |name: &str| if lists.holds(List::Training, name) { name.to_owned() } else { String::new() };
    let institution = known.map(|(project, ..)| offered(&project.training_institution)).unwrap_or_default();
    wide(sheet, top + 2, "培训机构名称", &institution, formats)?;
    lists.offer(sheet, List::Training, (top + 2, 1, top + 2, 1))?;
    class_row(sheet, top + 3, order, known, lists, formats)?;
    time_row(sheet, top + 4, order, known.map(|(project, ..)| project), formats)?;
    for (row, caption) in (top + 5..).zip(["授课教师", "使用教材", "教学场地"]) {
        wide(sheet, row, caption, "", formats)?;
    }
    let opinion = |who: &str, room: usize| {
        let before = "　".repeat(room);
        format!("{who}意见：\n\n{before}　（盖章）\n{before}年　　月　　日")
    };
    sheet.merge_range(top + 8, 0, top + 8, 6, &opinion("省监狱管理局（省戒毒管理局）", 24), &formats.opinion)?;
    sheet.merge_range(top + 8, 7, top + 8, LAST, &opinion("市人力资源和社会保障局", 13), &formats.opinion)?;
    sheet.set_row_height(top + 8, 72)?;
    Ok(())
}

fn wide(sheet: &mut Worksheet, row: u32, caption: &str, value: &str, formats: &Formats) -> Result<(), XlsxError> {
    sheet.write_string_with_format(row, 0, caption, &formats.caption)?;
    sheet.merge_range(row, 1, row, LAST, value, &formats.left)?;
    sheet.set_row_height(row, 22)?;
    Ok(())
}

/// 培训工种类别、名称 (category, occupation, level), 培训人数, 培训班期.
fn class_row(
    sheet: &mut Worksheet,
    row: u32,
    order: &Order<'_>,
    known: Option<(&Project, u32, u32)>,
    lists: &Lists,
    formats: &Formats,
) -> Result<(), XlsxError> {
    let project = known.map(|(project, ..)| project);
    let occupation = project.map(|project| {
        let known = order.catalogue.occupation(&project.occupation);
        known.map_or(project.occupation.to_string(), |known| known.name.clone())
    });
    sheet.write_string_with_format(row, 0, "培训工种\n类别、名称", &formats.caption)?;
    sheet.merge_range(row, 1, row, 2, project.map_or("", |project| project.category.name()), &formats.text)?;
    sheet.merge_range(row, 3, row, 4, occupation.as_deref().unwrap_or_default(), &formats.text)?;
    sheet.write_string_with_format(row, 5, project.map_or("", |project| project.level.name()), &formats.text)?;
    sheet.write_string_with_format(row, 6, "培训人数", &formats.caption)?;
    sheet.write_blank(row, 7, &formats.count)?;
    sheet.write_string_with_format(row, 8, "培训班期", &formats.caption)?;
    words(sheet, row, [(9, "第"), (11, "期 共"), (13, "班")], &formats.text)?;
    number(sheet, row, 10, known.map(|(_, number, _)| number), formats)?;
    number(sheet, row, 12, known.map(|(.., of)| of), formats)?;
    sheet.set_row_height(row, 34)?;
    lists.offer(sheet, List::Categories, (row, 1, row, 1))?;
    lists.offer(sheet, List::Occupations, (row, 3, row, 3))?;
    lists.offer(sheet, List::Levels, (row, 5, row, 5))?;
    lists::counts(sheet, "培训人数", (row, 7, row, 7))
}

/// 培训时间: 从 date 至 date 共 days 天 hours 课时.
fn time_row(
    sheet: &mut Worksheet,
    row: u32,
    order: &Order<'_>,
    known: Option<&Project>,
    formats: &Formats,
) -> Result<(), XlsxError> {
    sheet.write_string_with_format(row, 0, "培训时间", &formats.caption)?;
    words(sheet, row, [(1, "从"), (3, "至"), (5, "共"), (7, "天"), (9, "课时")], &formats.text)?;
    sheet.write_blank(row, 2, &formats.date)?;
    sheet.write_blank(row, 4, &formats.date)?;
    number(sheet, row, 6, None, formats)?;
    number(sheet, row, 8, known.and_then(|project| project.hours), formats)?;
    sheet.merge_range(row, 10, row, LAST, "", &formats.text)?;
    sheet.set_row_height(row, 22)?;
    let day = |year, month, day| excel_day(NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default());
    let span = (day(order.year, 1, 1)?, day(order.year + 1, 12, 31)?);
    lists::dates(sheet, span.clone(), "培训时间", (row, 2, row, 2))?;
    lists::dates(sheet, span, "培训时间", (row, 4, row, 4))
}

fn words<const N: usize>(
    sheet: &mut Worksheet,
    row: u32,
    words: [(u16, &str); N],
    format: &Format,
) -> Result<(), XlsxError> {
    for (at, word) in words {
        sheet.write_string_with_format(row, at, word, format)?;
    }
    Ok(())
}

fn number(sheet: &mut Worksheet, row: u32, at: u16, value: Option<u32>, formats: &Formats) -> Result<(), XlsxError> {
    match value {
        Some(value) => sheet.write_number_with_format(row, at, value, &formats.count)?,
        None => sheet.write_blank(row, at, &formats.count)?,
    };
    Ok(())
}
