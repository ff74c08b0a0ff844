//! Roster, history and survey; the form files; and that no cell brings the reader down.

use proptest::prelude::*;

use super::{catalogue, csv, day, findings, read, repairs, results_header, results_row, xlsx};
use crate::forms::reading::{Content, FileKind, FormSpecs, Key, ReadingContext, read_file};
use crate::subsidy::course::{Kind, Level};

const ROSTER: [&str; 21] = [
    "序号",
    "监狱",
    "监区",
    "罪犯编号",
    "姓名",
    "性别",
    "出生日期",
    "民族",
    "公民身份号码",
    "文化程度",
    "户籍所在地",
    "刑满日期",
    "有无一技之长",
    "能否坚持学习",
    "培训类别",
    "拟培训职业(工种)",
    "职业编码",
    "等级",
    "班期",
    "培训机构",
    "备注",
];

fn roster_row<'a>(changes: &[(&str, &'a str)]) -> Vec<&'a str> {
    const CLEAN: [&str; 21] = [
        "1",
        "常州监狱",
        "三监区",
        "3204000000",
        "李四",
        "女",
        "1949-12-31",
        "汉族",
        "11010519491231002X",
        "初中",
        "江苏常州",
        "2027-05-01",
        "无",
        "能",
        "就业技能培训",
        "电工",
        "6-31-01-03",
        "初级工",
        "2026年第1期",
        "工业学校",
        "",
    ];
    let value = |(header, clean): (&&str, &'static str)| {
        changes.iter().find(|(changed, _)| changed == header).map_or(clean, |(_, new)| *new)
    };
    ROSTER.iter().zip(CLEAN).map(value).collect()
}

#[test]
fn a_roster_gives_its_rows() {
    let defaults = roster_row(&[
        ("罪犯编号", "2"),
        ("有无一技之长", ""),
        ("能否坚持学习", ""),
        ("培训类别", ""),
        ("培训机构", ""),
    ]);
    let reading = read("名册.csv", &csv(&[vec!["附件3"], ROSTER.to_vec(), roster_row(&[]), defaults]));
    assert_eq!(findings(&reading), Vec::<String>::new());
    assert_eq!(repairs(&reading), ["T3 synonym"]);
    assert_eq!(reading.kind, Some(FileKind::Roster));
    let Content::Roster(rows) = &reading.content else { panic!("a roster") };
    let [first, second] = &rows[..] else { panic!("two rows") };
    assert_eq!(first.number_cell, "D3");
    assert_eq!(first.row.institution.as_deref(), Some("常州市工业职业培训学校"));
    assert_eq!((first.row.level, first.row.release_on), (Level::Five, day("2027-05-01")));
    assert_eq!((second.row.skilled, second.row.able, second.row.institution.clone()), (false, true, None));
}

