//! Worlds to test in, invented rows, and batches made of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chrono::{DateTime, Days, NaiveDate, Utc};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::store::{
    Counts, FileKind, Intake, Kept, NewDelivery, Paper, Placed, Report, Rows, SealRefused, SealedBatch, Store, TakenIn,
    TrayRefused, Vault,
};
use crate::subsidy::assessment::{ResultRow, RosterRow};
use crate::subsidy::batch::{Batch, Line, LineWaiver, Refusal, Reverses, balances, batch_number, groups, totals};
use crate::subsidy::calendar::Period;
use crate::subsidy::course::{Category, CertificateType, Kind, Level};
use crate::subsidy::money::Fen;
use crate::subsidy::register::RowFacts;
use crate::subsidy::verdict::{Outcome, Payable, Rule, RuleSet, Verdict};

/// The master key of the tests.
const KEY: [u8; 32] = [7; 32];
/// Names that must never stand in clear.
pub const PERSON: &str = "欧阳试名";

static WORLDS: AtomicU32 = AtomicU32::new(0);

/// A database of its own.
pub struct World {
    pub url: String,
    pub folder: tempfile::TempDir,
    schema: Option<(String, String)>,
}

impl World {
    pub async fn open(&self) -> Store {
        Store::open(&self.url, vault()).await.unwrap()
    }

    /// One more of the same kind, empty.
    pub async fn another(&self) -> World {
        let number = WORLDS.fetch_add(1, Ordering::Relaxed);
        let folder = tempfile::tempdir().unwrap();
        let Some((base, _)) = &self.schema else {
            let url = format!("sqlite:{}", folder.path().join("season.db").display());
            return World { url, folder, schema: None };
        };
        let schema = format!("t{}_{number}", std::process::id());
        let mut admin = PgConnection::connect(base).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).execute(&mut admin).await.unwrap();
        let mark = if base.contains('?') { '&' } else { '?' };
        let url = format!("{base}{mark}options=-c%20search_path%3D{schema}");
        World { url, folder, schema: Some((base.clone(), schema)) }
    }

    /// Takes a schema of [`World::another`] away again.
    pub async fn gone(&self) {
        if let Some((base, schema)) = &self.schema {
            let mut admin = PgConnection::connect(base).await.unwrap();
            sqlx::query(AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE"))).execute(&mut admin).await.unwrap();
        }
    }

    pub fn is_lite(&self) -> bool {
        self.schema.is_none()
    }
}

pub fn vault() -> Vault {
    Vault::from_key(&KEY).unwrap()
}

/// Runs a test on SQLite, and on PostgreSQL where there is one.
pub async fn on_both(test: impl AsyncFn(&World)) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("season.db").display());
    test(&World { url, folder, schema: None }).await;
    #[expect(clippy::disallowed_methods, reason = "the address of the test database is given from outside")]
    let Ok(base) = std::env::var("SHENLING_TEST_PG") else {
        assert!(std::env::var_os("SHENLING_REQUIRE_ALL").is_none(), "SHENLING_TEST_PG is missing");
        eprintln!("skipped: SHENLING_TEST_PG names no PostgreSQL database");
        return;
    };
    let none = World { url: String::new(), folder: tempfile::tempdir().unwrap(), schema: Some((base, String::new())) };
    let world = none.another().await;
    test(&world).await;
    world.gone().await;
}

/// 1 November 2026, 08:00 UTC, plus some minutes.
pub fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_793_520_000 + minutes * 60, 0).unwrap()
}

