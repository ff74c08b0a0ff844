//! No personal data stands in clear: the database file is searched byte by byte.

use super::support::{Draft, PERSON, at, on_both, result, results, roster_row, seal, take};
use crate::store::{
    ApprovalNote, MailAct, MailEnding, MailFate, MailHeader, MailPlace, NewMail, NewPart, Reasoned, Rows,
};
use crate::subsidy::identifiers::normalise;
use crate::subsidy::verdict::Rule;

#[tokio::test]
async fn the_database_file_holds_no_personal_data() {
    on_both(async |world| {
        if !world.is_lite() {
            return;
        }
        let store = world.open().await;
        let rows = Rows { roster: (1..=9).map(roster_row).collect(), ..results((1..=9).map(result)) };
        take(&store, &format!("{PERSON}.xlsx"), 0, &rows).await;
        let note = ApprovalNote { on: "2025-11-03".parse().unwrap(), by: PERSON.to_owned(), plan_year: None };
        store.approve_roster(1, &note, at(1)).await.unwrap();
        let batch =
            seal(&store, &Draft { granted: vec![1, 2], refused: vec![3], minutes: 5, ..Draft::default() }).await;
        store.request_reversal(&batch, 1, PERSON, PERSON, at(6)).await.unwrap();
        store.reopen(3, PERSON, PERSON, at(6)).await.unwrap();
        let because = Reasoned { reason: PERSON, by: PERSON, at: at(7) };
        let waived = store.add_waiver(4, Rule::NotOnRoster, "2026-12-31".parse().unwrap(), because).await.unwrap();
        store.end_waiver(waived, because).await.unwrap();
        take(&store, "another", 8, &results([result(10)])).await;
        store.withdraw_import(2, because, None, false).await.unwrap();
        let header = MailHeader { sender: PERSON.to_owned(), subject: PERSON.to_owned(), ..MailHeader::default() };
        let parts = [NewPart { name: PERSON.to_owned(), sha256: "0".repeat(64) }];
        let place = MailPlace { account: PERSON.to_owned(), validity: 1, uid: 1 };
        let raw = PERSON.as_bytes();
        let mail = NewMail { place: &place, header: &header, raw, bytes: 1, parts: &parts, unit: None };
        let kept = store.keep_mail(&mail, at(9)).await.unwrap();
        let ending = MailEnding { fate: MailFate::Words, answer: None, once_since: None };
        store.end_mail(kept.id, &ending, at(9)).await.unwrap();
        store.decide_mail(kept.id, &MailAct::Settled, because, None).await.unwrap();
        let row = result(1);
        let secrets = [
            PERSON.to_owned(),
            row.number.clone(),
            row.resident_id.clone().unwrap(),
            normalise(row.certificate_number.as_deref().unwrap()),
        ];
        let dump = store.dump().await.unwrap();
        assert!(secrets.iter().all(|secret| dump.contains(secret)), "the search looks for what was stored");
        let mut searched = 0;
        for file in std::fs::read_dir(world.folder.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            searched += bytes.len();
            for secret in &secrets {
                let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!found, "{secret} stands in clear");
            }
        }
        assert!(searched > 100_000, "WAL included");
        store.close().await;
    })
    .await;
}
