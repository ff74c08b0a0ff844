//! Files in: duplicates, versions, claimed assessments, dry runs, rosters, history.

use std::sync::Arc;

use super::support::{Draft, at, day, on_both, result, results, roster_row, seal, take, take_kept};
use crate::store::{ApprovalNote, Arrival, Counts, Fate, FileKind, Intake, Kept, Placed, Report, Rows, Store, TakenIn};
use crate::subsidy::assessment::{HistoryRow, SurveyRow};
use crate::subsidy::course::{Kind, Level};
use crate::subsidy::money::Fen;

fn fates(taken: TakenIn) -> Vec<Fate> {
    taken.fates.results
}

async fn live_remark(store: &Store) -> String {
    let register = store.load_register().await.unwrap();
    assert_eq!(register.results.len(), 1);
    register.results[0].row.remark.clone().unwrap()
}

#[tokio::test]
async fn the_same_bytes_are_one_original_and_the_first_arrival_counts() {
    on_both(async |world| {
        let store = world.open().await;
        let first = store.keep_original("a.csv", b"bytes", at(0)).await.unwrap();
        assert_eq!(first.state, Arrival::New);
        let again = store.keep_original("b.csv", b"bytes", at(9)).await.unwrap();
        assert_eq!((again.id, again.received_at, again.state), (first.id, at(0), Arrival::Waiting));
        assert_eq!(store.waiting_originals().await.unwrap()[0].name, "a.csv");
        take_kept(&store, &again, 10, &results([result(1)])).await.unwrap();
        let read = store.keep_original("c.csv", b"bytes", at(11)).await.unwrap();
        assert_eq!(read.state, Arrival::Read);
        // A row that can be read now (the catalogue changed) is taken; the same rows again change nothing.
        let count = store.stamp().await.unwrap().audit_count;
        let more = take_kept(&store, &read, 12, &results([result(2)])).await.unwrap();
        assert!(matches!(fates(more)[..], [Fate::Taken { .. }]));
        assert_eq!(store.stamp().await.unwrap().audit_count, count + 1);
        let again = take_kept(&store, &read, 13, &results([result(2)])).await.unwrap();
        assert_eq!(fates(again), [Fate::Duplicate]);
        assert_eq!(store.stamp().await.unwrap().audit_count, count + 1);
        assert!(store.waiting_originals().await.unwrap().is_empty());
        assert_eq!(store.original_bytes(first.id).await.unwrap(), b"bytes");
        assert_eq!(store.load_register().await.unwrap().results.len(), 2);
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn repeated_rows_are_duplicates_and_changed_rows_are_versions() {
    on_both(async |world| {
        let store = world.open().await;
        take(&store, "one", 0, &results((1..=1500).map(result))).await;
        let before = store.stamp().await.unwrap().facts_version;
        let again = fates(take(&store, "two", 1, &results((1..=1500).map(result))).await);
        assert!(again.iter().all(|fate| *fate == Fate::Duplicate));
        assert_eq!(store.stamp().await.unwrap().facts_version, before, "nothing new: drafts stay valid");
        let mut changed = result(7);
        changed.passed = false;
        let fate = fates(take(&store, "three", 2, &results([changed, result(2001)])).await);
        assert_eq!(fate[0], Fate::Taken { version_id: 1501, assessment_id: 7, supersedes: Some(7) });
        assert_eq!(fate[1], Fate::Taken { version_id: 1502, assessment_id: 1502, supersedes: None });
        let register = store.load_register().await.unwrap();
        assert_eq!(register.results.len(), 1501);
        assert!(!register.results[6].row.passed);
        assert_eq!(register.results[6].version_id, 1501);
        let number = result(7).certificate_number.unwrap().to_lowercase();
        assert_eq!(store.find_by_certificate(&number).await.unwrap(), [7]);
        assert_eq!(store.find_by_prisoner("江苏省常州监狱", "3204000007").await.unwrap(), [7]);
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn what_comes_again_after_its_correction_is_told_to_be_outdated() {
    on_both(async |world| {
        let store = world.open().await;
        let (old, mut new) = (result(1), result(1));
        new.remark = Some("corrected".to_owned());
        take(&store, "old", 0, &results([old.clone()])).await;
        take(&store, "new", 1, &results([new.clone()])).await;
        assert_eq!(take(&store, "old", 2, &results([old.clone()])).await.fates.outdated, 1);
        assert_eq!(take(&store, "new", 3, &results([new])).await.fates.outdated, 0);
        // In other bytes it is said anew, and counts.
        assert!(matches!(fates(take(&store, "old again", 4, &results([old])).await)[0], Fate::Taken { .. }));
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn the_newest_version_is_the_same_in_any_order_of_taking_in() {
    on_both(async |world| {
        // Said at minutes 0, 1, 2, 3: A, B, A, C; then the same without the last.
        for (n, orders) in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]].into_iter().enumerate() {
            for said in [&["A", "B", "A", "C"][..], &["A", "B", "A"][..]] {
                let store = world.open().await;
                let person = u32::try_from(n * 10 + said.len()).unwrap();
                for i in orders.into_iter().filter(|i| *i < said.len()) {
                    let mut row = result(person);
                    row.remark = Some(said[i].to_owned());
                    let file = format!("{person} {i}");
                    take(&store, &file, i64::try_from(i).unwrap(), &results([row])).await;
                }
                let register = store.load_register().await.unwrap();
                let row = register.results.iter().find(|r| r.row.number == result(person).number).unwrap();
                assert_eq!(row.row.remark.as_deref(), said.last().copied(), "order {orders:?}");
                store.close().await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_claimed_assessment_takes_no_change() {
    on_both(async |world| {
        let store = world.open().await;
        let mut row = result(1);
        row.remark = Some("old".to_owned());
        take(&store, "one", 0, &results([row.clone()])).await;
        let batch = seal(&store, &Draft { granted: vec![1], minutes: 5, ..Draft::default() }).await;
        assert_eq!(fates(take(&store, "same", 6, &results([row.clone()])).await), [Fate::Duplicate]);
        row.remark = Some("ｏｌｄ".to_owned());
        assert_eq!(fates(take(&store, "full-width", 6, &results([row.clone()])).await), [Fate::Duplicate]);
        row.remark = Some("new".to_owned());
        let refused = fates(take(&store, "changed", 7, &results([row.clone()])).await);
        assert_eq!(refused, [Fate::AlreadyClaimed { batch: batch.clone(), lines: vec![1], columns: vec!["备注"] }]);
        assert_eq!(live_remark(&store).await, "old");
        store.void_batch(&batch, "写错了", "张三", at(8)).await.unwrap();
        let taken = fates(take(&store, "changed again", 9, &results([row])).await);
        assert!(matches!(taken[0], Fate::Taken { supersedes: Some(1), .. }));
        assert_eq!(live_remark(&store).await, "new");
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_dry_run_decides_and_stores_nothing() {
    on_both(async |world| {
        let store = world.open().await;
        take(&store, "one", 0, &results([result(1)])).await;
        let before = store.dump().await.unwrap();
        let kept = Kept::not_kept(b"never seen", at(1));
        let rows = Rows { roster: vec![roster_row(1)], ..results([result(1), result(2), result(2)]) };
        let intake = Intake {
            original: &kept,
            rows: &rows,
            approval: None,
            at: at(1),
            dry_run: true,
            answer: None,
            part: None,
            decision: None,
        };
        let report = |_: &_| Report { kind: FileKind::Results, counts: Counts::default(), json: Vec::new() };
        let decided = fates(store.take_in(intake, report).await.unwrap());
        assert_eq!(decided[0], Fate::Duplicate);
        assert!(matches!(decided[1], Fate::Taken { .. }));
        assert_eq!(decided[2], Fate::Duplicate);
        assert_eq!(store.dump().await.unwrap(), before);
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn rosters_history_and_survey_come_back_as_they_went_in() {
    on_both(async |world| {
        let store = world.open().await;
        let history = HistoryRow {
            prison: None,
            number: None,
            resident_id: result(1).resident_id,
            kind: Kind::Training,
            occupation: "hairdresser".into(),
            level: Level::Five,
            certificate_type: None,
            certificate_number: None,
            issued_on: None,
            claimed_on: day("2025-12-01"),
            amount: Fen(80_000),
        };
        let mut survey = SurveyRow {
            prison: "江苏省常州监狱".into(),
            number: "1".to_owned(),
            name: "某".to_owned(),
            resident_id: None,
            release_on: day("2027-01-01"),
            released_on: None,
            skilled: false,
            able: true,
        };
        let rows = Rows {
            results: vec![Placed { sheet: 1, row: 9, value: Arc::new(result(1)) }],
            roster: (1..=1300).map(roster_row).collect(),
            history: vec![history.clone(), history.clone()],
            survey: vec![survey.clone()],
            ..Rows::default()
        };
        let fates = take(&store, "mixed", 0, &rows).await.fates;
        assert_eq!(fates.history[1], Fate::Duplicate);
        let id = fates.roster_id.unwrap();
        assert_eq!(store.rosters().await.unwrap()[0].approval, None);
        for (on, year) in [("2025-10-01", None), ("2025-11-03", None), ("2025-11-04", Some(2027))] {
            let note = ApprovalNote { on: day(on), by: "省局".to_owned(), plan_year: year };
            store.approve_roster(id, &note, at(1)).await.unwrap();
        }
        survey.able = false;
        take(&store, "survey", 2, &Rows { survey: vec![survey.clone()], ..Rows::default() }).await;
        let register = store.load_register().await.unwrap();
        assert_eq!(register.roster.len(), 1300);
        assert!(register.roster.iter().zip(1..).all(|(entry, n)| entry.row == roster_row(n)));
        assert_eq!(register.roster[700].fingerprint, store.fingerprint(&roster_row(701)));
        assert_eq!(register.roster[0].approval.as_ref().unwrap().plan_year, 2027);
        assert_eq!(register.roster[0].approval.as_ref().unwrap().on, day("2025-11-04"));
        assert!(register.history == [history]);
        assert!(store.survey().await.unwrap() == [survey]);
        assert!(
            store
                .approve_roster(99, &store.rosters().await.unwrap()[0].approval.clone().unwrap(), at(3))
                .await
                .is_err()
        );
        store.close().await;
    })
    .await;
}
