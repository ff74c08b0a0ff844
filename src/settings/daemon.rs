//! `[schedule]` and `[daemon]`: when `serve` runs what, how it stops, and whom it tells that it lives.

use serde::Deserialize;

use super::mistake::{Mistakes, Place};

/// `[schedule]`: when `serve` runs each duty, as cron expressions on the clock of Asia/Shanghai; empty = never.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Collect.
    pub collect: String,
    /// Look into the mailbox, where there is one.
    pub mailbox: String,
    /// Calculate.
    pub calculate: String,
    /// Remind.
    pub remind: String,
    /// Compile the plan of the city.
    pub compile: String,
    /// Claim, for the quarter before.
    pub claim: String,
    /// Deliver.
    pub deliver: String,
    /// The digest for the administrator.
    pub digest: String,
}

/// `[daemon]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Daemon {
    /// Seconds that a stop waits for the work in hand.
    pub stop_seconds: u32,
    /// Seconds that something must be wrong before an alarm leaves.
    pub alarm_after_seconds: u32,
    /// Seconds that it must be right again before that is told; the least pause between two alarm letters.
    pub alarm_calm_seconds: u32,
    /// Free space below which an alarm leaves, in megabytes; 0 = not looked at.
    pub min_free_mb: u32,
    /// Address that is asked for while all is well; empty = none. It may be secret.
    pub ping_url: String,
    /// Least minutes between two such requests.
    pub ping_minutes: u32,
}

/// What the keys of `[daemon]` must be.
pub(super) fn cross_check(daemon: &Daemon, place: impl Fn(&str, &str) -> Place, mistakes: &mut Mistakes) {
    let url = daemon.ping_url.trim();
    let is_web = ["http://", "https://"].iter().any(|scheme| url.len() > scheme.len() && url.starts_with(scheme));
    if !url.is_empty() && (!is_web || url.contains(char::is_whitespace)) {
        let advice = "请写以 https:// 或 http:// 开头的完整地址；不用则留空";
        mistakes.error(place("daemon", "ping_url"), "daemon.ping_url 不是网址", advice);
    }
}
