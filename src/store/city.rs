//! Compiled plans: sealed once per year, scope and version, with their papers and deliveries, in one short transaction.
//!
//! - Reads, writes: `city_plan`, `city_plan_part`, `city_plan_paper`, `city_plan_delivery`, `delivery`, `delivery_file`, audit.
//! - Safe to repeat because: (year, scope, version) is unique, and a version is sealed only on the very facts that it was
//!   drafted on.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::blobs::Paper;
use super::deliver::{NewDelivery, PacketFile};
use super::ledger::Change;
use super::values::args;
use super::vault::sha256_hex;
use super::{Result, SealRefused, Store, StoreError, from_ms, to_ms};
use crate::subsidy::money::Fen;
use crate::subsidy::plan::city::{CityPlan, PlanTotals, Scope};

/// A compiled plan as the store keeps it.
#[derive(Clone, Debug)]
pub struct StoredCityPlan {
    /// `JH-2027-01`.
    pub number: String,
    /// The year that is planned.
    pub year: i32,
    /// `year`, or prison and number of an addition.
    pub scope: String,
    /// 1, 2 ... per year and scope.
    pub version: u32,
    /// When it was sealed.
    pub sealed_at: DateTime<Utc>,
    /// Control totals.
    pub totals: PlanTotals,
    /// What was missing when it was closed, in words.
    pub missing: Vec<String>,
    /// Why and by whom it was closed before all was in.
    pub closing: Option<(String, String)>,
    /// The plans that it was made from.
    pub plan_ids: Vec<i64>,
    /// Its papers, the manifest last.
    pub papers: Vec<Paper>,
}

/// What is sealed beside the compiled plan itself.
#[derive(Clone, Debug)]
pub struct SealedCityPlan<'a> {
    /// The compiled plan.
    pub city: &'a CityPlan,
    /// The plans that it was made from, in the order of `city.plans`.
    pub plan_ids: &'a [i64],
    /// Its papers; their blobs are kept already.
    pub papers: &'a [Paper],
    /// To whom it goes.
    pub deliveries: &'a [NewDelivery],
}

/// A packet that needs no packing: its files are queued as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPacket {
    /// Unique for ever; queueing it again changes nothing. Its last part names the folder.
    pub key: String,
    /// The recipient's id or name in the settings.
    pub recipient: String,
    /// The files.
    pub files: Vec<PacketFile>,
}

const NEXT_VERSION: &str = "SELECT COALESCE(MAX(version), 0) + 1 FROM city_plan WHERE plan_year = $1 AND scope = $2";

impl Store {
    /// The version that the next compiled plan of a year and scope gets.
    pub async fn next_plan_version(&self, year: i32, scope: &Scope) -> Result<u32> {
        let next = self.db.int(NEXT_VERSION, args![i64::from(year), scope.code()]).await?;
        u32::try_from(next).map_err(|_| StoreError::Damaged("version of a compiled plan".to_owned()))
    }

