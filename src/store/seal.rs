//! Sealing a batch: one short transaction that checks that nothing changed since the draft.
//!
//! - Writes: `batch`, `batch_line`, `batch_refusal`, `batch_block`, `batch_balance`, `batch_paper`, `batch_waiver`,
//!   `delivery`, audit.
//! - Safe to repeat because: the stamp of the draft no longer fits after the first success.

use std::collections::HashMap;

use rayon::prelude::*;
use serde_json::json;

use super::blobs::Paper;
use super::deeds::seal_of;
use super::deliver::NewDelivery;
use super::ledger::Change;
use super::shelf::{BatchHeader, BatchState, StoredLine, StoredRefusal};
use super::values::args;
use super::{Result, Store, StoreError, to_ms};
use crate::subsidy::batch::{Batch, Line, Refusal, batch_number, totals};
use crate::subsidy::calendar::Period;
use crate::subsidy::register::RowFacts;

/// Entries of a block: small enough to decode in parallel, large enough that the database hardly counts.
const MAX_BLOCK_ROWS: usize = 500;
/// Lines that are sealed while others are inserted: a multiple of the block, and the rows of one statement.
const MAX_PORTION: usize = 2 * MAX_BLOCK_ROWS;

const NEXT_SERIAL: &str = "SELECT COALESCE(MAX(serial), 0) + 1 FROM batch WHERE period = $1";

/// A batch with what the store needs beyond it.
#[derive(Clone, Debug)]
pub struct SealedBatch<'a> {
    /// The batch.
    pub batch: &'a Batch,
    /// Facts of each line, in the order of `batch.lines`.
    pub line_facts: &'a [RowFacts],
    /// Facts of each refusal, in the order of `batch.refusals`.
    pub refusal_facts: &'a [RowFacts],
    /// Its papers; their blobs are kept already.
    pub papers: &'a [Paper],
    /// What is to be delivered, and to whom.
    pub deliveries: &'a [NewDelivery],
}

/// Some lines of a batch, side by side with what is sealed with them.
#[derive(Copy, Clone)]
struct Portion<'a> {
    lines: &'a [Line],
    facts: &'a [RowFacts],
}

