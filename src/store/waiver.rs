//! Waivers (豁免): added, ended, and on which of them lines of sealed batches rest.
//!
//! - Writes: `waiver`, `waiver_end` (append only), audit.
//! - Safe to repeat because: an assessment has one waiver in force per rule, and a waiver is ended once.
//! - Trusts: reasons are typed by people and may name persons: they are sealed, and the audit log holds their keyed
//!   hash only.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::json;

use super::ledger::Change;
use super::undo::{Fallback, Reasoned};
use super::values::{Arg, Row, args};
use super::{Result, Store, StoreError, from_ms, to_date, to_ms};
use crate::subsidy::assessment::ResultRow;
use crate::subsidy::calendar::civil_date;
use crate::subsidy::course::CertificateType;
use crate::subsidy::identifiers::normalise;
use crate::subsidy::verdict::Rule;
use crate::subsidy::waiver::Waiver;

/// Why a waiver was not added or ended.
#[derive(Debug, thiserror::Error)]
pub enum WaiverRefused {
    /// The rule denies, warns, or rests on what cannot be missing.
    #[error("rule {0} cannot be waived")]
    NotWaivable(&'static str),
    /// Its last day is past.
    #[error("its last day {0} is past")]
    Past(NaiveDate),
    /// No such assessment counts.
    #[error("assessment {0} is not known")]
    NoSuchAssessment(i64),
    /// A waiver of the rule is in force for the assessment.
    #[error("waiver {0} is in force")]
    InForce(i64),
    /// It was ended before.
    #[error("the waiver was ended before")]
    EndedBefore,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether what a waiver was given for is still there.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum WaiverState {
    /// It is: the waiver does what its dates say.
    Stands,
    /// The result is withdrawn.
    Withdrawn,
    /// Name, ID or certificate of the result were corrected since, and the rule is about these.
    Corrected,
}

impl WaiverState {
    /// The word in JSON.
    pub const fn code(self) -> &'static str {
        match self {
            WaiverState::Stands => "stands",
            WaiverState::Withdrawn => "withdrawn",
            WaiverState::Corrected => "corrected",
        }
    }

    /// Held against the result as it is now; `about`: what the waiver was given for.
    fn of(rule: Rule, about: Option<[u8; 16]>, now: Option<[u8; 16]>) -> WaiverState {
        match now {
            None => WaiverState::Withdrawn,
            Some(now) if Waiver::OF_IDENTITY.contains(&rule) && about.is_some_and(|about| about != now) => {
                WaiverState::Corrected
            }
            Some(_) => WaiverState::Stands,
        }
    }
}

/// A waiver as it stands.
#[derive(Clone, Debug)]
pub struct StoredWaiver {
    /// The waiver.
    pub waiver: Waiver,
    /// Whether what it was given for is still there.
    pub state: WaiverState,
    /// When it was added.
    pub at: DateTime<Utc>,
    /// Who ended it, why and when.
    pub end: Option<(String, String, DateTime<Utc>)>,
    /// Batches and lines that rest on it, void batches left out.
    pub used: Vec<(String, u32)>,
}

impl Store {
    /// Adds a waiver that counts from the civil date of `because.at` on; returns its number.
    pub async fn add_waiver(
        &self,
        assessment_id: i64,
        rule: Rule,
        until: NaiveDate,
        because: Reasoned<'_>,
    ) -> Result<i64, WaiverRefused> {
        if !Waiver::RULES.contains(&rule) {
            return Err(WaiverRefused::NotWaivable(rule.number()));
        }
        let from = civil_date(because.at);
        if until < from {
            return Err(WaiverRefused::Past(until));
        }
        let mut change = self.change().await?;
        let sql = "SELECT sealed FROM assessment_version WHERE assessment_id = $1 AND live = 1";
        let Some(row) = change.tx.row(sql, args![assessment_id]).await? else {
            return Err(WaiverRefused::NoSuchAssessment(assessment_id));
        };
        let about = self.identity_of(
            &self.vault.open_value("assessment_version.sealed", &row.bytes(0)?).map_err(StoreError::from)?,
        );
        let sql = "SELECT id, about FROM waiver w WHERE assessment_id = $1 AND rule = $2 AND until_on >= $3 \
                   AND NOT EXISTS (SELECT 1 FROM waiver_end e WHERE e.waiver_id = w.id) ORDER BY id";
        for row in change.tx.rows(sql, args![assessment_id, rule.code(), from.to_string()]).await? {
            if WaiverState::of(rule, given_for(&row, 1)?, Some(about)) == WaiverState::Stands {
                return Err(WaiverRefused::InForce(row.int(0)?));
            }
        }
        let id = change.tx.int("SELECT COALESCE(MAX(id), 0) + 1 FROM waiver", []).await?;
        let reason = self.vault.seal("waiver.reason", because.reason.as_bytes());
        let by = self.vault.seal("waiver.by_whom", because.by.as_bytes());
        let (from_on, until_on) = (from.to_string(), until.to_string());
        let row = args![id, assessment_id, rule.code(), from_on, until_on, reason, by, to_ms(because.at), about];
        let into = "waiver (id, assessment_id, rule, from_on, until_on, reason, by_whom, at, about)";
        change.tx.insert(into, [row]).await?;
        change.facts_change();
        let detail = json!({
            "assessment": assessment_id, "rule": rule.code(), "from": from, "until": until, "about": hex::encode(about),
            "typed": self.typed(because.reason, because.by),
        });
        change.audit("waiver.added", &id.to_string(), &detail, because.at);
        change.commit("add-waiver").await?;
        Ok(id)
    }

