//! Plans of a file that is withdrawn: another file that said the same takes over, with its persons and their approval.

use chrono::{DateTime, Utc};

use super::super::ledger::Change;
use super::super::plan::INTO;
use super::super::values::{Arg, Row, args};
use super::super::versions::Place;
use super::super::{ApprovalNote, Result, Store, StoreError, from_ms, to_date};
use super::{PlanFallback, UndoRefused};
use crate::subsidy::assessment::RosterRow;
use crate::subsidy::plan::Plan;

/// A plan of the file, before it is withdrawn.
pub(super) struct Standing {
    id: i64,
    content_hash: [u8; 16],
    roster_id: Option<i64>,
    plan: Plan,
}

impl Store {
    /// The plans that the file brought. Refuses where a compiled plan was made from one.
    pub(super) async fn plans_standing(
        &self,
        change: &mut Change,
        (at, original): Place,
    ) -> Result<Vec<Standing>, UndoRefused> {
        let sql = "SELECT c.number FROM city_plan c JOIN city_plan_part q ON q.city_plan_id = c.id \
                   JOIN plan p ON p.id = q.plan_id WHERE p.original_id = $1 AND p.received_at = $2 \
                   ORDER BY c.id DESC LIMIT 1";
        if let Some(row) = change.tx.row(sql, args![original, at]).await? {
            return Err(UndoRefused::Compiled(row.text(0)?));
        }
        let sql = "SELECT id, content_hash, roster_id, sealed FROM plan WHERE original_id = $1 AND received_at = $2";
        let rows = change.tx.rows(sql, args![original, at]).await?;
        let standing = |row: &Row| -> Result<Standing> {
            Ok(Standing {
                id: row.int(0)?,
                content_hash: row.hash(1)?,
                roster_id: row.int_or_null(2)?,
                plan: self.vault.open_value("plan.sealed", &row.bytes(3)?)?,
            })
        };
        Ok(rows.iter().map(standing).collect::<Result<_>>()?)
    }

    /// Hands each plan on to the first file that says it too, and tells which plan counts from here on. The withdrawal is
    /// on record already.
    pub(super) async fn plans_withdrawn(
        &self,
        change: &mut Change,
        standing: Vec<Standing>,
        at: DateTime<Utc>,
    ) -> Result<Vec<PlanFallback>> {
        let mut fallbacks = Vec::new();
        for old in standing {
            let sql = "SELECT received_at, original_id FROM still_said WHERE part = 'plan' AND row_id = $1 \
                       ORDER BY received_at, original_id";
            let rows = change.tx.rows(sql, args![old.id]).await?;
            let said: Vec<Place> = rows.iter().map(|row| Ok((row.int(0)?, row.int(1)?))).collect::<Result<_>>()?;
            if let Some((first, others)) = said.split_first() {
                self.hand_on(change, &old, *first, others, at).await?;
            }
            let (prison, year) = (old.plan.prison.clone(), old.plan.year);
            let sql = "SELECT received_at FROM plan p WHERE plan_year = $1 AND prison = $2 AND addition = $3 \
                       AND NOT EXISTS (SELECT 1 FROM withdrawn_plan w WHERE w.id = p.id) \
                       ORDER BY received_at DESC, id DESC LIMIT 1";
            let key = args![i64::from(year), prison.to_string(), i64::from(old.plan.addition.unwrap_or(0))];
            let to = change.tx.row(sql, key).await?.map(|row| from_ms(row.int(0)?)).transpose()?;
            fallbacks.push(PlanFallback { prison, year, addition: old.plan.addition, to });
        }
        Ok(fallbacks)
    }

    /// The plan becomes one of another file; so do its persons, approved as they were.
    async fn hand_on(
        &self,
        change: &mut Change,
        old: &Standing,
        to: Place,
        others: &[Place],
        at: DateTime<Utc>,
    ) -> Result<()> {
        let id = change.tx.int("SELECT COALESCE(MAX(id), 0) + 1 FROM plan", []).await?;
        let mut roster = None;
        if let Some(persons) = old.roster_id {
            let next = change.tx.int("SELECT COALESCE(MAX(id), 0) + 1 FROM roster", []).await?;
            let rows = self.roster_rows(change, persons).await?;
            let rows: Vec<(u128, &RosterRow)> = rows.iter().map(|(fingerprint, row)| (*fingerprint, row)).collect();
            self.insert_roster(change, to, next, &rows).await?;
            if let Some(note) = self.last_approval(change, persons).await? {
                self.approve(change, next, &note, at).await?;
            }
            roster = Some(next);
        }
        let plan = &old.plan;
        let (year, addition) = (i64::from(plan.year), i64::from(plan.addition.unwrap_or(0)));
        let sealed = self.vault.seal_value("plan.sealed", plan);
        let row = args![id, to.1, to.0, plan.prison.to_string(), year, addition, old.content_hash, roster, sealed];
        change.tx.insert(INTO, [row]).await?;
        let said: Vec<[Arg; 4]> =
            others.iter().map(|(received_at, original)| args!["plan", id, *original, *received_at]).collect();
        change.tx.insert("said_again (part, row_id, original_id, received_at)", said).await
    }

    async fn last_approval(&self, change: &mut Change, roster: i64) -> Result<Option<ApprovalNote>> {
        let sql = "SELECT approved_on, by_whom, plan_year FROM roster_approval WHERE roster_id = $1 \
                   ORDER BY id DESC LIMIT 1";
        let Some(row) = change.tx.row(sql, args![roster]).await? else { return Ok(None) };
        let year = i32::try_from(row.int(2)?).map_err(|_| StoreError::Damaged("plan year".to_owned()))?;
        let by = self.opened("roster_approval.by_whom", &row.bytes(1)?)?;
        Ok(Some(ApprovalNote { on: to_date(&row.text(0)?)?, by, plan_year: Some(year) }))
    }
}
