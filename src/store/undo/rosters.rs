//! Rosters of a file that is withdrawn: how many rows cover nobody any more, and whether a batch grants on one of them.

use std::collections::{BTreeSet, HashMap};

use super::super::ledger::Change;
use super::super::register::ROSTERS;
use super::super::values::args;
use super::super::versions::Place;
use super::super::{ApprovalNote, Result, Store};
use super::{UndoRefused, count};
use crate::subsidy::assessment::RosterRow;
use crate::subsidy::register::Settled;

/// The rosters that the file brought, but for those of plans that another file says too: these are handed on.
const WITHDRAWN: &str = "SELECT r.id FROM roster r WHERE r.original_id = $1 AND r.received_at = $2 \
                         AND NOT EXISTS (SELECT 1 FROM plan p JOIN still_said s ON s.part = 'plan' AND s.row_id = p.id \
                         WHERE p.roster_id = r.id)";

impl Store {
    /// Rows of the rosters that fall with the file, and how many of these rosters are approved. Refuses where a live batch
    /// grants on one of the rows, unless another roster says it that covers as much.
    pub(super) async fn rosters_withdrawn(
        &self,
        change: &mut Change,
        (at, original): Place,
    ) -> Result<(u32, u32), UndoRefused> {
        let approvals = self.approvals().await?;
        let mut falling: HashMap<i64, Vec<u128>> = HashMap::new();
        for row in change.tx.rows(WITHDRAWN, args![original, at]).await? {
            let id = row.int(0)?;
            falling.insert(id, self.fingerprints(change, id).await?);
        }
        // Read past this transaction, which has written nothing yet and keeps all others from writing.
        let settlements = if falling.is_empty() { Vec::new() } else { self.load_settlements().await? };
        let granted = settlements
            .iter()
            .filter(|settled| matches!(settled.what, Settled::Granted { reversed_by: None, .. }))
            .filter_map(|settled| Some((settled.facts.roster_fingerprint?, &settled.batch)));
        let mut resting: HashMap<u128, BTreeSet<String>> = HashMap::new();
        for (fingerprint, batch) in granted {
            resting.entry(fingerprint).or_default().insert(batch.to_string());
        }
        // Per row on which a batch grants: the approval that falls with it.
        let mut lost: Vec<(u128, Option<&ApprovalNote>)> = Vec::new();
        for (id, rows) in &falling {
            let rows = rows.iter().filter(|row| resting.contains_key(row));
            lost.extend(rows.map(|row| (*row, approvals.get(id))));
        }
        if !lost.is_empty() {
            for row in change.tx.rows(ROSTERS, []).await? {
                let id = row.int(0)?;
                if falling.contains_key(&id) {
                    continue;
                }
                let (rows, approval) = (self.fingerprints(change, id).await?, approvals.get(&id));
                lost.retain(|(row, lost)| !(covers_as_much(approval, *lost) && rows.contains(row)));
            }
        }
        let batches: BTreeSet<String> =
            lost.iter().filter_map(|(row, _)| resting.get(row)).flatten().cloned().collect();
        if !batches.is_empty() {
            return Err(UndoRefused::Claimed { granted: batches.into_iter().collect(), refused: Vec::new() });
        }
        let rows: usize = falling.values().map(Vec::len).sum();
        let approved = falling.keys().filter(|id| approvals.contains_key(*id)).count();
        Ok((count(rows), count(approved)))
    }

    async fn fingerprints(&self, change: &mut Change, roster: i64) -> Result<Vec<u128>> {
        Ok(self.roster_rows(change, roster).await?.into_iter().map(|(fingerprint, _)| fingerprint).collect())
    }

    /// The rows of a roster, in order, with their fingerprints.
    pub(super) async fn roster_rows(&self, change: &mut Change, roster: i64) -> Result<Vec<(u128, RosterRow)>> {
        let sql = "SELECT sealed FROM roster_block WHERE roster_id = $1 ORDER BY position";
        let mut rows = Vec::new();
        for block in change.tx.rows(sql, args![roster]).await? {
            rows.extend(self.vault.open_value::<Vec<_>>("roster_block.sealed", &block.bytes(0)?)?);
        }
        Ok(rows)
    }
}

/// Whether the same row under one approval covers every course that it covers under the other.
fn covers_as_much(approval: Option<&ApprovalNote>, than: Option<&ApprovalNote>) -> bool {
    let Some(than) = than else { return true };
    approval.is_some_and(|approval| approval.plan_year == than.plan_year && approval.on <= than.on)
}
