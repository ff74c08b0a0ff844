//! Random dockets: the rows that the indexes of a specification stand for.

use std::sync::Arc;

use chrono::{Datelike, Days, NaiveDate, TimeZone, Utc};
use shenling::subsidy::assessment::{Approval, HistoryRow, ResultRow, RosterEntry, RosterRow};
use shenling::subsidy::course::{Category, Kind, Level};
use shenling::subsidy::judge::{Docket, Grant, Subject};
use shenling::subsidy::money::Fen;
use shenling::subsidy::verdict::Rule;
use shenling::subsidy::waiver::Waiver;

use super::dockets::{DocketSpec, HistorySpec, ResultSpec, RosterSpec, State, Twist, What};
use super::worlds::{CERTIFICATES, INSTITUTIONS, LEVELS, OCCUPATIONS, PRISONS};

/// Invented: three right ones, one whose holder is a minor, one with a wrong check digit.
const IDS: [&str; 5] =
    ["999999199001010016", "999999199102020037", "99999919940505009X", "999999200803020115", "999999199001010011"];
const NUMBERS: [&str; 3] = ["1001", "1002", "1003"];
const NAMES: [&str; 4] = ["赵甲", "赵 甲", "钱乙", "孙丙"];
/// The second is the first after normalising; the third fits 职业技能等级证书 of 2026 at 五级.
const CERTIFICATE_NUMBERS: [&str; 14] =
    ["A-1", "ａ1", "S000032000001265000001", "B2", "C3", "D4", "E5", "F6", "G7", "H8", "J9", "K10", "L11", "—"];

/// The line with what it takes over from a result.
fn taken_over(line: &HistorySpec, results: &[ResultSpec]) -> HistorySpec {
    let mut line = line.clone();
    if let Some((of, [who, what, certificate])) = line.like {
        let result = &results[of % results.len()];
        if who {
            line.who = result.who.clone();
        }
        if what {
            line.what = result.what.clone();
        }
        if certificate {
            line.certificate = result.certificate.clone();
        }
    }
    line
}

fn twisted(of: &ResultSpec, twists: &[Twist]) -> ResultSpec {
    let mut twin = of.clone();
    for twist in twists {
        match twist {
            Twist::Prison => twin.who.prison = 1 - of.who.prison,
            Twist::Number => twin.who.number = (of.who.number + 1) % NUMBERS.len(),
            Twist::Id => twin.who.id = if of.who.id.is_some() { None } else { Some(0) },
            Twist::Name => twin.who.name = (of.who.name + 1) % NAMES.len(),
            Twist::Occupation => twin.what.occupation = 1 - of.what.occupation,
            Twist::Level => twin.what.level = (of.what.level + 1) % LEVELS.len(),
            Twist::Class => twin.what.class = 1 - of.what.class,
            Twist::AssessedOn => twin.assessed_after += 1,
            Twist::Type => {
                twin.certificate.kind = CERTIFICATES.into_iter().find(|kind| Some(*kind) != of.certificate.kind);
            }
            Twist::Certificate => twin.certificate.number = of.certificate.number.map(|number| (number + 1) % 13),
            Twist::Fee => twin.fee = Some(of.fee.map_or(15_000, |fee| fee + 1)),
        }
    }
    twin
}

pub fn docket(spec: &DocketSpec) -> Docket {
    let mut docket = Docket::default();
    let twins = spec.twins.iter().map(|(of, twists)| twisted(&spec.results[of % spec.results.len()], twists));
    let results: Vec<ResultSpec> = spec.results.iter().cloned().chain(twins).collect();
    for (i, result) in results.iter().enumerate() {
        let row = Arc::new(result_row(result));
        if docket.subjects.iter().any(|other| other.row.key() == row.key()) {
            continue;
        }
        let id = 100 + i64::try_from(i).unwrap();
        for (kind, state) in Kind::ALL.into_iter().zip(result.states) {
            if let State::Granted(claimed_on) = state {
                docket.grants.push(Grant { subject: id, kind, claimed_on });
            }
        }
        if let Some(roster) = &result.roster {
            docket.roster.push(roster_entry(roster, result, docket.roster.len()));
        }
        docket.subjects.push(Subject { id, row, open: result.states.map(|s| matches!(s, State::Open)) });
    }
    for (of, roster) in &spec.extra_roster {
        let result = &spec.results[of % spec.results.len()];
        docket.roster.push(roster_entry(roster, result, docket.roster.len()));
    }
    for (id, (of, rule, days)) in (1..).zip(&spec.waivers) {
        let subject = docket.subjects[of % docket.subjects.len()].id;
        docket.waivers.push(waiver(id, subject, *rule, *days));
    }
    docket.opening = spec.opening.iter().map(|line| history_row(&taken_over(line, &spec.results))).collect();
    docket
}

