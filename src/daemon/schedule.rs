//! A schedule (定时表达式): when a duty is to run, on the clock of Asia/Shanghai.
//!
//! Five fields (minute first), six (second first) or seven (year last). Where both a day of the month and a weekday
//! are given, both must match.

use chrono::{DateTime, SubsecRound, TimeDelta, TimeZone, Utc};
use chrono_tz::Asia::Shanghai;
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};

use crate::store::Slots;

/// Slots that are counted one by one; of more only the last is looked for.
pub(super) const MAX_COUNTED: u32 = 10_000;
/// Slots of a year that are named one by one; of more only days and times.
const MAX_NAMED: usize = 24;

/// When a duty is to run.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// With seconds, as the scheduler wants it.
    pub(super) expression: String,
    text: String,
    cron: Cron,
}

/// The slots of a calendar year.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct YearOfSlots {
    /// On how many days there are any.
    pub days: u32,
    /// How many there are on the first of these days.
    pub a_day: u32,
    /// The first and the last of that day.
    pub between: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// All of them, where they are few; else empty.
    pub named: Vec<DateTime<Utc>>,
}

/// Why an expression is no schedule; a sentence for the administrator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Not an expression of five to seven fields.
    #[error("“{0}”不是定时表达式：请写五段“分 时 日 月 周”，如 \"30 8 * * 1-5\" 表示周一至周五 8:30")]
    Unreadable(String),
    /// It names no instant that ever comes.
    #[error("“{0}”永远不会到时间（如 2 月 30 日），请改正")]
    Never(String),
}

impl Schedule {
    /// Reads an expression; `now` is the instant after which it must come at least once.
    pub fn parse(text: &str, now: DateTime<Utc>) -> Result<Schedule, ScheduleError> {
        let fields = text.split_whitespace().count();
        let expression = match fields {
            5 => format!("0 {}", text.trim()),
            6 | 7 => text.trim().to_owned(),
            _ => return Err(ScheduleError::Unreadable(text.to_owned())),
        };
        let parser = CronParser::builder().seconds(Seconds::Required).dom_and_dow(true).build();
        let cron = parser.parse(&expression).map_err(|_| ScheduleError::Unreadable(text.to_owned()))?;
        let schedule = Schedule { expression, text: text.trim().to_owned(), cron };
        schedule.next_after(now).ok_or_else(|| ScheduleError::Never(text.to_owned()))?;
        Ok(schedule)
    }

    /// The first slot after an instant.
    pub fn next_after(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.cron.find_next_occurrence(&local(at), false).ok().map(|slot| slot.to_utc())
    }

    /// As it stands in the config.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The slots of a calendar year, in short.
    pub fn year(&self, year: i32) -> YearOfSlots {
        let midnight = |year| Shanghai.with_ymd_and_hms(year, 1, 1, 0, 0, 0).single().map(|at| at.to_utc());
        let (Some(from), Some(until)) = (midnight(year), midnight(year + 1)) else { return YearOfSlots::default() };
        let mut found = YearOfSlots::default();
        let mut at = from - TimeDelta::seconds(1);
        while let Some(first) = self.next_after(at).filter(|first| *first < until) {
            // Shanghai has no summer time: every day is as long as the next.
            let end = from + TimeDelta::days((first - from).num_days() + 1) - TimeDelta::seconds(1);
            found.days += 1;
            if found.days == 1 {
                let day = self.slots(at, end);
                found.between = day.as_ref().map(|day| (day.first, day.last));
                found.a_day = day.map_or(0, |day| day.count);
            }
            let mut next = Some(first);
            while let Some(slot) = next.filter(|slot| *slot <= end && found.named.len() <= MAX_NAMED) {
                found.named.push(slot);
                next = self.next_after(slot);
            }
            at = end;
        }
        if found.named.len() > MAX_NAMED {
            found.named.clear();
        }
        found
    }

