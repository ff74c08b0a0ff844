//! A canonical dump of the domain tables, opened: two stores with the same history dump the same text.
//!
//! For tests. Left out: nonces, lease times, attempts, audit, and what depends on them.
//! Trusts: the caller, with personal data in clear.

use super::deliver::DeliveryLine;
use super::values::Row;
use super::vault::sha256_hex;
use super::{Result, Store, to_ms};
use crate::subsidy::assessment::{HistoryRow, ResultRow};
use crate::subsidy::waiver::Waiver;

impl Store {
    /// The dump: one line per fact, sorted within each part.
    pub async fn dump(&self) -> Result<String> {
        let mut out = String::new();
        for part in [
            self.dump_originals().await?,
            self.dump_versions().await?,
            self.dump_rosters().await?,
            self.dump_plans().await?,
            self.dump_plain_rows().await?,
            self.dump_decisions().await?,
            self.dump_batches().await?,
            self.dump_deliveries().await?,
            self.dump_notices().await?,
            self.dump_mails().await?,
        ] {
            let mut lines = part;
            lines.sort_unstable();
            for line in lines {
                out.push_str(&line);
                out.push('\n');
            }
        }
        Ok(out)
    }

    async fn dump_notices(&self) -> Result<Vec<String>> {
        Ok(self.notices().await?.iter().map(|notice| format!("notice {notice:?}")).collect())
    }

    /// Places in the mailbox are left out: a copy may be seen or not.
    async fn dump_mails(&self) -> Result<Vec<String>> {
        let sql = "SELECT m.id, m.let_in, a.key, b.key FROM received_mail m \
                   LEFT JOIN delivery a ON a.id = m.answer_id LEFT JOIN delivery b ON b.id = m.about_id";
        let mut lines = Vec::new();
        for row in self.db.rows(sql, []).await? {
            let mail = self.received_mail(row.int(0)?).await?;
            let keys = [row.text_or_null(2)?, row.text_or_null(3)?];
            let raw = sha256_hex(&self.mail_bytes(mail.id).await?);
            lines.push(format!("mail {mail:?} {raw} {} {keys:?}", row.int(1)?));
            let (_, decisions) = self.tray_mail(mail.id).await?;
            lines.extend(decisions.iter().map(|decision| format!("mail {} {decision:?}", mail.id)));
            for part in self.mail_parts(mail.id).await? {
                let report = part.report.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
                lines.push(format!("mail {} part {} {} {} {report}", mail.id, part.position, part.sha256, part.name));
            }
        }
        Ok(lines)
    }

    async fn dump_originals(&self) -> Result<Vec<String>> {
        let sql = "SELECT sha256, received_at, name, length, kind, counts, report FROM original";
        let mut lines = Vec::new();
        for row in self.db.rows(sql, []).await? {
            let name = self.opened("original.name", &row.bytes(2)?)?;
            let report = row.bytes_or_null(6)?.map(|sealed| self.vault.open("original.report", &sealed)).transpose()?;
            let report = report.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
            let (kind, counts) = (row.text_or_null(4)?.unwrap_or_default(), row.text_or_null(5)?.unwrap_or_default());
            lines.push(format!(
                "original {} {} {} {name} {kind} {counts} {report}",
                row.text(0)?,
                row.int(1)?,
                row.int(3)?
            ));
        }
        Ok(lines)
    }

    async fn dump_versions(&self) -> Result<Vec<String>> {
        let sql = "SELECT o.sha256, v.sheet_no, v.row_no, v.received_at, v.seen_at, v.live, v.sealed \
                   FROM assessment_version v JOIN original o ON o.id = v.original_id";
        let mut lines = Vec::new();
        for row in self.db.rows(sql, []).await? {
            let result: ResultRow = self.vault.open_value("assessment_version.sealed", &row.bytes(6)?)?;
            let place = format!("{} {}/{}", row.text(0)?, row.int(1)?, row.int(2)?);
            let (received, seen, live) = (row.int(3)?, row.int(4)?, row.int(5)?);
            lines.push(format!(
                "version {} {place} {received} {seen} live={live} {}",
                result.key().canonical(),
                json(&result)
            ));
        }
        Ok(lines)
    }

    async fn dump_rosters(&self) -> Result<Vec<String>> {
        let register = self.load_register().await?;
        let entries = register.roster.iter().map(|entry| {
            let approval = entry.approval.as_ref().map(|a| format!("{} {}", a.on, a.plan_year)).unwrap_or_default();
            format!("roster {} [{approval}] {}", to_ms(entry.received_at), json(&entry.row))
        });
        Ok(entries.collect())
    }

    async fn dump_plain_rows(&self) -> Result<Vec<String>> {
        let mut lines: Vec<String> = self.survey().await?.iter().map(|row| format!("survey {}", json(row))).collect();
        for row in self.db.rows("SELECT sealed FROM history_row", []).await? {
            let row: HistoryRow = self.vault.open_value("history_row.sealed", &row.bytes(0)?)?;
            lines.push(format!("history {}", json(&row)));
        }
        for verdict in self.verdicts().await? {
            let key = self.assessment_key(verdict.assessment_id).await?;
            let (kind, outcome) = (verdict.kind, verdict.outcome.code());
            lines.push(format!("verdict {key} {kind} {outcome} {} {}", verdict.rules.codes(), verdict.amount.0));
        }
        Ok(lines)
    }

