//! What must hold in every life, whatever happens: each rule a function over plain facts, named, with where it stands.
//!
//! That each can fail is shown in `planted`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Months, NaiveDate};
use sha2::{Digest, Sha256};
use shenling::store::{Counts, GivenNotice};
use shenling::subsidy::batch::Totals;
use shenling::subsidy::course::Kind;
use shenling::subsidy::duty::Step;

use super::post::Copies;

/// A rule that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub rule: &'static str,
    /// What was seen.
    pub what: String,
}

/// What a rule says.
pub type Verdict = Result<(), Violation>;

fn broken<T>(rule: &'static str, what: impl Into<String>) -> Result<T, Violation> {
    Err(Violation { rule, what: what.into() })
}

/// The same for what is no rule of the programme: it went wrong though nothing outside did.
pub fn failed<T>(what: impl Into<String>) -> Result<T, Violation> {
    broken("a stage fails only where something outside is wrong", what)
}

/// A granted line of a batch that is not void.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Place of the batch in the order of sealing.
    pub batch: usize,
    /// Claim date of the batch.
    pub claim_on: NaiveDate,
    /// Who.
    pub person: usize,
    /// Which subsidy.
    pub kind: Kind,
    /// For what.
    pub occupation: String,
    /// On which level.
    pub level: String,
    /// Identity of the assessment.
    pub assessment: i64,
    /// Place of the live batch that takes it back.
    pub reversed_in: Option<usize>,
}

impl Grant {
    /// Whether it counts once a batch is sealed.
    fn counts_at(&self, batch: usize) -> bool {
        self.batch <= batch && self.reversed_in.is_none_or(|reversed| reversed > batch)
    }
}

/// RULES 3, R8: 每人每年不超过 `cap` 次, per kind and calendar year of the claim.
pub fn nobody_is_paid_more_often_than_the_cap(grants: &[Grant], cap: usize) -> Verdict {
    for grant in grants {
        let same = |other: &&Grant| {
            other.counts_at(grant.batch)
                && (other.person, other.kind, other.claim_on.year())
                    == (grant.person, grant.kind, grant.claim_on.year())
        };
        let count = grants.iter().filter(same).count();
        if grant.counts_at(grant.batch) && count > cap {
            return broken("R8: at most so many claims a person and year", format!("{count} with {grant:?}"));
        }
    }
    Ok(())
}

/// RULES 3, R7: 同一职业同一等级一年内不可重复享受.
pub fn the_same_is_not_paid_again_within_a_year(grants: &[Grant]) -> Verdict {
    for (at, grant) in grants.iter().enumerate() {
        let near = |a: NaiveDate, b: NaiveDate| a.max(b) < a.min(b) + Months::new(12);
        let repeats = |other: &Grant| {
            other.counts_at(grant.batch)
                && (other.person, other.kind) == (grant.person, grant.kind)
                && (&other.occupation, &other.level) == (&grant.occupation, &grant.level)
                && near(other.claim_on, grant.claim_on)
        };
        let others = grants.iter().enumerate().filter(|(n, _)| *n != at).map(|(_, other)| other);
        if let Some(other) = others.filter(|_| grant.counts_at(grant.batch)).find(|other| repeats(other)) {
            return broken("R7: never the same occupation and level within a year", format!("{other:?} and {grant:?}"));
        }
    }
    Ok(())
}

/// RULES 2: a line belongs to at most one live batch.
pub fn no_line_is_granted_twice(grants: &[Grant]) -> Verdict {
    let mut by_line: BTreeMap<(i64, Kind), Vec<&Grant>> = BTreeMap::new();
    for grant in grants {
        by_line.entry((grant.assessment, grant.kind)).or_default().push(grant);
    }
    for same in by_line.values() {
        let counting = |grant: &Grant| same.iter().filter(|other| other.counts_at(grant.batch)).count();
        if let Some(twice) = same.iter().find(|grant| counting(grant) > 1) {
            return broken("a line belongs to at most one live batch", format!("{twice:?}"));
        }
    }
    Ok(())
}

/// RULES 5: distinct persons, lines, sum, and SHA-256 over the canonical lines.
pub fn the_control_totals_are_those_of_the_lines(batch: &str, totals: &Totals, lines: &[(String, i64)]) -> Verdict {
    let mut texts: Vec<&str> = lines.iter().map(|(text, _)| text.as_str()).collect();
    texts.sort_unstable();
    let mut hash = Sha256::new();
    for text in &texts {
        hash.update(format!("{text}\n"));
    }
    let persons: BTreeSet<&str> = texts.iter().filter_map(|text| text.split('|').nth(6)).collect();
    let sum: i64 = lines.iter().map(|(_, fen)| fen).sum();
    let written: i64 = texts.iter().filter_map(|text| text.rsplit('|').next()?.parse::<i64>().ok()).sum();
    let counted = (persons.len(), lines.len(), sum, sum, hex::encode(hash.finalize()));
    let stated = (totals.persons as usize, totals.lines as usize, totals.sum.0, written, totals.lines_sha256.clone());
    if counted == stated {
        return Ok(());
    }
    broken("the control totals are those of the lines", format!("{batch}: {stated:?}, counted {counted:?}"))
}

