//! Plans through the real binary: workbooks made by openpyxl and LibreOffice in, the plan of the city out.

use std::fs;
use std::path::Path;

use serde_json::Value;
use shenling::forms::papers::unpack;

use crate::support::{self, Folder, PASSWORD, PASSWORD_FILE, resident_id, results_csv};

const NOW: &str = "2026-11-20T09:00:00+08:00";

/// A workbook of `tests/fixtures/planning`.
fn fixture(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/planning").join(name).display().to_string()
}

/// What `import --json` says of one workbook.
fn import(folder: &Folder, code: i32, name: &str) -> Value {
    let said = folder.json(code, &["--now", NOW, "import", &fixture(name)]);
    said["files"][0].clone()
}

/// `sheet!cell code`, with `?` behind a warning.
fn findings(file: &Value) -> Vec<String> {
    let line = |f: &Value| {
        let text = |key: &str| f[key].as_str().unwrap().to_owned();
        let doubt = if f["severity"] == "warning" { "?" } else { "" };
        format!("{}!{} {}{doubt}", text("sheet"), text("cell"), text("code"))
    };
    file["findings"].as_array().unwrap().iter().map(line).filter(|line| !line.contains("no-agreement")).collect()
}

#[test]
fn a_filled_copy_is_filed_and_the_same_from_another_program_is_a_duplicate() {
    let folder = Folder::new();
    let first = import(&folder, 0, "filled-openpyxl.xlsx");
    assert_eq!((&first["kind"], &first["rows"], &first["taken"]), (&"plan".into(), &11.into(), &11.into()));
    assert_eq!(findings(&first), Vec::<String>::new());
    assert_eq!(first["repairs"], serde_json::json!([]));
    let plan = &first["plan"];
    assert_eq!((&plan["prison"], &plan["year"]), (&"溧阳监狱".into(), &2027.into()));
    assert_eq!((&plan["outcome"], &plan["missing"]), (&"filed".into(), &serde_json::json!([])));
    let again = import(&folder, 0, "filled-libreoffice.xlsx");
    assert_eq!((&again["taken"], &again["duplicates"]), (&0.into(), &11.into()));
    assert_eq!((&again["plan"]["outcome"], &again["plan"]["known_since"]), (&"duplicate".into(), &"2026-11-20".into()));
    let listed = folder.json(0, &["plan", "list", "--year", "2027"]);
    assert_eq!(listed["plans"].as_array().unwrap().len(), 1);
    let missing = listed["missing"].as_array().unwrap();
    let owed: Vec<usize> = missing.iter().map(|prison| prison["annexes"].as_array().unwrap().len()).collect();
    assert_eq!(owed, [4, 0, 4]);
}

#[test]
fn a_sloppy_workbook_without_a_mark_is_read_all_the_same() {
    let folder = Folder::new();
    let file = import(&folder, 0, "sloppy.xlsx");
    assert_eq!((&file["kind"], &file["rows"], &file["taken"]), (&"plan".into(), &10.into(), &10.into()));
    assert_eq!(findings(&file), Vec::<String>::new());
    assert_eq!((&file["plan"]["prison"], &file["plan"]["year"]), (&"新康监狱".into(), &2027.into()));
    assert_eq!(file["plan"]["missing"], serde_json::json!([]));
    let shown = folder.json(0, &["plan", "show", "--year", "2027", "--prison", "新康"]);
    assert_eq!(shown["class_list"][1]["ends_on"], "2027-09-20");
    assert_eq!(shown["project_list"][0]["rate_fen"], 100_000);
}

