//! Pdf papers. What they show was looked at; what is tested is that they are made, again and again the same.

use std::collections::BTreeMap;

use super::super::printer::parts;
use super::super::{Paper, PaperError, PaperKind, Printer, Templates, Wanted, proofs};
use super::printed;
use super::samples::{World, batch, fonts_or_skip, leave, line, mixed, reversal, row, waived};
use crate::subsidy::course::{Kind, Level};

fn is_pdf_a(paper: &Paper) -> bool {
    let has = |text: &[u8]| paper.bytes.windows(text.len()).any(|window| window == text);
    paper.bytes.starts_with(b"%PDF-") && has(b"pdfaid:part")
}

#[test]
fn every_paper_is_made_twice_the_same() {
    let Some(fonts) = fonts_or_skip("every_paper_is_made_twice_the_same") else { return };
    let world = World::new();
    let batch = mixed();
    let papers = printed(&batch, world.context(Some(fonts)), Wanted::Everything).expect("papers");
    leave(&papers);
    assert!(papers == printed(&batch, world.context(Some(fonts)), Wanted::Everything).expect("papers"));
    for paper in &papers {
        assert!(paper.bytes.starts_with(b"PK") || is_pdf_a(paper), "{}", paper.name);
        assert_eq!(paper.personal, paper.kind.is_personal());
    }
    let count = |kind| papers.iter().filter(|paper| paper.kind == kind).count();
    assert_eq!(count(PaperKind::Annex7), count(PaperKind::Annex8Xlsx));
    assert_eq!(count(PaperKind::Annex9), count(PaperKind::Annex10Pdf));
    assert_eq!(papers.iter().filter(|paper| paper.group.is_none()).count(), 4);
}

#[test]
fn a_cover_with_waivers_is_made() {
    let Some(fonts) = fonts_or_skip("a_cover_with_waivers_is_made") else { return };
    let world = World::new();
    let batch = waived();
    let mut cover =
        Printer::new(&batch, world.context(Some(fonts))).and_then(|printer| printer.cover()).expect("cover");
    assert!(is_pdf_a(&cover));
    cover.name = format!("豁免_{}", cover.name);
    leave(&[cover]);
}

#[test]
fn a_long_detail_is_split() {
    let lengths = |rows: usize| -> Vec<usize> { parts(&vec![(); rows]).iter().map(|part| part.len()).collect() };
    assert_eq!(lengths(0), [0]);
    assert_eq!(lengths(1999), [1999]);
    assert_eq!(lengths(2000), [1000, 1000]);
    assert_eq!(lengths(2100), [1050, 1050]);
    for rows in [4000, 4001, 100_000] {
        let lengths = lengths(rows);
        assert!(lengths.iter().sum::<usize>() == rows && lengths.iter().all(|length| *length <= 2000));
    }
}

#[test]
fn a_character_without_glyph_is_named() {
    let Some(fonts) = fonts_or_skip("a_character_without_glyph_is_named") else { return };
    let world = World::new();
    let mut row = row(1, "常州监狱", "hangong", Level::Four, "第1期");
    row.name = "张\u{f8ff}".into();
    let batch = batch(vec![line(Kind::Training, row, 20_000, None)], Vec::new(), &BTreeMap::new());
    let error = printed(&batch, world.context(Some(fonts)), Wanted::Everything).expect_err("a missing glyph");
    let PaperError::MissingGlyph { paper, place, character, codepoint } = error else { panic!("{error}") };
    assert!(paper.contains("附件8"), "{paper}");
    assert_eq!(place, "（常州监狱，第001组，明细序号1，罪犯编号*******001）");
    assert_eq!((character, codepoint.as_str()), ('\u{f8ff}', "U+F8FF"));
    assert!(printed(&batch, world.context(Some(fonts)), Wanted::Forms).is_ok(), "the form does not show the name");
}

#[test]
fn of_many_missing_characters_the_first_is_named() {
    let Some(fonts) = fonts_or_skip("of_many_missing_characters_the_first_is_named") else { return };
    let world = World::new();
    let mut lines = Vec::new();
    for class in 1..=8 {
        for serial in 1..=3 {
            let mut row = row(serial, "常州监狱", "hangong", Level::Four, &format!("第{class}期"));
            if class > 2 && serial > 1 {
                row.name = format!("张{}", char::from_u32(0xf8f0 + class).expect("a private character"));
            }
            lines.push(line(Kind::Training, row, 20_000, None));
        }
    }
    let batch = batch(lines, Vec::new(), &BTreeMap::new());
    for _ in 0..3 {
        let error = printed(&batch, world.context(Some(fonts)), Wanted::Everything).expect_err("missing glyphs");
        let PaperError::MissingGlyph { place, codepoint, .. } = error else { panic!("{error}") };
        assert_eq!(place, "（常州监狱，第003组，明细序号2，罪犯编号*******002）");
        assert_eq!(codepoint, "U+F8F3");
    }
}

