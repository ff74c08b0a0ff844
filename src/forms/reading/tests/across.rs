//! Rows of one file against one another, and how findings stand together: both places named, one line for one thing to do.

use super::{catalogue, csv, day, findings, read, read_with, results_header, results_row, xlsx};
use crate::forms::fix_list::FixList;
use crate::forms::reading::FileReading;
use crate::subsidy::calendar::Span;
use crate::subsidy::policy::Policy;

/// Two valid IDs of the same day, beside that of the clean row.
const OTHER_ID: &str = "110105194912310046";
const THIRD_ID: &str = "110105194912310062";

/// Changes of a second course that begins when the first one is over.
const LATER: &[(&str, &str)] = &[
    ("职业(工种)", "焊工"),
    ("班期", "二"),
    ("开班日期", "2026-03-21"),
    ("结业日期", "2026-03-25"),
    ("鉴定日期", "2026-03-25"),
];

fn read_csv(rows: &[Vec<&str>]) -> FileReading {
    read("考核结果.csv", &csv(rows))
}

/// `cells: advice` of every line of the reply.
fn lines(reading: &FileReading) -> Vec<String> {
    let list = FixList::of(&reading.findings, &reading.repairs);
    list.problems.iter().map(|problem| format!("{}: {}", problem.cells(), problem.advice)).collect()
}

/// What was seen, in the order of the findings.
fn seen(reading: &FileReading) -> Vec<&str> {
    reading.findings.iter().map(|finding| finding.seen.as_str()).collect()
}

