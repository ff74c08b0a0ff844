//! Outages of the real `serve`: database away or locked, disk full, mail server away, a delivery that does not get
//! through. Each is told once when it begins and once when it is over, stands in `status`, and mends by itself.

mod watch;

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::daemon::{Running, command, hasty, log, postpone, set, until};
use crate::mail::opened::open;
use crate::mail::peer::{Hello, Peer, Play};
use crate::support::{self, Folder};
use crate::{daemon, mail};

/// A door between two programs that a test opens and shuts: shut, it resets what comes and what is there.
struct Gate {
    port: u16,
    open: Arc<AtomicBool>,
}

impl Gate {
    fn new(to: u16) -> Gate {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let gate = Gate { port: listener.local_addr().unwrap().port(), open: Arc::new(AtomicBool::new(true)) };
        let open = Arc::clone(&gate.open);
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let Ok(near) = near else { return };
                if !open.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(far) = TcpStream::connect(("127.0.0.1", to)) else { continue };
                for (from, into) in [(&near, &far), (&far, &near)] {
                    let (from, into) = (from.try_clone().unwrap(), into.try_clone().unwrap());
                    let open = Arc::clone(&open);
                    std::thread::spawn(move || pass(from, into, &open));
                }
            }
        });
        gate
    }

    fn set(&self, open: bool) {
        self.open.store(open, Ordering::SeqCst);
    }
}

fn pass(mut from: TcpStream, mut into: TcpStream, open: &AtomicBool) {
    let _ = from.set_read_timeout(Some(Duration::from_millis(100)));
    let mut buffer = [0; 16_384];
    while open.load(Ordering::SeqCst) {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) if into.write_all(&buffer[..n]).is_err() => break,
            Err(error) if !matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                break;
            }
            _ => {}
        }
    }
    let _ = (from.shutdown(std::net::Shutdown::Both), into.shutdown(std::net::Shutdown::Both));
}

/// A folder that tells its administrator soon, by mail to this port.
fn watched(port: u16) -> Folder {
    let folder = mail::with_mail(hasty(), port, "none");
    let config = fs::read_to_string(folder.config()).unwrap();
    let config = config
        .replacen("email = []", "email = [\"admin@example.cn\"]", 1)
        .replace("alarm_after_seconds = 120", "alarm_after_seconds = 2")
        .replace("alarm_calm_seconds = 600", "alarm_calm_seconds = 3")
        .replace("min_free_mb = 200", "min_free_mb = 0");
    folder.put("shenling.toml", config);
    set(&folder, &[("claim", "")]);
    folder
}

/// The daemon, looking at its health every second.
fn serve(folder: &Folder) -> Running {
    Running(command(folder).env("NOTIFY_SOCKET", "/dev/null").env("WATCHDOG_USEC", "3000000").spawn().unwrap())
}

/// Subjects of the mails to the administrator that arrived.
fn told(peer: &Peer) -> Vec<String> {
    let subject = |mail: &mail::peer::Arrived| open(&mail.raw).headers["subject"].clone();
    let cut = |subject: String| subject.split('〔').next().unwrap().to_owned();
    peer.arrived().iter().filter(|mail| mail.to == ["admin@example.cn"]).map(subject).map(cut).collect()
}

/// Kinds of alarms that are open by `status`.
fn wrong(folder: &Folder) -> Vec<String> {
    let status = folder.json(0, &["status"]);
    status["alarms"].as_array().unwrap().iter().map(|alarm| alarm["what"].as_str().unwrap().to_owned()).collect()
}

fn is_up(folder: &Folder) {
    until("the start", || log(folder).contains("started duties").then_some(()));
    until("the first report", || folder.work().join("data/serve.json").exists().then_some(()));
}

fn stop(mut daemon: Running, folder: &Folder) {
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0), "{}", log(folder));
    folder.expect(0, &["audit", "verify"]);
}

