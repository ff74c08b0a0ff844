//! What happens in a life, drawn from its seed before it begins: files, people's acts, and the weather.

use std::ops::Range;

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, Utc};
use shenling::cli::demo::season::dice::Dice;
use shenling::cli::demo::season::people::{Crowd, Person};
use shenling::subsidy::holidays::Year;

use super::clerk::{self, Class, Flaw};
use super::scene::{PRISONS, PROJECTS};
use super::weather::{Weather, weather};

/// First years in which a life may begin.
const BEGINNINGS: u32 = 6;
/// A prison's persons; they are trained again and again.
const PERSONS: usize = 3;

/// A file that lands in the inbox.
#[derive(Clone)]
pub struct Dropped {
    /// Its name.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
    /// Data rows; none where it is no form.
    pub rows: u32,
    /// Of a planning workbook: prison, year, and whether nothing is left owed.
    pub plan: Option<(usize, i32, bool)>,
}

/// One thing that happens.
#[derive(Clone)]
pub enum Event {
    /// Nothing but that the program looks.
    Look,
    /// A file lands in the inbox.
    File(Dropped),
    /// The plans that are there are approved.
    ApprovePlans(i32),
    /// So are the rosters that are not yet.
    ApproveRosters,
    /// The lead prison waits no longer.
    Close(i32),
    /// A holiday table is published.
    Table(Year),
    /// Somebody edits the ladder.
    Ladder {
        /// Steps before the deadline that are left out.
        without: usize,
        /// How often who is overdue is told.
        overdue: u32,
    },
    /// A prison loses its address, or gets one.
    Address {
        /// Which.
        prison: usize,
        /// Whether it has one from now on.
        there: bool,
    },
    /// A rate changes from the first day of a year.
    Rate {
        /// Which.
        at: usize,
        /// That year.
        from: i32,
    },
    /// A person claims between the quarters.
    Claim,
    /// The newest batch is voided.
    Void(u64),
    /// A line is to be taken back.
    Reverse(u64),
    /// What is settled is opened again.
    Reopen(u64),
    /// Somebody tries again, holds or lets go what is to leave.
    Decide(u64),
}

/// A life before it is lived.
pub struct Script {
    /// When it begins and ends.
    pub span: Range<DateTime<Utc>>,
    /// What happens, in order.
    pub events: Vec<(DateTime<Utc>, Event)>,
    /// Everybody.
    pub persons: Vec<Person>,
    /// What goes wrong outside.
    pub weather: Weather,
    /// Tables that are known from the beginning.
    pub tables: Vec<Year>,
}

/// An instant of a day in Shanghai.
pub fn instant(day: NaiveDate, minutes: u32) -> DateTime<Utc> {
    (day.and_hms_opt(0, 0, 0).unwrap() + TimeDelta::minutes(i64::from(minutes)) - TimeDelta::hours(8)).and_utc()
}

/// A civil day.
pub fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

/// Whether a throw falls below so many per cent.
pub fn chance(dice: &mut Dice, percent: u32) -> bool {
    dice.below(100) < percent
}

/// Draws the life of a seed.
pub fn script(seed: u64, years: u32) -> Script {
    let mut dice = Dice::new(seed);
    let first = 2024 + i32::try_from(dice.below(BEGINNINGS)).unwrap();
    let last = first + i32::try_from(years).unwrap();
    let span = instant(day(first, 9, 1), 480)..instant(day(last, 9, 1), 480);
    let mut crowd = Crowd::new(Dice::new(dice.throw()));
    let mut persons = Vec::new();
    for (at, prison) in PRISONS.iter().enumerate() {
        for _ in 0..PERSONS {
            persons.push(crowd.next(prison, &format!("320{at}"), day(2060, 1, 1), day(2061, 1, 1)));
        }
    }
    let mut draft = Draft { dice, events: Vec::new(), persons, serial: 0, files: 0 };
    for year in first..=last {
        draft.year(year, year == first);
    }
    draft.tables(first..last + 1);
    let Draft { mut dice, mut events, persons, .. } = draft;
    events.retain(|(at, _)| span.contains(at));
    events.sort_by_key(|(at, _)| *at);
    let weather = weather(&mut dice, &span);
    let tables = vec![table(&mut Dice::new(0), first - 1), table(&mut Dice::new(1), first)];
    Script { span, events, persons, weather, tables }
}

/// An act made of a throw, in a year.
type Drawn = fn(u64, i32) -> Event;

/// A life while it is drawn.
struct Draft {
    dice: Dice,
    events: Vec<(DateTime<Utc>, Event)>,
    persons: Vec<Person>,
    serial: u32,
    files: u32,
}

impl Draft {
    fn chance(&mut self, percent: u32) -> bool {
        chance(&mut self.dice, percent)
    }

