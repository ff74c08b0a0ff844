//! Who may import whom: the floors of the house, and which outside crates belong to which room.

use super::source::{Path, blank, paths};
use super::{Offence, SourceFile};

/// Which of our modules a module may import besides itself. Higher floors see lower ones, never the other way round.
const FLOORS: &[(&str, &[&str], &str)] = &[
    ("main", &["cli"], "main parses arguments and hands over to cli"),
    (
        "cli",
        &["daemon", "stages", "store", "forms", "settings", "subsidy"],
        "cli may import daemon, stages, store, forms, settings, subsidy; the doors (inbox, outbox) are opened by stages",
    ),
    (
        "daemon",
        &["stages", "store", "inbox", "outbox", "settings"],
        "daemon may import stages, store, inbox, outbox, settings: it knows when, not what",
    ),
    (
        "stages",
        &["subsidy", "forms", "inbox", "outbox", "store", "settings"],
        "a stage may import subsidy, forms, inbox, outbox, store, settings",
    ),
    ("forms", &["subsidy"], "forms may import subsidy only: a paper is bytes <-> subsidy types"),
    ("store", &["subsidy"], "store may import subsidy only: SQL and nothing else"),
    ("settings", &["subsidy"], "settings may import subsidy only: config -> checked, plain data"),
    ("inbox", &[], "inbox imports nothing of ours: a door in knows files, not subsidies"),
    ("outbox", &[], "outbox imports nothing of ours: a door out knows parcels, not subsidies"),
    ("subsidy", &[], "subsidy imports nothing of ours: it is pure"),
];

/// A stage hands over through the store, so that each may run twice, late, or on another machine.
const NO_SIBLINGS: &str = "a stage never imports a sibling stage: the store is the only channel between them";

/// Outside crates (and parts of std) with the only rooms that may use them.
const ROOMS: &[(&[&str], &[&str], &str)] = &[
    (&["sqlx"], &["store"], "sqlx belongs to store: SQL and nothing else, and SQL nowhere else"),
    (&["typst", "typst_layout", "typst_pdf", "comemo"], &["forms"], "typst belongs to forms"),
    (&["rust_xlsxwriter"], &["forms", "cli::demo"], "workbooks are written by forms, and by the demo's clerks"),
    (
        &["clap", "clap_complete", "clap_mangen", "comfy_table", "indicatif"],
        &["main", "cli"],
        "the command line belongs to cli",
    ),
    (&["aes_gcm", "hkdf"], &["store"], "personal fields are sealed in one place, the vault of store"),
    (&["tokio_cron_scheduler", "sd_notify"], &["daemon"], "only daemon knows cron and systemd"),
    (&["lettre"], &["outbox"], "mail leaves through outbox"),
    (&["async_imap", "mail_parser"], &["inbox"], "mail arrives through inbox, and is taken apart there"),
    (&["ureq"], &["outbox"], "whatever is asked over HTTP is asked through outbox"),
];

/// Rooms that must stay pure, and what would make them impure.
const PURE: &[&str] = &["subsidy", "forms"];
const IMPURE: &[&[&str]] =
    &[&["std", "fs"], &["std", "net"], &["std", "env"], &["std", "process"], &["tokio"], &["rand"], &["tracing"]];

/// Time is a parameter, read once at the start of a run.
const CLOCKS: &[[&str; 2]] = &[["Utc", "now"], ["Local", "now"], ["SystemTime", "now"]];

/// Every import of a file that the house forbids.
pub fn check(file: &SourceFile, stages: &[String]) -> Vec<Offence> {
    if file.module.is_empty() {
        return Vec::new(); // lib.rs is the map: it names every module and does nothing.
    }
    let mut offences = Vec::new();
    for path in paths(&blank(&file.text, true)) {
        let broken = match resolve(&file.module, &path) {
            Some(target) => ours(&file.module, &target, stages),
            // Unit tests may read samples, make workbooks, ask other programs; what they may not do is import upwards.
            None if file.module.iter().chain(&path.inside).any(|name| name == "tests") => None,
            None => outside(&file.module, &path.words),
        };
        if let Some(rule) = broken {
            offences.push(file.offence(path.line, rule, &path.words.join("::")));
        }
    }
    offences
}

