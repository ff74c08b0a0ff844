//! Received mails: known wherever they lie, ended once, answered once; and letters that come back.

use super::support::{PERSON, World, at, on_both, result, results, take_kept};
use crate::store::{
    Bounce, BounceOf, Entry, Intake, MailAct, MailEnding, MailFate, MailHeader, MailPlace, MailPlan, NewLetter,
    NewMail, NewPart, PartOf, Reasoned, ReceivedMail, Report, Store, Taken, Wanted, sha256_hex,
};

const UNIT: &str = "溧阳监狱";

fn place(uid: u32) -> MailPlace {
    MailPlace { account: "office@imap.example.cn/INBOX".to_owned(), validity: 7, uid }
}

fn header(message_id: &str) -> MailHeader {
    MailHeader {
        sender: "clerk@prison.example.cn".to_owned(),
        subject: format!("{PERSON}的考核结果"),
        message_id: message_id.to_owned(),
        thread: vec!["first@x".to_owned()],
    }
}

fn parts(names: &[&str]) -> Vec<NewPart> {
    let part = |name: &&str| NewPart { name: format!("{PERSON}{name}"), sha256: sha256_hex(name.as_bytes()) };
    names.iter().map(part).collect()
}

async fn keep(store: &Store, uid: u32, header: &MailHeader, raw: &str, files: &[&str], minutes: i64) -> ReceivedMail {
    let (place, parts) = (place(uid), parts(files));
    let bytes = raw.len() as u64;
    let mail = NewMail { place: &place, header, raw: raw.as_bytes(), bytes, parts: &parts, unit: Some(UNIT) };
    store.keep_mail(&mail, at(minutes)).await.unwrap()
}

fn answer(mail: &ReceivedMail) -> NewLetter {
    let origin: crate::store::Origin = mail.clone().into();
    let words = ("回执".to_owned(), "收到。".to_owned(), "<p>收到。</p>".to_owned());
    origin.letter(format!("reply:{}", mail.id), words, Vec::new())
}

fn ends(fate: MailFate, answer: Option<&NewLetter>) -> MailEnding<'_> {
    MailEnding { fate, answer, once_since: None }
}

