//! One worksheet part, streamed: marked cells get their style, missing ones are put in, and notes are hung on.

use std::collections::VecDeque;
use std::io::{BufRead, Write};

use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, Event};
use quick_xml::{Reader, Writer};

use super::markup::{attribute, prefix_of, with_attributes};
use super::styles::Styles;
use super::{Colour, RELATIONS_NS, STRICT_NS, Unfit};
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
    /// Row (from 1), column (from 0) and colour of the cells to mark, by row and column.
    pub marks: Vec<(u32, usize, Colour)>,
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

struct Page<'a, 's, W> {
    out: Writer<W>,
    styles: &'a mut Styles<'s>,
    pending: VecDeque<(u32, usize, Colour)>,
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
            (2, "col") => self.column_style(start),
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

    fn column_style(&mut self, start: &BytesStart<'_>) {
        let number = |name: &str| attribute(start, name).and_then(|text| text.trim().parse::<usize>().ok());
        if let (Some(first), Some(last), Some(style)) = (number("min"), number("max"), number("style"))
            && first > 0
        {
            self.column_styles.push((first - 1, last - 1, style));
        }
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
        // The hint how far the cells go may no longer be true.
        let start = if is_marked { with_attributes(start, &[("spans", None)]) } else { start.borrow() };
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
        let colour = self.mark_at(row, column);
        if colour.is_none() && !self.styles.is_marked(style) {
            return self.pass(start.borrow(), empty);
        }
        let style = self.styles.coloured(style, colour)?.to_string();
        self.pass(with_attributes(start, &[("s", Some(&style))]), empty)
    }

    fn mark_at(&mut self, row: u32, column: usize) -> Option<Colour> {
        let is_here = self.pending.front().is_some_and(|mark| (mark.0, mark.1) == (row, column));
        self.pending.pop_front_if(|_| is_here).map(|mark| mark.2)
    }

    /// Puts in the marked cells of the open row that are missing before a column, or to its end.
    fn cells_before(&mut self, column: Option<usize>) -> Result<(), Unfit> {
        while let Some((row, at, colour)) = self.pending.front().copied() {
            if row != self.row || column.is_some_and(|column| at >= column) {
                return Ok(());
            }
            self.pending.pop_front();
            let of_column = self.column_styles.iter().find(|(first, last, _)| (*first..=*last).contains(&at));
            let style = self.row_style.or(of_column.map(|(_, _, style)| *style)).unwrap_or(0);
            let style = self.styles.coloured(style, Some(colour))?;
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