#[test]
fn planted_faults_are_named_at_their_cells_with_the_other_place() {
    let folder = Folder::new();
    let file = import(&folder, 1, "faulty.xlsx");
    assert_eq!(
        findings(&file),
        [
            "附件1!C5 plan-sum",
            "附件1!E6 plan-sum",
            "附件2!P5 institution-not-designated",
            "附件2!M6 plan-year",
            "附件3!L5 sentence-too-long",
            "附件3!M6 already-skilled",
            "附件3!N7 unable-to-study",
            "附件3!I8 digits-lost",
            "附件3!G9 minor?",
            "附件4!D5 unknown-occupation",
            "附件4!C16 bad-date",
        ]
    );
    let sum = &file["findings"][1];
    assert_eq!(sum["seen"], "4");
    assert!(sum["advice"].as_str().unwrap().contains("附件2!I6"), "{sum}");
    assert_eq!((&file["rows"], &file["taken"], &file["set_aside"]), (&11.into(), &5.into(), &6.into()));
    let filed: Vec<bool> =
        file["plan"]["annexes"].as_array().unwrap().iter().map(|annex| annex["filed"].as_bool().unwrap()).collect();
    assert_eq!(filed, [false; 4]);
    let missing = file["plan"]["missing"][0].as_str().unwrap();
    assert!(missing.starts_with("附件1") && missing.ends_with("（有错误待改正）"), "{missing}");
}

#[test]
fn a_resubmission_supersedes_and_says_what_changed_and_an_addition_stands_beside() {
    let folder = Folder::new();
    import(&folder, 0, "filled-openpyxl.xlsx");
    let second = import(&folder, 0, "second.xlsx");
    let plan = &second["plan"];
    assert_eq!(plan["outcome"], "superseding");
    let persons = &plan["difference"]["persons"];
    assert_eq!((&persons["added"], &persons["removed"], &persons["changed"]), (&2.into(), &1.into(), &1.into()));
    assert_eq!(persons["cells"], serde_json::json!(["附件3!D5", "附件3!D8", "附件3!D10"]));
    // The first again is a redelivery: the second still counts.
    assert_eq!(import(&folder, 0, "filled-openpyxl.xlsx")["plan"]["outcome"], "outdated");
    let added = import(&folder, 0, "addition.xlsx");
    assert_eq!((&added["plan"]["outcome"], &added["plan"]["addition"]), (&"filed".into(), &1.into()));
    let listed = folder.json(0, &["plan", "list"]);
    let heads: Vec<&Value> = listed["plans"].as_array().unwrap().iter().map(|plan| &plan["heads"]).collect();
    assert_eq!(heads, [&Value::from(6), &Value::from(2)]);
}

#[test]
fn an_old_form_is_answered_with_the_new_one_and_an_empty_one_takes_nobodys_place() {
    let folder = Folder::new();
    import(&folder, 0, "filled-openpyxl.xlsx");
    let old = import(&folder, 1, "old.xlsx");
    assert_eq!(findings(&old), ["! old-form"]);
    folder.expect(0, &["--now", NOW, "once", "deliver"]);
    let sent = fs::read_dir(folder.work().join("outbox/溧阳监狱")).unwrap().next().unwrap().unwrap().path();
    let form = sent.join("溧阳监狱_2027年度计划表.xlsx");
    let by_hand = folder.work().join("form.xlsx").display().to_string();
    folder.expect(0, &["--now", NOW, "form", "planning", "--prison", "溧阳", "--year", "2027", "-o", &by_hand]);
    assert!(fs::read(&form).unwrap() == fs::read(&by_hand).unwrap(), "the same order gives the same bytes");
    let blank = folder.work().join("blank.xlsx").display().to_string();
    folder
        .expect(0, &["--now", NOW, "form", "planning", "--prison", "溧阳", "--year", "2027", "--blank", "-o", &blank]);
    let empty = folder.json(1, &["--now", NOW, "import", &blank]);
    assert_eq!((&empty["files"][0]["kind"], &empty["files"][0]["taken"]), (&"plan".into(), &0.into()));
    let listed = folder.json(0, &["plan", "list"]);
    assert_eq!(listed["plans"][0]["heads"], 5);
}

/// The file that was handed out with projects made out: everything that is left to fill in is named.
#[test]
fn a_prefilled_form_asks_for_heads_and_dates() {
    let folder = Folder::new();
    import(&folder, 0, "filled-openpyxl.xlsx");
    let next = folder.work().join("next.xlsx").display().to_string();
    let said = folder.json(0, &["--now", NOW, "form", "planning", "--prison", "溧阳", "--year", "2028", "-o", &next]);
    assert_eq!((&said["projects"], &said["from_year"]), (&2.into(), &2027.into()));
    let file = folder.json(1, &["--now", NOW, "import", "--dry-run", &next])["files"][0].clone();
    let expected = [
        "! annex-missing?",
        "! annex-missing?",
        "附件1!E5 required-empty",
        "附件1!E6 required-empty",
        "附件2!I5 required-empty",
        "附件2!M5 required-empty",
        "附件2!I6 required-empty",
        "附件2!M6 required-empty",
    ];
    assert_eq!(findings(&file), expected);
}

