//! `serve`: the daemon with the stages as its duties; `adopt`: which machine may send.
//!
//! [`rounds`] says what each duty does, [`alarms`] who is told of what is wrong.

mod alarms;
mod rounds;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use chrono::{DateTime, Utc};

use self::alarms::Told;
use super::args::Because;
use super::output::{hint, say};
use super::world::open_store;
use super::{Done, World, clock, words};
use crate::daemon::{self, Failure, Job, Orders, Ping, Schedule, Setup, Work};
use crate::settings::{self, Database, Environment, Loaded, Settings};
use crate::store::{Adoption, Standing, Store, StoreError, sha256_hex};
use crate::subsidy::catalogue::Catalogue;
use crate::subsidy::holidays::Calendar;

/// Where the machine says who it is.
const MACHINE_ID: &str = "/etc/machine-id";
/// Stands for it where there is none, e.g. in a container.
const MACHINE_ID_VARIABLE: &str = "SHENLING_MACHINE_ID";
/// Pause before a database that is not there yet is asked again.
const OPEN_PAUSE: Duration = Duration::from_secs(5);
/// A stage that runs longer than this hangs.
const ROUND_LIMIT: Duration = Duration::from_hours(1);
/// So does one that makes papers.
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
    /// Raised while the daemon stops.
    stopping: Arc<AtomicBool>,
    /// What was told past the store.
    told: Arc<Mutex<Told>>,
    /// The facts that the last plan of the city was looked for in.
    compiled: Arc<Mutex<Option<i64>>>,
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
    let told = Arc::new(Mutex::new(Told::kept(&settings)));
    let store = open_patiently(&settings, &environment, &told).await?;
    let machine = machine_id(&environment)?;
    let now = clock();
    let dry = store.machine_standing(&machine, now).await? == Standing::Stranger;
    if dry {
        hint!(
            "这些数据属于另一台机器：本机试运行，只收集和核定，不发送任何东西。确要改由本机运行，请先停掉原来的机器，再运行 shenling adopt --reason 原因 --by 经办人"
        );
    }
    let holder = format!("{}-{}-{}", &sha256_hex(machine.as_bytes())[..8], std::process::id(), now.timestamp_millis());
    let stopping = Arc::new(AtomicBool::new(false));
    let office = Office {
        file: file.to_path_buf(),
        store: store.clone(),
        config: Arc::new(RwLock::new(config)),
        stopping: stopping.clone(),
        told,
        compiled: Arc::default(),
    };
    let orders = office.orders().map_err(|says| anyhow!("{says}"))?;
    let teller = office.clone();
    let setup = Setup {
        store: store.clone(),
        holder,
        dry,
        standing: standing_file(&settings),
        stopping,
        tell: Arc::new(move |troubles, now| Box::pin(alarms::tell(teller.clone(), troubles, now))),
    };
    let again = || {
        office.reload()?;
        office.orders()
    };
    daemon::run(setup, orders, &again).await?;
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
    let (schedule, off) = (&settings.schedule, String::new());
    [
        ("collect", &schedule.collect),
        ("mailbox", if settings.mailbox.is_on() { &schedule.mailbox } else { &off }),
        ("calculate", &schedule.calculate),
        ("remind", &schedule.remind),
        ("compile", &schedule.compile),
        ("claim", &schedule.claim),
        ("deliver", &schedule.deliver),
        ("digest", &schedule.digest),
    ]
    .into_iter()
    .filter(|(_, text)| !text.trim().is_empty())
    .map(|(name, text)| (name, Schedule::parse(text, now).map_err(|error| format!("schedule.{name} {error}"))))
    .collect()
}

/// Where the status page lies.
pub(super) fn page_file(settings: &Settings) -> PathBuf {
    settings.paths.data.join("status.html")
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
async fn open_patiently(settings: &Settings, environment: &Environment, told: &Mutex<Told>) -> anyhow::Result<Store> {
    let since = clock();
    loop {
        match open_store(settings, environment).await {
            Err(error) if error.downcast_ref::<StoreError>().is_some_and(StoreError::is_transient) => {
                hint!("{}；{} 秒后再试", words::in_words(&error), OPEN_PAUSE.as_secs());
                daemon::still_starting(OPEN_PAUSE * 3);
                alarms::tell_of_no_database(settings, environment, told, since).await;
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
            config = self.reload().map_err(|says| Failure { says, of_store: false })?;
        }
        Ok(self.world_of(&config, now))
    }

    fn world_of(&self, config: &Config, now: DateTime<Utc>) -> World {
        World {
            settings: config.settings.clone(),
            catalogue: config.catalogue.clone(),
            calendar: config.calendar.clone(),
            environment: config.environment.clone(),
            store: self.store.clone(),
            now,
            json: false,
        }
    }

    fn orders(&self) -> Result<Orders, String> {
        let settings = &self.config().settings;
        let mut jobs = Vec::new();
        for (name, schedule) in schedules(settings, clock()) {
            jobs.push(self.job(name, schedule?));
        }
        let daemon = &settings.daemon;
        let url = daemon.ping_url.trim().to_owned();
        let every = Duration::from_mins(daemon.ping_minutes.into());
        let ping = (!url.is_empty()).then_some(Ping { url, every });
        Ok(Orders { jobs, stop_within: Duration::from_secs(daemon.stop_seconds.into()), ping })
    }

    /// What lies in the inbox is read before anything is decided that it may change.
    fn job(&self, name: &'static str, schedule: Schedule) -> Job {
        let office = self.clone();
        let work: Work = match name {
            "collect" => Arc::new(move |_, now| Box::pin(rounds::collect(office.clone(), now))),
            "mailbox" => Arc::new(move |_, now| Box::pin(rounds::mailbox(office.clone(), now))),
            "calculate" => Arc::new(move |_, now| Box::pin(rounds::calculate(office.clone(), now))),
            "remind" => Arc::new(move |_, now| Box::pin(rounds::remind(office.clone(), now))),
            "compile" => Arc::new(move |_, now| Box::pin(rounds::compile(office.clone(), now))),
            "claim" => Arc::new(move |slot, now| Box::pin(rounds::claim(office.clone(), slot, now))),
            "digest" => Arc::new(move |_, now| Box::pin(rounds::digest(office.clone(), now))),
            _ => Arc::new(move |_, now| Box::pin(rounds::deliver(office.clone(), now))),
        };
        let (papers, at_times) = (matches!(name, "claim" | "compile"), matches!(name, "claim" | "digest"));
        Job {
            name,
            schedule,
            at_start: !at_times,
            after: match name {
                "collect" | "mailbox" => &[],
                // What leaves must not wait for a mail server that mails come from.
                "deliver" | "digest" => &["collect"],
                _ => &["collect", "mailbox"],
            },
            sends: !matches!(name, "collect" | "calculate"),
            limit: if papers { CLAIM_LIMIT } else { ROUND_LIMIT },
            work,
            listen: (name == "mailbox").then(|| rounds::listen(self.clone())),
        }
    }
}
