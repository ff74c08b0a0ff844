//! The planning workbook as it is handed out: the same bytes for the same order, its mark, and that it reads as empty.

use chrono::NaiveDate;

use super::{FORM_VERSION, FormMark, Order, write};
use crate::forms::grid::{self, Limits};
use crate::forms::reading::{Content, FileKind, FormSpecs, ReadingContext, read_file};
use crate::subsidy::catalogue::{Catalogue, Prison};

const LIMITS: Limits =
    Limits { max_file_bytes: 1 << 24, max_unzipped_bytes: 1 << 28, max_sheets: 100, max_rows: 100_000 };

#[test]
fn the_same_order_gives_the_same_bytes_and_they_read_as_an_empty_plan() {
    let mut catalogue = Catalogue::default();
    catalogue.prisons = vec![Prison { name: "溧阳监狱".into(), lead: true }];
    let catalogue = catalogue.indexed();
    let today = NaiveDate::from_ymd_opt(2026, 10, 8).unwrap();
    let specs = FormSpecs::embedded();
    let order =
        Order { prison: "溧阳监狱", year: 2027, addition: false, last: None, today, specs, catalogue: &catalogue };
    let bytes = write(&order).unwrap();
    assert!(bytes == write(&order).unwrap());
    let workbook = grid::read("a.xlsx", &bytes, &LIMITS).unwrap();
    let marks: Vec<FormMark> = workbook.marks.iter().filter_map(|(_, text)| FormMark::parse(text)).collect();
    let mark = FormMark { version: FORM_VERSION, year: 2027, prison: "溧阳监狱".to_owned(), addition: false };
    assert_eq!(marks, [mark.clone(), mark], "once as defined name, once as custom property");
    let names: Vec<&str> = workbook.sheets.iter().map(|sheet| sheet.name.as_str()).collect();
    assert_eq!(names, ["填写说明", "附件1", "附件2", "附件3", "附件4", "选项"]);
    let ctx = ReadingContext { catalogue: &catalogue, specs, limits: LIMITS, arrived_on: today, addition: false };
    let reading = read_file("a.xlsx", &bytes, None, &ctx);
    assert_eq!((reading.kind, reading.rows), (Some(FileKind::Plan), 0));
    assert!(matches!(reading.content, Content::Nothing));
    assert_eq!(reading.sheets, names[..5], "the hidden sheet is nobody's");
}

#[test]
fn marks_are_read_as_they_were_written() {
    let mark = FormMark { version: 3, year: 2030, prison: "新康监狱".to_owned(), addition: true };
    assert_eq!(FormMark::parse(&mark.text()), Some(mark));
    for other in ["", "planning", "planning/x/2027/溧阳监狱/year", "roster/1/2027/溧阳监狱/year"] {
        assert_eq!(FormMark::parse(other), None, "{other}");
    }
}
