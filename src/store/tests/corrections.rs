//! Void, reversal, reopening.

use super::support::{Draft, at, on_both, result, results, seal, take};
use crate::store::{BatchState, ReopenRefused, ReversalRefused, Store, VoidRefused};
use crate::subsidy::assessment::ResultRow;
use crate::subsidy::course::Kind;
use crate::subsidy::money::Fen;
use crate::subsidy::register::Settled;

async fn season(store: &Store) -> String {
    take(store, "one", 0, &results((1..=4).map(result))).await;
    seal(store, &Draft { granted: vec![1, 2], refused: vec![3], minutes: 5, ..Draft::default() }).await
}

#[tokio::test]
async fn a_void_batch_settles_nothing_and_leaves_nowhere() {
    on_both(async |world| {
        let store = world.open().await;
        let number = season(&store).await;
        assert_eq!(store.due_deliveries(at(6)).await.unwrap().len(), 1);
        store.void_batch(&number, "误报", "李四", at(6)).await.unwrap();
        assert!(matches!(store.void_batch(&number, "误报", "李四", at(6)).await, Err(VoidRefused::AlreadyVoid)));
        let batch = store.batch(&number).await.unwrap();
        assert_eq!(batch.header.state, BatchState::Void);
        assert_eq!(batch.void, Some(("误报".to_owned(), "李四".to_owned(), at(6))));
        let register = store.load_register().await.unwrap();
        assert!(register.settlements.is_empty() && register.previous.is_none());
        assert!(store.due_deliveries(at(6)).await.unwrap().is_empty());
        assert_eq!(store.status().await.unwrap().deliveries["withdrawn"], 1);
        let next = seal(&store, &Draft { granted: vec![1], minutes: 7, ..Draft::default() }).await;
        assert_eq!(next, "CZ-2026-Q4-002", "numbers are never reused");
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_line_is_taken_back_once_by_the_next_batch() {
    on_both(async |world| {
        let store = world.open().await;
        let first = season(&store).await;
        store.request_reversal(&first, 1, "重复", "李四", at(6)).await.unwrap();
        let again = store.request_reversal(&first, 1, "重复", "李四", at(6)).await;
        assert!(matches!(again, Err(ReversalRefused::AskedBefore)));
        let missing = store.request_reversal(&first, 9, "重复", "李四", at(6)).await;
        assert!(matches!(missing, Err(ReversalRefused::NoSuchLine(9))));
        let settled = store.load_register().await.unwrap().settlements;
        assert!(matches!(settled[0].what, Settled::Granted { reversal_pending: true, reversed_by: None, .. }));
        let pending = store.pending_reversals().await.unwrap();
        assert_eq!((pending.len(), pending[0].reason.as_str()), (1, "重复"));
        assert_eq!(pending[0].row.number, result(1).number);

        let reversed = vec![(first.clone(), 1)];
        let second = seal(&store, &Draft { reversed, minutes: 7, ..Draft::default() }).await;
        assert!(store.pending_reversals().await.unwrap().is_empty());
        let register = store.load_register().await.unwrap();
        let Settled::Granted { reversed_by, .. } = &register.settlements[0].what else { panic!("granted") };
        assert_eq!(reversed_by.as_ref().map(|(batch, line)| (&**batch, *line)), Some((second.as_str(), 1)));
        assert_eq!(register.settlements[0].facts.roster_fingerprint, None, "the facts of the reversal line");
        let carried: Vec<Fen> = register.carried.into_values().collect();
        assert_eq!(carried, [Fen(-100_000)], "a negative net is carried");

        let refused = store.void_batch(&first, "误报", "李四", at(8)).await;
        assert!(matches!(refused, Err(VoidRefused::Reversed(by)) if by == second));
        let is_reversal = store.request_reversal(&second, 1, "重复", "李四", at(8)).await;
        assert!(matches!(is_reversal, Err(ReversalRefused::IsReversal)));

        store.void_batch(&second, "误报", "李四", at(9)).await.unwrap();
        assert_eq!(store.pending_reversals().await.unwrap().len(), 1, "it waits for the next batch again");
        assert!(store.load_register().await.unwrap().carried.is_empty());
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_batch_on_which_a_later_one_rests_is_not_voided() {
    on_both(async |world| {
        let store = world.open().await;
        let first = season(&store).await;
        store.request_reversal(&first, 1, "重复", "李四", at(6)).await.unwrap();
        let second = seal(&store, &Draft { reversed: vec![(first, 1)], minutes: 7, ..Draft::default() }).await;
        store.reopen(1, "更正", "李四", at(8)).await.unwrap();
        let third = seal(&store, &Draft { granted: vec![1], minutes: 9, ..Draft::default() }).await;
        let refused = store.void_batch(&second, "误报", "李四", at(10)).await;
        assert!(matches!(refused, Err(VoidRefused::GrantedAnew(by)) if by == third));
        store.close().await;
    })
    .await;
}

/// What a reversal frees is free for the person: in other assessments, under another number, and so is the certificate.
#[tokio::test]
async fn a_batch_whose_reversal_let_a_person_be_granted_is_not_voided() {
    let again = |change: fn(&mut ResultRow)| {
        let mut row = result(1);
        row.class = "2026-9".to_owned();
        change(&mut row);
        row
    };
    let cases: [(ResultRow, bool); 5] = [
        (again(|row| row.certificate_number = Some("Y000032000001269999991".to_owned())), true),
        (again(|row| (row.number, row.certificate_number) = ("3204999999".to_owned(), None)), true),
        (
            again(|row| {
                (row.number, row.resident_id) = ("3204999999".to_owned(), Some("320404199000009999".to_owned()));
            }),
            true,
        ),
        (result(77), false),
        (again(|row| *row = ResultRow { class: row.class.clone(), ..result(78) }), false),
    ];
    for (row, rests) in &cases {
        on_both(async |world| {
            let store = world.open().await;
            let first = season(&store).await;
            store.request_reversal(&first, 1, "重复", "李四", at(6)).await.unwrap();
            let second = seal(&store, &Draft { reversed: vec![(first, 1)], minutes: 7, ..Draft::default() }).await;
            take(&store, "another", 8, &results([row.clone()])).await;
            let register = store.load_register().await.unwrap();
            let other = register.results.iter().map(|known| known.assessment_id).max().unwrap();
            let third = seal(&store, &Draft { granted: vec![other], minutes: 9, ..Draft::default() }).await;
            let voided = store.void_batch(&second, "误报", "李四", at(10)).await;
            if *rests {
                assert!(matches!(voided, Err(VoidRefused::GrantedAnew(by)) if by == third));
                store.void_batch(&third, "误报", "李四", at(11)).await.unwrap();
                store.void_batch(&second, "误报", "李四", at(12)).await.unwrap();
            } else {
                voided.unwrap();
            }
            store.close().await;
        })
        .await;
    }
}

#[tokio::test]
async fn refusals_and_reversed_grants_are_reopened_granted_ones_are_not() {
    on_both(async |world| {
        let store = world.open().await;
        let number = season(&store).await;
        let granted = store.reopen(1, "更正", "李四", at(6)).await;
        assert!(matches!(granted, Err(ReopenRefused::Granted { batch, line: 1 }) if batch == number));
        assert!(matches!(store.reopen(4, "更正", "李四", at(6)).await, Err(ReopenRefused::NothingSettled)));
        assert_eq!(store.reopen(3, "更正", "李四", at(6)).await.unwrap(), [Kind::Training]);
        assert!(store.load_register().await.unwrap().settlements[2].reopened);
        assert!(matches!(store.reopen(3, "更正", "李四", at(6)).await, Err(ReopenRefused::NothingSettled)));
        seal(&store, &Draft { refused: vec![3], minutes: 7, ..Draft::default() }).await;
        assert!(!store.load_register().await.unwrap().settlements[2].reopened, "refused again: settled again");
        store.close().await;
    })
    .await;
}
