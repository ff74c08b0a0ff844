//! A rehearsal (演练): a whole year in order of date, and what an outage or an edit does to it.
//!
//! It shows what happens if nobody hands anything in: each reminder goes only to those who still owe.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, NaiveDate, Utc};

use super::{CourseEnd, Duty, Kind, Occurrence, Office, Planned, Step, decide};
use crate::subsidy::calendar::Period;
use crate::subsidy::holidays::Calendar;

/// From this day of October on next year's holiday table is awaited (the notices came from 25 October on).
pub const TABLE_AWAITED: (u32, u32) = (10, 25);

/// The plan as the programme runs it: what a rehearsal needs to know.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The duties.
    pub duties: Vec<Duty>,
    /// Office hours.
    pub office: Office,
    /// Working days.
    pub calendar: Calendar,
    /// Ends of the courses that are known.
    pub courses: Vec<CourseEnd>,
    /// Full names of the prisons.
    pub prisons: Vec<String>,
    /// The one among them that leads.
    pub lead: String,
    /// Names of the agencies by id.
    pub agencies: BTreeMap<String, String>,
    /// Ids of those that get the compiled plan and the claims.
    pub recipients: Vec<String>,
}

/// What kind of thing happens.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// Something is awaited from outside.
    Awaited,
    /// A deadline.
    Deadline,
    /// A reminder leaves.
    Reminder,
    /// Papers go from one desk to the next.
    HandOff,
}

impl EventKind {
    /// The word in lists.
    pub const fn name(self) -> &'static str {
        match self {
            EventKind::Awaited => "等候",
            EventKind::Deadline => "截止",
            EventKind::Reminder => "催报",
            EventKind::HandOff => "移交",
        }
    }

    /// The word in JSON.
    pub const fn code(self) -> &'static str {
        match self {
            EventKind::Awaited => "awaited",
            EventKind::Deadline => "deadline",
            EventKind::Reminder => "reminder",
            EventKind::HandOff => "hand-off",
        }
    }
}

/// One thing that happens in a year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The day.
    pub on: NaiveDate,
    /// The instant, where there is one.
    pub at: Option<DateTime<Utc>>,
    /// What kind of thing.
    pub kind: EventKind,
    /// The same thing in another rehearsal of the same year has the same key.
    pub key: String,
    /// What happens.
    pub what: String,
    /// To whom.
    pub to: Vec<String>,
    /// Who gets a copy.
    pub copies: Vec<String>,
    /// Why.
    pub why: String,
    /// Years without an official holiday table that the day was counted through; empty = certain.
    pub provisional: BTreeSet<i32>,
}

/// What an outage does to one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delay {
    /// What would have happened while the program was down, the last where several become one letter.
    pub events: Vec<Event>,
    /// When it happens instead; none for a deadline, which moves for nobody.
    pub instead: Option<DateTime<Utc>>,
    /// What the letter is about then: it may tell a step of the day on which the program comes back.
    pub what: String,
}

/// What an edit does to one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It comes to be.
    Added(Event),
    /// It happens no more.
    Removed(Event),
    /// It happens otherwise: before and after.
    Altered(Event, Event),
}

impl Scene {
    fn agency(&self, id: &str) -> String {
        self.agencies.get(id).cloned().unwrap_or_else(|| id.to_owned())
    }

    fn recipients(&self) -> Vec<String> {
        self.recipients.iter().map(|id| self.agency(id)).collect()
    }

    /// The deadlines whose ladders or hand-offs can touch a year.
    fn occurrences(&self, year: i32) -> Vec<(&Duty, Occurrence)> {
        let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default();
        let (from, to) = (day(year - 1, 1, 1), day(year + 1, 12, 31));
        let of = |duty| {
            let Self { calendar, courses, .. } = self;
            Duty::occurrences(duty, calendar, courses, from, to).into_iter().map(move |occurrence| (duty, occurrence))
        };
        self.duties.iter().flat_map(of).collect()
    }

    /// Everything of a calendar year in order of date.
    pub fn agenda(&self, year: i32) -> Vec<Event> {
        let mut events = Vec::new();
        for (duty, occurrence) in self.occurrences(year) {
            events.extend(self.reminders(duty, &occurrence));
            events.extend(self.deadline(duty, &occurrence));
        }
        events.extend(self.claims(year));
        events.extend(self.table_awaited(year));
        events.retain(|event| event.on.year() == year);
        events.sort_by(|a, b| (a.on, a.at, a.kind, &a.key).cmp(&(b.on, b.at, b.kind, &b.key)));
        events
    }

