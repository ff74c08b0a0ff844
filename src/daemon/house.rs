//! What all duties of a running daemon share: the store, who we are, what is wrong just now, and the file that says so.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tracing::{error, info};

use super::{Failure, Setup, Tell};
use crate::store::Store;

/// A duty that was not looked at for so long hangs.
const MAX_SILENCE: Duration = Duration::from_mins(5);

/// One per process.
pub(super) struct House {
    pub(super) store: Store,
    pub(super) holder: String,
    pub(super) started_at: DateTime<Utc>,
    pub(super) dry: bool,
    pub(super) stopping: Arc<AtomicBool>,
    pub(super) tell: Tell,
    /// Whether the last look at the health found nothing.
    pub(super) healthy: AtomicBool,
    /// Wakes what waits for the database.
    pub(super) recovered: Notify,
    file: PathBuf,
    pulses: Mutex<BTreeMap<&'static str, Pulse>>,
    troubles: Mutex<BTreeMap<&'static str, Trouble>>,
}

/// When a duty last showed that it lives.
struct Pulse {
    looked: Instant,
    running: Option<(Instant, Duration)>,
    next: Option<DateTime<Utc>>,
}

/// Something that is wrong just now. No personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Since when.
    pub since: DateTime<Utc>,
    /// What, as the administrator reads it.
    pub says: String,
    /// Whether it is a duty that the database kept from its work.
    #[serde(default)]
    pub of_store: bool,
}

/// What the daemon says of itself, for `status`: also readable while the database is away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The process.
    pub pid: u32,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// When this was written.
    pub written_at: DateTime<Utc>,
    /// Whether it sends nothing, because the data belongs to another machine.
    pub dry: bool,
    /// Per duty when it runs next.
    pub next: BTreeMap<String, Option<DateTime<Utc>>>,
    /// Per duty, or `database`, what is wrong.
    pub troubles: BTreeMap<String, Trouble>,
}

impl House {
    pub(super) fn new(setup: Setup, started_at: DateTime<Utc>) -> House {
        let Setup { store, holder, dry, standing, stopping, tell } = setup;
        House {
            store,
            holder,
            started_at,
            dry,
            stopping,
            tell,
            healthy: AtomicBool::new(false),
            recovered: Notify::new(),
            file: standing,
            pulses: Mutex::default(),
            troubles: Mutex::default(),
        }
    }

    /// A duty was looked at and is to run next then.
    pub(super) fn looked(&self, duty: &'static str, next: Option<DateTime<Utc>>) {
        self.pulses(|pulses| pulses.insert(duty, Pulse { looked: Instant::now(), running: None, next }));
    }

    /// A duty begins to run and may take so long.
    pub(super) fn runs(&self, duty: &'static str, limit: Duration) {
        self.pulses(|pulses| {
            if let Some(pulse) = pulses.get_mut(duty) {
                pulse.running = Some((Instant::now(), limit));
            }
        });
    }

    /// Duties of a former configuration are no longer watched, and what was wrong with them is over.
    pub(super) fn forget_duties(&self) {
        let duties: Vec<&'static str> = self.pulses(|pulses| std::mem::take(pulses).into_keys().collect());
        lock(&self.troubles).retain(|what, _| !duties.contains(what));
    }

    /// The first duty that hangs: it runs longer than it may, or is not looked at any more.
    pub(super) fn overdue(&self) -> Option<&'static str> {
        self.pulses(|pulses| {
            let hangs = |pulse: &Pulse| match pulse.running {
                Some((since, limit)) => since.elapsed() > limit,
                None => pulse.looked.elapsed() > MAX_SILENCE,
            };
            pulses.iter().find(|(_, pulse)| hangs(pulse)).map(|(duty, _)| *duty)
        })
    }

    /// Notes what is wrong; logged once, until it is mended.
    pub(super) fn trouble(&self, what: &'static str, says: &str, now: DateTime<Utc>) {
        self.failed(what, &Failure { says: says.to_owned(), of_store: false }, now);
    }

    /// Notes why a duty could not be done.
    pub(super) fn failed(&self, what: &'static str, failure: &Failure, now: DateTime<Utc>) {
        let Failure { says, of_store } = failure;
        let mut troubles = lock(&self.troubles);
        if let Some(known) = troubles.get_mut(what) {
            known.says.clone_from(says);
            known.of_store = *of_store;
            return;
        }
        error!(duty = what, says, "something is wrong; it is tried again without anybody's doing");
        troubles.insert(what, Trouble { since: now, says: says.clone(), of_store: *of_store });
    }

    /// It works again.
    pub(super) fn mended(&self, what: &'static str) {
        if lock(&self.troubles).remove(what).is_some() {
            info!(duty = what, "works again");
        }
    }

    /// The database answers: what it kept from its work is tried at once, and only then is anything wrong with it.
    pub(super) fn database_answers(&self) {
        let mut troubles = lock(&self.troubles);
        if troubles.values().any(|trouble| trouble.of_store) {
            self.recovered.notify_waiters();
        }
        if troubles.remove("database").is_some() {
            info!("the database works again");
            troubles.retain(|_, trouble| !trouble.of_store);
        }
    }

    /// What is wrong now.
    pub(super) fn troubles(&self) -> BTreeMap<&'static str, Trouble> {
        lock(&self.troubles).clone()
    }

    /// One line for systemd.
    pub(super) fn in_a_line(&self) -> String {
        let troubles = lock(&self.troubles);
        let mode = if self.dry { "试运行（不发送）" } else { "运行中" };
        match troubles.iter().next() {
            None => format!("{mode}，一切正常"),
            Some((what, trouble)) => format!("{mode}，{} 处异常：{what} {}", troubles.len(), trouble.says),
        }
    }

    /// Writes [`Standing`] whole or not at all. A full disk must not stop the daemon.
    pub(super) fn write_standing(&self, now: DateTime<Utc>) {
        let standing = Standing {
            pid: std::process::id(),
            started_at: self.started_at,
            written_at: now,
            dry: self.dry,
            next: self.pulses(|pulses| pulses.iter().map(|(duty, pulse)| ((*duty).to_owned(), pulse.next)).collect()),
            troubles: lock(&self.troubles).iter().map(|(what, it)| ((*what).to_owned(), it.clone())).collect(),
        };
        let part = self.file.with_extension("part");
        let written = serde_json::to_vec_pretty(&standing)
            .map_err(std::io::Error::from)
            .and_then(|bytes| std::fs::write(&part, bytes))
            .and_then(|()| std::fs::rename(&part, &self.file));
        if let Err(error) = written {
            self.trouble("standing", &format!("无法写入 {}：{error}", self.file.display()), now);
        } else {
            self.mended("standing");
        }
    }

    fn pulses<T>(&self, act: impl FnOnce(&mut BTreeMap<&'static str, Pulse>) -> T) -> T {
        act(&mut lock(&self.pulses))
    }
}

/// Poisoned or not: what is inside are plain figures.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