    /// The slots after `from` up to and including `until`, as one run.
    pub fn slots(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Option<Slots> {
        let first = self.next_after(from).filter(|first| *first <= until)?;
        let (mut last, mut count) = (first, 1);
        while let Some(next) = self.next_after(last).filter(|next| *next <= until) {
            (last, count) = (next, count + 1);
            if count == MAX_COUNTED {
                let newest = self.cron.find_previous_occurrence(&local(until), true);
                last = newest.map_or(last, |slot| slot.to_utc());
                break;
            }
        }
        Some(Slots { first, last, count })
    }
}

/// Whole seconds: slots have no fraction.
fn local(at: DateTime<Utc>) -> DateTime<Tz> {
    at.with_timezone(&Shanghai).trunc_subsecs(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    fn schedule(text: &str) -> Schedule {
        Schedule::parse(text, at("2026-11-25T00:00:00+08:00")).unwrap()
    }

    #[test]
    fn five_six_and_seven_fields_are_read_on_the_clock_of_shanghai() {
        let noon = at("2026-11-25T12:00:00+08:00");
        for (text, next) in [
            ("30 8 * * *", "2026-11-26T08:30:00+08:00"),
            ("15 30 8 * * *", "2026-11-26T08:30:15+08:00"),
            ("0 0 9 1 1 * 2028", "2028-01-01T09:00:00+08:00"),
            ("0 9 5 1,4,7,10 *", "2027-01-05T09:00:00+08:00"),
            ("* * * * *", "2026-11-25T12:01:00+08:00"),
            ("0 9 * * MON-FRI", "2026-11-26T09:00:00+08:00"),
        ] {
            assert_eq!(schedule(text).next_after(noon), Some(at(next)), "{text}");
        }
    }

    #[test]
    fn what_never_fires_or_cannot_be_read_is_refused() {
        let now = at("2026-11-25T00:00:00+08:00");
        for text in ["0 0 9 30 2 *", "0 9 30 2 *", "0 0 9 1 1 * 2020"] {
            assert_eq!(Schedule::parse(text, now).unwrap_err(), ScheduleError::Never(text.to_owned()));
        }
        for text in ["", "9", "every day", "99 * * * *", "* * * * * * * *"] {
            assert_eq!(Schedule::parse(text, now).unwrap_err(), ScheduleError::Unreadable(text.to_owned()), "{text}");
        }
    }

    #[test]
    fn missed_slots_are_one_run_named_after_the_last() {
        let daily = schedule("0 9 * * *");
        let from = at("2026-09-30T10:00:00+08:00");
        let found = daily.slots(from, at("2026-12-02T08:00:00+08:00")).unwrap();
        assert_eq!(found.first, at("2026-10-01T09:00:00+08:00"));
        assert_eq!((found.last, found.count), (at("2026-12-01T09:00:00+08:00"), 62));
        assert_eq!(daily.slots(from, at("2026-10-01T08:59:59+08:00")), None);
        let within = at("2026-10-01T08:59:59.700+08:00");
        assert_eq!(daily.next_after(within), Some(found.first));
        let on_time = daily.slots(from, at("2026-10-01T09:00:00+08:00")).unwrap();
        assert_eq!((on_time.last, on_time.count), (on_time.first, 1));
    }

    #[test]
    fn a_year_is_told_in_short() {
        let claims = schedule("0 9 5 1,4,7,10 *").year(2026);
        assert_eq!((claims.days, claims.a_day, claims.named.len()), (4, 1, 4));
        assert_eq!(claims.named[3], at("2026-10-05T09:00:00+08:00"));
        let dense = schedule("* * * * *").year(2028);
        assert_eq!((dense.days, dense.a_day, dense.named.len()), (366, 1440, 0));
        let between = (at("2028-01-01T00:00:00+08:00"), at("2028-01-01T23:59:00+08:00"));
        assert_eq!(dense.between, Some(between));
        let weekdays = schedule("0 8,20 * * MON-FRI").year(2026);
        assert_eq!((weekdays.days, weekdays.a_day), (261, 2));
        assert_eq!(schedule("0 0 9 1 1 * 2028").year(2026), YearOfSlots::default());
    }

    #[test]
    fn years_of_minutes_end_at_the_last_slot() {
        let found = schedule("* * * * *").slots(at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:30Z")).unwrap();
        assert_eq!((found.last, found.count), (at("2027-01-01T00:00:00Z"), MAX_COUNTED));
    }
}
