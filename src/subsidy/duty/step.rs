//! The rungs of a ladder of reminders, and the days on which they fall.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{Days, NaiveDate};

use crate::subsidy::holidays::Calendar;

/// Furthest rung before a deadline, in days.
pub const MAX_DAYS_BEFORE: u32 = 365;
/// Most rungs behind a deadline, in working days.
pub const MAX_OVERDUE: u32 = 60;

/// One rung: so many days before the last working day of a deadline, that day itself, or the n-th working day after.
/// Later rungs are greater.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step(i32);

impl Step {
    /// The last working day itself.
    pub const DAY: Step = Step(0);

    /// So many days before (`D-7`); no more than a year.
    pub fn before(days: u32) -> Step {
        Step(-i32::try_from(days.min(MAX_DAYS_BEFORE)).unwrap_or(0))
    }

    /// The n-th working day after (`D+1`).
    pub fn overdue(nth: u32) -> Step {
        Step(i32::try_from(nth.min(MAX_OVERDUE)).unwrap_or(0))
    }

    /// Reads `D-7`, `D`, `D+1`; nothing else, so that a step has one name.
    pub fn parse(text: &str) -> Option<Step> {
        if text == "D" {
            return Some(Step::DAY);
        }
        let number = |digits: &str, most: u32| -> Option<u32> {
            let plain = !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| digits.parse().ok())?.filter(|number| *number <= most)
        };
        match (text.strip_prefix("D-"), text.strip_prefix("D+")) {
            (Some(digits), _) => number(digits, MAX_DAYS_BEFORE).map(Step::before),
            (_, Some(digits)) => number(digits, MAX_OVERDUE).map(Step::overdue),
            _ => None,
        }
    }

    /// As stored: negative before, zero on, positive after.
    pub const fn number(self) -> i32 {
        self.0
    }

    /// Reads what [`Step::number`] gave.
    pub fn from_number(number: i64) -> Option<Step> {
        let span = -i64::from(MAX_DAYS_BEFORE)..=i64::from(MAX_OVERDUE);
        span.contains(&number).then(|| i32::try_from(number).ok().map(Step))?
    }

    /// Whether it lies behind the deadline.
    pub const fn is_overdue(self) -> bool {
        self.0 > 0
    }

    /// As letters say it.
    pub fn in_words(self) -> String {
        match self.0 {
            0 => "截止当天".to_owned(),
            n if n < 0 => format!("截止前{}天", -n),
            n => format!("逾期第{n}个工作日"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 { f.write_str("D") } else { write!(f, "D{:+}", self.0) }
    }
}

/// A rung and its day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The rung.
    pub step: Step,
    /// The working day on which its letter leaves.
    pub on: NaiveDate,
    /// Years without an official holiday table that this day was counted through; empty = certain.
    pub provisional: BTreeSet<i32>,
}

/// The rungs of a duty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ladder {
    before: BTreeSet<Step>,
    overdue: u32,
}

impl Default for Ladder {
    fn default() -> Ladder {
        Ladder { before: [60, 30, 14, 7, 3, 1, 0].into_iter().map(Step::before).collect(), overdue: 20 }
    }
}

impl Ladder {
    /// Steps up to the deadline, and on how many working days after it who still owes hears of it.
    pub fn new(before: impl IntoIterator<Item = Step>, overdue: u32) -> Ladder {
        Ladder { before: before.into_iter().filter(|s| !s.is_overdue()).collect(), overdue: overdue.min(MAX_OVERDUE) }
    }

    /// How many days before the deadline it begins.
    pub fn lead_days(&self) -> u32 {
        self.before.first().map_or(0, |first| first.number().unsigned_abs())
    }

    /// Every rung with its day, in order. `target` is the last working day of the deadline.
    ///
    /// A rung that falls on a day off moves to the last working day *before* it: a reminder that comes early takes
    /// nothing from anybody, while one that moves on would fall together with the next rung, or behind the deadline.
    pub fn planned(&self, target: NaiveDate, calendar: &Calendar) -> Vec<Planned> {
        let before = self.before.iter().map(|step| {
            let day = target.checked_sub_days(Days::new(step.number().unsigned_abs().into())).unwrap_or(target);
            (*step, calendar.last_working_day_on_or_before(day))
        });
        let overdue = (1..=self.overdue).map(|nth| (Step::overdue(nth), calendar.add_working_days(target, nth, false)));
        let planned = before.chain(overdue);
        planned.map(|(step, counted)| Planned { step, on: counted.on, provisional: counted.provisional }).collect()
    }
}
