//! One row of the result sheet (考核结果表).
//!
//! Findings beyond those of single cells: `date-order`, `hours-sum`. Doubts: `identity-doubt`, `birth-doubt`,
//! `score-doubt`, `certificate-doubt`, `pattern-doubt`.

use chrono::NaiveDate;

use super::advice;
use super::clean::is_dash;
use super::row::{Answers, Reader};
use super::spec::Key;
use crate::subsidy::assessment::ResultRow;
use crate::subsidy::course::{Category, CertificateType};
use crate::subsidy::finding::Code;
use crate::subsidy::identifiers::{PatternDoubt, ResidentId, certificate_doubt};

const PASSED: Answers = Answers { yes: "合格", no: "不合格", also: &[("是", true), ("否", false)] };
const COMPLETED: Answers = Answers { yes: "是", no: "否", also: &[] };

/// Tenths of a point from which a score passes.
const PASS_MARK_TENTHS: u16 = 600;

/// Reads a row; `None` sets it aside.
pub(super) fn read(r: &mut Reader<'_>) -> Option<ResultRow> {
    let prison = r.prison();
    let number = r.identifier(Key::Number);
    let name = r.name(Key::Name);
    let resident_id = r.resident_id();
    let training_institution = r.institution(Key::TrainingInstitution);
    let assessment_institution = r.institution(Key::AssessmentInstitution);
    let category = r.category().unwrap_or_default();
    let occupation = r.occupation();
    let occupation_code = r.text(Key::OccupationCode);
    let class = r.text(Key::Class);
    let started_on = r.date(Key::StartedOn);
    let ended_on = r.date(Key::EndedOn);
    let hours = [Key::Hours, Key::HoursTheory, Key::HoursPractice].map(|key| r.hours(key));
    let assessed_on = r.date(Key::AssessedOn);
    let score_theory = r.score(Key::ScoreTheory);
    let score_practice = r.score(Key::ScorePractice);
    let passed = r.answer(Key::Result, &PASSED);
    let certificate = certificate(r, passed);
    let fee = r.amount(Key::Fee, Code::ZeroFee);
    let completed = r.answer(Key::Completed, &COMPLETED).unwrap_or(true);
    let remark = r.remark();

    let entrepreneurship = Category::Entrepreneurship;
    let without_levels = category == entrepreneurship
        || occupation.as_ref().is_some_and(|(_, category)| *category == entrepreneurship)
        || certificate.kind == Some(CertificateType::SpecialAbility);
    let level = r.level(without_levels);
    check_hours(r, hours);
    check_dates(r, [started_on, ended_on, assessed_on, certificate.issued_on]);
    if r.is_faulty() {
        return None;
    }
    let row = ResultRow {
        prison: prison?,
        number: number?,
        name: name?,
        resident_id,
        training_institution: training_institution?,
        assessment_institution: assessment_institution?,
        category,
        occupation: occupation?.0,
        occupation_code,
        level: level?,
        class: class?,
        started_on: started_on?,
        ended_on: ended_on?,
        hours: hours[0],
        hours_theory: hours[1],
        hours_practice: hours[2],
        assessed_on: assessed_on?,
        score_theory,
        score_practice,
        passed: passed?,
        certificate_type: certificate.kind,
        certificate_number: certificate.number,
        issued_on: certificate.issued_on,
        fee,
        completed,
        remark,
    };
    doubts(r, &row);
    Some(row)
}

/// The three certificate cells.
struct CertificateCells {
    kind: Option<CertificateType>,
    number: Option<String>,
    issued_on: Option<NaiveDate>,
}

/// Reads the certificate; in a row that did not pass, `/ — - 无` stand for empty cells. Under a pass they do so only
/// in the number: no certificate is called `/`, and R2 holds the row.
fn certificate(r: &mut Reader<'_>, passed: Option<bool>) -> CertificateCells {
    let is_void = |r: &Reader<'_>, key| r.raw(key).is_some_and(|raw| is_dash(&raw));
    let failed = passed != Some(true);
    CertificateCells {
        kind: if failed && is_void(r, Key::CertificateType) { None } else { r.certificate_type() },
        number: if is_void(r, Key::CertificateNumber) { None } else { r.identifier(Key::CertificateNumber) },
        issued_on: if failed && is_void(r, Key::IssuedOn) { None } else { r.date(Key::IssuedOn) },
    }
}

