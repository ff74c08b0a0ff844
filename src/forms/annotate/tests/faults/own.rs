//! Our own planning workbook, filled in as a clerk does, with faults: named in its cells, marked in its copy, mended there.

use chrono::Datelike;
use serde_json::{Value, json};

use super::copies::marks;
use super::corpus::{ARRIVED_FOR_PLANS, catalogue, findings, read_plan};
use super::typing::{Typed, typed};
use crate::forms::annotate::tests::list_of;
use crate::forms::annotate::{Manner, annotate};
use crate::forms::planning::{self, Order};
use crate::forms::reading::FormSpecs;
use crate::forms::reading::tests::{LIMITS, day};

/// Sheet, row, and what stands in some of its columns; `#` before a number.
type Row = (&'static str, u32, &'static [(char, &'static str)]);

/// What fills the form.
const FILLED: [Row; 9] = [
    ("附件1", 5, &[('C', "#3"), ('D', "焊工（五级/初级工）"), ('E', "#2")]),
    ("附件1", 6, &[('D', "SYB创业培训"), ('E', "#1")]),
    (
        "附件2",
        5,
        &[
            ('C', "就业技能培训"),
            ('D', "焊工"),
            ('F', "五级/初级工"),
            ('H', "#1"),
            ('I', "#2"),
            ('M', "2027-03-01"),
            ('O', "演示学校"),
        ],
    ),
    (
        "附件2",
        6,
        &[('D', "SYB创业培训"), ('F', "无等级"), ('H', "#1"), ('I', "#1"), ('M', "2027-09-01"), ('O', "演示学校")],
    ),
    (
        "附件3",
        5,
        &[
            ('D', "32"),
            ('E', "某甲"),
            ('F', "男"),
            ('L', "2028-05-01"),
            ('P', "焊工"),
            ('R', "五级"),
            ('S', "2027年第1期"),
        ],
    ),
    (
        "附件3",
        6,
        &[
            ('D', "33"),
            ('E', "某乙"),
            ('F', "男"),
            ('L', "2028-06-01"),
            ('P', "焊工"),
            ('R', "五级"),
            ('S', "2027年第1期"),
        ],
    ),
    (
        "附件3",
        7,
        &[('D', "34"), ('E', "某丙"), ('F', "女"), ('L', "2028-07-01"), ('P', "SYB创业培训"), ('S', "2027年第1期")],
    ),
    ("附件4", 5, &[('B', "就业技能培训"), ('D', "焊工"), ('F', "五级"), ('H', "#2"), ('K', "#1"), ('M', "#1")]),
    ("附件4", 15, &[('B', "创业培训"), ('D', "SYB创业培训"), ('H', "#1"), ('K', "#1"), ('M', "#1")]),
];

/// What else annex 4 needs.
const FORMS: [(&str, &str); 12] = [
    ("B4", "演示学校"),
    ("C6", "2027-03-01"),
    ("E6", "2027-03-20"),
    ("B7", "某教师"),
    ("B8", "演示教材"),
    ("B9", "一号车间"),
    ("B14", "演示学校"),
    ("C16", "2027-09-01"),
    ("E16", "2027-09-15"),
    ("B17", "某教师"),
    ("B18", "演示教材"),
    ("B19", "二号车间"),
];

/// What a clerk typed instead, where, and what must be said: sheet, cell, value, code.
type Fault = (&'static str, &'static str, &'static str, &'static str);

/// Each line is a workbook; each fault of it stands in a cell of its own. An empty code: the cell named is another one.
const FAULTS: [&[Fault]; 16] = [
    &[("附件1", "C5", "#4", "plan-sum")],
    &[
        ("附件1", "D5", "电焊", "unknown-occupation"),
        ("附件3", "F6", "", "required-empty"),
        ("附件4", "H15", "几人", "bad-number"),
    ],
    &[("附件1", "E6", "", "required-empty"), ("附件2", "O6", "某校", "unknown-institution")],
    &[
        ("附件2", "M5", "2027年3月", "bad-date"),
        ("附件2", "F6", "高级班", "unknown-level"),
        ("附件3", "L7", "五月", "bad-date"),
    ],
    &[("附件2", "M5", "2028-03-01", "plan-year"), ("附件3", "L7", "2029-09-01", "sentence-too-long")],
    &[
        ("附件2", "I5", "#0", "bad-number"),
        ("附件2", "R6", "0", "bad-number"),
        ("附件2", "N6", "2027-08-31", "date-order"),
    ],
    &[
        ("附件3", "I5", "#329999199001011234", "digits-lost"),
        ("附件3", "M6", "有", "already-skilled"),
        ("附件3", "N7", "否", "unable-to-study"),
    ],
    &[
        ("附件3", "D5", "3.3E+15", "digits-lost"),
        ("附件3", "E6", "\u{3000}", "required-empty"),
        ("附件3", "F7", "不详", "unknown-result"),
    ],
    &[("附件3", "B6", "新康监狱", "plan-prison"), ("附件3", "P5", "焊接", "unknown-occupation")],
    &[("附件4", "B4", "无名学校", "unknown-institution"), ("附件4", "D15", "开店", "unknown-occupation")],
    &[("附件4", "C6", "三月一日", "bad-date"), ("附件4", "E16", "2027-08-01", "date-order")],
    &[("附件4", "E6", "月底", "bad-date"), ("附件4", "K15", "第一", "bad-number")],
    &[("附件4", "F5", "四级", ""), ("附件4", "D5", "焊工", "plan-class")],
    &[("附件4", "K5", "", "bad-number"), ("附件4", "C16", "", "bad-date")],
    &[("附件4", "E6", "", "bad-date"), ("附件4", "H5", "", "required-empty"), ("附件4", "B14", "", "required-empty")],
    &[
        ("附件2", "Q6", "一般", "bad-number"),
        ("附件2", "C5", "岗前", "unknown-type"),
        ("附件2", "G6", "证明", "unknown-type"),
    ],
];

fn value(text: &str) -> Value {
    match text.strip_prefix('#') {
        Some(number) => json!(number.parse::<i64>().expect("a number")),
        None if text.is_empty() => Value::Null,
        None => json!(text),
    }
}

fn cell(sheet: &str, cell: &str, text: &str) -> Typed {
    (sheet.to_owned(), cell.to_owned(), value(text))
}

/// Everything that fills the form.
fn filled() -> Vec<Typed> {
    let rows = FILLED.iter().flat_map(|(sheet, row, cells)| {
        cells.iter().map(move |(column, text)| cell(sheet, &format!("{column}{row}"), text))
    });
    // The prison of a row is chosen from a list.
    let prisons = FILLED.iter().filter(|(sheet, ..)| *sheet != "附件4");
    let prisons = prisons.map(|(sheet, row, _)| cell(sheet, &format!("B{row}"), "溧阳监狱"));
    let forms = FORMS.iter().map(|(at, text)| cell("附件4", at, text));
    rows.chain(prisons).chain(forms).collect()
}

#[test]
fn faults_in_our_own_form_are_named_marked_and_mended() {
    let catalogue = catalogue();
    let today = day(ARRIVED_FOR_PLANS);
    let order = Order {
        prison: "溧阳监狱",
        year: today.year() + 1,
        addition: false,
        last: None,
        today,
        specs: FormSpecs::embedded(),
        catalogue: &catalogue,
    };
    let good = filled();
    let form = typed(&planning::write(&order).unwrap(), &good);
    let reading = read_plan(&form, &catalogue);
    assert_eq!(findings(&reading), Vec::<[String; 4]>::new());
    assert_eq!((reading.rows, reading.set_aside), (9, 0));
    for faults in FAULTS {
        let name = format!("{faults:?}");
        let wrong: Vec<Typed> = faults.iter().map(|(sheet, at, text, _)| cell(sheet, at, text)).collect();
        let bytes = typed(&form, &wrong);
        let reading = read_plan(&bytes, &catalogue);
        let mut wanted: Vec<[String; 4]> = faults
            .iter()
            .filter(|(.., code)| !code.is_empty())
            .map(|(sheet, at, _, code)| [*sheet, at, code, "error"].map(str::to_owned))
            .collect();
        wanted.sort();
        assert_eq!(findings(&reading), wanted, "{name}");
        let copy = annotate("计划.xlsx", &bytes, &list_of(&reading), &LIMITS).unwrap();
        assert_eq!(copy.manner, Manner::Edited, "{name}");
        marks(&name, &copy, &reading);
        let right = |(sheet, at, _): &Typed| {
            let known = good.iter().find(|(of, place, _)| (of, place) == (sheet, at));
            (sheet.clone(), at.clone(), known.map_or(Value::Null, |(.., value)| value.clone()))
        };
        let mended = typed(&copy.bytes, &wrong.iter().map(right).collect::<Vec<_>>());
        let reading = read_plan(&mended, &catalogue);
        assert_eq!(findings(&reading), Vec::<[String; 4]>::new(), "{name}");
        assert_eq!((reading.rows, reading.set_aside), (9, 0), "{name}");
    }
}
