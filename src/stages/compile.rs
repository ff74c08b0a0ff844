//! Compile (汇总): filed plans -> the plan of the city with its papers, queued for the next agency.
//!
//! Reads: the plans that count, what was compiled before, the catalogue. Writes: blobs, then in one short transaction the
//! compiled plan, its papers and deliveries.
//! Safe to repeat because a year is compiled again only where other plans count than in its last version, and a version
//! is sealed only on the very facts that it was drafted on.
//! When it fails: nothing is sealed; blobs that were left behind are swept by a later claim.
//! Trusts: the catalogue, which `settings` has checked.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use fail::fail_point;
use tracing::{info, warn};

use super::{StageError, Stationery, blocking};
use crate::forms::papers::{self, Manifest, ManifestFile};
use crate::forms::reading::FormSpecs;
use crate::store::{FiledPlan, NewDelivery, Paper, SealRefused, SealedBlob, SealedCityPlan, Store, StoredCityPlan};
use crate::subsidy::catalogue::Catalogue;
use crate::subsidy::plan::city::{CityPlan, PlanTotals, Scope, plan_number, totals};
use crate::subsidy::plan::{Missing, missing};

/// How often a plan is drafted anew because the facts moved meanwhile.
const MAX_DRAFTS: u32 = 5;
/// Papers that are stored at a time.
const PAPERS_AT_A_TIME: usize = 64;
/// Name of the manifest.
const MANIFEST: &str = "manifest.json";
/// Kind of the manifest among the stored papers; the deliver stage names it so.
const MANIFEST_KIND: &str = "manifest";

/// The lead prison does not wait any longer.
#[derive(Clone, Debug)]
pub struct Closing {
    /// The year that is planned.
    pub year: i32,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
}

/// What compiling needs beside the store.
#[derive(Clone)]
pub struct Order {
    /// Ids of those to whom the plan is delivered.
    pub recipients: Vec<String>,
    /// What the papers are made with.
    pub stationery: Arc<Stationery>,
    /// Columns of annexes 2 and 3.
    pub specs: Arc<FormSpecs>,
    /// A year that is closed although plans are missing.
    pub closing: Option<Closing>,
}

/// One plan that was compiled.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// `JH-2027-01`.
    pub number: String,
    /// The year that is planned.
    pub year: i32,
    /// Control totals.
    pub totals: PlanTotals,
    /// What was missing, in words.
    pub missing: Vec<String>,
    /// Papers rendered.
    pub papers: usize,
}

/// What is to be compiled.
#[derive(Clone)]
pub struct Due {
    year: i32,
    scope: Scope,
    plans: Vec<FiledPlan>,
    missing: Vec<Missing>,
    closed: bool,
}

/// What is to be compiled now: years of which every prison has filed all four annexes, additions that are filed, and the
/// year that is closed; each only where other plans count than in its last version.
pub async fn due(store: &Store, catalogue: &Catalogue, closing: Option<&Closing>) -> Result<Vec<Due>, StageError> {
    let compiled = store.city_plans().await?;
    let mut groups: BTreeMap<(i32, Scope), Vec<FiledPlan>> = BTreeMap::new();
    for plan in store.plans(None).await? {
        groups.entry((plan.plan.year, Scope::of(&plan.plan))).or_default().push(plan);
    }
    let mut due = Vec::new();
    for ((year, scope), mut plans) in groups {
        let place = |plan: &FiledPlan| catalogue.prisons.iter().position(|prison| prison.name == plan.plan.prison);
        plans.retain(|plan| place(plan).is_some());
        plans.sort_by_key(place);
        let owed = match &scope {
            Scope::Year => {
                let names = catalogue.prisons.iter().map(|prison| &prison.name);
                missing(names, plans.iter().map(|plan| &plan.plan))
            }
            Scope::Addition { .. } => plans.iter().map(|plan| owed_of(&plan.plan)).collect(),
        };
        let is_whole = owed.iter().all(|missing| missing.annexes.is_empty());
        let closed = !is_whole && scope == Scope::Year && closing.is_some_and(|closing| closing.year == year);
        let ids: Vec<i64> = plans.iter().map(|plan| plan.id).collect();
        if !plans.is_empty() && (is_whole || closed) && !is_done(&compiled, year, &scope, &ids) {
            due.push(Due { year, scope, plans, missing: owed, closed });
        }
    }
    Ok(due)
}

fn owed_of(plan: &crate::subsidy::plan::Plan) -> Missing {
    Missing { prison: plan.prison.clone(), annexes: plan.owed(), faulty: plan.owed() }
}

fn is_done(compiled: &[StoredCityPlan], year: i32, scope: &Scope, ids: &[i64]) -> bool {
    let last = compiled.iter().rfind(|plan| plan.year == year && plan.scope == scope.code());
    last.is_some_and(|last| last.plan_ids == ids)
}

