//! The workbooks of `tests/fixtures/faults` and what must be said of each; the catalogue that their names are of.

use std::io::{Cursor, Read as _};

use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::Value;
use zip::ZipArchive;

use crate::forms::grid::Limits;
use crate::forms::reading::tests::{LIMITS, day};
use crate::forms::reading::{FileReading, FormSpecs, ReadingContext, read_file};
use crate::subsidy::calendar::Span;
use crate::subsidy::catalogue::{Agreement, Catalogue, Institution, Occupation, Penalty, Prison, Rate};
use crate::subsidy::course::{Category, CertificateType, Level};
use crate::subsidy::finding::Severity;
use crate::subsidy::money::Fen;
use crate::subsidy::policy::Policy;

const BOOKS: &[u8] = include_bytes!("../../../../../tests/fixtures/faults/books.zip");
const PLANTED: &str = include_str!("../../../../../tests/fixtures/faults/planted.jsonl");

/// Limits that a file is read with, where they are not the usual ones.
#[derive(Deserialize)]
pub(super) struct Tighter {
    max_rows: Option<u32>,
    max_unzipped_bytes: Option<u64>,
}

/// A line of `planted.jsonl`.
#[derive(Deserialize)]
pub(super) struct Entry {
    pub file: String,
    /// The program that wrote it.
    pub by: String,
    /// What it is to be recognised as.
    pub form: Option<String>,
    pub arrived: NaiveDate,
    pub limits: Tighter,
    pub rows: u32,
    pub aside: u32,
    pub repeats: u32,
    /// Sheet, cell, code, severity.
    pub findings: Vec<[String; 4]>,
    /// Sheet, cell, code.
    pub repairs: Vec<[String; 3]>,
    /// Sheet, cell, and what to type there; nothing where that is not done cell by cell.
    pub mends: Option<Vec<(String, String, Value)>>,
}

/// A workbook and what must be said of it.
pub(super) struct Planted {
    pub entry: Entry,
    pub bytes: Vec<u8>,
}

/// All of them.
pub(super) fn corpus() -> Vec<Planted> {
    let mut books = ZipArchive::new(Cursor::new(BOOKS)).expect("an archive");
    let mut planted = |line: &str| {
        let entry: Entry = serde_json::from_str(line).expect("a line of the table");
        let mut bytes = Vec::new();
        books.by_name(&entry.file).expect("a workbook").read_to_end(&mut bytes).expect("its bytes");
        Planted { entry, bytes }
    };
    PLANTED.lines().map(&mut planted).collect()
}

impl Planted {
    pub fn limits(&self) -> Limits {
        let Tighter { max_rows, max_unzipped_bytes } = self.entry.limits;
        Limits {
            max_rows: max_rows.unwrap_or(LIMITS.max_rows),
            max_unzipped_bytes: max_unzipped_bytes.unwrap_or(LIMITS.max_unzipped_bytes),
            ..LIMITS
        }
    }

    /// Reads it, or a copy of it under another name.
    pub fn read(&self, name: &str, bytes: &[u8], catalogue: &Catalogue) -> FileReading {
        let ctx = ReadingContext {
            catalogue,
            specs: FormSpecs::embedded(),
            limits: self.limits(),
            arrived_on: self.entry.arrived,
            addition: false,
        };
        read_file(name, bytes, None, &ctx)
    }
}

/// The day on which planning workbooks arrive.
pub(super) const ARRIVED_FOR_PLANS: &str = "2026-11-20";

/// Reads a planning workbook that arrived on that day.
pub(super) fn read_plan(bytes: &[u8], catalogue: &Catalogue) -> FileReading {
    let (specs, arrived_on) = (FormSpecs::embedded(), day(ARRIVED_FOR_PLANS));
    read_file(
        "计划.xlsx",
        bytes,
        None,
        &ReadingContext { catalogue, specs, limits: LIMITS, arrived_on, addition: false },
    )
}

