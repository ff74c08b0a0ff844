//! Civil dates: months, years, claim periods. All dates are civil dates in Asia/Shanghai.

use std::fmt;

use chrono::{DateTime, Datelike, Months, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// The civil date of an instant in Asia/Shanghai (UTC+8 without summer time).
pub fn civil_date(at: DateTime<Utc>) -> NaiveDate {
    (at.naive_utc() + TimeDelta::hours(8)).date()
}

/// `date + months`, clamped to the last day of the month (2024-02-29 + 24 months = 2026-02-28).
pub fn add_months(date: NaiveDate, months: u32) -> NaiveDate {
    date.checked_add_months(Months::new(months)).unwrap_or(NaiveDate::MAX)
}

/// Whether two dates lie less than `months` apart, in either direction.
pub fn within_months(a: NaiveDate, b: NaiveDate, months: u32) -> bool {
    let (earlier, later) = if a <= b { (a, b) } else { (b, a) };
    later < add_months(earlier, months)
}

/// A span of dates, inclusive at both ends; no end means open.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    /// First day.
    pub from: NaiveDate,
    /// Last day, if there is one.
    pub to: Option<NaiveDate>,
}

impl Span {
    /// Whether the span covers a day.
    pub fn covers(&self, day: NaiveDate) -> bool {
        self.from <= day && self.to.is_none_or(|to| day <= to)
    }

    /// Whether two spans share a day.
    pub fn overlaps(&self, other: &Span) -> bool {
        self.to.is_none_or(|to| other.from <= to) && other.to.is_none_or(|to| self.from <= to)
    }
}

/// Full years lived on a day.
pub fn age_on(born_on: NaiveDate, day: NaiveDate) -> u32 {
    day.years_since(born_on).unwrap_or(0)
}

/// A claim period: a calendar quarter such as `2026-Q4`.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    year: i32,
    quarter: u32,
}

impl Period {
    /// The quarter that a day lies in.
    pub fn of(day: NaiveDate) -> Period {
        Period { year: day.year(), quarter: day.month0() / 3 + 1 }
    }

    /// Reads `2026-Q4`.
    pub fn parse(text: &str) -> Option<Period> {
        let (year, quarter) = text.trim().split_once("-Q")?;
        // `parse` alone would also take `+4`.
        let digits = |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
        let year: i32 = digits(year, 4).then(|| year.parse().ok())??;
        let quarter: u32 = digits(quarter, 1).then(|| quarter.parse().ok())??;
        if !(1..=4).contains(&quarter) {
            return None;
        }
        Some(Period { year, quarter })
    }

    /// First day of the period.
    pub fn first_day(self) -> NaiveDate {
        NaiveDate::from_ymd_opt(self.year, (self.quarter - 1) * 3 + 1, 1).unwrap_or(NaiveDate::MIN)
    }

    /// Last day of the period.
    pub fn last_day(self) -> NaiveDate {
        add_months(self.first_day(), 3).pred_opt().unwrap_or(NaiveDate::MAX)
    }

    /// The period as papers say it: `2026年第四季度`.
    pub fn in_words(self) -> String {
        let quarter = ["一", "二", "三", "四"][(self.quarter as usize - 1).min(3)];
        format!("{}年第{quarter}季度", self.year)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-Q{}", self.year, self.quarter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn months_are_clamped_to_their_end() {
        assert_eq!(add_months(date("2024-02-29"), 24), date("2026-02-28"));
        assert_eq!(add_months(date("2025-08-31"), 6), date("2026-02-28"));
        assert_eq!(add_months(date("2025-12-31"), 0), date("2025-12-31"));
        for (a, b, within) in [
            ("2025-11-23", "2026-11-22", true),
            ("2025-11-23", "2026-11-23", false),
            ("2024-02-29", "2025-02-27", true),
            ("2024-02-29", "2025-02-28", false),
            ("2026-01-01", "2026-01-01", true),
        ] {
            assert_eq!(within_months(date(a), date(b), 12), within, "{a} {b}");
            assert_eq!(within_months(date(b), date(a), 12), within, "{b} {a}");
        }
    }

    #[test]
    fn spans_hold_both_ends() {
        let span = |from: &str, to: Option<&str>| Span { from: date(from), to: to.map(date) };
        let closed = span("2026-01-01", Some("2026-01-31"));
        assert!(closed.covers(date("2026-01-01")) && closed.covers(date("2026-01-31")));
        assert!(!closed.covers(date("2025-12-31")) && !closed.covers(date("2026-02-01")));
        assert!(closed.overlaps(&span("2026-01-31", None)) && !closed.overlaps(&span("2026-02-01", None)));
        assert!(span("2020-01-01", None).overlaps(&closed) && closed.overlaps(&closed));
    }

    #[test]
    fn periods_are_quarters() {
        let period = Period::parse("2026-Q4").unwrap();
        assert_eq!((period.first_day(), period.last_day()), (date("2026-10-01"), date("2026-12-31")));
        assert_eq!((period.to_string(), period.in_words()), ("2026-Q4".into(), "2026年第四季度".into()));
        for (day, quarter) in [("2026-01-01", "2026-Q1"), ("2026-03-31", "2026-Q1"), ("2026-04-01", "2026-Q2")] {
            assert_eq!(Period::of(date(day)).to_string(), quarter);
        }
        for bad in ["2026-Q5", "2026-Q0", "26-Q1", "2026Q1", "2026-Q", "2026-Q+1", "+026-Q1", "2026-Q01", "2026-q1", ""]
        {
            assert_eq!(Period::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn ages_are_full_years() {
        assert_eq!(age_on(date("2008-11-24"), date("2026-11-23")), 17);
        assert_eq!(age_on(date("2008-11-23"), date("2026-11-23")), 18);
        assert_eq!(age_on(date("2027-01-01"), date("2026-11-23")), 0);
    }
}
