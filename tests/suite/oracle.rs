//! A second calculation of RULES sections 0 to 4, naive and slow, sharing no logic with the first.
//!
//! Sentences of RULES that leave something open, and how they are read here:
//! - Section 0: a history row with neither a valid ID nor prison and number is nobody's and counts for nobody.
//! - Section 2: in the order, a missing certificate number or type is the empty text; levels go from low to high (they
//!   have an order of their own), certificate types by the code points of their names; what is still equal (one ID in
//!   two prisons) goes by prison, then prisoner number.
//! - R2: a number of which normalising leaves nothing (`—`) is missing; W3 still doubts it. R3-R3b: a type that is not stated equals only itself.
//! - R3b: "reported under another class" explains, it is no condition (a history line has no class).
//! - R4: rows approved and received at the same instants: the one with the greatest id.
//! - R4b: no annex 6 is stored yet, so the rule fails wherever the policy asks for it, for either kind.
//! - R7, R8: by certificate date they are not judged without one, `ever` and `lifetime` included.
//! - R12b: "stands under two names" is asked of the row's own valid ID; names compare as normalised text.
//! - W1: theory against 总课时, else against theory + practice. W2: birth date of the row's valid ID, else of the roster
//!   row. W1, W2, W3, W5 stand on refused verdicts too; W4 speaks of a grant.
//! - Waivers: only what holds is waived, and never R2; W6 tells that a waiver was needed, whatever the outcome. Where R4 is
//!   waived, R5 to R5c, W2 and W5 are read from the row of the same person and course that lacks an approval, if there is one:
//!   the last received, the one against a grant first.
//! - Section 4: the agreement is chosen first and its fee read then, as with rates. Step 4 is not a verdict: `None`.

mod rules;
mod words;

use chrono::NaiveDate;
use shenling::subsidy::assessment::{HistoryRow, Name, ResultRow, RosterEntry};
use shenling::subsidy::catalogue::Catalogue;
use shenling::subsidy::course::{CertificateType, Kind, Level};
use shenling::subsidy::judge::{Docket, Subject};
use shenling::subsidy::policy::Policy;
use shenling::subsidy::verdict::Outcome;
use shenling::subsidy::waiver::Waiver;

/// Outcome, codes in alphabetical order joined by `;`, amount in fen if granted.
pub type Plain = (Outcome, String, Option<i64>);

/// The answer with its warnings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Granted, denied or held.
    pub outcome: Outcome,
    /// Names of the rules that fail, in the order of RULES.
    pub failing: Vec<&'static str>,
    /// Names of the warnings, in the order of RULES.
    pub warnings: Vec<&'static str>,
    /// In fen, if granted.
    pub amount: Option<i64>,
}

/// The rules that hold; every other one that is no warning denies.
const HOLDS: [&str; 7] = [
    "certificate-missing",
    "certificate-conflict",
    "not-on-roster",
    "assessment-not-filed",
    "no-agreement",
    "unverified-identity",
    "identity-conflict",
];

/// A certificate as it is compared: type and normalised number.
pub type Certificate = (Option<CertificateType>, String);

/// A granted claim.
pub struct Paid {
    person: Option<String>,
    kind: Kind,
    occupation: Name,
    level: Level,
    certificate: Option<Certificate>,
    issued_on: Option<NaiveDate>,
    claimed_on: NaiveDate,
}

/// Everything that one verdict looks at.
pub struct Case<'a> {
    docket: &'a Docket,
    catalogue: &'a Catalogue,
    claim_on: NaiveDate,
    claim_policy: &'a Policy,
    rate_policy: &'a Policy,
    history: &'a [Paid],
    row: &'a ResultRow,
    kind: Kind,
    person: String,
    /// Names of the rules that are waived for this assessment on the claim date.
    waived: Vec<&'static str>,
}

/// Per subject and kind: the verdict without its warnings.
pub fn judge(docket: &Docket, catalogue: &Catalogue, claim_on: NaiveDate) -> Vec<[Option<Plain>; 2]> {
    let plain = |answer: Answer| {
        let mut codes = answer.failing;
        codes.sort_unstable();
        (answer.outcome, codes.join(";"), answer.amount)
    };
    answers(docket, catalogue, claim_on).into_iter().map(|pair| pair.map(|answer| answer.map(plain))).collect()
}

/// Per subject and kind: the verdict with its warnings.
pub fn answers(docket: &Docket, catalogue: &Catalogue, claim_on: NaiveDate) -> Vec<[Option<Answer>; 2]> {
    let mut answers = vec![[None, None]; docket.subjects.len()];
    let Some(claim_policy) = policy_on(catalogue, claim_on) else { return answers };
    let mut history = history(docket);
    let mut order: Vec<usize> = (0..docket.subjects.len()).collect();
    order.sort_by_key(|i| order_of(docket, &docket.subjects[*i].row));
    for i in order {
        let Subject { row, open, .. } = &docket.subjects[i];
        let Some(rate_policy) = policy_on(catalogue, row.started_on) else { continue };
        for kind in [Kind::Training, Kind::Assessment] {
            let at = usize::from(kind == Kind::Assessment);
            if !open[at] {
                continue;
            }
            let person = person_of_row(docket, row);
            let waived =
                docket.waivers.iter().filter(|w| w.assessment_id == docket.subjects[i].id && counts(w, claim_on));
            let case = Case {
                waived: waived.map(|waiver| waiver.rule.code()).collect(),
                docket,
                catalogue,
                claim_on,
                claim_policy,
                rate_policy,
                history: &history,
                row,
                kind,
                person: person.clone(),
            };
            let answer = case.answer();
            if answer.as_ref().is_some_and(|answer| answer.outcome == Outcome::Granted) {
                history.push(paid(row, kind, claim_on, person));
            }
            answers[i][at] = answer;
        }
    }
    answers
}

