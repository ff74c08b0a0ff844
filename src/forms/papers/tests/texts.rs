//! Names, wording, netting, columns, manifest: everything that needs no fonts.

use std::collections::BTreeMap;

use super::super::netting::claims;
use super::super::table::breakable;
use super::super::{
    DetailSpecs, Manifest, ManifestFile, PaperError, PaperKind, Templates, check_names, cover, names, publicity,
    wording,
};
use super::samples::{self, ASSESSOR, TRAINER, World, line, mixed, reversal, row};
use crate::subsidy::assessment::Name;
use crate::subsidy::course::{Kind, Level};
use crate::subsidy::money::Fen;

#[test]
fn names_are_safe_and_short() {
    let world = World::new();
    let mut batch = mixed();
    let name = |batch: &_, group: &_| names::group_name(batch, &world.catalogue, group, "附件7", ".pdf");
    let group = batch.groups.iter().find(|g| g.key.occupation.as_ref() == "pengtiao").expect("a group").clone();
    let expected =
        format!("CZ-2026-Q4-001_{:03}_溧阳监狱_附件7_星河培训_中式烹调师_五级-初级工_1-2班：晚-.pdf", group.number);
    assert_eq!(name(&batch, &group), expected);
    let group = &mut batch.groups[0];
    group.key.class = "特别长的班期名称".repeat(40);
    let group = group.clone();
    let long = name(&batch, &group);
    // Room is kept for `_第999部分` and the longer annex, 14 bytes.
    assert!(long.len() <= names::MAX_NAME_BYTES - 14 && long.len() > names::MAX_NAME_BYTES - 18, "{}", long.len());
    assert!(long.starts_with("CZ-2026-Q4-001_001_") && long.to_lowercase().ends_with(".pdf"), "{long}");
    assert!(
        !names::safe("a/b\\c:d*e?f\"g<h>i|j\u{7}k").contains(['/', '\\', ':', '*', '?', '"', '<', '>', '|', '\u{7}'])
    );
}

#[test]
fn long_names_keep_their_telling_parts() {
    let mut world = World::new();
    let long = "场（厂）内专用机动车辆（叉车、牵引车、非公路旅游观光车）操作与维护保养作业人员";
    world.catalogue.occupations[0].name = long.into();
    world.catalogue = std::mem::take(&mut world.catalogue).indexed();
    let mut batch = mixed();
    batch.groups[0].key.institution =
        "常州市武进区特殊人群职业技能培训与创业就业指导综合服务中心（附属继续教育培训学院）".into();
    batch.groups[0].key.occupation = "hangong".into();
    batch.groups[0].key.class =
        "2026年场（厂）内专用机动车辆操作与维护保养作业人员综合技能提升第一期（周末班）A区".into();
    let name = |annex, suffix: &str| {
        let name = names::group_name(&batch, &world.catalogue, &batch.groups[0], annex, suffix);
        assert!(name.len() <= names::MAX_NAME_BYTES, "{name}");
        name.strip_suffix(suffix).expect("the suffix").replace(annex, "")
    };
    let pdf = name("附件7", ".pdf");
    assert_eq!(pdf, name("附件8", ".xlsx"));
    assert_eq!(pdf, name("附件10", "_第12部分.pdf"));
    let parts: Vec<&str> = pdf.split('_').collect();
    assert_eq!(parts[2], "常州监狱");
    assert!(
        parts[4].starts_with("常州市武进区特殊人群职业技能") && parts[5].starts_with("场（厂）内专用机动车辆"),
        "{pdf}"
    );
    assert!(parts[6] == "四级-中级工" && parts[7].starts_with("2026年场（厂）内专用"), "{pdf}");
    assert_eq!(pdf.matches('（').count(), pdf.matches('）').count(), "{pdf}");
}

#[test]
fn an_institution_without_short_name_keeps_its_full_name() {
    let world = World::new();
    let batch = mixed();
    let group = batch.groups.iter().find(|g| g.key.kind == Kind::Assessment).expect("a group");
    let name = names::group_name(&batch, &world.catalogue, group, "附件9", ".pdf");
    assert!(name.contains(ASSESSOR) && name.len() <= names::MAX_NAME_BYTES, "{name}");
    assert!(!name.contains(TRAINER));
}

