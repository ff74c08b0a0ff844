//! What a random docket is made of: few persons, prisons and occupations, so that collisions are frequent.

use chrono::NaiveDate;
use proptest::prelude::*;
use proptest::sample::select;
use shenling::subsidy::course::{CertificateType, Kind};
use shenling::subsidy::verdict::Rule;

use super::worlds::{CERTIFICATES, DAYS, day, parse};

/// Who stands on a row: indexes into the lists of `rows`.
#[derive(Clone, Debug)]
pub struct Who {
    pub prison: usize,
    pub number: usize,
    pub id: Option<usize>,
    pub name: usize,
}

#[derive(Clone, Debug)]
pub struct What {
    pub occupation: usize,
    pub level: usize,
    pub class: usize,
    pub institutions: (usize, usize),
}

#[derive(Clone, Debug)]
pub struct Certificate {
    pub kind: Option<CertificateType>,
    pub number: Option<usize>,
    pub issued_on: Option<NaiveDate>,
}

#[derive(Clone, Debug)]
pub struct ResultSpec {
    pub who: Who,
    pub what: What,
    pub started_on: NaiveDate,
    pub assessed_after: u64,
    pub passed: bool,
    pub completed: bool,
    pub certificate: Certificate,
    pub fee: Option<i64>,
    pub hours_theory: Option<u32>,
    /// Per kind: open, or granted on a day, or settled by a refusal.
    pub states: [State; 2],
    /// Its own row on an approved roster, usually.
    pub roster: Option<RosterSpec>,
}

#[derive(Clone, Copy, Debug)]
pub enum State {
    Open,
    Granted(NaiveDate),
    Refused,
}

#[derive(Clone, Debug)]
pub struct RosterSpec {
    /// Another person's row, or the result's own.
    pub who: Option<Who>,
    pub approved_on: Option<NaiveDate>,
    pub plan_year: Option<i32>,
    pub released_after: u64,
    pub born_on: Option<NaiveDate>,
    pub skilled: bool,
    pub able: bool,
    pub institution: Option<usize>,
    pub received: u8,
}

#[derive(Clone, Debug)]
pub struct HistorySpec {
    /// Taken over from one of the results: its person, its course, its certificate.
    pub like: Option<(usize, [bool; 3])>,
    pub who: Who,
    pub kind: Kind,
    pub what: What,
    pub certificate: Certificate,
    pub claimed_on: NaiveDate,
}

/// In what a row differs from another one that it otherwise repeats.
#[derive(Clone, Copy, Debug)]
pub enum Twist {
    Prison,
    Number,
    Id,
    Name,
    Occupation,
    Level,
    Class,
    AssessedOn,
    Type,
    Certificate,
    Fee,
}

const TWISTS: [Twist; 11] = [
    Twist::Prison,
    Twist::Number,
    Twist::Id,
    Twist::Name,
    Twist::Occupation,
    Twist::Level,
    Twist::Class,
    Twist::AssessedOn,
    Twist::Type,
    Twist::Certificate,
    Twist::Fee,
];

#[derive(Clone, Debug)]
pub struct DocketSpec {
    pub results: Vec<ResultSpec>,
    /// Near copies of results, so that ties in the order and one certificate on two rows are common.
    pub twins: Vec<(usize, Vec<Twist>)>,
    pub extra_roster: Vec<(usize, RosterSpec)>,
    pub opening: Vec<HistorySpec>,
    /// Of which result, which rule, and the days from, until and ended.
    pub waivers: Vec<(usize, Rule, [Option<NaiveDate>; 3])>,
}

pub fn any_docket() -> impl Strategy<Value = DocketSpec> {
    (
        prop::collection::vec(result_spec(), 1..7),
        prop::collection::vec((0..9_usize, prop::sample::subsequence(TWISTS.to_vec(), 1..=3)), 0..4),
        prop::collection::vec((0..9_usize, roster_spec()), 0..4),
        prop::collection::vec(history_spec(), 0..4),
        prop::collection::vec((0..9_usize, waived(), prop::array::uniform3(prop::option::weighted(0.1, day()))), 0..3),
    )
        .prop_map(|(results, twins, extra_roster, opening, waivers)| DocketSpec {
            results,
            twins,
            extra_roster,
            opening,
            waivers,
        })
}

/// Mostly what often holds; else any rule, also such as cannot be waived.
fn waived() -> impl Strategy<Value = Rule> {
    prop_oneof![3 => Just(Rule::NotOnRoster), 3 => Just(Rule::UnverifiedIdentity), 4 => select(Rule::ALL)]
}

/// Mostly the value, rarely the other.
fn mostly<T: Clone + std::fmt::Debug>(value: T, other: T, weight: u32) -> impl Strategy<Value = T> {
    prop_oneof![weight => Just(value), 1 => Just(other)]
}

