//! What Excel insists on, checked without Excel: names, types, relations, ids, the order of elements, references.

use std::collections::{BTreeMap, BTreeSet};

use quick_xml::events::Event;
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

use super::super::markup::{Element, elements};
use super::parts_of;
use crate::forms::grid::package::{relations_of, resolve};
use crate::forms::grid::place_of;

/// The children of `worksheet` in the order of the schema.
const ORDER: [&str; 38] = [
    "sheetPr",
    "dimension",
    "sheetViews",
    "sheetFormatPr",
    "cols",
    "sheetData",
    "sheetCalcPr",
    "sheetProtection",
    "protectedRanges",
    "scenarios",
    "autoFilter",
    "sortState",
    "dataConsolidate",
    "customSheetViews",
    "mergeCells",
    "phoneticPr",
    "conditionalFormatting",
    "dataValidations",
    "hyperlinks",
    "printOptions",
    "pageMargins",
    "pageSetup",
    "headerFooter",
    "rowBreaks",
    "colBreaks",
    "customProperties",
    "cellWatches",
    "ignoredErrors",
    "smartTags",
    "drawing",
    "legacyDrawing",
    "legacyDrawingHF",
    "picture",
    "oleObjects",
    "controls",
    "webPublishItems",
    "tableParts",
    "extLst",
];

type Parts = BTreeMap<String, String>;

/// Panics with what is wrong.
pub(super) fn check(bytes: &[u8]) {
    let all = parts_of(bytes);
    let names: BTreeSet<String> = all.iter().map(|(name, _)| name.to_lowercase()).collect();
    assert_eq!(names.len(), all.len(), "two parts of one name");
    assert_eq!(all[0].0, "[Content_Types].xml", "what a package is shows in its first part");
    let texts: Parts = all.into_iter().filter_map(|(name, part)| Some((name, String::from_utf8(part).ok()?))).collect();
    for (name, text) in texts.iter().filter(|(name, _)| [".xml", ".rels", ".vml"].iter().any(|end| name.ends_with(end)))
    {
        assert!(elements(text).is_ok(), "{name} is no XML: {text}");
        prefixes(name, text);
    }
    types(&texts, &names);
    for (name, text) in texts.iter().filter(|(name, _)| has_end(name, "rels")) {
        let mut ids = BTreeSet::new();
        for relation in found(text, "Relationship") {
            assert!(ids.insert(relation.attribute("Id")), "{name}: an id twice");
            if relation.attribute("TargetMode").as_deref() != Some("External") {
                let target = target(name, &relation.attribute("Target").unwrap());
                assert!(names.contains(&target.to_lowercase()), "{name}: {target} is missing");
            }
        }
    }
    let styles = styles(&texts["xl/styles.xml"]);
    book(&texts);
    for (name, text) in texts.iter().filter(|(name, _)| name.starts_with("xl/worksheets/") && has_end(name, "xml")) {
        worksheet(name, text, styles, &texts);
    }
}

/// Every prefix is declared where it is used.
fn prefixes(name: &str, text: &str) {
    let mut reader = NsReader::from_str(text);
    loop {
        let (namespace, event) = reader.read_resolved_event().unwrap();
        assert!(!matches!(namespace, ResolveResult::Unknown(_)), "{name}: {event:?}");
        match event {
            Event::Start(start) | Event::Empty(start) => {
                for attribute in start.attributes() {
                    let (namespace, _) = reader.resolver().resolve_attribute(attribute.unwrap().key);
                    assert!(!matches!(namespace, ResolveResult::Unknown(_)), "{name}: {start:?}");
                }
            }
            Event::Eof => return,
            _ => {}
        }
    }
}

fn has_end(name: &str, end: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, found)| found == end)
}

fn found<'a>(text: &'a str, name: &str) -> Vec<Element<'a>> {
    elements(text).unwrap().into_iter().filter(|e| e.name == name).collect()
}

/// The part that a relation points to; `rels` is the part with the relations.
fn target(rels: &str, target: &str) -> String {
    let folder = rels.split_once("_rels/").map_or("", |(folder, _)| folder.trim_end_matches('/'));
    resolve(folder, target)
}

fn types(texts: &Parts, names: &BTreeSet<String>) {
    let text = &texts["[Content_Types].xml"];
    let of = |element: &str, attribute: &str| -> Vec<String> {
        found(text, element).iter().map(|e| e.attribute(attribute).unwrap().to_lowercase()).collect()
    };
    let (overrides, defaults) = (of("Override", "PartName"), of("Default", "Extension"));
    for list in [&overrides, &defaults] {
        assert_eq!(list.iter().collect::<BTreeSet<_>>().len(), list.len(), "a type twice: {list:?}");
    }
    for part in &overrides {
        assert!(names.contains(part.trim_start_matches('/')), "{part} has a type and is missing");
    }
    for name in names.iter().filter(|name| *name != "[content_types].xml") {
        let by_name = overrides.contains(&format!("/{name}"));
        let by_end = name.rsplit_once('.').is_some_and(|(_, end)| defaults.iter().any(|known| known == end));
        assert!(by_name || by_end, "{name} has no type");
    }
}

