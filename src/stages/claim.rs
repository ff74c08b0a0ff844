//! Claim (申领): unsettled assessments -> judged anew -> papers -> a sealed batch.
//!
//! Reads: the register, pending reversals, the catalogue. Writes: blobs, then in one short transaction the batch with
//! its lines, refusal list, papers and deliveries.
//! Safe to repeat because what a batch settles is not claimed again, and a batch is sealed only on the very facts
//! that it was judged on; otherwise it is drafted anew.
//! When it fails: nothing is sealed; blobs that a dead claim left behind are swept by a later one.
//! Trusts: the catalogue, which `settings` has checked.

mod draft;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use fail::fail_point;
use tokio::sync::mpsc;
use tracing::{info, warn};

use self::draft::Draft;
pub use super::Stationery;
use super::{StageError, blocking, let_go};
use crate::forms::papers::{self, Manifest, ManifestFile, Wanted};
use crate::store::{NewDelivery, Paper, SealRefused, SealedBatch, SealedBlob, Store};
use crate::subsidy::batch::{Batch, Totals};
use crate::subsidy::calendar::{Period, civil_date};
use crate::subsidy::catalogue::Catalogue;

/// How often a batch is drafted anew because the facts moved meanwhile.
const MAX_DRAFTS: u32 = 5;
/// Papers that are stored at a time, and at most wait for it.
const PAPERS_AT_A_TIME: usize = 64;
/// Name of the batch's manifest.
const MANIFEST: &str = "manifest.json";

/// What a claim needs beside the store.
#[derive(Clone)]
pub struct Order {
    /// The period that is claimed.
    pub period: Period,
    /// Ids of those to whom the batch is delivered.
    pub recipients: Vec<String>,
    /// What the papers are made with.
    pub stationery: Arc<Stationery>,
    /// Which papers are rendered.
    pub wanted: Wanted,
}

/// Kind of the batch's manifest among its stored papers.
pub const MANIFEST_KIND: &str = "manifest";

/// What a claim did.
#[derive(Debug, Default)]
pub struct Report {
    /// Number and totals of the sealed batch; `None` where nothing was there to claim.
    pub sealed: Option<(String, Totals)>,
    /// Entries on its refusal list, or what stays refused or held where nothing was sealed.
    pub refusals: usize,
    /// Papers rendered.
    pub papers: usize,
    /// Days on which a policy was needed and none is in force.
    pub days_without_policy: BTreeSet<NaiveDate>,
    /// Assessments that the catalogue would pay nothing or less.
    pub zero_amounts: BTreeSet<i64>,
}

/// Drafts, renders and seals a batch for the period, dated `now`. `catalogue_unchanged` looks at the files again.
pub async fn run(
    store: &Store,
    catalogue: &Arc<Catalogue>,
    order: &Order,
    catalogue_unchanged: impl Fn() -> bool,
    now: DateTime<Utc>,
) -> Result<Report, StageError> {
    let swept = store.sweep_blobs(now).await?;
    if swept > 0 {
        info!(swept, "papers of an unfinished claim removed");
    }
    for _ in 0..MAX_DRAFTS {
        let draft = draft(store, catalogue, order.period, now).await?;
        let mut report = Report {
            refusals: draft.batch.refusals.len(),
            days_without_policy: draft.days_without_policy.clone(),
            zero_amounts: draft.zero_amounts.clone(),
            ..Report::default()
        };
        if draft.batch.lines.is_empty() {
            info!(period = %order.period, "nothing to claim");
            return Ok(report);
        }
        let Draft { batch, line_facts, refusal_facts, facts_version, .. } = draft;
        let batch = Arc::new(batch);
        let papers = render(store, catalogue, order, &batch, now).await?;
        if !catalogue_unchanged() {
            return Err(StageError::CatalogueChanged);
        }
        let to = |recipient: &String| NewDelivery {
            key: format!("{}:{recipient}", batch.number),
            recipient: recipient.clone(),
        };
        let deliveries: Vec<NewDelivery> = order.recipients.iter().map(to).collect();
        let sealed = SealedBatch {
            batch: &batch,
            line_facts: &line_facts,
            refusal_facts: &refusal_facts,
            papers: &papers,
            deliveries: &deliveries,
        };
        match store.seal_batch(&sealed, facts_version).await {
            Ok(()) => {
                let totals = batch.totals.clone();
                info!(batch = %batch.number, lines = totals.lines, sum_fen = totals.sum.0, "batch sealed");
                report.papers = papers.iter().filter(|paper| paper.kind != MANIFEST_KIND).count();
                report.sealed = Some((batch.number.clone(), totals));
                let_go((batch, line_facts));
                return Ok(report);
            }
            Err(SealRefused::Store(error)) => return Err(error.into()),
            Err(refused @ (SealRefused::StateChanged | SealRefused::NumberTaken)) => {
                warn!(%refused, "batch drafted anew");
            }
        }
    }
    Err(StageError::Unsettled)
}

