//! One season from spreadsheets to packets, told by the real binary: `demo`, then what it leaves behind. On SQLite, and
//! on PostgreSQL where `SHENLING_TEST_PG` names a server: both must end alike.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use shenling::cli::demo::season::{self, Ends, classes, planted::planted_at, rows};
use shenling::forms::papers;
use shenling::stages::collect::FileReport;
use shenling::store::{Store, Vault};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::support::{self, shenling};

/// What the export says of one assessment and kind.
type Said = (String, String, Option<i64>);

/// A demo folder, and the PostgreSQL address that it uses instead of its own file.
struct Demo {
    folder: PathBuf,
    postgres: Option<String>,
}

impl Demo {
    fn command(&self) -> Command {
        let mut command = shenling();
        if let Some(url) = &self.postgres {
            command.env("SHENLING__DATABASE__URL", url);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> String {
        let mut command = self.command();
        let output = command.arg("--config").arg(self.folder.join("shenling.toml")).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", support::text(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn url(&self) -> String {
        let file = format!("sqlite:{}", self.folder.join("data/shenling.db").display());
        self.postgres.clone().unwrap_or(file)
    }
}

#[test]
fn the_demo_season_ends_as_planted_and_leaks_nothing() {
    if support::fonts_are_there() {
        season_on(None);
    }
}

#[test]
fn the_demo_season_ends_alike_on_postgresql() {
    let Some(base) = support::postgres() else { return };
    if !support::fonts_are_there() {
        return;
    }
    let schema = format!("season{}", std::process::id());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut admin = PgConnection::connect(&base).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).execute(&mut admin).await.unwrap();
    });
    let mark = if base.contains('?') { '&' } else { '?' };
    season_on(Some(format!("{base}{mark}options=-c%20search_path%3D{schema}")));
}

fn season_on(postgres: Option<String>) {
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo { folder: dir.path().join("demo"), postgres };
    let output = demo.command().arg("demo").arg(&demo.folder).output().unwrap();
    assert!(output.status.success(), "{}", support::text(&output));
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    let advice = String::from_utf8_lossy(&output.stdout).into_owned();
    let explain = advice.lines().find(|line| line.contains(" explain ")).and_then(|line| line.rsplit(' ').next());
    demo.run(&["--now", season::NOW, "explain", explain.unwrap()]);

    let said = exported(&demo);
    for (id, seats) in rows::seats(season::SEED) {
        let class = classes::CLASSES.iter().find(|class| class.id == id).unwrap();
        for (number, seat) in seats.iter().enumerate() {
            for kind in 0..2 {
                let expected = expectation(class, number, kind);
                let found = said.get(&(seat.person.number.clone(), class.name.to_owned(), kind));
                assert_eq!(found, expected.as_ref(), "{id} seat {number} kind {kind}");
            }
        }
    }
    findings_name_their_cells(&demo);
    nothing_personal_in_the_clear(&demo, &log);
    the_papers_are_whole(&demo);
}

/// How a seat must end: as planted, else granted what the class is worth.
fn expectation(class: &classes::Class, seat: usize, kind: usize) -> Option<Said> {
    let refused = |code: &str| Some(("denied".to_owned(), code.to_owned(), None));
    let codes = |rules: &[shenling::subsidy::verdict::Rule]| {
        let mut codes: Vec<&str> = rules.iter().map(|rule| rule.code()).collect();
        codes.sort_unstable();
        codes.join(";")
    };
    let usual = || match class.worth_fen[kind] {
        Some(fen) => Some(("granted".to_owned(), String::new(), Some(fen))),
        None => refused("not-in-catalogue"),
    };
    if class.id == "X4" && kind == 0 {
        return refused("institution-penalised");
    }
    match planted_at(class.id, seat).map(|(_, planted)| planted.ends[kind]) {
        None | Some(Ends::Granted) => usual(),
        Some(Ends::NotTaken) => None,
        Some(Ends::Denied(rules)) => Some(("denied".to_owned(), codes(rules), None)),
        Some(Ends::Held(rules)) => Some(("held".to_owned(), codes(rules), None)),
    }
}

fn exported(demo: &Demo) -> HashMap<(String, String, usize), Said> {
    let csv = demo.run(&["--now", season::NOW, "export", "verdicts", "--personal"]);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header = "prison,number,occupation,level,class,assessed,certificate,kind,outcome,codes,amount_fen";
    assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>().join(","), header);
    let mut said = HashMap::new();
    for record in reader.records() {
        let record = record.unwrap();
        let kind = usize::from(&record[7] == "assessment");
        let answer = (record[8].to_owned(), record[9].to_owned(), record[10].parse().ok());
        assert!(said.insert((record[1].to_owned(), record[4].to_owned(), kind), answer).is_none());
    }
    said
}

