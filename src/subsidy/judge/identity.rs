//! Who is one person (RULES section 0), and where identities contradict each other (R12b).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::Docket;
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

/// The same, once its place is known.
struct Seen<'a> {
    /// Index of the place.
    place: Option<usize>,
    id: Option<&'a str>,
    name: &'a str,
}

/// The valid IDs seen under one prison + prisoner number.
#[derive(Copy, Clone)]
enum Ids<'a> {
    None,
    One(&'a str),
    Several,
}

/// A prison + prisoner number.
struct Place<'a> {
    name: (&'a str, &'a str),
    ids: Ids<'a>,
    /// The person of a row that states no valid ID.
    person: Option<u32>,
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
        // Whether an ID is valid has to be worked out.
        let subjects: Vec<Claimed<'_>> = docket.subjects.par_iter().map(|s| of_result(&s.row)).collect();
        let roster: Vec<Claimed<'_>> = docket.roster.par_iter().map(|entry| of_roster(&entry.row)).collect();
        let opening: Vec<Claimed<'_>> = docket.opening.iter().map(of_opening).collect();
        let mut places = Places { numbers: HashMap::with_capacity(subjects.len()), all: Vec::new() };
        let (subjects, roster) = (places.see(subjects), places.see(roster));
        // R12b looks at result and roster rows only; an old claim cannot be corrected by a clerk.
        let several = places.all.iter().filter(|place| matches!(place.ids, Ids::Several));
        let numbers_with_two_ids = several.map(|place| place.name).collect();
        let opening = places.see(opening);
        let mut registry = Registry { by_id: HashMap::with_capacity(places.all.len()), keys: Vec::new() };
        let mut person = |seen: &Seen<'a>| registry.person(seen, &mut places.all);
        let mut persons =
            |rows: &[Seen<'a>]| -> Vec<u32> { rows.iter().map(|seen| person(seen).unwrap_or(u32::MAX)).collect() };
        let (of_subjects, of_roster) = (persons(&subjects), persons(&roster));
        let of_opening = opening.iter().map(&mut person).collect();
        let ids_with_two_names =
            with_two_names([(&subjects, &of_subjects), (&roster, &of_roster)], registry.keys.len());
        Identities {
            subjects: of_subjects,
            roster: of_roster,
            opening: of_opening,
            keys: registry.keys,
            numbers_with_two_ids,
            ids_with_two_names,
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

/// Every prison + prisoner number, in the order in which they were met.
struct Places<'a> {
    numbers: HashMap<(&'a str, &'a str), usize>,
    all: Vec<Place<'a>>,
}

impl<'a> Places<'a> {
    /// Notes which valid IDs stand under which prisoner numbers.
    fn see(&mut self, rows: Vec<Claimed<'a>>) -> Vec<Seen<'a>> {
        let see = |Claimed { place, id, name }| Seen { place: place.map(|place| self.of(place, id)), id, name };
        rows.into_iter().map(see).collect()
    }

    fn of(&mut self, name: (&'a str, &'a str), id: Option<&'a str>) -> usize {
        let at = *self.numbers.entry(name).or_insert(self.all.len());
        if at == self.all.len() {
            self.all.push(Place { name, ids: Ids::None, person: None });
        }
        let ids = &mut self.all[at].ids;
        *ids = match (*ids, id) {
            (ids, None) => ids,
            (Ids::None, Some(id)) => Ids::One(id),
            (Ids::One(one), Some(id)) if one == id => Ids::One(one),
            _ => Ids::Several,
        };
        at
    }
}

/// The persons, once all places and the IDs under them are known.
struct Registry<'a> {
    by_id: HashMap<&'a str, u32>,
    keys: Vec<Arc<str>>,
}

impl<'a> Registry<'a> {
    /// The person of a row: its own ID, or the one that stands under its number, or that number; `None` without both.
    fn person(&mut self, seen: &Seen<'a>, places: &mut [Place<'a>]) -> Option<u32> {
        let place = seen.place.map(|at| &mut places[at]);
        match (seen.id, place) {
            // The only ID under a number is that of each row that states one.
            (None, Some(place)) | (Some(_), Some(place @ Place { ids: Ids::One(_), .. })) => {
                if place.person.is_none() {
                    let (prison, number) = place.name;
                    place.person = Some(match place.ids {
                        Ids::One(id) => self.with_id(id),
                        Ids::None | Ids::Several => self.add(format!("{prison}/{number}").into()),
                    });
                }
                place.person
            }
            (Some(id), _) => Some(self.with_id(id)),
            (None, None) => None,
        }
    }

    fn with_id(&mut self, id: &'a str) -> u32 {
        if let Some(known) = self.by_id.get(id) {
            return *known;
        }
        let person = self.add(id.into());
        self.by_id.insert(id, person);
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

/// Valid IDs under which more than one name stands.
fn with_two_names<'a>(rows: [(&[Seen<'a>], &[u32]); 2], persons: usize) -> HashSet<&'a str> {
    let at = |person: &u32| usize::try_from(*person).ok();
    let mut first_names: Vec<Option<&str>> = vec![None; persons];
    for (seen, person) in rows.iter().flat_map(|(rows, persons)| rows.iter().zip(*persons)) {
        if let Some(first) = at(person).filter(|_| seen.id.is_some()).and_then(|at| first_names.get_mut(at)) {
            first.get_or_insert(seen.name);
        }
    }
    let contradicted = |(seen, person): (&Seen<'a>, &u32)| {
        let (id, first) = (seen.id?, at(person).and_then(|at| *first_names.get(at)?)?);
        (first != seen.name && normalise(first) != normalise(seen.name)).then_some(id)
    };
    let [subjects, roster] = rows.map(|(rows, persons)| rows.par_iter().zip(persons).filter_map(contradicted));
    subjects.chain(roster).collect()
}
