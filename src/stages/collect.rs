//! Collect (收集): files -> kept originals -> rows, or findings that say what to type.
//!
//! Reads: the inbox, the catalogue. Writes: originals, then per file in one transaction its rows and its report;
//! a file leaves the inbox only after that.
//! Safe to repeat because bytes are recognised by SHA-256 and rows by what they say.
//! When it fails: the file stays in the inbox, or its kept original waits, and the next run goes on from there.
//! Trusts: nothing that arrives.

mod plan;

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, NaiveDate, Utc};
use fail::fail_point;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use super::{StageError, blocking};
use crate::forms::grid::Limits;
use crate::forms::reading::{self, Content, FileKind, FileReading, FormSpecs, ReadingContext};
use crate::inbox::folder;
use crate::store::{
    self, ApprovalNote, Arrival, Counts, Fate, Fates, Intake, Kept, NewLetter, Reasoned, Rows, Store, TakenAs, TakenIn,
};
use crate::subsidy::calendar::civil_date;
use crate::subsidy::catalogue::Catalogue;
use crate::subsidy::finding::{Code, Finding, Repair, Severity};
use crate::subsidy::plan::Plan;

pub use self::plan::{AnnexReport, PlanOutcome, PlanReport};

/// What reading a file needs.
#[derive(Clone)]
pub struct Desk {
    /// Names and rates.
    pub catalogue: Arc<Catalogue>,
    /// The columns of the forms.
    pub specs: Arc<FormSpecs>,
    /// What is too large.
    pub limits: Limits,
}

/// How a file is to be taken.
#[derive(Clone, Debug, Default)]
pub struct Manner {
    /// What it is; recognised by its headers where not said.
    pub kind: Option<FileKind>,
    /// Approval of the roster that it holds.
    pub approval: Option<ApprovalNote>,
    /// A plan is an addition (临时备案), whatever it says of itself.
    pub addition: bool,
    /// Decide everything, keep nothing.
    pub dry_run: bool,
    /// A person's decision that it is what `kind` says.
    pub decision: Option<Decision>,
}

/// A person's decision about a file.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
    /// What tells the sender.
    pub answer: Option<NewLetter>,
}

impl Manner {
    /// The decision as the store enters it.
    fn taken_as(&self, now: DateTime<Utc>) -> Option<TakenAs<'_>> {
        let (Decision { reason, by, answer }, kind) = self.decision.as_ref().zip(self.kind)?;
        let because = Reasoned { reason, by, at: now };
        Some(TakenAs { kind: stored_kind(kind), because, answer: answer.as_ref() })
    }
}

/// What became of one file. Holds personal data: for the sender and the administrator, never for logs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FileReport {
    /// Its name or path as given.
    pub file: String,
    /// SHA-256 of its bytes in hexadecimal.
    pub sha256: String,
    /// `results`, `roster`, `history`, `survey`, `plan`, or `unknown`.
    pub kind: store::FileKind,
    /// Data rows in it.
    pub rows: u32,
    /// Rows stored now.
    pub taken: u32,
    /// Rows that were known already, or stand twice in the file.
    pub duplicates: u32,
    /// Rows stored now that took the place of an older version.
    pub superseded: u32,
    /// Rows that come back.
    pub set_aside: u32,
    /// What to change.
    pub findings: Vec<Finding>,
    /// What was changed for the sender.
    pub repairs: Vec<Repair>,
    /// The roster that it became, waiting for approval unless it was given. Not part of the contract of the JSON.
    #[serde(skip)]
    pub roster: Option<i64>,
    /// Of a planning workbook: what was filed, what is missing, what changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanReport>,
}

impl FileReport {
    /// Findings for which something comes back.
    pub fn errors(&self) -> usize {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error).count()
    }
}

/// What a look at the inbox did.
#[derive(Debug, Default)]
pub struct Report {
    /// Files taken, in order.
    pub files: Vec<FileReport>,
    /// Names of files that are still being written.
    pub moving: Vec<String>,
    /// Names of links and the like, which are never read.
    pub passed_over: Vec<String>,
    /// Names of files that were taken and could not be removed.
    pub left: Vec<(String, io::Error)>,
}

