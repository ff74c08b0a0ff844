//! The columns of the forms that come in: data in `config/forms/`, embedded, replaceable by the administrator.
//!
//! A replaced file may rename, reorder, add synonyms and require more; it may not drop what a row cannot do without.

use std::sync::OnceLock;

use serde::Deserialize;
use toml::Spanned;

use super::FileKind;
use super::header::header_text;

macro_rules! keys {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What the program takes a column for, whatever its header says.
        #[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Key { $($(#[$doc])* $variant,)* }

        impl Key {
            /// Every key.
            pub const ALL: &'static [Key] = &[$(Key::$variant,)*];

            /// The key as the files of `config/forms/` write it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Key::$variant => $name,)* }
            }
        }
    };
}

keys! {
    /// 序号: ignored.
    Serial = "serial",
    /// 监狱
    Prison = "prison",
    /// 监区
    Ward = "ward",
    /// 罪犯编号
    Number = "number",
    /// 姓名
    Name = "name",
    /// 性别
    Sex = "sex",
    /// 出生日期
    BornOn = "born_on",
    /// 民族
    Ethnicity = "ethnicity",
    /// 公民身份号码
    ResidentId = "resident_id",
    /// 文化程度
    Education = "education",
    /// 户籍所在地
    Household = "household",
    /// 刑满日期
    ReleaseOn = "release_on",
    /// 实际释放日
    ReleasedOn = "released_on",
    /// 有无一技之长
    Skilled = "skilled",
    /// 能否坚持学习
    Able = "able",
    /// 培训机构
    TrainingInstitution = "training_institution",
    /// 鉴定机构
    AssessmentInstitution = "assessment_institution",
    /// 培训类别
    Category = "category",
    /// 职业(工种)
    Occupation = "occupation",
    /// 职业编码
    OccupationCode = "occupation_code",
    /// 等级
    Level = "level",
    /// 班期
    Class = "class",
    /// 开班日期
    StartedOn = "started_on",
    /// 结业日期
    EndedOn = "ended_on",
    /// 总课时
    Hours = "hours",
    /// 理论课时
    HoursTheory = "hours_theory",
    /// 实操课时
    HoursPractice = "hours_practice",
    /// 鉴定日期
    AssessedOn = "assessed_on",
    /// 理论成绩
    ScoreTheory = "score_theory",
    /// 实操成绩
    ScorePractice = "score_practice",
    /// 评定结果
    Result = "result",
    /// 证书类型
    CertificateType = "certificate_type",
    /// 证书编号
    CertificateNumber = "certificate_number",
    /// 发证日期
    IssuedOn = "issued_on",
    /// 鉴定费
    Fee = "fee",
    /// 是否完成培训
    Completed = "completed",
    /// 备注
    Remark = "remark",
    /// 补贴种类
    Kind = "kind",
    /// 申领日期
    ClaimedOn = "claimed_on",
    /// 金额
    Amount = "amount",
    /// 参加人数
    Total = "total",
    /// 培训项目
    Project = "project",
    /// 计划人数, 具体项目人数
    Heads = "heads",
    /// 计划班数
    Classes = "classes",
    /// 补贴标准
    Rate = "rate",
    /// 预算金额
    Budget = "budget",
}

impl Key {
    /// Number of keys: length of a table by key.
    pub const COUNT: usize = Key::ALL.len();

    /// Reads what [`Key::as_str`] writes.
    pub fn parse(text: &str) -> Option<Key> {
        Key::ALL.iter().copied().find(|key| key.as_str() == text)
    }
}

/// One column of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnSpec {
    /// What it is taken for.
    pub key: Key,
    /// The header as blank sheets print it, e.g. 职业(工种).
    pub header: String,
    /// The column must be there.
    pub required: bool,
    /// With `required`: the column must be there, its cells may be empty.
    pub cells_may_be_empty: bool,
    /// Other headers that mean the same.
    pub synonyms: Vec<String>,
    /// Width in blank sheets, in characters.
    pub width: u16,
    /// The header as it is compared.
    pub(super) compared: String,
    /// The synonyms as they are compared.
    pub(super) compared_synonyms: Vec<String>,
}

/// One form: title and columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormSpec {
    /// Which form.
    pub kind: FileKind,
    /// Title, e.g. 考核结果表.
    pub title: String,
    /// Columns in the order of blank sheets.
    pub columns: Vec<ColumnSpec>,
}

impl FormSpec {
    /// The column of a key, if the form has it.
    pub fn column(&self, key: Key) -> Option<&ColumnSpec> {
        self.columns.iter().find(|column| column.key == key)
    }
}

/// Why a form file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("第 {line} 行：{message}")]
pub struct SpecError {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong, for the administrator.
    pub message: String,
}

/// The forms that come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormSpecs {
    /// 考核结果表
    pub results: FormSpec,
    /// 培训人员信息表 (annex 3)
    pub roster: FormSpec,
    /// The opening history.
    pub history: FormSpec,
    /// The yearly survey.
    pub survey: FormSpec,
    /// 年度监狱培训项目及人员信息表 (annex 1): the notice's own, not replaceable.
    pub annex1: FormSpec,
    /// 年度计划表 (annex 2)
    pub annex2: FormSpec,
}

