//! The shelf: sealed batches as they are read again, each checked against its hashes.
//!
//! - Reads: `batch`, `batch_void`, `batch_block`, `batch_balance`, `batch_paper`, `blob`.
//! - When it fails: a batch or paper that does not fit its hash is damaged; nothing of it is returned.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use rayon::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::blobs::Paper;
use super::deeds::seal_of;
use super::values::{Row, args};
use super::{Result, Store, StoreError, from_ms, to_date};
use crate::subsidy::batch::{Balance, Reverses, Totals, lines_sha256};
use crate::subsidy::calendar::Period;
use crate::subsidy::course::Kind;
use crate::subsidy::identifiers::Sex;
use crate::subsidy::money::Fen;
use crate::subsidy::verdict::{Outcome, Payable, Rule, RuleSet};

/// Blocks that are read at once.
const MAX_BLOCKS_READ: i64 = 64;

/// Rows of what SQL looks for that are read at once.
const MAX_ROWS_READ: i64 = 8192;

/// What SQL looks for in a line: its kind; assessment, version, amount and the line that it takes back. In a refusal: its
/// kind and outcome; assessment, version, whether it settles, its rules.
type Columns = (String, [i64; 4]);

/// Whether a batch counts.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum BatchState {
    /// It counts.
    Sealed,
    /// It was withdrawn before anyone downstream accepted it.
    Void,
}

/// A batch, for lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// `CZ-2026-Q4-001`.
    pub number: String,
    /// The period.
    pub period: Period,
    /// Sealed or void.
    pub state: BatchState,
    /// When it was sealed.
    pub sealed_at: DateTime<Utc>,
    /// Its claim date.
    pub claim_on: NaiveDate,
    /// Control totals.
    pub totals: Totals,
    /// Entries on the refusal list.
    pub refusals: u32,
    /// The live batch before it.
    pub previous: Option<String>,
    /// Audit entries at the time of the draft.
    pub audit_count: i64,
    /// Audit head at the time of the draft.
    pub audit_head: String,
}

/// A line of a sealed batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredLine {
    /// Number in the batch, from 1.
    pub number: u32,
    /// Kind.
    pub kind: Kind,
    /// The assessment.
    pub assessment_id: i64,
    /// The version that was judged.
    pub version_id: i64,
    /// The roster row that was looked at.
    pub roster_fingerprint: Option<u128>,
    /// The amount; negative for a reversal.
    pub amount: Fen,
    /// The canonical text, as hashed.
    pub canonical: String,
    /// The person.
    pub person_key: Arc<str>,
    /// Sex from the resident ID or the roster.
    pub sex: Option<Sex>,
    /// How the amount came about.
    pub payable: Payable,
    /// Warnings.
    pub warnings: RuleSet,
    /// 补报.
    pub late: bool,
    /// The line that it takes back.
    pub reverses: Option<Box<Reverses>>,
}

/// An entry of the refusal list of a sealed batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRefusal {
    /// Number on the list, from 1.
    pub number: u32,
    /// Kind.
    pub kind: Kind,
    /// The assessment.
    pub assessment_id: i64,
    /// The version that was judged.
    pub version_id: i64,
    /// The roster row that was looked at.
    pub roster_fingerprint: Option<u128>,
    /// Denied or held.
    pub outcome: Outcome,
    /// Failing rules and warnings.
    pub rules: RuleSet,
    /// Whether it settles.
    pub settles: bool,
    /// Per failing rule what was found.
    pub details: Vec<(Rule, String)>,
    /// 补报.
    pub late: bool,
}

/// A sealed batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBatch {
    /// Its header.
    pub header: BatchHeader,
    /// If void: why, who, when.
    pub void: Option<(String, String, DateTime<Utc>)>,
    /// Its lines.
    pub lines: Vec<StoredLine>,
    /// Its refusal list.
    pub refusals: Vec<StoredRefusal>,
    /// Its netting.
    pub balances: Vec<Balance>,
    /// Its papers.
    pub papers: Vec<Paper>,
    /// Which lines rest on which waivers, by their numbers.
    pub waivers: Vec<(u32, i64)>,
}

impl Store {
    /// All batches, oldest first.
    pub async fn batches(&self) -> Result<Vec<BatchHeader>> {
        Ok(self.headers().await?.into_iter().map(|(_, header)| header).collect())
    }

    /// Identities and headers, oldest first.
    pub(super) async fn headers(&self) -> Result<Vec<(i64, BatchHeader)>> {
        let sql = "SELECT b.id, b.number, b.period, v.batch_id, b.sealed_at, b.claim_on, b.persons, b.lines, b.sum_fen, \
                   b.lines_sha256, b.refusals, b.previous, b.audit_count, b.audit_head \
                   FROM batch b LEFT JOIN batch_void v ON v.batch_id = b.id ORDER BY b.id";
        self.db.rows(sql, []).await?.iter().map(header).collect()
    }

