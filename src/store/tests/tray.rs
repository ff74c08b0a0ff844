//! Decisions about what came back: one per reading, counted no more, told to the sender.

use super::support::{at, on_both, result, results};
use crate::store::{
    Arrival, Counts, FileKind, Intake, Kept, NewLetter, Reasoned, Report, Rows, Store, StoreError, TakenAs, TakenIn,
    TrayAct, TrayRefused,
};

fn because(minutes: i64) -> Reasoned<'static> {
    Reasoned { reason: "电话核实", by: "李四", at: at(minutes) }
}

fn letter(key: &str) -> NewLetter {
    NewLetter {
        key: key.to_owned(),
        recipient: "溧阳监狱".to_owned(),
        to: vec!["a@example.cn".to_owned()],
        cc: Vec::new(),
        subject: "处理结果".to_owned(),
        text: String::new(),
        html: String::new(),
        attachments: Vec::new(),
        thread: Vec::new(),
    }
}

/// Takes a file in of which so many rows come back.
async fn take(store: &Store, file: &str, minutes: i64, rows: &Rows, errors: u32, decision: Option<TakenAs<'_>>) {
    let kept = store.keep_original(file, file.as_bytes(), at(minutes)).await.unwrap();
    take_kept(store, &kept, minutes, (rows, errors), decision).await.unwrap();
}

async fn take_kept(
    store: &Store,
    kept: &Kept,
    minutes: i64,
    (rows, errors): (&Rows, u32),
    decision: Option<TakenAs<'_>>,
) -> Result<TakenIn, TrayRefused> {
    let (at, kind) = (at(minutes), if rows.results.is_empty() { FileKind::Unknown } else { FileKind::Results });
    let intake =
        Intake { original: kept, rows, approval: None, at, dry_run: false, answer: None, part: None, decision };
    let finish = |fates: &crate::store::Fates| Report {
        kind,
        counts: Counts { set_aside: errors, errors, ..fates.count() },
        json: Vec::new(),
    };
    store.take_in(intake, finish).await
}

async fn open(store: &Store) -> (Vec<i64>, u64, u64) {
    let listed = store.set_aside().await.unwrap().iter().map(|(original, _)| original.kept.id).collect();
    let numbers = store.status().await.unwrap();
    (listed, numbers.originals_with_errors, numbers.rows_set_aside)
}

