//! What single cells mean: numbers, dates, formulas, texts, merged regions.

use super::{LIMITS, book, book_of, book_with, parts_of, read, rows_of, sheet_of, show};
use crate::forms::grid::date::{day_of_serial, is_builtin_date, is_date_format};
use crate::forms::grid::decimal::decimal;
use crate::forms::grid::xml::unescape;
use crate::forms::grid::{Cell, Limits, a1};
use chrono::NaiveDate;
use proptest::prelude::*;

#[test]
fn numbers_have_fifteen_digits() {
    let table = [
        ("150.29999999999998", "150.3"),
        ("150.30000000000001", "150.3"),
        ("0.30000000000000004", "0.3"),
        ("3.2040119900101126e17", "320401199001011000"),
        ("320404199001011234", "320404199001011000"),
        ("12345678901234567890", "12345678901234600000"),
        ("999999999999999", "999999999999999"),
        ("999999999999999.9", "1000000000000000"),
        ("9.9999999999999999", "10"),
        ("45736", "45736"),
        ("45736.0", "45736"),
        ("045736.50", "45736.5"),
        ("0", "0"),
        ("-0", "0"),
        ("0.00", "0"),
        ("0E5", "0"),
        ("-12.5", "-12.5"),
        ("+12.5", "12.5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1E3", "1000"),
        ("1.5E-3", "0.0015"),
        ("1.234E+2", "123.4"),
        ("100", "100"),
        ("1e-7", "0.0000001"),
        ("0.1234567890123456", "0.123456789012346"),
        ("0.99999999999999999", "1"),
    ];
    for (stored, expected) in table {
        assert_eq!(decimal(stored).as_deref(), Some(expected), "{stored}");
    }
    for stored in ["", "-", ".", "e5", "1e", "1,5", "NaN", "inf", "0x10", "1e999", "1e99999999999999999999", "１"] {
        assert_eq!(decimal(stored), None, "{stored}");
    }
}

proptest! {
    /// Against the machine's own conversion.
    #[test]
    fn numbers_agree_with_floats(mantissa in -10.0..10.0_f64, exponent in -9..20_i32) {
        let number = mantissa * 10_f64.powi(exponent);
        let text = decimal(&number.to_string()).expect("a number");
        let back: f64 = text.parse().expect("decimal text");
        prop_assert!((back - number).abs() <= number.abs() * 0.51e-14, "{} {}", number, text);
        prop_assert_eq!(decimal(&format!("{number:e}")), Some(text.clone()));
        prop_assert_eq!(decimal(&text), Some(text));
    }

    #[test]
    fn any_text_is_a_number_or_none(text in "\\PC{0,20}") {
        let _ = decimal(&text);
    }
}

#[test]
fn formats_that_show_dates() {
    let dates = [
        "yyyy\"年\"m\"月\"d\"日\"",
        "yyyy-mm-dd",
        "m/d/yy",
        "[$-804]yyyy\"年\"m\"月\"d\"日\";@",
        "[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy",
        "[DBNum1][$-804]yyyy\"年\"m\"月\"",
        "h:mm:ss",
        "[$-404]e/m/d",
        "YYYY/M/D",
        "[Red]yyyy/m/d",
    ];
    for code in dates {
        assert!(is_date_format(code), "{code}");
    }
    let others = [
        "General",
        "G/通用格式",
        "General;[Red]-General",
        "0.00_);[Red]\\(0.00\\)",
        "0.00E+00",
        "##0.0E-0",
        "\"第\"0\"期\"",
        "0\"days\"",
        "@",
        "[h]:mm",
        "[mm]:ss",
        "#,##0.00\\d",
        "_ * #,##0.00_ ;_ * \\-#,##0.00_ ;_ * \"-\"??_ ;_ @_ ",
        "\"",
        "[",
        "\\",
    ];
    for code in others {
        assert!(!is_date_format(code), "{code}");
    }
    for id in [14, 22, 27, 31, 32, 57, 58] {
        assert!(is_builtin_date(id), "{id}");
    }
    for id in [0, 1, 13, 23, 37, 46, 48, 49, 59, 164] {
        assert!(!is_builtin_date(id), "{id}");
    }
}

