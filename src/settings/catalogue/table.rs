//! A reference table as plain cells, from .csv (UTF-8 with or without BOM, GB18030) or .xlsx, with every place kept.

use std::io::Cursor;

use calamine::{Data, DataRef, Reader, Xlsx, XlsxError};
use chrono::NaiveDate;

use crate::settings::mistake::{Fault, Mistakes, Place};

/// No reference table has more cells than this.
const MAX_CELLS: u64 = 5_000_000;

/// One cell as it stands in the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    /// Nothing.
    Empty,
    /// Text, trimmed.
    Text(String),
    /// A number cell, as decimal text at 15 significant digits.
    Number(String),
    /// A date cell.
    Date(NaiveDate),
    /// An error value or a formula without a value.
    Faulty(String),
}

/// A line or row with its number from 1.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Its number.
    pub number: u32,
    /// Its cells from the first column on.
    pub cells: Vec<Cell>,
}

impl Line {
    /// Whether nothing stands in it.
    pub fn is_empty(&self) -> bool {
        self.cells.iter().all(|cell| *cell == Cell::Empty)
    }
}

/// A sheet; a csv is one without a name.
#[derive(Debug, Default)]
pub(super) struct Grid {
    /// The sheet's name.
    pub name: String,
    /// Lines in which something stands.
    pub lines: Vec<Line>,
    /// Where merged cells begin.
    pub merged: Vec<Place>,
}

/// Line and column numbers as `Mistake` holds them.
pub(super) fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Reads a csv as one grid.
pub(super) fn csv(bytes: &[u8], mistakes: &mut Mistakes) -> Option<Grid> {
    let text = mistakes.take(Place::default(), decode(bytes))?;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut grid = Grid::default();
    let (mut line, mut counted) = (1, 0);
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                mistakes.error(Place::line(line), format!("读不懂这一行（{error}）"), "请检查引号是否成对");
                return None;
            }
        };
        // The reader skips blank lines after it has taken a record's position: the record begins behind them.
        let start = record.position().map_or(counted, |at| usize::try_from(at.byte()).unwrap_or(counted));
        let rest = text.get(start..).unwrap_or_default();
        let start = start + (rest.len() - rest.trim_start_matches(['\r', '\n']).len());
        line += line_breaks(text.get(counted..start).unwrap_or_default());
        counted = start;
        let cells = record.iter().map(text_cell).collect();
        grid.lines.push(Line { number: line, cells });
    }
    grid.lines.retain(|line| !line.is_empty());
    Some(grid)
}

fn line_breaks(text: &str) -> u32 {
    number(text.matches('\n').count() + text.matches('\r').count() - text.matches("\r\n").count())
}

fn decode(bytes: &[u8]) -> Result<String, Fault> {
    let advice = "请在 Excel 或 WPS 中“另存为”CSV UTF-8（逗号分隔）或 .xlsx";
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"\xD0\xCF\x11\xE0") {
        return Err(Fault::new("文件名是 .csv，内容却是工作簿", advice));
    }
    if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") || bytes.contains(&0) {
        return Err(Fault::new("文件编码不是 UTF-8 或 GB18030", advice));
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(text.to_owned());
    }
    encoding_rs::GB18030
        .decode_without_bom_handling_and_without_replacement(bytes)
        .map(std::borrow::Cow::into_owned)
        .ok_or_else(|| Fault::new("文件编码不是 UTF-8 或 GB18030", advice))
}

/// Zero-width and direction marks travel along when texts are copied; they are no part of a name.
fn text_cell(text: &str) -> Cell {
    let text: String = text
        .chars()
        .filter(|c| !matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}' | '\u{FEFF}'))
        .collect();
    let text = text.trim();
    if text.is_empty() { Cell::Empty } else { Cell::Text(text.to_owned()) }
}

/// Reads the sheets of a workbook.
pub(super) fn xlsx(bytes: &[u8], mistakes: &mut Mistakes) -> Vec<Grid> {
    let advice = "请用 Excel 或 WPS 打开，另存为 .xlsx（不加密）";
    let result = open(bytes).map_err(|error| Fault::new(format!("打不开工作簿（{error}）"), advice));
    mistakes.take(Place::default(), result).unwrap_or_default()
}

