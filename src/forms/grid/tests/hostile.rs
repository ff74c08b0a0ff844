//! Files that are broken, lie, or are something else: each ends as a fault, in bounded time and memory.

use super::{BOOK, LIMITS, book_of, book_with, fault_of, read, sheet_of, zip_of};
use crate::forms::grid::Limits;
use crate::forms::grid::meter::{Budget, Metered};
use proptest::prelude::*;
use std::fmt::Write as _;
use std::io::{Cursor, Read, Write};
use std::time::{Duration, Instant};
use zip::write::SimpleFileOptions;

const PASSWORD: &[u8] = include_bytes!("../../../../tests/fixtures/grid/password.xlsx");
const XLS: &[u8] = include_bytes!("../../../../tests/fixtures/grid/libreoffice.xls");
const ODS: &[u8] = include_bytes!("../../../../tests/fixtures/grid/libreoffice.ods");
const GOOD: &[u8] = include_bytes!("../../../../tests/fixtures/grid/openpyxl.xlsx");
const SHEET: &str = "xl/worksheets/sheet1.xml";

fn codes(table: &[(&str, &str, &[u8])]) {
    for (name, expected, bytes) in table {
        let fault = fault_of(name, bytes);
        assert_eq!(fault.code.as_str(), *expected, "{name}: {}", fault.seen);
        assert!(!fault.seen.is_empty() && fault.advice.contains('。'), "{name}: {fault:?}");
    }
}