/// Changed cells, and what must be found: column and code.
type RosterCase = (&'static [(&'static str, &'static str)], &'static [&'static str]);

#[test]
fn faults_of_a_roster() {
    let cases: [RosterCase; 18] = [
        (&[("性别", "")], &["F required-empty"]),
        (&[("性别", "未知")], &["F unknown-result"]),
        (&[("性别", "男")], &["F sex-doubt?"]),
        (&[("出生日期", "1949-12-30")], &["G birth-doubt?"]),
        (&[("出生日期", "49-12-31")], &["G bad-date"]),
        (&[("公民身份号码", "110105194912310020")], &["I identity-doubt?"]),
        (&[("公民身份号码", "")], &[]),
        (&[("刑满日期", "")], &["L required-empty"]),
        (&[("刑满日期", "2027年")], &["L bad-date"]),
        (&[("有无一技之长", "电工")], &["M unknown-result"]),
        (&[("能否坚持学习", "也许")], &["N unknown-result"]),
        (&[("拟培训职业(工种)", "")], &["P required-empty"]),
        (&[("培训机构", "某校")], &["T unknown-institution"]),
        (&[("等级", "")], &["R required-empty"]),
        (&[("等级", ""), ("拟培训职业(工种)", "SYB创业培训"), ("培训类别", "创业培训")], &[]),
        (&[("监狱", "南京监狱"), ("姓名", "")], &["B unknown-prison", "E required-empty"]),
        // A fault hides no doubt.
        (&[("性别", "男"), ("刑满日期", "2027年")], &["F sex-doubt?", "L bad-date"]),
        (&[("班期", ""), ("公民身份号码", "110105194912310020")], &["I identity-doubt?", "S required-empty"]),
    ];
    let mut rows = vec![ROSTER.to_vec()];
    let mut expected = Vec::new();
    let numbers: Vec<String> = (0..cases.len()).map(|i| format!("3204{i:06}")).collect();
    for (i, (changes, faults)) in cases.iter().enumerate() {
        let mut changes = changes.to_vec();
        changes.push(("罪犯编号", &numbers[i]));
        rows.push(roster_row(&changes));
        expected.extend(faults.iter().map(|fault| fault.replacen(' ', &format!("{} ", i + 2), 1)));
    }
    assert_eq!(findings(&read("名册.csv", &csv(&rows))), expected);
}

#[test]
fn an_opening_history_needs_someone_and_an_amount() {
    let header = vec![
        "监狱",
        "罪犯编号",
        "公民身份号码",
        "补贴种类",
        "职业(工种)",
        "等级",
        "证书类型",
        "证书编号",
        "发证日期",
        "申领日期",
        "金额(元)",
    ];
    let row = |prison, number, id, kind, issued, claimed, amount| {
        vec![prison, number, id, kind, "电工", "四级", "职业资格证书", "2600003000400001", issued, claimed, amount]
    };
    let id = "11010519491231002X";
    let reading = read(
        "history.csv",
        &csv(&[
            header,
            row("", "", id, "培训", "2025-05-01", "2025-06-01", "1000"),
            row("常州", "7", "", "鉴定补贴", "", "2025-06-01", "150.50"),
            row("常州监狱", "", "", "培训", "", "2025-06-01", "1000"),
            row("常州监狱", "7", "", "奖励", "", "2025-06-01", "0"),
            row("常州监狱", "7", "", "培训", "2026-07-01", "2026-07-02", "10.001"),
            row("", "", id, "培训", "2025-05-01", "2025-06-01", "1000.00"),
            row("苏州监狱", "8", "", "", "", "", "x"),
        ]),
    );
    assert_eq!(reading.kind, Some(FileKind::History));
    assert_eq!(
        findings(&reading),
        [
            "C4 required-empty",
            "D5 unknown-type",
            "K5 bad-number",
            "I6 date-order",
            "J6 date-order",
            "K6 too-many-decimals",
            "B7 repeated-row?",
            "A8 unknown-prison",
            "D8 required-empty",
            "J8 required-empty",
            "K8 bad-number",
        ]
    );
    assert_eq!((reading.rows, reading.set_aside, reading.duplicates), (7, 4, 1));
    let Content::History(rows) = &reading.content else { panic!("a history") };
    let kinds: Vec<(Kind, i64)> = rows.iter().map(|placed| (placed.row.kind, placed.row.amount.0)).collect();
    assert_eq!(kinds, [(Kind::Training, 100_000), (Kind::Assessment, 15_050)]);
}

#[test]
fn a_survey_is_told_from_a_roster() {
    let header = vec!["prison", "number", "name", "刑满日期", "实际释放日", "有无一技之长", "能否坚持学习"];
    let reading = read(
        "survey.csv",
        &csv(&[
            header,
            vec!["常州监狱", "1", "张三", "2027.1.1", "", "有", "否"],
            vec!["常州监狱", "2", "李四", "2027-01-01", "？", "没有", ""],
            vec!["常州监狱", "3", "王五", "2027-01-01", "2026-12-01", "没有", ""],
        ]),
    );
    assert_eq!(reading.kind, Some(FileKind::Survey));
    assert_eq!(findings(&reading), ["E3 bad-date"]);
    assert_eq!(repairs(&reading), ["D2 date-text", "F3 synonym", "F4 synonym"]);
    let Content::Survey(rows) = &reading.content else { panic!("a survey") };
    let answers: Vec<(bool, bool)> = rows.iter().map(|placed| (placed.row.skilled, placed.row.able)).collect();
    assert_eq!(answers, [(true, false), (false, true)]);
}

#[test]
fn a_roster_without_a_column_is_still_a_roster() {
    for gone in ["监狱", "罪犯编号", "姓名", "性别", "刑满日期", "拟培训职业(工种)", "等级", "班期"]
    {
        let at = ROSTER.iter().position(|header| *header == gone).expect("a column");
        let (mut header, mut row) = (ROSTER.to_vec(), roster_row(&[]));
        header.remove(at);
        row.remove(at);
        let reading = read("名册.csv", &csv(&[header, row]));
        assert_eq!(
            (reading.kind, findings(&reading)),
            (Some(FileKind::Roster), vec!["A1 column-missing".to_owned()]),
            "{gone}"
        );
        assert_eq!((reading.rows, reading.set_aside), (1, 1), "{gone}");
    }
}

#[test]
fn a_file_may_be_asked_for_as_one_form() {
    let catalogue = catalogue();
    let ctx = ReadingContext {
        catalogue: &catalogue,
        specs: FormSpecs::embedded(),
        limits: super::LIMITS,
        arrived_on: day("2026-06-30"),
        addition: false,
    };
    let bytes = csv(&[results_header(), results_row(&[])]);
    let reading = read_file("a.csv", &bytes, Some(FileKind::History), &ctx);
    assert_eq!(findings(&reading), ["A1 no-header"]);
    let reading = read_file("a.csv", &bytes, Some(FileKind::Results), &ctx);
    assert_eq!(reading.content.len(), 1);
}

#[test]
fn advice_says_what_to_type() {
    let reading = read(
        "a.csv",
        &csv(&[
            results_header(),
            results_row(&[
                ("监狱", "苏州监狱"),
                ("培训机构", "常州工业职业学校"),
                ("职业(工种)", "电焊"),
                ("开班日期", "3月2日"),
            ]),
        ]),
    );
    let advice: Vec<&str> = reading.findings.iter().map(|finding| finding.advice.as_str()).collect();
    assert!(advice[0].contains("常州监狱、溧阳监狱、新康监狱"), "{}", advice[0]);
    assert!(advice[1].contains("常州市工业职业培训学校"), "{}", advice[1]);
    assert!(advice[3].contains("2026-03-05"), "{}", advice[3]);
    for unknown in &advice[1..3] {
        assert!(unknown.contains("名称无误的，请与常州监狱联系补入"), "{unknown}");
    }
    assert_eq!(reading.findings[3].seen, "3月2日");
}

#[test]
fn form_files_are_checked_with_their_line() {
    let embedded = include_str!("../../../../config/forms/results.toml");
    assert_eq!(FormSpecs::parse(FileKind::Results, embedded).as_ref(), Ok(&FormSpecs::embedded().results));
    let line_of = |text: &str| embedded.lines().position(|line| line.contains(text)).map(|at| at + 1);
    let broken =
        |from: &str, to: &str| FormSpecs::parse(FileKind::Results, &embedded.replacen(from, to, 1)).map_err(|e| e.line);
    assert_eq!(broken("key = \"hours\"", "key = \"hour\"").err(), line_of("key = \"hours\""));
    assert_eq!(broken("header = \"备注\"", "header = \"姓 名\"").err(), line_of("header = \"备注\""));
    assert_eq!(broken("key = \"fee\", header", "key = \"fee\", haeder").err(), line_of("key = \"fee\""));
    assert!(
        broken("key = \"class\", header = \"班期\", required = true", "key = \"class\", header = \"班期\"").is_err()
    );
    assert_eq!(broken("key = \"remark\"", "key = \"ward\"").err(), line_of("key = \"remark\""));
    assert!(FormSpecs::parse(FileKind::Survey, embedded).is_err());

    let renamed = embedded.replacen("header = \"罪犯编号\"", "header = \"服刑人员编号\"", 1);
    let mut specs = FormSpecs::embedded().clone();
    specs.replace(FormSpecs::parse(FileKind::Results, &renamed).expect("a form with another name"));
    assert_eq!(specs.results.column(Key::Number).map(|column| column.header.as_str()), Some("服刑人员编号"));
}

#[test]
fn forms_need_the_columns_of_the_law() {
    let required = |kind| -> Vec<&str> {
        let columns = &FormSpecs::embedded().of(kind).columns;
        columns.iter().filter(|column| column.required).map(|column| column.header.as_str()).collect()
    };
    assert_eq!(required(FileKind::Results).len(), 13);
    assert_eq!(
        required(FileKind::Roster),
        ["监狱", "罪犯编号", "姓名", "性别", "刑满日期", "拟培训职业(工种)", "等级", "班期"]
    );
    assert_eq!(required(FileKind::History), ["补贴种类", "职业(工种)", "等级", "申领日期", "金额(元)"]);
    assert_eq!(required(FileKind::Survey), ["监狱", "罪犯编号", "姓名", "刑满日期"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever stands in the cells: no panic, and every row is accounted for.
    #[test]
    fn every_row_is_accounted_for(cells in prop::collection::vec("\\PC{0,12}|[0-9./:年月日 -]{0,14}|[0-9]{1,20}", 27 * 4)) {
        let mut rows = vec![results_header()];
        rows.extend(cells.chunks(27).map(|row| row.iter().map(String::as_str).collect::<Vec<_>>()));
        // Notation of other cells than text is not for here.
        rows.iter_mut().flatten().for_each(|cell| if cell.contains(':') { *cell = "" });
        for reading in [read("a.csv", &csv(&rows)), read("a.xlsx", &xlsx(&[("一", rows.clone())]))] {
            let taken = u32::try_from(reading.content.len()).expect("few rows");
            prop_assert_eq!(reading.rows, reading.set_aside + reading.duplicates + taken);
        }
    }
}
