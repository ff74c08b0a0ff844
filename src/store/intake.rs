//! Taking a file in: its rows and its report in one transaction, the fate of each row decided under the ledger lock.
//!
//! - Reads: `assessment_version`, `survey_row`, `history_row`, `batch_line`.
//! - Writes: the same but the last, `said_again`, `plan`, `roster`, `roster_block`, `roster_approval`, `original` and
//!   `received_part` (their reports), audit.
//! - Safe to repeat because: rows are known by what they say. The same bytes again change nothing, unless the catalogue
//!   changed so that rows which came back can now be read: these are taken, at the place of the first arrival.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::city::NewPacket;
use super::ledger::Change;
use super::originals::Kept;
use super::plan::PlanFate;
use super::received::PartOf;
use super::roster::ApprovalNote;
use super::tray::{TakenAs, TrayAct, TrayRefused};
use super::values::{Arg, args};
use super::versions::Place;
use super::{Result, Store, StoreError, to_ms};
use crate::subsidy::assessment::{HistoryRow, ResultRow, RosterRow, SurveyRow};
use crate::subsidy::plan::Plan;

/// What a file was recognised as.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    /// 考核结果表
    Results,
    /// 培训人员信息表
    Roster,
    /// Opening history.
    History,
    /// Yearly survey (摸排).
    Survey,
    /// A planning workbook (annexes 1-4).
    Plan,
    /// Nothing that is known.
    Unknown,
}

/// A row with its place in the file.
#[derive(Clone, Debug)]
pub struct Placed<T> {
    /// Sheet, from 0.
    pub sheet: u32,
    /// Row in the sheet, from 1.
    pub row: u32,
    /// The row's content.
    pub value: T,
}

/// The good rows of a file, after repairs.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Result rows.
    pub results: Vec<Placed<Arc<ResultRow>>>,
    /// Roster rows: together one roster.
    pub roster: Vec<RosterRow>,
    /// Opening history.
    pub history: Vec<HistoryRow>,
    /// Yearly survey.
    pub survey: Vec<SurveyRow>,
    /// A plan; its persons become a roster.
    pub plan: Option<Box<Plan>>,
}

/// One file to be taken in.
#[derive(Clone, Debug)]
pub struct Intake<'a> {
    /// The original: as [`Store::keep_original`] returned it, or in a dry run as [`Kept::not_kept`] made it.
    pub original: &'a Kept,
    /// Its good rows.
    pub rows: &'a Rows,
    /// Approval given with the file, where it holds a roster.
    pub approval: Option<&'a ApprovalNote>,
    /// When it is taken in.
    pub at: DateTime<Utc>,
    /// Decide everything, store nothing.
    pub dry_run: bool,
    /// What is sent back at once, such as a new form for an old one.
    pub answer: Option<&'a NewPacket>,
    /// The part of a mail that it is: the report is stored with it too, once.
    pub part: Option<PartOf>,
    /// A person's decision that the file, of which something came back, is of a kind.
    pub decision: Option<TakenAs<'a>>,
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Stored (in a dry run: would be stored).
    Taken {
        /// Identity of this version.
        version_id: i64,
        /// Identity of the assessment: that of its first version.
        assessment_id: i64,
        /// The version that was the newest until now, if this one takes its place.
        supersedes: Option<i64>,
    },
    /// Nothing new; not stored.
    Duplicate,
    /// It would change an assessment that a batch grants: correct it by reversal. Not stored.
    AlreadyClaimed {
        /// That batch.
        batch: String,
        /// Its lines that grant it, of either kind.
        lines: Vec<u32>,
        /// The columns in which the row differs from what is known.
        columns: Vec<&'static str>,
    },
}

/// What became of the rows of a file, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fates {
    /// Of [`Rows::results`].
    pub results: Vec<Fate>,
    /// How many of them are known, and something said later counts.
    pub outdated: u32,
    /// The roster that [`Rows::roster`] became.
    pub roster_id: Option<i64>,
    /// How many of its rows were stored.
    pub roster_taken: u32,
    /// How many were known from the same file.
    pub roster_known: u32,
    /// Whether the approval that came with the file was registered.
    pub approved: bool,
    /// Of [`Rows::history`].
    pub history: Vec<Fate>,
    /// Of [`Rows::survey`].
    pub survey: Vec<Fate>,
    /// Of [`Rows::plan`].
    pub plan: Option<PlanFate>,
    /// Rows that others brought before, and of which it was not known that this file says them too.
    pub said_again: u64,
}

