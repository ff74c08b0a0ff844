//! Workbooks with faults through the real binary: a large one, and what only the store knows.

use std::path::Path;

use rust_xlsxwriter::{Workbook, Worksheet};
use serde_json::Value;

use crate::support::{self, Folder, resident_id, results_csv, roster_csv};

const NOW: &str = "2026-10-01T09:00:00+08:00";
/// Rows of the large workbook, and every so many of them is wrong.
const ROWS: u32 = 2_000;
const EVERY: u32 = 10;

/// The header of the large workbook.
const HEADER: [&str; 23] = [
    "序号",
    "监狱",
    "罪犯编号",
    "姓名",
    "公民身份号码",
    "培训机构",
    "鉴定机构",
    "职业(工种)",
    "等级",
    "班期",
    "开班日期",
    "结业日期",
    "总课时",
    "理论课时",
    "实操课时",
    "鉴定日期",
    "理论成绩",
    "实操成绩",
    "评定结果",
    "证书类型",
    "证书编号",
    "发证日期",
    "鉴定费(元)",
];

/// What is planted, in turn: column, value, code. `#` before a number.
const PLANTED: [(char, &str, &str); 10] = [
    ('B', "苏州监狱", "unknown-prison"),
    ('D', "", "required-empty"),
    ('E', "#329999199001011234", "digits-lost"),
    ('F', "某校", "unknown-institution"),
    ('H', "挖掘", "unknown-occupation"),
    ('I', "六级", "unknown-level"),
    ('K', "三月", "bad-date"),
    ('M', "#81", "hours-sum"),
    ('S', "通过", "unknown-result"),
    ('W', "#0", "zero-fee"),
];

fn put(page: &mut Worksheet, row: u32, column: u16, value: &str) {
    match value.strip_prefix('#') {
        Some(number) => page.write_number(row, column, number.parse::<f64>().unwrap()).unwrap(),
        None => page.write_string(row, column, value).unwrap(),
    };
}

/// The large workbook, and what must be said of it.
fn large() -> (Vec<u8>, Vec<String>) {
    let mut workbook = Workbook::new();
    let page = workbook.add_worksheet().set_name("结果").unwrap();
    for (column, header) in (0..).zip(HEADER) {
        put(page, 0, column, header);
    }
    let mut planted = Vec::new();
    for n in 0..ROWS {
        let id = resident_id(&format!("{}", 19_700_101 + n / 900 * 10_000), n % 900);
        let certificate = format!("Y000032000001265{n:06}");
        let number = format!("3204{n:06}");
        let row = [
            "#1",
            "常州监狱",
            &number,
            "某甲",
            &id,
            "演示学校",
            "演示鉴定",
            "焊工",
            "五级",
            "第1期",
            "2026-03-02",
            "2026-03-20",
            "#80",
            "#32",
            "#48",
            "2026-03-25",
            "#85",
            "#90.5",
            "合格",
            "职业技能等级证书",
            &certificate,
            "2026-04-10",
            "#180",
        ];
        let fault = (n % EVERY == 7).then(|| PLANTED[(n / EVERY) as usize % PLANTED.len()]);
        for ((column, letter), value) in (0..).zip('A'..).zip(row) {
            let wrong = fault.filter(|(at, ..)| *at == letter);
            put(page, n + 1, column, wrong.map_or(value, |(_, value, _)| value));
        }
        planted.extend(fault.map(|(column, _, code)| format!("结果!{column}{} {code}", n + 2)));
    }
    planted.sort();
    (workbook.save_to_buffer().unwrap(), planted)
}

/// `sheet!cell code` of errors, in order.
fn errors(file: &Value) -> Vec<String> {
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let errors = file["findings"].as_array().unwrap().iter().filter(|finding| finding["severity"] == "error");
    let mut lines: Vec<String> =
        errors.map(|f| format!("{}!{} {}", text(f, "sheet"), text(f, "cell"), text(f, "code"))).collect();
    lines.sort();
    lines
}

#[test]
fn two_hundred_faults_in_two_thousand_rows_are_all_named_and_the_rest_is_taken() {
    let folder = Folder::new();
    let (bytes, planted) = large();
    assert_eq!(planted.len(), 200);
    folder.put("inbox/结果.xlsx", bytes);
    let (_, out, err) = folder.run(&["--json", "once", "collect", "--now", NOW]);
    let said: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"));
    let file = &said["collect"]["files"][0];
    assert_eq!(errors(file), planted);
    assert_eq!(file["findings"].as_array().unwrap().len(), 200, "nothing is invented");
    let counted = ["rows", "taken", "set_aside", "duplicates"].map(|key| file[key].as_u64().unwrap());
    assert_eq!(counted, [2_000, 1_800, 200, 0]);
}

/// The row of a person who is claimed, as `make.py` knows it.
fn claimed_row(n: u32) -> String {
    let id = resident_id("19900101", n);
    format!(
        "常州监狱,3204{n:04},某甲{n},{id},常州市演示职业培训学校,常州市演示技能鉴定中心,焊工,五级,第1期,2026-03-02,2026-04-01,\
         120,48,72,2026-04-10,80,81,合格,职业技能等级证书,S000032000001265000{n:03},2026-04-20,"
    )
}

#[test]
fn a_changed_result_that_is_claimed_is_named_whoever_wrote_the_workbook() {
    if !support::fonts_are_there() {
        return;
    }
    let folder = Folder::new();
    folder.put("r.csv", results_csv(&[claimed_row(1), claimed_row(2)]));
    let roster =
        |n: u32| format!("常州监狱,3204{n:04},某甲{n},男,{},2027-01-01,焊工,五级,第1期", resident_id("19900101", n));
    folder.put("ro.csv", roster_csv(&[roster(1), roster(2)]));
    folder.expect(0, &["import", "r.csv", "--now", NOW]);
    let approved = ["--approved-on", "2026-01-10", "--approved-by", "某局"];
    folder.expect(0, &[&["--now", NOW, "import", "ro.csv"], &approved[..]].concat());
    folder.expect(0, &["once", "claim", "--period", "2026-Q2", "--now", NOW]);
    for writer in ["openpyxl", "xlsxwriter"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/faults/claimed-{writer}.xlsx"));
        let file = folder.json(1, &["--now", NOW, "import", &path.display().to_string()])["files"][0].clone();
        assert_eq!(errors(&file), ["结果!C2 already-claimed"], "{writer}");
        let counted = ["rows", "taken", "set_aside", "duplicates"].map(|key| file[key].as_u64().unwrap());
        assert_eq!(counted, [2, 0, 1, 1], "{writer}");
        let advice = file["findings"][0]["advice"].as_str().unwrap().to_owned();
        assert!(advice.contains("CZ-2026-Q2-001"), "{advice}");
    }
}
