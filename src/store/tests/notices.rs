//! Notices: a step is told once, with its letter or not at all.

use super::support::{at, day, on_both};
use crate::store::{NewLetter, Notice, Store, notice};
use crate::subsidy::duty::Step;

fn notice(step: Step) -> Notice {
    Notice {
        duty: "plan".to_owned(),
        term: "2027".to_owned(),
        prison: "溧阳监狱".to_owned(),
        step,
        planned_on: day("2026-11-23"),
        late: false,
        next_on: Some(day("2026-11-27")),
    }
}

fn letter(key: &str) -> NewLetter {
    NewLetter {
        key: key.to_owned(),
        recipient: "溧阳监狱".to_owned(),
        to: vec!["one@example.cn".to_owned()],
        cc: Vec::new(),
        subject: "催报".to_owned(),
        text: "请报送。".to_owned(),
        html: "<p>请报送。</p>".to_owned(),
        attachments: Vec::new(),
        thread: Vec::new(),
    }
}

async fn letters(store: &Store) -> usize {
    store.deliveries().await.unwrap().len()
}

#[tokio::test]
async fn of_two_machines_that_decide_the_same_one_tells() {
    on_both(async |world| {
        let (one, two) = (world.open().await, world.open().await);
        let steps = [notice(Step::before(7)), notice(Step::before(3))];
        let (first, second) = (letter("a"), letter("b"));
        let told = tokio::join!(one.give_notice(&steps, &first, at(1)), two.give_notice(&steps[1..], &second, at(1)));
        let told = [told.0.unwrap(), told.1.unwrap()];
        assert_eq!(told.iter().filter(|told| **told).count(), 1, "{told:?}");
        assert_eq!(letters(&one).await, 1);
        let given = two.notices().await.unwrap();
        assert_eq!(given.len(), if told[0] { 2 } else { 1 });
        let record = notice::record(&given);
        assert!(record.values().next().unwrap().contains(&Step::before(3)));
        one.close().await;
        two.close().await;
        let again = world.open().await;
        assert!(!again.give_notice(&steps, &letter("c"), at(9)).await.unwrap(), "after a restart, and later");
        assert_eq!(again.notices().await.unwrap(), given);
        assert!(again.audit_verify(None, None).await.unwrap().faults.is_empty());
        again.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_notice_without_its_letter_is_not_kept() {
    on_both(async |world| {
        let store = world.open().await;
        assert!(store.queue_letter(&letter("a"), at(1)).await.unwrap());
        assert!(
            !store.give_notice(&[notice(Step::DAY)], &letter("a"), at(2)).await.unwrap(),
            "the key is another letter's"
        );
        let nobody = NewLetter { to: Vec::new(), ..letter("b") };
        assert!(store.give_notice(&[notice(Step::DAY)], &nobody, at(2)).await.is_err());
        assert_eq!((store.notices().await.unwrap().len(), letters(&store).await), (0, 1));
        assert!(store.give_notice(&[notice(Step::DAY)], &letter("c"), at(3)).await.unwrap());
        let other = Notice { term: "2028".to_owned(), ..notice(Step::DAY) };
        assert!(store.give_notice(&[other], &letter("d"), at(3)).await.unwrap(), "another year is another step");
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn another_letter_takes_the_place_of_one_that_waits() {
    on_both(async |world| {
        let store = world.open().await;
        let first = letter("remind:plan:2027:溧阳监狱:D-7");
        assert!(store.give_notice(&[notice(Step::before(7))], &first, at(1)).await.unwrap());
        let second =
            NewLetter { text: "请补报附件4。".to_owned(), ..letter("remind:plan:2027:溧阳监狱:D-7~2") };
        assert!(store.renew_letter(&first.key, &second, "已变化", at(2)).await.unwrap());
        assert!(!store.renew_letter(&first.key, &second, "已变化", at(2)).await.unwrap(), "it is withdrawn already");
        let waiting = store.waiting_letters("remind:").await.unwrap();
        let of: Vec<_> = waiting.iter().map(|w| (w.key.as_str(), w.recipient.as_str(), w.only_waits)).collect();
        assert_eq!(of, [(second.key.as_str(), "溧阳监狱", true)]);
        assert_eq!((waiting[0].queued_at, store.waiting_letters("replan:").await.unwrap().len()), (at(2), 0));
        assert_eq!(store.letter(waiting[0].id).await.unwrap().unwrap().words.text, "请补报附件4。");
        // The steps stay with the first one.
        assert_eq!(store.notices().await.unwrap()[0].letter, first.key);
        assert!(store.audit_verify(None, None).await.unwrap().faults.is_empty());
        store.close().await;
    })
    .await;
}
