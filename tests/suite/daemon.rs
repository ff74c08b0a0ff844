//! The real `serve`: its ledger, its signals, two of them, the wrong machine, systemd's socket, kill -9 at its points.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sqlx::{Connection, PgConnection, Row};

use crate::support::{self, Folder, results_csv};

/// Longest that a test waits for the daemon to do something.
const PATIENCE: Duration = Duration::from_secs(100);
/// The points that only the daemon passes, which `crash.rs` leaves to this file.
pub const POINTS: &[&str] = &[
    "store.lease-duty.before-commit",
    "store.lease-duty.after-commit",
    "store.release-duty.before-commit",
    "store.release-duty.after-commit",
    "store.begin-occurrence.before-commit",
    "store.begin-occurrence.after-commit",
    "store.end-occurrence.before-commit",
    "store.end-occurrence.after-commit",
    "store.end-orphans.before-commit",
    "store.end-orphans.after-commit",
    "store.prune-occurrences.before-commit",
    "store.prune-occurrences.after-commit",
    "store.resume-occurrence.before-commit",
    "store.resume-occurrence.after-commit",
    "store.adopt-first-machine.before-commit",
    "store.adopt-first-machine.after-commit",
    "store.touch.before-commit",
    "store.touch.after-commit",
];
/// Passed by `adopt`, which a person runs: safe to run again, since a machine is entered once.
pub const BY_HAND: &[&str] = &["store.adopt-machine.before-commit", "store.adopt-machine.after-commit"];

/// A running daemon; killed when the test ends.
pub struct Running(pub Child);

impl Running {
    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    /// Waits for its end and returns the exit code; `None` where a signal killed it.
    pub fn end(&mut self) -> Option<i32> {
        until("the end of the daemon", || self.0.try_wait().unwrap()).code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder whose stages run every second.
pub fn hasty() -> Folder {
    let folder = Folder::new();
    set(&folder, &[("collect", "* * * * * *"), ("calculate", "* * * * * *"), ("deliver", "* * * * * *")]);
    set(&folder, &[("remind", ""), ("compile", ""), ("digest", "")]);
    folder
}

/// Changes keys of the config that hold texts.
pub fn set(folder: &Folder, keys: &[(&str, &str)]) {
    let config = fs::read_to_string(folder.config()).unwrap();
    let line = |line: &str| match keys.iter().find(|(key, _)| line.starts_with(&format!("{key} = "))) {
        Some((key, value)) => format!("{key} = \"{value}\"\n"),
        None => format!("{line}\n"),
    };
    fs::write(folder.config(), config.lines().map(line).collect::<String>()).unwrap();
}

/// The daemon's command; it logs to `serve.log`.
pub fn command(folder: &Folder) -> Command {
    let mut command = folder.command(&["serve"]);
    let log = fs::OpenOptions::new().create(true).append(true).open(folder.work().join("serve.log")).unwrap();
    command.env("SHENLING_MACHINE_ID", "machine-one").stdout(Stdio::null()).stderr(log);
    command
}

fn serve(folder: &Folder) -> Running {
    Running(command(folder).spawn().unwrap())
}

/// What it logged.
pub fn log(folder: &Folder) -> String {
    fs::read_to_string(folder.work().join("serve.log")).unwrap_or_default()
}

/// Waits until something is seen.
pub fn until<T>(what: &str, mut seen: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = seen() {
            return seen;
        }
        assert!(begun.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A row of results of the n-th invented person.
pub fn row(n: u32) -> String {
    let id = support::resident_id("19880102", n);
    format!(
        "常州监狱,{n:06},某某,{id},演示学校,演示鉴定,焊工,五级,1班,2026-03-01,2026-03-20,80,32,48,2026-04-10,80,75,合格,技能等级证书,Y00003200000126500000{n},2026-04-20,180"
    )
}

fn assessments(folder: &Folder) -> Option<u64> {
    folder.json(0, &["status"])["assessments"].as_u64()
}

/// duty, slot, slots, state.
pub fn ledger(folder: &Folder) -> Vec<(String, i64, i64, String)> {
    let url = format!("sqlite:{}", folder.work().join("data/shenling.db").display());
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        let sql = "SELECT duty, slot, slots, state FROM occurrence ORDER BY duty, slot";
        let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect()
    })
}

/// Changes the database behind the daemon's back.
pub fn postpone(folder: &Folder, sql: &'static str) {
    let url = format!("sqlite:{}", folder.work().join("data/shenling.db").display());
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        sqlx::query(sql).execute(&mut connection).await.unwrap();
    });
}

