//! `serve`: the daemon with the stages as its duties; `adopt`: which machine may send.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use chrono::{DateTime, TimeDelta, Utc};

use super::args::Because;
use super::output::{hint, say};
use super::world::open_store;
use super::{Done, World, clock, delivery, once, words};
use crate::daemon::{self, Failure, Job, Schedule, Setup, Work, Worked};
use crate::settings::{self, Database, Environment, Loaded, Settings};
use crate::stages::{calculate, collect, deliver};
use crate::store::{Adoption, Standing, Store, StoreError, sha256_hex};
use crate::subsidy::calendar::{Period, civil_date};
use crate::subsidy::catalogue::Catalogue;
use crate::subsidy::holidays::Calendar;

/// Where the machine says who it is.
const MACHINE_ID: &str = "/etc/machine-id";
/// Stands for it where there is none, e.g. in a container.
const MACHINE_ID_VARIABLE: &str = "SHENLING_MACHINE_ID";
/// Pause before a database that is not there yet is asked again.
const OPEN_PAUSE: Duration = Duration::from_secs(5);
/// Runs that ended well are forgotten after so many days.
const KEEP_RUNS: TimeDelta = TimeDelta::days(60);
/// A stage that runs longer than this hangs.
const ROUND_LIMIT: Duration = Duration::from_hours(1);
/// So does a claim with its papers.
const CLAIM_LIMIT: Duration = Duration::from_hours(4);

/// What the duties work with: replaced as a whole when it is read anew.
struct Config {
    settings: Settings,
    catalogue: Arc<Catalogue>,
    calendar: Calendar,
    environment: Environment,
}

/// The configuration in force, shared by the duties.
#[derive(Clone)]
struct Office {
    file: PathBuf,
    store: Store,
    config: Arc<RwLock<Arc<Config>>>,
}

/// Runs until it is told to stop.
pub(super) async fn run(file: &Path, with_now: bool) -> anyhow::Result<Done> {
    if with_now {
        bail!("serve 按实际时间运行，不接受 --now；要试看全年安排，请用其他命令的 --now");
    }
    let config = read(file).map_err(|says| anyhow!("{says}"))?;
    let (settings, environment) = (config.settings.clone(), config.environment.clone());
    // Held for the life of the process; the system lets go of it when we die.
    let _alone = only_one(&settings)?;
    let store = open_patiently(&settings, &environment).await?;
    let machine = machine_id(&environment)?;
    let now = clock();
    let dry = store.machine_standing(&machine, now).await? == Standing::Stranger;
    if dry {
        hint!(
            "这些数据属于另一台机器：本机试运行，只收集和核定，不发送任何东西。确要改由本机运行，请先停掉原来的机器，再运行 shenling adopt --reason 原因 --by 经办人"
        );
    }
    let holder = format!("{}-{}-{}", &sha256_hex(machine.as_bytes())[..8], std::process::id(), now.timestamp_millis());
    let office = Office { file: file.to_path_buf(), store: store.clone(), config: Arc::new(RwLock::new(config)) };
    let jobs = office.jobs().map_err(|says| anyhow!("{says}"))?;
    let setup = Setup {
        store: store.clone(),
        holder,
        dry,
        standing: standing_file(&settings),
        stop_within: Duration::from_secs(settings.daemon.stop_seconds.into()),
    };
    let again = || {
        office.reload()?;
        office.jobs()
    };
    daemon::run(setup, jobs, &again).await?;
    store.close().await;
    Ok(Done::Well)
}

/// Lets this machine send.
pub(super) async fn adopt(world: &World, because: &Because) -> anyhow::Result<Done> {
    let alone = matches!(world.settings.database, Database::Lite(_));
    let adoption = Adoption { reason: &because.reason, by: &because.by, alone };
    if world.store.adopt_machine(&machine_id(&world.environment)?, adoption, world.now).await? {
        say!("本机已获准发送。正在运行的 serve 请重新启动：systemctl restart shenling");
    } else {
        say!("本机本来就可以发送，没有改动");
    }
    Ok(Done::Well)
}

/// Where a running daemon says how it stands.
pub(super) fn standing_file(settings: &Settings) -> PathBuf {
    settings.paths.data.join("serve.json")
}

