//! Who is told of what is wrong: what the daemon sees of itself, what reminders and deliveries come to; past the store
//! where the store is what is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::warn;

use super::super::world::letter_templates;
use super::super::{World, clock, delivery, duties};
use super::{Office, rounds};
use crate::daemon::Trouble;
use crate::settings::{Database, Environment, Settings};
use crate::stages::alarm::{self, Order, Pace, Seen};
use crate::stages::deliver::{Answer, Report};
use crate::stages::remind::{self, Alarm};
use crate::store::{self, StoredAlarm};
use crate::subsidy::calendar::civil_date;

/// How long putting alarms on record may take before the store counts as failing.
const RECORD_LIMIT: Duration = Duration::from_secs(10);
/// What was told past the store is kept in a file of this size, which a full disk has room for because it is there.
const KEPT_BYTES: usize = 4096;
/// What is wrong because the store or its disk is: told as that and not once more.
const CAUSES: [&str; 2] = ["database", "disk"];
/// Letters about alarms and digests are not themselves alarms.
const OWN_LETTERS: [&str; 2] = ["alarm:", "digest:"];

/// What was told past the store, and what a look saw first when.
pub(super) struct Told {
    file: PathBuf,
    /// What was told, and since when it was wrong.
    known: BTreeMap<String, DateTime<Utc>>,
    /// Since when the disk is nearly full.
    disk_since: Option<DateTime<Utc>>,
}

impl Told {
    /// What a former process told; its file is made now, while there is room for it.
    pub(super) fn kept(settings: &Settings) -> Told {
        let file = settings.paths.data.join("alarms.told");
        let known = std::fs::read(&file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let told = Told { file, known, disk_since: None };
        told.keep();
        told
    }

    /// Written over, never made anew: without room for a new file the old one still takes it.
    fn keep(&self) {
        let mut bytes = serde_json::to_vec(&self.known).unwrap_or_default();
        bytes.resize(bytes.len().max(KEPT_BYTES), b' ');
        let open = std::fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&self.file);
        if let Err(error) =
            open.and_then(|mut file| file.write_all(&bytes).and_then(|()| file.set_len(bytes.len() as u64)))
        {
            warn!(%error, "what was told cannot be kept; after a restart it may be told again");
        }
    }
}

fn lock(told: &Mutex<Told>) -> std::sync::MutexGuard<'_, Told> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

/// When the daemon tells of itself.
fn pace(settings: &Settings) -> Pace {
    let seconds = |n: u32| TimeDelta::seconds(n.into());
    let daemon = &settings.daemon;
    let calm = seconds(daemon.alarm_calm_seconds);
    Pace { after: seconds(daemon.alarm_after_seconds), calm, gap: calm }
}

/// Tells what the daemon sees of itself. Answers whether letters leave as far as anybody knows.
pub(super) async fn tell(office: Office, troubles: BTreeMap<&'static str, Trouble>, now: DateTime<Utc>) -> bool {
    let config = office.config();
    let world = office.world_of(&config, now);
    let pace = pace(&world.settings);
    let mut current = seen(&world.settings, &office.told, &troubles, now);
    let recorded = tokio::time::timeout(RECORD_LIMIT, record(&world, "house", &current, &[], pace)).await;
    match recorded {
        Ok(Ok(open)) => {
            let mut told = lock(&office.told);
            if !told.known.is_empty() {
                told.known.clear();
                told.keep();
            }
            !open.iter().any(|alarm| alarm.what == "smtp")
        }
        failed => {
            if current.is_empty() {
                let says = match failed {
                    Ok(Err(error)) => rounds::failed(error).says,
                    _ => "数据库没有应答".to_owned(),
                };
                warn!(says, "alarms cannot be put on record");
            }
            // Waiting for the store took its time.
            let now = clock();
            current.retain(|seen| !seen.told && now - seen.since >= pace.after);
            Box::pin(tell_directly(&world.settings, &world.environment, &office.told, &current, now)).await;
            false
        }
    }
}

