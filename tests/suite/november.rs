//! The real `serve` across a 30 November: its clock is shifted (libfaketime), it is away for two months, it is killed on
//! the way, and a plan lies in the inbox when it comes back.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use crate::daemon::{Running, command, ledger, log, until};
use crate::mail;
use crate::mail::opened::{Opened, open};
use crate::mail::peer::{Hello, Peer};
use crate::support::Folder;

/// Where distributions put the library.
const LIBRARIES: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
];

/// The library that shifts a clock; says so where there is none. In CI there must be one.
fn faketime() -> Option<PathBuf> {
    let found = LIBRARIES.iter().map(PathBuf::from).find(|path| path.exists());
    if found.is_none() {
        assert!(std::env::var_os("SHENLING_REQUIRE_ALL").is_none(), "libfaketime is missing");
        eprintln!("skipped: no libfaketime (apt-get install faketime)");
    }
    found
}

/// Starts the daemon at an instant of Shanghai, from which its clock goes on; it kills itself at a fail point, if told.
fn serve(folder: &Folder, library: &Path, at: &str, kill_at: Option<&str>) -> Running {
    let mut command = command(folder);
    command.env("LD_PRELOAD", library).env("TZ", "Asia/Shanghai").env("FAKETIME", format!("@{at}"));
    // Pauses are measured by the monotonic clock, which no one shifts.
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1").env("NO_FAKE_STAT", "1");
    if let Some(point) = kill_at {
        command.env("SHENLING_KILL_AT", point);
    }
    Running(command.spawn().unwrap())
}

/// Everybody has an address.
fn addressed(peer: &Peer) -> Folder {
    let folder = mail::folder(peer);
    let mut config = fs::read_to_string(folder.config()).unwrap();
    for address in ["admin", "changzhou", "liyang", "xinkang", "bureau"] {
        config = config.replacen("email = []", &format!("email = [\"{address}@example.cn\"]"), 1);
    }
    folder.put("shenling.toml", config);
    folder
}

fn plan(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/planning").join(name)).unwrap()
}

/// The mails about reminders: prison, Message-ID, the opened mail.
fn reminders(peer: &Peer) -> Vec<(String, String, Opened)> {
    let mut found = Vec::new();
    for mail in peer.arrived() {
        let opened = open(&mail.raw);
        let subject = opened.headers["subject"].clone();
        if let Some((_, rest)) = subject.split_once("催报】") {
            let prison = rest.split('：').next().unwrap().to_owned();
            found.push((prison, opened.headers["message-id"].clone(), opened));
        }
    }
    found
}

/// How many runs of a duty ended in a state.
fn ended(folder: &Folder, duty: &str, states: &[&str]) -> usize {
    let there = folder.work().join("data/shenling.made").exists();
    let ledger = if there { ledger(folder) } else { Vec::new() };
    ledger.iter().filter(|row| row.0 == duty && states.contains(&row.3.as_str())).count()
}

#[test]
fn an_outage_of_two_months_across_the_deadline_is_one_letter_to_each_who_owes() {
    let Some(library) = faketime() else { return };
    let peer = Peer::new(Hello::Bare, &[]);
    let folder = addressed(&peer);
    let mut daemon = serve(&folder, &library, "2026-09-29 10:00:00", None);
    until("a look in September", || (ended(&folder, "remind", &["done"]) > 0).then_some(()));
    daemon.signal(Signal::KILL);
    assert_eq!(daemon.end(), None);
    assert!(reminders(&peer).is_empty(), "nothing is due before the first step");

    // While nothing runs one of three files its plan. The first two starts are killed on the way.
    folder.put("inbox/计划.xlsx", plan("filled-openpyxl.xlsx"));
    let mut daemon = serve(&folder, &library, "2026-12-02 10:00:00", Some("store.give-notice.after-commit"));
    assert_eq!(daemon.end(), None, "{}", log(&folder));
    let mut daemon = serve(&folder, &library, "2026-12-02 10:03:00", Some("deliver.mail-sent"));
    assert_eq!(daemon.end(), None, "{}", log(&folder));
    let daemon = serve(&folder, &library, "2026-12-02 10:09:00", None);
    let both = |after: usize| {
        let mut to: Vec<String> = reminders(&peer).into_iter().skip(after).map(|(prison, ..)| prison).collect();
        to.sort();
        to.dedup();
        (to.len() >= 2).then_some(to)
    };
    let told = until("the late letters", || both(0));
    assert_eq!(told, ["常州监狱", "新康监狱"], "who filed is not written to: {}", log(&folder));
    until("the end of the round", || (ended(&folder, "deliver", &["done", "late"]) > 1).then_some(()));
    let delivered = folder.json(0, &["delivery", "list", "--all"]);
    let of = |key: &str| -> Vec<serde_json::Value> {
        let all = delivered.as_array().unwrap().iter();
        all.filter(|line| line["key"].as_str().unwrap().starts_with(key)).cloned().collect()
    };
    assert_eq!(of("remind:").len(), 2, "{delivered}");
    for line in of("remind:") {
        let shown = folder.json(0, &["delivery", "show", line["key"].as_str().unwrap()]);
        let dated = shown["letter"]["dated_at"].as_str().unwrap();
        // Of the start that was not killed over it.
        let prompt = ["00", "03", "09"].iter().any(|start| {
            let minutes: u32 = start.parse().unwrap();
            let from = format!("2026-12-02T10:{minutes:02}:00");
            let until = format!("2026-12-02T10:{:02}:00", minutes + 5);
            (from.as_str()..until.as_str()).contains(&&dated[..19])
        });
        assert!(prompt, "within five minutes: {dated}");
        let text = shown["letter"]["text"].as_str().unwrap();
        assert!(text.contains("合并催报") && text.contains("已逾期 2 天"), "{text}");
    }
    // A kill between the server's answer and the record gives one duplicate at most, and it says that it is one.
    let mails = reminders(&peer);
    let distinct: std::collections::BTreeSet<&String> = mails.iter().map(|(_, id, _)| id).collect();
    assert_eq!(distinct.len(), 2);
    assert!(mails.len() <= 3, "{}", mails.len());
    for (again, (_, id, opened)) in mails.iter().enumerate() {
        let before = mails[..again].iter().any(|(_, known, _)| known == id);
        // A letter that was about to be offered at the kill is marked too: it may have arrived.
        let subject = &opened.headers["subject"];
        assert!(!before || subject.starts_with("【重发】"), "{subject}");
        assert!(opened.files.contains_key("plan-2027.xlsx"));
    }
    assert_eq!(of("digest:").len(), 1, "one digest for two months: {delivered}");
    assert!(ended(&folder, "digest", &["late"]) == 1 && folder.work().join("data/status.html").exists());
    daemon.signal(Signal::KILL);
    drop(daemon);

    // The next working day: the next step, once, and again not to who filed.
    let before = mails.len();
    let mut daemon = serve(&folder, &library, "2026-12-03 09:10:00", None);
    let told = until("the next step", || both(before));
    assert_eq!(told, ["常州监狱", "新康监狱"]);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0), "{}", log(&folder));
    assert_eq!(reminders(&peer).len(), before + 2);
    folder.expect(0, &["audit", "verify"]);
}