#[test]
fn a_locked_database_is_told_past_it_once_and_its_recovery_once() {
    let peer = Peer::new(Hello::Bare, &[]);
    let folder = watched(peer.port);
    let daemon = serve(&folder);
    is_up(&folder);
    let url = format!("sqlite:{}", folder.work().join("data/shenling.db").display());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut lock = runtime.block_on(async {
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        connection.execute("PRAGMA busy_timeout = 30000").await.unwrap();
        connection.execute("BEGIN IMMEDIATE").await.unwrap();
        connection
    });
    let alarm = until("the alarm", || told(&peer).into_iter().next());
    assert_eq!(alarm, "【告警】数据库");
    let body = open(&peer.arrived()[0].raw).text;
    assert!(body.contains("没有经过发送队列") && body.contains("请检查数据库"), "{body}");
    let standing = || fs::read_to_string(folder.work().join("data/serve.json")).unwrap_or_default();
    until("the degraded state", || standing().contains("\"database\"").then_some(()));
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(told(&peer).len(), 1, "told once: {:?}", told(&peer));
    runtime.block_on(async { lock.execute("ROLLBACK").await.unwrap() });
    until("the recovery", || (told(&peer).len() == 2).then_some(()));
    assert_eq!(told(&peer)[1], "【恢复】数据库");
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!((told(&peer).len(), wrong(&folder)), (2, Vec::new()), "{:?}", told(&peer));
    stop(daemon, &folder);
}

#[test]
fn a_database_that_goes_away_and_comes_back_is_lived_through() {
    let Some(base) = support::postgres() else { return };
    let name = format!("outage_{}", std::process::id());
    let administer = |sql: String| {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let mut connection = PgConnection::connect(&base).await.unwrap();
            sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        });
    };
    administer(format!("CREATE DATABASE {name}"));
    let (front, _) = base.rsplit_once('/').unwrap();
    let (who, port) = front.rsplit_once(':').unwrap();
    let gate = Gate::new(port.parse().unwrap());
    let peer = Peer::new(Hello::Bare, &[]);
    let folder = watched(peer.port);
    set(&folder, &[("url", &format!("{who}:{}/{name}", gate.port))]);
    let daemon = serve(&folder);
    is_up(&folder);
    gate.set(false);
    let alarm = until("the alarm", || told(&peer).into_iter().next());
    assert_eq!(alarm, "【告警】数据库");
    let (code, out, err) = folder.run(&["status"]);
    assert_eq!(code, 2, "{out}{err}");
    assert!(out.contains("服务  正在运行") && out.contains("数据库"), "the state is told without the database: {out}");
    folder.put("inbox/r.csv", support::results_csv(&[daemon::row(1)]));
    gate.set(true);
    until("the recovery", || (told(&peer).len() == 2).then_some(()));
    assert_eq!(told(&peer)[1], "【恢复】数据库");
    let taken = || folder.json(0, &["status"])["assessments"].as_u64();
    until("the file that came meanwhile", || taken().filter(|n| *n == 1));
    assert_eq!(told(&peer).len(), 2, "{:?}", told(&peer));
    stop(daemon, &folder);
    administer(format!("DROP DATABASE {name}"));
}

#[test]
fn no_mail_server_is_told_in_status_and_by_the_queue_when_it_is_back() {
    let peer = Peer::new(Hello::Bare, &[]);
    let gate = Gate::new(peer.port);
    let folder = watched(gate.port);
    let daemon = serve(&folder);
    is_up(&folder);
    gate.set(false);
    mail::queue(&folder, &[mail::letter("remind:one", &[10]), mail::letter("remind:two", &[10])], &now());
    until("the alarm in status", || (wrong(&folder) == ["smtp"]).then_some(()));
    let shown = folder.expect(0, &["status"]);
    assert!(shown.contains("告警  邮件") && shown.contains("delivery test"), "{shown}");
    let waits = |key: &str| -> Vec<String> {
        let listed = folder.json(0, &["delivery", "list"]);
        let lines = listed.as_array().unwrap().iter().filter(|line| line["key"].as_str().unwrap().starts_with(key));
        lines.map(|line| line["key"].as_str().unwrap().to_owned()).collect()
    };
    until("the alarm in the queue", || (waits("alarm:").len() == 1).then_some(()));
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(waits("alarm:").len(), 1, "told once");
    gate.set(true);
    // The pause after a failure is minutes; somebody is in a hurry.
    for key in waits("") {
        folder.expect(0, &["delivery", "retry", &key, "--reason", "已恢复", "--by", "某管理员"]);
    }
    until("both letters", || (peer.arrived().iter().filter(|mail| mail.to.len() == 2).count() == 2).then_some(()));
    until("alarm and recovery", || (told(&peer).len() == 2).then_some(()));
    std::thread::sleep(Duration::from_secs(3));
    let mut all = told(&peer);
    all.sort();
    assert_eq!((all, wrong(&folder)), (vec!["【告警】邮件".to_owned(), "【恢复】邮件".to_owned()], Vec::new()));
    stop(daemon, &folder);
}

