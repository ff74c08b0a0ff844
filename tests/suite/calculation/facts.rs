//! The facts of a case: results, roster, history, what is settled, and what is expected.

use std::sync::Arc;

use chrono::{Datelike, Days, NaiveDate, TimeZone, Utc};
use shenling::subsidy::assessment::{Approval, HistoryRow, ResultRow, RosterEntry, RosterRow};
use shenling::subsidy::catalogue::Catalogue;
use shenling::subsidy::course::{Category, CertificateType, Kind, Level};
use shenling::subsidy::judge::{Docket, Grant, Subject};
use shenling::subsidy::money::Fen;
use shenling::subsidy::verdict::{Effect, Outcome, Rule};
use shenling::subsidy::waiver::Waiver;

use super::Said;
use super::catalogue::{NONE, SCHOOL, catalogue, certificate_type, date, date_or, fen, level, optional};
use super::tables::{Case, Row};

/// Invented persons: short name, prisoner number, name, resident ID. All are in 常州监狱.
const PERSONS: [(&str, &str, &str, &str); 5] = [
    ("甲", "C001", "赵甲", "999999199001010016"),
    ("乙", "C002", "钱乙", "999999199102020037"),
    ("丙", "C003", "孙丙", "999999199203030058"),
    ("丁", "C004", "李丁", "999999199304040079"),
    ("戊", "C005", "周戊", "99999919940505009X"),
];

/// A case, ready to be judged.
pub struct Facts {
    pub docket: Docket,
    pub catalogue: Catalogue,
    pub claim_on: NaiveDate,
    pub expected: Vec<Expected>,
}

/// What was worked by hand for one row and kind.
pub struct Expected {
    pub row: String,
    pub subject: usize,
    pub kind: Kind,
    /// `None`: no verdict.
    pub said: Option<Said>,
}

impl Facts {
    pub fn of(case: &Case) -> Result<Facts, String> {
        let results = case.table("考核结果").unwrap_or_default();
        let labels: Vec<&str> = results.iter().map(|row| row.need("行")).collect::<Result<_, _>>()?;
        if labels.iter().enumerate().any(|(i, label)| labels[..i].contains(label)) {
            return Err("two rows with one label".to_owned());
        }
        let mut subjects = Vec::new();
        for (i, row) in results.iter().enumerate() {
            let open = kinds(row.get("申领").unwrap_or("两种"))?;
            subjects.push(Subject { id: serial(i) + 1, row: Arc::new(result(row, i)?), open });
        }
        let at = |row: &Row| find(&labels, row.need("行")?);
        let mut grants = Vec::new();
        for row in case.table("已核定").unwrap_or_default() {
            let subject: &mut Subject = &mut subjects[at(row)?];
            let claimed_on = date(row.need("申领日期")?)?;
            for kind in chosen(row)? {
                subject.open[kind.index()] = false;
                grants.push(Grant { subject: subject.id, kind, claimed_on });
            }
        }
        let roster = match case.table("信息表") {
            Some(rows) => rows
                .iter()
                .enumerate()
                .map(|(i, row)| roster_entry(row, i, &subjects[row.get("行").map_or(Ok(0), |l| find(&labels, l))?].row))
                .collect::<Result<_, _>>()?,
            None => usual_roster(&subjects)?,
        };
        let opening = case.table("历史").unwrap_or_default().iter().map(history).collect::<Result<_, _>>()?;
        let mut waivers = Vec::new();
        for row in case.table("豁免").unwrap_or_default() {
            waivers.push(waiver(row, subjects[at(row)?].id)?);
        }
        let mut expected = Vec::new();
        for row in case.table("应得").unwrap_or_default() {
            for kind in chosen(row)? {
                expected.push(Expected { row: row.need("行")?.to_owned(), subject: at(row)?, kind, said: said(row)? });
            }
        }
        Ok(Facts {
            docket: Docket { subjects, roster, opening, grants, waivers },
            catalogue: catalogue(case)?,
            claim_on: date(case.claim_on.as_deref().unwrap_or("2026-10-15"))?,
            expected,
        })
    }
}

fn serial(i: usize) -> i64 {
    i64::try_from(i).expect("a short table")
}

fn find(labels: &[&str], label: &str) -> Result<usize, String> {
    labels.iter().position(|known| *known == label).ok_or_else(|| format!("there is no row {label}"))
}

/// `两种`, `培训`, `鉴定`, `无`, as a pair.
fn kinds(text: &str) -> Result<[bool; 2], String> {
    match text {
        "两种" => Ok([true, true]),
        "培训" => Ok([true, false]),
        "鉴定" => Ok([false, true]),
        "无" => Ok([false, false]),
        _ => Err(format!("{text} is no 种类")),
    }
}

fn chosen(row: &Row) -> Result<Vec<Kind>, String> {
    let pair = kinds(row.need("种类")?)?;
    Ok(Kind::ALL.into_iter().filter(|kind| pair[kind.index()]).collect())
}

