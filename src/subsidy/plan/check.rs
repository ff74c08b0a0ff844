//! A plan held against itself: cross-checks of the four annexes (FORMS section 1), and what is checked of it beside them.
//!
//! Findings: `plan-sum`, `plan-project`, `plan-class`, `plan-year`, `plan-prison`, and those of [`persons`] and
//! [`projects`]; warnings: `class-doubt`, `annex-missing`. A finding stands at the cell that is most likely to be changed
//! and names the other place in its advice.
//!
//! Rows that came back take part with whatever could be read of them, so that one fault does not hide another. A figure is
//! compared only where all that it adds up is known, and nothing is said to be missing that may stand in a cell which could not be
//! read: no finding follows from another one.
//!
//! Settled here: annex 3 may differ by as many rows as came back without their project. A project of annex 1 without a level stands
//! for all levels of its occupation; a class of annex 4 without a level likewise. While a class stands in no plan, nobody asks for
//! the class of another project: it may be meant for that one.

mod persons;
mod projects;

use std::collections::{BTreeMap, BTreeSet};

use super::{Annex, Entry, Field, Place, Plan, ProjectKey};
use crate::subsidy::assessment::Name;
use crate::subsidy::catalogue::Catalogue;
use crate::subsidy::course::Level;
use crate::subsidy::finding::{Code, Finding, Severity};
use crate::subsidy::fragment::Fragment;

/// What was found.
#[derive(Debug, Default)]
pub struct Checked {
    /// Findings, each with the annex that must be changed.
    pub findings: Vec<(Annex, Finding)>,
    /// Rows of annex 3 whose persons may not be trained (R5, R5b, R5c): they come back.
    pub ineligible: BTreeSet<usize>,
}

impl Checked {
    fn find(&mut self, annex: Annex, severity: Severity, code: Code, at: (&Place, Field), what: (String, String)) {
        let (place, field) = at;
        let (seen, advice) = what;
        let (sheet, cell) = (place.sheet.clone(), place.cell(field).to_owned());
        self.findings.push((annex, Finding { sheet, cell, code, severity, seen, advice }));
    }

    #[expect(clippy::needless_pass_by_value, reason = "what was seen is mostly a number or a date")]
    fn error(&mut self, annex: Annex, code: Code, at: (&Place, Field), seen: impl ToString, advice: String) {
        self.find(annex, Severity::Error, code, at, (seen.to_string(), advice));
    }

    #[expect(clippy::needless_pass_by_value, reason = "what was seen is mostly a number or a date")]
    fn warning(&mut self, annex: Annex, code: Code, at: (&Place, Field), seen: impl ToString, advice: String) {
        self.find(annex, Severity::Warning, code, at, (seen.to_string(), advice));
    }
}

/// Checks a plan. `states` of the plan tell how many rows came back, `rest` what could be read of them.
pub fn check(plan: &Plan, rest: &[(Annex, Entry<Fragment>)], catalogue: &Catalogue) -> Checked {
    let desk = Desk::new(plan, rest, catalogue);
    let mut checked = Checked::default();
    desk.prisons(&mut checked);
    desk.totals(&mut checked);
    desk.summaries_and_projects(&mut checked);
    desk.projects_and_persons(&mut checked);
    desk.classes(&mut checked);
    projects::check(&desk, &mut checked);
    persons::check(&desk, &mut checked);
    desk.absent(&mut checked);
    checked
}

/// A row of an annex with its place.
struct Line<'a> {
    place: &'a Place,
    row: Fragment,
}

/// What is planned for; without a level, where an annex may leave it open, all levels.
type Aim<'a> = (&'a Name, Option<Level>);

impl Line<'_> {
    fn of<'a, T>(entry: &'a Entry<T>) -> Line<'a>
    where
        Fragment: From<&'a T>,
    {
        Line { place: &entry.place, row: Fragment::from(&entry.value) }
    }

    fn key(&self) -> Option<ProjectKey> {
        let (occupation, level) = self.row.occupation.as_ref().zip(self.row.level)?;
        Some(ProjectKey { occupation: occupation.clone(), level })
    }

    /// Of annexes 1 and 4, which need not state a level.
    fn aim(&self) -> Option<Aim<'_>> {
        self.row.occupation.as_ref().map(|occupation| (occupation, self.row.level))
    }
}

/// The sum of the heads, if all of them are known.
fn heads<'a>(lines: impl IntoIterator<Item = &'a Line<'a>>) -> Option<u32> {
    lines.into_iter().map(|line| line.row.heads).sum()
}

