//! Draws [`Table`]s as an .xlsx: text stays text, amounts are numbers with a live sum, dates come from the batch.

use chrono::{DateTime, Datelike, Utc};
use rust_xlsxwriter::{
    DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Formula, IgnoreError, Workbook, Worksheet,
    XlsxError,
};

use super::PaperError;
use super::table::{Align, Cell, Column, Table, Total};

/// Row of the header; label, title and subtitle stand above it.
const HEADER_ROW: u32 = 3;
/// Columns that stay in sight while one scrolls to the right.
const FROZEN_COLUMNS: u16 = 2;
/// `@` in the numbering of spreadsheets: what is typed stays text.
const TEXT_FORMAT: u8 = 49;
/// A4 and A3 in the numbering of spreadsheets.
const PAPER_A4: u8 = 9;
const PAPER_A3: u8 = 8;
/// Widest table, in characters, that can be read on a page of A4.
const WIDEST_ON_A4: u16 = 225;
/// Height of the first line of a row, and of each further one, in points.
const FIRST_LINE: u32 = 16;
const FURTHER_LINE: u32 = 13;
/// Fast rather than small: a workbook of a few rows is mostly fixed parts.
const COMPRESSION_LEVEL: u8 = 1;

/// Formats, built once and used for every workbook of a batch.
pub(super) struct Formats {
    label: Format,
    title: Format,
    subtitle: Format,
    header: Format,
    text: [Format; 3],
    count: Format,
    yuan: Format,
    date: Format,
    score: Format,
    total: Format,
    total_yuan: Format,
}

impl Formats {
    pub fn new() -> Formats {
        let plain = || Format::new().set_font_name("宋体").set_font_size(10).set_align(FormatAlign::VerticalCenter);
        let boxed = || plain().set_border(FormatBorder::Thin).set_text_wrap();
        let centred = || boxed().set_align(FormatAlign::Center);
        let right = || boxed().set_align(FormatAlign::Right);
        Formats {
            label: plain().set_font_name("黑体").set_num_format_index(TEXT_FORMAT),
            title: plain().set_font_size(16).set_bold().set_align(FormatAlign::Center),
            subtitle: plain().set_num_format_index(TEXT_FORMAT).set_text_wrap(),
            header: centred().set_bold().set_num_format_index(TEXT_FORMAT),
            text: [
                centred().set_num_format_index(TEXT_FORMAT),
                boxed().set_align(FormatAlign::Left).set_num_format_index(TEXT_FORMAT),
                right().set_num_format_index(TEXT_FORMAT),
            ],
            count: centred().set_num_format("0"),
            yuan: right().set_num_format("#,##0.00"),
            date: centred().set_num_format("yyyy-mm-dd"),
            score: centred().set_num_format("0.0"),
            total: boxed().set_bold().set_align(FormatAlign::Left).set_num_format_index(TEXT_FORMAT),
            total_yuan: right().set_bold().set_num_format("#,##0.00"),
        }
    }
}

/// Who and when: what a workbook says of itself.
pub(super) struct Origin<'a> {
    /// File name, for errors.
    pub paper: &'a str,
    /// Title in the properties.
    pub title: &'a str,
    /// Batch number and hash prefix, printed in the footer.
    pub footer: &'a str,
    /// When the batch was sealed.
    pub sealed_at: DateTime<Utc>,
}

