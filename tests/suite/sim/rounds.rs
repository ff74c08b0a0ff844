//! A round: people's acts first, then the stages in the order in which work flows, each as the daemon runs it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use shenling::cli::duties::Filed;
use shenling::daemon::Schedule;
use shenling::forms::papers::Wanted;
use shenling::stages::deliver::{Door, MailDoor, Security, Server};
use shenling::stages::{StageError, calculate, claim, collect, compile, deliver, remind};
use shenling::store::{Ended, PacketFile, Slots, Store};
use shenling::subsidy::calendar::{Period, civil_date};
use zeroize::Zeroizing;

use super::life::{Life, Stop};
use super::scene::PRISONS;
use super::script::{day, instant};
use super::weather::plays;
use crate::mail::peer::Play;

/// When claims are made, as the default config has it.
const CLAIMS: &str = "0 9 5 1,4,7,10 *";
/// How long a lease of a duty holds.
const LEASE: TimeDelta = TimeDelta::seconds(120);
/// Most mails that one round sends and the server has an opinion on.
const PLAYED: usize = 60;

/// Of a hundred rounds so many calculate and compile: nothing that is told in the next hour depends on it.
const CALCULATED: u32 = 20;
const COMPILED: u32 = 25;

/// What a duty's look at its schedule found.
enum Look {
    /// Another process has the lease.
    Elsewhere,
    /// Nothing is due, or this.
    Due(Option<Slots>),
}

