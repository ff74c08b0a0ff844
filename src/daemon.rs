//! The daemon (常驻服务): runs the duties that it is given when their time comes, unattended.
//!
//! It knows when, not what: `cli` hands over the jobs. tokio-cron-scheduler only knocks; the occurrence ledger of the
//! store decides what is due ([`duty`]), so that a missed knock, a restart, a second machine or a wrong clock change
//! nothing but the delay.
//!
//! - Reads: the ledger, signals. Writes: the ledger, leases, the standing file, systemd's notify socket; asks for the
//!   ping address.
//! - Safe to repeat because: see [`duty`].
//! - When it fails: a duty that fails is told once and tried again; only a broken start ends the process.
//! - Trusts: nothing about the clock, and no duty to come back: the watchdog is fed only while all do.

mod attend;
mod duty;
mod house;
mod schedule;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Asia::Shanghai;
use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_cron_scheduler::{Job as Knock, JobScheduler};
use tracing::{error, info, warn};

pub use self::attend::Ping;
use self::house::House;
pub use self::house::{Standing, Trouble};
pub use self::schedule::{Schedule, ScheduleError, YearOfSlots};
use crate::store::Store;

/// How often the health is looked at where systemd does not ask more often.
const HEALTH_EVERY: Duration = Duration::from_secs(30);
/// The duties have a moment to look around before the first report.
const SETTLE: Duration = Duration::from_secs(1);
/// How long the database may take to answer.
const PING_LIMIT: Duration = Duration::from_secs(10);
/// The scheduler shows every so many seconds that it lives, and may be silent for so long.
const HEARTBEAT: &str = "*/10 * * * * *";
const MAX_HEARTBEAT_SILENCE_MS: i64 = 60_000;

/// What a duty did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Worked {
    /// Nothing was to be done.
    pub idle: bool,
    /// Why not; empty else. No personal data.
    pub says: String,
}

/// Why a duty could not be done. It is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// As the administrator reads it. No personal data.
    pub says: String,
    /// Whether it is the database that did not answer: then nothing is wrong with the duty.
    pub of_store: bool,
}

/// The work of a duty: given the slot it was asked for and the time now.
pub type Work = Arc<dyn Fn(DateTime<Utc>, DateTime<Utc>) -> Working + Send + Sync>;
/// Work under way.
pub type Working = Pin<Box<dyn Future<Output = Result<Worked, Failure>> + Send>>;

/// Listens for what calls a duty between its slots.
pub type Listen = Arc<dyn Fn() -> Listening + Send + Sync>;
/// Ends when the duty is called.
pub type Listening = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One duty.
#[derive(Clone)]
pub struct Job {
    /// What the ledger calls it.
    pub name: &'static str,
    /// When it is to run.
    pub schedule: Schedule,
    /// Whether it also runs when the daemon starts.
    pub at_start: bool,
    /// The duties that come first where a moment asks for both.
    pub after: &'static [&'static str],
    /// Whether something leaves: not from a machine that the data does not belong to.
    pub sends: bool,
    /// Running longer than this, it hangs.
    pub limit: Duration,
    /// The work.
    pub work: Work,
    /// What calls it between its slots, if anything does.
    pub listen: Option<Listen>,
}