#[test]
fn serials_are_days() {
    let table = [
        ("1", false, Some((1900, 1, 1))),
        ("59", false, Some((1900, 2, 28))),
        ("60", false, None),
        ("61", false, Some((1900, 3, 1))),
        ("45736.396", false, Some((2025, 3, 20))),
        ("44274", true, Some((2025, 3, 20))),
        ("0", true, Some((1904, 1, 1))),
        ("0.5", false, None),
        ("-5", false, None),
        ("2958465", false, Some((9999, 12, 31))),
        ("2958466", false, None),
        ("99999999999999999999", false, None),
    ];
    for (serial, date_1904, expected) in table {
        let expected = expected.and_then(|(year, month, day)| NaiveDate::from_ymd_opt(year, month, day));
        assert_eq!(day_of_serial(serial, date_1904), expected, "{serial}");
    }
}

#[test]
fn addresses() {
    for (row, column, expected) in [
        (1, 0, "A1"),
        (7, 25, "Z7"),
        (7, 26, "AA7"),
        (2, 701, "ZZ2"),
        (2, 702, "AAA2"),
        (1_048_576, 16_383, "XFD1048576"),
    ] {
        assert_eq!(a1(row, column), expected);
    }
}

#[test]
fn every_kind_of_cell() {
    let rows = "<row r='2'><c r='A2' t='s'><v>0</v></c><c r='B2' t='s'><v>1</v></c><c t='inlineStr'><is><r><t>x</t></r><t> y</t></is></c>\
        <c r='E2' t='str'><f>A1</f><v>结果</v></c><c r='F2' t='b'><v>1</v></c><c r='G2' t='e'><v>#REF!</v></c>\
        <c r='H2' s='1'><v>45736.5</v></c><c r='I2' s='2'><v>45736</v></c><c r='J2' s='3'><v>45736</v></c>\
        <c r='K2' t='d'><v>2025-03-20T00:00:00</v></c><c r='L2' t='inlineStr'><is><t>a&amp;b&#x4E2D;&lt;<![CDATA[<c>]]></t></is></c>\
        <c r='M2' s='1'><v>0.5</v></c><c r='N2'><v>oops</v></c></row>";
    assert_eq!(
        rows_of(&sheet_of(rows, "")),
        ["2: 甲|乙 丙|x y||结果|?true|!#REF!|@2025-03-20|@2025-03-20|@2025-03-20|@2025-03-20|a&b中<<c>|#0.5|!oops"]
    );
}

#[test]
fn a_date_keeps_the_number_that_is_stored() {
    let rows = "<row><c s='1'><v>45736.50</v></c><c s='3'><v>0.5</v></c><c t='d'><v>2025-03-20</v></c></row>";
    let book = book(&book_of(&sheet_of(rows, "")));
    let (_, cells) = book.sheets[0].rows().next().expect("a row");
    let on = NaiveDate::from_ymd_opt(2025, 3, 20).expect("a day");
    assert_eq!(
        cells,
        [
            Cell::Date { on, stored: Some("45736.5".to_owned()) },
            Cell::Number { text: "0.5".to_owned(), date_1904: false },
            Cell::Date { on, stored: None },
        ]
    );
}

#[test]
fn formulas_without_results_are_named() {
    let rows = "<row><c><f>A1+B1</f></c><c><f>A1</f><v></v></c><c t='str'><f>A1</f><v></v></c><c t='str'><f>A1</f></c>\
        <c><f>A1</f><v>0</v></c><c t='b'><f>A1</f></c><c><f t='shared' si='0'/></c><c><f>1-1</f><v>3</v></c></row>";
    assert_eq!(rows_of(&sheet_of(rows, "")), ["1: !=A1+B1|!=A1||!=A1|#0|!=A1|!=|#3"]);
}

#[test]
fn a_zero_of_a_workbook_never_calculated_is_no_result() {
    let book_xml = "<workbook><workbookPr date1904='false'/><sheets><sheet name='a' r:id='rId1'/></sheets><calcPr fullCalcOnLoad='1'/></workbook>";
    let sheet = sheet_of("<row><c><f>A1</f><v>0</v></c><c><f>A1</f><v>7</v></c><c><v>0</v></c></row>", "");
    let bytes = book_with(&[("xl/workbook.xml", book_xml), ("xl/worksheets/sheet1.xml", &sheet)]);
    assert_eq!(show(&book(&bytes).sheets[0]), ["1: !=A1|#7|#0"]);
}

