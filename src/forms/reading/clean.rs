//! What is done to every text before it is read: invisible marks and outer spaces go, full-width becomes half-width.
//!
//! Most cells need none of it, so the common case borrows.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, is_nfkc};

/// A text after cleaning, with what was done to it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Clean<'a> {
    /// The cleaned text.
    pub text: Cow<'a, str>,
    /// Outer spaces or invisible marks were removed.
    pub spaces: bool,
    /// NFKC changed it.
    pub full_width: bool,
}

/// Trims, removes zero-width and direction marks, applies NFKC.
pub(super) fn clean(raw: &str) -> Clean<'_> {
    if is_plain(raw) {
        return Clean { text: Cow::Borrowed(raw), spaces: false, full_width: false };
    }
    let visible = without_marks(raw);
    let spaces = visible.len() != raw.len() || visible != raw;
    let (text, full_width) = if is_nfkc(&visible) {
        (visible, false)
    } else {
        match narrow(&visible) {
            Some(narrow) => (Cow::Owned(narrow.trim().to_owned()), true),
            None => (visible, false),
        }
    };
    Clean { text, spaces, full_width }
}

/// The longest that NFKC may make a text, as a multiple: ㍿ becomes four characters. A few signs become a whole sentence,
/// and a file full of them would fill the memory.
const MAX_GROWTH: usize = 4;

/// NFKC of a text, or `None` where it would grow beyond reason.
fn narrow(text: &str) -> Option<String> {
    let mut narrow = String::with_capacity(text.len());
    for c in text.nfkc() {
        narrow.push(c);
        if narrow.len() > text.len() * MAX_GROWTH {
            return None;
        }
    }
    Some(narrow)
}

/// Whether a cell of this text counts as empty.
pub(super) fn is_blank(raw: &str) -> bool {
    raw.chars().all(is_unseen)
}

/// Whether a character is a space or leaves no trace on paper.
pub(super) fn is_unseen(c: char) -> bool {
    c.is_whitespace() || is_mark(c)
}

/// Zero-width and direction marks, soft hyphens and control characters: nobody types them on purpose.
fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206F}' | '\u{FEFF}')
        || (c.is_control() && !c.is_whitespace())
}

/// Printable ASCII and common Chinese characters, with no space at either end: nothing to do.
fn is_plain(raw: &str) -> bool {
    let ends = |c: Option<char>| c != Some(' ');
    ends(raw.chars().next())
        && ends(raw.chars().next_back())
        && raw.chars().all(|c| matches!(c, ' '..='~' | '\u{4E00}'..='\u{9FFF}'))
}

/// Whether a character is a space that looks like another one, or breaks the line: tabs, line breaks, no-break spaces.
fn is_odd_space(c: char) -> bool {
    c.is_whitespace() && !matches!(c, ' ' | '\u{3000}')
}

/// Removes marks and outer spaces; a line break inside (a wrapped cell) or a no-break space becomes a space.
pub(super) fn without_marks(raw: &str) -> Cow<'_, str> {
    if !raw.chars().any(|c| is_mark(c) || is_odd_space(c)) {
        return Cow::Borrowed(raw.trim());
    }
    let text: String = raw.chars().filter(|c| !is_mark(*c)).map(|c| if is_odd_space(c) { ' ' } else { c }).collect();
    Cow::Owned(text.trim().to_owned())
}

/// Removes every space.
pub(super) fn without_spaces(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_whitespace) {
        Cow::Owned(text.chars().filter(|c| !c.is_whitespace()).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// A person's name without the spaces that align two-character names (张 三); those between Latin words stay.
pub(super) fn person_name(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_whitespace) {
        return Cow::Borrowed(text);
    }
    let mut name = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.chars() {
        if c.is_whitespace() {
            gap = true;
            continue;
        }
        let latin = c.is_ascii_alphanumeric() && name.ends_with(|last: char| last.is_ascii() && last != '·');
        if gap && latin {
            name.push(' ');
        }
        gap = false;
        name.push(c);
    }
    Cow::Owned(name)
}

/// `/`, `—`, `-`, `无` and their repetitions: how people fill a cell that does not apply.
pub(super) fn is_dash(raw: &str) -> bool {
    let text = raw.trim_matches(is_unseen);
    text == "无"
        || (!text.is_empty() && text.chars().all(|c| matches!(c, '/' | '／' | '-' | '－' | '–' | '—' | '―' | '−')))
}

/// Longest text that a finding shows, in characters.
const MAX_SEEN_CHARS: usize = 60;

/// A text as findings show it: on one line and not too long.
pub(super) fn shown(raw: &str) -> String {
    cut(raw.chars().map(|c| if c.is_control() { ' ' } else { c }))
}

/// A text as repairs show it before the repair: what leaves no trace on paper has a sign, or no change would be seen.
pub(super) fn shown_with_marks(raw: &str) -> String {
    cut(raw.replace("\r\n", "\n").chars().map(|c| match c {
        '\n' | '\r' => '⏎',
        '\t' => '⇥',
        c if is_mark(c) || is_odd_space(c) => '␣',
        c => c,
    }))
}

fn cut(mut chars: impl Iterator<Item = char>) -> String {
    let mut text: String = chars.by_ref().take(MAX_SEEN_CHARS).collect();
    if chars.next().is_some() {
        text.push('…');
    }
    text
}