/// RULES 5: `CZ-<period>-<serial>`; serials run 001, 002 ... per period, void batches counted.
pub fn batch_numbers_run_without_gap(numbers: &[String]) -> Verdict {
    let mut last: BTreeMap<&str, u32> = BTreeMap::new();
    for number in numbers {
        let (period, serial) = number.rsplit_once('-').unwrap_or((number, ""));
        let expected = last.entry(period).or_default();
        *expected += 1;
        if serial != format!("{expected:03}") {
            return broken("batch numbers run without gap", format!("{number} where {expected:03} should stand"));
        }
    }
    Ok(())
}

/// RULES 5: sealed = immutable, forever: header, lines, refusals, papers.
pub fn what_is_sealed_stays(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Verdict {
    match before.iter().find(|(number, hash)| now.get(*number) != Some(hash)) {
        Some((number, _)) => broken("a sealed batch never changes", number),
        None => Ok(()),
    }
}

/// Issue: once per (duty, year, prison, step), whatever happens.
pub fn every_step_is_told_once(notices: &[GivenNotice]) -> Verdict {
    let mut seen = BTreeSet::new();
    for GivenNotice { notice, .. } in notices {
        if !seen.insert((&notice.duty, &notice.term, &notice.prison, notice.step)) {
            return broken("every step is told once", format!("{notice:?}"));
        }
    }
    Ok(())
}

/// What was so when a notice was given.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The prison owed it.
    pub owes: bool,
    /// It had an address.
    pub has_address: bool,
    /// The office was open.
    pub is_open: bool,
    /// The day on the clock of the program.
    pub today: NaiveDate,
}

/// Issue: only to who still owes, on working days between 09:00 and 17:00, not before its day.
pub fn a_notice_goes_to_who_owes_in_office_hours(notice: &GivenNotice, moment: Moment) -> Verdict {
    let due = notice.notice.planned_on <= moment.today;
    if moment.owes && moment.has_address && moment.is_open && due {
        return Ok(());
    }
    broken("reminders go to who owes, in office hours, when due", format!("{moment:?} {notice:?}"))
}

/// Issue: several missed slots of one duty become one merged notice.
pub fn a_prison_gets_one_letter_a_round(new: &[GivenNotice]) -> Verdict {
    let mut letters: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for GivenNotice { notice, letter, .. } in new {
        letters.entry(&notice.prison).or_default().insert(letter);
    }
    match letters.iter().find(|(_, letters)| letters.len() > 1) {
        Some((prison, letters)) => broken("one merged letter a prison and round", format!("{prison}: {letters:?}")),
        None => Ok(()),
    }
}

/// Issue: deferred, never dropped. `due` is the last rung whose day has come, `told` the last one on record.
pub fn nobody_who_owes_is_forgotten(prison: &str, term: i32, due: Option<Step>, told: Option<Step>) -> Verdict {
    if told >= due {
        return Ok(());
    }
    broken("nobody who owes is forgotten", format!("{prison} {term}: due {due:?}, told {told:?}"))
}

/// Issue: at most one duplicate per crash or unclear answer, marked, under the same Message-ID and else byte-equal.
pub fn a_mail_leaves_once_and_again_only_in_doubt(id: &str, copies: &Copies, doubts: u32) -> Verdict {
    if copies.left <= 1 + doubts && copies.unmarked == 0 && copies.differing == 0 {
        return Ok(());
    }
    broken("a mail leaves once, and marked again only in doubt", format!("{id}: {copies:?}, {doubts} doubts"))
}

/// DESIGN: a delivery is done only where the server took it over, and every one ends somewhere.
pub fn a_delivery_ends_and_is_done_only_where_it_arrived(key: &str, state: &str, arrived: bool) -> Verdict {
    let well = match state {
        "done" => arrived,
        "aside" | "held" | "withdrawn" => true,
        _ => false,
    };
    if well { Ok(()) } else { broken("a delivery ends, and is done only where it arrived", format!("{key}: {state}")) }
}

/// DESIGN: every row is taken or told.
pub fn every_row_is_taken_or_told(file: &str, counts: &Counts, rows: u32) -> Verdict {
    let told = counts.taken + counts.duplicates + counts.set_aside;
    if counts.rows == rows && told == rows && counts.superseded <= counts.taken {
        return Ok(());
    }
    broken("every row is taken or told", format!("{file}: {rows} rows, {counts:?}"))
}

/// Issue: nothing that arrived is lost.
pub fn every_file_is_kept(dropped: &BTreeSet<String>, kept: &BTreeSet<String>, inbox: &[String]) -> Verdict {
    if let Some(lost) = dropped.difference(kept).next() {
        return broken("every file is kept", lost);
    }
    if inbox.is_empty() { Ok(()) } else { broken("every file is kept", format!("left in the inbox: {inbox:?}")) }
}

/// DESIGN: any stage may run twice.
pub fn a_second_round_changes_nothing(before: &str, after: &str) -> Verdict {
    differ("a second round at once changes nothing", before, after)
}

/// Issue: a seed replays.
pub fn the_same_seed_gives_the_same_life(one: &str, two: &str) -> Verdict {
    differ("the same seed gives the same life", one, two)
}

fn differ(rule: &'static str, one: &str, two: &str) -> Verdict {
    if one == two {
        return Ok(());
    }
    let (a, b): (BTreeSet<&str>, BTreeSet<&str>) = (one.lines().collect(), two.lines().collect());
    let short = |line: Option<&&str>| line.map(|line| line.chars().take(200).collect::<String>());
    broken(rule, format!("{:?} / {:?}", short(a.difference(&b).next()), short(b.difference(&a).next())))
}
