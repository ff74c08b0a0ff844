//! What live batches have settled, per assessment and kind.
//!
//! - Reads: `batch`, `batch_void`, `batch_block`, `reversal`, `reopening`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::NaiveDate;

use super::shelf::{BatchState, StoredLine, StoredRefusal};
use super::values::args;
use super::{Result, Store, StoreError};
use crate::subsidy::course::Kind;
use crate::subsidy::register::{RowFacts, Settled, Settlement};

/// The settlements so far, and what people asked for.
#[derive(Default)]
struct Docket {
    settled: HashMap<(i64, Kind), Settlement>,
    /// Batch and line.
    asked: HashSet<(i64, u32)>,
    /// Batch, refusal or reversal line, its number.
    reopened: HashSet<(i64, bool, u32)>,
}

/// The batch that is being read.
struct Reading {
    id: i64,
    number: Arc<str>,
    claim_on: NaiveDate,
}

impl Store {
    /// The last settlement per assessment and kind, in that order.
    pub(super) async fn load_settlements(&self) -> Result<Vec<Settlement>> {
        let mut docket = Docket::default();
        for row in self.db.rows("SELECT batch_id, line FROM reversal", []).await? {
            docket.asked.insert((row.int(0)?, row.number(1)?));
        }
        for row in self.db.rows("SELECT batch_id, refusal, number FROM reopening", []).await? {
            docket.reopened.insert((row.int(0)?, row.int(1)? != 0, row.number(2)?));
        }
        for (id, header) in self.headers().await? {
            if header.state == BatchState::Void {
                continue;
            }
            let batch = Reading { id, number: header.number.into(), claim_on: header.claim_on };
            let mut read = 0;
            loop {
                let page: Vec<StoredLine> = self.block_page(id, "lines", read).await?;
                if page.is_empty() {
                    break;
                }
                read += page.len();
                for line in page {
                    docket.line(&batch, line)?;
                }
            }
            read = 0;
            loop {
                let page: Vec<StoredRefusal> = self.block_page(id, "refusals", read).await?;
                if page.is_empty() {
                    break;
                }
                read += page.len();
                for refusal in page {
                    docket.refusal(&batch, &refusal);
                }
            }
        }
        let mut settlements: Vec<Settlement> = docket.settled.into_values().collect();
        settlements.sort_unstable_by_key(|s| (s.assessment_id, s.kind));
        Ok(settlements)
    }
}

impl Docket {
    fn line(&mut self, batch: &Reading, line: StoredLine) -> Result<()> {
        let key = (line.assessment_id, line.kind);
        if let Some(cited) = &line.reverses {
            let settlement = self
                .settled
                .get_mut(&key)
                .filter(|s| *s.batch == *cited.batch && s.number == cited.line)
                .ok_or_else(|| StoreError::Damaged(format!("reversal line {} of {}", line.number, batch.number)))?;
            if let Settled::Granted { reversed_by, reversal_pending, .. } = &mut settlement.what {
                *reversed_by = Some((Arc::clone(&batch.number), line.number));
                *reversal_pending = false;
            }
            settlement.facts = RowFacts { version_id: line.version_id, roster_fingerprint: line.roster_fingerprint };
            settlement.reopened = self.reopened.contains(&(batch.id, false, line.number));
            return Ok(());
        }
        let what = Settled::Granted {
            payable: line.payable,
            warnings: line.warnings,
            reversed_by: None,
            reversal_pending: self.asked.contains(&(batch.id, line.number)),
        };
        let settlement = Settlement {
            assessment_id: line.assessment_id,
            kind: line.kind,
            batch: Arc::clone(&batch.number),
            number: line.number,
            facts: RowFacts { version_id: line.version_id, roster_fingerprint: line.roster_fingerprint },
            claim_on: batch.claim_on,
            what,
            reopened: false,
        };
        self.settled.insert(key, settlement);
        Ok(())
    }

    fn refusal(&mut self, batch: &Reading, refusal: &StoredRefusal) {
        if !refusal.settles {
            return;
        }
        let settlement = Settlement {
            assessment_id: refusal.assessment_id,
            kind: refusal.kind,
            batch: Arc::clone(&batch.number),
            number: refusal.number,
            facts: RowFacts { version_id: refusal.version_id, roster_fingerprint: refusal.roster_fingerprint },
            claim_on: batch.claim_on,
            what: Settled::Refused { rules: refusal.rules },
            reopened: self.reopened.contains(&(batch.id, true, refusal.number)),
        };
        self.settled.insert((refusal.assessment_id, refusal.kind), settlement);
    }
}

/// Whether a settlement may be reopened: a refusal or a reversed grant that is not reopened yet. Gives refusal or
/// reversal line, its batch and its number.
pub(super) fn reopenable(settlement: &Settlement) -> Option<(bool, Arc<str>, u32)> {
    if settlement.reopened {
        return None;
    }
    match &settlement.what {
        Settled::Refused { .. } => Some((true, Arc::clone(&settlement.batch), settlement.number)),
        Settled::Granted { reversed_by, .. } => reversed_by.clone().map(|(batch, line)| (false, batch, line)),
    }
}

/// The identity of a batch by its number.
pub(super) async fn batch_id(change: &mut super::ledger::Change, number: &str) -> Result<i64> {
    let row = change.tx.row("SELECT id FROM batch WHERE number = $1", args![number.to_owned()]).await?;
    row.ok_or_else(|| StoreError::Unknown { what: "batch", key: number.to_owned() })?.int(0)
}
