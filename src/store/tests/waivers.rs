//! Waivers: one in force per assessment and rule, ended once, kept by the batch that rests on them.

use super::support::{Draft, at, day, on_both, result, results, seal, take};
use crate::store::{Reasoned, StoreError, WaiverRefused, WaiverState};
use crate::subsidy::batch::LineWaiver;
use crate::subsidy::verdict::Rule;

fn because(minutes: i64) -> Reasoned<'static> {
    Reasoned { reason: "原件已核", by: "李四", at: at(minutes) }
}

#[tokio::test]
async fn a_waiver_is_a_fact_and_one_per_rule_is_in_force() {
    on_both(async |world| {
        let store = world.open().await;
        take(&store, "one", 0, &results([result(1), result(2)])).await;
        let before = store.stamp().await.unwrap().facts_version;
        // 1 November 2026 in Shanghai.
        let (today, until) = (day("2026-11-01"), day("2026-12-31"));
        let id = store.add_waiver(1, Rule::UnverifiedIdentity, until, because(1)).await.unwrap();
        assert_eq!(store.stamp().await.unwrap().facts_version, before + 1);
        let again = store.add_waiver(1, Rule::UnverifiedIdentity, until, because(1)).await;
        assert!(matches!(again, Err(WaiverRefused::InForce(known)) if known == id));
        for rule in [Rule::Cap, Rule::CertificateMissing, Rule::LastClaim, Rule::Waived] {
            let refused = store.add_waiver(1, rule, until, because(1)).await;
            assert!(matches!(refused, Err(WaiverRefused::NotWaivable(number)) if number == rule.number()));
        }
        let past = store.add_waiver(2, Rule::NotOnRoster, day("2026-10-31"), because(1)).await;
        assert!(matches!(past, Err(WaiverRefused::Past(_))));
        let unknown = store.add_waiver(9, Rule::NotOnRoster, until, because(1)).await;
        assert!(matches!(unknown, Err(WaiverRefused::NoSuchAssessment(9))));
        assert_eq!(store.stamp().await.unwrap().facts_version, before + 1);
        let known = store.load_register().await.unwrap().waivers;
        assert_eq!((known.len(), known[0].from, known[0].until, known[0].ended_on), (1, today, until, None));
        assert_eq!((known[0].reason.as_str(), known[0].by.as_str()), ("原件已核", "李四"));

        let end = Reasoned { reason: "已补报", by: "王五", at: at(60 * 24 * 10) };
        store.end_waiver(id, end).await.unwrap();
        assert_eq!(store.stamp().await.unwrap().facts_version, before + 2);
        assert!(matches!(store.end_waiver(id, end).await, Err(WaiverRefused::EndedBefore)));
        let missing = store.end_waiver(9, end).await;
        assert!(matches!(missing, Err(WaiverRefused::Store(StoreError::Unknown { what: "waiver", .. }))));
        let waiver = &store.load_register().await.unwrap().waivers[0];
        assert!(waiver.is_in_force(day("2026-11-10")) && !waiver.is_in_force(day("2026-11-11")));
        // A new one may follow.
        store.add_waiver(1, Rule::UnverifiedIdentity, until, because(2)).await.unwrap();
        assert_eq!(store.audit_verify(None, None).await.unwrap().faults, []);
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_sealed_batch_keeps_the_waivers_on_which_it_rests() {
    on_both(async |world| {
        let store = world.open().await;
        take(&store, "one", 0, &results([result(1), result(2)])).await;
        let id = store.add_waiver(1, Rule::NotOnRoster, day("2026-12-31"), because(1)).await.unwrap();
        let waiver = store.load_register().await.unwrap().waivers[0].clone();
        let waivers = vec![LineWaiver { line: 1, waiver }];
        let number = seal(&store, &Draft { granted: vec![1, 2], waivers, minutes: 2, ..Draft::default() }).await;
        store.end_waiver(id, because(3)).await.unwrap();
        assert_eq!(store.batch(&number).await.unwrap().waivers, [(1, id)]);
        assert_eq!(store.waivers().await.unwrap()[0].used, [(number.clone(), 1)]);
        assert_eq!(store.waivers_of_line(&number, 1).await.unwrap().len(), 1);
        assert!(store.waivers_of_line(&number, 2).await.unwrap().is_empty());
        store.void_batch(&number, "误报", "李四", at(4)).await.unwrap();
        assert!(store.waivers().await.unwrap()[0].used.is_empty());
        store.close().await;
    })
    .await;
}

/// What a waiver was given for: one result, and for three rules its person and certificate.
#[tokio::test]
async fn a_waiver_does_not_outlive_what_it_was_given_for() {
    on_both(async |world| {
        let store = world.open().await;
        take(&store, "one", 0, &results([result(1), result(2)])).await;
        let until = day("2026-12-31");
        let of_identity = store.add_waiver(1, Rule::UnverifiedIdentity, until, because(1)).await.unwrap();
        let of_roster = store.add_waiver(1, Rule::NotOnRoster, until, because(1)).await.unwrap();
        let other = store.add_waiver(2, Rule::UnverifiedIdentity, until, because(1)).await.unwrap();
        let states =
            async || -> Vec<WaiverState> { store.waivers().await.unwrap().iter().map(|stored| stored.state).collect() };
        let counted = async || -> Vec<i64> {
            store.load_register().await.unwrap().waivers.iter().map(|waiver| waiver.id).collect()
        };
        // Another score: the same person and certificate.
        let mut rescored = result(1);
        rescored.score_theory = Some(910);
        take(&store, "score", 2, &results([rescored.clone()])).await;
        assert_eq!(counted().await, [of_identity, of_roster, other]);
        for (minutes, spoil) in [
            (3, (|row| row.name = "另一人".to_owned()) as fn(&mut crate::subsidy::assessment::ResultRow)),
            (5, |row| row.resident_id = None),
            (7, |row| row.certificate_number = Some("Y000032000001269999999".to_owned())),
        ] {
            let mut row = rescored.clone();
            spoil(&mut row);
            let file = format!("spoilt {minutes}");
            take(&store, &file, minutes, &results([row])).await;
            assert_eq!(states().await, [WaiverState::Corrected, WaiverState::Stands, WaiverState::Stands]);
            assert_eq!(counted().await, [of_roster, other]);
            // What was corrected is corrected back: it stands again.
            let id = store.name_original(&crate::store::sha256_hex(file.as_bytes())).await.unwrap().unwrap();
            let undone = store.withdraw_import(id, because(minutes + 1), None, false).await.unwrap();
            assert_eq!((undone.waivers, counted().await), (vec![], vec![of_identity, of_roster, other]));
        }
        // Somebody answers for the corrected one anew; an undo of the correction is told.
        let mut row = rescored.clone();
        row.name = "另一人".to_owned();
        take(&store, "named", 9, &results([row])).await;
        let anew = store.add_waiver(1, Rule::UnverifiedIdentity, until, because(10)).await.unwrap();
        assert!(matches!(
            store.add_waiver(1, Rule::NotOnRoster, until, because(10)).await,
            Err(WaiverRefused::InForce(known)) if known == of_roster
        ));
        let named = store.name_original(&crate::store::sha256_hex(b"named")).await.unwrap().unwrap();
        assert_eq!(store.withdraw_import(named, because(11), None, true).await.unwrap().waivers, [anew]);
        store.withdraw_import(named, because(11), None, false).await.unwrap();
        // All of it withdrawn and sent again is another result.
        let second = store.name_original(&crate::store::sha256_hex(b"score")).await.unwrap().unwrap();
        assert!(store.withdraw_import(second, because(12), None, false).await.unwrap().waivers.is_empty());
        let undone = store.withdraw_import(1, because(13), None, false).await.unwrap();
        assert_eq!(undone.waivers, [of_identity, of_roster, other]);
        take(&store, "one", 14, &results([result(1), result(2)])).await;
        assert_eq!(states().await, [WaiverState::Withdrawn; 4]);
        assert!(counted().await.is_empty());
        assert_eq!(store.audit_verify(None, None).await.unwrap().faults, []);
        store.close().await;
    })
    .await;
}
