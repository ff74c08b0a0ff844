//! Reminders, holiday tables and rehearsals with the real binary, on both engines.

use std::fs;
use std::process::Stdio;

use serde_json::Value;
use shenling::store::{LetterWords, Store, Vault};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::support::{self, Folder};

/// A folder whose prisons and agencies have addresses.
fn addressed() -> Folder {
    let folder = Folder::new();
    let mut config = fs::read_to_string(folder.config()).unwrap();
    for address in ["admin", "changzhou", "liyang", "xinkang", "bureau"] {
        config = config.replacen("email = []", &format!("email = [\"{address}@example.cn\"]"), 1);
    }
    folder.put("shenling.toml", config);
    folder
}

/// A schema of its own, where there is a PostgreSQL.
fn schema(name: &str) -> Option<String> {
    let base = support::postgres()?;
    let schema = format!("{name}{}", std::process::id());
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut admin = PgConnection::connect(&base).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).execute(&mut admin).await.unwrap();
    });
    let mark = if base.contains('?') { '&' } else { '?' };
    Some(format!("{base}{mark}options=-c%20search_path%3D{schema}"))
}

fn at(folder: &Folder, url: Option<&str>, now: &str) -> std::process::Command {
    let mut command = folder.command(&["--json", "--now", now, "once", "remind"]);
    if let Some(url) = url {
        command.env("SHENLING__DATABASE__URL", url);
    }
    command
}

fn remind(folder: &Folder, url: Option<&str>, now: &str) -> Value {
    let output = at(folder, url, now).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", support::text(&output));
    serde_json::from_slice::<Value>(&output.stdout).unwrap()["remind"].clone()
}

/// Prison and steps of each letter that a run queued.
fn told(said: &Value) -> Vec<String> {
    let letter = |one: &Value| {
        let steps: Vec<&str> = one["steps"].as_array().unwrap().iter().map(|step| step.as_str().unwrap()).collect();
        format!("{} {}", one["prison"].as_str().unwrap(), steps.join(" "))
    };
    said["reminded"].as_array().unwrap().iter().map(letter).collect()
}

/// Every letter in the store, oldest first: key, words, names of attachments.
fn letters(folder: &Folder, url: Option<&str>) -> Vec<(String, LetterWords, Vec<String>)> {
    let key = fs::read_to_string(folder.work().join("data/credentials/vault-key")).unwrap();
    let lite = format!("sqlite:{}", folder.work().join("data/shenling.db").display());
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let vault = Vault::from_key(key.trim().as_bytes()).unwrap();
        let store = Store::open(url.unwrap_or(&lite), vault).await.unwrap();
        let mut letters = Vec::new();
        for line in store.deliveries().await.unwrap() {
            let delivery = line.delivery;
            let words = store.letter(delivery.id).await.unwrap().unwrap().words;
            let packet = store.packet(delivery.id).await.unwrap().unwrap_or_default();
            letters.push((delivery.key, words, packet.into_iter().map(|file| file.name).collect()));
        }
        store.close().await;
        letters
    })
}

