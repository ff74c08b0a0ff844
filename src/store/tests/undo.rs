//! Undo: what stands afterwards is what would stand if the file had never come; what is claimed is not withdrawn.

use std::sync::Arc;

use super::support::{Draft, at, day, on_both, result, results, roster_row, seal, take};
use crate::store::{
    ApprovalNote, Arrival, Fate, Fates, FileKind, Intake, Placed, Reasoned, Report, Rows, Store, UndoRefused,
    sha256_hex,
};
use crate::subsidy::assessment::{HistoryRow, Name, SurveyRow};
use crate::subsidy::course::{Kind, Level};
use crate::subsidy::money::Fen;
use crate::subsidy::plan::{Entry, Place, Plan};

/// Histories that are tried on each engine.
const HISTORIES: u32 = 30;
/// Files of a history at most.
const MAX_FILES: u32 = 7;

fn because(minutes: i64) -> Reasoned<'static> {
    Reasoned { reason: "报错了表", by: "李四", at: at(minutes) }
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % u64::from(limit)).unwrap()
    }
}

/// One file of a history: what it says, and when it arrived (files are taken in the order of the list).
struct File {
    name: String,
    arrived: i64,
    approved: bool,
    rows: Rows,
}

/// What people of this history say, each in one of few ways, so that files often say the same or contradict each other.
fn file(dice: &mut Dice, history: u32, n: u32) -> File {
    let mut rows = Rows::default();
    let remark = |dice: &mut Dice| ["甲", "乙", "丙"].get(dice.below(3) as usize).map(|text| (*text).to_owned());
    for person in 0..3 {
        let number = history * 10 + person;
        if dice.below(3) > 0 {
            let mut row = result(number);
            row.remark = remark(dice);
            rows.results.push(Placed { sheet: 0, row: person + 2, value: Arc::new(row) });
        }
        if dice.below(3) == 0 {
            rows.survey.push(surveyed(number, dice.below(2) == 0));
        }
        if dice.below(3) == 0 {
            rows.history.push(opening(number));
        }
    }
    match dice.below(4) {
        0 => rows.roster = (0..=dice.below(3)).map(|person| roster_row(history * 10 + person)).collect(),
        1 => {
            let mut plan = Plan::empty(Name::from("溧阳监狱"), i32::try_from(2000 + history).unwrap(), None);
            let place = Place { sheet: "附件3".to_owned(), cells: Vec::new() };
            plan.persons = (0..=dice.below(2))
                .map(|person| Entry { place: place.clone(), value: roster_row(history * 10 + person) })
                .collect();
            rows.plan = Some(Box::new(plan));
        }
        _ => {}
    }
    let arrived = i64::from(history * 100 + dice.below(50));
    File { name: format!("{history}-{n}"), arrived, approved: dice.below(2) == 0, rows }
}

fn surveyed(number: u32, able: bool) -> SurveyRow {
    SurveyRow {
        prison: "江苏省常州监狱".into(),
        number: result(number).number,
        name: "某".to_owned(),
        resident_id: None,
        release_on: day("2027-01-01"),
        released_on: None,
        skilled: false,
        able,
    }
}

fn opening(number: u32) -> HistoryRow {
    HistoryRow {
        prison: None,
        number: None,
        resident_id: result(number).resident_id,
        kind: Kind::Training,
        occupation: "hairdresser".into(),
        level: Level::Five,
        certificate_type: None,
        certificate_number: None,
        issued_on: None,
        claimed_on: day("2025-12-01"),
        amount: Fen(80_000),
    }
}

/// Takes a file in as of its arrival, or (`again`) at another one.
async fn take_file(store: &Store, file: &File, again: Option<i64>) {
    let arrived = again.unwrap_or(file.arrived);
    let kept = store.keep_original(&file.name, file.name.as_bytes(), at(arrived)).await.unwrap();
    let note = ApprovalNote { on: day("2025-12-15"), by: "省局".to_owned(), plan_year: None };
    let approval = file.approved.then_some(&note);
    let intake = Intake {
        original: &kept,
        rows: &file.rows,
        approval,
        at: at(arrived),
        dry_run: false,
        answer: None,
        part: None,
        decision: None,
    };
    let report = |fates: &Fates| Report { kind: FileKind::Plan, counts: fates.count(), json: Vec::new() };
    store.take_in(intake, report).await.unwrap();
}

