//! Result rows and survey rows of a file: which are new, which are known, which are claimed already.
//!
//! - Reads, writes: `assessment_version`, `survey_row`; writes `said_again`; reads `batch_line`, `batch_void`.
//! - Safe to repeat because: a row that says nothing new is not stored.

use std::collections::HashMap;

use rayon::prelude::*;

use super::engine::MAX_INSERT_ROWS;
use super::intake::{Fate, Fates, Intake, say_again};
use super::ledger::Change;
use super::values::{Arg, Row, args};
use super::versions::{Ruling, Version, rule};
use super::{Result, Store, to_ms};
use crate::subsidy::assessment::{ResultRow, SurveyRow};
use crate::subsidy::identifiers::normalise;

/// The keyed hashes of a row.
struct Hashes {
    key: [u8; 16],
    content: [u8; 16],
    certificate: Option<[u8; 16]>,
    person: [u8; 16],
}

/// What is known of one key.
#[derive(Default)]
struct Known {
    assessment_id: i64,
    versions: Vec<Version>,
}

/// Versions to be stored, and what changes with them.
#[derive(Default)]
struct Decided {
    fates: Vec<Fate>,
    /// Index of the row, identity of the version, identity of the assessment, live.
    taken: Vec<(usize, i64, i64, bool)>,
    superseded: Vec<Arg>,
    /// Versions that this file says last from here on.
    said_last: Vec<Arg>,
    /// Versions that others said first.
    said_again: Vec<i64>,
    /// Rows that are known, and something said later counts.
    outdated: u32,
    /// Rows of claimed assessments: index of the row, identity of the assessment.
    refused: Vec<(usize, i64)>,
}

impl Store {
    pub(super) async fn take_results(&self, change: &mut Change, intake: &Intake<'_>, fates: &mut Fates) -> Result<()> {
        let rows = &intake.rows.results;
        let hashes: Vec<Hashes> = rows.par_iter().map(|row| self.result_hashes(&row.value)).collect();
        let keys = || hashes.iter().map(|hashes| Arg::from(hashes.key)).collect::<Vec<Arg>>();
        let next = change.tx.int("SELECT COALESCE(MAX(id), 0) + 1 FROM assessment_version", []).await?;
        let sql = "SELECT id, received_at, original_id, seen_at, seen_in, content_hash, key_hash, assessment_id, \
                   (SELECT COUNT(*) FROM withdrawal w WHERE w.original_id = v.original_id \
                   AND w.received_at = v.received_at) FROM assessment_version v \
                   WHERE NOT EXISTS (SELECT 1 FROM withdrawn_version w WHERE w.id = v.id) AND key_hash IN ";
        let found = if next == 1 { Vec::new() } else { change.tx.rows_in(sql, &keys()).await? };
        let known = known(&found)?;
        let claimed = claimed(change, &known, &hashes, intake).await?;
        let mut decided = decide(known, &hashes, intake, next, &claimed);
        fates.results = std::mem::take(&mut decided.fates);
        fates.outdated = decided.outdated;
        self.name_columns(change, &decided.refused, intake, fates).await?;
        if intake.dry_run {
            return Ok(());
        }
        let (at, original) = intake.place();
        let row = |&(i, id, assessment_id, live): &(usize, i64, i64, bool)| {
            let (row, hashes) = (&rows[i], &hashes[i]);
            let sealed = self.vault.seal_value("assessment_version.sealed", &*row.value);
            let (key, content, person) = (hashes.key, hashes.content, hashes.person);
            args![
                id,
                assessment_id,
                key,
                original,
                row.sheet,
                row.row,
                at,
                at,
                original,
                content,
                hashes.certificate,
                person,
                live,
                sealed,
            ]
        };
        let into = "assessment_version (id, assessment_id, key_hash, original_id, sheet_no, row_no, received_at, \
                    seen_at, seen_in, content_hash, certificate_hash, person_hash, live, sealed)";
        let portions = decided.taken.chunks(MAX_INSERT_ROWS);
        change.tx.insert_portions(into, portions.map(|part| part.par_iter().map(row).collect())).await?;
        let sql = "UPDATE assessment_version SET live = 0 WHERE id IN ";
        change.tx.run_in(sql, &[], &decided.superseded).await?;
        let sql = "UPDATE assessment_version SET seen_at = $1, seen_in = $2 WHERE id IN ";
        change.tx.run_in(sql, &args![at, original], &decided.said_last).await?;
        fates.said_again += say_again(change, "result", &decided.said_again, intake).await?;
        Ok(())
    }