#[test]
fn it_works_alone_stops_when_told_and_takes_a_new_config() {
    let folder = hasty();
    let mut daemon = serve(&folder);
    folder.put("inbox/r.csv", results_csv(&[row(1)]));
    until("the file", || assessments(&folder).filter(|n| *n == 1));
    until("the calculation", || folder.json(0, &["status"])["calculation"]["current"].as_bool().filter(|c| *c));
    assert!(folder.run(&["serve"]).2.contains("另一个 shenling serve"));
    // The first report comes a moment after the start.
    until("the report of the daemon", || folder.expect(0, &["status"]).contains("服务  正在运行").then_some(()));

    let good = fs::read_to_string(folder.config()).unwrap();
    fs::write(folder.config(), format!("{good}\nfoo = 1\n")).unwrap();
    daemon.signal(Signal::HUP);
    until("the complaint", || log(&folder).contains("the old one stays in force").then_some(()));
    fs::write(folder.config(), good).unwrap();
    set(&folder, &[("collect", "")]);
    daemon.signal(Signal::HUP);
    until("the new config", || log(&folder).contains("configuration read anew").then_some(()));
    folder.put("inbox/s.csv", results_csv(&[row(2)]));
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(assessments(&folder), Some(1), "collect is switched off");

    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0));
    let endings: Vec<String> = ledger(&folder).into_iter().map(|(.., state)| state).collect();
    assert!(endings.len() > 4 && endings.iter().all(|state| state == "done"), "{endings:?}");
    folder.expect(2, &["--now", "2026-11-20T09:00:00+08:00", "serve"]);
}

#[test]
fn a_bad_schedule_is_told_by_check_and_refused_by_serve() {
    let folder = Folder::new();
    set(&folder, &[("claim", "0 9 30 2 *"), ("deliver", "sometimes")]);
    let check = folder.expect(1, &["check"]);
    assert!(check.contains("schedule.claim “0 9 30 2 *”永远不会到时间"), "{check}");
    assert!(check.contains("schedule.deliver “sometimes”不是定时表达式"), "{check}");
    let (code, _, err) = folder.run(&["serve"]);
    assert_eq!(code, 2, "{err}");
}

/// Two months without power: what was missed becomes one late run, and the clock set back runs nothing twice.
#[test]
fn missed_slots_are_made_up_for_once() {
    let folder = Folder::new();
    set(&folder, &[("collect", "0 9 * * *"), ("calculate", ""), ("deliver", ""), ("claim", "")]);
    set(&folder, &[("remind", ""), ("compile", ""), ("digest", "")]);
    let mut daemon = serve(&folder);
    until("the first look", || (!ledger_or_none(&folder).is_empty()).then_some(()));
    daemon.signal(Signal::TERM);
    daemon.end();
    postpone(&folder, "UPDATE schedule_watch SET evaluated_until = evaluated_until - 62 * 86400000");
    let mut daemon = serve(&folder);
    let found = until("the late run", || ledger(&folder).into_iter().find(|(.., state)| state == "late"));
    assert_eq!(found.2, 62, "{found:?}");
    daemon.signal(Signal::TERM);
    daemon.end();
    postpone(&folder, "UPDATE schedule_watch SET evaluated_until = evaluated_until - 5 * 86400000");
    let before = ledger(&folder).len();
    let mut daemon = serve(&folder);
    std::thread::sleep(Duration::from_secs(3));
    daemon.signal(Signal::TERM);
    daemon.end();
    assert_eq!(ledger(&folder).len(), before, "slots that were run are not run again");
    postpone(&folder, "UPDATE schedule_watch SET evaluated_until = 4102444800000");
    let mut daemon = serve(&folder);
    until("a look after 2099", || (ledger(&folder).len() > before).then_some(()));
    daemon.signal(Signal::TERM);
    daemon.end();
}

