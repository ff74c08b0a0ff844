//! A person decides about a file of which another one has decided meanwhile.

use std::sync::Arc;

use shenling::forms::grid::Limits;
use shenling::forms::reading::{FileKind, FormSpecs};
use shenling::settings;
use shenling::stages::StageError;
use shenling::stages::collect::{Decision, Desk, Manner, take_file};
use shenling::store::{Arrival, Reasoned, TrayRefused};

use super::NOW;
use crate::inbox::with_store;

#[test]
fn a_file_that_was_withdrawn_meanwhile_is_neither_taken_nor_admitted_anew() {
    let folder = super::folder();
    folder.put("odd.csv", "谁也不认得的表\n");
    folder.expect(1, &["--now", NOW, "import", "odd.csv"]);
    let loaded = settings::load(&folder.config(), &settings::Environment::new()).unwrap();
    let limits = Limits { max_file_bytes: 1 << 20, max_unzipped_bytes: 1 << 24, max_sheets: 9, max_rows: 9_999 };
    let (catalogue, specs) = (Arc::new(loaded.catalogue), Arc::new(FormSpecs::embedded().clone()));
    let desk = Desk { catalogue, specs, limits };
    let at = chrono::DateTime::parse_from_rfc3339(NOW).unwrap().to_utc();
    with_store(&folder, async |store| {
        let (original, _) = store.report(3).await.unwrap().unwrap();
        let because = Reasoned { reason: "报错了表", by: "某经办", at };
        store.withdraw_import(3, because, None, false).await.unwrap();
        let seen = original.kept.clone();
        let (reason, by) = ("表头写法不同".to_owned(), "另一经办".to_owned());
        let decision = Some(Decision { original: seen, reason, by, answer: None });
        let manner = Manner { kind: Some(FileKind::Results), decision, ..Manner::default() };
        let bytes = store.original_bytes(3).await.unwrap();
        let refused = take_file(store, &desk, &original.name, bytes, &manner, at).await;
        assert!(matches!(refused, Err(StageError::Tray(TrayRefused::Withdrawn))), "{refused:?}");
        let known = store.find_original(&original.kept.sha256).await.unwrap().unwrap();
        assert_eq!(known.state, Arrival::Withdrawn);
    });
    folder.expect(0, &["audit", "verify"]);
}
