//! Plans: versions by first arrival, duplicates, rosters and approvals, the plan of the city; on both engines.

use super::support::{at, day, on_both, roster_row};
use crate::store::{
    ApprovalNote, Counts, FileKind, Intake, NewDelivery, NewPacket, PacketFile, PlanFate, Report, Rows, SealRefused,
    SealedCityPlan, Store,
};
use crate::subsidy::assessment::Name;
use crate::subsidy::plan::city::{CityPlan, Scope, plan_number, totals};
use crate::subsidy::plan::{Entry, Place, Plan};

/// A plan with so many persons, read from a given row on.
fn plan(prison: &str, persons: u32, first_row: u32) -> Plan {
    let mut plan = Plan::empty(Name::from(prison), 2027, None);
    let place = |n: u32| Place { sheet: format!("附件3 第{}行", n + first_row), cells: Vec::new() };
    plan.persons = (1..=persons).map(|n| Entry { place: place(n), value: roster_row(n) }).collect();
    plan
}

async fn take(store: &Store, file: &str, minutes: i64, plan: Plan) -> Option<PlanFate> {
    let kept = store.keep_original(file, file.as_bytes(), at(minutes)).await.unwrap();
    let rows = Rows { plan: Some(Box::new(plan)), ..Rows::default() };
    let intake = Intake {
        original: &kept,
        rows: &rows,
        approval: None,
        at: at(minutes),
        dry_run: false,
        answer: None,
        part: None,
        decision: None,
    };
    let report = |_: &_| Report { kind: FileKind::Plan, counts: Counts::default(), json: Vec::new() };
    store.take_in(intake, report).await.unwrap().fates.plan
}

