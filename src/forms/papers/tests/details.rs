//! Workbooks, read back with another crate than the one that wrote them.

use std::collections::BTreeMap;
use std::io::Cursor;

use calamine::{Data, Reader, Xlsx};

use super::super::{Paper, PaperKind, Printer, Wanted};
use super::printed;
use super::samples::{World, batch, leave, line, long, mixed, row};
use crate::subsidy::course::{Kind, Level};

fn open(paper: &Paper) -> Xlsx<Cursor<Vec<u8>>> {
    Xlsx::new(Cursor::new(paper.bytes.clone())).expect("a workbook")
}

fn cells(paper: &Paper) -> Vec<Vec<Data>> {
    let mut book = open(paper);
    let range = book.worksheet_range_at(0).expect("a sheet").expect("cells");
    range.rows().map(<[Data]>::to_vec).collect()
}

#[test]
fn same_batch_same_bytes() {
    let world = World::new();
    let batch = mixed();
    let first = printed(&batch, world.context(None), Wanted::Workbooks).expect("workbooks");
    let second = printed(&batch, world.context(None), Wanted::Workbooks).expect("workbooks");
    assert!(first == second);
    assert_eq!(first.len(), batch.groups.len());
    assert!(first.iter().all(|paper| paper.personal && paper.group.is_some()));
    leave(&first);
}

#[test]
fn text_stays_text_and_the_sum_is_live() {
    let world = World::new();
    let batch = mixed();
    let printer = Printer::new(&batch, world.context(None)).expect("a printer");
    let group = batch.groups.iter().find(|g| g.lines.len() == 45 && g.key.kind == Kind::Training).expect("a group");
    let paper = printer.workbook(group).expect("a workbook");
    assert_eq!(paper.kind, PaperKind::Annex8Xlsx);
    let rows = cells(&paper);
    let header: Vec<String> = rows[3].iter().map(ToString::to_string).collect();
    assert_eq!(header[..4], ["序号", "姓名", "性别", "公民身份号码"]);
    assert_eq!(rows[4][3], Data::String("320404199001010000X".replace("0000X", "000X")));
    assert_eq!(rows[8][18], Data::String("按实际费用950.50元；=cmd|' /C calc'!A0".into()));
    assert_eq!(rows[4][16], Data::Float(950.5));
    assert_eq!(rows[6][1], Data::String("𠮷田喆".into()));
    let total = &rows[49];
    assert_eq!(total[0], Data::String("合计（45人）".into()));
    assert_eq!(total[16], Data::Float(60906.0));
    assert!(total[17].to_string().contains("60,906.00元"), "{}", total[17]);
    let mut book = open(&paper);
    let sheet = book.sheet_names()[0].clone();
    let formulas = book.worksheet_formula(&sheet).expect("formulas");
    assert!(formulas.used_cells().any(|(_, _, formula)| formula == "SUM(Q5:Q49)"));
}

#[test]
fn a_formula_in_a_name_is_text() {
    let world = World::new();
    let mut row = row(1, "常州监狱", "hangong", Level::Four, "@第1期");
    row.name = "=1+1".into();
    row.number = "-7".into();
    let batch = batch(vec![line(Kind::Assessment, row, 20_000, None)], Vec::new(), &BTreeMap::new());
    let papers = printed(&batch, world.context(None), Wanted::Workbooks).expect("workbooks");
    assert_eq!(cells(&papers[0])[4][1], Data::String("=1+1".into()));
}

#[test]
fn a_long_detail_stays_whole_in_the_workbook() {
    let world = World::new();
    let papers = printed(&long(2100), world.context(None), Wanted::Workbooks).expect("workbooks");
    assert_eq!(cells(&papers[0]).len(), 4 + 2100 + 1);
}

#[test]
fn the_refusal_list_keeps_denied_and_held_apart() {
    let world = World::new();
    let batch = mixed();
    let printer = Printer::new(&batch, world.context(None)).expect("a printer");
    let paper = printer.refusal_list().expect("a list");
    assert_eq!(paper.name, "CZ-2026-Q4-001_不予核定清单.xlsx");
    assert!(paper.personal);
    leave(std::slice::from_ref(&paper));
    let mut book = open(&paper);
    assert_eq!(book.sheet_names(), ["不予核定", "待补正"]);
    let denied = book.worksheet_range("不予核定").expect("cells");
    let codes: Vec<String> = denied.rows().skip(4).map(|row| row[12].to_string()).collect();
    assert!(codes.len() == 2 && codes[0].starts_with("R1　") && codes[1].starts_with("R12　"), "{codes:?}");
    let held = book.worksheet_range("待补正").expect("cells");
    assert_eq!(held.get((4, 16)), Some(&Data::String("监狱".into())));
}

#[test]
fn publicity_names_nobody() {
    let world = World::new();
    let batch = mixed();
    let printer = Printer::new(&batch, world.context(None)).expect("a printer");
    let paper = printer.publicity_workbook().expect("a table");
    assert!(!paper.personal);
    leave(std::slice::from_ref(&paper));
    let text: String = cells(&paper).iter().flatten().map(ToString::to_string).collect();
    assert!(batch.lines.iter().all(|line| !text.contains(&line.row.name) && !text.contains(&line.row.number)));
    assert!(printed(&batch, world.context(None), Wanted::Everything).is_err(), "a pdf without fonts is an error");
}
