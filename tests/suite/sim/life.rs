//! A life: rounds of the real stages on a real store, from one event to the next, and what people do in between.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use shenling::cli::demo::season::dice::Dice;
use shenling::settings::Settings;
use shenling::stages::StageError;
use shenling::store::{GivenNotice, sha256_hex};
use shenling::subsidy::catalogue::Catalogue;
use shenling::subsidy::duty::{Kind, Ladder, Step};
use shenling::subsidy::holidays::{Calendar, Year};

use super::acts::STEPS;
use super::post::{Copies, Post};
use super::process::{Ended, Process};
use super::rules::{self, Violation};
use super::scene::{Scene, quick_folder};
use super::script::{Dropped, Event, Script, chance, script};
use super::tally::Tally;
use super::witness::Asked;

/// Rounds that follow one in which something was left to do.
const FOLLOWING: [i64; 4] = [9, 25, 75, 150];
/// Rounds in fair weather until everything must have left.
const MAX_LAST_ROUNDS: u32 = 30;

/// Why a round ended before its end.
pub enum Stop {
    /// The process was killed, or lost its database.
    Cut,
    /// A rule does not hold.
    Broken(Violation),
}

impl From<Violation> for Stop {
    fn from(violation: Violation) -> Stop {
        Stop::Broken(violation)
    }
}

/// What the life itself knows, apart from the store.
#[derive(Default)]
pub struct Known {
    /// Every file that was dropped, by hash.
    pub files: BTreeMap<String, Dropped>,
    /// Whether the plan that counts is whole, by prison and year.
    pub whole: BTreeMap<(usize, i32), bool>,
    /// The next report to be read.
    pub next_report: i64,
    /// Hash of each batch when it was first seen.
    pub seals: BTreeMap<String, String>,
    /// What the mail server got, by Message-ID.
    pub copies: BTreeMap<String, Copies>,
    /// How often it may have got a mail without our knowing.
    pub doubts: BTreeMap<String, u32>,
    /// Notices seen so far.
    pub notices: Vec<GivenNotice>,
}

/// What takes long, and so not every life does.
#[derive(Clone, Copy)]
pub struct Habits {
    /// All that it leaves is compared.
    pub is_dumped: bool,
    /// Claims print everything and go out by mail too.
    pub prints_all: bool,
}

/// A life that is being lived.
pub struct Life<'a> {
    pub scene: &'a Scene,
    pub post: &'a Post,
    pub script: Script,
    pub dice: Dice,
    pub dir: tempfile::TempDir,
    pub settings: Arc<Settings>,
    pub catalogue: Arc<Catalogue>,
    pub calendar: Arc<Calendar>,
    /// The ladder in force: days before the deadline, and how often who is overdue is told.
    pub steps: Vec<u32>,
    /// As above.
    pub overdue: u32,
    /// What not every life does.
    pub habits: Habits,
    pub known: Known,
    pub tally: Tally,
    /// What people want to do and could not, because nothing ran.
    pub waiting: Vec<Event>,
    /// Something was left to do at the last round.
    pub unfinished: bool,
    pub starts: u32,
    /// When those are told whose letters wait for the office to open.
    pub opens_at: Option<DateTime<Utc>>,
    /// What was so when reminders were last asked for.
    pub asked: Option<Asked>,
    /// The duty of claims has not looked at its schedule since the process began, or failed.
    starting: bool,
    tables: Vec<Year>,
    url: String,
    machines: usize,
    process: Option<Process>,
}

/// How a life ended: its figures, and what it left.
pub type Lived = (Tally, String);

