//! The small parts of a workbook: relations, the list of sheets, styles, shared texts.

use super::date::{is_builtin_date, is_date_format};
use super::table::Texts;
use super::xml::{Malformed, Node, Xml};
use super::{FileFault, MARK_PREFIX, fault};
use std::collections::HashMap;

/// Most relations of a part. Excel writes one for each sheet and a handful more.
const MAX_RELATIONS: usize = 10_000;
/// Most marks of our own, and the longest text of one.
const MAX_MARKS: usize = 16;
const MAX_MARK_CHARS: usize = 200;

/// One relation of a part to another.
pub(in crate::forms) struct Relation {
    pub(in crate::forms) id: String,
    /// The last word of its type: `worksheet`, `styles`, `sharedStrings`, `officeDocument`.
    pub(in crate::forms) kind: String,
    pub(in crate::forms) target: String,
}

/// Reads a `.rels` part.
pub(in crate::forms) fn relations(xml: &mut Xml<'_>) -> Result<Vec<Relation>, FileFault> {
    let mut relations = Vec::new();
    loop {
        match xml.step()? {
            Node::Open(element) if element.is("Relationship") => {
                if relations.len() >= MAX_RELATIONS {
                    return Err(fault::too_large("含有过多部件的文件"));
                }
                let kind = element.attribute("Type")?.unwrap_or_default();
                relations.push(Relation {
                    id: element.attribute("Id")?.unwrap_or_default(),
                    kind: kind.rsplit('/').next().unwrap_or_default().to_owned(),
                    target: element.attribute("Target")?.unwrap_or_default(),
                });
            }
            Node::End => return Ok(relations),
            _ => {}
        }
    }
}

/// Reads `[Content_Types].xml`: what a part says it is, in lower case.
pub(super) fn content_type(xml: &mut Xml<'_>, part: &str) -> Result<String, FileFault> {
    let mut by_extension = String::new();
    loop {
        match xml.step()? {
            Node::Open(element) if element.is("Override") => {
                let name = element.attribute("PartName")?.unwrap_or_default();
                if name.trim_start_matches('/').eq_ignore_ascii_case(part) {
                    return Ok(element.attribute("ContentType")?.unwrap_or_default().to_lowercase());
                }
            }
            Node::Open(element) if element.is("Default") => {
                let extension = element.attribute("Extension")?.unwrap_or_default();
                if part.rsplit_once('.').is_some_and(|(_, own)| own.eq_ignore_ascii_case(&extension)) {
                    by_extension = element.attribute("ContentType")?.unwrap_or_default().to_lowercase();
                }
            }
            Node::End => return Ok(by_extension),
            _ => {}
        }
    }
}

/// What `workbook.xml` says.
#[derive(Default)]
pub(in crate::forms) struct Contents {
    /// Name and relation of each sheet, hidden ones too.
    pub(in crate::forms) sheets: Vec<(String, String)>,
    pub(super) date_1904: bool,
    /// `fullCalcOnLoad`.
    pub(super) never_calculated: bool,
    /// Defined names of ours: name and constant text.
    pub(super) marks: Vec<(String, String)>,
}

/// Reads `workbook.xml`.
pub(super) fn contents(xml: &mut Xml<'_>, max_sheets: u32) -> Result<Contents, FileFault> {
    let mut contents = Contents::default();
    loop {
        let depth = xml.depth();
        match xml.step()? {
            Node::Open(element) if element.is("definedName") => {
                let name = element.attribute("name")?.unwrap_or_default();
                let text = text_within(xml, depth)?;
                push_mark(&mut contents.marks, name, text.trim_start_matches('=').trim_matches('"'));
            }
            Node::Open(element) if element.is("sheet") => {
                let name = element.attribute("name")?.ok_or(Malformed("工作表没有名称"))?;
                contents.sheets.push((name, element.attribute("id")?.unwrap_or_default()));
                if contents.sheets.len() > max_sheets as usize {
                    return Err(fault::too_large(format!("超过 {max_sheets} 张工作表")));
                }
            }
            Node::Open(element) if element.is("workbookPr") => contents.date_1904 = element.flag("date1904")?,
            Node::Open(element) if element.is("calcPr") => {
                contents.never_calculated = element.flag("fullCalcOnLoad")?;
            }
            Node::End => return Ok(contents),
            _ => {}
        }
    }
}

/// Reads `docProps/custom.xml`: our own properties.
pub(super) fn custom_properties(xml: &mut Xml<'_>) -> Result<Vec<(String, String)>, FileFault> {
    let mut marks = Vec::new();
    loop {
        let depth = xml.depth();
        match xml.step()? {
            Node::Open(element) if element.is("property") => {
                let name = element.attribute("name")?.unwrap_or_default();
                let text = text_within(xml, depth)?;
                push_mark(&mut marks, name, &text);
            }
            Node::End => return Ok(marks),
            _ => {}
        }
    }
}

fn push_mark(marks: &mut Vec<(String, String)>, name: String, text: &str) {
    if name.starts_with(MARK_PREFIX) && marks.len() < MAX_MARKS {
        marks.push((name, text.chars().take(MAX_MARK_CHARS).collect()));
    }
}

/// All text of the element that was just opened, to its end; `depth` is that outside of it.
fn text_within(xml: &mut Xml<'_>, depth: u32) -> Result<String, FileFault> {
    let mut text = String::new();
    loop {
        match xml.step()? {
            Node::Text(part) if text.len() <= MAX_MARK_CHARS * 4 => text.push_str(&part),
            Node::End => return Ok(text),
            _ => {}
        }
        if xml.depth() <= depth {
            return Ok(text);
        }
    }
}

/// Reads `styles.xml`: which cell styles show a date.
pub(super) fn date_styles(xml: &mut Xml<'_>) -> Result<Vec<bool>, FileFault> {
    let mut custom: HashMap<u32, bool> = HashMap::new();
    let mut used: Vec<u32> = Vec::new();
    let mut in_cell_formats = false;
    loop {
        let depth = xml.depth();
        match xml.step()? {
            Node::Open(element) if depth == 1 => in_cell_formats = element.is("cellXfs"),
            Node::Open(element) if element.is("numFmt") => {
                let id = element.attribute("numFmtId")?.and_then(|id| id.trim().parse().ok());
                let code = element.attribute("formatCode")?.unwrap_or_default();
                if let Some(id) = id {
                    // Formats of differential styles come later and must not replace those of cells.
                    custom.entry(id).or_insert_with(|| is_date_format(&code));
                }
            }
            Node::Open(element) if depth == 2 && in_cell_formats && element.is("xf") => {
                let id = element.attribute("numFmtId")?.and_then(|id| id.trim().parse().ok());
                used.push(id.unwrap_or(0));
            }
            Node::End => break,
            _ => {}
        }
    }
    // WPS and others write built-in ids with a code of their own: what is written counts.
    Ok(used.iter().map(|id| custom.get(id).copied().unwrap_or_else(|| is_builtin_date(*id))).collect())
}

/// Reads `sharedStrings.xml`.
pub(super) fn shared_texts(xml: &mut Xml<'_>) -> Result<Texts, FileFault> {
    let mut texts = Texts::default();
    let mut text = String::new();
    loop {
        let is_item = match xml.step()? {
            Node::Open(element) => element.is("si"),
            Node::End => return Ok(texts),
            Node::Close | Node::Text(_) => false,
        };
        if is_item {
            text.clear();
            xml.rich_text(&mut text)?;
            texts.push(&text)?;
        }
    }
}
