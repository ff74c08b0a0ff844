//! The cells of one worksheet, packed: only what is filled is kept, and owned cells are made row by row.
//!
//! Findings: `too-large` where a small file repeats itself into a huge sheet (shared texts, merged regions, cells far out).

use super::{Cell, FileFault, MAX_COLUMNS, PART_ROWS, date, fault};
use chrono::{Datelike, NaiveDate};
use std::ops::Range;
use std::sync::Arc;

/// Most text in one row, in bytes.
pub(super) const MAX_ROW_TEXT_BYTES: u64 = 4 << 20;
/// Most positions in a sheet, empty ones before the last filled cell of a row counted.
const MAX_POSITIONS: u64 = 1 << 27;
/// Most steps spent on merged regions: each row of each region, and each cell that a region covers.
const MAX_MERGE_STEPS: u64 = 1 << 22;

/// Many texts in one allocation.
#[derive(Default)]
pub(super) struct Texts {
    text: String,
    ends: Vec<u32>,
}

impl Texts {
    /// Appends one text.
    pub(super) fn push(&mut self, text: &str) -> Result<(), FileFault> {
        self.text.push_str(text);
        self.ends.push(position(self.text.len())?);
        Ok(())
    }

    /// The text at an index, if there is one.
    pub(super) fn get(&self, index: u32) -> Option<&str> {
        let index = index as usize;
        let end = *self.ends.get(index)? as usize;
        let start = if index == 0 { 0 } else { *self.ends.get(index - 1)? as usize };
        self.text.get(start..end)
    }
}

/// Offsets are kept in 32 bits.
fn position(length: usize) -> Result<u32, FileFault> {
    u32::try_from(length).map_err(|_| fault::too_large("超过 4 GiB 的文字"))
}