    /// Ends a waiver: it counts no more for claims from the civil date of `because.at` on. What is sealed stays.
    pub async fn end_waiver(&self, id: i64, because: Reasoned<'_>) -> Result<(), WaiverRefused> {
        let mut change = self.change().await?;
        if change.tx.int("SELECT COUNT(*) FROM waiver WHERE id = $1", args![id]).await? == 0 {
            return Err(StoreError::Unknown { what: "waiver", key: id.to_string() }.into());
        }
        if change.tx.int("SELECT COUNT(*) FROM waiver_end WHERE waiver_id = $1", args![id]).await? > 0 {
            return Err(WaiverRefused::EndedBefore);
        }
        let on = civil_date(because.at);
        let reason = self.vault.seal("waiver_end.reason", because.reason.as_bytes());
        let by = self.vault.seal("waiver_end.by_whom", because.by.as_bytes());
        let row = args![id, on.to_string(), reason, by, to_ms(because.at)];
        change.tx.insert("waiver_end (waiver_id, ended_on, reason, by_whom, at)", [row]).await?;
        change.facts_change();
        let detail = json!({"on": on, "typed": self.typed(because.reason, because.by)});
        change.audit("waiver.ended", &id.to_string(), &detail, because.at);
        change.commit("end-waiver").await?;
        Ok(())
    }

    /// All waivers, oldest first.
    pub async fn waivers(&self) -> Result<Vec<StoredWaiver>> {
        let mut used: HashMap<i64, Vec<(String, u32)>> = HashMap::new();
        let sql = "SELECT u.waiver_id, b.number, u.line FROM batch_waiver u JOIN batch b ON b.id = u.batch_id \
                   WHERE b.id NOT IN (SELECT batch_id FROM batch_void) ORDER BY u.batch_id, u.line";
        for row in self.db.rows(sql, []).await? {
            used.entry(row.int(0)?).or_default().push((row.text(1)?, row.number(2)?));
        }
        let sql = "SELECT w.id, w.assessment_id, w.rule, w.from_on, w.until_on, w.reason, w.by_whom, w.at, \
                   e.ended_on, e.reason, e.by_whom, e.at, w.about, v.sealed \
                   FROM waiver w LEFT JOIN waiver_end e ON e.waiver_id = w.id \
                   LEFT JOIN assessment_version v ON v.assessment_id = w.assessment_id AND v.live = 1 ORDER BY w.id";
        let rows = self.db.rows(sql, []).await?;
        rows.iter()
            .map(|row| {
                let waiver = self.waiver(row)?;
                let now =
                    row.bytes_or_null(13)?.map(|sealed| self.vault.open_value("assessment_version.sealed", &sealed));
                let now = now.transpose()?.map(|result| self.identity_of(&result));
                Ok(StoredWaiver {
                    state: WaiverState::of(waiver.rule, given_for(row, 12)?, now),
                    at: from_ms(row.int(7)?)?,
                    end: match row.bytes_or_null(9)? {
                        None => None,
                        Some(reason) => Some((
                            self.opened("waiver_end.reason", &reason)?,
                            self.opened("waiver_end.by_whom", &row.bytes(10)?)?,
                            from_ms(row.int(11)?)?,
                        )),
                    },
                    used: used.remove(&waiver.id).unwrap_or_default(),
                    waiver,
                })
            })
            .collect()
    }