/// A plan on the desk.
struct Desk<'a> {
    plan: &'a Plan,
    catalogue: &'a Catalogue,
    /// Per annex: rows that were taken, then those that came back.
    lines: [Vec<Line<'a>>; 4],
    /// Per annex: rows of which nothing could be read.
    lost: [u32; 4],
}

impl<'a> Desk<'a> {
    fn new(plan: &'a Plan, rest: &'a [(Annex, Entry<Fragment>)], catalogue: &'a Catalogue) -> Desk<'a> {
        let mut lines = [
            plan.summaries.iter().map(Line::of).collect(),
            plan.projects.iter().map(Line::of).collect(),
            plan.persons.iter().map(Line::of).collect(),
            plan.classes.iter().map(Line::of).collect::<Vec<_>>(),
        ];
        let mut lost = Annex::ALL.map(|annex| plan.state(annex).unread);
        for (annex, entry) in rest {
            lines[annex.index()].push(Line { place: &entry.place, row: entry.value.clone() });
            lost[annex.index()] = lost[annex.index()].saturating_sub(1);
        }
        Desk { plan, catalogue, lines, lost }
    }

    fn lines(&self, annex: Annex) -> &[Line<'a>] {
        &self.lines[annex.index()]
    }

    fn name<'n>(&'n self, occupation: &'n str) -> &'n str {
        self.catalogue.occupation(occupation).map_or(occupation, |known| known.name.as_str())
    }

    /// `焊工（五级/初级工）`.
    fn project(&self, key: &ProjectKey) -> String {
        project_name(self.name(&key.occupation), Some(key.level))
    }

    fn called(&self, annex: Annex) -> String {
        called(annex, self.lines(annex).first().map(|line| line.place))
    }

    /// Rows of annex 2 per project.
    fn by_project(&self) -> BTreeMap<ProjectKey, Vec<&Line<'a>>> {
        let mut rows: BTreeMap<ProjectKey, Vec<&Line<'_>>> = BTreeMap::new();
        for line in self.lines(Annex::Two) {
            if let Some(key) = line.key() {
                rows.entry(key).or_default().push(line);
            }
        }
        rows
    }

    fn was_sent(&self, annex: Annex) -> bool {
        self.plan.state(annex).rows > 0
    }

    /// Whether something is known of every row.
    fn is_whole(&self, annex: Annex) -> bool {
        self.was_sent(annex) && self.lost[annex.index()] == 0
    }