fn open(bytes: &[u8]) -> Result<Vec<Grid>, XlsxError> {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes))?;
    let mut grids = Vec::new();
    for name in book.sheet_names() {
        if area(&mut book, &name)? > MAX_CELLS {
            return Err(XlsxError::Unexpected("工作表的数据范围太大，远处有零星的单元格"));
        }
        let (values, formulas) = (book.worksheet_range(&name)?, book.worksheet_formula(&name)?);
        let merged = book.merge_cells_by_sheet_name(&name).unwrap_or_default();
        let (Some(start), Some(end)) = (values.start(), values.end()) else { continue };
        // A formula that was never evaluated may stand beyond the last value.
        let end = formulas.end().map_or(end, |other| (end.0.max(other.0), end.1.max(other.1)));
        let mut lines = Vec::new();
        for row in start.0.min(formulas.start().map_or(start.0, |at| at.0))..=end.0 {
            let cells = (0..=end.1)
                .map(|column| {
                    let formula = formulas.get_value((row, column)).is_some_and(|f| !f.is_empty());
                    cell(values.get_value((row, column)).unwrap_or(&Data::Empty), formula)
                })
                .collect();
            lines.push(Line { number: row.saturating_add(1), cells });
        }
        lines.retain(|line| !line.is_empty());
        let merged = merged.iter().map(|area| Place::at(area.start.0 + 1, area.start.1 + 1)).collect();
        grids.push(Grid { name, lines, merged });
    }
    Ok(grids)
}

/// Cells between the first and the last that holds anything: a single stray one far away would fill the memory.
fn area(book: &mut Xlsx<Cursor<&[u8]>>, name: &str) -> Result<u64, XlsxError> {
    let mut cells = book.worksheet_cells_reader(name)?;
    let (mut rows, mut columns) = (0, 0);
    while let Some(cell) = cells.next_cell()? {
        if *cell.get_value() != DataRef::Empty {
            let (row, column) = cell.get_position();
            (rows, columns) = (rows.max(row), columns.max(column));
        }
    }
    Ok((u64::from(rows) + 1) * (u64::from(columns) + 1))
}

fn cell(data: &Data, formula: bool) -> Cell {
    let unevaluated = || Cell::Faulty("没有算出值的公式".to_owned());
    match data {
        Data::Empty if formula => unevaluated(),
        Data::Empty => Cell::Empty,
        Data::String(text) if formula && text.is_empty() => unevaluated(),
        Data::String(text) => text_cell(text),
        Data::Int(whole) => Cell::Number(whole.to_string()),
        Data::Float(float) => decimal(*float).map_or_else(|| Cell::Faulty(float.to_string()), Cell::Number),
        Data::Bool(truth) => Cell::Text(if *truth { "TRUE" } else { "FALSE" }.to_owned()),
        Data::DateTime(at) => match at.as_datetime() {
            Some(instant) if at.is_datetime() => Cell::Date(instant.date()),
            _ => Cell::Faulty("时长".to_owned()),
        },
        Data::DateTimeIso(text) => match text.get(..10).and_then(|date| date.parse().ok()) {
            Some(day) => Cell::Date(day),
            None => Cell::Faulty(text.clone()),
        },
        Data::DurationIso(text) => Cell::Faulty(text.clone()),
        Data::Error(error) => Cell::Faulty(error.to_string()),
    }
}

/// A stored number as people see it: 15 significant digits (150.1+0.2 is 150.3), no exponent.
fn decimal(float: f64) -> Option<String> {
    if !float.is_finite() {
        return None;
    }
    let scientific = format!("{float:.14e}");
    let (mantissa, exponent) = scientific.split_once('e')?;
    let exponent: i32 = exponent.parse().ok().filter(|e| (-20..=30).contains(e))?;
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits = mantissa.replace('.', "");
    let text = if exponent < 0 {
        format!("0.{}{digits}", "0".repeat(usize::try_from(-exponent - 1).ok()?))
    } else {
        let whole = usize::try_from(exponent + 1).ok()?;
        let padded = format!("{digits:0<whole$}");
        format!("{}.{}", &padded[..whole], &padded[whole..])
    };
    let text = text.trim_end_matches('0').trim_end_matches('.');
    Some(if text == "0" { "0".to_owned() } else { format!("{sign}{text}") })
}
