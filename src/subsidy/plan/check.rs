//! A plan held against itself: cross-checks of the four annexes (FORMS section 1), and what is checked of it beside them.
//!
//! Findings: `plan-sum`, `plan-project`, `plan-class`, `plan-year`, `plan-prison`, and those of [`persons`] and
//! [`projects`]; warnings: `class-doubt`, `annex-missing`. A finding stands at the cell that is most likely to be changed
//! and names the other place in its advice.
//!
//! Settled here: a figure is compared only where every row that it adds up was read (rows that came back are named by
//! themselves) and every class of annex 4 has its project; annex 3 may differ by as many rows as came back from it. A
//! project of annex 1 without a level stands for all levels of its occupation; a class of annex 4 without a level likewise.

mod persons;
mod projects;

use std::collections::{BTreeMap, BTreeSet};

use super::{Annex, Entry, Field, Place, Plan, Project, ProjectKey};
use crate::subsidy::assessment::Name;
use crate::subsidy::catalogue::Catalogue;
use crate::subsidy::course::Level;
use crate::subsidy::finding::{Code, Finding, Severity};

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

/// Checks a plan. `states` of the plan tell which rows were read.
pub fn check(plan: &Plan, catalogue: &Catalogue) -> Checked {
    let desk = Desk { plan, catalogue };
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

/// A plan on the desk.
struct Desk<'a> {
    plan: &'a Plan,
    catalogue: &'a Catalogue,
}

impl<'a> Desk<'a> {
    fn name(&self, occupation: &'a str) -> &'a str {
        self.catalogue.occupation(occupation).map_or(occupation, |known| known.name.as_str())
    }

    /// `焊工（五级/初级工）`.
    fn project(&self, key: &'a ProjectKey) -> String {
        project_name(self.name(&key.occupation), Some(key.level))
    }

    fn annex2(&self) -> String {
        called(Annex::Two, self.plan.projects.first().map(|entry| &entry.place))
    }

    /// Rows of annex 2 per project.
    fn by_project(&self) -> BTreeMap<ProjectKey, Vec<&'a Entry<Project>>> {
        let mut rows: BTreeMap<ProjectKey, Vec<&Entry<Project>>> = BTreeMap::new();
        for entry in &self.plan.projects {
            rows.entry(entry.value.key()).or_default().push(entry);
        }
        rows
    }

    fn was_sent(&self, annex: Annex) -> bool {
        self.plan.state(annex).rows > 0
    }

    fn is_whole(&self, annex: Annex) -> bool {
        self.was_sent(annex) && self.plan.state(annex).unread == 0
    }

    /// A workbook is one prison's.
    fn prisons(&self, checked: &mut Checked) {
        let plan = self.plan;
        let ones = plan.summaries.iter().map(|entry| (Annex::One, &entry.place, &entry.value.prison));
        let twos = plan.projects.iter().map(|entry| (Annex::Two, &entry.place, &entry.value.prison));
        let threes = plan.persons.iter().map(|entry| (Annex::Three, &entry.place, &entry.value.prison));
        for (annex, place, prison) in ones.chain(twos).chain(threes) {
            if *prison != plan.prison {
                let advice = format!("本表是{}的计划，请改为“{}”，其他监狱的内容另表报送", plan.prison, plan.prison);
                checked.error(annex, Code::PlanPrison, (place, Field::Prison), prison, advice);
            }
        }
    }

    /// Annex 1: 参加人数 = the sum of 具体项目人数.
    fn totals(&self, checked: &mut Checked) {
        if !self.is_whole(Annex::One) {
            return;
        }
        let sum: u32 = self.plan.summaries.iter().map(|entry| entry.value.heads).sum();
        let mut said = BTreeSet::new();
        for entry in &self.plan.summaries {
            let Some(total) = entry.value.total.filter(|total| *total != sum) else { continue };
            // A merged cell holds for all its rows and is changed once.
            if !said.insert(entry.place.cell(Field::Total)) {
                continue;
            }
            let (first, last) = (self.plan.summaries.first(), self.plan.summaries.last());
            let range =
                |entry: Option<&Entry<_>>| entry.map(|e| e.place.cell(Field::Heads).to_owned()).unwrap_or_default();
            let advice = format!(
                "参加人数应等于各项目人数之和：{}!{}:{} 合计 {sum}，请核对后改为一致",
                entry.place.sheet,
                range(first),
                range(last)
            );
            checked.error(Annex::One, Code::PlanSum, (&entry.place, Field::Total), total, advice);
        }
    }

    /// Annex 1 and annex 2, project by project.
    fn summaries_and_projects(&self, checked: &mut Checked) {
        if !self.is_whole(Annex::One) || !self.is_whole(Annex::Two) {
            return;
        }
        let by_project = self.by_project();
        let mut sums: BTreeMap<(&Name, Option<Level>), u32> = BTreeMap::new();
        for entry in &self.plan.summaries {
            *sums.entry((&entry.value.occupation, entry.value.level)).or_default() += entry.value.heads;
        }
        let mut covered: BTreeSet<&ProjectKey> = BTreeSet::new();
        for ((occupation, level), heads) in sums {
            let rows: Vec<&&Entry<Project>> = by_project
                .iter()
                .filter(|(key, _)| key.occupation == *occupation && level.is_none_or(|level| level == key.level))
                .flat_map(|(key, rows)| {
                    covered.insert(key);
                    rows
                })
                .collect();
            let is_it = |value: &super::Summary| value.occupation == *occupation && value.level == level;
            let Some(summary) = self.plan.summaries.iter().find(|entry| is_it(&entry.value)) else { continue };
            let name = project_name(self.name(occupation), level);
            if rows.is_empty() {
                let advice = format!("{}中没有项目“{name}”，请在附件2补报，或从附件1删去", self.annex2());
                checked.error(Annex::One, Code::PlanProject, (&summary.place, Field::Project), &name, advice);
                continue;
            }
            let planned: u32 = rows.iter().map(|row| row.value.heads).sum();
            if planned != heads {
                let places: Vec<String> = rows.iter().map(|row| row.place.at(Field::Heads)).collect();
                let advice = format!(
                    "“{name}”在附件1为 {heads} 人，在附件2（{}）合计 {planned} 人，请核对后改为一致",
                    places.join("、")
                );
                checked.error(Annex::One, Code::PlanSum, (&summary.place, Field::Heads), heads, advice);
            }
        }
        for (key, rows) in by_project.iter().filter(|(key, _)| !covered.contains(key)) {
            let (name, place) = (self.project(key), &rows[0].place);
            let annex1 = called(Annex::One, self.plan.summaries.first().map(|entry| &entry.place));
            let advice = format!("{annex1}中没有项目“{name}”，请在附件1补报，或从附件2删去");
            checked.error(Annex::Two, Code::PlanProject, (place, Field::Project), &name, advice);
        }
    }

