//! The yearly plan of a prison (附件1-4, notice section 五(一)) and additions to it in mid-year (临时备案).
//!
//! A plan is what one planning workbook said after repairs, each row with the place that it was read from. [`check`] holds
//! the four annexes against each other, against the rules for persons and against the catalogue; [`compare`] tells what
//! a resubmission changed; [`city`] puts the plans of all prisons together; [`Missing`] says who still owes what.

pub mod check;
pub mod city;
pub mod compare;
#[cfg(test)]
mod tests;

use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::assessment::{Name, RosterRow};
use super::course::{Category, CertificateType, Level};
use super::money::Fen;

/// The four annexes of a plan.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Annex {
    /// 年度监狱培训项目及人员信息表
    One,
    /// 年度计划表
    Two,
    /// 培训人员信息表
    Three,
    /// 办班申报表
    Four,
}

impl Annex {
    /// All four, in order.
    pub const ALL: [Annex; 4] = [Annex::One, Annex::Two, Annex::Three, Annex::Four];

    /// 1 to 4.
    pub const fn number(self) -> u32 {
        match self {
            Annex::One => 1,
            Annex::Two => 2,
            Annex::Three => 3,
            Annex::Four => 4,
        }
    }

    /// `附件3`, as sheets are called.
    pub const fn label(self) -> &'static str {
        match self {
            Annex::One => "附件1",
            Annex::Two => "附件2",
            Annex::Three => "附件3",
            Annex::Four => "附件4",
        }
    }

    /// Its title in the notice.
    pub const fn title(self) -> &'static str {
        match self {
            Annex::One => "年度监狱培训项目及人员信息表",
            Annex::Two => "江苏省特殊人群职业技能工作年度计划表",
            Annex::Three => "江苏省特殊人群职业技能培训人员信息表",
            Annex::Four => "江苏省特殊人群职业技能培训办班申报表",
        }
    }

    const fn index(self) -> usize {
        self.number() as usize - 1
    }
}

/// What a cell of a plan holds: by it findings name the cell to change.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Field {
    /// 监狱
    Prison,
    /// 参加人数
    Total,
    /// 培训项目, or 职业(工种)
    Project,
    /// 等级
    Level,
    /// 具体项目人数, 计划人数, 培训人数
    Heads,
    /// 证书类型
    CertificateType,
    /// 计划班数, or 培训班期
    Classes,
    /// 总课时
    Hours,
    /// 计划开班时间, or the first day of a class
    Start,
    /// 计划结业时间, or the last day of a class
    End,
    /// 培训机构
    Training,
    /// 鉴定机构
    Assessment,
    /// 补贴标准
    Rate,
    /// 预算金额
    Budget,
    /// 罪犯编号
    Number,
    /// 刑满日期
    Release,
    /// 有无一技之长
    Skilled,
    /// 能否坚持学习
    Able,
    /// 出生日期
    Born,
}

/// Where a row stands, and where its cells do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Name of the sheet.
    pub sheet: String,
    /// A1 addresses.
    pub cells: Vec<(Field, String)>,
}

impl Place {
    /// The A1 address of a field; of the row's first known cell where the sheet has no such column.
    pub fn cell(&self, field: Field) -> &str {
        let found = self.cells.iter().find(|(known, _)| *known == field).or(self.cells.first());
        found.map_or("", |(_, cell)| cell.as_str())
    }

    /// `附件2!I5`.
    pub fn at(&self, field: Field) -> String {
        format!("{}!{}", self.sheet, self.cell(field))
    }
}

/// A row with its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry<T> {
    /// Where it was read.
    pub place: Place,
    /// What it says.
    pub value: T,
}

/// What is planned for, across the annexes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProjectKey {
    /// Occupation id.
    pub occupation: Name,
    /// Level.
    pub level: Level,
}

/// One row of annex 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// 监狱, full name.
    pub prison: Name,
    /// 参加人数: the prison's total, on its first row or on all.
    pub total: Option<u32>,
    /// 培训项目: occupation id.
    pub occupation: Name,
    /// The level, where the project's name states one.
    pub level: Option<Level>,
    /// 具体项目人数.
    pub heads: u32,
}

/// One row of annex 2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// 监狱, full name.
    pub prison: Name,
    /// 培训类别.
    pub category: Category,
    /// 职业(工种): occupation id.
    pub occupation: Name,
    /// 职业编码 as received.
    pub occupation_code: Option<String>,
    /// 等级.
    pub level: Level,
    /// 证书类型.
    pub certificate_type: Option<CertificateType>,
    /// 计划班数.
    pub classes: Option<u32>,
    /// 计划人数.
    pub heads: u32,
    /// 总课时.
    pub hours: Option<u32>,
    /// 理论课时.
    pub hours_theory: Option<u32>,
    /// 实操课时.
    pub hours_practice: Option<u32>,
    /// 计划开班时间.
    pub starts_on: NaiveDate,
    /// 计划结业时间.
    pub ends_on: Option<NaiveDate>,
    /// 培训机构, full name.
    pub training_institution: Name,
    /// 鉴定机构, full name.
    pub assessment_institution: Option<Name>,
    /// 补贴标准, per head.
    pub rate: Option<Fen>,
    /// 预算金额.
    pub budget: Option<Fen>,
    /// 备注.
    pub remark: Option<String>,
}

impl Project {
    /// What is planned for.
    pub fn key(&self) -> ProjectKey {
        ProjectKey { occupation: self.occupation.clone(), level: self.level }
    }
}