/// The module path that a written path means, counted from the crate; `None` if it is not one of ours.
fn resolve(module: &[String], path: &Path) -> Option<Vec<String>> {
    let first = path.words.first()?.as_str();
    if first == "crate" || (first == "shenling" && module[0] == "main") {
        return Some(path.words[1..].to_vec());
    }
    let mut base = [module, &path.inside].concat();
    let mut rest = path.words.as_slice();
    if rest.first().is_some_and(|word| word == "self") {
        rest = &rest[1..];
    }
    let supers = rest.iter().take_while(|word| *word == "super").count();
    if supers == 0 {
        return None;
    }
    base.truncate(base.len().saturating_sub(supers));
    Some([base.as_slice(), &rest[supers..]].concat())
}

/// The rule that an import of our own breaks, if it breaks one.
fn ours(from: &[String], to: &[String], stages: &[String]) -> Option<&'static str> {
    let room = from[0].as_str();
    let Some((_, may, rule)) = FLOORS.iter().find(|(name, ..)| *name == room) else {
        return Some("every module under src/ has a row in the import table (FLOORS in tests/suite/house/imports.rs)");
    };
    let target = to.first().map_or("", String::as_str);
    if target != room {
        return (!may.contains(&target)).then_some(rule);
    }
    let sibling = to.get(1).filter(|name| stages.contains(name));
    (room == "stages" && from.len() > 1 && sibling.is_some_and(|name| *name != from[1])).then_some(NO_SIBLINGS)
}

/// The rule that the use of an outside crate breaks, if it breaks one.
fn outside(from: &[String], words: &[String]) -> Option<&'static str> {
    let lives_in = |room: &str| room.split("::").eq(from.iter().take(room.split("::").count()).map(String::as_str));
    if words.windows(2).any(|pair| CLOCKS.iter().any(|clock| clock == pair)) && !lives_in("cli") && !lives_in("daemon")
    {
        return Some("only cli and daemon read the clock, once per run; everyone else is given `now`");
    }
    let starts = |with: &[&str]| words.len() >= with.len() && words.iter().zip(with).all(|(word, w)| word == w);
    if PURE.iter().any(|room| lives_in(room)) && IMPURE.iter().any(|with| starts(with)) {
        return Some("subsidy and forms are pure: no files, network, environment, chance, async or logging");
    }
    let (_, rooms, rule) = ROOMS.iter().find(|(crates, ..)| crates.iter().any(|name| words[0] == *name))?;
    (!rooms.iter().any(|room| lives_in(room))).then_some(rule)
}

#[cfg(test)]
mod planted {
    use super::*;

    /// What is found in one planted file, as `line path`.
    fn found(path: &str, text: &str) -> Vec<String> {
        let stages = ["collect", "calculate", "claim", "deliver"].map(str::to_owned);
        check(&SourceFile::new(path, text), &stages).iter().map(|o| format!("{} {}", o.line, o.seen)).collect()
    }

    #[test]
    fn every_room_is_caught_at_an_import_of_the_floor_above() {
        for (path, import) in [
            ("src/main.rs", "shenling::store::Store"),
            ("src/cli/status.rs", "crate::outbox::Parcel"),
            ("src/daemon.rs", "crate::forms::papers"),
            ("src/stages/collect.rs", "crate::cli::Options"),
            ("src/forms/papers/mod.rs", "crate::store::Store"),
            ("src/store/vault.rs", "crate::settings::Settings"),
            ("src/settings/mod.rs", "crate::forms::grid"),
            ("src/inbox/folder.rs", "crate::subsidy::money"),
            ("src/outbox/mod.rs", "crate::store::Store"),
            ("src/subsidy/judge.rs", "crate::settings::Settings"),
            ("src/reports/mod.rs", "crate::subsidy::money"),
        ] {
            let line = format!("2 {import}");
            assert_eq!(found(path, &format!("//! Planted.\nuse {import};\n")), [line], "{path}");
        }
    }

