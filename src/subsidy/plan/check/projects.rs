//! Annex 2 (and the dates of annex 4) against year, catalogue and policy, as of the planned start.
//!
//! Findings: `plan-year`, `not-in-catalogue`, `institution-not-designated`, `institution-penalised`; warnings:
//! `no-agreement`, `hours-share`, `rate-doubt`.

use chrono::{Datelike, NaiveDate};

use super::{Checked, Desk};
use crate::subsidy::assessment::Name;
use crate::subsidy::catalogue::Rate;
use crate::subsidy::course::{Category, CertificateType, Kind};
use crate::subsidy::finding::Code;
use crate::subsidy::money::Fen;
use crate::subsidy::plan::{Annex, Entry, Field, Project};
use crate::subsidy::policy::Policy;

/// Theory's share of the hours in per cent (notice, 五(三)).
const THEORY_PERCENT: u32 = 40;

/// Checks every project.
pub(super) fn check(desk: &Desk<'_>, checked: &mut Checked) {
    for entry in &desk.plan.projects {
        year(desk, entry, checked);
        let start = entry.value.starts_on;
        if let Some(policy) = desk.catalogue.policy_on(start) {
            rate(desk, entry, policy, checked);
            hours(entry, policy, checked);
        } else {
            let advice = "该日期没有有效的政策，请核对日期；日期无误的请与牵头监狱联系".to_owned();
            checked.error(Annex::Two, Code::NotInCatalogue, (&entry.place, Field::Start), start, advice);
        }
        institutions(desk, entry, checked);
    }
    for entry in &desk.plan.classes {
        let start = entry.value.starts_on;
        if start.year() != desk.plan.year {
            let advice = outside(desk.plan.year, "培训时间");
            checked.error(Annex::Four, Code::PlanYear, (&entry.place, Field::Start), start, advice);
        }
    }
}

fn outside(year: i32, what: &str) -> String {
    format!("{what}不在 {year} 年内，请核对；如属另一年度的计划，请另表报送")
}

fn year(desk: &Desk<'_>, entry: &Entry<Project>, checked: &mut Checked) {
    let start = entry.value.starts_on;
    if start.year() != desk.plan.year {
        let advice = outside(desk.plan.year, "计划开班时间");
        checked.error(Annex::Two, Code::PlanYear, (&entry.place, Field::Start), start, advice);
    }
}

/// R6: with a stated certificate type the row of that type, else any row of occupation and level.
fn rate(desk: &Desk<'_>, entry: &Entry<Project>, policy: &Policy, checked: &mut Checked) {
    let project = &entry.value;
    let on = |kind: CertificateType| {
        let (occupation, group) = (&project.occupation, &policy.trainee_group);
        desk.catalogue.rate_on(occupation, project.level, kind, group, project.starts_on)
    };
    let rates: Vec<&Rate> = match project.certificate_type {
        Some(kind) => on(kind).into_iter().collect(),
        None => CertificateType::ALL.into_iter().filter_map(on).collect(),
    };
    let amounts: Vec<Fen> = rates.iter().filter_map(|rate| rate.amount(Kind::Training)).collect();
    if amounts.is_empty() {
        let field = if project.certificate_type.is_some() { Field::CertificateType } else { Field::Project };
        let name = super::project_name(desk.name(&project.occupation), Some(project.level));
        let kind = project.certificate_type.map(|kind| format!("、{kind}")).unwrap_or_default();
        let advice =
            "补贴目录中没有此项目在计划开班之日有效的培训补贴标准，请改选目录中的职业(工种)、等级、证书类型".to_owned();
        let seen = format!("{name}{kind}（{}）", project.starts_on);
        checked.error(Annex::Two, Code::NotInCatalogue, (&entry.place, field), seen, advice);
        return;
    }
    if let Some(stated) = project.rate.filter(|stated| !amounts.contains(stated)) {
        let known: Vec<String> = amounts.iter().map(ToString::to_string).collect();
        let advice = format!("目录中的培训补贴标准为 {} 元，请核对", known.join("、"));
        checked.warning(Annex::Two, Code::RateDoubt, (&entry.place, Field::Rate), stated, advice);
    }
    if let (Some(rate), Some(budget)) = (project.rate, project.budget) {
        let product = Fen(rate.0.saturating_mul(i64::from(project.heads)));
        if product != budget {
            let advice = format!("补贴标准×计划人数为 {product} 元，请核对");
            checked.warning(Annex::Two, Code::RateDoubt, (&entry.place, Field::Budget), budget, advice);
        }
    }
}

/// W1.
fn hours(entry: &Entry<Project>, policy: &Policy, checked: &mut Checked) {
    let project = &entry.value;
    let (Some(theory), Some(practice)) = (project.hours_theory, project.hours_practice) else { return };
    let all = theory + practice;
    if project.category != Category::Employment || all == 0 {
        return;
    }
    let tolerance = policy.hours_tolerance_points;
    let (low, high) = (THEORY_PERCENT.saturating_sub(tolerance) * all, (THEORY_PERCENT + tolerance) * all);
    if !(low..=high).contains(&(theory * 100)) {
        let advice = "理论课时宜约占 40%，实操课时宜约占 60%（通知第五条第三项），请核对".to_owned();
        let seen = format!("理论 {theory}，实操 {practice}");
        checked.warning(Annex::Two, Code::HoursShare, (&entry.place, Field::Hours), seen, advice);
    }
}

/// R10, R10b, R10c.
fn institutions(desk: &Desk<'_>, entry: &Entry<Project>, checked: &mut Checked) {
    let project = &entry.value;
    let start = project.starts_on;
    designated(desk, entry, &project.training_institution, (Kind::Training, start), checked);
    if let Some(institution) = &project.assessment_institution {
        let day = project.ends_on.unwrap_or(start);
        designated(desk, entry, institution, (Kind::Assessment, day), checked);
    }
    let mut agreements = desk.catalogue.agreements_of(&project.prison, &project.training_institution);
    if !agreements.any(|agreement| agreement.span.covers(start)) {
        let advice = format!("{}与该机构在计划开班之日没有有效的合作协议（附件5），请在开班前签订", project.prison);
        let seen = format!("{}（{start}）", project.training_institution);
        checked.warning(Annex::Two, Code::NoAgreement, (&entry.place, Field::Training), seen, advice);
    }
}

fn designated(
    desk: &Desk<'_>,
    entry: &Entry<Project>,
    institution: &Name,
    (kind, day): (Kind, NaiveDate),
    checked: &mut Checked,
) {
    let (field, work) = match kind {
        Kind::Training => (Field::Training, "培训"),
        Kind::Assessment => (Field::Assessment, "鉴定"),
    };
    let at = (&entry.place, field);
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
