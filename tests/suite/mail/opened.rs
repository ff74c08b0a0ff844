//! A mail opened as its recipient's program opens it: headers unfolded and decoded, parts by their type.

use std::collections::BTreeMap;

/// An opened mail.
#[derive(Debug)]
pub struct Opened {
    /// Headers by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// The plain body.
    pub text: String,
    /// The HTML body.
    pub html: String,
    /// Attachments by name.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// Opens a mail.
pub fn open(raw: &str) -> Opened {
    let (headers, body) = split(raw);
    let mut opened = Opened { headers, text: String::new(), html: String::new(), files: BTreeMap::new() };
    let (kind, body) = (opened.headers["content-type"].clone(), body.to_owned());
    sort(&kind, &body, &mut opened);
    opened
}

fn sort(kind: &str, body: &str, opened: &mut Opened) {
    let border = format!("--{}", quoted(kind, "boundary"));
    for part in body.split(&border).skip(1).filter(|part| !part.starts_with("--")) {
        let (headers, body) = split(part.trim_start_matches("\r\n"));
        let kind = headers["content-type"].clone();
        if kind.starts_with("multipart/") {
            sort(&kind, body, opened);
            continue;
        }
        let encoding = headers.get("content-transfer-encoding").map_or("7bit", String::as_str);
        let bytes = match encoding {
            "base64" => base64(body),
            "quoted-printable" => printable(body.trim_end_matches("\r\n")),
            "7bit" => body.trim_end_matches("\r\n").as_bytes().to_vec(),
            other => panic!("{other}"),
        };
        match headers.get("content-disposition") {
            Some(place) => {
                opened.files.insert(quoted(place, "filename"), bytes);
            }
            None if kind.starts_with("text/html") => opened.html = String::from_utf8(bytes).unwrap(),
            None => opened.text = String::from_utf8(bytes).unwrap(),
        }
    }
}

fn split(raw: &str) -> (BTreeMap<String, String>, &str) {
    let (head, body) = raw.split_once("\r\n\r\n").unwrap();
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let named = unfolded.split("\r\n").filter_map(|line| line.split_once(": "));
    (named.map(|(name, value)| (name.to_lowercase(), decoded(value))).collect(), body)
}

fn quoted(value: &str, name: &str) -> String {
    let after = value.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("{name} in {value}")).1;
    after.split_once('"').unwrap().0.to_owned()
}

/// RFC 2047 words, which lettre writes as UTF-8 in base64.
fn decoded(value: &str) -> String {
    let mut out = String::new();
    let mut rest = value;
    while let Some((before, word)) = rest.split_once("=?utf-8?b?") {
        if !before.trim().is_empty() {
            out.push_str(before);
        }
        let (word, after) = word.split_once("?=").unwrap();
        out.push_str(&String::from_utf8(base64(word)).unwrap());
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Base64 by hand: the tests bring no mail library.
fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for digit in text.bytes().filter_map(|byte| DIGITS.iter().position(|digit| *digit == byte)) {
        bits = bits << 6 | u32::try_from(digit).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from(bits >> count & 0xff).unwrap());
        }
    }
    out
}

fn printable(text: &str) -> Vec<u8> {
    let text = text.replace("=\r\n", "");
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'=' {
            out.push(u8::from_str_radix(&text[at + 1..at + 3], 16).unwrap());
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    out
}