#[tokio::test]
async fn what_is_decided_is_open_no_more_until_the_file_is_read_again() {
    on_both(async |world| {
        let store = world.open().await;
        take(&store, "one", 0, &results([result(1)]), 2, None).await;
        take(&store, "two", 1, &results([result(2)]), 3, None).await;
        take(&store, "good", 2, &results([result(3)]), 0, None).await;
        assert_eq!(open(&store).await, (vec![2, 1], 2, 5));
        let nothing = store.close_file(3, TrayAct::Settled, because(3), None).await;
        assert!(matches!(nothing, Err(TrayRefused::NothingBack)));
        let missing = store.close_file(9, TrayAct::Settled, because(3), None).await;
        assert!(matches!(missing, Err(TrayRefused::Store(StoreError::Unknown { .. }))));
        let known = store.check_tray(1, TrayAct::Taken(FileKind::Roster)).await;
        assert!(matches!(known, Err(TrayRefused::Recognised(FileKind::Results))));
        store.close_file(1, TrayAct::Refused, because(4), Some(&letter("decision:1"))).await.unwrap();
        let again = store.close_file(1, TrayAct::Settled, because(5), Some(&letter("decision:2"))).await;
        assert!(matches!(again, Err(TrayRefused::Decided)));
        assert_eq!(open(&store).await, (vec![2], 1, 3));
        assert_eq!(store.deliveries().await.unwrap().len(), 1, "told once");
        let decided = &store.tray_decisions(1).await.unwrap()[0];
        assert_eq!((decided.act, decided.reason.as_str(), decided.at), (TrayAct::Refused, "电话核实", at(4)));
        // Read again with another row that can be taken now: what still comes back is open.
        take(&store, "one", 6, &results([result(1), result(4)]), 1, None).await;
        assert_eq!(open(&store).await, (vec![2, 1], 2, 4));
        // What is withdrawn is open no more either, and nothing is decided about it.
        store.withdraw_import(2, because(7), None, false).await.unwrap();
        assert_eq!(open(&store).await, (vec![1], 1, 1));
        let withdrawn = store.close_file(2, TrayAct::Settled, because(8), None).await;
        assert!(matches!(withdrawn, Err(TrayRefused::Withdrawn)));
        assert_eq!(store.audit_verify(None, None).await.unwrap().faults, []);
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_file_of_no_kind_is_taken_as_one_and_told_in_the_same_act() {
    on_both(async |world| {
        let store = world.open().await;
        take(&store, "strange", 0, &Rows::default(), 1, None).await;
        store.check_tray(1, TrayAct::Taken(FileKind::Results)).await.unwrap();
        let answer = letter("decision:strange");
        let decision = TakenAs { kind: FileKind::Results, because: because(1), answer: Some(&answer) };
        take(&store, "strange", 1, &results([result(1)]), 0, Some(decision)).await;
        assert_eq!(open(&store).await, (vec![], 0, 0));
        assert_eq!(store.load_register().await.unwrap().results.len(), 1);
        assert_eq!(store.deliveries().await.unwrap()[0].delivery.key, "decision:strange");
        assert_eq!(store.tray_decisions(1).await.unwrap()[0].act, TrayAct::Taken(FileKind::Results));
        // What comes back of it then is open again.
        take(&store, "other", 2, &Rows::default(), 1, None).await;
        let decision = TakenAs { answer: None, ..decision };
        take(&store, "other", 3, &results([result(2)]), 4, Some(decision)).await;
        assert_eq!(open(&store).await, (vec![2], 1, 4));
        assert_eq!(store.audit_verify(None, None).await.unwrap().faults, []);
        store.close().await;
    })
    .await;
}

/// Two that decide at once: the second finds what the first did.
#[tokio::test]
async fn a_file_is_taken_as_a_kind_only_while_it_is_open() {
    on_both(async |world| {
        let store = world.open().await;
        let as_results = |minutes, answer| TakenAs { kind: FileKind::Results, because: because(minutes), answer };
        for (n, file) in (1..).zip(["closed", "taken", "withdrawn"]) {
            take(&store, file, n, &Rows::default(), 1, None).await;
        }
        let kept =
            async |file: &str| store.find_original(&crate::store::sha256_hex(file.as_bytes())).await.unwrap().unwrap();
        let [closed, taken, withdrawn] = [kept("closed").await, kept("taken").await, kept("withdrawn").await];
        store.close_file(closed.id, TrayAct::Refused, because(4), None).await.unwrap();
        take_kept(&store, &taken, 5, (&results([result(1)]), 1), Some(as_results(5, None))).await.unwrap();
        store.withdraw_import(withdrawn.id, because(6), None, false).await.unwrap();
        let before = store.dump().await.unwrap();
        let answer = letter("decision:second");
        let again = async |kept: &Kept| {
            take_kept(&store, kept, 7, (&results([result(2)]), 0), Some(as_results(7, Some(&answer)))).await
        };
        assert!(matches!(again(&closed).await, Err(TrayRefused::Decided)));
        assert!(matches!(again(&taken).await, Err(TrayRefused::Recognised(FileKind::Results))));
        assert!(matches!(again(&withdrawn).await, Err(TrayRefused::Withdrawn)));
        assert_eq!(store.dump().await.unwrap(), before, "no row, no letter");
        // It came again meanwhile: what the person saw is another arrival.
        let new = store.keep_original("withdrawn", b"withdrawn", at(8)).await.unwrap();
        assert_eq!((new.id, new.state), (withdrawn.id, Arrival::New));
        assert!(matches!(again(&withdrawn).await, Err(TrayRefused::NotRead)));
        assert_eq!(store.audit_verify(None, None).await.unwrap().faults, []);
        store.close().await;
    })
    .await;
}
