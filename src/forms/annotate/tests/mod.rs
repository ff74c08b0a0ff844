//! Annotated copies of real workbooks: every faulty cell is marked, nothing else changes, and the package stays sound.

mod copies;
mod faults;
mod package;
mod strange;

use std::io::{Cursor, Read as _};

use zip::ZipArchive;

use super::{Annotated, annotate};
use crate::forms::fix_list::FixList;
use crate::forms::reading::FileReading;
use crate::forms::reading::tests::{LIMITS, read};

const OPENPYXL: &[u8] = include_bytes!("../../../../tests/fixtures/annotate/openpyxl.xlsx");
const XLSXWRITER: &[u8] = include_bytes!("../../../../tests/fixtures/annotate/xlsxwriter.xlsx");
const LIBREOFFICE: &[u8] = include_bytes!("../../../../tests/fixtures/annotate/libreoffice.xlsx");

/// The list of a reading.
fn list_of(reading: &FileReading) -> FixList {
    FixList { rows_taken: !reading.content.is_empty(), ..FixList::of(&reading.findings, &reading.repairs) }
}

/// The annotated copy of a file as it is read.
fn copy_of(name: &str, bytes: &[u8]) -> Annotated {
    annotate(name, bytes, &list_of(&read(name, bytes)), &LIMITS).expect("a file that can be read")
}

/// Every part of a package: name and bytes.
fn parts_of(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).expect("a zip");
    let mut parts = Vec::new();
    for index in 0..zip.len() {
        let mut part = zip.by_index(index).expect("a part");
        let name = part.name().expect("a name").into_owned();
        let mut bytes = Vec::new();
        part.read_to_end(&mut bytes).expect("a part that can be read");
        parts.push((name, bytes));
    }
    parts
}

/// The text of a part.
fn part_of(bytes: &[u8], name: &str) -> String {
    let (_, part) = parts_of(bytes).into_iter().find(|(part, _)| part == name).unwrap_or_else(|| panic!("no {name}"));
    String::from_utf8(part).expect("text")
}