    /// Annex 2 and annex 3, project by project.
    fn projects_and_persons(&self, checked: &mut Checked) {
        if !self.is_whole(Annex::Two) || !self.was_sent(Annex::Three) {
            return;
        }
        let by_project = self.by_project();
        let unread = self.plan.state(Annex::Three).unread;
        let mut listed: BTreeMap<ProjectKey, Vec<&Place>> = BTreeMap::new();
        for entry in &self.plan.persons {
            let key = ProjectKey { occupation: entry.value.occupation.clone(), level: entry.value.level };
            listed.entry(key).or_default().push(&entry.place);
        }
        for (key, rows) in &by_project {
            let (name, first) = (self.project(key), &rows[0].place);
            let planned: u32 = rows.iter().map(|row| row.value.heads).sum();
            let places = listed.get(key).map(Vec::as_slice).unwrap_or_default();
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
            let annex2 = self.annex2();
            let advice = format!("{annex2}中没有项目“{name}”{rest}，请在附件2补报，或改正附件3的职业(工种)、等级");
            checked.error(Annex::Three, Code::PlanProject, (places[0], Field::Project), &name, advice);
        }
    }

    /// Each class of annex 4 stands in annex 2; whether they add up is a doubt.
    fn classes(&self, checked: &mut Checked) {
        if !self.is_whole(Annex::Two) {
            return;
        }
        let mut sums: BTreeMap<ProjectKey, (u32, u32, &Place)> = BTreeMap::new();
        for entry in &self.plan.classes {
            let class = &entry.value;
            let name = project_name(self.name(&class.occupation), class.level);
            let fits = |project: &&Entry<Project>| {
                let of = &project.value;
                of.occupation == class.occupation && class.level.is_none_or(|level| level == of.level)
            };
            let mut of_project: Vec<&Entry<Project>> = self.plan.projects.iter().filter(fits).collect();
            if of_project.is_empty() {
                let advice = format!("{}中没有项目“{name}”，请在附件2补报，或改正此班的培训工种", self.annex2());
                checked.error(Annex::Four, Code::PlanClass, (&entry.place, Field::Project), &name, advice);
                continue;
            }
            let places: Vec<String> = of_project.iter().map(|project| project.place.at(Field::Training)).collect();
            of_project.retain(|project| project.value.training_institution == class.institution);
            let Some(project) = of_project.first() else {
                let places = places.join("、");
                let advice = format!("附件2中“{name}”的培训机构（{places}）不是此机构，请核对后改为一致");
                checked.error(
                    Annex::Four,
                    Code::PlanClass,
                    (&entry.place, Field::Training),
                    &class.institution,
                    advice,
                );
                continue;
            };
            let sum = sums.entry(project.value.key()).or_insert((0, 0, &entry.place));
            sum.0 += 1;
            sum.1 += class.heads;
        }
        let all_stand_in_annex_2 = !checked.findings.iter().any(|(_, finding)| finding.code == Code::PlanClass);
        if self.is_whole(Annex::Four) && all_stand_in_annex_2 {
            self.add_up(&sums, checked);
        }
    }

    fn add_up(&self, sums: &BTreeMap<ProjectKey, (u32, u32, &Place)>, checked: &mut Checked) {
        for (key, rows) in self.by_project() {
            let name = self.project_owned(&key);
            let (place, planned) = (&rows[0].place, rows.iter().map(|row| row.value.heads).sum::<u32>());
            let Some((classes, heads, form)) = sums.get(&key) else {
                let advice = format!("附件4中没有“{name}”的办班申报表，请补报");
                checked.warning(Annex::Two, Code::ClassDoubt, (place, Field::Classes), &name, advice);
                continue;
            };
            if *heads != planned {
                let at = place.at(Field::Heads);
                let advice = format!("附件4中“{name}”各班人数合计 {heads}，附件2（{at}）为 {planned}，请核对");
                checked.warning(Annex::Four, Code::ClassDoubt, (form, Field::Heads), heads, advice);
            }
            let stated: Option<u32> = rows.iter().map(|row| row.value.classes).sum();
            if stated.is_some_and(|stated| stated != *classes) {
                let advice = format!("附件4中“{name}”有 {classes} 个班，与计划班数不同，请核对");
                let seen = stated.unwrap_or_default();
                checked.warning(Annex::Two, Code::ClassDoubt, (place, Field::Classes), seen, advice);
            }
        }
    }

    fn project_owned(&self, key: &ProjectKey) -> String {
        let name = self.catalogue.occupation(&key.occupation).map_or(&*key.occupation, |known| known.name.as_str());
        project_name(name, Some(key.level))
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
