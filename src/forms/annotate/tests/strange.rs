//! Packages that are written otherwise, or maliciously: a sound copy or none, and never a panic.

use std::io::{Cursor, Write as _};

use proptest::prelude::*;
use zip::write::SimpleFileOptions;

use super::super::{Manner, annotate};
use super::package::check;
use super::{LIBREOFFICE, OPENPYXL, XLSXWRITER, list_of, parts_of};
use crate::forms::fix_list::FixList;
use crate::forms::grid;
use crate::forms::reading::tests::{LIMITS, read};
use crate::subsidy::finding::{Code, Finding, Severity};

const MAIN: &str = "xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'";
const R: &str = "xmlns:r='http://schemas.openxmlformats.org/officeDocument/2006/relationships'";

fn zip_of(parts: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        zip.start_file(name.as_str(), SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A workbook of one sheet, as small as can be; `x` stands before every name of the main part's language where given.
fn tiny(sheet: &str, book: &str, styles: Option<&str>) -> Vec<u8> {
    let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml";
    let types = format!(
        "<Types xmlns='http://schemas.openxmlformats.org/package/2006/content-types'>\
         <Default Extension='rels' ContentType='application/vnd.openxmlformats-package.relationships+xml'/>\
         <Default Extension='xml' ContentType='application/xml'/>\
         <Override PartName='/xl/workbook.xml' ContentType='{kind}.sheet.main+xml'/>\
         <Override PartName='/xl/worksheets/sheet1.xml' ContentType='{kind}.worksheet+xml'/></Types>"
    );
    let to_styles = styles.map_or("", |_| "<Relationship Id='s' Type='http://x/styles' Target='styles.xml'/>");
    let relations = format!(
        "<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'>\
         <Relationship Id='rIdList' Type='http://x/worksheet' Target='worksheets/sheet1.xml'/>{to_styles}</Relationships>"
    );
    let top = "<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'>\
        <Relationship Id='rId1' Type='http://x/officeDocument' Target='xl/workbook.xml'/></Relationships>";
    let mut parts = vec![
        ("[Content_Types].xml", types.as_str()),
        ("_rels/.rels", top),
        ("xl/workbook.xml", book),
        ("xl/_rels/workbook.xml.rels", &relations),
        ("xl/worksheets/sheet1.xml", sheet),
    ];
    parts.extend(styles.map(|text| ("xl/styles.xml", text)));
    zip_of(&parts.into_iter().map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec())).collect::<Vec<_>>())
}

fn book(prefix: &str) -> String {
    let (p, ns) = if prefix.is_empty() {
        (String::new(), MAIN.to_owned())
    } else {
        (format!("{prefix}:"), MAIN.replace("xmlns", &format!("xmlns:{prefix}")))
    };
    format!(
        "<{p}workbook {ns} {R}><{p}sheets><{p}sheet name='表' sheetId='7' r:id='rIdList'/></{p}sheets></{p}workbook>"
    )
}

fn fixes(cells: &[&str]) -> FixList {
    let findings: Vec<Finding> = cells
        .iter()
        .map(|cell| Finding {
            sheet: "表".to_owned(),
            cell: (*cell).to_owned(),
            code: Code::RequiredEmpty,
            severity: Severity::Error,
            seen: "\u{1}<&>_x0041_".to_owned(),
            advice: "请填写“姓名”".to_owned(),
        })
        .collect();
    FixList::of(&findings, &[])
}

/// How the copy of a tiny workbook came about; its sheet.
fn copied(sheet: &str, cells: &[&str]) -> (Manner, String) {
    let bytes = tiny(&format!("<worksheet {MAIN}>{sheet}</worksheet>"), &book(""), None);
    let copy = annotate("a.xlsx", &bytes, &fixes(cells), &LIMITS).unwrap();
    check(&copy.bytes);
    let parts = parts_of(&copy.bytes);
    let (_, sheet) = parts.iter().find(|(name, _)| name.ends_with("/sheet1.xml")).unwrap();
    (copy.manner, String::from_utf8(sheet.clone()).unwrap())
}

#[test]
fn missing_cells_and_rows_are_put_in_where_they_belong() {
    let (manner, sheet) = copied(
        "<cols><col min='4' max='4' style='0' width='9'/></cols><sheetData><row><c t='inlineStr'><is><t>甲</t></is></c>\
         <c><v>2</v></c></row><row r='4' spans='1:2' s='0' customFormat='1'><c r='C4'><v>3</v></c></row><row r='6'/></sheetData>",
        &["A1", "D1", "B4", "D4", "F6", "A2", "C9"],
    );
    assert_eq!(manner, Manner::Edited);
    let order: Vec<usize> = ["甲", "\"D1\"", "\"A2\"", "\"B4\"", "'C4'", "\"D4\"", "\"F6\"", "\"C9\""]
        .iter()
        .map(|what| {
            sheet
                .find(what)
                .or_else(|| sheet.find(&what.replace('\'', "\"")))
                .unwrap_or_else(|| panic!("{what}\n{sheet}"))
        })
        .collect();
    assert!(order.is_sorted(), "{sheet}");
    assert!(!sheet.contains("spans"), "{sheet}");
}