impl FormSpecs {
    /// The forms that the program brings along.
    pub fn embedded() -> &'static FormSpecs {
        static EMBEDDED: OnceLock<FormSpecs> = OnceLock::new();
        EMBEDDED.get_or_init(|| {
            let form =
                |kind, text| parse_columns(kind, text, None).expect("the embedded form files are read by a unit test");
            FormSpecs {
                results: form(FileKind::Results, include_str!("../../../config/forms/results.toml")),
                roster: form(FileKind::Roster, include_str!("../../../config/forms/roster.toml")),
                history: form(FileKind::History, include_str!("../../../config/forms/history.toml")),
                survey: form(FileKind::Survey, include_str!("../../../config/forms/survey.toml")),
                annex1: form(FileKind::Plan, include_str!("../../../config/forms/annex1.toml")),
                annex2: form(FileKind::Plan, include_str!("../../../config/forms/annex2.toml")),
            }
        })
    }

    /// Reads the administrator's file for one form and holds it against the embedded one.
    pub fn parse(kind: FileKind, text: &str) -> Result<FormSpec, SpecError> {
        let embedded = FormSpecs::embedded().of(kind);
        let form = parse_columns(kind, text, Some(embedded))?;
        for needed in &embedded.columns {
            let column = form.column(needed.key);
            let cells_needed = needed.required && !needed.cells_may_be_empty;
            if cells_needed && column.is_none_or(|column| !column.required || column.cells_may_be_empty) {
                let message = format!(
                    "缺少必填列 key = \"{}\"（{}），或未写 required = true",
                    needed.key.as_str(),
                    needed.header
                );
                return Err(SpecError { line: 1, message });
            }
        }
        Ok(form)
    }

    /// Puts a form in the place of the one of its kind.
    pub fn replace(&mut self, form: FormSpec) {
        match form.kind {
            FileKind::Results => self.results = form,
            FileKind::Roster => self.roster = form,
            FileKind::History => self.history = form,
            FileKind::Survey => self.survey = form,
            FileKind::Plan => self.annex2 = form,
        }
    }

    /// The form of a kind; of a plan annex 2.
    pub fn of(&self, kind: FileKind) -> &FormSpec {
        match kind {
            FileKind::Results => &self.results,
            FileKind::Roster => &self.roster,
            FileKind::History => &self.history,
            FileKind::Survey => &self.survey,
            FileKind::Plan => &self.annex2,
        }
    }

    /// The tables by which a file of a kind is recognised: of a plan annexes 1 and 2 (annex 3 is a roster like any other,
    /// annex 4 is no table).
    pub(super) fn tables_of(&self, kind: FileKind) -> Vec<&FormSpec> {
        match kind {
            FileKind::Plan => vec![&self.annex1, &self.annex2],
            _ => vec![self.of(kind)],
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SpecFile {
    title: String,
    columns: Vec<Spanned<ColumnEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnEntry {
    key: String,
    header: String,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    cells_may_be_empty: bool,
    #[serde(default)]
    synonyms: Vec<String>,
    width: u16,
}

fn parse_columns(kind: FileKind, text: &str, known: Option<&FormSpec>) -> Result<FormSpec, SpecError> {
    let line_of = |at: usize| text.get(..at).map_or(1, |before| before.matches('\n').count() + 1);
    let file: SpecFile = toml::from_str(text).map_err(|error| SpecError {
        line: error.span().map_or(1, |span| line_of(span.start)),
        message: format!("不合 TOML 写法，或写了不该有的键（{}）", error.message().trim()),
    })?;
    let mut columns: Vec<ColumnSpec> = Vec::with_capacity(file.columns.len());
    for entry in file.columns {
        let line = line_of(entry.span().start);
        let column = column(entry.into_inner(), &columns).map_err(|message| SpecError { line, message })?;
        if known.is_some_and(|form| form.column(column.key).is_none()) {
            return Err(SpecError { line, message: format!("此表没有 key = \"{}\" 的列", column.key.as_str()) });
        }
        columns.push(column);
    }
    Ok(FormSpec { kind, title: file.title, columns })
}

fn column(entry: ColumnEntry, before: &[ColumnSpec]) -> Result<ColumnSpec, String> {
    let key = Key::parse(&entry.key).ok_or_else(|| format!("不认识的 key = \"{}\"", entry.key))?;
    let compared = header_text(&entry.header);
    if compared.is_empty() {
        return Err("header 为空".to_owned());
    }
    if before.iter().any(|column| column.key == key) {
        return Err(format!("key = \"{}\" 出现两次", entry.key));
    }
    if before.iter().any(|column| column.compared == compared) {
        return Err(format!("header = \"{}\" 出现两次", entry.header));
    }
    Ok(ColumnSpec {
        key,
        compared,
        compared_synonyms: entry.synonyms.iter().map(|synonym| header_text(synonym)).collect(),
        header: entry.header,
        required: entry.required,
        cells_may_be_empty: entry.cells_may_be_empty,
        synonyms: entry.synonyms,
        width: entry.width,
    })
}
