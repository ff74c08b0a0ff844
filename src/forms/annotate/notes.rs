//! The notes (批注) of a worksheet: their texts, and the old drawing without which Excel does not show them.
//!
//! Notes of others stay. What an earlier copy of ours said goes, whether it stood alone or below somebody's note.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::markup::{Draft, Element, cell_text, elements, escaped};
use super::{AUTHOR, MAIN_NS, Mark, SAYS, Unfit};
use crate::forms::fix_list::Problem;
use crate::forms::grid::{a1, place_of};
use crate::subsidy::finding::Severity;

/// Shape numbers come in blocks of this size, one or more for each drawing.
const BLOCK: usize = 1024;
/// The languages of drawings. What we add says itself which is which: what stands there may use other prefixes.
const VML_NS: &str = "urn:schemas-microsoft-com:vml";
const OFFICE_NS: &str = "urn:schemas-microsoft-com:office:office";
const EXCEL_NS: &str = "urn:schemas-microsoft-com:office:excel";
/// Blocks of a workbook's drawings; Excel counts them in 16 bits.
const MAX_BLOCKS: usize = 60_000;

/// The notes of a sheet.
pub(super) struct Notes {
    /// The part with the texts.
    pub texts: String,
    /// The part with the drawing.
    pub shapes: String,
}

/// Cells with our marks, by row and column.
pub(super) type Marks = BTreeMap<(u32, usize), Mark>;

/// The notes of a sheet with ours among them. `first_block` is the first block of shape numbers that is free.
pub(super) fn write(
    old_texts: Option<&str>,
    old_shapes: Option<&str>,
    marks: &Marks,
    first_block: usize,
) -> Result<Notes, Unfit> {
    let empty = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<comments xmlns=\"{MAIN_NS}\"><authors/><commentList/></comments>"
    );
    let (texts, fresh, gone) = texts(old_texts.unwrap_or(&empty), marks)?;
    let shapes = shapes(old_shapes, &fresh, &gone, marks, first_block)?;
    Ok(Notes { texts, shapes })
}

/// How many blocks of shape numbers so many notes take.
pub(super) const fn blocks(notes: usize) -> usize {
    notes / BLOCK + 1
}

type Places = Vec<(u32, usize)>;

/// The texts; the cells that had no note before, and those that have none any more.
fn texts(old: &str, marks: &Marks) -> Result<(String, Places, Places), Unfit> {
    let all = elements(old)?;
    let find = |name: &str| all.iter().find(|e| e.depth == 1 && e.name == name).ok_or(Unfit);
    let (authors, list) = (find("authors")?, find("commentList")?);
    let p = all[0].prefix();
    let names: Vec<&Element<'_>> = all.iter().filter(|e| e.depth == 2 && e.name == "author").collect();
    let ours = names.iter().position(|e| old.get(e.open.end..e.close.start) == Some(AUTHOR));
    let author = ours.unwrap_or(names.len());
    let mut draft = Draft::of(old);
    if ours.is_none() {
        draft.append(authors, &format!("<{p}author>{AUTHOR}</{p}author>"));
    }
    let mut rest = marks.clone();
    let mut gone = Vec::new();
    for (at, note) in all.iter().enumerate().filter(|(_, e)| e.depth == 2 && e.name == "comment") {
        let place = note.attribute("ref").as_deref().and_then(place_of).ok_or(Unfit)?;
        let within: Vec<&Element<'_>> = all[at + 1..].iter().take_while(|e| e.depth > 2).collect();
        let text = within.iter().find(|e| e.name == "text").ok_or(Unfit)?;
        let (theirs, had_ours) = without_ours(old, text, &within);
        // Text without runs takes none behind it.
        let is_plain = within.iter().any(|e| e.name == "t" && e.depth == text.depth + 1);
        match rest.remove(&place) {
            None if !had_ours => {}
            None if theirs.is_empty() => {
                draft.replace(note.whole(), "");
                gone.push(place);
            }
            None => draft.replace(text.whole(), format!("<{p}text>{}</{p}text>", run(&p, &theirs))),
            Some(mark) if had_ours || is_plain => {
                let kept = if theirs.is_empty() { String::new() } else { run(&p, &format!("{theirs}\n")) };
                draft.replace(text.whole(), format!("<{p}text>{kept}{}</{p}text>", run(&p, &mark.says)));
            }
            Some(mark) => draft.append(text, &run(&p, &format!("\n{}", mark.says))),
        }
    }
    let mut added = String::new();
    for ((row, column), mark) in &rest {
        let text = run(&p, &mark.says);
        let cell = a1(*row, *column);
        let _ =
            write!(added, "<{p}comment ref=\"{cell}\" authorId=\"{author}\"><{p}text>{text}</{p}text></{p}comment>");
    }
    draft.append(list, &added);
    Ok((draft.finish()?, rest.into_keys().collect(), gone))
}

