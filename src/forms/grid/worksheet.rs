//! One worksheet part: its cells and merged regions.
//!
//! Findings: `unreadable-file` (cut off, contradicts itself), `too-large` (beyond the last column), `too-many-rows`.

use super::table::{Region, Table, Texts, Value};
use super::xml::{Element, Malformed, Node, Xml, unescape};
use super::{FileFault, MAX_COLUMNS, MAX_SHEET_ROWS, decimal, fault};
use chrono::NaiveDate;
use std::sync::Arc;

/// What a worksheet needs to know of its workbook.
pub(super) struct Surroundings {
    /// The shared texts.
    pub(super) shared: Arc<Texts>,
    /// Which cell styles show a date.
    pub(super) date_styles: Vec<bool>,
    /// Whether days are counted from 1904.
    pub(super) date_1904: bool,
    /// Whether whoever wrote the workbook left all formulas to be calculated when it is opened.
    pub(super) never_calculated: bool,
    /// Most rows that hold something.
    pub(super) max_rows: u32,
}

/// Where a cell or row is.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) row: u32,
    pub(super) column: usize,
}

/// Reads a worksheet to its end. The claimed dimension is not looked at.
pub(super) fn read(xml: &mut Xml<'_>, name: &str, around: &Surroundings) -> Result<Table, FileFault> {
    let mut sheet = Reading {
        xml,
        name,
        around,
        table: Table::new(Arc::clone(&around.shared), around.date_1904),
        value: String::new(),
        formula: String::new(),
    };
    let mut regions = Vec::new();
    loop {
        let depth = sheet.xml.depth();
        match sheet.xml.step()? {
            Node::Open(element) if depth == 1 && element.is("sheetData") => sheet.rows()?,
            Node::Open(element) if depth == 2 && element.is("mergeCell") => {
                regions.extend(element.attribute("ref")?.as_deref().and_then(region));
            }
            Node::End => break,
            _ => {}
        }
    }
    let mut table = sheet.table;
    table.merge(regions)?;
    Ok(table)
}

struct Reading<'a, 's> {
    xml: &'a mut Xml<'s>,
    name: &'a str,
    around: &'a Surroundings,
    table: Table,
    /// The cell's `v` and `f`; kept to be filled again.
    value: String,
    formula: String,
}

/// What the attributes of a cell say.
struct CellHead {
    reference: Option<Place>,
    kind: CellKind,
    is_date: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum CellKind {
    Number,
    Shared,
    /// The text result of a formula.
    Text,
    Inline,
    Bool,
    Error,
    IsoDate,
}

impl Reading<'_, '_> {
    fn rows(&mut self) -> Result<(), FileFault> {
        let mut last_row = 0;
        loop {
            let number = match self.xml.step()? {
                Node::Open(element) if element.is("row") => row_number(&element)?,
                Node::Open(_) => {
                    self.xml.skip()?;
                    continue;
                }
                Node::Close | Node::End => return Ok(()),
                Node::Text(_) => continue,
            };
            last_row = self.row(number, last_row)?;
        }
    }

    /// Reads one row; returns its number. Rows and cells without a reference follow the one before.
    fn row(&mut self, stated: Option<u32>, last_row: u32) -> Result<u32, FileFault> {
        let mut row = stated;
        let mut next_column = 0;
        loop {
            let head = match self.xml.step()? {
                Node::Open(element) if element.is("c") => head(&element, &self.around.date_styles)?,
                Node::Open(_) => {
                    self.xml.skip()?;
                    continue;
                }
                Node::Close | Node::End => return Ok(row.unwrap_or(last_row.saturating_add(1))),
                Node::Text(_) => continue,
            };
            let number = *row.get_or_insert(head.reference.map_or(last_row.saturating_add(1), |place| place.row));
            let column = head.reference.map_or(next_column, |place| place.column);
            if head.reference.is_some_and(|place| place.row != number) {
                return Err(fault::broken_workbook(format!("工作表“{}”第 {number} 行的单元格位置有误", self.name)));
            }
            if number > MAX_SHEET_ROWS {
                return Err(fault::too_many_rows(self.name, MAX_SHEET_ROWS));
            }
            if column >= MAX_COLUMNS {
                return Err(fault::too_large(format!("工作表“{}”超过 {MAX_COLUMNS} 列", self.name)));
            }
            next_column = column + 1;
            self.cell(&head, Place { row: number, column })?;
        }
    }

    /// Reads the children of a cell and keeps what it holds.
    fn cell(&mut self, head: &CellHead, place: Place) -> Result<(), FileFault> {
        self.value.clear();
        self.formula.clear();
        let (mut has_value, mut has_formula) = (false, false);
        loop {
            let child = match self.xml.step()? {
                Node::Open(element) if element.is("v") => 'v',
                Node::Open(element) if element.is("f") => 'f',
                Node::Open(element) if element.is("is") => 'i',
                Node::Open(_) => '?',
                Node::Close | Node::End => break,
                Node::Text(_) => continue,
            };
            match child {
                'v' => {
                    has_value = true;
                    self.xml.text(&mut self.value)?;
                }
                'f' => {
                    has_formula = true;
                    self.xml.text(&mut self.formula)?;
                }
                'i' => self.xml.rich_text(&mut self.value)?,
                _ => self.xml.skip()?,
            }
        }
        if has_formula && self.is_unevaluated(head.kind, has_value) {
            let formula = format!("={}", self.formula.trim_start_matches('='));
            return self.keep(place, &Value::Error(&formula));
        }
        self.interpret(head, place)
    }

