//! Plans: what planning workbooks said, their versions, and the approval of their persons.
//!
//! - Reads: `plan`. Writes: `plan` (append only), `said_again`, `roster`, `roster_block`, `roster_approval`, audit.
//! - Safe to repeat because: a plan that says what the one that counts says is a duplicate; of the plans of one prison,
//!   year and addition the last received counts, whenever it is read.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::intake::{Fates, Intake, say_again};
use super::ledger::Change;
use super::roster::ApprovalNote;
use super::values::{Row, args};
use super::{Result, Store, StoreError, from_ms, to_ms};
use crate::subsidy::plan::{Entry, Plan};

/// A plan that counts.
#[derive(Clone, Debug)]
pub struct FiledPlan {
    /// Identity of this version.
    pub id: i64,
    /// The workbook that it came from.
    pub original_id: i64,
    /// The roster that its persons are, if it has any.
    pub roster_id: Option<i64>,
    /// When its bytes were first received.
    pub received_at: DateTime<Utc>,
    /// How many versions there were so far, this one included.
    pub versions: u32,
    /// The approval of its roster.
    pub approval: Option<ApprovalNote>,
    /// What it says.
    pub plan: Plan,
}

/// What became of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanFate {
    /// Stored (in a dry run: would be stored).
    Taken {
        /// The plan that counted until now, if this one takes its place.
        supersedes: Option<Box<Plan>>,
        /// It counts; else a plan that was received later does.
        counts: bool,
    },
    /// A plan that is known says the same; not stored.
    Duplicate {
        /// When that one was received.
        received_at: DateTime<Utc>,
        /// It counts; else a plan that was received later does.
        counts: bool,
    },
}

/// One stored version, unopened.
struct Version {
    id: i64,
    received_at: i64,
    content_hash: [u8; 16],
    original_id: i64,
    sealed: Vec<u8>,
}

const VERSIONS: &str = "SELECT id, received_at, content_hash, original_id, sealed FROM plan p \
                        WHERE plan_year = $1 AND prison = $2 AND addition = $3 \
                        AND NOT EXISTS (SELECT 1 FROM withdrawn_plan w WHERE w.id = p.id) ORDER BY received_at, id";
/// The columns of a plan.
pub(super) const INTO: &str =
    "plan (id, original_id, received_at, prison, plan_year, addition, content_hash, roster_id, sealed)";

impl Store {
    /// A plan becomes a version; its persons become an unapproved roster.
    pub(super) async fn take_plan(&self, change: &mut Change, intake: &Intake<'_>, fates: &mut Fates) -> Result<()> {
        let Some(plan) = intake.rows.plan.as_deref() else { return Ok(()) };
        let addition = i64::from(plan.addition.unwrap_or(0));
        let key = args![i64::from(plan.year), plan.prison.to_string(), addition];
        let rows = change.tx.rows(VERSIONS, key).await?;
        let mut versions: Vec<Version> = rows.iter().map(version).collect::<Result<_>>()?;
        let content_hash = self.content_hash("plan", &content(plan));
        let received_at = to_ms(intake.original.received_at);
        let again = versions.iter().find(|v| v.original_id == intake.original.id && v.content_hash == content_hash);
        let last = versions.last();
        if let Some(known) = again.or(last.filter(|last| last.content_hash == content_hash)) {
            let counts = last.is_some_and(|last| last.id == known.id);
            fates.plan = Some(PlanFate::Duplicate { received_at: from_ms(known.received_at)?, counts });
            if !intake.dry_run && (known.received_at, known.original_id) != intake.place() {
                fates.said_again += say_again(change, "plan", &[known.id], intake).await?;
            }
            return Ok(());
        }
        let id = change.tx.int("SELECT COALESCE(MAX(id), 0) + 1 FROM plan", []).await?;
        let counts = last.is_none_or(|last| (last.received_at, last.id) < (received_at, id));
        let supersedes = match versions.pop().filter(|_| counts) {
            Some(last) => Some(Box::new(self.vault.open_value("plan.sealed", &last.sealed)?)),
            None => None,
        };
        fates.plan = Some(PlanFate::Taken { supersedes, counts });
        let persons: Vec<_> = plan.persons.iter().map(|entry| (self.fingerprint(&entry.value), &entry.value)).collect();
        if !persons.is_empty() {
            fates.roster_id = Some(change.tx.int("SELECT COALESCE(MAX(id), 0) + 1 FROM roster", []).await?);
        }
        if intake.dry_run {
            return Ok(());
        }
        if let Some(roster) = fates.roster_id {
            self.insert_roster(change, intake.place(), roster, &persons).await?;
            if let Some(note) = intake.approval {
                self.approve(change, roster, note, intake.at).await?;
                fates.approved = true;
            }
        }
        let row = args![
            id,
            intake.original.id,
            received_at,
            plan.prison.to_string(),
            i64::from(plan.year),
            addition,
            content_hash,
            fates.roster_id,
            self.vault.seal_value("plan.sealed", plan),
        ];
        change.tx.insert(INTO, [row]).await?;
        let detail = serde_json::json!({
            "prison": plan.prison, "year": plan.year, "addition": plan.addition, "counts": counts,
            "projects": plan.projects.len(), "persons": plan.persons.len(), "classes": plan.classes.len(),
        });
        change.audit("plan.filed", &id.to_string(), &detail, intake.at);
        Ok(())
    }

