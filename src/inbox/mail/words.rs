//! Text in mail headers: encoded words, and bytes of which nobody says what they are.
//!
//! The words of one charset are joined as bytes before they are decoded: Chinese mail programs cut them inside a
//! character. What is declared GB2312 is read as GB18030, of which it is a part.

use encoding_rs::{Encoding, GB18030, UTF_8};

/// Decodes bytes of a declared charset; a declaration that cannot be true is not believed.
pub(super) fn decode(bytes: &[u8], charset: &str) -> String {
    let label = charset.trim().trim_matches('"').to_ascii_lowercase();
    let declared = match Encoding::for_label(label.as_bytes()) {
        Some(known) => Some(known),
        None if label.contains("gb") || label.contains("936") => Some(GB18030),
        None => None,
    };
    // ASCII is declared by programs that did not look.
    let declared = declared.filter(|_| !matches!(label.as_str(), "us-ascii" | "ascii" | "iso-8859-1" | "latin1"));
    let Some(declared) = declared else { return guess(bytes) };
    let (text, had_errors) = declared.decode_without_bom_handling(bytes);
    if had_errors { guess(bytes) } else { text.into_owned() }
}

/// Decodes bytes of which nothing is known: UTF-8 if they are that, else GB18030.
pub(super) fn guess(bytes: &[u8]) -> String {
    let (text, had_errors) = UTF_8.decode_without_bom_handling(bytes);
    if !had_errors {
        return text.into_owned();
    }
    let (chinese, had_errors) = GB18030.decode_without_bom_handling(bytes);
    if had_errors { text.into_owned() } else { chinese.into_owned() }
}

/// An encoded word: `=?charset?B?text?=`.
struct Word<'a> {
    charset: &'a [u8],
    is_base64: bool,
    text: &'a [u8],
    /// Bytes of the whole.
    length: usize,
}

impl Word<'_> {
    /// The charset without a language behind it (RFC 2231 section 5).
    fn charset(&self) -> String {
        let name = self.charset.split(|b| *b == b'*').next().unwrap_or_default();
        String::from_utf8_lossy(name).to_ascii_lowercase()
    }
}

/// Reads the word that bytes begin with. One that is cut off by the end of the field is taken as far as it goes.
fn word(bytes: &[u8]) -> Option<Word<'_>> {
    let rest = bytes.strip_prefix(b"=?")?;
    let mark = rest.iter().position(|b| *b == b'?').filter(|at| (1..=40).contains(at))?;
    let (charset, rest) = (&rest[..mark], &rest[mark + 1..]);
    let is_base64 = match rest {
        [b'B' | b'b', b'?', ..] => true,
        [b'Q' | b'q', b'?', ..] => false,
        _ => return None,
    };
    if charset.iter().any(|b| b.is_ascii_whitespace() || *b == b'=') {
        return None;
    }
    let text = &rest[2..];
    let head = bytes.len() - text.len();
    Some(match text.windows(2).position(|pair| pair == b"?=") {
        Some(end) => Word { charset, is_base64, text: &text[..end], length: head + end + 2 },
        None => Word { charset, is_base64, text, length: bytes.len() },
    })
}

/// Decodes a field: words, and whatever stands between them. Line folds are gone already.
pub(super) fn decode_field(bytes: &[u8]) -> String {
    let mut text = String::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(2).position(|pair| pair == b"=?") {
        let Some(first) = word(&rest[at..]) else {
            text.push_str(&guess(&rest[..at + 2]));
            rest = &rest[at + 2..];
            continue;
        };
        text.push_str(&guess(&rest[..at]));
        let charset = first.charset();
        let (mut decoded, mut base64) = (Vec::new(), Vec::new());
        let mut next = Some(first);
        rest = &rest[at..];
        while let Some(word) = next.filter(|word| word.charset() == charset) {
            if word.is_base64 {
                base64.extend_from_slice(word.text);
            } else {
                decoded.append(&mut unbase64(&std::mem::take(&mut base64)));
                decoded.append(&mut unquoted(word.text, true));
            }
            rest = &rest[word.length..];
            // Blanks between two words are no part of the text.
            let blanks = rest.len() - rest.trim_ascii_start().len();
            next = self::word(&rest[blanks..]);
            if next.is_some() {
                rest = &rest[blanks..];
            }
        }
        decoded.append(&mut unbase64(&base64));
        text.push_str(&decode(&decoded, &charset));
    }
    text.push_str(&guess(rest));
    text
}

