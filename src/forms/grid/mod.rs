//! Workbooks (.xlsx) and csv as plain cells, whoever wrote them; hostile files end as a [`FileFault`].
//!
//! Findings: `wrong-format`, `unreadable-file`, `password-protected`, `too-large`, `too-many-rows`.
//!
//! The bytes come from strangers. So everything that a file can claim is checked against [`Limits`] or a named `MAX_`
//! before it costs memory or time: sizes while inflating, positions before anything is laid out, repeated text before
//! it is handed out. The XML is read here and not by a spreadsheet crate, because a formula that was never evaluated,
//! merged regions and positions far out must be seen as they stand in the file.
//!
//! *Merged cells*: the value holds for every row of the region, **in its leftmost column only**. So data merged over rows
//! is whole, a heading merged over two rows stands in the lower one too, a title merged over columns stays one cell,
//! and a group heading (课时 over 总课时, 理论课时) leaves the names below it alone. Rows that hold nothing of their own
//! are not filled. [`Sheet::origin`] tells where such a value really stands.

mod csv;
mod date;
mod decimal;
mod fault;
mod format;
mod meter;
pub(super) mod package;
pub(super) mod parts;
mod table;
mod worksheet;
mod xml;

#[cfg(test)]
mod tests;

use crate::subsidy::finding::Code;
use chrono::NaiveDate;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Most columns a sheet can have (`XFD`).
pub const MAX_COLUMNS: usize = 16_384;
/// Names that we give to what a form hides begin so.
pub const MARK_PREFIX: &str = "shenling_";
/// Most rows a sheet can have.
pub const MAX_SHEET_ROWS: u32 = 1_048_576;
/// Most rows of a part of a sheet ([`Sheet::parts`]).
const PART_ROWS: usize = 2_048;

/// Limits against files that are too large to be honest. Named settings (`[limits]`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest file, in bytes.
    pub max_file_bytes: u64,
    /// Largest sum of unzipped parts, in bytes; also the most text that the cells of a workbook may hold together.
    pub max_unzipped_bytes: u64,
    /// Most sheets in a workbook.
    pub max_sheets: u32,
    /// Most rows with content in a sheet.
    pub max_rows: u32,
}

/// One cell as it stands in the file.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing.
    Empty,
    /// Text, exactly as stored (untrimmed).
    Text(String),
    /// A number, as its shortest decimal text at 15 significant digits, without exponent and without a needless
    /// `.0` (`150.3`, `45736`, `320404199001011000`). `date_1904` tells which serial system the workbook uses.
    Number {
        /// Decimal text.
        text: String,
        /// Whether the workbook counts days from 1904.
        date_1904: bool,
    },
    /// A cell that is formatted as a date.
    Date {
        /// The day that is shown; a time of day is dropped.
        on: NaiveDate,
        /// The number that is stored, as in [`Cell::Number`]; `None` where the file spells the date out.
        stored: Option<String>,
    },
    /// TRUE or FALSE.
    Bool(bool),
    /// An error value such as `#REF!`, or a formula that was never evaluated (`=A1+B1`).
    Error(String),
}

impl Cell {
    /// Whether nothing stands here.
    pub fn is_empty(&self) -> bool {
        matches!(self, Cell::Empty)
    }
}

/// A sheet: its name and its rows.
pub struct Sheet {
    /// Name; empty for csv.
    pub name: String,
    body: Body,
}

enum Body {
    Csv(csv::Text),
    Table(table::Table),
}

