//! The annotated copy of every workbook that must fail: sound, every faulty cell coloured and noted, the list whole; mended
//! in that copy nothing is wrong any more, also after LibreOffice saved it.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;
use std::process::{Command, Stdio};

use calamine::{Reader as _, Xlsx};
use rayon::prelude::*;

use super::corpus::{Planted, catalogue, corpus, findings};
use super::typing::{Typed, sheets_of, typed};
use crate::forms::annotate::markup::{Element, elements};
use crate::forms::annotate::tests::copies::coloured;
use crate::forms::annotate::tests::package::check;
use crate::forms::annotate::tests::{list_of, parts_of};
use crate::forms::annotate::{Annotated, Colour, LIST_SHEET, Manner, annotate};
use crate::forms::grid::package::{relations_of, resolve};
use crate::forms::grid::{self, place_of};
use crate::forms::reading::{FileKind, FileReading};
use crate::subsidy::catalogue::Catalogue;
use crate::subsidy::finding::Severity;

/// The only sheet of a copy of a csv.
const CSV_SHEET: &str = "数据";

/// The name of a sheet in the copy.
fn in_copy(sheet: &str) -> &str {
    if sheet.is_empty() { CSV_SHEET } else { sheet }
}

/// The notes of a worksheet part: cell and text.
fn notes(parts: &[(String, Vec<u8>)], part: &str) -> BTreeMap<String, String> {
    let text = |name: &str| {
        let found = parts.iter().find(|(part, _)| part == name);
        found.map(|(_, part)| String::from_utf8(part.clone()).unwrap())
    };
    let Some(relations) = text(&relations_of(part)) else { return BTreeMap::new() };
    let relations = elements(&relations).unwrap();
    let is_notes = |e: &&Element<'_>| e.attribute("Type").is_some_and(|kind| kind.ends_with("/comments"));
    let Some(relation) = relations.iter().find(is_notes) else { return BTreeMap::new() };
    let notes = text(&resolve("xl/worksheets", &relation.attribute("Target").unwrap())).unwrap();
    let all = elements(&notes).unwrap();
    let said = |note: &Element<'_>| {
        let texts = all.iter().filter(|e| e.name == "t" && note.whole().contains(&e.open.start));
        texts.map(|e| quick_xml::escape::unescape(&notes[e.open.end..e.close.start]).unwrap().into_owned()).collect()
    };
    all.iter().filter(|e| e.name == "comment").map(|note| (note.attribute("ref").unwrap(), said(note))).collect()
}

fn is_hidden(element: &Element<'_>) -> bool {
    element.attribute("hidden").is_some_and(|hidden| matches!(hidden.as_str(), "1" | "true"))
}

/// Which cells of a worksheet nobody sees.
fn hidden(text: &str) -> impl Fn(u32, usize) -> bool {
    let number = |e: &Element<'_>, name: &str| e.attribute(name).unwrap().parse::<u32>().unwrap();
    let all = elements(text).unwrap();
    let hidden = |name: &'static str| all.iter().filter(move |e| e.name == name && is_hidden(e));
    let rows: Vec<u32> = hidden("row").map(|row| number(row, "r")).collect();
    let columns: Vec<_> = hidden("col").map(|col| number(col, "min")..=number(col, "max")).collect();
    move |row, column| {
        let column = u32::try_from(column + 1).unwrap();
        rows.contains(&row) || columns.iter().any(|columns| columns.contains(&column))
    }
}

fn is_hidden_sheet(parts: &[(String, Vec<u8>)], sheet: &str) -> bool {
    let (_, book) = parts.iter().find(|(part, _)| part == "xl/workbook.xml").unwrap();
    let book = String::from_utf8(book.clone()).unwrap();
    let all = elements(&book).unwrap();
    let sheet = all.iter().find(|e| e.name == "sheet" && e.attribute("name").as_deref() == Some(sheet)).unwrap();
    sheet.attribute("state").is_some_and(|state| state != "visible")
}

