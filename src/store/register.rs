//! The register: everything that judging looks at, read at once.
//!
//! - Reads: `assessment_version`, `roster`, `roster_block`, `roster_approval`, `history_row`, batches; all of one
//!   `facts_version`: read again when it moved meanwhile.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rayon::prelude::*;
use tokio::task::JoinSet;

use super::shelf::{BatchState, to_kind};
use super::values::{Row, args};
use super::vault::Vault;
use super::{Result, Store, StoreError, from_ms};
use crate::subsidy::assessment::{Approval, HistoryRow, Name, ResultRow, RosterEntry, RosterRow, SurveyRow};
use crate::subsidy::batch::BalanceKey;
use crate::subsidy::money::Fen;
use crate::subsidy::register::{Register, StoredResult};

/// Rows that are read at once.
const MAX_PAGE: i64 = 4096;
/// Pages per lane that are read and not yet decoded: more would only fill the memory.
const MAX_DECODING: usize = 2;
/// The rosters that count.
pub(super) const ROSTERS: &str = "SELECT id, received_at, row_count FROM roster r \
                       WHERE NOT EXISTS (SELECT 1 FROM withdrawn_roster w WHERE w.id = r.id) ORDER BY id";
/// How often the register is read anew because facts changed meanwhile.
const MAX_LOADS: u32 = 5;
/// A roster row's identity: its roster's identity, then this many bits of its place in it.
const ROSTER_ROW_BITS: u32 = 24;

impl Store {
    /// Reads the register.
    pub async fn load_register(&self) -> Result<Register> {
        self.check_voids().await?;
        for _ in 0..MAX_LOADS {
            let before = self.stamp().await?;
            let (results, roster, history, settlements, carried, headers, waivers) = tokio::try_join!(
                self.load_results(),
                self.load_roster(),
                self.load_history(),
                self.load_settlements(),
                self.load_carried(),
                self.headers(),
                self.waivers(),
            )?;
            let stamp = self.stamp().await?;
            if stamp.facts_version == before.facts_version {
                let last = headers.into_iter().rfind(|(_, header)| header.state == BatchState::Sealed);
                let previous = last.map(|(_, header)| header.number);
                let waivers = waivers.into_iter().map(|stored| stored.waiver).collect();
                return Ok(Register { results, roster, history, waivers, settlements, carried, previous, stamp });
            }
        }
        Err(StoreError::Moving)
    }

    /// The newest version of every assessment. Two lanes of pages: while one page is decoded, others are read.
    async fn load_results(&self) -> Result<Vec<StoredResult>> {
        let last = self.db.int("SELECT COALESCE(MAX(id), 0) FROM assessment_version", []).await?;
        let (even, odd) = tokio::try_join!(self.results_lane(0, last), self.results_lane(MAX_PAGE, last))?;
        let mut results: Vec<StoredResult> = even.into_iter().chain(odd).flatten().collect();
        results.par_sort_unstable_by_key(|result| result.assessment_id);
        Ok(results)
    }

    async fn results_lane(&self, first: i64, last: i64) -> Result<Vec<Vec<StoredResult>>> {
        let sql = "SELECT id, assessment_id, received_at, sealed FROM assessment_version \
                   WHERE id > $1 AND id <= $2 AND live = 1";
        let mut decoding = Decoding::new();
        let mut after = first;
        while after < last {
            let rows = self.db.rows(sql, args![after, after + MAX_PAGE]).await?;
            let vault = Arc::clone(&self.vault);
            decoding.page(move || decode_results(&vault, rows)).await?;
            after += 2 * MAX_PAGE;
        }
        decoding.done().await
    }

    /// All rows of all rosters.
    async fn load_roster(&self) -> Result<Vec<RosterEntry>> {
        let approvals = self.approvals().await?;
        let rosters = self.db.rows(ROSTERS, []).await?;
        let sql = "SELECT position, sealed FROM roster_block WHERE roster_id = $1 AND position >= $2 \
                   AND position < $3 ORDER BY position";
        let mut decoding = Decoding::new();
        for roster in &rosters {
            let (id, received_at, rows) = (roster.int(0)?, from_ms(roster.int(1)?)?, roster.int(2)?);
            let approval = approvals.get(&id).map(|note| {
                let plan_year = note.plan_year.unwrap_or_else(|| Approval::usual_plan_year(note.on));
                Approval { on: note.on, plan_year }
            });
            let mut from = 0;
            while from < rows {
                let blocks = self.db.rows(sql, args![id, from, from + MAX_PAGE]).await?;
                let (vault, approval) = (Arc::clone(&self.vault), approval.clone());
                let decode = move || decode_roster(&vault, blocks, id, received_at, approval.as_ref());
                decoding.page(decode).await?;
                from += MAX_PAGE;
            }
        }
        let mut entries: Vec<RosterEntry> = decoding.done().await?.into_iter().flatten().collect();
        entries.par_sort_unstable_by_key(|entry| entry.id);
        Ok(entries)
    }

    async fn load_history(&self) -> Result<Vec<HistoryRow>> {
        let sql = "SELECT sealed FROM history_row h \
                   WHERE NOT EXISTS (SELECT 1 FROM withdrawn_history w WHERE w.id = h.id) ORDER BY id";
        let rows = self.db.rows(sql, []).await?;
        rows.iter().map(|row| Ok(self.vault.open_value("history_row.sealed", &row.bytes(0)?)?)).collect()
    }

