//! Which machine may send.

use super::support::{at, on_both};
use crate::store::{Adoption, Standing};

/// Times that processes race for a new database.
const MAX_RACES: usize = 20;

#[tokio::test]
async fn processes_of_one_machine_that_start_at_once_are_no_strangers() {
    on_both(async |world| {
        for _ in 0..MAX_RACES {
            let world = world.another().await;
            let (one, two) = (world.open().await, world.open().await);
            let (a, b) = tokio::join!(one.machine_standing("m", at(0)), two.machine_standing("m", at(0)));
            assert_eq!((a.unwrap(), b.unwrap()), (Standing::Adopted, Standing::Adopted));
            one.close().await;
            two.close().await;
            world.gone().await;
        }
    })
    .await;
}

#[tokio::test]
async fn of_two_machines_that_start_at_once_one_is_the_first() {
    on_both(async |world| {
        for _ in 0..MAX_RACES {
            let world = world.another().await;
            let (one, two) = (world.open().await, world.open().await);
            let (a, b) = tokio::join!(one.machine_standing("m", at(0)), two.machine_standing("n", at(0)));
            let standings = [a.unwrap(), b.unwrap()];
            assert_eq!(standings.iter().filter(|standing| **standing == Standing::Adopted).count(), 1);
            assert_eq!(one.audit_verify(None, None).await.unwrap().faults, []);
            one.close().await;
            two.close().await;
            world.gone().await;
        }
    })
    .await;
}

#[tokio::test]
async fn data_that_moved_leave_the_former_machine_a_stranger() {
    on_both(async |world| {
        let store = world.open().await;
        assert_eq!(store.machine_standing("m", at(0)).await.unwrap(), Standing::Adopted);
        assert_eq!(store.machine_standing("n", at(1)).await.unwrap(), Standing::Stranger);
        let joins = Adoption { reason: "加入", by: "某管理员", alone: false };
        assert!(store.adopt_machine("n", joins, at(2)).await.unwrap());
        assert!(!store.adopt_machine("n", joins, at(3)).await.unwrap(), "it might already");
        assert_eq!(store.machine_standing("m", at(4)).await.unwrap(), Standing::Adopted);
        store.adopt_machine("n", Adoption { alone: true, ..joins }, at(5)).await.unwrap();
        assert_eq!(store.machine_standing("m", at(6)).await.unwrap(), Standing::Stranger);
        store.close().await;
    })
    .await;
}
