//! The catalogue of a case: what its tables say, and the defaults of `tests/calculation/README.md` where they are silent.

use chrono::NaiveDate;
use shenling::subsidy::calendar::Span;
use shenling::subsidy::catalogue::{Agreement, Catalogue, Institution, Penalty, Rate};
use shenling::subsidy::course::{CertificateType, Level};
use shenling::subsidy::money::Fen;
use shenling::subsidy::policy::{CapAppliesTo, CapWindow, Policy, RateBy, RepeatWindow, TermMeasuredAt, WindowBy};

use super::tables::{Case, Row};

pub const SCHOOL: &str = "常州技工学校";
const PRISONS: [&str; 3] = ["常州监狱", "溧阳监狱", "新康监狱"];
/// Occupation, level, certificate types, training, assessment.
const RATES: [(&str, &str, &str, &str, &str); 7] = [
    ("中式面点师", "五级", "职业技能等级证书;职业资格证书", "1000.00", "200.00"),
    ("中式面点师", "四级", "职业技能等级证书;职业资格证书", "1300.00", "250.00"),
    ("中式面点师", "三级", "职业技能等级证书;职业资格证书", "1600.00", "300.00"),
    ("电工", "五级", "职业技能等级证书;职业资格证书", "1200.00", "240.00"),
    ("缝纫工", "五级", "职业技能等级证书;职业资格证书", "900.00", "180.00"),
    ("砌筑工", "五级", "职业技能等级证书;职业资格证书", "1100.00", "220.00"),
    ("SYB", "无等级", "培训合格证书", "1000.00", "—"),
];

/// What a cell says when it says "none".
pub const NONE: &str = "—";

pub fn date(text: &str) -> Result<NaiveDate, String> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| format!("{text} is no date"))
}

/// Yuan with exactly two decimals.
pub fn fen(text: &str) -> Result<Fen, String> {
    let wrong = || format!("{text} is no amount with two decimals");
    let (yuan, cents) = text.split_once('.').filter(|(_, cents)| cents.len() == 2).ok_or_else(wrong)?;
    let (yuan, cents): (i64, i64) = (yuan.parse().map_err(|_| wrong())?, cents.parse().map_err(|_| wrong())?);
    Ok(Fen(yuan * 100 + cents))
}

