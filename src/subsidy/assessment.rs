//! What was received: result rows, roster rows, opening history, yearly survey.
//!
//! Rows hold values after repairs: names resolved to full names, occupations to their ids. They carry
//! personal data; their `Debug` output never does.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization, is_nfkc};

use super::course::{Category, CertificateType, Kind, Level};
use super::identifiers::{Sex, normalise};
use super::money::Fen;

/// A name of the catalogue or the settings: full name of a prison or institution, id of an occupation.
/// Shared, because a season repeats few of them many times.
pub type Name = Arc<str>;

/// One row of a result sheet (考核结果表).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultRow {
    /// 监狱, full name.
    pub prison: Name,
    /// 罪犯编号.
    pub number: String,
    /// 姓名.
    pub name: String,
    /// 公民身份号码 as received, upper case; perhaps invalid, perhaps missing.
    pub resident_id: Option<String>,
    /// 培训机构, full name.
    pub training_institution: Name,
    /// 鉴定机构, full name.
    pub assessment_institution: Name,
    /// 培训类别.
    pub category: Category,
    /// 职业(工种): occupation id (工种标识).
    pub occupation: Name,
    /// 职业编码 as received.
    pub occupation_code: Option<String>,
    /// 等级.
    pub level: Level,
    /// 班期.
    pub class: String,
    /// 开班日期.
    pub started_on: NaiveDate,
    /// 结业日期.
    pub ended_on: NaiveDate,
    /// 总课时.
    pub hours: Option<u32>,
    /// 理论课时.
    pub hours_theory: Option<u32>,
    /// 实操课时.
    pub hours_practice: Option<u32>,
    /// 鉴定日期.
    pub assessed_on: NaiveDate,
    /// 理论成绩 in tenths of a point.
    pub score_theory: Option<u16>,
    /// 实操成绩 in tenths of a point.
    pub score_practice: Option<u16>,
    /// 评定结果: 合格.
    pub passed: bool,
    /// 证书类型.
    pub certificate_type: Option<CertificateType>,
    /// 证书编号.
    pub certificate_number: Option<String>,
    /// 发证日期.
    pub issued_on: Option<NaiveDate>,
    /// 鉴定费.
    pub fee: Option<Fen>,
    /// 是否完成培训.
    pub completed: bool,
    /// 备注 as typed.
    pub remark: Option<String>,
}

/// By what an assessment is recognised, whatever its resident ID (RULES section 2).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssessmentKey {
    /// 监狱.
    pub prison: Name,
    /// 罪犯编号.
    pub number: String,
    /// 工种标识.
    pub occupation: Name,
    /// 等级.
    pub level: Level,
    /// 班期.
    pub class: String,
    /// 鉴定日期.
    pub assessed_on: NaiveDate,
}

impl ResultRow {
    /// The key by which this assessment is recognised.
    pub fn key(&self) -> AssessmentKey {
        AssessmentKey {
            prison: self.prison.clone(),
            number: self.number.clone(),
            occupation: self.occupation.clone(),
            level: self.level,
            class: self.class.clone(),
            assessed_on: self.assessed_on,
        }
    }

    /// The row as versions are compared: in half-width or full-width, a remark is the same remark.
    pub fn compared(&self) -> Cow<'_, ResultRow> {
        match self.remark.as_deref() {
            Some(remark) if !is_nfkc(remark) => {
                Cow::Owned(ResultRow { remark: Some(remark.nfkc().collect()), ..self.clone() })
            }
            _ => Cow::Borrowed(self),
        }
    }

    /// The columns in which another version of the same assessment differs, by their headers.
    pub fn differing(&self, other: &ResultRow) -> Vec<&'static str> {
        let columns = [
            ("姓名", self.name == other.name),
            ("公民身份号码", self.resident_id == other.resident_id),
            ("培训机构", self.training_institution == other.training_institution),
            ("鉴定机构", self.assessment_institution == other.assessment_institution),
            ("培训类别", self.category == other.category),
            ("职业编码", self.occupation_code == other.occupation_code),
            ("开班日期", self.started_on == other.started_on),
            ("结业日期", self.ended_on == other.ended_on),
            ("总课时", self.hours == other.hours),
            ("理论课时", self.hours_theory == other.hours_theory),
            ("实操课时", self.hours_practice == other.hours_practice),
            ("理论成绩", self.score_theory == other.score_theory),
            ("实操成绩", self.score_practice == other.score_practice),
            ("评定结果", self.passed == other.passed),
            ("证书类型", self.certificate_type == other.certificate_type),
            ("证书编号", self.certificate_number == other.certificate_number),
            ("发证日期", self.issued_on == other.issued_on),
            ("鉴定费(元)", self.fee == other.fee),
            ("是否完成培训", self.completed == other.completed),
            ("备注", self.remark == other.remark),
        ];
        columns.into_iter().filter_map(|(column, same)| (!same).then_some(column)).collect()
    }

    /// The certificate as RULES compares it, where a number is there.
    pub fn certificate(&self) -> Option<Certificate> {
        Certificate::new(self.certificate_type, self.certificate_number.as_deref())
    }

    /// The institution that is paid for this kind: 培训机构 or 鉴定机构.
    pub fn institution(&self, kind: Kind) -> &Name {
        match kind {
            Kind::Training => &self.training_institution,
            Kind::Assessment => &self.assessment_institution,
        }
    }
}

