//! The name of an attachment, however its mail program wrote it.
//!
//! Known ways: RFC 2231 (charset, percent signs, continuations of bytes), RFC 2047 words inside quotes (wrong, and usual),
//! raw UTF-8 or GB18030, percent signs alone, with or without quotes, in Content-Disposition or only as `name=` in
//! Content-Type. The first way that leaves no unreadable character wins.

use super::words::{decode, decode_field, guess, hex, unfolded};

/// Longest name, in characters.
const MAX_NAME_CHARS: usize = 200;
/// Most parameters of a header.
const MAX_PARAMETERS: usize = 200;

/// A parameter: `name*1*=value`.
struct Parameter {
    name: String,
    /// Which piece it is, where the value is cut into several.
    section: Option<u32>,
    /// Whether percent signs stand for bytes, and the first piece begins with a charset.
    is_extended: bool,
    value: Vec<u8>,
}

/// The name that the headers of a part give; `None` where they give none.
pub(super) fn file_name(disposition: Option<&[u8]>, content_type: Option<&[u8]>) -> Option<String> {
    let headers =
        [(disposition, "filename"), (disposition, "name"), (content_type, "name"), (content_type, "filename")];
    let mut found: Vec<String> = Vec::new();
    for (header, parameter) in headers {
        let Some(header) = header else { continue };
        let parameters = parameters(&unfolded(header));
        found.extend(extended(&parameters, parameter));
        found.extend(
            parameters.iter().filter(|p| p.name == parameter && p.section.is_none() && !p.is_extended).map(plain),
        );
    }
    found.retain(|name| !name.is_empty());
    let best = found.iter().position(|name| !name.contains('\u{FFFD}')).unwrap_or(0);
    (!found.is_empty()).then(|| found.swap_remove(best))
}

/// A name as it can be shown and kept: without folders, control and direction characters, and not too long.
pub(super) fn tidy(name: &str) -> String {
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
    };
    let name: String = base.chars().filter(|c| !is_hidden(*c)).collect();
    let name = name.trim();
    if name.chars().count() <= MAX_NAME_CHARS {
        return name.to_owned();
    }
    let end = name.rsplit_once('.').map(|(_, end)| end).filter(|end| end.len() <= 8).unwrap_or_default();
    let kept: String = name.chars().take(MAX_NAME_CHARS - 9).collect();
    format!("{kept}….{end}")
}

fn plain(parameter: &Parameter) -> String {
    let text = decode_field(&parameter.value);
    // Some web mailers write an address bar's encoding.
    if text.contains('%') {
        let bytes = unpercented(text.as_bytes());
        let decoded = guess(&bytes);
        if bytes.iter().any(|b| *b >= 0x80) && !decoded.contains('\u{FFFD}') {
            return tidy(&decoded);
        }
    }
    tidy(&text)
}

/// The value of a parameter in the way of RFC 2231: its pieces joined as bytes, then decoded.
fn extended(parameters: &[Parameter], name: &str) -> Option<String> {
    let mut pieces: Vec<&Parameter> =
        parameters.iter().filter(|p| p.name == name && (p.section.is_some() || p.is_extended)).collect();
    pieces.sort_by_key(|piece| piece.section);
    let (mut charset, mut bytes) = (String::new(), Vec::new());
    // A piece may end within a percent sign's digits.
    let mut percented: Vec<u8> = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        let mut value = piece.value.as_slice();
        if !piece.is_extended {
            bytes.append(&mut unpercented(&std::mem::take(&mut percented)));
            bytes.extend_from_slice(value);
            continue;
        }
        let mut marks = value.splitn(3, |b| *b == b'\'');
        if at == 0
            && let (Some(set), Some(_), Some(rest)) = (marks.next(), marks.next(), marks.next())
        {
            charset = String::from_utf8_lossy(set).into_owned();
            value = rest;
        }
        percented.extend_from_slice(value);
    }
    bytes.append(&mut unpercented(&percented));
    if pieces.is_empty() {
        None
    } else if !charset.is_empty() {
        Some(tidy(&decode(&bytes, &charset)))
    } else {
        // Encoded words cut into pieces, or bytes without a charset.
        Some(tidy(&decode_field(&bytes)))
    }
}

fn unpercented(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [symbol, after @ ..] = rest {
        rest = after;
        match (symbol, after) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes.push(hex(*high) << 4 | hex(*low));
                rest = after;
            }
            _ => bytes.push(*symbol),
        }
    }
    bytes
}