    /// The plans that count: of a year, or of all years; by year, prison and addition.
    pub async fn plans(&self, year: Option<i32>) -> Result<Vec<FiledPlan>> {
        let sql = "SELECT id, original_id, roster_id, received_at, sealed, plan_year, prison, addition FROM plan p \
                   WHERE plan_year = COALESCE($1, plan_year) \
                   AND NOT EXISTS (SELECT 1 FROM withdrawn_plan w WHERE w.id = p.id) ORDER BY received_at, id";
        let approvals = self.approvals().await?;
        let mut last: BTreeMap<(i64, String, i64), (u32, Row)> = BTreeMap::new();
        for row in self.db.rows(sql, args![year.map(i64::from)]).await? {
            let key = (row.int(5)?, row.text(6)?, row.int(7)?);
            let versions = last.get(&key).map_or(0, |(versions, _)| *versions);
            last.insert(key, (versions + 1, row));
        }
        last.into_values()
            .map(|(versions, row)| {
                let roster_id = row.int_or_null(2)?;
                Ok(FiledPlan {
                    id: row.int(0)?,
                    original_id: row.int(1)?,
                    roster_id,
                    received_at: from_ms(row.int(3)?)?,
                    versions,
                    approval: roster_id.and_then(|id| approvals.get(&id).cloned()),
                    plan: self.vault.open_value("plan.sealed", &row.bytes(4)?)?,
                })
            })
            .collect()
    }

    /// The newest yearly plan that a prison filed for a year up to this one: what a new workbook is made out from.
    pub async fn last_plan(&self, prison: &str, up_to: i32) -> Result<Option<Plan>> {
        let sql = "SELECT sealed FROM plan p WHERE prison = $1 AND addition = 0 AND plan_year <= $2 \
                   AND NOT EXISTS (SELECT 1 FROM withdrawn_plan w WHERE w.id = p.id) ORDER BY plan_year DESC, received_at DESC, id DESC LIMIT 1";
        let row = self.db.row(sql, args![prison.to_owned(), i64::from(up_to)]).await?;
        row.map(|row| Ok(self.vault.open_value("plan.sealed", &row.bytes(0)?)?)).transpose()
    }

    /// Approves the persons of the plans that count in a year, of all prisons or of one; returns the rosters.
    pub async fn approve_plans(
        &self,
        year: i32,
        prison: Option<&str>,
        note: &ApprovalNote,
        at: DateTime<Utc>,
    ) -> Result<Vec<i64>> {
        let plans = self.plans(Some(year)).await?;
        let of = |plan: &&FiledPlan| prison.is_none_or(|prison| *plan.plan.prison == *prison);
        let rosters: Vec<i64> = plans.iter().filter(of).filter_map(|plan| plan.roster_id).collect();
        if rosters.is_empty() {
            return Err(StoreError::Unknown { what: "plan", key: year.to_string() });
        }
        let note = ApprovalNote { plan_year: Some(year), ..note.clone() };
        let mut change = self.change().await?;
        for roster in &rosters {
            self.approve(&mut change, *roster, &note, at).await?;
        }
        change.facts_change();
        change.commit("approve-plans").await?;
        Ok(rosters)
    }

    /// All plans, opened, for the canonical dump.
    pub(super) async fn dump_plans(&self) -> Result<Vec<String>> {
        let sql = "SELECT o.sha256, p.received_at, p.sealed, p.roster_id FROM plan p \
                   JOIN original o ON o.id = p.original_id";
        let mut lines = Vec::new();
        for row in self.db.rows(sql, []).await? {
            let plan: Plan = self.vault.open_value("plan.sealed", &row.bytes(2)?)?;
            let text = serde_json::to_string(&plan).unwrap_or_default();
            lines.push(format!("plan {} {} {:?} {text}", row.text(0)?, row.int(1)?, row.int_or_null(3)?));
        }
        for city in self.city_plans().await? {
            let papers: Vec<String> =
                city.papers.iter().map(|paper| format!("{} {}", paper.kind, paper.name)).collect();
            let (number, totals, parts) = (&city.number, &city.totals, &city.plan_ids);
            lines.push(format!("city plan {number} {totals:?} {parts:?} {:?} {}", city.closing, papers.join(" ")));
        }
        Ok(lines)
    }
}

fn version(row: &Row) -> Result<Version> {
    Ok(Version {
        id: row.int(0)?,
        received_at: row.int(1)?,
        content_hash: row.hash(2)?,
        original_id: row.int(3)?,
        sealed: row.bytes(4)?,
    })
}

/// What a plan says, wherever it stands in the file: for telling plans that say the same.
fn content(plan: &Plan) -> impl Serialize {
    fn values<T: Serialize>(entries: &[Entry<T>]) -> Vec<Vec<u8>> {
        let bytes = |entry: &Entry<T>| postcard::to_stdvec(&entry.value).expect("rows of plain data serialise");
        let mut values: Vec<Vec<u8>> = entries.iter().map(bytes).collect();
        values.sort_unstable();
        values
    }
    let annexes = [values(&plan.summaries), values(&plan.projects), values(&plan.persons), values(&plan.classes)];
    (plan.prison.clone(), plan.year, plan.addition, annexes, plan.states)
}