impl AssessmentKey {
    /// One line of text that is the same for the same key, for keyed hashing.
    pub fn canonical(&self) -> String {
        format!(
            "{}|{}|{}|{}|{}|{}",
            self.prison, self.number, self.occupation, self.level, self.class, self.assessed_on
        )
    }
}

/// A certificate as it is compared: its type (if stated) and its normalised number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Certificate {
    /// 证书类型.
    pub kind: Option<CertificateType>,
    /// Normalised 证书编号, never empty.
    pub number: String,
}

impl Certificate {
    /// `None` where no number is there.
    pub fn new(kind: Option<CertificateType>, number: Option<&str>) -> Option<Certificate> {
        let number = normalise(number?);
        (!number.is_empty()).then_some(Certificate { kind, number })
    }
}

/// One row of a trainee roster (培训人员信息表, annex 3).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RosterRow {
    /// 监狱, full name.
    pub prison: Name,
    /// 监区.
    pub ward: Option<String>,
    /// 罪犯编号.
    pub number: String,
    /// 姓名.
    pub name: String,
    /// 性别.
    pub sex: Option<Sex>,
    /// 出生日期.
    pub born_on: Option<NaiveDate>,
    /// 民族.
    pub ethnicity: Option<String>,
    /// 公民身份号码 as received, upper case.
    pub resident_id: Option<String>,
    /// 文化程度.
    pub education: Option<String>,
    /// 户籍所在地.
    pub household: Option<String>,
    /// 刑满日期.
    pub release_on: NaiveDate,
    /// 有无一技之长 = 有.
    pub skilled: bool,
    /// 能否坚持学习 = 能.
    pub able: bool,
    /// 培训类别.
    pub category: Category,
    /// 拟培训职业(工种): occupation id.
    pub occupation: Name,
    /// 职业编码 as received.
    pub occupation_code: Option<String>,
    /// 等级.
    pub level: Level,
    /// 班期.
    pub class: String,
    /// 培训机构, full name, where stated.
    pub institution: Option<Name>,
    /// 备注.
    pub remark: Option<String>,
}

/// The approval of a roster (核准).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The day of the approval.
    pub on: NaiveDate,
    /// The year whose courses the roster covers.
    pub plan_year: i32,
}

impl Approval {
    /// The plan year where none is stated: the year after an approval in November or December,
    /// else the same year (RULES R4).
    pub fn usual_plan_year(on: NaiveDate) -> i32 {
        use chrono::Datelike;
        if on.month() >= 11 { on.year() + 1 } else { on.year() }
    }
}

/// A roster row with what the register knows of it.
#[derive(Clone)]
pub struct RosterEntry {
    /// Identity of the row in the store.
    pub id: i64,
    /// Identity of its roster, by which people find the file.
    pub roster_id: i64,
    /// Content.
    pub row: RosterRow,
    /// The approval of its roster; an unapproved roster covers nobody.
    pub approval: Option<Approval>,
    /// When its bytes were first received.
    pub received_at: DateTime<Utc>,
    /// Keyed hash of the content: equal for equal rows, so that a corrected row is told from a repeated one.
    pub fingerprint: u128,
}

/// One row of the opening history (history.csv): a subsidy granted before this program ran.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HistoryRow {
    /// 监狱, full name.
    pub prison: Option<Name>,
    /// 罪犯编号.
    pub number: Option<String>,
    /// 公民身份号码.
    pub resident_id: Option<String>,
    /// 补贴种类.
    pub kind: Kind,
    /// 职业(工种): occupation id.
    pub occupation: Name,
    /// 等级.
    pub level: Level,
    /// 证书类型.
    pub certificate_type: Option<CertificateType>,
    /// 证书编号.
    pub certificate_number: Option<String>,
    /// 发证日期.
    pub issued_on: Option<NaiveDate>,
    /// 申领日期.
    pub claimed_on: NaiveDate,
    /// 金额.
    pub amount: Fen,
}

/// One row of the yearly survey (摸排).
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SurveyRow {
    /// 监狱, full name.
    pub prison: Name,
    /// 罪犯编号.
    pub number: String,
    /// 姓名.
    pub name: String,
    /// 公民身份号码.
    pub resident_id: Option<String>,
    /// 刑满日期.
    pub release_on: NaiveDate,
    /// 实际释放日.
    pub released_on: Option<NaiveDate>,
    /// 有无一技之长 = 有.
    pub skilled: bool,
    /// 能否坚持学习 = 能.
    pub able: bool,
}

macro_rules! debug_without_personal_data {
    ($($row:ident),*) => {$(
        impl fmt::Debug for $row {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($row)).finish_non_exhaustive()
            }
        }
    )*};
}
debug_without_personal_data!(ResultRow, AssessmentKey, Certificate, RosterRow, RosterEntry, HistoryRow, SurveyRow);
