//! manifest.json: what a packet holds, so that its receiver can prove that nothing is missing or changed.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{PaperContext, PaperError};
use crate::subsidy::batch::{Batch, LineWaiver};
use crate::subsidy::identifiers::mask_numbers_in;
use crate::subsidy::plan::city::CityPlan;

/// Version of the manifest's layout.
const SCHEMA: u32 = 1;

/// The manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this layout.
    pub schema: u32,
    /// Number of the batch.
    pub batch: String,
    /// `2026-Q4`.
    pub period: String,
    /// When the batch was sealed, in UTC.
    pub sealed_at: String,
    /// Control totals of the batch.
    pub totals: ManifestTotals,
    /// The waivers on which lines of the batch rest; left out where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<ManifestWaiver>,
    /// The files beside the manifest, in name order.
    pub files: Vec<ManifestFile>,
    /// Name and version of the program.
    pub program: String,
    /// SHA-256 of the templates, in hex.
    pub templates_sha256: String,
    /// SHA-256 of the fonts, in hex.
    pub fonts_sha256: String,
    /// The audit chain when the batch was made.
    pub audit: ManifestAudit,
}

/// Control totals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestTotals {
    /// Distinct persons over both kinds.
    pub persons: u32,
    /// Number of lines.
    pub lines: u32,
    /// Sum of all amounts in fen.
    pub sum_fen: i64,
    /// SHA-256 over the canonical lines, in hex.
    pub lines_sha256: String,
}

/// A waiver on which a line rests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestWaiver {
    /// Number of the line.
    pub line: u32,
    /// Code of the rule.
    pub rule: String,
    /// Who answers for it; numbers of persons masked.
    pub by: String,
    /// Why; numbers of persons masked.
    pub reason: String,
    /// Its last day.
    pub until: NaiveDate,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// File name.
    pub name: String,
    /// Size.
    pub bytes: u64,
    /// SHA-256 in hex.
    pub sha256: String,
}

/// Number and head of the audit entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestAudit {
    /// How many entries.
    pub count: i64,
    /// Head of the chain, in hex.
    pub head: String,
}

impl ManifestWaiver {
    fn of(used: &LineWaiver) -> ManifestWaiver {
        let waiver = &used.waiver;
        ManifestWaiver {
            line: used.line,
            rule: waiver.rule.code().to_owned(),
            by: mask_numbers_in(&waiver.by),
            reason: mask_numbers_in(&waiver.reason),
            until: waiver.until,
        }
    }
}

impl ManifestFile {
    /// Describes a file.
    pub fn of(name: &str, bytes: &[u8]) -> ManifestFile {
        ManifestFile {
            name: name.to_owned(),
            bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            sha256: hex::encode(Sha256::digest(bytes)),
        }
    }
}

impl Manifest {
    /// The manifest of a packet with these files.
    pub fn new(batch: &Batch, mut files: Vec<ManifestFile>, ctx: &PaperContext<'_>) -> Manifest {
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Manifest {
            schema: SCHEMA,
            batch: batch.number.clone(),
            period: batch.period.to_string(),
            sealed_at: utc(batch.sealed_at),
            totals: ManifestTotals {
                persons: batch.totals.persons,
                lines: batch.totals.lines,
                sum_fen: batch.totals.sum.0,
                lines_sha256: batch.totals.lines_sha256.clone(),
            },
            waivers: batch.waivers.iter().map(ManifestWaiver::of).collect(),
            files,
            program: ctx.program.to_owned(),
            templates_sha256: ctx.templates.sha256().to_owned(),
            fonts_sha256: ctx.fonts.sha256().to_owned(),
            audit: ManifestAudit { count: batch.audit_count, head: batch.audit_head.clone() },
        }
    }

    /// The manifest of a compiled plan: its number stands for the batch, its year for the period, the rows of annex 2 for
    /// the lines, the budget for the sum.
    pub fn of_plan(city: &CityPlan, mut files: Vec<ManifestFile>, ctx: &PaperContext<'_>) -> Manifest {
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Manifest {
            schema: SCHEMA,
            batch: city.number.clone(),
            period: city.year.to_string(),
            sealed_at: utc(city.sealed_at),
            totals: ManifestTotals {
                persons: city.totals.persons,
                lines: city.totals.projects,
                sum_fen: city.totals.budget.0,
                lines_sha256: city.totals.lines_sha256.clone(),
            },
            waivers: Vec::new(),
            files,
            program: ctx.program.to_owned(),
            templates_sha256: ctx.templates.sha256().to_owned(),
            fonts_sha256: ctx.fonts.sha256().to_owned(),
            audit: ManifestAudit { count: city.audit_count, head: city.audit_head.clone() },
        }
    }

    /// The one byte form: indented JSON in the order of the fields, lines ended by LF.
    pub fn to_bytes(&self) -> Result<Vec<u8>, PaperError> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|error| PaperError::Broken(error.to_string()))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads what [`Manifest::to_bytes`] wrote.
    pub fn parse(bytes: &[u8]) -> Result<Manifest, PaperError> {
        serde_json::from_slice(bytes).map_err(|error| PaperError::Packet(format!("manifest.json 不能识别：{error}")))
    }
}

/// `2026-12-01T01:30:00Z`.
fn utc(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
