//! What each duty of the daemon does in one round.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::super::{World, delivery, digest as summary, duties, mailbox as post_in, once, plan, words};
use super::{Office, alarms};
use crate::daemon::{Failure, Listen, Worked};
use crate::stages::{StageError, calculate as judge, collect as intake, deliver as post};
use crate::store::StoreError;
use crate::subsidy::calendar::{Period, civil_date};

/// Least time between two calls of the mailbox.
const BETWEEN_CALLS: Duration = Duration::from_secs(15);
/// Runs that ended well are forgotten after so many days.
const KEEP_RUNS: TimeDelta = TimeDelta::days(60);

/// A failure in words; whether the database is what failed shows in what caused it.
pub(super) fn failed(error: impl Into<anyhow::Error>) -> Failure {
    let error = error.into();
    let of_store = error.chain().any(|cause| {
        let store = cause.downcast_ref::<StoreError>().or_else(|| match cause.downcast_ref::<StageError>() {
            Some(StageError::Store(error)) => Some(error),
            _ => None,
        });
        store.is_some_and(StoreError::is_transient)
    });
    Failure { says: words::in_words(&error), of_store }
}

pub(super) async fn collect(office: Office, now: DateTime<Utc>) -> Result<Worked, Failure> {
    let world = office.world(now)?;
    let desk = world.desk().map_err(failed)?;
    let keep = once::kept_sources(&world).map_err(failed)?;
    let inbox = &world.settings.inbox;
    let (folder, keep) = (&*world.settings.paths.inbox, keep.as_deref());
    let settle = Duration::from_secs(inbox.stable_seconds.into());
    let (post, inbox) = (post_in::post(&world).map_err(failed)?, intake::Inbox { folder, keep, settle });
    let report = Box::pin(intake::run(&world.store, &desk, Some(&post), inbox, now)).await.map_err(failed)?;
    if let Some((name, error)) = report.left.first() {
        return Err(Failure { says: once::left_in_words(name, error), of_store: false });
    }
    if let Some(name) = report.withdrawn.first() {
        return Err(Failure { says: once::withdrawn_in_words(name), of_store: false });
    }
    world.store.prune_occurrences(now - KEEP_RUNS).await.map_err(failed)?;
    Ok(Worked::default())
}

/// One round over the mailbox.
pub(super) async fn mailbox(office: Office, now: DateTime<Utc>) -> Result<Worked, Failure> {
    let world = office.world(now)?;
    post_in::collect_mails(&world).await.map_err(failed)?;
    Ok(Worked::default())
}

/// Waits until a mail lies in the mailbox. What cannot be taken stays there: it must not make us run in circles.
pub(super) fn listen(office: Office) -> Listen {
    let wait = async |office: &Office| {
        tokio::time::sleep(BETWEEN_CALLS).await;
        let config = office.config();
        let Ok(server) = post_in::server(&config.settings, &config.environment) else { return false };
        // What is wrong is told by the round itself.
        intake::wait_for_mail(&server).await.is_ok()
    };
    Arc::new(move || {
        let office = office.clone();
        Box::pin(async move { while !wait(&office).await {} })
    })
}

/// Judges anew only where the facts, the catalogue or the day are others than at the last time.
pub(super) async fn calculate(office: Office, now: DateTime<Utc>) -> Result<Worked, Failure> {
    let world = office.world(now)?;
    let numbers = world.store.status().await.map_err(failed)?;
    let same = numbers.verdicts.is_some_and(|summary| {
        let run = summary.run;
        run.facts_version == numbers.facts_version
            && run.catalogue_sha256 == world.catalogue.sha256
            && run.claim_on == civil_date(now)
    });
    if !same {
        judge::run(&world.store, &world.catalogue, now).await.map_err(failed)?;
    }
    Ok(Worked::default())
}

/// Queues reminders, tells of whoever cannot be reached, and tells units what is held.
pub(super) async fn remind(office: Office, now: DateTime<Utc>) -> Result<Worked, Failure> {
    let world = office.world(now)?;
    let report = duties::remind_now(&world).await.map_err(failed)?;
    alarms::of_reminders(&world, &report.alarms).await.map_err(failed)?;
    duties::tell_held(&world).await.map_err(failed)?;
    Ok(Worked::default())
}

/// Compiles the plan of the city; looks for it only where the facts are others than at the last time.
pub(super) async fn compile(office: Office, now: DateTime<Utc>) -> Result<Worked, Failure> {
    let world = office.world(now)?;
    let facts = world.store.stamp().await.map_err(failed)?.facts_version;
    let seen = || office.compiled.lock().unwrap_or_else(PoisonError::into_inner);
    let same = *seen() == Some(facts);
    if !same {
        plan::compile_now(&world, None).await.map_err(failed)?;
        *seen() = Some(facts);
    }
    Ok(Worked::default())
}

/// Claims the quarter before the one in which the slot lies: a late run claims what it would have claimed in time.
pub(super) async fn claim(office: Office, slot: DateTime<Utc>, now: DateTime<Utc>) -> Result<Worked, Failure> {
    let world = office.world(now)?;
    let quarter = Period::of(civil_date(slot));
    let Some(before) = quarter.first_day().pred_opt() else { return Ok(Worked::default()) };
    let report = once::claim_now(&world, Period::of(before)).await.map_err(failed)?;
    let nothing = report.sealed.is_none();
    let says = if nothing { format!("{} 没有可申领的行", Period::of(before)) } else { String::new() };
    Ok(Worked { idle: nothing, says })
}

/// Takes back reminders that nobody owes any more, sends what is due, and tells of what is stuck.
pub(super) async fn deliver(office: Office, now: DateTime<Utc>) -> Result<Worked, Failure> {
    let world = office.world(now)?;
    let mut door = delivery::door(&world).map_err(failed)?;
    door.stopping = office.stopping.clone();
    duties::review(&world).await.map_err(failed)?;
    let password = |recipient: &str| world.zip_password(recipient);
    let report = post::run(&world.store, &door, password, now).await.map_err(failed)?;
    alarms::of_deliveries(&world, &report).await.map_err(failed)?;
    Ok(Worked::default())
}

/// Queues the digest of the day and renews the status page.
pub(super) async fn digest(office: Office, now: DateTime<Utc>) -> Result<Worked, Failure> {
    let world: World = office.world(now)?;
    summary::send(&world, &super::page_file(&world.settings)).await.map_err(failed)?;
    Ok(Worked::default())
}
