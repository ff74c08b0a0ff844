//! The copy as a new workbook with the same cells: for csv, and for workbooks that are not edited.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{Datelike, NaiveDate};
use rust_xlsxwriter::{
    DocProperties, ExcelDateTime, Format, FormatAlign, FormatUnderline, Note, Url, Workbook, Worksheet, XlsxError,
};

use super::list::{LINE_POINTS, WIDTHS, lines, location};
use super::styles::Look;
use super::{AUTHOR, Colour, LIST_SHEET, Mark, is_list, notes};
use crate::forms::fix_list::FixList;
use crate::forms::grid::{self, Cell};

/// The sheet of a csv.
const CSV_SHEET: &str = "数据";
/// `@` in the numbering of spreadsheets: what is typed stays text.
const TEXT_FORMAT: u8 = 49;
/// Most characters of a cell.
const MAX_CELL_CHARS: usize = 32_767;
/// Width of the columns, in characters.
const COLUMN_WIDTH: f64 = 20.0;

/// Draws the copy.
pub(super) fn draw(
    original: &grid::Workbook,
    fixes: &FixList,
    marks: &HashMap<String, notes::Marks>,
) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let made_on = ExcelDateTime::from_ymd(2022, 1, 1)?;
    let mut properties = DocProperties::new().set_author(AUTHOR).set_creation_datetime(&made_on);
    let mut said = HashSet::new();
    for (name, text) in &original.marks {
        // A form of ours stays recognised.
        if said.insert(name) {
            properties = properties.set_custom_property(name, text.as_str());
        }
    }
    workbook.set_properties(&properties);
    let sheets: Vec<&grid::Sheet> = original.sheets.iter().filter(|sheet| !is_list(sheet)).collect();
    let names = names(&sheets);
    draw_list(workbook.add_worksheet(), fixes, &names)?;
    let none = notes::Marks::new();
    for sheet in sheets {
        let page = workbook.add_worksheet();
        if let Some(name) = names.get(&*sheet.name) {
            page.set_name(name)?;
        }
        draw_sheet(page, sheet, marks.get(&sheet.name).unwrap_or(&none))?;
    }
    workbook.save_to_buffer()
}

/// The name of each sheet in the copy: its own, where a spreadsheet takes it.
fn names<'a>(sheets: &[&'a grid::Sheet]) -> HashMap<&'a str, String> {
    let mut used: HashSet<String> = HashSet::from([LIST_SHEET.to_lowercase()]);
    let mut names = HashMap::new();
    for (number, sheet) in (1..).zip(sheets) {
        let wanted = if sheet.name.is_empty() { CSV_SHEET } else { &*sheet.name };
        let is_good = wanted.chars().map(char::len_utf16).sum::<usize>() <= 31
            && !wanted.contains(['[', ']', ':', '*', '?', '/', '\\'])
            && !wanted.starts_with('\'')
            && !wanted.ends_with('\'')
            && !wanted.chars().any(char::is_control);
        let name =
            if is_good && used.insert(wanted.to_lowercase()) { wanted.to_owned() } else { format!("表{number}") };
        used.insert(name.to_lowercase());
        names.entry(&*sheet.name).or_insert(name);
    }
    names
}

fn colour(colour: Colour) -> u32 {
    u32::from_str_radix(colour.rgb(), 16).unwrap_or_default() & 0x00FF_FFFF
}

fn draw_list(page: &mut Worksheet, fixes: &FixList, names: &HashMap<&str, String>) -> Result<(), XlsxError> {
    let plain = || {
        Format::new()
            .set_font_name("宋体")
            .set_font_size(11)
            .set_align(FormatAlign::Top)
            .set_text_wrap()
            .set_num_format_index(TEXT_FORMAT)
    };
    let format = |look: Look| match look {
        Look::Title => plain().set_font_size(16).set_bold(),
        Look::Plain => plain(),
        Look::Link => plain().set_underline(FormatUnderline::Single).set_font_color(0x0005_63C1_u32),
        Look::Heading(None) => plain().set_bold(),
        Look::Heading(Some(of)) => plain().set_bold().set_background_color(colour(of)),
    };
    page.set_name(LIST_SHEET)?;
    page.set_tab_color(0x00C0_0000_u32);
    page.set_landscape().set_paper_size(9).set_print_fit_to_pages(1, 0);
    for (column, width) in (0..).zip(WIDTHS) {
        page.set_column_width(column, f64::from(width))?;
    }
    for (row, line) in (0..).zip(lines(fixes)) {
        page.set_row_height(row, f64::from(line.height.min(24) * LINE_POINTS + if row == 0 { 12 } else { 3 }))?;
        for (column, (text, look)) in (0..).zip(line.cells.iter().zip(line.looks)) {
            page.write_string_with_format(row, column, text, &format(look))?;
        }
        if row == 0 {
            page.merge_range(0, 0, 0, 2, &line.cells[0], &format(Look::Title))?;
        }
        let sheet = line.link.as_ref().and_then(|(sheet, _)| names.get(&**sheet));
        if let (Some((_, cell)), Some(sheet)) = (&line.link, sheet) {
            let url = Url::new(format!("internal:{}", location(sheet, cell))).set_text(&line.cells[1]);
            page.write_url_with_format(row, 1, url, &format(Look::Link))?;
        }
    }
    Ok(())
}