    /// Seals a compiled plan that was drafted on `facts_version`.
    pub async fn seal_city_plan(&self, sealed: &SealedCityPlan<'_>, facts_version: i64) -> Result<(), SealRefused> {
        let city = sealed.city;
        let mut change = self.change().await?;
        if change.facts_version() != facts_version {
            return Err(SealRefused::StateChanged);
        }
        let (year, scope) = (i64::from(city.year), city.scope.code());
        let next = change.tx.int(NEXT_VERSION, args![year, scope]).await?;
        if next != i64::from(city.version) {
            return Err(SealRefused::NumberTaken);
        }
        let id = change.tx.int("SELECT COALESCE(MAX(id), 0) + 1 FROM city_plan", []).await?;
        self.insert_city_plan(&mut change, id, city).await?;
        let parts = sealed.plan_ids.iter().zip(0_u32..).map(|(plan, position)| args![id, position, *plan]);
        change.tx.insert("city_plan_part (city_plan_id, position, plan_id)", parts.collect::<Vec<_>>()).await?;
        let papers = sealed.papers.iter().zip(0_u32..).map(|(paper, position)| {
            let length = i64::try_from(paper.bytes).unwrap_or(i64::MAX);
            let (name, kind) = (paper.name.clone(), paper.kind.clone());
            args![id, position, name, kind, paper.personal, paper.sha256.clone(), length]
        });
        let into = "city_plan_paper (city_plan_id, position, name, kind, personal, sha256, length)";
        change.tx.insert(into, papers.collect::<Vec<_>>()).await?;
        for new in sealed.deliveries {
            if let Some(delivery) = queue(&mut change, &new.key, &new.recipient, city.sealed_at).await? {
                let row = args![delivery, id];
                change.tx.insert("city_plan_delivery (delivery_id, city_plan_id)", [row]).await?;
            }
        }
        let totals = &city.totals;
        let detail = json!({
            "plans": sealed.plan_ids, "persons": totals.persons, "projects": totals.projects,
            "lines_sha256": totals.lines_sha256, "papers": sealed.papers.len(), "missing": city.missing.len(),
        });
        change.audit("plan.compiled", &city.number, &detail, city.sealed_at);
        change.commit("seal-city-plan").await?;
        Ok(())
    }

    async fn insert_city_plan(&self, change: &mut Change, id: i64, city: &CityPlan) -> Result<()> {
        let totals = &city.totals;
        let missing: Vec<String> = city
            .missing
            .iter()
            .flat_map(|missing| missing.in_words().into_iter().map(|what| format!("{}：{what}", missing.prison)))
            .collect();
        let missing =
            serde_json::to_string(&missing).map_err(|_| StoreError::Contradiction("texts do not serialise"))?;
        let (reason, by) = city.closing.as_ref().map_or((None, None), |(reason, by)| {
            let seal = |context, text: &String| Some(self.vault.seal(context, text.as_bytes()));
            (seal("city_plan.reason", reason), seal("city_plan.by_whom", by))
        });
        let row = args![
            id,
            city.number.clone(),
            i64::from(city.year),
            city.scope.code(),
            city.version,
            to_ms(city.sealed_at),
            totals.persons,
            totals.projects,
            totals.heads,
            totals.classes,
            totals.budget.0,
            totals.lines_sha256.clone(),
            missing,
            reason,
            by,
            city.audit_count,
            city.audit_head.clone(),
        ];
        let into = "city_plan (id, number, plan_year, scope, version, sealed_at, persons, projects, heads, classes, \
                    budget_fen, lines_sha256, missing, reason, by_whom, audit_count, audit_head)";
        change.tx.insert(into, [row]).await
    }

