//! Sheets and files: headers, what is a row, which form, repeats and versions.

use rust_xlsxwriter::{Format, Workbook};

use super::{RESULTS, csv, findings, read, repairs, results, results_header, results_row, write_cell, xlsx};
use crate::forms::reading::{FileKind, FileReading};

/// Rows of text as a csv.
fn read_csv(rows: &[Vec<&str>]) -> FileReading {
    read("考核结果.csv", &csv(rows))
}

/// A header with some of its names changed; an empty name takes the header away.
fn header_with<'a>(changes: &[(&str, &'a str)]) -> Vec<&'a str>
where
    'static: 'a,
{
    let name =
        |header: &'static str| changes.iter().find(|(changed, _)| *changed == header).map_or(header, |(_, new)| *new);
    RESULTS.iter().map(|(header, _)| name(header)).collect()
}

#[test]
fn a_clean_csv_gives_its_row() {
    let reading = read_csv(&[results_header(), results_row(&[])]);
    assert_eq!((reading.kind, reading.rows, reading.set_aside), (Some(FileKind::Results), 1, 0));
    assert!(reading.findings.is_empty() && reading.repairs.is_empty());
    let rows = results(&reading);
    let [row] = rows[..] else { panic!("one row") };
    assert_eq!((&*row.prison, &*row.number, &*row.name), ("常州监狱", "3204000000", "张三"));
    assert_eq!((&*row.occupation, row.level.name(), &*row.class), ("electrician", "五级/初级工", "2026年第1期"));
    assert_eq!((row.hours, row.hours_theory, row.hours_practice), (Some(80), Some(32), Some(48)));
    assert_eq!((row.score_theory, row.score_practice), (Some(850), Some(905)));
    assert_eq!((row.passed, row.completed, row.fee.map(|fee| fee.0)), (true, true, Some(15_000)));
    assert_eq!(row.issued_on.map(|on| on.to_string()).as_deref(), Some("2026-03-31"));
    assert_eq!(format!("{reading:?}").find("张三"), None, "no personal data in debug output");
}

#[test]
fn the_stored_number_counts_whatever_its_format_shows() {
    let row = results_row(&[("罪犯编号", "日数:46086"), ("证书编号", "日数:46086.5"), ("鉴定费(元)", "日数:150.5")]);
    let reading = read("考核结果.xlsx", &xlsx(&[("结果", vec![results_header(), row])]));
    let rows = results(&reading);
    let [row] = rows[..] else { panic!("one row") };
    assert_eq!((&*row.number, row.certificate_number.as_deref()), ("46086", Some("46086.5")));
    assert_eq!(row.fee.map(|fee| fee.0), Some(15_050));
}

#[test]
fn repairs_show_what_changed() {
    let reading = read_csv(&[
        results_header(),
        results_row(&[
            ("姓名", "张\u{200B}三"),
            ("班期", "2026年\n第1期"),
            ("鉴定费(元)", "￥1，150.50元"),
            ("备注", "首\t批"),
        ]),
    ]);
    let shown: Vec<[&str; 2]> = reading.repairs.iter().map(|repair| [&*repair.seen, &*repair.taken]).collect();
    assert_eq!(
        shown,
        [["张␣三", "张三"], ["2026年⏎第1期", "2026年 第1期"], ["￥1，150.50元", "1150.50"], ["首⇥批", "首 批"]]
    );
}

#[test]
fn titles_totals_and_signatures_are_no_rows() {
    let total = results_row(&[("序号", "合 计"), ("备注", "2 人")]);
    let numbered_total = results_row(&[("序号", "3"), ("监狱", "总计：")]);
    let reading = read_csv(&[
        vec!["常州监狱2026年第一季度考核结果表"],
        vec!["填报单位：常州监狱", "", "填报日期：2026-04-01"],
        results_header(),
        results_row(&[]),
        results_header(),
        results_row(&[("罪犯编号", "3204000001")]),
        total,
        numbered_total,
        vec!["制表人：李四", "", "", "", "审核人：王五", "", "", "日期：2026年4月1日"],
        vec!["制表人:", "李四", "审核人:", "王五", "日期:", "2026年4月1日"],
    ]);
    assert_eq!(findings(&reading), Vec::<String>::new());
    assert_eq!((reading.rows, reading.content.len()), (2, 2));
}

