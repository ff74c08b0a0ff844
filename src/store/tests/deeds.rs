//! Rows that are changed, added or removed by hand: each shows in the verification, whoever dropped the triggers.

use super::support::{Draft, World, at, day, on_both, result, results, roster_row, seal, take, take_back};
use crate::store::{ApprovalNote, MailHeader, MailPlace, NewMail, Reasoned, Rows, Store, StoreError, TrayAct};
use crate::subsidy::batch::LineWaiver;
use crate::subsidy::verdict::Rule;

/// Two batches, of which the first is void; a reversal, a reopened refusal, an approved roster.
async fn season(store: &Store) -> String {
    take(store, "one", 0, &results((1..=6).map(result))).await;
    take(store, "two", 1, &Rows { roster: (1..=3).map(roster_row).collect(), ..Rows::default() }).await;
    let note = ApprovalNote { on: day("2025-12-15"), by: "某局".to_owned(), plan_year: None };
    store.approve_roster(1, &note, at(2)).await.unwrap();
    let first = seal(store, &Draft { granted: vec![1, 2], refused: vec![3], minutes: 3, ..Draft::default() }).await;
    store.void_batch(&first, "误报", "李四", at(4)).await.unwrap();
    let because = |minutes| Reasoned { reason: "原件已核", by: "李四", at: at(minutes) };
    let waived = store.add_waiver(1, Rule::NotOnRoster, day("2026-12-31"), because(4)).await.unwrap();
    let known = store.load_register().await.unwrap().waivers[0].clone();
    let waivers = vec![LineWaiver { line: 1, waiver: known }];
    let draft = Draft { granted: vec![1, 2], refused: vec![3], waivers, minutes: 5, ..Draft::default() };
    let second = seal(store, &draft).await;
    store.end_waiver(waived, because(6)).await.unwrap();
    store.request_reversal(&second, 1, "更正", "李四", at(6)).await.unwrap();
    store.reopen(3, "复核", "李四", at(7)).await.unwrap();
    take(store, "three", 8, &results([result(7)])).await;
    for minutes in [9, 11] {
        store.withdraw_import(3, Reasoned { reason: "误报", by: "李四", at: at(minutes) }, None, false).await.unwrap();
        if minutes == 9 {
            take(store, "three", 10, &results([result(7)])).await;
        }
    }
    let back = take_back(store, "back", 12).await;
    store.close_file(back, TrayAct::Refused, because(12), None).await.unwrap();
    received(store).await;
    second
}

/// A mail that was kept.
async fn received(store: &Store) {
    let (place, header) = (MailPlace { account: "a".to_owned(), validity: 1, uid: 1 }, MailHeader::default());
    let mail = NewMail { place: &place, header: &header, raw: b"raw", bytes: 3, parts: &[], unit: None };
    store.keep_mail(&mail, at(8)).await.unwrap();
}

async fn tamper(store: &Store, world: &World, sql: &'static str) {
    let mut tx = store.db.begin().await.unwrap();
    if world.is_lite() {
        let triggers = tx.rows("SELECT name FROM sqlite_master WHERE type = 'trigger'", []).await.unwrap();
        for trigger in triggers {
            let drop = format!("DROP TRIGGER {}", trigger.text(0).unwrap());
            tx.run(Box::leak(drop.into_boxed_str()), []).await.unwrap();
        }
    } else {
        let tables =
            tx.rows("SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()", []).await.unwrap();
        for table in tables {
            let disable = format!("ALTER TABLE {} DISABLE TRIGGER USER", table.text(0).unwrap());
            tx.run(Box::leak(disable.into_boxed_str()), []).await.unwrap();
        }
    }
    assert!(tx.run(sql, []).await.unwrap() > 0, "{sql} touched nothing");
    tx.commit("test").await.unwrap();
}

