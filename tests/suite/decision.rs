//! What the operator decides, by the real binary: an import undone.

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