#[test]
fn one_fault_in_many_rows_is_one_line_and_its_figures_are_kept() {
    let row = |number, changes: &[(&str, &'static str)]| results_row(&[&[("罪犯编号", number)], changes].concat());
    let reading = read_csv(&[
        results_header(),
        row("1", &[("结业日期", "2026-03-01"), ("总课时", "81")]),
        row("2", &[("结业日期", "2026-02-27"), ("总课时", "96"), ("理论课时", "40")]),
    ]);
    assert_eq!(
        lines(&reading),
        [
            "N2、N3: “结业日期”早于“开班日期”，请核对这两个日期",
            "O2、O3: 总课时不等于理论课时与实操课时之和，请核对这三项",
        ]
    );
    assert_eq!(
        seen(&reading),
        [
            "2026-03-01（开班日期 2026-03-02）",
            "81（理论课时 32，实操课时 48，合计 80）",
            "2026-02-27（开班日期 2026-03-02）",
            "96（理论课时 40，实操课时 48，合计 88）",
        ]
    );
}

#[test]
fn versions_and_overlaps_are_one_line_and_name_the_other_row() {
    let row = |number, changes: &[(&str, &'static str)]| results_row(&[&[("罪犯编号", number)], changes].concat());
    let again: &[(&str, &str)] = &[("班期", "二"), ("开班日期", "2026-03-16")];
    let reading = read_csv(&[
        results_header(),
        row("1", &[]),
        row("1", &[("理论成绩", "86")]),
        row("2", &[]),
        row("2", &[("理论成绩", "86")]),
        row("3", &[]),
        row("3", again),
        row("4", &[]),
        row("4", again),
    ]);
    assert_eq!(
        lines(&reading),
        [
            "C2 至 C5: 同一人的同一次考核在本文件中有几行，内容不同；请按罪犯编号找到这几行，只保留正确的一行",
            "C7、C9: 此人（同一罪犯编号）在本文件中同时参加另一个班，请核对两个班的开班日期、结业日期",
        ]
    );
    assert_eq!(
        seen(&reading),
        [
            "1，另见第 3 行（C3）",
            "1，另见第 2 行（C2）",
            "2，另见第 5 行（C5）",
            "2，另见第 4 行（C4）",
            "2026-03-16 至 2026-03-20；第 6 行（C6）：2026-03-02 至 2026-03-20",
            "2026-03-16 至 2026-03-20；第 8 行（C8）：2026-03-02 至 2026-03-20",
        ]
    );
}

#[test]
fn a_row_that_stands_twice_is_named_with_the_first_one() {
    let sheet = |number| vec![results_header(), results_row(&[("罪犯编号", number)]), results_row(&[])];
    let reading = read("a.xlsx", &xlsx(&[("一月", sheet("1")), ("二月", sheet("2"))]));
    assert_eq!(findings(&reading), ["二月!C3 repeated-row?"]);
    assert_eq!(seen(&reading), ["与“一月”第 3 行（C3）完全相同"]);
    assert_eq!((reading.rows, reading.duplicates, reading.content.len()), (4, 1, 3));
}

#[test]
fn one_certificate_of_two_persons_or_skills_names_both_rows() {
    let row = |number, id, certificate, changes: &[(&str, &'static str)]| {
        results_row(&[&[("罪犯编号", number), ("公民身份号码", id), ("证书编号", certificate)], changes].concat())
    };
    let (first, second) = ("Y000032000001265000001", "Y000032000001265000002");
    let reading = read_csv(&[
        results_header(),
        row("1", "11010519491231002X", first, &[]),
        row("2", OTHER_ID, "y00003200000126500-0001", &[]),
        // The same person, moved to another prison, in another class.
        row("3", "11010519491231002X", first, &[("监狱", "溧阳监狱"), ("班期", "二")]),
        row("4", THIRD_ID, second, &[]),
        row("4", THIRD_ID, second, LATER),
        // A row that comes back contradicts as well, as far as it could be read.
        row("5", "110105194912310089", second, &[("结业日期", "下旬")]),
        row("", "110105194912310089", second, &[("职业(工种)", "铣工")]),
    ]);
    assert_eq!(
        findings(&reading),
        [
            "W3 certificate-doubt?",
            "W6 certificate-doubt?",
            "N7 bad-date",
            "W7 certificate-doubt?",
            "C8 required-empty",
            "I8 unknown-occupation",
        ]
    );
    let advice = |at: usize| reading.findings[at].advice.as_str();
    assert_eq!(advice(0), "此证书编号在 W2 属于另一人，请核对；查清前这些行暂不核定");
    assert_eq!(advice(1), "此证书编号在 W5 属于另一职业(工种)或等级，请核对；查清前这些行暂不核定");
    assert_eq!(advice(3), "此证书编号在 W5 属于另一人，请核对；查清前这些行暂不核定");
    assert_eq!(reading.set_aside, 2);
}

#[test]
fn one_id_of_two_persons_names_both_rows() {
    let row = |sheet_row: (&'static str, &'static str, &'static str, &'static str), certificate| {
        let (number, id, name, class) = sheet_row;
        results_row(&[
            ("罪犯编号", number),
            ("公民身份号码", id),
            ("姓名", name),
            ("班期", class),
            ("证书编号", certificate),
        ])
    };
    let first = vec![
        results_header(),
        row(("1", OTHER_ID, "张三", "一"), "Y000032000001265000001"),
        row(("2", OTHER_ID, "李四", "一"), "Y000032000001265000002"),
        row(("3", OTHER_ID, "张 三", "一"), "Y000032000001265000003"),
    ];
    let second = vec![results_header(), row(("1", THIRD_ID, "张三", ""), "Y000032000001265000004")];
    let reading = read("a.xlsx", &xlsx(&[("一", first), ("二", second)]));
    assert_eq!(findings(&reading), ["一!E3 identity-doubt?", "二!E2 identity-doubt?", "二!L2 required-empty"]);
    let advice = |at: usize| reading.findings[at].advice.as_str();
    assert_eq!(advice(0), "此公民身份号码在 E2 属于另一姓名，请核对姓名和号码；查清前有关的考核结果暂不核定");
    assert_eq!(advice(1), "同一罪犯编号在 “一”E2 填的是另一个公民身份号码，请核对；查清前有关的考核结果暂不核定");

    let person = |number, id, name| vec!["常州监狱", number, name, "男", id, "2027-01-01", "电工", "五级", "第1期"];
    let header =
        vec!["监狱", "罪犯编号", "姓名", "性别", "公民身份号码", "刑满日期", "拟培训职业(工种)", "等级", "班期"];
    let male = "110105194912310038";
    let roster = csv(&[header, person("1", male, "张三"), person("2", male, "李四"), person("1", male, "张三")]);
    let reading = read("名册.csv", &roster);
    assert_eq!(findings(&reading), ["E3 identity-doubt?", "B4 repeated-row?"]);
    assert!(reading.findings[0].advice.starts_with("此公民身份号码在 E2 属于另一姓名"));
}

#[test]
fn no_id_is_no_doubt_where_the_policy_asks_for_none() {
    let mut catalogue = catalogue();
    let rows = csv(&[
        results_header(),
        results_row(&[("公民身份号码", "")]),
        results_row(&[
            ("罪犯编号", "2"),
            ("公民身份号码", "110105194912310021"),
            ("证书编号", "Y000032000001265000002"),
        ]),
    ]);
    let of_second = |reading: &FileReading| reading.findings.last().map(|finding| finding.advice.clone());
    let by_default = read_with(&catalogue, "a.csv", &rows);
    assert_eq!(findings(&by_default), ["E2 identity-doubt?", "E3 identity-doubt?"]);
    assert_eq!(by_default.findings[0].advice, "“公民身份号码”未填写，请补填；补齐前暂不核定");
    let held = "“公民身份号码”的位数或校验码不对，请核对；改正前暂不核定";
    assert_eq!(of_second(&by_default).as_deref(), Some(held));

    let span = Span { from: day("2026-01-01"), to: None };
    let mut policy = Policy::with_defaults("p".to_owned(), "演示".to_owned(), span);
    policy.require_verified_id = false;
    catalogue.policies = vec![policy];
    let without = read_with(&catalogue, "a.csv", &rows);
    assert_eq!(findings(&without), ["E3 identity-doubt?"]);
    assert_eq!(of_second(&without).as_deref(), Some("“公民身份号码”的位数或校验码不对，请核对"));
}

#[test]
fn findings_stand_in_the_order_of_the_workbook() {
    let row = |number, changes: &[(&str, &'static str)]| results_row(&[&[("罪犯编号", number)], changes].concat());
    let later = vec![results_header(), row("1", &[("鉴定费(元)", "0"), ("姓名", "")]), row("2", &[("姓名", "")])];
    let first = vec![results_header(), row("2", &[("评定结果", "良好")]), row("10", &[("监狱", "")])];
    let reading = read("a.xlsx", &xlsx(&[("说明", vec![vec!["填写说明"]]), ("二月", first), ("一月", later)]));
    assert_eq!(
        findings(&reading),
        [
            "二月!U2 unknown-result",
            "二月!B3 required-empty",
            "一月!D2 required-empty",
            "一月!Y2 zero-fee",
            "一月!D3 required-empty",
        ]
    );
    assert_eq!(reading.sheets, ["说明", "二月", "一月"]);
}