/// Base64, as far as it is that: other characters are skipped, and padding may come early or not at all.
pub(super) fn unbase64(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for symbol in text {
        let value = match symbol {
            b'A'..=b'Z' => symbol - b'A',
            b'a'..=b'z' => symbol - b'a' + 26,
            b'0'..=b'9' => symbol - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => {
                (bits, count) = (0, 0);
                continue;
            }
            _ => continue,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xFF).unwrap_or_default());
            bits &= (1 << count) - 1;
        }
    }
    bytes
}

/// Quoted-printable; in words a `_` is a space.
pub(super) fn unquoted(text: &[u8], in_word: bool) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [symbol, after @ ..] = rest {
        rest = after;
        match (symbol, after) {
            (b'=', [b'\r', b'\n', after @ ..] | [b'\n', after @ ..]) => rest = after,
            (b'=', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes.push(hex(*high) << 4 | hex(*low));
                rest = after;
            }
            (b'_', _) if in_word => bytes.push(b' '),
            _ => bytes.push(*symbol),
        }
    }
    bytes
}

/// The value of a hexadecimal digit.
pub(super) fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20).saturating_sub(b'a') + 10,
    }
}

/// A header's value on one line: line ends go, the blank behind them stays.
pub(super) fn unfolded(raw: &[u8]) -> Vec<u8> {
    raw.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n')).collect::<Vec<u8>>().trim_ascii().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_joined_before_they_are_decoded() {
        // 考核结果 in GBK is BFBC BACB BDE1 B9FB; here it is cut after five bytes.
        for (field, text) in [
            (&b"=?gb2312?B?v7y6y70=?= =?gb2312?B?4bn7?=.xlsx"[..], "考核结果.xlsx"),
            (b"=?GBK?Q?=BF=BC=BA=CB=BD?=  =?gbk?Q?=E1=B9=FB?= 1", "考核结果 1"),
            (b"=?utf-8?B?6ICD5qC4?= =?UTF-8?Q?=E7=BB=93=E6=9E=9C_2?=", "考核结果 2"),
            (b"=?utf-8?B?6ICD5q?= =?utf-8?B?C4?=", "考核"),
            (b"=?gb18030?B?gTCBMA==?=", "\u{80}"),
            (b"\xBF\xBC\xBA\xCB.xlsx", "考核.xlsx"),
            (b"=?x-unknown?B?6ICD5qC4?=", "考核"),
            (b"=?iso-8859-1?B?v7y6yw==?=", "考核"),
            (b"=?utf-8?B?6ICD5qC4", "考核"),
            (b"=?utf-8?X?abc?= a=?b", "=?utf-8?X?abc?= a=?b"),
            (b"=?utf-8*zh?B?6ICD5qC4?=", "考核"),
            (b"", ""),
        ] {
            assert_eq!(decode_field(field), text, "{}", String::from_utf8_lossy(field));
        }
    }

    #[test]
    fn transfer_encodings_take_what_comes() {
        assert_eq!(unbase64(b"5p2O\r\n 5Zub"), "李四".as_bytes());
        assert_eq!(unbase64(b"YQ==Yg=="), b"ab");
        assert_eq!(unquoted(b"a=3D=\r\n=E6=9D=8E=zz_", false), "a=李=zz_".as_bytes());
    }
}