/// Writes one sheet per table.
pub(super) fn write(tables: &[Table<'_>], origin: &Origin<'_>, formats: &Formats) -> Result<Vec<u8>, PaperError> {
    draw_all(tables, origin, formats)
        .map_err(|error| PaperError::Workbook { paper: origin.paper.to_owned(), message: error.to_string() })
}

fn draw_all(tables: &[Table<'_>], origin: &Origin<'_>, formats: &Formats) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    workbook.set_zip_compression_level(COMPRESSION_LEVEL);
    let properties = DocProperties::new()
        .set_title(origin.title)
        .set_author("shenling")
        .set_creation_datetime(&excel_instant(origin.sealed_at)?);
    workbook.set_properties(&properties);
    for table in tables {
        let sheet = workbook.add_worksheet();
        sheet.set_name(&table.sheet)?;
        draw(sheet, table, origin, formats)?;
    }
    workbook.save_to_buffer()
}

fn draw(sheet: &mut Worksheet, table: &Table<'_>, origin: &Origin<'_>, formats: &Formats) -> Result<(), XlsxError> {
    let last = column_number(table.columns.len().saturating_sub(1));
    set_up_page(sheet, origin, width_of(table.columns))?;
    let mut lines = 1;
    for (at, column) in (0..).zip(table.columns) {
        sheet.set_column_width(at, column.width)?;
        sheet.write_string_with_format(HEADER_ROW, at, &column.header, &formats.header)?;
        lines = lines.max(lines_needed(&column.header, column.width));
    }
    grow(sheet, HEADER_ROW, lines)?;
    let all = width_of(table.columns);
    sheet.write_string_with_format(0, 0, &table.label, &formats.label)?;
    merge(sheet, 1, (0, last), &table.title, &formats.title)?;
    sheet.set_row_height(1, 24)?;
    merge(sheet, 2, (0, last), &table.subtitle, &formats.subtitle)?;
    grow(sheet, 2, lines_needed(&table.subtitle, all))?;
    sheet.set_freeze_panes(HEADER_ROW + 1, FROZEN_COLUMNS.min(last))?;
    let mut row = HEADER_ROW + 1;
    for cells in &table.rows {
        let mut lines = 1;
        for (at, (cell, column)) in (0..).zip(cells.iter().zip(table.columns)) {
            write_cell(sheet, row, at, cell)?;
            if let Cell::Text(text) = cell {
                lines = lines.max(lines_needed(text, column.width));
            }
        }
        grow(sheet, row, lines)?;
        row += 1;
    }
    format_cells(sheet, table, formats)?;
    // IDs and certificate numbers are text on purpose; no green corners.
    sheet.ignore_error_range(HEADER_ROW, 0, row, last, IgnoreError::NumberStoredAsText)?;
    if let Some(total) = &table.total {
        write_total(sheet, row, table, total, formats)?;
        row += 1;
    }
    for note in &table.notes {
        merge(sheet, row, (0, last), note, &formats.subtitle)?;
        grow(sheet, row, lines_needed(note, all))?;
        row += 1;
    }
    Ok(())
}

/// The total row: its label, a live sum with our value cached in it, and our value again as text beside it.
fn write_total(
    sheet: &mut Worksheet,
    row: u32,
    table: &Table<'_>,
    total: &Total,
    formats: &Formats,
) -> Result<(), XlsxError> {
    let last = column_number(table.columns.len().saturating_sub(1));
    let at = column_number(total.column);
    merge(sheet, row, (0, at.saturating_sub(1)), &total.label, &formats.total)?;
    let letters = letters(total.column);
    let formula = if table.rows.is_empty() {
        "=0".to_owned()
    } else {
        format!("=SUM({letters}{}:{letters}{row})", HEADER_ROW + 2)
    };
    let formula = Formula::new(formula).set_result(total.sum.yuan_plain());
    sheet.write_formula_with_format(row, at, formula, &formats.total_yuan)?;
    if at < last {
        merge(sheet, row, (at + 1, last), &total.note, &formats.total)?;
        let width = width_of(table.columns.get(total.column + 1..).unwrap_or_default());
        grow(sheet, row, lines_needed(&total.note, width))?;
    }
    Ok(())
}

fn set_up_page(sheet: &mut Worksheet, origin: &Origin<'_>, width: u16) -> Result<(), XlsxError> {
    let size = if width > WIDEST_ON_A4 { PAPER_A3 } else { PAPER_A4 };
    sheet.set_landscape().set_paper_size(size).set_print_fit_to_pages(1, 0);
    sheet.set_repeat_rows(HEADER_ROW, HEADER_ROW)?;
    sheet.set_margins(0.4, 0.4, 0.5, 0.6, 0.3, 0.3);
    sheet.set_footer(format!("&L{}&R第 &P 页 共 &N 页", origin.footer));
    Ok(())
}

/// Writes a value; [`format_cells`] gives it its format.
fn write_cell(sheet: &mut Worksheet, row: u32, at: u16, cell: &Cell) -> Result<(), XlsxError> {
    match cell {
        Cell::Empty => sheet,
        Cell::Text(value) => sheet.write_string(row, at, value)?,
        Cell::Count(value) => sheet.write_number(row, at, *value)?,
        Cell::Yuan(value) => sheet.write_number(row, at, number(&value.yuan_plain())?)?,
        Cell::Score(value) => sheet.write_number(row, at, number(&super::table::score(*value))?)?,
        Cell::Date(value) => match excel_day(*value) {
            Some(date) => sheet.write_number(row, at, date.to_excel())?,
            None => sheet.write_string(row, at, value.to_string())?,
        },
    };
    Ok(())
}

/// Formats the rows, runs of like cells down each column at once: at every call the writer hashes the whole format,
/// and cell by cell that takes as long as all the rest.
fn format_cells(sheet: &mut Worksheet, table: &Table<'_>, formats: &Formats) -> Result<(), XlsxError> {
    for (at, column) in table.columns.iter().enumerate() {
        let format = |cells: &Vec<Cell>| format_of(cells.get(at).unwrap_or(&Cell::Empty), column, formats);
        let mut from = HEADER_ROW + 1;
        for run in table.rows.chunk_by(|a, b| std::ptr::eq(format(a), format(b))) {
            let next = from + u32::try_from(run.len()).unwrap_or(u32::MAX - from);
            sheet.set_range_format(from, column_number(at), next - 1, column_number(at), format(&run[0]))?;
            from = next;
        }
    }
    Ok(())
}

fn format_of<'f>(cell: &Cell, column: &Column, formats: &'f Formats) -> &'f Format {
    let text = match column.align {
        Align::Centre => &formats.text[0],
        Align::Left => &formats.text[1],
        Align::Right => &formats.text[2],
    };
    match cell {
        Cell::Empty | Cell::Text(_) => text,
        Cell::Count(_) => &formats.count,
        Cell::Yuan(_) => &formats.yuan,
        Cell::Score(_) => &formats.score,
        Cell::Date(value) => excel_day(*value).map_or(text, |_| &formats.date),
    }
}

