//! Annex 4 (办班申报表): forms, one below the other or on several sheets, found by their captions.
//!
//! What stands to the right of a caption, up to the next one, is its value, in one cell or in several: `第 1 期 共 2 班`,
//! `从 2027-03-01 至 2027-03-20 共 20 天 80 课时`. A form in which nothing was filled in is no form.

use super::super::cell::{is_error, is_filled, written};
use super::super::clean::{clean, without_spaces};
use super::super::dates;
use super::super::header::header_text;
use crate::forms::grid::{Cell, Sheet, a1, place_of};
use crate::subsidy::course::{Category, Level};

/// Most rows of a sheet that are looked at for forms.
const MAX_ROWS: usize = 20_000;
/// Most columns of a form.
const MAX_COLUMNS: usize = 60;

/// A line of the form.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Institution,
    Project,
    Heads,
    Class,
    Time,
    Teachers,
    Materials,
    Site,
}

impl Line {
    const ALL: [Line; 8] = [
        Line::Institution,
        Line::Project,
        Line::Heads,
        Line::Class,
        Line::Time,
        Line::Teachers,
        Line::Materials,
        Line::Site,
    ];

    /// The caption as the notice has it.
    pub const fn caption(self) -> &'static str {
        match self {
            Line::Institution => "培训机构名称",
            Line::Project => "培训工种类别、名称",
            Line::Heads => "培训人数",
            Line::Class => "培训班期",
            Line::Time => "培训时间",
            Line::Teachers => "授课教师",
            Line::Materials => "使用教材",
            Line::Site => "教学场地",
        }
    }

    fn of(cell: &Cell) -> Option<Line> {
        let Cell::Text(text) = cell else { return None };
        if text.chars().count() > 24 {
            return None;
        }
        let text: String = header_text(text).chars().filter(|c| !matches!(c, '、' | ',' | '，' | ':' | '/')).collect();
        let line = match text.as_str() {
            "培训机构名称" | "培训机构" => Line::Institution,
            "培训工种类别名称" | "培训工种名称" | "培训工种" => Line::Project,
            "培训人数" => Line::Heads,
            "培训班期" | "班期" => Line::Class,
            "培训时间" => Line::Time,
            "授课教师" => Line::Teachers,
            "使用教材" => Line::Materials,
            "教学场地" => Line::Site,
            _ => return None,
        };
        Some(line)
    }
}

/// What the form itself says between the values of a line.
fn is_filler(c: char) -> bool {
    "从至自到共天课时第期班年月日_,，、".contains(c) || c.is_whitespace()
}

/// Category, occupation and level that stand in one cell.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(['、', '，', ',', ';', '；', ' ', '\n']).filter(|word| !word.trim().is_empty())
}

/// One filled cell to the right of a caption.
pub(super) struct Part {
    pub text: String,
    pub cell: String,
    pub is_error: bool,
}

/// One form.
pub(super) struct Block<'a> {
    pub sheet: &'a Sheet,
    lines: Vec<(Line, Vec<Part>, String)>,
}

/// The forms of a sheet.
pub(super) fn blocks(sheet: &Sheet) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    for (row, cells) in sheet.rows().take(MAX_ROWS) {
        // A merged value is seen in each of its rows; it stands in the first.
        let own = |at: usize| sheet.origin(row, at) == (row, at);
        let captions: Vec<(usize, Line)> = cells
            .iter()
            .enumerate()
            .take(MAX_COLUMNS)
            .filter(|(at, _)| own(*at))
            .filter_map(|(at, cell)| Line::of(cell).map(|line| (at, line)))
            .collect();
        for (n, (at, line)) in captions.iter().enumerate() {
            let end = captions.get(n + 1).map_or(MAX_COLUMNS, |(next, _)| *next);
            let parts =
                cells.iter().enumerate().take(end).skip(at + 1).filter(|(at, cell)| own(*at) && is_filled(cell));
            let parts = parts.map(|(at, cell)| part(cell, a1(row, at))).collect();
            let known = blocks.last().is_some_and(|block| block.lines.iter().any(|(known, ..)| known == line));
            if blocks.is_empty() || known {
                blocks.push(Block { sheet, lines: Vec::new() });
            }
            if let Some(block) = blocks.last_mut() {
                block.lines.push((*line, parts, a1(row, at + 1)));
            }
        }
    }
    // A table may well have a column called 培训机构; a form has most of its captions.
    blocks
        .retain(|block| block.lines.len() >= Line::ALL.len() - 2 && block.has(Line::Time) && block.has(Line::Project));
    blocks
}

fn part(cell: &Cell, address: String) -> Part {
    let text = match cell {
        Cell::Number { text, date_1904 } if text.len() == 5 => {
            dates::parse_number(text, *date_1904).map_or_else(|| text.clone(), |read| read.on.to_string())
        }
        _ => clean(&written(cell)).text.into_owned(),
    };
    Part { text, cell: address, is_error: is_error(cell) }
}

impl Block<'_> {
    fn has(&self, line: Line) -> bool {
        self.lines.iter().any(|(known, ..)| *known == line)
    }

    pub fn parts(&self, line: Line) -> &[Part] {
        self.lines.iter().find(|(known, ..)| *known == line).map_or(&[], |(_, parts, _)| parts)
    }

    /// The cell of a line: the first filled one, else the one right of the caption.
    pub fn cell(&self, line: Line) -> String {
        let found = self.lines.iter().find(|(known, ..)| *known == line);
        found.map_or_else(String::new, |(_, parts, first)| parts.first().map_or(first, |part| &part.cell).clone())
    }

    /// The cell where a value belongs that stands behind a word of the form (`从`, `第`), be it filled or empty; of a line
    /// that is one text its cell.
    pub fn behind(&self, line: Line, words: &str) -> String {
        let parts = self.parts(line);
        let is_word = |part: &Part| !part.text.trim().is_empty() && words.contains(part.text.trim());
        let Some(at) = parts.iter().position(is_word) else { return self.cell(line) };
        match parts.get(at + 1).filter(|next| !next.text.trim_matches(is_filler).is_empty()) {
            Some(next) => next.cell.clone(),
            None => place_of(&parts[at].cell).map_or_else(String::new, |(row, column)| a1(row, column + 1)),
        }
    }

    /// The cell that names the occupation: the first that says more than category and level.
    pub fn occupation_cell(&self) -> String {
        let names_it = |part: &&Part| {
            Level::parse(&part.text).is_none()
                && words(&part.text).any(|word| Category::parse(word).is_none() && Level::parse(word).is_none())
        };
        let named = self.parts(Line::Project).iter().find(names_it);
        named.map_or_else(|| self.cell(Line::Project), |part| part.cell.clone())
    }

    /// All of a line without spaces.
    pub fn joined(&self, line: Line) -> String {
        self.parts(line).iter().map(|part| without_spaces(&part.text).into_owned()).collect()
    }

    /// Whether someone wrote more into it than the form brings along.
    pub fn is_filled(&self) -> bool {
        let given = |line: Line| {
            let text = self.joined(line);
            !text.trim_matches(is_filler).is_empty()
        };
        // A form that was handed out with institution and project made out says nothing yet.
        [Line::Heads, Line::Teachers, Line::Materials, Line::Site].into_iter().any(given)
            || self.joined(Line::Time).chars().filter(char::is_ascii_digit).count() >= 6
            || (given(Line::Institution) && given(Line::Project) && !given(Line::Class))
    }
}