    /// Rungs that fall on one day are one letter.
    fn reminders(&self, duty: &Duty, occurrence: &Occurrence) -> Vec<Event> {
        let planned = occurrence.planned(&duty.ladder, &self.calendar);
        planned.chunk_by(|a, b| a.on == b.on).map(|steps| self.reminder(duty, occurrence, steps)).collect()
    }

    fn reminder(&self, duty: &Duty, occurrence: &Occurrence, steps: &[Planned]) -> Event {
        let last = steps.last().map_or(Step::DAY, |planned| planned.step);
        let on = steps.last().map_or(occurrence.target_on, |planned| planned.on);
        let named: Vec<String> = steps.iter().map(|planned| planned.step.to_string()).collect();
        let mut copies = Vec::new();
        if duty.escalation.tells_lead(last) && occurrence.prison.as_ref().is_none_or(|prison| *prison != self.lead) {
            copies.push(self.lead.clone());
        }
        copies.extend(duty.escalation.tells_agency(last).map(|id| self.agency(id)));
        let why = if last.is_overdue() {
            format!("{}，仅发给仍未报送的监狱", last.in_words())
        } else {
            format!("{}（按 {} 倒推），仅发给仍未报送的监狱", last.in_words(), occurrence.target_on)
        };
        Event {
            on,
            at: Some(self.office.opening_on(on)),
            kind: EventKind::Reminder,
            key: format!("{}:{}", occurrence.key(), named.join(",")),
            what: format!("{}{} {}", occurrence.words, duty.name, named.join("、")),
            to: self.owing(occurrence),
            copies,
            why,
            provisional: steps.iter().flat_map(|planned| planned.provisional.iter().copied()).collect(),
        }
    }

    fn owing(&self, occurrence: &Occurrence) -> Vec<String> {
        occurrence.prison.as_ref().map_or_else(|| self.prisons.clone(), |prison| vec![prison.clone()])
    }

    /// The deadline itself, and for the plan what follows from it.
    fn deadline(&self, duty: &Duty, occurrence: &Occurrence) -> Vec<Event> {
        let what = format!("{}{}", occurrence.words, duty.name);
        let moved = if occurrence.target_on == occurrence.due_on {
            String::new()
        } else {
            format!("；当天不是工作日，最后一个工作日是 {}，期限不顺延", occurrence.target_on)
        };
        let key = occurrence.key();
        let deadline = Event {
            on: occurrence.due_on,
            at: None,
            kind: EventKind::Deadline,
            key: format!("{key}:deadline"),
            what: format!("{what}报送截止"),
            to: self.owing(occurrence),
            copies: Vec::new(),
            why: format!("{}{moved}", why(duty)),
            provisional: occurrence.provisional.clone(),
        };
        let mut events = vec![deadline];
        if duty.kind == Kind::Plan {
            let next = self.calendar.add_working_days(occurrence.due_on, 1, false);
            events.push(Event {
                on: next.on,
                at: Some(self.office.opening_on(next.on)),
                kind: EventKind::HandOff,
                key: format!("{key}:compiled"),
                what: format!("{what}由{}汇总后上报", self.lead),
                to: self.recipients(),
                copies: Vec::new(),
                why: "各监狱报齐即可提前；未报齐的由牵头监狱决定是否先报（通知五（一））".to_owned(),
                provisional: next.provisional,
            });
        }
        events
    }

    /// A quarter's claim goes to the next desk after the quarter's end.
    fn claims(&self, year: i32) -> Vec<Event> {
        let quarters = (1..=4).filter_map(|quarter| {
            let period = Period::parse(&format!("{year}-Q{quarter}"))?;
            let before = Period::of(period.first_day().pred_opt()?);
            let next = self.calendar.add_working_days(before.last_day(), 1, false);
            Some(Event {
                on: next.on,
                at: Some(self.office.opening_on(next.on)),
                kind: EventKind::HandOff,
                key: format!("claim:{before}"),
                what: format!("{}期满，申领批次可以封存上报", before.in_words()),
                to: self.recipients(),
                copies: Vec::new(),
                why: "期满后第一个工作日；批次含期末及以前鉴定、尚未了结的结果（通知六）".to_owned(),
                provisional: next.provisional,
            })
        });
        quarters.collect()
    }

