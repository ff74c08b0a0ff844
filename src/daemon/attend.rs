//! Attending to what is wrong: whether the database can be written to, who is to be told, and the sign of life to an
//! outside watch (dead-man's switch).
//!
//! Reads: what is wrong by the duties. Writes: a row that says that somebody looked; the rest is told by who set us up.
//! Safe to repeat because it decides nothing itself.
//! When it fails: the next look comes soon. It runs beside the watchdog, which must not wait for a mail server.
//! Trusts: the outside watch to miss us.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tracing::warn;

use super::house::House;
use super::{PING_LIMIT, SETTLE, clock, health_every};
use crate::outbox::ping;

/// How long the outside watch may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Who is asked for while all is well.
#[derive(Clone)]
pub struct Ping {
    /// The address. It may hold a secret, so it is never logged.
    pub url: String,
    /// Least time between two requests.
    pub every: Duration,
}

/// Looks again and again until the daemon stops.
pub(super) async fn attend(house: Arc<House>, ping: Option<Ping>, mut stop: watch::Receiver<bool>) {
    let mut pinged: Option<Instant> = None;
    let mut silent = false;
    let mut wait = SETTLE;
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = health_every();
        let now = clock();
        match tokio::time::timeout(PING_LIMIT, house.store.touch(now)).await {
            Ok(Ok(())) => house.database_answers(),
            Ok(Err(error)) => house.trouble("database", &format!("数据库连接不上或写不进去（{error}）"), now),
            Err(_) => house.trouble("database", "数据库没有应答", now),
        }
        // A copy that may not send does not speak for the one that does.
        if house.dry {
            continue;
        }
        let told = (house.tell)(house.troubles(), now).await;
        let Some(ping) = &ping else { continue };
        let well = told && house.healthy.load(Ordering::Relaxed) && house.troubles().is_empty();
        if well && pinged.is_none_or(|at| at.elapsed() >= ping.every) {
            pinged = Some(Instant::now());
            let answered = ping::get(&ping.url, ANSWER_LIMIT).await;
            if let (Err(why), false) = (&answered, silent) {
                warn!(why, "the outside watch does not answer");
            }
            silent = answered.is_err();
        }
    }
}
