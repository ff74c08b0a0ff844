//! Kill -9 at every fail point of the real binary, run again, and compare with an undisturbed run.
//!
//! Each step of the script starts from the undisturbed state before it; after kill and rerun the folder must equal the
//! undisturbed state after it: domain tables, batch list, export, and the packets member by member.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use shenling::forms::papers::unpack;
use shenling::store::{Store, Vault};

use crate::mail;
use crate::mail::peer::{Hello, Peer};
use crate::support::{self, Folder, PASSWORD, PASSWORD_FILE, resident_id, results_csv, roster_csv};

/// One step: files that are dropped, and the command.
struct Step {
    drops: Vec<(&'static str, String)>,
    arguments: Vec<&'static str>,
    code: i32,
}

fn step(code: i32, arguments: &str, drops: Vec<(&'static str, String)>) -> Step {
    Step { drops, arguments: arguments.to_owned().leak().split(' ').collect(), code }
}

fn roster(release: &str) -> String {
    let row = |prison: &str, n: u32, name: &str, occupation: &str| {
        let id = resident_id("19880102", n);
        format!("{prison},{n:06},{name},男,{id},{release},{occupation},五级,1班")
    };
    roster_csv(&[
        row("常州监狱", 1, "甲某某", "焊工"),
        row("常州监狱", 2, "乙某某", "焊工"),
        row("常州监狱", 3, "丙某某", "焊工"),
        row("溧阳监狱", 4, "丁某某", "中式烹调师"),
    ])
}

fn result(prison: &str, n: u32, name: &str, occupation: &str, passed: bool) -> String {
    let id = resident_id("19880102", n);
    let outcome = if passed {
        format!("合格,技能等级证书,Y00003200000126500000{n},2026-10-20")
    } else {
        "不合格,,,".to_owned()
    };
    format!(
        "{prison},{n:06},{name},{id},演示学校,演示鉴定,{occupation},五级,1班,2026-09-01,2026-09-20,80,32,48,2026-10-10,80,75,{outcome},180"
    )
}

fn results() -> Vec<String> {
    vec![
        result("常州监狱", 1, "甲某某", "焊工", true),
        result("常州监狱", 2, "乙某某", "焊工", true),
        result("常州监狱", 3, "丙某某", "焊工", false),
        result("溧阳监狱", 4, "丁某某", "中式烹调师", true),
    ]
}

/// A file with a fault, in the folder for trials: its reply is put into the outbox.
fn trial() -> String {
    results_csv(&[result("溧阳监狱", 9, "戊某某", "焊工", true).replace("2026-10-10", "10/10/26")])
}

/// A config in which everybody can be written to.
fn addressed() -> String {
    let config = include_str!("../../config/shenling.toml").replace("stable_seconds = 2", "stable_seconds = 0");
    config.replace("email = []", "email = [\"office@example.cn\"]")
}

/// The same where nobody has to file a plan any more: reminders that have not left are taken back.
fn relieved() -> String {
    addressed().replacen("on = true", "on = false", 1)
}

/// A holiday table that moves a reminder still to come.
const TABLE: &str = "year = 2027\ncitation = \"演示\"\noff = [\"2027-01-01..2027-01-03\", \"2027-05-01..2027-05-05\", \
    \"2027-10-01..2027-10-07\", \"2027-11-22..2027-11-26\"]\nworked = [\"2027-11-27\"]\n";

fn planning(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/planning").join(name).display().to_string()
}

/// A season with a correction, in which every command that writes stands once; letters go to `peer`.
fn script(folder: &Folder, peer: &Peer) -> Vec<Step> {
    let mail = fs::read_to_string(mail::with_mail(folder.copy(), peer.port, "none").config()).unwrap();
    let early = "--now 2025-12-15T10:00:00+08:00";
    let now = "--now 2026-11-20T09:00:00+08:00";
    let evening = "--now 2026-11-20T19:00:00+08:00";
    let later = "--now 2027-01-15T09:00:00+08:00";
    let autumn = "--now 2027-11-16T09:00:00+08:00";
    let mended = vec![result("常州监狱", 3, "丙某某", "焊工", true)];
    let extra = vec![result("常州监狱", 5, "戊某某", "焊工", true)];
    vec![
        step(0, &format!("{early} once collect"), vec![("inbox/名册.csv", roster("2027-06-01"))]),
        step(0, &format!("{early} import {}", planning("lead.xlsx")), vec![]),
        step(1, &format!("{early} import {}", planning("old.xlsx")), vec![]),
        step(0, &format!("{early} set-aside reject 3 --reason 演示退回 --by 演示"), vec![]),
        step(0, &format!("{early} plan close --year 2027 --reason 演示截止 --by 演示"), vec![]),
        step(0, &format!("{early} plan approve --year 2027 --on 2025-12-12 --by 演示"), vec![]),
        step(0, &format!("{early} roster approve 1 --on 2025-12-12 --by 演示"), vec![]),
        step(0, &format!("{now} once collect"), vec![("inbox/结果.csv", results_csv(&results()))]),
        step(1, &format!("{now} once collect"), vec![("inbox/试检/溧阳监狱/试.csv", trial())]),
        step(0, &format!("{now} once calculate"), vec![]),
        step(0, &format!("{now} once claim --period 2026-Q4"), vec![]),
        step(1, &format!("{now} once deliver"), vec![]),
        step(1, &format!("{evening} once deliver"), vec![]),
        step(0, &format!("{evening} delivery hold CZ-2026-Q4-001:bureau --reason 演示 --by 演示"), vec![]),
        step(0, &format!("{evening} delivery release CZ-2026-Q4-001:bureau --reason 演示 --by 演示"), vec![]),
        step(0, &format!("{now} once deliver"), vec![(PASSWORD_FILE, PASSWORD.to_owned())]),
        step(0, &format!("{now} delivery test --to clerk@example.cn"), vec![("shenling.toml", mail)]),
        step(1, &format!("{evening} delivery test --to clerk@example.cn --to nobody@example.cn"), vec![]),
        step(0, &format!("{now} batch reverse CZ-2026-Q4-001 1 --reason 演示更正 --by 演示"), vec![]),
        step(0, &format!("{later} assessment reopen #3 --reason 演示 --by 演示"), vec![]),
        step(0, &format!("{later} once all --period 2027-Q1"), vec![("inbox/更正.csv", results_csv(&mended))]),
        step(0, &format!("{later} batch void CZ-2027-Q1-001 --reason 演示作废 --by 演示"), vec![]),
        step(0, &format!("{later} export verdicts --personal"), vec![]),
        step(0, &format!("{later} import extra.csv"), vec![("extra.csv", results_csv(&extra))]),
        step(0, &format!("{later} waiver add #6 --rule R4 --until 2027-12-31 --reason 演示豁免 --by 演示"), vec![]),
        step(0, &format!("{later} waiver end 1 --reason 演示终止 --by 演示"), vec![]),
        step(0, &format!("{later} import undo 6 --yes --reason 演示撤回 --by 演示"), vec![]),
        step(0, &format!("{later} import extra.csv"), vec![]),
        step(0, &format!("{autumn} once remind"), vec![("shenling.toml", addressed())]),
        step(0, &format!("{autumn} calendar import table.toml"), vec![("table.toml", TABLE.to_owned())]),
        // The letter that waits announced a day that has moved.
        step(0, &format!("{autumn} once remind"), vec![]),
        step(0, &format!("{autumn} once remind"), vec![("shenling.toml", relieved())]),
    ]
}

/// Everything that must be equal after a crash.
#[derive(PartialEq, Eq, Debug)]
struct State {
    tables: String,
    batches: String,
    verdicts: String,
    inbox: Vec<String>,
    packets: BTreeMap<String, Vec<u8>>,
}

fn state(folder: &Folder) -> State {
    // On a copy: an export with personal data is itself an act that the audit log notes.
    let folder = folder.copy();
    let key = fs::read(folder.work().join("data/credentials/vault-key")).unwrap();
    let url = format!("sqlite:{}", folder.work().join("data/shenling.db").display());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let tables = runtime.block_on(async {
        let key = String::from_utf8(key).unwrap();
        let store = Store::open(&url, Vault::from_key(key.trim().as_bytes()).unwrap()).await.unwrap();
        let dump = store.dump().await.unwrap();
        store.close().await;
        dump
    });
    let now = "2027-02-01T09:00:00+08:00";
    let names = |dir: &str| {
        let entries = fs::read_dir(folder.work().join(dir)).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    };
    State {
        tables,
        batches: folder.expect(0, &["--json", "batch", "list"]),
        verdicts: folder.expect(0, &["--now", now, "export", "verdicts", "--personal"]),
        inbox: names("inbox"),
        packets: packets(&folder.work().join("outbox")),
    }
}

/// Every file of the outbox; of a ZIP its members. The zip itself and what lists its hash differ by random salts.
fn packets(outbox: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![outbox.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(outbox).unwrap().display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if is_zip(&name) {
                for (member, bytes) in unpack(&fs::read(&path).unwrap(), PASSWORD).unwrap() {
                    found.insert(format!("{name}!{member}"), bytes);
                }
            } else if name.ends_with("/manifest.json") {
                let mut manifest: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
                for file in manifest["files"].as_array_mut().unwrap() {
                    if is_zip(file["name"].as_str().unwrap()) {
                        file["sha256"] = "of random salts".into();
                        file["bytes"] = 0.into();
                    }
                }
                found.insert(name, serde_json::to_vec(&manifest).unwrap());
            } else {
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn is_zip(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|end| end == "zip")
}

/// Every fail point that the source names: the literal ones, and two for each act that is committed.
pub fn points_of_the_source() -> BTreeSet<String> {
    let mut points = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = fs::read_to_string(&path).unwrap();
            let named = |before: &str| -> Vec<String> {
                let after = source.split(before).skip(1);
                after.filter_map(|rest| rest.split_once('"').map(|(name, _)| name.to_owned())).collect()
            };
            points.extend(named("fail_point!(\""));
            if path.components().any(|part| part.as_os_str() == "store") && !path.to_string_lossy().contains("tests") {
                for act in named(".commit(\"") {
                    points.insert(format!("store.{act}.before-commit"));
                    points.insert(format!("store.{act}.after-commit"));
                }
            }
        }
    }
    points
}

/// Points that no command of the script passes, each with its reason.
const ELSEWHERE: &[(&str, &str)] = &[
    ("store.found.before-commit", "passed when `init`'s database is opened for the first time: see the first step"),
    ("store.found.after-commit", "likewise"),
    ("store.record-alarms.before-commit", "the daemon tells what is wrong: killed there in outage.rs"),
    ("store.record-alarms.after-commit", "likewise"),
    ("collect.mail-ended", "mails come from a server: killed there in inbox.rs"),
    ("store.keep-mail.before-commit", "likewise"),
    ("store.keep-mail.after-commit", "likewise"),
    ("store.complete-parts.before-commit", "likewise"),
    ("store.complete-parts.after-commit", "likewise"),
    ("store.end-mail.before-commit", "likewise"),
    ("store.end-mail.after-commit", "likewise"),
    ("store.end-bounce.before-commit", "likewise"),
    ("store.end-bounce.after-commit", "likewise"),
    ("store.end-unmatched.before-commit", "likewise"),
    ("store.end-unmatched.after-commit", "likewise"),
    ("store.decide-mail.before-commit", "a person decides: once, with the letter that tells of it"),
    ("store.decide-mail.after-commit", "likewise"),
];

/// One kill to try: step, point, pass.
struct Kill {
    step: usize,
    point: String,
    pass: usize,
}

#[test]
fn a_kill_at_any_point_loses_nothing_and_doubles_nothing() {
    if !support::fonts_are_there() {
        return;
    }
    let folder = Folder::new();
    let peer = Peer::new(Hello::Bare, &[]);
    let script = script(&folder, &peer);
    let points = points_of_the_source();
    let listed = points.iter().cloned().collect::<Vec<_>>().join(",");
    let mut before: Vec<Folder> = Vec::new();
    let mut after: Vec<State> = Vec::new();
    let mut kills: Vec<Kill> = Vec::new();
    let mut seen: BTreeSet<(String, String)> = BTreeSet::new();
    for (number, step) in script.iter().enumerate() {
        for (name, content) in &step.drops {
            folder.put(name, content);
        }
        before.push(folder.copy());
        let trace = folder.work().join("trace");
        let mut command = folder.command(&step.arguments);
        let output = command.env("SHENLING_TRACE", &trace).env("SHENLING_POINTS", &listed).output().unwrap();
        assert_eq!(output.status.code(), Some(step.code), "{:?}\n{}", step.arguments, support::text(&output));
        let mut passed: BTreeMap<String, usize> = BTreeMap::new();
        for point in fs::read_to_string(&trace).unwrap_or_default().lines() {
            *passed.entry(point.to_owned()).or_default() += 1;
        }
        let _ = fs::remove_file(&trace);
        let verb = step.arguments[2..4].join(" ");
        for (point, passes) in passed {
            // The second season passes the same code again; each point is tried once per command.
            if verb == "once all" && seen.iter().any(|(_, known)| *known == point)
                || !seen.insert((verb.clone(), point.clone()))
            {
                continue;
            }
            for pass in BTreeSet::from([1, passes]) {
                kills.push(Kill { step: number, point: point.clone(), pass });
            }
        }
        after.push(state(&folder));
    }
    let passed: BTreeSet<&String> = seen.iter().map(|(_, point)| point).collect();
    let mut elsewhere: BTreeSet<&str> = ELSEWHERE.iter().map(|(point, _)| *point).collect();
    elsewhere.extend(crate::daemon::POINTS.iter().chain(crate::daemon::BY_HAND));
    let unpassed: Vec<_> = points.iter().filter(|p| !passed.contains(p) && !elsewhere.contains(p.as_str())).collect();
    assert!(unpassed.is_empty(), "fail points that the script never passes: {unpassed:?}");
    let failures = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(kill) = kills.get(next.fetch_add(1, Ordering::SeqCst)) {
                    if let Err(what) = try_kill(kill, &script[kill.step], &before[kill.step], &after[kill.step]) {
                        failures.lock().unwrap().push(format!("{} pass {}: {what}", kill.point, kill.pass));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} of {} kills:\n{}", failures.len(), kills.len(), failures.join("\n"));
    eprintln!("{} kills at {} fail points", kills.len(), passed.len());
}

fn try_kill(kill: &Kill, step: &Step, before: &Folder, undisturbed: &State) -> Result<(), String> {
    let folder = before.copy();
    let at = format!("{}@{}", kill.point, kill.pass);
    let output = folder.command(&step.arguments).env("SHENLING_KILL_AT", at).output().unwrap();
    // How many pages of papers a claim stores depends on which core was quicker; the first one is always there.
    if output.status.code().is_some() && kill.pass == 1 {
        return Err(format!("was not killed: {}", support::text(&output)));
    }
    // What a rerun says may differ (the act may be done already); what it leaves may not.
    folder.run(&step.arguments);
    let found = state(&folder);
    let differ = |what: &str, a: &str, b: &str| {
        let lines = a.lines().zip(b.lines()).find(|(a, b)| a != b);
        format!("{what} differ: {:?} (lines {} and {})", lines, a.lines().count(), b.lines().count())
    };
    if found.tables != undisturbed.tables {
        return Err(differ("tables", &undisturbed.tables, &found.tables));
    }
    if found.verdicts != undisturbed.verdicts {
        return Err(differ("verdicts", &undisturbed.verdicts, &found.verdicts));
    }
    if found.batches != undisturbed.batches {
        return Err(differ("batches", &undisturbed.batches, &found.batches));
    }
    if found.inbox != undisturbed.inbox {
        return Err(format!("inbox: {:?}", found.inbox));
    }
    let names = |state: &State| state.packets.keys().cloned().collect::<Vec<_>>();
    if names(&found) != names(undisturbed) {
        return Err(format!("packets: {:?}", names(&found)));
    }
    let changed: Vec<_> = found.packets.iter().filter(|(name, bytes)| undisturbed.packets[*name] != **bytes).collect();
    if changed.is_empty() {
        Ok(())
    } else {
        Err(format!("members changed: {:?}", changed.iter().map(|(n, _)| n).collect::<Vec<_>>()))
    }
}