#[test]
fn what_stands_outside_the_columns_of_the_form_makes_no_total() {
    let beside = |outside, mut row: Vec<&'static str>| {
        row.insert(0, outside);
        row
    };
    for above in ["", "科室"] {
        let reading = read_csv(&[
            beside(above, results_header()),
            beside("小计", results_row(&[])),
            beside("合计：", results_row(&[("罪犯编号", "3204000001")])),
            beside("一科", results_row(&[("序号", "合计")])),
        ]);
        assert_eq!(findings(&reading), Vec::<String>::new(), "{above}");
        assert_eq!((reading.rows, reading.content.len()), (2, 2), "{above}");
    }
}

#[test]
fn a_row_is_data_by_half_of_its_cells_or_by_number_and_name() {
    let blank: Vec<(&str, &str)> = RESULTS.iter().map(|(header, _)| (*header, "")).collect();
    let only = |filled: &[&str]| {
        let kept = |header: &&(&'static str, &str)| !filled.contains(&header.0);
        results_row(&blank.iter().filter(kept).copied().collect::<Vec<_>>())
    };
    let named = only(&["罪犯编号", "姓名"]);
    let six = only(&["监狱", "培训机构", "鉴定机构", "职业(工种)", "等级", "班期"]);
    let seven = only(&["监狱", "培训机构", "鉴定机构", "职业(工种)", "等级", "班期", "开班日期"]);
    let reading = read_csv(&[results_header(), named, six, seven]);
    assert_eq!((reading.rows, reading.set_aside), (2, 2));
    // Ten required cells of row 2 and five of row 4 are empty; row 3 is no data.
    assert_eq!(findings(&reading).iter().filter(|f| f.ends_with("2 required-empty")).count(), 10);
    assert_eq!(findings(&reading).iter().filter(|f| f.ends_with("4 required-empty")).count(), 5);
    // Neither row has an ID.
    assert_eq!(findings(&reading).iter().filter(|f| f.ends_with(" identity-doubt?")).count(), 2);
    assert_eq!(findings(&reading).len(), 17);
}

#[test]
fn headers_may_be_decorated_reordered_and_renamed() {
    let header = header_with(&[
        ("监狱", "*单 位"),
        ("公民身份号码", "身份证号码（18位）"),
        ("职业(工种)", "培训工种＊"),
        ("总课时", "课时（学时）"),
        ("评定结果", "是否合格\n(合格/不合格)"),
        ("鉴定费(元)", "鉴定费用"),
        ("开班日期", "培训开始时间"),
        ("备注", "附言"),
        ("姓名", "★姓名"),
        ("等级", "※等级："),
    ]);
    let (mut header, mut row) = (header, results_row(&[("罪犯编号", "")]));
    header.reverse();
    row.reverse();
    let reading = read_csv(&[vec!["", "title"], header.clone(), row, header]);
    // 罪犯编号 is the third column from the right of 27: Y.
    assert_eq!(findings(&reading), ["Y3 required-empty"]);
    assert_eq!(reading.rows, 1);
}

#[test]
fn a_remark_stays_as_typed() {
    let typed = "复训；此人原在溧阳监狱（六月转入），成绩以档案为准。";
    let half = "复训;此人原在溧阳监狱(六月转入),成绩以档案为准。";
    let spaced = format!("　{typed}\u{200b}");
    let reading = read_csv(&[
        results_header(),
        results_row(&[("备注", &spaced)]),
        results_row(&[("备注", half)]),
        results_row(&[("罪犯编号", "3204000009"), ("备注", "Ａ")]),
    ]);
    // In half-width it is the same row again.
    assert_eq!(findings(&reading), ["C3 repeated-row?"]);
    assert_eq!(reading.duplicates, 1);
    let remarks: Vec<_> = results(&reading).iter().map(|row| row.remark.as_deref()).collect();
    assert_eq!(remarks, [Some(typed), Some("Ａ")]);
}

#[test]
fn a_full_header_name_beats_a_synonym() {
    let mut header = results_header();
    let mut row = results_row(&[]);
    header.insert(0, "编号");
    row.insert(0, "7");
    header.push("类别");
    row.push("四类");
    let reading = read_csv(&[header, row]);
    assert_eq!(findings(&reading), Vec::<String>::new());
    assert_eq!(results(&reading).first().map(|row| row.number.as_str()), Some("3204000000"));
}

#[test]
fn a_header_of_two_rows_is_read_by_its_lower_names() {
    let groups =
        header_with(&[("总课时", "课时"), ("理论课时", ""), ("实操课时", ""), ("理论成绩", "成绩"), ("实操成绩", "")]);
    let names = ["总课时", "理论课时", "实操课时", "理论成绩", "实操成绩"];
    let lower: Vec<&str> = RESULTS.iter().map(|(header, _)| if names.contains(header) { header } else { "" }).collect();
    let reading = read_csv(&[vec!["考核结果表"], groups, lower, results_row(&[("总课时", "81")])]);
    assert_eq!(findings(&reading), ["O4 hours-sum"]);
    assert_eq!(reading.rows, 1);
}

#[test]
fn merged_headers_and_merged_data_hold_for_all_their_rows() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    let plain = Format::new();
    sheet.set_name("结果").expect("a name");
    sheet.merge_range(0, 0, 0, 26, "考核结果表", &plain).expect("in range");
    for (column, (header, _)) in (0..).zip(RESULTS) {
        match column {
            14 => drop(sheet.merge_range(1, 14, 1, 16, "课时", &plain).expect("in range")),
            15 | 16 => {}
            _ => drop(sheet.merge_range(1, column, 2, column, header, &plain).expect("in range")),
        }
        if (14..=16).contains(&column) {
            write_cell(sheet, 2, column, header);
        }
        for (row, number) in [(3, "3204000001"), (4, "3204000002")] {
            let values = results_row(&[("罪犯编号", number), ("班期", ""), ("鉴定机构", "")]);
            write_cell(sheet, row, column, values[usize::from(column)]);
        }
    }
    sheet.merge_range(3, 11, 4, 11, "第１期", &plain).expect("in range");
    sheet.merge_range(3, 6, 4, 6, "某中心", &plain).expect("in range");
    sheet.merge_range(5, 0, 5, 26, "制表人：李四", &plain).expect("in range");
    let reading = read("考核结果.xlsx", &book.save_to_buffer().expect("in memory"));
    // The merged cells are changed once, where they stand; both rows hold them.
    assert_eq!(findings(&reading), ["结果!G4 unknown-institution"]);
    assert_eq!(repairs(&reading), ["L4 full-width"]);
    assert_eq!((reading.rows, reading.set_aside), (2, 2));
}