impl std::fmt::Debug for Sheet {
    /// Without the cells: they are personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sheet").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Sheet {
    /// The rows that hold something, in order, each with its number as a spreadsheet shows it (from 1). The index of a
    /// cell is its column (from 0); cells after the last filled one are absent. Can be asked for again at little cost.
    pub fn rows(&self) -> Rows<'_> {
        Rows(match &self.body {
            Body::Csv(text) => Source::Csv(text.records()),
            Body::Table(table) => Source::Table(table.rows()),
        })
    }

    /// The same rows in parts that follow each other, for several threads to walk.
    pub fn parts(&self) -> Vec<Rows<'_>> {
        match &self.body {
            Body::Csv(text) => text.parts().map(|records| Rows(Source::Csv(records))).collect(),
            Body::Table(table) => table.parts().map(|rows| Rows(Source::Table(rows))).collect(),
        }
    }

    /// Whether no cell holds anything.
    pub fn is_empty(&self) -> bool {
        self.rows().next().is_none()
    }

    /// Where the value of a cell really stands: the top cell if it was filled down a merged region, else the cell itself.
    pub fn origin(&self, row: u32, column: usize) -> (u32, usize) {
        match &self.body {
            Body::Csv(_) => (row, column),
            Body::Table(table) => table.origin(row, column),
        }
    }
}

/// The rows of a sheet, made one by one. See [`Sheet::rows`].
pub struct Rows<'a>(Source<'a>);

enum Source<'a> {
    Csv(csv::Records<'a>),
    Table(table::TableRows<'a>),
}

impl Iterator for Rows<'_> {
    type Item = (u32, Vec<Cell>);

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Source::Csv(records) => records.next(),
            Source::Table(rows) => rows.next(),
        }
    }
}

/// A file that was read.
#[derive(Debug)]
pub struct Workbook {
    /// The sheets in order; a csv has one.
    pub sheets: Vec<Sheet>,
    /// What our own forms say of themselves: custom properties and defined names that begin with [`MARK_PREFIX`].
    pub marks: Vec<(String, String)>,
}

impl Workbook {
    /// Whether it was read from a csv.
    pub fn is_csv(&self) -> bool {
        matches!(&self.sheets[..], [Sheet { body: Body::Csv(_), .. }])
    }
}

/// Why a file as a whole cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFault {
    /// `wrong-format`, `unreadable-file`, `password-protected`, `too-large` or `too-many-rows`.
    pub code: Code,
    /// What was seen.
    pub seen: String,
    /// What to do, in Chinese.
    pub advice: String,
}

/// A workbook on which we break: what its sender is told.
pub(super) fn broken_workbook(seen: &str) -> FileFault {
    fault::broken_workbook(seen)
}

/// Reads a workbook or csv. The name decides only where it names another format; else the content does.
pub fn read(file_name: &str, bytes: &[u8], limits: &Limits) -> Result<Workbook, FileFault> {
    format::check_name(file_name)?;
    if bytes.len() as u64 > limits.max_file_bytes {
        return Err(fault::too_large(format!("超过 {} 的文件", fault::megabytes(limits.max_file_bytes))));
    }
    match format::recognise(file_name, bytes)? {
        format::Known::Csv => {
            let text = csv::Text::read(bytes, limits)?;
            let sheets = vec![Sheet { name: String::new(), body: Body::Csv(text) }];
            Ok(Workbook { sheets, marks: Vec::new() })
        }
        // No panic is known. The zip and XML crates read what strangers wrote, and one bad file must not stop the rest.
        format::Known::Xlsx => catch_unwind(AssertUnwindSafe(|| package::read(file_name, bytes, limits)))
            .unwrap_or_else(|_| Err(fault::broken_workbook("无法解析的工作簿"))),
    }
}

/// The number of a text that has more digits than a spreadsheet keeps, at those it keeps: `150.29999999999998` is 150.3.
/// `None` for any other text.
pub fn without_noise(text: &str) -> Option<String> {
    let is_digits = text.contains('.') && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    (is_digits && text.len() > decimal::SIGNIFICANT_DIGITS + 1).then(|| decimal::decimal(text)).flatten()
}

/// Row (from 1) and column (from 0) of an A1 address; `None` for any other text.
pub fn place_of(address: &str) -> Option<(u32, usize)> {
    worksheet::place(address).map(|place| (place.row, place.column))
}

/// The A1 address of a cell: row from 1, column from 0.
pub fn a1(row: u32, column: usize) -> String {
    let mut letters = String::new();
    let mut rest = Some(column);
    while let Some(column) = rest {
        letters.insert(0, char::from(b'A' + u8::try_from(column % 26).expect("a remainder below 26")));
        rest = (column / 26).checked_sub(1);
    }
    format!("{letters}{row}")
}