/// One class of annex 4.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassForm {
    /// 培训机构名称, full name.
    pub institution: Name,
    /// 培训工种类别, where stated.
    pub category: Option<Category>,
    /// 培训工种名称: occupation id.
    pub occupation: Name,
    /// The level, where stated.
    pub level: Option<Level>,
    /// 培训人数.
    pub heads: u32,
    /// 第几期.
    pub number: u32,
    /// 共几班.
    pub of: Option<u32>,
    /// From.
    pub starts_on: NaiveDate,
    /// To.
    pub ends_on: NaiveDate,
    /// 共几天.
    pub days: Option<u32>,
    /// 课时.
    pub hours: Option<u32>,
    /// 授课教师.
    pub teachers: String,
    /// 使用教材.
    pub materials: String,
    /// 教学场地.
    pub site: String,
}

/// How far an annex has come.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AnnexState {
    /// Rows (of annex 4: forms) with content.
    pub rows: u32,
    /// Of these, rows that came back.
    pub unread: u32,
    /// Findings of severity error.
    pub errors: u32,
}

impl AnnexState {
    /// Filed: it says something, and nothing of it must be changed.
    pub const fn is_filed(self) -> bool {
        self.rows > 0 && self.errors == 0
    }
}

/// What one planning workbook said. Annex 3 holds personal data.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// 监狱, full name.
    pub prison: Name,
    /// The year that is planned.
    pub year: i32,
    /// Number of the addition (临时备案); `None` for the yearly plan.
    pub addition: Option<u32>,
    /// Annex 1.
    pub summaries: Vec<Entry<Summary>>,
    /// Annex 2.
    pub projects: Vec<Entry<Project>>,
    /// Annex 3.
    pub persons: Vec<Entry<RosterRow>>,
    /// Annex 4.
    pub classes: Vec<Entry<ClassForm>>,
    /// How far each annex has come.
    pub states: [AnnexState; 4],
}

/// Counts only: annex 3 is personal data.
impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let persons = self.persons.len();
        f.debug_struct("Plan")
            .field("prison", &self.prison)
            .field("year", &self.year)
            .field("addition", &self.addition)
            .field("projects", &self.projects.len())
            .field("persons", &persons)
            .field("classes", &self.classes.len())
            .finish_non_exhaustive()
    }
}

impl Plan {
    /// A plan that says nothing yet.
    pub fn empty(prison: Name, year: i32, addition: Option<u32>) -> Plan {
        Plan {
            prison,
            year,
            addition,
            summaries: Vec::new(),
            projects: Vec::new(),
            persons: Vec::new(),
            classes: Vec::new(),
            states: [AnnexState::default(); 4],
        }
    }

    /// How many rows (of annex 4: forms) it holds.
    pub fn rows(&self) -> usize {
        self.summaries.len() + self.projects.len() + self.persons.len() + self.classes.len()
    }

    /// How far an annex has come.
    pub fn state(&self, annex: Annex) -> AnnexState {
        self.states[annex.index()]
    }

    /// The same, to be counted up.
    pub fn state_mut(&mut self, annex: Annex) -> &mut AnnexState {
        &mut self.states[annex.index()]
    }

    /// Annexes that are not filed.
    pub fn owed(&self) -> Vec<Annex> {
        Annex::ALL.into_iter().filter(|annex| !self.state(*annex).is_filed()).collect()
    }

    /// Heads of annex 2.
    pub fn heads(&self) -> u32 {
        self.projects.iter().map(|project| project.value.heads).sum()
    }

    /// Budget of annex 2: what is stated, else heads times the stated rate.
    pub fn budget(&self) -> Fen {
        self.projects.iter().filter_map(|project| budget_of(&project.value)).sum()
    }
}

/// What a project is to cost.
pub fn budget_of(project: &Project) -> Option<Fen> {
    project.budget.or_else(|| project.rate.map(|rate| Fen(rate.0 * i64::from(project.heads))))
}

/// What a prison still owes of a year's plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// 监狱, full name.
    pub prison: Name,
    /// Annexes that are not filed; empty if all are.
    pub annexes: Vec<Annex>,
    /// Among them those that were sent but must be corrected.
    pub faulty: Vec<Annex>,
}

impl Missing {
    /// `附件3`, `附件4（有错误待改正）`: for a reminder.
    pub fn in_words(&self) -> Vec<String> {
        let faulty = |annex: &Annex| if self.faulty.contains(annex) { "（有错误待改正）" } else { "" };
        self.annexes.iter().map(|annex| format!("{}《{}》{}", annex.label(), annex.title(), faulty(annex))).collect()
    }
}

/// What each prison still owes, in the order of the prisons; `plans` are the yearly plans that count.
#[expect(clippy::needless_pass_by_value, reason = "plans come as an iterator that is looked through once per prison")]
pub fn missing<'a>(
    prisons: impl IntoIterator<Item = &'a Name>,
    plans: impl IntoIterator<Item = &'a Plan> + Clone,
) -> Vec<Missing> {
    prisons
        .into_iter()
        .map(|prison| {
            let plan = plans.clone().into_iter().find(|plan| plan.prison == *prison && plan.addition.is_none());
            let annexes = plan.map_or_else(|| Annex::ALL.to_vec(), Plan::owed);
            let sent = |annex: &Annex| plan.is_some_and(|plan| plan.state(*annex).rows > 0);
            Missing { prison: prison.clone(), faulty: annexes.iter().copied().filter(sent).collect(), annexes }
        })
        .collect()
}