#[test]
fn equal_names_stop_the_batch() {
    assert!(check_names(["a.pdf", "b.pdf"]).is_ok());
    let refused = check_names(["a.pdf", "A.PDF"]);
    assert!(matches!(refused, Err(PaperError::Broken(message)) if message.contains("A.PDF")));
}

#[test]
fn standards_read_as_the_rules_say() {
    let rows = |fees: &[Option<i64>], base| -> Vec<_> {
        fees.iter()
            .map(|fee| line(Kind::Training, row(1, "常州监狱", "hangong", Level::Four, "1"), base, *fee))
            .collect()
    };
    let read = |lines: &[crate::subsidy::batch::Line]| {
        wording::standard(&lines[0].group_key(), &lines.iter().collect::<Vec<_>>())
    };
    assert_eq!(read(&rows(&[None, None], 100_000)), "1000元/人");
    let mut fees = vec![None; 12];
    fees.extend([Some(95_050); 3]);
    assert_eq!(read(&rows(&fees, 100_000)), "1000元×12人、950.50元×3人");
    let mut shared = rows(&[None, None], 100_000);
    for line in &mut shared {
        line.payable.share_permille = 500;
        line.amount = Fen(50_000);
    }
    assert_eq!(read(&shared), "1000元/人×50%＝500元/人");
    (shared[1].payable.fee, shared[1].amount) = (Some(Fen(95_050)), Fen(47_525));
    assert_eq!(read(&shared), "1000元×50%＝500元×1人、950.50元×50%＝475.25元×1人");
    let mut mixed = rows(&[None], 100_000);
    mixed.push(reversal(mixed[0].clone(), "CZ-2026-Q3-002", 3, "重复"));
    assert_eq!(read(&mixed), "1000元/人");
}

#[test]
fn amounts_in_words() {
    assert_eq!(wording::in_words(Fen(0)), "人民币零元整");
    assert_eq!(wording::in_words(Fen(140_950)), "人民币壹仟肆佰零玖元伍角");
    assert_eq!(wording::in_words(Fen(-1)), "");
    assert_eq!(wording::days(samples::date("2026-03-05"), samples::date("2026-03-05")), "2026年3月5日");
    assert_eq!(wording::days(samples::date("2026-03-05"), samples::date("2026-04-01")), "2026年3月5日至2026年4月1日");
}

#[test]
fn remarks_cite_what_they_correct() {
    let mut one = line(Kind::Training, row(1, "常州监狱", "hangong", Level::Four, "1"), 100_000, Some(95_050));
    one.late = true;
    one.warnings.insert(crate::subsidy::verdict::Rule::LastClaim);
    assert_eq!(wording::remark(&one), "补报；按实际费用950.50元；提示：期限内最后一次");
    let mut back = reversal(one, "CZ-2026-Q3-002", 17, "重复申领");
    back.late = false;
    assert!(wording::remark(&back).starts_with("更正：冲回CZ-2026-Q3-002第17行（重复申领）"));
}

#[test]
fn numbers_of_persons_in_reasons_are_masked_where_everybody_reads_them() {
    let world = World::new();
    let mut batch = samples::waived();
    for used in &mut batch.waivers {
        used.waiver.reason = "原件已核320404199001010012".to_owned();
        used.waiver.by = "经办123456789012345".to_owned();
    }
    let cover = serde_json::to_string(&cover::fill(&batch, &world.context(None))).unwrap();
    let manifest = Manifest::new(&batch, Vec::new(), &world.context(None)).to_bytes().unwrap();
    let manifest = String::from_utf8(manifest).unwrap();
    for text in [cover, manifest] {
        assert!(text.contains("原件已核") && !text.contains("19900101") && !text.contains("123456789"), "{text}");
    }
}