/// What a worksheet says of one filled cell.
pub(super) enum Value<'a> {
    /// An index of the shared texts.
    Shared(u32),
    /// Text of its own.
    Text(&'a str),
    /// Decimal text.
    Number(&'a str),
    /// Decimal text of a number that is formatted as a date.
    Serial(&'a str),
    /// A day that the file spells out.
    Date(NaiveDate),
    /// TRUE or FALSE.
    Bool(bool),
    /// An error, or a formula never evaluated.
    Error(&'a str),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Nothing,
    Shared,
    Text,
    Number,
    Serial,
    Date,
    Bool,
    Error,
}

/// A filled cell: 12 bytes, where a `Cell` has 32 and an allocation.
#[derive(Clone, Copy)]
struct Packed {
    /// Offset of the text, index of the shared text, or the value itself.
    at: u32,
    length: u32,
    column: u16,
    kind: Kind,
}

struct Row {
    number: u32,
    first_cell: usize,
}

/// A merged region, rows from 1, columns from 0, all inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Region {
    pub(super) left: usize,
    pub(super) top: u32,
    pub(super) right: usize,
    pub(super) bottom: u32,
}

/// A worksheet.
pub(super) struct Table {
    date_1904: bool,
    shared: Arc<Texts>,
    texts: String,
    rows: Vec<Row>,
    cells: Vec<Packed>,
    /// Values of merged regions in the rows below their top, by row index.
    fills: Vec<(usize, Packed)>,
    merged: Vec<Region>,
}

impl Table {
    /// An empty sheet of a workbook that has these shared texts.
    pub(super) fn new(shared: Arc<Texts>, date_1904: bool) -> Table {
        Table {
            date_1904,
            shared,
            texts: String::new(),
            rows: Vec::new(),
            cells: Vec::new(),
            fills: Vec::new(),
            merged: Vec::new(),
        }
    }

    /// How many rows hold something.
    pub(super) fn row_count(&self) -> usize {
        self.rows.len()
    }

    /// Adds a cell. Rows come in order and columns within a row too; `None` in the result if not.
    pub(super) fn push(&mut self, row: u32, column: usize, value: &Value<'_>) -> Result<Option<()>, FileFault> {
        let Ok(narrow) = u16::try_from(column) else { return Ok(None) };
        match self.rows.last() {
            Some(last) if last.number > row => return Ok(None),
            Some(last) if last.number == row => {
                if self.cells.last().is_some_and(|cell| cell.column >= narrow) {
                    return Ok(None);
                }
            }
            _ => self.rows.push(Row { number: row, first_cell: self.cells.len() }),
        }
        let (kind, text) = match value {
            Value::Shared(_) => (Kind::Shared, ""),
            Value::Text(text) => (Kind::Text, *text),
            Value::Number(text) => (Kind::Number, *text),
            Value::Serial(text) => (Kind::Serial, *text),
            Value::Date(_) => (Kind::Date, ""),
            Value::Bool(_) => (Kind::Bool, ""),
            Value::Error(text) => (Kind::Error, *text),
        };
        let at = match value {
            Value::Shared(index) => *index,
            Value::Date(day) => day.num_days_from_ce().cast_unsigned(),
            Value::Bool(truth) => u32::from(*truth),
            Value::Text(_) | Value::Number(_) | Value::Serial(_) | Value::Error(_) => position(self.texts.len())?,
        };
        self.texts.push_str(text);
        self.cells.push(Packed { at, length: position(text.len())?, column: narrow, kind });
        Ok(Some(()))
    }

    fn cells_of(&self, row_index: usize) -> Range<usize> {
        let first = self.rows.get(row_index).map_or(self.cells.len(), |row| row.first_cell);
        first..self.rows.get(row_index + 1).map_or(self.cells.len(), |row| row.first_cell)
    }

    /// Lays the merged regions over the cells: the top left value goes down the left column of its region, into the rows
    /// that hold something of their own; what the region hides is gone, as it is for whoever looks at the sheet.
    pub(super) fn merge(&mut self, mut regions: Vec<Region>) -> Result<(), FileFault> {
        regions.sort_unstable();
        let mut steps = 0_u64;
        for region in &regions {
            let first = self.rows.partition_point(|row| row.number < region.top);
            let last = self.rows.partition_point(|row| row.number <= region.bottom);
            let mut value = None;
            for row_index in first..last {
                let cells = self.cells_of(row_index);
                let row_start = cells.start;
                let row_cells = &mut self.cells[cells];
                let from = row_cells.partition_point(|cell| usize::from(cell.column) < region.left);
                let to = row_cells.partition_point(|cell| usize::from(cell.column) <= region.right);
                steps += 1 + (to - from) as u64;
                if steps > MAX_MERGE_STEPS {
                    return Err(fault::too_large("过多的合并单元格"));
                }
                for (at, cell) in (row_start + from..).zip(&mut row_cells[from..to]) {
                    let is_origin =
                        self.rows[row_index].number == region.top && usize::from(cell.column) == region.left;
                    if is_origin {
                        value = Some(at);
                    } else {
                        cell.kind = Kind::Nothing;
                    }
                }
                if let Some(at) = value.filter(|_| self.rows[row_index].number > region.top) {
                    self.fills.push((row_index, self.cells[at]));
                }
            }
        }
        self.fills.sort_by_key(|(row_index, _)| *row_index);
        self.merged = regions;
        Ok(())
    }

    /// How many bytes of text all rows hand out together; refuses rows and sheets that no honest file has.
    pub(super) fn measure(&self) -> Result<u64, FileFault> {
        let (mut total, mut positions, mut fills) = (0_u64, 0_u64, self.fills.as_slice());
        for row_index in 0..self.rows.len() {
            let (own, rest) = fills.split_at(fills.partition_point(|(index, _)| *index <= row_index));
            fills = rest;
            let row = self.cells[self.cells_of(row_index)].iter().chain(own.iter().map(|(_, cell)| cell));
            let (mut text, mut width) = (0_u64, 0_usize);
            for cell in row {
                text += self.text_of(cell).len() as u64;
                width = width.max(usize::from(cell.column) + 1);
            }
            positions += width as u64;
            total += text;
            if text > MAX_ROW_TEXT_BYTES || positions > MAX_POSITIONS {
                return Err(fault::too_large(format!("第 {} 行起内容过多", self.rows[row_index].number)));
            }
        }
        Ok(total)
    }

    fn text_of(&self, cell: &Packed) -> &str {
        match cell.kind {
            Kind::Shared => self.shared.get(cell.at).unwrap_or_default(),
            Kind::Text | Kind::Number | Kind::Serial | Kind::Error => {
                self.texts.get(cell.at as usize..cell.at as usize + cell.length as usize).unwrap_or_default()
            }
            Kind::Nothing | Kind::Date | Kind::Bool => "",
        }
    }

    fn unpack(&self, cell: &Packed) -> Cell {
        let text = self.text_of(cell);
        let number = || Cell::Number { text: text.to_owned(), date_1904: self.date_1904 };
        match cell.kind {
            Kind::Shared | Kind::Text if text.is_empty() => Cell::Empty,
            Kind::Shared | Kind::Text => Cell::Text(text.to_owned()),
            Kind::Number => number(),
            Kind::Serial => date::day_of_serial(text, self.date_1904)
                .map_or_else(number, |on| Cell::Date { on, stored: Some(text.to_owned()) }),
            Kind::Error => Cell::Error(text.to_owned()),
            Kind::Bool => Cell::Bool(cell.at != 0),
            Kind::Date => NaiveDate::from_num_days_from_ce_opt(cell.at.cast_signed())
                .map_or(Cell::Empty, |on| Cell::Date { on, stored: None }),
            Kind::Nothing => Cell::Empty,
        }
    }

    /// See [`super::Sheet::origin`].
    pub(super) fn origin(&self, row: u32, column: usize) -> (u32, usize) {
        let after = self.merged.partition_point(|region| (region.left, region.top) <= (column, row));
        match after.checked_sub(1).and_then(|at| self.merged.get(at)) {
            Some(region) if region.left == column && row <= region.bottom => (region.top, column),
            _ => (row, column),
        }
    }

    /// The rows that hold something.
    pub(super) fn rows(&self) -> TableRows<'_> {
        self.rows_in(0..self.rows.len())
    }

    /// The same in parts that follow each other.
    pub(super) fn parts(&self) -> impl Iterator<Item = TableRows<'_>> {
        let rows = self.rows.len();
        (0..rows).step_by(PART_ROWS).map(move |first| self.rows_in(first..rows.min(first + PART_ROWS)))
    }

    fn rows_in(&self, indices: Range<usize>) -> TableRows<'_> {
        let first_fill = self.fills.partition_point(|(index, _)| *index < indices.start);
        TableRows { table: self, indices, fills: &self.fills[first_fill..] }
    }
}

/// Iterator over the rows of a worksheet that hold something.
pub(super) struct TableRows<'a> {
    table: &'a Table,
    indices: Range<usize>,
    fills: &'a [(usize, Packed)],
}

impl Iterator for TableRows<'_> {
    type Item = (u32, Vec<Cell>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let row_index = self.indices.next()?;
            let row = self.table.rows.get(row_index)?;
            let (own, rest) =
                self.fills.split_at(self.fills.iter().take_while(|(index, _)| *index == row_index).count());
            self.fills = rest;

            let stored = &self.table.cells[self.table.cells_of(row_index)];
            let mut cells = Vec::with_capacity(stored.last().map_or(0, |last| usize::from(last.column) + 1));
            for packed in stored.iter().chain(own.iter().map(|(_, packed)| packed)) {
                let column = usize::from(packed.column);
                debug_assert!(column < MAX_COLUMNS);
                if cells.len() <= column {
                    cells.resize(column + 1, Cell::Empty);
                }
                cells[column] = self.table.unpack(packed);
            }
            let filled = cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
            cells.truncate(filled);
            if filled > 0 {
                return Some((row.number, cells));
            }
        }
    }
}
