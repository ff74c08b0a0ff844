//! Sealing and reading batches.

use super::support::{Draft, at, day, on_both, result, results, seal, seal_on, take};
use crate::store::{BatchState, SealRefused, StoreError, VerdictRow, VerdictRun};
use crate::subsidy::calendar::Period;
use crate::subsidy::course::Kind;
use crate::subsidy::money::Fen;
use crate::subsidy::register::Settled;
use crate::subsidy::verdict::{Outcome, RuleSet};

#[tokio::test]
async fn a_batch_is_read_as_it_was_sealed() {
    on_both(async |world| {
        let store = world.open().await;
        take(&store, "one", 0, &results((1..=1200).map(result))).await;
        let granted: Vec<i64> = (1..=1100).collect();
        let number = seal(&store, &Draft { granted, refused: vec![1101], minutes: 5, ..Draft::default() }).await;
        assert_eq!(number, "CZ-2026-Q4-001");
        let batch = store.batch(&number).await.unwrap();
        assert_eq!((batch.lines.len(), batch.refusals.len(), batch.balances.len()), (1100, 1, 1));
        assert_eq!(batch.header.totals.sum, Fen(110_000_000));
        assert_eq!(batch.header.state, BatchState::Sealed);
        assert_eq!(batch.lines[700].number, 701);
        assert_eq!(batch.lines[700].roster_fingerprint, Some(u128::MAX - 5));
        assert!(batch.refusals[0].settles);
        let paper = store.paper_bytes(&number, "封面.pdf").await.unwrap();
        assert_eq!(paper, "封面 CZ-2026-Q4-001".as_bytes());
        let register = store.load_register().await.unwrap();
        assert_eq!(register.settlements.len(), 1101);
        assert!(matches!(register.settlements[0].what, Settled::Granted { .. }));
        assert!(matches!(register.settlements[1100].what, Settled::Refused { .. }));
        assert_eq!(register.previous.as_deref(), Some("CZ-2026-Q4-001"));
        assert_eq!(store.next_serial(Period::parse("2026-Q4").unwrap()).await.unwrap(), 2);
        assert!(matches!(store.batch("CZ-2026-Q4-009").await, Err(StoreError::Unknown { .. })));
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn of_two_seals_at_once_one_wins() {
    on_both(async |world| {
        let (one, two) = (world.open().await, world.open().await);
        take(&one, "one", 0, &results((1..=40).map(result))).await;
        let facts = one.stamp().await.unwrap().facts_version;
        let draft = |minutes| Draft { granted: (1..=40).collect(), minutes, ..Draft::default() };
        let (first, second) = (draft(5), draft(6));
        let outcomes = tokio::join!(seal_on(&one, &first, facts), seal_on(&two, &second, facts));
        let outcomes = [outcomes.0, outcomes.1];
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        assert!(outcomes.iter().any(|outcome| matches!(outcome, Err(SealRefused::StateChanged))), "{outcomes:?}");
        assert_eq!(one.batches().await.unwrap().len(), 1);
        one.close().await;
        two.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_draft_on_old_facts_is_not_sealed() {
    on_both(async |world| {
        let store = world.open().await;
        take(&store, "one", 0, &results([result(1)])).await;
        let facts = store.stamp().await.unwrap().facts_version;
        take(&store, "two", 1, &results([result(2)])).await;
        let draft = Draft { granted: vec![1], minutes: 5, ..Draft::default() };
        assert!(matches!(seal_on(&store, &draft, facts).await, Err(SealRefused::StateChanged)));
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn blobs_are_kept_once_and_orphans_are_swept() {
    on_both(async |world| {
        let store = world.open().await;
        take(&store, "one", 0, &results([result(1)])).await;
        let blobs = [b"a", b"b", b"a"].map(|bytes| store.seal_blob(bytes));
        let addresses = blobs.each_ref().map(|blob| blob.sha256.clone());
        store.put_blobs(blobs.to_vec(), at(0)).await.unwrap();
        assert_eq!(addresses[0], addresses[2]);
        store.put_blobs(vec![store.seal_blob(b"b")], at(50)).await.unwrap();
        let number = seal(&store, &Draft { granted: vec![1], minutes: 1, ..Draft::default() }).await;
        assert_eq!(store.sweep_blobs(at(100)).await.unwrap(), 1, "b was put again, the cover is referred to");
        assert!(store.blob(&addresses[0]).await.is_err());
        assert_eq!(store.blob(&addresses[1]).await.unwrap(), b"b");
        assert!(store.paper_bytes(&number, "封面.pdf").await.is_ok());
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn verdicts_replace_the_former_ones() {
    on_both(async |world| {
        let store = world.open().await;
        assert_eq!(store.verdict_summary().await.unwrap(), None);
        let run = VerdictRun {
            run_at: at(0),
            claim_on: day("2026-11-23"),
            catalogue_sha256: "00".to_owned(),
            facts_version: 1,
        };
        let row = |assessment_id| VerdictRow {
            assessment_id,
            kind: Kind::Training,
            outcome: Outcome::Granted,
            rules: RuleSet::EMPTY,
            amount: Fen(100),
        };
        store.record_verdicts(&run, &(1..=20_000).map(row).collect::<Vec<_>>()).await.unwrap();
        store.record_verdicts(&run, &(1..=10_000).map(row).collect::<Vec<_>>()).await.unwrap();
        let status = store.status().await.unwrap();
        let summary = status.verdicts.unwrap();
        assert_eq!(summary.by_outcome[&(Kind::Training, Outcome::Granted)], (10_000, Fen(1_000_000)));
        assert_eq!(summary.run, run);
        store.close().await;
    })
    .await;
}
