//! Golden cases of the cross-checks: a plan that agrees with itself, one change, and the findings that must come.
//!
//! The plan: 焊工 五级 30 (from 2027-03-01) and 创业 SYB 2 (from 2027-09-01); annex 3 lists 3 and 2 persons, annex 4 a class
//! of each. Cells are written as the planning workbook has them.

mod rest;

use std::sync::Arc;

use chrono::NaiveDate;

use super::check::{Checked, check};
use super::compare::difference;
use super::*;
use crate::subsidy::calendar::Span;
use crate::subsidy::catalogue::{Agreement, Catalogue, Institution, Occupation, Penalty, Prison, Rate};
use crate::subsidy::course::Level;
use crate::subsidy::finding::Severity;
use crate::subsidy::identifiers::Sex;
use crate::subsidy::policy::{Policy, TermMeasuredAt};

const SCHOOL: &str = "演示职业培训学校";
const OTHER: &str = "另一培训学校";

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn span(from: &str, to: Option<&str>) -> Span {
    Span { from: day(from), to: to.map(day) }
}

fn institution(name: &str, designated: Span) -> Institution {
    Institution {
        name: name.into(),
        short_names: Vec::new(),
        trains: true,
        assesses: false,
        code: None,
        legal_representative: None,
        bank: None,
        account_name: None,
        account: None,
        contact: None,
        phone: None,
        email: None,
        designated,
        citation: None,
    }
}

fn catalogue(measured: TermMeasuredAt) -> Catalogue {
    let mut catalogue = Catalogue::default();
    catalogue.prisons =
        vec![Prison { name: "溧阳监狱".into(), lead: true }, Prison { name: "新康监狱".into(), lead: false }];
    catalogue.institutions = vec![
        institution(SCHOOL, span("2022-01-01", None)),
        institution(OTHER, span("2022-01-01", Some("2027-02-28"))),
        institution("受罚学校", span("2022-01-01", None)),
    ];
    catalogue.penalties =
        vec![Penalty { institution: "受罚学校".into(), span: span("2026-01-01", None), redesignated_on: None }];
    catalogue.agreements = vec![Agreement {
        prison: "溧阳监狱".into(),
        institution: SCHOOL.into(),
        number: "1".to_owned(),
        span: span("2022-01-01", None),
        fee: None,
    }];
    let occupation = |id: &str, name: &str, category| Occupation {
        id: id.into(),
        name: name.to_owned(),
        code: None,
        code_edition: None,
        aliases: Vec::new(),
        category,
    };
    catalogue.occupations =
        vec![occupation("welder", "焊工", Category::Employment), occupation("syb", "SYB", Category::Entrepreneurship)];
    let rate = |occupation: &str, level, kind| Rate {
        occupation: occupation.into(),
        level,
        certificate_types: vec![kind],
        group: None,
        training: Some(Fen(100_000)),
        assessment: None,
        share_permille: 1000,
        span: span("2022-01-01", None),
        citation: "演示标准".into(),
    };
    catalogue.rates = vec![
        rate("welder", Level::Five, CertificateType::SkillLevel),
        rate("syb", Level::None, CertificateType::Completion),
    ];
    let mut policy = Policy::with_defaults("p".to_owned(), "演示".to_owned(), span("2022-01-01", None));
    policy.term_measured_at = measured;
    catalogue.policies = vec![policy];
    catalogue.indexed()
}

fn place(sheet: &str, row: u32, cells: &[(Field, char)]) -> Place {
    Place { sheet: sheet.to_owned(), cells: cells.iter().map(|(field, at)| (*field, format!("{at}{row}"))).collect() }
}

fn summary(row: u32, occupation: &str, level: Option<Level>, heads: u32) -> Entry<Summary> {
    let cells = [(Field::Project, 'D'), (Field::Heads, 'E'), (Field::Total, 'C'), (Field::Prison, 'B')];
    let total = (row == 5).then_some(5);
    let value = Summary { prison: "溧阳监狱".into(), total, occupation: occupation.into(), level, heads };
    Entry { place: place("附件1", row, &cells), value }
}