/// Why a batch was not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealRefused {
    /// Facts changed since the draft: draft and judge anew.
    #[error("the facts changed since the draft: draft anew")]
    StateChanged,
    /// The number is not the next one of its period: draft anew.
    #[error("the number is not the next one of its period: draft anew")]
    NumberTaken,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// The serial that the next batch of a period gets: 1, 2 ... gap-free, void batches counted.
    pub async fn next_serial(&self, period: Period) -> Result<u32> {
        let next = self.db.int(NEXT_SERIAL, args![period.to_string()]).await?;
        u32::try_from(next).map_err(|_| StoreError::Damaged("serial of a batch".to_owned()))
    }

    /// Seals a batch that was drafted on `facts_version`.
    pub async fn seal_batch(&self, sealed: &SealedBatch<'_>, facts_version: i64) -> Result<(), SealRefused> {
        let batch = sealed.batch;
        // Checked before the lock is taken: it takes longest.
        if totals(&batch.lines) != batch.totals {
            return Err(StoreError::Contradiction("the control totals do not fit the lines").into());
        }
        if batch.lines.iter().zip(1..).any(|(line, number)| line.number != number) {
            return Err(StoreError::Contradiction("lines are numbered from 1, in order").into());
        }
        if sealed.line_facts.len() != batch.lines.len() || sealed.refusal_facts.len() != batch.refusals.len() {
            return Err(StoreError::Contradiction("each line and each refusal needs its facts").into());
        }
        let mut change = self.change().await?;
        if change.facts_version() != facts_version {
            return Err(SealRefused::StateChanged);
        }
        let serial = change.tx.int(NEXT_SERIAL, args![batch.period.to_string()]).await?;
        if u32::try_from(serial).map(|serial| batch_number(batch.period, serial)).as_ref() != Ok(&batch.number) {
            return Err(SealRefused::NumberTaken);
        }
        let id = change.tx.int("SELECT COALESCE(MAX(id), 0) + 1 FROM batch", []).await?;
        let reversed = reversed_lines(&mut change, batch).await?;
        insert_head(&mut change, id, serial, batch).await?;
        self.insert_lines(&mut change, id, sealed, &reversed).await?;
        let refusals = self.insert_refusals(&mut change, id, sealed).await?;
        insert_balances(&mut change, id, batch).await?;
        insert_papers(&mut change, id, sealed).await?;
        insert_deliveries(&mut change, id, sealed).await?;
        let waivers = insert_waivers(&mut change, id, batch).await?;
        change.facts_change();
        let totals = &batch.totals;
        let seal = seal_of(&self.vault, &header(batch), &batch.balances, sealed.papers, &refusals, &waivers)?;
        let detail = json!({
            "seal": seal, "persons": totals.persons, "lines": totals.lines, "sum_fen": totals.sum.0,
            "lines_sha256": totals.lines_sha256, "refusals": batch.refusals.len(), "papers": sealed.papers.len(),
        });
        change.audit("batch.sealed", &batch.number, &detail, batch.sealed_at);
        change.commit("seal-batch").await?;
        Ok(())
    }

    async fn insert_lines(
        &self,
        change: &mut Change,
        id: i64,
        sealed: &SealedBatch<'_>,
        reversed: &HashMap<(String, u32), i64>,
    ) -> Result<()> {
        // Portions: the sealed text of a whole season would not fit beside the batch that it is made from.
        let portions = sealed.batch.lines.chunks(MAX_PORTION).zip(sealed.line_facts.chunks(MAX_PORTION));
        let mut portions = portions.map(|(lines, facts)| Portion { lines, facts }).enumerate();
        let into = "batch_line (batch_id, line, kind, assessment_id, version_id, amount_fen, reverses_batch_id, \
                    reverses_line)";
        let mut sealed_next = portions.next().map(|(i, portion)| (i, self.seal_lines(portion), portion));
        while let Some((i, blocks, portion)) = sealed_next {
            insert_blocks(change, id, "lines", i * MAX_PORTION, blocks).await?;
            let rows = portion.lines.iter().zip(portion.facts).map(|(line, facts)| {
                let cited = line.reverses.as_ref().map(|r| (r.batch.clone(), r.line));
                let cited_id = cited.as_ref().and_then(|cited| reversed.get(cited).copied());
                let cited_line = cited.map(|(_, line)| i64::from(line));
                args![
                    id,
                    line.number,
                    line.kind.code(),
                    line.assessment_id,
                    facts.version_id,
                    line.amount.0,
                    cited_id,
                    cited_line,
                ]
            });
            let inserting = change.tx.insert(into, rows.collect::<Vec<_>>());
            // The database has a thread of its own: while it works on these rows, the next ones are sealed.
            let sealing = async { portions.next().map(|(i, portion)| (i, self.seal_lines(portion), portion)) };
            let (inserted, next) = tokio::join!(biased; inserting, sealing);
            inserted?;
            sealed_next = next;
        }
        Ok(())
    }

    fn seal_lines(&self, portion: Portion<'_>) -> Vec<Vec<u8>> {
        let seal = |(lines, facts): (&[Line], &[RowFacts])| {
            let lines = lines.iter().zip(facts).map(|(line, facts)| stored_line(line, facts));
            self.vault.seal_value("batch_block.sealed", &lines.collect::<Vec<StoredLine>>())
        };
        let blocks = portion.lines.par_chunks(MAX_BLOCK_ROWS).zip(portion.facts.par_chunks(MAX_BLOCK_ROWS));
        blocks.map(seal).collect()
    }

    async fn insert_refusals(
        &self,
        change: &mut Change,
        id: i64,
        sealed: &SealedBatch<'_>,
    ) -> Result<Vec<StoredRefusal>> {
        let refusals: Vec<StoredRefusal> = sealed
            .batch
            .refusals
            .iter()
            .zip(sealed.refusal_facts)
            .zip(1..)
            .map(|((refusal, facts), number)| stored_refusal(refusal, facts, number))
            .collect();
        let blocks = refusals.par_chunks(MAX_BLOCK_ROWS).map(|part| self.vault.seal_value("batch_block.sealed", part));
        insert_blocks(change, id, "refusals", 0, blocks.collect()).await?;
        let rows = refusals.iter().map(|r| {
            let (outcome, rules) = (r.outcome.code(), i64::from(r.rules.0));
            args![id, r.number, r.kind.code(), r.assessment_id, r.version_id, outcome, rules, r.settles]
        });
        let into = "batch_refusal (batch_id, number, kind, assessment_id, version_id, outcome, rules, settles)";
        change.tx.insert(into, rows.collect::<Vec<_>>()).await?;
        Ok(refusals)
    }
}

