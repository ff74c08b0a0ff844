//! What a clerk's spreadsheet is made of, and how it becomes an .xlsx or a csv of one or the other encoding.

use std::fmt::Write as _;

use chrono::{Datelike, NaiveDate};
use rust_xlsxwriter::{
    DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Formula, Workbook, Worksheet, XlsxError,
};

/// A cell as the clerk left it.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing.
    Empty,
    /// Text.
    Text(String),
    /// A number.
    Number(f64),
    /// A date that is formatted as one.
    Date(NaiveDate),
    /// A formula that lost what it refers to.
    BrokenReference,
}

impl Cell {
    /// A text, or nothing if it is empty.
    pub fn text(text: &str) -> Cell {
        if text.is_empty() { Cell::Empty } else { Cell::Text(text.to_owned()) }
    }

    /// As csv writes it.
    fn as_csv(&self) -> String {
        match self {
            Cell::Empty => String::new(),
            Cell::Text(text) if text.contains([',', '"', '\n']) => format!("\"{}\"", text.replace('"', "\"\"")),
            Cell::Text(text) => text.clone(),
            Cell::Number(number) => number.to_string(),
            Cell::Date(date) => date.to_string(),
            Cell::BrokenReference => "#REF!".to_owned(),
        }
    }
}

/// Text over some columns above the header: titles, or the upper row of a header of two rows.
#[derive(Clone, Debug)]
pub struct Above {
    /// First and last column.
    pub columns: (u16, u16),
    /// What it says.
    pub text: String,
}

/// A sheet.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    /// Name; a csv has none.
    pub name: String,
    /// Rows above the header.
    pub above: Vec<Vec<Above>>,
    /// The header.
    pub headers: Vec<String>,
    /// The data.
    pub rows: Vec<Vec<Cell>>,
    /// Columns whose data cells are merged into one, all rows of the sheet having the same text there.
    pub merged: Vec<u16>,
    /// Totals and signatures below the data.
    pub below: Vec<Vec<Cell>>,
}

impl Sheet {
    /// The A1 address of a data cell.
    pub fn address(&self, row: usize, column: usize) -> String {
        rust_xlsxwriter::utility::row_col_to_cell(index(self.above.len() + 1 + row), index16(column))
    }
}

fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn index16(at: usize) -> u16 {
    u16::try_from(at).unwrap_or(u16::MAX)
}

/// A workbook. The same sheets give the same bytes.
pub fn xlsx(sheets: &[Sheet]) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let made_at = ExcelDateTime::from_ymd(2026, 11, 1)?;
    workbook.set_properties(&DocProperties::new().set_author("演示").set_creation_datetime(&made_at));
    for sheet in sheets {
        draw(workbook.add_worksheet(), sheet)?;
    }
    workbook.save_to_buffer()
}

fn draw(page: &mut Worksheet, sheet: &Sheet) -> Result<(), XlsxError> {
    let title = Format::new().set_bold().set_font_size(16).set_align(FormatAlign::Center);
    let header = Format::new().set_bold().set_border(FormatBorder::Thin).set_align(FormatAlign::Center);
    let boxed = Format::new().set_border(FormatBorder::Thin).set_align(FormatAlign::VerticalCenter);
    page.set_name(&sheet.name)?;
    for (row, line) in sheet.above.iter().enumerate() {
        for Above { columns: (first, last), text } in line {
            if first == last {
                page.write_string_with_format(index(row), *first, text, &header)?;
            } else {
                page.merge_range(index(row), *first, index(row), *last, text, &title)?;
            }
        }
    }
    let top = sheet.above.len();
    for (column, text) in sheet.headers.iter().enumerate() {
        page.write_string_with_format(index(top), index16(column), text, &header)?;
    }
    for (row, line) in sheet.rows.iter().chain(&sheet.below).enumerate() {
        for (column, cell) in line.iter().enumerate() {
            let inside = row > 0 && row < sheet.rows.len() && sheet.merged.contains(&index16(column));
            if !inside {
                put(page, index(top + 1 + row), index16(column), cell, &boxed)?;
            }
        }
    }
    for column in &sheet.merged {
        if let (Some(Cell::Text(text)), rows @ 2..) =
            (sheet.rows.first().and_then(|row| row.get(usize::from(*column))), sheet.rows.len())
        {
            page.merge_range(index(top + 1), *column, index(top + rows), *column, text, &boxed)?;
        }
    }
    page.autofit();
    Ok(())
}

fn put(page: &mut Worksheet, row: u32, column: u16, cell: &Cell, look: &Format) -> Result<(), XlsxError> {
    match cell {
        Cell::Empty => page.write_blank(row, column, look)?,
        Cell::Text(text) => page.write_string_with_format(row, column, text, look)?,
        Cell::Number(number) => page.write_number_with_format(row, column, *number, look)?,
        Cell::Date(date) => {
            let look = look.clone().set_num_format("yyyy\\-mm\\-dd");
            page.write_datetime_with_format(row, column, excel_date(*date)?, &look)?
        }
        Cell::BrokenReference => {
            let formula = Formula::new("=#REF!").set_result("#REF!");
            page.write_formula_with_format(row, column, formula, look)?
        }
    };
    Ok(())
}

fn excel_date(date: NaiveDate) -> Result<ExcelDateTime, XlsxError> {
    let small = |number: u32| u8::try_from(number).unwrap_or(u8::MAX);
    ExcelDateTime::from_ymd(u16::try_from(date.year()).unwrap_or(0), small(date.month()), small(date.day()))
}

/// How a csv is encoded.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8 with a byte order mark, as Excel saves it.
    Utf8Bom,
    /// Plain UTF-8.
    Utf8,
    /// GB18030, as WPS and older programs save it.
    Gb18030,
}

/// A csv of one sheet.
pub fn csv(sheet: &Sheet, encoding: Encoding) -> Vec<u8> {
    let mut text = String::new();
    let width = sheet.headers.len();
    let mut line = |cells: Vec<String>| {
        let commas = width.saturating_sub(cells.len());
        let _ = write!(text, "{}{}\r\n", cells.join(","), ",".repeat(commas));
    };
    for above in &sheet.above {
        line(above.iter().map(|part| part.text.clone()).collect());
    }
    line(sheet.headers.clone());
    for row in sheet.rows.iter().chain(&sheet.below) {
        line(row.iter().map(Cell::as_csv).collect());
    }
    match encoding {
        Encoding::Utf8 => text.into_bytes(),
        Encoding::Utf8Bom => [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
        Encoding::Gb18030 => encoding_rs::GB18030.encode(&text).0.into_owned(),
    }
}
