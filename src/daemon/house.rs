//! What all duties of a running daemon share: the store, who we are, what is wrong just now, and the file that says so.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tracing::{error, info};

use crate::store::Store;

/// A duty that was not looked at for so long hangs.
const MAX_SILENCE: Duration = Duration::from_mins(5);

/// One per process.
pub(super) struct House {
    pub(super) store: Store,
    pub(super) holder: String,
    pub(super) started_at: DateTime<Utc>,
    pub(super) dry: bool,
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
    pub(super) fn new(store: Store, holder: String, started_at: DateTime<Utc>, dry: bool, file: PathBuf) -> House {
        House { store, holder, started_at, dry, file, pulses: Mutex::default(), troubles: Mutex::default() }
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

    /// Duties of a former configuration are no longer watched.
    pub(super) fn forget_pulses(&self) {
        self.pulses(BTreeMap::clear);
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

    /// Notes what is wrong; told once, until it is mended.
    pub(super) fn trouble(&self, what: &'static str, says: &str, now: DateTime<Utc>) {
        let mut troubles = lock(&self.troubles);
        if let Some(known) = troubles.get_mut(what) {
            says.clone_into(&mut known.says);
            return;
        }
        error!(duty = what, says, "alarm: something is wrong; it is tried again without anybody's doing");
        troubles.insert(what, Trouble { since: now, says: says.to_owned() });
    }

    /// It works again.
    pub(super) fn mended(&self, what: &'static str) {
        if lock(&self.troubles).remove(what).is_some() {
            info!(duty = what, "works again");
        }
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
