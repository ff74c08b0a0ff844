//! What the operator decides, by the real binary: an import undone, a rule waived, what came back closed or taken after all,
//! mails let in; and units told what they can supply.

mod mails;
mod waived;

use crate::support::{Folder, resident_id, results_csv, roster_csv};

const NOW: &str = "2026-10-01T09:00:00+08:00";
const BECAUSE: [&str; 4] = ["--reason", "报错了表", "--by", "某经办"];

fn result(n: u32, score: u32) -> String {
    let id = resident_id("19900101", n);
    format!(
        "常州监狱,3204{n:04},某甲{n},{id},演示学校,演示鉴定,焊工,五级,第1期,2026-03-02,2026-04-01,120,48,72,2026-04-10,{score},81,\
         合格,职业技能等级证书,S000032000001265000{n:03},2026-04-20,"
    )
}

fn roster(n: u32) -> String {
    format!("常州监狱,3204{n:04},某甲{n},男,{},2027-01-01,焊工,五级,第1期", resident_id("19900101", n))
}

/// One certified person on an approved roster, and a file that corrects the score and brings another person.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.put("ro.csv", roster_csv(&[roster(1), roster(2)]));
    folder.put("first.csv", results_csv(&[result(1, 80)]));
    folder.put("second.csv", results_csv(&[result(1, 90), result(2, 70)]));
    let approved = ["--approved-on", "2026-01-10", "--approved-by", "某局"];
    folder.expect(0, &[&["--now", NOW, "import", "ro.csv"], &approved[..]].concat());
    folder.expect(0, &["--now", "2026-05-01T09:00:00+08:00", "import", "first.csv"]);
    folder
}

fn verdicts(folder: &Folder) -> String {
    folder.expect(0, &["--now", NOW, "export", "verdicts", "--personal"])
}

#[test]
fn an_import_is_undone_after_it_was_shown_what_changes() {
    let folder = folder();
    let before = verdicts(&folder);
    folder.expect(0, &["--now", NOW, "import", "second.csv"]);
    let after = verdicts(&folder);
    assert_ne!(before, after);
    let shown = folder.expect(0, &["import", "undo", "3", "--dry-run"]);
    assert!(shown.contains("1 条考核结果不再存在") && shown.contains("1 条考核结果恢复为以前的内容"), "{shown}");
    assert!(shown.contains("恢复为 2026-05-01 收到的内容（理论成绩）"), "{shown}");
    // Not on a terminal and not confirmed: it is shown, and nothing happens.
    let undo = [&["--now", NOW, "import", "undo", "3"], &BECAUSE[..]].concat();
    let (code, out, err) = folder.run(&undo);
    assert_eq!((code, out), (1, shown), "{err}");
    assert!(err.contains("没有撤回") && err.contains("--yes"), "{err}");
    assert_eq!(verdicts(&folder), after);
    let undone = folder.json(0, &[&undo[..], &["--yes"]].concat());
    assert_eq!((&undone["withdrawn"], undone["results"].as_array().unwrap().len()), (&true.into(), 2));
    assert_eq!(verdicts(&folder), before, "as if it had never come");
    let (code, _, err) = folder.run(&[&undo[..], &["--yes"]].concat());
    assert!(code == 2 && err.contains("以前已经撤回"), "{err}");
    let list = folder.json(0, &["import", "list"]);
    let withdrawn: Vec<bool> =
        list.as_array().unwrap().iter().map(|file| file["withdrawn"].as_bool().unwrap()).collect();
    assert_eq!(withdrawn.iter().filter(|withdrawn| **withdrawn).count(), 1, "{list}");
    assert!(folder.expect(0, &["status"]).contains("另有已撤回 1"));
    // Sent again it is taken anew, and a dry run says so beforehand.
    let again = folder.json(0, &["--now", NOW, "import", "second.csv", "--dry-run"]);
    assert_eq!((&again["files"][0]["taken"], &again["files"][0]["duplicates"]), (&2.into(), &0.into()), "{again}");
    let again = folder.json(0, &["--now", NOW, "import", "second.csv"]);
    assert_eq!((&again["files"][0]["taken"], &again["files"][0]["superseded"]), (&2.into(), &1.into()), "{again}");
    assert_eq!(verdicts(&folder), after);
    folder.expect(0, &["audit", "verify"]);
}

