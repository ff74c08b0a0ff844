//! What holds a workbook together: the list of sheets, relations and content types, with the list put in first.

use super::markup::{Draft, Element, elements, escaped};
use super::{LIST_SHEET, MAIN_NS, RELATIONS_NS, STRICT_NS, Unfit};

/// Where relations between parts are described.
const PACKAGE_RELATIONS_NS: &str = "http://schemas.openxmlformats.org/package/2006/relationships";

/// `workbook.xml` with the list as its first sheet and the one that opens. `list_at` is where an earlier list stands; it
/// takes the list then, and no sheet comes to it. Sheets with marks (by their place) are shown if they were hidden.
pub(super) fn workbook(text: &str, list_id: &str, list_at: Option<usize>, marked: &[usize]) -> Result<String, Unfit> {
    let all = elements(text)?;
    let root = &all[0];
    let tag = text.get(root.open.clone()).ok_or(Unfit)?;
    if root.name != "workbook" || tag.contains(STRICT_NS) || !tag.contains(MAIN_NS) {
        return Err(Unfit);
    }
    let mut draft = Draft::of(text);
    let active = list_at.unwrap_or(0).to_string();
    for view in all.iter().filter(|e| e.depth == 2 && e.name == "workbookView") {
        let changes = [("activeTab", Some(&*active)), ("firstSheet", None)];
        draft.replace(view.open.clone(), view.tag_with(&changes));
    }
    if list_at.is_none() {
        add_list(&mut draft, &all, list_id)?;
    }
    for (at, sheet) in all.iter().filter(|e| e.depth == 2 && e.name == "sheet").enumerate() {
        let is_hidden = sheet.attribute("state").is_some_and(|state| state != "visible");
        if is_hidden && marked.contains(&at) {
            draft.replace(sheet.open.clone(), sheet.tag_with(&[("state", None)]));
        }
    }
    draft.finish()
}

/// Puts the list before the other sheets.
fn add_list(draft: &mut Draft<'_>, all: &[Element<'_>], list_id: &str) -> Result<(), Unfit> {
    let sheets = all.iter().find(|e| e.depth == 1 && e.name == "sheets" && !e.closes_itself()).ok_or(Unfit)?;
    let ids = all
        .iter()
        .filter(|e| e.depth == 2 && e.name == "sheet")
        .map(|e| e.attribute("sheetId").and_then(|id| id.trim().parse::<u32>().ok()).ok_or(Unfit));
    let id = ids.collect::<Result<Vec<u32>, Unfit>>()?.into_iter().max().unwrap_or(0).checked_add(1).ok_or(Unfit)?;
    let p = sheets.prefix();
    draft.insert(
        sheets.open.end,
        format!("<{p}sheet xmlns:r=\"{RELATIONS_NS}\" name=\"{LIST_SHEET}\" sheetId=\"{id}\" r:id=\"{list_id}\"/>"),
    );
    // Names that belong to a sheet say which by its place.
    for name in all.iter().filter(|e| e.name == "definedName") {
        if let Some(at) = name.attribute("localSheetId") {
            let moved = at.trim().parse::<u32>().ok().and_then(|at| at.checked_add(1)).ok_or(Unfit)?.to_string();
            draft.replace(name.open.clone(), name.tag_with(&[("localSheetId", Some(&moved))]));
        }
    }
    Ok(())
}

/// Relations with more of them: id, last word of the type, target. `None` = the part has no relations yet.
pub(super) fn relations(text: Option<&str>, added: &[(&str, &str, &str)]) -> Result<String, Unfit> {
    let empty = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<Relationships xmlns=\"{PACKAGE_RELATIONS_NS}\"></Relationships>"
    );
    let text = text.unwrap_or(&empty);
    let all = elements(text)?;
    let root = all.first().filter(|e| e.name == "Relationships").ok_or(Unfit)?;
    let p = root.prefix();
    let lines: Vec<String> = added
        .iter()
        .map(|(id, kind, target)| {
            format!("<{p}Relationship Id=\"{id}\" Type=\"{RELATIONS_NS}/{kind}\" Target=\"{}\"/>", escaped(target))
        })
        .collect();
    let mut draft = Draft::of(text);
    draft.append(root, &lines.concat());
    draft.finish()
}

/// `[Content_Types].xml` with more parts: name with a leading `/`, and type. `.vml` is known by its extension.
pub(super) fn content_types(text: &str, parts: &[(String, &str)]) -> Result<String, Unfit> {
    let all = elements(text)?;
    let root = all.first().filter(|e| e.name == "Types").ok_or(Unfit)?;
    let p = root.prefix();
    let mut draft = Draft::of(text);
    let is_vml = |e: &&Element<'_>| e.attribute("Extension").is_some_and(|end| end.eq_ignore_ascii_case("vml"));
    if !all.iter().filter(|e| e.name == "Default").any(|e| is_vml(&e)) {
        let default = format!(
            "<{p}Default Extension=\"vml\" ContentType=\"application/vnd.openxmlformats-officedocument.vmlDrawing\"/>"
        );
        if root.closes_itself() {
            return Err(Unfit);
        }
        draft.insert(root.open.end, default);
    }
    let lines: Vec<String> = parts
        .iter()
        .map(|(part, kind)| {
            let kind = format!("application/vnd.openxmlformats-officedocument.spreadsheetml.{kind}+xml");
            format!("<{p}Override PartName=\"{}\" ContentType=\"{kind}\"/>", escaped(part))
        })
        .collect();
    draft.append(root, &lines.concat());
    draft.finish()
}

/// An id that no relation of a part has.
pub(super) fn free_id(relations: &str, wish: &str) -> String {
    let mut id = wish.to_owned();
    while relations.contains(&format!("\"{id}\"")) || relations.contains(&format!("'{id}'")) {
        id.push('x');
    }
    id
}