/// Lives the life of a seed on a database of its own, or on the one of this address. With `is_dumped` what it leaves is
/// given in full.
pub fn live(
    scene: &Scene,
    post: &Post,
    (seed, years): (u64, u32),
    is_dumped: bool,
    url: Option<String>,
) -> Result<Lived, Violation> {
    let script = script(seed, years);
    let dir = quick_folder();
    for name in ["inbox", "outbox"] {
        fs::create_dir(dir.path().join(name)).unwrap();
    }
    fs::write(dir.path().join("no-folder"), "").unwrap();
    let url = url.unwrap_or_else(|| {
        let file = dir.path().join("life.db");
        fs::copy(&scene.empty, &file).unwrap();
        format!("sqlite:{}", file.display())
    });
    post.came();
    let machines = if seed.is_multiple_of(3) { 2 } else { 1 };
    let mut life = Life {
        scene,
        post,
        dice: Dice::new(seed ^ 0x5EED),
        dir,
        settings: Arc::new(duties_of(scene, seed)),
        catalogue: Arc::new(scene.catalogue.clone()),
        calendar: Arc::new(Calendar::new(script.tables.clone())),
        steps: STEPS.to_vec(),
        overdue: overdue_of(seed),
        habits: Habits { is_dumped: is_dumped || seed.is_multiple_of(8), prints_all: seed % 20 == 1 },
        known: Known { next_report: 1, ..Known::default() },
        tally: Tally::default(),
        waiting: Vec::new(),
        unfinished: false,
        starts: 0,
        opens_at: None,
        asked: None,
        starting: true,
        tables: script.tables.clone(),
        script,
        url,
        machines,
        process: None,
    };
    let ended = life.whole();
    if let Some(process) = life.process.take() {
        life.tally.points += process.end();
    }
    ended.map(|dump| (life.tally, dump))
}

/// How often who is overdue is told: as often as by default in some lives, less in the others, which are shorter so.
fn overdue_of(seed: u64) -> u32 {
    if seed.is_multiple_of(4) { 20 } else { 5 }
}

/// In some lives results and claims are asked for too.
fn duties_of(scene: &Scene, seed: u64) -> Settings {
    let mut settings = scene.settings.clone();
    settings.duties[0].ladder = Ladder::new(STEPS.map(Step::before), overdue_of(seed));
    if seed % 5 != 2 {
        settings.duties.retain(|duty| duty.kind == Kind::Plan);
    }
    settings
}

