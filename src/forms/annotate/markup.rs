//! Edits in the text of a small XML part: everything that is not edited stays as it was, byte by byte.

use std::ops::Range;

use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::QName;
use quick_xml::reader::Reader;

use super::Unfit;

/// Most elements of a part that is held in memory.
const MAX_ELEMENTS: usize = 4_000_000;

/// An element and where it stands in its part.
#[derive(Clone, Debug)]
pub(super) struct Element<'a> {
    /// Name without prefix.
    pub name: &'a str,
    /// How many elements it stands in.
    pub depth: usize,
    /// Its open tag, with `<` and `>`.
    pub open: Range<usize>,
    /// Its close tag; empty at the end of `open` where it closes itself.
    pub close: Range<usize>,
    /// Its name with prefix, and what follows it in the open tag.
    start: BytesStart<'a>,
}

impl Element<'_> {
    /// All of it.
    pub fn whole(&self) -> Range<usize> {
        self.open.start..self.close.end
    }

    /// Whether it is written `<a/>`.
    pub fn closes_itself(&self) -> bool {
        self.close.is_empty()
    }

    /// `x:` where its name has a prefix.
    pub fn prefix(&self) -> String {
        prefix_of(&self.start)
    }

    /// An attribute by its name without prefix, unescaped.
    pub fn attribute(&self, name: &str) -> Option<String> {
        attribute(&self.start, name)
    }

    /// Its open tag with some attributes set or, with `None`, taken away.
    pub fn tag_with(&self, changes: &[(&str, Option<&str>)]) -> String {
        let end = if self.closes_itself() { "/>" } else { ">" };
        format!("<{}{end}", &*with_attributes(&self.start, changes))
    }
}

/// `x:` where the name of an element has a prefix.
pub(super) fn prefix_of(start: &BytesStart<'_>) -> String {
    start.name().0.rsplit_once(':').map(|(prefix, _)| format!("{prefix}:")).unwrap_or_default()
}

/// An attribute by its name without prefix, unescaped.
pub(super) fn attribute(start: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut attributes = start.attributes();
    attributes.with_checks(false);
    let found = attributes.flatten().find(|attribute| attribute.key.local_name().as_ref() == name)?;
    found.normalized_value(quick_xml::XmlVersion::Implicit1_0).ok().map(std::borrow::Cow::into_owned)
}

/// A tag with some attributes set or taken away; those that it has stay where they are, as they are.
pub(super) fn with_attributes(start: &BytesStart<'_>, changes: &[(&str, Option<&str>)]) -> BytesStart<'static> {
    let mut tag = BytesStart::new(start.name().0.to_owned());
    let mut known: Vec<&str> = Vec::new();
    let mut attributes = start.attributes();
    attributes.with_checks(false);
    for attribute in attributes.flatten() {
        let change = changes.iter().find(|(name, _)| *name == attribute.key.0);
        match change {
            Some((name, Some(value))) if !known.contains(name) => {
                known.push(name);
                tag.push_attribute((*name, *value));
            }
            Some(_) => {}
            None => {
                // Kept escaped; it may have stood in single quotes.
                let value = attribute.value.replace('"', "&quot;");
                tag.push_attribute(Attribute { key: QName(attribute.key.0), value: value.into() });
            }
        }
    }
    for (name, value) in changes {
        if let Some(value) = value
            && !known.contains(name)
        {
            tag.push_attribute((*name, *value));
        }
    }
    tag
}

/// Every element of a part, in order.
pub(super) fn elements(text: &str) -> Result<Vec<Element<'_>>, Unfit> {
    let mut reader = Reader::from_str(text);
    let mut elements: Vec<Element<'_>> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    loop {
        let from = position(&reader);
        let event = reader.read_event().map_err(|_| Unfit)?;
        let to = position(&reader);
        match event {
            Event::Start(start) | Event::Empty(start) if elements.len() < MAX_ELEMENTS => {
                let closes_itself = text.get(from..to).is_some_and(|tag| tag.ends_with("/>"));
                let name = local_name(text, from, &start).ok_or(Unfit)?;
                if !closes_itself {
                    open.push(elements.len());
                }
                let depth = open.len() - usize::from(!closes_itself);
                elements.push(Element { name, depth, open: from..to, close: to..to, start });
            }
            Event::End(_) => {
                let at = open.pop().ok_or(Unfit)?;
                elements[at].close = from..to;
            }
            Event::Eof if open.is_empty() && !elements.is_empty() => return Ok(elements),
            // Too many, or cut off.
            Event::Start(_) | Event::Empty(_) | Event::DocType(_) | Event::Eof => return Err(Unfit),
            _ => {}
        }
    }
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

/// The name without prefix, as a piece of the part's own text.
fn local_name<'a>(text: &'a str, from: usize, start: &BytesStart<'_>) -> Option<&'a str> {
    let name = text.get(from + 1..from + 1 + start.name().0.len())?;
    Some(name.rsplit_once(':').map_or(name, |(_, local)| local))
}

/// Edits of a text, by place.
pub(super) struct Draft<'a> {
    text: &'a str,
    edits: Vec<(Range<usize>, String)>,
}

impl<'a> Draft<'a> {
    /// A text without edits.
    pub fn of(text: &'a str) -> Draft<'a> {
        Draft { text, edits: Vec::new() }
    }

    /// Puts something in the place of a range.
    pub fn replace(&mut self, range: Range<usize>, with: impl Into<String>) {
        self.edits.push((range, with.into()));
    }

    /// Puts something before a place.
    pub fn insert(&mut self, at: usize, what: impl Into<String>) {
        self.replace(at..at, what);
    }

    /// Puts something at the end of an element's content.
    pub fn append(&mut self, element: &Element<'_>, what: &str) {
        if element.closes_itself() {
            let tag = element.tag_with(&[]);
            let name = element.start.name().0;
            self.replace(element.open.clone(), format!("{}>{what}</{name}>", tag.trim_end_matches("/>")));
        } else {
            self.insert(element.close.start, what);
        }
    }

    /// The text with its edits. Those at one place stand in the order in which they were made.
    pub fn finish(mut self) -> Result<String, Unfit> {
        self.edits.sort_by_key(|(range, _)| range.start);
        let mut text = String::with_capacity(self.text.len());
        let mut done = 0;
        for (range, with) in &self.edits {
            text.push_str(self.text.get(done..range.start).ok_or(Unfit)?);
            text.push_str(with);
            done = range.end;
        }
        text.push_str(self.text.get(done..).ok_or(Unfit)?);
        Ok(text)
    }
}

/// Text as the content of an element or the value of an attribute; characters that XML cannot hold are left out.
pub(super) fn escaped(text: &str) -> String {
    let allowed =
        |c: &char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..);
    let text: String = text.chars().filter(allowed).collect();
    quick_xml::escape::escape(text).into_owned()
}

/// Text as a spreadsheet stores it: what looks like one of its own escapes (`_x0041_`) stays what it is.
pub(super) fn cell_text(text: &str) -> String {
    escaped(text).replace("_x", "_x005F_x")
}