    /// Says of rows of claimed assessments in which columns they differ from what is known.
    async fn name_columns(
        &self,
        change: &mut Change,
        refused: &[(usize, i64)],
        intake: &Intake<'_>,
        fates: &mut Fates,
    ) -> Result<()> {
        let asked: Vec<Arg> = refused.iter().map(|(_, assessment)| Arg::from(*assessment)).collect();
        let sql = "SELECT assessment_id, sealed FROM assessment_version WHERE live = 1 AND assessment_id IN ";
        let mut known: HashMap<i64, ResultRow> = HashMap::new();
        for row in change.tx.rows_in(sql, &asked).await? {
            known.insert(row.int(0)?, self.vault.open_value("assessment_version.sealed", &row.bytes(1)?)?);
        }
        for (index, assessment) in refused {
            let said = &intake.rows.results[*index].value;
            if let (Some(Fate::AlreadyClaimed { columns, .. }), Some(known)) =
                (fates.results.get_mut(*index), known.get(assessment))
            {
                *columns = known.compared().differing(&said.compared());
            }
        }
        Ok(())
    }

    pub(super) async fn take_survey(&self, change: &mut Change, intake: &Intake<'_>, fates: &mut Fates) -> Result<()> {
        let rows = &intake.rows.survey;
        let hashes: Vec<Hashes> = rows.par_iter().map(|row| self.survey_hashes(row)).collect();
        let keys: Vec<Arg> = hashes.iter().map(|hashes| Arg::from(hashes.key)).collect();
        let next = change.tx.int("SELECT COALESCE(MAX(id), 0) + 1 FROM survey_row", []).await?;
        let sql = "SELECT id, received_at, original_id, seen_at, seen_in, content_hash, key_hash, id, \
                   (SELECT COUNT(*) FROM withdrawal w WHERE w.original_id = v.original_id \
                   AND w.received_at = v.received_at) FROM survey_row v \
                   WHERE NOT EXISTS (SELECT 1 FROM withdrawn_survey w WHERE w.id = v.id) AND key_hash IN ";
        let found = change.tx.rows_in(sql, &keys).await?;
        let mut decided = decide(known(&found)?, &hashes, intake, next, &HashMap::new());
        fates.survey = std::mem::take(&mut decided.fates);
        if intake.dry_run {
            return Ok(());
        }
        let (at, original) = intake.place();
        let inserts = decided.taken.iter().map(|&(i, id, _, live)| {
            let sealed = self.vault.seal_value("survey_row.sealed", &rows[i]);
            args![id, hashes[i].key, original, at, at, original, hashes[i].content, live, sealed]
        });
        let into = "survey_row (id, key_hash, original_id, received_at, seen_at, seen_in, content_hash, live, sealed)";
        change.tx.insert(into, inserts.collect::<Vec<_>>()).await?;
        change.tx.run_in("UPDATE survey_row SET live = 0 WHERE id IN ", &[], &decided.superseded).await?;
        let sql = "UPDATE survey_row SET seen_at = $1, seen_in = $2 WHERE id IN ";
        change.tx.run_in(sql, &args![at, original], &decided.said_last).await?;
        fates.said_again += say_again(change, "survey", &decided.said_again, intake).await?;
        Ok(())
    }

    fn result_hashes(&self, row: &ResultRow) -> Hashes {
        Hashes {
            key: self.vault.lookup("assessment", row.key().canonical().as_bytes()),
            content: self.content_hash("assessment_version", &*row.compared()),
            certificate: row.certificate_number.as_deref().and_then(|number| self.certificate_hash(number)),
            person: self.prisoner_hash(&row.prison, &row.number),
        }
    }

    fn survey_hashes(&self, row: &SurveyRow) -> Hashes {
        let person = self.prisoner_hash(&row.prison, &row.number);
        Hashes { key: person, content: self.content_hash("survey_row", row), certificate: None, person }
    }

    /// Keyed hash of a certificate number as RULES compares it; `None` for an empty one.
    pub(super) fn certificate_hash(&self, number: &str) -> Option<[u8; 16]> {
        let number = normalise(number);
        (!number.is_empty()).then(|| self.vault.lookup("certificate", number.as_bytes()))
    }

    /// Keyed hash of prison and prisoner number.
    pub(super) fn prisoner_hash(&self, prison: &str, number: &str) -> [u8; 16] {
        self.vault.lookup("prisoner", format!("{prison}|{number}").as_bytes())
    }
}

