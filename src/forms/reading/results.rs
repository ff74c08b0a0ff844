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
use crate::subsidy::course::{Category, CertificateType, Level};
use crate::subsidy::finding::Code;
use crate::subsidy::fragment::Fragment;
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

    let by_catalogue = occupation.as_ref().map(|(_, category)| *category);
    let without_levels = [Some(category), by_catalogue].contains(&Some(Category::Entrepreneurship))
        || certificate.kind == Some(CertificateType::SpecialAbility);
    let level = r.level(without_levels);
    let occupation = occupation.map(|(id, _)| id);
    check_hours(r, hours);
    check_dates(r, [started_on, ended_on, assessed_on, certificate.issued_on]);
    doubt_resident_id(r, resident_id.as_deref(), passed != Some(false) && completed);
    if passed == Some(true) {
        doubt_scores(r, [(Key::ScoreTheory, score_theory), (Key::ScorePractice, score_practice)]);
        doubt_certificate(r, &certificate, level);
    }
    if r.is_faulty() {
        r.keep(Fragment { prison, number, name, resident_id, occupation, level, ..certificate.fragment() });
        return None;
    }
    Some(ResultRow {
        prison: prison?,
        number: number?,
        name: name?,
        resident_id,
        training_institution: training_institution?,
        assessment_institution: assessment_institution?,
        category,
        occupation: occupation?,
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
    })
}

/// The three certificate cells.
struct CertificateCells {
    kind: Option<CertificateType>,
    number: Option<String>,
    issued_on: Option<NaiveDate>,
}

impl CertificateCells {
    /// What is held against other rows where this one comes back.
    fn fragment(self) -> Fragment {
        Fragment { certificate_type: self.kind, certificate_number: self.number, ..Fragment::default() }
    }
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

/// 总课时 = 理论课时 + 实操课时, where all three are given.
pub(super) fn check_hours(r: &mut Reader<'_>, hours: [Option<u32>; 3]) {
    let [Some(total), Some(theory), Some(practice)] = hours else { return };
    let sum = theory.checked_add(practice);
    if sum != Some(total) {
        let sum = sum.map(|sum| format!("，合计 {sum}")).unwrap_or_default();
        let others = format!("理论课时 {theory}，实操课时 {practice}{sum}");
        r.fault_beside(Key::Hours, Code::HoursSum, &others, advice::hours_sum());
    }
}

/// 开班 <= 结业 <= 鉴定 <= 发证 <= the day of arrival; each against the nearest one before it that could be read.
fn check_dates(r: &mut Reader<'_>, dates: [Option<NaiveDate>; 4]) {
    const CHAIN: [Key; 4] = [Key::StartedOn, Key::EndedOn, Key::AssessedOn, Key::IssuedOn];
    let mut before: Option<(Key, NaiveDate)> = None;
    for (key, on) in CHAIN.into_iter().zip(dates) {
        let Some(on) = on else { continue };
        if before.is_none_or(|earlier| check_order(r, earlier, (key, on))) {
            check_arrival(r, key, Some(on));
        }
        before = Some((key, on));
    }
}

/// Whether the second date does not lie before the first one; else that is a finding.
pub(super) fn check_order(r: &mut Reader<'_>, first: (Key, NaiveDate), second: (Key, NaiveDate)) -> bool {
    let ((first, from), (second, to)) = (first, second);
    if to < from {
        let (header, others) = (r.header(first), format!("{} {from}", r.header(first)));
        r.fault_beside(second, Code::DateOrder, &others, advice::before(r.header(second), header));
    }
    to >= from
}

/// A date that must not lie after the day of arrival.
pub(super) fn check_arrival(r: &mut Reader<'_>, key: Key, on: Option<NaiveDate>) {
    if on.is_some_and(|on| on > r.arrived_on()) {
        let advice = advice::after_arrival(r.header(key), r.arrived_on());
        r.fault(key, Code::DateOrder, advice);
    }
}

/// 合格 with a score below the mark.
fn doubt_scores(r: &mut Reader<'_>, scores: [(Key, Option<u16>); 2]) {
    for (key, score) in scores {
        if score.is_some_and(|tenths| tenths < PASS_MARK_TENTHS) {
            let advice = format!("评定结果为合格，但“{}”低于 60 分，请核对", r.header(key));
            r.doubt(key, Code::ScoreDoubt, advice);
        }
    }
}

/// The certificate of a pass: R2 holds the row until it is whole; its number may contradict the rest of the row (W3).
fn doubt_certificate(r: &mut Reader<'_>, certificate: &CertificateCells, level: Option<Level>) {
    let missing: Vec<Key> = [
        (Key::CertificateType, certificate.kind.is_none()),
        (Key::CertificateNumber, certificate.number.is_none()),
        (Key::IssuedOn, certificate.issued_on.is_none()),
    ]
    .into_iter()
    .filter_map(|(key, missing)| (missing && !r.is_faulty_at(key)).then_some(key))
    .collect();
    if let Some(first) = missing.first() {
        let names: Vec<&str> = missing.iter().map(|key| r.header(*key)).collect();
        let advice = format!("评定结果为合格，但缺少{}，请补填；补齐前暂不核定", names.join("、"));
        let at = if r.has_column(*first) { *first } else { Key::Result };
        r.doubt(at, Code::CertificateDoubt, advice);
    }
    let (Some(kind), Some(number)) = (certificate.kind, certificate.number.as_deref()) else { return };
    let issued_on = certificate.issued_on.filter(|_| !r.is_faulty_at(Key::IssuedOn));
    if let Some(doubt) = certificate_doubt(kind, number, level, issued_on) {
        let what = match doubt {
            PatternDoubt::Pattern => "格式与证书类型不符",
            PatternDoubt::Year => "中的年份与发证日期不符",
            PatternDoubt::Level => "中的等级与本行等级不符",
        };
        r.doubt(Key::CertificateNumber, Code::PatternDoubt, format!("证书编号{what}，请核对"));
    }
}

/// The resident ID of a result: where the result can be granted at all, R12 holds it until there is a valid one.
fn doubt_resident_id(r: &mut Reader<'_>, resident_id: Option<&str>, may_be_granted: bool) {
    let is_held = may_be_granted && r.needs_identity();
    let key = Key::ResidentId;
    if is_held && r.has_column(key) && r.raw(key).is_none() {
        let advice = format!("“{}”未填写，请补填；补齐前暂不核定", r.header(key));
        r.doubt(key, Code::IdentityDoubt, advice);
    }
    doubt_identity(r, resident_id, if is_held { "；改正前暂不核定" } else { "" });
}

/// A resident ID that is there but wrong (and what comes of that), or that states no birth date.
pub(super) fn doubt_identity(r: &mut Reader<'_>, resident_id: Option<&str>, so: &str) -> Option<ResidentId> {
    let id = ResidentId::parse(resident_id?);
    match &id {
        None => {
            let advice = format!("“{}”的位数或校验码不对，请核对{so}", r.header(Key::ResidentId));
            r.doubt(Key::ResidentId, Code::IdentityDoubt, advice);
        }
        Some(id) if id.born_on().is_none() => {
            let advice = format!("“{}”中的出生日期不存在，请核对", r.header(Key::ResidentId));
            r.doubt(Key::ResidentId, Code::BirthDoubt, advice);
        }
        Some(_) => {}
    }
    id
}