/// A copy of the data that wakes up on another machine sends nothing until somebody says so.
#[test]
fn another_machine_sends_nothing_until_it_is_adopted() {
    let folder = hasty();
    drop(serve_once(&folder, "machine-one"));
    let copy = folder.copy();
    let log = serve_once(&copy, "machine-two");
    assert!(log.contains("shenling adopt") && log.contains("dry=true"), "{log}");
    let skipped = ledger(&copy).into_iter().any(|(duty, .., state)| duty == "deliver" && state == "skipped");
    assert!(skipped, "{:?}", ledger(&copy));
    let mut adopt = copy.command(&["adopt", "--reason", "搬迁", "--by", "某管理员"]);
    assert!(adopt.env("SHENLING_MACHINE_ID", "machine-two").status().unwrap().success());
    fs::write(copy.work().join("serve.log"), "").unwrap();
    assert!(serve_once(&copy, "machine-two").contains("dry=false"));
    fs::write(copy.work().join("serve.log"), "").unwrap();
    assert!(serve_once(&copy, "machine-one").contains("dry=true"), "the data moved away");
    copy.expect(0, &["audit", "verify"]);
}

/// Runs until every duty has run once; returns the log.
fn serve_once(folder: &Folder, machine: &str) -> String {
    let before = ledger_or_none(folder);
    let mut daemon = Running(command(folder).env("SHENLING_MACHINE_ID", machine).spawn().unwrap());
    until("a round of all", || {
        let now = ledger_or_none(folder);
        let new = |duty: &str| {
            now.iter().filter(|row| row.0 == duty && row.3 != "running").count()
                > before.iter().filter(|row| row.0 == duty && row.3 != "running").count()
        };
        ["collect", "calculate", "deliver"].iter().all(|duty| new(duty)).then_some(())
    });
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0), "{}", log(folder));
    log(folder)
}

fn ledger_or_none(folder: &Folder) -> Vec<(String, i64, i64, String)> {
    let there = folder.work().join("data/shenling.made").exists();
    if there { ledger(folder) } else { Vec::new() }
}

#[test]
fn systemd_is_told_of_start_health_and_stop() {
    let folder = hasty();
    let socket = folder.work().join("notify");
    let listener = UnixDatagram::bind(&socket).unwrap();
    listener.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut daemon =
        Running(command(&folder).env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", "3000000").spawn().unwrap());
    let mut heard = String::new();
    let mut hear = |what: &str| {
        let mut buffer = [0; 4096];
        while !heard.contains(what) {
            let n = listener.recv(&mut buffer).unwrap_or_else(|_| panic!("{what} not heard:\n{heard}"));
            heard.push_str(&String::from_utf8_lossy(&buffer[..n]));
            heard.push('\n');
        }
        heard.clear();
    };
    hear("READY=1");
    hear("WATCHDOG=1");
    hear("STATUS=运行中，一切正常");
    daemon.signal(Signal::HUP);
    hear("RELOADING=1");
    hear("READY=1");
    daemon.signal(Signal::TERM);
    hear("STOPPING=1");
    assert_eq!(daemon.end(), Some(0));
}

/// Killed at each of its points and started again, it takes every file once and leaves nothing running.
#[test]
fn a_kill_of_the_daemon_loses_nothing() {
    let seed = Folder::new();
    set(&seed, &[("collect", "0 3 * * *"), ("calculate", "0 3 * * *"), ("deliver", "0 3 * * *"), ("claim", "")]);
    set(&seed, &[("remind", ""), ("compile", ""), ("digest", "")]);
    for (n, point) in (1..).zip(POINTS) {
        let folder = seed.copy();
        folder.put("inbox/r.csv", results_csv(&[row(n)]));
        if point.contains("orphans") || point.contains("resume") {
            // Somebody died before us.
            let mut killed = Running(
                command(&folder).env("SHENLING_KILL_AT", "store.end-occurrence.before-commit").spawn().unwrap(),
            );
            assert_eq!(killed.end(), None);
            postpone(&folder, "UPDATE duty_lease SET lease_until = 0");
            if point.contains("orphans") {
                postpone(&folder, "UPDATE schedule_watch SET evaluated_until = evaluated_until - 86400000");
            }
        }
        let mut daemon = Running(command(&folder).env("SHENLING_KILL_AT", point).spawn().unwrap());
        assert_eq!(daemon.end(), None, "{point} was not passed: {}", log(&folder));
        // A lease of the dead runs out by itself; the test does not wait for it.
        postpone(&folder, "UPDATE duty_lease SET lease_until = 0");
        let starts = || log(&folder).matches("started duties").count();
        let before = starts();
        let mut daemon = serve(&folder);
        until(point, || (starts() > before && assessments(&folder) == Some(1)).then_some(()));
        let at_rest = || ledger(&folder).iter().filter(|row| row.3 == "running").count() <= 3;
        until(point, || at_rest().then_some(()));
        daemon.signal(Signal::TERM);
        assert_eq!(daemon.end(), Some(0));
        assert!(ledger(&folder).iter().all(|row| row.3 != "running"), "{point}: {:?}", ledger(&folder));
        assert!(!folder.work().join("inbox/r.csv").exists());
        folder.expect(0, &["audit", "verify"]);
    }
}

/// The lease of a process that was killed runs on for a while: whoever starts meanwhile waits for it, and then does what
/// was cut off. Its slot lies behind, so that no later look at the schedule would.
#[test]
fn what_was_cut_off_is_done_though_the_dead_still_hold_the_lease() {
    let folder = Folder::new();
    set(&folder, &[("collect", "0 3 * * *"), ("calculate", ""), ("deliver", ""), ("claim", "")]);
    set(&folder, &[("remind", ""), ("compile", ""), ("digest", "")]);
    let mut killed =
        Running(command(&folder).env("SHENLING_KILL_AT", "store.begin-occurrence.after-commit").spawn().unwrap());
    assert_eq!(killed.end(), None);
    folder.put("inbox/r.csv", results_csv(&[row(1)]));
    postpone(&folder, "UPDATE duty_lease SET lease_until = CAST(strftime('%s', 'now') AS INTEGER) * 1000 + 4000");
    let mut daemon = serve(&folder);
    until("the work that was cut off", || assessments(&folder).filter(|n| *n == 1));
    until("its end", || ledger(&folder).iter().all(|row| row.3 != "running").then_some(()));
    assert_eq!(ledger(&folder).len(), 1, "{:?}", ledger(&folder));
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0));
}