    fn table_awaited(&self, year: i32) -> Option<Event> {
        if self.calendar.table(year + 1).is_some() {
            return None;
        }
        let next = year + 1;
        Some(Event {
            on: NaiveDate::from_ymd_opt(year, TABLE_AWAITED.0, TABLE_AWAITED.1)?,
            at: None,
            kind: EventKind::Awaited,
            key: format!("table:{next}"),
            what: format!("{next}年节假日表"),
            to: vec!["管理员".to_owned()],
            copies: Vec::new(),
            why: format!("国务院办公厅的通知通常此后公布；公布后运行 shenling calendar import {next}.toml"),
            provisional: BTreeSet::new(),
        })
    }

    /// What would be late if the program were down from one day to another, both included.
    pub fn down(&self, year: i32, from: NaiveDate, to: NaiveDate) -> Vec<Delay> {
        let back = to.succ_opt().map(|day| self.office.opening_on(day)).unwrap_or_default();
        let open = self.office.next_open(&self.calendar, back);
        let mut delays = Vec::new();
        for (duty, occurrence) in self.occurrences(year) {
            let planned = occurrence.planned(&duty.ladder, &self.calendar);
            let told: BTreeSet<Step> = planned.iter().filter(|p| p.on < from).map(|p| p.step).collect();
            let missed = planned.iter().filter(|planned| (from..=to).contains(&planned.on));
            let events: Vec<Event> = missed
                .collect::<Vec<_>>()
                .chunk_by(|a, b| a.on == b.on)
                .map(|day| {
                    let steps: Vec<Planned> = day.iter().map(|planned| (*planned).clone()).collect();
                    self.reminder(duty, &occurrence, &steps)
                })
                .collect();
            if !events.is_empty() {
                let then = decide(&planned, &told, &self.office, &self.calendar, open).now;
                let steps: Vec<String> = then.iter().map(|planned| planned.step.to_string()).collect();
                let what = format!("{}{} {}", occurrence.words, duty.name, steps.join("、"));
                delays.push(Delay { events, instead: Some(open), what });
            }
        }
        let mut years: Vec<Event> = (from.year()..=to.year()).flat_map(|year| self.agenda(year)).collect();
        years.retain(|event| event.kind != EventKind::Reminder && (from..=to).contains(&event.on));
        delays.extend(years.into_iter().map(|event| Delay {
            instead: (event.kind == EventKind::HandOff).then_some(back),
            what: event.what.clone(),
            events: vec![event],
        }));
        delays.sort_by_key(|delay| delay.events.first().map(|event| event.on));
        delays
    }
}

/// Where a deadline comes from.
fn why(duty: &Duty) -> &'static str {
    match duty.kind {
        Kind::Plan => "每年11月底前制定下一年计划（通知五（一））",
        Kind::Results => "课程结业后若干天内报送（配置 [[duty]]，通知未规定）",
        Kind::Claim => "季度结束后若干工作日内报齐（配置 [[duty]]，通知未规定）",
    }
}

/// Whether anybody would notice: a date that became certain without moving is no change.
fn differs(before: &Event, after: &Event) -> bool {
    let seen = |event: &Event| (event.on, event.at, event.what.clone(), event.to.clone(), event.copies.clone());
    seen(before) != seen(after)
}

/// What differs between two rehearsals of one year, in order of date.
pub fn changes(before: &[Event], after: &[Event]) -> Vec<Change> {
    let index = |events: &[Event]| -> BTreeMap<String, Event> {
        events.iter().map(|event| (event.key.clone(), event.clone())).collect()
    };
    let (old, mut new) = (index(before), index(after));
    let mut changes: Vec<(NaiveDate, Change)> = Vec::new();
    for (key, event) in old {
        match new.remove(&key) {
            None => changes.push((event.on, Change::Removed(event))),
            Some(now) if differs(&event, &now) => changes.push((event.on.min(now.on), Change::Altered(event, now))),
            Some(_) => {}
        }
    }
    changes.extend(new.into_values().map(|event| (event.on, Change::Added(event))));
    changes.sort_by_key(|(on, _)| *on);
    changes.into_iter().map(|(_, change)| change).collect()
}