#[tokio::test]
async fn a_mail_is_one_mail_wherever_it_lies() {
    on_both(async |world| {
        let store = world.open().await;
        let first = keep(&store, 1, &header("a@x"), "X: 1\r\n\r\nbody", &["r.xlsx"], 1).await;
        assert_eq!((first.id, first.fate, first.received_at, first.unit.as_deref()), (1, None, at(1), Some(UNIT)));
        assert_eq!(keep(&store, 1, &header("a@x"), "X: 1\r\n\r\nbody", &["r.xlsx"], 2).await, first, "same place");
        assert_eq!(keep(&store, 9, &header("a@x"), "X: 2\r\n\r\nbody", &["r.xlsx"], 3).await, first, "a copy");
        for (n, (id, raw, files)) in (2..).zip([
            ("a@x", "\r\n\r\nbody", &["other.xlsx"][..]),
            ("a@x", "\r\n\r\nbody", &["r.xlsx", "other.xlsx"]),
            ("b@x", "\r\n\r\nbody", &["r.xlsx"]),
            ("b@x", "\r\n\r\nwords", &[]),
            ("b@x", "\r\n\r\nother words", &[]),
            ("", "\r\n\r\nbody", &["r.xlsx"]),
            ("", "\r\n\r\nbody 2", &["r.xlsx"]),
        ]) {
            let mail = keep(&store, 10 * u32::try_from(n).unwrap(), &header(id), raw, files, 4).await;
            assert_eq!(mail.id, n, "{id} {raw}");
        }
        assert_eq!(keep(&store, 11, &header("b@x"), "Received: y\n\nwords", &[], 5).await.id, 5, "a header was added");
        assert_eq!(keep(&store, 12, &header(""), "\r\n\r\nbody", &["r.xlsx"], 5).await.id, 7, "without Message-ID");
        assert_eq!(store.mail_at(&place(12)).await.unwrap().unwrap().id, 7);
        assert_eq!(store.mail_at(&MailPlace { validity: 8, ..place(12) }).await.unwrap(), None);
        assert_eq!(store.waiting_mails().await.unwrap().len(), 8);
        assert_eq!(store.mail_bytes(1).await.unwrap(), b"X: 1\r\n\r\nbody");
        assert!(store.audit_verify(None, None).await.unwrap().faults.is_empty());
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn two_that_keep_and_end_the_same_mail_end_it_once() {
    on_both(async |world| {
        let (one, two) = (world.open().await, world.open().await);
        let header = header("a@x");
        let (a, b) = tokio::join!(
            keep(&one, 1, &header, "\r\n\r\nbody", &["r"], 1),
            keep(&two, 2, &header, "\r\n\r\nbody", &["r"], 1)
        );
        assert_eq!(a.id, b.id);
        let letter = answer(&a);
        let ending = ends(MailFate::Taken, Some(&letter));
        let (first, second) = tokio::join!(one.end_mail(a.id, &ending, at(2)), two.end_mail(a.id, &ending, at(2)));
        assert_eq!(u32::from(first.unwrap().now) + u32::from(second.unwrap().now), 1);
        assert_eq!(one.deliveries().await.unwrap().len(), 1);
        let late = one.end_mail(a.id, &ends(MailFate::Stranger, None), at(3)).await.unwrap();
        assert_eq!((late.fate, late.now), (MailFate::Taken, false));
        let stored = one.letter(1).await.unwrap().unwrap();
        assert_eq!(stored.thread, ["first@x", "a@x"]);
        assert_eq!(stored.words.to, ["clerk@prison.example.cn"]);
        one.close().await;
        two.close().await;
    })
    .await;
}

/// A part's report is stored with its rows, and stays what it was.
#[tokio::test]
async fn what_a_sender_is_told_of_a_file_is_stored_with_its_rows() {
    on_both(async |world| {
        let store = world.open().await;
        let mail = keep(&store, 1, &header("a@x"), "\r\n\r\nbody", &["r"], 1).await;
        let kept = store.keep_original("r", b"r", at(1)).await.unwrap();
        assert!(store.waiting_originals().await.unwrap().is_empty(), "it is taken in with its mail");
        let rows = results([result(1)]);
        for (told, n) in [("first", 1), ("second", 2)] {
            let part = Some(PartOf { mail: mail.id, position: 0 });
            let (approval, answer) = (None, None);
            let intake = Intake {
                original: &kept,
                rows: &rows,
                approval,
                at: at(n),
                dry_run: false,
                answer,
                part,
                decision: None,
            };
            let report = |fates: &crate::store::Fates| Report {
                kind: crate::store::FileKind::Results,
                counts: fates.count(),
                json: told.as_bytes().to_vec(),
            };
            store.take_in(intake, report).await.unwrap();
        }
        let parts = store.mail_parts(mail.id).await.unwrap();
        assert_eq!(parts[0].report.as_deref(), Some("first".as_bytes()));
        let origin = store.mail_of_original(kept.id).await.unwrap().unwrap();
        assert_eq!((origin.mail, origin.unit.as_deref()), (mail.id, Some(UNIT)));
        // The same file in a second mail brings nothing new, and is told all the same.
        let again = keep(&store, 2, &header("b@x"), "\r\n\r\nbody", &["r"], 3).await;
        let part = Some(PartOf { mail: again.id, position: 0 });
        let (approval, answer) = (None, None);
        let intake =
            Intake { original: &kept, rows: &rows, approval, at: at(4), dry_run: false, answer, part, decision: None };
        store
            .take_in(intake, |fates| Report {
                kind: crate::store::FileKind::Results,
                counts: fates.count(),
                json: b"again".to_vec(),
            })
            .await
            .unwrap();
        assert_eq!(store.mail_parts(again.id).await.unwrap()[0].report.as_deref(), Some("again".as_bytes()));
        assert_eq!(store.mail_of_original(kept.id).await.unwrap().unwrap().mail, again.id);
        // One that came otherwise.
        let by_hand = store.keep_original("h", b"by hand", at(5)).await.unwrap();
        take_kept(&store, &by_hand, 5, &results([result(2)])).await.unwrap();
        assert_eq!(store.mail_of_original(by_hand.id).await.unwrap(), None);
        assert!(store.audit_verify(None, None).await.unwrap().faults.is_empty());
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_sender_is_answered_once_a_day_where_once_is_enough() {
    on_both(async |world| {
        let store = world.open().await;
        let day = chrono::TimeDelta::days(1);
        for (n, minutes, fate, answered) in [
            (1, 0, MailFate::Stranger, true),
            (2, 10, MailFate::Words, false),
            (3, 1_439, MailFate::Words, false),
            (4, 1_441, MailFate::Stranger, true),
        ] {
            let mail = keep(&store, n, &header(&format!("{n}@x")), "\r\n\r\nbody", &[], minutes).await;
            let letter = answer(&mail);
            let once_since = Some((at(minutes) - day, MailFate::Words));
            let ending = MailEnding { fate: MailFate::Stranger, answer: Some(&letter), once_since };
            assert_eq!(store.end_mail(mail.id, &ending, at(minutes)).await.unwrap().fate, fate, "{n}");
            assert_eq!(store.delivery(&letter.key).await.is_ok(), answered, "{n}");
        }
        let sender = "clerk@prison.example.cn";
        assert_eq!(store.answered_since(sender, at(1_441) - day).await.unwrap(), 1);
        assert_eq!(store.answered_since("other@x", at(1_441) - day).await.unwrap(), 0);
        assert_eq!(store.tray_numbers().await.unwrap(), (4, Some(at(0))));
        let because = |minutes| Reasoned { reason: "已电话联系", by: "某经办", at: at(minutes) };
        let let_in = MailAct::LetIn { unit: "常州监狱".to_owned() };
        let told = answer(&store.received_mail(1).await.unwrap());
        let told = NewLetter { key: "decision:mail:1".to_owned(), ..told };
        assert!(store.decide_mail(1, &MailAct::Refused, because(1_500), Some(&told)).await.unwrap());
        let again = NewLetter { key: "decision:mail:again".to_owned(), ..told };
        assert!(!store.decide_mail(1, &MailAct::Settled, because(1_501), Some(&again)).await.unwrap());
        assert!(store.delivery("decision:mail:again").await.is_err(), "told once, in the act that settles");
        store.delivery("decision:mail:1").await.unwrap();
        let tray: Vec<_> = store.tray().await.unwrap().iter().map(|one| (one.mail.id, one.answered)).collect();
        assert_eq!(tray, [(2, false), (3, false), (4, true)]);
        assert!(!store.decide_mail(2, &let_in, because(1_510), None).await.unwrap(), "words cannot be let in");
        assert!(store.decide_mail(2, &MailAct::Settled, because(1_510), None).await.unwrap());
        assert!(store.decide_mail(4, &let_in, because(1_511), None).await.unwrap());
        assert!(!store.decide_mail(1, &let_in, because(1_511), None).await.unwrap());
        for (mail, act) in [(1, MailAct::Refused), (2, MailAct::Settled), (4, let_in)] {
            let (_, decisions) = store.tray_mail(mail).await.unwrap();
            let [decision] = &decisions[..] else { panic!("{decisions:?}") };
            assert_eq!((&decision.act, decision.reason.as_str(), decision.by.as_str()), (&act, "已电话联系", "某经办"));
        }
        let waiting = store.waiting_mails().await.unwrap();
        assert_eq!((waiting.len(), waiting[0].id, waiting[0].let_in), (1, 4, true));
        assert!(store.audit_verify(None, None).await.unwrap().faults.is_empty());
        store.close().await;
    })
    .await;
}

/// A letter to two, accepted by the server.
async fn sent(store: &Store, key: &str, to: &[&str], minutes: i64) -> String {
    let letter = NewLetter {
        key: key.to_owned(),
        recipient: UNIT.to_owned(),
        to: to.iter().map(|&one| one.to_owned()).collect(),
        cc: Vec::new(),
        subject: "请报送".to_owned(),
        text: "请报送。".to_owned(),
        html: "<p>请报送。</p>".to_owned(),
        attachments: Vec::new(),
        thread: Vec::new(),
    };
    assert!(store.queue_letter(&letter, at(minutes)).await.unwrap());
    send(store, key, minutes).await
}

async fn send(store: &Store, key: &str, minutes: i64) -> String {
    let id = store.delivery(key).await.unwrap().delivery.id;
    let own = store.letter(id).await.unwrap().unwrap().message_id;
    let message_id = format!("{own}.1@example.cn");
    let from = ("申领系统".to_owned(), "shenling@example.cn".to_owned());
    let plan = vec![MailPlan { from, message_id: message_id.clone(), files: vec![], left_out: vec![] }];
    let wanted = Some(Wanted { id, plan, until: at(minutes + 5) });
    let entry = Entry { taken: None, wanted, at: at(minutes) };
    let (lease, mails) = store.enter_post(&[entry]).await.unwrap().pop().unwrap().unwrap();
    assert!(mails[0].accepted_at.is_none() && !mails[0].again);
    let (domains, answer) = ("x".to_owned(), "250 ok".to_owned());
    let taken = Some(Taken { lease, number: 1, domains, answer });
    store.enter_post(&[Entry { taken, wanted: None, at: at(minutes) }]).await.unwrap();
    assert_eq!(store.delivery(key).await.unwrap().state, "done");
    message_id
}

fn failed(address: &str) -> Bounce {
    Bounce { address: address.to_owned(), failed: true, words: "550 no such user".to_owned() }
}

async fn report(store: &Store, uid: u32, ids: &[String], bounces: &[Bounce], minutes: i64) -> Option<String> {
    let mail = keep(store, uid, &header(&format!("dsn{uid}@x")), "\r\n\r\nreport", &[], minutes).await;
    let of = BounceOf { message_ids: ids, bounces };
    let found = store.end_bounce(mail.id, &of, at(minutes)).await.unwrap();
    assert_eq!(store.end_bounce(mail.id, &of, at(minutes)).await.unwrap(), None, "a mail ends once");
    found
}

#[tokio::test]
async fn a_letter_that_comes_back_waits_for_a_person_and_can_be_sent_again() {
    on_both(bounces).await;
}

async fn bounces(world: &World) {
    let store = world.open().await;
    let whole = sent(&store, "whole", &["one@x.cn"], 1).await;
    let partly = sent(&store, "partly", &["one@x.cn", "Two@x.cn"], 2).await;
    let state = async |key: &str| store.delivery(key).await.unwrap().state;
    // Late is not lost.
    let late = Bounce { failed: false, ..failed("one@x.cn") };
    assert_eq!(report(&store, 1, std::slice::from_ref(&whole), &[late], 3).await.as_deref(), Some("whole"));
    assert_eq!(state("whole").await, "done");
    assert_eq!(
        report(&store, 2, std::slice::from_ref(&whole), &[failed("one@x.cn")], 4).await.as_deref(),
        Some("whole")
    );
    let line = store.delivery("whole").await.unwrap();
    assert_eq!((line.state.as_str(), line.answer.as_deref()), ("aside", Some("one@x.cn：550 no such user")));
    // Of two addresses one is gone: the other has the letter.
    let upper = partly.to_uppercase();
    assert_eq!(report(&store, 3, &[upper], &[failed("two@x.cn")], 5).await.as_deref(), Some("partly"));
    assert_eq!(state("partly").await, "done");
    assert_eq!(store.letter(2).await.unwrap().unwrap().words.to, ["one@x.cn"]);
    let bounced = store.bounced_letters().await.unwrap();
    let keys: Vec<&str> = bounced.iter().map(|one| one.0.as_str()).collect();
    assert_eq!(keys, ["whole", "partly:bounced-3"]);
    assert_eq!(store.letter(3).await.unwrap().unwrap().words.to, ["Two@x.cn"]);
    // A person gives another address, and it leaves as if for the first time; an old report changes nothing more.
    let retry = crate::store::Decision::Retry { to: vec!["new@x.cn".to_owned()] };
    store.decide(1, &retry, "改地址", "某经办", at(6)).await.unwrap();
    send(&store, "whole", 7).await;
    assert_eq!(report(&store, 4, &[whole], &[failed("one@x.cn")], 8).await.as_deref(), Some("whole"));
    assert_eq!(state("whole").await, "done");
    // In words: the last letter to the address, while it is young.
    assert_eq!(report(&store, 5, &[], &[failed("new@x.cn")], 9).await.as_deref(), Some("whole"));
    assert_eq!(state("whole").await, "aside");
    assert_eq!(report(&store, 6, &[], &[failed("new@x.cn")], 10).await, None, "no other letter went there");
    assert_eq!(report(&store, 7, &[], &[failed("one@x.cn")], 2 + 6 * 1_440).await, None, "too long ago");
    assert_eq!(report(&store, 8, &["unknown@x".to_owned()], &[failed("one@x.cn")], 11).await, None);
    assert_eq!(store.tray().await.unwrap().len(), 3);
    assert!(store.audit_verify(None, None).await.unwrap().faults.is_empty());
    store.close().await;
}