fn project(row: u32, occupation: &str, level: Level, heads: u32, start: &str) -> Entry<Project> {
    let cells = [
        (Field::Project, 'D'),
        (Field::Prison, 'B'),
        (Field::CertificateType, 'G'),
        (Field::Classes, 'H'),
        (Field::Heads, 'I'),
        (Field::Hours, 'J'),
        (Field::Start, 'M'),
        (Field::Training, 'O'),
        (Field::Assessment, 'P'),
        (Field::Rate, 'Q'),
        (Field::Budget, 'R'),
    ];
    let value = Project {
        prison: "溧阳监狱".into(),
        category: Category::Employment,
        occupation: occupation.into(),
        occupation_code: None,
        level,
        certificate_type: None,
        classes: Some(1),
        heads,
        hours: Some(80),
        hours_theory: Some(32),
        hours_practice: Some(48),
        starts_on: day(start),
        ends_on: None,
        training_institution: SCHOOL.into(),
        assessment_institution: None,
        rate: Some(Fen(100_000)),
        budget: None,
        remark: None,
    };
    Entry { place: place("附件2", row, &cells), value }
}

fn person(row: u32, occupation: &str, level: Level) -> Entry<RosterRow> {
    let cells = [
        (Field::Number, 'D'),
        (Field::Prison, 'B'),
        (Field::Project, 'P'),
        (Field::Release, 'L'),
        (Field::Skilled, 'M'),
        (Field::Able, 'N'),
        (Field::Born, 'G'),
    ];
    let value = RosterRow {
        prison: "溧阳监狱".into(),
        ward: None,
        number: format!("{row:05}"),
        name: "某某".to_owned(),
        sex: Some(Sex::Male),
        born_on: Some(day("1990-01-01")),
        ethnicity: None,
        resident_id: None,
        education: None,
        household: None,
        release_on: day("2028-06-01"),
        skilled: false,
        able: true,
        category: Category::Employment,
        occupation: occupation.into(),
        occupation_code: None,
        level,
        class: "1".to_owned(),
        institution: None,
        remark: None,
    };
    Entry { place: place("附件3", row, &cells), value }
}

fn class(row: u32, occupation: &str, level: Option<Level>, heads: u32, start: &str) -> Entry<ClassForm> {
    let cells = [(Field::Project, 'B'), (Field::Training, 'B'), (Field::Heads, 'H'), (Field::Start, 'C')];
    let value = ClassForm {
        institution: SCHOOL.into(),
        category: None,
        occupation: occupation.into(),
        level,
        heads,
        number: 1,
        of: Some(1),
        starts_on: day(start),
        ends_on: day(start),
        days: None,
        hours: None,
        teachers: String::new(),
        materials: String::new(),
        site: String::new(),
    };
    Entry { place: place("附件4", row, &cells), value }
}

/// The plan that agrees with itself.
fn plan() -> Plan {
    let mut plan = Plan::empty("溧阳监狱".into(), 2027, None);
    plan.summaries = vec![summary(5, "welder", Some(Level::Five), 3), summary(6, "syb", None, 2)];
    plan.projects =
        vec![project(5, "welder", Level::Five, 3, "2027-03-01"), project(6, "syb", Level::None, 2, "2027-09-01")];
    plan.projects[1].value.category = Category::Entrepreneurship;
    plan.persons = (5..10)
        .map(|row| if row < 8 { person(row, "welder", Level::Five) } else { person(row, "syb", Level::None) })
        .collect();
    plan.classes =
        vec![class(5, "welder", Some(Level::Five), 3, "2027-03-01"), class(15, "syb", None, 2, "2027-09-01")];
    for (annex, rows) in Annex::ALL.into_iter().zip([2, 2, 5, 2]) {
        plan.state_mut(annex).rows = rows;
    }
    plan
}

fn lines(checked: &Checked) -> Vec<String> {
    let line = |(_, f): &(Annex, crate::subsidy::finding::Finding)| {
        format!("{}!{} {}{}", f.sheet, f.cell, f.code, if f.severity == Severity::Warning { "?" } else { "" })
    };
    checked.findings.iter().map(line).collect()
}

/// What comes of one change.
fn found(change: impl FnOnce(&mut Plan)) -> Vec<String> {
    let mut plan = plan();
    change(&mut plan);
    lines(&check(&plan, &[], &catalogue(TermMeasuredAt::CourseStart)))
}

#[test]
fn a_plan_that_agrees_with_itself_has_no_findings() {
    assert_eq!(found(|_| {}), Vec::<String>::new());
}

