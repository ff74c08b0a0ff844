//! Comma-separated text: which encoding it is in, and its records one by one.
//!
//! Findings: `unreadable-file` (no known encoding, binary, quotes that do not pair), `too-large`, `too-many-rows`.
//!
//! The splitter is our own because an unpaired quote must be named: the usual parsers take it as the start of one huge
//! field and silently swallow every row after it.

use super::table::MAX_ROW_TEXT_BYTES;
use super::{Cell, FileFault, Limits, MAX_COLUMNS, PART_ROWS, fault};
use encoding_rs::{Encoding, GB18030, UTF_8};
use std::borrow::Cow;
use std::ops::RangeInclusive;

/// Chinese characters, three bytes each in UTF-8.
const HAN: RangeInclusive<char> = '\u{4E00}'..='\u{9FFF}';
/// How many of them may stand by chance at the front of a text in another encoding.
const MAX_CHANCE_HAN: usize = 4;

/// The decoded text of a csv file; its cells are made when its rows are asked for.
pub(super) struct Text {
    text: String,
    /// Where every so many records begin.
    marks: Vec<Mark>,
}

/// The beginning of a record.
#[derive(Clone, Copy)]
struct Mark {
    at: usize,
    /// Number of the record before it.
    number: u32,
}

impl Text {
    /// Decodes and checks the whole text once.
    pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Text, FileFault> {
        let text = decode(bytes)?;
        if text.contains('\0') {
            return Err(fault::broken_csv("含有二进制内容的文件"));
        }
        if text.trim().is_empty() {
            return Err(fault::broken_csv("没有内容的文件"));
        }
        let marks = check(&text, limits)?;
        Ok(Text { text, marks })
    }

    /// The records that hold something.
    pub(super) fn records(&self) -> Records<'_> {
        Records { fields: Fields { text: &self.text, at: 0 }, number: 0 }
    }

    /// The same in parts that follow each other.
    pub(super) fn parts(&self) -> impl Iterator<Item = Records<'_>> {
        let ends = self.marks.iter().skip(1).map(|mark| mark.at).chain([self.text.len()]);
        let part = |(mark, end): (&Mark, usize)| {
            let fields = Fields { text: &self.text[..end], at: mark.at };
            Records { fields, number: mark.number }
        };
        self.marks.iter().zip(ends).map(part)
    }
}

/// UTF-8 with or without its byte order mark, else GB18030, which holds GBK and GB2312.
fn decode(bytes: &[u8]) -> Result<String, FileFault> {
    let unknown = || fault::broken_csv("无法识别文字编码的文件");
    if let Some((encoding, mark_bytes)) = Encoding::for_bom(bytes) {
        if encoding != UTF_8 {
            return Err(fault::broken_csv("UTF-16 编码的文件"));
        }
        let text = encoding.decode_without_bom_handling_and_without_replacement(&bytes[mark_bytes..]);
        return text.map(Cow::into_owned).ok_or_else(unknown);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => return Ok(text.to_owned()),
        // UTF-8 with a damaged place would often pass for GB18030, as nonsense. GB18030 does not pass for UTF-8 for long.
        Err(error) => {
            let sound = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            if sound.chars().filter(|symbol| HAN.contains(symbol)).nth(MAX_CHANCE_HAN).is_some() {
                return Err(unknown());
            }
        }
    }
    let text = GB18030.decode_without_bom_handling_and_without_replacement(bytes).ok_or_else(unknown)?;
    // Many byte sequences happen to be GB18030. Control characters tell a binary file from text.
    if text.bytes().any(|byte| matches!(byte, 0x01..=0x08 | 0x0E..=0x19 | 0x1B..=0x1F)) {
        return Err(unknown());
    }
    Ok(text.into_owned())
}

/// Walks all fields once, so that later walks cannot meet a surprise, and marks where parts begin.
fn check(text: &str, limits: &Limits) -> Result<Vec<Mark>, FileFault> {
    let mut fields = Fields { text, at: 0 };
    let (mut marks, mut unmarked) = (Vec::new(), PART_ROWS);
    let (mut record, mut column, mut filled_rows, mut filled) = (1_u32, 0_usize, 0_u32, false);
    let mut record_starts_at = 0;
    loop {
        if column == 0 {
            record = record.saturating_add(fields.skip_blank_lines());
            record_starts_at = fields.at;
            if unmarked == PART_ROWS && record_starts_at < text.len() {
                marks.push(Mark { at: record_starts_at, number: record - 1 });
                unmarked = 0;
            }
            unmarked += 1;
        }
        let Some(field) = fields.next() else { return Ok(marks) };
        if field.unpaired {
            return Err(fault::broken_csv(format!("第 {record} 行第 {} 列的双引号没有成对", column + 1)));
        }
        if (fields.at - record_starts_at) as u64 > MAX_ROW_TEXT_BYTES {
            return Err(fault::too_large(format!("第 {record} 行内容过多")));
        }
        filled |= !field.value.is_empty();
        column += 1;
        if column > MAX_COLUMNS {
            return Err(fault::too_large(format!("第 {record} 行超过 {MAX_COLUMNS} 列")));
        }
        if field.ends_record {
            filled_rows += u32::from(filled);
            if filled_rows > limits.max_rows {
                return Err(fault::too_many_rows("", limits.max_rows));
            }
            record = record.saturating_add(1);
            (column, filled) = (0, false);
        }
    }
}