#[test]
fn a_missing_column_is_one_finding_each_and_nothing_is_taken() {
    let header = header_with(&[("序号", ""), ("监狱", "单位"), ("等级", "档次"), ("公民身份号码", "护照")]);
    let row = |number| results_row(&[("序号", ""), ("罪犯编号", number), ("开班日期", "？")]);
    let reading =
        read_csv(&[vec!["考核结果表"], header, row("1"), row("2"), results_row(&[("序号", ""), ("监狱", "合计")])]);
    assert_eq!(findings(&reading), ["B2 column-missing", "B2 column-missing"]);
    let advice: Vec<bool> = reading
        .findings
        .iter()
        .zip(["“公民身份号码”", "“等级”"])
        .map(|(finding, column)| finding.advice.contains(column))
        .collect();
    assert_eq!(advice, [true, true]);
    assert_eq!((reading.rows, reading.set_aside, reading.content.len()), (2, 2, 0));
}

#[test]
fn a_poor_result_sheet_is_still_a_result_sheet() {
    let eight = ["监狱", "罪犯编号", "姓名", "公民身份号码", "培训机构", "鉴定机构", "职业(工种)", "等级"];
    for (header, missing) in [(&eight[..], 5), (&eight[..7], 6)] {
        let cell = |name: &&str| RESULTS.iter().find(|(known, _)| known == name).map_or("", |(_, value)| *value);
        let reading = read_csv(&[header.to_vec(), header.iter().map(cell).collect()]);
        assert_eq!(reading.kind, Some(FileKind::Results), "{header:?}");
        assert_eq!(findings(&reading), vec!["A1 column-missing"; missing], "{header:?}");
        assert!(reading.findings.iter().all(|finding| finding.advice.contains("考核结果表")));
    }
}

