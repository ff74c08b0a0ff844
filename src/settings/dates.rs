//! Dates as administrators write them. Two-digit years and other orders are refused, never guessed.

use chrono::NaiveDate;
use unicode_normalization::UnicodeNormalization;

use super::mistake::Fault;

/// What is told about every unreadable date.
const ADVICE: &str = "请写成 2026-03-05（也可写 2026/3/5、2026.3.5 或 2026年3月5日）";

/// Earliest and latest year that a date of this programme may have.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=2199;

/// Reads `2026-03-05`, `2026/3/5`, `2026.3.5`, `2026年3月5日` and `20260305`; a time of day behind it is dropped.
pub(super) fn parse(text: &str) -> Result<NaiveDate, Fault> {
    let is_time = |text: &str| text.contains(':') && text.bytes().all(|b| b.is_ascii_digit() || b":. ".contains(&b));
    let day = text.trim().split_once([' ', 'T']).filter(|(_, time)| is_time(time)).map_or(text, |(day, _)| day);
    let plain: String = day.nfkc().filter(|c| !c.is_whitespace()).collect();
    read(&plain)
        .filter(|date| YEARS.contains(&chrono::Datelike::year(date)))
        .ok_or_else(|| Fault::new(format!("“{text}”不是日期"), ADVICE))
}

fn read(text: &str) -> Option<NaiveDate> {
    let parts: Vec<&str> = if let Some((year, rest)) = text.split_once('年') {
        let (month, day) = rest.split_once('月')?;
        vec![year, month, day.strip_suffix(['日', '号']).unwrap_or(day)]
    } else if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) {
        vec![&text[..4], &text[4..6], &text[6..]]
    } else {
        let separator = text.chars().find(|c| matches!(c, '-' | '/' | '.'))?;
        text.split(separator).collect()
    };
    let [year, month, day] = parts.as_slice() else { return None };
    let digits = |part: &str, most: usize| {
        (!part.is_empty() && part.len() <= most && part.bytes().all(|b| b.is_ascii_digit()))
            .then(|| part.parse::<u32>().ok())
            .flatten()
    };
    if year.len() != 4 {
        return None;
    }
    let year = i32::try_from(digits(year, 4)?).ok()?;
    NaiveDate::from_ymd_opt(year, digits(month, 2)?, digits(day, 2)?)
}
