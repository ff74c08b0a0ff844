//! Workbooks as each program writes them.

use super::{LIMITS, book, read, show};
use calamine::{Data, Reader, Xlsx};
use std::io::Cursor;

const OPENPYXL: &[u8] = include_bytes!("../../../../tests/fixtures/grid/openpyxl.xlsx");
const OPENPYXL_1904: &[u8] = include_bytes!("../../../../tests/fixtures/grid/openpyxl-1904.xlsx");
const XLSXWRITER: &[u8] = include_bytes!("../../../../tests/fixtures/grid/xlsxwriter.xlsx");
const LIBREOFFICE: &[u8] = include_bytes!("../../../../tests/fixtures/grid/libreoffice.xlsx");

const RESULT_ROWS: [&str; 6] = [
    "1: 考核结果表",
    "2: 监狱|姓名|开班日期|课时||鉴定费(元)",
    "3: 监狱|姓名|开班日期|总课时|理论课时|鉴定费(元)",
    "4: 北山监狱|张三|@2025-03-20|#80|#20.5|#150.3",
    "5: 北山监狱|李四|@2025-03-21|#81|#20.5|#150.3",
    "6: 北山监狱|王五|@2025-03-22|#82|#20.5|#150.3",
];

#[test]
fn openpyxl_leaves_formulas_unevaluated() {
    let book = book(OPENPYXL);
    let rows = show(&book.sheets[0]);
    assert_eq!(rows[..6], RESULT_ROWS);
    assert_eq!(rows[6], "7: 合计|||!=SUM(D4:D6)|!=1/0|!=IF(TRUE,\"\",\"x\")");
    assert_eq!(book.sheets[0].name, "结果");
    assert_eq!(show(&book.sheets[1]), ["2: |?true| 两端有空格 |#320404199001011000|!#REF!"]);
}

#[test]
fn libreoffice_keeps_results() {
    let book = book(LIBREOFFICE);
    let rows = show(&book.sheets[0]);
    assert_eq!(rows[..6], RESULT_ROWS);
    assert_eq!(rows[6], "7: 合计|||#243|!#DIV/0!");
    assert_eq!(show(&book.sheets[1]), ["2: |?true| 两端有空格 |#320404199001011000|!#REF!"]);
}

#[test]
fn merged_values_know_where_they_stand() {
    let book = book(OPENPYXL);
    let sheet = &book.sheets[0];
    assert_eq!(sheet.origin(6, 0), (4, 0));
    assert_eq!(sheet.origin(3, 1), (2, 1));
    assert_eq!(sheet.origin(7, 0), (7, 0));
    assert_eq!(sheet.origin(2, 4), (2, 4), "merged over columns: nothing was filled there");
}

#[test]
fn xlsxwriter_writes_zero_for_what_it_did_not_calculate() {
    let book = book(XLSXWRITER);
    assert_eq!(book.sheets.len(), 1, "the chart sheet holds no cells");
    assert_eq!(
        show(&book.sheets[0]),
        ["1: 职业(工种)*|@2025-03-20|@2025-03-20|@2025-03-20", "2: !=B2+C2|#41|合格|?false"]
    );
}

#[test]
fn the_1904_system_is_told() {
    let rows = show(&book(OPENPYXL_1904).sheets[0]);
    assert_eq!(rows, ["1: @2025-03-20|#1904:44274"]);
}

#[test]
fn our_own_workbooks_come_back() {
    let mut written = rust_xlsxwriter::Workbook::new();
    let sheet = written.add_worksheet().set_name("名册").expect("a name");
    let as_date = rust_xlsxwriter::Format::new().set_num_format("yyyy-mm-dd");
    let day = rust_xlsxwriter::ExcelDateTime::from_ymd(2026, 3, 5).expect("a day");
    sheet.write_string(0, 0, "姓名").expect("text");
    sheet.write_string(1, 0, "=1+1").expect("text that begins like a formula");
    sheet.write_datetime_with_format(1, 1, &day, &as_date).expect("a date");
    sheet.write_number(1, 2, 0.1 + 0.2).expect("a number");
    sheet.write_formula(1, 3, "=C2*2").expect("a formula");
    sheet.write_blank(500_000, 3, &as_date).expect("a blank");
    let bytes = written.save_to_buffer().expect("a workbook");
    assert_eq!(show(&book(&bytes).sheets[0]), ["1: 姓名", "2: =1+1|@2026-03-05|#0.3|!=C2*2"]);
}

/// A second opinion: wherever calamine sees text, a number or a truth, we see the same, filled and unevaluated cells aside.
#[test]
fn calamine_agrees() {
    for bytes in [OPENPYXL, OPENPYXL_1904, XLSXWRITER, LIBREOFFICE] {
        let mut theirs = Xlsx::new(Cursor::new(bytes)).expect("calamine opens it");
        for sheet in &book(bytes).sheets {
            let range = theirs.worksheet_range(&sheet.name).expect("calamine reads the sheet");
            for (row, cells) in sheet.rows() {
                for (column, ours) in (0_u32..).zip(&cells) {
                    let theirs = range.get_value((row - 1, column)).unwrap_or(&Data::Empty);
                    let agrees = match (ours, theirs) {
                        (super::Cell::Empty, Data::Empty) | (super::Cell::Error(_), _) => true,
                        (super::Cell::Text(text), Data::String(other)) => text == other,
                        (super::Cell::Text(_), Data::Empty) => sheet.origin(row, column as usize).0 < row,
                        (super::Cell::Number { text, .. }, Data::Float(other)) => *text == plain(other),
                        (super::Cell::Number { text, .. }, Data::Int(other)) => *text == plain(other),
                        (super::Cell::Bool(truth), Data::Bool(other)) => truth == other,
                        (super::Cell::Date { on, .. }, Data::DateTime(other)) => {
                            other.as_datetime().map(|moment| moment.date()) == Some(*on)
                        }
                        _ => false,
                    };
                    assert!(agrees, "{row}:{column}: {ours:?}, but calamine: {theirs:?}");
                }
            }
        }
    }
}

fn plain(number: &impl ToString) -> String {
    super::super::decimal::decimal(&number.to_string()).expect("a number")
}

#[test]
fn names_decide_nothing_where_they_say_nothing() {
    for name in ["表", "表.xlsx.bak", "表.XLSX", "表.xlsx ", "download.dat"] {
        assert!(read(name, OPENPYXL, &LIMITS).is_ok(), "{name}");
    }
}
