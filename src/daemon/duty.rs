//! One duty of the daemon: woken by the schedule, it looks at the ledger, runs what is due, and notes how it ended.
//!
//! Reads, writes: the occurrence ledger and the lease of the duty.
//! Safe to repeat because a slot is entered once, under the lease; what the work itself does is safe by its stage.
//! When it fails: the failure is noted, told once, and the work is tried again with a growing pause.
//! Trusts: nothing about the clock. Set forward, it merges what it jumped over into one run; set back, it runs no slot
//! twice.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Notify, watch};
use tokio::task::{JoinError, JoinSet};
use tracing::{info, warn};

use super::house::House;
use super::schedule::MAX_COUNTED;
use super::{Failure, Job, Listening, Schedule, Worked, clock};
use crate::store::{Ended, Slots, StoreError};

/// How long a lease holds unless it is renewed.
const LEASE: TimeDelta = TimeDelta::seconds(120);
/// How often it is renewed.
const RENEW: Duration = Duration::from_secs(30);
/// The schedule is looked at so often even if nothing wakes us.
const LOOK: Duration = Duration::from_mins(1);
/// While starting, a lease that another has is asked for again so soon.
const LEASE_RETRY: Duration = Duration::from_secs(5);
/// A slot that begins later than this was missed; until then several slots of a dense schedule are one run in time.
const GRACE: TimeDelta = TimeDelta::seconds(120);
/// What the ledger says of a run whose process died and whose work another run did.
const CUT_OFF: &str = "运行中断：进程被终止，由其后一次补做";
/// Pause after a failure; doubles up to the longest.
const FIRST_RETRY: Duration = Duration::from_secs(30);
const LONGEST_RETRY: Duration = Duration::from_mins(5);
/// How soon it is asked again whether the duties that come first are done, and for how long at most: one that hangs or
/// fails again and again must not keep the others from their work.
const FIRST_RETRY_AFTER: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_mins(3);

/// A duty that comes before another, and when.
type First = (&'static str, Schedule);

/// Why a duty looks around.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Why {
    /// A slot may be due.
    Slot,
    /// It starts, or failed: whatever there is to do is due.
    Start,
    /// Something called it between its slots.
    Called,
}

/// Runs a duty until the daemon stops; `first` are the duties that come before it.
pub(super) async fn keep(
    job: Job,
    first: Vec<First>,
    house: Arc<House>,
    knock: Arc<Notify>,
    mut stop: watch::Receiver<bool>,
) {
    let mut why = Why::Start;
    let mut pause = FIRST_RETRY;
    let mut waits_since = None;
    // Kept over the looks: it may hold a connection.
    let mut listening = listen(&job, &house);
    loop {
        // Asked for before the look, so that a recovery during it is not missed.
        let recovered = house.recovered.notified();
        let patient = waits_since.is_none_or(|since: Instant| since.elapsed() < LONGEST_WAIT);
        let look = look(&job, &house, if patient { &first } else { &[] }, why).await;
        waits_since = if matches!(look, Ok(Look::Waits)) { waits_since.or(Some(Instant::now())) } else { None };
        let wait = match look {
            Ok(Look::Done) => {
                house.mended(job.name);
                (why, pause) = (Why::Slot, FIRST_RETRY);
                LOOK
            }
            Ok(Look::Waits) => FIRST_RETRY_AFTER,
            // Its lease may be that of a dead process, whose work is then ours: the start is not over.
            Ok(Look::Elsewhere) if why != Why::Slot => LEASE_RETRY,
            Ok(Look::Elsewhere) => LOOK,
            Err(failure) => {
                house.failed(job.name, &failure, clock());
                let wait = pause;
                pause = (pause * 2).min(LONGEST_RETRY);
                // What failed is done again without waiting for its next slot.
                why = Why::Start;
                wait
            }
        };
        house.looked(job.name, job.schedule.next_after(clock()));
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = knock.notified(), if why == Why::Slot => {}
            () = recovered, if why != Why::Slot => {}
            () = &mut listening, if why == Why::Slot => {
                why = Why::Called;
                listening = listen(&job, &house);
            }
            () = tokio::time::sleep(wait) => {}
        }
        if *stop.borrow() {
            return;
        }
    }
}

/// Ends when the duty is called; never where nothing calls it, or where nothing may leave.
fn listen(job: &Job, house: &House) -> Listening {
    let heard = job.listen.as_ref().filter(|_| !(job.sends && house.dry));
    heard.map_or_else(|| Box::pin(std::future::pending()) as Listening, |listen| listen())
}

/// How a look at the schedule ended.
enum Look {
    /// What was due, if anything, is done.
    Done,
    /// Something is due, and duties that come first are not done.
    Waits,
    /// Another process has the lease.
    Elsewhere,
}

/// Looks at the schedule once.
async fn look(job: &Job, house: &House, first: &[First], why: Why) -> Result<Look, Failure> {
    let (now, again) = (clock(), why != Why::Slot);
    let store = &house.store;
    let until = store.evaluated_until(job.name).await.map_err(|error| of_store(&error))?;
    // A clock that was set back is noted; else nothing is written where nothing is due.
    let is_due = |until| job.schedule.next_after(until).is_some_and(|next| next <= now);
    if !again && until.is_some_and(|until| until <= now && !is_due(until)) {
        return Ok(Look::Done);
    }
    if !store.lease_duty(job.name, &house.holder, now + LEASE, now).await.map_err(|error| of_store(&error))? {
        return Ok(Look::Elsewhere);
    }
    if waits(job, house, first, again, now).await.map_err(|error| of_store(&error))? {
        store.release_duty(job.name, &house.holder).await.map_err(|error| of_store(&error))?;
        return Ok(Look::Waits);
    }
    let due = due(job, house, why, now).await.map_err(|error| of_store(&error))?;
    let outcome = match due {
        Some(slots) => run(job, house, &slots, now).await,
        None => Ok(()),
    };
    store.release_duty(job.name, &house.holder).await.map_err(|error| of_store(&error))?;
    outcome.map(|()| Look::Done)
}