#[test]
fn a_letter_that_does_not_get_through_is_told_at_four_hours_and_at_five_days() {
    let later = vec![Play::Data("451 try again later"); 3];
    let peer = Peer::new(Hello::Bare, &later);
    let folder = watched(peer.port);
    let daemon = serve(&folder);
    is_up(&folder);
    mail::queue(&folder, &[mail::letter("remind:stuck", &[10])], &now());
    let failures = || folder.json(0, &["delivery", "show", "remind:stuck"])["failures"].as_u64();
    until("the first failure", || failures().filter(|n| *n == 1));
    peer.then(&[]);
    postpone(&folder, "UPDATE delivery SET failing_since = failing_since - 5 * 3600000 WHERE key = 'remind:stuck'");
    until("four hours", || (told(&peer) == ["【告警】投递受阻 4 小时：remind:stuck"]).then_some(()));
    postpone(&folder, "UPDATE delivery SET failing_since = failing_since - 6 * 86400000 WHERE key = 'remind:stuck'");
    until("five days", || (told(&peer).last()? == "【告警】投递受阻 5 天：remind:stuck").then_some(()));
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(told(&peer).len(), 2);
    folder.expect(0, &["delivery", "retry", "remind:stuck", "--reason", "演示", "--by", "某管理员"]);
    until("the recovery", || (told(&peer).last()? == "【恢复】投递受阻 4 小时：remind:stuck 等2项").then_some(()));
    assert_eq!((told(&peer).len(), wrong(&folder)), (3, Vec::new()));
    stop(daemon, &folder);
}

#[test]
fn a_disk_that_is_nearly_full_is_told_and_told_when_it_is_not() {
    let peer = Peer::new(Hello::Bare, &[]);
    let folder = watched(peer.port);
    mail::set(&folder, "min_free_mb = 0", "min_free_mb = 1000000");
    let daemon = serve(&folder);
    is_up(&folder);
    until("the alarm", || (told(&peer) == ["【告警】磁盘"]).then_some(()));
    mail::set(&folder, "min_free_mb = 1000000", "min_free_mb = 0");
    daemon.signal(Signal::HUP);
    until("the recovery", || (told(&peer) == ["【告警】磁盘", "【恢复】磁盘"]).then_some(()));
    stop(daemon, &folder);
}

/// Killed before or after an alarm is on record, it is told once all the same.
#[test]
fn a_kill_over_an_alarm_neither_loses_nor_doubles_it() {
    for point in ["store.record-alarms.before-commit", "store.record-alarms.after-commit"] {
        let peer = Peer::new(Hello::Bare, &[]);
        let folder = watched(peer.port);
        mail::set(&folder, "min_free_mb = 0", "min_free_mb = 1000000");
        mail::set(&folder, "alarm_after_seconds = 2", "alarm_after_seconds = 0");
        let mut killed = Running(command(&folder).env("SHENLING_KILL_AT", point).spawn().unwrap());
        assert_eq!(killed.end(), None, "{point}: {}", log(&folder));
        postpone(&folder, "UPDATE duty_lease SET lease_until = 0");
        let daemon = serve(&folder);
        until("the alarm", || (told(&peer) == ["【告警】磁盘"]).then_some(()));
        std::thread::sleep(Duration::from_secs(5));
        assert_eq!(told(&peer).len(), 1, "{point}");
        stop(daemon, &folder);
    }
}