impl Life<'_> {
    /// One round at this instant.
    pub fn round(&mut self, real: DateTime<Utc>) -> Result<(), Stop> {
        let now = self.script.weather.clock(real);
        self.unfinished = false;
        self.heed_notices()?;
        for event in std::mem::take(&mut self.waiting) {
            self.act(real, now, &event)?;
        }
        self.collect(real, now)?;
        if self.chance(CALCULATED) || self.script.weather.is_fair(real) {
            self.calculate(real, now)?;
        }
        self.claim_when_due(real, now)?;
        if self.chance(COMPILED) || self.script.weather.is_fair(real) {
            self.compile(real, now, None)?;
        }
        self.remind(real, now)?;
        self.deliver(real, now)
    }

    fn collect(&mut self, real: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Stop> {
        let gone = self.script.weather.is_gone(real);
        let (store, desk) = (self.next_store(), self.scene.desk(&self.catalogue));
        let inbox = self.folder(if gone { "nowhere" } else { "inbox" });
        let is_excused = |error: &StageError| gone && matches!(error, StageError::Folder { .. });
        let inbox = collect::Inbox { folder: &inbox, keep: None, settle: Duration::ZERO };
        let work = collect::run(&store, &desk, None, inbox, now);
        if let Some(report) = self.stage(real, "collect", is_excused, work)? {
            self.tally.files += report.files.len() as u64;
            self.unfinished |= !report.left.is_empty() || !report.moving.is_empty();
        }
        Ok(self.learn()?)
    }

    /// Judges anew only where the facts, the catalogue or the day are others, as the daemon does.
    fn calculate(&mut self, real: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Stop> {
        let (store, catalogue) = (self.next_store(), self.catalogue.clone());
        let work = async {
            let numbers = store.status().await?;
            let is_same = numbers.verdicts.is_some_and(|summary| {
                let run = summary.run;
                run.facts_version == numbers.facts_version
                    && run.catalogue_sha256 == catalogue.sha256
                    && run.claim_on == civil_date(now)
            });
            if !is_same {
                calculate::run(&store, &catalogue, now).await?;
            }
            Ok(())
        };
        self.stage(real, "calculate", |_| false, work)?;
        Ok(())
    }

    /// The claim of the quarter before, if its slot has come: through the ledger of occurrences.
    fn claim_when_due(&mut self, real: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Stop> {
        let (store, schedule) = (self.next_store(), Schedule::parse(CLAIMS, now).unwrap());
        let (holder, starting) = (format!("process-{}", self.starts), self.is_starting());
        let (catalogue, order) = (self.catalogue.clone(), self.claim_order(Period::of(civil_date(now))));
        let edited = self.chance(4) && !self.script.weather.is_fair(real);
        let work = async {
            let due = match look(&store, &schedule, &holder, starting, now).await? {
                Look::Elsewhere => return Ok((false, None)),
                Look::Due(due) => due,
            };
            let mut report = None;
            if let Some(slots) = due {
                let quarter = Period::of(civil_date(slots.last)).first_day();
                let period = Period::of(quarter.pred_opt().unwrap_or(quarter));
                let order = claim::Order { period, ..order };
                let ran = claim::run(&store, &catalogue, &order, || !edited, now).await;
                let (ended, says) = match &ran {
                    Ok(_) => (Ended::Done, String::new()),
                    Err(error) => (Ended::Failed, error.to_string()),
                };
                store.end_occurrence("claim", slots.last, ended, &says, now).await?;
                report = Some(ran?);
            }
            store.release_duty("claim", &holder).await?;
            Ok((true, report))
        };
        let is_excused = |error: &StageError| edited && matches!(error, StageError::CatalogueChanged);
        let Some((had_lease, report)) = self.stage(real, "claim", is_excused, work)? else {
            // A duty that failed is looked at again as at the start.
            self.starts_anew();
            return Ok(());
        };
        self.unfinished |= !had_lease;
        if had_lease {
            self.has_started();
        }
        Ok(self.sealed(report.and_then(|report| report.sealed))?)
    }

    /// What a claim is made with.
    pub fn claim_order(&self, period: Period) -> claim::Order {
        claim::Order {
            period,
            recipients: self.recipients(),
            stationery: self.scene.stationery.clone(),
            wanted: if self.habits.prints_all { Wanted::Everything } else { Wanted::Workbooks },
        }
    }

    /// The plan of the city, where all is in or the lead prison waits no longer.
    pub fn compile(
        &mut self,
        real: DateTime<Utc>,
        now: DateTime<Utc>,
        closing: Option<compile::Closing>,
    ) -> Result<(), Stop> {
        let (store, catalogue) = (self.next_store(), self.catalogue.clone());
        let order = compile::Order {
            recipients: self.recipients(),
            stationery: self.scene.stationery.clone(),
            specs: self.scene.specs.clone(),
            closing,
        };
        let work = compile::run(&store, &catalogue, &order, now);
        if let Some(compiled) = self.stage(real, "compile", |_| false, work)? {
            self.tally.plans += compiled.len() as u64;
        }
        Ok(())
    }

    fn remind(&mut self, real: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Stop> {
        self.asked = Some(self.ask(now));
        let (store, settings, calendar) = (self.next_store(), self.settings.clone(), self.calendar.clone());
        let (catalogue, templates) = (self.catalogue.clone(), &self.scene.templates);
        let work = async {
            let filed = Filed::load(&store, &settings).await.map_err(|error| match error.downcast() {
                Ok(error) => StageError::Store(error),
                Err(error) => StageError::Broken(error.to_string()),
            })?;
            let owing = filed.owing(&settings, &catalogue, &calendar, civil_date(now));
            let order = remind::Order { settings: &settings, calendar: &calendar, templates, owing: &owing };
            // What is attached is no part of what is lived through.
            let form = async |_| vec![PacketFile { name: "plan.xlsx".to_owned(), bytes: vec![1, 2, 3] }];
            let report = remind::run(&store, &order, form, now).await?;
            remind::review(&store, &order, form, now).await?;
            Ok(report)
        };
        if let Some(report) = self.stage(real, "remind", |_| false, work)? {
            self.opens_at = report.waiting_until;
            self.heed_notices()?;
            self.nobody_is_forgotten(now)?;
        }
        Ok(())
    }

    /// Sends what is due, and counts what the mail server got.
    fn deliver(&mut self, real: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Stop> {
        let weather = self.script.weather.clone();
        let trouble = if weather.is_fair(real) { 0 } else { weather.mail_trouble };
        self.post.then(&plays(&mut self.dice, trouble, PLAYED));
        let (store, door) = (self.next_store(), self.door(weather.is_blocked(real), weather.is_away(real)));
        let password = |_: &str| Some(Zeroizing::new("sim-2026".to_owned()));
        let work = deliver::run(&store, &door, password, now);
        let ended = self.stage(real, "deliver", |_| false, work);
        let came = self.post.came();
        if let Err(Stop::Cut) = ended {
            // The last mail was taken over, and nobody may have written it down.
            let last = came.iter().rfind(|mail| matches!(mail.play, Play::Accept | Play::DropAfterAccept));
            if let Some(last) = last {
                *self.known.doubts.entry(last.message_id.clone()).or_default() += 1;
            }
        }
        self.mails_came(&came)?;
        if let Some(report) = ended? {
            let well = |one: &deliver::Delivered| matches!(one.answer, deliver::Answer::Accepted(_));
            self.unfinished |= report.waiting > 0 || !report.delivered.iter().all(well);
        }
        Ok(())
    }

    fn door(&self, is_blocked: bool, is_away: bool) -> Door {
        Door {
            outbox: self.folder(if is_blocked { "no-folder/outbox" } else { "outbox" }),
            lease: TimeDelta::seconds(300),
            retry: TimeDelta::seconds(600),
            stopping: Arc::default(),
            mail: Some(MailDoor {
                server: Ok(Server {
                    host: "127.0.0.1".to_owned(),
                    port: self.post.port(is_away),
                    security: Security::Plain,
                    login: None,
                    ca: None,
                    patience: Duration::from_mins(1),
                }),
                from: ("演示".to_owned(), "shenling@example.cn".to_owned()),
                connections: 1,
                per_domain_per_minute: 20,
                max_message_bytes: 10_000_000,
                templates: Arc::new(self.scene.templates.clone()),
                programme: self.settings.programme.name.clone(),
                office: PRISONS[0].to_owned(),
                batches_to: self.batches_to(),
            }),
        }
    }

    /// Packing for the bureau takes long, because it is encrypted: only some lives do it.
    fn recipients(&self) -> Vec<String> {
        let ids: &[&str] = if self.habits.prints_all { &["bureau", "finance"] } else { &["finance"] };
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    /// In some lives batches go out by mail too.
    fn batches_to(&self) -> BTreeMap<String, (String, Vec<String>)> {
        if !self.habits.prints_all {
            return BTreeMap::new();
        }
        let bureau = self.settings.agency("bureau").unwrap();
        BTreeMap::from([("bureau".to_owned(), (bureau.name.clone(), bureau.email.clone()))])
    }

    /// The store of the machine whose turn it is.
    pub fn next_store(&mut self) -> Store {
        let machine = self.machine();
        self.process().store(machine)
    }

    /// The mornings on which claims are due.
    pub fn quarter_days(&self) -> Vec<DateTime<Utc>> {
        let span = &self.script.span;
        let years = span.start.year()..=span.end.year();
        years.flat_map(|year| [1, 4, 7, 10].map(|month| instant(day(year, month, 5), 541))).collect()
    }

    /// The next morning on which somebody may have to be told something.
    pub fn next_rung(&self, real: DateTime<Utc>) -> DateTime<Utc> {
        let mut days = BTreeSet::new();
        for year in real.year()..=real.year() + 2 {
            let owes = |prison: &usize| !self.known.whole.get(&(*prison, year)).copied().unwrap_or(false);
            if (0..PRISONS.len()).any(|prison| owes(&prison)) {
                days.extend(self.rungs(year).into_iter().map(|(_, on)| on));
            }
        }
        let mornings = days.into_iter().map(|day| instant(day, 542));
        let opens = self.opens_at.map(|at| at + TimeDelta::minutes(2));
        mornings.chain(opens).filter(|at| *at > real).min().unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

/// What the daemon's duty asks the ledger.
async fn look(
    store: &Store,
    schedule: &Schedule,
    holder: &str,
    starting: bool,
    now: DateTime<Utc>,
) -> Result<Look, StageError> {
    if !store.lease_duty("claim", holder, now + LEASE, now).await? {
        return Ok(Look::Elsewhere);
    }
    let until = store.evaluated_until("claim").await?;
    let missed = until.filter(|until| *until <= now).and_then(|until| schedule.slots(until, now));
    let owed = if starting { store.unfinished_occurrence("claim").await? } else { None };
    if let (None, Some(owed)) = (&missed, owed) {
        store.resume_occurrence("claim", &owed, holder, now).await?;
        store.end_orphans("claim", owed.last, "cut off", now).await?;
        return Ok(Look::Due(Some(owed)));
    }
    let entered = store.begin_occurrence("claim", missed.as_ref(), now, holder).await?;
    if let Some(slots) = missed.as_ref().filter(|_| starting) {
        store.end_orphans("claim", slots.last, "cut off", now).await?;
    }
    Ok(Look::Due(missed.filter(|_| entered)))
}
