//! Random policies and catalogues: every setting, gaps between policies, few rates, penalties and agreements.

use chrono::NaiveDate;
use proptest::prelude::*;
use proptest::sample::select;
use shenling::subsidy::calendar::Span;
use shenling::subsidy::catalogue::{Agreement, Catalogue, Institution, Penalty, Rate};
use shenling::subsidy::course::{CertificateType, Level};
use shenling::subsidy::money::Fen;
use shenling::subsidy::policy::{CapAppliesTo, CapWindow, Policy, RateBy, RepeatWindow, TermMeasuredAt, WindowBy};

pub const PRISONS: [&str; 2] = ["常州监狱", "溧阳监狱"];
pub const INSTITUTIONS: [&str; 2] = ["常州技工学校", "溧阳培训中心"];
pub const OCCUPATIONS: [&str; 2] = ["中式面点师", "电工"];
pub const LEVELS: [Level; 3] = [Level::Five, Level::Four, Level::None];
pub const CERTIFICATES: [CertificateType; 3] =
    [CertificateType::SkillLevel, CertificateType::Qualification, CertificateType::Completion];
const GROUPS: [&str; 2] = ["服刑人员", "戒毒人员"];
/// Days that lie at each other's boundaries: leap day, twelve and twenty-four months apart, turns of the year.
pub const DAYS: [&str; 16] = [
    "2024-02-29",
    "2024-03-01",
    "2024-12-31",
    "2025-01-01",
    "2025-02-28",
    "2025-03-01",
    "2025-03-02",
    "2025-10-15",
    "2025-10-16",
    "2025-11-30",
    "2025-12-31",
    "2026-01-01",
    "2026-02-28",
    "2026-03-01",
    "2026-04-20",
    "2026-10-15",
];

/// What is judged with, and on which day.
pub struct World {
    pub catalogue: Catalogue,
    pub claim_on: NaiveDate,
}

#[derive(Clone, Debug)]
pub struct WorldSpec {
    claim_on: NaiveDate,
    policies: Vec<Policy>,
    rates: Vec<Rate>,
    institutions: Vec<(usize, bool, bool, Span)>,
    penalties: Vec<(usize, Span, Option<NaiveDate>)>,
    agreements: Vec<(usize, usize, Span, Option<i64>)>,
}

pub fn world(spec: &WorldSpec) -> World {
    let mut catalogue = Catalogue::default();
    catalogue.policies.clone_from(&spec.policies);
    for rate in &spec.rates {
        // Two rows of equal specificity that overlap are a configuration error.
        let clashes = |other: &Rate| {
            let shared = rate.certificate_types.iter().any(|kind| other.certificate_types.contains(kind));
            let same = (&rate.occupation, rate.level, &rate.group) == (&other.occupation, other.level, &other.group);
            same && shared && rate.span.overlaps(&other.span)
        };
        if !catalogue.rates.iter().any(clashes) {
            catalogue.rates.push(rate.clone());
        }
    }
    catalogue.institutions = spec.institutions.iter().map(institution).collect();
    for (name, span, redesignated_on) in &spec.penalties {
        let institution = INSTITUTIONS[*name].into();
        catalogue.penalties.push(Penalty { institution, span: *span, redesignated_on: *redesignated_on });
    }
    for (i, (prison, name, span, fee)) in spec.agreements.iter().enumerate() {
        catalogue.agreements.push(Agreement {
            prison: PRISONS[*prison].into(),
            institution: INSTITUTIONS[*name].into(),
            // As texts XY-10 stands before XY-9.
            number: format!("XY-{}", 8 + i),
            span: *span,
            fee: fee.map(Fen),
        });
    }
    World { catalogue: catalogue.indexed(), claim_on: spec.claim_on }
}

pub fn any_world() -> impl Strategy<Value = WorldSpec> {
    let often = prop_oneof![8 => Just(true), 1 => Just(false)];
    let institution = (0..2_usize, often.clone(), often, span(8));
    let penalty = (0..2_usize, span(2), prop::option::of(day()));
    let fee = prop::option::of(select(vec![40_000_i64, 95_050, 123_456]));
    let agreement = (0..2_usize, 0..2_usize, span(4), fee);
    (
        prop_oneof![4 => Just("2026-10-15"), 1 => Just("2026-02-28"), 1 => Just("2026-12-31"), 1 => Just("2027-03-01")],
        policies(),
        (prop::collection::vec(usual_rate(), 6), prop::collection::vec(rate(), 0..8)),
        (prop::collection::vec(prop::bool::weighted(0.9), 2), prop::collection::vec(institution, 0..4)),
        prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(penalty, 1..3)],
        (prop::collection::vec(prop::bool::weighted(0.8), 4), prop::collection::vec(agreement, 0..4)),
    )
        .prop_map(
            |(claim_on, policies, (usual, rates), (designated, institutions), penalties, (agreed, agreements))| {
                // Mostly everything is in order; what is random comes on top.
                let always = Span { from: parse("2020-01-01"), to: None };
                let designated = designated.into_iter().enumerate().filter(|(_, there)| *there);
                let agreed = agreed.into_iter().enumerate().filter(|(_, there)| *there);
                let usual = usual.into_iter().enumerate().filter_map(|(i, rate)| {
                    let (occupation, level) = (OCCUPATIONS[i % 2].into(), LEVELS[i / 2]);
                    rate.map(|rate| Rate {
                        occupation,
                        level,
                        certificate_types: CERTIFICATES.to_vec(),
                        group: None,
                        ..rate
                    })
                });
                WorldSpec {
                    claim_on: parse(claim_on),
                    policies,
                    rates: usual.chain(rates).collect(),
                    institutions: designated.map(|(i, _)| (i, true, true, always)).chain(institutions).collect(),
                    penalties,
                    agreements: agreed.map(|(i, _)| (i / 2, i % 2, always, None)).chain(agreements).collect(),
                }
            },
        )
}

