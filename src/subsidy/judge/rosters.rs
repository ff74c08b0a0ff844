//! Which roster row covers an assessment (R4), and which one nearly does.

use chrono::{Datelike, NaiveDate};
use rayon::prelude::*;

use super::Docket;
use super::identity::Identities;
use crate::subsidy::assessment::{ResultRow, RosterEntry, RosterRow};
use crate::subsidy::calendar::civil_date;

/// The roster rows, by person.
pub(super) struct Rosters<'a> {
    entries: &'a [RosterEntry],
    /// Person and row, sorted.
    by_person: Vec<(u32, usize)>,
    /// Per subject the row that covers it.
    covering: Vec<Option<usize>>,
}

impl<'a> Rosters<'a> {
    /// R4: per subject the roster row that covers it; of several the last approved, then the last received.
    pub(super) fn resolve(docket: &'a Docket, identities: &Identities<'_>) -> Rosters<'a> {
        let mut by_person: Vec<(u32, usize)> = identities.roster.iter().copied().zip(0..).collect();
        by_person.par_sort_unstable();
        let mut rosters = Rosters { entries: &docket.roster, by_person, covering: Vec::new() };
        let covering = |(subject, person): (usize, &u32)| {
            let covering = rosters.of(*person).filter(|(_, entry)| covers(entry, &docket.subjects[subject].row));
            covering.max_by(|(_, a), (_, b)| newest_approved(a).cmp(&newest_approved(b))).map(|(at, _)| at)
        };
        rosters.covering = identities.subjects.par_iter().enumerate().map(covering).collect();
        rosters
    }

    /// The row that covers a subject.
    pub(super) fn covering(&self, subject: usize) -> Option<&'a RosterEntry> {
        self.covering[subject].map(|at| &self.entries[at])
    }

    /// The row that would cover a result of this person but for its approval or institution: where R4 is waived, what else
    /// the roster says is read from there. Of several the last received, the one against a grant first.
    pub(super) fn without_approval(&self, person: u32, row: &ResultRow) -> Option<&'a RosterEntry> {
        let of_course = self.of(person).map(|(_, entry)| entry).filter(|entry| is_of_course(&entry.row, row));
        of_course.max_by(|a, b| newest(a).cmp(&newest(b)))
    }

    /// Of the rows of a person, none of which covers this result, the one that comes nearest.
    pub(super) fn nearest(&self, person: u32, row: &ResultRow) -> Option<&'a RosterEntry> {
        let near = |entry: &RosterEntry| {
            let approval = entry.approval.as_ref();
            let of_year = approval.is_none_or(|approval| approval.plan_year == row.started_on.year());
            let same = [
                entry.row.prison == row.prison,
                (&entry.row.occupation, entry.row.level) == (&row.occupation, row.level),
                entry.row.class == row.class,
                of_year,
                is_of_institution(&entry.row, row),
                approval.is_some(),
            ];
            same.into_iter().filter(|same| *same).count()
        };
        let of_person = self.of(person).map(|(_, entry)| entry);
        of_person.max_by(|a, b| near(a).cmp(&near(b)).then_with(|| newest(a).cmp(&newest(b))))
    }

    /// The rows of a person, with their places.
    fn of(&self, person: u32) -> impl Iterator<Item = (usize, &'a RosterEntry)> {
        let first = self.by_person.partition_point(|(other, _)| *other < person);
        let of_person = self.by_person[first..].iter().take_while(move |(other, _)| *other == person);
        of_person.map(|(_, at)| (*at, &self.entries[*at]))
    }
}

/// The order in which rows were received. Those that came together are told apart by what they say, the one against a
/// grant last, never by the place where they stand.
fn newest(entry: &RosterEntry) -> impl Ord + '_ {
    let row = &entry.row;
    let against: (NaiveDate, bool, bool) = (row.release_on, row.skilled, !row.able);
    (entry.received_at, against, row)
}

fn newest_approved(entry: &RosterEntry) -> impl Ord + '_ {
    (entry.approval.as_ref().map(|approval| approval.on), newest(entry))
}

/// Whether a roster row of the same person covers this course of this prison.
fn covers(entry: &RosterEntry, row: &ResultRow) -> bool {
    is_of_course(&entry.row, row)
        && is_of_institution(&entry.row, row)
        && entry
            .approval
            .as_ref()
            .is_some_and(|approval| approval.on <= row.started_on && approval.plan_year == row.started_on.year())
}

fn is_of_course(of: &RosterRow, row: &ResultRow) -> bool {
    (&of.occupation, of.level, &of.class, &of.prison) == (&row.occupation, row.level, &row.class, &row.prison)
}

/// A roster row that states no institution covers all.
fn is_of_institution(of: &RosterRow, row: &ResultRow) -> bool {
    of.institution.as_ref().is_none_or(|institution| *institution == row.training_institution)
}

/// In which roster a row stands: `（见2026-01-10收到的人员信息表 #3）`.
pub(super) fn place(entry: &RosterEntry) -> String {
    format!("（见{}收到的人员信息表 #{}）", civil_date(entry.received_at), entry.roster_id)
}

/// What a roster row of the same person says otherwise than a result that it does not cover, in words.
pub(super) fn differences(entry: &RosterEntry, row: &ResultRow, occupation: &str) -> Vec<String> {
    let of = &entry.row;
    let institution = of.institution.as_ref().filter(|_| !is_of_institution(of, row));
    let approval = match &entry.approval {
        None => Some("尚未核准".to_owned()),
        Some(approval) if approval.plan_year != row.started_on.year() => {
            Some(format!("核准的是{}年度", approval.plan_year))
        }
        Some(approval) if approval.on > row.started_on => {
            Some(format!("{}核准，晚于开班日期{}", approval.on, row.started_on))
        }
        Some(_) => None,
    };
    let differs = [
        (of.prison != row.prison).then(|| format!("监狱为{}", of.prison)),
        (of.occupation != row.occupation).then(|| format!("职业为{occupation}")),
        (of.level != row.level).then(|| format!("等级为{}", of.level)),
        (of.class != row.class).then(|| format!("班期为{}", of.class)),
        institution.map(|name| format!("培训机构为{name}")),
        approval,
    ];
    differs.into_iter().flatten().collect()
}