fn who() -> impl Strategy<Value = Who> {
    // Mostly one of three persons who are what they seem; else anything goes.
    let plain = (0..3_usize).prop_map(|i| Who { prison: i % 2, number: i, id: Some(i), name: [0, 2, 3][i] });
    let without_id = (0..3_usize).prop_map(|i| Who { prison: i % 2, number: i, id: None, name: [0, 2, 3][i] });
    let mixed = (0..2_usize, 0..3_usize, prop::option::of(0..5_usize), 0..4_usize)
        .prop_map(|(prison, number, id, name)| Who { prison, number, id, name });
    prop_oneof![24 => plain, 2 => without_id, 1 => mixed]
}

fn what() -> impl Strategy<Value = What> {
    let places = prop_oneof![3 => Just((0_usize, 0_usize)), 1 => (0..2_usize, 0..2_usize)];
    (0..2_usize, prop_oneof![4 => Just(0_usize), 1 => Just(1), 1 => Just(2)], 0..2_usize, places)
        .prop_map(|(occupation, level, class, institutions)| What { occupation, level, class, institutions })
}

fn certificate() -> impl Strategy<Value = Certificate> {
    let kind = prop_oneof![25 => select(&CERTIFICATES[..]).prop_map(Some), 1 => Just(None)];
    let number = prop_oneof![40 => (0..13_usize).prop_map(Some), 1 => Just(Some(13)), 2 => Just(None)];
    let issued_on = prop_oneof![25 => day().prop_map(Some), 1 => Just(None)];
    (kind, number, issued_on).prop_map(|(kind, number, issued_on)| Certificate { kind, number, issued_on })
}

fn state() -> impl Strategy<Value = State> {
    prop_oneof![8 => Just(State::Open), 1 => day().prop_map(State::Granted), 1 => Just(State::Refused)]
}

fn result_spec() -> impl Strategy<Value = ResultSpec> {
    let started_on = select(DAYS[..14].iter().map(|day| parse(day)).collect::<Vec<_>>());
    let facts = (
        prop_oneof![Just(0_u64), Just(45), Just(400)],
        mostly(true, false, 9),
        mostly(true, false, 19),
        prop::option::of(select(vec![15_000_i64, 20_000, 77_777])),
        prop::option::of(0..=100_u32),
    );
    let roster = prop_oneof![9 => roster_spec().prop_map(Some), 1 => Just(None)];
    (who(), what(), started_on, facts, certificate(), (state(), state()), roster).prop_map(
        |(
            who,
            what,
            started_on,
            (assessed_after, passed, completed, fee, hours_theory),
            certificate,
            states,
            roster,
        )| {
            let states = [states.0, states.1];
            ResultSpec {
                who,
                what,
                started_on,
                assessed_after,
                passed,
                completed,
                certificate,
                fee,
                hours_theory,
                states,
                roster,
            }
        },
    )
}

fn roster_spec() -> impl Strategy<Value = RosterSpec> {
    let old = parse("2023-12-01");
    // 24 months are 730 or 731 days; 669 days before the course began it was 30 November or so.
    let release = prop_oneof![6 => Just(365_u64), 1 => Just(20), 3 => 729..=731_u64, 1 => 300..700_u64];
    let born = select(vec!["1990-01-01", "2007-03-01", "2008-02-29", "2008-03-01"]);
    (
        prop_oneof![15 => Just(None), 1 => who().prop_map(Some)],
        prop_oneof![20 => Just(Some(old)), 2 => day().prop_map(Some), 1 => Just(None)],
        prop_oneof![20 => Just(None), 1 => (2024..2027).prop_map(Some)],
        (release, prop::option::of(born)),
        mostly(false, true, 19),
        mostly(true, false, 19),
        prop_oneof![9 => Just(None), 1 => (0..2_usize).prop_map(Some)],
        any::<u8>(),
    )
        .prop_map(
            |(who, approved_on, plan_year, (released_after, born_on), skilled, able, institution, received)| {
                let born_on = born_on.map(parse);
                RosterSpec {
                    who,
                    approved_on,
                    plan_year,
                    released_after,
                    born_on,
                    skilled,
                    able,
                    institution,
                    received,
                }
            },
        )
}

fn history_spec() -> impl Strategy<Value = HistorySpec> {
    let like = prop::option::of((0..9_usize, prop::array::uniform3(prop::bool::weighted(0.8))));
    (like, who(), any::<bool>(), what(), certificate(), day()).prop_map(
        |(like, who, training, what, certificate, claimed_on)| {
            let kind = if training { Kind::Training } else { Kind::Assessment };
            HistorySpec { like, who, kind, what, certificate, claimed_on }
        },
    )
}