    /// Whether the project of every row is known: only then can one be missing.
    fn has_all_projects(&self, annex: Annex) -> bool {
        let is_known = |line: &Line<'_>| match annex {
            Annex::One | Annex::Four => line.aim().is_some(),
            Annex::Two | Annex::Three => line.key().is_some(),
        };
        self.is_whole(annex) && self.lines(annex).iter().all(is_known)
    }

    /// A workbook is one prison's.
    fn prisons(&self, checked: &mut Checked) {
        let plan = self.plan;
        for annex in Annex::ALL {
            for line in self.lines(annex) {
                let Some(prison) = line.row.prison.as_ref().filter(|prison| **prison != plan.prison) else { continue };
                let advice = format!("本表是{}的计划，请改为“{}”，其他监狱的内容另表报送", plan.prison, plan.prison);
                checked.error(annex, Code::PlanPrison, (line.place, Field::Prison), prison, advice);
            }
        }
    }

    /// Annex 1: 参加人数 = the sum of 具体项目人数.
    fn totals(&self, checked: &mut Checked) {
        let lines = self.lines(Annex::One);
        let Some(sum) = heads(lines).filter(|_| self.is_whole(Annex::One)) else { return };
        let mut said = BTreeSet::new();
        for line in lines {
            let Some(total) = line.row.total.filter(|total| *total != sum) else { continue };
            // A merged cell holds for all its rows and is changed once.
            if !said.insert(line.place.cell(Field::Total)) {
                continue;
            }
            let places = in_order(lines.iter().map(|line| line.place), Field::Heads);
            let [first, last] =
                [places.first(), places.last()].map(|place| place.map_or("", |place| place.cell(Field::Heads)));
            let advice = format!(
                "参加人数应等于各项目人数之和：{}!{first}:{last} 合计 {sum}，请核对后改为一致",
                line.place.sheet
            );
            checked.error(Annex::One, Code::PlanSum, (line.place, Field::Total), total, advice);
        }
    }

    /// Annex 1 and annex 2, project by project.
    fn summaries_and_projects(&self, checked: &mut Checked) {
        if !self.was_sent(Annex::One) || !self.has_all_projects(Annex::Two) {
            return;
        }
        let by_project = self.by_project();
        let mut summaries: BTreeMap<Aim<'_>, Vec<&Line<'_>>> = BTreeMap::new();
        for line in self.lines(Annex::One) {
            if let Some(aim) = line.aim() {
                summaries.entry(aim).or_default().push(line);
            }
        }
        let is_whole = self.has_all_projects(Annex::One);
        let mut covered: BTreeSet<&ProjectKey> = BTreeSet::new();
        for ((occupation, level), lines) in summaries {
            let fits =
                |key: &&ProjectKey| key.occupation == *occupation && level.is_none_or(|level| level == key.level);
            let keys: Vec<&ProjectKey> = by_project.keys().filter(fits).collect();
            let rows: Vec<&Line<'_>> = keys.iter().flat_map(|key| by_project[*key].iter().copied()).collect();
            covered.extend(keys);
            let (name, place) = (project_name(self.name(occupation), level), lines[0].place);
            if rows.is_empty() {
                let advice = format!("{}中没有项目“{name}”，请在附件2补报，或从附件1删去", self.called(Annex::Two));
                checked.error(Annex::One, Code::PlanProject, (place, Field::Project), &name, advice);
            } else if let (true, Some(stated), Some(planned)) = (is_whole, heads(lines), heads(rows.iter().copied()))
                && stated != planned
            {
                let places: Vec<String> = rows.iter().map(|row| row.place.at(Field::Heads)).collect();
                let advice = format!(
                    "“{name}”在附件1为 {stated} 人，在附件2（{}）合计 {planned} 人，请核对后改为一致",
                    places.join("、")
                );
                checked.error(Annex::One, Code::PlanSum, (place, Field::Heads), stated, advice);
            }
        }
        for (key, rows) in by_project.iter().filter(|(key, _)| is_whole && !covered.contains(key)) {
            let (name, annex1) = (self.project(key), self.called(Annex::One));
            let advice = format!("{annex1}中没有项目“{name}”，请在附件1补报，或从附件2删去");
            checked.error(Annex::Two, Code::PlanProject, (rows[0].place, Field::Project), &name, advice);
        }
    }

    /// Annex 2 and annex 3, project by project.
    fn projects_and_persons(&self, checked: &mut Checked) {
        if !self.has_all_projects(Annex::Two) || !self.was_sent(Annex::Three) {
            return;
        }
        let by_project = self.by_project();
        let mut unread = self.lost[Annex::Three.index()];
        let mut listed: BTreeMap<ProjectKey, Vec<&Place>> = BTreeMap::new();
        for line in self.lines(Annex::Three) {
            match line.key() {
                Some(key) => listed.entry(key).or_default().push(line.place),
                None => unread += 1,
            }
        }
        for (key, rows) in &by_project {
            let Some(planned) = heads(rows.iter().copied()) else { continue };
            let (name, first) = (self.project(key), rows[0].place);
            let places = in_order(listed.get(key).into_iter().flatten().copied(), Field::Number);
            let persons = u32::try_from(places.len()).unwrap_or(u32::MAX);
            if planned < persons || planned > persons.saturating_add(unread) {
                let where_listed = match (places.first(), places.last()) {
                    (Some(first), Some(last)) => {
                        format!("{} 至 {}", first.at(Field::Number), last.cell(Field::Number))
                    }
                    _ => "没有此项目的人员".to_owned(),
                };
                let advice =
                    format!("“{name}”计划 {planned} 人，附件3列出 {persons} 人（{where_listed}），请核对后改为一致");
                checked.error(Annex::Two, Code::PlanSum, (first, Field::Heads), planned, advice);
            }
        }
        for (key, places) in listed.iter().filter(|(key, _)| !by_project.contains_key(key)) {
            let name = self.project(key);
            let rest = if places.len() > 1 { format!("（共 {} 人）", places.len()) } else { String::new() };
            let annex2 = self.called(Annex::Two);
            let advice = format!("{annex2}中没有项目“{name}”{rest}，请在附件2补报，或改正附件3的职业(工种)、等级");
            checked.error(Annex::Three, Code::PlanProject, (places[0], Field::Project), &name, advice);
        }
    }

    /// Each class of annex 4 stands in annex 2; whether they add up is a doubt.
    fn classes(&self, checked: &mut Checked) {
        if !self.has_all_projects(Annex::Two) {
            return;
        }
        let mut of_project: BTreeMap<ProjectKey, Vec<&Line<'_>>> = BTreeMap::new();
        let mut all_are_planned = true;
        for class in self.lines(Annex::Four) {
            let Some((occupation, level)) = class.aim() else { continue };
            let name = project_name(self.name(occupation), level);
            let fits = |project: &&Line<'_>| {
                project.row.occupation.as_ref() == Some(occupation)
                    && level.is_none_or(|level| Some(level) == project.row.level)
            };
            let projects: Vec<&Line<'_>> = self.lines(Annex::Two).iter().filter(fits).collect();
            if projects.is_empty() {
                let advice =
                    format!("{}中没有项目“{name}”，请在附件2补报，或改正此班的培训工种", self.called(Annex::Two));
                checked.error(Annex::Four, Code::PlanClass, (class.place, Field::Project), &name, advice);
                all_are_planned = false;
                continue;
            }
            let may_be = |project: &&&Line<'_>| {
                let institutions = project.row.training.as_ref().zip(class.row.training.as_ref());
                institutions.is_none_or(|(planned, stated)| planned == stated)
            };
            let same = projects.iter().find(may_be);
            if let (None, Some(stated)) = (same, &class.row.training) {
                let places: Vec<String> = projects.iter().map(|project| project.place.at(Field::Training)).collect();
                let places = places.join("、");
                let advice = format!("附件2中“{name}”的培训机构（{places}）不是此机构，请核对后改为一致");
                checked.error(Annex::Four, Code::PlanClass, (class.place, Field::Training), stated, advice);
            }
            if let Some(key) = same.or(projects.first()).and_then(|project| project.key()) {
                of_project.entry(key).or_default().push(class);
            }
        }
        if self.has_all_projects(Annex::Four) && all_are_planned {
            self.add_up(&of_project, checked);
        }
    }

    fn add_up(&self, of_project: &BTreeMap<ProjectKey, Vec<&Line<'_>>>, checked: &mut Checked) {
        for (key, rows) in self.by_project() {
            let (name, place) = (self.project(&key), rows[0].place);
            let Some(classes) = of_project.get(&key) else {
                let advice = format!("附件4中没有“{name}”的办班申报表，请补报");
                checked.warning(Annex::Two, Code::ClassDoubt, (place, Field::Classes), &name, advice);
                continue;
            };
            if let Some((stated, planned)) = heads(classes.iter().copied()).zip(heads(rows.iter().copied()))
                && stated != planned
            {
                let at = place.at(Field::Heads);
                let advice = format!("附件4中“{name}”各班人数合计 {stated}，附件2（{at}）为 {planned}，请核对");
                checked.warning(Annex::Four, Code::ClassDoubt, (classes[0].place, Field::Heads), stated, advice);
            }
            let count = u32::try_from(classes.len()).unwrap_or(u32::MAX);
            let stated: Option<u32> = rows.iter().map(|row| row.row.classes).sum();
            if let Some(stated) = stated.filter(|stated| *stated != count) {
                let advice = format!("附件4中“{name}”有 {count} 个班，与计划班数不同，请核对");
                checked.warning(Annex::Two, Code::ClassDoubt, (place, Field::Classes), stated, advice);
            }
        }
    }

    /// Annexes that are not there at all.
    fn absent(&self, checked: &mut Checked) {
        for annex in Annex::ALL.into_iter().filter(|annex| !self.was_sent(*annex)) {
            let advice =
                format!("本文件中没有{}《{}》的内容，请填写后重新报送整份工作簿", annex.label(), annex.title());
            let nowhere = Place::default();
            checked.warning(annex, Code::AnnexMissing, (&nowhere, Field::Prison), annex.label(), advice);
        }
    }
}

/// Places from above to below: addresses of one column are in order by their length, then by their text.
fn in_order<'a>(places: impl Iterator<Item = &'a Place>, field: Field) -> Vec<&'a Place> {
    let mut places: Vec<&Place> = places.collect();
    places.sort_by_key(|place| (place.sheet.as_str(), place.cell(field).len(), place.cell(field)));
    places
}

/// `附件1`, and how its sheet is called where that is something else.
fn called(annex: Annex, place: Option<&Place>) -> String {
    match place.map(|place| place.sheet.as_str()) {
        Some(sheet) if sheet != annex.label() => format!("{}（工作表“{sheet}”）", annex.label()),
        _ => annex.label().to_owned(),
    }
}

/// `焊工（五级/初级工）`; without a level only the name.
pub fn project_name(occupation: &str, level: Option<Level>) -> String {
    match level {
        Some(level) if level != Level::None => format!("{occupation}（{}）", level.name()),
        _ => occupation.to_owned(),
    }
}