/// What is wrong now; what follows from a cause that is told is not told beside it.
fn seen(
    settings: &Settings,
    told: &Mutex<Told>,
    troubles: &BTreeMap<&'static str, Trouble>,
    now: DateTime<Utc>,
) -> Vec<Seen> {
    let mut told = lock(told);
    let mut current = Vec::new();
    let full = disk(settings);
    told.disk_since = full.as_ref().map(|_| told.disk_since.unwrap_or(now));
    if let (Some(says), Some(since)) = (full, told.disk_since) {
        current.push(Seen { what: "disk".to_owned(), says, since, told: told.known.contains_key("disk") });
    }
    // A database file on a full disk cannot be written to: that is one thing.
    let is_full_file = !current.is_empty() && matches!(settings.database, Database::Lite(_));
    // What it brought with it may end a moment later than the cause itself.
    let was_cause = ["disk", "database"].iter().any(|cause| told.known.contains_key(*cause));
    let has_cause = !current.is_empty() || troubles.contains_key("database") || was_cause;
    for (what, trouble) in troubles {
        if *what == "database" && is_full_file {
            continue;
        }
        if *what == "database" || !(has_cause && (trouble.of_store || *what == "standing")) {
            let (what, told) = ((*what).to_owned(), told.known.contains_key(*what));
            current.push(Seen { what, says: trouble.says.clone(), since: trouble.since, told });
        }
    }
    // What was told past the store and is over by now is put on record, so that its end is told too.
    for (what, since) in &told.known {
        if !current.iter().any(|seen| seen.what == *what) {
            let says = "程序曾因此写不进数据库".to_owned();
            current.push(Seen { what: what.clone(), says, since: *since, told: true });
        }
    }
    current
}

/// Says which disk is nearly full.
fn disk(settings: &Settings) -> Option<String> {
    const MEGA: u64 = 1_000_000;
    let least = u64::from(settings.daemon.min_free_mb);
    let paths = &settings.paths;
    [("数据文件夹", &paths.data), ("发件文件夹", &paths.outbox), ("收件文件夹", &paths.inbox)].into_iter().find_map(
        |(name, path)| {
            let free = free_bytes(path)? / MEGA;
            (free < least).then(|| format!("{name} {} 所在磁盘只剩 {free} MB（应不少于 {least} MB）", path.display()))
        },
    )
}

fn free_bytes(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// One mail past the store; who could not be told is told at the next look.
async fn tell_directly(
    settings: &Settings,
    environment: &Environment,
    told: &Mutex<Told>,
    current: &[Seen],
    now: DateTime<Utc>,
) {
    if current.is_empty() || !settings.mail.is_on() {
        return;
    }
    let sent = async {
        let door = delivery::mail_door(settings, environment)?;
        let server = door.server.map_err(anyhow::Error::msg)?;
        let templates = letter_templates(settings)?;
        let order = order(settings, &templates, "house", current, &[], pace(settings), now);
        anyhow::Ok(alarm::tell_directly(&order, server, &door.from, now).await?)
    };
    match Box::pin(sent).await {
        Ok(true) => {
            let mut told = lock(told);
            told.known.extend(current.iter().map(|seen| (seen.what.clone(), seen.since)));
            told.keep();
        }
        Ok(false) => {}
        Err(error) => warn!(error = format!("{error:#}"), "the alarm cannot be sent; it is tried again"),
    }
}

/// The start waits for a database that is not there: told like any other outage.
pub(super) async fn tell_of_no_database(
    settings: &Settings,
    environment: &Environment,
    told: &Mutex<Told>,
    since: DateTime<Utc>,
) {
    let now = clock();
    let known = CAUSES.iter().any(|cause| lock(told).known.contains_key(*cause));
    if known || now - since < pace(settings).after {
        return;
    }
    let says = "启动时连接不上数据库，服务还没有开始工作；程序一直在重试".to_owned();
    let seen = Seen { what: "database".to_owned(), says, since, told: false };
    Box::pin(tell_directly(settings, environment, told, &[seen], now)).await;
}

fn order<'a>(
    settings: &'a Settings,
    templates: &'a crate::forms::letters::LetterTemplates,
    source: &'static str,
    current: &'a [Seen],
    unsure: &'a [String],
    pace: Pace,
    now: DateTime<Utc>,
) -> Order<'a> {
    let frame = remind::frame(settings, civil_date(now));
    Order { source, current, unsure, pace, to: &settings.administrator.email, frame, templates }
}