/// A reminder that has not left when its prison files is taken back, and says so; the others leave.
#[test]
fn who_files_before_the_letter_leaves_is_not_written_to() {
    let peer = Peer::new(Hello::Bare, &[]);
    let folder = addressed(&peer);
    let now = |time: &str| format!("2026-11-20T{time}:00+08:00");
    folder.expect(0, &["--now", &now("09:30"), "once", "remind"]);
    folder.put("inbox/plan.xlsx", plan("filled-openpyxl.xlsx"));
    folder.expect(0, &["--now", &now("09:31"), "once", "collect"]);
    folder.expect(0, &["--now", &now("09:32"), "once", "deliver"]);
    let mut to: Vec<String> = reminders(&peer).into_iter().map(|(prison, ..)| prison).collect();
    to.sort();
    assert_eq!(to, ["常州监狱", "新康监狱"]);
    let listed = folder.json(0, &["--now", &now("09:33"), "delivery", "list"]);
    let listed: Vec<_> = listed.as_array().unwrap().iter().map(|line| (&line["recipient"], &line["state"])).collect();
    assert_eq!(listed, [(&"溧阳监狱".into(), &"withdrawn".into())]);
    let shown = folder.expect(0, &["--now", &now("09:33"), "delivery", "list"]);
    assert!(shown.contains("已撤回") && shown.contains("已报齐"), "{shown}");
    folder.expect(0, &["audit", "verify"]);
    // What was told stays told; the next step goes to the two only.
    folder.expect(0, &["--now", "2026-11-23T09:30:00+08:00", "once", "remind"]);
    folder.expect(0, &["--now", "2026-11-23T09:31:00+08:00", "once", "deliver"]);
    assert_eq!(reminders(&peer).len(), 4);
}

/// A prison that files a part before its reminder leaves is told what is missing now, once, and nothing of the rest.
#[test]
fn who_files_a_part_before_the_letter_leaves_is_told_the_rest() {
    let peer = Peer::new(Hello::Bare, &[]);
    let folder = addressed(&peer);
    let now = |time: &str| format!("2026-11-20T{time}:00+08:00");
    folder.expect(0, &["--now", &now("09:30"), "once", "remind"]);
    folder.put("inbox/plan.xlsx", plan("partly.xlsx"));
    folder.expect(0, &["--now", &now("09:31"), "once", "collect"]);
    // The letter waits over the end of office hours: it is the one of this morning all the same.
    folder.expect(0, &["--now", &now("20:32"), "once", "deliver"]);
    let mails = reminders(&peer);
    let of: Vec<&Opened> = mails.iter().filter(|(prison, ..)| prison == "溧阳监狱").map(|(.., mail)| mail).collect();
    assert_eq!((mails.len(), of.len()), (3, 1));
    assert!(of[0].text.contains("附件4") && !of[0].text.contains("附件2"), "{}", of[0].text);
    assert!(of[0].files.contains_key("plan-2027.xlsx"));
    let listed = folder.json(0, &["--now", &now("20:33"), "delivery", "list", "--all"]);
    let states: Vec<(&str, &str)> = listed
        .as_array()
        .unwrap()
        .iter()
        .filter(|line| line["recipient"] == "溧阳监狱")
        .map(|line| (line["key"].as_str().unwrap(), line["state"].as_str().unwrap()))
        .collect();
    let key = "remind:plan:2027:溧阳监狱:D-14";
    assert_eq!(states, [(key, "withdrawn"), (&*format!("{key}~2"), "done")]);
    folder.expect(0, &["audit", "verify"]);
    // Told is told: the step does not come again, the next one does.
    folder.expect(0, &["--now", &now("16:00"), "once", "remind"]);
    folder.expect(0, &["--now", &now("16:01"), "once", "deliver"]);
    assert_eq!(reminders(&peer).len(), 3);
}