impl Life<'_> {
    /// From the first event to the last round.
    fn whole(&mut self) -> Result<String, Violation> {
        let mut events = std::mem::take(&mut self.script.events).into_iter().peekable();
        let mut turns = self.script.weather.turns();
        turns.extend(self.quarter_days());
        turns.retain(|at| self.script.span.contains(at));
        turns.sort_unstable();
        let mut turns = turns.into_iter().peekable();
        let (mut now, end) = (self.script.span.start, self.script.span.end);
        let mut following = 0;
        let mut verified_in = now;
        loop {
            let mut next = self.next_rung(now).min(end);
            next = next.min(events.peek().map_or(end, |(at, _)| *at)).min(turns.peek().copied().unwrap_or(end));
            if self.unfinished && following < FOLLOWING.len() {
                next = next.min(now + TimeDelta::minutes(FOLLOWING[following]));
                following += 1;
            } else {
                following = 0;
            }
            now = next.max(now);
            if now >= end {
                break;
            }
            while turns.next_if(|at| *at <= now).is_some() {}
            while let Some((_, event)) = events.next_if(|(at, _)| *at <= now) {
                self.happens(event);
            }
            self.look(now)?;
            if now - verified_in > TimeDelta::days(180) && !self.script.weather.is_down(now) {
                self.verify_all()?;
                verified_in = now;
            }
        }
        self.last_rounds(end)
    }

    /// What happens whether anything runs or not.
    fn happens(&mut self, event: Event) {
        self.tally.events += 1;
        match event {
            Event::File(dropped) => {
                fs::write(self.dir.path().join("inbox").join(&dropped.name), &dropped.bytes).unwrap();
                self.known.files.insert(sha256_hex(&dropped.bytes), dropped);
            }
            Event::Table(table) => {
                self.tables.push(table);
                self.calendar = Arc::new(Calendar::new(self.tables.clone()));
            }
            other => self.waiting.push(other),
        }
    }

    /// A round, if anything runs; a process that is cut off starts again.
    fn look(&mut self, real: DateTime<Utc>) -> Result<(), Violation> {
        if self.script.weather.is_down(real) {
            self.stop();
            return Ok(());
        }
        self.tally.rounds += 1;
        match self.round(real) {
            Ok(()) => Ok(()),
            Err(Stop::Broken(violation)) => Err(violation),
            Err(Stop::Cut) => {
                self.stop();
                self.unfinished = true;
                Ok(())
            }
        }
    }

    fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            self.tally.points += process.end();
        }
    }

    /// The running process; started where none runs.
    pub fn process(&mut self) -> &Process {
        if self.process.is_none() {
            self.starts += 1;
            self.starting = true;
            self.process = Some(Process::start(&self.url, self.machines).unwrap());
        }
        self.process.as_ref().unwrap()
    }

    /// Runs a stage: perhaps killed, perhaps without a database. `is_excused` are errors that the weather explains.
    pub fn stage<T>(
        &mut self,
        real: DateTime<Utc>,
        what: &str,
        is_excused: impl Fn(&StageError) -> bool,
        work: impl Future<Output = Result<T, StageError>>,
    ) -> Result<Option<T>, Stop> {
        let (kill, lost) = self.fate(real);
        let process = self.process();
        if lost {
            process.lose_database();
        }
        match process.run(kill, work) {
            Ended::Done(Ok(value)) if lost => {
                drop(value);
                Err(Stop::Cut)
            }
            Ended::Done(Ok(value)) => Ok(Some(value)),
            Ended::Done(Err(StageError::Store(error))) if lost && error.is_transient() => Err(Stop::Cut),
            Ended::Done(Err(error)) if is_excused(&error) => {
                self.unfinished = true;
                Ok(None)
            }
            Ended::Done(Err(error)) => rules::failed(format!("{what}: {error:?}")).map_err(Stop::Broken),
            Ended::Killed(_) => {
                self.tally.kills += 1;
                Err(Stop::Cut)
            }
        }
    }

    /// At which fail point the next work is killed, and whether it finds the database away.
    fn fate(&mut self, real: DateTime<Utc>) -> (Option<u32>, bool) {
        let (kill, point, lost) = (self.dice.below(100), 1 + self.dice.below(12), self.dice.below(100));
        let weather = &self.script.weather;
        if weather.is_fair(real) {
            return (None, false);
        }
        ((kill < weather.kills).then_some(point), lost < weather.database_away)
    }

    /// Whether the duty of claims has yet to look at its schedule.
    pub fn is_starting(&mut self) -> bool {
        self.process();
        self.starting
    }

    /// It has looked.
    pub fn has_started(&mut self) {
        self.starting = false;
    }

    /// It failed and looks again.
    pub fn starts_anew(&mut self) {
        self.starting = true;
    }

    /// Which machine does the next work.
    pub fn machine(&mut self) -> usize {
        self.dice.below(2) as usize
    }

    /// A folder of this life.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A throw of so many per cent.
    pub fn chance(&mut self, percent: u32) -> bool {
        chance(&mut self.dice, percent)
    }

    /// In fair weather everything leaves that can; a second round at once changes nothing.
    fn last_rounds(&mut self, end: DateTime<Utc>) -> Result<String, Violation> {
        let mut now = end;
        for _ in 0..MAX_LAST_ROUNDS {
            self.look(now)?;
            now += TimeDelta::minutes(80);
            if !self.unfinished && self.states().iter().all(|state| state != "due" && state != "sending") {
                break;
            }
        }
        self.look(now)?;
        let before = self.state();
        self.look(now)?;
        let after = self.state();
        rules::a_second_round_changes_nothing(&before, &after)?;
        self.verify_all()?;
        self.verify_deliveries()?;
        self.verify_files()?;
        Ok(after)
    }

    /// What must not change any more: in some lives all of it, else the log of all changes.
    fn state(&mut self) -> String {
        if self.habits.is_dumped {
            return self.dump();
        }
        let store = self.process().store(0);
        let stamp = self.process().calm(store.stamp()).unwrap();
        format!("{stamp:?}\n{:?}\n", self.states())
    }

    /// Every store's facts as text.
    pub fn dump(&mut self) -> String {
        let store = self.process().store(0);
        self.process().calm(store.dump()).unwrap()
    }

    fn states(&mut self) -> BTreeSet<String> {
        let store = self.process().store(0);
        let deliveries = self.process().calm(store.deliveries());
        deliveries.unwrap().into_iter().map(|line| line.state).collect()
    }
}