    /// Some instant between two days.
    fn between(&mut self, from: NaiveDate, to: NaiveDate) -> DateTime<Utc> {
        let days = u32::try_from((to - from).num_days()).unwrap_or(1);
        let day = from + Days::new(u64::from(self.dice.below(days)));
        instant(day, self.dice.below(1440))
    }

    fn then(&mut self, at: DateTime<Utc>, event: Event) {
        self.events.push((at, event));
    }

    fn file(&mut self, at: DateTime<Utc>, what: &str, file: (Vec<u8>, u32), plan: Option<(usize, i32, bool)>) {
        self.files += 1;
        let name = format!("{what}{}", self.files).replace('.', &format!("-{}.", self.files));
        let dropped = Dropped { name, bytes: file.0, rows: file.1, plan };
        if self.chance(12) {
            let again = at + TimeDelta::minutes(i64::from(self.dice.below(60 * 24 * 40)));
            let copy = Dropped { name: format!("again-{}", dropped.name), ..dropped.clone() };
            self.then(again, Event::File(copy));
        }
        self.then(at, Event::File(dropped));
    }

    /// The courses of a year with their results, and before it the plans for them.
    fn year(&mut self, year: i32, is_first: bool) {
        let mut all = Vec::new();
        for prison in 0..PRISONS.len() {
            let classes = self.classes(prison, year);
            if is_first {
                let part = clerk::roster(&classes);
                let at = self.between(day(year, 9, 1), day(year, 9, 20));
                self.file(at, "roster.csv", part, None);
            } else {
                self.plans(prison, year, &classes);
            }
            all.extend(classes);
        }
        if is_first {
            let at = self.between(day(year, 9, 20), day(year, 9, 30));
            self.then(at, Event::ApproveRosters);
        } else {
            for (from, to) in [(day(year - 1, 12, 5), day(year, 1, 31)), (day(year, 2, 1), day(year, 4, 1))] {
                let at = self.between(from, to);
                self.then(at, Event::ApprovePlans(year));
            }
            if self.chance(25) {
                let at = self.between(day(year - 1, 12, 1), day(year, 1, 10));
                self.then(at, Event::Close(year));
            }
        }
        for class in &all {
            self.results(class);
        }
        self.acts(year);
    }

    /// The classes of a prison: two, or so many that its persons reach the cap.
    fn classes(&mut self, prison: usize, year: i32) -> Vec<Class> {
        let (first, many) = (self.dice.below(4) as usize, self.chance(30));
        let of_prison = prison * PERSONS;
        let mut classes = Vec::new();
        for project in (first..first + if many { 4 } else { 2 }).map(|project| project % PROJECTS.len()) {
            // Many classes come early and their results soon, so that one year's claims hold them all.
            let starts_on = day(year, 1, 10) + Days::new(u64::from(self.dice.below(if many { 100 } else { 250 })));
            let from = self.dice.below(2) as usize;
            let seats = self.persons[of_prison + from..of_prison + PERSONS].to_vec();
            classes.push(Class { project, name: format!("{year}年第1期"), starts_on, seats, is_prompt: many });
        }
        classes
    }

    /// What a prison files of its plan, and when.
    fn plans(&mut self, prison: usize, year: i32, classes: &[Class]) {
        let before = |month, of_month| day(year - 1, month, of_month);
        let whole = clerk::plan(PRISONS[prison], year, classes, &[], false);
        let early = self.between(before(9, 20), before(11, 29));
        let late = self.between(before(11, 30), day(year, 1, 25));
        match self.dice.below(100) {
            0..40 => self.file(early, "plan.xlsx", whole, Some((prison, year, true))),
            40..55 => {
                let without = [[2].as_slice(), &[3], &[4], &[3, 4]][self.dice.below(4) as usize];
                let part = clerk::plan(PRISONS[prison], year, classes, without, false);
                self.file(early, "part.xlsx", part, Some((prison, year, false)));
                self.file(late, "plan.xlsx", whole, Some((prison, year, true)));
            }
            55..70 => self.file(late, "plan.xlsx", whole, Some((prison, year, true))),
            70..80 => {
                let fewer: Vec<Class> =
                    classes.iter().map(|class| Class { seats: class.seats[1..].to_vec(), ..class.clone() }).collect();
                let first = clerk::plan(PRISONS[prison], year, &fewer, &[], false);
                self.file(early, "plan.xlsx", first, Some((prison, year, true)));
                self.file(late, "more.xlsx", whole, Some((prison, year, true)));
            }
            80..90 => {}
            _ => {
                let part = clerk::plan(PRISONS[prison], year, classes, &[], true);
                self.file(early, "spoilt.xlsx", part, Some((prison, year, false)));
                self.file(late, "plan.xlsx", whole, Some((prison, year, true)));
            }
        }
    }

