//! The copy as an edited package: sheets are streamed through, the parts around them amended, all others copied packed.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufReader, Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::book::{content_types, free_id, relations, workbook as amended_workbook};
use super::sheet::{Order, rewrite};
use super::styles::{PLAIN, Styles};
use super::{LIST_SHEET, Unfit, is_list, list, notes};
use crate::forms::fix_list::FixList;
use crate::forms::grid::package::{Outline, Package, relations_of, resolve};
use crate::forms::grid::parts::{self, Relation};
use crate::forms::grid::{FileFault, Limits, Workbook};

/// Most parts of one kind that we look for a free name among.
const MAX_PART_NUMBER: u32 = 10_000;
const TYPES_PART: &str = "[Content_Types].xml";

impl From<FileFault> for Unfit {
    fn from(_: FileFault) -> Unfit {
        Unfit
    }
}

impl From<zip::result::ZipError> for Unfit {
    fn from(_: zip::result::ZipError) -> Unfit {
        Unfit
    }
}

/// Edits a workbook that could be read.
pub(super) fn edit(
    file_name: &str,
    bytes: &[u8],
    workbook: &Workbook,
    fixes: &FixList,
    marks: &HashMap<String, notes::Marks>,
    limits: &Limits,
) -> Result<Vec<u8>, Unfit> {
    // The small parts are read twice.
    let limits = Limits { max_unzipped_bytes: limits.max_unzipped_bytes.saturating_mul(2), ..*limits };
    let mut package = Package::open(file_name, bytes, &limits)?;
    let outline = package.outline(limits.max_sheets)?;
    let sheets = sheets_of(&outline, workbook)?;
    let relations_text = package.text(&outline.relations_part)?.ok_or(Unfit)?;
    let mut copy = Copy::new();
    let mut added_relations: Vec<(&str, &str, String)> = Vec::new();
    let (list_id, styles_id) = (free_id(&relations_text, "rIdList"), free_id(&relations_text, "rIdStyles"));

    let folder = outline.main.rsplit_once('/').map_or("", |(folder, _)| folder);
    let styles_part = outline.relations.iter().find(|r| r.kind == "styles").map(|r| resolve(folder, &r.target));
    let styles_text = match &styles_part {
        Some(part) => package.text(part)?.ok_or(Unfit)?,
        None => PLAIN.to_owned(),
    };
    let styles_part = styles_part.unwrap_or_else(|| "xl/styles.xml".to_owned());
    if !package.has(&styles_part) {
        copy.types.push((format!("/{styles_part}"), "styles"));
        added_relations.push((&styles_id, "styles", format!("/{styles_part}")));
    }
    let mut styles = Styles::read(&styles_text)?;

    let none = notes::Marks::new();
    let mut block = first_free_block(&mut package)?;
    for sheet in sheets.iter().filter(|sheet| !sheet.is_list) {
        let marks = marks.get(&sheet.name).unwrap_or(&none);
        edit_sheet(&mut package, &sheet.part, marks, &mut styles, &mut copy, &mut block)?;
    }

    let lines = list::lines(fixes);
    let list_xml = list::write(&lines, &mut styles)?;
    let list_at = sheets.iter().find(|sheet| sheet.is_list);
    if let Some(sheet) = list_at {
        copy.dropped.push(relations_of(&sheet.part).to_lowercase());
        copy.put(&sheet.part, list_xml);
    } else {
        let part = free_part(&package, &copy, "xl/worksheets/problems", ".xml")?;
        copy.types.push((format!("/{part}"), "worksheet"));
        added_relations.push((&list_id, "worksheet", format!("/{part}")));
        copy.put(&part, list_xml);
    }
    let main = package.text(&outline.main)?.ok_or(Unfit)?;
    let marked: Vec<usize> = sheets.iter().filter(|s| marks.contains_key(&s.name)).map(|s| s.position).collect();
    copy.put(&outline.main, amended_workbook(&main, &list_id, list_at.map(|sheet| sheet.position), &marked)?);
    let added: Vec<_> = added_relations.iter().map(|(id, kind, target)| (*id, *kind, &**target)).collect();
    copy.put(&outline.relations_part, relations(Some(&relations_text), &added)?);
    copy.put(&styles_part, styles.finish()?);
    let types = package.text(TYPES_PART)?.ok_or(Unfit)?;
    copy.put(TYPES_PART, content_types(&types, &copy.types)?);
    copy.pack(&mut package)
}