/// The cell read by `read`; `—` is none, an empty cell the default.
pub fn optional<T>(
    row: &Row,
    header: &str,
    default: Option<T>,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, String> {
    match row.get(header) {
        None => Ok(default),
        Some(NONE) => Ok(None),
        Some(text) => read(text).map(Some),
    }
}

/// The cell as a date, or the default.
pub fn date_or(row: &Row, header: &str, default: NaiveDate) -> Result<NaiveDate, String> {
    row.get(header).map_or(Ok(default), date)
}

/// `五级` or `五级/初级工`.
pub fn level(text: &str) -> Result<Level, String> {
    let found = Level::ALL.into_iter().find(|l| l.name() == text || l.name().split('/').next() == Some(text));
    found.ok_or_else(|| format!("{text} is no level"))
}

pub fn certificate_type(text: &str) -> Result<CertificateType, String> {
    CertificateType::ALL.into_iter().find(|t| t.name() == text).ok_or_else(|| format!("{text} is no certificate type"))
}

fn span(row: &Row, from: &str, to: &str) -> Result<Span, String> {
    let first = date("2022-01-01")?;
    Ok(Span { from: date_or(row, from, first)?, to: optional(row, to, None, date)? })
}

/// The catalogue of a case.
pub fn catalogue(case: &Case) -> Result<Catalogue, String> {
    let always = Span { from: date("2022-01-01")?, to: None };
    let default_policy = Policy::with_defaults("常司发2022-42".to_owned(), "常司发〔2022〕42号".to_owned(), always);
    let agreement = |prison: &str| Agreement {
        prison: prison.into(),
        institution: SCHOOL.into(),
        number: "XY-001".to_owned(),
        span: always,
        fee: None,
    };
    let rates = || {
        let row = |(occupation, grade, types, training, assessment): &(&str, &str, &str, &str, &str)| {
            let yuan = |text: &str| if text == NONE { Ok(None) } else { fen(text).map(Some) };
            rate(occupation, level(grade)?, types, always, [yuan(training)?, yuan(assessment)?])
        };
        RATES.iter().map(row).collect()
    };
    let mut all = Catalogue::default();
    all.institutions = listed(case, "机构", read_institution, || Ok(vec![institution(SCHOOL, "培训鉴定", always)?]))?;
    all.penalties = listed(case, "处罚", read_penalty, || Ok(Vec::new()))?;
    all.agreements = listed(case, "协议", read_agreement, || Ok(PRISONS.map(agreement).to_vec()))?;
    all.rates = listed(case, "标准", read_rate, rates)?;
    all.policies = listed(case, "政策", read_policy, || Ok(vec![default_policy]))?;
    Ok(all.indexed())
}

fn listed<T>(
    case: &Case,
    table: &str,
    read: impl Fn(&Row) -> Result<T, String>,
    default: impl FnOnce() -> Result<Vec<T>, String>,
) -> Result<Vec<T>, String> {
    case.table(table).map_or_else(default, |rows| rows.iter().map(read).collect())
}

fn institution(name: &str, work: &str, designated: Span) -> Result<Institution, String> {
    let (trains, assesses) = match work {
        "培训" => (true, false),
        "鉴定" => (false, true),
        "培训鉴定" => (true, true),
        _ => return Err(format!("{work} is no 类型")),
    };
    Ok(Institution {
        name: name.into(),
        short_names: Vec::new(),
        trains,
        assesses,
        code: None,
        legal_representative: None,
        bank: None,
        account_name: None,
        account: None,
        contact: None,
        phone: None,
        email: None,
        designated,
        citation: None,
    })
}

fn read_institution(row: &Row) -> Result<Institution, String> {
    institution(
        row.get("机构名称").unwrap_or(SCHOOL),
        row.get("类型").unwrap_or("培训鉴定"),
        span(row, "起始日", "截止日")?,
    )
}

fn read_penalty(row: &Row) -> Result<Penalty, String> {
    row.need("处罚起始日")?;
    Ok(Penalty {
        institution: row.get("机构名称").unwrap_or(SCHOOL).into(),
        span: span(row, "处罚起始日", "处罚截止日")?,
        redesignated_on: optional(row, "重新认定日", None, date)?,
    })
}

fn read_agreement(row: &Row) -> Result<Agreement, String> {
    Ok(Agreement {
        prison: row.get("监狱").unwrap_or(PRISONS[0]).into(),
        institution: row.get("培训机构").unwrap_or(SCHOOL).into(),
        number: row.get("协议编号").unwrap_or("XY-001").to_owned(),
        span: span(row, "起始日", "截止日")?,
        fee: optional(row, "人均培训费", None, fen)?,
    })
}

fn rate(occupation: &str, level: Level, types: &str, span: Span, fen: [Option<Fen>; 2]) -> Result<Rate, String> {
    Ok(Rate {
        occupation: occupation.into(),
        level,
        certificate_types: types.split(';').map(certificate_type).collect::<Result<_, _>>()?,
        group: None,
        training: fen[0],
        assessment: fen[1],
        share_permille: 1000,
        span,
        citation: "本例目录".into(),
    })
}

fn read_rate(row: &Row) -> Result<Rate, String> {
    row.need("培训补贴")?;
    row.need("鉴定补贴")?;
    let amounts = [optional(row, "培训补贴", None, fen)?, optional(row, "鉴定补贴", None, fen)?];
    let rate = rate(
        row.get("职业").unwrap_or("中式面点师"),
        level(row.get("等级").unwrap_or("五级"))?,
        row.get("证书类型").unwrap_or("职业技能等级证书"),
        span(row, "起始日", "截止日")?,
        amounts,
    )?;
    Ok(Rate {
        group: optional(row, "人员类别", None, |text| Ok(text.to_owned()))?,
        share_permille: number(row, "补贴比例")?.unwrap_or(1000),
        ..rate
    })
}

fn number(row: &Row, header: &str) -> Result<Option<u32>, String> {
    optional(row, header, None, |text| text.parse().map_err(|_| format!("{text} is no number")))
}

fn flag(row: &Row, header: &str, default: bool) -> Result<bool, String> {
    row.get(header).map_or(Ok(default), |text| text.parse().map_err(|_| format!("{text} is neither true nor false")))
}

fn read_policy(row: &Row) -> Result<Policy, String> {
    macro_rules! choose {
        ($header:literal, $choices:ty, $default:expr) => {
            match row.get($header) {
                None => $default,
                Some(text) => *<$choices>::ALL
                    .iter()
                    .find(|choice| choice.as_str() == text)
                    .ok_or_else(|| format!("{text} is no {}", $header))?,
            }
        };
    }
    let id = row.get("政策").unwrap_or("本例政策").to_owned();
    let usual = Policy::with_defaults(id, "本例政策".to_owned(), span(row, "起始日", "截止日")?);
    Ok(Policy {
        rate_by: choose!("rate_by", RateBy, usual.rate_by),
        cap_by_fee: flag(row, "cap_by_fee", usual.cap_by_fee)?,
        term_measured_at: choose!("term_measured_at", TermMeasuredAt, usual.term_measured_at),
        trainee_group: row.get("trainee_group").map_or(usual.trainee_group.clone(), str::to_owned),
        repeat_window: choose!("repeat_window", RepeatWindow, usual.repeat_window),
        window_by: choose!("window_by", WindowBy, usual.window_by),
        cap_window: choose!("cap_window", CapWindow, usual.cap_window),
        cap_count: number(row, "cap_count")?.unwrap_or(usual.cap_count),
        cap_applies_to: choose!("cap_applies_to", CapAppliesTo, usual.cap_applies_to),
        bar_lower_level: flag(row, "bar_lower_level", usual.bar_lower_level)?,
        claim_within_months: number(row, "claim_within_months")?,
        require_verified_id: flag(row, "require_verified_id", usual.require_verified_id)?,
        hours_tolerance_points: number(row, "hours_tolerance_points")?.unwrap_or(usual.hours_tolerance_points),
        require_assessment_filing: flag(row, "require_assessment_filing", usual.require_assessment_filing)?,
        ..usual
    })
}
