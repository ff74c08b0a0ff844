//! Letters: queued once, fixed when queued, on both engines.

use super::support::{at, on_both};
use crate::store::{Alarm, Decision, DecisionRefused, MailPlan, NewLetter, PacketFile, Store, StoreError};

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

fn plan(number: u32) -> MailPlan {
    let from = ("申领系统".to_owned(), "shenling@example.cn".to_owned());
    MailPlan { from, message_id: format!("x.{number}@example.cn"), files: vec![], left_out: vec![] }
}

async fn queued(store: &Store) -> i64 {
    assert!(store.queue_letter(&letter("k"), at(0)).await.unwrap());
    store.due_deliveries(at(0)).await.unwrap()[0].id
}

#[tokio::test]
async fn mails_are_planned_once_and_accepted_one_by_one() {
    on_both(async |world| {
        let store = world.open().await;
        let id = queued(&store).await;
        let (lease, mails) = store.lease_letter(id, &[plan(1), plan(2)], at(9), at(1)).await.unwrap().unwrap();
        assert_eq!(mails.iter().map(|mail| (mail.number, mail.again)).collect::<Vec<_>>(), [(1, false), (2, false)]);
        assert!(store.lease_letter(id, &[plan(3)], at(9), at(2)).await.unwrap().is_none(), "leased");
        assert!(store.accept_mail(&lease, 1, "example.cn", "250 ok", at(2)).await.unwrap());
        assert_eq!(store.domains_since(at(1)).await.unwrap(), ["example.cn"]);
        let (second, mails) = store.lease_letter(id, &[plan(3)], at(30), at(20)).await.unwrap().unwrap();
        assert_eq!(
            mails.iter().map(|mail| (mail.plan.clone(), mail.again)).collect::<Vec<_>>(),
            [(plan(1), false), (plan(2), true)]
        );
        assert!(!store.accept_mail(&lease, 2, "example.cn", "250 ok", at(21)).await.unwrap(), "the lease was lost");
        assert_eq!(store.delivery("k").await.unwrap().state, "sending");
        assert!(store.finish_delivery(&second, "250 ok", None, at(22)).await.unwrap());
        assert_eq!(store.delivery(&format!("#{id}")).await.unwrap().state, "done");
        assert!(store.audit_verify(None, None).await.unwrap().faults.is_empty());
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn failures_are_counted_alarms_raised_once_and_a_person_ends_both() {
    on_both(async |world| {
        let store = world.open().await;
        let id = queued(&store).await;
        let hour = |n: i64| at(n * 60);
        let (hours, days) = (chrono::TimeDelta::hours(4), chrono::TimeDelta::days(5));
        for n in 1..=2 {
            let (lease, _) = store.lease_letter(id, &[plan(1)], hour(n) + hours, hour(n)).await.unwrap().unwrap();
            assert!(store.postpone_delivery(&lease, "451", Some(1), hour(n), hour(n)).await.unwrap());
        }
        let line = store.delivery("k").await.unwrap();
        assert_eq!((line.delivery.failures, line.failing_since, line.delivery.resend), (2, Some(hour(1)), true));
        assert!(store.mails(id).await.unwrap()[0].again);
        assert!(store.raise_alarms(hours, days, hour(4)).await.unwrap().is_empty());
        let raised = store.raise_alarms(hours, days, hour(5)).await.unwrap();
        assert_eq!((raised.len(), raised[0].alarm), (1, Alarm::Hours));
        assert!(store.raise_alarms(hours, days, hour(6)).await.unwrap().is_empty(), "once");
        assert_eq!(store.raise_alarms(hours, days, hour(121)).await.unwrap()[0].alarm, Alarm::Days);
        let retry = Decision::Retry { to: vec!["two@example.cn".to_owned()] };
        store.decide(id, &retry, "地址有误", "某经办", hour(122)).await.unwrap();
        let line = store.delivery("k").await.unwrap();
        assert_eq!((line.delivery.failures, line.failing_since, line.alarm), (0, None, Alarm::None));
        assert_eq!(store.letter(id).await.unwrap().unwrap().words.to, ["two@example.cn"]);
        assert_eq!(store.decisions(id).await.unwrap()[0].reason, "地址有误");
        let release = store.decide(id, &Decision::Release, "误", "某经办", hour(123)).await;
        assert!(matches!(release, Err(DecisionRefused::Stands(state)) if state == "due"));
        store.close().await;
    })
    .await;
}

/// A letter that was queued, postponed, leased or sent by a clock that was years ahead waits for no such year.
#[tokio::test]
async fn a_clock_that_was_ahead_keeps_nothing_back() {
    on_both(async |world| {
        let store = world.open().await;
        let ahead = |minutes: i64| at(60 * 24 * 400 + minutes);
        let (hours, days) = (chrono::TimeDelta::hours(4), chrono::TimeDelta::days(5));
        assert!(store.queue_letter(&letter("k"), ahead(0)).await.unwrap());
        let id = store.due_deliveries(at(1)).await.unwrap()[0].id;
        let (lease, _) = store.lease_letter(id, &[plan(1), plan(2)], ahead(5), ahead(1)).await.unwrap().unwrap();
        assert!(store.accept_mail(&lease, 1, "example.cn", "250 ok", ahead(2)).await.unwrap());
        assert_eq!(store.domains_since(at(1)).await.unwrap(), Vec::<String>::new());
        assert_eq!(store.domains_since(ahead(1)).await.unwrap(), ["example.cn"]);
        assert!(store.due_deliveries(at(2)).await.unwrap()[0].resend, "the lease of a wrong clock: in doubt");
        let (lease, _) = store.lease_letter(id, &[], at(10), at(3)).await.unwrap().unwrap();
        assert!(store.postpone_delivery(&lease, "451", None, at(70), at(4)).await.unwrap());
        assert!(store.due_deliveries(at(69)).await.unwrap().is_empty(), "by a right clock it waits");
        let (lease, _) = store.lease_letter(id, &[], ahead(80), ahead(70)).await.unwrap().unwrap();
        assert!(store.postpone_delivery(&lease, "451", None, ahead(140), ahead(71)).await.unwrap());
        assert_eq!(store.delivery("k").await.unwrap().failing_since, Some(at(4)));
        assert_eq!(store.due_deliveries(at(72)).await.unwrap().len(), 1);
        assert_eq!(store.raise_alarms(hours, days, at(4 + 240)).await.unwrap().len(), 1);
        store.close().await;
    })
    .await;
}