#[test]
fn a_waiver_is_told_on_cover_detail_and_manifest() {
    let world = World::new();
    let batch = samples::waived();
    let cover = serde_json::to_value(cover::fill(&batch, &world.context(None))).expect("texts");
    assert_eq!(cover["waivers"][0]["lines"], "4、5");
    assert_eq!(cover["waivers"][1]["rule"], "R12　公民身份号码缺失或校验码不符");
    assert_eq!(cover["waivers"][1]["until"], "2026年12月31日");
    assert!(wording::remark(&batch.lines[4]).ends_with("经豁免（见封面）"));
    let back = reversal(batch.lines[4].clone(), "CZ-2026-Q4-001", 5, "重复申领");
    assert!(!wording::remark(&back).contains("豁免"), "told where it was granted");
    let without = serde_json::to_value(cover::fill(&mixed(), &world.context(None))).expect("texts");
    assert_eq!(without["waivers"], serde_json::json!([]));
}

#[test]
fn forms_add_up_to_their_balance() {
    let batch = mixed();
    let claims = claims(&batch).expect("claims");
    for balance in &batch.balances {
        let of_balance: Vec<_> = claims.values().filter(|claim| claim.balance == *balance).collect();
        let sum: Fen = of_balance.iter().map(|claim| claim.payable).sum();
        assert_eq!(sum, balance.payable);
        for claim in of_balance {
            assert!(claim.payable >= Fen::ZERO);
            assert_eq!(claim.payable.0, claim.granted.0 + claim.reversed.0 + claim.offset.0);
        }
    }
    // 12 x 900 granted, 1,200 taken back in another group of the same prison and institution.
    let liyang = claims.values().find(|claim| claim.granted == Fen(1_080_000)).expect("the group");
    assert_eq!((liyang.payable, liyang.offset, liyang.is_netted()), (Fen(960_000), Fen(-120_000), true));
    // Only a reversal: nothing is payable, the rest is carried.
    let xinkang = claims.values().find(|claim| claim.reversed == Fen(-100_000)).expect("the group");
    assert_eq!((xinkang.payable, xinkang.balance.carried_out), (Fen::ZERO, Fen(-100_000)));
}

#[test]
fn sums_of_persons_add_up_where_lines_are_taken_back() {
    let world = World::new();
    let one = |serial, prison| line(Kind::Training, row(serial, prison, "hangong", Level::Four, "1"), 10_000, None);
    let mut lines = vec![one(1, "常州监狱"), one(2, "溧阳监狱")];
    lines.extend((11..15).map(|serial| reversal(one(serial, "常州监狱"), "CZ-2026-Q3-002", serial, "重复申领")));
    let carried = BTreeMap::from([(("新康监狱".into(), Name::from(TRAINER), Kind::Training), Fen(-700))]);
    let batch = samples::batch(lines, Vec::new(), &carried);
    let cover = serde_json::to_value(cover::fill(&batch, &world.context(None))).expect("texts");
    let persons = |of: &serde_json::Value| of["sums"]["persons"].as_u64().expect("a number");
    let prisons = cover["prisons"].as_array().expect("prisons");
    assert_eq!(prisons.iter().map(persons).collect::<Vec<_>>(), [1, 1, 0]);
    assert_eq!(persons(&cover), 2);
    assert_eq!((&cover["persons"], &cover["lines"]), (&"6人（含更正）".into(), &"6行（含更正）".into()));
    // A balance with a form, and one that only hands on what it was handed.
    let carried = cover["changes"]["carried"].as_array().expect("sentences");
    assert!(carried[0].to_string().contains("常州监狱") && carried[0].to_string().contains("申领表应付为0.00元"));
    assert!(carried[1].to_string().contains("新康监狱") && carried[1].to_string().contains("本批无申领表"));
    let columns = publicity::columns();
    let table = publicity::table(&batch, &world.context(None), &columns);
    assert_eq!(table.total.map(|total| total.label).as_deref(), Some("合计（2人，核定2行，更正4行）"));
    assert!(table.notes.iter().any(|note| note.starts_with("本批应付100.00元")), "{:?}", table.notes);
}

#[test]
fn lines_are_cited_by_their_numbers() {
    let batch = samples::long(4);
    let lines: Vec<_> = batch.lines.iter().collect();
    assert_eq!(wording::numbers(&lines), "1—4");
    assert_eq!(wording::numbers(&[lines[0], lines[1], lines[3]]), "1—2、4");
    assert_eq!(wording::persons(batch.lines.iter()), 4);
}