/// Takes in whatever stands still in the inbox, and what a dead run left half done.
pub async fn run(
    store: &Store,
    desk: &Desk,
    inbox: &Path,
    keep: Option<&Path>,
    settle: Duration,
    now: DateTime<Utc>,
) -> Result<Report, StageError> {
    let mut report = Report::default();
    for waiting in store.waiting_originals().await? {
        let bytes = store.original_bytes(waiting.kept.id).await?;
        let manner = Manner::default();
        report.files.push(take(store, desk, &waiting.name, Arc::new(bytes), &manner, Some(waiting.kept), now).await?);
    }
    let inbox_error = |error| StageError::Folder { what: format!("收件文件夹 {}", inbox.display()), error };
    let look = folder::look(inbox, settle).await.map_err(inbox_error)?;
    report.moving = look.moving.iter().map(|path| label(inbox, path)).collect();
    report.passed_over = look.passed_over.iter().map(|path| label(inbox, path)).collect();
    if !report.passed_over.is_empty() {
        warn!(count = report.passed_over.len(), "the inbox holds links or folders too deep, which are not read");
    }
    for path in look.ready {
        let name = label(inbox, &path);
        let bytes = match folder::read(&path, desk.limits.max_file_bytes) {
            Ok(bytes) => bytes,
            // Another process took it since the look.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => {
                warn!(%error, "a file of the inbox could not be read and stays there");
                report.moving.push(name);
                continue;
            }
        };
        let taken = take(store, desk, &name, Arc::new(bytes), &Manner::default(), None, now).await?;
        let label = kept_name(&taken.sha256, &path);
        match folder::remove(&path, keep, &label) {
            Ok(()) => {}
            // Another process took it too and was first to remove it.
            Err(_) if !path.exists() => {}
            // It is taken all the same, and recognised at the next look.
            Err(error) => report.left.push((name, error)),
        }
        report.files.push(taken);
    }
    Ok(report)
}

/// Reads a file that is taken in by hand, up to one byte beyond the limit.
pub fn read_file(desk: &Desk, path: &Path) -> Result<Vec<u8>, StageError> {
    folder::read(path, desk.limits.max_file_bytes)
        .map_err(|error| StageError::Folder { what: format!("无法读取 {}", path.display()), error })
}

/// Removes sources that were kept until now and are older than an instant.
pub fn purge(kept: &Path, before: DateTime<Utc>) -> Result<u32, StageError> {
    folder::purge(kept, SystemTime::from(before))
        .map_err(|error| StageError::Folder { what: format!("无法清理 {}", kept.display()), error })
}

/// Takes one file in by hand: the same way as the inbox.
pub async fn take_file(
    store: &Store,
    desk: &Desk,
    name: &str,
    bytes: Vec<u8>,
    manner: &Manner,
    now: DateTime<Utc>,
) -> Result<FileReport, StageError> {
    take(store, desk, name, Arc::new(bytes), manner, None, now).await
}

async fn take(
    store: &Store,
    desk: &Desk,
    name: &str,
    bytes: Arc<Vec<u8>>,
    manner: &Manner,
    kept: Option<Kept>,
    now: DateTime<Utc>,
) -> Result<FileReport, StageError> {
    let kept = match kept {
        Some(kept) => kept,
        None if manner.dry_run => known(store, &bytes, now).await?,
        None => store.keep_original(name, &bytes, now).await?,
    };
    fail_point!("collect.kept");
    let reading = {
        let (desk, name, manner) = (desk.clone(), name.to_owned(), manner.clone());
        let read = blocking(move || read(&desk, &name, &bytes, &manner, civil_date(now))).await;
        // A file on which the program breaks must not keep the others waiting.
        read.unwrap_or_else(|_| broken_on())
    };
    let kind = reading.kind;
    let answer = match &reading.content {
        Content::OldForm(mark) => {
            let last = store.last_plan(&mark.prison, mark.year).await?;
            plan::new_form(mark, last.as_ref(), desk, &kept.sha256, civil_date(now))?
        }
        _ => None,
    };
    let (rows, numbers) = rows_of(reading.content);
    let intake = Intake {
        original: &kept,
        rows: &rows,
        approval: manner.approval.as_ref(),
        at: now,
        dry_run: manner.dry_run,
        answer: answer.as_ref(),
        part: None,
        decision: manner.taken_as(now),
    };
    let mut report = FileReport {
        file: name.to_owned(),
        sha256: kept.sha256.clone(),
        kind: kind.map_or(store::FileKind::Unknown, stored_kind),
        rows: reading.rows,
        taken: 0,
        duplicates: reading.duplicates,
        superseded: 0,
        set_aside: reading.set_aside,
        findings: reading.findings,
        repairs: reading.repairs,
        roster: None,
        plan: rows.plan.as_deref().map(plan::draft),
    };
    let TakenIn { fates, .. } =
        store.take_in(intake, |fates| finish(&mut report, fates, &numbers, rows.plan.as_deref())).await?;
    report.roster = fates.roster_id;
    info!(
        kind = ?report.kind,
        rows = report.rows,
        taken = report.taken,
        duplicates = report.duplicates,
        set_aside = report.set_aside,
        errors = report.errors(),
        dry_run = manner.dry_run,
        "file taken in"
    );
    Ok(report)
}

/// What a dry run takes the bytes for: those that stand, or new ones.
async fn known(store: &Store, bytes: &[u8], now: DateTime<Utc>) -> Result<Kept, StageError> {
    let known = store.find_original(&store::sha256_hex(bytes)).await?;
    Ok(known.filter(|known| known.state != Arrival::Withdrawn).unwrap_or_else(|| Kept::not_kept(bytes, now)))
}

