//! Undo: what a file brought is withdrawn, until something of it is claimed.
//!
//! - Writes: `withdrawal` (append only), `assessment_version` and `survey_row` (which version counts), copies of plans
//!   that another file says too, audit. Nothing is deleted: views tell which rows a file still says.
//! - Safe to repeat because: an arrival is withdrawn once.
//! - What stands afterwards is what would stand if the file had never come. When the same bytes come again later, they are
//!   taken anew and stand in the order of versions by that arrival ([`Store::keep_original`]).
//! - Trusts: reasons are typed by people and may name persons: they are sealed, and the audit log holds their keyed
//!   hash only.

mod plans;
mod rosters;
mod versions;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::json;

use self::versions::{Moved, RESULTS, SURVEY};
use super::ledger::Change;
use super::originals::Arrival;
use super::values::{Arg, Row, args};
use super::versions::Place;
use super::{FileKind, NewLetter, Original, Result, Store, StoreError, from_ms, letter, to_ms};
use crate::subsidy::assessment::{Name, ResultRow};

/// Why, who and when.
#[derive(Copy, Clone, Debug)]
pub struct Reasoned<'a> {
    /// Why.
    pub reason: &'a str,
    /// Who.
    pub by: &'a str,
    /// When.
    pub at: DateTime<Utc>,
}