/// Everything that counts, without what tells how it came to be.
async fn standing(store: &Store) -> Vec<String> {
    let register = store.load_register().await.unwrap();
    let mut lines: Vec<String> = register
        .results
        .iter()
        .map(|known| format!("{} {:?}", known.row.key().canonical(), known.row.remark))
        .collect();
    lines.extend(register.roster.iter().map(|entry| {
        let on = entry.approval.as_ref().map(|approval| (approval.on, approval.plan_year));
        format!("roster {} {on:?} {}", entry.received_at, entry.row.number)
    }));
    lines.extend(register.history.iter().map(|row| format!("history {:?}", row.resident_id)));
    lines.extend(store.survey().await.unwrap().iter().map(|row| format!("survey {} {}", row.number, row.able)));
    for filed in store.plans(None).await.unwrap() {
        let (year, persons) = (filed.plan.year, filed.plan.persons.len());
        lines.push(format!("plan {year} {} {persons} {:?}", filed.received_at, filed.approval.is_some()));
    }
    lines.sort();
    lines
}

/// The result of the first person with a remark.
fn said(remark: &str) -> Rows {
    let mut row = result(1);
    row.remark = Some(remark.to_owned());
    results([row])
}

#[tokio::test]
async fn import_and_undo_leave_what_would_stand_without_the_import() {
    on_both(async |world| {
        let other = world.another().await;
        let third = world.another().await;
        let (with, without, late) = (world.open().await, other.open().await, third.open().await);
        let mut dice = Dice(20_261_120);
        for history in 1..=HISTORIES {
            let files: Vec<File> = (0..2 + dice.below(MAX_FILES - 1)).map(|n| file(&mut dice, history, n)).collect();
            let count = u32::try_from(files.len()).unwrap();
            let undone = dice.below(count);
            let undone_after = undone + dice.below(count - undone);
            let back_at = i64::from(history * 100 + 80);
            for (n, file) in (0..).zip(&files) {
                take_file(&with, file, None).await;
                if n == undone_after {
                    let hash = sha256_hex(files[undone as usize].name.as_bytes());
                    let id = with.find_original(&hash).await.unwrap().unwrap().id;
                    let before = standing(&with).await;
                    with.withdraw_import(id, because(back_at), None, true).await.unwrap();
                    assert_eq!(standing(&with).await, before, "a dry run changes nothing");
                    with.withdraw_import(id, because(back_at), None, false).await.unwrap();
                    let again = with.withdraw_import(id, because(back_at), None, false).await;
                    assert!(matches!(again, Err(UndoRefused::AlreadyWithdrawn)));
                }
                if n != undone {
                    take_file(&without, file, None).await;
                    take_file(&late, file, None).await;
                }
            }
            assert_eq!(standing(&with).await, standing(&without).await, "history {history}, file {undone} of {count}");
            // The same bytes again: taken anew, as if they had come only now. Half of the histories.
            if history % 2 == 0 {
                take_file(&with, &files[undone as usize], Some(back_at)).await;
                take_file(&late, &files[undone as usize], Some(back_at)).await;
                assert_eq!(standing(&with).await, standing(&late).await, "history {history}, sent again");
                take_file(&without, &files[undone as usize], Some(back_at)).await;
            }
        }
        for store in [&with, &without, &late] {
            assert_eq!(store.audit_verify(None, None).await.unwrap().faults, []);
        }
        for store in [with, without, late] {
            store.close().await;
        }
        other.gone().await;
        third.gone().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_claimed_is_not_withdrawn_until_the_batch_is_void() {
    on_both(async |world| {
        let store = world.open().await;
        take(&store, "one", 0, &results([result(1), result(2), result(3)])).await;
        take(&store, "two", 1, &results([result(4)])).await;
        take(&store, "same", 2, &results([result(1)])).await;
        let batch = seal(&store, &Draft { granted: vec![1], refused: vec![2], minutes: 5, ..Draft::default() }).await;
        let refused = store.withdraw_import(1, because(6), None, false).await;
        // What it grants is said by another file too.
        let Err(UndoRefused::Claimed { granted, refused }) = refused else { panic!("{refused:?}") };
        assert_eq!((granted, refused), (vec![], vec![batch.clone()]));
        let undone = store.withdraw_import(2, because(6), None, false).await.unwrap();
        assert_eq!((undone.results.len(), undone.stay), (1, 0));
        // What another file says too stays claimed.
        let undone = store.withdraw_import(3, because(6), None, false).await.unwrap();
        assert_eq!((undone.results.len(), undone.stay), (0, 1));
        store.void_batch(&batch, "误报", "李四", at(7)).await.unwrap();
        let undone = store.withdraw_import(1, because(8), None, false).await.unwrap();
        assert_eq!(undone.results.len(), 3);
        assert!(undone.results.iter().all(|fallback| fallback.to.is_none()));
        assert!(store.load_register().await.unwrap().results.is_empty());
        assert!(store.find_by_prisoner("江苏省常州监狱", &result(1).number).await.unwrap().is_empty());
        assert_eq!(store.audit_verify(None, None).await.unwrap().faults, []);
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_roster_on_which_a_line_rests_stays_and_any_other_falls_with_its_approval() {
    on_both(async |world| {
        let store = world.open().await;
        take(&store, "results", 0, &results([result(1)])).await;
        take(&store, "roster", 1, &Rows { roster: vec![roster_row(1), roster_row(2)], ..Rows::default() }).await;
        let note = ApprovalNote { on: day("2025-12-15"), by: "省局".to_owned(), plan_year: None };
        store.approve_roster(1, &note, at(2)).await.unwrap();
        let undone = store.withdraw_import(2, because(3), None, false).await.unwrap();
        assert_eq!((undone.roster_rows, undone.approved), (2, 1));
        assert!(store.rosters().await.unwrap().is_empty());
        assert!(store.approve_roster(1, &note, at(4)).await.is_err(), "what is withdrawn is not approved");
        assert_eq!(store.status().await.unwrap().rosters_unapproved, 0);
        // Sent again, it is a roster of its own and unapproved.
        take(&store, "roster", 5, &Rows { roster: vec![roster_row(1), roster_row(2)], ..Rows::default() }).await;
        let rosters = store.rosters().await.unwrap();
        assert_eq!((rosters.len(), rosters[0].id, &rosters[0].approval), (1, 2, &None));
        store.approve_roster(2, &note, at(6)).await.unwrap();
        let fingerprint = store.fingerprint(&roster_row(1));
        let draft = Draft { granted: vec![1], minutes: 7, fingerprint: Some(fingerprint), ..Draft::default() };
        let batch = seal(&store, &draft).await;
        let refused = store.withdraw_import(2, because(8), None, false).await;
        assert!(matches!(refused, Err(UndoRefused::Claimed { granted, .. }) if granted == [batch]));
        store.close().await;
    })
    .await;
}

/// What counts and is on a list is another version than the one that is taken back.
#[tokio::test]
async fn a_correction_of_what_a_batch_refused_can_be_taken_back() {
    on_both(async |world| {
        let store = world.open().await;
        take(&store, "first", 0, &said("first")).await;
        let batch = seal(&store, &Draft { refused: vec![1], minutes: 1, ..Draft::default() }).await;
        let refused = store.withdraw_import(1, because(2), None, false).await;
        let Err(UndoRefused::Claimed { granted, refused }) = refused else { panic!("{refused:?}") };
        assert_eq!((granted, refused), (vec![], vec![batch]), "told apart from what is granted");
        take(&store, "corrected", 3, &said("corrected")).await;
        let undone = store.withdraw_import(2, because(4), None, false).await.unwrap();
        assert_eq!(undone.results[0].to.as_ref().unwrap().0.remark.as_deref(), Some("first"));
        assert_eq!(store.audit_verify(None, None).await.unwrap().faults, []);
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_roster_falls_whose_rows_stand_in_another_that_covers_as_much() {
    on_both(async |world| {
        let store = world.open().await;
        let note = |on: &str, year| ApprovalNote { on: day(on), by: "省局".to_owned(), plan_year: Some(year) };
        take(&store, "results", 0, &results([result(1)])).await;
        let both = Rows { roster: vec![roster_row(1), roster_row(2)], ..Rows::default() };
        let one = Rows { roster: vec![roster_row(1), roster_row(3)], ..Rows::default() };
        take(&store, "roster", 1, &both).await;
        store.approve_roster(1, &note("2026-01-10", 2026), at(2)).await.unwrap();
        let fingerprint = Some(store.fingerprint(&roster_row(1)));
        let batch = seal(&store, &Draft { granted: vec![1], minutes: 3, fingerprint, ..Draft::default() }).await;
        // Unapproved, approved later, approved for another year: none of them covers the course.
        take(&store, "other", 4, &one).await;
        for (minutes, approved) in
            [None, Some(note("2026-01-11", 2026)), Some(note("2026-01-10", 2027))].iter().enumerate()
        {
            if let Some(approved) = approved {
                store.approve_roster(2, approved, at(5 + i64::try_from(minutes).unwrap())).await.unwrap();
            }
            let refused = store.withdraw_import(2, because(9), None, false).await;
            assert!(matches!(refused, Err(UndoRefused::Claimed { granted, .. }) if granted == [batch.clone()]));
        }
        store.approve_roster(2, &note("2026-01-10", 2026), at(10)).await.unwrap();
        let undone = store.withdraw_import(2, because(11), None, false).await.unwrap();
        assert_eq!((undone.roster_rows, undone.approved), (2, 1));
        // Now it is the last one.
        let refused = store.withdraw_import(3, because(12), None, false).await;
        assert!(matches!(refused, Err(UndoRefused::Claimed { .. })));
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn the_persons_of_a_plan_that_another_file_says_too_stay_whatever_rests_on_them() {
    on_both(async |world| {
        let store = world.open().await;
        let mut plan = Plan::empty(Name::from("溧阳监狱"), 2026, None);
        let place = Place { sheet: "附件3".to_owned(), cells: Vec::new() };
        plan.persons = (1..=2).map(|n| Entry { place: place.clone(), value: roster_row(n) }).collect();
        let file = |name: &str, arrived| {
            let rows = Rows { plan: Some(Box::new(plan.clone())), ..Rows::default() };
            File { name: name.to_owned(), arrived, approved: arrived == 0, rows }
        };
        take_file(&store, &file("first", 0), None).await;
        take_file(&store, &file("second", 1), None).await;
        take(&store, "results", 2, &results([result(1)])).await;
        let fingerprint = Some(store.fingerprint(&roster_row(1)));
        seal(&store, &Draft { granted: vec![1], minutes: 3, fingerprint, ..Draft::default() }).await;
        let undone = store.withdraw_import(1, because(4), None, false).await.unwrap();
        assert_eq!((undone.roster_rows, undone.approved, undone.plans[0].to), (0, 0, Some(at(1))));
        assert_eq!(store.load_register().await.unwrap().roster.len(), 2);
        let refused = store.withdraw_import(2, because(5), None, false).await;
        assert!(matches!(refused, Err(UndoRefused::Claimed { .. })), "nobody else says it");
        assert_eq!(store.audit_verify(None, None).await.unwrap().faults, []);
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn the_same_bytes_again_wait_are_taken_anew_and_stand_last() {
    on_both(async |world| {
        let store = world.open().await;
        take(&store, "old", 0, &said("old")).await;
        take(&store, "new", 1, &said("new")).await;
        let undone = store.withdraw_import(2, because(2), None, false).await.unwrap();
        let [fallback] = &undone.results[..] else { panic!("one") };
        assert_eq!(fallback.from.remark.as_deref(), Some("new"));
        assert_eq!(fallback.to.as_ref().unwrap().0.remark.as_deref(), Some("old"));
        assert_eq!(store.originals().await.unwrap()[0].0.kept.state, Arrival::Withdrawn);
        assert_eq!(store.withdrawal(2).await.unwrap(), Some(("报错了表".to_owned(), "李四".to_owned(), at(2))));
        // At the very instant of the first arrival: told apart all the same.
        let kept = store.keep_original("new", b"new", at(1)).await.unwrap();
        assert_eq!((kept.id, kept.state), (2, Arrival::New));
        assert!(kept.received_at > at(1));
        assert_eq!(store.waiting_originals().await.unwrap().len(), 1, "a program that dies here reads it next time");
        assert!(matches!(store.withdraw_import(2, because(3), None, false).await, Err(UndoRefused::NotRead)));
        let again = super::support::take_kept(&store, &kept, 4, &said("new")).await.unwrap();
        assert!(matches!(again.fates.results[..], [Fate::Taken { supersedes: Some(1), .. }]));
        assert_eq!(store.load_register().await.unwrap().results[0].row.remark.as_deref(), Some("new"));
        assert_eq!(store.withdrawal(2).await.unwrap(), None);
        assert_eq!(store.audit_verify(None, None).await.unwrap().faults, []);
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_file_is_named_by_number_or_by_the_beginning_of_its_hash() {
    on_both(async |world| {
        let store = world.open().await;
        take(&store, "one", 0, &results([result(1)])).await;
        let hash = sha256_hex(b"one");
        for key in ["1", &hash[..8], &hash, &hash.to_uppercase()] {
            assert_eq!(store.name_original(key).await.unwrap(), Some(1), "{key}");
        }
        for key in ["2", "", "%", "%%%%%%%%", "00000000", "one"] {
            assert_eq!(store.name_original(key).await.unwrap(), None, "{key}");
        }
        store.close().await;
    })
    .await;
}
