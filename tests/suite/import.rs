//! `import` as scripts and clerks see it: what each row became, and what is said of it.

use std::fs;

use serde_json::Value;

use crate::support::{Folder, resident_id, results_csv, roster_csv};

fn result_row(number: u32, name: &str, start: &str, score: &str) -> String {
    let id = resident_id("19900101", number);
    format!(
        "常州监狱,3204{number:06},{name},{id},演示学校,演示鉴定,焊工,五级,第1期,{start},2026-03-20,80,32,48,\
         2026-03-25,{score},90,合格,职业技能等级证书,Y00003200000126500{number:04},2026-03-31,150"
    )
}

/// Imports a file on a day and returns its report.
fn import(folder: &Folder, code: i32, day: &str, name: &str, content: &str) -> Value {
    let path = folder.work().join(name);
    fs::write(&path, content).unwrap();
    let now = format!("{day}T10:00:00+08:00");
    let report = folder.json(code, &["--now", &now, "import", &path.display().to_string()])["files"][0].clone();
    let count = |field: &str| report[field].as_u64().unwrap();
    assert_eq!(count("rows"), count("taken") + count("duplicates") + count("set_aside"), "{name}");
    report
}

fn counts(report: &Value) -> [u64; 4] {
    ["taken", "duplicates", "superseded", "set_aside"].map(|field| report[field].as_u64().unwrap())
}

#[test]
fn every_row_is_counted_once_whatever_came_before() {
    let folder = Folder::new();
    let rows =
        |score| results_csv(&[result_row(1, "甲", "2026-03-02", score), result_row(2, "乙", "2026-03-02", "80")]);
    let first = import(&folder, 0, "2026-06-01", "first.csv", &rows("80"));
    assert_eq!(counts(&first), [2, 0, 0, 0]);
    let corrected = import(&folder, 0, "2026-06-02", "corrected.csv", &rows("85"));
    assert_eq!(counts(&corrected), [1, 1, 1, 0]);
    let again = import(&folder, 0, "2026-06-03", "first.csv", &rows("80"));
    assert_eq!(counts(&again), [0, 2, 0, 0]);
    let late = import(&folder, 0, "2026-05-01", "late.csv", &rows("70"));
    assert_eq!(counts(&late), [1, 1, 0, 0], "what was received earlier takes nobody's place");
}

#[test]
fn a_roster_that_comes_again_is_known() {
    let folder = Folder::new();
    let row =
        |n: u32| format!("常州监狱,3204{n:06},甲,男,{},2027-05-01,焊工,五级,第1期", resident_id("19900101", 2 * n + 1));
    let roster = roster_csv(&[row(1), row(2), row(2), row(3).replace("男", "")]);
    let first = import(&folder, 1, "2026-01-05", "roster.csv", &roster);
    assert_eq!(counts(&first), [2, 1, 0, 1]);
    let keys = [
        "file",
        "sha256",
        "kind",
        "rows",
        "taken",
        "duplicates",
        "superseded",
        "set_aside",
        "findings",
        "repairs",
        "sheets",
        "courses",
        "repeated",
    ];
    assert!(first.as_object().unwrap().keys().all(|key| keys.contains(&key.as_str())), "{first}");
    let text = folder.expect(1, &["import", &folder.work().join("roster.csv").display().to_string()]);
    assert!(text.contains("人员信息表编号 1"), "a clerk is still told how to approve it: {text}");
    let again = import(&folder, 1, "2026-01-06", "roster.csv", &roster);
    assert_eq!(counts(&again), [0, 3, 0, 1]);
}

#[test]
fn a_clerk_reads_one_line_for_each_thing_to_do() {
    let folder = Folder::new();
    let mut rows: Vec<String> = (1..=4).map(|n| result_row(n, "", "2026.3.2", "80")).collect();
    rows.push(result_row(5, "戊", "26-3-2", "80"));
    let path = folder.work().join("faulty.csv");
    fs::write(&path, results_csv(&rows)).unwrap();
    let text = folder.expect(1, &["--now", "2026-06-01T10:00:00+08:00", "import", &path.display().to_string()]);
    let lines: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(
        lines[..3],
        [
            "  数据行 5，收下 0（其中更新 0），重复 0，退回 5",
            "  ✗ 请填写“姓名”【D2:D5】4 处（required-empty）",
            "  ✗ “开班日期”无法识别，请填写年月日齐全的一个日期，如 2026-03-05【K6】看到“26-3-2”（bad-date）",
        ]
    );
    let dates = "  ✓ 已代为更正 日期写法 4 处【K2、K3、K4 …】（前几处）“2026.3.2”→“2026-03-02”（date-text）";
    assert!(lines.contains(&dates), "{text}");
}
