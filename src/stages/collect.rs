//! Collect (收集): files -> kept originals -> rows, or findings that say what to type.
//!
//! Reads: the inbox, the catalogue. Writes: originals, then per file in one transaction its rows and its report;
//! a file leaves the inbox only after that.
//! Safe to repeat because bytes are recognised by SHA-256 and rows by what they say.
//! When it fails: the file stays in the inbox, or its kept original waits, and the next run goes on from there.
//! Trusts: nothing that arrives.

mod answer;
mod entitled;
mod folder_in;
mod intake;
mod plan;
mod post_in;
mod sorting;

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::StageError;
use crate::forms::grid::Limits;
use crate::forms::reading::{FileKind, FormMark, FormSpecs};
use crate::inbox::folder;
pub use crate::inbox::mailbox::Server;
use crate::settings::mailbox::Unit;
use crate::store::{self, ApprovalNote, Kept, NewLetter, Store};
use crate::subsidy::catalogue::Catalogue;
use crate::subsidy::finding::{Finding, Repair, Severity};

pub use self::entitled::Sender;
use self::folder_in::Told;
pub use self::intake::stored_kind;
use self::intake::{Taking, take};
pub use self::plan::{AnnexReport, PlanOutcome, PlanReport, in_words as plan_in_words};
pub use self::post_in::{MailLine, MailReport, Next, Post, run_post, wait_for_mail};

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
    /// The unit that it is from; without one it is whose its rows say.
    pub sender: Option<Sender>,
    /// A person's decision that it is what `kind` says.
    pub decision: Option<Decision>,
}

/// A person's decision about a file.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The file as the person saw it.
    pub original: Kept,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
    /// What tells the sender.
    pub answer: Option<NewLetter>,
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
    /// Those among them that stand twice in the file. Not part of the contract of the JSON.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub repeated: u32,
    /// Rows that were known already, and something received later counts. Not part of the contract of the JSON.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub outdated: u32,
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
    /// Names of its sheets; a csv has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sheets: Vec<String>,
    /// Rows stored now by course: which, in words, and how many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub courses: Vec<(String, u32)>,
    /// Of a planning workbook of an older version: which it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_form: Option<FormMark>,
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

/// The inbox folder, and how it is looked at.
pub struct Inbox<'a> {
    /// The folder.
    pub folder: &'a Path,
    /// Where sources are kept for a while, if they are.
    pub keep: Option<&'a Path>,
    /// For how long a file must stand still.
    pub settle: Duration,
}

/// Takes in whatever stands still in the inbox, and what a dead run left half done. `post` answers what asks for it; without
/// one, files are what they are wherever they lie.
pub async fn run(
    store: &Store,
    desk: &Desk,
    post: Option<&Post>,
    Inbox { folder: inbox, keep, settle }: Inbox<'_>,
    now: DateTime<Utc>,
) -> Result<Report, StageError> {
    let mut report = Report::default();
    for waiting in store.waiting_originals().await? {
        let bytes = store.original_bytes(waiting.kept.id).await?;
        let told = post.map(|post| folder_in::told(&waiting.name, &post.units, &desk.catalogue)).unwrap_or_default();
        let manner = Manner { sender: sender(post, desk, &told), ..Manner::default() };
        let taking = Taking { kept: Some(waiting.kept), ..Taking::new(&waiting.name, bytes, now) };
        report.files.push(take(store, desk, taking, &manner, now).await?);
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
        let told = post.map(|post| folder_in::told(&name, &post.units, &desk.catalogue)).unwrap_or_default();
        let manner = Manner { dry_run: told.trial, sender: sender(post, desk, &told), ..Manner::default() };
        let taking = Taking::new(&name, bytes, now);
        let bytes = Arc::clone(&taking.bytes);
        let taken = take(store, desk, taking, &manner, now).await?;
        if let Some(post) = post {
            folder_in::answer(store, desk, post, told, (&taken, bytes), now).await?;
        }
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
    let kept = manner.decision.as_ref().map(|decision| decision.original.clone());
    take(store, desk, Taking { kept, ..Taking::new(name, bytes, now) }, manner, now).await
}

/// The unit in whose folder of the inbox a file lay, by the path that it is known by.
pub fn unit_of_folder(name: &str, units: &[Unit], catalogue: &Catalogue) -> Option<Unit> {
    folder_in::told(name, units, catalogue).unit
}

/// The unit in whose folder a file lies.
fn sender(post: Option<&Post>, desk: &Desk, told: &Told) -> Option<Sender> {
    let (post, unit) = (post?, told.unit.as_ref()?);
    Some(Sender::of(&unit.name, &post.settings, &desk.catalogue))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
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