/// A file system of its own that goes away with the test.
struct Mounted(std::path::PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Not a byte left: what is wrong is told past the database, nothing is lost, and it goes on by itself.
#[test]
fn a_full_disk_is_lived_through() {
    let peer = Peer::new(Hello::Bare, &[]);
    let folder = watched(peer.port);
    let data = folder.work().join("data");
    let aside = folder.work().join("aside");
    fs::rename(&data, &aside).unwrap();
    fs::create_dir(&data).unwrap();
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m,mode=0700", "tmpfs"]).arg(&data).output();
    if !mount.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no file system can be mounted here (it takes root)");
        return;
    }
    let _mounted = Mounted(data.clone());
    assert!(Command::new("cp").arg("-a").arg(aside.join(".")).arg(&data).status().unwrap().success());
    mail::set(&folder, "min_free_mb = 0", "min_free_mb = 1");
    let daemon = serve(&folder);
    is_up(&folder);
    let mut ballast = fs::File::create(data.join("ballast")).unwrap();
    while ballast.write_all(&[0; 4096]).is_ok() {}
    until("the alarm", || told(&peer).into_iter().find(|subject| subject.contains("磁盘")));
    // More than the free pages of the database take.
    let rows: Vec<String> = (1..400).map(daemon::row).collect();
    folder.put("inbox/r.csv", support::results_csv(&rows));
    std::thread::sleep(Duration::from_secs(6));
    assert_eq!(told(&peer).len(), 1, "told once: {:?}", told(&peer));
    drop(ballast);
    fs::remove_file(data.join("ballast")).unwrap();
    let taken = || folder.json(0, &["status"])["assessments"].as_u64();
    until("the file that came meanwhile", || taken().filter(|n| *n == 399));
    until("the recovery", || told(&peer).into_iter().find(|subject| subject.starts_with("【恢复】")));
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!((told(&peer).len(), wrong(&folder)), (2, Vec::new()), "{:?}", told(&peer));
    stop(daemon, &folder);
}

/// SIGTERM while several letters wait for a slow server: the one in hand is finished, the rest is left for the next start.
#[test]
fn a_stop_finishes_the_letter_in_hand_and_leaves_the_rest() {
    let peer = Peer::new(Hello::Bare, &[]);
    let folder = watched(peer.port);
    let letters: Vec<_> = (0..200).map(|n| mail::letter(&format!("remind:{n}"), &[40_000])).collect();
    mail::set(&folder, "per_domain_per_minute = 20", "per_domain_per_minute = 1000");
    mail::queue(&folder, &letters, &now());
    let daemon = serve(&folder);
    until("the first letters", || (peer.arrived().len() > 2).then_some(()));
    stop(daemon, &folder);
    let sent = peer.arrived().len();
    let listed = folder.json(0, &["delivery", "list"]);
    let states: Vec<&str> = listed.as_array().unwrap().iter().map(|line| line["state"].as_str().unwrap()).collect();
    assert!(states.iter().all(|state| *state == "due"), "nothing is in doubt: {states:?}");
    assert_eq!(states.len() + sent, 200);
    assert!(sent < 200, "it did not stop");
}

/// How long a stop waits for the work in hand is read anew like everything else.
#[test]
fn a_new_config_says_how_long_a_stop_waits() {
    let peer = Peer::new(Hello::Bare, &[Play::Silence, Play::Silence, Play::Silence]);
    let folder = watched(peer.port);
    // The peer is silent for half a minute: nobody else ends that.
    mail::set(&folder, "\ntimeout_seconds = 2", "\ntimeout_seconds = 120");
    mail::set(&folder, "stop_seconds = 60", "stop_seconds = 600");
    mail::queue(&folder, &[mail::letter("test:one", &[10])], &now());
    let mut daemon = serve(&folder);
    until("the letter that hangs", || (peer.arrived().len() == 1).then_some(()));
    mail::set(&folder, "stop_seconds = 600", "stop_seconds = 1");
    daemon.signal(Signal::HUP);
    until("the new config", || log(&folder).contains("configuration read anew").then_some(()));
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0), "{}", log(&folder));
    assert!(log(&folder).contains("is cut off"), "{}", log(&folder));
    let listed = folder.json(0, &["delivery", "list"]);
    assert_eq!((&listed[0]["key"], listed.as_array().unwrap().len()), (&"test:one".into(), 1));
    folder.expect(0, &["audit", "verify"]);
}

fn now() -> String {
    let now = Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]).output().unwrap();
    String::from_utf8(now.stdout).unwrap().trim().to_owned()
}
