//! Who is one person (RULES section 0), and where identities contradict each other (R12b).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Docket;
use crate::subsidy::assessment::ResultRow;
use crate::subsidy::identifiers::{ResidentId, normalise};

/// What a row says of its person.
#[derive(Copy, Clone)]
struct Claimed<'a> {
    place: Option<(&'a str, &'a str)>,
    id: Option<&'a str>,
}

/// The valid IDs seen under one prison + prisoner number.
#[derive(Copy, Clone)]
enum Ids<'a> {
    None,
    One(&'a str),
    Several,
}

/// The person key, before it becomes text.
#[derive(Copy, Clone, PartialEq, Eq, Hash)]
enum Key<'a> {
    Id(&'a str),
    Place(&'a str, &'a str),
}

/// Every row's person, as a small number, and the contradictions.
pub(super) struct Identities<'a> {
    /// Per subject.
    pub(super) subjects: Vec<u32>,
    /// Per roster row.
    pub(super) roster: Vec<u32>,
    /// Per opening history row; `None` where the row names nobody.
    pub(super) opening: Vec<Option<u32>>,
    keys: Vec<Arc<str>>,
    numbers_with_two_ids: HashSet<(&'a str, &'a str)>,
    ids_with_two_names: HashSet<&'a str>,
}

impl<'a> Identities<'a> {
    /// Resolves every row of the docket.
    pub(super) fn resolve(docket: &'a Docket) -> Identities<'a> {
        let subjects: Vec<Claimed<'_>> = docket.subjects.iter().map(|s| of_result(&s.row)).collect();
        let roster: Vec<Claimed<'_>> = docket
            .roster
            .iter()
            .map(|e| Claimed { place: Some((&e.row.prison, &e.row.number)), id: valid(e.row.resident_id.as_deref()) })
            .collect();
        let opening: Vec<Claimed<'_>> = docket
            .opening
            .iter()
            .map(|row| Claimed {
                place: row.prison.as_deref().zip(row.number.as_deref()),
                id: valid(row.resident_id.as_deref()),
            })
            .collect();
        let mut under: HashMap<(&str, &str), Ids<'_>> = HashMap::with_capacity(subjects.len());
        subjects.iter().chain(&roster).for_each(|claimed| see(&mut under, claimed));
        // R12b looks at result and roster rows only; an old claim cannot be corrected by a clerk.
        let several = under.iter().filter(|(_, ids)| matches!(ids, Ids::Several));
        let numbers_with_two_ids = several.map(|(place, _)| *place).collect();
        for claimed in &opening {
            see(&mut under, claimed);
        }
        let mut registry = Registry { numbers: HashMap::with_capacity(under.len()), keys: Vec::new() };
        let mut number = |claimed: &Claimed<'a>| {
            let key = match (claimed.id, claimed.place.map(|place| (place, under.get(&place).copied()))) {
                (Some(id), _) | (None, Some((_, Some(Ids::One(id))))) => Key::Id(id),
                (None, Some(((prison, number), _))) => Key::Place(prison, number),
                (None, None) => return None,
            };
            Some(registry.number(key))
        };
        let mut numbers = |rows: &[Claimed<'a>]| -> Vec<u32> {
            rows.iter().map(|claimed| number(claimed).unwrap_or(u32::MAX)).collect()
        };
        let (subject_numbers, roster_numbers) = (numbers(&subjects), numbers(&roster));
        let opening = opening.iter().map(&mut number).collect();
        let mut names = Names { first: vec![None; registry.keys.len()], conflicting: HashSet::new() };
        for ((claimed, person), subject) in subjects.iter().zip(&subject_numbers).zip(&docket.subjects) {
            names.see(claimed.id, *person, &subject.row.name);
        }
        for ((claimed, person), entry) in roster.iter().zip(&roster_numbers).zip(&docket.roster) {
            names.see(claimed.id, *person, &entry.row.name);
        }
        Identities {
            subjects: subject_numbers,
            roster: roster_numbers,
            opening,
            keys: registry.keys,
            numbers_with_two_ids,
            ids_with_two_names: names.conflicting,
        }
    }

    /// The key of a person as text.
    pub(super) fn key(&self, person: u32) -> &Arc<str> {
        &self.keys[person as usize]
    }

    /// How many persons there are.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// R12b: whether a result row is part of a contradiction: two valid IDs under its number, or two names
    /// under its ID.
    pub(super) fn contradiction(&self, row: &ResultRow) -> Option<Contradiction> {
        if self.numbers_with_two_ids.contains(&(&*row.prison, row.number.as_str())) {
            return Some(Contradiction::TwoIds);
        }
        let id = row.resident_id.as_deref()?;
        self.ids_with_two_names.contains(id).then_some(Contradiction::TwoNames)
    }
}

/// How identities contradict each other.
#[derive(Copy, Clone)]
pub(super) enum Contradiction {
    /// One prisoner number under two valid IDs.
    TwoIds,
    /// One valid ID under two names.
    TwoNames,
}

struct Registry<'a> {
    numbers: HashMap<Key<'a>, u32>,
    keys: Vec<Arc<str>>,
}

impl<'a> Registry<'a> {
    fn number(&mut self, key: Key<'a>) -> u32 {
        let keys = &mut self.keys;
        *self.numbers.entry(key).or_insert_with(|| {
            keys.push(match key {
                Key::Id(id) => id.into(),
                Key::Place(prison, number) => format!("{prison}/{number}").into(),
            });
            u32::try_from(keys.len() - 1).unwrap_or(u32::MAX)
        })
    }
}

fn of_result(row: &ResultRow) -> Claimed<'_> {
    Claimed { place: Some((&row.prison, &row.number)), id: valid(row.resident_id.as_deref()) }
}

/// The ID, where it is valid.
fn valid(id: Option<&str>) -> Option<&str> {
    id.filter(|id| ResidentId::is_valid(id))
}

/// Notes which valid ID stands under a prisoner number.
fn see<'a>(under: &mut HashMap<(&'a str, &'a str), Ids<'a>>, claimed: &Claimed<'a>) {
    let Some(place) = claimed.place else { return };
    let ids = under.entry(place).or_insert(Ids::None);
    *ids = match (*ids, claimed.id) {
        (ids, None) => ids,
        (Ids::None, Some(id)) => Ids::One(id),
        (Ids::One(one), Some(id)) if one == id => Ids::One(one),
        _ => Ids::Several,
    };
}

/// The names seen under each valid ID.
struct Names<'a> {
    /// By the number of the person.
    first: Vec<Option<&'a str>>,
    conflicting: HashSet<&'a str>,
}

impl<'a> Names<'a> {
    fn see(&mut self, id: Option<&'a str>, person: u32, name: &'a str) {
        let first = usize::try_from(person).ok().and_then(|at| self.first.get_mut(at));
        let (Some(id), Some(first)) = (id, first) else { return };
        let known = *first.get_or_insert(name);
        if known != name && normalise(known) != normalise(name) {
            self.conflicting.insert(id);
        }
    }
}
