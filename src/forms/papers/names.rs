//! File names: readable, safe on every office computer, without personal data, at most 200 bytes.

use std::collections::HashSet;

use super::PaperError;
use crate::subsidy::assessment::Name;
use crate::subsidy::batch::{Batch, Group};
use crate::subsidy::catalogue::Catalogue;

/// Longest file name in bytes of UTF-8.
pub(super) const MAX_NAME_BYTES: usize = 200;
/// What is kept free for suffix and annex, so that all papers of a group are shortened alike.
const LONGEST_SUFFIX: &str = "_第999部分.pdf";
const LONGEST_ANNEX: &str = "附件10";
/// No part is shortened below this.
const MIN_PART_CHARS: usize = 4;

/// `<batch>_<group>_<prison>_<annex>_<institution>_<occupation>_<level>_<class><suffix>`.
///
/// Of too long a name, the longest part loses its end, then whichever is the longest then, so that each still tells
/// something; the number of the group keeps the name unique.
pub(super) fn group_name(batch: &Batch, catalogue: &Catalogue, group: &Group, annex: &str, suffix: &str) -> String {
    let key = &group.key;
    let occupation = occupation_name(catalogue, &key.occupation);
    let institution = short_name(catalogue, &key.institution);
    let mut parts = [
        safe(&key.prison),
        safe(annex),
        safe(&institution),
        safe(&occupation),
        safe(key.level.name()),
        safe(&key.class),
    ];
    let head = format!("{}_{:03}", safe(&batch.number), group.number);
    let reserved = LONGEST_SUFFIX.len().max(suffix.len()) + LONGEST_ANNEX.len().saturating_sub(annex.len());
    let over = |parts: &[String]| {
        head.len() + reserved + parts.iter().map(|part| part.len() + 1).sum::<usize>() > MAX_NAME_BYTES
    };
    while over(&parts) {
        // The annex is short, and told from others by all of its letters.
        let longest =
            parts.iter_mut().filter(|part| part.chars().count() > MIN_PART_CHARS).max_by_key(|part| part.len());
        let Some(part) = longest else { break };
        part.pop();
        close(part);
    }
    format!("{head}_{}{suffix}", parts.join("_"))
}

/// `<plan>_附件4_<number>_<prison>_<institution>_<project>_第<n>期.pdf`, cut like [`group_name`].
pub(super) fn class_name(plan: &str, number: u32, words: [&str; 4]) -> String {
    let head = format!("{}_附件4_{number:03}", safe(plan));
    let mut rest = words.map(safe).join("_");
    while head.len() + rest.len() + "_.pdf".len() > MAX_NAME_BYTES && rest.pop().is_some() {}
    format!("{head}_{rest}.pdf")
}

/// The short name of an institution, or its full one.
pub(super) fn short_name(catalogue: &Catalogue, institution: &Name) -> String {
    catalogue
        .periods(institution)
        .find_map(|period| period.short_names.iter().find(|name| !name.trim().is_empty()))
        .map_or_else(|| institution.to_string(), Clone::clone)
}

/// Drops what a cut has left open: a bracket without its end, a sign or space at the end.
fn close(part: &mut String) {
    let unclosed = part.rfind('（').filter(|at| !part[*at..].contains('）'));
    if let Some(at) = unclosed.filter(|at| part[..*at].chars().count() >= MIN_PART_CHARS) {
        part.truncate(at);
    }
    while part.ends_with([' ', '-', '_', '、', '，', '（']) && part.chars().count() > MIN_PART_CHARS {
        part.pop();
    }
}

/// `<batch>_<title><suffix>`.
pub(super) fn batch_name(batch: &Batch, title: &str, suffix: &str) -> String {
    format!("{}_{}{suffix}", safe(&batch.number), safe(title))
}

/// The name of an occupation as papers print it; its id where the catalogue no longer knows it.
pub(super) fn occupation_name(catalogue: &Catalogue, id: &str) -> String {
    catalogue.occupation(id).map_or_else(|| id.to_owned(), |occupation| occupation.name.clone())
}

/// Two equal names in one batch are a broken invariant, never an overwrite. Case does not tell names apart, because
/// it does not on the computers that unpack them.
pub fn check_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<(), PaperError> {
    let mut seen = HashSet::new();
    match names.into_iter().find(|name| !seen.insert(name.to_lowercase())) {
        Some(name) => Err(PaperError::Broken(format!("两个文件同名：{name}"))),
        None => Ok(()),
    }
}

/// `/ \ : * ? " < > |` and control characters become `-`; no spaces at the ends.
pub(super) fn safe(text: &str) -> String {
    text.trim()
        .chars()
        .map(
            |c| {
                if c.is_control() || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|') {
                    '-'
                } else {
                    c
                }
            },
        )
        .collect()
}
