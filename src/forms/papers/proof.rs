//! Proof sheets: prints every template once with an invented line, so that a broken template or a missing font shows
//! when the settings are checked and not on the day of the claim.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate};

use super::{Paper, PaperContext, PaperError, Printer};
use crate::subsidy::assessment::{Name, ResultRow};
use crate::subsidy::batch::{Batch, Line, balances, batch_number, groups, totals};
use crate::subsidy::calendar::Period;
use crate::subsidy::course::{Category, CertificateType, Kind, Level};
use crate::subsidy::identifiers::Sex;
use crate::subsidy::money::Fen;
use crate::subsidy::verdict::{Payable, RuleSet};

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
    Ok(papers)
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
        totals: totals(&lines),
        lines,
        refusals: Vec::new(),
        previous: None,
        audit_count: 0,
        audit_head: String::new(),
    }
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