#[test]
fn totals_of_annex_1_are_the_sum_of_its_projects() {
    assert_eq!(found(|plan| plan.summaries[0].value.total = Some(6)), ["附件1!C5 plan-sum"]);
    assert_eq!(found(|plan| plan.summaries[0].value.total = None), Vec::<String>::new());
    // A figure is compared only where every row that it adds up was read.
    let unread = |plan: &mut Plan| {
        plan.summaries[0].value.total = Some(6);
        plan.state_mut(Annex::One).unread = 1;
    };
    assert_eq!(found(unread), Vec::<String>::new());
}

#[test]
fn annex_1_and_annex_2_agree_project_by_project() {
    let more = |plan: &mut Plan| {
        plan.summaries[1].value.heads = 3;
        plan.summaries[0].value.total = Some(6);
    };
    assert_eq!(found(more), ["附件1!E6 plan-sum"]);
    let missing = |plan: &mut Plan| {
        plan.summaries.pop();
        plan.summaries[0].value.total = Some(3);
    };
    assert_eq!(found(missing), ["附件2!D6 plan-project"]);
    // A project of annex 1 without a level stands for all levels of its occupation.
    assert_eq!(found(|plan| plan.summaries[0].value.level = None), Vec::<String>::new());
    let other = |plan: &mut Plan| plan.summaries[0].value.level = Some(Level::Four);
    assert_eq!(found(other), ["附件1!D5 plan-project", "附件2!D5 plan-project"]);
}

#[test]
fn annex_2_and_annex_3_agree_project_by_project() {
    let fewer = |plan: &mut Plan| drop(plan.persons.remove(0));
    assert_eq!(found(fewer), ["附件2!I5 plan-sum"]);
    // The one that is missing may be the one that came back.
    let came_back = |plan: &mut Plan| {
        plan.persons.remove(0);
        plan.state_mut(Annex::Three).unread = 1;
    };
    assert_eq!(found(came_back), Vec::<String>::new());
    let elsewhere = |plan: &mut Plan| plan.persons[0].value.level = Level::Four;
    assert_eq!(found(elsewhere), ["附件2!I5 plan-sum", "附件3!P5 plan-project"]);
}

#[test]
fn each_class_of_annex_4_stands_in_annex_2() {
    let level = |plan: &mut Plan| plan.classes[0].value.level = Some(Level::Four);
    // While a class stands in no plan, nobody asks for one.
    assert_eq!(found(level), ["附件4!B5 plan-class"]);
    let school = |plan: &mut Plan| plan.classes[0].value.institution = OTHER.into();
    assert_eq!(found(school), ["附件4!B5 plan-class"]);
    assert_eq!(found(|plan| plan.classes[0].value.heads = 4), ["附件4!H5 class-doubt?"]);
    assert_eq!(found(|plan| plan.projects[0].value.classes = Some(2)), ["附件2!H5 class-doubt?"]);
    let next_year = |plan: &mut Plan| plan.classes[0].value.starts_on = day("2028-01-01");
    assert_eq!(found(next_year), ["附件4!C5 plan-year"]);
}

#[test]
fn persons_meet_r5_r5b_r5c_and_minors_are_a_warning() {
    // 2027-03-01 + 24 months = 2029-03-01: the day itself is too long.
    let release = |on: &'static str| move |plan: &mut Plan| plan.persons[0].value.release_on = day(on);
    assert_eq!(found(release("2029-02-28")), Vec::<String>::new());
    assert_eq!(found(release("2029-03-01")), ["附件3!L5 sentence-too-long"]);
    assert_eq!(found(|plan| plan.persons[0].value.skilled = true), ["附件3!M5 already-skilled"]);
    assert_eq!(found(|plan| plan.persons[0].value.able = false), ["附件3!N5 unable-to-study"]);
    // 18 on 2027-03-01.
    let born = |on: &'static str| move |plan: &mut Plan| plan.persons[0].value.born_on = Some(day(on));
    assert_eq!(found(born("2009-03-01")), Vec::<String>::new());
    assert_eq!(found(born("2009-03-02")), ["附件3!G5 minor?"]);
    let mut both = plan();
    both.persons[0].value.skilled = true;
    both.persons[4].value.able = false;
    let checked = check(&both, &[], &catalogue(TermMeasuredAt::CourseStart));
    assert_eq!(checked.ineligible.into_iter().collect::<Vec<_>>(), [0, 4]);
}