/// Every planted finding and repair stands in the stored reports at its very cell, and no other error does.
fn findings_name_their_cells(demo: &Demo) {
    let reports = stored_reports(demo);
    let season = season::season(season::SEED).unwrap();
    let mut errors = 0;
    for located in &season.located {
        let report = reports.iter().find(|report| report.file == located.file).unwrap();
        let here = |sheet: &str, cell: &str| sheet == located.sheet && cell == located.cell;
        if let Some(code) = located.planted.finding {
            errors += 1;
            let found = report.findings.iter().any(|f| f.code == code && here(&f.sheet, &f.cell));
            assert!(found, "{:?} at {}!{} of {}", located.planted, located.sheet, located.cell, located.file);
        }
        if let Some(code) = located.planted.repair {
            let found = report.repairs.iter().any(|r| r.code == code && here(&r.sheet, &r.cell));
            assert!(found, "{:?} at {}!{} of {}", located.planted, located.sheet, located.cell, located.file);
        }
    }
    let named: usize = reports.iter().map(FileReport::errors).sum();
    assert_eq!(named, errors, "errors that nobody planted");
}

fn open(demo: &Demo) -> (tokio::runtime::Runtime, Store) {
    let key = fs::read_to_string(demo.folder.join("data/credentials/vault-key")).unwrap();
    let url = demo.url();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = runtime.block_on(Store::open(&url, Vault::from_key(key.trim().as_bytes()).unwrap())).unwrap();
    (runtime, store)
}

fn stored_reports(demo: &Demo) -> Vec<FileReport> {
    let (runtime, store) = open(demo);
    runtime.block_on(async {
        let mut reports = Vec::new();
        for id in 1.. {
            match store.report(id).await {
                Ok(Some((_, report))) => reports.push(serde_json::from_slice(&report.json).unwrap()),
                _ => break,
            }
        }
        reports
    })
}

/// Greps log, database and outbox names for every invented name, ID, prisoner number and certificate number.
fn nothing_personal_in_the_clear(demo: &Demo, log: &str) {
    let folder = &demo.folder;
    let mut haystacks: Vec<(String, Vec<u8>)> = vec![("log".into(), log.as_bytes().to_vec())];
    for entry in fs::read_dir(folder.join("data")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            haystacks.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    let mut folders = vec![folder.join("outbox")];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(inner).unwrap() {
            let path = entry.unwrap().path();
            haystacks.push(("name in the outbox".into(), path.display().to_string().into_bytes()));
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "json" || end == "zip") {
                haystacks.push((path.display().to_string(), fs::read(&path).unwrap()));
            }
        }
    }
    assert!(haystacks.len() > 3, "the grep must have something to look at");
    let seats = rows::seats(season::SEED);
    let secrets: Vec<&str> = seats
        .values()
        .flatten()
        .flat_map(|seat| [&seat.person.name, &seat.person.id, &seat.person.number, &seat.certificate])
        .map(String::as_str)
        .filter(|secret| !secret.is_empty())
        .collect();
    for (name, haystack) in &haystacks {
        // What is no UTF-8 is replaced, which leaves every secret that stands in the clear as it is.
        let haystack = String::from_utf8_lossy(haystack);
        assert!(!secrets.iter().any(|secret| haystack.contains(secret)), "{name} shows personal data");
    }
}

fn the_papers_are_whole(demo: &Demo) {
    let list: serde_json::Value = serde_json::from_str(&demo.run(&["--json", "batch", "list"])).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 1);
    let number = list[0]["number"].as_str().unwrap();
    assert_eq!(number, "CZ-2026-Q4-001");
    demo.run(&["batch", "verify", number]);
    let audit: serde_json::Value = serde_json::from_str(&demo.run(&["--json", "audit", "verify"])).unwrap();
    assert_eq!(audit["faults"].as_array().unwrap().len(), 0);
    let manifest = fs::read(demo.folder.join("outbox/bureau").join(number).join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    for (key, listed) in [("persons", "persons"), ("lines", "lines"), ("sum_fen", "sum_fen")] {
        assert_eq!(manifest["totals"][key], list[0][listed]);
    }
    let names = |manifest: &serde_json::Value| -> Vec<String> {
        manifest["files"].as_array().unwrap().iter().map(|file| file["name"].to_string()).collect()
    };
    let zip = fs::read(demo.folder.join(format!("outbox/bureau/{number}/{number}.zip"))).unwrap();
    let members = papers::unpack(&zip, "Demo-2026-only").unwrap();
    let inner = members.iter().find(|(name, _)| name == "manifest.json").unwrap();
    let inner: serde_json::Value = serde_json::from_slice(&inner.1).unwrap();
    assert!(names(&manifest).is_sorted() && names(&inner).is_sorted(), "files are listed in name order");
    assert_eq!((names(&manifest).len(), names(&inner).len()), (2, members.len() - 1));
    let count = manifest["audit"]["count"].to_string();
    demo.run(&["audit", "verify", "--head", manifest["audit"]["head"].as_str().unwrap(), "--count", &count]);
}