#[test]
fn what_is_carried_in_is_handed_out_once() {
    let lines = |amounts: &[(&str, i64)]| -> Vec<_> {
        amounts
            .iter()
            .map(|(class, base)| line(Kind::Training, row(1, "常州监狱", "hangong", Level::Four, class), *base, None))
            .collect()
    };
    let key = || ("常州监狱".into(), Name::from(TRAINER), Kind::Training);
    for (carried, expected) in [(-150, [0, 50]), (-500, [0, 0]), (70, [170, 100]), (-30, [70, 100])] {
        let batch =
            samples::batch(lines(&[("1", 100), ("2", 100)]), Vec::new(), &BTreeMap::from([(key(), Fen(carried))]));
        let payable: Vec<i64> = claims(&batch).expect("claims").values().map(|claim| claim.payable.0).collect();
        assert_eq!(payable, expected, "carried {carried}");
    }
    let mut batch = samples::batch(lines(&[("1", 100)]), Vec::new(), &BTreeMap::new());
    batch.balances[0].payable = Fen(99);
    assert!(matches!(claims(&batch), Err(PaperError::Broken(_))));
}

#[test]
fn columns_are_checked() {
    let specs = DetailSpecs::embedded();
    assert_eq!(specs.stand_ins().len(), 2);
    let annex8 = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/config/forms/annex8.toml"));
    let unknown = annex8.replace("key = \"sex\"", "key = \"gender\"");
    let error = DetailSpecs::parse(&unknown, annex8).expect_err("an unknown key");
    assert!(error.to_string().contains("annex8.toml") && error.to_string().contains("gender"));
    let no_amount = annex8.replace("key = \"amount\"", "key = \"blank\"");
    assert!(DetailSpecs::parse(annex8, &no_amount).is_err());
}

#[test]
fn long_runs_may_break_and_fitting_ones_do_not() {
    assert_eq!(breakable("S000032040101264000001", 24), "S000032040101264000001");
    assert_eq!(breakable("123456", 4), "1234\u{200b}56");
    assert_eq!(breakable("焊工1234焊工1234", 4), "焊工1234焊工1234");
    // Capitals are broader than digits.
    assert_eq!(breakable("ABCDEF", 4), "AB\u{200b}CD\u{200b}EF");
    assert_eq!(breakable("WWMM", 4), "WW\u{200b}MM");
    assert_eq!(breakable("ABCDEFGHIJKLMNOPQRSTUV", 24).matches('\u{200b}').count(), 1);
    assert_eq!(breakable("999900000000000002299990000022", 22), "9999000000000000022999\u{200b}90000022");
}

#[test]
fn overrides_are_named_and_parsed() {
    let other = |name: &str, text: &str| Templates::with_overrides(&BTreeMap::from([(name.into(), text.into())]));
    assert!(matches!(other("annex77.typ", ""), Err(PaperError::UnknownTemplate { .. })));
    assert!(matches!(other("annex7.typ", "#let ("), Err(PaperError::Template { .. })));
    let changed = other("annex7.typ", "= 样张").expect("a template");
    assert_ne!(changed.sha256(), Templates::embedded().sha256());
}

#[test]
fn manifest_has_one_byte_form() {
    let world = World::new();
    let files = vec![ManifestFile::of("b.pdf", b"b"), ManifestFile::of("a.pdf", b"a")];
    let manifest = Manifest::new(&mixed(), files, &world.context(None));
    let bytes = manifest.to_bytes().expect("bytes");
    let text = String::from_utf8(bytes.clone()).expect("text");
    assert!(
        text.starts_with("{\n  \"schema\": 1,\n  \"batch\": \"CZ-2026-Q4-001\",\n  \"period\": \"2026-Q4\","),
        "{text}"
    );
    assert!(text.contains("\"sealed_at\": \"2026-12-01T01:30:05Z\""));
    assert!(text.find("a.pdf") < text.find("b.pdf") && text.ends_with("}\n") && !text.contains('\r'));
    assert!(text.contains("ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"));
    assert_eq!(Manifest::parse(&bytes), Ok(manifest));
}

#[test]
fn kinds_have_words() {
    for kind in PaperKind::ALL {
        assert_eq!(PaperKind::from_code(kind.code()), Some(kind));
    }
    assert_eq!(PaperKind::from_code("annex99"), None);
}