    #[test]
    fn allowed_imports_pass() {
        for (path, text) in [
            ("src/main.rs", "use shenling::cli;"),
            (
                "src/cli/demo/mod.rs",
                "use crate::{stages, subsidy::money::Fen}; use super::Options; use rust_xlsxwriter::Format;",
            ),
            ("src/stages/claim.rs", "use crate::{forms, inbox, outbox, settings, store, subsidy}; use super::Report;"),
            ("src/stages/claim/draft.rs", "use super::Draft; use crate::stages::claim::Draft;"),
            ("src/forms/papers/cover.rs", "use super::super::grid; use crate::subsidy::batch; use typst::World;"),
            ("src/store/mod.rs", "// crate::settings\nlet x = \"crate::cli\"; use sqlx::Row;"),
            ("src/subsidy/judge.rs", "use super::catalogue; mod tests { use super::super::money; }"),
            ("src/lib.rs", "pub use crate::cli;"),
        ] {
            assert_eq!(found(path, text), Vec::<String>::new(), "{path}");
        }
    }

    #[test]
    fn ways_around_are_seen() {
        assert_eq!(found("src/forms/grid.rs", "use super::super::store::Store;"), ["1 super::super::store::Store"]);
        assert_eq!(
            found("src/forms/grid.rs", "mod tests {\n use super::super::super::cli;\n}"),
            ["2 super::super::super::cli"]
        );
        assert_eq!(
            found("src/store/mod.rs", "fn f() {\n  crate::forms::grid::read();\n}"),
            ["2 crate::forms::grid::read"]
        );
        assert_eq!(found("src/store/mod.rs", "use crate::{subsidy::money, forms::{grid, papers}};").len(), 2);
    }

    #[test]
    fn siblings_among_stages_are_caught() {
        assert_eq!(found("src/stages/claim.rs", "use super::collect::run;"), ["1 super::collect::run"]);
        assert_eq!(found("src/stages/claim/draft.rs", "use crate::stages::deliver;"), ["1 crate::stages::deliver"]);
        assert_eq!(found("src/stages/mod.rs", "use self::claim::run;"), Vec::<String>::new());
    }

    #[test]
    fn outside_crates_are_caught_in_the_wrong_room() {
        for (path, text) in [
            ("src/stages/claim.rs", "let p: sqlx::SqlitePool = x;"),
            ("src/cli/explain.rs", "use typst_pdf::pdf;"),
            ("src/cli/status.rs", "use rust_xlsxwriter::Workbook;"),
            ("src/stages/collect.rs", "use indicatif::ProgressBar;"),
            ("src/settings/mod.rs", "use aes_gcm::Key;"),
            ("src/forms/packet.rs", "let f = std::fs::read(path);"),
            ("src/subsidy/judge.rs", "use tokio::spawn;"),
            ("src/store/mod.rs", "let now = chrono::Utc::now();"),
            ("src/stages/deliver.rs", "use std::time::SystemTime; let t = SystemTime::now();"),
        ] {
            assert_eq!(found(path, text).len(), 1, "{path}: {text}");
        }
        assert!(found("src/cli/mod.rs", "let now = Utc::now();").is_empty());
        assert!(found("src/forms/papers/tests/samples.rs", "let f = std::fs::read(path);").is_empty());
        assert_eq!(found("src/forms/grid.rs", "mod tests {\n use std::fs::read;\n}\nuse std::fs;"), ["4 std::fs"]);
        assert_eq!(found("src/settings/tests/samples.rs", "use crate::forms::grid;").len(), 1);
    }
}
