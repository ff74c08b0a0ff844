//! File names: readable, safe on every office computer, without personal data, at most 200 bytes.

use std::collections::HashSet;

use super::PaperError;
use crate::subsidy::assessment::Name;
use crate::subsidy::batch::{Batch, Group};
use crate::subsidy::catalogue::Catalogue;

/// Longest file name in bytes of UTF-8.
pub(super) const MAX_NAME_BYTES: usize = 200;

/// `<batch>_<group>_<prison>_<annex>_<institution>_<occupation>_<level>_<class><suffix>`.
///
/// Too long a name loses the end of its class, then of its occupation, institution and prison; the number of the
/// group keeps it unique.
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
    for at in [5, 3, 2, 0] {
        let length = head.len() + suffix.len() + parts.iter().map(|part| part.len() + 1).sum::<usize>();
        if length > MAX_NAME_BYTES {
            let over = length - MAX_NAME_BYTES;
            let keep = parts[at].len().saturating_sub(over);
            cut(&mut parts[at], keep);
        }
    }
    format!("{head}_{}{suffix}", parts.join("_"))
}

/// `<plan>_附件4_<number>_<prison>_<institution>_<project>_第<n>期.pdf`, cut like [`group_name`].
pub(super) fn class_name(plan: &str, number: u32, words: [&str; 4]) -> String {
    let head = format!("{}_附件4_{number:03}", safe(plan));
    let mut rest = words.map(safe).join("_");
    cut(&mut rest, MAX_NAME_BYTES.saturating_sub(head.len() + ".pdf".len() + 1));
    format!("{head}_{rest}.pdf")
}

/// The short name of an institution, or its full one.
pub(super) fn short_name(catalogue: &Catalogue, institution: &Name) -> String {
    catalogue
        .periods(institution)
        .find_map(|period| period.short_names.iter().find(|name| !name.trim().is_empty()))
        .map_or_else(|| institution.to_string(), Clone::clone)
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

/// Cuts a text to at most `bytes`, on a character's boundary.
fn cut(text: &mut String, bytes: usize) {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.truncate(end);
}