/// A decimal text as a number: spreadsheets count in binary fractions, we do not.
fn number(decimal: &str) -> Result<f64, XlsxError> {
    decimal.parse().map_err(|_| XlsxError::ParameterError(decimal.to_owned()))
}

/// Merges, where there is more than one cell to merge.
fn merge(
    sheet: &mut Worksheet,
    row: u32,
    (from, to): (u16, u16),
    text: &str,
    format: &Format,
) -> Result<(), XlsxError> {
    if from == to {
        sheet.write_string_with_format(row, from, text, format)?;
    } else {
        sheet.merge_range(row, from, row, to, text, format)?;
    }
    Ok(())
}

/// Makes a row high enough: not every program does that by itself when it opens a workbook.
fn grow(sheet: &mut Worksheet, row: u32, lines: u32) -> Result<(), XlsxError> {
    if lines > 1 {
        sheet.set_row_height(row, FIRST_LINE + FURTHER_LINE * (lines - 1))?;
    }
    Ok(())
}

/// How many lines a text takes in so many characters' room; Chinese characters take two.
fn lines_needed(text: &str, width: u16) -> u32 {
    let room = u32::from(width.max(2));
    let taken = |line: &str| line.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum::<u32>();
    text.split('\n').map(|line| taken(line).div_ceil(room).max(1)).sum()
}

fn width_of(columns: &[Column]) -> u16 {
    columns.iter().map(|column| column.width).sum()
}

fn excel_instant(at: DateTime<Utc>) -> Result<ExcelDateTime, XlsxError> {
    use chrono::Timelike;
    let small = |n: u32| u16::try_from(n).unwrap_or(0);
    let date = excel_day(at.date_naive()).ok_or_else(|| XlsxError::DateTimeRangeError(at.to_string()))?;
    date.and_hms(small(at.hour()), u8::try_from(at.minute()).unwrap_or(0), at.second())
}

/// A date that spreadsheets can count; they begin in 1900.
fn excel_day(date: chrono::NaiveDate) -> Option<ExcelDateTime> {
    let year = u16::try_from(date.year()).ok()?;
    ExcelDateTime::from_ymd(year, u8::try_from(date.month()).ok()?, u8::try_from(date.day()).ok()?).ok()
}

fn column_number(at: usize) -> u16 {
    u16::try_from(at).unwrap_or(u16::MAX)
}

/// `A`, `Z`, `AA`.
fn letters(mut at: usize) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push(char::from(b'A' + u8::try_from(at % 26).unwrap_or(0)));
        if at < 26 {
            break;
        }
        at = at / 26 - 1;
    }
    letters.iter().rev().collect()
}