#[test]
fn what_is_claimed_is_not_undone_and_the_batch_is_named() {
    if !crate::support::fonts_are_there() {
        return;
    }
    let folder = folder();
    folder.expect(0, &["--now", NOW, "once", "claim", "--period", "2026-Q2"]);
    for file in ["1", "2"] {
        let undo = [&["--now", NOW, "import", "undo", file, "--yes"], &BECAUSE[..]].concat();
        let (code, out, err) = folder.run(&undo);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains("CZ-2026-Q2-001") && err.contains("batch void"), "{err}");
    }
    let void = [&["--now", NOW, "batch", "void", "CZ-2026-Q2-001"], &BECAUSE[..]].concat();
    folder.expect(0, &void);
    folder.expect(0, &[&["--now", NOW, "import", "undo", "2", "--yes"], &BECAUSE[..]].concat());
    assert_eq!(verdicts(&folder).lines().count(), 1, "only the header is left");
}

/// One certified person without resident ID (held by R12), another with.
fn held() -> Folder {
    let folder = Folder::new();
    let without = |row: String| row.replace(&resident_id("19900101", 1), "");
    folder.put("ro.csv", roster_csv(&[without(roster(1)), roster(2)]));
    folder.put("r.csv", results_csv(&[without(result(1, 80)), result(2, 80)]));
    let approved = ["--approved-on", "2026-01-10", "--approved-by", "某局"];
    folder.expect(0, &[&["--now", NOW, "import", "ro.csv"], &approved[..]].concat());
    folder.expect(0, &["--now", NOW, "import", "r.csv"]);
    folder
}

