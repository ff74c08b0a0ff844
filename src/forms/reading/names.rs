//! Names that the catalogue knows: resolved once per spelling, with what was repaired or what to type instead.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use super::clean::{clean, without_spaces};
use crate::subsidy::assessment::Name;
use crate::subsidy::catalogue::Catalogue;
use crate::subsidy::course::{Category, CertificateType, Kind, Level};
use crate::subsidy::finding::RepairCode;
use crate::subsidy::identifiers::normalise;

/// What a spelling stands for.
pub(super) struct Resolved<T> {
    /// The value and how it is called, or the advice for an unknown name.
    pub value: Result<T, String>,
    /// What was taken, for the repairs.
    pub taken: String,
    /// What was repaired.
    pub repairs: Vec<RepairCode>,
}

/// A name that was found: its value, and the full name that a synonym is replaced by (if the list has one spelling).
pub(super) struct Found<T> {
    value: T,
    full_name: Option<String>,
}

impl<T> Found<T> {
    /// What it stands for.
    pub fn value(&self) -> &T {
        &self.value
    }
}

/// Resolved spellings of one column.
pub(super) struct Cache<T> {
    spellings: HashMap<String, Rc<Resolved<T>>>,
    unknown: usize,
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Cache { spellings: HashMap::new(), unknown: 0 }
    }
}

/// Looks a cleaned text up; the last argument tells whether similar names are worth looking for.
pub(super) type LookUp<T> = fn(&Catalogue, &str, bool) -> Result<Found<T>, String>;

/// An occupation: its id and its category in the catalogue.
pub(super) type KnownOccupation = (Name, Category);

/// Resolved spellings of all columns; a season repeats few of them many times.
#[derive(Default)]
pub(super) struct Known {
    pub prisons: Cache<Name>,
    pub institutions: Cache<Name>,
    pub occupations: Cache<KnownOccupation>,
    pub levels: Cache<Level>,
    pub certificate_types: Cache<CertificateType>,
    pub categories: Cache<Category>,
    pub kinds: Cache<Kind>,
}

/// Most spellings that are remembered per column and chunk.
const MAX_REMEMBERED: usize = 1_000;
/// Most unknown spellings per column and chunk for which similar names are looked for: a wrong column is full of them.
const MAX_SUGGESTED: usize = 8;

/// Resolves a spelling, from memory where it was seen before.
pub(super) fn resolve<T>(
    cache: &mut Cache<T>,
    catalogue: &Catalogue,
    raw: &str,
    look_up: LookUp<T>,
) -> Rc<Resolved<T>> {
    if let Some(resolved) = cache.spellings.get(raw) {
        return resolved.clone();
    }
    let resolved = Rc::new(resolve_anew(catalogue, raw, look_up, cache.unknown < MAX_SUGGESTED));
    cache.unknown += usize::from(resolved.value.is_err());
    if cache.spellings.len() < MAX_REMEMBERED {
        cache.spellings.insert(raw.to_owned(), resolved.clone());
    }
    resolved
}

fn resolve_anew<T>(catalogue: &Catalogue, raw: &str, look_up: LookUp<T>, suggest: bool) -> Resolved<T> {
    // Names are compared without spaces, and a wide space is a space, no full-width letter.
    let packed = without_spaces(raw);
    let cleaned = clean(&packed);
    let found = match look_up(catalogue, &cleaned.text, suggest) {
        Ok(found) => found,
        Err(advice) => return Resolved { value: Err(advice), taken: String::new(), repairs: Vec::new() },
    };
    let taken = found.full_name.unwrap_or_else(|| cleaned.text.clone().into_owned());
    let mut repairs = Vec::new();
    if raw != taken {
        let inner_spaces = packed != raw && !taken.contains(char::is_whitespace);
        if cleaned.spaces || raw.trim() != raw || inner_spaces {
            repairs.push(RepairCode::Spaces);
        }
        // Where the full name itself is written with full-width brackets, they are no fault.
        if cleaned.full_width && packed != without_spaces(&taken) {
            repairs.push(RepairCode::FullWidth);
        }
        if normalise(&cleaned.text) != normalise(&taken) {
            repairs.push(RepairCode::Synonym);
        }
    }
    Resolved { value: Ok(found.value), taken, repairs }
}

/// A prison by full or short name.
pub(super) fn prison(catalogue: &Catalogue, text: &str, _: bool) -> Result<Found<Name>, String> {
    let Some(name) = catalogue.prison(text) else {
        let all: Vec<&str> = catalogue.prisons.iter().map(|prison| &*prison.name).take(MAX_LISTED).collect();
        return Err(format!("名单中没有此监狱，请填写监狱名称：{}", all.join("、")));
    };
    Ok(Found { value: name.clone(), full_name: Some(name.to_string()) })
}