fn usual_rate() -> impl Strategy<Value = Option<Rate>> {
    let always = Span { from: parse("2020-01-01"), to: None };
    let always = rate().prop_map(move |rate| Rate { span: always, ..rate });
    prop_oneof![8 => always.prop_map(Some), 1 => Just(None)]
}

pub fn parse(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub fn day() -> impl Strategy<Value = NaiveDate> + Clone {
    select(DAYS.map(parse).to_vec())
}

/// A span; `always` to one from long ago and without an end.
fn span(always: u32) -> impl Strategy<Value = Span> {
    let open = Span { from: parse("2020-01-01"), to: None };
    let dated = (day(), prop::option::of(day())).prop_map(|(from, to)| Span { from, to: to.filter(|to| from <= *to) });
    prop_oneof![always => Just(open), 1 => dated]
}

fn institution((name, trains, assesses, designated): &(usize, bool, bool, Span)) -> Institution {
    Institution {
        name: INSTITUTIONS[*name].into(),
        short_names: Vec::new(),
        trains: *trains,
        assesses: *assesses,
        code: None,
        legal_representative: None,
        bank: None,
        account_name: None,
        account: None,
        contact: None,
        phone: None,
        email: None,
        designated: *designated,
        citation: None,
    }
}

fn rate() -> impl Strategy<Value = Rate> {
    let fen = || prop_oneof![1 => Just(None), 9 => select(vec![20_000_i64, 100_000, 100_001, 33_333]).prop_map(Some)];
    let group = prop_oneof![3 => Just(None), 2 => select(&GROUPS[..]).prop_map(Some)];
    let share = prop_oneof![3 => Just(1000_u32), 1 => Just(500), 1 => Just(333), 1 => Just(995)];
    let types = prop::sample::subsequence(CERTIFICATES.to_vec(), 1..=3);
    (select(&OCCUPATIONS[..]), select(&LEVELS[..]), types, group, (fen(), fen()), share, span(3)).prop_map(
        |(occupation, level, certificate_types, group, (training, assessment), share_permille, span)| Rate {
            occupation: occupation.into(),
            level,
            certificate_types,
            group: group.map(str::to_owned),
            training: training.map(Fen),
            assessment: assessment.map(Fen),
            share_permille,
            span,
            citation: "".into(),
        },
    )
}

/// One policy for all times, two that change at the turn of a year, or two with a gap between them.
fn policies() -> impl Strategy<Value = Vec<Policy>> {
    let span = |from: &str, to: Option<&str>| Span { from: parse(from), to: to.map(parse) };
    prop_oneof![
        6 => policy(span("2020-01-01", None)).prop_map(|policy| vec![policy]),
        3 => (policy(span("2020-01-01", Some("2025-12-31"))), policy(span("2026-01-01", None)))
            .prop_map(|(old, new)| vec![new, old]),
        1 => (policy(span("2020-01-01", Some("2025-02-28"))), policy(span("2025-03-02", Some("2026-12-30"))))
            .prop_map(|(old, new)| vec![old, new]),
    ]
}

fn policy(valid: Span) -> impl Strategy<Value = Policy> {
    let rarely = || prop_oneof![5 => Just(false), 1 => Just(true)];
    let of_rate = (
        select(RateBy::ALL),
        any::<bool>(),
        select(TermMeasuredAt::ALL),
        prop_oneof![5 => Just(GROUPS[0]), 1 => Just(GROUPS[1])],
    );
    let of_window = (select(RepeatWindow::ALL), select(WindowBy::ALL), select(CapWindow::ALL));
    let of_cap = (prop_oneof![1 => Just(0_u32), 3 => Just(1), 3 => Just(2), 3 => Just(3)], select(CapAppliesTo::ALL));
    let of_claim = (
        rarely(),
        prop_oneof![8 => Just(None), 1 => Just(Some(6)), 1 => Just(Some(12))],
        rarely(),
        prop_oneof![Just(0_u32), Just(10)],
        prop_oneof![20 => Just(false), 1 => Just(true)],
    );
    (of_rate, of_window, of_cap, of_claim).prop_map(move |(rate, window, cap, claim)| Policy {
        id: "本例".to_owned(),
        citation: String::new(),
        valid,
        rate_by: rate.0,
        cap_by_fee: rate.1,
        term_measured_at: rate.2,
        trainee_group: rate.3.to_owned(),
        repeat_window: window.0,
        window_by: window.1,
        cap_window: window.2,
        cap_count: cap.0,
        cap_applies_to: cap.1,
        bar_lower_level: claim.0,
        claim_within_months: claim.1,
        require_verified_id: !claim.2,
        hours_tolerance_points: claim.3,
        require_assessment_filing: claim.4,
    })
}
