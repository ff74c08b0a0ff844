//! The leases of the duties.

use chrono::{DateTime, TimeDelta, Utc};

use super::support::{at, on_both};
use crate::store::Store;

async fn lease(store: &Store, holder: &str, now: DateTime<Utc>) -> bool {
    store.lease_duty("collect", holder, now + TimeDelta::minutes(2), now).await.unwrap()
}

#[tokio::test]
async fn a_duty_is_leased_to_one_until_it_is_given_back_or_runs_out() {
    on_both(async |world| {
        let store = world.open().await;
        assert!(lease(&store, "one", at(0)).await && !lease(&store, "two", at(1)).await);
        assert!(lease(&store, "one", at(1)).await, "its own is renewed");
        assert!(lease(&store, "two", at(4)).await, "it ran out");
        store.release_duty("collect", "one").await.unwrap();
        assert!(!lease(&store, "one", at(5)).await, "only the holder gives it back");
        store.release_duty("collect", "two").await.unwrap();
        assert!(lease(&store, "one", at(5)).await);
        store.close().await;
    })
    .await;
}

/// The clock stood far ahead and was set right: nobody holds a lease for years.
#[tokio::test]
async fn a_lease_from_a_wrong_clock_keeps_nobody_out() {
    on_both(async |world| {
        let store = world.open().await;
        let wrong = at(60 * 24 * 365 * 70);
        assert!(lease(&store, "one", wrong).await);
        assert!(lease(&store, "two", at(0)).await);
        // Clocks of two machines may differ a little: that is no wrong clock.
        assert!(!lease(&store, "three", at(-1)).await);
        store.close().await;
    })
    .await;
}