/// Mostly for ever; else one of the days decides.
fn waiver(id: i64, assessment_id: i64, rule: Rule, days: [Option<NaiveDate>; 3]) -> Waiver {
    let [from, until, ended_on] = days;
    let (from, until) = (from.unwrap_or(NaiveDate::MIN), until.unwrap_or(NaiveDate::MAX));
    Waiver { id, assessment_id, rule, from, until, ended_on, reason: "某因".to_owned(), by: "某人".to_owned() }
}

/// The same docket in another order.
pub fn shuffled(docket: &Docket, keys: &[u32]) -> Docket {
    fn mix<T: Clone>(list: &[T], keys: &[u32]) -> Vec<T> {
        let mut order: Vec<usize> = (0..list.len()).collect();
        order.sort_by_key(|i| keys[i % keys.len()]);
        order.into_iter().map(|i| list[i].clone()).collect()
    }
    Docket {
        subjects: mix(&docket.subjects, keys),
        roster: mix(&docket.roster, &keys[1..]),
        opening: mix(&docket.opening, &keys[2..]),
        grants: mix(&docket.grants, &keys[3..]),
        waivers: mix(&docket.waivers, &keys[4..]),
    }
}

fn level(what: &What) -> Level {
    LEVELS[what.level]
}

fn result_row(spec: &ResultSpec) -> ResultRow {
    let ResultSpec { who, what, certificate, .. } = spec;
    let assessed_on = spec.started_on + Days::new(spec.assessed_after);
    ResultRow {
        prison: PRISONS[who.prison].into(),
        number: NUMBERS[who.number].to_owned(),
        name: NAMES[who.name].to_owned(),
        resident_id: who.id.map(|id| IDS[id].to_owned()),
        training_institution: INSTITUTIONS[what.institutions.0].into(),
        assessment_institution: INSTITUTIONS[what.institutions.1].into(),
        category: if what.level == 2 { Category::Entrepreneurship } else { Category::Employment },
        occupation: OCCUPATIONS[what.occupation].into(),
        occupation_code: None,
        level: level(what),
        class: format!("第{}期", what.class),
        started_on: spec.started_on,
        ended_on: spec.started_on,
        hours: spec.hours_theory.map(|_| 100),
        hours_theory: spec.hours_theory,
        hours_practice: spec.hours_theory.map(|theory| 100 - theory),
        assessed_on,
        score_theory: None,
        score_practice: None,
        passed: spec.passed,
        certificate_type: certificate.kind,
        certificate_number: certificate.number.map(|number| CERTIFICATE_NUMBERS[number].to_owned()),
        issued_on: certificate.issued_on,
        fee: spec.fee.map(Fen),
        completed: spec.completed,
        remark: None,
    }
}

fn roster_entry(spec: &RosterSpec, of: &ResultSpec, i: usize) -> RosterEntry {
    let who = spec.who.as_ref().unwrap_or(&of.who);
    let approval = spec.approved_on.map(|on| {
        // An old approval that a long plan covers, or what the approval's own date says.
        let own = if on.year() == 2023 { of.started_on.year() } else { Approval::usual_plan_year(on) };
        Approval { on, plan_year: spec.plan_year.unwrap_or(own) }
    });
    RosterEntry {
        id: 500 + i64::try_from(i).unwrap(),
        roster_id: 1,
        row: RosterRow {
            prison: PRISONS[who.prison].into(),
            ward: None,
            number: NUMBERS[who.number].to_owned(),
            name: NAMES[who.name].to_owned(),
            sex: None,
            born_on: spec.born_on,
            ethnicity: None,
            resident_id: who.id.map(|id| IDS[id].to_owned()),
            education: None,
            household: None,
            release_on: of.started_on + Days::new(spec.released_after),
            skilled: spec.skilled,
            able: spec.able,
            category: Category::Employment,
            occupation: OCCUPATIONS[of.what.occupation].into(),
            occupation_code: None,
            level: level(&of.what),
            class: format!("第{}期", of.what.class),
            institution: spec.institution.map(|name| INSTITUTIONS[name].into()),
            remark: None,
        },
        approval,
        received_at: Utc.timestamp_opt(1_600_000_000 + i64::from(spec.received), 0).unwrap(),
        fingerprint: u128::try_from(i).unwrap(),
    }
}

fn history_row(spec: &HistorySpec) -> HistoryRow {
    HistoryRow {
        // One of prison and number alone names nobody; both do.
        prison: (spec.who.id != Some(2)).then(|| PRISONS[spec.who.prison].into()),
        number: (spec.who.id != Some(2)).then(|| NUMBERS[spec.who.number].to_owned()),
        resident_id: spec.who.id.map(|id| IDS[id].to_owned()),
        kind: spec.kind,
        occupation: OCCUPATIONS[spec.what.occupation].into(),
        level: level(&spec.what),
        certificate_type: spec.certificate.kind,
        certificate_number: spec.certificate.number.map(|number| CERTIFICATE_NUMBERS[number].to_owned()),
        issued_on: spec.certificate.issued_on,
        claimed_on: spec.claimed_on,
        amount: Fen(100_000),
    }
}
