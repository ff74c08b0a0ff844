//! Sample batches of invented people.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Days, NaiveDate, Utc};

use super::super::{DetailSpecs, Fonts, PaperContext, Payee, Templates};
use crate::subsidy::assessment::{Name, ResultRow};
use crate::subsidy::batch::{self, BalanceKey, Batch, Line, LineWaiver, Refusal, Reverses};
use crate::subsidy::calendar::{Period, Span};
use crate::subsidy::catalogue::{Catalogue, Institution, Occupation, Prison};
use crate::subsidy::course::{Category, CertificateType, Kind, Level};
use crate::subsidy::identifiers::Sex;
use crate::subsidy::money::Fen;
use crate::subsidy::verdict::{Outcome, Payable, Rule, RuleSet, Verdict};
use crate::subsidy::waiver::Waiver;

pub(super) const TRAINER: &str = "常州市武进区星河职业技术培训学校";
pub(super) const ASSESSOR: &str = "江苏省常州市装备制造与现代服务业职业技能等级认定评价中心有限责任公司";

pub(super) fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn sealed_at() -> DateTime<Utc> {
    "2026-12-01T01:30:05Z".parse().expect("an instant")
}

/// The fonts of the test machine, parsed once; `None` where there are none.
pub(super) fn fonts() -> Option<&'static Fonts> {
    static FONTS: OnceLock<Option<Fonts>> = OnceLock::new();
    FONTS
        .get_or_init(|| {
            let folder = std::env::var_os("SHENLING_FONTS")
                .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/fonts"), PathBuf::from);
            let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
                .ok()?
                .flatten()
                .map(|entry| entry.path())
                .filter(|path| is_font(path))
                .collect();
            files.sort();
            let files: Vec<Vec<u8>> = files.iter().filter_map(|path| std::fs::read(path).ok()).collect();
            if files.is_empty() { None } else { Some(Fonts::load(files).expect("readable fonts")) }
        })
        .as_ref()
}

/// The fonts, or a line that says what was skipped.
pub(super) fn fonts_or_skip(test: &str) -> Option<&'static Fonts> {
    let fonts = fonts();
    if fonts.is_none() {
        eprintln!("skipped {test}: no fonts in SHENLING_FONTS or target/fonts");
    }
    fonts
}

fn is_font(path: &Path) -> bool {
    path.extension().is_some_and(|end| ["otf", "ttf", "ttc"].iter().any(|known| end.eq_ignore_ascii_case(known)))
}

/// Everything that papers need besides a batch.
pub(super) struct World {
    pub catalogue: Catalogue,
    pub templates: Templates,
    pub columns: DetailSpecs,
    pub payees: BTreeMap<Name, Payee>,
    pub no_fonts: Fonts,
}

impl World {
    pub fn new() -> World {
        let payee = Payee {
            name: "江苏省常州监狱".into(),
            bank: "中国工商银行常州分行营业部".into(),
            account: "1105020109001234567".into(),
        };
        World {
            catalogue: catalogue(),
            templates: Templates::embedded(),
            columns: DetailSpecs::embedded(),
            payees: BTreeMap::from([("常州监狱".into(), payee)]),
            no_fonts: Fonts::load(Vec::new()).expect("no fonts are no error until something is printed"),
        }
    }

    pub fn context<'a>(&'a self, fonts: Option<&'a Fonts>) -> PaperContext<'a> {
        PaperContext {
            fonts: fonts.unwrap_or(&self.no_fonts),
            templates: &self.templates,
            columns: &self.columns,
            catalogue: &self.catalogue,
            bureau: "江苏省监狱管理局",
            hrss: "常州市人力资源和社会保障局",
            payees: &self.payees,
            objections: "常州市人力资源和社会保障局职业能力建设处，0519-00000000",
            program: "shenling 0.1.0",
        }
    }
}