fn draw_sheet(page: &mut Worksheet, sheet: &grid::Sheet, marks: &notes::Marks) -> Result<(), XlsxError> {
    let formats = Formats::new();
    let joined: HashSet<(u32, usize)> = merged(sheet)
        .into_iter()
        .filter(|((row, column), last)| {
            let (first, column) = (row.saturating_sub(1), u16::try_from(*column).unwrap_or(u16::MAX));
            // Regions that cross one another, of a damaged file, are left out.
            page.merge_range(first, column, last.saturating_sub(1), column, "", formats.of(&Cell::Empty, None)).is_ok()
        })
        .map(|(origin, _)| origin)
        .collect();
    for ((row, column), mark) in marks {
        let (row, column) = (row.saturating_sub(1), u16::try_from(*column).unwrap_or(u16::MAX));
        // Coloured also where nothing stands; what stands there is written over it.
        page.write_blank(row, column, formats.of(&Cell::Empty, Some(mark)))?;
        let note = Note::new(&mark.says).set_author(AUTHOR).add_author_prefix(false).set_width(260).set_height(90);
        page.insert_note(row, column, &note)?;
    }
    let mut widest = 0;
    for (number, cells) in sheet.rows() {
        let own = |at: u16| {
            let (here, origin) = ((number, usize::from(at)), sheet.origin(number, usize::from(at)));
            origin == here || !joined.contains(&origin)
        };
        for (column, cell) in (0..).zip(&cells).filter(|(at, cell)| !cell.is_empty() && own(*at)) {
            let mark = marks.get(&(number, usize::from(column)));
            put(page, number.saturating_sub(1), column, cell, formats.of(cell, mark))?;
            widest = widest.max(column);
        }
    }
    page.set_column_range_width(0, widest, COLUMN_WIDTH)?;
    Ok(())
}

/// Cells whose value holds for rows below, each with the last of those.
fn merged(sheet: &grid::Sheet) -> BTreeMap<(u32, usize), u32> {
    let mut merged = BTreeMap::new();
    for (row, cells) in sheet.rows() {
        for column in (0..cells.len()).filter(|at| !cells[*at].is_empty()) {
            let origin = sheet.origin(row, column);
            if origin != (row, column) {
                merged.insert(origin, row);
            }
        }
    }
    merged
}

/// Formats of text, dates and other values: unmarked, to be mended, to be looked at.
struct Formats([[Format; 3]; 3]);

impl Formats {
    fn new() -> Formats {
        let text = Format::new().set_num_format_index(TEXT_FORMAT);
        Formats([text, Format::new().set_num_format("yyyy-mm-dd"), Format::new()].map(|format| {
            let [error, warning] = Colour::ALL.map(|of| format.clone().set_background_color(colour(of)));
            [format, error, warning]
        }))
    }

    fn of(&self, cell: &Cell, mark: Option<&Mark>) -> &Format {
        let of_kind = match cell {
            Cell::Text(_) | Cell::Error(_) | Cell::Empty => &self.0[0],
            Cell::Date { .. } => &self.0[1],
            Cell::Number { .. } | Cell::Bool(_) => &self.0[2],
        };
        let of_kind = if mark.is_some_and(|mark| mark.paint.as_text) { &self.0[0] } else { of_kind };
        &of_kind[mark.map_or(0, |mark| mark.paint.colour as usize + 1)]
    }
}

fn put(page: &mut Worksheet, row: u32, column: u16, cell: &Cell, format: &Format) -> Result<(), XlsxError> {
    let text = |text: &str| text.chars().take(MAX_CELL_CHARS).collect::<String>();
    match cell {
        Cell::Empty => page,
        Cell::Text(said) | Cell::Error(said) => page.write_string_with_format(row, column, text(said), format)?,
        Cell::Number { text: digits, .. } => match digits.parse::<f64>() {
            Ok(number) if number.is_finite() => page.write_number_with_format(row, column, number, format)?,
            _ => page.write_string_with_format(row, column, text(digits), format)?,
        },
        Cell::Date { on, .. } => match excel_day(*on) {
            Some(day) => page.write_datetime_with_format(row, column, &day, format)?,
            None => page.write_string_with_format(row, column, on.to_string(), format)?,
        },
        Cell::Bool(truth) => page.write_boolean_with_format(row, column, *truth, format)?,
    };
    Ok(())
}

fn excel_day(on: NaiveDate) -> Option<ExcelDateTime> {
    let small = |n: u32| u8::try_from(n).ok();
    ExcelDateTime::from_ymd(u16::try_from(on.year()).ok()?, small(on.month())?, small(on.day())?).ok()
}
