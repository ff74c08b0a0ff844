//! Holding the rows against the audit log: whoever can write to the database but lacks the key cannot add, change or
//! remove a batch, a void, a reversal, a reopening, an approval, a received mail or what a file brought without this showing.
//!
//! - Reads: `audit`, and the tables of what the entries say.
//! - When it fails: a row without its entry, or an entry without its row, is a fault in the report of
//!   [`Store::audit_verify`]; voids, which decide what is paid again, are held against it at every reading of the facts.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::audit::AuditFault;
use super::blobs::Paper;
use super::shelf::{BatchHeader, StoredRefusal};
use super::values::{Row, args};
use super::vault::Vault;
use super::{Result, Store, StoreError, to_ms};
use crate::subsidy::batch::Balance;

/// Entries that are read at once.
const MAX_ENTRIES_READ: i64 = 10_000;

/// What entries are about that have rows.
const ROOMS: [&str; 7] = ["batch.", "line.", "assessment.", "roster.", "original.", "mail.", "waiver."];

/// How often rows and log are compared while others keep writing.
const MAX_LOOKS: u32 = 20;

/// Something that stands both in the log and in a table: what it is, and everything that must be the same.
type Deed = (&'static str, String);

/// Signs everything of a batch that its control totals do not cover.
pub(super) fn seal_of(
    vault: &Vault,
    header: &BatchHeader,
    balances: &[Balance],
    papers: &[Paper],
    refusals: &[StoredRefusal],
    waivers: &[(u32, i64)],
) -> Result<String> {
    let totals = &header.totals;
    let head = serde_json::json!([
        header.number,
        header.period.to_string(),
        to_ms(header.sealed_at),
        header.claim_on,
        totals.persons,
        totals.lines,
        totals.sum.0,
        totals.lines_sha256,
        header.refusals,
        header.previous,
        header.audit_count,
        header.audit_head,
    ]);
    let balances: Vec<Value> = balances
        .iter()
        .map(|b| {
            let figures = [b.granted.0, b.reversed.0, b.carried_in.0, b.payable.0, b.carried_out.0];
            serde_json::json!([&*b.prison, &*b.institution, b.kind.code(), b.persons, figures])
        })
        .collect();
    let papers: Vec<Value> =
        papers.iter().map(|p| serde_json::json!([p.name, p.kind, p.personal, p.sha256, p.bytes])).collect();
    let refusals = postcard::to_stdvec(refusals).map_err(|_| StoreError::Contradiction("refusals do not serialise"))?;
    let texts = [head.to_string(), Value::from(balances).to_string(), Value::from(papers).to_string()];
    let [head, balances, papers] = texts.each_ref().map(String::as_bytes);
    let waivers = serde_json::json!(waivers).to_string();
    let fields: [&[u8]; 6] = [b"batch", head, balances, papers, &refusals, waivers.as_bytes()];
    // Where no line rests on a waiver the seal is that of the time before there were any.
    let signed = if waivers == "[]" { &fields[..5] } else { &fields[..] };
    Ok(hex::encode(vault.mac(signed)))
}

impl Store {
    /// The seal of a batch as the log has it.
    pub(super) async fn logged_seal(&self, number: &str) -> Result<Option<String>> {
        let sql = "SELECT detail FROM audit WHERE act = 'batch.sealed' AND subject = $1";
        let row = self.db.row(sql, args![number.to_owned()]).await?;
        row.map(|row| Ok(field(&detail(&row.text(0)?)?, "seal"))).transpose()
    }

    /// Refuses facts whose voids the log does not know, or that lack one that it knows.
    pub(super) async fn check_voids(&self) -> Result<()> {
        for _ in 0..MAX_LOOKS {
            let before = self.stamp().await?.audit_count;
            let sql = "SELECT act, subject, at, detail FROM audit WHERE act = 'batch.voided'";
            let logged: BTreeSet<Deed> = logged(&self.db.rows(sql, []).await?)?.into_iter().collect();
            let found: BTreeSet<Deed> = self.voids().await?.into_iter().collect();
            if logged == found {
                return Ok(());
            }
            if self.stamp().await?.audit_count == before {
                return Err(StoreError::Damaged("voids of batches".to_owned()));
            }
        }
        Err(StoreError::Moving)
    }

    /// Rows without their entry and entries without their row. What another process changes meanwhile is looked at
    /// again.
    pub(super) async fn deed_faults(&self) -> Result<Vec<AuditFault>> {
        for _ in 0..MAX_LOOKS {
            let before = self.stamp().await?.audit_count;
            let faults = self.deed_faults_now().await?;
            if faults.is_empty() || self.stamp().await?.audit_count == before {
                return Ok(faults);
            }
        }
        Err(StoreError::Moving)
    }

    async fn deed_faults_now(&self) -> Result<Vec<AuditFault>> {
        let mut balance: BTreeMap<Deed, i64> = BTreeMap::new();
        let mut brought: BTreeMap<i64, Option<i64>> = BTreeMap::new();
        let mut after = 0;
        loop {
            let sql = "SELECT act, subject, at, detail, seq FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2";
            let rows = self.db.rows(sql, args![after, MAX_ENTRIES_READ]).await?;
            let Some(last) = rows.last() else { break };
            after = last.int(4)?;
            for deed in logged(&rows)? {
                *balance.entry(deed).or_default() += 1;
            }
            for row in &rows {
                if row.text(0)? == "original.read" {
                    let detail = detail(&row.text(3)?)?;
                    let file = row.text(1)?.parse().unwrap_or_default();
                    let taken = detail["counts"]["taken"].as_i64().unwrap_or_default();
                    // Of a planning workbook more is counted than becomes rows of a roster.
                    let counted = if field(&detail, "kind") == "plan" { None } else { Some(taken) };
                    let sum = brought.entry(file).or_insert(Some(0));
                    *sum = sum.zip(counted).map(|(sum, taken)| sum + taken);
                }
            }
        }
        for deed in self.rows_as_deeds().await? {
            *balance.entry(deed).or_default() -= 1;
        }
        let mut faults: Vec<AuditFault> = balance
            .into_iter()
            .filter(|(_, left)| *left != 0)
            .map(|((what, key), left)| {
                let subject = key.split('|').next().unwrap_or_default().to_owned();
                if left > 0 {
                    AuditFault::RowMissing { what, subject }
                } else {
                    AuditFault::RowUnknown { what, subject }
                }
            })
            .collect();
        faults.extend(self.file_faults(brought).await?);
        Ok(faults)
    }

    async fn rows_as_deeds(&self) -> Result<Vec<Deed>> {
        let mut deeds = self.voids().await?;
        for header in self.batches().await? {
            let batch = self.batch_unsealed(&header.number).await?;
            let seal =
                seal_of(&self.vault, &batch.header, &batch.balances, &batch.papers, &batch.refusals, &batch.waivers)?;
            deeds.push(("batch", format!("{}|{seal}", header.number)));
        }
        let sql =
            "SELECT b.number, q.line, q.at, q.reason, q.by_whom FROM reversal q JOIN batch b ON b.id = q.batch_id";
        for row in self.db.rows(sql, []).await? {
            let typed = self.typed_again(["reversal.reason", "reversal.by_whom"], &row, 3)?;
            deeds.push(("reversal", format!("{}|{}|{}|{typed}", row.text(0)?, row.int(1)?, row.int(2)?)));
        }
        let sql = "SELECT r.assessment_id, b.number, r.number, r.refusal, r.kind, r.at, r.reason, r.by_whom \
                   FROM reopening r JOIN batch b ON b.id = r.batch_id";
        for row in self.db.rows(sql, []).await? {
            let typed = self.typed_again(["reopening.reason", "reopening.by_whom"], &row, 6)?;
            let (assessment, number, refusal) = (row.int(0)?, row.int(2)?, row.int(3)? != 0);
            let rest = format!("{}|{number}|{refusal}|{}|{}|{typed}", row.text(1)?, row.text(4)?, row.int(5)?);
            deeds.push(("reopening", format!("{assessment}|{rest}")));
        }
        for row in
            self.db.rows("SELECT roster_id, approved_on, plan_year, at, by_whom FROM roster_approval", []).await?
        {
            let by = self.opened("roster_approval.by_whom", &row.bytes(4)?).unwrap_or_default();
            let typed = self.typed("", &by);
            let (roster, year, at) = (row.int(0)?, row.int(2)?, row.int(3)?);
            deeds.push(("approval", format!("{roster}|{}|{year}|{at}|{typed}", row.text(1)?)));
        }
        for row in self.db.rows("SELECT id, sha256, length, received_at FROM original", []).await? {
            let (id, length, received_at) = (row.int(0)?, row.int(2)?, row.int(3)?);
            deeds.push(("original", format!("{id}|{}|{length}|{received_at}", row.text(1)?)));
        }
        for row in self.db.rows("SELECT id, mark, bytes, received_at FROM received_mail", []).await? {
            let (id, mark, bytes, received_at) = (row.int(0)?, row.bytes(1)?, row.int(2)?, row.int(3)?);
            deeds.push(("mail", format!("{id}|{}|{bytes}|{received_at}", hex::encode(mark))));
        }
        deeds.extend(self.decided_deeds().await?);
        Ok(deeds)
    }

    /// Withdrawals, readmissions, decisions and waivers.
    async fn decided_deeds(&self) -> Result<Vec<Deed>> {
        let mut deeds = Vec::new();
        for row in self.db.rows("SELECT original_id, received_at, at, reason, by_whom FROM withdrawal", []).await? {
            let typed = self.typed_again(["withdrawal.reason", "withdrawal.by_whom"], &row, 3)?;
            deeds.push(("withdrawal", format!("{}|{}|{}|{typed}", row.int(0)?, row.int(1)?, row.int(2)?)));
        }
        for row in self.db.rows("SELECT original_id, received_at FROM readmission", []).await? {
            deeds.push(("readmission", format!("{}|{}", row.int(0)?, row.int(1)?)));
        }
        let sql = "SELECT original_id, read_at, act, COALESCE(kind, ''), at, reason, by_whom FROM tray_decision";
        for row in self.db.rows(sql, []).await? {
            let typed = self.typed_again(["tray_decision.reason", "tray_decision.by_whom"], &row, 5)?;
            let what = format!("{}|{}|{}", row.int(1)?, row.text(2)?, row.text(3)?);
            deeds.push(("decision", format!("{}|{what}|{}|{typed}", row.int(0)?, row.int(4)?)));
        }
        let sql = "SELECT mail_id, act, COALESCE(unit, ''), at, reason, by_whom FROM mail_decision";
        for row in self.db.rows(sql, []).await? {
            let typed = self.typed_again(["mail_decision.reason", "mail_decision.by_whom"], &row, 4)?;
            let what = format!("{}|{}", row.text(1)?, row.text(2)?);
            deeds.push(("mail decision", format!("{}|{what}|{}|{typed}", row.int(0)?, row.int(3)?)));
        }
        let sql = "SELECT id, assessment_id, rule, from_on, until_on, at, reason, by_whom FROM waiver";
        for row in self.db.rows(sql, []).await? {
            let typed = self.typed_again(["waiver.reason", "waiver.by_whom"], &row, 6)?;
            let what = format!("{}|{}|{}|{}", row.int(1)?, row.text(2)?, row.text(3)?, row.text(4)?);
            deeds.push(("waiver", format!("{}|{what}|{}|{typed}", row.int(0)?, row.int(5)?)));
        }
        for row in self.db.rows("SELECT waiver_id, ended_on, at, reason, by_whom FROM waiver_end", []).await? {
            let typed = self.typed_again(["waiver_end.reason", "waiver_end.by_whom"], &row, 3)?;
            deeds.push(("end of waiver", format!("{}|{}|{}|{typed}", row.int(0)?, row.text(1)?, row.int(2)?)));
        }
        Ok(deeds)
    }

    async fn voids(&self) -> Result<Vec<Deed>> {
        let sql = "SELECT b.number, v.at, v.reason, v.by_whom FROM batch_void v JOIN batch b ON b.id = v.batch_id";
        let rows = self.db.rows(sql, []).await?;
        rows.iter()
            .map(|row| {
                let typed = self.typed_again(["batch_void.reason", "batch_void.by_whom"], row, 2)?;
                Ok(("void", format!("{}|{}|{typed}", row.text(0)?, row.int(1)?)))
            })
            .collect()
    }

    /// The keyed hash of reason and name as the rows hold them; one that does not open fits no entry.
    fn typed_again(&self, [reason, by]: [&'static str; 2], row: &Row, column: usize) -> Result<String> {
        let reason = self.opened(reason, &row.bytes(column)?).unwrap_or_default();
        let by = self.opened(by, &row.bytes(column + 1)?).unwrap_or_default();
        Ok(self.typed(&reason, &by))
    }

    /// Files whose rows were removed or added to, and assessments of which not exactly the newest version counts.
    async fn file_faults(&self, mut brought: BTreeMap<i64, Option<i64>>) -> Result<Vec<AuditFault>> {
        for sql in [
            "SELECT original_id, COUNT(*) FROM assessment_version GROUP BY original_id",
            "SELECT original_id, COUNT(*) FROM history_row GROUP BY original_id",
            "SELECT original_id, COUNT(*) FROM survey_row GROUP BY original_id",
            "SELECT r.original_id, CAST(SUM(b.row_count) AS BIGINT) FROM roster r \
             JOIN roster_block b ON b.roster_id = r.id GROUP BY r.original_id",
        ] {
            for row in self.db.rows(sql, []).await? {
                let sum = brought.entry(row.int(0)?).or_insert(Some(0));
                let rows = row.int(1)?;
                *sum = sum.map(|sum| sum - rows);
            }
        }
        let mut faults: Vec<AuditFault> = brought
            .into_iter()
            .filter(|(_, left)| left.is_some_and(|left| left != 0))
            .map(|(id, _)| AuditFault::RowsOfFile { original: id })
            .collect();
        let mut broken = 0;
        for sql in [
            "SELECT COUNT(*) FROM (SELECT key_hash FROM assessment_version \
             WHERE id NOT IN (SELECT id FROM withdrawn_version) GROUP BY key_hash HAVING SUM(live) <> 1) AS broken",
            "SELECT COUNT(*) FROM assessment_version WHERE live = 1 AND id IN (SELECT id FROM withdrawn_version)",
            "SELECT COUNT(*) FROM assessment_version v WHERE v.live = 1 AND EXISTS (SELECT 1 \
             FROM assessment_version n WHERE n.key_hash = v.key_hash AND (n.seen_at > v.seen_at \
             OR (n.seen_at = v.seen_at AND n.seen_in > v.seen_in)) AND n.id NOT IN (SELECT id FROM withdrawn_version))",
        ] {
            broken += self.db.int(sql, []).await?;
        }
        faults.extend((broken > 0).then_some(AuditFault::Versions { assessments: broken }));
        Ok(faults)
    }
}

/// What entries say was done: the same texts as [`Store::rows_as_deeds`] makes of the rows.
fn logged(rows: &[Row]) -> Result<Vec<Deed>> {
    let mut deeds = Vec::new();
    for row in rows {
        let (subject, at, text) = (row.text(1)?, row.int(2)?, row.text(3)?);
        let act = row.text(0)?;
        if !ROOMS.iter().any(|room| act.starts_with(room)) {
            continue;
        }
        let detail = detail(&text)?;
        let field = |name: &str| field(&detail, name);
        deeds.push(match act.as_str() {
            "batch.sealed" => ("batch", format!("{subject}|{}", field("seal"))),
            "batch.voided" => ("void", format!("{subject}|{at}|{}", field("typed"))),
            "line.reversal-requested" => ("reversal", format!("{subject}|{}|{at}|{}", field("line"), field("typed"))),
            "assessment.reopened" => {
                let rest = ["batch", "number", "refusal", "kind"].map(field).join("|");
                ("reopening", format!("{subject}|{rest}|{at}|{}", field("typed")))
            }
            "roster.approved" => {
                ("approval", format!("{subject}|{}|{}|{at}|{}", field("on"), field("plan_year"), field("typed")))
            }
            "original.kept" => ("original", format!("{subject}|{}|{}|{at}", field("sha256"), field("bytes"))),
            "original.readmitted" => ("readmission", format!("{subject}|{}", field("received_at"))),
            "original.withdrawn" => {
                ("withdrawal", format!("{subject}|{}|{at}|{}", field("received_at"), field("typed")))
            }
            "original.decided" => {
                let rest = ["read_at", "decision", "kind"].map(field).join("|");
                ("decision", format!("{subject}|{rest}|{at}|{}", field("typed")))
            }
            "waiver.added" => {
                let rest = ["assessment", "rule", "from", "until"].map(field).join("|");
                ("waiver", format!("{subject}|{rest}|{at}|{}", field("typed")))
            }
            "waiver.ended" => ("end of waiver", format!("{subject}|{}|{at}|{}", field("on"), field("typed"))),
            "mail.decided" => {
                let rest = ["decision", "unit"].map(field).join("|");
                ("mail decision", format!("{subject}|{rest}|{at}|{}", field("typed")))
            }
            "mail.kept" => ("mail", format!("{subject}|{}|{}|{at}", field("mark"), field("bytes"))),
            _ => continue,
        });
    }
    Ok(deeds)
}

fn detail(text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|_| StoreError::Damaged("detail of an audit entry".to_owned()))
}

fn field(detail: &Value, name: &str) -> String {
    detail[name].as_str().map_or_else(|| detail[name].to_string(), str::to_owned)
}