async fn draft(
    store: &Store,
    catalogue: &Arc<Catalogue>,
    period: Period,
    now: DateTime<Utc>,
) -> Result<Draft, StageError> {
    let register = store.load_register().await?;
    let reversals = store.pending_reversals().await?;
    let serial = store.next_serial(period).await?;
    let terms = draft::Terms { period, serial, sealed_at: now, claim_on: civil_date(now) };
    let catalogue = catalogue.clone();
    blocking(move || draft::draft(register, reversals, &catalogue, &terms)).await
}

/// Renders the papers outside any transaction and keeps their bytes as they come, the manifest of them all last.
async fn render(
    store: &Store,
    catalogue: &Arc<Catalogue>,
    order: &Order,
    batch: &Arc<Batch>,
    now: DateTime<Utc>,
) -> Result<Vec<Paper>, StageError> {
    fail_point!("claim.papers.before-kept");
    let (made, mut ready) = mpsc::channel(PAPERS_AT_A_TIME);
    let printing = {
        let (store, catalogue, batch, order) = (store.clone(), catalogue.clone(), batch.clone(), order.clone());
        // Sealed by the thread that made it: whoever keeps papers must not need the threads that wait for it here.
        // The receiver only goes away with the whole claim.
        let hand_over = move |paper| drop(made.blocking_send(sealed(&store, paper)));
        let print = move || papers::print(&batch, order.stationery.context(&catalogue), order.wanted, hand_over);
        tokio::task::spawn_blocking(print)
    };
    let mut kept: Vec<(Option<u32>, Paper)> = Vec::new();
    let mut rendered = Vec::with_capacity(PAPERS_AT_A_TIME);
    // As many as go into one transaction: each costs a sync to the disk, for which the printers would wait.
    while filled(&mut ready, &mut rendered).await {
        let (listed, blobs): (Vec<_>, Vec<_>) = rendered.drain(..).unzip();
        store.put_blobs(blobs, now).await?;
        kept.extend(listed);
    }
    printing.await.map_err(|error| StageError::Broken(error.to_string()))??;
    kept.sort_by(|(a_group, a), (b_group, b)| (a_group, &a.name).cmp(&(b_group, &b.name)));
    let mut kept: Vec<Paper> = kept.into_iter().map(|(_, paper)| paper).collect();
    papers::check_names(kept.iter().map(|paper| paper.name.as_str()))?;
    let files = kept.iter().map(|paper| ManifestFile {
        name: paper.name.clone(),
        bytes: paper.bytes,
        sha256: paper.sha256.clone(),
    });
    let manifest = Manifest::new(batch, files.collect(), &order.stationery.context(catalogue)).to_bytes()?;
    let blob = store.seal_blob(&manifest);
    let (name, kind) = (MANIFEST.to_owned(), MANIFEST_KIND.to_owned());
    kept.push(Paper { name, kind, personal: false, sha256: blob.sha256.clone(), bytes: blob.length });
    store.put_blobs(vec![blob], now).await?;
    fail_point!("claim.papers.after-kept");
    Ok(kept)
}

/// Takes what is made until it fills a transaction or nothing more comes; `false`: nothing came.
async fn filled<T>(ready: &mut mpsc::Receiver<T>, rendered: &mut Vec<T>) -> bool {
    while rendered.len() < PAPERS_AT_A_TIME {
        if ready.recv_many(rendered, PAPERS_AT_A_TIME - rendered.len()).await == 0 {
            break;
        }
    }
    !rendered.is_empty()
}

/// A rendered paper as the store lists it, with the number of its group, and as the store keeps it.
fn sealed(store: &Store, paper: papers::Paper) -> ((Option<u32>, Paper), SealedBlob) {
    let blob = store.seal_blob(&paper.bytes);
    let kind = paper.kind.code().to_owned();
    let (sha256, bytes) = (blob.sha256.clone(), blob.length);
    ((paper.group, Paper { name: paper.name, kind, personal: paper.personal, sha256, bytes }), blob)
}