/// An institution by full or short name.
pub(super) fn institution(catalogue: &Catalogue, text: &str, suggest: bool) -> Result<Found<Name>, String> {
    let Some(name) = catalogue.institution(text) else {
        let suggest = suggest || catalogue.institutions.len() <= MAX_LISTED;
        let names = catalogue.institutions.iter().filter(|_| suggest).map(|institution| &*institution.name);
        let (similar, otherwise) = (similar(text, names), or_ask(catalogue, "名录"));
        return Err(format!("机构名录中没有此机构，请填写机构全称或简称{similar}{otherwise}"));
    };
    Ok(Found { value: name.clone(), full_name: Some(name.to_string()) })
}

/// An occupation by name, alias, id or code.
pub(super) fn occupation(catalogue: &Catalogue, text: &str, suggest: bool) -> Result<Found<KnownOccupation>, String> {
    let Some(known) = catalogue.occupation(text) else {
        let suggest = suggest || catalogue.occupations.len() <= MAX_LISTED;
        let names = catalogue.occupations.iter().filter(|_| suggest).map(|occupation| occupation.name.as_str());
        let (similar, otherwise) = (similar(text, names), or_ask(catalogue, "目录"));
        return Err(format!("补贴目录中没有此职业(工种)，请填写目录中的名称{similar}{otherwise}"));
    };
    let by_id = normalise(text) == normalise(&known.id);
    let full_name = if by_id { known.id.to_string() } else { known.name.clone() };
    Ok(Found { value: (known.id.clone(), known.category), full_name: Some(full_name) })
}

/// What to do where the name is right and it is the list that lacks it.
fn or_ask(catalogue: &Catalogue, list: &str) -> String {
    let lead = catalogue.lead_prison().map_or("牵头监狱", |name| &**name);
    format!("；名称无误的，请与{lead}联系补入{list}，之后再报送")
}

/// A level. All its spellings are equally official, so none is a synonym that would have to be reported.
pub(super) fn level(_: &Catalogue, text: &str, _: bool) -> Result<Found<Level>, String> {
    match Level::parse(text) {
        Some(level) => Ok(Found { value: level, full_name: None }),
        None => Err(format!("请填写等级：{}", Level::ALL.map(Level::name).join("、"))),
    }
}

/// A certificate type by name or synonym.
pub(super) fn certificate_type(_: &Catalogue, text: &str, _: bool) -> Result<Found<CertificateType>, String> {
    match CertificateType::parse(text) {
        Some(kind) => Ok(Found { value: kind, full_name: Some(kind.name().to_owned()) }),
        None => Err(format!("请填写证书类型：{}", CertificateType::ALL.map(CertificateType::name).join("、"))),
    }
}

/// A training category.
pub(super) fn category(_: &Catalogue, text: &str, _: bool) -> Result<Found<Category>, String> {
    match Category::parse(text) {
        Some(category) => Ok(Found { value: category, full_name: Some(category.name().to_owned()) }),
        None => Err("请填写培训类别：就业技能培训、创业培训".to_owned()),
    }
}

/// 培训 or 鉴定, with 补贴 or without.
pub(super) fn kind(_: &Catalogue, text: &str, _: bool) -> Result<Found<Kind>, String> {
    let packed = without_spaces(text);
    let kind = match &*packed {
        "培训" | "培训补贴" | "training" => Kind::Training,
        "鉴定" | "鉴定补贴" | "assessment" => Kind::Assessment,
        _ => return Err("请填写补贴种类：培训、鉴定".to_owned()),
    };
    Ok(Found { value: kind, full_name: None })
}

/// Most names that an advice lists.
const MAX_LISTED: usize = 10;
/// Most similar names that an advice lists.
const MAX_SIMILAR: usize = 3;

/// `，相近的有：…`: names that share at least a third of their character pairs; else all names of a short list, or nothing.
fn similar<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> String {
    let wanted = pairs(&normalise(text));
    let names: BTreeSet<&str> = names.collect();
    let mut close: Vec<(usize, &str)> = names
        .iter()
        .copied()
        .filter_map(|name| {
            let own = pairs(&normalise(name));
            let shared = own.intersection(&wanted).count();
            let permille = shared * 2000 / (own.len() + wanted.len()).max(1);
            (permille >= 333).then_some((permille, name))
        })
        .collect();
    close.sort_by_key(|(permille, _)| std::cmp::Reverse(*permille));
    let listed: Vec<&str> = close.into_iter().take(MAX_SIMILAR).map(|(_, name)| name).collect();
    if !listed.is_empty() {
        return format!("，相近的有：{}", listed.join("、"));
    }
    if names.is_empty() || names.len() > MAX_LISTED {
        return String::new();
    }
    format!("：{}", names.into_iter().collect::<Vec<_>>().join("、"))
}

fn pairs(text: &str) -> BTreeSet<(char, char)> {
    text.chars().zip(text.chars().skip(1)).collect()
}