/// Findings as the table has them, in order.
pub(super) fn findings(reading: &FileReading) -> Vec<[String; 4]> {
    let word = |severity| if severity == Severity::Error { "error" } else { "warning" };
    let found = reading.findings.iter();
    let mut found: Vec<[String; 4]> =
        found.map(|f| [f.sheet.clone(), f.cell.clone(), f.code.to_string(), word(f.severity).to_owned()]).collect();
    found.sort();
    found
}

/// Repairs as the table has them, in order.
pub(super) fn repairs(reading: &FileReading) -> Vec<[String; 3]> {
    let repaired = reading.repairs.iter();
    let mut repaired: Vec<[String; 3]> =
        repaired.map(|r| [r.sheet.clone(), r.cell.clone(), r.code.to_string()]).collect();
    repaired.sort();
    repaired
}

const SCHOOL: &str = "常州市演示职业培训学校";

fn span(from: &str, to: Option<&str>) -> Span {
    Span { from: day(from), to: to.map(day) }
}

fn institution(name: &str, short: &[&str], (trains, assesses): (bool, bool), designated: Span) -> Institution {
    Institution {
        name: name.into(),
        short_names: short.iter().map(ToString::to_string).collect(),
        trains,
        assesses,
        code: None,
        legal_representative: None,
        bank: None,
        account_name: None,
        account: None,
        contact: None,
        phone: None,
        email: None,
        designated,
        citation: None,
    }
}

/// The names that `make.py` writes, and some that it does not.
pub(super) fn catalogue() -> Catalogue {
    let occupation = |id: &str, name: &str, code: Option<&str>, alias: &str, category| Occupation {
        id: id.into(),
        name: name.to_owned(),
        code: code.map(str::to_owned),
        code_edition: None,
        aliases: vec![alias.to_owned()],
        category,
    };
    let rate = |occupation: &str, level, kind, yuan: i64| Rate {
        occupation: occupation.into(),
        level,
        certificate_types: vec![kind],
        group: None,
        training: Some(Fen(yuan * 100)),
        assessment: None,
        share_permille: 1000,
        span: span("2022-01-01", None),
        citation: "演示标准".into(),
    };
    let prison = |name: &str, lead| Prison { name: name.into(), lead };
    let open = span("2022-01-01", None);
    let mut catalogue = Catalogue::default();
    catalogue.prisons = vec![prison("常州监狱", true), prison("溧阳监狱", false), prison("新康监狱", false)];
    catalogue.institutions = vec![
        institution(SCHOOL, &["演示学校"], (true, false), open),
        institution("常州市演示技能鉴定中心", &["演示鉴定"], (false, true), open),
        institution("常州市第二培训学校", &["二校"], (true, false), span("2022-01-01", Some("2026-12-31"))),
        institution("常州市第三培训学校", &["三校"], (true, false), open),
        institution("常州市受罚培训学校", &[], (true, false), open),
    ];
    let penalty =
        Penalty {
            institution: "常州市受罚培训学校".into(), span: span("2026-01-01", None), redesignated_on: None
        };
    catalogue.penalties = vec![penalty];
    let agreement = |prison: &Prison| Agreement {
        prison: prison.name.clone(),
        institution: SCHOOL.into(),
        number: "1".to_owned(),
        span: open,
        fee: None,
    };
    catalogue.agreements = catalogue.prisons.iter().map(agreement).collect();
    catalogue.occupations = vec![
        occupation("welder", "焊工", Some("6-18-02-04"), "电焊工", Category::Employment),
        occupation("electrician", "电工", Some("6-31-01-03"), "维修电工", Category::Employment),
        occupation("cook", "中式烹调师", Some("4-03-02-01"), "厨师", Category::Employment),
        occupation("syb", "SYB创业培训", None, "创办你的企业", Category::Entrepreneurship),
    ];
    let skill = CertificateType::SkillLevel;
    catalogue.rates = vec![
        rate("welder", Level::Five, skill, 1000),
        rate("welder", Level::Four, skill, 1300),
        rate("electrician", Level::Four, skill, 1500),
        rate("syb", Level::None, CertificateType::Completion, 800),
    ];
    catalogue.policies = vec![Policy::with_defaults("演示".to_owned(), "演示".to_owned(), open)];
    catalogue.indexed()
}