    /// Identity and header of one batch.
    pub(super) async fn header(&self, number: &str) -> Result<(i64, BatchHeader)> {
        let mut headers = self.headers().await?;
        headers.retain(|(_, header)| header.number == number);
        headers.pop().ok_or_else(|| StoreError::Unknown { what: "batch", key: number.to_owned() })
    }

    /// One batch, checked against its control totals, the columns that SQL looks for, and the seal in the audit log.
    pub async fn batch(&self, number: &str) -> Result<StoredBatch> {
        let batch = self.batch_unsealed(number).await?;
        let seal =
            seal_of(&self.vault, &batch.header, &batch.balances, &batch.papers, &batch.refusals, &batch.waivers)?;
        if self.logged_seal(number).await?.is_none_or(|logged| logged != seal) {
            return Err(StoreError::Damaged(format!("seal of batch {number}")));
        }
        Ok(batch)
    }

    /// The same without the seal.
    pub(super) async fn batch_unsealed(&self, number: &str) -> Result<StoredBatch> {
        let (id, header) = self.header(number).await?;
        let lines: Vec<StoredLine> = self.blocks(id, "lines").await?;
        let refusals: Vec<StoredRefusal> = self.blocks(id, "refusals").await?;
        let damaged = |what: &str| StoreError::Damaged(format!("{what} of batch {number}"));
        let sum: Fen = lines.iter().map(|line| line.amount).sum();
        let hash = lines_sha256(lines.iter().map(|line| line.canonical.as_str()));
        let same_count = lines.len() == header.totals.lines as usize && refusals.len() == header.refusals as usize;
        if !same_count || sum != header.totals.sum || hash != header.totals.lines_sha256 {
            return Err(damaged("control totals"));
        }
        if !self.columns_fit(id, &lines, &refusals).await? {
            return Err(damaged("line columns"));
        }
        let (void, balances, papers) = (self.void_note(id).await?, self.balances(id).await?, self.papers(id).await?);
        let waivers = self.line_waivers(id).await?;
        Ok(StoredBatch { header, void, lines, refusals, balances, papers, waivers })
    }

    /// All entries of one part of a batch.
    pub(super) async fn blocks<T>(&self, batch_id: i64, part: &'static str) -> Result<Vec<T>>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let mut entries = Vec::new();
        loop {
            let page = self.block_page(batch_id, part, entries.len()).await?;
            if page.is_empty() {
                return Ok(entries);
            }
            entries.extend(page);
        }
    }

    /// The entries of one part of a batch from a place on, some blocks at once; none past the end.
    pub(super) async fn block_page<T>(&self, batch_id: i64, part: &'static str, from: usize) -> Result<Vec<T>>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let from = i64::try_from(from).unwrap_or(i64::MAX);
        let sql = "SELECT sealed FROM batch_block WHERE batch_id = $1 AND part = $2 AND position >= $3 \
                   ORDER BY position LIMIT $4";
        let rows = self.db.rows(sql, args![batch_id, part, from, MAX_BLOCKS_READ]).await?;
        let vault = Arc::clone(&self.vault);
        let opened = tokio::task::spawn_blocking(move || {
            rows.into_par_iter()
                .map(|row| Ok(vault.open_value::<Vec<T>>("batch_block.sealed", &row.bytes(0)?)?))
                .collect::<Result<Vec<Vec<T>>>>()
        });
        let blocks = opened.await.map_err(|_| StoreError::Damaged(format!("{part} of a batch")))??;
        Ok(blocks.into_iter().flatten().collect())
    }

    /// Whether the columns that SQL looks for say what the blocks say; page by page, a season's rows take room.
    async fn columns_fit(&self, batch_id: i64, lines: &[StoredLine], refusals: &[StoredRefusal]) -> Result<bool> {
        let of_line = |line: &StoredLine| {
            let cited = line.reverses.as_ref().map_or(0, |cited| i64::from(cited.line));
            (line.kind.code().to_owned(), [line.assessment_id, line.version_id, line.amount.0, cited])
        };
        let of_refusal = |r: &StoredRefusal| {
            let what = format!("{} {}", r.kind.code(), r.outcome.code());
            (what, [r.assessment_id, r.version_id, i64::from(r.settles), i64::from(r.rules.0)])
        };
        let sql = "SELECT assessment_id, version_id, amount_fen, COALESCE(reverses_line, 0), kind FROM batch_line \
                   WHERE batch_id = $1 AND line > $2 ORDER BY line LIMIT $3";
        let lines_fit = self.rows_fit(batch_id, sql, lines.len(), |at| of_line(&lines[at])).await?;
        let sql = "SELECT assessment_id, version_id, settles, rules, kind || ' ' || outcome FROM batch_refusal \
                   WHERE batch_id = $1 AND number > $2 ORDER BY number LIMIT $3";
        Ok(lines_fit && self.rows_fit(batch_id, sql, refusals.len(), |at| of_refusal(&refusals[at])).await?)
    }