fn run(p: &str, text: &str) -> String {
    format!(
        "<{p}r><{p}rPr><{p}sz val=\"10\"/><{p}rFont val=\"宋体\"/></{p}rPr><{p}t xml:space=\"preserve\">{}</{p}t></{p}r>",
        cell_text(text)
    )
}

/// What somebody else wrote in a note, and whether ours stood below it.
fn without_ours(part: &str, text: &Element<'_>, within: &[&Element<'_>]) -> (String, bool) {
    let inside = text.whole();
    let raw: String = within
        .iter()
        .filter(|e| e.name == "t" && inside.contains(&e.open.start))
        .filter_map(|e| part.get(e.open.end..e.close.start))
        .collect();
    let whole = match quick_xml::escape::unescape(&raw) {
        Ok(text) => text.into_owned(),
        Err(_) => raw,
    };
    match whole.find(SAYS) {
        Some(at) => {
            // Some programs put the author before the text.
            let theirs = whole[..at].trim().trim_end_matches(&[':', '：'][..]).trim_end_matches(AUTHOR).trim();
            (theirs.to_owned(), true)
        }
        None => (whole, false),
    }
}

/// The drawing. It is often no well-formed XML, so it is handled as text.
fn shapes(
    old: Option<&str>,
    fresh: &[(u32, usize)],
    gone: &[(u32, usize)],
    marks: &Marks,
    first_block: usize,
) -> Result<String, Unfit> {
    if first_block + blocks(fresh.len()) > MAX_BLOCKS {
        return Err(Unfit);
    }
    let mut drawing = match old {
        Some(old) => without_shapes(old, &gone.iter().copied().collect()),
        None => head(first_block, fresh.len()),
    };
    let first_number = match old {
        Some(_) => last_number(&drawing).max(BLOCK) + 1,
        None => first_block * BLOCK + 1,
    };
    let end = drawing.rfind("</xml>").ok_or(Unfit)?;
    let mut added = String::new();
    if !drawing.contains("id=\"_x0000_t202\"") {
        added.push_str(&shape_type());
    }
    for (number, (row, column)) in (first_number..).zip(fresh) {
        let lines = marks.get(&(*row, *column)).map_or(1, |mark| mark.says.chars().count().div_ceil(LINE_CHARS) + 1);
        added.push_str(&shape(number, *row, *column, lines));
    }
    drawing.insert_str(end, &added);
    Ok(drawing)
}

/// Characters in a line of a note, its width in columns, and its greatest height in rows.
const LINE_CHARS: usize = 20;
const WIDTH_COLUMNS: usize = 4;
const MAX_HEIGHT_ROWS: u32 = 14;

fn shape_type() -> String {
    format!(
        "<v:shapetype xmlns:v=\"{VML_NS}\" xmlns:o=\"{OFFICE_NS}\" id=\"_x0000_t202\" coordsize=\"21600,21600\" o:spt=\"202\" \
         path=\"m,l,21600r21600,l21600,xe\"><v:stroke joinstyle=\"miter\"/>\
         <v:path gradientshapeok=\"t\" o:connecttype=\"rect\"/></v:shapetype>"
    )
}

fn head(first_block: usize, notes: usize) -> String {
    let used: Vec<String> = (first_block..first_block + blocks(notes)).map(|block| block.to_string()).collect();
    format!(
        "<xml xmlns:v=\"{VML_NS}\" xmlns:o=\"{OFFICE_NS}\" xmlns:x=\"{EXCEL_NS}\"><o:shapelayout v:ext=\"edit\">\
         <o:idmap v:ext=\"edit\" data=\"{}\"/></o:shapelayout>{}</xml>",
        used.join(","),
        shape_type()
    )
}

