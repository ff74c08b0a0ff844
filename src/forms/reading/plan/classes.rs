//! Annex 4 (办班申报表): forms, one below the other or on several sheets, found by their captions.
//!
//! What stands to the right of a caption, up to the next one, is its value, in one cell or in several: `第 1 期 共 2 班`,
//! `从 2027-03-01 至 2027-03-20 共 20 天 80 课时`. A form in which nothing was filled in is no form.

use super::super::cell::{is_error, is_filled, written};
use super::super::clean::{clean, without_spaces};
use super::super::dates;
use super::super::header::header_text;
use super::super::names;
use super::super::row::Output;
use super::super::{ReadingContext, advice};
use super::{Draft, finding, tables};
use crate::forms::grid::{Cell, Sheet, a1};
use crate::subsidy::course::{Category, Level};
use crate::subsidy::finding::{Code, Severity};
use crate::subsidy::plan::{Annex, ClassForm, Entry, Field, Place};
use chrono::NaiveDate;

/// Most rows of a sheet that are looked at for forms.
const MAX_ROWS: usize = 20_000;
/// Most columns of a form.
const MAX_COLUMNS: usize = 60;

/// A line of the form.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Line {
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
    const fn caption(self) -> &'static str {
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

/// One filled cell to the right of a caption.
struct Part {
    text: String,
    cell: String,
    is_error: bool,
}

/// One form.
pub(super) struct Block<'a> {
    sheet: &'a Sheet,
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

    fn parts(&self, line: Line) -> &[Part] {
        self.lines.iter().find(|(known, ..)| *known == line).map_or(&[], |(_, parts, _)| parts)
    }

    /// The cell of a line: the first filled one, else the one right of the caption.
    fn cell(&self, line: Line) -> String {
        let found = self.lines.iter().find(|(known, ..)| *known == line);
        found.map_or_else(String::new, |(_, parts, first)| parts.first().map_or(first, |part| &part.cell).clone())
    }

    /// All of a line without spaces.
    fn joined(&self, line: Line) -> String {
        self.parts(line).iter().map(|part| without_spaces(&part.text).into_owned()).collect()
    }

    /// Whether someone wrote more into it than the form brings along.
    fn is_filled(&self) -> bool {
        let given = |line: Line| {
            let text = self.joined(line);
            !text.trim_matches(|c: char| "从至自到共天课时第期班年月日_,，、".contains(c)).is_empty()
        };
        // A form that was handed out with institution and project made out says nothing yet.
        [Line::Heads, Line::Teachers, Line::Materials, Line::Site].into_iter().any(given)
            || self.joined(Line::Time).chars().filter(char::is_ascii_digit).count() >= 6
            || (given(Line::Institution) && given(Line::Project) && !given(Line::Class))
    }
}

/// Reads the forms that were filled in.
pub(super) fn read(blocks: &[Block<'_>], ctx: &ReadingContext<'_>, draft: &mut Draft) {
    for block in blocks.iter().filter(|block| block.is_filled()) {
        let mut output = Output::default();
        let mut form = Form { block, ctx, out: &mut output, faulty: false };
        let class = form.class();
        let set_aside = u32::from(class.is_none());
        draft.count(Annex::Four, 1, set_aside);
        draft.take(Annex::Four, &mut output);
        draft.plan.classes.extend(class);
    }
}

/// One form under the reader's eyes.
struct Form<'a> {
    block: &'a Block<'a>,
    ctx: &'a ReadingContext<'a>,
    out: &'a mut Output,
    faulty: bool,
}

