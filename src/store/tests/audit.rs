//! The audit log: whatever is done to it by hand is found.

use super::support::{World, at, on_both, vault};
use crate::store::{AuditFault, Store, StoreError, Vault};

async fn tamper(store: &Store, world: &World, sql: &'static str) {
    let mut tx = store.db.begin().await.unwrap();
    if world.is_lite() {
        for sql in ["DROP TRIGGER audit_unchanged", "DROP TRIGGER audit_undeleted"] {
            tx.run(sql, []).await.unwrap();
        }
    } else {
        tx.run("ALTER TABLE audit DISABLE TRIGGER USER", []).await.unwrap();
    }
    tx.run(sql, []).await.unwrap();
    tx.commit("test").await.unwrap();
}

async fn noted(world: &World) -> (Store, String) {
    let store = world.open().await;
    for i in 0..6 {
        store.note("test.noted", &format!("subject {i}"), &serde_json::json!({"i": i}), at(i)).await.unwrap();
    }
    let head = store.stamp().await.unwrap().audit_head;
    (store, head)
}

async fn found(sql: &'static str) -> Vec<Vec<AuditFault>> {
    let all = std::cell::RefCell::new(Vec::new());
    on_both(async |world| {
        let (store, head) = noted(world).await;
        let sound = store.audit_verify(Some(&head), Some(6)).await.unwrap();
        assert_eq!((sound.entries, sound.faults), (6, vec![]));
        tamper(&store, world, sql).await;
        let faults = store.audit_verify(Some(&head), Some(6)).await.unwrap().faults;
        all.borrow_mut().push(faults);
        store.close().await;
    })
    .await;
    all.into_inner()
}

#[tokio::test]
async fn a_changed_entry_is_found() {
    for sql in [
        "UPDATE audit SET detail = '{\"i\":9}' WHERE seq = 3",
        "UPDATE audit SET subject = 'subject' WHERE seq = 3",
        "UPDATE audit SET at = at + 1 WHERE seq = 3",
        "UPDATE audit SET act = 'test.denied' WHERE seq = 3",
    ] {
        for faults in found(sql).await {
            assert_eq!(faults, [AuditFault::Changed(3)], "{sql}");
        }
    }
}

#[tokio::test]
async fn a_removed_entry_is_found() {
    for faults in found("DELETE FROM audit WHERE seq = 3").await {
        assert_eq!(faults, [AuditFault::Gap { expected: 3, found: 4 }]);
    }
}

#[tokio::test]
async fn a_removed_entry_is_found_though_the_others_move_up() {
    let both = "DELETE FROM audit WHERE seq IN (5, 6)";
    for faults in found(both).await {
        assert!(faults.contains(&AuditFault::CutOff { expected: 6, found: 4 }), "{faults:?}");
        assert!(faults.contains(&AuditFault::NotAsPrinted { count: 6 }), "{faults:?}");
    }
}

#[tokio::test]
async fn reordered_entries_are_found() {
    for faults in found("UPDATE audit SET seq = CASE seq WHEN 2 THEN -3 WHEN 3 THEN -2 END WHERE seq IN (2, 3)").await {
        assert!(!faults.is_empty());
    }
    let swap = "UPDATE audit SET (at, act, subject, detail, prev, mac) = \
                (SELECT o.at, o.act, o.subject, o.detail, o.prev, o.mac FROM audit o WHERE o.seq = 5 - audit.seq) \
                WHERE seq IN (2, 3)";
    for faults in found(swap).await {
        assert!(faults.contains(&AuditFault::Changed(2)) && faults.contains(&AuditFault::Unchained(2)), "{faults:?}");
    }
}

#[tokio::test]
async fn a_cut_off_tail_is_found_though_the_ledger_was_mended() {
    on_both(async |world| {
        let (store, head) = noted(world).await;
        tamper(&store, world, "DELETE FROM audit WHERE seq = 6").await;
        let mut tx = store.db.begin().await.unwrap();
        let sql = "UPDATE ledger SET audit_count = 5, audit_head = (SELECT mac FROM audit WHERE seq = 5)";
        tx.run(sql, []).await.unwrap();
        tx.commit("test").await.unwrap();
        let faults = store.audit_verify(None, None).await.unwrap().faults;
        assert_eq!(faults, [AuditFault::LedgerChanged], "who lacks the key cannot sign the ledger row");
        let printed = store.audit_verify(Some(&head), Some(6)).await.unwrap().faults;
        assert!(printed.contains(&AuditFault::NotAsPrinted { count: 6 }));
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn an_earlier_head_is_found_at_its_number_only() {
    on_both(async |world| {
        let (store, head) = noted(world).await;
        store.note("test.noted", "later", &serde_json::json!({}), at(9)).await.unwrap();
        assert!(store.audit_verify(Some(&head), Some(6)).await.unwrap().faults.is_empty());
        assert!(store.audit_verify(Some(&head), None).await.unwrap().faults.is_empty());
        let wrong = store.audit_verify(Some(&head), Some(7)).await.unwrap().faults;
        assert_eq!(wrong, [AuditFault::NotAsPrinted { count: 7 }]);
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn another_master_key_is_refused() {
    on_both(async |world| {
        world.open().await.close().await;
        let other = Store::open(&world.url, Vault::from_key(&[8; 32]).unwrap()).await;
        assert!(matches!(other, Err(StoreError::WrongKey)));
        assert!(!format!("{:?}", vault()).contains('7'));
    })
    .await;
}