/// Yes or no by the two words of the column.
fn either(row: &Row, header: &str, default: bool, [yes, no]: [&str; 2]) -> Result<bool, String> {
    match row.get(header) {
        None => Ok(default),
        Some(text) if text == yes => Ok(true),
        Some(text) if text == no => Ok(false),
        Some(text) => Err(format!("{header}: {text}")),
    }
}

/// The cell as it is; `—` is none, an empty cell the default.
fn text(row: &Row, header: &str, default: Option<String>) -> Option<String> {
    row.get(header).map_or(default, |text| (text != NONE).then(|| text.to_owned()))
}

fn days_after(day: NaiveDate, days: u64) -> NaiveDate {
    day + Days::new(days)
}

/// The person that a row names in the column 人.
fn person(row: &Row) -> Result<(&'static str, &'static str, &'static str), String> {
    let short = row.get("人").unwrap_or("甲");
    let found = PERSONS.iter().find(|person| person.0 == short).ok_or_else(|| format!("nobody is {short}"))?;
    Ok((found.1, found.2, found.3))
}

/// The certificate number of row `i` where none is stated: in the pattern of its type, another for each row.
fn usual_certificate(kind: Option<CertificateType>, level: Level, issued_on: Option<NaiveDate>, i: usize) -> String {
    let year = issued_on.map_or(2026, |on| on.year());
    let (short, digit, serial) = (year % 100, level.digit().unwrap_or(5), i + 1);
    match kind {
        Some(CertificateType::SkillLevel) | None => format!("S000032000001{short:02}{digit}{serial:06}"),
        Some(CertificateType::Qualification) => format!("{short:02}32040001{digit}{serial:05}"),
        Some(_) => format!("ZS{year}{serial:04}"),
    }
}

fn result(row: &Row, i: usize) -> Result<ResultRow, String> {
    let (number, name, id) = person(row)?;
    let usual_type = CertificateType::SkillLevel;
    let kind = optional(row, "证书类型", Some(usual_type), certificate_type)?;
    let level = level(row.get("等级").unwrap_or("五级"))?;
    let started_on = date_or(row, "开班日期", date("2026-03-02")?)?;
    let assessed_on = date_or(row, "鉴定日期", days_after(started_on, 45))?;
    let issued_on = optional(row, "发证日期", Some(days_after(assessed_on, 5)), date)?;
    let hours = |header| optional(row, header, None, |text| text.parse().map_err(|_| format!("{text} is no number")));
    let category = row.get("培训类别").map_or(Ok(Category::Employment), |text| {
        [Category::Employment, Category::Entrepreneurship].into_iter().find(|c| c.name() == text).ok_or("培训类别")
    })?;
    Ok(ResultRow {
        prison: row.get("监狱").unwrap_or("常州监狱").into(),
        number: row.get("罪犯编号").unwrap_or(number).to_owned(),
        name: row.get("姓名").unwrap_or(name).to_owned(),
        resident_id: text(row, "公民身份号码", Some(id.to_owned())),
        training_institution: row.get("培训机构").unwrap_or(SCHOOL).into(),
        assessment_institution: row.get("鉴定机构").unwrap_or(SCHOOL).into(),
        category,
        occupation: row.get("职业").unwrap_or("中式面点师").into(),
        occupation_code: None,
        level,
        class: row.get("班期").unwrap_or("第1期").to_owned(),
        started_on,
        ended_on: started_on,
        hours: hours("总课时")?,
        hours_theory: hours("理论课时")?,
        hours_practice: hours("实操课时")?,
        assessed_on,
        score_theory: None,
        score_practice: None,
        passed: either(row, "评定结果", true, ["合格", "不合格"])?,
        certificate_type: kind,
        certificate_number: text(row, "证书编号", Some(usual_certificate(kind, level, issued_on, i))),
        issued_on,
        fee: optional(row, "鉴定费", None, fen)?,
        completed: either(row, "是否完成培训", true, ["是", "否"])?,
        remark: None,
    })
}

/// Without a roster in the case every result stands on one: approved on 10 December before the course, released a year
/// after its start.
fn usual_roster(subjects: &[Subject]) -> Result<Vec<RosterEntry>, String> {
    subjects.iter().enumerate().map(|(i, subject)| roster_entry(&Row::default(), i, &subject.row)).collect()
}

