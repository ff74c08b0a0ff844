//! Copies of what spreadsheet programs wrote.

use super::super::markup::elements;
use super::super::{Colour, LIST_SHEET, Manner, annotate};
use super::package::check;
use super::{LIBREOFFICE, OPENPYXL, XLSXWRITER, copy_of, list_of, part_of, parts_of};
use crate::forms::grid;
use crate::forms::reading::tests::{LIMITS, csv, findings, read, results_header, results_row};

/// What is planted by `tests/fixtures/annotate/make.py`, as read; nobody there has an ID.
const FAULTS: [&str; 14] = [
    "E3 identity-doubt?",
    "E4 identity-doubt?",
    "E5 digits-lost",
    "B6 required-empty",
    "E6 identity-doubt?",
    "E7 identity-doubt?",
    "M7 bad-date",
    "E8 identity-doubt?",
    "K8 unknown-level",
    "E9 digits-lost",
    "E10 identity-doubt?",
    "S10 score-doubt?",
    "E11 identity-doubt?",
    "E12 identity-doubt?",
];

/// The colour of each coloured cell of a worksheet part.
pub(super) fn coloured(bytes: &[u8], part: &str) -> Vec<(String, Colour)> {
    let styles = part_of(bytes, "xl/styles.xml");
    let all = elements(&styles).unwrap();
    let within = |name: &str| {
        let section = all.iter().find(|e| e.depth == 1 && e.name == name).unwrap().whole();
        all.iter().filter(move |e| e.depth == 2 && section.contains(&e.open.start)).collect::<Vec<_>>()
    };
    let (fills, formats) = (within("fills"), within("cellXfs"));
    let sheet = part_of(bytes, part);
    let cells = elements(&sheet).unwrap();
    let colour = |cell: &crate::forms::annotate::markup::Element<'_>| {
        let style: usize = cell.attribute("s")?.parse().ok()?;
        let fill: usize = formats[style].attribute("fillId")?.parse().ok()?;
        let body = &styles[fills[fill].whole()];
        Colour::ALL.into_iter().find(|colour| body.contains(colour.rgb()))
    };
    let marked = cells.iter().filter(|e| e.name == "c").filter_map(|cell| Some((cell.attribute("r")?, colour(cell)?)));
    marked.collect()
}

#[test]
fn every_faulty_cell_is_coloured_and_noted_and_nothing_else_changes() {
    for (program, bytes, sheet) in
        [("openpyxl", OPENPYXL, "结果'一"), ("xlsxwriter", XLSXWRITER, "结果"), ("libreoffice", LIBREOFFICE, "结果'一")]
    {
        let reading = read("a.xlsx", bytes);
        let expected: Vec<String> = FAULTS.iter().map(|fault| format!("{sheet}!{fault}")).collect();
        assert_eq!(findings(&reading), expected, "{program}");
        let copy = copy_of("a.xlsx", bytes);
        assert_eq!(copy.manner, Manner::Edited, "{program}");
        check(&copy.bytes);
        let marked = coloured(&copy.bytes, "xl/worksheets/sheet1.xml");
        let expected: Vec<(String, Colour)> = FAULTS
            .iter()
            .map(|fault| {
                let colour = if fault.ends_with('?') { Colour::Warning } else { Colour::Error };
                (fault.split(' ').next().unwrap().to_owned(), colour)
            })
            .collect();
        assert_eq!(marked, expected, "{program}");
        let again = read("a.xlsx", &copy.bytes);
        assert_eq!(findings(&again), findings(&reading), "{program}: the copy is read as the same form");
        assert_eq!((again.rows, again.set_aside), (reading.rows, reading.set_aside), "{program}");
        let book = grid::read("a.xlsx", &copy.bytes, &LIMITS).unwrap();
        assert_eq!(book.sheets[0].name, LIST_SHEET, "{program}");
        let kept = parts_of(&copy.bytes);
        for (name, part) in parts_of(bytes) {
            let is_edited = ["workbook.xml", "Content_Types", "styles", "worksheets", "comments", "vmlDrawing1"]
                .iter()
                .any(|edited| name.contains(edited));
            assert!(is_edited || kept.contains(&(name.clone(), part)), "{program}: {name} changed");
        }
    }
}