const EDITS: &[&str] = &[
    "UPDATE batch SET persons = persons + 10 WHERE id = 2",
    "UPDATE batch SET claim_on = '2026-10-01' WHERE id = 2",
    "UPDATE batch SET sealed_at = sealed_at + 1000 WHERE id = 2",
    "UPDATE batch SET previous = 'CZ-2026-Q4-001' WHERE id = 2",
    "UPDATE batch SET audit_count = audit_count + 1 WHERE id = 2",
    "UPDATE batch SET audit_head = 'ab' WHERE id = 2",
    "UPDATE batch_balance SET payable_fen = payable_fen + 1 WHERE batch_id = 2",
    "UPDATE batch_balance SET persons = persons + 1 WHERE batch_id = 2",
    "UPDATE batch_line SET kind = 'assessment' WHERE batch_id = 2 AND line = 1",
    "UPDATE batch_line SET amount_fen = amount_fen + 1 WHERE batch_id = 2 AND line = 1",
    "UPDATE batch_refusal SET outcome = 'held' WHERE batch_id = 2",
    "UPDATE batch_refusal SET kind = 'assessment' WHERE batch_id = 2",
    "UPDATE batch_refusal SET rules = 1048576 WHERE batch_id = 2",
    "DELETE FROM batch_void",
    "INSERT INTO batch_void SELECT 2, reason, by_whom, at FROM batch_void",
    "UPDATE batch_void SET at = at + 1",
    "DELETE FROM reversal",
    "UPDATE reversal SET line = 2",
    "DELETE FROM reopening",
    "UPDATE reopening SET at = at + 1",
    "UPDATE roster_approval SET approved_on = '2025-11-15'",
    "UPDATE roster_approval SET plan_year = 2025",
    "DELETE FROM roster_approval",
    "DELETE FROM roster_block",
    "DELETE FROM assessment_version WHERE id = 6",
    "UPDATE assessment_version SET live = 0 WHERE id = 6",
    "UPDATE original SET received_at = received_at - 1 WHERE id = 1",
    "UPDATE original SET length = length + 1 WHERE id = 1",
    "UPDATE received_mail SET received_at = received_at - 1",
    "UPDATE received_mail SET bytes = bytes + 1",
    "UPDATE received_mail SET mark = header",
    "UPDATE batch_waiver SET line = 2",
    "DELETE FROM batch_waiver",
    "UPDATE waiver SET until_on = '2027-12-31' WHERE id = 1",
    "UPDATE waiver SET rule = 'no-agreement' WHERE id = 1",
    "DELETE FROM waiver_end",
    "UPDATE waiver_end SET ended_on = '2027-12-31'",
    "DELETE FROM tray_decision",
    "UPDATE tray_decision SET act = 'settled'",
    "DELETE FROM withdrawal",
    "UPDATE withdrawal SET at = at + 1",
    "INSERT INTO withdrawal SELECT 1, received_at, reason, by_whom, at FROM withdrawal",
    "UPDATE readmission SET received_at = received_at + 1",
    "UPDATE ledger SET facts_version = facts_version + 1",
];

#[tokio::test]
async fn every_edit_by_hand_shows() {
    on_both(async |world| {
        for edit in EDITS {
            let inside = world.another().await;
            let store = inside.open().await;
            let number = season(&store).await;
            assert_eq!(store.audit_verify(None, None).await.unwrap().faults, []);
            store.batch(&number).await.unwrap();
            tamper(&store, &inside, edit).await;
            let faults = store.audit_verify(None, None).await;
            let shows = faults.as_ref().map_or(true, |report| !report.faults.is_empty());
            let batch = store.batch(&number).await;
            assert!(shows || batch.is_err(), "{edit}: {faults:?}");
            store.close().await;
            inside.gone().await;
        }
    })
    .await;
}

/// A void that nobody ordered would let everything be claimed once more: it stops the judging at once.
#[tokio::test]
async fn a_forged_void_stops_the_claim() {
    on_both(async |world| {
        let store = world.open().await;
        season(&store).await;
        tamper(&store, world, "INSERT INTO batch_void SELECT 2, reason, by_whom, at FROM batch_void").await;
        assert!(matches!(store.load_register().await, Err(StoreError::Damaged(_))));
        store.close().await;
    })
    .await;
}