/// Panics if the copy does not mark exactly what was found, or its list leaves something out.
pub(super) fn marks(name: &str, copy: &Annotated, reading: &FileReading) {
    check(&copy.bytes);
    let parts = parts_of(&copy.bytes);
    for (sheet, part) in sheets_of(&copy.bytes).iter().filter(|(sheet, _)| sheet != LIST_SHEET) {
        let here: Vec<_> =
            reading.findings.iter().filter(|f| in_copy(&f.sheet) == sheet && !f.cell.is_empty()).collect();
        let mut wanted: BTreeMap<(u32, usize), Colour> = BTreeMap::new();
        for finding in &here {
            let colour = wanted.entry(place_of(&finding.cell).unwrap()).or_insert(Colour::Warning);
            if finding.severity == Severity::Error {
                *colour = Colour::Error;
            }
        }
        let found: BTreeMap<(u32, usize), Colour> =
            coloured(&copy.bytes, part).into_iter().map(|(cell, colour)| (place_of(&cell).unwrap(), colour)).collect();
        assert_eq!(found, wanted, "{name}: colours of {sheet}");
        let text = String::from_utf8(parts.iter().find(|(known, _)| known == part).unwrap().1.clone()).unwrap();
        let hidden = hidden(&text);
        assert_eq!(wanted.keys().find(|(row, column)| hidden(*row, *column)), None, "{name}: {sheet} hides it");
        assert!(wanted.is_empty() || !is_hidden_sheet(&parts, sheet), "{name}: {sheet} is hidden");
        let notes = notes(&parts, part);
        for finding in here {
            let note = notes.get(&finding.cell).unwrap_or_else(|| panic!("{name}: no note in {}", finding.cell));
            assert!(note.contains(&finding.advice), "{name}: {} says {note}", finding.cell);
        }
    }
    lists(name, &copy.bytes, reading);
}