/// Compiles whatever is due.
pub async fn run(
    store: &Store,
    catalogue: &Arc<Catalogue>,
    order: &Order,
    now: DateTime<Utc>,
) -> Result<Vec<Compiled>, StageError> {
    let mut done = Vec::new();
    for _ in 0..MAX_DRAFTS {
        let facts_version = store.stamp().await?.facts_version;
        let Some(due) = due(store, catalogue, order.closing.as_ref()).await?.into_iter().next() else {
            return Ok(done);
        };
        let ids: Vec<i64> = due.plans.iter().map(|plan| plan.id).collect();
        let city = Arc::new(draft(store, due, order, now).await?);
        let papers = render(store, catalogue, order, &city, now).await?;
        let to = |recipient: &String| NewDelivery {
            key: format!("{}:{recipient}", city.number),
            recipient: recipient.clone(),
        };
        let deliveries: Vec<NewDelivery> = order.recipients.iter().map(to).collect();
        let sealed = SealedCityPlan { city: &city, plan_ids: &ids, papers: &papers, deliveries: &deliveries };
        match store.seal_city_plan(&sealed, facts_version).await {
            Ok(()) => {
                info!(plan = %city.number, persons = city.totals.persons, papers = papers.len(), "plan compiled");
                done.push(compiled(&city, papers.len()));
            }
            Err(SealRefused::Store(error)) => return Err(error.into()),
            Err(refused @ (SealRefused::StateChanged | SealRefused::NumberTaken)) => {
                warn!(%refused, "plan drafted anew");
            }
        }
    }
    if done.is_empty() { Err(StageError::Unsettled) } else { Ok(done) }
}

fn compiled(city: &CityPlan, papers: usize) -> Compiled {
    let in_words = |missing: &Missing| {
        let what = missing.in_words().join("、");
        (!what.is_empty()).then(|| format!("{}：{what}", missing.prison))
    };
    Compiled {
        number: city.number.clone(),
        year: city.year,
        totals: city.totals.clone(),
        missing: city.missing.iter().filter_map(in_words).collect(),
        papers,
    }
}

async fn draft(store: &Store, due: Due, order: &Order, now: DateTime<Utc>) -> Result<CityPlan, StageError> {
    let version = store.next_plan_version(due.year, &due.scope).await?;
    let stamp = store.stamp().await?;
    let plans: Vec<_> = due.plans.into_iter().map(|filed| filed.plan).collect();
    let closing = order.closing.as_ref().filter(|_| due.closed).map(|c| (c.reason.clone(), c.by.clone()));
    Ok(CityPlan {
        number: plan_number(due.year, &due.scope, version),
        year: due.year,
        version,
        sealed_at: now,
        totals: totals(&plans),
        plans,
        missing: if due.closed { due.missing } else { Vec::new() },
        closing,
        audit_count: stamp.audit_count,
        audit_head: stamp.audit_head,
        scope: due.scope,
    })
}

/// Renders the papers outside any transaction and keeps their bytes, the manifest of them all last.
async fn render(
    store: &Store,
    catalogue: &Arc<Catalogue>,
    order: &Order,
    city: &Arc<CityPlan>,
    now: DateTime<Utc>,
) -> Result<Vec<Paper>, StageError> {
    fail_point!("compile.papers.before-kept");
    let rendered: Vec<(Paper, SealedBlob)> = {
        let (store, catalogue, city, order) = (store.clone(), catalogue.clone(), city.clone(), order.clone());
        let print = move || {
            let mut made = Vec::new();
            let keep = |paper: papers::Paper| made.push(listed(&store, &paper));
            let ctx = order.stationery.context(&catalogue);
            papers::print_plan(&city, &order.specs, &ctx, keep).map(|()| made)
        };
        blocking(print).await??
    };
    let (mut kept, blobs): (Vec<Paper>, Vec<SealedBlob>) = rendered.into_iter().unzip();
    papers::check_names(kept.iter().map(|paper| paper.name.as_str()))?;
    let files = kept.iter().map(|paper| ManifestFile {
        name: paper.name.clone(),
        bytes: paper.bytes,
        sha256: paper.sha256.clone(),
    });
    let manifest = Manifest::of_plan(city, files.collect(), &order.stationery.context(catalogue)).to_bytes()?;
    let blob = store.seal_blob(&manifest);
    let (name, kind) = (MANIFEST.to_owned(), MANIFEST_KIND.to_owned());
    kept.push(Paper { name, kind, personal: false, sha256: blob.sha256.clone(), bytes: blob.length });
    let mut blobs = blobs.into_iter().chain([blob]);
    loop {
        let portion: Vec<SealedBlob> = blobs.by_ref().take(PAPERS_AT_A_TIME).collect();
        if portion.is_empty() {
            break;
        }
        store.put_blobs(portion, now).await?;
    }
    fail_point!("compile.papers.after-kept");
    Ok(kept)
}

/// A rendered paper as the store lists it and as it keeps it.
fn listed(store: &Store, paper: &papers::Paper) -> (Paper, SealedBlob) {
    let blob = store.seal_blob(&paper.bytes);
    let kind = paper.kind.code().to_owned();
    let (sha256, bytes) = (blob.sha256.clone(), blob.length);
    (Paper { name: paper.name.clone(), kind, personal: paper.personal, sha256, bytes }, blob)
}
