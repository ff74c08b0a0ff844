//! Tells data rows from titles, totals, repeated headers and signatures, and reads the parts of a sheet side by side.

use std::collections::HashSet;

use rayon::prelude::*;
use unicode_normalization::UnicodeNormalization;

use super::cell::is_filled;
use super::clean::is_unseen;
use super::header::{Layout, header_text, is_mark};
use super::names::Known;
use super::row::{Output, Reader};
use super::spec::Key;
use super::{Placed, ReadingContext};
use crate::forms::grid::{Cell, Rows, Sheet};

/// What one sheet gave.
pub(super) struct SheetReading<T> {
    /// Data rows seen.
    pub rows: u32,
    /// Rows that were set aside.
    pub set_aside: u32,
    /// Rows that were taken.
    pub taken: Vec<Placed<T>>,
    /// Findings and repairs in row order.
    pub output: Output,
}

impl<T> Default for SheetReading<T> {
    fn default() -> Self {
        SheetReading { rows: 0, set_aside: 0, taken: Vec::new(), output: Output::default() }
    }
}

/// Counts the data rows of a sheet that lacks a required column; none is taken.
pub(super) fn count_rows(sheet: &Sheet, layout: &Layout<'_>) -> u32 {
    let rows = sheet.rows().filter(|(row, cells)| *row > layout.last_row && is_data(cells, layout)).count();
    u32::try_from(rows).unwrap_or(u32::MAX)
}

/// Reads every data row below the header, the parts of the sheet side by side.
pub(super) fn read_sheet<T: Send>(
    sheet: &Sheet,
    layout: &Layout<'_>,
    ctx: &ReadingContext<'_>,
    read: fn(&mut Reader<'_>) -> Option<T>,
) -> SheetReading<T> {
    let parts: Vec<SheetReading<T>> =
        sheet.parts().into_par_iter().map(|rows| read_part(rows, layout, ctx, read)).collect();
    let mut whole = SheetReading::default();
    whole.taken.reserve_exact(parts.iter().map(|part| part.taken.len()).sum());
    for mut part in parts {
        whole.rows += part.rows;
        whole.set_aside += part.set_aside;
        whole.taken.append(&mut part.taken);
        whole.output.append(&mut part.output);
    }
    say_once(&mut whole.output);
    whole
}

/// A merged cell holds for several rows, but it is changed once: what was said of it for each row is said once.
fn say_once(output: &mut Output) {
    let mut said = HashSet::new();
    output.findings.retain(|finding| said.insert((finding.cell.clone(), finding.code)));
    let mut said = HashSet::new();
    output.repairs.retain(|repair| said.insert((repair.cell.clone(), repair.code)));
}

fn read_part<T>(
    rows: Rows<'_>,
    layout: &Layout<'_>,
    ctx: &ReadingContext<'_>,
    read: fn(&mut Reader<'_>) -> Option<T>,
) -> SheetReading<T> {
    let mut part = SheetReading::default();
    let mut known = Known::default();
    for (row, cells) in rows.filter(|(row, cells)| *row > layout.last_row && is_data(cells, layout)) {
        part.rows += 1;
        let mut reader = Reader::new(ctx, layout, row, &cells, &mut part.output, &mut known);
        match read(&mut reader) {
            Some(taken) => part.taken.push(placed(layout, row, taken)),
            None => part.set_aside += 1,
        }
    }
    part
}

/// A row with its place. Where a history has no 罪犯编号, its cell is the one that names the person otherwise.
pub(super) fn placed<T>(layout: &Layout<'_>, row_number: u32, row: T) -> Placed<T> {
    let column = [Key::Number, Key::ResidentId].into_iter().find_map(|key| layout.column(key));
    let number_cell = layout.address(row_number, column.unwrap_or(0));
    Placed { sheet: layout.sheet.clone(), row_number, number_cell, row }
}

/// FORMS, *Rows*: more than half of the required cells, or both 罪犯编号 and 姓名; no total, no repeated header. A signature
/// line may happen to fill those two columns, but it opens with a word and a colon.
fn is_data(cells: &[Cell], layout: &Layout<'_>) -> bool {
    let cell = |key: Key| layout.column(key).and_then(|at| cells.get(at)).filter(|cell| is_filled(cell));
    let filled = layout.required_cells.iter().filter(|at| cells.get(**at).is_some_and(is_filled)).count();
    if filled * 2 <= layout.required_cells.len() {
        let named = cell(Key::Number).is_some() && cell(Key::Name).is_some();
        let signature = || first_text(cells, layout).is_some_and(|text| text.contains([':', '：']));
        if !named || signature() {
            return false;
        }
    }
    !is_total(cells, layout) && !repeats_header(cells, layout)
}

/// The first text of a row under the headers of the form; a running number before it is no text.
fn first_text<'a>(cells: &'a [Cell], layout: &Layout<'_>) -> Option<&'a str> {
    layout.names.iter().filter_map(|(at, _)| cells.get(*at)).find_map(|cell| match cell {
        Cell::Text(text) if is_filled(cell) && !text.bytes().all(|b| b.is_ascii_digit() || b == b' ') => Some(&**text),
        _ => None,
    })
}

/// Whether the first text of a row is one of the four words for a total.
fn is_total(cells: &[Cell], layout: &Layout<'_>) -> bool {
    first_text(cells, layout).is_some_and(|text| {
        starts_like_total(text) && matches!(header_text(text).as_str(), "合计" | "小计" | "总计" | "共计")
    })
}

fn starts_like_total(text: &str) -> bool {
    text.chars().find(|c| !is_unseen(*c)).is_some_and(|c| matches!(c, '合' | '小' | '总' | '共'))
}

/// Whether most known cells of a row repeat the header above them (a page that was pasted below another).
fn repeats_header(cells: &[Cell], layout: &Layout<'_>) -> bool {
    let (mut filled, mut same) = (0, 0);
    for (at, name) in &layout.names {
        let Some(cell) = cells.get(*at).filter(|cell| is_filled(cell)) else { continue };
        filled += 1;
        if let Cell::Text(text) = cell
            && starts_like(text, name)
            && header_text(text) == *name
        {
            same += 1;
        }
    }
    same >= 2 && same * 2 > filled
}

/// A cheap look at the first character, before the whole text is brought into compared form.
fn starts_like(text: &str, name: &str) -> bool {
    let first = text.chars().find(|c| !is_mark(*c));
    match (first, name.chars().next()) {
        (Some(a), Some(b)) => a == b || !matches!(a, '\u{4E00}'..='\u{9FFF}' | '0'..='9') && a.nfkc().next() == Some(b),
        _ => false,
    }
}