#[test]
fn other_formats() {
    let word = zip_of(&[("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"<d/>")]);
    let macros = book_with(&[("xl/vbaProject.bin", "")]);
    let binary = zip_of(&[("[Content_Types].xml", b"<Types/>"), ("xl/workbook.bin", b"")]);
    let archive = zip_of(&[("表.xlsx", GOOD)]);
    let typed = |content_type: &str| {
        let part = format!("<Types><Override PartName='/xl/workbook.xml' ContentType='{content_type}'/></Types>");
        book_with(&[("[Content_Types].xml", &part)])
    };
    let [macro_book, macro_template, add_in] = ["sheet", "template", "addin"]
        .map(|what| typed(&format!("application/vnd.ms-excel.{what}.macroEnabled.main+xml")));
    let [template, honest] = ["template", "sheet"]
        .map(|what| typed(&format!("application/vnd.openxmlformats-officedocument.spreadsheetml.{what}.main+xml")));
    let by_extension =
        "<Types><Default Extension='XML' ContentType='application/vnd.ms-excel.sheet.macroEnabled.main+xml'/></Types>";
    let by_extension = book_with(&[("[Content_Types].xml", by_extension)]);
    assert!(read("a.xlsx", &honest, &LIMITS).is_ok());
    codes(&[
        ("a.xls", "wrong-format", XLS),
        ("a.xlsx", "wrong-format", XLS),
        ("a", "wrong-format", XLS),
        ("a.et", "wrong-format", XLS),
        ("a.et", "wrong-format", GOOD),
        ("a.XLS", "wrong-format", GOOD),
        ("a.xls", "wrong-format", b""),
        ("a.ods", "wrong-format", ODS),
        ("a.xlsx", "wrong-format", ODS),
        ("a.docx", "wrong-format", &word),
        ("a.xlsx", "wrong-format", &word),
        ("a.xlsm", "wrong-format", GOOD),
        ("a.xlsx", "wrong-format", &macros),
        ("a.xlsx", "wrong-format", &macro_book),
        ("a.xlsx", "wrong-format", &macro_template),
        ("a.xlsx", "wrong-format", &add_in),
        ("a.xlsx", "wrong-format", &template),
        ("a.xlsx", "wrong-format", &by_extension),
        ("a.xlsx", "wrong-format", &binary),
        ("a.zip", "wrong-format", &archive),
        ("a.xlsx", "wrong-format", &archive),
        ("a", "wrong-format", &archive),
        ("a.csv", "wrong-format", GOOD),
        ("a.pdf", "wrong-format", b"%PDF-1.7\n"),
        ("a.xlsx", "wrong-format", b"%PDF-1.7\n"),
        ("a.csv", "wrong-format", b"%PDF-1.7\n"),
        ("a.png", "wrong-format", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        ("a.xlsx", "wrong-format", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        ("a.csv", "wrong-format", b"\xFF\xD8\xFF\xE0\0\x10JFIF"),
        ("a.xlsx", "wrong-format", b"BM\x36\x10\0\0\0\0\0\0\x36"),
        ("a.xlsx", "wrong-format", b"\0\0\0\x18ftypheic"),
        ("a.xls", "wrong-format", b"<html><table></table></html>"),
        ("a.xlsx", "wrong-format", b"\xEF\xBB\xBF \r\n<HTML xmlns:x='excel'>"),
        ("a.csv", "wrong-format", b"<?xml version='1.0'?><Workbook/>"),
    ]);
}

#[test]
fn broken_files() {
    let mut flipped = GOOD.to_vec();
    for at in (200..2_000).step_by(7) {
        flipped[at] ^= 0x5A;
    }
    let mut damaged_utf_8 = "姓名,监狱,罪犯编号\n张三,北山监狱,1\n".as_bytes().to_vec();
    damaged_utf_8.remove(40);
    codes(&[
        ("a.xlsx", "unreadable-file", b""),
        ("a.csv", "unreadable-file", b""),
        ("a", "unreadable-file", b""),
        ("a.csv", "unreadable-file", b"\xEF\xBB\xBF\r\n \r\n"),
        ("a.xlsx", "unreadable-file", &GOOD[..GOOD.len() / 2]),
        ("a.xlsx", "unreadable-file", &GOOD[..30]),
        ("a.xlsx", "unreadable-file", b"PK\x03\x04"),
        ("a.xlsx", "unreadable-file", &flipped),
        ("a.xlsx", "unreadable-file", b"name,value\n1,2\n"),
        ("a.xlsx", "unreadable-file", b"\x13\x37\x99\x01random\xFE\x80"),
        ("a.csv", "unreadable-file", b"\x13\x37\x99\x01random\xFE\x80"),
        ("a", "unreadable-file", b"\x13\x37\x99\x01random\xFE\x80"),
        ("a.csv", "unreadable-file", b"a,b\n1,\0\n"),
        ("a.csv", "unreadable-file", b"a,\xFF\xFF\n"),
        ("a.csv", "unreadable-file", b"\xEF\xBB\xBFa,\xB0\xA1\n"),
        ("a.csv", "unreadable-file", b"\xFF\xFE\x00\xD8"),
        ("a.csv", "unreadable-file", &damaged_utf_8),
        ("a.xlsx", "password-protected", PASSWORD),
        ("a", "password-protected", PASSWORD),
        ("a.xls", "wrong-format", PASSWORD),
    ]);
}

#[test]
fn sheets_that_contradict_themselves() {
    let cut = "<worksheet><sheetData><row><c><v>1</v></c></row><row><c><v>2";
    let cut_between = "<worksheet><sheetData><row><c><v>1</v></c></row>";
    let table = [
        cut.to_owned(),
        cut_between.to_owned(),
        String::new(),
        "no xml at all".to_owned(),
        "<worksheet><sheetData></worksheet>".to_owned(),
        "<worksheet></worksheet></worksheet>".to_owned(),
        sheet_of("<row><c t='s'><v>99999</v></c></row>", ""),
        sheet_of("<row><c t='s'><v>-1</v></c></row>", ""),
        sheet_of("<row><c t='s'><v>甲</v></c></row>", ""),
        sheet_of("<row><c t='s'><v>99999999999999999999</v></c></row>", ""),
        sheet_of("<row r='0'/>", ""),
        sheet_of("<row r='x'/>", ""),
        sheet_of("<row r='-1'/>", ""),
        sheet_of("<row r='2'><c r='A3'><v>1</v></c></row>", ""),
        sheet_of("<row r='2'><c r='2A'><v>1</v></c></row>", ""),
        sheet_of("<row r='2'><c r='中2'><v>1</v></c></row>", ""),
        sheet_of("<row r='1'><c r='B1'><v>1</v></c><c r='A1'><v>1</v></c></row>", ""),
        sheet_of("<row r='2'><c><v>1</v></c></row><row r='1'><c><v>1</v></c></row>", ""),
        sheet_of("<row><c t='inlineStr'><is><t>&unknown;</t></is></c></row>", ""),
        sheet_of("<row><c t='inlineStr'><is><t>&#xD800;</t></is></c></row>", ""),
        sheet_of("<row r=></row>", ""),
        "<!DOCTYPE worksheet><worksheet/>".to_owned(),
    ];
    for sheet in &table {
        assert_eq!(fault_of("a.xlsx", &book_of(sheet)).code.as_str(), "unreadable-file", "{sheet}");
    }
    let parts = [
        ("xl/workbook.xml", "<workbook><sheets><sheet name='a' r:id='rId9'/></sheets></workbook>"),
        ("xl/workbook.xml", "<workbook><sheets><sheet r:id='rId1'/></sheets></workbook>"),
        ("xl/_rels/workbook.xml.rels", "<Relationships/>"),
        ("xl/sharedStrings.xml", "<sst><si><t>a"),
        ("xl/styles.xml", "<styleSheet><cellXfs>"),
        ("docProps/app.xml", "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>"),
    ];
    for part in parts {
        assert_eq!(fault_of("a.xlsx", &book_with(&[part])).code.as_str(), "unreadable-file", "{part:?}");
    }
}

#[test]
fn billion_laughs() {
    let mut doctype = String::from("<!DOCTYPE sst [<!ENTITY a0 'ha'>");
    for level in 1..30 {
        write!(doctype, "<!ENTITY a{level} '&a{0};&a{0};&a{0};'>", level - 1).expect("text grows");
    }
    let shared = format!("{doctype}]><sst><si><t>&a29;</t></si></sst>");
    let fault = fault_of("a.xlsx", &book_with(&[("xl/sharedStrings.xml", &shared)]));
    assert_eq!((fault.code.as_str(), fault.seen.as_str()), ("unreadable-file", "XML 含有 DOCTYPE"));
}

/// A package with a sheet of this many zeros.
fn bomb(bytes: u64) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new_append(Cursor::new(book_of("<worksheet/>"))).expect("a zip opens again");
    zip.start_file("xl/worksheets/sheet2.xml", SimpleFileOptions::default().compression_level(Some(1)))
        .expect("a part");
    std::io::copy(&mut std::io::repeat(0).take(bytes), &mut zip).expect("zeros");
    zip.flush().expect("zeros");
    zip.finish().expect("a zip ends").into_inner()
}

#[test]
fn zip_bombs() {
    let begun = Instant::now();
    let relations =
        "<Relationships><Relationship Id='rId1' Type='x/worksheet' Target='worksheets/sheet2.xml'/></Relationships>";
    let whole = bomb(1 << 30);
    assert!(whole.len() < 16 << 20, "{}", whole.len());
    assert_eq!(fault_of("a.xlsx", &whole).code.as_str(), "too-large");

    // The same with headers that claim ten bytes: every stored size of the sheet is overwritten.
    let zeros = vec![b' '; 40 << 20];
    let mut sheet = b"<worksheet><sheetData>".to_vec();
    sheet.extend(&zeros);
    let rels = relations.as_bytes();
    let mut lying = zip_of(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("xl/workbook.xml", BOOK.as_bytes()),
        ("xl/_rels/workbook.xml.rels", rels),
        ("xl/worksheets/sheet2.xml", &sheet),
    ]);
    let size = u32::try_from(sheet.len()).expect("a small size").to_le_bytes();
    let places: Vec<usize> = (0..lying.len() - 4).filter(|at| lying[*at..at + 4] == size).collect();
    assert!(!places.is_empty());
    for at in places {
        lying[at..at + 4].copy_from_slice(&10_u32.to_le_bytes());
    }
    let small = Limits { max_unzipped_bytes: 4 << 20, ..LIMITS };
    let fault = read("a.xlsx", &lying, &small).expect_err("a bomb");
    assert!(["too-large", "unreadable-file"].contains(&fault.code.as_str()), "{fault:?}");
    assert!(begun.elapsed() < Duration::from_mins(1));
}

#[test]
fn too_large_for_its_limits() {
    let limits = Limits { max_file_bytes: 100, ..LIMITS };
    assert_eq!(read("a.xlsx", GOOD, &limits).expect_err("too large").code.as_str(), "too-large");
    let limits = Limits { max_unzipped_bytes: 1_000, ..LIMITS };
    assert_eq!(read("a.xlsx", GOOD, &limits).expect_err("too large").code.as_str(), "too-large");
}

#[test]
fn cells_far_out_cost_nothing() {
    let far = sheet_of("<row r='1048576'><c r='XFD1048576'><v>1</v></c></row>", "");
    let far = far.replace("<sheetData>", "<dimension ref='A1:XFD1048576'/><sheetData>");
    let book = super::book(&book_of(&far));
    assert_eq!(book.sheets[0].rows().map(|(row, cells)| (row, cells.len())).collect::<Vec<_>>(), [(1_048_576, 16_384)]);

    let beyond = |at: &str| sheet_of(&format!("<row><c r='{at}'><v>1</v></c></row>"), "");
    assert_eq!(fault_of("a.xlsx", &book_of(&beyond("XFE1"))).code.as_str(), "too-large");
    assert_eq!(fault_of("a.xlsx", &book_of(&beyond("A1048577"))).code.as_str(), "too-many-rows");
    assert_eq!(fault_of("a.xlsx", &book_of(&beyond("ZZZZZZZZZZZZZZZZZZ1"))).code.as_str(), "unreadable-file");
    assert_eq!(fault_of("a.xlsx", &book_of(&beyond("A99999999999"))).code.as_str(), "unreadable-file");
    let row_of_a_million = sheet_of(&format!("<row>{}</row>", "<c><v>1</v></c>".repeat(1_000_000)), "");
    assert_eq!(fault_of("a.xlsx", &book_of(&row_of_a_million)).code.as_str(), "too-large");
    let rows = (1..=9_000).fold(String::new(), |mut rows, row| {
        write!(rows, "<row><c r='XFD{row}'><v>1</v></c></row>").expect("text grows");
        rows
    });
    assert_eq!(fault_of("a.xlsx", &book_of(&sheet_of(&rows, ""))).code.as_str(), "too-large");
}

#[test]
fn repeated_text_is_counted_before_it_is_handed_out() {
    let shared = format!("<sst><si><t>{}</t></si></sst>", "长".repeat(30_000));
    let one_row = sheet_of(&format!("<row>{}</row>", "<c t='s'><v>0</v></c>".repeat(1_000)), "");
    let many_rows = sheet_of(&"<row><c t='s'><v>0</v></c></row>".repeat(5_000), "");
    for sheet in [one_row, many_rows] {
        let bytes = book_with(&[("xl/sharedStrings.xml", &shared), (SHEET, &sheet)]);
        assert_eq!(fault_of("a.xlsx", &bytes).code.as_str(), "too-large");
    }
}

#[test]
fn merged_regions_over_everything_end() {
    let begun = Instant::now();
    let row = "<row><c t='inlineStr'><is><t>x</t></is></c><c><v>1</v></c></row>".repeat(2_000);
    let merges = format!("<mergeCells>{}</mergeCells>", "<mergeCell ref='A1:XFD1048576'/>".repeat(20_000));
    assert_eq!(fault_of("a.xlsx", &book_of(&sheet_of(&row, &merges))).code.as_str(), "too-large");
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[test]
fn elements_of_a_thousand_attributes_and_depths_end() {
    let begun = Instant::now();
    let attributes: String = (0..80_000).fold(String::new(), |mut text, at| {
        write!(text, " a{at}=''").expect("text grows");
        text
    });
    let deep = format!("{}{}", "<a>".repeat(200_000), "</a>".repeat(200_000));
    for rows in [format!("<row{attributes}><c{attributes}><v>1</v></c></row>"), deep] {
        assert!(read("a.xlsx", &book_of(&sheet_of(&rows, "")), &LIMITS).is_ok());
    }
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_million_blank_rows_are_cheap() {
    let blank = "<row><c s='1'/></row>".repeat(1_048_575);
    let book = super::book(&book_of(&sheet_of(&format!("<row><c><v>1</v></c></row>{blank}"), "")));
    assert_eq!(book.sheets[0].rows().count(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Damage anywhere in a good workbook is read or refused, never a panic; a panic caught inside counts as one.
    #[test]
    fn damaged_workbooks_end_well(at in 0..GOOD.len(), value in any::<u8>(), cut in 0..GOOD.len()) {
        let mut bytes = GOOD.to_vec();
        bytes[at] = value;
        for bytes in [&bytes[..], &bytes[..cut]] {
            match read("a.xlsx", bytes, &LIMITS) {
                Ok(book) => prop_assert!(book.sheets.iter().all(|sheet| sheet.rows().count() < 100)),
                Err(fault) => prop_assert_ne!(fault.seen, "无法解析的工作簿"),
            }
        }
    }

    /// Damage inside the XML, past the checksums of the zip.
    #[test]
    fn damaged_sheets_end_well(at in 0..200_usize, piece in "[<>&;/='\"rcvft0-9A a]{0,5}") {
        let mut sheet = sheet_of("<row r='1'><c r='A1' t='s'><v>0</v></c><c r='B1' s='1'><f>A1</f><v>45736</v></c></row>\
            <row r='2'><c r='A2' t='inlineStr'><is><t>&#x4E2D;</t></is></c></row>", "<mergeCells><mergeCell ref='A1:A2'/></mergeCells>");
        let at = at.min(sheet.len());
        sheet.insert_str(at, &piece);
        match read("a.xlsx", &book_of(&sheet), &LIMITS) {
            Ok(book) => prop_assert!(book.sheets[0].rows().count() < 10),
            Err(fault) => prop_assert_ne!(fault.seen, "无法解析的工作簿"),
        }
    }
}

#[test]
fn the_meter_stops_what_headers_hide() {
    let budget = Budget::new(100_000);
    let read = Metered::new(std::io::repeat(b'<').take(100_001), &budget).read_to_end(&mut Vec::new());
    assert!(read.is_err() && budget.is_exceeded());
    let budget = Budget::new(u64::MAX);
    let read = Metered::new(std::io::repeat(b' ').take(64 << 20), &budget).read_to_end(&mut Vec::new());
    assert!(read.is_err() && budget.is_exceeded());
    let budget = Budget::new(10);
    let read = Metered::new(&b"<a>text</a"[..], &budget).read_to_end(&mut Vec::new());
    assert!(read.is_ok() && !budget.is_exceeded());
}