#[test]
fn rows_and_cells_without_references_follow_each_other() {
    let rows = "<row><c><v>1</v></c><c/><c><v>2</v></c></row><row r='5'><c><v>3</v></c></row><row><c r='C6'><v>4</v></c><c><v>5</v></c></row>";
    assert_eq!(rows_of(&sheet_of(rows, "")), ["1: #1||#2", "5: #3", "6: ||#4|#5"]);
}

#[test]
fn prefixes_capitals_and_backslashes_are_read() {
    let sheet = "<x:worksheet xmlns:x='m'><x:sheetData><x:row r='1'><x:c r='A1' t='inlineStr'><x:is><x:t>好</x:t></x:is></x:c></x:row></x:sheetData></x:worksheet>";
    let relations = "<Relationships><Relationship Id='rId1' Type='http://x/worksheet' Target='Worksheets\\Sheet9.xml'/></Relationships>";
    let bytes = book_with(&[("xl\\worksheets\\sheet9.xml", sheet), ("xl/_rels/workbook.xml.rels", relations)]);
    assert_eq!(show(&book(&bytes).sheets[0]), ["1: 好"]);
}

#[test]
fn merged_regions() {
    let cell = |at: &str, text: &str| format!("<c r='{at}' t='inlineStr'><is><t>{text}</t></is></c>");
    let rows = format!(
        "<row r='1'>{}{}</row><row r='2'>{}{}</row><row r='3'>{}</row><row r='4'><c r='B4'/></row><row r='6'>{}</row>",
        cell("A1", "题"),
        cell("C1", "藏"),
        cell("A2", "甲"),
        cell("B2", "一"),
        cell("B3", "二"),
        cell("B6", "三"),
    );
    let merges = "<mergeCells><mergeCell ref='A1:D1'/><mergeCell ref='A2:A1048576'/><mergeCell ref='junk'/><mergeCell ref='A1:XFE2'/></mergeCells>";
    assert_eq!(rows_of(&sheet_of(&rows, merges)), ["1: 题", "2: 甲|一", "3: 甲|二", "6: 甲|三"]);
}

#[test]
fn a_merged_value_goes_down_into_the_next_part() {
    let row = |n: u32, cells: &str| format!("<row r='{n}'>{cells}</row>");
    let text = |at: &str| format!("<c r='{at}' t='inlineStr'><is><t>{at}</t></is></c>");
    let of =
        |n: u32| if n.is_multiple_of(1_500) { text(&format!("A{n}")) } else { String::new() } + &text(&format!("B{n}"));
    let rows: String = (1..=6_000).map(|n| row(n, &of(n))).collect();
    let merges = "<mergeCells><mergeCell ref='A1500:A2999'/><mergeCell ref='A3000:A5999'/></mergeCells>";
    let book = book(&book_of(&sheet_of(&rows, merges)));
    assert_eq!(parts_of(&book.sheets[0]), 3);
    let shown = show(&book.sheets[0]);
    assert_eq!([&shown[2_998], &shown[4_500]], ["2999: A1500|B2999", "4501: A3000|B4501"]);
}

#[test]
fn escaped_characters() {
    for (raw, text) in [
        ("a_x000D_b", "a\rb"),
        ("_x005F_x000D_", "_x000D_"),
        ("_x00", "_x00"),
        ("_xD800_", "_xD800_"),
        ("_x00中", "_x00中"),
        ("a_xyz_x0041_", "a_xyzA"),
    ] {
        assert_eq!(unescape(raw), text);
    }
}

#[test]
fn limits_count_rows_with_content() {
    let limits = Limits { max_rows: 2, max_sheets: 1, ..LIMITS };
    let filled = "<c><v>1</v></c>";
    let blank = "<row><c s='1'/></row>".repeat(50);
    let bytes = book_of(&sheet_of(&format!("<row>{filled}</row>{blank}<row>{filled}</row>"), ""));
    assert!(read("a.xlsx", &bytes, &limits).is_ok());
    let bytes = book_of(&sheet_of(&format!("<row>{filled}</row>").repeat(3), ""));
    assert_eq!(read("a.xlsx", &bytes, &limits).expect_err("three rows").code.as_str(), "too-many-rows");
    let two = "<workbook><sheets><sheet name='a' r:id='rId1'/><sheet name='b' r:id='rId1'/></sheets></workbook>";
    let bytes = book_with(&[("xl/workbook.xml", two)]);
    assert_eq!(read("a.xlsx", &bytes, &limits).expect_err("two sheets").code.as_str(), "too-large");
}