/// Figures of a report.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Data rows in the file.
    pub rows: u32,
    /// Rows stored.
    pub taken: u32,
    /// Rows that were known.
    pub duplicates: u32,
    /// Taken rows that replaced an older version.
    pub superseded: u32,
    /// Rows that come back.
    pub set_aside: u32,
    /// Findings of severity error.
    pub errors: u32,
    /// Findings of severity warning.
    pub warnings: u32,
}

/// The report on a file, as the caller wrote it; its text is sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What the file was recognised as.
    pub kind: FileKind,
    /// Figures.
    pub counts: Counts,
    /// The report's text (JSON). May hold personal data.
    pub json: Vec<u8>,
}

/// The outcome of [`Store::take_in`].
#[derive(Clone, Debug)]
pub struct TakenIn {
    /// What became of each row.
    pub fates: Fates,
    /// What the caller made of it.
    pub report: Report,
}

impl Fates {
    /// Counts taken, duplicate and superseding rows, for a report.
    pub fn count(&self) -> Counts {
        let mut counts = Counts { taken: self.roster_taken, duplicates: self.roster_known, ..Counts::default() };
        for fate in self.results.iter().chain(&self.history).chain(&self.survey) {
            match fate {
                Fate::Taken { supersedes, .. } => {
                    counts.taken += 1;
                    counts.superseded += u32::from(supersedes.is_some());
                }
                Fate::Duplicate => counts.duplicates += 1,
                Fate::AlreadyClaimed { .. } => {}
            }
        }
        counts
    }
}

impl FileKind {
    /// Every kind.
    pub const ALL: [FileKind; 6] =
        [FileKind::Results, FileKind::Roster, FileKind::History, FileKind::Survey, FileKind::Plan, FileKind::Unknown];

