//! A reference table with its header understood: columns in any order, Chinese names or English ones, typed cells.

use chrono::NaiveDate;
use unicode_normalization::UnicodeNormalization;

use super::table::{self, Cell, Grid, Line, number};
use crate::settings::dates;
use crate::settings::mistake::{Fault, Mistakes, Place};
use crate::subsidy::calendar::Span;
use crate::subsidy::identifiers::normalise;
use crate::subsidy::money::{AmountError, Fen};

/// Title lines that may stand above a header.
const MAX_TITLE_LINES: usize = 20;

/// A number cell with more digits than this has lost some.
const MAX_EXACT_DIGITS: usize = 15;

/// A column of a reference table.
#[derive(Debug)]
pub(super) struct Column {
    /// Its header as FORMS has it, without the unit in brackets.
    pub name: &'static str,
    /// Its English name and other headers that mean the same.
    pub synonyms: &'static [&'static str],
    /// Whether the column must be there.
    pub required: bool,
}

/// A column that must be there.
pub(super) const fn need(name: &'static str, synonyms: &'static [&'static str]) -> Column {
    Column { name, synonyms, required: true }
}

/// A column that may be absent.
pub(super) const fn may(name: &'static str, synonyms: &'static [&'static str]) -> Column {
    Column { name, synonyms, required: false }
}

/// Headers that concern nobody.
const IGNORED: &[&str] = &["序号", "备注", "说明", "NO", "NO.", "NOTE", "NOTES", "REMARKS"];

/// A table whose header was understood.
#[derive(Debug)]
pub(super) struct Sheet {
    columns: &'static [Column],
    /// For each column where it stands, if it does.
    at: Vec<Option<usize>>,
    lines: Vec<Line>,
}

/// A row of a [`Sheet`].
#[derive(Copy, Clone, Debug)]
pub(super) struct Row<'s> {
    sheet: &'s Sheet,
    line: &'s Line,
}

/// The header as it is compared: without `*`, without what stands in brackets, normalised.
fn header_key(text: &str) -> String {
    let (mut plain, mut depth) = (String::new(), 0_u32);
    for c in text.nfkc() {
        match c {
            '(' | '[' | '【' => depth += 1,
            ')' | ']' | '】' => depth = depth.saturating_sub(1),
            '*' | '_' => {}
            c if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    normalise(&plain)
}

fn column_of(columns: &[Column], header: &str) -> Option<usize> {
    let key = header_key(header);
    columns
        .iter()
        .position(|column| header_key(column.name) == key)
        .or_else(|| columns.iter().position(|column| column.synonyms.iter().any(|synonym| header_key(synonym) == key)))
}

/// How many columns a line names, and how many of the required ones.
fn headers_in(columns: &[Column], line: &Line) -> usize {
    let texts = line.cells.iter().filter_map(|cell| match cell {
        Cell::Text(text) => Some(text),
        _ => None,
    });
    texts.filter(|text| column_of(columns, text).is_some_and(|i| columns[i].required)).count()
}

/// Reads a .csv or .xlsx and understands its header.
pub(super) fn read(file: &str, bytes: &[u8], columns: &'static [Column], mistakes: &mut Mistakes) -> Option<Sheet> {
    let workbook = file.to_ascii_lowercase().ends_with(".xlsx");
    let grids = if workbook { table::xlsx(bytes, mistakes) } else { table::csv(bytes, mistakes).into_iter().collect() };
    if !mistakes.list.is_empty() {
        return None;
    }
    let required = columns.iter().filter(|column| column.required).count();
    let header_of = |grid: &Grid| {
        let lines = grid.lines.iter().take(MAX_TITLE_LINES);
        lines.clone().position(|line| headers_in(columns, line) * 2 > required)
    };
    let mut recognised = grids.into_iter().filter_map(|grid| header_of(&grid).map(|at| (grid, at)));
    let Some((mut grid, header)) = recognised.next() else {
        let names: Vec<&str> = columns.iter().filter(|c| c.required).map(|c| c.name).collect();
        mistakes.error(Place::line(1), "没有表头行", format!("第一行请写列名，至少要有：{}", names.join("、")));
        return None;
    };
    if let Some((other, _)) = recognised.next() {
        let message = format!("工作表“{}”和“{}”都有表头", grid.name, other.name);
        mistakes.error(Place::default(), message, "请合并成一张工作表，不知道以哪一张为准");
    }
    if workbook {
        mistakes.file = format!("{}[{}]", mistakes.file, grid.name);
    }
    let lines = grid.lines.split_off(header + 1);
    let head = grid.lines.pop()?;
    for place in grid.merged.iter().filter(|place| place.line > Some(head.number)) {
        mistakes.error(*place, "有合并单元格", "请取消合并，每一行都填写");
    }
    let at = understand(&head, columns, mistakes);
    refuse_overhang(&head, &lines, workbook, mistakes);
    Some(Sheet { columns, at, lines })
}

fn understand(head: &Line, columns: &'static [Column], mistakes: &mut Mistakes) -> Vec<Option<usize>> {
    let mut at: Vec<Option<usize>> = vec![None; columns.len()];
    for (i, cell) in head.cells.iter().enumerate() {
        let Cell::Text(text) = cell else { continue };
        let place = Place::at(head.number, number(i + 1));
        match column_of(columns, text) {
            Some(column) if at[column].is_some() => {
                let message = format!("“{}”一列出现了两次", columns[column].name);
                mistakes.error(place, message, "只留一列");
            }
            Some(column) => at[column] = Some(i),
            None if IGNORED.contains(&header_key(text).as_str()) => {}
            None => {
                let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
                let advice = format!("如是写错的列名请改正；可用的列：{}", names.join("、"));
                mistakes.warn(place, format!("不认识的列“{text}”，没有读取"), advice);
            }
        }
    }
    for (column, found) in columns.iter().zip(&at) {
        if column.required && found.is_none() {
            let advice = format!("请在表头加上“{}”一列并逐行填写", column.name);
            mistakes.error(Place::line(head.number), format!("缺少必需的列“{}”", column.name), advice);
        }
    }
    at
}

/// Cells without a header. In a csv they are what `1,000` without quotes leaves behind: every cell after it is wrong.
fn refuse_overhang(head: &Line, lines: &[Line], workbook: bool, mistakes: &mut Mistakes) {
    for line in lines {
        let headless = |i: usize| head.cells.get(i).is_none_or(|cell| *cell == Cell::Empty);
        let Some(i) = (0..line.cells.len()).find(|i| headless(*i) && line.cells[*i] != Cell::Empty) else { continue };
        let place = Place::at(line.number, number(i + 1));
        if workbook {
            mistakes.warn(place, "此列没有表头，没有读取", "如是数据请补列名，否则请删去");
        } else {
            mistakes.error(place, "这一行的单元格比表头多", "内容中有逗号时须加英文双引号，如 \"1,000\"，或写成 1000");
        }
    }
}

impl Sheet {
    /// The rows below the header.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.lines.iter().map(move |line| Row { sheet: self, line })
    }
}

impl<'s> Row<'s> {
    /// The row's number in the file.
    pub fn number(self) -> u32 {
        self.line.number
    }

    fn at(self, name: &str) -> Option<usize> {
        let column = self.sheet.columns.iter().position(|column| column.name == name);
        debug_assert!(column.is_some(), "no column is called {name}");
        column.and_then(|column| self.sheet.at[column])
    }

    /// The place of a cell.
    pub fn place(self, name: &str) -> Place {
        self.at(name).map_or(Place::line(self.line.number), |i| Place::at(self.line.number, number(i + 1)))
    }

    fn cell(self, name: &str) -> &'s Cell {
        self.at(name).and_then(|i| self.line.cells.get(i)).unwrap_or(&Cell::Empty)
    }

    /// Whether nothing stands in a cell.
    pub fn is_empty(self, name: &str) -> bool {
        *self.cell(name) == Cell::Empty
    }

    /// Notes an empty required cell; a missing column was told once, at the header.
    fn require(self, name: &str, advice: &str, mistakes: &mut Mistakes) {
        if self.at(name).is_some() && self.is_empty(name) {
            mistakes.error(self.place(name), format!("“{name}”没有填写"), advice);
        }
    }

    /// The text of a cell, if it holds any.
    pub fn text(self, name: &str, mistakes: &mut Mistakes) -> Option<String> {
        let result = match self.cell(name) {
            Cell::Empty => return None,
            Cell::Text(text) if text.chars().any(char::is_control) => {
                Err(Fault::new(format!("“{name}”中有换行或控制字符"), "请删去单元格内的换行"))
            }
            Cell::Number(text) if text.len() > MAX_EXACT_DIGITS => Err(Fault::new(
                format!("“{name}”是数字格式，超过 15 位，末位已丢失"),
                "请把单元格格式改为“文本”后重新输入",
            )),
            Cell::Text(text) | Cell::Number(text) => Ok(text.clone()),
            Cell::Date(date) => {
                Err(Fault::new(format!("“{name}”被表格软件变成了日期 {date}"), "请把单元格格式改为“文本”后重新输入"))
            }
            Cell::Faulty(what) => Err(faulty(name, what)),
        };
        mistakes.take(self.place(name), result)
    }

    /// The text of a cell that must be filled.
    pub fn need_text(self, name: &str, mistakes: &mut Mistakes) -> Option<String> {
        self.require(name, "此列必须填写", mistakes);
        self.text(name, mistakes)
    }

    /// The several texts of a cell, separated by `;` (or `；` or `、`).
    pub fn texts(self, name: &str, mistakes: &mut Mistakes) -> Vec<String> {
        let text = self.text(name, mistakes).unwrap_or_default();
        text.split([';', '；', '、']).map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// A date.
    pub fn date(self, name: &str, mistakes: &mut Mistakes) -> Option<NaiveDate> {
        let result = match self.cell(name) {
            Cell::Empty => return None,
            Cell::Date(date) => Ok(*date),
            Cell::Text(text) | Cell::Number(text) => dates::parse(text),
            Cell::Faulty(what) => Err(faulty(name, what)),
        };
        let result = result.map_err(|fault| Fault { message: format!("“{name}”：{}", fault.message), ..fault });
        mistakes.take(self.place(name), result)
    }

    /// A date that must be filled.
    pub fn need_date(self, name: &str, mistakes: &mut Mistakes) -> Option<NaiveDate> {
        self.require(name, "请填写日期，如 2022-01-01", mistakes);
        self.date(name, mistakes)
    }

    /// Two dates as a span; the end may be open unless `closed`.
    pub fn span(self, from: &str, to: &str, closed: bool, mistakes: &mut Mistakes) -> Option<Span> {
        let start = self.need_date(from, mistakes);
        let end = if closed { self.need_date(to, mistakes) } else { self.date(to, mistakes) };
        let start = start?;
        if let Some(end) = end.filter(|end| *end < start) {
            let message = format!("“{to}”{end} 早于“{from}”{start}");
            mistakes.error(self.place(to), message, "请核对两个日期，截止日不能早于起始日");
            return None;
        }
        if closed && end.is_none() {
            return None;
        }
        Some(Span { from: start, to: end })
    }

    /// An amount in yuan, which must be positive: an empty cell and a zero mean different things.
    pub fn amount(self, name: &str, mistakes: &mut Mistakes) -> Option<Fen> {
        let result = match self.cell(name) {
            Cell::Empty => return None,
            Cell::Text(text) | Cell::Number(text) => {
                Fen::parse_yuan(&text.nfkc().collect::<String>()).map_err(|error| (text, error))
            }
            Cell::Date(_) => return mistakes.take(self.place(name), Err(not_an_amount(name, "日期"))),
            Cell::Faulty(what) => return mistakes.take(self.place(name), Err(faulty(name, what))),
        };
        let result = match result {
            Ok(Fen(fen)) if fen > 0 => Ok(Fen(fen)),
            Ok(_) => Err(Fault::new(format!("“{name}”是 0"), "不付此项请留空；否则填写大于 0 的金额")),
            Err((text, AmountError::TooManyDecimals)) => {
                Err(Fault::new(format!("“{name}”“{text}”的小数超过两位"), "请写到分，如 950.50"))
            }
            Err((text, AmountError::NotAnAmount)) => Err(not_an_amount(name, text)),
        };
        mistakes.take(self.place(name), result)
    }
}

fn not_an_amount(name: &str, seen: &str) -> Fault {
    Fault::new(format!("“{name}”“{seen}”不是正的金额"), "请写成元，如 1000 或 950.50；不付此项请留空")
}

fn faulty(name: &str, what: &str) -> Fault {
    Fault::new(format!("“{name}”是 {what}"), "请改成实际的值（复制后“选择性粘贴为数值”）")
}