pub fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// The result of the n-th invented person.
pub fn result(n: u32) -> ResultRow {
    ResultRow {
        prison: "江苏省常州监狱".into(),
        number: format!("3204{n:06}"),
        name: format!("{PERSON}{n}"),
        resident_id: Some(format!("3204041990{n:08}")),
        training_institution: "常州市技师学院".into(),
        assessment_institution: "常州市鉴定所".into(),
        category: Category::Employment,
        occupation: "hairdresser".into(),
        occupation_code: None,
        level: Level::Five,
        class: "2026-1".to_owned(),
        started_on: day("2026-03-02"),
        ended_on: day("2026-05-29"),
        hours: Some(100),
        hours_theory: Some(40),
        hours_practice: Some(60),
        assessed_on: day("2026-06-10"),
        score_theory: Some(800),
        score_practice: Some(855),
        passed: true,
        certificate_type: Some(CertificateType::SkillLevel),
        certificate_number: Some(format!("Y00003200000126{n:07}")),
        issued_on: Some(day("2026-06-20")),
        fee: None,
        completed: true,
        remark: None,
    }
}

/// The roster row of the n-th invented person.
pub fn roster_row(n: u32) -> RosterRow {
    let result = result(n);
    RosterRow {
        prison: result.prison,
        ward: None,
        number: result.number,
        name: result.name,
        sex: None,
        born_on: None,
        ethnicity: None,
        resident_id: result.resident_id,
        education: None,
        household: None,
        release_on: day("2026-01-01").checked_add_days(Days::new(400)).unwrap(),
        skilled: false,
        able: true,
        category: Category::Employment,
        occupation: result.occupation,
        occupation_code: None,
        level: result.level,
        class: result.class,
        institution: None,
        remark: None,
    }
}

pub fn results(rows: impl IntoIterator<Item = ResultRow>) -> Rows {
    let placed = rows.into_iter().zip(2..).map(|(row, n)| Placed { sheet: 0, row: n, value: Arc::new(row) });
    Rows { results: placed.collect(), ..Rows::default() }
}

/// Keeps a file of its own name and takes its rows in.
pub async fn take(store: &Store, file: &str, minutes: i64, rows: &Rows) -> TakenIn {
    let kept = store.keep_original(file, file.as_bytes(), at(minutes)).await.unwrap();
    take_kept(store, &kept, minutes, rows).await.unwrap()
}

pub async fn take_kept(store: &Store, kept: &Kept, minutes: i64, rows: &Rows) -> Result<TakenIn, TrayRefused> {
    let intake = Intake {
        original: kept,
        rows,
        approval: None,
        at: at(minutes),
        dry_run: false,
        answer: None,
        part: None,
        decision: None,
    };
    store
        .take_in(intake, |fates| {
            let taken = fates.count();
            let counts = Counts { rows: taken.taken + taken.duplicates, ..taken };
            Report { kind: FileKind::Results, counts, json: PERSON.as_bytes().to_vec() }
        })
        .await
}

/// Takes a file in of which nothing can be read; returns its number.
pub async fn take_back(store: &Store, file: &str, minutes: i64) -> i64 {
    let kept = store.keep_original(file, file.as_bytes(), at(minutes)).await.unwrap();
    let rows = Rows::default();
    let intake = Intake {
        original: &kept,
        rows: &rows,
        approval: None,
        at: at(minutes),
        dry_run: false,
        answer: None,
        part: None,
        decision: None,
    };
    let counts = Counts { errors: 1, ..Counts::default() };
    store.take_in(intake, |_| Report { kind: FileKind::Unknown, counts, json: Vec::new() }).await.unwrap();
    kept.id
}

/// What a batch is drafted from: per result whether it is granted (else refused), and lines to be taken back.
#[derive(Default)]
pub struct Draft {
    pub granted: Vec<i64>,
    pub refused: Vec<i64>,
    pub reversed: Vec<(String, u32)>,
    pub fingerprint: Option<u128>,
    pub waivers: Vec<LineWaiver>,
    pub minutes: i64,
}

