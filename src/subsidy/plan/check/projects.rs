//! Annex 2 (and the dates of annex 4) against year, catalogue and policy, as of the planned start.
//!
//! Findings: `plan-year`, `not-in-catalogue`, `institution-not-designated`, `institution-penalised`; warnings:
//! `no-agreement`, `hours-share`, `rate-doubt`.

use chrono::{Datelike, NaiveDate};

use super::{Checked, Desk, Line};
use crate::subsidy::assessment::Name;
use crate::subsidy::catalogue::Rate;
use crate::subsidy::course::{Category, CertificateType, Kind};
use crate::subsidy::finding::Code;
use crate::subsidy::money::Fen;
use crate::subsidy::plan::{Annex, Field};
use crate::subsidy::policy::Policy;

/// Theory's share of the hours in per cent (notice, 五(三)).
const THEORY_PERCENT: u64 = 40;

/// Checks every project.
pub(super) fn check(desk: &Desk<'_>, checked: &mut Checked) {
    let new_year = NaiveDate::from_ymd_opt(desk.plan.year, 1, 1);
    for line in desk.lines(Annex::Two) {
        if let Some(start) = line.row.starts_on {
            year(desk, line, (Annex::Two, start, "计划开班时间"), checked);
            if let Some(policy) = desk.catalogue.policy_on(start) {
                rate(desk, line, start, policy, checked);
            } else {
                let advice = "该日期没有有效的政策，请核对日期；日期无误的请与牵头监狱联系".to_owned();
                checked.error(Annex::Two, Code::NotInCatalogue, (line.place, Field::Start), start, advice);
            }
            institutions(desk, line, start, checked);
        }
        budget(line, checked);
        if let Some(policy) = line.row.starts_on.or(new_year).and_then(|day| desk.catalogue.policy_on(day)) {
            hours(line, policy, checked);
        }
    }
    for line in desk.lines(Annex::Four) {
        if let Some(start) = line.row.starts_on {
            year(desk, line, (Annex::Four, start, "培训时间"), checked);
        }
    }
}

fn year(desk: &Desk<'_>, line: &Line<'_>, (annex, start, what): (Annex, NaiveDate, &str), checked: &mut Checked) {
    let year = desk.plan.year;
    if start.year() != year {
        let advice = format!("{what}不在 {year} 年内，请核对；如属另一年度的计划，请另表报送");
        checked.error(annex, Code::PlanYear, (line.place, Field::Start), start, advice);
    }
}

/// R6: with a stated certificate type the row of that type, else any row of occupation and level.
fn rate(desk: &Desk<'_>, line: &Line<'_>, start: NaiveDate, policy: &Policy, checked: &mut Checked) {
    let Some(project) = line.key() else { return };
    let on = |kind: CertificateType| {
        desk.catalogue.rate_on(&project.occupation, project.level, kind, &policy.trainee_group, start)
    };
    let certificate_type = line.row.certificate_type;
    let rates: Vec<&Rate> = match certificate_type {
        Some(kind) => on(kind).into_iter().collect(),
        None => CertificateType::ALL.into_iter().filter_map(on).collect(),
    };
    let amounts: Vec<Fen> = rates.iter().filter_map(|rate| rate.amount(Kind::Training)).collect();
    if amounts.is_empty() {
        let field = if certificate_type.is_some() { Field::CertificateType } else { Field::Project };
        let kind = certificate_type.map(|kind| format!("、{kind}")).unwrap_or_default();
        let advice =
            "补贴目录中没有此项目在计划开班之日有效的培训补贴标准，请改选目录中的职业(工种)、等级、证书类型".to_owned();
        let seen = format!("{}{kind}（{start}）", desk.project(&project));
        checked.error(Annex::Two, Code::NotInCatalogue, (line.place, field), seen, advice);
        return;
    }
    if let Some(stated) = line.row.rate.filter(|stated| !amounts.contains(stated)) {
        let known: Vec<String> = amounts.iter().map(ToString::to_string).collect();
        let advice = format!("目录中的培训补贴标准为 {} 元，请核对", known.join("、"));
        checked.warning(Annex::Two, Code::RateDoubt, (line.place, Field::Rate), stated, advice);
    }
}

/// 补贴标准 x 计划人数 = 预算金额.
fn budget(line: &Line<'_>, checked: &mut Checked) {
    let row = &line.row;
    let (Some(rate), Some(budget), Some(heads)) = (row.rate, row.budget, row.heads) else { return };
    let product = Fen(rate.0.saturating_mul(i64::from(heads)));
    if product != budget {
        let advice = format!("补贴标准×计划人数为 {product} 元，请核对");
        checked.warning(Annex::Two, Code::RateDoubt, (line.place, Field::Budget), budget, advice);
    }
}

/// W1.
fn hours(line: &Line<'_>, policy: &Policy, checked: &mut Checked) {
    let Some((theory, practice)) = line.row.hours else { return };
    let all = u64::from(theory) + u64::from(practice);
    if line.row.category != Some(Category::Employment) || all == 0 {
        return;
    }
    let tolerance = u64::from(policy.hours_tolerance_points);
    let (low, high) = (THEORY_PERCENT.saturating_sub(tolerance) * all, (THEORY_PERCENT + tolerance) * all);
    if !(low..=high).contains(&(u64::from(theory) * 100)) {
        let advice = "理论课时宜约占 40%，实操课时宜约占 60%（通知第五条第三项），请核对".to_owned();
        let seen = format!("理论 {theory}，实操 {practice}");
        checked.warning(Annex::Two, Code::HoursShare, (line.place, Field::Hours), seen, advice);
    }
}

/// R10, R10b, R10c.
fn institutions(desk: &Desk<'_>, line: &Line<'_>, start: NaiveDate, checked: &mut Checked) {
    let row = &line.row;
    if let Some(institution) = &row.training {
        designated(desk, line, institution, (Kind::Training, start), checked);
    }
    if let Some(institution) = &row.assessment {
        designated(desk, line, institution, (Kind::Assessment, row.ends_on.unwrap_or(start)), checked);
    }
    let Some((prison, institution)) = row.prison.as_ref().zip(row.training.as_ref()) else { return };
    let mut agreements = desk.catalogue.agreements_of(prison, institution);
    if !agreements.any(|agreement| agreement.span.covers(start)) {
        let advice = format!("{prison}与该机构在计划开班之日没有有效的合作协议（附件5），请在开班前签订");
        let seen = format!("{institution}（{start}）");
        checked.warning(Annex::Two, Code::NoAgreement, (line.place, Field::Training), seen, advice);
    }
}

fn designated(
    desk: &Desk<'_>,
    line: &Line<'_>,
    institution: &Name,
    (kind, day): (Kind, NaiveDate),
    checked: &mut Checked,
) {
    let (field, work) = match kind {
        Kind::Training => (Field::Training, "培训"),
        Kind::Assessment => (Field::Assessment, "鉴定"),
    };
    let at = (line.place, field);
    if !desk.catalogue.is_designated(institution, kind, day) {
        let advice = format!("该机构在计划{work}之日不在{work}机构的认定期内，请改选已认定的{work}机构");
        let seen = format!("{institution}（{day}）");
        checked.error(Annex::Two, Code::InstitutionNotDesignated, at, seen, advice);
    } else if let Some(penalty) = desk.catalogue.penalty_on(institution, day) {
        let advice = format!("该机构受处罚，在计划{work}之日尚未重新认定，请改选其他机构");
        let seen = format!("{institution}（{day}，自 {} 起受处罚）", penalty.span.from);
        checked.error(Annex::Two, Code::InstitutionPenalised, at, seen, advice);
    }
}