#[test]
fn the_plan_of_the_city_is_compiled_once_delivered_and_its_approval_covers_the_persons() {
    if !support::fonts_are_there() {
        return;
    }
    let folder = Folder::new();
    folder.put(PASSWORD_FILE, PASSWORD);
    import(&folder, 0, "filled-openpyxl.xlsx");
    import(&folder, 0, "sloppy.xlsx");
    assert_eq!(folder.json(0, &["--now", NOW, "once", "compile"])["compile"], serde_json::json!([]));
    import(&folder, 0, "lead.xlsx");
    let compiled = folder.json(0, &["--now", NOW, "once", "compile"])["compile"].clone();
    assert_eq!((&compiled[0]["number"], &compiled[0]["persons"]), (&"JH-2027-01".into(), &14.into()));
    assert_eq!(folder.json(0, &["--now", NOW, "once", "compile"])["compile"], serde_json::json!([]));
    folder.expect(0, &["--now", NOW, "once", "deliver"]);
    let packet = folder.work().join("outbox/bureau/JH-2027-01");
    let zip = fs::read(packet.join("JH-2027-01.zip")).unwrap();
    let names: Vec<String> = unpack(&zip, PASSWORD).unwrap().into_iter().map(|(name, _)| name).collect();
    let counted = |part: &str| names.iter().filter(|name| name.contains(part)).count();
    assert_eq!(
        [counted("附件1"), counted("附件2"), counted("附件3"), counted("附件4"), counted("封面")],
        [1, 2, 2, 6, 1]
    );
    assert!(packet.join("manifest.json").exists());
    // A further version is made only where other plans count.
    import(&folder, 0, "second.xlsx");
    let compiled = folder.json(0, &["--now", NOW, "once", "compile"])["compile"].clone();
    assert_eq!(compiled[0]["number"], "JH-2027-02");
    covers(&folder);
}

/// R4 before and after `plan approve`.
fn covers(folder: &Folder) {
    let id = resident_id("19880102", 3);
    let row = format!(
        "常州监狱,3204000001,某甲,{id},演示学校,演示鉴定,焊工,五级,2027年第1期,2027-03-01,2027-03-20,80,32,48,2027-03-25,80,75,合格,技能等级证书,Y000032000001275000001,2027-04-01,180"
    );
    folder.put("inbox/结果.csv", results_csv(&[row]));
    let later = ["--now", "2027-05-01T09:00:00+08:00"];
    folder.run(&[&later[..], &["once", "collect"]].concat());
    let codes = || {
        folder.expect(0, &[&later[..], &["once", "calculate"]].concat());
        folder.expect(0, &[&later[..], &["export", "verdicts"]].concat())
    };
    assert!(codes().contains("not-on-roster"));
    let approve = ["plan", "approve", "--year", "2027", "--on", "2026-12-20", "--by", "演示"];
    folder.expect(0, &[&later[..], &approve].concat());
    assert!(!codes().contains("not-on-roster"));
}

#[test]
fn the_lead_prison_may_close_without_the_others() {
    if !support::fonts_are_there() {
        return;
    }
    let folder = Folder::new();
    let close = ["--now", NOW, "plan", "close", "--year", "2027", "--reason", "时限已到", "--by", "演示"];
    folder.expect(2, &close);
    import(&folder, 0, "lead.xlsx");
    let compiled = folder.json(0, &close);
    assert_eq!(compiled[0]["number"], "JH-2027-01");
    assert_eq!(compiled[0]["missing"].as_array().unwrap().len(), 2);
    folder.expect(2, &close);
    let shown = folder.json(0, &["plan", "show", "--year", "2027"]);
    assert_eq!((&shown[0]["closed_because"], &shown[0]["closed_by"]), (&"时限已到".into(), &"演示".into()));
}
