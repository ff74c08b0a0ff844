//! Rosters (培训人员信息表) and their approvals.
//!
//! - Writes: `roster`, `roster_block`, `roster_approval` (append only; the newest counts), audit.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use rayon::prelude::*;
use serde_json::json;

use super::intake::{Fates, Intake};
use super::ledger::Change;
use super::values::{Arg, args};
use super::versions::Place;
use super::{Result, Store, StoreError, from_ms, to_date, to_ms};
use crate::subsidy::assessment::{Approval, RosterRow};

/// Rows of a block: small enough to decode in parallel, large enough that the database hardly counts.
const MAX_BLOCK_ROWS: usize = 512;

/// An approval as a person states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalNote {
    /// The day of the approval.
    pub on: NaiveDate,
    /// Who approved, in the words of the person who says so.
    pub by: String,
    /// The plan year, where it is not the usual one.
    pub plan_year: Option<i32>,
}

/// A roster, for lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterHeader {
    /// Identity.
    pub id: i64,
    /// The file that it came from.
    pub original_id: i64,
    /// Name of that file. May hold personal data.
    pub name: String,
    /// When its bytes were first received.
    pub received_at: DateTime<Utc>,
    /// Number of rows.
    pub rows: u32,
    /// The approval that counts, if there is one; `plan_year` is always filled here.
    pub approval: Option<ApprovalNote>,
}

/// What a file brought when it came before.
#[derive(Default)]
struct Before {
    last: Option<i64>,
    rows: HashSet<u128>,
    approval: Option<(NaiveDate, i64)>,
}

impl Before {
    fn is_approved(&self, note: &ApprovalNote) -> bool {
        let plan_year = note.plan_year.unwrap_or_else(|| Approval::usual_plan_year(note.on));
        self.approval == Some((note.on, i64::from(plan_year)))
    }
}

impl Store {
    /// All rosters, oldest first.
    pub async fn rosters(&self) -> Result<Vec<RosterHeader>> {
        let sql = "SELECT r.id, r.original_id, r.received_at, r.row_count, o.name FROM roster r \
                   JOIN original o ON o.id = r.original_id \
                   WHERE NOT EXISTS (SELECT 1 FROM withdrawn_roster w WHERE w.id = r.id) ORDER BY r.id";
        let mut approvals = self.approvals().await?;
        let mut rosters = Vec::new();
        for row in self.db.rows(sql, []).await? {
            let id = row.int(0)?;
            let name = self.vault.open("original.name", &row.bytes(4)?)?;
            rosters.push(RosterHeader {
                id,
                original_id: row.int(1)?,
                name: String::from_utf8_lossy(&name).into_owned(),
                received_at: from_ms(row.int(2)?)?,
                rows: row.number(3)?,
                approval: approvals.remove(&id),
            });
        }
        Ok(rosters)
    }

    /// Approves a roster; a later approval replaces an earlier one, both stay on record.
    pub async fn approve_roster(&self, id: i64, note: &ApprovalNote, at: DateTime<Utc>) -> Result<()> {
        let mut change = self.change().await?;
        let sql = "SELECT COUNT(*) FROM roster r WHERE r.id = $1 \
                   AND NOT EXISTS (SELECT 1 FROM withdrawn_roster w WHERE w.id = r.id)";
        if change.tx.int(sql, args![id]).await? == 0 {
            return Err(StoreError::Unknown { what: "roster", key: id.to_string() });
        }
        self.approve(&mut change, id, note, at).await?;
        change.facts_change();
        change.commit("approve-roster").await
    }

    /// Registers an approval inside a change.
    pub(super) async fn approve(
        &self,
        change: &mut Change,
        id: i64,
        note: &ApprovalNote,
        at: DateTime<Utc>,
    ) -> Result<()> {
        let plan_year = note.plan_year.unwrap_or_else(|| Approval::usual_plan_year(note.on));
        let next = change.tx.int("SELECT COALESCE(MAX(id), 0) + 1 FROM roster_approval", []).await?;
        let by = self.vault.seal("roster_approval.by_whom", note.by.as_bytes());
        let row = args![next, id, note.on.to_string(), by, i64::from(plan_year), to_ms(at)];
        change.tx.insert("roster_approval (id, roster_id, approved_on, by_whom, plan_year, at)", [row]).await?;
        let detail = json!({"on": note.on, "plan_year": plan_year, "typed": self.typed("", &note.by)});
        change.audit("roster.approved", &id.to_string(), &detail, at);
        Ok(())
    }