/// Why an import was not withdrawn.
#[derive(Debug, thiserror::Error)]
pub enum UndoRefused {
    /// It waits to be read: nothing of it stands yet.
    #[error("the file is not read yet")]
    NotRead,
    /// It is withdrawn already.
    #[error("the file is withdrawn already")]
    AlreadyWithdrawn,
    /// Live batches grant or refuse on it.
    #[error("batches {granted:?} grant on it, {refused:?} refuse on it")]
    Claimed {
        /// Those that grant: void them, or correct their lines by reversal.
        granted: Vec<String>,
        /// Those that only refuse: void them; a corrected result is judged anew.
        refused: Vec<String>,
    },
    /// A compiled plan was made from it: a corrected workbook takes its place.
    #[error("compiled plan {0} was made from it")]
    Compiled(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An assessment of which another version counts, or none any more.
#[derive(Clone, Debug)]
pub struct Fallback {
    /// The assessment.
    pub assessment_id: i64,
    /// What counted until now.
    pub from: Arc<ResultRow>,
    /// What counts from here on, and when that was received.
    pub to: Option<(Arc<ResultRow>, DateTime<Utc>)>,
}

/// A plan that is withdrawn.
#[derive(Clone, Debug)]
pub struct PlanFallback {
    /// 监狱, full name.
    pub prison: Name,
    /// The year that is planned.
    pub year: i32,
    /// Number of the addition (临时备案), if it is one.
    pub addition: Option<u32>,
    /// When the plan that counts from here on was received; `None` where there is none.
    pub to: Option<DateTime<Utc>>,
}

/// What an undo changes.
#[derive(Clone, Debug)]
pub struct Undone {
    /// The file.
    pub original: Original,
    /// What it was recognised as.
    pub kind: FileKind,
    /// Results of which another version counts, or none.
    pub results: Vec<Fallback>,
    /// Results and rows of the survey that stay, since another file says the same.
    pub stay: u32,
    /// Roster rows that cover nobody any more.
    pub roster_rows: u32,
    /// Rosters among them that were approved.
    pub approved: u32,
    /// Rows of the opening history.
    pub history: u32,
    /// Rows of the survey of which another version counts, and none.
    pub survey: (u32, u32),
    /// Plans.
    pub plans: Vec<PlanFallback>,
}

impl Store {
    /// Withdraws what a file brought; the letter, if there is one, tells the sender. A dry run decides everything and
    /// changes nothing.
    pub async fn withdraw_import(
        &self,
        original_id: i64,
        because: Reasoned<'_>,
        answer: Option<&NewLetter>,
        dry_run: bool,
    ) -> Result<Undone, UndoRefused> {
        let (original, report) = self.report(original_id).await?.ok_or(UndoRefused::NotRead)?;
        let mut change = self.change().await?;
        let sql = "SELECT received_at, read_at, withdrawn FROM arrived WHERE id = $1";
        let row = change.tx.row(sql, args![original_id]).await?;
        let row = row.ok_or_else(|| StoreError::Unknown { what: "original", key: original_id.to_string() })?;
        if row.int(2)? > 0 {
            return Err(UndoRefused::AlreadyWithdrawn);
        }
        row.int_or_null(1)?.ok_or(UndoRefused::NotRead)?;
        let place: Place = (row.int(0)?, original_id);
        let history = withdrawn_history(&mut change).await?;
        let (roster_rows, approved) = self.rosters_withdrawn(&mut change, place).await?;
        let standing = self.plans_standing(&mut change, place).await?;
        let words = (
            self.vault.seal("withdrawal.reason", because.reason.as_bytes()),
            self.vault.seal("withdrawal.by_whom", because.by.as_bytes()),
        );
        let row = args![original_id, place.0, words.0, words.1, to_ms(because.at)];
        change.tx.insert("withdrawal (original_id, received_at, reason, by_whom, at)", [row]).await?;
        let results = RESULTS.recount(&mut change, place).await?;
        refuse_claimed(&mut change, &results.moved).await?;
        let survey = SURVEY.recount(&mut change, place).await?;
        let undone = Undone {
            kind: report.kind,
            results: self.fallbacks(&mut change, &results.moved).await?,
            stay: results.stay + survey.stay,
            roster_rows,
            approved,
            history: count(withdrawn_history(&mut change).await? - history),
            survey: (survey.restored(), survey.gone()),
            plans: self.plans_withdrawn(&mut change, standing, because.at).await?,
            original: Original { kept: super::Kept { state: Arrival::Withdrawn, ..original.kept }, ..original },
        };
        if dry_run {
            change.roll_back().await?;
            return Ok(undone);
        }
        change.facts_change();
        let detail = json!({
            "received_at": place.0, "results": undone.results.len(), "roster_rows": roster_rows,
            "history": undone.history, "plans": undone.plans.len(), "typed": self.typed(because.reason, because.by),
        });
        change.audit("original.withdrawn", &original_id.to_string(), &detail, because.at);
        if let Some(answer) = answer {
            letter::queue_letter(&mut change, answer, because.at).await?;
        }
        change.commit("withdraw-import").await?;
        Ok(undone)
    }

    /// What counted and what counts, opened.
    async fn fallbacks(&self, change: &mut Change, moved: &[Moved]) -> Result<Vec<Fallback>> {
        let ids: BTreeSet<i64> = moved.iter().flat_map(|moved| [moved.from, moved.to]).flatten().collect();
        let ids: Vec<Arg> = ids.into_iter().map(Arg::from).collect();
        let sql = "SELECT id, received_at, sealed FROM assessment_version WHERE id IN ";
        let mut versions = std::collections::HashMap::new();
        for row in change.tx.rows_in(sql, &ids).await? {
            let result: ResultRow = self.vault.open_value("assessment_version.sealed", &row.bytes(2)?)?;
            versions.insert(row.int(0)?, (Arc::new(result), from_ms(row.int(1)?)?));
        }
        let fallback = |moved: &Moved| {
            let from = versions.get(&moved.from?)?.0.clone();
            let to = moved.to.and_then(|id| versions.get(&id).cloned());
            Some(Fallback { assessment_id: moved.assessment_id, from, to })
        };
        Ok(moved.iter().filter_map(fallback).collect())
    }

    /// The file that a number or the beginning of a SHA-256 names; `None` where several do, or none.
    pub async fn name_original(&self, key: &str) -> Result<Option<i64>> {
        let key = key.trim().to_ascii_lowercase();
        if key.len() < MIN_HASH_CHARS {
            let Ok(id) = key.parse::<i64>() else { return Ok(None) };
            let found = self.db.row("SELECT id FROM original WHERE id = $1", args![id]).await?;
            return found.map(|row| row.int(0)).transpose();
        }
        if !key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let found = self.db.rows("SELECT id FROM original WHERE sha256 LIKE $1", args![format!("{key}%")]).await?;
        if found.len() == 1 { found[0].int(0).map(Some) } else { Ok(None) }
    }

    /// Who withdrew the last arrival of a file, and why and when; `None` where it stands.
    pub async fn withdrawal(&self, original_id: i64) -> Result<Option<(String, String, DateTime<Utc>)>> {
        let sql = "SELECT w.reason, w.by_whom, w.at FROM withdrawal w JOIN arrival a \
                   ON a.original_id = w.original_id AND a.received_at = w.received_at WHERE w.original_id = $1";
        let Some(row) = self.db.row(sql, args![original_id]).await? else { return Ok(None) };
        let reason = self.opened("withdrawal.reason", &row.bytes(0)?)?;
        Ok(Some((reason, self.opened("withdrawal.by_whom", &row.bytes(1)?)?, from_ms(row.int(2)?)?)))
    }
}

/// Fewest characters of a SHA-256 that name a file; a shorter key is its number.
const MIN_HASH_CHARS: usize = 8;

async fn withdrawn_history(change: &mut Change) -> Result<i64> {
    change.tx.int("SELECT COUNT(*) FROM withdrawn_history", []).await
}

/// Refuses where a live batch grants or refuses on a version that would count no more.
async fn refuse_claimed(change: &mut Change, moved: &[Moved]) -> Result<(), UndoRefused> {
    let versions: Vec<Arg> = moved.iter().filter_map(|moved| moved.from).map(Arg::from).collect();
    let granting = "SELECT DISTINCT b.number FROM batch_line l JOIN batch b ON b.id = l.batch_id \
                    WHERE NOT EXISTS (SELECT 1 FROM batch_void v WHERE v.batch_id = b.id) AND l.version_id IN ";
    let refusing = "SELECT DISTINCT b.number FROM batch_refusal l JOIN batch b ON b.id = l.batch_id \
                    WHERE l.settles = 1 AND NOT EXISTS (SELECT 1 FROM batch_void v WHERE v.batch_id = b.id) \
                    AND l.version_id IN ";
    let granted = numbers(&change.tx.rows_in(granting, &versions).await?)?;
    let mut refused = numbers(&change.tx.rows_in(refusing, &versions).await?)?;
    refused.retain(|number| !granted.contains(number));
    if granted.is_empty() && refused.is_empty() {
        return Ok(());
    }
    let [granted, refused] = [granted, refused].map(|numbers| numbers.into_iter().collect());
    Err(UndoRefused::Claimed { granted, refused })
}

fn numbers(rows: &[Row]) -> Result<BTreeSet<String>> {
    rows.iter().map(|row| row.text(0)).collect()
}

fn count(number: impl TryInto<u32>) -> u32 {
    number.try_into().unwrap_or(u32::MAX)
}