fn read(desk: &Desk, name: &str, bytes: &[u8], manner: &Manner, arrived_on: NaiveDate) -> FileReading {
    let (catalogue, specs, limits) = (&desk.catalogue, &desk.specs, desk.limits);
    let context = ReadingContext { catalogue, specs, limits, arrived_on, addition: manner.addition };
    reading::read_file(name, bytes, manner.kind, &context)
}

/// The reading of a file on which the program broke: it is kept, set aside and answered like any other.
fn broken_on() -> FileReading {
    let finding = Finding {
        sheet: String::new(),
        cell: String::new(),
        code: Code::UnreadableFile,
        severity: Severity::Error,
        seen: "程序读取此文件时出错".to_owned(),
        advice: "文件已存档。请用 Excel 或 WPS 打开后另存为新的 .xlsx 再发送；仍不行时，请把文件交程序的维护人员"
            .to_owned(),
    };
    reading::of_no_form(finding)
}

/// Where a row names its person: sheet and A1 address of 罪犯编号.
type NumberCell = (Arc<str>, String);

/// The good rows as the store takes them, and per result row where findings on it point.
fn rows_of(content: Content) -> (Rows, Vec<NumberCell>) {
    let mut rows = Rows::default();
    let mut numbers = Vec::new();
    match content {
        Content::Results(placed) => {
            for (index, place) in placed.into_iter().enumerate() {
                rows.results.push(store::Placed {
                    sheet: 0,
                    row: u32::try_from(index + 1).unwrap_or(u32::MAX),
                    value: Arc::new(place.row),
                });
                numbers.push((place.sheet, place.number_cell));
            }
        }
        Content::Roster(placed) => rows.roster = placed.into_iter().map(|place| place.row).collect(),
        Content::History(placed) => rows.history = placed.into_iter().map(|place| place.row).collect(),
        Content::Survey(placed) => rows.survey = placed.into_iter().map(|place| place.row).collect(),
        Content::Plan(plan) => rows.plan = Some(plan),
        Content::OldForm(_) | Content::Nothing => {}
    }
    (rows, numbers)
}

/// Completes the report with what became of each row; called inside the store's transaction.
fn finish(report: &mut FileReport, fates: &Fates, numbers: &[NumberCell], plan: Option<&Plan>) -> store::Report {
    let counts = fates.count();
    report.taken = counts.taken;
    report.superseded = counts.superseded;
    report.duplicates += counts.duplicates;
    if report.kind == store::FileKind::Roster {
        // A roster is stored once per file: what was not stored now is known from the same bytes.
        report.duplicates = report.rows.saturating_sub(report.set_aside + report.taken);
    }
    if let Some((plan, fate)) = plan.zip(fates.plan.as_ref()) {
        plan::finish(report, plan, fate);
    }
    for (fate, (sheet, cell)) in fates.results.iter().zip(numbers) {
        if let Fate::AlreadyClaimed { batch } = fate {
            report.set_aside += 1;
            report.findings.push(Finding {
                sheet: sheet.to_string(),
                cell: cell.clone(),
                code: Code::AlreadyClaimed,
                severity: Severity::Error,
                seen: format!("本行与已申领的内容不同（批次 {batch}）"),
                advice: format!(
                    "这条结果已在批次 {batch} 中申领。如需更正，请管理员先用 shenling batch reverse 登记更正该批次的对应行，更正列入下一批次后再重新报送本行"
                ),
            });
        }
    }
    let errors = u32::try_from(report.errors()).unwrap_or(u32::MAX);
    let warnings = u32::try_from(report.findings.len()).unwrap_or(u32::MAX) - errors;
    store::Report {
        kind: report.kind,
        counts: Counts {
            rows: report.rows,
            taken: report.taken,
            duplicates: report.duplicates,
            superseded: report.superseded,
            set_aside: report.set_aside,
            errors,
            warnings,
        },
        json: serde_json::to_vec(report).unwrap_or_default(),
    }
}

/// What the store calls a kind of file.
pub fn stored_kind(kind: FileKind) -> store::FileKind {
    match kind {
        FileKind::Results => store::FileKind::Results,
        FileKind::Roster => store::FileKind::Roster,
        FileKind::History => store::FileKind::History,
        FileKind::Survey => store::FileKind::Survey,
        FileKind::Plan => store::FileKind::Plan,
    }
}

/// The path below the inbox, as a clerk knows it.
fn label(inbox: &Path, path: &Path) -> String {
    path.strip_prefix(inbox).unwrap_or(path).display().to_string()
}

/// A source that is kept for a while goes by its hash: its own name may name a person.
fn kept_name(sha256: &str, path: &Path) -> String {
    let extension = path.extension().map(|end| format!(".{}", end.to_string_lossy())).unwrap_or_default();
    format!("{sha256}{extension}")
}
