//! The goal (notice, section 二): 获证率 of at least 90 % of those who should be trained, before release.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::NaiveDate;

use super::assessment::{Name, ResultRow, RosterEntry, SurveyRow};
use super::calendar::{Span, add_months};
use super::identifiers::ResidentId;

/// The rate that the notice asks for, in percent.
pub const GOAL_PERCENT: u32 = 90;
/// How far ahead the list of those without a certificate looks, in months.
const OUTLOOK_MONTHS: u32 = 6;

/// Certificates among those released in a period.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Attainment {
    /// Released in the period and to be trained.
    pub released: u32,
    /// Of these, with at least one certificate, paid or not.
    pub certified: u32,
}

impl Attainment {
    /// The rate in tenths of a percent, rounded down so that 90.0 % is never claimed too early.
    pub fn permille(self) -> Option<u32> {
        (self.released > 0).then(|| {
            let permille = u64::from(self.certified) * 1000 / u64::from(self.released);
            u32::try_from(permille).unwrap_or(1000)
        })
    }

    /// Whether the goal is reached; `None` where nobody was released.
    pub fn reached(self) -> Option<bool> {
        (self.released > 0)
            .then(|| u64::from(self.certified) * 100 >= u64::from(self.released) * u64::from(GOAL_PERCENT))
    }
}

/// Somebody who leaves soon without a certificate.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leaving {
    /// 监狱.
    pub prison: Name,
    /// 刑满日期.
    pub release_on: NaiveDate,
    /// 罪犯编号. Personal data.
    pub number: String,
}

/// The goal's figures (RULES section 8).
#[derive(Clone, Default)]
pub struct Goal {
    /// Per prison.
    pub prisons: BTreeMap<Name, Attainment>,
    /// In all.
    pub total: Attainment,
    /// Whether a survey (摸排) stands behind the figures; without one they cover rosters only (仅名册内) and are
    /// never compared with the goal.
    pub surveyed: bool,
    /// Those released within the next six months who have none.
    pub leaving: Vec<Leaving>,
}

/// One person who should be trained.
struct Trainee<'a> {
    prison: &'a Name,
    number: &'a str,
    id: Option<&'a str>,
    release_on: NaiveDate,
}

/// Reckons the goal for a period, seen from `today`.
pub fn goal<'a>(
    survey: &'a [SurveyRow],
    roster: &'a [RosterEntry],
    results: impl Iterator<Item = &'a ResultRow>,
    period: Span,
    today: NaiveDate,
) -> Goal {
    let mut places: HashSet<(&str, &str)> = HashSet::new();
    let mut ids: HashSet<&str> = HashSet::new();
    for row in results.filter(|row| row.passed && row.certificate().is_some()) {
        places.insert((&row.prison, &row.number));
        ids.extend(row.resident_id.as_deref().filter(|id| ResidentId::is_valid(id)));
    }
    let certified =
        |t: &Trainee<'_>| places.contains(&(&**t.prison, t.number)) || t.id.is_some_and(|id| ids.contains(id));
    let until = add_months(today, OUTLOOK_MONTHS);
    let mut goal = Goal { surveyed: !survey.is_empty(), ..Goal::default() };
    for trainee in trainees(survey, roster) {
        let certified = certified(&trainee);
        if period.covers(trainee.release_on) {
            for of in [goal.prisons.entry(trainee.prison.clone()).or_default(), &mut goal.total] {
                of.released += 1;
                of.certified += u32::from(certified);
            }
        }
        if !certified && today <= trainee.release_on && trainee.release_on <= until {
            goal.leaving.push(Leaving {
                prison: trainee.prison.clone(),
                release_on: trainee.release_on,
                number: trainee.number.to_owned(),
            });
        }
    }
    goal.leaving.sort();
    goal
}

/// Those without a skill and able to study: of the survey, or where there is none, of the rosters.
fn trainees<'a>(survey: &'a [SurveyRow], roster: &'a [RosterEntry]) -> Vec<Trainee<'a>> {
    if !survey.is_empty() {
        let should = survey.iter().filter(|row| !row.skilled && row.able);
        return should
            .map(|row| Trainee {
                prison: &row.prison,
                number: &row.number,
                id: row.resident_id.as_deref(),
                release_on: row.released_on.unwrap_or(row.release_on),
            })
            .collect();
    }
    let mut newest: HashMap<(&str, &str), &RosterEntry> = HashMap::new();
    for entry in roster.iter().filter(|entry| !entry.row.skilled && entry.row.able) {
        let known = newest.entry((&entry.row.prison, &entry.row.number)).or_insert(entry);
        if (known.received_at, known.id) < (entry.received_at, entry.id) {
            *known = entry;
        }
    }
    let row = |entry: &'a RosterEntry| Trainee {
        prison: &entry.row.prison,
        number: &entry.row.number,
        id: entry.row.resident_id.as_deref(),
        release_on: entry.row.release_on,
    };
    newest.into_values().map(row).collect()
}
