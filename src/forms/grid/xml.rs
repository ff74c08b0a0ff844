//! The few things we need of XML: elements by local name, their attributes, their text. No DTD, no entities of its own.

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;
use std::borrow::Cow;
use std::io::{BufReader, Read};

/// What is read from a part at a time.
const BUFFER_BYTES: usize = 1 << 16;

/// The part is no well-formed XML, has a DOCTYPE, or contradicts itself. Says which, in Chinese.
#[derive(Debug)]
pub(in crate::forms) struct Malformed(pub(super) &'static str);

impl From<quick_xml::Error> for Malformed {
    fn from(_: quick_xml::Error) -> Malformed {
        Malformed("XML 不完整")
    }
}

/// One step through the part.
pub(super) enum Node<'a> {
    /// An element opens.
    Open(Element<'a>),
    /// The innermost open element closes.
    Close,
    /// Text of the innermost open element.
    Text(Cow<'a, str>),
    /// All elements are closed and the part is at its end.
    End,
}

/// An element that opens.
pub(super) struct Element<'a>(BytesStart<'a>);

impl Element<'_> {
    /// Whether its name without prefix is this one.
    pub(super) fn is(&self, name: &str) -> bool {
        self.0.local_name().as_ref() == name
    }

    /// Its attributes: local name and unescaped value. Not checked for repeats: that takes quadratic time.
    pub(super) fn attributes(&self) -> impl Iterator<Item = Result<(&str, Cow<'_, str>), Malformed>> {
        let mut attributes = self.0.attributes();
        attributes.with_checks(false);
        attributes.map(|attribute| {
            let attribute = attribute.map_err(|_| Malformed("XML 属性有误"))?;
            let name = attribute.key.0.rsplit_once(':').map_or(attribute.key.0, |(_, local)| local);
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| Malformed("XML 属性有误"))?;
            Ok((name, value))
        })
    }

    /// One attribute by local name.
    pub(super) fn attribute(&self, name: &str) -> Result<Option<String>, Malformed> {
        for attribute in self.attributes() {
            let (found, value) = attribute?;
            if found == name {
                return Ok(Some(value.into_owned()));
            }
        }
        Ok(None)
    }

    /// One attribute that says yes or no.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Malformed> {
        Ok(self.attribute(name)?.is_some_and(|value| matches!(value.as_str(), "1" | "true" | "on")))
    }
}

/// A part, read from front to end.
pub(in crate::forms) struct Xml<'s> {
    reader: Reader<BufReader<Box<dyn Read + 's>>>,
    buffer: Vec<u8>,
    depth: u32,
    had_root: bool,
}

impl<'s> Xml<'s> {
    /// Starts at the front.
    pub(super) fn new(source: impl Read + 's) -> Xml<'s> {
        let source: Box<dyn Read + 's> = Box::new(source);
        let mut reader = Reader::from_reader(BufReader::with_capacity(BUFFER_BYTES, source));
        reader.config_mut().expand_empty_elements = true;
        Xml { reader, buffer: Vec::new(), depth: 0, had_root: false }
    }

    /// How many elements are open.
    pub(super) fn depth(&self) -> u32 {
        self.depth
    }

    /// The next step.
    pub(super) fn step(&mut self) -> Result<Node<'_>, Malformed> {
        self.buffer.clear();
        // One event for one call, and comments and the like are empty text: a loop here would hold the buffer borrowed.
        Ok(match self.reader.read_event_into(&mut self.buffer)? {
            Event::Start(start) => {
                self.depth += 1;
                self.had_root = true;
                Node::Open(Element(start))
            }
            Event::End(_) => {
                self.depth = self.depth.checked_sub(1).ok_or(Malformed("XML 标记不成对"))?;
                Node::Close
            }
            Event::Text(text) => Node::Text(text.xml10_content()),
            Event::CData(text) => Node::Text(text.xml10_content()),
            Event::GeneralRef(name) => Node::Text(match name.resolve_char_ref()? {
                Some(symbol) => Cow::Owned(symbol.to_string()),
                None => Cow::Borrowed(resolve_predefined_entity(&name).ok_or(Malformed("XML 含有未知实体"))?),
            }),
            Event::DocType(_) => return Err(Malformed("XML 含有 DOCTYPE")),
            Event::Eof if self.depth > 0 || !self.had_root => return Err(Malformed("XML 不完整")),
            Event::Eof => Node::End,
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => Node::Text(Cow::Borrowed("")),
        })
    }

    /// The text of the element that just opened, without that of its children, appended to `into`. Reads to its end.
    pub(super) fn text(&mut self, into: &mut String) -> Result<(), Malformed> {
        let depth = self.depth;
        loop {
            let at_own_depth = self.depth == depth;
            match self.step()? {
                Node::Text(text) if at_own_depth => into.push_str(&text),
                Node::Close if at_own_depth => return Ok(()),
                _ => {}
            }
        }
    }

    /// Steps over the element that just opened.
    pub(super) fn skip(&mut self) -> Result<(), Malformed> {
        let depth = self.depth;
        while self.depth >= depth {
            self.step()?;
        }
        Ok(())
    }

    /// The text of a string item (`si`, `is`) that just opened: its runs joined, without phonetic hints, appended to `into`.
    pub(super) fn rich_text(&mut self, into: &mut String) -> Result<(), Malformed> {
        let depth = self.depth;
        let mut raw = String::new();
        while self.depth >= depth {
            let (is_text, is_hint) = match self.step()? {
                Node::Open(element) => (element.is("t"), element.is("rPh")),
                _ => (false, false),
            };
            if is_text {
                self.text(&mut raw)?;
            } else if is_hint {
                self.skip()?;
            }
        }
        into.push_str(&unescape(&raw));
        Ok(())
    }
}

/// Characters that XML cannot hold are written `_x000D_` in strings, and a literal `_x` as `_x005F_x`.
pub(super) fn unescape(raw: &str) -> Cow<'_, str> {
    if !raw.contains("_x") {
        return Cow::Borrowed(raw);
    }
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find("_x") {
        text.push_str(&rest[..at]);
        let code = rest.get(at + 2..at + 6).filter(|code| code.bytes().all(|b| b.is_ascii_hexdigit()));
        let closed = rest.as_bytes().get(at + 6) == Some(&b'_');
        let symbol = code.and_then(|code| u32::from_str_radix(code, 16).ok()).and_then(char::from_u32);
        if let Some(symbol) = symbol.filter(|_| closed) {
            text.push(symbol);
            rest = &rest[at + 7..];
        } else {
            text.push_str("_x");
            rest = &rest[at + 2..];
        }
    }
    text.push_str(rest);
    Cow::Owned(text)
}