fn check_hours(r: &mut Reader<'_>, hours: [Option<u32>; 3]) {
    let [Some(total), Some(theory), Some(practice)] = hours else { return };
    if theory.checked_add(practice) != Some(total) {
        r.fault(Key::Hours, Code::HoursSum, advice::hours_sum(total, theory, practice));
    }
}

/// 开班 <= 结业 <= 鉴定 <= 发证 <= the day of arrival; each against the nearest one before it that could be read.
fn check_dates(r: &mut Reader<'_>, dates: [Option<NaiveDate>; 4]) {
    const CHAIN: [Key; 4] = [Key::StartedOn, Key::EndedOn, Key::AssessedOn, Key::IssuedOn];
    let mut before: Option<(Key, NaiveDate)> = None;
    for (key, on) in CHAIN.into_iter().zip(dates) {
        let Some(on) = on else { continue };
        if let Some((earlier_key, earlier)) = before.filter(|(_, earlier)| on < *earlier) {
            let advice = advice::before(r.header(key), r.header(earlier_key), earlier);
            r.fault(key, Code::DateOrder, advice);
        } else {
            check_arrival(r, key, Some(on));
        }
        before = Some((key, on));
    }
}

/// A date that must not lie after the day of arrival.
pub(super) fn check_arrival(r: &mut Reader<'_>, key: Key, on: Option<NaiveDate>) {
    if on.is_some_and(|on| on > r.arrived_on()) {
        let advice = advice::after_arrival(r.header(key), r.arrived_on());
        r.fault(key, Code::DateOrder, advice);
    }
}

/// What someone should look at though the row is taken.
fn doubts(r: &mut Reader<'_>, row: &ResultRow) {
    doubt_identity(r, row.resident_id.as_deref());
    if !row.passed {
        return;
    }
    for (key, score) in [(Key::ScoreTheory, row.score_theory), (Key::ScorePractice, row.score_practice)] {
        if score.is_some_and(|tenths| tenths < PASS_MARK_TENTHS) {
            let advice = format!("评定结果为合格，但“{}”低于 60 分，请核对", r.header(key));
            r.doubt(key, Code::ScoreDoubt, advice);
        }
    }
    let missing: Vec<Key> = [
        (Key::CertificateType, row.certificate_type.is_none()),
        (Key::CertificateNumber, row.certificate_number.is_none()),
        (Key::IssuedOn, row.issued_on.is_none()),
    ]
    .into_iter()
    .filter_map(|(key, missing)| missing.then_some(key))
    .collect();
    if let Some(first) = missing.first() {
        let names: Vec<&str> = missing.iter().map(|key| r.header(*key)).collect();
        let advice = format!("评定结果为合格，但缺少{}，请补填；补齐前不予核定", names.join("、"));
        let at = if r.has_column(*first) { *first } else { Key::Result };
        r.doubt(at, Code::CertificateDoubt, advice);
    }
    if let (Some(kind), Some(number)) = (row.certificate_type, row.certificate_number.as_deref())
        && let Some(doubt) = certificate_doubt(kind, number, row.level, row.issued_on)
    {
        let what = match doubt {
            PatternDoubt::Pattern => "格式与证书类型不符",
            PatternDoubt::Year => "中的年份与发证日期不符",
            PatternDoubt::Level => "中的等级与本行等级不符",
        };
        r.doubt(Key::CertificateNumber, Code::PatternDoubt, format!("证书编号{what}，请核对"));
    }
}

/// A resident ID that is there but wrong, or that states no birth date.
pub(super) fn doubt_identity(r: &mut Reader<'_>, resident_id: Option<&str>) -> Option<ResidentId> {
    let id = ResidentId::parse(resident_id?);
    match &id {
        None => {
            let advice = "公民身份号码的位数或校验码不对，请核对；改正前不予核定".to_owned();
            r.doubt(Key::ResidentId, Code::IdentityDoubt, advice);
        }
        Some(id) if id.born_on().is_none() => {
            let advice = "公民身份号码中的出生日期不存在，请核对".to_owned();
            r.doubt(Key::ResidentId, Code::BirthDoubt, advice);
        }
        Some(_) => {}
    }
    id
}
