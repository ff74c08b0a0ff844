//! Dates as people type them; what would need a guess is no date.

use chrono::{Datelike, Days, NaiveDate};

/// A date that was read, with how.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct ReadDate {
    /// The date.
    pub on: NaiveDate,
    /// It was written otherwise than 2026-03-05.
    pub rewritten: bool,
    /// Spaces stood inside it.
    pub spaced: bool,
    /// It was a serial number.
    pub serial: bool,
}

/// Earliest year that is taken; spreadsheets know none before it.
const MIN_YEAR: i32 = 1900;
/// A number is taken for a serial only if its date lies in these years: 2026 is a year, not a day of 1905.
const SERIAL_YEARS: std::ops::RangeInclusive<i32> = 1920..=2199;

/// Reads a date from a cleaned text.
pub(super) fn parse_text(text: &str) -> Option<ReadDate> {
    if let Some(on) = canonical(text) {
        return Some(ReadDate { on, rewritten: false, spaced: false, serial: false });
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.len() >= 5 && [whole, fraction].iter().all(|part| part.bytes().all(|b| b.is_ascii_digit())) {
        return parse_number(text, false);
    }
    let mut scan = Scan { rest: text, spaced: false };
    let on = scan.date()?;
    let spaced = scan.spaced;
    is_time(scan.rest).then_some(())?;
    let rewritten = !scan.rest.is_empty() || canonical(&super::clean::without_spaces(text)).is_none();
    Some(ReadDate { on, rewritten, spaced, serial: false })
}

/// Reads a date from the decimal text of a number: 20260305 or a serial.
pub(super) fn parse_number(text: &str, date_1904: bool) -> Option<ReadDate> {
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    if whole.is_empty() || whole.len() > 8 || !whole.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    if text.len() == 8 && whole.len() == 8 {
        let on = civil(whole.get(..4)?, whole.get(4..6)?, whole.get(6..)?)?;
        return Some(ReadDate { on, rewritten: true, spaced: false, serial: false });
    }
    // Days are counted from 1899-12-30, because the first system believes in a 29 February 1900.
    let origin = if date_1904 { NaiveDate::from_ymd_opt(1904, 1, 1) } else { NaiveDate::from_ymd_opt(1899, 12, 30) };
    let on = origin?.checked_add_days(Days::new(whole.parse().ok()?))?;
    SERIAL_YEARS.contains(&on.year()).then_some(ReadDate { on, rewritten: false, spaced: false, serial: true })
}

/// Whether a date cell holds a date and not a bare time of day.
pub(super) fn is_plausible(on: NaiveDate) -> bool {
    on.year() >= *SERIAL_YEARS.start()
}

/// Exactly 2026-03-05.
fn canonical(text: &str) -> Option<NaiveDate> {
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 10 && bytes.get(4) == Some(&b'-') && bytes.get(7) == Some(&b'-');
    if !shaped || !text.is_ascii() {
        return None;
    }
    civil(text.get(..4)?, text.get(5..7)?, text.get(8..)?)
}

fn civil(year: &str, month: &str, day: &str) -> Option<NaiveDate> {
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u32>().ok()).flatten();
    let year = i32::try_from(number(year)?).ok()?;
    NaiveDate::from_ymd_opt(year, number(month)?, number(day)?).filter(|on| on.year() >= MIN_YEAR)
}

/// Reads `year separator month separator day` from the left.
struct Scan<'a> {
    rest: &'a str,
    spaced: bool,
}

impl<'a> Scan<'a> {
    fn date(&mut self) -> Option<NaiveDate> {
        let year = self.digits();
        if year.len() == 8 {
            return civil(year.get(..4)?, year.get(4..6)?, year.get(6..)?);
        }
        if year.len() != 4 {
            return None;
        }
        let spaced_out = self.space();
        if spaced_out && self.rest.starts_with(|c: char| c.is_ascii_digit()) {
            return self.spaced_digits(year);
        }
        let first = self.separator()?;
        self.space();
        let month = self.digits();
        self.space();
        let second = self.separator()?;
        let expected = if first == '年' { '月' } else { first };
        if second != expected {
            return None;
        }
        self.space();
        let day = self.digits();
        if first == '年' {
            self.end_of_day();
        }
        ((1..=2).contains(&month.len()) && (1..=2).contains(&day.len())).then_some(())?;
        civil(year, month, day)
    }

    /// `2026 03 05`: eight digits with spaces between.
    fn spaced_digits(&mut self, year: &str) -> Option<NaiveDate> {
        let month = self.digits();
        let gap = self.space();
        let day = self.digits();
        (gap && month.len() == 2 && day.len() == 2).then_some(())?;
        civil(year, month, day)
    }

    fn digits(&mut self) -> &'a str {
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        digits
    }

    fn space(&mut self) -> bool {
        let rest = self.rest.trim_start();
        let moved = rest.len() != self.rest.len();
        self.spaced |= moved;
        self.rest = rest;
        moved
    }

    /// One separator; every kind of dash counts as `-`.
    fn separator(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        let kind = match c {
            '-' | '‐' | '‑' | '–' | '—' | '−' => '-',
            '/' | '.' | '年' | '月' => c,
            _ => return None,
        };
        self.rest = self.rest.get(c.len_utf8()..)?;
        Some(kind)
    }

    /// 日 or 号, with a space before it or not.
    fn end_of_day(&mut self) {
        let rest = self.rest.trim_start();
        if let Some(after) = rest.strip_prefix(['日', '号']) {
            self.spaced |= rest.len() != self.rest.len();
            self.rest = after;
        }
    }
}

/// Nothing, or a time of day without a zone: a zone could move the day.
fn is_time(rest: &str) -> bool {
    if rest.is_empty() {
        return true;
    }
    let time = rest.strip_prefix('T').unwrap_or(rest).trim();
    let time = ["上午", "下午"].into_iter().find_map(|half| time.strip_prefix(half)).unwrap_or(time);
    let time = ["AM", "PM"].into_iter().find_map(|half| time.strip_suffix(half)).unwrap_or(time).trim();
    let time = time.split_once('.').map_or(
        time,
        |(time, fraction)| {
            if fraction.bytes().all(|b| b.is_ascii_digit()) { time } else { "" }
        },
    );
    let time = time.replace(['时', '分'], ":");
    let time = time.trim_end_matches(['秒', ':']);
    let limits = [24, 60, 60];
    let parts: Vec<&str> = time.split(':').collect();
    let in_range = |(part, limit): (&&str, u32)| {
        (1..=2).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_digit())
            && part.parse().is_ok_and(|n: u32| n < limit)
    };
    (2..=3).contains(&parts.len()) && parts.iter().zip(limits).all(in_range)
}