/// The header as it will be read again.
fn header(batch: &Batch) -> BatchHeader {
    BatchHeader {
        number: batch.number.clone(),
        period: batch.period,
        state: BatchState::Sealed,
        sealed_at: batch.sealed_at,
        claim_on: batch.claim_on,
        totals: batch.totals.clone(),
        refusals: u32::try_from(batch.refusals.len()).unwrap_or(u32::MAX),
        previous: batch.previous.clone(),
        audit_count: batch.audit_count,
        audit_head: batch.audit_head.clone(),
    }
}

fn stored_line(line: &Line, facts: &RowFacts) -> StoredLine {
    StoredLine {
        number: line.number,
        kind: line.kind,
        assessment_id: line.assessment_id,
        version_id: facts.version_id,
        roster_fingerprint: facts.roster_fingerprint,
        amount: line.amount,
        canonical: line.canonical(),
        person_key: line.person_key.clone(),
        sex: line.sex,
        payable: line.payable.clone(),
        warnings: line.warnings,
        late: line.late,
        reverses: line.reverses.clone(),
    }
}

fn stored_refusal(refusal: &Refusal, facts: &RowFacts, number: u32) -> StoredRefusal {
    StoredRefusal {
        number,
        kind: refusal.verdict.kind,
        assessment_id: refusal.assessment_id,
        version_id: facts.version_id,
        roster_fingerprint: facts.roster_fingerprint,
        outcome: refusal.verdict.outcome,
        rules: refusal.verdict.rules,
        settles: refusal.verdict.settles_as_refusal(),
        details: refusal.details.clone(),
        late: refusal.late,
    }
}

/// The identities of the batches whose lines this batch takes back. Each such line must have been asked for, in a
/// batch that is not void, and no live batch may take it back already.
async fn reversed_lines(change: &mut Change, batch: &Batch) -> Result<HashMap<(String, u32), i64>> {
    let mut reversed = HashMap::new();
    for cited in batch.lines.iter().filter_map(|line| line.reverses.as_ref()) {
        let sql = "SELECT b.id FROM batch b JOIN reversal q ON q.batch_id = b.id \
                   WHERE b.number = $1 AND q.line = $2 \
                   AND NOT EXISTS (SELECT 1 FROM batch_void v WHERE v.batch_id = b.id) \
                   AND NOT EXISTS (SELECT 1 FROM batch_line r WHERE r.reverses_batch_id = b.id \
                       AND r.reverses_line = q.line \
                       AND NOT EXISTS (SELECT 1 FROM batch_void w WHERE w.batch_id = r.batch_id))";
        let Some(row) = change.tx.row(sql, args![cited.batch.clone(), cited.line]).await? else {
            return Err(StoreError::Contradiction("a reversal line cites a line that is not to be reversed"));
        };
        if reversed.insert((cited.batch.clone(), cited.line), row.int(0)?).is_some() {
            return Err(StoreError::Contradiction("two reversal lines cite the same line"));
        }
    }
    Ok(reversed)
}

