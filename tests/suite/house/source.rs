//! Rust source as the house rules see it: without comments, without strings, as tokens, as paths.
//!
//! Not a parser: just enough to be right on code that rustfmt has formatted, and short enough to be read.

/// Blanks comments, and strings and chars too if `strings` is set; lines and columns stay where they are.
pub fn blank(source: &str, strings: bool) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < chars.len() {
        let (end, is_comment) = match region(&chars, at) {
            Some((end, is_comment)) => (end.min(chars.len()), is_comment),
            None => (at, false),
        };
        if end == at {
            out.push(chars[at]);
            at += 1;
            continue;
        }
        for c in &chars[at..end] {
            out.push(if *c != '\n' && (is_comment || strings) { ' ' } else { *c });
        }
        at = end;
    }
    out
}

/// If a comment, string or char literal starts at `at`: where it ends, and whether it is a comment.
fn region(chars: &[char], at: usize) -> Option<(usize, bool)> {
    let next = |n: usize| chars.get(at + n).copied().unwrap_or('\0');
    let after_word = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match chars[at] {
        '/' if next(1) == '/' => Some((find(chars, at, |c| c == '\n'), true)),
        '/' if next(1) == '*' => Some((block_comment_end(chars, at), true)),
        '"' => Some((quoted_end(chars, at + 1, '"'), false)),
        '\'' if next(1) == '\\' => Some((quoted_end(chars, at + 1, '\''), false)),
        '\'' if next(2) == '\'' => Some((at + 3, false)),
        'r' if !after_word || matches!(chars[at - 1], 'b' | 'c') => {
            let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
            let opens = next(1 + hashes) == '"';
            let closes = |i: usize| {
                chars[i] == '"'
                    && chars[i + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes
                    && chars.len() > i + hashes
            };
            let end = (at + 2 + hashes..chars.len()).find(|i| closes(*i)).map_or(chars.len(), |i| i + 1 + hashes);
            opens.then_some((end, false))
        }
        _ => None,
    }
}

fn find(chars: &[char], from: usize, wanted: impl Fn(char) -> bool) -> usize {
    chars[from..].iter().position(|c| wanted(*c)).map_or(chars.len(), |n| from + n)
}

fn block_comment_end(chars: &[char], at: usize) -> usize {
    let mut depth = 0;
    let mut i = at;
    while i + 1 < chars.len() {
        match (chars[i], chars[i + 1]) {
            ('/', '*') => (depth, i) = (depth + 1, i + 1),
            ('*', '/') => (depth, i) = (depth - 1, i + 1),
            _ => {}
        }
        i += 1;
        if depth == 0 {
            return i;
        }
    }
    chars.len()
}

fn quoted_end(chars: &[char], from: usize, quote: char) -> usize {
    let mut i = from;
    while i < chars.len() && chars[i] != quote {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

/// A word, `::`, or any other character that is not a space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// An identifier, keyword or number.
    Word(String),
    /// `::`
    Sep,
    /// Anything else.
    Mark(char),
}

/// The tokens of blanked source, each with its line (from 1).
pub fn tokens(code: &str) -> Vec<(usize, Token)> {
    let mut out = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut rest = line;
        while let Some(first) = rest.chars().next() {
            let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (found, length) = if word > 0 {
                (Token::Word(rest[..word].to_owned()), word)
            } else if rest.starts_with("::") {
                (Token::Sep, 2)
            } else {
                (Token::Mark(first), first.len_utf8())
            };
            rest = &rest[length..];
            if found != Token::Mark(' ') {
                out.push((number + 1, found));
            }
        }
    }
    out
}

/// A path as it is written, groups taken apart: `use a::{b, c::d}` is `a::b` and `a::c::d`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Line of its first word.
    pub line: usize,
    /// The inline modules (`mod tests { .. }`) that it stands in.
    pub inside: Vec<String>,
    /// Its words.
    pub words: Vec<String>,
}