/// A worksheet of the workbook.
struct SheetPart {
    name: String,
    part: String,
    /// Its place among all sheets.
    position: usize,
    is_list: bool,
}

fn sheets_of(outline: &Outline, workbook: &Workbook) -> Result<Vec<SheetPart>, Unfit> {
    let folder = outline.main.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut sheets: Vec<SheetPart> = Vec::new();
    for (position, (name, id)) in outline.contents.sheets.iter().enumerate() {
        let relation = outline.relations.iter().find(|relation| relation.id == *id).ok_or(Unfit)?;
        if relation.kind != "worksheet" {
            continue;
        }
        let part = resolve(folder, &relation.target);
        let is_list = workbook.sheets.get(sheets.len()).is_some_and(is_list);
        // Two sheets in one part, two of one name, or a list that is not ours.
        if sheets.iter().any(|sheet| sheet.part == part || sheet.name == *name) || (name == LIST_SHEET && !is_list) {
            return Err(Unfit);
        }
        sheets.push(SheetPart { name: name.clone(), part, position, is_list });
    }
    Ok(sheets)
}

fn first_free_block(package: &mut Package<'_>) -> Result<usize, Unfit> {
    let mut last = 0;
    for (_, name) in package.names()? {
        if name.to_lowercase().ends_with(".vml")
            && let Some(drawing) = package.text(&name)?
        {
            last = last.max(notes::last_number(&drawing));
        }
    }
    Ok(notes::blocks(last))
}

fn edit_sheet(
    package: &mut Package<'_>,
    part: &str,
    marks: &notes::Marks,
    styles: &mut Styles<'_>,
    copy: &mut Copy,
    block: &mut usize,
) -> Result<(), Unfit> {
    let relations_part = relations_of(part);
    let relations_text = package.text(&relations_part)?;
    let known = package.optional(&relations_part, parts::relations)?.unwrap_or_default();
    let ids = relations_text.as_deref().unwrap_or_default();
    let (texts_id, shapes_id) = (free_id(ids, "rIdNotes"), free_id(ids, "rIdShapes"));
    let order = Order {
        marks: marks.iter().map(|((row, column), mark)| (*row, *column, mark.paint)).collect(),
        notes_id: (!marks.is_empty()).then_some(&*shapes_id),
    };
    copy.fresh.start_file(part, options())?;
    let fresh = &mut copy.fresh;
    let old_id =
        package.stream(part, |source| rewrite(BufReader::new(source), fresh, &order, styles))?.ok_or(Unfit)??;
    copy.streamed.insert(part.to_lowercase(), part.to_owned());

    let folder = part.rsplit_once('/').map_or("", |(folder, _)| folder);
    let target = |found: Option<&Relation>| found.map(|relation| resolve(folder, &relation.target));
    let texts_part = target(known.iter().find(|relation| relation.kind == "comments"));
    let shapes_part = target(known.iter().find(|r| r.kind == "vmlDrawing" && Some(&r.id) == old_id.as_ref()));
    let read = |package: &mut Package<'_>, part: Option<&str>| match part {
        Some(part) => Ok::<_, Unfit>(Some(package.text(part)?.ok_or(Unfit)?)),
        None => Ok(None),
    };
    let old_texts = read(package, texts_part.as_deref())?;
    if marks.is_empty() && !old_texts.as_deref().is_some_and(notes::hold_ours) {
        return Ok(());
    }
    let old_shapes = read(package, shapes_part.as_deref())?;
    if old_shapes.is_none() && old_id.is_some() {
        return Err(Unfit);
    }
    let made = notes::write(old_texts.as_deref(), old_shapes.as_deref(), marks, *block)?;
    *block += notes::blocks(marks.len());
    let mut added: Vec<(&str, &str, String)> = Vec::new();
    let texts_part = if let Some(part) = texts_part {
        part
    } else {
        let part = free_part(package, copy, "xl/comments", ".xml")?;
        copy.types.push((format!("/{part}"), "comments"));
        added.push((&texts_id, "comments", format!("/{part}")));
        part
    };
    copy.put(&texts_part, made.texts);
    let shapes_part = if let Some(part) = shapes_part {
        part
    } else {
        let part = free_part(package, copy, "xl/drawings/vmlDrawing", ".vml")?;
        added.push((&shapes_id, "vmlDrawing", format!("/{part}")));
        part
    };
    copy.put(&shapes_part, made.shapes);
    if !added.is_empty() {
        let added: Vec<_> = added.iter().map(|(id, kind, target)| (*id, *kind, &**target)).collect();
        copy.put(&relations_part, relations(relations_text.as_deref(), &added)?);
    }
    Ok(())
}

