//! Alarms on record, and letters that are taken back.

use super::support::{at, on_both};
use crate::store::{AlarmChanges, Entry, MailPlan, NewAlarm, NewLetter, Store, Taken, Wanted};

fn begun(what: &str) -> AlarmChanges {
    let (what, says) = (what.to_owned(), "坏了".to_owned());
    let new = NewAlarm { source: "house", what, says, begun_at: at(0), told: true };
    AlarmChanges { begun: vec![new], ..AlarmChanges::default() }
}

fn letter(key: &str) -> NewLetter {
    NewLetter {
        key: key.to_owned(),
        recipient: "administrator".to_owned(),
        to: vec!["admin@example.cn".to_owned()],
        cc: Vec::new(),
        subject: "告警".to_owned(),
        text: "告警".to_owned(),
        html: "<p>告警</p>".to_owned(),
        attachments: Vec::new(),
        thread: Vec::new(),
    }
}

#[tokio::test]
async fn of_two_who_see_the_same_one_puts_it_on_record_with_its_letter() {
    on_both(async |world| {
        let (one, two) = (world.open().await, world.open().await);
        let (disk, first, second) = (begun("disk"), letter("alarm:1"), letter("alarm:2"));
        let (a, b) =
            tokio::join!(one.record_alarms(&disk, Some(&first), at(1)), two.record_alarms(&disk, Some(&second), at(1)));
        assert_eq!(usize::from(a.unwrap()) + usize::from(b.unwrap()), 1);
        let open = one.alarms().await.unwrap();
        assert_eq!((open.len(), open[0].told_at, open[0].ended_at), (1, Some(at(1)), None));
        assert_eq!(one.due_deliveries(at(2)).await.unwrap().len(), 1);
        let over = AlarmChanges { ended: vec![open[0].id], ..AlarmChanges::default() };
        assert!(one.record_alarms(&over, None, at(3)).await.unwrap());
        assert!(!two.record_alarms(&over, None, at(3)).await.unwrap(), "over once");
        assert_eq!(one.alarms().await.unwrap()[0].ended_at, Some(at(3)), "not told yet");
        let told = AlarmChanges { end_told: vec![open[0].id], ..AlarmChanges::default() };
        assert!(two.record_alarms(&told, Some(&letter("alarm:3")), at(4)).await.unwrap());
        assert!(!one.record_alarms(&told, Some(&letter("alarm:4")), at(4)).await.unwrap(), "told once");
        assert!(one.alarms().await.unwrap().is_empty());
        assert_eq!(one.alarms_last_told().await.unwrap(), (Some(at(1)), Some(at(4))));
        // What comes again is another one.
        assert!(one.record_alarms(&disk, None, at(5)).await.unwrap());
        assert!(one.audit_verify(None, None).await.unwrap().faults.is_empty());
        one.close().await;
        two.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_letter_is_taken_back_only_before_it_leaves() {
    on_both(async |world| {
        let store = world.open().await;
        for key in ["waits", "leaves", "half", "dead"] {
            assert!(store.queue_letter(&letter(key), at(0)).await.unwrap());
        }
        let due = store.due_deliveries(at(0)).await.unwrap();
        let id = |key: &str| due.iter().find(|due| due.key == key).unwrap().id;
        let plan = |number: u32| MailPlan {
            from: (String::new(), "a@example.cn".to_owned()),
            message_id: format!("{number}@example.cn"),
            files: Vec::new(),
            left_out: Vec::new(),
        };
        let lease = async |store: &Store, key: &str, mails: &[MailPlan], until: i64| {
            let wanted = Some(Wanted { id: id(key), plan: mails.to_vec(), until: at(until) });
            let entry = Entry { taken: None, wanted, at: at(0) };
            store.enter_post(&[entry]).await.unwrap().pop().unwrap().unwrap().0
        };
        lease(&store, "leaves", &[plan(1)], 10).await;
        lease(&store, "dead", &[plan(1)], 1).await;
        let half = lease(&store, "half", &[plan(1), plan(2)], 1).await;
        let (domains, answer) = ("example.cn".to_owned(), "250".to_owned());
        let taken = Some(Taken { lease: half, number: 1, domains, answer });
        store.enter_post(&[Entry { taken, wanted: None, at: at(0) }]).await.unwrap();
        let mut withdrawn = Vec::new();
        for key in ["waits", "waits", "leaves", "half", "dead", "unknown"] {
            withdrawn.push(store.withdraw_letter(key, "已报齐", at(5)).await.unwrap());
        }
        assert_eq!(withdrawn, [true, false, false, false, true, false]);
        let line = store.delivery("waits").await.unwrap();
        assert_eq!((&*line.state, line.answer.as_deref()), ("withdrawn", Some("已报齐")));
        let due: Vec<String> = store.due_deliveries(at(60)).await.unwrap().into_iter().map(|due| due.key).collect();
        assert_eq!(due, ["leaves", "half"]);
        store.close().await;
    })
    .await;
}