    /// Whether a formula has no result. Programs that write formulas without calculating them leave the value out, or write
    /// 0 and ask for a calculation when the workbook is opened. A program that calculated it drops that request when it
    /// saves (seen of LibreOffice, believed of Excel and WPS).
    fn is_unevaluated(&self, kind: CellKind, has_value: bool) -> bool {
        let value = self.value.trim();
        match kind {
            CellKind::Text => !has_value,
            CellKind::Number => value.is_empty() || self.around.never_calculated && value == "0",
            _ => value.is_empty(),
        }
    }

    fn interpret(&mut self, head: &CellHead, place: Place) -> Result<(), FileFault> {
        let raw = std::mem::take(&mut self.value);
        let trimmed = raw.trim();
        let kept = match head.kind {
            CellKind::Inline | CellKind::Text if raw.is_empty() => Ok(()),
            CellKind::Inline => self.keep(place, &Value::Text(&raw)),
            CellKind::Text => self.keep(place, &Value::Text(&unescape(&raw))),
            _ if trimmed.is_empty() => Ok(()),
            CellKind::Shared => match trimmed.parse().ok().map(|index| (index, self.around.shared.get(index))) {
                Some((_, Some(""))) => Ok(()),
                Some((index, Some(_))) => self.keep(place, &Value::Shared(index)),
                _ => Err(fault::broken_workbook(format!("工作表“{}”引用了不存在的文字", self.name))),
            },
            CellKind::Bool => self.keep(place, &Value::Bool(matches!(trimmed, "1" | "true"))),
            CellKind::Error => self.keep(place, &Value::Error(trimmed)),
            CellKind::IsoDate => {
                let day = trimmed.get(..10).and_then(|day| day.parse::<NaiveDate>().ok());
                self.keep(place, &day.map_or(Value::Text(trimmed), Value::Date))
            }
            CellKind::Number => match decimal::decimal(trimmed) {
                // Not a number, or larger than any: what stands there is shown, nothing is made of it.
                None => self.keep(place, &Value::Error(trimmed)),
                Some(number) if head.is_date => self.keep(place, &Value::Serial(&number)),
                Some(number) => self.keep(place, &Value::Number(&number)),
            },
        };
        self.value = raw;
        kept
    }

    fn keep(&mut self, place: Place, value: &Value<'_>) -> Result<(), FileFault> {
        if self.table.push(place.row, place.column, value)?.is_none() {
            return Err(fault::broken_workbook(format!("工作表“{}”的行列顺序有误", self.name)));
        }
        if self.table.row_count() > self.around.max_rows as usize {
            return Err(fault::too_many_rows(self.name, self.around.max_rows));
        }
        Ok(())
    }
}

fn head(element: &Element<'_>, date_styles: &[bool]) -> Result<CellHead, FileFault> {
    let mut head = CellHead { reference: None, kind: CellKind::Number, is_date: false };
    for attribute in element.attributes() {
        let (name, value) = attribute?;
        match name {
            "r" => head.reference = Some(place(&value).ok_or(Malformed("单元格位置有误"))?),
            "s" => {
                let style = value.trim().parse::<usize>().ok();
                head.is_date = style.is_some_and(|s| date_styles.get(s).copied().unwrap_or(false));
            }
            "t" => {
                head.kind = match value.as_ref() {
                    "s" => CellKind::Shared,
                    "str" => CellKind::Text,
                    "inlineStr" => CellKind::Inline,
                    "b" => CellKind::Bool,
                    "e" => CellKind::Error,
                    "d" => CellKind::IsoDate,
                    _ => CellKind::Number,
                }
            }
            _ => {}
        }
    }
    Ok(head)
}

fn row_number(element: &Element<'_>) -> Result<Option<u32>, FileFault> {
    let Some(stated) = element.attribute("r")? else { return Ok(None) };
    match stated.trim().parse() {
        Ok(number) if number > 0 => Ok(Some(number)),
        _ => Err(fault::broken_workbook("行号有误")),
    }
}

/// Reads `B7`, `$B$7`.
pub(super) fn place(reference: &str) -> Option<Place> {
    let reference = reference.trim();
    let mut column = 0_usize;
    let mut digits = reference.len();
    for (at, symbol) in reference.bytes().enumerate() {
        match symbol {
            b'$' => {}
            b'A'..=b'Z' | b'a'..=b'z' => {
                let letter = usize::from(symbol.to_ascii_uppercase() - b'A') + 1;
                column = column.checked_mul(26)?.checked_add(letter)?;
            }
            _ => {
                digits = at;
                break;
            }
        }
    }
    let row = reference[digits..].parse().ok().filter(|row| *row > 0)?;
    Some(Place { row, column: column.checked_sub(1)? })
}

/// Reads `B7:D9`. What is no region within a sheet is no region.
fn region(reference: &str) -> Option<Region> {
    let (first, last) = reference.split_once(':')?;
    let (first, last) = (place(first)?, place(last)?);
    let region = Region {
        left: first.column.min(last.column),
        top: first.row.min(last.row),
        right: first.column.max(last.column),
        bottom: first.row.max(last.row),
    };
    (region.right < MAX_COLUMNS && region.bottom <= MAX_SHEET_ROWS).then_some(region)
}
