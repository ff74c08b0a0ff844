//! The command line as a script sees it: exit codes, what goes to stdout, the shapes of JSON, and the corrections that
//! an administrator makes by hand.

use std::fs;

use serde_json::Value;

use crate::support::{self, Folder, PASSWORD, PASSWORD_FILE, resident_id, results_csv, roster_csv, shenling};

/// When files arrive and batches are sealed.
const NOW: &str = "2026-10-01T09:00:00+08:00";
const BATCH: &str = "CZ-2026-Q2-001";
const BECAUSE: [&str; 4] = ["--reason", "录入有误", "--by", "某经办"];

/// The certificate of a person.
fn certificate(n: u32) -> String {
    format!("S000032000001265000{n:03}")
}

fn result(n: u32, result: &str) -> String {
    let id = resident_id("19900101", n);
    let certificate = certificate(n);
    format!(
        "常州监狱,3204{n:04},某甲{n},{id},演示学校,演示鉴定,焊工,五级,第1期,2026-03-02,2026-04-01,120,48,72,2026-04-10,80,81,\
         {result},职业技能等级证书,{certificate},2026-04-20,"
    )
}

fn roster(n: u32) -> String {
    let id = resident_id("19900101", n);
    format!("常州监狱,3204{n:04},某甲{n},男,{id},2027-01-01,焊工,五级,第1期")
}

/// Three persons, one of whom failed, on an approved roster.
fn season() -> Folder {
    let folder = Folder::new();
    fill(&folder);
    folder
}

fn fill(folder: &Folder) {
    let rows = [result(1, "合格"), result(2, "合格"), result(3, "不合格")];
    folder.put("r.csv", results_csv(&rows));
    folder.put("ro.csv", roster_csv(&[roster(1), roster(2), roster(3)]));
    folder.expect(0, &["import", "r.csv", "--now", NOW]);
    let approved = ["--approved-on", "2026-01-10", "--approved-by", "某局"];
    folder.expect(0, &[&["--now", NOW, "import", "ro.csv"], &approved[..]].concat());
}

/// A season whose second quarter is claimed.
fn claimed() -> Option<Folder> {
    if !support::fonts_are_there() {
        return None;
    }
    let folder = season();
    folder.expect(0, &["once", "claim", "--period", "2026-Q2", "--now", NOW]);
    Some(folder)
}

fn refused(folder: &Folder, arguments: &[&str], says: &str) {
    let arguments = [arguments, &BECAUSE[..]].concat();
    let (code, out, err) = folder.run(&arguments);
    assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}\n{err}");
    assert!(err.contains(says), "{arguments:?} says {err}");
}

/// The outcomes of a certificate, training first.
fn outcomes(folder: &Folder, n: u32) -> Vec<String> {
    let csv = folder.expect(0, &["export", "verdicts", "--personal", "--now", NOW]);
    let of = |line: &str| line.split(',').skip(8).collect::<Vec<_>>().join(",");
    csv.lines().filter(|line| line.contains(&certificate(n))).map(of).collect()
}

#[test]
fn usage_errors_are_exit_code_2_and_speak_chinese_on_stderr() {
    for arguments in [&["frob"][..], &["status", "--frob"], &["init"], &["--now", "gestern", "status"], &["batch"]] {
        let output = shenling().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(!err.contains("error") && !err.contains("Usage"), "{err}");
    }
    let help = shenling().arg("--help").output().unwrap();
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8(help.stdout).unwrap().contains("用法：") && help.stderr.is_empty());
}