/// The schedules of the settings, each with the key that it stands under.
pub(super) fn schedules(settings: &Settings, now: DateTime<Utc>) -> Vec<(&'static str, Result<Schedule, String>)> {
    let schedule = &settings.schedule;
    [
        ("collect", &schedule.collect),
        ("calculate", &schedule.calculate),
        ("claim", &schedule.claim),
        ("deliver", &schedule.deliver),
    ]
    .into_iter()
    .filter(|(_, text)| !text.trim().is_empty())
    .map(|(name, text)| (name, Schedule::parse(text, now).map_err(|error| format!("schedule.{name} {error}"))))
    .collect()
}

/// A duty, or what else may be wrong, as the administrator calls it.
pub(super) fn duty_in_words(duty: &str) -> &str {
    match duty {
        "collect" => "收集",
        "calculate" => "核定",
        "claim" => "申领",
        "deliver" => "投递",
        "database" => "数据库",
        "standing" => "数据文件夹",
        other => other,
    }
}

fn read(file: &Path) -> Result<Arc<Config>, String> {
    let environment = settings::environment();
    match settings::load(file, &environment) {
        Ok(loaded) => {
            let Loaded { settings, catalogue, calendar, .. } = loaded;
            Ok(Arc::new(Config { settings, catalogue: Arc::new(catalogue), calendar, environment }))
        }
        Err(mistakes) => {
            let errors = mistakes.iter().filter(|mistake| mistake.severity == settings::Severity::Error);
            let first = errors.clone().next().map(ToString::to_string).unwrap_or_default();
            Err(format!("配置或目录有 {} 处错误，请运行 shenling check。第一处：{first}", errors.count()))
        }
    }
}

/// On SQLite one daemon runs. PostgreSQL shares the work by leases.
fn only_one(settings: &Settings) -> anyhow::Result<Option<File>> {
    if !matches!(settings.database, Database::Lite(_)) {
        return Ok(None);
    }
    let path = settings.paths.data.join("serve.lock");
    let lock = File::create(&path).with_context(|| format!("无法写入 {}", path.display()))?;
    if lock.try_lock().is_err() {
        bail!("另一个 shenling serve 已在使用这个数据文件夹，本次没有启动。要多台机器同时运行，请改用 PostgreSQL");
    }
    Ok(Some(lock))
}

/// A database that is not there yet is waited for; anything else ends the start.
async fn open_patiently(settings: &Settings, environment: &Environment) -> anyhow::Result<Store> {
    loop {
        match open_store(settings, environment).await {
            Err(error) if error.downcast_ref::<StoreError>().is_some_and(StoreError::is_transient) => {
                hint!("{}；{} 秒后再试", words::in_words(&error), OPEN_PAUSE.as_secs());
                daemon::still_starting(OPEN_PAUSE * 3);
                tokio::time::sleep(OPEN_PAUSE).await;
            }
            other => return other,
        }
    }
}

fn machine_id(environment: &Environment) -> anyhow::Result<String> {
    if let Some(id) = environment.get(MACHINE_ID_VARIABLE).filter(|id| !id.trim().is_empty()) {
        return Ok(id.trim().to_owned());
    }
    let id = fs::read_to_string(MACHINE_ID).unwrap_or_default();
    if id.trim().is_empty() {
        bail!(
            "本机没有 {MACHINE_ID}，无法辨认机器；请运行 systemd-machine-id-setup，容器中请设环境变量 {MACHINE_ID_VARIABLE}"
        );
    }
    Ok(id.trim().to_owned())
}

