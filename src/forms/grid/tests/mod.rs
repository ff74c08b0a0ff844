//! The grid's tests: what each program's workbooks become, and that hostile files end as faults.

mod hostile;
mod meaning;
mod programs;
mod text;

use super::{Cell, FileFault, Limits, Sheet, Workbook, read};
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;

/// Limits of a size that a test can exceed quickly.
const LIMITS: Limits =
    Limits { max_file_bytes: 64 << 20, max_unzipped_bytes: 256 << 20, max_sheets: 20, max_rows: super::MAX_SHEET_ROWS };

const TYPES: &str = "<Types xmlns='http://schemas.openxmlformats.org/package/2006/content-types'/>";
const RELATIONS: &str = "<Relationships>\
    <Relationship Id='rId1' Type='http://x/relationships/worksheet' Target='worksheets/sheet1.xml'/>\
    <Relationship Id='rId2' Type='http://x/relationships/styles' Target='/xl/styles.xml'/>\
    <Relationship Id='rId3' Type='http://x/relationships/sharedStrings' Target='sharedStrings.xml'/></Relationships>";
const BOOK: &str = "<workbook><sheets><sheet name='表' sheetId='1' r:id='rId1'/></sheets></workbook>";
const STYLES: &str = "<styleSheet><numFmts><numFmt numFmtId='176' formatCode='yyyy&quot;年&quot;m&quot;月&quot;'/></numFmts>\
    <cellStyleXfs><xf numFmtId='14'/></cellStyleXfs>\
    <cellXfs><xf numFmtId='0'/><xf numFmtId='14'/><xf numFmtId='176'/><xf numFmtId='31'/></cellXfs></styleSheet>";
const SHARED: &str = "<sst><si><t>甲</t></si><si><r><t>乙</t></r><r><t xml:space='preserve'> 丙</t></r>\
    <rPh sb='0' eb='1'><t>bing</t></rPh></si></sst>";

/// A zip of these parts.
fn zip_of(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).expect("a part starts");
        zip.write_all(bytes).expect("a part is written");
    }
    zip.finish().expect("a zip ends").into_inner()
}

/// A workbook of one sheet with this XML.
fn book_of(sheet: &str) -> Vec<u8> {
    book_with(&[("xl/worksheets/sheet1.xml", sheet)])
}

/// A workbook with these parts instead of, or beside, the usual ones.
fn book_with(changed: &[(&str, &str)]) -> Vec<u8> {
    let usual = [
        ("[Content_Types].xml", TYPES),
        ("xl/workbook.xml", BOOK),
        ("xl/_rels/workbook.xml.rels", RELATIONS),
        ("xl/styles.xml", STYLES),
        ("xl/sharedStrings.xml", SHARED),
        ("xl/worksheets/sheet1.xml", "<worksheet><sheetData/></worksheet>"),
    ];
    let mut parts: Vec<(&str, &[u8])> = usual
        .iter()
        .filter(|(name, _)| changed.iter().all(|(other, _)| other != name))
        .map(|(name, text)| (*name, text.as_bytes()))
        .collect();
    parts.extend(changed.iter().map(|(name, text)| (*name, text.as_bytes())));
    zip_of(&parts)
}

/// A worksheet with these rows, and what follows them.
fn sheet_of(rows: &str, after: &str) -> String {
    format!("<?xml version='1.0'?><worksheet><sheetData>{rows}</sheetData>{after}</worksheet>")
}

fn book(bytes: &[u8]) -> Workbook {
    read("表.xlsx", bytes, &LIMITS).expect("a workbook that can be read")
}

fn fault_of(file_name: &str, bytes: &[u8]) -> FileFault {
    read(file_name, bytes, &LIMITS).expect_err("a file that cannot be read")
}

/// One row in one line, cells split by `|`: text as it is, the others with a sign of their kind.
fn show(sheet: &Sheet) -> Vec<String> {
    sheet
        .rows()
        .map(|(number, cells)| {
            let cells: Vec<String> = cells
                .iter()
                .map(|cell| match cell {
                    Cell::Empty => String::new(),
                    Cell::Text(text) => text.clone(),
                    Cell::Number { text, date_1904: false } => format!("#{text}"),
                    Cell::Number { text, date_1904: true } => format!("#1904:{text}"),
                    Cell::Date { on, .. } => format!("@{on}"),
                    Cell::Bool(truth) => format!("?{truth}"),
                    Cell::Error(error) => format!("!{error}"),
                })
                .collect();
            format!("{number}: {}", cells.join("|"))
        })
        .collect()
}

/// How many parts a sheet has; together they are its rows.
fn parts_of(sheet: &Sheet) -> usize {
    let parts: Vec<Vec<(u32, Vec<Cell>)>> = sheet.parts().into_iter().map(Iterator::collect).collect();
    let count = parts.len();
    assert!(parts.into_iter().flatten().eq(sheet.rows()), "{count} parts");
    count
}

/// The rows of a workbook of one sheet.
fn rows_of(sheet: &str) -> Vec<String> {
    show(&book(&book_of(sheet)).sheets[0])
}