    /// Over all live batches: the sum of lines minus what was payable.
    async fn load_carried(&self) -> Result<BTreeMap<BalanceKey, Fen>> {
        let sql = "SELECT prison, institution, kind, \
                   CAST(SUM(granted_fen + reversed_fen - payable_fen) AS BIGINT) FROM batch_balance \
                   WHERE batch_id NOT IN (SELECT batch_id FROM batch_void) GROUP BY prison, institution, kind";
        let mut carried = BTreeMap::new();
        for row in self.db.rows(sql, []).await? {
            let key = (row.text(0)?.into(), row.text(1)?.into(), to_kind(&row.text(2)?)?);
            let fen = Fen(row.int(3)?);
            if fen != Fen::ZERO {
                carried.insert(key, fen);
            }
        }
        Ok(carried)
    }

    /// The newest survey row of every person surveyed.
    pub async fn survey(&self) -> Result<Vec<SurveyRow>> {
        let rows = self.db.rows("SELECT sealed FROM survey_row WHERE live = 1 ORDER BY id", []).await?;
        rows.iter().map(|row| Ok(self.vault.open_value("survey_row.sealed", &row.bytes(0)?)?)).collect()
    }

    /// Assessments with this certificate number, whatever its type, live or superseded version; not those withdrawn.
    pub async fn find_by_certificate(&self, number: &str) -> Result<Vec<i64>> {
        let Some(hash) = self.certificate_hash(number) else { return Ok(Vec::new()) };
        let sql = "SELECT DISTINCT assessment_id FROM assessment_version v WHERE certificate_hash = $1 \
                   AND NOT EXISTS (SELECT 1 FROM withdrawn_version w WHERE w.id = v.id) ORDER BY assessment_id";
        self.db.rows(sql, args![hash]).await?.iter().map(|row| row.int(0)).collect()
    }

    /// Assessments of this prison (full name) and prisoner number; not those withdrawn.
    pub async fn find_by_prisoner(&self, prison: &str, number: &str) -> Result<Vec<i64>> {
        let sql = "SELECT DISTINCT assessment_id FROM assessment_version v WHERE person_hash = $1 \
                   AND NOT EXISTS (SELECT 1 FROM withdrawn_version w WHERE w.id = v.id) ORDER BY assessment_id";
        let rows = self.db.rows(sql, args![self.prisoner_hash(prison, number)]).await?;
        rows.iter().map(|row| row.int(0)).collect()
    }

    /// The facts of one version, live or superseded.
    pub async fn version(&self, version_id: i64) -> Result<Arc<ResultRow>> {
        let sql = "SELECT sealed FROM assessment_version WHERE id = $1";
        let row = self.db.row(sql, args![version_id]).await?;
        let row = row.ok_or_else(|| StoreError::Unknown { what: "version", key: version_id.to_string() })?;
        Ok(Arc::new(self.vault.open_value("assessment_version.sealed", &row.bytes(0)?)?))
    }
}

/// Pages that are decoded on other threads while further ones are read. Their order is lost.
struct Decoding<T> {
    running: JoinSet<Result<Vec<T>>>,
    pages: Vec<Vec<T>>,
}

impl<T: Send + 'static> Decoding<T> {
    fn new() -> Decoding<T> {
        Decoding { running: JoinSet::new(), pages: Vec::new() }
    }

    /// Hands a page over; waits while too many are under way.
    async fn page(&mut self, decode: impl FnOnce() -> Result<Vec<T>> + Send + 'static) -> Result<()> {
        while self.running.len() >= MAX_DECODING {
            self.join().await?;
        }
        self.running.spawn_blocking(decode);
        Ok(())
    }

    async fn done(mut self) -> Result<Vec<Vec<T>>> {
        while !self.running.is_empty() {
            self.join().await?;
        }
        Ok(self.pages)
    }

    async fn join(&mut self) -> Result<()> {
        if let Some(page) = self.running.join_next().await {
            self.pages.push(page.map_err(|_| StoreError::Damaged("a row panics when it is read".to_owned()))??);
        }
        Ok(())
    }
}

fn decode_results(vault: &Vault, rows: Vec<Row>) -> Result<Vec<StoredResult>> {
    let mut names = Names::default();
    rows.into_iter()
        .map(|row| {
            let mut result: ResultRow = vault.open_value("assessment_version.sealed", &row.bytes(3)?)?;
            for name in [
                &mut result.prison,
                &mut result.training_institution,
                &mut result.assessment_institution,
                &mut result.occupation,
            ] {
                names.share(name);
            }
            Ok(StoredResult {
                version_id: row.int(0)?,
                assessment_id: row.int(1)?,
                received_at: from_ms(row.int(2)?)?,
                row: Arc::new(result),
            })
        })
        .collect()
}

fn decode_roster(
    vault: &Vault,
    blocks: Vec<Row>,
    roster_id: i64,
    received_at: DateTime<Utc>,
    approval: Option<&Approval>,
) -> Result<Vec<RosterEntry>> {
    let mut names = Names::default();
    let mut entries = Vec::new();
    for block in blocks {
        let first = (roster_id << ROSTER_ROW_BITS) + block.int(0)?;
        let rows: Vec<(u128, RosterRow)> = vault.open_value("roster_block.sealed", &block.bytes(1)?)?;
        for (id, (fingerprint, mut row)) in (first..).zip(rows) {
            names.share(&mut row.prison);
            names.share(&mut row.occupation);
            if let Some(institution) = &mut row.institution {
                names.share(institution);
            }
            entries.push(RosterEntry { id, roster_id, row, approval: approval.cloned(), received_at, fingerprint });
        }
    }
    Ok(entries)
}

/// A season repeats few names many times: each page keeps one copy of each.
#[derive(Default)]
struct Names(HashSet<Name>);

impl Names {
    fn share(&mut self, name: &mut Name) {
        if let Some(known) = self.0.get(name) {
            *name = Arc::clone(known);
        } else {
            self.0.insert(Arc::clone(name));
        }
    }
}