    /// Whether the numbered rows are these, all of them and no more.
    async fn rows_fit(
        &self,
        batch_id: i64,
        sql: &'static str,
        count: usize,
        said: impl Fn(usize) -> Columns,
    ) -> Result<bool> {
        let mut from = 0;
        loop {
            let after = i64::try_from(from).unwrap_or(i64::MAX);
            let page = self.db.rows(sql, args![batch_id, after, MAX_ROWS_READ]).await?;
            if page.is_empty() {
                return Ok(from == count);
            }
            for (at, row) in (from..).zip(&page) {
                let stored = (row.text(4)?, [row.int(0)?, row.int(1)?, row.int(2)?, row.int(3)?]);
                if at >= count || stored != said(at) {
                    return Ok(false);
                }
            }
            from += page.len();
        }
    }

    async fn void_note(&self, batch_id: i64) -> Result<Option<(String, String, DateTime<Utc>)>> {
        let sql = "SELECT reason, by_whom, at FROM batch_void WHERE batch_id = $1";
        let Some(row) = self.db.row(sql, args![batch_id]).await? else { return Ok(None) };
        let text = |context, sealed: Vec<u8>| -> Result<String> {
            Ok(String::from_utf8_lossy(&self.vault.open(context, &sealed)?).into_owned())
        };
        let reason = text("batch_void.reason", row.bytes(0)?)?;
        Ok(Some((reason, text("batch_void.by_whom", row.bytes(1)?)?, from_ms(row.int(2)?)?)))
    }

    async fn balances(&self, batch_id: i64) -> Result<Vec<Balance>> {
        let sql = "SELECT prison, institution, kind, persons, granted_fen, reversed_fen, carried_in_fen, payable_fen, \
                   carried_out_fen FROM batch_balance WHERE batch_id = $1 ORDER BY position";
        let rows = self.db.rows(sql, args![batch_id]).await?;
        rows.iter()
            .map(|row| {
                Ok(Balance {
                    prison: row.text(0)?.into(),
                    institution: row.text(1)?.into(),
                    kind: to_kind(&row.text(2)?)?,
                    persons: row.number(3)?,
                    granted: Fen(row.int(4)?),
                    reversed: Fen(row.int(5)?),
                    carried_in: Fen(row.int(6)?),
                    payable: Fen(row.int(7)?),
                    carried_out: Fen(row.int(8)?),
                })
            })
            .collect()
    }

    async fn papers(&self, batch_id: i64) -> Result<Vec<Paper>> {
        let sql = "SELECT name, kind, personal, sha256, length FROM batch_paper WHERE batch_id = $1 ORDER BY position";
        let rows = self.db.rows(sql, args![batch_id]).await?;
        rows.iter()
            .map(|row| {
                let (name, kind, personal) = (row.text(0)?, row.text(1)?, row.int(2)? != 0);
                Ok(Paper { name, kind, personal, sha256: row.text(3)?, bytes: row.count(4)? })
            })
            .collect()
    }

    /// The bytes of a paper, checked against its hash.
    pub async fn paper_bytes(&self, batch: &str, name: &str) -> Result<Vec<u8>> {
        let sql = "SELECT p.sha256 FROM batch_paper p JOIN batch b ON b.id = p.batch_id \
                   WHERE b.number = $1 AND p.name = $2";
        let row = self.db.row(sql, args![batch.to_owned(), name.to_owned()]).await?;
        let row = row.ok_or_else(|| StoreError::Unknown { what: "paper", key: format!("{batch}/{name}") })?;
        self.blob(&row.text(0)?).await
    }
}

fn header(row: &Row) -> Result<(i64, BatchHeader)> {
    let period = Period::parse(&row.text(2)?).ok_or_else(|| StoreError::Damaged("period of a batch".to_owned()))?;
    let header = BatchHeader {
        number: row.text(1)?,
        period,
        state: if row.int_or_null(3)?.is_some() { BatchState::Void } else { BatchState::Sealed },
        sealed_at: from_ms(row.int(4)?)?,
        claim_on: to_date(&row.text(5)?)?,
        totals: Totals {
            persons: row.number(6)?,
            lines: row.number(7)?,
            sum: Fen(row.int(8)?),
            lines_sha256: row.text(9)?,
        },
        refusals: row.number(10)?,
        previous: row.text_or_null(11)?,
        audit_count: row.int(12)?,
        audit_head: row.text(13)?,
    };
    Ok((row.int(0)?, header))
}

/// Reads a kind of subsidy.
pub(super) fn to_kind(code: &str) -> Result<Kind> {
    Kind::from_code(code).ok_or_else(|| StoreError::Damaged("kind of subsidy".to_owned()))
}
