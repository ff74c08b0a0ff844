//! Who is one person (RULES section 0), and where identities contradict each other (R12b).

use std::collections::HashSet;
use std::sync::Arc;

use rayon::prelude::*;

use super::Docket;
use crate::subsidy::alike::firsts;
use crate::subsidy::assessment::{HistoryRow, ResultRow, RosterRow};
use crate::subsidy::identifiers::{ResidentId, normalise};

/// What a row says of its person.
struct Claimed<'a> {
    /// Prison and prisoner number.
    place: Option<(&'a str, &'a str)>,
    /// A valid ID.
    id: Option<&'a str>,
    name: &'a str,
}

/// The valid IDs seen under one prison + prisoner number, each by the first row that states it.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Ids {
    None,
    One(usize),
    Several,
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
        let subjects = docket.subjects.par_iter().map(|subject| of_result(&subject.row));
        let roster = docket.roster.par_iter().map(|entry| of_roster(&entry.row));
        let rows: Vec<Claimed<'_>> = subjects.chain(roster).chain(docket.opening.par_iter().map(of_opening)).collect();
        let (places, ids) =
            rayon::join(|| firsts(rows.len(), |at| rows[at].place), || firsts(rows.len(), |at| rows[at].id));
        // R12b looks at result and roster rows only; an old claim cannot be corrected by a clerk.
        let (correctable, opening) = rows.split_at(docket.subjects.len() + docket.roster.len());
        let mut under = vec![Ids::None; rows.len()];
        see(&mut under, correctable, 0, &places, &ids);
        let several = correctable.iter().zip(&under).filter(|(_, ids)| **ids == Ids::Several);
        let numbers_with_two_ids = several.filter_map(|(row, _)| row.place).collect();
        see(&mut under, opening, correctable.len(), &places, &ids);
        let mut registry = Registry { rows: &rows, by_id: vec![None; rows.len()], keys: Vec::new() };
        let mut by_place = vec![None; rows.len()];
        let person = |(at, row): (usize, &Claimed<'_>)| match (row.id, row.place) {
            (Some(_), _) => Some(registry.with_id(ids[at])),
            (None, Some((prison, number))) => {
                let known: &mut Option<u32> = &mut by_place[places[at]];
                Some(*known.get_or_insert_with(|| match under[places[at]] {
                    Ids::One(id) => registry.with_id(id),
                    Ids::None | Ids::Several => registry.add(format!("{prison}/{number}").into()),
                }))
            }
            (None, None) => None,
        };
        let mut persons: Vec<Option<u32>> = rows.iter().enumerate().map(person).collect();
        let keys = registry.keys;
        let opening = persons.split_off(correctable.len());
        let mut persons: Vec<u32> = persons.into_iter().map(|person| person.unwrap_or(u32::MAX)).collect();
        let roster = persons.split_off(docket.subjects.len());
        let ids_with_two_names = with_two_names(correctable, &ids);
        Identities { subjects: persons, roster, opening, keys, numbers_with_two_ids, ids_with_two_names }
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

/// Notes which valid IDs stand under which prisoner numbers; `first` is the index of the first of the rows.
fn see(under: &mut [Ids], rows: &[Claimed<'_>], first: usize, places: &[usize], ids: &[usize]) {
    for (at, row) in (first..).zip(rows) {
        if row.place.is_none() || row.id.is_none() {
            continue;
        }
        let seen = &mut under[places[at]];
        *seen = match *seen {
            Ids::None => Ids::One(ids[at]),
            Ids::One(one) if one == ids[at] => Ids::One(one),
            Ids::One(_) | Ids::Several => Ids::Several,
        };
    }
}

/// The persons that were met so far.
struct Registry<'r, 'a> {
    rows: &'r [Claimed<'a>],
    /// By the first row that states the ID.
    by_id: Vec<Option<u32>>,
    keys: Vec<Arc<str>>,
}

impl Registry<'_, '_> {
    fn with_id(&mut self, first: usize) -> u32 {
        if let Some(known) = self.by_id[first] {
            return known;
        }
        let person = self.add(self.rows[first].id.unwrap_or_default().into());
        self.by_id[first] = Some(person);
        person
    }

    fn add(&mut self, key: Arc<str>) -> u32 {
        self.keys.push(key);
        u32::try_from(self.keys.len() - 1).unwrap_or(u32::MAX)
    }
}

fn of_result(row: &ResultRow) -> Claimed<'_> {
    let place = Some((&*row.prison, &*row.number));
    Claimed { place, id: valid(row.resident_id.as_deref()), name: &row.name }
}

fn of_roster(row: &RosterRow) -> Claimed<'_> {
    let place = Some((&*row.prison, &*row.number));
    Claimed { place, id: valid(row.resident_id.as_deref()), name: &row.name }
}

fn of_opening(row: &HistoryRow) -> Claimed<'_> {
    let place = row.prison.as_deref().zip(row.number.as_deref());
    Claimed { place, id: valid(row.resident_id.as_deref()), name: "" }
}

/// The ID, where it is valid.
fn valid(id: Option<&str>) -> Option<&str> {
    id.filter(|id| ResidentId::is_valid(id))
}

/// Valid IDs under which more than one name stands: whoever differs from another differs from the first.
fn with_two_names<'a>(rows: &[Claimed<'a>], ids: &[usize]) -> HashSet<&'a str> {
    let contradicted = |(row, first): (&Claimed<'a>, &usize)| {
        let (id, first) = (row.id?, rows[*first].name);
        (first != row.name && normalise(first) != normalise(row.name)).then_some(id)
    };
    rows.par_iter().zip(ids).filter_map(contradicted).collect()
}