#[test]
fn an_empty_sheet_takes_marks() {
    let (manner, sheet) = copied("<sheetData/><extLst/>", &["B2"]);
    assert_eq!(manner, Manner::Edited);
    assert!(
        sheet.contains("<sheetData><row r=\"2\"><c r=\"B2\"") && sheet.contains("r:id=\"rIdShapes\"/><extLst/>"),
        "{sheet}"
    );
}

#[test]
fn names_with_a_prefix_are_edited() {
    let ns = MAIN.replace("xmlns", "xmlns:x");
    let sheet = format!(
        "<x:worksheet {ns}><x:sheetData><x:row r='1'><x:c r='A1'><x:v>1</x:v></x:c></x:row></x:sheetData></x:worksheet>"
    );
    let styles = super::super::styles::PLAIN
        .replace("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>", "")
        .replace("</", "</x:")
        .replace('<', "<x:")
        .replace("<x:/x:", "</x:")
        .replace("xmlns=", "xmlns:x=");
    let bytes = tiny(&sheet, &book("x"), Some(&styles));
    let with_type = |bytes: &[u8]| {
        let mut parts = parts_of(bytes);
        let types = String::from_utf8(parts[0].1.clone()).unwrap().replace(
            "</Types>",
            "<Override PartName='/xl/styles.xml' ContentType='application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml'/></Types>",
        );
        parts[0].1 = types.into_bytes();
        zip_of(&parts)
    };
    let copy = annotate("a.xlsx", &with_type(&bytes), &fixes(&["A1", "B1"]), &LIMITS).unwrap();
    assert_eq!(copy.manner, Manner::Edited);
    check(&copy.bytes);
    assert!(super::part_of(&copy.bytes, "xl/worksheets/sheet1.xml").contains("<x:c r=\"B1\" s=\""));
}

#[test]
fn what_is_not_edited_is_drawn_anew() {
    let strict = MAIN.replace(
        "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
        "http://purl.oclc.org/ooxml/spreadsheetml/main",
    );
    let data = "<sheetData><row r='1'><c r='A1'><v>1</v></c></row></sheetData>";
    let strict_sheet = tiny(&format!("<worksheet {strict}>{data}</worksheet>"), &book(""), None);
    let foreign_list =
        tiny(&format!("<worksheet {MAIN}>{data}</worksheet>"), &book("").replace("name='表'", "name='问题清单'"), None);
    let bad_styles = tiny(&format!("<worksheet {MAIN}>{data}</worksheet>"), &book(""), Some("<styleSheet/>"));
    for bytes in [strict_sheet, foreign_list, bad_styles] {
        let copy = annotate("a.xlsx", &bytes, &fixes(&["A1", "C3"]), &LIMITS).unwrap();
        assert_eq!(copy.manner, Manner::Redrawn);
        check(&copy.bytes);
        let before = grid::read("a.xlsx", &bytes, &LIMITS).unwrap();
        let after = grid::read("a.xlsx", &copy.bytes, &LIMITS).unwrap();
        assert!(before.sheets[0].rows().eq(after.sheets[1].rows()));
    }
}

#[test]
fn what_was_merged_is_merged_when_drawn_anew() {
    let text = |cell: &str| format!("<c r='{cell}' t='inlineStr'><is><t>{cell}</t></is></c>");
    let data = format!(
        "<sheetData><row r='1'>{}{}</row><row r='2'>{}{}</row><row r='3'>{}</row></sheetData>\
         <mergeCells><mergeCell ref='A1:A3'/><mergeCell ref='B1:B3'/><mergeCell ref='B2:B4'/></mergeCells>",
        text("A1"),
        text("B1"),
        text("B2"),
        text("C2"),
        text("C3")
    );
    let bytes = tiny(&format!("<worksheet {MAIN}>{data}</worksheet>"), &book(""), Some("<styleSheet/>"));
    let copy = annotate("a.xlsx", &bytes, &fixes(&["A1", "C3"]), &LIMITS).unwrap();
    assert_eq!(copy.manner, Manner::Redrawn);
    let before = grid::read("a.xlsx", &bytes, &LIMITS).unwrap();
    let after = grid::read("a.xlsx", &copy.bytes, &LIMITS).unwrap();
    assert!(before.sheets[0].rows().eq(after.sheets[1].rows()));
    assert_eq!(after.sheets[1].origin(3, 0), (1, 0), "what is mended once is mended for all its rows");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is damaged: a copy exactly where the file can be read, with what the file holds.
    #[test]
    fn damage_never_breaks_us(which in 0_usize..3, part in 0_usize..1000, at in 0_usize..100_000, with in 0_usize..6) {
        let original = [OPENPYXL, XLSXWRITER, LIBREOFFICE][which];
        let mut parts = parts_of(original);
        let part = part % parts.len();
        let text = &mut parts[part].1;
        let at = at % text.len().max(1);
        let pieces: [&[u8]; 6] = [b"", b"<", b"\"", b"<c r='A1'/>", b"</x>", b"\xFF"];
        text.splice(at..(at + 1).min(text.len()), pieces[with].iter().copied());
        let bytes = zip_of(&parts);
        let fixes = list_of(&read("a.xlsx", original));
        let readable = grid::read("a.xlsx", &bytes, &LIMITS);
        let copy = annotate("a.xlsx", &bytes, &fixes, &LIMITS);
        prop_assert_eq!(readable.is_ok(), copy.is_ok());
        if let Ok(copy) = copy {
            prop_assert!(grid::read("a.xlsx", &copy.bytes, &LIMITS).is_ok());
        }
    }
}