    /// The result sheet of a class, perhaps with flaws, perhaps corrected later.
    fn results(&mut self, class: &Class) {
        let within = if class.is_prompt { 25 } else { 60 };
        let arrives = self.between(class.issued_on() + Days::new(1), class.issued_on() + Days::new(within));
        let first = self.serial + 1;
        let (mut rows, mut mended, mut flawed) = (Vec::new(), Vec::new(), false);
        for seat in 0..class.seats.len() {
            self.serial += 1;
            let flaw = match self.dice.below(100) {
                0..4 => Flaw::NoCertificate,
                4..7 => Flaw::NoId,
                7..9 => Flaw::WrongCheck,
                9..13 => Flaw::Failed,
                13..16 => Flaw::Unknown,
                16..19 if self.serial > first => Flaw::Shared,
                _ => Flaw::None,
            };
            flawed |= flaw != Flaw::None;
            rows.push(clerk::result_row(class, seat, self.serial, flaw));
            let corrected = if self.dice.below(100) < 6 { Flaw::OtherFee } else { Flaw::None };
            mended.push(clerk::result_row(class, seat, self.serial, corrected));
        }
        if self.chance(10) {
            // Twice the same person, in two versions: neither is taken.
            rows.push(clerk::result_row(class, 0, first, Flaw::OtherFee));
            flawed = true;
        }
        let count = |rows: &[String]| u32::try_from(rows.len()).unwrap_or(u32::MAX);
        let file = (clerk::results(&rows), count(&rows));
        self.file(arrives, "results.csv", file, None);
        if (flawed && self.chance(70)) || self.chance(15) {
            let later = arrives + TimeDelta::minutes(i64::from(self.dice.below(60 * 24 * 150)));
            let file = (clerk::results(&mended), count(&mended));
            self.file(later, "mended.csv", file, None);
        }
    }

    /// What people do in a year beside filing.
    fn acts(&mut self, year: i32) {
        let (from, to) = (day(year, 1, 1), day(year, 12, 31));
        let kinds: [(u32, Drawn); 10] = [
            (70, |_, _| Event::Claim),
            (40, |throw, _| Event::Void(throw)),
            (25, |throw, _| Event::Void(throw)),
            (60, |throw, _| Event::Reverse(throw)),
            (40, |throw, _| Event::Reverse(throw)),
            (30, |throw, _| Event::Reopen(throw)),
            (50, |throw, _| Event::Decide(throw)),
            (30, |throw, year| Event::Rate { at: (throw % 4) as usize, from: year }),
            (25, |throw, _| Event::Ladder { without: (throw % 7) as usize, overdue: (throw / 7 % 12) as u32 }),
            (100, |_, _| Event::Look),
        ];
        for (percent, event) in kinds {
            if self.chance(percent) {
                let (at, throw) = (self.between(from, to), self.dice.throw());
                self.then(at, event(throw, year));
            }
        }
        if self.chance(15) {
            let prison = self.dice.below(3) as usize;
            let lost = self.between(day(year, 9, 20), day(year, 12, 10));
            self.then(lost, Event::Address { prison, there: false });
            let found = lost + TimeDelta::hours(i64::from(self.dice.below(24 * 40)));
            self.then(found, Event::Address { prison, there: true });
        }
        if self.chance(20) {
            let at = self.between(from, to);
            self.file(at, "letter.xlsx", (b"no workbook at all".to_vec(), 0), None);
        }
    }

    /// Next year's table is published in November, or too late, or never.
    fn tables(&mut self, years: Range<i32>) {
        for year in years {
            let (usual, late) = (self.chance(70), self.chance(60));
            let at = if usual {
                self.between(day(year, 10, 25), day(year, 11, 28))
            } else {
                self.between(day(year, 11, 28), day(year + 1, 2, 1))
            };
            let throw = self.dice.throw();
            if usual || late {
                self.then(at, Event::Table(table(&mut Dice::new(throw), year + 1)));
            }
        }
    }
}

/// An invented table: the usual holidays, and some days off where ladders have their rungs.
fn table(dice: &mut Dice, year: i32) -> Year {
    let mut table = Year { year, citation: "演示".to_owned(), ..Year::default() };
    let mut off = |from: NaiveDate, days: u32| table.off.extend(from.iter_days().take(days as usize));
    off(day(year, 1, 1), 1 + dice.below(3));
    off(day(year, 1, 22) + Days::new(u64::from(dice.below(25))), 7 + dice.below(3));
    off(day(year, 5, 1), 5);
    off(day(year, 10, 1), 7 + dice.below(2));
    off(day(year, 11, 20) + Days::new(u64::from(dice.below(15))), dice.below(4));
    for around in [day(year, 9, 27), day(year, 10, 10), day(year, 11, 14), day(year, 12, 5)] {
        let next = around.iter_days().find(|day| day.weekday().number_from_monday() == 6);
        table.worked.extend(next.filter(|day| !table.off.contains(day)));
    }
    table
}
