//! What both engines must do alike below the tables.

use super::support::on_both;
use crate::store::StoreError;
use crate::store::values::{Arg, args};

const INTO: &str = "blob (sha256, length, created_at, sealed)";
const COUNT: &str = "SELECT COUNT(*) FROM blob";

fn blob(n: u32) -> [Arg; 4] {
    args![format!("{n:04}"), n, 0_i64, vec![0_u8]]
}

#[tokio::test]
async fn what_fails_half_way_leaves_nothing() {
    on_both(async |world| {
        let store = world.open().await;
        let mut tx = store.db.begin().await.unwrap();
        tx.insert(INTO, (1..=3).map(blob)).await.unwrap();
        let error = tx.insert(INTO, [4, 5, 2, 6].map(blob)).await.unwrap_err();
        assert!(matches!(error, StoreError::Refused(_)), "{error:?}");
        drop(tx);
        // The next transaction waits until the last one is taken back.
        let tx = store.db.begin().await.unwrap();
        tx.roll_back().await.unwrap();
        assert_eq!(store.db.int(COUNT, []).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn every_portion_goes_in() {
    on_both(async |world| {
        let store = world.open().await;
        let mut tx = store.db.begin().await.unwrap();
        let portions = [1..1, 1..1001, 1001..2001, 2001..2004].map(|numbers| numbers.map(blob).collect());
        tx.insert_portions(INTO, portions.into_iter()).await.unwrap();
        tx.commit("put-blobs").await.unwrap();
        assert_eq!(store.db.int(COUNT, []).await.unwrap(), 2003);
    })
    .await;
}
