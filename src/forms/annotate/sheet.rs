//! One worksheet part, streamed: marked cells get their style, missing ones are put in, and notes are hung on.

use std::collections::{BTreeSet, VecDeque};
use std::io::{BufRead, Write};

use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, Event};
use quick_xml::{Reader, Writer};

use super::markup::{attribute, prefix_of, with_attributes};
use super::styles::Styles;
use super::{Paint, RELATIONS_NS, STRICT_NS, Unfit};
use crate::forms::grid::{MAX_COLUMNS, a1, place_of};

/// What must stand behind `legacyDrawing` in a worksheet.
const AFTER_NOTES: [&str; 9] = [
    "legacyDrawingHF",
    "drawingHF",
    "picture",
    "oleObjects",
    "controls",
    "webPublishItems",
    "tableParts",
    "extLst",
    "AlternateContent",
];

/// What is to be done with a worksheet.
pub(super) struct Order<'a> {
    /// Row (from 1), column (from 0) and look of the cells to mark, by row and column.
    pub marks: Vec<(u32, usize, Paint)>,
    /// Id of a relation to notes that is hung on where there is none yet.
    pub notes_id: Option<&'a str>,
}

/// Rewrites a worksheet. Returns the id of its relation to notes where it had one.
pub(super) fn rewrite<R: BufRead, W: Write>(
    source: R,
    into: W,
    order: &Order<'_>,
    styles: &mut Styles<'_>,
) -> Result<Option<String>, Unfit> {
    let mut page = Page {
        out: Writer::new(into),
        styles,
        pending: order.marks.iter().copied().collect(),
        marked_columns: order.marks.iter().map(|(_, column, _)| *column).collect(),
        column_styles: Vec::new(),
        prefix: String::new(),
        depth: 0,
        in_data: false,
        row: 0,
        row_style: None,
        column: None,
        notes_id: order.notes_id,
        old_notes_id: None,
    };
    let mut reader = Reader::from_reader(source);
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let event = reader.read_event_into(&mut buffer).map_err(|_| Unfit)?;
        if matches!(event, Event::Eof) {
            return if page.pending.is_empty() && page.depth == 0 { Ok(page.old_notes_id) } else { Err(Unfit) };
        }
        page.take(event)?;
    }
}

/// Width of a column that was hidden and had none, in characters.
const SHOWN_WIDTH: &str = "14";

fn is_hidden(start: &BytesStart<'_>) -> bool {
    attribute(start, "hidden").is_some_and(|flag| matches!(flag.trim(), "1" | "true"))
}

