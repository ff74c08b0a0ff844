//! A row as far as it could be read: of one that comes back, and as cross-checks see every row.
//!
//! What is absent was empty, or could not be read, or is contradicted within the row itself: nothing is held against it, so that
//! one fault never makes a second finding that is untrue.

use chrono::NaiveDate;

use super::assessment::{Name, RosterRow};
use super::course::{Category, CertificateType, Level};
use super::money::Fen;
use super::plan::{ClassForm, Project, Summary};

/// The facts of a row; most forms have some of them only. Personal data.
#[derive(Clone, Default)]
pub struct Fragment {
    /// 监狱, full name.
    pub prison: Option<Name>,
    /// 罪犯编号.
    pub number: Option<String>,
    /// 姓名.
    pub name: Option<String>,
    /// 公民身份号码, perhaps wrong.
    pub resident_id: Option<String>,
    /// 出生日期.
    pub born_on: Option<NaiveDate>,
    /// 刑满日期.
    pub release_on: Option<NaiveDate>,
    /// 有无一技之长.
    pub skilled: Option<bool>,
    /// 能否坚持学习.
    pub able: Option<bool>,
    /// 培训类别.
    pub category: Option<Category>,
    /// 职业(工种): occupation id.
    pub occupation: Option<Name>,
    /// 等级.
    pub level: Option<Level>,
    /// 证书类型.
    pub certificate_type: Option<CertificateType>,
    /// 证书编号.
    pub certificate_number: Option<String>,
    /// 培训机构, full name.
    pub training: Option<Name>,
    /// 鉴定机构, full name.
    pub assessment: Option<Name>,
    /// 参加人数 of a prison.
    pub total: Option<u32>,
    /// Heads of a project or a class.
    pub heads: Option<u32>,
    /// 计划班数.
    pub classes: Option<u32>,
    /// 理论课时 and 实操课时.
    pub hours: Option<(u32, u32)>,
    /// The first day of a project or a class.
    pub starts_on: Option<NaiveDate>,
    /// The last day of a project or a class.
    pub ends_on: Option<NaiveDate>,
    /// 补贴标准, per head.
    pub rate: Option<Fen>,
    /// 预算金额.
    pub budget: Option<Fen>,
}

impl From<&RosterRow> for Fragment {
    fn from(row: &RosterRow) -> Fragment {
        Fragment {
            prison: Some(row.prison.clone()),
            number: Some(row.number.clone()),
            name: Some(row.name.clone()),
            resident_id: row.resident_id.clone(),
            born_on: row.born_on,
            release_on: Some(row.release_on),
            skilled: Some(row.skilled),
            able: Some(row.able),
            category: Some(row.category),
            occupation: Some(row.occupation.clone()),
            level: Some(row.level),
            training: row.institution.clone(),
            ..Fragment::default()
        }
    }
}

impl From<&Summary> for Fragment {
    fn from(row: &Summary) -> Fragment {
        Fragment {
            prison: Some(row.prison.clone()),
            occupation: Some(row.occupation.clone()),
            level: row.level,
            total: row.total,
            heads: Some(row.heads),
            ..Fragment::default()
        }
    }
}

impl From<&Project> for Fragment {
    fn from(row: &Project) -> Fragment {
        Fragment {
            prison: Some(row.prison.clone()),
            category: Some(row.category),
            occupation: Some(row.occupation.clone()),
            level: Some(row.level),
            certificate_type: row.certificate_type,
            training: Some(row.training_institution.clone()),
            assessment: row.assessment_institution.clone(),
            heads: Some(row.heads),
            classes: row.classes,
            hours: row.hours_theory.zip(row.hours_practice),
            starts_on: Some(row.starts_on),
            ends_on: row.ends_on,
            rate: row.rate,
            budget: row.budget,
            ..Fragment::default()
        }
    }
}

impl From<&ClassForm> for Fragment {
    fn from(row: &ClassForm) -> Fragment {
        Fragment {
            category: row.category,
            occupation: Some(row.occupation.clone()),
            level: row.level,
            training: Some(row.institution.clone()),
            heads: Some(row.heads),
            starts_on: Some(row.starts_on),
            ends_on: Some(row.ends_on),
            ..Fragment::default()
        }
    }
}