#[test]
fn certificate_columns_may_be_absent() {
    let header = header_with(&[("证书类型", "x"), ("证书编号", "y"), ("发证日期", "z")]);
    let reading = read_csv(&[header, results_row(&[])]);
    assert_eq!(findings(&reading), ["U2 certificate-doubt?"]);
    assert_eq!(reading.content.len(), 1);
}

#[test]
fn no_header_is_said_once_at_the_first_sheet_that_holds_anything() {
    let letter = vec![vec![], vec!["", "各监狱："], vec!["请查收"]];
    let reading = read("通知.xlsx", &xlsx(&[("空表", vec![]), ("通知", letter), ("名单", vec![vec!["姓名", "电话"]])]));
    assert_eq!(findings(&reading), ["通知!A1 no-header"]);
    assert_eq!((reading.kind, reading.rows), (None, 0));

    // Six of thirteen required headers are less than half, seven are enough.
    let seven = ["监狱", "姓名", "等级", "班期", "开班日期", "结业日期", "鉴定日期"];
    assert_eq!(findings(&read_csv(&[seven[1..].to_vec()])), ["A1 no-header"]);
    let row = vec!["常州监狱", "张三", "五级", "第1期", "2026-03-02", "2026-03-20", "2026-03-20"];
    assert_eq!(findings(&read_csv(&[seven.to_vec(), row])), ["A1 column-missing"; 6]);
}

#[test]
fn a_header_without_rows_is_no_finding() {
    let no_levels = header_with(&[("等级", "档次")]);
    let below = [vec![], results_row(&[("序号", "合计")]), vec!["制表人：李四"]];
    for header in [results_header(), no_levels.clone()] {
        let sheet: Vec<Vec<&str>> = std::iter::once(header).chain(below.clone()).collect();
        let reading = read_csv(&sheet);
        assert_eq!((reading.kind, reading.rows, reading.findings.len()), (Some(FileKind::Results), 0, 0));
    }
    let whole = vec![results_header(), results_row(&[])];
    let reading = read("a.xlsx", &xlsx(&[("一", whole), ("二", vec![no_levels])]));
    assert_eq!((findings(&reading).len(), reading.content.len()), (0, 1));
}

#[test]
fn several_sheets_of_one_form_are_one_file() {
    let sheet = |number| vec![results_header(), results_row(&[("罪犯编号", number)])];
    let notes = vec![vec!["填写说明"], vec!["一、日期按 2026-03-05 填写"]];
    let list = vec![vec!["监狱", "罪犯编号", "姓名"], vec!["常州监狱", "1", "张三"]];
    let reading = read("a.xlsx", &xlsx(&[("说明", notes), ("名单", list), ("一", sheet("1")), ("二", sheet("2"))]));
    assert_eq!(findings(&reading), Vec::<String>::new());
    assert_eq!((reading.kind, reading.rows, reading.content.len()), (Some(FileKind::Results), 2, 2));
}