/// Panics if the list, as another program reads it, leaves a finding out.
fn lists(name: &str, bytes: &[u8], reading: &FileReading) {
    let mut book = Xlsx::new(Cursor::new(bytes)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let list = book.worksheet_range(LIST_SHEET).unwrap();
    let lines: Vec<Vec<String>> = list.rows().map(|row| row.iter().map(ToString::to_string).collect()).collect();
    for finding in &reading.findings {
        let place = match (finding.sheet.as_str(), finding.cell.as_str()) {
            (_, "") => "整个文件".to_owned(),
            ("", cell) => cell.to_owned(),
            (sheet, cell) => format!("“{sheet}”{cell}"),
        };
        let heading = lines.iter().position(|line| line[2].starts_with(&finding.advice));
        let heading = heading.unwrap_or_else(|| panic!("{name}: the list leaves out {}", finding.advice));
        let below = lines[heading + 1..].iter().take_while(|line| line[0].contains('.'));
        assert!(below.clone().any(|line| line[1] == place), "{name}: the list leaves out {place}: {}", finding.advice);
    }
    let says_taken = lines.iter().any(|line| line[2].contains("没有错误的行已经收下"));
    assert_eq!(says_taken, !reading.content.is_empty(), "{name}: what was taken");
    for name in book.sheet_names() {
        book.worksheet_range(&name).unwrap();
    }
}

/// The copy; nothing for what cannot be read at all.
fn copy_of(planted: &Planted, catalogue: &Catalogue) -> Option<(FileReading, Annotated)> {
    let (name, bytes) = (&planted.entry.file, &planted.bytes);
    let reading = planted.read(name, bytes, catalogue);
    let readable = grid::read(name, bytes, &planted.limits()).is_ok();
    let copy = annotate(name, bytes, &list_of(&reading), &planted.limits());
    assert_eq!(copy.is_ok(), readable, "{name}");
    Some((reading, copy.ok()?))
}

/// The mends of a file, as they are typed into its copy.
fn mends(planted: &Planted) -> Option<Vec<Typed>> {
    let mends = planted.entry.mends.as_ref()?;
    Some(mends.iter().map(|(sheet, cell, value)| (in_copy(sheet).to_owned(), cell.clone(), value.clone())).collect())
}

#[test]
fn every_copy_is_sound_and_marks_what_was_found_and_nothing_else() {
    let catalogue = catalogue();
    let copies = corpus().into_par_iter().filter_map(|planted| {
        let (reading, copy) = copy_of(&planted, &catalogue)?;
        let name = &planted.entry.file;
        let manner = if planted.entry.by == "csv" { Manner::Redrawn } else { Manner::Edited };
        assert_eq!(copy.manner, manner, "{name}");
        marks(name, &copy, &reading);
        Some(())
    });
    let copies = copies.count();
    assert!(copies >= 150, "{copies}");
}

/// Every so many copies are mended by half.
const EVERY_HALF: usize = 4;

#[test]
fn a_copy_that_is_mended_is_read_without_findings_and_half_mended_with_the_rest() {
    let catalogue = catalogue();
    let rest = corpus().into_par_iter().enumerate().filter_map(|(nth, planted)| {
        let ((_, copy), mends) = (copy_of(&planted, &catalogue)?, mends(&planted)?);
        let name = &planted.entry.file;
        let reading = planted.read("copy.xlsx", &typed(&copy.bytes, &mends), &catalogue);

        assert_eq!(findings(&reading), Vec::<[String; 4]>::new(), "{name}");
        assert_eq!((reading.set_aside, reading.kind.map(FileKind::code)), (0, planted.entry.form.as_deref()), "{name}");
        if nth % EVERY_HALF != 0 {
            return Some(0);
        }
        let bytes = typed(&copy.bytes, &mends[..mends.len() / 2]);
        let reading = planted.read("copy.xlsx", &bytes, &catalogue);
        let again = annotate("copy.xlsx", &bytes, &list_of(&reading), &planted.limits()).unwrap();
        assert_eq!(again.manner, Manner::Edited, "{name}");
        marks(name, &again, &reading);
        Some(reading.findings.len())
    });
    let rest: Vec<usize> = rest.collect();
    let half = rest.iter().filter(|findings| **findings > 0).count();
    assert!(rest.len() >= 150 && half >= 25, "{} {half}", rest.len());
}

/// Every so many mended copies go through LibreOffice.
const EVERY_SAVED: usize = 9;

#[test]
fn a_mended_copy_that_libreoffice_saved_is_read_without_findings() {
    if !soffice_is_there() {
        return;
    }
    let catalogue = catalogue();
    let folder = tempfile::tempdir().unwrap();
    let mut sent = Vec::new();
    for planted in corpus().into_iter().step_by(EVERY_SAVED) {
        let (Some((_, copy)), Some(mends)) = (copy_of(&planted, &catalogue), mends(&planted)) else { continue };
        let path = folder.path().join(format!("{}.xlsx", sent.len()));
        std::fs::write(&path, typed(&copy.bytes, &mends)).unwrap();
        sent.push((planted, path));
    }
    assert!(sent.len() >= 20, "{}", sent.len());
    let out = folder.path().join("saved");
    let saved = Command::new("soffice")
        .arg(format!("-env:UserInstallation=file://{}/profile", folder.path().display()))
        .args(["--headless", "--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir"])
        .arg(&out)
        .args(sent.iter().map(|(_, path)| path))
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(saved.success());
    for (planted, path) in &sent {
        let bytes = std::fs::read(out.join(path.file_name().unwrap())).unwrap();
        let reading = planted.read("copy.xlsx", &bytes, &catalogue);
        let name = &planted.entry.file;
        assert_eq!(findings(&reading), Vec::<[String; 4]>::new(), "{name}");
        assert_eq!((reading.set_aside, reading.kind.map(FileKind::code)), (0, planted.entry.form.as_deref()), "{name}");
    }
}

/// Whether LibreOffice is there; says so where not. In CI it must be.
fn soffice_is_there() -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let there = std::env::split_paths(&paths).any(|path| Path::new(&path).join("soffice").exists());
    if !there {
        assert!(std::env::var_os("SHENLING_REQUIRE_ALL").is_none(), "LibreOffice is missing");
        eprintln!("skipped: no soffice on the path");
    }
    there
}