/// Tells what is wrong to whom it concerns; given what is wrong now. Answers whether telling works.
pub type Tell = Arc<dyn Fn(BTreeMap<&'static str, Trouble>, DateTime<Utc>) -> Telling + Send + Sync>;
/// Telling under way.
pub type Telling = Pin<Box<dyn Future<Output = bool> + Send>>;

/// How a daemon is set up, once.
pub struct Setup {
    /// The store.
    pub store: Store,
    /// Who runs: told apart from every other process that shares the database.
    pub holder: String,
    /// Whether nothing may leave.
    pub dry: bool,
    /// Where it says how it stands.
    pub standing: PathBuf,
    /// Raised while it stops: work of many items ends after the one in hand.
    pub stopping: Arc<AtomicBool>,
    /// Tells what is wrong.
    pub tell: Tell,
}

/// What the configuration says: replaced as a whole when it is read anew.
#[derive(Clone)]
pub struct Orders {
    /// The duties.
    pub jobs: Vec<Job>,
    /// How long a stop waits for the work in hand.
    pub stop_within: Duration,
    /// Who is asked for while all is well.
    pub ping: Option<Ping>,
}

/// Reads the configuration anew; the error is for the administrator.
pub type Load<'a> = dyn Fn() -> Result<Orders, String> + 'a;

/// Why the duties are interrupted.
enum Call {
    Stop,
    Reload(Orders),
}

/// Runs until SIGTERM or SIGINT. SIGHUP reads the configuration anew; a bad one leaves the old one in force.
pub async fn run(setup: Setup, orders: Orders, load: &Load<'_>) -> anyhow::Result<()> {
    let mut calls = Calls {
        stop: [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?],
        reload: signal(SignalKind::hangup())?,
    };
    let house = Arc::new(House::new(setup, clock()));
    let mut orders = orders;
    tell(&[NotifyState::Ready, NotifyState::Status(&house.in_a_line())]);
    info!(duties = orders.jobs.len(), dry = house.dry, "started");
    loop {
        match serve(&house, orders, &mut calls, load).await? {
            Call::Reload(new) => {
                orders = new;
                house.forget_duties();
                tell(&[NotifyState::Ready]);
                info!("configuration read anew");
            }
            Call::Stop => {
                info!("stopped");
                return Ok(());
            }
        }
    }
}

/// Runs the duties until a signal calls.
async fn serve(house: &Arc<House>, orders: Orders, calls: &mut Calls, load: &Load<'_>) -> anyhow::Result<Call> {
    let (stop, stopped) = watch::channel(false);
    house.stopping.store(false, Ordering::Relaxed);
    let mut scheduler = JobScheduler::new().await?;
    let heartbeat = Arc::new(AtomicI64::new(clock().timestamp_millis()));
    let mut duties = JoinSet::new();
    let known: Vec<_> = orders.jobs.iter().map(|job| (job.name, job.schedule.clone())).collect();
    for job in orders.jobs {
        let knock = Arc::new(Notify::new());
        let knocks = knock.clone();
        let wake = Knock::new_async_tz(&*job.schedule.expression, Shanghai, move |_, _| {
            let knock = knocks.clone();
            Box::pin(async move { knock.notify_one() })
        })?;
        scheduler.add(wake).await?;
        let first = known.iter().filter(|(name, _)| job.after.contains(name)).cloned().collect();
        duties.spawn(duty::keep(job, first, house.clone(), knock, stopped.clone()));
    }
    duties.spawn(attend::attend(house.clone(), orders.ping, stopped));
    let beats = heartbeat.clone();
    let beat = Knock::new_async_tz(HEARTBEAT, Shanghai, move |_, _| {
        let beats = beats.clone();
        Box::pin(async move { beats.store(clock().timestamp_millis(), Ordering::Relaxed) })
    })?;
    scheduler.add(beat).await?;
    scheduler.start().await?;
    let call = tokio::select! {
        call = calls.next(load) => call,
        () = watch_over(house, &heartbeat) => Call::Stop,
    };
    let stop_within = match &call {
        Call::Reload(new) => new.stop_within,
        Call::Stop => orders.stop_within,
    };
    if matches!(call, Call::Stop) {
        tell(&[NotifyState::Stopping]);
        info!("stopping: the work in hand is finished first");
    }
    house.stopping.store(true, Ordering::Relaxed);
    let _ = stop.send(true);
    scheduler.shutdown().await?;
    let all = async { while duties.join_next().await.is_some() {} };
    if tokio::time::timeout(stop_within, all).await.is_err() {
        warn!(
            seconds = stop_within.as_secs(),
            "work in hand took too long and is cut off; it is done again at the next start"
        );
        duties.shutdown().await;
    }
    house.write_standing(clock());
    Ok(call)
}

/// How often the health is looked at: as often as systemd asks, or every now and then.
fn health_every() -> Duration {
    sd_notify::watchdog_enabled().map_or(HEALTH_EVERY, |limit| (limit / 3).min(HEALTH_EVERY))
}

/// Looks at the health again and again; feeds systemd's watchdog only while all is well.
async fn watch_over(house: &House, heartbeat: &AtomicI64) {
    tokio::time::sleep(SETTLE).await;
    loop {
        let now = clock();
        let answers = tokio::time::timeout(PING_LIMIT, house.store.ping()).await.is_ok_and(|pinged| pinged.is_ok());
        // A clock that was set back makes the difference negative: that is no silence.
        let silent = now.timestamp_millis() - heartbeat.load(Ordering::Relaxed) > MAX_HEARTBEAT_SILENCE_MS;
        let overdue = house.overdue();
        if silent {
            error!("the scheduler is silent");
        }
        if let Some(duty) = overdue {
            error!(duty, "a duty hangs");
        }
        house.write_standing(now);
        let line = house.in_a_line();
        let healthy = answers && !silent && overdue.is_none();
        house.healthy.store(healthy, Ordering::Relaxed);
        if healthy {
            tell(&[NotifyState::Watchdog, NotifyState::Status(&line)]);
        } else {
            tell(&[NotifyState::Status(&line)]);
        }
        tokio::time::sleep(health_every()).await;
    }
}

/// The signals that call.
struct Calls {
    stop: [Signal; 2],
    reload: Signal,
}

impl Calls {
    async fn next(&mut self, load: &Load<'_>) -> Call {
        let [term, int] = &mut self.stop;
        loop {
            tokio::select! {
                _ = term.recv() => return Call::Stop,
                _ = int.recv() => return Call::Stop,
                _ = self.reload.recv() => {
                    if let Ok(usec) = NotifyState::monotonic_usec_now() {
                        tell(&[NotifyState::Reloading, usec]);
                    }
                    match load() {
                        Ok(orders) => return Call::Reload(orders),
                        Err(says) => {
                            error!(says, "the new configuration has mistakes; the old one stays in force");
                            tell(&[NotifyState::Ready, NotifyState::Status("新配置有误，仍按原配置运行；请运行 shenling check")]);
                        }
                    }
                }
            }
        }
    }
}

/// Asks systemd for more time to start.
pub fn still_starting(by: Duration) {
    tell(&[NotifyState::ExtendTimeoutUsec(u32::try_from(by.as_micros()).unwrap_or(u32::MAX))]);
}

/// Tells systemd; without it nobody listens, which is no fault.
fn tell(states: &[NotifyState<'_>]) {
    let _ = sd_notify::notify(states);
}

#[expect(clippy::disallowed_methods, reason = "the daemon reads the clock once per look and run")]
fn clock() -> DateTime<Utc> {
    Utc::now()
}