#[test]
fn a_whole_roster_beside_the_results_comes_back() {
    let header = vec!["监狱", "罪犯编号", "姓名", "性别", "刑满日期", "拟培训职业(工种)", "等级", "班期"];
    let person = |number| vec!["常州监狱", number, "张三", "男", "2027-01-01", "电工", "五级", "第1期"];
    let beside = |roster: Vec<Vec<&'static str>>| {
        read("a.xlsx", &xlsx(&[("名册", roster), ("结果", vec![results_header(), results_row(&[])])]))
    };
    let roster = vec![vec!["", "附件3"], header.clone(), person("1"), person("2"), vec!["合计"]];
    let reading = beside(roster);
    assert_eq!(findings(&reading), ["名册!A2 no-header"]);
    assert!(reading.findings[0].advice.contains("单独的文件"));
    assert_eq!((reading.kind, reading.rows, reading.set_aside), (Some(FileKind::Results), 3, 2));
    assert_eq!(reading.content.len(), 1);

    // Without rows, or without one of its columns, it is silent.
    let incomplete = vec![header[..7].to_vec(), person("1")[..7].to_vec()];
    for silent in [vec![header.clone()], incomplete] {
        let reading = beside(silent);
        assert_eq!((findings(&reading).len(), reading.rows, reading.content.len()), (0, 1, 1));
    }
}

#[test]
fn lists_beside_the_results_are_silent() {
    let survey = vec![vec!["监狱", "罪犯编号", "姓名", "刑满日期"], vec!["常州监狱", "1", "张三", "2027-01-01"]];
    let history = vec![
        vec!["补贴种类", "职业(工种)", "等级", "申领日期", "金额(元)"],
        vec!["培训", "电工", "五级", "2025-06-01", "1000"],
    ];
    for list in [survey, history] {
        let reading = read("a.xlsx", &xlsx(&[("名单", list), ("结果", vec![results_header(), results_row(&[])])]));
        assert_eq!(findings(&reading), Vec::<String>::new());
        assert_eq!((reading.kind, reading.rows, reading.content.len()), (Some(FileKind::Results), 1, 1));
    }
}

#[test]
fn repeats_are_counted_and_versions_come_back_both() {
    let row = |changes: &[(&str, &'static str)]| results_row(changes);
    let one = vec![results_header(), row(&[]), row(&[("罪犯编号", "2")]), row(&[("罪犯编号", "3"), ("理论课时", "1")])];
    let two = vec![
        results_header(),
        row(&[("序号", "9"), ("监狱", "常州")]),
        row(&[("罪犯编号", "2"), ("实操成绩", "91")]),
        row(&[("罪犯编号", "3")]),
        row(&[("罪犯编号", "2")]),
    ];
    let reading = read("a.xlsx", &xlsx(&[("一", one), ("二", two)]));
    // Row 2 of the second sheet repeats the first but for 序号 and a synonym; a faulty version of 3 is none.
    assert_eq!(
        findings(&reading),
        ["一!C3 two-versions", "一!O4 hours-sum", "二!C2 repeated-row?", "二!C3 two-versions", "二!C5 two-versions"]
    );
    assert_eq!((reading.rows, reading.set_aside, reading.duplicates, reading.content.len()), (7, 4, 1, 2));
}

#[test]
fn courses_of_one_person_that_overlap_are_a_doubt() {
    let course = |start, end, class, occupation, certificate| {
        results_row(&[
            ("证书编号", certificate),
            ("开班日期", start),
            ("结业日期", end),
            ("鉴定日期", end),
            ("班期", class),
            ("职业(工种)", occupation),
        ])
    };
    let reading = read_csv(&[
        results_header(),
        course("2026-03-16", "2026-03-25", "二", "焊工", "Y000032000001265000001"),
        course("2026-03-02", "2026-03-20", "一", "电工", "Y000032000001265000002"),
        course("2026-03-26", "2026-03-31", "三", "电工", "Y000032000001265000003"),
    ]);
    assert_eq!(findings(&reading), ["C2 overlap-doubt?"]);
    assert_eq!(reading.content.len(), 3);
}

#[test]
fn a_file_that_the_grid_refuses_is_a_finding_on_the_file() {
    let reading = read("名单.pdf", b"%PDF-1.7");
    assert_eq!(findings(&reading), [" wrong-format"]);
    assert_eq!((reading.kind, reading.rows), (None, 0));
}