/// How many cell styles there are; what they refer to is there.
fn styles(text: &str) -> usize {
    let all = elements(text).unwrap();
    let within = |name: &str| {
        let section = all.iter().find(|e| e.depth == 1 && e.name == name).unwrap();
        let children: Vec<&Element<'_>> =
            all.iter().filter(|e| e.depth == 2 && section.whole().contains(&e.open.start)).collect();
        if let Some(count) = section.attribute("count") {
            assert_eq!(count, children.len().to_string(), "{name}");
        }
        children
    };
    let (fonts, fills, borders, formats) = (within("fonts"), within("fills"), within("borders"), within("cellXfs"));
    for format in &formats {
        for (attribute, list) in [("fontId", &fonts), ("fillId", &fills), ("borderId", &borders)] {
            let id: usize = format.attribute(attribute).unwrap_or_default().parse().unwrap_or(0);
            assert!(id < list.len(), "{attribute} {id}");
        }
    }
    formats.len()
}

fn book(texts: &Parts) {
    let text = &texts["xl/workbook.xml"];
    let sheets = found(text, "sheet");
    for attribute in ["sheetId", "id"] {
        let ids: BTreeSet<_> = sheets.iter().map(|e| e.attribute(attribute).unwrap()).collect();
        assert_eq!(ids.len(), sheets.len(), "{attribute} twice");
    }
    for name in found(text, "definedName") {
        if let Some(at) = name.attribute("localSheetId") {
            let sheet = sheets[at.parse::<usize>().unwrap()].attribute("name").unwrap().replace('\'', "''");
            let says = &text[name.open.end..name.close.start];
            let says = quick_xml::escape::unescape(says).unwrap();
            assert!(says.contains(&sheet) || says == "#REF!", "{says} belongs to {sheet}");
        }
    }
}

fn worksheet(name: &str, text: &str, styles: usize, texts: &Parts) {
    let all = elements(text).unwrap();
    let order = all.iter().filter(|e| e.depth == 1).map(|e| ORDER.iter().position(|known| *known == e.name));
    assert!(order.is_sorted(), "{name}: elements out of order");
    let mut last = (0, 0);
    let mut at = (0_u32, 0_usize);
    for element in all.iter().filter(|e| e.name == "row" || e.name == "c") {
        let stated = element.attribute("r");
        if element.name == "row" {
            at = (stated.map_or(at.0 + 1, |row| row.parse().unwrap()), 0);
        } else {
            at.1 += 1;
            if let Some(stated) = stated {
                let (row, column) = place_of(&stated).unwrap();
                assert_eq!(row, at.0, "{name}: {stated}");
                at.1 = column + 1;
            }
            assert!(last < at, "{name}: cells out of order at {at:?}");
            last = at;
            let style: usize = element.attribute("s").unwrap_or_default().parse().unwrap_or(0);
            assert!(style < styles, "{name}: style {style}");
        }
    }
    for element in all.iter().filter(|e| e.depth > 0 && e.name != "c" && e.name != "hyperlink") {
        let tag = &text[element.open.clone()];
        if let Some(id) = tag.split("r:id=\"").nth(1).and_then(|rest| rest.split('"').next()) {
            let relations = &texts[&relations_of(name)];
            assert!(relations.contains(&format!("\"{id}\"")), "{name}: {id}");
        }
    }
    notes(name, &all, texts);
}

/// Every note has one shape, and every shape its number once.
fn notes(name: &str, all: &[Element<'_>], texts: &Parts) {
    let Some(relations) = texts.get(&relations_of(name)) else { return };
    let related = |kind: &str, id: Option<String>| {
        let mut known = found(relations, "Relationship").into_iter();
        let relation = known.find(|r| {
            r.attribute("Type").unwrap().ends_with(kind)
                && id.as_ref().is_none_or(|id| r.attribute("Id").as_ref() == Some(id))
        });
        relation.map(|r| texts[&target(&relations_of(name), &r.attribute("Target").unwrap())].clone())
    };
    let Some(notes) = related("/comments", None) else { return };
    let authors = found(&notes, "author").len();
    let mut cells = BTreeSet::new();
    for note in found(&notes, "comment") {
        assert!(cells.insert(place_of(&note.attribute("ref").unwrap()).unwrap()), "{name}: two notes in a cell");
        assert!(note.attribute("authorId").unwrap().parse::<usize>().unwrap() < authors, "{name}: author");
    }
    let drawing =
        all.iter().find(|e| e.name == "legacyDrawing").unwrap_or_else(|| panic!("{name}: notes without shapes"));
    let shapes = related("/vmlDrawing", drawing.attribute("id")).unwrap();
    // LibreOffice calls all of its own `shape_0`.
    let ids: Vec<_> = found(&shapes, "shape")
        .iter()
        .filter_map(|shape| shape.attribute("id"))
        .filter(|id| id.starts_with("_x0000_s"))
        .collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{name}: a shape's number twice");
    let value = |data: &Element<'_>, name: &str| -> Option<u32> {
        let mut inner = found(&shapes, name).into_iter().filter(|e| data.whole().contains(&e.open.start));
        inner.next().map(|e| shapes[e.open.end..e.close.start].parse().unwrap())
    };
    let drawn: BTreeSet<(u32, usize)> = found(&shapes, "ClientData")
        .iter()
        .filter(|data| data.attribute("ObjectType").as_deref() == Some("Note"))
        .map(|data| (value(data, "Row").unwrap() + 1, value(data, "Column").unwrap() as usize))
        .collect();
    assert_eq!(drawn, cells, "{name}: notes and shapes");
}