    /// The approval that counts, per roster: the one registered last.
    pub(super) async fn approvals(&self) -> Result<HashMap<i64, ApprovalNote>> {
        let sql = "SELECT roster_id, approved_on, by_whom, plan_year FROM roster_approval ORDER BY id";
        let mut approvals = HashMap::new();
        for row in self.db.rows(sql, []).await? {
            let by = self.vault.open("roster_approval.by_whom", &row.bytes(2)?)?;
            let year = i32::try_from(row.int(3)?).map_err(|_| StoreError::Damaged("plan year".to_owned()))?;
            let by = String::from_utf8_lossy(&by).into_owned();
            approvals.insert(row.int(0)?, ApprovalNote { on: to_date(&row.text(1)?)?, by, plan_year: Some(year) });
        }
        Ok(approvals)
    }

    /// The rows of a file become one roster; rows that the same file brought before are not taken again.
    pub(super) async fn take_roster(&self, change: &mut Change, intake: &Intake<'_>, fates: &mut Fates) -> Result<()> {
        if intake.rows.roster.is_empty() {
            return Ok(());
        }
        let before = self.rosters_of(change, intake).await?;
        let mut rows: Vec<(u128, &RosterRow)> =
            intake.rows.roster.par_iter().map(|row| (self.fingerprint(row), row)).collect();
        rows.retain(|(fingerprint, _)| !before.rows.contains(fingerprint));
        let known = intake.rows.roster.len() - rows.len();
        fates.roster_taken = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        fates.roster_known = u32::try_from(known).unwrap_or(u32::MAX);
        let id = match before.last {
            Some(last) if rows.is_empty() => last,
            _ => change.tx.int("SELECT COALESCE(MAX(id), 0) + 1 FROM roster", []).await?,
        };
        fates.roster_id = Some(id);
        let note = intake.approval.filter(|note| !rows.is_empty() || !before.is_approved(note));
        fates.approved = note.is_some();
        if intake.dry_run {
            return Ok(());
        }
        if !rows.is_empty() {
            self.insert_roster(change, intake.place(), id, &rows).await?;
        }
        if let Some(note) = note {
            self.approve(change, id, note, intake.at).await?;
        }
        Ok(())
    }

    /// Stores a roster of a file inside a change.
    pub(super) async fn insert_roster(
        &self,
        change: &mut Change,
        (at, original): Place,
        id: i64,
        rows: &[(u128, &RosterRow)],
    ) -> Result<()> {
        let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let roster = args![id, original, at, count];
        change.tx.insert("roster (id, original_id, received_at, row_count)", [roster]).await?;
        let blocks: Vec<[Arg; 4]> = rows
            .par_chunks(MAX_BLOCK_ROWS)
            .enumerate()
            .map(|(i, part)| {
                let position = i64::try_from(i * MAX_BLOCK_ROWS).unwrap_or(i64::MAX);
                let count = i64::try_from(part.len()).unwrap_or(i64::MAX);
                args![id, position, count, self.vault.seal_value("roster_block.sealed", part)]
            })
            .collect();
        change.tx.insert("roster_block (roster_id, position, row_count, sealed)", blocks).await?;
        Ok(())
    }

    /// What the same arrival of the file brought before.
    async fn rosters_of(&self, change: &mut Change, intake: &Intake<'_>) -> Result<Before> {
        let (at, original) = intake.place();
        let mut before = Before::default();
        let sql = "SELECT b.roster_id, b.sealed FROM roster_block b JOIN roster r ON r.id = b.roster_id \
                   WHERE r.original_id = $1 AND r.received_at = $2 ORDER BY b.roster_id";
        for row in change.tx.rows(sql, args![original, at]).await? {
            before.last = Some(row.int(0)?);
            let block: Vec<(u128, RosterRow)> = self.vault.open_value("roster_block.sealed", &row.bytes(1)?)?;
            before.rows.extend(block.into_iter().map(|(fingerprint, _)| fingerprint));
        }
        if let Some(last) = before.last {
            let sql =
                "SELECT approved_on, plan_year FROM roster_approval WHERE roster_id = $1 ORDER BY id DESC LIMIT 1";
            if let Some(row) = change.tx.row(sql, args![last]).await? {
                before.approval = Some((to_date(&row.text(0)?)?, row.int(1)?));
            }
        }
        Ok(before)
    }

    /// Keyed hash of a roster row: equal for equal rows.
    pub fn fingerprint(&self, row: &RosterRow) -> u128 {
        u128::from_be_bytes(self.content_hash("roster_row", row))
    }
}