/// A year's end with two machines, restarts, an outage across the deadline and a clock that is set back.
fn year_end(url: Option<&str>) {
    let folder = addressed();
    let run = |now: &str| remind(&folder, url, now);
    let early = run("2026-11-16T08:59:00+08:00");
    assert_eq!((told(&early).len(), early["waiting_until"].as_str()), (0, Some("2026-11-16T01:00:00+00:00")));
    // Two processes at once: three letters in all.
    let now = "2026-11-16T09:00:00+08:00";
    let both: Vec<_> =
        (0..2).map(|_| at(&folder, url, now).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()).collect();
    let mut queued = Vec::new();
    for child in both {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", support::text(&output));
        queued.extend(told(&serde_json::from_slice::<Value>(&output.stdout).unwrap()["remind"]));
    }
    queued.sort();
    let merged = "plan:2027:D-60 plan:2027:D-30 plan:2027:D-14";
    assert_eq!(queued, ["常州监狱", "新康监狱", "溧阳监狱"].map(|prison| format!("{prison} {merged}")));
    assert_eq!(told(&run("2026-11-16T09:05:00+08:00")).len(), 0, "restarted");
    assert_eq!(told(&run("2026-11-10T09:05:00+08:00")).len(), 0, "the clock was set back");
    // Away from before D-7 until a Saturday behind the deadline.
    assert_eq!(told(&run("2026-12-05T10:00:00+08:00")).len(), 0, "Saturday");
    let back = run("2026-12-07T09:02:00+08:00");
    assert_eq!(told(&back).len(), 3);
    assert!(told(&back)[0].ends_with("plan:2027:D-7 plan:2027:D-3 plan:2027:D-1 plan:2027:D plan:2027:D+1 plan:2027:D+2 plan:2027:D+3 plan:2027:D+4 plan:2027:D+5"));
    assert_eq!(told(&run("2026-12-07T16:00:00+08:00")).len(), 0);
    assert_eq!(told(&run("2026-12-08T09:00:00+08:00"))[2], "溧阳监狱 plan:2027:D+6");
    let all = letters(&folder, url);
    assert_eq!(all.len(), 9, "{:?}", all.iter().map(|(key, ..)| key).collect::<Vec<_>>());
    let (_, words, files) = all.iter().find(|(key, ..)| key == "remind:plan:2027:溧阳监狱:D+5").unwrap();
    assert_eq!(
        (words.to.join(","), words.cc.join(",")),
        ("liyang@example.cn".to_owned(), "bureau@example.cn,changzhou@example.cn".to_owned())
    );
    assert_eq!(files, &["plan-2027.xlsx"]);
    for said in [
        "附件1《",
        "附件4《",
        "合并催报",
        "2026年12月8日（星期二）",
        "抄送：常州监狱、江苏省监狱管理局",
        "plan-2027.xlsx",
    ] {
        assert!(words.text.contains(said) && words.html.contains(said), "{said} in\n{}", words.text);
    }
    let (_, own, _) = all.iter().find(|(key, ..)| key == "remind:plan:2027:常州监狱:D+5").unwrap();
    assert_eq!(own.cc, ["bureau@example.cn"], "the lead prison gets no copy of its own letter");
}

#[test]
fn a_year_end_is_reminded_of_once_each_on_sqlite() {
    year_end(None);
}

#[test]
fn a_year_end_is_reminded_of_once_each_on_postgresql() {
    if let Some(url) = schema("remind") {
        year_end(Some(&url));
    }
}

#[test]
fn who_owes_and_has_no_address_is_an_alarm_and_waits() {
    let folder = Folder::new();
    let now = "2026-11-23T10:00:00+08:00";
    let (code, out, _) = folder.run(&["--json", "--now", now, "once", "remind"]);
    let said: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, told(&said["remind"]).len()), (1, 0));
    assert!(said["remind"]["alarms"][0].as_str().unwrap().contains("没有电子邮箱"), "{said}");
    let check = folder.expect(1, &["--now", now, "check"]);
    assert!(check.contains("错误：“溧阳监狱”还没有报2027年度培训计划（附件1至4），又没有电子邮箱"), "{check}");
    let config = fs::read_to_string(folder.config()).unwrap().replace("email = []", "email = [\"a@example.cn\"]");
    folder.put("shenling.toml", config);
    assert_eq!(told(&remind(&folder, None, now)).len(), 3, "nothing was lost meanwhile");
    assert!(!folder.run(&["--now", now, "check"]).1.contains("又没有电子邮箱"));
}

const TABLE: &str = "year = 2026\ncitation = \"演示通知\"\noff = [\"2026-01-01..2026-01-03\", \"2026-02-15..2026-02-23\", \
    \"2026-04-04..2026-04-06\", \"2026-05-01..2026-05-05\", \"2026-10-01..2026-10-07\", \"2026-12-01\"]\nworked = [\"2026-12-05\"]\n";

