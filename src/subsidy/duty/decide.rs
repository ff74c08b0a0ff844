//! Who is written to now, about which steps, and when the next letter comes.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Timelike, Utc};

use super::{Duty, Occurrence, Planned, Step};
use crate::subsidy::calendar::civil_date;
use crate::subsidy::holidays::Calendar;

/// Asia/Shanghai is ahead of UTC by so many hours, without summer time.
const ZONE_HOURS: i64 = 8;
/// No holiday closes the offices for longer.
const MAX_CLOSED_DAYS: usize = 400;

/// Office hours in Asia/Shanghai, on working days; the closing time itself is outside.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Office {
    /// Opening time.
    pub opens: NaiveTime,
    /// Closing time.
    pub closes: NaiveTime,
}

impl Default for Office {
    fn default() -> Office {
        let at = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or_default();
        Office { opens: at(9), closes: at(17) }
    }
}

impl Office {
    /// Whether the office is open.
    pub fn is_open(&self, calendar: &Calendar, now: DateTime<Utc>) -> bool {
        let local = (now.naive_utc() + TimeDelta::hours(ZONE_HOURS)).time();
        calendar.is_working_day(civil_date(now)) && (self.opens..self.closes).contains(&local)
    }

    /// Now if the office is open, else when it opens next.
    pub fn next_open(&self, calendar: &Calendar, now: DateTime<Utc>) -> DateTime<Utc> {
        if self.is_open(calendar, now) {
            return now;
        }
        let days = civil_date(now).iter_days().take(MAX_CLOSED_DAYS);
        let openings = days.filter(|day| calendar.is_working_day(*day)).map(|day| self.opening_on(day));
        openings.filter(|opening| *opening > now).min().unwrap_or(now)
    }

    /// The instant at which the office opens on a day.
    pub fn opening_on(&self, day: NaiveDate) -> DateTime<Utc> {
        (day.and_time(self.opens) - TimeDelta::hours(ZONE_HOURS)).and_utc()
    }

    /// Whole minutes, as letters print them: `09:00—17:00`.
    pub fn in_words(&self) -> String {
        let clock = |time: NaiveTime| format!("{:02}:{:02}", time.hour(), time.minute());
        format!("{}—{}", clock(self.opens), clock(self.closes))
    }
}

/// What one ladder asks for at an instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Steps that one letter tells now. Empty outside office hours.
    pub now: Vec<Planned>,
    /// Steps that wait for the office to open, in one letter.
    pub deferred: Vec<Planned>,
    /// Whether one of these should have left on an earlier day.
    pub late: bool,
    /// The step after these.
    pub next: Option<Planned>,
}

/// Decides for one prison and one deadline; `recorded` are the steps of which it was told.
///
/// Only steps behind the last one on record count: one that an edit of the config slips in before it is past, and a
/// clock that was ahead for a while has told everything up to where it was.
pub fn decide(
    planned: &[Planned],
    recorded: &BTreeSet<Step>,
    office: &Office,
    calendar: &Calendar,
    now: DateTime<Utc>,
) -> Decision {
    let today = civil_date(now);
    let open = planned.iter().filter(|planned| recorded.last().is_none_or(|last| planned.step > *last));
    let (due, later): (Vec<&Planned>, Vec<&Planned>) = open.partition(|planned| planned.on <= today);
    let mut decision = Decision {
        late: due.iter().any(|planned| planned.on < today),
        next: later.first().map(|planned| (*planned).clone()),
        ..Decision::default()
    };
    let due = due.into_iter().cloned().collect();
    if office.is_open(calendar, now) {
        decision.now = due;
    } else {
        decision.deferred = due;
    }
    decision
}

/// What a prison still owes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owing {
    /// The deadline.
    pub occurrence: Occurrence,
    /// The prison's full name.
    pub prison: String,
    /// Exactly what is missing, e.g. `附件3 培训人员信息表`.
    pub missing: Vec<String>,
}

/// The steps on record, per duty, term and prison.
pub type Record = BTreeMap<(String, String, String), BTreeSet<Step>>;

/// One deadline in a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The duty.
    pub duty: Duty,
    /// The deadline, and what is missing.
    pub owing: Owing,
    /// The steps that the letter tells, in order; several where letters were missed or days fell together.
    pub steps: Vec<Planned>,
    /// Whether one of them should have left on an earlier day.
    pub late: bool,
    /// The step after these, if one is left.
    pub next: Option<Planned>,
}

impl Item {
    /// The last step, which says how late it is.
    pub fn step(&self) -> Step {
        self.steps.last().map_or(Step::DAY, |planned| planned.step)
    }
}

/// The one letter that a prison gets now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// The prison's full name.
    pub prison: String,
    /// What it is about, the most urgent first.
    pub items: Vec<Item>,
    /// Whether the lead prison gets a copy.
    pub copy_lead: bool,
    /// Ids of the agencies that get a copy.
    pub copy_agencies: BTreeSet<String>,
}

/// What is to be written now: at most one letter per prison. Second: when the office opens for those that must wait.
pub fn actions(
    duties: &[Duty],
    owing: &[Owing],
    recorded: &Record,
    office: &Office,
    calendar: &Calendar,
    now: DateTime<Utc>,
) -> (Vec<Action>, Option<DateTime<Utc>>) {
    let mut letters: BTreeMap<&str, Vec<Item>> = BTreeMap::new();
    let mut waits = false;
    for owing in owing {
        let Some(duty) = duties.iter().find(|duty| duty.id == owing.occurrence.duty) else { continue };
        let planned = owing.occurrence.planned(&duty.ladder, calendar);
        let key = (duty.id.clone(), owing.occurrence.term.clone(), owing.prison.clone());
        let none = BTreeSet::new();
        let told = recorded.get(&key).unwrap_or(&none);
        let Decision { now: steps, deferred, late, next } = decide(&planned, told, office, calendar, now);
        waits |= !deferred.is_empty();
        if !steps.is_empty() {
            let item = Item { duty: duty.clone(), owing: owing.clone(), steps, late, next };
            letters.entry(&owing.prison).or_default().push(item);
        }
    }
    let letters = letters.into_iter().map(|(prison, items)| action(prison, items)).collect();
    (letters, waits.then(|| office.next_open(calendar, now)))
}

fn action(prison: &str, mut items: Vec<Item>) -> Action {
    items.sort_by(|a, b| {
        let key =
            |item: &Item| (item.owing.occurrence.due_on, item.duty.id.clone(), item.owing.occurrence.term.clone());
        key(a).cmp(&key(b))
    });
    let told = |item: &Item| item.duty.escalation.tells_agency(item.step()).map(str::to_owned);
    Action {
        prison: prison.to_owned(),
        copy_lead: items.iter().any(|item| item.duty.escalation.tells_lead(item.step())),
        copy_agencies: items.iter().filter_map(told).collect(),
        items,
    }
}
