//! Deadlines: every occurrence of a duty, and the working day on which it must be done at the latest.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{Datelike, Days, NaiveDate};

use super::{Duty, Ladder, Planned};
use crate::subsidy::calendar::Period;
use crate::subsidy::holidays::Calendar;

/// Days by which a holiday can pull the first rung forward.
const MAX_HOLIDAY_DAYS: u64 = 31;

/// When a duty has to be done.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// On the same day of every year, for the year after it (notice, 五（一）: 每年11月底前…下一年).
    Yearly {
        /// Month.
        month: u32,
        /// Day of the month.
        day: u32,
    },
    /// So many days after the end of each course.
    AfterCourse {
        /// Civil days.
        days: u32,
    },
    /// So many working days after the end of each quarter.
    AfterQuarter {
        /// Working days, the first after the quarter's end being the first.
        working_days: u32,
    },
}

impl Due {
    /// Reads `11-30`, `course-end+20`, `quarter-end+10`.
    pub fn parse(text: &str) -> Option<Due> {
        let number = |digits: &str, most: u32| {
            let plain = !digits.is_empty() && digits.len() <= 3 && digits.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| digits.parse().ok())?.filter(|n| (1..=most).contains(n))
        };
        if let Some(days) = text.strip_prefix("course-end+") {
            return number(days, 366).map(|days| Due::AfterCourse { days });
        }
        if let Some(days) = text.strip_prefix("quarter-end+") {
            return number(days, 60).map(|working_days| Due::AfterQuarter { working_days });
        }
        let (month, day) = text.split_once('-').filter(|(month, day)| month.len() == 2 && day.len() == 2)?;
        let (month, day) = (number(month, 12)?, number(day, 31)?);
        // Of the days that not every year has, none is a deadline.
        NaiveDate::from_ymd_opt(2023, month, day).map(|_| Due::Yearly { month, day })
    }
}

impl fmt::Display for Due {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Due::Yearly { month, day } => write!(f, "{month:02}-{day:02}"),
            Due::AfterCourse { days } => write!(f, "course-end+{days}"),
            Due::AfterQuarter { working_days } => write!(f, "quarter-end+{working_days}"),
        }
    }
}

/// The end of a course that a prison holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CourseEnd {
    /// The prison.
    pub prison: String,
    /// What tells the course from every other of the prison, e.g. `2026/welder/5/第1期`. No personal data.
    pub key: String,
    /// The course in words, e.g. `焊工 五级 第1期`.
    pub words: String,
    /// Its last day.
    pub ended_on: NaiveDate,
}

/// One deadline of a duty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// Id of the duty.
    pub duty: String,
    /// What tells it from the duty's other occurrences: plan year `2027`, period `2026-Q4`, key of a course.
    pub term: String,
    /// The same in words.
    pub words: String,
    /// The one prison that it concerns; none = all.
    pub prison: Option<String>,
    /// The day before which nothing is owed yet (end of the course or quarter): no rung lies before it.
    pub begins_on: Option<NaiveDate>,
    /// The deadline.
    pub due_on: NaiveDate,
    /// The last working day on or before it: reminders count from here (RULES section 7).
    pub target_on: NaiveDate,
    /// Years without an official holiday table that were counted through; empty = certain.
    pub provisional: BTreeSet<i32>,
}

impl Occurrence {
    /// What tells it from every other deadline: duty, term, and the prison where it concerns one.
    pub fn key(&self) -> String {
        let Occurrence { duty, term, .. } = self;
        self.prison.as_ref().map_or_else(|| format!("{duty}:{term}"), |prison| format!("{duty}:{term}:{prison}"))
    }

    /// The rungs of a ladder that lead to this deadline, in order.
    pub fn planned(&self, ladder: &Ladder, calendar: &Calendar) -> Vec<Planned> {
        let mut planned = ladder.planned(self.target_on, calendar);
        planned.retain(|planned| self.begins_on.is_none_or(|begins| planned.on >= begins));
        for planned in &mut planned {
            planned.provisional.extend(&self.provisional);
        }
        planned
    }
}

impl Duty {
    /// The deadlines from one day to another, both included, in order.
    pub fn occurrences(
        &self,
        calendar: &Calendar,
        courses: &[CourseEnd],
        from: NaiveDate,
        to: NaiveDate,
    ) -> Vec<Occurrence> {
        let mut found: Vec<Occurrence> = match self.due {
            Due::Yearly { month, day } => (from.year()..=to.year())
                .filter_map(|year| {
                    let due_on = NaiveDate::from_ymd_opt(year, month, day)?;
                    let term = (year + 1).to_string();
                    Some(self.occurrence(calendar, &term, &format!("{term}年度"), due_on))
                })
                .collect(),
            Due::AfterCourse { days } => courses
                .iter()
                .filter_map(|course| {
                    let due_on = course.ended_on.checked_add_days(Days::new(days.into()))?;
                    let words = format!("{}（{} 结业）", course.words, course.ended_on);
                    let found = self.occurrence(calendar, &course.key, &words, due_on);
                    let (prison, begins_on) = (Some(course.prison.clone()), Some(course.ended_on));
                    Some(Occurrence { prison, begins_on, ..found })
                })
                .collect(),
            Due::AfterQuarter { working_days } => quarters(from, to)
                .into_iter()
                .map(|period| {
                    let counted = calendar.add_working_days(period.last_day(), working_days, false);
                    let mut found = self.occurrence(calendar, &period.to_string(), &period.in_words(), counted.on);
                    found.begins_on = period.last_day().succ_opt();
                    found.provisional.extend(counted.provisional);
                    found
                })
                .collect(),
        };
        found.retain(|occurrence| (from..=to).contains(&occurrence.due_on));
        found.sort_by(|a, b| (a.due_on, &a.term, &a.prison).cmp(&(b.due_on, &b.term, &b.prison)));
        found
    }

    fn occurrence(&self, calendar: &Calendar, term: &str, words: &str, due_on: NaiveDate) -> Occurrence {
        let target = calendar.last_working_day_on_or_before(due_on);
        Occurrence {
            duty: self.id.clone(),
            term: term.to_owned(),
            words: words.to_owned(),
            prison: None,
            begins_on: None,
            due_on,
            target_on: target.on,
            provisional: target.provisional,
        }
    }

    /// The deadlines that concern a day: whose ladder has begun, and whose missed reminders are still made up for.
    pub fn live(&self, calendar: &Calendar, courses: &[CourseEnd], today: NaiveDate) -> Vec<Occurrence> {
        let lead = Days::new(u64::from(self.ladder.lead_days()) + MAX_HOLIDAY_DAYS);
        let from = today.checked_sub_days(Days::new(self.chase_days.into())).unwrap_or(today);
        let to = today.checked_add_days(lead).unwrap_or(today);
        self.occurrences(calendar, courses, from, to)
    }
}

/// The quarters that end so that a deadline of theirs can lie between two days.
fn quarters(from: NaiveDate, to: NaiveDate) -> Vec<Period> {
    let mut quarters = Vec::new();
    let mut day = from.checked_sub_days(Days::new(200)).unwrap_or(from);
    while day <= to {
        let period = Period::of(day);
        quarters.push(period);
        let Some(next) = period.last_day().succ_opt() else { break };
        day = next;
    }
    quarters
}