async fn record(
    world: &World,
    source: &'static str,
    current: &[Seen],
    unsure: &[String],
    pace: Pace,
) -> anyhow::Result<Vec<StoredAlarm>> {
    let templates = letter_templates(&world.settings)?;
    let order = order(&world.settings, &templates, source, current, unsure, pace, world.now);
    Ok(alarm::run(&world.store, &order, world.now).await?)
}

/// What is found by a look at the store itself is so, and told at once.
fn at_once(world: &World) -> Pace {
    Pace { after: TimeDelta::zero(), calm: TimeDelta::zero(), ..pace(&world.settings) }
}

fn found(world: &World, what: String, says: String) -> Seen {
    Seen { what, says, since: world.now, told: false }
}

/// Who cannot be reminded, and which table is missing.
pub(super) async fn of_reminders(world: &World, alarms: &BTreeSet<Alarm>) -> anyhow::Result<()> {
    let of = |alarm: &Alarm| {
        let what = match alarm {
            Alarm::NoRecipient { prison } => format!("recipient:{prison}"),
            Alarm::NoCopy { name } => format!("copy:{name}"),
            Alarm::NoTable { year } => format!("table:{year}"),
        };
        found(world, what, duties::alarm_in_words(alarm))
    };
    let current: Vec<Seen> = alarms.iter().map(of).collect();
    record(world, "remind", &current, &[], at_once(world)).await?;
    Ok(())
}

/// Whether the mail server answers, and which deliveries are stuck. While no letter leaves at all, that is told and not
/// each letter that waits.
pub(super) async fn of_deliveries(world: &World, report: &Report) -> anyhow::Result<()> {
    let letters = || report.delivered.iter().filter(|one| one.letter).map(|one| &one.answer);
    let shut = letters().find_map(|answer| if let Answer::Shut(why) = answer { Some(why) } else { None });
    let why = report.trouble.as_ref().or(shut).filter(|_| world.settings.mail.is_on());
    let answered = letters().any(|answer| !matches!(answer, Answer::Shut(_)));
    let known = world.store.alarms().await?;
    let was_shut = known.iter().any(|alarm| alarm.what == "smtp" && alarm.ended_at.is_none());
    let is_shut = why.is_some() || (was_shut && !answered && world.settings.mail.is_on());
    let mut unsure: Vec<String> = is_shut.then(|| "smtp".to_owned()).into_iter().collect();
    let mut current: Vec<Seen> = why.map(|why| found(world, "smtp".to_owned(), why.clone())).into_iter().collect();
    for stuck in world.store.stuck_deliveries().await? {
        if OWN_LETTERS.iter().any(|own| stuck.key.starts_with(own)) {
            continue;
        }
        let says =
            |long| format!("交 {} 的材料已超过 {long}没有投递成功", recipient(&world.settings, &stuck.recipient));
        let what = format!("delivery:{}", stuck.key);
        if is_shut && stuck.letter {
            unsure.push(what);
        } else {
            current.push(found(world, what, says("4 小时")));
        }
        if stuck.alarm == store::Alarm::Days {
            current.push(found(world, format!("delivery-days:{}", stuck.key), says("5 天")));
        }
    }
    for (key, to, _) in world.store.bounced_letters().await? {
        if !OWN_LETTERS.iter().any(|own| key.starts_with(own)) {
            let says = format!("发给 {} 的邮件被退回，对方没有收到", recipient(&world.settings, &to));
            current.push(found(world, format!("bounce:{key}"), says));
        }
    }
    record(world, "deliver", &current, &unsure, at_once(world)).await?;
    Ok(())
}

fn recipient(settings: &Settings, id: &str) -> String {
    settings.agency(id).map_or_else(|| id.to_owned(), |agency| agency.name.clone())
}