    /// All compiled plans, oldest first.
    pub async fn city_plans(&self) -> Result<Vec<StoredCityPlan>> {
        let sql = "SELECT id, number, plan_year, scope, version, sealed_at, persons, projects, heads, classes, \
                   budget_fen, lines_sha256, missing, reason, by_whom FROM city_plan ORDER BY id";
        let mut parts: HashMap<i64, Vec<i64>> = HashMap::new();
        let of_parts = "SELECT city_plan_id, plan_id FROM city_plan_part ORDER BY city_plan_id, position";
        for row in self.db.rows(of_parts, []).await? {
            parts.entry(row.int(0)?).or_default().push(row.int(1)?);
        }
        let mut papers: HashMap<i64, Vec<Paper>> = HashMap::new();
        let of_papers = "SELECT city_plan_id, name, kind, personal, sha256, length FROM city_plan_paper \
                         ORDER BY city_plan_id, position";
        for row in self.db.rows(of_papers, []).await? {
            let (name, kind, personal) = (row.text(1)?, row.text(2)?, row.int(3)? != 0);
            let paper = Paper { name, kind, personal, sha256: row.text(4)?, bytes: row.count(5)? };
            papers.entry(row.int(0)?).or_default().push(paper);
        }
        let mut plans = Vec::new();
        for row in self.db.rows(sql, []).await? {
            let id = row.int(0)?;
            let opened = |context, column| -> Result<Option<String>> {
                row.bytes_or_null(column)?.map(|sealed| self.opened(context, &sealed)).transpose()
            };
            let damaged = |what: &str| StoreError::Damaged(format!("{what} of a compiled plan"));
            plans.push(StoredCityPlan {
                number: row.text(1)?,
                year: i32::try_from(row.int(2)?).map_err(|_| damaged("year"))?,
                scope: row.text(3)?,
                version: row.number(4)?,
                sealed_at: from_ms(row.int(5)?)?,
                totals: PlanTotals {
                    persons: row.number(6)?,
                    projects: row.number(7)?,
                    heads: row.number(8)?,
                    classes: row.number(9)?,
                    budget: Fen(row.int(10)?),
                    lines_sha256: row.text(11)?,
                },
                missing: serde_json::from_str(&row.text(12)?).map_err(|_| damaged("list of what is missing"))?,
                closing: opened("city_plan.reason", 13)?.zip(opened("city_plan.by_whom", 14)?),
                plan_ids: parts.remove(&id).unwrap_or_default(),
                papers: papers.remove(&id).unwrap_or_default(),
            });
        }
        Ok(plans)
    }

    /// The compiled plan that a delivery carries, if it carries one.
    pub async fn plan_of_delivery(&self, delivery: i64) -> Result<Option<StoredCityPlan>> {
        let sql = "SELECT c.number FROM city_plan_delivery d JOIN city_plan c ON c.id = d.city_plan_id \
                   WHERE d.delivery_id = $1";
        let Some(row) = self.db.row(sql, args![delivery]).await? else { return Ok(None) };
        let number = row.text(0)?;
        Ok(self.city_plans().await?.into_iter().find(|plan| plan.number == number))
    }

    /// Queues a packet for the folder, as it is. `false`: its key is known, nothing changes.
    pub async fn queue_files(&self, packet: &NewPacket, at: DateTime<Utc>) -> Result<bool> {
        let mut change = self.change().await?;
        if !self.queue_packet(&mut change, packet, at).await? {
            change.roll_back().await?;
            return Ok(false);
        }
        change.commit("queue-files").await?;
        Ok(true)
    }

    /// Queues a packet as it is, inside a change.
    pub(super) async fn queue_packet(
        &self,
        change: &mut Change,
        packet: &NewPacket,
        at: DateTime<Utc>,
    ) -> Result<bool> {
        let Some(delivery) = queue(change, &packet.key, &packet.recipient, at).await? else { return Ok(false) };
        for (file, position) in packet.files.iter().zip(0_u32..) {
            let sealed = self.vault.seal("delivery_file.sealed", &file.bytes);
            let row = args![delivery, position, file.name.clone(), sha256_hex(&file.bytes), sealed];
            change.tx.insert("delivery_file (delivery_id, position, name, sha256, sealed)", [row]).await?;
        }
        change.audit("delivery.queued", &packet.key, &json!({"files": packet.files.len()}), at);
        Ok(true)
    }
}

/// Queues a delivery without a batch; `None` where its key is known.
async fn queue(change: &mut Change, key: &str, recipient: &str, at: DateTime<Utc>) -> Result<Option<i64>> {
    let known = change.tx.int("SELECT COUNT(*) FROM delivery WHERE key = $1", args![key.to_owned()]).await?;
    if known > 0 {
        return Ok(None);
    }
    let id = change.tx.int("SELECT COALESCE(MAX(id), 0) + 1 FROM delivery", []).await?;
    let row = args![id, key.to_owned(), recipient.to_owned(), to_ms(at), "due", to_ms(at), 0_i64, false];
    let into = "delivery (id, key, recipient, created_at, state, due_at, attempts, resend)";
    change.tx.insert(into, [row]).await?;
    Ok(Some(id))
}