#[test]
fn the_term_may_be_measured_on_30_november_of_the_year_before() {
    let mut plan = plan();
    // 2026-11-30 + 24 months = 2028-11-30.
    plan.persons[0].value.release_on = day("2028-11-30");
    assert_eq!(lines(&check(&plan, &[], &catalogue(TermMeasuredAt::Planning))), ["附件3!L5 sentence-too-long"]);
    assert_eq!(lines(&check(&plan, &[], &catalogue(TermMeasuredAt::CourseStart))), Vec::<String>::new());
    plan.persons[0].value.release_on = day("2028-11-29");
    assert_eq!(lines(&check(&plan, &[], &catalogue(TermMeasuredAt::Planning))), Vec::<String>::new());
}

#[test]
fn institutions_and_rates_hold_on_the_planned_start() {
    let school = |name: &'static str| {
        move |plan: &mut Plan| {
            plan.projects[0].value.training_institution = name.into();
            plan.classes[0].value.institution = name.into();
        }
    };
    // Designated until the day before.
    assert_eq!(found(school(OTHER)), ["附件2!O5 institution-not-designated", "附件2!O5 no-agreement?"]);
    assert_eq!(found(school("受罚学校")), ["附件2!O5 institution-penalised", "附件2!O5 no-agreement?"]);
    let assessment = |plan: &mut Plan| plan.projects[0].value.assessment_institution = Some(SCHOOL.into());
    assert_eq!(found(assessment), ["附件2!P5 institution-not-designated"]);
    let certificate = |plan: &mut Plan| plan.projects[0].value.certificate_type = Some(CertificateType::SpecialAbility);
    assert_eq!(found(certificate), ["附件2!G5 not-in-catalogue"]);
    assert_eq!(found(|plan| plan.projects[0].value.rate = Some(Fen(90_000))), ["附件2!Q5 rate-doubt?"]);
    assert_eq!(found(|plan| plan.projects[0].value.budget = Some(Fen(1))), ["附件2!R5 rate-doubt?"]);
    let year = |plan: &mut Plan| plan.projects[1].value.starts_on = day("2026-12-31");
    assert_eq!(found(year), ["附件2!M6 plan-year"]);
    let hours = |plan: &mut Plan| {
        plan.projects[0].value.hours_theory = Some(60);
        plan.projects[0].value.hours_practice = Some(20);
    };
    assert_eq!(found(hours), ["附件2!J5 hours-share?"]);
}

#[test]
fn a_workbook_is_one_prisons_and_says_what_it_lacks() {
    let prison = |plan: &mut Plan| plan.persons[0].value.prison = "新康监狱".into();
    assert_eq!(found(prison), ["附件3!B5 plan-prison"]);
    let absent = |plan: &mut Plan| {
        plan.classes.clear();
        plan.state_mut(Annex::Four).rows = 0;
    };
    assert_eq!(found(absent), ["! annex-missing?"]);
    let twice = |plan: &mut Plan| plan.persons[1].value.number = plan.persons[0].value.number.clone();
    assert_eq!(found(twice), ["附件3!D6 repeat-doubt?"]);
}

#[test]
fn who_owes_what_is_told_per_prison_and_annex() {
    let names: Vec<Name> = ["溧阳监狱", "新康监狱"].map(Arc::from).to_vec();
    let mut plan = plan();
    plan.state_mut(Annex::Two).errors = 1;
    plan.state_mut(Annex::Four).rows = 0;
    let owed = missing(&names, [&plan]);
    assert_eq!(owed[0].annexes, [Annex::Two, Annex::Four]);
    assert_eq!(owed[0].faulty, [Annex::Two]);
    assert_eq!(owed[1].annexes, Annex::ALL);
    // An addition files nothing for the year.
    plan.addition = Some(1);
    assert_eq!(missing(&names, [&plan])[0].annexes, Annex::ALL);
}

#[test]
fn a_difference_counts_and_names_cells() {
    let (old, mut new) = (plan(), plan());
    assert!(difference(&old, &new).in_words().is_empty());
    new.persons[0].value.ward = Some("一监区".to_owned());
    new.persons[4].value.number = "99999".to_owned();
    new.projects.pop();
    let told = difference(&old, &new);
    assert_eq!((told.persons.added, told.persons.removed, told.persons.changed), (1, 1, 1));
    assert_eq!(told.persons.cells, ["附件3!D5", "附件3!D9"]);
    assert_eq!(told.in_words()[0], "附件2 培训项目：减少 1 项");
}