fn catalogue() -> Catalogue {
    let prison = |name: &str, lead| Prison { name: name.into(), lead };
    let institution = |name: &str, short: &str, trains| Institution {
        name: name.into(),
        short_names: vec![short.into()],
        trains,
        assesses: !trains,
        code: Some("91350100M000100Y43".into()),
        legal_representative: Some("欧阳明远".into()),
        bank: Some("江苏江南农村商业银行股份有限公司常州市武进支行".into()),
        account_name: Some(name.into()),
        account: Some("8888012010000012345".into()),
        contact: Some("周倩".into()),
        phone: Some("0519-85550000".into()),
        email: None,
        designated: Span { from: date("2022-01-01"), to: None },
        citation: None,
    };
    let occupation = |id: &str, name: &str, code: &str| Occupation {
        id: id.into(),
        name: name.into(),
        code: (!code.is_empty()).then(|| code.to_owned()),
        code_edition: None,
        aliases: Vec::new(),
        category: Category::Employment,
    };
    let mut catalogue = Catalogue::default();
    catalogue.prisons = vec![prison("常州监狱", true), prison("溧阳监狱", false), prison("新康监狱", false)];
    catalogue.institutions = vec![institution(TRAINER, "星河培训", true), institution(ASSESSOR, "", false)];
    catalogue.occupations = vec![
        occupation("hangong", "焊工", "6-18-02-04"),
        occupation("pengtiao", "中式烹调师", "4-03-02-01"),
        occupation("syb", "创办你的企业（SYB）", ""),
    ];
    catalogue.indexed()
}

/// One invented assessment; `serial` makes the person.
pub(super) fn row(serial: u32, prison: &str, occupation: &str, level: Level, class: &str) -> ResultRow {
    const SURNAMES: [&str; 8] = ["赵", "钱", "孙", "李", "周", "吴", "郑", "王"];
    const GIVEN: [&str; 6] = ["建国", "晓峰", "志强", "海", "文博", "家骏"];
    let at = |list: &[&str], n: u32| list[n as usize % list.len()].to_owned();
    ResultRow {
        prison: prison.into(),
        number: format!("32{serial:08}"),
        name: at(&SURNAMES, serial) + &at(&GIVEN, serial / 3),
        resident_id: Some(format!("3204041990{:02}{:02}{:03}X", serial % 12 + 1, serial % 28 + 1, serial % 1000)),
        training_institution: TRAINER.into(),
        assessment_institution: ASSESSOR.into(),
        category: Category::Employment,
        occupation: occupation.into(),
        occupation_code: None,
        level,
        class: class.into(),
        started_on: date("2026-09-01"),
        ended_on: date("2026-10-20"),
        hours: Some(120),
        hours_theory: Some(48),
        hours_practice: Some(72),
        assessed_on: date("2026-10-28") + Days::new(u64::from(serial % 2)),
        score_theory: Some(850),
        score_practice: Some(905),
        passed: true,
        certificate_type: Some(CertificateType::SkillLevel),
        certificate_number: Some(format!("S00003204010126{}{serial:06}", level.digit().unwrap_or(5))),
        issued_on: Some(date("2026-11-05")),
        fee: None,
        completed: true,
        remark: None,
    }
}

/// A granted line.
pub(super) fn line(kind: Kind, row: ResultRow, base: i64, fee: Option<i64>) -> Line {
    let base = Fen(base);
    let fee = fee.map(Fen);
    let amount = fee.map_or(base, |fee| fee.min(base));
    Line {
        number: 0,
        kind,
        assessment_id: 1,
        person_key: row.resident_id.clone().unwrap_or_default().into(),
        row: Arc::new(row),
        sex: Some(Sex::Male),
        amount,
        payable: Payable { base, fee, share_permille: 1000, amount, citation: "样例".into(), nth: 1 },
        warnings: RuleSet::EMPTY,
        late: false,
        reverses: None,
    }
}

/// The same line taken back.
pub(super) fn reversal(mut line: Line, batch: &str, number: u32, reason: &str) -> Line {
    line.amount = Fen(-line.amount.0);
    line.reverses = Some(Box::new(Reverses { batch: batch.into(), line: number, reason: reason.into() }));
    line
}

/// A batch of some lines.
pub(super) fn batch(mut lines: Vec<Line>, refusals: Vec<Refusal>, carried: &BTreeMap<BalanceKey, Fen>) -> Batch {
    for (number, line) in (1..).zip(&mut lines) {
        line.number = number;
    }
    let period = Period::parse("2026-Q4").expect("a period");
    Batch {
        number: batch::batch_number(period, 1),
        period,
        sealed_at: sealed_at(),
        claim_on: date("2026-12-01"),
        groups: batch::groups(&lines),
        balances: batch::balances(&lines, carried),
        waivers: Vec::new(),
        totals: batch::totals(&lines),
        lines,
        refusals,
        previous: Some("CZ-2026-Q3-002".into()),
        audit_count: 1234,
        audit_head: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
    }
}