#[test]
fn an_imported_table_moves_dates_and_tells_whom_they_concern() {
    let folder = addressed();
    let now = "2026-11-30T10:00:00+08:00";
    assert_eq!(told(&remind(&folder, None, now)).len(), 3);
    folder.put("bad.toml", TABLE.replace("2026-05-05", "2025-05-05"));
    let refused = folder.expect(1, &["--now", now, "calendar", "import", "bad.toml"]);
    assert!(refused.contains("bad.toml:3:") && !folder.work().join("holidays/2026.toml").exists(), "{refused}");
    folder.put("new.toml", TABLE);
    let said = folder.json(0, &["--now", now, "calendar", "import", "new.toml"]);
    let first = said["changes"][0].as_str().unwrap();
    assert!(first.contains("D+1") && first.contains("2026-12-02") && first.contains("原为 2026-12-01"), "{said}");
    assert_eq!(fs::read_to_string(folder.work().join("holidays/2026.toml")).unwrap(), TABLE);
    let again = folder.json(0, &["--now", now, "calendar", "import", "new.toml"]);
    assert_eq!((again["same"].as_bool(), again["changes"].as_array().unwrap().len()), (Some(true), 0));
    let told_again = remind(&folder, None, "2026-11-30T10:30:00+08:00");
    assert_eq!((told(&told_again).len(), told_again["replanned"].as_array().unwrap().len()), (0, 3));
    assert_eq!(remind(&folder, None, "2026-11-30T10:40:00+08:00")["replanned"].as_array().unwrap().len(), 0, "once");
    let all = letters(&folder, None);
    let (_, words, _) = all.iter().find(|(key, ..)| key == "replan:plan:2027:2026-12-02:溧阳监狱").unwrap();
    assert!(words.text.contains("2026年12月1日（星期二） → 2026年12月2日（星期三）"), "{}", words.text);
    let administrator = all.iter().find(|(key, ..)| key.starts_with("calendar:2026:")).unwrap();
    assert_eq!(administrator.1.to, ["admin@example.cn"]);
    let shown = folder.json(0, &["calendar", "show", "2026"]);
    assert_eq!((shown["citation"].as_str(), shown["provisional"].as_bool()), (Some("演示通知"), Some(false)));
    assert!(folder.expect(0, &["calendar", "show", "2028"]).contains("暂定"));
    folder.expect(0, &["audit", "verify"]);
}

#[test]
fn a_year_is_rehearsed_as_list_outage_difference_and_calendar_file() {
    let folder = addressed();
    let now = ["--now", "2026-09-01T09:00:00+08:00"];
    let year = folder.json(0, &[&now[..], &["rehearse", "--year", "2026"]].concat());
    let events = year["events"].as_array().unwrap();
    let keys: Vec<&str> = events.iter().map(|event| event["key"].as_str().unwrap()).collect();
    for key in [
        "plan:2027:D-60",
        "plan:2027:D-3,D-1",
        "plan:2027:deadline",
        "plan:2027:compiled",
        "claim:2026-Q3",
        "table:2027",
    ] {
        assert!(keys.contains(&key), "{key} in {keys:?}");
    }
    let down = folder.json(0, &["rehearse", "--down", "2026-11-20..2026-12-02"]);
    assert_eq!(down["delays"][0]["instead"], "2026-12-03T01:00:00+00:00");
    assert_eq!(down["delays"][0]["events"].as_array().unwrap().len(), 5);
    let config = fs::read_to_string(folder.config()).unwrap();
    folder.put("edited.toml", config.replacen("\"D-14\", ", "", 1).replace("liyang@", "new@"));
    let diff = folder.json(0, &[&now[..], &["rehearse", "--diff", "edited.toml"]].concat());
    assert_eq!(diff["changes"].as_array().unwrap().len(), 1);
    assert!(diff["changes"][0].as_str().unwrap().starts_with("- 2026-11-16"), "{diff}");
    assert_eq!(diff["addresses"][0], "~ 溧阳监狱 的邮箱：liyang@example.cn → new@example.cn");
    assert_eq!(
        folder.json(0, &["rehearse", "--year", "2026", "--diff", "shenling.toml"])["changes"].as_array().unwrap().len(),
        0
    );
    folder.put("broken.toml", "[[duty]]\nid = 3\n");
    assert_eq!(folder.run(&["rehearse", "--diff", "broken.toml"]).0, 2);
    folder.expect(0, &[&now[..], &["rehearse", "--year", "2026", "--ics", "year.ics"]].concat());
    let ics = fs::read_to_string(folder.work().join("year.ics")).unwrap();
    assert_eq!(ics.matches("BEGIN:VEVENT\r\n").count(), events.len());
    assert!(ics.starts_with("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"));
}