    /// The waivers on which a line of a batch rests.
    pub async fn waivers_of_line(&self, batch: &str, line: u32) -> Result<Vec<StoredWaiver>> {
        let mut waivers = self.waivers().await?;
        waivers.retain(|stored| stored.used.iter().any(|(of, number)| of == batch && *number == line));
        Ok(waivers)
    }

    /// Which lines of a batch rest on which waivers, by their numbers.
    pub(super) async fn line_waivers(&self, batch_id: i64) -> Result<Vec<(u32, i64)>> {
        let sql = "SELECT line, waiver_id FROM batch_waiver WHERE batch_id = $1 ORDER BY line, waiver_id";
        let rows = self.db.rows(sql, args![batch_id]).await?;
        rows.iter().map(|row| Ok((row.number(0)?, row.int(1)?))).collect()
    }

    /// Waivers in force that do no more what they were given for once other versions of some results count.
    pub(super) async fn waivers_falling(
        &self,
        change: &mut Change,
        fallbacks: &[Fallback],
        at: DateTime<Utc>,
    ) -> Result<Vec<i64>> {
        let ids: Vec<Arg> = fallbacks.iter().map(|fallback| Arg::from(fallback.assessment_id)).collect();
        let sql = "SELECT id, assessment_id, rule, until_on, about FROM waiver w \
                   WHERE NOT EXISTS (SELECT 1 FROM waiver_end e WHERE e.waiver_id = w.id) AND assessment_id IN ";
        let mut falling = Vec::new();
        for row in change.tx.rows_in(sql, &ids).await? {
            let assessment = row.int(1)?;
            let fallback = fallbacks.iter().find(|fallback| fallback.assessment_id == assessment);
            let Some(Fallback { from, to, .. }) = fallback else { continue };
            let (rule, about) = (known(&row.text(2)?)?, given_for(&row, 4)?);
            let state =
                |result: Option<&ResultRow>| WaiverState::of(rule, about, result.map(|row| self.identity_of(row)));
            let stands_no_more = state(Some(from)) == WaiverState::Stands
                && state(to.as_ref().map(|(row, _)| &**row)) != WaiverState::Stands;
            if stands_no_more && to_date(&row.text(3)?)? >= civil_date(at) {
                falling.push(row.int(0)?);
            }
        }
        falling.sort_unstable();
        Ok(falling)
    }

    /// Keyed hash of what is known of the person and the certificate of a result.
    fn identity_of(&self, result: &ResultRow) -> [u8; 16] {
        let normalised = |text: &Option<String>| text.as_deref().map(normalise).unwrap_or_default();
        let told = [
            normalise(&result.name),
            normalised(&result.resident_id),
            result.certificate_type.map_or("", CertificateType::name).to_owned(),
            normalised(&result.certificate_number),
        ];
        self.vault.lookup("waiver.about", told.join("\n").as_bytes())
    }

    fn waiver(&self, row: &Row) -> Result<Waiver> {
        Ok(Waiver {
            id: row.int(0)?,
            assessment_id: row.int(1)?,
            rule: known(&row.text(2)?)?,
            from: to_date(&row.text(3)?)?,
            until: to_date(&row.text(4)?)?,
            ended_on: row.text_or_null(8)?.as_deref().map(to_date).transpose()?,
            reason: self.opened("waiver.reason", &row.bytes(5)?)?,
            by: self.opened("waiver.by_whom", &row.bytes(6)?)?,
        })
    }
}

fn known(code: &str) -> Result<Rule> {
    let rule = Rule::ALL.iter().copied().find(|rule| rule.code() == code);
    rule.ok_or_else(|| StoreError::Damaged("rule of a waiver".to_owned()))
}

/// What a waiver was given for, where it is on record.
fn given_for(row: &Row, column: usize) -> Result<Option<[u8; 16]>> {
    let about = row.bytes_or_null(column)?;
    about
        .map(|about| about.try_into().map_err(|_| StoreError::Damaged("what a waiver is about".to_owned())))
        .transpose()
}