fn refusal(row: ResultRow, kind: Kind, details: Vec<(Rule, String)>) -> Refusal {
    let rules: RuleSet = details.iter().map(|(rule, _)| *rule).collect();
    let verdict = Verdict { kind, outcome: Outcome::of(rules), rules, payable: None };
    Refusal { assessment_id: 9, row: Arc::new(row), verdict, details, late: false }
}

/// A batch with one of everything: 45 rows, lowering fees, rare characters, late lines, reversals, carried amounts.
pub(super) fn mixed() -> Batch {
    let mut lines = Vec::new();
    for serial in 0..45 {
        let mut row = row(serial, "常州监狱", "hangong", Level::Four, "2026年第3期");
        match serial {
            1 => row.name = "㛃䶮".into(),
            2 => row.name = "𠮷田喆".into(),
            3 => row.name = "买买提·阿卜杜热合曼·吐尔逊".into(),
            4 => row.remark = Some("=cmd|' /C calc'!A0".into()),
            _ => {}
        }
        lines.push(line(Kind::Training, row.clone(), 150_000, (serial % 4 == 0).then_some(95_050)));
        lines.push(line(Kind::Assessment, row, 20_000, (serial == 7).then_some(18_000)));
    }
    for serial in 100..112 {
        let row = row(serial, "溧阳监狱", "pengtiao", Level::Five, "1/2班：晚*");
        lines.push(line(Kind::Training, row, 90_000, None));
    }
    for line in &mut lines[..3] {
        line.late = true;
        line.warnings = [Rule::LastClaim, Rule::CertificatePattern].into_iter().collect();
    }
    let wrong = row(300, "溧阳监狱", "hangong", Level::Five, "2026年第1期");
    lines.push(reversal(line(Kind::Training, wrong, 120_000, None), "CZ-2026-Q3-002", 17, "证书经核查为他人所有"));
    let gone = row(301, "新康监狱", "syb", Level::None, "SYB第2期");
    lines.push(reversal(line(Kind::Training, gone, 100_000, None), "CZ-2026-Q2-001", 5, "重复申领"));
    let held = refusal(
        row(400, "常州监狱", "hangong", Level::Four, "2026年第3期"),
        Kind::Training,
        vec![(Rule::NotOnRoster, "该监狱2026年没有包含此人焊工四级的已核准名册".into())],
    );
    let denied = refusal(
        row(401, "新康监狱", "pengtiao", Level::Five, "2026年第2期"),
        Kind::Assessment,
        vec![
            (Rule::NotPassed, "评定结果为不合格".into()),
            (Rule::UnverifiedIdentity, "公民身份号码320404********016X校验码不符".into()),
        ],
    );
    let carried = BTreeMap::from([(("常州监狱".into(), Name::from(ASSESSOR), Kind::Assessment), Fen(-35_000))]);
    batch(lines, vec![held, denied], &carried)
}

/// The same, three lines of which rest on two waivers.
pub(super) fn waived() -> Batch {
    let mut batch = mixed();
    let waiver = |id, rule, by: &str, reason: &str| Waiver {
        id,
        assessment_id: 1,
        rule,
        from: date("2026-11-01"),
        until: date("2026-12-31"),
        ended_on: None,
        reason: reason.to_owned(),
        by: by.to_owned(),
    };
    let roster =
        waiver(3, Rule::NotOnRoster, "市人社局某科", "名册原件已于2025年12月核准（常人社发〔2025〕88号），电子件遗失");
    let identity = waiver(4, Rule::UnverifiedIdentity, "常州监狱教育科", "无公民身份号码，身份以档案核实");
    for (line, waiver) in [(4, &roster), (5, &roster), (6, &identity)] {
        batch.lines[line as usize - 1].warnings.insert(Rule::Waived);
        batch.waivers.push(LineWaiver { line, waiver: waiver.clone() });
    }
    batch
}

/// One group of many rows.
pub(super) fn long(rows: u32) -> Batch {
    let line_of =
        |serial| line(Kind::Training, row(serial, "常州监狱", "hangong", Level::Four, "2026年第3期"), 150_000, None);
    batch((0..rows).map(line_of).collect(), Vec::new(), &BTreeMap::new())
}

/// Leaves papers in the folder that `SHENLING_PAPERS_OUT` names, if it names one.
pub(super) fn leave(papers: &[super::super::Paper]) {
    if let Some(folder) = std::env::var_os("SHENLING_PAPERS_OUT").map(PathBuf::from) {
        for paper in papers {
            std::fs::write(folder.join(&paper.name), &paper.bytes).expect("a folder that takes the sample papers");
        }
    }
}