/// Drafts and seals the next batch of 2026-Q4 on a given version of the facts.
pub async fn seal_on(store: &Store, draft: &Draft, facts_version: i64) -> Result<String, SealRefused> {
    let period = Period::parse("2026-Q4").unwrap();
    let serial = store.next_serial(period).await?;
    let register = store.load_register().await?;
    let mut lines = Vec::new();
    let mut refusals = Vec::new();
    let (mut line_facts, mut refusal_facts) = (Vec::new(), Vec::new());
    for found in &register.results {
        let facts =
            RowFacts { version_id: found.version_id, roster_fingerprint: draft.fingerprint.or(Some(u128::MAX - 5)) };
        if draft.granted.contains(&found.assessment_id) {
            line_facts.push(facts);
            lines.push(line(found.assessment_id, &found.row, Fen(100_000), None));
        } else if draft.refused.contains(&found.assessment_id) {
            refusal_facts.push(facts);
            refusals.push(refusal(found.assessment_id, &found.row));
        }
    }
    for pending in store.pending_reversals().await? {
        let reverses = Box::new(Reverses { batch: pending.batch, line: pending.line.number, reason: pending.reason });
        if draft.reversed.contains(&(reverses.batch.clone(), reverses.line)) {
            let amount = Fen(-pending.line.amount.0);
            line_facts.push(RowFacts { version_id: pending.line.version_id, roster_fingerprint: None });
            lines.push(line(pending.line.assessment_id, &pending.row, amount, Some(reverses)));
        }
    }
    for (line, number) in lines.iter_mut().zip(1..) {
        line.number = number;
    }
    let batch = Batch {
        number: batch_number(period, serial),
        period,
        sealed_at: at(draft.minutes),
        claim_on: day("2026-11-23"),
        groups: groups(&lines),
        balances: balances(&lines, &register.carried),
        waivers: draft.waivers.clone(),
        totals: totals(&lines),
        lines,
        refusals,
        previous: register.previous.clone(),
        audit_count: register.stamp.audit_count,
        audit_head: register.stamp.audit_head.clone(),
    };
    let paper = format!("封面 {}", batch.number).into_bytes();
    let bytes = paper.len() as u64;
    let blob = store.seal_blob(&paper);
    let sha256 = blob.sha256.clone();
    store.put_blobs(vec![blob], at(draft.minutes)).await?;
    let name = "封面.pdf".to_owned();
    let papers = [Paper { name, kind: "cover".to_owned(), personal: false, sha256, bytes }];
    let key = format!("{}:bureau", batch.number);
    let deliveries = [NewDelivery { key, recipient: "bureau".to_owned() }];
    let (line_facts, refusal_facts) = (&line_facts[..], &refusal_facts[..]);
    let sealed = SealedBatch { batch: &batch, line_facts, refusal_facts, papers: &papers, deliveries: &deliveries };
    store.seal_batch(&sealed, facts_version).await?;
    Ok(batch.number.clone())
}

/// Seals on the facts as they are.
pub async fn seal(store: &Store, draft: &Draft) -> String {
    let stamp = store.stamp().await.unwrap();
    seal_on(store, draft, stamp.facts_version).await.unwrap()
}

fn line(assessment_id: i64, row: &Arc<ResultRow>, amount: Fen, reverses: Option<Box<Reverses>>) -> Line {
    let citation = "常人社发〔2019〕1号".into();
    let payable = Payable { base: Fen(100_000), fee: None, share_permille: 1000, amount, citation, nth: 1 };
    Line {
        number: 0,
        kind: Kind::Training,
        assessment_id,
        row: Arc::clone(row),
        person_key: row.resident_id.clone().unwrap_or_default().into(),
        sex: None,
        amount,
        payable,
        warnings: RuleSet::EMPTY,
        late: false,
        reverses,
    }
}

fn refusal(assessment_id: i64, row: &Arc<ResultRow>) -> Refusal {
    let rules: RuleSet = [Rule::NotPassed].into_iter().collect();
    let verdict = Verdict { kind: Kind::Training, outcome: Outcome::Denied, rules, payable: None };
    let details = vec![(Rule::NotPassed, "评定结果：不合格".to_owned())];
    Refusal { assessment_id, row: Arc::clone(row), verdict, details, late: false }
}
