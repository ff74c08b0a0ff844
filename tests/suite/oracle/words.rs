//! The words of RULES section 0, spelled out naively: normalised text, valid resident IDs, months, levels, spans.

use chrono::{Datelike, NaiveDate};
use shenling::subsidy::calendar::Span;
use shenling::subsidy::course::{CertificateType, Level};
use unicode_normalization::UnicodeNormalization;

/// NFKC, upper case, without spaces and without `-‐–—－·`.
pub fn normal(text: &str) -> String {
    let folded: String = text.nfkc().collect();
    let upper = folded.to_uppercase();
    let dropped = ['-', '\u{2010}', '\u{2013}', '\u{2014}', '\u{FF0D}', '\u{B7}'];
    upper.chars().filter(|c| !c.is_whitespace() && !dropped.contains(c)).collect()
}

/// The ID, if it has 18 characters and the right check digit (GB 11643: the sum over 2^(18-i) is 1 modulo 11).
pub fn valid(id: Option<&str>) -> Option<String> {
    let chars: Vec<char> = id?.chars().collect();
    if chars.len() != 18 {
        return None;
    }
    let mut sum = 0;
    let mut weight = 1;
    for (i, c) in chars.iter().rev().enumerate() {
        let value = match c {
            'X' if i == 0 => 10,
            '0'..='9' => c.to_digit(10)?,
            _ => return None,
        };
        sum += value * weight;
        weight = weight * 2 % 11;
    }
    (sum % 11 == 1).then(|| chars.into_iter().collect())
}

/// The same day of the month so many months later, or the last day of that month where it has no such day.
pub fn months_after(date: NaiveDate, months: u32) -> NaiveDate {
    let count = date.year() * 12 + i32::try_from(date.month0() + months).expect("a handful of months");
    let (year, month) = (count.div_euclid(12), count.rem_euclid(12).unsigned_abs() + 1);
    let mut day = date.day();
    loop {
        if let Some(found) = NaiveDate::from_ymd_opt(year, month, day) {
            return found;
        }
        day -= 1;
    }
}

/// `|difference| < 12 months`.
pub fn less_than_a_year_apart(one: NaiveDate, other: NaiveDate) -> bool {
    months_after(one.min(other), 12) > one.max(other)
}

/// Levels from low to high, as RULES lists them.
pub fn height(level: Level) -> usize {
    match level {
        Level::None => 0,
        Level::Five => 1,
        Level::Four => 2,
        Level::Three => 3,
        Level::Two => 4,
        Level::One => 5,
    }
}

/// From-to, inclusive at both ends; an empty end is open.
pub fn in_force(span: Span, day: NaiveDate) -> bool {
    day >= span.from && span.to.is_none_or(|to| day <= to)
}

/// W3: the number has not the known pattern of its type, or its year or level digit contradicts the row.
pub fn doubtful(kind: CertificateType, number: &str, level: Level, issued_on: Option<NaiveDate>) -> bool {
    let chars: Vec<char> = normal(number).chars().collect();
    let numeric = |from: usize| chars[from..].iter().all(char::is_ascii_digit);
    let (year_at, level_at) = match kind {
        CertificateType::SkillLevel if chars.len() == 22 && "YS".contains(chars[0]) && numeric(1) => (13, 15),
        CertificateType::Qualification if chars.len() == 16 && numeric(0) && chars[6] <= '4' => (0, 10),
        CertificateType::SkillLevel | CertificateType::Qualification => return true,
        _ => return false,
    };
    let year: String = chars[year_at..=year_at + 1].iter().collect();
    let level_digit = match height(level) {
        0 => None,
        height => char::from_digit(u32::try_from(6 - height).expect("five levels"), 10),
    };
    issued_on.is_some_and(|on| format!("{:02}", on.year() % 100) != year) || level_digit != Some(chars[level_at])
}

#[test]
fn words_mean_what_they_say() {
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    assert_eq!(normal(" a-Ｂ１‐c–d—e－f·g　h "), "AB1CDEFGH");
    assert_eq!(months_after(day("2024-02-29"), 24), day("2026-02-28"));
    assert_eq!(months_after(day("2026-01-31"), 1), day("2026-02-28"));
    assert_eq!(months_after(day("2025-12-15"), 1), day("2026-01-15"));
    assert_eq!(months_after(day("2024-11-30"), 24), day("2026-11-30"));
    assert!(less_than_a_year_apart(day("2026-03-01"), day("2025-03-02")));
    assert!(!less_than_a_year_apart(day("2026-03-01"), day("2025-03-01")));
    assert!(!less_than_a_year_apart(day("2024-02-29"), day("2025-02-28")));
    for id in ["11010519491231002X", "440524188001010014", "34052419800101001X"] {
        assert_eq!(valid(Some(id)).as_deref(), Some(id));
    }
    for id in ["110105194912310021", "11010519491231002x", "44052418800101001", "4405241880010100144", ""] {
        assert_eq!(valid(Some(id)), None, "{id}");
    }
    assert_eq!(valid(None), None);
    let doubt = |number: &str, level| doubtful(CertificateType::SkillLevel, number, level, Some(day("2026-04-20")));
    assert!(!doubt("S000032000001265000001", Level::Five));
    assert!(doubt("S000032000001255000001", Level::Five));
    assert!(doubt("S000032000001265000001", Level::Four));
    assert!(doubt("T000032000001265000001", Level::Five));
    assert!(!doubtful(CertificateType::Qualification, "2632040001500001", Level::Five, Some(day("2026-04-20"))));
}
