//! Letters: queued once, fixed when queued, on both engines.

use chrono::{DateTime, Utc};

use super::support::{at, on_both};
use crate::store::{
    Alarm, Decision, DecisionRefused, Entry, Lease, LeasedLetter, MailPlan, NewLetter, PacketFile, Refusal, Store,
    StoreError, Taken, Wanted,
};

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
        thread: Vec::new(),
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

fn wants(id: i64, plan: &[MailPlan], until: DateTime<Utc>, at: DateTime<Utc>) -> Entry {
    Entry { taken: None, wanted: Some(Wanted { id, plan: plan.to_vec(), until }), at }
}

fn took(lease: &Lease, number: u32, at: DateTime<Utc>) -> Entry {
    let (domains, answer) = ("example.cn".to_owned(), "250 ok".to_owned());
    Entry { taken: Some(Taken { lease: lease.clone(), number, domains, answer }), wanted: None, at }
}

/// What one entry gets.
async fn enter(store: &Store, entry: Entry) -> Option<LeasedLetter> {
    store.enter_post(&[entry]).await.unwrap().pop().unwrap()
}

#[tokio::test]
async fn mails_are_planned_once_and_accepted_one_by_one() {
    on_both(async |world| {
        let store = world.open().await;
        let id = queued(&store).await;
        let (lease, mails) = enter(&store, wants(id, &[plan(1), plan(2)], at(9), at(1))).await.unwrap();
        assert_eq!(mails.iter().map(|mail| (mail.number, mail.again)).collect::<Vec<_>>(), [(1, false), (2, false)]);
        assert!(enter(&store, wants(id, &[plan(3)], at(9), at(2))).await.is_none(), "leased");
        assert!(enter(&store, took(&lease, 1, at(2))).await.is_none(), "nothing was wanted");
        assert_eq!(store.domains_since(at(1)).await.unwrap(), ["example.cn"]);
        let (second, mails) = enter(&store, wants(id, &[plan(3)], at(30), at(20))).await.unwrap();
        assert_eq!(
            mails.iter().map(|mail| (mail.plan.clone(), mail.again)).collect::<Vec<_>>(),
            [(plan(1), false), (plan(2), true)]
        );
        enter(&store, took(&lease, 2, at(21))).await;
        assert_eq!(store.delivery("k").await.unwrap().state, "sending", "the first one lost its lease");
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
            let (lease, _) = enter(&store, wants(id, &[plan(1)], hour(n) + hours, hour(n))).await.unwrap();
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

#[tokio::test]
async fn several_connections_enter_at_once_what_was_taken_and_what_comes_next() {
    on_both(async |world| {
        let store = world.open().await;
        for key in ["a", "b", "c"] {
            assert!(store.queue_letter(&letter(key), at(0)).await.unwrap());
        }
        let ids: Vec<i64> = store.due_deliveries(at(0)).await.unwrap().iter().map(|due| due.id).collect();
        let first = [wants(ids[0], &[plan(1)], at(9), at(1)), wants(ids[1], &[plan(2)], at(9), at(1))];
        let leased = store.enter_post(&first).await.unwrap();
        let lease = |n: usize| leased[n].as_ref().unwrap().0.clone();
        let both = Entry { wanted: wants(ids[2], &[plan(3)], at(9), at(2)).wanted, ..took(&lease(0), 1, at(2)) };
        let again = wants(ids[1], &[plan(2)], at(9), at(2));
        let leased = store.enter_post(&[both, again]).await.unwrap();
        assert_eq!(leased[0].as_ref().unwrap().0.delivery.key, "c");
        assert!(leased[1].is_none(), "another connection has it");
        let states: Vec<String> = store.deliveries().await.unwrap().into_iter().map(|line| line.state).collect();
        assert_eq!(states, ["done", "sending", "sending"]);
        assert!(store.audit_verify(None, None).await.unwrap().faults.is_empty());
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn who_is_refused_gets_a_letter_of_its_own_that_waits_for_a_person() {
    on_both(async |world| {
        let store = world.open().await;
        let new = NewLetter { cc: vec!["two@example.cn".to_owned(), "three@example.cn".to_owned()], ..letter("k") };
        assert!(store.queue_letter(&new, at(0)).await.unwrap());
        let id = store.due_deliveries(at(0)).await.unwrap()[0].id;
        let (lease, _) = enter(&store, wants(id, &[plan(1)], at(9), at(1))).await.unwrap();
        let words = store.letter(id).await.unwrap().unwrap().words;
        let refusal = |address: &str| Refusal { address: address.to_owned(), words: "550 unknown".to_owned() };
        let refused = [refusal("one@example.cn"), refusal("three@example.cn")];
        let (left, other) = store.part_letter(&lease, &words, &refused, at(2)).await.unwrap().unwrap();
        assert_eq!((left.to.as_slice(), left.cc.as_slice()), (&["two@example.cn".to_owned()][..], &[][..]));
        let parted = store.letter(id).await.unwrap().unwrap();
        assert_eq!((parted.words.to, parted.words.cc), (left.to, left.cc), "read again it says the same");
        let line = store.delivery(&other).await.unwrap();
        assert_eq!((line.state.as_str(), line.delivery.letter), ("aside", true));
        assert_eq!(line.answer.as_deref(), Some("one@example.cn：550 unknown；three@example.cn：550 unknown"));
        let theirs = store.letter(line.delivery.id).await.unwrap().unwrap();
        assert_eq!(theirs.words.to, ["one@example.cn", "three@example.cn"]);
        assert_ne!(theirs.message_id, parted.message_id);
        assert_eq!(store.packet(line.delivery.id).await.unwrap().unwrap(), new.attachments);
        let retry = Decision::Retry { to: vec!["right@example.cn".to_owned()] };
        store.decide(line.delivery.id, &retry, "更正", "某经办", at(3)).await.unwrap();
        let words = store.letter(line.delivery.id).await.unwrap().unwrap().words;
        assert_eq!((words.to.as_slice(), words.cc.len()), (&["right@example.cn".to_owned()][..], 0));
        enter(&store, took(&lease, 1, at(4))).await;
        let lost = store.part_letter(&lease, &words, &refused, at(5)).await.unwrap();
        assert!(lost.is_none() && store.deliveries().await.unwrap().len() == 2, "a letter that is done is not parted");
        assert!(store.audit_verify(None, None).await.unwrap().faults.is_empty());
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
        let (lease, _) = enter(&store, wants(id, &[plan(1), plan(2)], ahead(5), ahead(1))).await.unwrap();
        enter(&store, took(&lease, 1, ahead(2))).await;
        assert_eq!(store.domains_since(at(1)).await.unwrap(), Vec::<String>::new());
        assert_eq!(store.domains_since(ahead(1)).await.unwrap(), ["example.cn"]);
        assert!(store.due_deliveries(at(2)).await.unwrap()[0].resend, "the lease of a wrong clock: in doubt");
        let (lease, _) = enter(&store, wants(id, &[], at(10), at(3))).await.unwrap();
        assert!(store.postpone_delivery(&lease, "451", None, at(70), at(4)).await.unwrap());
        assert!(store.due_deliveries(at(69)).await.unwrap().is_empty(), "by a right clock it waits");
        let (lease, _) = enter(&store, wants(id, &[], ahead(80), ahead(70))).await.unwrap();
        assert!(store.postpone_delivery(&lease, "451", None, ahead(140), ahead(71)).await.unwrap());
        assert_eq!(store.delivery("k").await.unwrap().failing_since, Some(at(4)));
        assert_eq!(store.due_deliveries(at(72)).await.unwrap().len(), 1);
        assert_eq!(store.raise_alarms(hours, days, at(4 + 240)).await.unwrap().len(), 1);
        store.close().await;
    })
    .await;
}
