//! One row of the trainee roster (培训人员信息表, annex 3) and of the yearly survey (摸排).
//!
//! Doubts: `identity-doubt`, `birth-doubt`, `sex-doubt`.

use chrono::NaiveDate;

use super::results::doubt_identity;
use super::row::{Answers, Reader};
use super::spec::Key;
use crate::subsidy::assessment::{RosterRow, SurveyRow};
use crate::subsidy::course::Category;
use crate::subsidy::finding::Code;
use crate::subsidy::fragment::Fragment;
use crate::subsidy::identifiers::Sex;

const SEX: Answers = Answers { yes: "男", no: "女", also: &[("男性", true), ("女性", false)] };
const SKILLED: Answers = Answers { yes: "有", no: "无", also: &[("是", true), ("否", false), ("没有", false)] };
const ABLE: Answers = Answers { yes: "能", no: "否", also: &[("是", true), ("不能", false)] };

/// Reads a roster row; `None` sets it aside.
pub(super) fn read(r: &mut Reader<'_>) -> Option<RosterRow> {
    let prison = r.prison();
    let ward = r.text(Key::Ward);
    let number = r.identifier(Key::Number);
    let name = r.name(Key::Name);
    let sex = r.answer(Key::Sex, &SEX).map(|male| if male { Sex::Male } else { Sex::Female });
    let born_on = r.date(Key::BornOn);
    let ethnicity = r.text(Key::Ethnicity);
    let resident_id = r.resident_id();
    let education = r.text(Key::Education);
    let household = r.text(Key::Household);
    let release_on = r.date(Key::ReleaseOn);
    let skilled = r.answer(Key::Skilled, &SKILLED).unwrap_or(false);
    let able = r.answer(Key::Able, &ABLE).unwrap_or(true);
    let category = r.category().unwrap_or_default();
    let occupation = r.occupation();
    let occupation_code = r.text(Key::OccupationCode);
    let entrepreneurship = Category::Entrepreneurship;
    let by_catalogue = occupation.as_ref().is_some_and(|(_, category)| *category == entrepreneurship);
    let level = r.level(category == entrepreneurship || by_catalogue);
    let class = r.text(Key::Class);
    let institution = r.institution(Key::TrainingInstitution);
    let remark = r.text(Key::Remark);
    doubts(r, resident_id.as_deref(), sex, born_on);
    if r.is_faulty() {
        r.keep(Fragment {
            prison,
            number,
            name,
            resident_id,
            born_on,
            release_on,
            skilled: Some(skilled),
            able: Some(able),
            occupation: occupation.map(|(id, _)| id),
            level,
            training: institution,
            ..Fragment::default()
        });
        return None;
    }
    Some(RosterRow {
        prison: prison?,
        ward,
        number: number?,
        name: name?,
        sex,
        born_on,
        ethnicity,
        resident_id,
        education,
        household,
        release_on: release_on?,
        skilled,
        able,
        category,
        occupation: occupation?.0,
        occupation_code,
        level: level?,
        class: class?,
        institution,
        remark,
    })
}

/// What contradicts the resident ID. Nothing is held for it: R12 asks for the ID of the result.
fn doubts(r: &mut Reader<'_>, resident_id: Option<&str>, sex: Option<Sex>, born_on: Option<NaiveDate>) {
    let Some(id) = doubt_identity(r, resident_id, "") else { return };
    if sex.is_some_and(|sex| sex != id.sex()) {
        r.doubt(Key::Sex, Code::SexDoubt, "性别与公民身份号码不一致，请核对".to_owned());
    }
    if let (Some(stated), Some(by_id)) = (born_on, id.born_on())
        && stated != by_id
    {
        r.doubt(Key::BornOn, Code::BirthDoubt, "出生日期与公民身份号码不一致，请核对".to_owned());
    }
}

/// Reads a survey row; `None` sets it aside.
pub(super) fn read_survey(r: &mut Reader<'_>) -> Option<SurveyRow> {
    let prison = r.prison();
    let number = r.identifier(Key::Number);
    let name = r.name(Key::Name);
    let resident_id = r.resident_id();
    let release_on = r.date(Key::ReleaseOn);
    let left_on = r.date(Key::ReleasedOn);
    let skilled = r.answer(Key::Skilled, &SKILLED).unwrap_or(false);
    let able = r.answer(Key::Able, &ABLE).unwrap_or(true);
    doubt_identity(r, resident_id.as_deref(), "");
    if r.is_faulty() {
        return None;
    }
    Some(SurveyRow {
        prison: prison?,
        number: number?,
        name: name?,
        resident_id,
        release_on: release_on?,
        released_on: left_on,
        skilled,
        able,
    })
}