    /// The word on the command line, in reports and in the database.
    pub const fn code(self) -> &'static str {
        match self {
            FileKind::Results => "results",
            FileKind::Roster => "roster",
            FileKind::History => "history",
            FileKind::Survey => "survey",
            FileKind::Plan => "plan",
            FileKind::Unknown => "unknown",
        }
    }

    /// Reads what [`FileKind::code`] wrote.
    pub fn from_code(code: &str) -> Option<FileKind> {
        FileKind::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

impl Store {
    /// Takes a file in. `finish` turns the fates into the report that is stored with them. A decision is refused where
    /// somebody decided otherwise meanwhile.
    pub async fn take_in<F>(&self, intake: Intake<'_>, finish: F) -> Result<TakenIn, TrayRefused>
    where
        F: FnOnce(&Fates) -> Report + Send,
    {
        let mut change = self.change().await?;
        let decision = intake.decision.filter(|_| !intake.dry_run);
        if let Some(decision) = &decision {
            // Read past this transaction, which has written nothing yet and keeps all others from writing.
            self.check_tray(intake.original.id, TrayAct::Taken(decision.kind)).await?;
        }
        let first = intake.original.id == 0 || !is_read(&mut change, &intake).await?;
        let mut fates = Fates::default();
        self.take_results(&mut change, &intake, &mut fates).await?;
        self.take_history(&mut change, &intake, &mut fates).await?;
        self.take_survey(&mut change, &intake, &mut fates).await?;
        self.take_roster(&mut change, &intake, &mut fates).await?;
        self.take_plan(&mut change, &intake, &mut fates).await?;
        let report = finish(&fates);
        let filed = matches!(fates.plan, Some(PlanFate::Taken { .. }));
        let changes = fates.count().taken > 0 || fates.approved || filed;
        let told = !intake.dry_run && self.tell_part(&mut change, &intake, &report).await?;
        let noted = told || fates.said_again > 0 || decision.is_some();
        if intake.dry_run || !(first || changes || noted) {
            change.roll_back().await?;
            return Ok(TakenIn { fates, report });
        }
        if changes {
            change.facts_change();
        }
        if let Some(answer) = intake.answer {
            self.queue_packet(&mut change, answer, intake.at).await?;
        }
        if first || changes || decision.is_some() {
            self.store_report(&mut change, &intake, &report).await?;
        }
        if let Some(decision) = &decision {
            self.enter_taken(&mut change, &intake, decision).await?;
        }
        change.commit("take-in").await?;
        Ok(TakenIn { fates, report })
    }

    /// Stores with the part of a mail what its sender is told of it; `false` where there is no part, or it is told.
    async fn tell_part(&self, change: &mut Change, intake: &Intake<'_>, report: &Report) -> Result<bool> {
        let Some(part) = intake.part else { return Ok(false) };
        let sealed = self.vault.seal("received_part.report", &report.json);
        let sql = "UPDATE received_part SET report = $3 WHERE mail_id = $1 AND position = $2 AND report IS NULL";
        Ok(change.tx.run(sql, args![part.mail, part.position, sealed]).await? == 1)
    }

    async fn store_report(&self, change: &mut Change, intake: &Intake<'_>, report: &Report) -> Result<()> {
        let counts = report.counts;
        let text = serde_json::to_string(&counts).map_err(|_| StoreError::Contradiction("counts do not serialise"))?;
        let sealed = self.vault.seal("original.report", &report.json);
        let sql = "UPDATE original SET read_at = $2, kind = $3, set_aside = $4, errors = $5, counts = $6, report = $7 \
                   WHERE id = $1";
        let id = intake.original.id;
        let kind = report.kind.code();
        change.tx.run(sql, args![id, to_ms(intake.at), kind, counts.set_aside, counts.errors, text, sealed]).await?;
        let detail = json!({"kind": kind, "counts": counts, "sha256": intake.original.sha256});
        change.audit("original.read", &id.to_string(), &detail, intake.at);
        Ok(())
    }

    /// History rows: one with known content is a duplicate.
    async fn take_history(&self, change: &mut Change, intake: &Intake<'_>, fates: &mut Fates) -> Result<()> {
        let rows = &intake.rows.history;
        let (at, original) = intake.place();
        let hashes: Vec<[u8; 16]> = rows.par_iter().map(|row| self.content_hash("history_row", row)).collect();
        let keys: Vec<Arg> = hashes.iter().map(|hash| Arg::from(*hash)).collect();
        let sql = "SELECT id, content_hash, original_id, received_at FROM history_row h \
                   WHERE NOT EXISTS (SELECT 1 FROM withdrawn_history w WHERE w.id = h.id) AND content_hash IN ";
        let mut known: HashMap<[u8; 16], (i64, Place)> = HashMap::new();
        for row in change.tx.rows_in(sql, &keys).await? {
            known.insert(row.hash(1)?, (row.int(0)?, (row.int(3)?, row.int(2)?)));
        }
        let mut next = change.tx.int("SELECT COALESCE(MAX(id), 0) + 1 FROM history_row", []).await?;
        let mut inserts = Vec::new();
        let mut said_again = Vec::new();
        for (row, hash) in rows.iter().zip(hashes) {
            if let Some((id, first)) = known.get(&hash) {
                fates.history.push(Fate::Duplicate);
                said_again.extend((*first != (at, original)).then_some(*id));
                continue;
            }
            known.insert(hash, (next, (at, original)));
            fates.history.push(Fate::Taken { version_id: next, assessment_id: next, supersedes: None });
            let sealed = self.vault.seal_value("history_row.sealed", row);
            inserts.push(args![next, hash, original, at, sealed]);
            next += 1;
        }
        if !intake.dry_run {
            change.tx.insert("history_row (id, content_hash, original_id, received_at, sealed)", inserts).await?;
            fates.said_again += say_again(change, "history", &said_again, intake).await?;
        }
        Ok(())
    }

    /// Keyed hash of a row's content.
    pub(super) fn content_hash<T: Serialize>(&self, context: &'static str, row: &T) -> [u8; 16] {
        self.vault.lookup(context, &postcard::to_stdvec(row).expect("rows of plain data serialise"))
    }
}

/// Whether this arrival of an original was taken in before. One that a person withdrew meanwhile comes again another time.
async fn is_read(change: &mut Change, intake: &Intake<'_>) -> Result<bool> {
    let (at, original) = intake.place();
    let sql = "SELECT read_at, (SELECT COUNT(*) FROM withdrawal w WHERE w.original_id = o.id AND w.received_at = $2) \
               FROM original o WHERE o.id = $1";
    let row = change.tx.row(sql, args![original, at]).await?;
    let row = row.ok_or_else(|| StoreError::Unknown { what: "original", key: original.to_string() })?;
    if row.int(1)? > 0 && !intake.dry_run {
        return Err(StoreError::Moving);
    }
    Ok(row.int_or_null(0)?.is_some())
}

/// Notes that a file says rows that others brought; returns of how many this was not known.
pub(super) async fn say_again(
    change: &mut Change,
    part: &'static str,
    rows: &[i64],
    intake: &Intake<'_>,
) -> Result<u64> {
    let (at, original) = intake.place();
    let rows: Vec<[Arg; 4]> = rows.iter().map(|row| args![part, *row, original, at]).collect();
    let into = "said_again (part, row_id, original_id, received_at)";
    change.tx.insert_or(into, " ON CONFLICT DO NOTHING", rows).await
}

impl Intake<'_> {
    /// Where the file stands in the order of versions. What a dry run does not keep would come last.
    pub(super) fn place(&self) -> Place {
        let id = if self.original.id == 0 { i64::MAX } else { self.original.id };
        (to_ms(self.original.received_at), id)
    }
}
