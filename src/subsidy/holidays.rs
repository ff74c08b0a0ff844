//! Working days of mainland China: weekends, public holidays (放假) and weekend days worked (调休上班).
//!
//! A year without an official table is *provisional*: weekends only, and every answer that touched it says so.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Days, NaiveDate, Weekday};

/// Most days that a search walks before it gives up (no table closes the offices for so long).
const MAX_WALK_DAYS: u64 = 36_600;

/// The official table of one year.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Year {
    /// The calendar year.
    pub year: i32,
    /// The notice that it comes from.
    pub citation: String,
    /// Days off, weekends inside a holiday included.
    pub off: BTreeSet<NaiveDate>,
    /// Weekend days worked.
    pub worked: BTreeSet<NaiveDate>,
}

/// A day that was counted out, and the years without a table that the count touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The day.
    pub on: NaiveDate,
    /// Years of which no table is known; empty = certain.
    pub provisional: BTreeSet<i32>,
}

impl Counted {
    /// Whether a year without a table was touched.
    pub fn is_provisional(&self) -> bool {
        !self.provisional.is_empty()
    }
}

/// The tables of all known years.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    years: BTreeMap<i32, Year>,
}

impl Calendar {
    /// A calendar of tables; of two for one year the later counts.
    pub fn new(tables: impl IntoIterator<Item = Year>) -> Calendar {
        Calendar { years: tables.into_iter().map(|table| (table.year, table)).collect() }
    }

    /// The table of a year.
    pub fn table(&self, year: i32) -> Option<&Year> {
        self.years.get(&year)
    }

    /// The years of which a table is known.
    pub fn years(&self) -> impl Iterator<Item = i32> {
        self.years.keys().copied()
    }

    /// Whether offices work on a day; in a year without a table: whether it is no weekend.
    pub fn is_working_day(&self, day: NaiveDate) -> bool {
        let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        match self.years.get(&day.year()) {
            Some(table) if weekend => table.worked.contains(&day),
            Some(table) => !table.off.contains(&day),
            None => !weekend,
        }
    }

    /// The last working day on or before a day (RULES section 7).
    pub fn last_working_day_on_or_before(&self, day: NaiveDate) -> Counted {
        let mut counted = Counted { on: day, provisional: BTreeSet::new() };
        for _ in 0..MAX_WALK_DAYS {
            self.note(counted.on, &mut counted.provisional);
            if self.is_working_day(counted.on) {
                break;
            }
            let Some(before) = counted.on.pred_opt() else { break };
            counted.on = before;
        }
        counted
    }

    /// The `n`-th working day from a day, which itself counts as the first only if `count_first_day` says so
    /// (and if it is a working day). Zero gives the day itself.
    pub fn add_working_days(&self, from: NaiveDate, n: u32, count_first_day: bool) -> Counted {
        let mut counted = Counted { on: from, provisional: BTreeSet::new() };
        let mut left = n;
        for step in 0..MAX_WALK_DAYS {
            if left == 0 {
                break;
            }
            let Some(day) = from.checked_add_days(Days::new(step)) else { break };
            if step == 0 && !count_first_day {
                continue;
            }
            counted.on = day;
            self.note(day, &mut counted.provisional);
            left -= u32::from(self.is_working_day(day));
        }
        counted
    }

    fn note(&self, day: NaiveDate, provisional: &mut BTreeSet<i32>) {
        if !self.years.contains_key(&day.year()) {
            provisional.insert(day.year());
        }
    }
}
