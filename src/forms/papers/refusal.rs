//! 不予核定清单: every denied or held line, one row per rule that fails, with what would mend it and who supplies that.
//!
//! Denied and held lines stand on sheets of their own: the first are over, the second are waiting for somebody.

use super::names::occupation_name;
use super::table::{Align, Cell, Column, Table};
use crate::subsidy::batch::{Batch, Refusal};
use crate::subsidy::catalogue::Catalogue;
use crate::subsidy::verdict::{Effect, Outcome, Rule};

const COLUMNS: [(&str, u16, Align); 17] = [
    ("序号", 5, Align::Centre),
    ("补贴种类", 9, Align::Centre),
    ("监狱", 9, Align::Centre),
    ("罪犯编号", 12, Align::Centre),
    ("姓名", 9, Align::Centre),
    ("公民身份号码", 19, Align::Centre),
    ("机构", 18, Align::Left),
    ("职业（工种）", 12, Align::Centre),
    ("等级", 12, Align::Centre),
    ("班期", 9, Align::Centre),
    ("鉴定日期", 11, Align::Centre),
    ("证书编号", 24, Align::Centre),
    ("原因", 24, Align::Left),
    ("依据", 18, Align::Left),
    ("核对情况", 24, Align::Left),
    ("如何补正", 24, Align::Left),
    ("由谁补正", 9, Align::Centre),
];

/// The columns of the list.
pub(super) fn columns() -> Vec<Column> {
    COLUMNS
        .iter()
        .map(|(header, width, align)| Column { header: (*header).into(), width: *width, align: *align })
        .collect()
}

/// One table for what is denied, one for what is held.
pub(super) fn tables<'a>(batch: &Batch, catalogue: &Catalogue, columns: &'a [Column]) -> Vec<Table<'a>> {
    let part = |outcome: Outcome, advice: &str| {
        let refusals: Vec<&Refusal> =
            batch.refusals.iter().filter(|refusal| refusal.verdict.outcome == outcome).collect();
        Table {
            label: format!("批次：{}", batch.number),
            title: format!("不予核定清单——{}", outcome.name()),
            subtitle: format!(
                "申领期：{}　{}：{}行（一行有几个原因的，逐条列出）　{advice}",
                batch.period.in_words(),
                outcome.name(),
                refusals.len(),
            ),
            sheet: outcome.name().to_owned(),
            columns,
            rows: (1..).zip(refusals).flat_map(|(serial, refusal)| rows(serial, refusal, catalogue)).collect(),
            total: None,
            notes: Vec::new(),
        }
    };
    vec![
        part(Outcome::Denied, "本批不予补贴；确有错误的，按“如何补正”办理"),
        part(Outcome::Held, "补正后自动重新核定，不必重新申请"),
    ]
}

fn rows(serial: u32, refusal: &Refusal, catalogue: &Catalogue) -> Vec<Vec<Cell>> {
    let row = &refusal.row;
    let verdict = &refusal.verdict;
    verdict
        .rules
        .failing()
        .iter()
        .map(|rule| {
            vec![
                Cell::Count(serial),
                Cell::text(verdict.kind.name()),
                Cell::text(&*row.prison),
                Cell::text(&*row.number),
                Cell::text(&*row.name),
                Cell::text(row.resident_id.as_deref().unwrap_or_default()),
                Cell::text(&**row.institution(verdict.kind)),
                Cell::text(occupation_name(catalogue, &row.occupation)),
                Cell::text(row.level.name()),
                Cell::text(&*row.class),
                Cell::Date(row.assessed_on),
                Cell::text(row.certificate_number.as_deref().unwrap_or_default()),
                Cell::text(reason(rule, verdict.outcome)),
                Cell::text(rule.clause()),
                Cell::text(details(refusal, rule)),
                Cell::text(rule.mend()),
                Cell::text(supplier(rule)),
            ]
        })
        .collect()
}

/// Number and sentence of the rule; on a denied line it also says which of its reasons alone would only hold it.
fn reason(rule: Rule, outcome: Outcome) -> String {
    if outcome == Outcome::Denied && rule.effect() == Effect::Holds {
        format!("{}　{}（此条本身为待补正）", rule.number(), rule.says())
    } else {
        format!("{}　{}", rule.number(), rule.says())
    }
}

/// What was found, and that the row came late where it did.
fn details(refusal: &Refusal, rule: Rule) -> String {
    let found = refusal.details.iter().filter(|(of, _)| *of == rule).map(|(_, detail)| detail.as_str());
    refusal.late.then_some("补报").into_iter().chain(found).collect::<Vec<&str>>().join("；")
}

/// Who can supply what mends a failing, as [`Rule::mend`] tells it.
fn supplier(rule: Rule) -> &'static str {
    match rule {
        Rule::NotPassed | Rule::NotCompleted => "监狱、鉴定机构",
        Rule::CertificateMissing
        | Rule::CertificateReused
        | Rule::CertificateConflict
        | Rule::AlreadyClaimedCertificate
        | Rule::CertificatePattern => "鉴定机构",
        Rule::NotOnRoster
        | Rule::AssessmentNotFiled
        | Rule::SentenceTooLong
        | Rule::AlreadySkilled
        | Rule::UnableToStudy
        | Rule::UnverifiedIdentity
        | Rule::IdentityConflict
        | Rule::HoursShare
        | Rule::Minor
        | Rule::ReleasedBeforeAssessment => "监狱",
        Rule::NoAgreement => "监狱、管理员",
        Rule::NotInCatalogue | Rule::InstitutionNotDesignated | Rule::InstitutionPenalised => "管理员",
        Rule::Repeat | Rule::Cap | Rule::LowerLevel | Rule::TooLate | Rule::LastClaim | Rule::Waived => "无需补正",
    }
}