#[test]
fn without_config_nothing_runs_and_the_message_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    for arguments in [&["status"][..], &["import", "x.csv"], &["once", "all"], &["export", "verdicts"]] {
        let output = shenling().args(arguments).current_dir(dir.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("shenling init"), "{}", support::text(&output));
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn check_tells_all_mistakes_at_once_with_their_places() {
    let folder = Folder::new();
    let config = fs::read_to_string(folder.config()).unwrap();
    let config = config.replace("max_sheets = 100", "max_sheets = 1.5").replace("[mail]", "[mail]\nfrob = 1");
    fs::write(folder.config(), config).unwrap();
    let out = folder.expect(1, &["check"]);
    assert!(out.contains("max_sheets") && out.contains("不认识的键 frob"), "{out}");
    let mistakes = folder.json(1, &["check"]);
    let placed = mistakes["mistakes"].as_array().unwrap().iter().filter(|m| m["severity"] == "error");
    assert_eq!(placed.filter(|mistake| mistake["line"].as_u64().is_some()).count(), 2, "{mistakes}");
    let (code, out, err) = folder.run(&["status"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("frob") && err.contains("未执行任何操作"), "{err}");
}

#[test]
fn import_answers_in_the_agreed_shape_and_is_idempotent() {
    let folder = Folder::new();
    let bad = result(2, "合格").replace("2026-04-10", "10/4/26");
    folder.put("r.csv", results_csv(&[result(1, "合格"), bad]));
    let dry = folder.json(1, &["import", "r.csv", "--dry-run", "--now", NOW]);
    let first = folder.json(1, &["import", "r.csv", "--now", NOW]);
    assert_eq!(dry, first, "a dry run says what would happen");
    let file = &first["files"][0];
    let keys = ["file", "sha256", "kind", "rows", "taken", "duplicates", "superseded", "set_aside"];
    assert!(keys.iter().all(|key| !file[key].is_null()), "{file}");
    assert_eq!((&file["kind"], &file["rows"], &file["taken"]), (&"results".into(), &2.into(), &1.into()));
    let error = file["findings"].as_array().unwrap().iter().find(|f| f["severity"] == "error").unwrap();
    assert_eq!((&error["sheet"], &error["cell"], &error["code"]), (&"".into(), &"P3".into(), &"bad-date".into()));
    assert!(error["seen"].is_string() && error["advice"].is_string());
    let repair = &file["repairs"][0];
    assert!(["sheet", "cell", "code", "seen", "taken"].iter().all(|key| repair[key].is_string()), "{repair}");

    let again = folder.json(1, &["import", "r.csv"]);
    assert_eq!((&again["files"][0]["taken"], &again["files"][0]["duplicates"]), (&0.into(), &1.into()));
    assert_eq!(folder.json(0, &["status"])["assessments"], 1);
    let (code, out, err) = folder.run(&["import", "r.csv", "not-there.csv"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("not-there.csv"), "{err}");
}

#[test]
fn log_lines_go_to_stderr_only_and_without_colours() {
    let folder = season();
    let (_, out, err) = folder.run(&["once", "calculate", "--now", NOW]);
    assert!(out.lines().all(|line| line.starts_with("核定：")), "{out}");
    assert!(err.contains("assessments judged") && !err.contains('\u{1b}'), "{err}");
    let figures = folder.json(0, &["once", "calculate", "--now", NOW]);
    assert_eq!(figures["calculate"][0]["kind"], "training");
    assert_eq!(figures["calculate"][0]["sum_fen"], 200_000);
}

#[test]
fn the_export_is_masked_unless_asked_and_the_audit_log_says_so() {
    let folder = season();
    let count = || folder.json(0, &["audit", "verify"])["count"].as_i64().unwrap();
    let before = count();
    let masked = folder.expect(0, &["export", "verdicts", "--now", NOW]);
    assert!(!masked.contains("32040001") && !masked.contains(&certificate(1)), "{masked}");
    assert_eq!(count(), before);
    let open = folder.expect(0, &["export", "verdicts", "--personal", "--now", NOW]);
    assert_eq!(count(), before + 1);
    let header = "prison,number,occupation,level,class,assessed,certificate,kind,outcome,codes,amount_fen";
    assert_eq!(open.lines().next(), Some(header));
    let line =
        format!("常州监狱,32040001,welder,五级/初级工,第1期,2026-04-10,{},training,granted,,100000", certificate(1));
    assert_eq!(open.lines().nth(1), Some(line.as_str()));
    assert!(!open.contains('\r') && !open.starts_with('\u{feff}'));
    let json = folder.json(0, &["export", "verdicts", "--personal", "--now", NOW]);
    let rows = json.as_array().unwrap();
    assert_eq!(rows.len(), 6);
    assert_eq!(rows[0]["amount_fen"], 100_000);
    assert_eq!((&rows[4]["outcome"], &rows[4]["codes"]), (&"denied".into(), &"not-passed".into()));
    assert_eq!(folder.expect(0, &["--json", "export", "verdicts", "--format", "csv", "--now", NOW]), masked);
}

#[test]
fn a_roster_from_the_inbox_covers_nobody_until_it_is_approved() {
    let folder = Folder::new();
    folder.put("inbox/结 果 '$(x)'.csv", results_csv(&[result(1, "合格")]));
    folder.put("inbox/名册.csv", roster_csv(&[roster(1)]));
    let collected = folder.json(0, &["once", "collect", "--now", NOW]);
    assert_eq!(collected["collect"]["files"].as_array().unwrap().len(), 2);
    assert_eq!(outcomes(&folder, 1), ["held,not-on-roster,", "held,not-on-roster,"]);
    let listed = folder.json(0, &["roster", "list"]);
    assert_eq!((&listed[0]["id"], &listed[0]["approved_on"]), (&1.into(), &Value::Null));
    let (code, out, err) = folder.run(&["roster", "approve", "9", "--on", "2026-01-10", "--by", "某局"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("shenling roster list"), "{err}");
    folder.expect(2, &["roster", "approve", "1", "--on", "10.1.26", "--by", "某局"]);
    folder.expect(0, &["roster", "approve", "1", "--on", "2026-01-10", "--by", "某局"]);
    assert_eq!(outcomes(&folder, 1), ["granted,,100000", "granted,,20000"]);
    assert_eq!(folder.json(0, &["roster", "list"])[0]["approved_on"], "2026-01-10");
    folder.put("again.csv", roster_csv(&[roster(1)]));
    let again = folder.json(0, &["import", "again.csv"]);
    assert_eq!((&again["files"][0]["taken"], &again["files"][0]["duplicates"]), (&0.into(), &1.into()));
}

#[test]
fn a_batch_is_listed_shown_and_verified_in_the_agreed_shape() {
    let Some(folder) = claimed() else { return };
    let list = folder.json(0, &["batch", "list"]);
    let batch = list[0].as_object().unwrap();
    let keys = ["lines", "lines_sha256", "number", "period", "persons", "sealed_at", "state", "sum_fen"];
    let mut found: Vec<&str> = batch.keys().map(String::as_str).collect();
    found.sort_unstable();
    assert_eq!(found, keys);
    assert_eq!(
        (&batch["number"], &batch["period"], &batch["state"]),
        (&BATCH.into(), &"2026-Q2".into(), &"sealed".into())
    );
    assert_eq!((&batch["persons"], &batch["lines"], &batch["sum_fen"]), (&2.into(), &4.into(), &240_000.into()));
    assert_eq!(batch["sealed_at"], NOW);
    assert_eq!(batch["lines_sha256"].as_str().unwrap().len(), 64);
    folder.expect(0, &["batch", "verify", BATCH]);
    assert!(!folder.expect(0, &["batch", "show", BATCH]).contains(&resident_id("19900101", 1)));
    for command in ["show", "verify"] {
        let (code, out, err) = folder.run(&["batch", command, "CZ-2026-Q2-009"]);
        assert_eq!((code, out.as_str()), (2, ""));
        assert!(err.contains("没有批次 CZ-2026-Q2-009；请用 shenling batch list"), "{err}");
    }
    let again = folder.json(0, &["once", "claim", "--period", "2026-Q2", "--now", NOW]);
    assert_eq!(again["claim"]["batch"], Value::Null, "what is settled is not claimed again");
}

#[test]
fn corrections_are_refused_or_noted_with_the_next_step() {
    let Some(folder) = claimed() else { return };
    folder.put("r2.csv", results_csv(&[result(1, "不合格")]));
    let changed = folder.json(1, &["import", "r2.csv", "--now", NOW]);
    let finding = &changed["files"][0]["findings"][0];
    assert_eq!(finding["code"], "already-claimed");
    assert!(finding["advice"].as_str().unwrap().contains(BATCH), "{finding}");

    refused(&folder, &["batch", "reverse", BATCH, "99"], "没有第 99 行");
    refused(&folder, &["batch", "reverse", "CZ-1", "1"], "没有批次 CZ-1");
    folder.expect(2, &["batch", "void", BATCH, "--reason", " ", "--by", "某经办"]);
    refused(&folder, &["assessment", "reopen", &certificate(1)], "shenling batch reverse CZ-2026-Q2-001 1");
    refused(&folder, &["assessment", "reopen", "nobody"], "shenling explain");
    folder.expect(0, &[&["batch", "reverse", BATCH, "1", "--now", NOW], &BECAUSE[..]].concat());
    refused(&folder, &["batch", "reverse", BATCH, "1"], "以前已登记");
    folder.expect(0, &[&["assessment", "reopen", &certificate(3)], &BECAUSE[..]].concat());
    refused(&folder, &["assessment", "reopen", &certificate(3)], "shenling explain");

    folder.expect(0, &["once", "claim", "--period", "2026-Q2", "--now", NOW]);
    let list = folder.json(0, &["batch", "list"]);
    assert_eq!((&list[1]["lines"], &list[1]["sum_fen"]), (&1.into(), &(-100_000).into()));
    refused(&folder, &["batch", "void", BATCH], "请先作废批次 CZ-2026-Q2-002");
    folder.expect(0, &[&["batch", "void", "CZ-2026-Q2-002"], &BECAUSE[..]].concat());
    refused(&folder, &["batch", "void", "CZ-2026-Q2-002"], "已经作废");
    refused(&folder, &["batch", "reverse", "CZ-2026-Q2-002", "1"], "已作废");
    folder.expect(0, &[&["batch", "void", BATCH], &BECAUSE[..]].concat());
    assert_eq!(folder.json(0, &["batch", "list"])[0]["state"], "void");
    assert_eq!(outcomes(&folder, 2), ["granted,,100000", "granted,,20000"]);
    folder.expect(0, &["audit", "verify"]);
}

/// RULES section 5: a reversed assessment stays settled until its corrected facts arrive. They arrived, though the batch
/// whose reversal let them in was voided and another took its place.
#[test]
fn a_correction_is_judged_also_when_the_reversal_was_sealed_twice() {
    let Some(folder) = claimed() else { return };
    let claim = |day: u32| {
        let now = format!("2026-10-{day:02}T10:00:00+08:00");
        folder.expect(0, &["once", "claim", "--period", "2026-Q2", "--now", &now]);
    };
    for line in ["1", "3"] {
        folder.expect(0, &[&["batch", "reverse", BATCH, line, "--now", NOW], &BECAUSE[..]].concat());
    }
    claim(20);
    folder.put("r2.csv", results_csv(&[result(1, "不合格")]));
    folder.expect(0, &["import", "r2.csv", "--now", "2026-10-21T10:00:00+08:00"]);
    folder.expect(0, &[&["batch", "void", "CZ-2026-Q2-002"], &BECAUSE[..]].concat());
    claim(22);
    let list = folder.json(0, &["batch", "list"]);
    assert_eq!((&list[2]["lines"], &list[2]["sum_fen"]), (&2.into(), &(-120_000).into()), "{list}");
    assert_eq!(outcomes(&folder, 1), ["denied,not-passed,", "denied,not-passed,"]);
}

/// RULES R3a looks at all that is unsettled: what a period leaves out may still show that a certificate stands for two.
#[test]
fn a_certificate_that_also_stands_for_somebody_assessed_later_is_not_paid() {
    if !support::fonts_are_there() {
        return;
    }
    let folder = Folder::new();
    let later = result(2, "合格").replace(&certificate(2), &certificate(1)).replace("2026-04-10", "2026-07-01");
    folder.put("r.csv", results_csv(&[result(1, "合格"), later.replace("2026-04-20", "2026-07-02")]));
    folder.put("ro.csv", roster_csv(&[roster(1), roster(2)]));
    folder.expect(0, &["import", "r.csv", "--now", NOW]);
    folder.expect(0, &["import", "ro.csv", "--now", NOW, "--approved-on", "2026-01-10", "--approved-by", "某局"]);
    let claim = folder.json(0, &["once", "claim", "--period", "2026-Q2", "--now", NOW]);
    assert_eq!((&claim["claim"]["batch"], &claim["claim"]["refusals"]), (&Value::Null, &2.into()));
    assert_eq!(outcomes(&folder, 1), ["held,certificate-conflict,"; 4]);
    refused(&folder, &["assessment", "reopen", &certificate(1)], "对应 2 条结果");
}

#[test]
fn a_packet_without_password_stays_due_and_leaves_when_it_comes() {
    let Some(folder) = claimed() else { return };
    let (code, out, err) = folder.run(&["once", "deliver", "--now", NOW]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("zip-password"), "{err}");
    assert_eq!(folder.json(0, &["status"])["deliveries"]["due"], 1);
    folder.put(PASSWORD_FILE, PASSWORD);
    // An outbox that is no folder is told too, and the packet waits.
    let outbox = folder.work().join("outbox");
    fs::remove_dir(&outbox).unwrap();
    fs::write(&outbox, "").unwrap();
    folder.expect(1, &["once", "deliver", "--now", NOW]);
    fs::remove_file(&outbox).unwrap();
    fs::create_dir(&outbox).unwrap();
    let sent = folder.json(0, &["once", "deliver", "--now", NOW]);
    assert_eq!((&sent["deliver"][0]["batch"], &sent["deliver"][0]["state"]), (&BATCH.into(), &"done".into()));
    assert!(outbox.join("bureau").join(BATCH).join("manifest.json").is_file());
}

#[test]
fn a_wrong_key_or_a_lost_database_stops_everything() {
    let folder = season();
    let (key_file, database) = ("data/credentials/vault-key", folder.work().join("data/shenling.db"));
    let key = folder.work().join(key_file);
    let right = fs::read(&key).unwrap();
    let stopped = |says: &str| {
        let (code, out, err) = folder.run(&["status"]);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains(says) && err.contains("备份恢复"), "{err}");
        assert!(folder.expect(1, &["check"]).contains(says));
    };
    fs::write(&key, "0".repeat(64)).unwrap();
    stopped("数据密钥与数据库不相配");
    fs::write(&key, "x").unwrap();
    stopped("64位十六进制");
    fs::remove_file(&key).unwrap();
    stopped("没有数据密钥");
    folder.put(key_file, right);
    let aside = folder.work().join("aside.db");
    fs::rename(&database, &aside).unwrap();
    stopped("不见了");
    fs::rename(&aside, &database).unwrap();
    folder.expect(0, &["status"]);
}

#[test]
fn two_processes_share_one_database() {
    let folder = Folder::new();
    let mut children = Vec::new();
    for n in 1..=4 {
        let name = format!("r{n}.csv");
        folder.put(&name, results_csv(&[result(n, "合格")]));
        children.push(folder.command(&["import", &name, "--now", NOW]).spawn().unwrap());
    }
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(folder.json(0, &["status"])["assessments"], 4);
    folder.expect(0, &["audit", "verify"]);
}

#[test]
fn an_output_that_cannot_be_written_is_an_error() {
    let folder = season();
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for arguments in [&["export", "verdicts"][..], &["--json", "status"], &["--help"]] {
        let output = folder.command(arguments).stdout(full()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(support::text(&output).contains("输出没有写完整：磁盘已满"), "{}", support::text(&output));
    }
    // A reader that has read enough is no error.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = folder.command(&["export", "verdicts"]).stdout(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", support::text(&output));
}

#[test]
fn two_processes_may_collect_from_one_inbox() {
    let folder = Folder::new();
    for n in 1..=9 {
        folder.put(&format!("inbox/r{n}.csv"), results_csv(&[result(n, "合格")]));
    }
    let children = [0; 3].map(|_| folder.command(&["once", "collect", "--now", NOW]).spawn().unwrap());
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(folder.json(0, &["status"])["assessments"], 9);
    assert_eq!(fs::read_dir(folder.work().join("inbox")).unwrap().count(), 0);
}

#[test]
fn a_file_that_cannot_be_removed_is_taken_all_the_same() {
    let folder = Folder::new();
    let config = fs::read_to_string(folder.config()).unwrap().replace("keep_source_days = 0", "keep_source_days = 3");
    fs::write(folder.config(), config).unwrap();
    let csv = results_csv(&[result(1, "合格")]);
    // Where the source is to be kept, a folder stands in the way.
    let in_the_way = format!("data/taken/{}.csv", shenling::store::sha256_hex(csv.as_bytes()));
    fs::create_dir_all(folder.work().join(in_the_way)).unwrap();
    folder.put("inbox/r.csv", csv);
    folder.put("inbox/s.csv", results_csv(&[result(2, "合格")]));
    for _ in 0..2 {
        let (code, out, err) = folder.run(&["once", "collect", "--now", NOW]);
        assert_eq!(code, 1, "{out}{err}");
        assert!(err.contains("r.csv 已收入，但不能从收件文件夹移走"), "{err}");
    }
    assert_eq!(folder.json(0, &["status"])["assessments"], 2);
}

/// On PostgreSQL nobody knows whether the other process lives: its packets wait for its lease to end.
#[test]
#[cfg(feature = "failpoints")]
fn a_delivery_that_was_cut_off_is_told_until_its_lease_ends() {
    use sqlx::Connection;

    let Some(base) = support::postgres().filter(|_| support::fonts_are_there()) else { return };
    let database = format!("cut_off_{}", std::process::id());
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut admin = sqlx::PgConnection::connect(&base).await.unwrap();
        let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {database}"));
        sqlx::query(create).execute(&mut admin).await.unwrap();
    });
    let folder = Folder::new();
    let url = format!("{}/{database}", base.rsplit_once('/').unwrap().0);
    let config = fs::read_to_string(folder.config()).unwrap().replace("\nurl = \"\"", &format!("\nurl = \"{url}\""));
    fs::write(folder.config(), config).unwrap();
    fill(&folder);
    folder.put(PASSWORD_FILE, PASSWORD);
    folder.expect(0, &["once", "claim", "--period", "2026-Q2", "--now", NOW]);
    let deliver = ["once", "deliver", "--now", NOW];
    let killed = folder.command(&deliver).env("SHENLING_KILL_AT", "deliver.sent").output().unwrap();
    assert_eq!(killed.status.code(), None, "{}", support::text(&killed));
    let (code, out, err) = folder.run(&deliver);
    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    assert!(err.contains("有 1 份材料上次投递中断") && err.contains("shenling once deliver"), "{err}");
    assert!(folder.expect(0, &["once", "deliver", "--now", "2026-10-01T12:00:00+08:00"]).contains("（重发）"));
}

#[test]
fn a_sealed_line_is_explained_with_all_its_steps() {
    if !support::fonts_are_there() {
        return;
    }
    let folder = season();
    let steps = |n: u32| {
        let explained = folder.json(0, &["explain", &certificate(n), "--now", NOW]);
        let all = explained.as_array().unwrap().iter();
        all.map(|one| one["steps"].as_array().unwrap().iter().filter(|step| step["rule"] != "批次").cloned().collect())
            .collect::<Vec<Vec<Value>>>()
    };
    let before: Vec<_> = (1..=3).map(steps).collect();
    assert!(before[0][0].len() > 10, "{before:?}");
    folder.expect(0, &["once", "claim", "--period", "2026-Q2", "--now", NOW]);
    assert_eq!((1..=3).map(steps).collect::<Vec<_>>(), before);
    folder.expect(0, &[&["batch", "reverse", BATCH, "1", "--now", NOW], &BECAUSE[..]].concat());
    folder.expect(0, &["once", "claim", "--period", "2026-Q2", "--now", NOW]);
    assert!(folder.expect(0, &["explain", &certificate(1), "--now", NOW]).contains("培训补贴：曾核定，已追回"));
    assert_eq!(steps(1), before[0]);
}

#[test]
fn what_lies_in_the_future_is_refused_and_acts_answer_in_json() {
    let folder = Folder::new();
    folder.put("ro.csv", roster_csv(&[roster(1)]));
    let approval = ["--approved-on", "2027-01-10", "--approved-by", "某局", "--now", NOW];
    let (code, _, err) = folder.run(&[&["import", "ro.csv"], &approval[..]].concat());
    assert!(code == 2 && err.contains("核准日期 2027-01-10 在今天（2026-10-01）之后"), "{err}");
    folder.expect(0, &["import", "ro.csv", "--now", NOW]);
    let approve = |on| ["roster", "approve", "1", "--on", on, "--by", "某局", "--now", NOW];
    folder.expect(2, &approve("2027-01-10"));
    assert_eq!(folder.json(0, &approve("2026-01-10"))["approved_on"], "2026-01-10");
    let (code, _, err) = folder.run(&["once", "claim", "--period", "2027-Q1", "--now", NOW]);
    assert!(code == 2 && err.contains("还没有开始"), "{err}");
    let (code, _, err) = folder.run(&["import", "nope.xlsx"]);
    assert!(code == 2 && err.contains("找不到文件 nope.xlsx；请核对路径"), "{err}");
}
