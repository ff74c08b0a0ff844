//! Letters: queued once, fixed when queued, on both engines.

use super::support::{at, on_both};
use crate::store::{NewLetter, PacketFile, StoreError};

fn letter(key: &str) -> NewLetter {
    NewLetter {
        key: key.to_owned(),
        recipient: "溧阳监狱".to_owned(),
        to: vec!["one@example.cn".to_owned()],
        cc: vec![],
        subject: "请报送计划".to_owned(),
        text: "请报送。".to_owned(),
        html: "<p>请报送。</p>".to_owned(),
        attachments: vec![PacketFile { name: "plan-2027.xlsx".to_owned(), bytes: vec![1, 2, 3] }],
    }
}

#[tokio::test]
async fn a_letter_is_queued_once_and_keeps_its_identity() {
    on_both(async |world| {
        let store = world.open().await;
        let new = letter("remind:plan:2027:溧阳监狱:D-7");
        assert!(store.queue_letter(&new, at(1)).await.unwrap());
        let other = NewLetter { subject: "另一封".to_owned(), ..new.clone() };
        assert!(!store.queue_letter(&other, at(2)).await.unwrap(), "the key is known");
        let due = store.due_deliveries(at(3)).await.unwrap();
        assert_eq!((due.len(), due[0].letter, due[0].batch.as_deref()), (1, true, None));
        let stored = store.letter(due[0].id).await.unwrap().unwrap();
        assert_eq!((stored.dated_at, stored.words.subject.as_str()), (at(1), "请报送计划"));
        assert_eq!(stored.message_id.len(), 32);
        assert_eq!(store.packet(due[0].id).await.unwrap().unwrap(), new.attachments);
        assert!(store.audit_verify(None, None).await.unwrap().faults.is_empty());
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_letter_to_nobody_is_refused() {
    on_both(async |world| {
        let store = world.open().await;
        let nobody = NewLetter { to: vec![], ..letter("k") };
        assert!(matches!(store.queue_letter(&nobody, at(1)).await, Err(StoreError::Contradiction(_))));
        assert!(store.due_deliveries(at(3)).await.unwrap().is_empty());
        store.close().await;
    })
    .await;
}