impl Form<'_> {
    fn fault(&mut self, line: Line, code: Code, advice: String) {
        self.fault_at(&self.block.cell(line), line, code, advice);
    }

    fn fault_at(&mut self, cell: &str, line: Line, code: Code, advice: String) {
        self.faulty = true;
        let seen = self.block.joined(line);
        self.out.findings.push(finding(&self.block.sheet.name, cell, code, &seen, advice));
    }

    /// The whole line; empty is a finding, an error cell another one.
    fn needed(&mut self, line: Line) -> Option<String> {
        if let Some(part) = self.block.parts(line).iter().find(|part| part.is_error) {
            self.fault_at(&part.cell, line, Code::ErrorCell, advice::error_cell(line.caption()));
            return None;
        }
        let text = self.block.joined(line);
        if text.is_empty() {
            self.fault(line, Code::RequiredEmpty, format!("请填写“{}”", line.caption()));
            return None;
        }
        Some(text)
    }

    /// A line that may stay empty at planning; then it is doubted.
    fn wanted(&mut self, line: Line) -> String {
        let text = self.block.parts(line).iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(" ");
        if text.is_empty() {
            let advice = format!("“{}”尚未填写，请在开班前补报", line.caption());
            let mut doubt = finding(&self.block.sheet.name, &self.block.cell(line), Code::RequiredEmpty, "", advice);
            doubt.severity = Severity::Warning;
            self.out.findings.push(doubt);
        }
        text
    }

    fn class(&mut self) -> Option<Entry<ClassForm>> {
        let institution = self.institution();
        let project = self.project();
        let heads = self.heads();
        let class = self.class_number();
        let time = self.time();
        let (teachers, materials) = (self.wanted(Line::Teachers), self.wanted(Line::Materials));
        let site = self.wanted(Line::Site);
        if self.faulty {
            return None;
        }
        let ((category, occupation, level), (number, of), time) = (project?, class?, time?);
        let cell = |line| self.block.cell(line);
        let cells = vec![
            (Field::Project, cell(Line::Project)),
            (Field::Training, cell(Line::Institution)),
            (Field::Heads, cell(Line::Heads)),
            (Field::Classes, cell(Line::Class)),
            (Field::Start, time.start_cell),
            (Field::End, time.end_cell),
        ];
        let value = ClassForm {
            institution: institution?,
            category,
            occupation,
            level,
            heads: heads?,
            number,
            of,
            starts_on: time.from,
            ends_on: time.to,
            days: time.days,
            hours: time.hours,
            teachers,
            materials,
            site,
        };
        Some(Entry { place: Place { sheet: self.block.sheet.name.clone(), cells }, value })
    }

    fn institution(&mut self) -> Option<crate::subsidy::assessment::Name> {
        let text = self.needed(Line::Institution)?;
        match names::institution(self.ctx.catalogue, &text, true) {
            Ok(found) => Some(found.value().clone()),
            Err(advice) => {
                self.fault(Line::Institution, Code::UnknownInstitution, advice);
                None
            }
        }
    }

    /// 就业技能培训 / 焊工 / 五级, in one cell or in three.
    fn project(&mut self) -> Option<(Option<Category>, crate::subsidy::assessment::Name, Option<Level>)> {
        self.needed(Line::Project)?;
        let catalogue = self.ctx.catalogue;
        let (mut category, mut level, mut rest) = (None, None, Vec::new());
        for part in self.block.parts(Line::Project) {
            if catalogue.occupation(&part.text).is_some() {
                rest.push(part.text.clone());
                continue;
            }
            if let Some(read) = Level::parse(&part.text) {
                level = Some(read);
                continue;
            }
            for word in part.text.split(['、', '，', ',', ';', '；', ' ', '\n']).filter(|word| !word.trim().is_empty())
            {
                match (Category::parse(word), Level::parse(word)) {
                    (Some(read), _) => category = Some(read),
                    (None, Some(read)) => level = Some(read),
                    _ => rest.push(word.to_owned()),
                }
            }
        }
        let (name, of_name) = tables::split_project(&rest.concat(), |name| catalogue.occupation(name).is_some());
        match names::occupation(catalogue, &name, true) {
            Ok(found) => Some((category, found.value().0.clone(), level.or(of_name))),
            Err(advice) => {
                self.fault(Line::Project, Code::UnknownOccupation, advice);
                None
            }
        }
    }

    fn heads(&mut self) -> Option<u32> {
        let text = self.needed(Line::Heads)?;
        let heads = text.trim_end_matches(['人', '名']).parse().ok().filter(|heads| *heads > 0);
        if heads.is_none() {
            self.fault(Line::Heads, Code::BadNumber, "“培训人数”请填写大于 0 的整数，如 40".to_owned());
        }
        heads
    }

    /// `第1期共2班`; a bare number is the 期.
    fn class_number(&mut self) -> Option<(u32, Option<u32>)> {
        let text = self.needed(Line::Class)?;
        let number = text.parse().ok().or_else(|| before(&text, "期"));
        let Some(number) = number else {
            self.fault(Line::Class, Code::BadNumber, "“培训班期”请填写 第几期 共几班，如 第1期 共2班".to_owned());
            return None;
        };
        Some((number, before(&text, "班")))
    }

    fn time(&mut self) -> Option<Time> {
        let text = self.needed(Line::Time)?;
        let parts = self.block.parts(Line::Time);
        let (from, rest) = text.split_once(['至', '到']).unwrap_or((&text, ""));
        let to = rest.split(['共', '止']).next().unwrap_or_default();
        let date = |text: &str| {
            let text = text.trim_start_matches(['从', '自']).trim_end_matches([',', '，', '。', ';', '、', '(', '（']);
            dates::parse_text(text).map(|read| read.on)
        };
        let (from, to) = (date(from), date(to));
        let first = parts.first().map(|part| part.cell.clone()).unwrap_or_default();
        let at = |word: &str| {
            let place = parts.iter().position(|part| word.contains(part.text.trim()) && !part.text.trim().is_empty());
            place.and_then(|at| parts.get(at + 1)).map_or_else(|| first.clone(), |part| part.cell.clone())
        };
        let (start_cell, end_cell) =
            if parts.len() > 3 { (at("从自"), at("至到")) } else { (first.clone(), first.clone()) };
        let advice = "“培训时间”请填写 从某年某月某日 至 某年某月某日，如 2027-03-01 至 2027-03-20";
        if from.is_none() {
            self.fault_at(&start_cell, Line::Time, Code::BadDate, advice.to_owned());
        }
        // Where both stand in one cell, that cell is changed once.
        if to.is_none() && !(from.is_none() && start_cell == end_cell) {
            self.fault_at(&end_cell, Line::Time, Code::BadDate, advice.to_owned());
        }
        let (from, to) = (from?, to?);
        if to < from {
            self.fault_at(&end_cell, Line::Time, Code::DateOrder, format!("结束日期 {to} 早于开始日期 {from}，请核对"));
            return None;
        }
        let (days, hours) = (before(rest, "天"), before(rest, "课时").or_else(|| before(rest, "学时")));
        Some(Time { from, to, start_cell, end_cell, days, hours })
    }
}

struct Time {
    from: NaiveDate,
    to: NaiveDate,
    start_cell: String,
    end_cell: String,
    days: Option<u32>,
    hours: Option<u32>,
}

/// The number right before a word.
fn before(text: &str, word: &str) -> Option<u32> {
    let head = text.split_once(word)?.0;
    let digits = head.len() - head.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    head.get(head.len() - digits..)?.parse().ok()
}