/// The parameters of a header's value.
fn parameters(value: &[u8]) -> Vec<Parameter> {
    let is_utf8 = std::str::from_utf8(value).is_ok();
    let mut parameters = Vec::new();
    let mut rest = match value.iter().position(|b| *b == b';') {
        Some(at) => &value[at + 1..],
        // Some programs leave out the type.
        None if value.contains(&b'=') => value,
        None => return parameters,
    };
    while !rest.is_empty() && parameters.len() < MAX_PARAMETERS {
        rest = rest.trim_ascii_start();
        let Some(equals) = rest.iter().position(|b| matches!(b, b'=' | b';')) else { break };
        if rest[equals] == b';' {
            rest = &rest[equals + 1..];
            continue;
        }
        let name = String::from_utf8_lossy(&rest[..equals]).trim().to_ascii_lowercase();
        let (value, after) = value_of(rest[equals + 1..].trim_ascii_start(), is_utf8);
        rest = after;
        let (name, is_extended) = match name.strip_suffix('*') {
            Some(name) => (name.to_owned(), true),
            None => (name, false),
        };
        let (name, section) = match name.split_once('*') {
            Some((name, section)) => (name.to_owned(), section.parse().ok()),
            None => (name, None),
        };
        parameters.push(Parameter { name, section, is_extended, value });
    }
    parameters
}

/// The value that bytes begin with, and what follows its semicolon.
fn value_of(bytes: &[u8], is_utf8: bool) -> (Vec<u8>, &[u8]) {
    let Some(mut rest) = bytes.strip_prefix(b"\"") else {
        // Without quotes, perhaps with blanks all the same.
        let end = bytes.iter().position(|b| *b == b';').unwrap_or(bytes.len());
        return (bytes[..end].trim_ascii().to_vec(), bytes.get(end + 1..).unwrap_or_default());
    };
    let mut value = Vec::new();
    while let [symbol, after @ ..] = rest {
        rest = after;
        match (symbol, after) {
            (b'"', _) => break,
            // The second byte of a Chinese character may look like a backslash.
            (0x81..=0xFE, [trail, after @ ..]) if !is_utf8 => {
                value.extend([*symbol, *trail]);
                rest = after;
            }
            (b'\\', [escaped @ (b'"' | b'\\'), after @ ..]) => {
                value.push(*escaped);
                rest = after;
            }
            _ => value.push(*symbol),
        }
    }
    let end = rest.iter().position(|b| *b == b';').map_or(rest.len(), |at| at + 1);
    (value, &rest[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_every_way_they_are_written() {
        let disposition = |value: &[u8]| file_name(Some(value), None).unwrap_or_default();
        for (header, name) in [
            (&b"attachment; filename=\"a.xlsx\""[..], "a.xlsx"),
            (b"attachment; filename*=UTF-8''%E8%80%83%E6%A0%B8.xlsx", "考核.xlsx"),
            (b"attachment;\r\n filename*0*=GB18030''%BF%BC%BA;\r\n filename*1*=%CB.xlsx", "考核.xlsx"),
            (b"attachment; filename*1=\".xlsx\"; filename*0*=gbk'zh'%BF%BC", "考.xlsx"),
            (b"attachment; filename*0*=gbk''%B; filename*1*=F%BC.xlsx", "考.xlsx"),
            (b"attachment; filename=\"=?gb2312?B?v7y6y70=?=\r\n =?gb2312?B?4bn7Lnhsc3g=?=\"", "考核结果.xlsx"),
            (b"attachment; filename*0=\"=?utf-8?B?6ICD\"; filename*1=\"5qC4?=.csv\"", "考核.csv"),
            (b"attachment; filename=\"\xBF\xBC\xBA\xCB.xlsx\"", "考核.xlsx"),
            (b"attachment; filename=\"\xE8\x80\x83.xlsx\"; size=3", "考.xlsx"),
            // 誠 ends in a backslash, in GBK.
            (b"attachment; filename=\"\xD5\x5C\".xlsx", "誠"),
            (b"attachment; filename=%E8%80%83.xlsx", "考.xlsx"),
            (b"attachment; filename=100%.xlsx", "100%.xlsx"),
            (b"attachment; filename=a b c.xlsx ; x=y", "a b c.xlsx"),
            (b"attachment; filename=\"C:\\\\data\\\\a.xlsx\"", "a.xlsx"),
            (b"attachment; filename=\"../../etc/passwd\"", "passwd"),
            (b"attachment; filename=\"a\xE2\x80\xAExslx.exe\"", "axslx.exe"),
            (b"attachment; filename", ""),
            (b"attachment; =; ;; filename=", ""),
        ] {
            assert_eq!(disposition(header), name, "{}", String::from_utf8_lossy(header));
        }
        assert_eq!(file_name(None, Some(b"application/octet-stream; name=\"a.csv\"")).as_deref(), Some("a.csv"));
        assert_eq!(file_name(Some(b"attachment"), Some(b"application/pdf")), None);
        let broken = b"attachment; filename*=UTF-8''%E8%80%FF";
        assert_eq!(file_name(Some(broken), Some(b"x/y; name=\"b.xlsx\"")).as_deref(), Some("b.xlsx"));
    }

    #[test]
    fn a_long_name_keeps_its_end() {
        let name = format!("attachment; filename=\"{}.xlsx\"", "a".repeat(5_000));
        let name = file_name(Some(name.as_bytes()), None).unwrap();
        assert!(name.ends_with("….xlsx") && name.chars().count() <= MAX_NAME_CHARS, "{name}");
    }
}