#[tokio::test]
async fn the_last_received_counts_and_the_same_again_is_a_duplicate() {
    on_both(async |world| {
        let store = world.open().await;
        let taken = |supersedes, counts| Some(PlanFate::Taken { supersedes, counts });
        let first = plan("溧阳监狱", 2, 4);
        assert_eq!(take(&store, "one", 10, first.clone()).await, taken(None, true));
        // Another file, other rows, the same content.
        let same = take(&store, "two", 11, plan("溧阳监狱", 2, 9)).await;
        assert_eq!(same, Some(PlanFate::Duplicate { received_at: at(10), counts: true }));
        let second = take(&store, "three", 12, plan("溧阳监狱", 3, 4)).await;
        assert_eq!(second, taken(Some(Box::new(first.clone())), true));
        // The first file again: a redelivery, whatever counts now.
        assert!(matches!(take(&store, "one", 13, first).await, Some(PlanFate::Duplicate { .. })));
        // A file that was received before and is read only now does not take the place of a later one.
        store.keep_original("early", b"early", at(5)).await.unwrap();
        assert_eq!(take(&store, "early", 14, plan("溧阳监狱", 5, 4)).await, taken(None, false));
        let mut addition = plan("溧阳监狱", 1, 4);
        addition.addition = Some(1);
        assert_eq!(take(&store, "addition", 15, addition).await, taken(None, true));
        let plans = store.plans(Some(2027)).await.unwrap();
        let counted: Vec<(Option<u32>, usize, u32)> =
            plans.iter().map(|p| (p.plan.addition, p.plan.persons.len(), p.versions)).collect();
        assert_eq!(counted, [(None, 3, 3), (Some(1), 1, 1)]);
        assert!(store.plans(Some(2026)).await.unwrap().is_empty());
        assert_eq!(store.last_plan("溧阳监狱", 2028).await.unwrap().unwrap().persons.len(), 3);
        assert!(store.last_plan("溧阳监狱", 2026).await.unwrap().is_none());
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn approval_covers_the_persons_of_the_plans_that_count() {
    on_both(async |world| {
        let store = world.open().await;
        take(&store, "one", 1, plan("溧阳监狱", 2, 4)).await;
        take(&store, "two", 2, plan("溧阳监狱", 3, 4)).await;
        take(&store, "three", 3, plan("新康监狱", 1, 4)).await;
        let note = ApprovalNote { on: day("2026-12-20"), by: "省局".to_owned(), plan_year: None };
        let rosters = store.approve_plans(2027, Some("溧阳监狱"), &note, at(4)).await.unwrap();
        assert_eq!(rosters, [2]);
        let register = store.load_register().await.unwrap();
        let covered = register.roster.iter().filter(|entry| entry.approval.is_some()).count();
        assert_eq!((register.roster.len(), covered), (6, 3));
        assert_eq!(register.roster[2].approval.as_ref().unwrap().plan_year, 2027);
        assert!(store.approve_plans(2030, None, &note, at(5)).await.is_err());
        store.close().await;
    })
    .await;
}

/// The compiled plan of the plans that count, as version 1 or 2.
async fn seal(store: &Store, version: u32, facts_version: i64) -> Result<(), SealRefused> {
    let filed = store.plans(Some(2027)).await?;
    let ids: Vec<i64> = filed.iter().map(|plan| plan.id).collect();
    let plans: Vec<Plan> = filed.into_iter().map(|plan| plan.plan).collect();
    let city = CityPlan {
        number: plan_number(2027, &Scope::Year, version),
        year: 2027,
        scope: Scope::Year,
        version,
        sealed_at: at(20),
        totals: totals(&plans),
        plans,
        missing: Vec::new(),
        closing: Some(("时限已到".to_owned(), "演示".to_owned())),
        audit_count: 1,
        audit_head: "00".to_owned(),
    };
    let key = format!("{}:bureau", city.number);
    let deliveries = [NewDelivery { key, recipient: "bureau".to_owned() }];
    let sealed = SealedCityPlan { city: &city, plan_ids: &ids, papers: &[], deliveries: &deliveries };
    store.seal_city_plan(&sealed, facts_version).await
}

#[tokio::test]
async fn a_version_is_sealed_once_and_only_on_the_facts_it_was_drafted_on() {
    on_both(async |world| {
        let store = world.open().await;
        take(&store, "one", 1, plan("溧阳监狱", 2, 4)).await;
        let before = store.stamp().await.unwrap().facts_version;
        take(&store, "two", 2, plan("新康监狱", 3, 4)).await;
        assert!(matches!(seal(&store, 1, before).await, Err(SealRefused::StateChanged)));
        let now = store.stamp().await.unwrap().facts_version;
        seal(&store, 1, now).await.unwrap();
        assert!(matches!(seal(&store, 1, now).await, Err(SealRefused::NumberTaken)));
        let stored = store.city_plans().await.unwrap();
        assert_eq!((stored.len(), stored[0].number.as_str(), stored[0].plan_ids.len()), (1, "JH-2027-01", 2));
        assert_eq!(stored[0].closing, Some(("时限已到".to_owned(), "演示".to_owned())));
        let due = store.due_deliveries(at(21)).await.unwrap();
        assert_eq!((due.len(), due[0].batch.clone()), (1, None));
        assert_eq!(store.plan_of_delivery(due[0].id).await.unwrap().unwrap().number, "JH-2027-01");
        assert!(store.audit_verify(None, None).await.unwrap().faults.is_empty());
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn an_answer_is_queued_once_with_its_files() {
    on_both(async |world| {
        let store = world.open().await;
        let files = vec![PacketFile { name: "新表.xlsx".to_owned(), bytes: vec![1, 2, 3] }];
        let answer = NewPacket { key: "form:1".to_owned(), recipient: "溧阳监狱".to_owned(), files: files.clone() };
        for file in ["old", "old", "older"] {
            let kept = store.keep_original(file, file.as_bytes(), at(1)).await.unwrap();
            let rows = Rows::default();
            let (approval, answer) = (None, Some(&answer));
            let intake = Intake {
                original: &kept,
                rows: &rows,
                approval,
                at: at(1),
                dry_run: false,
                answer,
                part: None,
                decision: None,
            };
            let report = |_: &_| Report { kind: FileKind::Plan, counts: Counts::default(), json: Vec::new() };
            store.take_in(intake, report).await.unwrap();
        }
        let due = store.due_deliveries(at(2)).await.unwrap();
        assert_eq!(due.len(), 1);
        assert_eq!(store.packet(due[0].id).await.unwrap(), Some(files));
        store.close().await;
    })
    .await;
}

/// A roster that is read again under a mended catalogue brings its further rows as a roster of the same file.
#[tokio::test]
async fn a_file_may_bring_a_second_roster() {
    on_both(async |world| {
        let store = world.open().await;
        let kept = store.keep_original("名册", b"x", at(1)).await.unwrap();
        for persons in [1, 3] {
            let rows = Rows { roster: (1..=persons).map(roster_row).collect(), ..Rows::default() };
            super::support::take_kept(&store, &kept, 1, &rows).await.unwrap();
        }
        let counts: Vec<u32> = store.rosters().await.unwrap().iter().map(|roster| roster.rows).collect();
        assert_eq!(counts, [1, 2]);
        store.close().await;
    })
    .await;
}
