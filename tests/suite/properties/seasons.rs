//! Claim after claim: what is granted joins the history, refusals settle, reversals free caps and certificates.

use proptest::prelude::*;
use shenling::subsidy::course::Kind;
use shenling::subsidy::judge::{Docket, Grant, judge_all};
use shenling::subsidy::verdict::Outcome;

use super::worlds::{World, any_world, parse, world};
use super::{cap_holds, cases, dockets, judged, reckoned, rows};

const CLAIM_DATES: [&str; 5] = ["2025-10-16", "2026-02-28", "2026-10-15", "2026-12-31", "2027-02-28"];

/// What happens before a claim: grants (by their place in the list) are reversed, and perhaps reopened.
type Reversals = Vec<(usize, bool)>;

fn reversals() -> impl Strategy<Value = Vec<Reversals>> {
    let before_one = prop::collection::vec((0..16_usize, any::<bool>()), 0..3);
    prop::collection::vec(before_one, CLAIM_DATES.len())
}

/// The grant is taken back; the assessment is open again only where a person reopened it.
fn reverse(docket: &mut Docket, reversals: &Reversals) {
    for (at, reopened) in reversals {
        if docket.grants.is_empty() {
            return;
        }
        let grant = docket.grants.remove(at % docket.grants.len());
        for subject in docket.subjects.iter_mut().filter(|subject| subject.id == grant.subject) {
            subject.open[grant.kind.index()] = *reopened;
        }
    }
}

/// A batch seals what the run grants and what it refuses for good.
fn seal(docket: &mut Docket, world: &World) -> usize {
    let judgement = judge_all(docket, &world.catalogue, world.claim_on);
    let mut granted = 0;
    for (subject, pair) in docket.subjects.iter_mut().zip(&judgement.verdicts) {
        for (kind, verdict) in Kind::ALL.into_iter().zip(pair) {
            let Some(verdict) = verdict else { continue };
            if verdict.outcome == Outcome::Granted {
                granted += 1;
                docket.grants.push(Grant { subject: subject.id, kind, claimed_on: world.claim_on });
            }
            if verdict.outcome == Outcome::Granted || verdict.settles_as_refusal() {
                subject.open[kind.index()] = false;
            }
        }
    }
    granted
}

proptest! {
    #![proptest_config(cases(1))]

    #[test]
    fn caps_hold_over_claims_with_reversals(
        spec in dockets::any_docket(),
        world_spec in any_world(),
        reversals in reversals(),
    ) {
        let (mut world, mut docket) = (world(&world_spec), rows::docket(&spec));
        for (claim_on, reversals) in CLAIM_DATES.into_iter().zip(&reversals) {
            world.claim_on = parse(claim_on);
            reverse(&mut docket, reversals);
            cap_holds(&world, &docket)?;
            prop_assert_eq!(judged(&world, &docket), reckoned(&world, &docket));
            let (before, docket_before) = (docket.grants.len(), docket.clone());
            let granted = seal(&mut docket, &world);
            prop_assert_eq!(docket.grants.len(), before + granted);
            // Only where a settled refusal takes a certificate out of the conflict (R3a) may a second look grant more.
            let conflicting = reckoned(&world, &docket_before);
            for (at, verdict) in judged(&world, &docket) {
                let was = conflicting.get(&at).map(|verdict| verdict.1.as_str());
                let freed = was.is_some_and(|codes| codes.split(';').all(|code| code == "certificate-conflict"));
                prop_assert!(verdict.0 != Outcome::Granted || freed, "granted only at the second look: {:?}", was);
            }
        }
    }
}