/// What comes after a duty that was cut off waits for it to be made up for, and not for its next slot.
#[test]
fn who_waits_for_what_was_cut_off_goes_on_when_that_is_done() {
    let folder = Folder::new();
    set(&folder, &[("collect", "0 3 * * *"), ("calculate", ""), ("deliver", "* * * * * *"), ("claim", "")]);
    set(&folder, &[("remind", ""), ("compile", ""), ("digest", "")]);
    let mut killed =
        Running(command(&folder).env("SHENLING_KILL_AT", "store.begin-occurrence.after-commit").spawn().unwrap());
    assert_eq!(killed.end(), None);
    postpone(&folder, "DELETE FROM duty_lease");
    // The one that comes first was first.
    assert_eq!(ledger(&folder).iter().map(|row| &*row.0).collect::<Vec<_>>(), ["collect"]);
    let mut daemon = serve(&folder);
    until("a delivery", || ledger(&folder).iter().any(|row| row.0 == "deliver" && row.3 == "done").then_some(()));
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0));
}

#[test]
fn two_daemons_share_one_postgresql() {
    let Some(base) = support::postgres() else { return };
    let database = format!("serve_{}", std::process::id());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let administer = |sql: String| {
        runtime.block_on(async {
            let mut connection = PgConnection::connect(&base).await.unwrap();
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        });
    };
    administer(format!("CREATE DATABASE {database}"));
    let url = format!("{}/{database}", base.rsplit_once('/').unwrap().0);
    let folder = hasty();
    set(&folder, &[("url", &url)]);
    let mut daemons = [serve(&folder), serve(&folder)];
    for n in 1..=5 {
        folder.put(&format!("inbox/r{n}.csv"), results_csv(&[row(n)]));
        std::thread::sleep(Duration::from_millis(500));
    }
    until("all files", || (assessments(&folder) == Some(5)).then_some(()));
    for daemon in &mut daemons {
        daemon.signal(Signal::TERM);
        assert_eq!(daemon.end(), Some(0), "{}", log(&folder));
    }
    // Who did which is chance; what counts is that nothing was left open or done badly.
    let open = runtime.block_on(async {
        let mut connection = PgConnection::connect(&url).await.unwrap();
        let sql = "SELECT COUNT(*) FROM occurrence WHERE state <> 'done'";
        sqlx::query(sql).fetch_one(&mut connection).await.unwrap().get::<i64, _>(0)
    });
    assert_eq!(open, 0, "{}", log(&folder));
    folder.expect(0, &["audit", "verify"]);
    administer(format!("DROP DATABASE {database}"));
}