fn of_store(error: &StoreError) -> Failure {
    Failure { says: format!("数据库暂时不可用（{error}）"), of_store: true }
}

/// Whether something is due and a duty that comes first has not looked at that moment yet, or is at it.
async fn waits(job: &Job, house: &House, first: &[First], again: bool, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let store = &house.store;
    // After a start everything that lay there when it began comes first.
    let moment = if again {
        house.started_at
    } else {
        let until = store.evaluated_until(job.name).await?.filter(|until| *until <= now);
        // The first slot: it stays the same while we wait.
        let slot = until.and_then(|until| job.schedule.next_after(until)).filter(|slot| *slot <= now);
        let Some(slot) = slot else { return Ok(false) };
        slot
    };
    for (duty, schedule) in first {
        let asked_since = |until| again || schedule.next_after(until).is_some_and(|next| next <= moment);
        let until = store.evaluated_until(duty).await?;
        let owes = until.is_none_or(|until| until < moment && asked_since(until));
        if owes || store.is_running(duty, moment).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The run that is due, entered in the ledger. At the start, after a failure or called: also what was cut off or failed
/// before, and what is to run at every start.
async fn due(job: &Job, house: &House, why: Why, now: DateTime<Utc>) -> Result<Option<Slots>, StoreError> {
    let (store, again) = (&house.store, why != Why::Slot);
    let until = store.evaluated_until(job.name).await?;
    let missed = until.filter(|until| *until <= now).and_then(|until| job.schedule.slots(until, now));
    let owed = if again { store.unfinished_occurrence(job.name).await? } else { None };
    if let (None, Some(owed)) = (&missed, owed) {
        store.resume_occurrence(job.name, &owed, &house.holder, now).await?;
        store.end_orphans(job.name, owed.last, CUT_OFF, now).await?;
        return Ok(Some(owed));
    }
    if why == Why::Start
        && let Some(missed) = &missed
    {
        info!(
            duty = job.name,
            missed = missed.count,
            first = %missed.first,
            last = %missed.last,
            "slots were missed while nothing ran; they become one run now"
        );
    }
    let now_itself = (again && job.at_start).then_some(Slots { first: now, last: now, count: 1 });
    let slots = missed.or(now_itself);
    let entered = store.begin_occurrence(job.name, slots.as_ref(), now, &house.holder).await?;
    if let Some(slots) = slots.as_ref().filter(|_| again) {
        store.end_orphans(job.name, slots.last, CUT_OFF, now).await?;
    }
    Ok(slots.filter(|_| entered))
}

async fn run(job: &Job, house: &House, slots: &Slots, now: DateTime<Utc>) -> Result<(), Failure> {
    let store = &house.store;
    let late = now - slots.first > GRACE;
    let (ended, reason, outcome) = if job.sends && house.dry {
        (Ended::Skipped, "试运行：本机未获准发送，见 shenling adopt".to_owned(), Ok(()))
    } else {
        house.runs(job.name, job.limit);
        match work(job, house, slots, now).await {
            Ok(worked) if worked.idle => (Ended::Skipped, worked.says, Ok(())),
            Ok(_) if late => (Ended::Late, missed_in_words(slots), Ok(())),
            Ok(_) => (Ended::Done, String::new(), Ok(())),
            Err(failure) => (Ended::Failed, failure.says.clone(), Err(failure)),
        }
    };
    let noted = store.end_occurrence(job.name, slots.last, ended, &reason, clock()).await;
    noted.map_err(|error| of_store(&error))?;
    outcome
}

fn missed_in_words(slots: &Slots) -> String {
    let date = |at: DateTime<Utc>| at.with_timezone(&chrono_tz::Asia::Shanghai).format("%Y-%m-%d %H:%M").to_string();
    if slots.count == 1 {
        format!("错过 {}，已补做", date(slots.last))
    } else {
        let more = if slots.count == MAX_COUNTED { "以上" } else { "" };
        format!("错过 {} 至 {} 共 {} 次{more}，合并补做一次", date(slots.first), date(slots.last), slots.count)
    }
}

/// Does the work and keeps the lease meanwhile; a panic in it stops this run only.
async fn work(job: &Job, house: &House, slots: &Slots, now: DateTime<Utc>) -> Result<Worked, Failure> {
    let mut working: JoinSet<Result<Worked, Failure>> = JoinSet::new();
    working.spawn((job.work)(slots.last, now));
    loop {
        tokio::select! {
            Some(ended) = working.join_next() => return told(job, ended),
            () = tokio::time::sleep(RENEW) => {
                let now = clock();
                // An outage meanwhile is met by the work itself, and by the next look.
                let kept = house.store.lease_duty(job.name, &house.holder, now + LEASE, now).await;
                if matches!(kept, Ok(false)) {
                    working.shutdown().await;
                    return Err(broken("运行权已被另一台机器接管，本次停止"));
                }
            }
        }
    }
}

fn told(job: &Job, ended: Result<Result<Worked, Failure>, JoinError>) -> Result<Worked, Failure> {
    ended.unwrap_or_else(|_| {
        warn!(duty = job.name, "a run panicked; the daemon goes on");
        Err(broken("内部错误，本次运行中止（详见日志）；程序继续运行，稍后重试"))
    })
}

fn broken(says: &str) -> Failure {
    Failure { says: says.to_owned(), of_store: false }
}