#[test]
fn a_form_of_long_texts_stays_on_one_page() {
    let Some(fonts) = fonts_or_skip("a_form_of_long_texts_stays_on_one_page") else { return };
    let mut world = World::new();
    for occupation in &mut world.catalogue.occupations {
        occupation.name = "场（厂）内专用机动车辆（叉车、牵引车、非公路旅游观光车）操作与维护保养作业人员".into();
    }
    for institution in &mut world.catalogue.institutions {
        institution.account = Some("999900000000000002299990000022".into());
        institution.bank = Some("演示银行股份有限公司江苏省常州市武进高新技术产业开发区支行营业部".into());
    }
    let class = "2026年场（厂）内专用机动车辆操作与维护保养作业人员综合技能提升第一期（周末班）A区";
    let mut lines = Vec::new();
    for kind in Kind::ALL {
        for fee in [None, Some(15_005), Some(9_999)] {
            lines.push(line(kind, row(1, "常州监狱", "hangong", Level::Three, class), 160_000, fee));
        }
        let wrong = line(kind, row(9, "常州监狱", "hangong", Level::Three, class), 100_000, None);
        lines.push(reversal(wrong, "CZ-2026-Q3-002", 3, "重复申领"));
    }
    let batch = batch(lines, Vec::new(), &BTreeMap::new());
    for paper in printed(&batch, world.context(Some(fonts)), Wanted::Forms).expect("forms") {
        let one_page =
            paper.bytes.windows(9).any(|window| window.starts_with(b"/Count 1") && !window[8].is_ascii_digit());
        leave(std::slice::from_ref(&paper));
        assert!(one_page, "{}", paper.name);
    }
}

#[test]
fn rare_characters_of_extension_b_print() {
    let Some(fonts) = fonts_or_skip("rare_characters_of_extension_b_print") else { return };
    let extension_b: String = ('\u{20000}'..='\u{2a6d6}').collect();
    assert_eq!(fonts.first_missing(&extension_b), None);
    let world = World::new();
    let mut row = row(1, "常州监狱", "hangong", Level::Four, "第1期");
    row.name = "王𪛖明".into();
    let batch = batch(vec![line(Kind::Training, row, 20_000, None)], Vec::new(), &BTreeMap::new());
    assert!(printed(&batch, world.context(Some(fonts)), Wanted::Everything).is_ok());
}

#[test]
fn without_fonts_nothing_is_printed() {
    let world = World::new();
    assert_eq!(printed(&mixed(), world.context(None), Wanted::Forms), Err(PaperError::NoFonts));
    assert!(printed(&mixed(), world.context(None), Wanted::Everything).is_err());
}

#[test]
fn a_family_that_is_not_there_stops_the_paper() {
    let Some(fonts) = fonts_or_skip("a_family_that_is_not_there_stops_the_paper") else { return };
    let mut world = World::new();
    let text = "#set document(date: none)\n#text(font: \"No Such Family\")[样张]";
    world.templates =
        Templates::with_overrides(&BTreeMap::from([("annex7.typ".into(), text.into())])).expect("a template");
    let batch = mixed();
    let printer = Printer::new(&batch, world.context(Some(fonts))).expect("a printer");
    let error = printer.form(&batch.groups[0]).expect_err("a warning");
    assert!(
        error.to_string().contains("no such family") && error.to_string().contains("annex7.typ 第 2 行"),
        "{error}"
    );
}

#[test]
fn fonts_say_what_is_missing() {
    let Some(fonts) = fonts_or_skip("fonts_say_what_is_missing") else { return };
    assert_eq!(fonts.first_missing("常州㛃䶮𠮷"), None);
    assert_eq!(fonts.first_missing("常\u{f8ff}"), Some('\u{f8ff}'));
    assert_eq!(fonts.sha256().len(), 64);
    assert!(!fonts.family_names().is_empty());
    assert_eq!(World::new().no_fonts.missing_families().len(), 7);
}

#[test]
fn proof_sheets_try_every_template() {
    let Some(fonts) = fonts_or_skip("proof_sheets_try_every_template") else { return };
    let mut world = World::new();
    assert_eq!(proofs(world.context(Some(fonts))).expect("proofs").len(), 15);
    world.catalogue = crate::subsidy::catalogue::Catalogue::default();
    assert!(proofs(world.context(Some(fonts))).is_ok(), "an empty catalogue has papers too");
    for name in Templates::names() {
        let broken = BTreeMap::from([(name.to_owned(), "#panic(\"样张\")".to_owned())]);
        world.templates = Templates::with_overrides(&broken).expect("it parses");
        assert!(matches!(proofs(world.context(Some(fonts))), Err(PaperError::Template { .. })), "{name}");
    }
}