/// Iterator over the records that hold something. See [`Text::records`].
pub(super) struct Records<'a> {
    fields: Fields<'a>,
    number: u32,
}

impl Iterator for Records<'_> {
    type Item = (u32, Vec<Cell>);

    fn next(&mut self) -> Option<Self::Item> {
        let mut cells = Vec::new();
        self.number = self.number.saturating_add(self.fields.skip_blank_lines());
        while let Some(field) = self.fields.next() {
            let ends_record = field.ends_record;
            cells.push(if field.value.is_empty() { Cell::Empty } else { Cell::Text(field.value.into_owned()) });
            if ends_record {
                self.number = self.number.saturating_add(1);
                let filled = cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
                cells.truncate(filled);
                if filled > 0 {
                    return Some((self.number, cells));
                }
                self.number = self.number.saturating_add(self.fields.skip_blank_lines());
            }
        }
        None
    }
}

/// Splits text into fields as RFC 4180 says; lone CR and lone LF end a record too.
struct Fields<'a> {
    text: &'a str,
    at: usize,
}

struct Field<'a> {
    value: Cow<'a, str>,
    ends_record: bool,
    /// A quote that was opened is missing its partner.
    unpaired: bool,
}

impl<'a> Fields<'a> {
    fn next(&mut self) -> Option<Field<'a>> {
        let bytes = self.text.as_bytes();
        // A comma at the very end of the text leaves one field more, but an empty field there says nothing.
        if self.at >= bytes.len() {
            return None;
        }
        let (mut value, unpaired) = if bytes[self.at] == b'"' { self.quoted() } else { (Cow::Borrowed(""), false) };
        let plain = self.plain();
        if value.is_empty() {
            value = Cow::Borrowed(plain);
        } else if !plain.is_empty() {
            value.to_mut().push_str(plain);
        }
        // A quoted field of several lines with more text right behind its closing quote: that quote opened another field.
        let unpaired =
            unpaired || !plain.trim().is_empty() && value[..value.len() - plain.len()].contains(['\n', '\r']);
        Some(Field { value, ends_record: self.separator(), unpaired })
    }

    /// Steps over lines that hold nothing at all and counts them: a file may consist of little else.
    fn skip_blank_lines(&mut self) -> u32 {
        let bytes = self.text.as_bytes();
        let mut lines = 0_u32;
        while let Some(b'\n' | b'\r') = bytes.get(self.at) {
            self.at += if bytes[self.at..].starts_with(b"\r\n") { 2 } else { 1 };
            lines = lines.saturating_add(1);
        }
        lines
    }

    /// Text up to the next separator.
    fn plain(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let length = rest.bytes().position(|byte| matches!(byte, b',' | b'\n' | b'\r')).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// Text between quotes; a doubled quote is one. The flag: the closing quote is missing.
    fn quoted(&mut self) -> (Cow<'a, str>, bool) {
        self.at += 1;
        let mut value = Cow::Borrowed("");
        loop {
            let rest = &self.text[self.at..];
            let Some(length) = rest.bytes().position(|byte| byte == b'"') else {
                self.at = self.text.len();
                return (Cow::Borrowed(rest), true);
            };
            if value.is_empty() {
                value = Cow::Borrowed(&rest[..length]);
            } else {
                value.to_mut().push_str(&rest[..length]);
            }
            self.at += length + 1;
            if self.text.as_bytes().get(self.at) != Some(&b'"') {
                return (value, false);
            }
            self.at += 1;
            value.to_mut().push('"');
        }
    }

    /// Steps over the separator; true if it ends the record.
    fn separator(&mut self) -> bool {
        let bytes = self.text.as_bytes();
        let found = bytes.get(self.at).copied();
        self.at += 1;
        if found == Some(b'\r') && bytes.get(self.at) == Some(&b'\n') {
            self.at += 1;
        }
        // The last field of a text that ends in a comma ends its record as well.
        found != Some(b',') || self.at >= bytes.len()
    }
}