/// What is known, by key. Columns: id, first place (2), last place (2), content, key, assessment, whether the file that
/// said it first is withdrawn: then the first place is none any more, and the last stands for it.
fn known(found: &[Row]) -> Result<HashMap<[u8; 16], Known>> {
    let mut known: HashMap<[u8; 16], Known> = HashMap::with_capacity(found.len());
    let mut seen: std::collections::HashSet<i64> = std::collections::HashSet::with_capacity(found.len());
    for row in found {
        let (first, last) = ((row.int(1)?, row.int(2)?), (row.int(3)?, row.int(4)?));
        let version =
            Version { id: row.int(0)?, first: if row.int(8)? > 0 { last } else { first }, last, content: row.hash(5)? };
        // A key that stands twice in the file is asked for twice.
        if seen.insert(version.id) {
            let entry = known.entry(row.hash(6)?).or_default();
            entry.assessment_id = row.int(7)?;
            entry.versions.push(version);
        }
    }
    Ok(known)
}

/// A batch and its lines that grant an assessment.
type Claimed = HashMap<i64, (String, Vec<u32>)>;

/// Of the assessments that the file would change: those that a live batch grants, with that batch.
async fn claimed(
    change: &mut Change,
    known: &HashMap<[u8; 16], Known>,
    hashes: &[Hashes],
    intake: &Intake<'_>,
) -> Result<Claimed> {
    let mut asked = Vec::new();
    for hashes in hashes {
        if let Some(known) = known.get(&hashes.key)
            && matches!(rule(&known.versions, intake.place(), hashes.content), Ruling::New { .. })
        {
            asked.push(Arg::from(known.assessment_id));
        }
    }
    let sql = "SELECT l.assessment_id, b.number, l.line FROM batch_line l JOIN batch b ON b.id = l.batch_id \
               WHERE l.reverses_batch_id IS NULL \
               AND NOT EXISTS (SELECT 1 FROM batch_void v WHERE v.batch_id = l.batch_id) \
               AND NOT EXISTS (SELECT 1 FROM batch_line r WHERE r.reverses_batch_id = l.batch_id \
                   AND r.reverses_line = l.line \
                   AND NOT EXISTS (SELECT 1 FROM batch_void w WHERE w.batch_id = r.batch_id)) \
               AND l.assessment_id IN ";
    let rows = change.tx.rows_in(sql, &asked).await?;
    let mut claimed = Claimed::new();
    for row in rows {
        let (batch, lines) = claimed.entry(row.int(0)?).or_default();
        // An assessment that the file names twice is asked for twice.
        let (number, line) = (row.text(1)?, row.number(2)?);
        if *batch != number {
            (*batch, *lines) = (number, Vec::new());
        }
        if !lines.contains(&line) {
            lines.push(line);
            lines.sort_unstable();
        }
    }
    Ok(claimed)
}

/// Decides the fate of every row, in the order of the file.
fn decide(
    mut known: HashMap<[u8; 16], Known>,
    hashes: &[Hashes],
    intake: &Intake<'_>,
    mut next: i64,
    claimed: &Claimed,
) -> Decided {
    let place = intake.place();
    let mut decided = Decided {
        fates: Vec::with_capacity(hashes.len()),
        taken: Vec::with_capacity(hashes.len()),
        ..Decided::default()
    };
    known.reserve(hashes.len());
    for (i, hashes) in hashes.iter().enumerate() {
        let entry = known.entry(hashes.key).or_default();
        let fate = match rule(&entry.versions, place, hashes.content) {
            Ruling::Repeat { version, later } => {
                let version = &mut entry.versions[version];
                if later {
                    version.last = place;
                    decided.said_last.push(Arg::from(version.id));
                }
                decided.said_again.extend((version.first != place).then_some(version.id));
                let (id, last) = (version.id, version.last);
                let is_outdated = entry.versions.iter().any(|other| (other.last, other.id) > (last, id));
                decided.outdated += u32::from(is_outdated);
                Fate::Duplicate
            }
            Ruling::New { live, replaces } => {
                if let Some((batch, lines)) = claimed.get(&entry.assessment_id) {
                    decided.refused.push((i, entry.assessment_id));
                    Fate::AlreadyClaimed { batch: batch.clone(), lines: lines.clone(), columns: Vec::new() }
                } else {
                    if entry.versions.is_empty() {
                        entry.assessment_id = next;
                    }
                    let content = hashes.content;
                    entry.versions.push(Version { id: next, first: place, last: place, content });
                    decided.taken.push((i, next, entry.assessment_id, live));
                    decided.superseded.extend(replaces.map(Arg::from));
                    next += 1;
                    Fate::Taken { version_id: next - 1, assessment_id: entry.assessment_id, supersedes: replaces }
                }
            }
        };
        decided.fates.push(fate);
    }
    debug_assert_eq!(to_ms(intake.original.received_at), place.0);
    decided
}
