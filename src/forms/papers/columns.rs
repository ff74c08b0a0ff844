//! The columns of annexes 8 and 10 as data (config/forms): header, width and what stands in them.
//!
//! Both annexes are stand-ins: an administrator who receives the official form changes the file, not the program.

use serde::Deserialize;

use super::PaperError;
use super::table::{Align, Column};
use crate::subsidy::course::Kind;

const ANNEX8: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/config/forms/annex8.toml"));
const ANNEX10: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/config/forms/annex10.toml"));

/// Most columns of a detail: more fit on no page.
const MAX_COLUMNS: usize = 40;
/// Widest column, in characters.
const MAX_WIDTH: u16 = 100;

/// What a column of a detail can show.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Key {
    /// 序号 in the group, from 1.
    Serial,
    /// 批内行号: what a reversal or an answer cites.
    Line,
    /// 姓名.
    Name,
    /// 性别.
    Sex,
    /// 公民身份号码.
    ResidentId,
    /// 罪犯编号.
    Number,
    /// 监狱.
    Prison,
    /// 机构.
    Institution,
    /// 职业（工种）.
    Occupation,
    /// 职业编码.
    OccupationCode,
    /// 等级.
    Level,
    /// 班期.
    Class,
    /// 培训起止时间.
    CourseDates,
    /// 课时.
    Hours,
    /// 考核成绩: 理论 / 实操.
    Scores,
    /// 理论成绩.
    ScoreTheory,
    /// 实操成绩.
    ScorePractice,
    /// 评定结果.
    Result,
    /// 鉴定日期.
    AssessedOn,
    /// 准考证号: not collected, left empty for the hand.
    AdmissionTicket,
    /// 证书类型.
    CertificateType,
    /// 证书编号.
    CertificateNumber,
    /// 发证日期.
    IssuedOn,
    /// 补贴标准 per head.
    Standard,
    /// 补贴金额.
    Amount,
    /// 本年第几次.
    Nth,
    /// 备注.
    Remark,
    /// Always empty.
    Blank,
}

impl Key {
    fn align(self) -> Align {
        match self {
            Key::Standard | Key::Amount => Align::Right,
            Key::Remark | Key::Institution => Align::Left,
            _ => Align::Centre,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    label: String,
    title: String,
    stand_in: bool,
    #[serde(rename = "column")]
    columns: Vec<FileColumn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileColumn {
    header: String,
    key: Key,
    width: u16,
}

/// One detail form.
#[derive(Clone, Debug)]
pub(super) struct DetailSpec {
    pub label: String,
    pub title: String,
    pub stand_in: bool,
    pub keys: Vec<Key>,
    pub columns: Vec<Column>,
    /// Where [`Key::Amount`] stands.
    pub amount_at: usize,
}

/// The columns of annexes 8 and 10.
#[derive(Clone, Debug)]
pub struct DetailSpecs {
    pub(super) annex8: DetailSpec,
    pub(super) annex10: DetailSpec,
}

impl DetailSpecs {
    /// The columns as this program brings them.
    pub fn embedded() -> DetailSpecs {
        DetailSpecs::parse(ANNEX8, ANNEX10).expect("the embedded column files are tested")
    }

    /// Reads `annex8.toml` and `annex10.toml`.
    pub fn parse(annex8: &str, annex10: &str) -> Result<DetailSpecs, PaperError> {
        Ok(DetailSpecs { annex8: read("annex8.toml", annex8)?, annex10: read("annex10.toml", annex10)? })
    }

    /// The files that can be replaced, as this program brings them.
    pub const FILES: [(&'static str, &'static str); 2] = [("annex8.toml", ANNEX8), ("annex10.toml", ANNEX10)];

    /// Titles of the forms whose columns are stand-ins, for `check`.
    pub fn stand_ins(&self) -> Vec<&str> {
        [&self.annex8, &self.annex10].into_iter().filter(|spec| spec.stand_in).map(|spec| spec.title.as_str()).collect()
    }

    pub(super) fn of(&self, kind: Kind) -> &DetailSpec {
        match kind {
            Kind::Training => &self.annex8,
            Kind::Assessment => &self.annex10,
        }
    }
}

fn read(file: &'static str, text: &str) -> Result<DetailSpec, PaperError> {
    let wrong = |message: String| PaperError::Columns { file, line: None, message };
    let parsed: File = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let message = format!("不合 TOML 写法，或写了不该有的键（{}）", error.message().trim());
        PaperError::Columns { file, line: before.map(|before| before.matches('\n').count() + 1), message }
    })?;
    if parsed.columns.len() > MAX_COLUMNS {
        return Err(wrong(format!("超过{MAX_COLUMNS}列")));
    }
    if let Some(column) = parsed.columns.iter().find(|column| !(1..=MAX_WIDTH).contains(&column.width)) {
        return Err(wrong(format!("“{}”的 width 应为 1 至 {MAX_WIDTH}", column.header)));
    }
    let keys: Vec<Key> = parsed.columns.iter().map(|column| column.key).collect();
    let amounts: Vec<usize> = (0..keys.len()).filter(|at| keys[*at] == Key::Amount).collect();
    let [amount_at] = amounts[..] else {
        return Err(wrong("应有且只有一列 key = \"amount\"（补贴金额），合计行要用".to_owned()));
    };
    if amount_at == 0 {
        return Err(wrong("补贴金额不能是第一列，其左侧是“合计”字样".to_owned()));
    }
    let columns = parsed
        .columns
        .into_iter()
        .map(|column| Column { header: column.header, width: column.width, align: column.key.align() })
        .collect();
    Ok(DetailSpec { label: parsed.label, title: parsed.title, stand_in: parsed.stand_in, keys, columns, amount_at })
}
