//! Proof sheets: prints every template once with an invented line, so that a broken template or a missing font shows
//! when the settings are checked and not on the day of the claim.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Datelike, NaiveDate};

use super::{Paper, PaperContext, PaperError, Printer};
use crate::forms::reading::FormSpecs;
use crate::subsidy::assessment::{Name, ResultRow, RosterRow};
use crate::subsidy::batch::{Batch, Line, LineWaiver, balances, batch_number, groups, totals};
use crate::subsidy::calendar::Period;
use crate::subsidy::course::{Category, CertificateType, Kind, Level};
use crate::subsidy::identifiers::Sex;
use crate::subsidy::money::Fen;
use crate::subsidy::plan::city::{CityPlan, Scope, plan_number, totals as plan_totals};
use crate::subsidy::plan::{ClassForm, Entry, Place, Plan, Project};
use crate::subsidy::verdict::{Payable, Rule, RuleSet};
use crate::subsidy::waiver::Waiver;

/// The day that proof sheets show.
const DAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 1, 1).expect("a day of the calendar");

/// Prints each template once with an invented line.
pub fn proofs(ctx: PaperContext<'_>) -> Result<Vec<Paper>, PaperError> {
    let batch = sample(&ctx);
    let printer = Printer::new(&batch, ctx)?;
    let mut papers = vec![printer.cover()?, printer.publicity_pdf()?];
    for group in &batch.groups {
        papers.push(printer.form(group)?);
        papers.extend(printer.detail_pdfs(group)?);
        papers.push(printer.workbook(group)?);
    }
    super::print_plan(&plan(&ctx), FormSpecs::embedded(), &ctx, |paper| papers.push(paper))?;
    Ok(papers)
}

/// A plan of one project, one person and one class.
fn plan(ctx: &PaperContext<'_>) -> CityPlan {
    fn entry<T>(value: T) -> Entry<T> {
        Entry { place: Place::default(), value }
    }
    let row = row(ctx);
    let (occupation, institution) = (row.occupation.clone(), row.training_institution.clone());
    let mut plan = Plan::empty(row.prison.clone(), DAY.year(), None);
    plan.projects.push(entry(Project {
        prison: row.prison.clone(),
        category: row.category,
        occupation: occupation.clone(),
        occupation_code: None,
        level: row.level,
        certificate_type: row.certificate_type,
        classes: Some(1),
        heads: 1,
        hours: row.hours,
        hours_theory: None,
        hours_practice: None,
        starts_on: DAY,
        ends_on: Some(DAY),
        training_institution: institution.clone(),
        assessment_institution: None,
        rate: Some(Fen(100_000)),
        budget: None,
        remark: None,
    }));
    plan.persons.push(entry(trainee(&row)));
    plan.classes.push(entry(ClassForm {
        institution,
        category: None,
        occupation,
        level: None,
        heads: 1,
        number: 1,
        of: Some(1),
        starts_on: DAY,
        ends_on: DAY,
        days: Some(1),
        hours: row.hours,
        teachers: row.name.clone(),
        materials: row.name.clone(),
        site: row.name,
    }));
    let plans = vec![plan];
    CityPlan {
        number: plan_number(DAY.year(), &Scope::Year, 0),
        year: DAY.year(),
        scope: Scope::Year,
        version: 0,
        sealed_at: DateTime::UNIX_EPOCH,
        totals: plan_totals(&plans),
        plans,
        missing: Vec::new(),
        closing: None,
        audit_count: 0,
        audit_head: String::new(),
    }
}

fn trainee(row: &ResultRow) -> RosterRow {
    RosterRow {
        prison: row.prison.clone(),
        ward: None,
        number: row.number.clone(),
        name: row.name.clone(),
        sex: Some(Sex::Male),
        born_on: Some(DAY),
        ethnicity: None,
        resident_id: row.resident_id.clone(),
        education: None,
        household: None,
        release_on: DAY,
        skilled: false,
        able: true,
        category: row.category,
        occupation: row.occupation.clone(),
        occupation_code: None,
        level: row.level,
        class: row.class.clone(),
        institution: Some(row.training_institution.clone()),
        remark: None,
    }
}

fn sample(ctx: &PaperContext<'_>) -> Batch {
    let row = Arc::new(row(ctx));
    let lines: Vec<Line> = (1..).zip(Kind::ALL).map(|(number, kind)| line(number, kind, &row)).collect();
    let period = Period::of(DAY);
    Batch {
        number: batch_number(period, 0),
        period,
        sealed_at: DateTime::UNIX_EPOCH,
        claim_on: DAY,
        groups: groups(&lines),
        balances: balances(&lines, &BTreeMap::new()),
        waivers: vec![LineWaiver { line: 1, waiver: waiver() }],
        totals: totals(&lines),
        lines,
        refusals: Vec::new(),
        previous: None,
        audit_count: 0,
        audit_head: String::new(),
    }
}

fn waiver() -> Waiver {
    let (reason, by) = ("样张".to_owned(), "样张".to_owned());
    Waiver { id: 1, assessment_id: 0, rule: Rule::NotOnRoster, from: DAY, until: DAY, ended_on: None, reason, by }
}

fn line(number: u32, kind: Kind, row: &Arc<ResultRow>) -> Line {
    let (amount, proof) = (Fen(100_000), Name::from("样张"));
    Line {
        number,
        kind,
        assessment_id: 0,
        row: row.clone(),
        person_key: proof.clone(),
        sex: Some(Sex::Male),
        amount,
        payable: Payable { base: amount, fee: None, share_permille: 1000, amount, citation: proof, nth: 1 },
        warnings: RuleSet::EMPTY,
        late: false,
        reverses: None,
    }
}

/// Names come from the catalogue where it has any, because they are what papers will print.
fn row(ctx: &PaperContext<'_>) -> ResultRow {
    let proof: Name = Arc::from("样张");
    let institution = ctx.catalogue.institutions.first().map_or_else(|| proof.clone(), |one| one.name.clone());
    ResultRow {
        prison: ctx.catalogue.lead_prison().unwrap_or(&proof).clone(),
        number: "0000000000".to_owned(),
        name: "样张".to_owned(),
        resident_id: Some("000000000000000000".to_owned()),
        training_institution: institution.clone(),
        assessment_institution: institution,
        category: Category::Employment,
        occupation: ctx.catalogue.occupations.first().map_or(proof, |one| one.id.clone()),
        occupation_code: None,
        level: Level::Four,
        class: "样张".to_owned(),
        started_on: DAY,
        ended_on: DAY,
        hours: Some(40),
        hours_theory: None,
        hours_practice: None,
        assessed_on: DAY,
        score_theory: Some(600),
        score_practice: Some(600),
        passed: true,
        certificate_type: Some(CertificateType::SkillLevel),
        certificate_number: Some("S000032000000000000000".to_owned()),
        issued_on: Some(DAY),
        fee: None,
        completed: true,
        remark: None,
    }
}