/// The open tag of a row with marks: it is shown, and the hint how far its cells go may no longer be true.
fn shown_row(start: &BytesStart<'_>) -> BytesStart<'static> {
    let is_flat = attribute(start, "ht").is_some_and(|height| height.trim().parse::<f64>().is_ok_and(|ht| ht < 1.0));
    let mut changes = vec![("spans", None), ("hidden", None)];
    if is_flat {
        changes.extend([("ht", None), ("customHeight", None)]);
    }
    with_attributes(start, &changes)
}

struct Page<'a, 's, W> {
    out: Writer<W>,
    styles: &'a mut Styles<'s>,
    pending: VecDeque<(u32, usize, Paint)>,
    marked_columns: BTreeSet<usize>,
    /// First and last column (from 0) and their style.
    column_styles: Vec<(usize, usize, usize)>,
    prefix: String,
    depth: usize,
    in_data: bool,
    /// The row that is open, or the last one.
    row: u32,
    row_style: Option<usize>,
    /// The last column of the open row.
    column: Option<usize>,
    notes_id: Option<&'a str>,
    old_notes_id: Option<String>,
}

impl<W: Write> Page<'_, '_, W> {
    fn take(&mut self, event: Event<'_>) -> Result<(), Unfit> {
        match event {
            // Whatever it was written in, this is what we write.
            Event::Decl(_) => self.write(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), Some("yes")))),
            Event::DocType(_) => Err(Unfit),
            Event::Start(start) => {
                self.open(&start, false)?;
                self.depth += 1;
                Ok(())
            }
            Event::Empty(start) => self.open(&start, true),
            Event::End(end) => {
                self.depth = self.depth.checked_sub(1).ok_or(Unfit)?;
                self.close(end.local_name().as_ref())?;
                self.write(Event::End(end))
            }
            other => self.write(other),
        }
    }

    fn write(&mut self, event: Event<'_>) -> Result<(), Unfit> {
        self.out.write_event(event).map_err(|_| Unfit)
    }

    fn raw(&mut self, text: &str) -> Result<(), Unfit> {
        self.out.get_mut().write_all(text.as_bytes()).map_err(|_| Unfit)
    }

    /// Writes an open tag, or both tags with what is to stand between them.
    fn pass(&mut self, start: BytesStart<'_>, empty: bool) -> Result<(), Unfit> {
        self.write(if empty { Event::Empty(start) } else { Event::Start(start) })
    }

    fn open(&mut self, start: &BytesStart<'_>, empty: bool) -> Result<(), Unfit> {
        let name = start.local_name();
        match (self.depth, name.as_ref()) {
            (0, "worksheet") => {
                self.prefix = prefix_of(start);
                if start.attributes_raw().contains(STRICT_NS) {
                    return Err(Unfit);
                }
            }
            (0, _) => return Err(Unfit),
            // Of several selected sheets all would be typed into at once; the list is the one that opens.
            (2, "sheetView") => return self.pass(with_attributes(start, &[("tabSelected", None)]), empty),
            (2, "col") => return self.columns(start, empty),
            (1, "sheetData") => return self.open_data(start, empty),
            (2, "row") if self.in_data => return self.open_row(start, empty),
            (3, "c") if self.in_data => return self.cell(start, empty),
            (1, "legacyDrawing") => self.old_notes_id = attribute(start, "id"),
            (1, name) if AFTER_NOTES.contains(&name) && !self.in_data => self.hang_notes()?,
            _ => {}
        }
        self.pass(start.borrow(), empty)
    }

    fn close(&mut self, name: &str) -> Result<(), Unfit> {
        match (self.depth, name) {
            (2, "row") if self.in_data => self.cells_before(None),
            (1, "sheetData") => {
                self.in_data = false;
                self.rows_before(None)
            }
            (0, _) => self.hang_notes(),
            _ => Ok(()),
        }
    }

    /// Columns that look alike: their style is noted, and hidden ones with marks are shown.
    fn columns(&mut self, start: &BytesStart<'_>, empty: bool) -> Result<(), Unfit> {
        let number = |name: &str| attribute(start, name).and_then(|text| text.trim().parse::<usize>().ok());
        let (Some(first), Some(last)) = (number("min").filter(|first| *first > 0), number("max")) else {
            return self.pass(start.borrow(), empty);
        };
        if let Some(style) = number("style") {
            self.column_styles.push((first - 1, last - 1, style));
        }
        let marked: Vec<usize> = self.marked_columns.range(first - 1..last.max(first)).map(|at| at + 1).collect();
        if !is_hidden(start) || marked.is_empty() || !empty {
            return self.pass(start.borrow(), empty);
        }
        let mut from = first;
        for at in marked {
            self.hidden_columns(start, from, at - 1)?;
            let is_narrow = attribute(start, "width").is_none_or(|w| w.trim().parse::<f64>().is_ok_and(|w| w < 1.0));
            let place = at.to_string();
            let mut shown = vec![("min", Some(&*place)), ("max", Some(&*place)), ("hidden", None)];
            if is_narrow {
                shown.extend([("width", Some(SHOWN_WIDTH)), ("customWidth", Some("1"))]);
            }
            self.pass(with_attributes(start, &shown), true)?;
            from = at + 1;
        }
        self.hidden_columns(start, from, last)
    }

    fn hidden_columns(&mut self, start: &BytesStart<'_>, from: usize, to: usize) -> Result<(), Unfit> {
        if from > to {
            return Ok(());
        }
        let (from, to) = (from.to_string(), to.to_string());
        self.pass(with_attributes(start, &[("min", Some(&from)), ("max", Some(&to))]), true)
    }

    fn open_data(&mut self, start: &BytesStart<'_>, empty: bool) -> Result<(), Unfit> {
        if !empty || self.pending.is_empty() {
            self.in_data = !empty;
            return self.pass(start.borrow(), empty);
        }
        self.write(Event::Start(start.borrow()))?;
        self.rows_before(None)?;
        self.write(Event::End(BytesEnd::new(start.name().0)))
    }

    fn open_row(&mut self, start: &BytesStart<'_>, empty: bool) -> Result<(), Unfit> {
        let row = match attribute(start, "r") {
            Some(stated) => stated.trim().parse().map_err(|_| Unfit)?,
            None => self.row.checked_add(1).ok_or(Unfit)?,
        };
        if row <= self.row {
            return Err(Unfit);
        }
        self.rows_before(Some(row))?;
        (self.row, self.column) = (row, None);
        let style = attribute(start, "customFormat").is_some_and(|flag| matches!(flag.as_str(), "1" | "true"));
        self.row_style = attribute(start, "s").filter(|_| style).and_then(|style| style.trim().parse().ok());
        let is_marked = self.pending.front().is_some_and(|mark| mark.0 == row);
        let start = if is_marked { shown_row(start) } else { start.borrow() };
        if !empty || !is_marked {
            return self.pass(start, empty);
        }
        let name = start.name().0.to_owned();
        self.write(Event::Start(start))?;
        self.cells_before(None)?;
        self.write(Event::End(BytesEnd::new(name)))
    }

    fn cell(&mut self, start: &BytesStart<'_>, empty: bool) -> Result<(), Unfit> {
        let next = self.column.map_or(0, |column| column + 1);
        let (row, column) = match attribute(start, "r") {
            Some(stated) => place_of(&stated).ok_or(Unfit)?,
            None => (self.row, next),
        };
        if row != self.row || column < next || column >= MAX_COLUMNS {
            return Err(Unfit);
        }
        self.cells_before(Some(column))?;
        self.column = Some(column);
        let style = attribute(start, "s").and_then(|style| style.trim().parse().ok()).unwrap_or(0);
        let paint = self.mark_at(row, column);
        if paint.is_none() && !self.styles.is_marked(style) {
            return self.pass(start.borrow(), empty);
        }
        let style = self.styles.painted(style, paint)?.to_string();
        self.pass(with_attributes(start, &[("s", Some(&style))]), empty)
    }

    fn mark_at(&mut self, row: u32, column: usize) -> Option<Paint> {
        let is_here = self.pending.front().is_some_and(|mark| (mark.0, mark.1) == (row, column));
        self.pending.pop_front_if(|_| is_here).map(|mark| mark.2)
    }

    /// Puts in the marked cells of the open row that are missing before a column, or to its end.
    fn cells_before(&mut self, column: Option<usize>) -> Result<(), Unfit> {
        while let Some((row, at, paint)) = self.pending.front().copied() {
            if row != self.row || column.is_some_and(|column| at >= column) {
                return Ok(());
            }
            self.pending.pop_front();
            let of_column = self.column_styles.iter().find(|(first, last, _)| (*first..=*last).contains(&at));
            let style = self.row_style.or(of_column.map(|(_, _, style)| *style)).unwrap_or(0);
            let style = self.styles.painted(style, Some(paint))?;
            let cell = format!("<{}c r=\"{}\" s=\"{style}\"/>", self.prefix, a1(row, at));
            self.raw(&cell)?;
        }
        Ok(())
    }

    /// Puts in the rows of marked cells that are missing before a row, or to the end.
    fn rows_before(&mut self, row: Option<u32>) -> Result<(), Unfit> {
        while let Some((at, ..)) = self.pending.front().copied() {
            if row.is_some_and(|row| at >= row) {
                return Ok(());
            }
            if at <= self.row {
                return Err(Unfit);
            }
            (self.row, self.row_style) = (at, None);
            let prefix = self.prefix.clone();
            self.raw(&format!("<{prefix}row r=\"{at}\">"))?;
            self.cells_before(None)?;
            self.raw(&format!("</{prefix}row>"))?;
        }
        Ok(())
    }

    fn hang_notes(&mut self) -> Result<(), Unfit> {
        if self.old_notes_id.is_some() {
            return Ok(());
        }
        let Some(id) = self.notes_id.take() else { return Ok(()) };
        let tag = format!("<{}legacyDrawing xmlns:r=\"{RELATIONS_NS}\" r:id=\"{id}\"/>", self.prefix);
        self.raw(&tag)
    }
}