impl Office {
    fn config(&self) -> Arc<Config> {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the files anew; a mistake leaves everything as it was.
    fn reload(&self) -> Result<Arc<Config>, String> {
        let fresh = read(&self.file)?;
        if self.config().settings.database != fresh.settings.database {
            return Err("数据库地址改了：须重新启动服务（systemctl restart shenling）才生效".to_owned());
        }
        for (_, schedule) in schedules(&fresh.settings, clock()) {
            schedule?;
        }
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = fresh.clone();
        Ok(fresh)
    }

    /// The world of one run. A catalogue that was edited meanwhile is read anew first.
    fn world(&self, now: DateTime<Utc>) -> Result<World, Failure> {
        let mut config = self.config();
        let on_disk = settings::fingerprint(&config.settings.paths.catalogue);
        if on_disk.is_ok_and(|fingerprint| fingerprint != config.catalogue.sha256) {
            config = self.reload().map_err(Failure)?;
        }
        Ok(World {
            settings: config.settings.clone(),
            catalogue: config.catalogue.clone(),
            calendar: config.calendar.clone(),
            environment: config.environment.clone(),
            store: self.store.clone(),
            now,
            json: false,
        })
    }

    fn jobs(&self) -> Result<Vec<Job>, String> {
        let settings = &self.config().settings;
        let mut jobs = Vec::new();
        for (name, schedule) in schedules(settings, clock()) {
            let office = self.clone();
            let (work, sends): (Work, bool) = match name {
                "collect" => (Arc::new(move |_, now| Box::pin(collect_round(office.clone(), now))), false),
                "calculate" => (Arc::new(move |_, now| Box::pin(calculate_round(office.clone(), now))), false),
                "claim" => (Arc::new(move |slot, now| Box::pin(claim_round(office.clone(), slot, now))), true),
                _ => (Arc::new(move |_, now| Box::pin(deliver_round(office.clone(), now))), true),
            };
            let claims = name == "claim";
            let limit = if claims { CLAIM_LIMIT } else { ROUND_LIMIT };
            jobs.push(Job { name, schedule: schedule?, at_start: !claims, sends, limit, work });
        }
        Ok(jobs)
    }
}

fn failed(error: impl Into<anyhow::Error>) -> Failure {
    Failure(words::in_words(&error.into()))
}

async fn collect_round(office: Office, now: DateTime<Utc>) -> Result<Worked, Failure> {
    let world = office.world(now)?;
    let desk = world.desk().map_err(failed)?;
    let keep = once::kept_sources(&world).map_err(failed)?;
    let inbox = &world.settings.inbox;
    let settle = Duration::from_secs(inbox.stable_seconds.into());
    let folder = &world.settings.paths.inbox;
    let report = collect::run(&world.store, &desk, folder, keep.as_deref(), settle, now).await.map_err(failed)?;
    if let Some((name, error)) = report.left.first() {
        return Err(Failure(once::left_in_words(name, error)));
    }
    world.store.prune_occurrences(now - KEEP_RUNS).await.map_err(failed)?;
    Ok(Worked::default())
}

/// Judges anew only where the facts, the catalogue or the day are others than at the last time.
async fn calculate_round(office: Office, now: DateTime<Utc>) -> Result<Worked, Failure> {
    let world = office.world(now)?;
    let numbers = world.store.status().await.map_err(failed)?;
    let same = numbers.verdicts.is_some_and(|summary| {
        let run = summary.run;
        run.facts_version == numbers.facts_version
            && run.catalogue_sha256 == world.catalogue.sha256
            && run.claim_on == civil_date(now)
    });
    if !same {
        calculate::run(&world.store, &world.catalogue, now).await.map_err(failed)?;
    }
    Ok(Worked::default())
}

/// Claims the quarter before the one in which the slot lies: a late run claims what it would have claimed in time.
async fn claim_round(office: Office, slot: DateTime<Utc>, now: DateTime<Utc>) -> Result<Worked, Failure> {
    let world = office.world(now)?;
    let quarter = Period::of(civil_date(slot));
    let Some(before) = quarter.first_day().pred_opt() else { return Ok(Worked::default()) };
    let report = once::claim_now(&world, Period::of(before)).await.map_err(failed)?;
    let nothing = report.sealed.is_none();
    let says = if nothing { format!("{} 没有可申领的行", Period::of(before)) } else { String::new() };
    Ok(Worked { idle: nothing, says })
}

async fn deliver_round(office: Office, now: DateTime<Utc>) -> Result<Worked, Failure> {
    let world = office.world(now)?;
    let door = delivery::door(&world).map_err(failed)?;
    let password = |recipient: &str| world.zip_password(recipient);
    let report = deliver::run(&world.store, &door, password, now).await.map_err(failed)?;
    // The folder has its packets; the letters wait, and somebody must know.
    report.trouble.map_or(Ok(Worked::default()), |why| Err(Failure(format!("邮件发不出去：{why}"))))
}