/// Whether a waiver counts on a day: from its first to its last one, and not from the day on which it was ended.
fn counts(waiver: &Waiver, day: NaiveDate) -> bool {
    let ended = waiver.ended_on.is_some_and(|ended_on| ended_on <= day);
    !ended && waiver.from <= day && day <= waiver.until
}

/// The person key of each subject.
pub fn persons(docket: &Docket) -> Vec<String> {
    docket.subjects.iter().map(|subject| person_of_row(docket, &subject.row)).collect()
}

/// The person key of each line of the opening history; `None` where it names nobody.
pub fn persons_of_opening(docket: &Docket) -> Vec<Option<String>> {
    docket.opening.iter().map(|line| person_of_line(docket, line)).collect()
}

fn policy_on(catalogue: &Catalogue, day: NaiveDate) -> Option<&Policy> {
    catalogue.policies.iter().find(|policy| words::in_force(policy.valid, day))
}

/// What is granted before the run begins.
fn history(docket: &Docket) -> Vec<Paid> {
    let mut history = Vec::new();
    for grant in &docket.grants {
        for subject in docket.subjects.iter().filter(|subject| subject.id == grant.subject) {
            history.push(paid(&subject.row, grant.kind, grant.claimed_on, person_of_row(docket, &subject.row)));
        }
    }
    for line in &docket.opening {
        history.push(Paid {
            person: person_of_line(docket, line),
            kind: line.kind,
            occupation: line.occupation.clone(),
            level: line.level,
            certificate: certificate(line.certificate_type, line.certificate_number.as_deref()),
            issued_on: line.issued_on,
            claimed_on: line.claimed_on,
        });
    }
    history
}

fn paid(row: &ResultRow, kind: Kind, claimed_on: NaiveDate, person: String) -> Paid {
    Paid {
        person: Some(person),
        kind,
        occupation: row.occupation.clone(),
        level: row.level,
        certificate: certificate(row.certificate_type, row.certificate_number.as_deref()),
        issued_on: row.issued_on,
        claimed_on,
    }
}

fn certificate(kind: Option<CertificateType>, number: Option<&str>) -> Option<Certificate> {
    let number = words::normal(number?);
    if number.is_empty() { None } else { Some((kind, number)) }
}

/// The order of a run (RULES section 2).
fn order_of(docket: &Docket, row: &ResultRow) -> impl Ord + use<> {
    (
        (row.issued_on.is_none(), row.issued_on),
        row.certificate_number.as_deref().map(words::normal).unwrap_or_default(),
        person_of_row(docket, row),
        row.occupation.to_string(),
        words::height(row.level),
        row.class.clone(),
        row.assessed_on,
        row.certificate_type.map_or(String::new(), |kind| kind.name().to_owned()),
        row.prison.to_string(),
        row.number.clone(),
    )
}

fn person_of_row(docket: &Docket, row: &ResultRow) -> String {
    person(docket, row.resident_id.as_deref(), &row.prison, &row.number)
}

fn person_of_entry(docket: &Docket, entry: &RosterEntry) -> String {
    person(docket, entry.row.resident_id.as_deref(), &entry.row.prison, &entry.row.number)
}

fn person_of_line(docket: &Docket, line: &HistoryRow) -> Option<String> {
    match (words::valid(line.resident_id.as_deref()), &line.prison, &line.number) {
        (Some(id), _, _) => Some(id),
        (None, Some(prison), Some(number)) => Some(person(docket, None, prison, number)),
        _ => None,
    }
}

/// The person key (RULES section 0).
fn person(docket: &Docket, id: Option<&str>, prison: &str, number: &str) -> String {
    if let Some(id) = words::valid(id) {
        return id;
    }
    let mut under_number = Vec::new();
    for subject in &docket.subjects {
        if *subject.row.prison == *prison && subject.row.number == number {
            under_number.extend(words::valid(subject.row.resident_id.as_deref()));
        }
    }
    for entry in &docket.roster {
        if *entry.row.prison == *prison && entry.row.number == number {
            under_number.extend(words::valid(entry.row.resident_id.as_deref()));
        }
    }
    for line in &docket.opening {
        if line.prison.as_deref() == Some(prison) && line.number.as_deref() == Some(number) {
            under_number.extend(words::valid(line.resident_id.as_deref()));
        }
    }
    under_number.sort_unstable();
    under_number.dedup();
    match under_number.as_slice() {
        [one] => one.clone(),
        _ => format!("{prison}/{number}"),
    }
}