fn roster_entry(row: &Row, i: usize, of: &ResultRow) -> Result<RosterEntry, String> {
    let given = row.get("人").map(|_| person(row)).transpose()?;
    let (number, name, id) = match given {
        Some((number, name, id)) => (number, name, Some(id.to_owned())),
        None => (of.number.as_str(), of.name.as_str(), of.resident_id.clone()),
    };
    let year = of.started_on.year();
    let usual_approval = NaiveDate::from_ymd_opt(year - 1, 12, 10).expect("10 December");
    let usual_release = days_after(of.started_on, 365);
    let approved_on = optional(row, "核准日期", Some(usual_approval), date)?;
    // The year after an approval in November or December, else the same year.
    let plan_year = |on: NaiveDate| if on.month() > 10 { on.year() + 1 } else { on.year() };
    let stated: Option<i32> =
        optional(row, "计划年度", None, |text| text.parse().map_err(|_| "计划年度".to_owned()))?;
    let received_on = date_or(row, "收到日期", date("2021-01-04")?)?.and_hms_opt(1, 0, 0).expect("nine in the morning");
    Ok(RosterEntry {
        id: serial(i) + 1,
        roster_id: 1,
        row: RosterRow {
            prison: row.get("监狱").unwrap_or(&of.prison).into(),
            ward: None,
            number: row.get("罪犯编号").unwrap_or(number).to_owned(),
            name: row.get("姓名").unwrap_or(name).to_owned(),
            sex: None,
            born_on: optional(row, "出生日期", None, date)?,
            ethnicity: None,
            resident_id: text(row, "公民身份号码", id),
            education: None,
            household: None,
            release_on: date_or(row, "刑满日期", usual_release)?,
            skilled: either(row, "有无一技之长", false, ["有", "无"])?,
            able: either(row, "能否坚持学习", true, ["能", "否"])?,
            category: of.category,
            occupation: row.get("职业").unwrap_or(&of.occupation).into(),
            occupation_code: None,
            level: row.get("等级").map_or(Ok(of.level), level)?,
            class: row.get("班期").unwrap_or(&of.class).to_owned(),
            institution: row.get("培训机构").filter(|name| *name != NONE).map(Into::into),
            remark: None,
        },
        approval: approved_on.map(|on| Approval { on, plan_year: stated.unwrap_or_else(|| plan_year(on)) }),
        received_at: Utc.from_utc_datetime(&received_on),
        fingerprint: u128::try_from(i).expect("a short table"),
    })
}

fn waiver(row: &Row, assessment_id: i64) -> Result<Waiver, String> {
    let number = row.need("规则")?;
    let rule = Rule::ALL.iter().copied().find(|rule| rule.number() == number);
    Ok(Waiver {
        id: assessment_id,
        assessment_id,
        rule: rule.ok_or_else(|| format!("{number} is no rule"))?,
        from: date_or(row, "起始日", date("2026-10-01")?)?,
        until: date_or(row, "截止日", date("2026-12-31")?)?,
        ended_on: optional(row, "终止日", None, date)?,
        reason: "原件已核".to_owned(),
        by: "某经办".to_owned(),
    })
}

fn history(row: &Row) -> Result<HistoryRow, String> {
    let (number, _, id) = person(row)?;
    let kind = match row.get("种类").unwrap_or("培训") {
        "培训" => Kind::Training,
        "鉴定" => Kind::Assessment,
        other => return Err(format!("{other} is no 种类")),
    };
    Ok(HistoryRow {
        prison: text(row, "监狱", Some("常州监狱".to_owned())).map(Into::into),
        number: text(row, "罪犯编号", Some(number.to_owned())),
        resident_id: text(row, "公民身份号码", Some(id.to_owned())),
        kind,
        occupation: row.get("职业").unwrap_or("中式面点师").into(),
        level: level(row.get("等级").unwrap_or("五级"))?,
        certificate_type: optional(row, "证书类型", None, certificate_type)?,
        certificate_number: text(row, "证书编号", None),
        issued_on: optional(row, "发证日期", None, date)?,
        claimed_on: date(row.need("申领日期")?)?,
        amount: Fen(100_000),
    })
}

/// The codes of rules that are named by their numbers, `R5、R7`.
fn codes(row: &Row, header: &str, warns: bool) -> Result<Vec<&'static str>, String> {
    let named = row.get(header).filter(|text| *text != NONE).unwrap_or_default();
    let rule = |number: &str| {
        let found = Rule::ALL.iter().find(|rule| rule.number() == number);
        let fits = found.filter(|rule| (rule.effect() == Effect::Warns) == warns);
        fits.map(|rule| rule.code()).ok_or_else(|| format!("{number} has no place under {header}"))
    };
    named.split('、').filter(|number| !number.is_empty()).map(rule).collect()
}

fn said(row: &Row) -> Result<Option<Said>, String> {
    let failing = codes(row, "规则", false)?;
    let warnings = codes(row, "提示", true)?;
    let amount = optional(row, "金额", None, fen)?.map(|fen| fen.0);
    let outcome = match row.need("结果")? {
        "核定" => Outcome::Granted,
        "不予核定" => Outcome::Denied,
        "待补正" => Outcome::Held,
        "无" if failing.is_empty() && warnings.is_empty() && amount.is_none() => return Ok(None),
        other => return Err(format!("结果: {other}")),
    };
    let granted = outcome == Outcome::Granted;
    if granted != failing.is_empty() || granted != amount.is_some() {
        return Err("a grant has an amount, everything else has rules".to_owned());
    }
    Ok(Some(Said { outcome, failing: failing.into_iter().collect(), warnings: warnings.into_iter().collect(), amount }))
}