/// Every path of blanked source: what is imported and what is named in place.
pub fn paths(code: &str) -> Vec<Path> {
    let tokens = tokens(code);
    let token = |i: usize| tokens.get(i).map(|(_, token)| token);
    let mut out = Vec::new();
    let mut braces = 0;
    let mut modules: Vec<(i32, String)> = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        match &tokens[i].1 {
            Token::Mark('{') => braces += 1,
            Token::Mark('}') => {
                braces -= 1;
                modules.retain(|(opened_at, _)| *opened_at <= braces);
            }
            Token::Word(word) if word == "mod" && token(i + 2) == Some(&Token::Mark('{')) => {
                if let Some(Token::Word(name)) = token(i + 1) {
                    modules.push((braces + 1, name.clone()));
                }
            }
            Token::Word(_) => {
                let before = |n: usize| i.checked_sub(n).and_then(token);
                let goes_on =
                    before(1) == Some(&Token::Sep) && matches!(before(2), Some(Token::Word(_) | Token::Mark('>')));
                let imported = before(1) == Some(&Token::Word("use".to_owned()));
                if !goes_on && (imported || token(i + 1) == Some(&Token::Sep)) {
                    let mut found = Vec::new();
                    let end = tree(&tokens, i, &[], &mut found);
                    let inside: Vec<String> = modules.iter().map(|(_, name)| name.clone()).collect();
                    out.extend(found.into_iter().map(|words| Path {
                        line: tokens[i].0,
                        inside: inside.clone(),
                        words,
                    }));
                    i = end;
                    continue;
                }
            }
            _ => {}
        }
        i += 1;
    }
    out
}

/// Takes one path or tree of paths apart; gives the index of the token after it.
fn tree(tokens: &[(usize, Token)], at: usize, prefix: &[String], out: &mut Vec<Vec<String>>) -> usize {
    let token = |i: usize| tokens.get(i).map(|(_, token)| token);
    let mut words = prefix.to_vec();
    match token(at) {
        Some(Token::Word(word)) => words.push(word.clone()),
        Some(Token::Mark('*')) => words.push("*".to_owned()),
        _ => return at + 1,
    }
    match (token(at + 1), token(at + 2)) {
        (Some(Token::Sep), Some(Token::Word(_) | Token::Mark('*'))) => tree(tokens, at + 2, &words, out),
        (Some(Token::Sep), Some(Token::Mark('{'))) => {
            let mut i = at + 3;
            while i < tokens.len() && token(i) != Some(&Token::Mark('}')) {
                i = match token(i) {
                    Some(Token::Word(word)) if word == "as" => i + 2,
                    Some(Token::Mark(',')) => i + 1,
                    _ => tree(tokens, i, &words, out),
                };
            }
            i + 1
        }
        _ => {
            out.push(words);
            at + 1
        }
    }
}

#[test]
fn comments_and_strings_are_blanked_and_lines_stay() {
    let source = "a // crate::x\nb /* \"\n */ \"crate::y \\\" //\" 'c' '\\'' 'l: &'a str r#\"q\"x\"# for\nd";
    let code = blank(source, true);
    assert_eq!(code.split_whitespace().collect::<Vec<_>>(), ["a", "b", "'l:", "&'a", "str", "for", "d"]);
    assert_eq!(code.lines().count(), source.lines().count());
    assert!(blank("f(\"name\") // no", false).starts_with("f(\"name\")   "));
}

#[test]
fn paths_are_taken_apart() {
    let found = |code: &str| paths(code).iter().map(|p| p.words.join("::")).collect::<Vec<_>>();
    assert_eq!(
        found("use crate::{a, b::{self, c as d}, e::*};"),
        ["crate::a", "crate::b::self", "crate::b::c", "crate::e::*"]
    );
    assert_eq!(found("let x: sqlx::Row = super::f::<u8>(y.z);"), ["sqlx::Row", "super::f"]);
    assert_eq!(found("use clap; ::typst::x(); <T as A>::b()"), ["clap", "typst::x"]);
    let nested = paths("mod tests {\n use super::*;\n}\nuse super::x;");
    assert_eq!((nested[0].inside.join("/"), nested[0].line, nested[1].inside.len()), ("tests".to_owned(), 2, 0));
}
