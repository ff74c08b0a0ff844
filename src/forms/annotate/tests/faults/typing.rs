//! A clerk at work: values typed into the cells of a workbook, which keeps everything else.

use std::collections::HashMap;
use std::io::{Cursor, Write as _};

use serde_json::Value;
use zip::write::SimpleFileOptions;

use crate::forms::annotate::markup::{Element, cell_text, elements};
use crate::forms::annotate::tests::parts_of;
use crate::forms::grid::package::resolve;
use crate::forms::grid::{a1, place_of};

/// Sheet, cell, and what is typed: a text, a number, `{"date": ..}`, or nothing.
pub(super) type Typed = (String, String, Value);

/// The sheets of a package: name and part.
pub(super) fn sheets_of(bytes: &[u8]) -> Vec<(String, String)> {
    let parts = parts_of(bytes);
    let text = |name: &str| {
        let (_, part) = parts.iter().find(|(part, _)| part == name).expect("a part");
        std::str::from_utf8(part).expect("text")
    };
    let (book, relations) = (text("xl/workbook.xml"), text("xl/_rels/workbook.xml.rels"));
    let relations = elements(relations).expect("relations");
    let part = |id: &str| {
        let relation = relations.iter().find(|e| e.attribute("Id").as_deref() == Some(id)).expect("a relation");
        resolve("xl", &relation.attribute("Target").expect("a target"))
    };
    let sheets = elements(book).expect("a workbook").into_iter().filter(|e| e.name == "sheet");
    sheets.map(|e| (e.attribute("name").expect("a name"), part(&e.attribute("id").expect("an id")))).collect()
}

/// The workbook with these values typed into it.
pub(super) fn typed(bytes: &[u8], values: &[Typed]) -> Vec<u8> {
    let sheets = sheets_of(bytes);
    let mut parts = parts_of(bytes);
    for (sheet, part) in &sheets {
        let here: Vec<_> = values.iter().filter(|(name, ..)| name == sheet).collect();
        let (_, content) = parts.iter_mut().find(|(name, _)| name == part).expect("a worksheet");
        let mut text = String::from_utf8(content.clone()).expect("text");
        let absent = replace(&mut text, &here);
        for (_, cell, value) in absent {
            text = insert(&text, place_of(cell).expect("an address"), value);
        }
        *content = text.into_bytes();
    }
    assert!(values.iter().all(|(name, ..)| sheets.iter().any(|(sheet, _)| sheet == name)), "a sheet is missing");
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in &parts {
        zip.start_file(name.as_str(), SimpleFileOptions::default()).expect("a part");
        zip.write_all(content).expect("its content");
    }
    zip.finish().expect("a package").into_inner()
}

/// Puts values into cells that are there, whose style stays; the others are left over.
fn replace<'a>(text: &mut String, values: &[&'a Typed]) -> Vec<&'a Typed> {
    let mut absent = Vec::new();
    let mut edits = Vec::new();
    {
        let all = elements(text).expect("a worksheet");
        let cells: HashMap<String, &Element<'_>> =
            all.iter().filter(|e| e.name == "c").map(|e| (e.attribute("r").expect("an address"), e)).collect();
        for typed in values {
            match cells.get(&typed.1) {
                Some(known) => {
                    let place = place_of(&typed.1).expect("an address");
                    edits.push((known.whole(), cell(&known.prefix(), place, known.attribute("s"), &typed.2)));
                }
                None => absent.push(*typed),
            }
        }
    }
    edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    for (range, with) in edits {
        text.replace_range(range, &with);
    }
    absent
}

/// A worksheet with a cell that was not there.
fn insert(text: &str, (row, column): (u32, usize), value: &Value) -> String {
    let all = elements(text).expect("a worksheet");
    let data = all.iter().find(|e| e.name == "sheetData").expect("data");
    let p = data.prefix();
    let fresh = cell(&p, (row, column), None, value);
    let row_of = |e: &Element<'_>| e.attribute("r").and_then(|r| r.parse::<u32>().ok()).expect("a numbered row");
    let rows: Vec<&Element<'_>> = all.iter().filter(|e| e.name == "row").collect();
    let Some(line) = rows.iter().find(|e| row_of(e) == row) else {
        if data.closes_itself() {
            let open = text[data.open.clone()].replace("/>", ">");
            let line = format!("{open}<{p}row r=\"{row}\">{fresh}</{p}row></{p}sheetData>");
            return spliced(text, data.open.clone(), &line);
        }
        let at = rows.iter().find(|e| row_of(e) > row).map_or(data.close.start, |e| e.open.start);
        return spliced(text, at..at, &format!("<{p}row r=\"{row}\">{fresh}</{p}row>"));
    };
    if line.closes_itself() {
        let open = text[line.open.clone()].replace("/>", ">");
        return spliced(text, line.open.clone(), &format!("{open}{fresh}</{p}row>"));
    }
    let column_of = |e: &Element<'_>| place_of(&e.attribute("r").expect("an address")).expect("a place").1;
    let mut cells = all.iter().filter(|e| e.name == "c" && line.whole().contains(&e.open.start));
    let at = cells.find(|e| column_of(e) > column).map_or(line.close.start, |e| e.open.start);
    spliced(text, at..at, &fresh)
}

fn spliced(text: &str, range: std::ops::Range<usize>, with: &str) -> String {
    format!("{}{with}{}", &text[..range.start], &text[range.end..])
}

fn cell(p: &str, (row, column): (u32, usize), style: Option<String>, value: &Value) -> String {
    let style = style.map(|style| format!(" s=\"{style}\"")).unwrap_or_default();
    let head = format!("<{p}c r=\"{}\"{style}", a1(row, column));
    let text = |text: &str| {
        format!("{head} t=\"inlineStr\"><{p}is><{p}t xml:space=\"preserve\">{}</{p}t></{p}is></{p}c>", cell_text(text))
    };
    match value {
        Value::Null => format!("{head}/>"),
        Value::Number(number) => format!("{head}><{p}v>{number}</{p}v></{p}c>"),
        Value::String(words) => text(words),
        date => text(date["date"].as_str().expect("a date")),
    }
}
