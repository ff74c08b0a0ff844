//! What is sealed cannot be changed or deleted: the database itself refuses.

use super::support::{Draft, at, on_both, result, results, roster_row, seal, take};
use crate::store::{PacketFile, Rows, StoreError};

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
];

#[tokio::test]
async fn the_database_refuses_to_change_what_is_sealed() {
    on_both(async |world| {
        let store = world.open().await;
        let rows = Rows { roster: vec![roster_row(1)], ..results((1..=4).map(result)) };
        take(&store, "one", 0, &rows).await;
        let first = seal(&store, &Draft { granted: vec![1], refused: vec![2], minutes: 5, ..Draft::default() }).await;
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