fn shape(number: usize, row: u32, column: usize, lines: usize) -> String {
    let (row, height) = (row - 1, u32::try_from(lines).unwrap_or(1).clamp(3, MAX_HEIGHT_ROWS));
    let (left, right, bottom) = (column + 1, column + 1 + WIDTH_COLUMNS, row + height);
    format!(
        "<v:shape xmlns:v=\"{VML_NS}\" xmlns:o=\"{OFFICE_NS}\" xmlns:x=\"{EXCEL_NS}\" id=\"_x0000_s{number}\" type=\"#_x0000_t202\" style='position:absolute;margin-left:80pt;margin-top:2pt;\
         width:200pt;height:60pt;z-index:{number};visibility:hidden' fillcolor=\"#ffffe1\" o:insetmode=\"auto\">\
         <v:fill color2=\"#ffffe1\"/><v:shadow on=\"t\" color=\"black\" obscured=\"t\"/><v:path o:connecttype=\"none\"/>\
         <v:textbox style='mso-direction-alt:auto'><div style='text-align:left'></div></v:textbox>\
         <x:ClientData ObjectType=\"Note\"><x:MoveWithCells/><x:SizeWithCells/>\
         <x:Anchor>{left}, 12, {row}, 4, {right}, 12, {bottom}, 4</x:Anchor><x:AutoFill>False</x:AutoFill>\
         <x:Row>{row}</x:Row><x:Column>{column}</x:Column></x:ClientData></v:shape>"
    )
}

/// The greatest number of a shape in a drawing.
pub(super) fn last_number(drawing: &str) -> usize {
    let numbers = drawing.split("_x0000_s").skip(1).filter_map(|rest| {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        rest[..digits].parse::<usize>().ok().filter(|number| *number < MAX_BLOCKS * BLOCK)
    });
    numbers.max().unwrap_or(0)
}

/// The drawing without the shapes of the notes of these cells.
fn without_shapes(drawing: &str, gone: &BTreeSet<(u32, usize)>) -> String {
    let mut drawing = drawing.to_owned();
    if gone.is_empty() {
        return drawing;
    }
    let inner = prefixes_of(&drawing, EXCEL_NS);
    let value = |shape: &str, name: &str| -> Option<u32> {
        let (_, rest) = inner.iter().find_map(|x| shape.split_once(&format!("<{x}{name}>")))?;
        rest.split_once('<')?.0.trim().parse().ok()
    };
    for v in prefixes_of(&drawing, VML_NS) {
        let (open, close) = (format!("<{v}shape "), format!("</{v}shape>"));
        let mut kept = String::with_capacity(drawing.len());
        let mut rest = drawing.as_str();
        while let Some(start) = rest.find(&open) {
            let Some(length) = rest[start..].find(&close) else { break };
            let end = start + length + close.len();
            let shape = &rest[start..end];
            let place = value(shape, "Row").zip(value(shape, "Column"));
            let is_gone = shape.contains("\"Note\"")
                && place.is_some_and(|(row, column)| gone.contains(&(row.saturating_add(1), column as usize)));
            kept.push_str(&rest[..if is_gone { start } else { end }]);
            rest = &rest[end..];
        }
        kept.push_str(rest);
        drawing = kept;
    }
    drawing
}

/// The prefixes, with their colon, that a drawing has for a namespace; some programs choose their own.
fn prefixes_of(drawing: &str, namespace: &str) -> BTreeSet<String> {
    let declared = drawing.split(" xmlns:").skip(1).filter_map(|rest| {
        let (prefix, rest) = rest.split_once('=')?;
        let value = rest.get(1..)?.split(['"', '\'']).next()?;
        (value == namespace).then(|| format!("{prefix}:"))
    });
    declared.collect()
}

/// The text of a mark: a cell's problems, below one another.
pub(super) fn says(problems: &[&Problem]) -> String {
    let asks = |problem: &Problem| if problem.severity == Severity::Error { "请改正" } else { "请核对" };
    let lines: Vec<String> =
        problems.iter().map(|problem| format!("{SAYS}{}：{}", asks(problem), problem.advice)).collect();
    lines.join("\n")
}

/// Whether notes hold something that an earlier copy of ours said.
pub(super) fn hold_ours(texts: &str) -> bool {
    texts.contains(&escaped(SAYS))
}