#[test]
fn the_list_names_each_cell_with_a_link_and_what_was_repaired() {
    let copy = copy_of("a.xlsx", OPENPYXL);
    let list = part_of(&copy.bytes, "xl/worksheets/problems1.xml");
    for cell in ["E5", "B6", "M7", "K8", "E9", "S10"] {
        assert!(list.contains(&format!("location=\"&apos;结果&apos;&apos;一&apos;!{cell}\"")), "{cell}\n{list}");
    }
    for told in
        ["按数字录入，末位已丢失", "（2 处）〔digits-lost〕", "现为：2026年3月", "已代为更正", "（1 处）：“结果'一”M4"]
    {
        let told = told.replace('\'', "&apos;");
        assert!(list.contains(&told), "{told}\n{list}");
    }
    let book = part_of(&copy.bytes, "xl/workbook.xml");
    assert!(book.contains("activeTab=\"0\""), "{book}");
    let second = part_of(&copy.bytes, "xl/worksheets/sheet2.xml");
    assert!(!second.contains("tabSelected"), "{second}");
}

#[test]
fn notes_of_others_stay() {
    let copy = copy_of("a.xlsx", OPENPYXL);
    let comments = parts_of(&copy.bytes).into_iter().filter(|(name, _)| name.contains("comment"));
    let texts: Vec<String> = comments.map(|(_, part)| String::from_utf8(part).unwrap()).collect();
    let first = texts.iter().find(|text| text.contains("编号待核")).unwrap();
    assert!(first.contains("请补&lt;末位&gt;&amp;核对") && first.contains("【申领系统】请改正："), "{first}");
    assert_eq!(first.matches("<comment ").count() + first.matches(":comment ").count(), 15);
    assert!(texts.iter().any(|text| text.contains("统计用") && !text.contains("申领系统")));
}

#[test]
fn a_copy_that_comes_back_loses_its_old_marks() {
    let first = copy_of("a.xlsx", OPENPYXL);
    // The clerk mended everything but M7.
    let mut fixes = list_of(&read("a.xlsx", &first.bytes));
    fixes.problems.retain(|problem| problem.places.iter().any(|place| place.cell == "M7"));
    let second = annotate("a.xlsx", &first.bytes, &fixes, &LIMITS).unwrap();
    assert_eq!(second.manner, Manner::Edited);
    check(&second.bytes);
    assert_eq!(coloured(&second.bytes, "xl/worksheets/sheet1.xml"), [("M7".to_owned(), Colour::Error)]);
    let names: Vec<String> = parts_of(&second.bytes).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.iter().filter(|name| name.contains("problems")).count(), 1, "{names:?}");
    let texts: Vec<String> = parts_of(&second.bytes)
        .into_iter()
        .filter(|(name, _)| name.contains("comment"))
        .map(|(_, part)| String::from_utf8(part).unwrap())
        .collect();
    let notes = texts.iter().find(|text| text.contains("编号待核")).unwrap();
    assert_eq!(notes.matches("【申领系统】").count(), 1, "{notes}");
    assert!(notes.contains("请补&lt;末位&gt;&amp;核对"), "{notes}");
    let third = copy_of("a.xlsx", &second.bytes);
    check(&third.bytes);
    assert_eq!(coloured(&third.bytes, "xl/worksheets/sheet1.xml").len(), FAULTS.len());
}

#[test]
fn a_csv_becomes_a_workbook() {
    let rows = [
        results_header(),
        results_row(&[("公民身份号码", "3.2E+17"), ("证书编号", "Y000032000001265000002")]),
        results_row(&[("罪犯编号", "0032"), ("开班日期", "三月"), ("姓名", "=1+1")]),
    ];
    let bytes = csv(&rows);
    let reading = read("a.csv", &bytes);
    assert_eq!(findings(&reading), ["E2 digits-lost", "M3 bad-date"]);
    let copy = copy_of("a.csv", &bytes);
    assert_eq!(copy.manner, Manner::Redrawn);
    check(&copy.bytes);
    let again = read("a.xlsx", &copy.bytes);
    assert_eq!(findings(&again), ["数据!E2 digits-lost", "数据!M3 bad-date"]);
    assert_eq!(coloured(&copy.bytes, "xl/worksheets/sheet2.xml").len(), 2);
    let list = part_of(&copy.bytes, "xl/worksheets/sheet1.xml");
    assert!(list.contains("数据") && list.contains("E2"), "{list}");
    let book = grid::read("a.xlsx", &copy.bytes, &LIMITS).unwrap();
    let row = book.sheets[1].rows().nth(2).unwrap().1;
    assert_eq!((&row[2], &row[3]), (&grid::Cell::Text("0032".to_owned()), &grid::Cell::Text("=1+1".to_owned())));
}

#[test]
fn what_cannot_be_read_is_answered_in_words() {
    let old: &[u8] = include_bytes!("../../../../tests/fixtures/grid/libreoffice.xls");
    let fault = annotate("a.xls", old, &list_of(&read("a.xls", old)), &LIMITS).unwrap_err();
    assert!(fault.advice.contains("另存为"), "{}", fault.advice);
}