/// The name of a part that is neither in the package nor in the copy.
fn free_part(package: &Package<'_>, copy: &Copy, stem: &str, end: &str) -> Result<String, Unfit> {
    let mut names = (1..MAX_PART_NUMBER).map(|number| format!("{stem}{number}{end}"));
    names.find(|name| !package.has(name) && !copy.texts.contains_key(&name.to_lowercase())).ok_or(Unfit)
}

fn options() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Deflated)
}

/// What the copy holds instead of, or beside, the parts of the original.
struct Copy {
    /// Rewritten sheets, packed.
    fresh: ZipWriter<Cursor<Vec<u8>>>,
    /// Their names, by their names in lower case.
    streamed: HashMap<String, String>,
    /// Small parts: name and text, by the name in lower case.
    texts: BTreeMap<String, (String, String)>,
    /// Names in lower case of parts that are left out.
    dropped: Vec<String>,
    /// New parts and what they are.
    types: Vec<(String, &'static str)>,
}

impl Copy {
    fn new() -> Copy {
        Copy {
            fresh: ZipWriter::new(Cursor::new(Vec::new())),
            streamed: HashMap::new(),
            texts: BTreeMap::new(),
            dropped: Vec::new(),
            types: Vec::new(),
        }
    }

    fn put(&mut self, part: &str, text: String) {
        self.texts.insert(part.to_lowercase(), (part.to_owned(), text));
    }

    /// Packs the copy: content types first, by which programs tell what a package is, then the parts in their order.
    fn pack(mut self, package: &mut Package<'_>) -> Result<Vec<u8>, Unfit> {
        let mut fresh = ZipArchive::new(self.fresh.finish()?)?;
        let mut out = ZipWriter::new(Cursor::new(Vec::new()));
        let mut names = package.names()?;
        names.sort_by_key(|(_, name)| !name.eq_ignore_ascii_case(TYPES_PART));
        for (index, name) in names {
            let key = name.to_lowercase();
            if self.dropped.contains(&key) {
                continue;
            }
            if let Some((_, text)) = self.texts.remove(&key) {
                write_text(&mut out, &name, &text)?;
            } else if let Some(part) = self.streamed.get(&key) {
                out.raw_copy_file_rename(fresh.by_name(part)?, &name)?;
            } else {
                out.raw_copy_file_rename(package.packed(index).ok_or(Unfit)?, &name)?;
            }
        }
        for (name, text) in self.texts.into_values() {
            write_text(&mut out, &name, &text)?;
        }
        Ok(out.finish()?.into_inner())
    }
}

fn write_text(out: &mut ZipWriter<Cursor<Vec<u8>>>, name: &str, text: &str) -> Result<(), Unfit> {
    out.start_file(name, options())?;
    out.write_all(text.as_bytes()).map_err(|_| Unfit)
}