#[test]
fn a_waiver_lets_one_held_result_through_and_is_told_everywhere() {
    if !crate::support::fonts_are_there() {
        return;
    }
    let folder = held();
    let key = "常州监狱/32040001";
    assert!(folder.expect(0, &["--now", NOW, "explain", key]).contains("待补正"));
    let add = |rule: &str, until: &str| {
        let words = ["waiver", "add", key, "--rule", rule, "--until", until, "--now", NOW];
        folder.run(&[&words[..], &BECAUSE[..]].concat())
    };
    for (rule, until, says) in [
        ("R8", "2026-12-31", "R8 不能豁免"),
        ("certificate-missing", "2026-12-31", "R2 不能豁免"),
        ("R99", "2026-12-31", "没有“R99”这条规则；可以豁免的有：R3a"),
        ("R12", "2026-09-30", "已经过去"),
    ] {
        let (code, _, err) = add(rule, until);
        assert!(code == 2 && err.contains(says), "{rule}: {err}");
    }
    let (code, _, err) = add("unverified-identity", "2026-12-31");
    assert!(code == 0 && err.contains("豁免 1 已登记"), "{err}");
    assert_eq!(add("R12", "2026-12-31").0, 2, "one in force");
    let explained = folder.expect(0, &["--now", NOW, "explain", key]);
    assert!(
        explained.contains("豁免1（某经办，至2026-12-31）：报错了表") && explained.contains("核定  1"),
        "{explained}"
    );
    // In exports a waived line is a granted one: its codes stay empty.
    let lines = verdicts(&folder);
    assert_eq!(lines.lines().filter(|line| line.contains(",granted,,")).count(), 4, "{lines}");
    // It is over on the day after its last one.
    let over = folder.expect(0, &["--now", "2027-01-01T09:00:00+08:00", "export", "verdicts", "--personal"]);
    assert!(over.contains("unverified-identity"), "{over}");
    folder.expect(0, &["--now", NOW, "once", "claim", "--period", "2026-Q2"]);
    folder.expect(0, &["--now", NOW, "batch", "show", "CZ-2026-Q2-001", "--papers", "papers"]);
    let papers = folder.work().join("papers");
    let manifest = std::fs::read_dir(&papers).unwrap().map(|entry| entry.unwrap().path());
    let manifest = manifest.into_iter().find(|path| path.ends_with("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(manifest).unwrap()).unwrap();
    let waivers = manifest["waivers"].as_array().unwrap();
    assert_eq!(waivers.len(), 2, "both kinds rest on it: {waivers:?}");
    assert_eq!((&waivers[0]["rule"], &waivers[0]["by"]), (&"unverified-identity".into(), &"某经办".into()));
    assert_eq!((&waivers[0]["reason"], &waivers[0]["until"]), (&"报错了表".into(), &"2026-12-31".into()));
    let used = folder.json(0, &["--now", NOW, "waiver", "list"]);
    assert_eq!(used[0]["used"].as_array().unwrap().len(), 2, "{used}");
    assert!(folder.expect(0, &["--now", NOW, "status"]).contains("豁免  有效 1 条"));
    // Ended: nothing of what is sealed changes.
    folder.expect(0, &[&["--now", NOW, "waiver", "end", "1"], &BECAUSE[..]].concat());
    folder.expect(0, &["--now", NOW, "batch", "verify", "CZ-2026-Q2-001"]);
    let explained = folder.expect(0, &["--now", NOW, "explain", key]);
    assert!(explained.contains("豁免1（某经办，至2026-12-31）：报错了表"), "{explained}");
    folder.expect(0, &["audit", "verify"]);
}

/// Headers as a unit of its own mind writes them.
const ODD: [(&str, &str); 9] = [
    ("罪犯编号", "代号"),
    ("姓名", "人名"),
    ("培训机构", "办班学校"),
    ("鉴定机构", "评审所"),
    ("职业(工种)", "学什么"),
    ("等级", "几级"),
    ("班期", "哪一班"),
    ("开班日期", "头一天"),
    ("结业日期", "末一天"),
];

#[test]
fn a_file_of_no_known_kind_is_accepted_as_one() {
    let folder = folder();
    let mut odd = results_csv(&[result(2, 80)]);
    let (header, rows) = odd.split_once('\n').map(|(header, rows)| (header.to_owned(), rows.to_owned())).unwrap();
    odd = ODD.iter().fold(header, |header, (known, other)| header.replace(known, other)) + "\n" + &rows;
    folder.put("inbox/odd.csv", odd);
    folder.expect(1, &["--now", NOW, "once", "collect"]);
    assert_eq!(folder.json(0, &["set-aside", "list"])[0]["id"], 3);
    assert!(folder.expect(0, &["status"]).contains("有退回内容的文件 1 个"));
    let accept = [&["--now", NOW, "set-aside", "accept", "3", "--as", "results"], &BECAUSE[..]].concat();
    // As it stands it cannot be read as one: nothing is decided.
    let (code, _, err) = folder.run(&accept);
    assert!(code == 2 && err.contains("仍然读不出来") && err.contains("forms_dir"), "{err}");
    assert_eq!(folder.json(0, &["set-aside", "list"]).as_array().unwrap().len(), 1);
    // The administrator adds the headers.
    let forms = folder.work().join("forms/results.toml");
    let columns = std::fs::read_to_string(&forms).unwrap();
    let with = |columns: String, (known, other): &(&str, &str)| {
        columns.replacen(&format!("header = \"{known}\","), &format!("header = \"{other}\","), 1)
    };
    std::fs::write(&forms, ODD.iter().fold(columns, with)).unwrap();
    let config = std::fs::read_to_string(folder.config()).unwrap();
    std::fs::write(folder.config(), config.replace("forms_dir = \"\"", "forms_dir = \"forms\"")).unwrap();
    let accepted = folder.json(0, &accept);
    assert_eq!((&accepted["file"]["taken"], &accepted["answered"]), (&1.into(), &false.into()), "{accepted}");
    assert_eq!(folder.json(0, &["set-aside", "list"]).as_array().unwrap().len(), 0);
    let shown = folder.expect(0, &["set-aside", "show", "3"]);
    assert!(shown.contains("受理，按考核结果表收取（某经办：报错了表）"), "{shown}");
    assert_eq!(verdicts(&folder).lines().count(), 5, "two results of two kinds and the header");
    folder.expect(0, &["audit", "verify"]);
}

#[test]
fn what_came_back_is_closed_once_and_a_roster_is_not_taken_as_results() {
    let folder = folder();
    folder.put("bad.csv", results_csv(&[result(1, 80), result(2, 80).replace("2026-04-10", "4月10日")]));
    folder.expect(1, &["--now", NOW, "import", "bad.csv"]);
    let decide = |what: &[&str]| folder.run(&[&["--now", NOW, "set-aside"], what, &BECAUSE[..]].concat());
    for (what, says) in [
        (&["accept", "3", "--as", "roster"][..], "已认出是考核结果表"),
        (&["accept", "1"], "没有退回的内容"),
        (&["reject", "9"], "没有编号为 9 的文件"),
        (&["reject", "x"], "不是编号"),
        (&["accept", "3", "--unit", "常州监狱"], "只用于邮件"),
        (&["accept", "m1"], "m1"),
    ] {
        let (code, out, err) = decide(what);
        assert!(code == 2 && out.is_empty() && err.contains(says), "{what:?}: {err}");
    }
    let (code, _, err) = decide(&["reject", "3"]);
    assert!(code == 0 && err.contains("不予受理") && err.contains("没有发出答复"), "{err}");
    let (code, _, err) = decide(&["accept", "3"]);
    assert!(code == 2 && err.contains("以前已经处理"), "{err}");
    assert!(!folder.expect(0, &["status"]).contains("退回内容的文件"));
    let shown = folder.expect(0, &["set-aside", "show", "3"]);
    assert!(shown.contains("不予受理（某经办：报错了表）"), "{shown}");
    folder.expect(0, &["audit", "verify"]);
}

#[test]
fn a_unit_is_told_once_a_week_what_it_can_supply() {
    let folder = held();
    with_mail(&folder);
    assert!(folder.expect(0, &["--now", NOW, "held"]).contains("没有待补正"), "nothing is judged yet");
    folder.expect(0, &["--now", NOW, "once", "calculate"]);
    let listed = folder.json(0, &["--now", NOW, "held"]);
    assert_eq!(listed[0]["unit"], "常州监狱", "{listed}");
    assert_eq!(listed[0]["lacking"][0]["rule"], "unverified-identity");
    let text = folder.expect(0, &["--now", NOW, "held", "--unit", "常州监狱"]);
    assert!(text.contains("1 条（#1）") && text.contains("请监狱核对公民身份号码"), "{text}");
    assert!(folder.expect(0, &["--now", NOW, "status"]).contains("shenling held"));
    // 1 October 2026 begins a holiday; 9 October is a Friday.
    let told =
        |now: &str| folder.json(0, &["--now", now, "once", "remind"])["remind"]["told_held"].as_array().unwrap().len();
    assert_eq!(told("2026-10-01T10:00:00+08:00"), 0, "the office is closed");
    assert_eq!(told("2026-10-09T10:00:00+08:00"), 1);
    assert_eq!(told("2026-10-09T16:00:00+08:00"), 0, "once a week");
    assert_eq!(told("2026-10-12T10:00:00+08:00"), 1, "the next Monday");
    let letters = folder.json(0, &["--now", "2026-10-12T10:00:00+08:00", "delivery", "list"]);
    let held: Vec<&str> = letters
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|line| line["key"].as_str().filter(|key| key.starts_with("held:")))
        .collect();
    assert_eq!(held, ["held:常州监狱:2026-W41", "held:常州监狱:2026-W42"], "{letters}");
    let shown = folder.expect(0, &["delivery", "show", "held:常州监狱:2026-W42"]);
    assert!(shown.contains("1 条考核结果等贵单位补充材料") && !shown.contains("某甲1"), "{shown}");
}

/// Letters can be queued, and everybody has an address.
fn with_mail(folder: &Folder) {
    let config = std::fs::read_to_string(folder.config()).unwrap();
    let config = config.replace("email = []", "email = [\"office@example.cn\"]");
    let config = config.replacen("host = \"\"", "host = \"127.0.0.1\"", 1);
    std::fs::write(folder.config(), config.replacen("from = \"\"", "from = \"shenling@example.cn\"", 1)).unwrap();
}
