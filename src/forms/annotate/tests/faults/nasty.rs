//! Whatever a clerk types wherever: every row is accounted for, nothing comes back without a word or is said twice, and
//! the copy marks what was found.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::copies::marks;
use super::corpus::{Planted, catalogue, corpus};
use super::typing::{Typed, sheets_of, typed};
use crate::forms::annotate::annotate;
use crate::forms::annotate::tests::list_of;
use crate::forms::grid::{self, a1};
use crate::forms::reading::FileKind;
use crate::subsidy::finding::Severity;

/// The workbooks that can be opened.
fn workbooks() -> &'static [Planted] {
    static BOOKS: OnceLock<Vec<Planted>> = OnceLock::new();
    BOOKS.get_or_init(|| {
        let is_sound = |planted: &Planted| {
            planted.entry.by != "csv" && grid::read("a.xlsx", &planted.bytes, &planted.limits()).is_ok()
        };
        corpus().into_iter().filter(is_sound).collect()
    })
}

/// What nobody expects in a cell.
fn values() -> Vec<Value> {
    let texts = [
        " ",
        "#REF!",
        "#N/A",
        "合计",
        "小计：",
        "序号",
        "监狱",
        "罪犯编号",
        "姓名",
        "附件2",
        "培训时间",
        "2026-02-30",
        "20260305",
        "3.2E+17",
        "=1+1",
        "\u{200B}",
        "\u{FEFF}常州监狱",
        "_x0041_",
        "<&>\"'",
        "\u{FDFA}",
        "第1期\n第2期",
        "99999999999999999999",
        "１２３",
        "/",
        "——",
        "无",
        "-0",
        "1e5",
        "٣",
        "𠮷",
        "SYB创业培训",
        "五级",
        "合格",
        "不合格",
        "从2027-03-01至",
        "2027年度",
        "临时备案",
    ];
    let numbers =
        [json!(0), json!(-1), json!(46_083.5), json!(320_404_199_001_011_234_u64), json!(1e300), json!(0.1), json!(5)];
    let long = json!("长".repeat(3_000));
    texts.iter().map(|text| json!(text)).chain(numbers).chain([Value::Null, long]).collect()
}

fn typing() -> impl Strategy<Value = BTreeMap<(u32, usize), Value>> {
    prop::collection::btree_map((1_u32..20, 0_usize..30), prop::sample::select(values()), 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_typed_is_accounted_for_and_marked(which in any::<prop::sample::Index>(), sheet in any::<prop::sample::Index>(), cells in typing()) {
        let planted = which.get(workbooks());
        let sheets = sheets_of(&planted.bytes);
        let (sheet, _) = sheet.get(&sheets);
        let values: Vec<Typed> =
            cells.into_iter().map(|((row, column), value)| (sheet.clone(), a1(row, column), value)).collect();
        let bytes = typed(&planted.bytes, &values);
        let reading = planted.read("a.xlsx", &bytes, &catalogue());
        if reading.kind != Some(FileKind::Plan) {
            let taken = u32::try_from(reading.content.len()).unwrap();
            prop_assert_eq!(reading.rows, reading.set_aside + reading.duplicates + taken);
        }
        let errors = reading.findings.iter().filter(|finding| finding.severity == Severity::Error).count();
        prop_assert!(reading.set_aside == 0 || errors > 0, "rows come back without a word");
        let said: BTreeSet<_> =
            reading.findings.iter().map(|f| (&f.sheet, &f.cell, f.code, &f.advice)).collect();
        prop_assert_eq!(said.len(), reading.findings.len(), "said twice");
        let copy = annotate("a.xlsx", &bytes, &list_of(&reading), &planted.limits());
        marks(&planted.entry.file, &copy.unwrap(), &reading);
    }
}
