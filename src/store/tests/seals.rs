//! What is sealed cannot be changed or deleted: the database itself refuses.

use super::support::{Draft, at, day, on_both, result, results, roster_row, seal, take, take_back};
use crate::store::{PacketFile, Reasoned, Rows, Store, StoreError, TrayAct};
use crate::subsidy::batch::LineWaiver;
use crate::subsidy::verdict::Rule;

const REFUSED: &[&str] = &[
    "UPDATE batch SET sum_fen = 0",
    "DELETE FROM batch",
    "UPDATE batch_line SET amount_fen = 1",
    "DELETE FROM batch_line WHERE line = 1",
    "UPDATE batch_refusal SET settles = 0",
    "DELETE FROM batch_refusal",
    "UPDATE batch_block SET position = 7",
    "DELETE FROM batch_block",
    "UPDATE batch_balance SET payable_fen = 0",
    "DELETE FROM batch_balance",
    "UPDATE batch_paper SET personal = 0",
    "DELETE FROM batch_paper",
    "UPDATE audit SET detail = '{}'",
    "DELETE FROM audit WHERE seq = 1",
    "DELETE FROM ledger",
    "UPDATE original SET received_at = 0",
    "DELETE FROM original",
    "DELETE FROM original_bytes",
    "UPDATE original_bytes SET original_id = 9",
    "UPDATE assessment_version SET key_hash = content_hash",
    "DELETE FROM assessment_version",
    "UPDATE roster_block SET row_count = 0",
    "DELETE FROM roster",
    "UPDATE reversal SET at = 0",
    "DELETE FROM reversal",
    "DELETE FROM reopening",
    "DELETE FROM delivery",
    "UPDATE delivery_file SET name = 'x'",
    "DELETE FROM delivery_file",
    "UPDATE batch_void SET at = 0",
    "DELETE FROM batch_void",
    "UPDATE batch_waiver SET line = 9",
    "DELETE FROM batch_waiver",
    "UPDATE waiver SET until_on = '2099-12-31'",
    "DELETE FROM waiver",
    "UPDATE waiver_end SET ended_on = '2099-12-31'",
    "DELETE FROM waiver_end",
    "UPDATE withdrawal SET at = 0",
    "DELETE FROM withdrawal",
    "UPDATE readmission SET received_at = 0",
    "DELETE FROM readmission",
    "UPDATE said_again SET received_at = 0",
    "DELETE FROM said_again",
    "UPDATE tray_decision SET act = 'taken'",
    "DELETE FROM tray_decision",
];

/// Everything that a person decides, once.
async fn decide(store: &Store) -> Vec<LineWaiver> {
    let because = Reasoned { reason: "r", by: "b", at: at(1) };
    let id = store.add_waiver(1, Rule::NotOnRoster, day("2026-12-31"), because).await.unwrap();
    let waiver = store.load_register().await.unwrap().waivers[0].clone();
    store.end_waiver(id, because).await.unwrap();
    take(store, "two", 2, &results([result(5)])).await;
    take(store, "same", 3, &results([result(5)])).await;
    store.withdraw_import(2, because, None, false).await.unwrap();
    take(store, "two", 4, &results([result(5)])).await;
    let back = take_back(store, "back", 4).await;
    store.close_file(back, TrayAct::Settled, because, None).await.unwrap();
    vec![LineWaiver { line: 1, waiver }]
}

#[tokio::test]
async fn the_database_refuses_to_change_what_is_sealed() {
    on_both(async |world| {
        let store = world.open().await;
        let rows = Rows { roster: vec![roster_row(1)], ..results((1..=4).map(result)) };
        take(&store, "one", 0, &rows).await;
        let waivers = decide(&store).await;
        let draft = Draft { granted: vec![1], refused: vec![2], waivers, minutes: 5, ..Draft::default() };
        let first = seal(&store, &draft).await;
        let second = seal(&store, &Draft { granted: vec![3], minutes: 6, ..Draft::default() }).await;
        store.request_reversal(&first, 1, "r", "b", at(7)).await.unwrap();
        store.reopen(2, "r", "b", at(7)).await.unwrap();
        store.void_batch(&second, "r", "b", at(7)).await.unwrap();
        let delivery = store.due_deliveries(at(8)).await.unwrap()[0].id;
        let file = PacketFile { name: "f".to_owned(), bytes: vec![1] };
        store.store_packet(delivery, vec![file], at(8)).await.unwrap();
        let before = store.dump().await.unwrap();
        for sql in REFUSED {
            let mut tx = store.db.begin().await.unwrap();
            let refused = tx.run(sql, []).await;
            assert!(matches!(refused, Err(StoreError::Refused(_))), "{sql}: {refused:?}");
            tx.roll_back().await.unwrap();
        }
        assert_eq!(store.dump().await.unwrap(), before);
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_damaged_value_is_not_read() {
    on_both(async |world| {
        let store = world.open().await;
        take(&store, "one", 0, &results([result(1)])).await;
        let number = seal(&store, &Draft { granted: vec![1], minutes: 5, ..Draft::default() }).await;
        let mut tx = store.db.begin().await.unwrap();
        // Another blob's sealed bytes under this address: opens, and does not fit.
        let other = store.vault().seal("blob.sealed", b"other bytes");
        tx.run("UPDATE blob SET sealed = $1", crate::store::values::args![other]).await.unwrap();
        tx.commit("test").await.unwrap();
        assert!(matches!(store.paper_bytes(&number, "封面.pdf").await, Err(StoreError::Damaged(_))));
        store.close().await;
    })
    .await;
}

#[test]
fn a_sealed_value_opens_in_its_own_column_only() {
    let vault = super::support::vault();
    let mut sealed = vault.seal("a.b", b"plain");
    assert_eq!(vault.open("a.b", &sealed).unwrap(), b"plain");
    assert_ne!(sealed, vault.seal("a.b", b"plain"), "nonces are random");
    assert!(vault.open("a.c", &sealed).is_err());
    sealed[20] ^= 1;
    assert!(vault.open("a.b", &sealed).is_err());
    assert!(vault.open("a.b", &[]).is_err());
    assert_ne!(vault.lookup("a", b"x"), vault.lookup("b", b"x"));
}