async fn insert_head(change: &mut Change, id: i64, serial: i64, batch: &Batch) -> Result<()> {
    let totals = &batch.totals;
    let refusals = i64::try_from(batch.refusals.len()).unwrap_or(i64::MAX);
    let row = args![
        id,
        batch.number.clone(),
        batch.period.to_string(),
        serial,
        batch.claim_on.to_string(),
        to_ms(batch.sealed_at),
        totals.persons,
        totals.lines,
        refusals,
        totals.sum.0,
        totals.lines_sha256.clone(),
        batch.previous.clone(),
        batch.audit_count,
        batch.audit_head.clone(),
    ];
    let into = "batch (id, number, period, serial, claim_on, sealed_at, persons, lines, refusals, sum_fen, \
                lines_sha256, previous, audit_count, audit_head)";
    change.tx.insert(into, [row]).await
}

async fn insert_blocks(
    change: &mut Change,
    id: i64,
    part: &'static str,
    first: usize,
    blocks: Vec<Vec<u8>>,
) -> Result<()> {
    let rows = blocks.into_iter().enumerate().map(|(i, sealed)| {
        let position = i64::try_from(first + i * MAX_BLOCK_ROWS).unwrap_or(i64::MAX);
        args![id, part, position, sealed]
    });
    change.tx.insert("batch_block (batch_id, part, position, sealed)", rows.collect::<Vec<_>>()).await
}

async fn insert_balances(change: &mut Change, id: i64, batch: &Batch) -> Result<()> {
    let rows = batch.balances.iter().zip(0_u32..).map(|(b, position)| {
        let (prison, institution) = (b.prison.to_string(), b.institution.to_string());
        let (granted, reversed, payable) = (b.granted.0, b.reversed.0, b.payable.0);
        let (carried_in, carried_out) = (b.carried_in.0, b.carried_out.0);
        args![
            id,
            position,
            prison,
            institution,
            b.kind.code(),
            b.persons,
            granted,
            reversed,
            carried_in,
            payable,
            carried_out,
        ]
    });
    let into = "batch_balance (batch_id, position, prison, institution, kind, persons, granted_fen, reversed_fen, \
                carried_in_fen, payable_fen, carried_out_fen)";
    change.tx.insert(into, rows.collect::<Vec<_>>()).await
}

async fn insert_papers(change: &mut Change, id: i64, sealed: &SealedBatch<'_>) -> Result<()> {
    let rows = sealed.papers.iter().zip(0_u32..).map(|(paper, position)| {
        let length = i64::try_from(paper.bytes).unwrap_or(i64::MAX);
        let (name, kind) = (paper.name.clone(), paper.kind.clone());
        args![id, position, name, kind, paper.personal, paper.sha256.clone(), length]
    });
    let into = "batch_paper (batch_id, position, name, kind, personal, sha256, length)";
    change.tx.insert(into, rows.collect::<Vec<_>>()).await
}

/// Which lines rest on which waivers, in the order in which they are read again.
async fn insert_waivers(change: &mut Change, id: i64, batch: &Batch) -> Result<Vec<(u32, i64)>> {
    let mut waivers: Vec<(u32, i64)> = batch.waivers.iter().map(|used| (used.line, used.waiver.id)).collect();
    waivers.sort_unstable();
    let rows = waivers.iter().map(|(line, waiver)| args![id, *line, *waiver]);
    change.tx.insert("batch_waiver (batch_id, line, waiver_id)", rows.collect::<Vec<_>>()).await?;
    Ok(waivers)
}

async fn insert_deliveries(change: &mut Change, id: i64, sealed: &SealedBatch<'_>) -> Result<()> {
    let first = change.tx.int("SELECT COALESCE(MAX(id), 0) + 1 FROM delivery", []).await?;
    let at = to_ms(sealed.batch.sealed_at);
    let rows = sealed.deliveries.iter().zip(first..).map(|(new, delivery_id)| {
        args![delivery_id, new.key.clone(), new.recipient.clone(), id, at, "due", at, 0_i64, false]
    });
    let into = "delivery (id, key, recipient, batch_id, created_at, state, due_at, attempts, resend)";
    change.tx.insert(into, rows.collect::<Vec<_>>()).await
}
