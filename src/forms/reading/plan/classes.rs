//! What the forms of annex 4 (办班申报表) say, line by line.

use super::super::dates;
use super::super::names;
use super::super::row::Output;
use super::super::{ReadingContext, advice};
use super::blocks::{Block, Line, words};
use super::{Draft, finding, tables};
use crate::subsidy::course::{Category, Level};
use crate::subsidy::finding::{Code, Severity};
use crate::subsidy::fragment::Fragment;
use crate::subsidy::plan::{Annex, ClassForm, Entry, Field, Place};
use chrono::NaiveDate;

/// Reads the forms that were filled in.
pub(super) fn read(blocks: &[Block<'_>], ctx: &ReadingContext<'_>, draft: &mut Draft) {
    for block in blocks.iter().filter(|block| block.is_filled()) {
        let mut output = Output::default();
        let mut form = Form { block, ctx, out: &mut output, faulty: false };
        let class = form.class();
        draft.count(Annex::Four, 1, u32::from(class.is_err()));
        draft.take(Annex::Four, &mut output);
        match class {
            Ok(class) => draft.plan.classes.push(class),
            Err(rest) => draft.rest.push((Annex::Four, *rest)),
        }
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
        // Of a line in several cells what stands in this one.
        let part = self.block.parts(line).iter().find(|part| part.cell == cell);
        let seen = part.map_or_else(String::new, |part| part.text.clone());
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

    /// The class, or what could be read of it.
    fn class(&mut self) -> Result<Entry<ClassForm>, Box<Entry<Fragment>>> {
        let institution = self.institution();
        let project = self.project();
        let heads = self.heads();
        let class = self.class_number();
        let time = self.time();
        let (teachers, materials) = (self.wanted(Line::Teachers), self.wanted(Line::Materials));
        let site = self.wanted(Line::Site);
        let place = self.place();
        let whole = institution.clone().zip(project.clone()).zip(heads).zip(class);
        let (Some((((institution, project), heads), (number, of))), (Some(starts_on), Some(ends_on)), false) =
            (whole, (time.from, time.to), self.faulty)
        else {
            let (occupation, level) = project.map(|(_, occupation, level)| (occupation, level)).unzip();
            let (training, starts_on, level) = (institution, time.from, level.flatten());
            let value = Fragment { occupation, level, training, heads, starts_on, ..Fragment::default() };
            return Err(Box::new(Entry { place, value }));
        };
        let (category, occupation, level) = project;
        let value = ClassForm {
            institution,
            category,
            occupation,
            level,
            heads,
            number,
            of,
            starts_on,
            ends_on,
            days: time.days,
            hours: time.hours,
            teachers,
            materials,
            site,
        };
        Ok(Entry { place, value })
    }

    fn place(&self) -> Place {
        let cell = |line| self.block.cell(line);
        let cells = vec![
            (Field::Project, self.block.occupation_cell()),
            (Field::Training, cell(Line::Institution)),
            (Field::Heads, cell(Line::Heads)),
            (Field::Classes, self.block.behind(Line::Class, "第")),
            (Field::Start, self.first_day()),
            (Field::End, self.last_day()),
        ];
        Place { sheet: self.block.sheet.name.clone(), cells }
    }

    /// Where the first day of the class stands.
    fn first_day(&self) -> String {
        self.block.behind(Line::Time, "从自")
    }

    /// Where its last day stands.
    fn last_day(&self) -> String {
        self.block.behind(Line::Time, "至到")
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
            for word in words(&part.text) {
                match (Category::parse(word), Level::parse(word)) {
                    (Some(read), _) => category = Some(read),
                    (None, Some(read)) => level = Some(read),
                    _ => rest.push(word.to_owned()),
                }
            }
        }
        if rest.is_empty() {
            let advice = format!("请在“{}”填写工种名称，如 焊工", Line::Project.caption());
            self.fault(Line::Project, Code::RequiredEmpty, advice);
            return None;
        }
        let (name, of_name) = tables::split_project(&rest.concat(), |name| catalogue.occupation(name).is_some());
        match names::occupation(catalogue, &name, true) {
            Ok(found) => Some((category, found.value().0.clone(), level.or(of_name))),
            Err(advice) => {
                self.fault_at(&self.block.occupation_cell(), Line::Project, Code::UnknownOccupation, advice);
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
            let advice = "“培训班期”请填写 第几期 共几班，如 第1期 共2班".to_owned();
            self.fault_at(&self.block.behind(Line::Class, "第"), Line::Class, Code::BadNumber, advice);
            return None;
        };
        Some((number, before(&text, "班")))
    }

    fn time(&mut self) -> Time {
        let Some(text) = self.needed(Line::Time) else { return Time::default() };
        let (from, rest) = text.split_once(['至', '到']).unwrap_or((&text, ""));
        let to = rest.split(['共', '止']).next().unwrap_or_default();
        let date = |text: &str| {
            let text = text.trim_start_matches(['从', '自']).trim_end_matches([',', '，', '。', ';', '、', '(', '（']);
            dates::parse_text(text).map(|read| read.on)
        };
        let (from, to) = (date(from), date(to));
        let (start_cell, end_cell) = (self.first_day(), self.last_day());
        let advice = "“培训时间”请填写 从某年某月某日 至 某年某月某日，如 2027-03-01 至 2027-03-20";
        if from.is_none() {
            self.fault_at(&start_cell, Line::Time, Code::BadDate, advice.to_owned());
        }
        // Where both stand in one cell, that cell is changed once.
        if to.is_none() && !(from.is_none() && start_cell == end_cell) {
            self.fault_at(&end_cell, Line::Time, Code::BadDate, advice.to_owned());
        }
        if from.zip(to).is_some_and(|(from, to)| to < from) {
            let advice = "“培训时间”的结束日期早于开始日期，请核对这两个日期".to_owned();
            self.fault_at(&end_cell, Line::Time, Code::DateOrder, advice);
        }
        let (days, hours) = (before(rest, "天"), before(rest, "课时").or_else(|| before(rest, "学时")));
        Time { from, to, days, hours }
    }
}

/// When a class is held.
#[derive(Default)]
struct Time {
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
    days: Option<u32>,
    hours: Option<u32>,
}

/// The number right before a word.
fn before(text: &str, word: &str) -> Option<u32> {
    let head = text.split_once(word)?.0;
    let digits = head.len() - head.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    head.get(head.len() - digits..)?.parse().ok()
}