    /// What people withdrew, decided and waived, and which files say what others brought.
    async fn dump_decisions(&self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        let sql = "SELECT o.sha256, w.received_at, w.at, w.reason, w.by_whom FROM withdrawal w \
                   JOIN original o ON o.id = w.original_id";
        for row in self.db.rows(sql, []).await? {
            let words = self.two_words(["withdrawal.reason", "withdrawal.by_whom"], &row, 3)?;
            lines.push(format!("withdrawal {} {} {} {words}", row.text(0)?, row.int(1)?, row.int(2)?));
        }
        let sql = "SELECT o.sha256, r.received_at FROM readmission r JOIN original o ON o.id = r.original_id";
        for row in self.db.rows(sql, []).await? {
            lines.push(format!("readmission {} {}", row.text(0)?, row.int(1)?));
        }
        let sql = "SELECT s.part, o.sha256, s.received_at, COUNT(*) FROM said_again s \
                   JOIN original o ON o.id = s.original_id GROUP BY s.part, o.sha256, s.received_at";
        for row in self.db.rows(sql, []).await? {
            lines.push(format!("said again {} {} {} {}", row.text(0)?, row.text(1)?, row.int(2)?, row.int(3)?));
        }
        for row in self
            .db
            .rows(
                "SELECT DISTINCT d.original_id, o.sha256 FROM tray_decision d \
                                 JOIN original o ON o.id = d.original_id",
                [],
            )
            .await?
        {
            for decision in self.tray_decisions(row.int(0)?).await? {
                lines.push(format!("decision {} {decision:?}", row.text(1)?));
            }
        }
        for stored in self.waivers().await? {
            let key = self.assessment_key(stored.waiver.assessment_id).await?;
            let Waiver { rule, from, until, ended_on, reason, by, .. } = &stored.waiver;
            let span = format!("{from} {until} {ended_on:?}");
            let (at, code, used) = (to_ms(stored.at), rule.code(), &stored.used);
            lines.push(format!("waiver {key} {code} {span} {reason} {by} {at} {:?} {used:?}", stored.end));
        }
        Ok(lines)
    }

    /// Reason and name, opened.
    fn two_words(&self, [reason, by]: [&'static str; 2], row: &Row, column: usize) -> Result<String> {
        let reason = self.opened(reason, &row.bytes(column)?)?;
        Ok(format!("{reason} {}", self.opened(by, &row.bytes(column + 1)?)?))
    }

    async fn dump_batches(&self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        for header in self.batches().await? {
            let batch = self.batch(&header.number).await?;
            let number = &header.number;
            let (sealed_at, totals) = (to_ms(header.sealed_at), &header.totals);
            lines.push(format!("batch {number} {sealed_at} {} {totals:?} {:?}", header.claim_on, header.previous));
            if let Some((reason, by, at)) = &batch.void {
                lines.push(format!("batch {number} void {reason} {by} {}", to_ms(*at)));
            }
            for line in &batch.lines {
                let (key, reverses) = (self.assessment_key(line.assessment_id).await?, &line.reverses);
                let facts = line.roster_fingerprint.is_some();
                let (payable, warnings, late) = (&line.payable, line.warnings.0, line.late);
                let (n, text) = (line.number, &line.canonical);
                lines.push(format!(
                    "batch {number} line {n:06} {text} {key} {payable:?} {warnings} {late} {facts} {reverses:?}"
                ));
            }
            for refusal in &batch.refusals {
                let key = self.assessment_key(refusal.assessment_id).await?;
                let (n, kind, codes) = (refusal.number, refusal.kind, refusal.rules.codes());
                let (settles, details) = (refusal.settles, &refusal.details);
                lines.push(format!("batch {number} refusal {n:06} {key} {kind} {codes} {settles} {details:?}"));
            }
            lines.extend(batch.balances.iter().map(|balance| format!("batch {number} balance {balance:?}")));
            // Papers print the audit head, whose count depends on how often a delivery was tried: names only.
            lines
                .extend(batch.papers.iter().map(|paper| format!("batch {number} paper {} {}", paper.kind, paper.name)));
        }
        for pending in self.pending_reversals().await? {
            lines.push(format!("reversal {} {} {}", pending.batch, pending.line.number, pending.reason));
        }
        for row in self
            .db
            .rows("SELECT b.number, r.refusal, r.number, r.kind FROM reopening r JOIN batch b ON b.id = r.batch_id", [])
            .await?
        {
            lines.push(format!("reopening {} {} {} {}", row.text(0)?, row.int(1)?, row.int(2)?, row.text(3)?));
        }
        Ok(lines)
    }

    async fn dump_deliveries(&self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        for DeliveryLine { delivery, state, .. } in self.deliveries().await? {
            let files = self.packet(delivery.id).await?.unwrap_or_default();
            let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
            lines.push(format!("delivery {} {} {state} {}", delivery.key, delivery.recipient, names.join(" ")));
            if let Some(letter) = self.letter(delivery.id).await? {
                let (words, mails) = (&letter.words, self.mails(delivery.id).await?);
                let (id, thread) = (&letter.message_id, &letter.thread);
                lines.push(format!("letter {} {id} {:?} {} {thread:?}", delivery.key, words.to, words.subject));
                let accepted = mails.iter().filter(|mail| mail.accepted_at.is_some()).count();
                lines.push(format!("mails {} {} of {}", delivery.key, accepted, mails.len()));
            }
            for decided in self.decisions(delivery.id).await? {
                lines.push(format!("decision {} {} {} {}", delivery.key, decided.act, decided.reason, decided.by));
            }
        }
        Ok(lines)
    }

    /// The assessment without its identity.
    async fn assessment_key(&self, id: i64) -> Result<String> {
        Ok(self.version(id).await?.key().canonical())
    }
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
