//! The mails that a letter is sent as: planned once, leased, accepted one by one; and deliveries that are stuck.
//!
//! - Writes: `letter_mail`, `delivery` (state, alarm), audit.
//! - Safe to repeat because: the plan is made once and kept; a mail that was accepted is never offered again, and the
//!   first one after a lease that ran out goes out marked 重发.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::deliver::{Alarm, Lease, take_lease};
use super::values::args;
use super::{Result, Store, from_ms, to_ms};

/// One mail of a letter, as it is fixed before the first is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailPlan {
    /// Name and address of the sender.
    pub from: (String, String),
    /// Message-ID, without angle brackets.
    pub message_id: String,
    /// Positions of its attachments in the packet.
    pub files: Vec<u32>,
    /// Positions of files that are too large for any mail and lie in the folder instead.
    pub left_out: Vec<u32>,
}

/// A mail of a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedMail {
    /// Number, from 1.
    pub number: u32,
    /// What it carries.
    pub plan: MailPlan,
    /// When the server took it.
    pub accepted_at: Option<DateTime<Utc>>,
    /// It may have arrived before: goes out marked 重发.
    pub again: bool,
}

/// A delivery that has become stuck, or stuck for longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised {
    /// Its key.
    pub key: String,
    /// The recipient's name in the settings.
    pub recipient: String,
    /// For how long.
    pub alarm: Alarm,
}

impl Store {
    /// Takes the right to send a letter; its mails are those of `plan` unless they were planned before.
    pub async fn lease_letter(
        &self,
        id: i64,
        plan: &[MailPlan],
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Option<(Lease, Vec<PlannedMail>)>> {
        let mut change = self.change().await?;
        let Some((lease, in_doubt)) = take_lease(&mut change, id, until, now).await? else {
            change.roll_back().await?;
            return Ok(None);
        };
        if change.tx.int("SELECT COUNT(*) FROM letter_mail WHERE delivery_id = $1", args![id]).await? == 0 {
            let seal = |mail| self.vault.seal_value("letter_mail.sealed", mail);
            let rows: Vec<_> = (1_u32..).zip(plan).map(|(n, mail)| args![id, n, seal(mail), false]).collect();
            change.tx.insert("letter_mail (delivery_id, number, sealed, again)", rows).await?;
            change.audit("letter.planned", &lease.delivery.key, &json!({"mails": plan.len()}), now);
        } else if in_doubt {
            let sql = "UPDATE letter_mail SET again = 1 WHERE delivery_id = $1 AND number = \
                       (SELECT MIN(m.number) FROM letter_mail m WHERE m.delivery_id = $1 AND m.accepted_at IS NULL)";
            change.tx.run(sql, args![id]).await?;
        }
        change.commit("lease-letter").await?;
        let mails = self.mails(id).await?;
        Ok(Some((lease, mails)))
    }

    /// The mails of a letter, in order.
    pub async fn mails(&self, id: i64) -> Result<Vec<PlannedMail>> {
        let sql = "SELECT number, sealed, accepted_at, again FROM letter_mail WHERE delivery_id = $1 ORDER BY number";
        let mut mails = Vec::new();
        for row in self.db.rows(sql, args![id]).await? {
            mails.push(PlannedMail {
                number: row.number(0)?,
                plan: self.vault.open_value("letter_mail.sealed", &row.bytes(1)?)?,
                accepted_at: row.int_or_null(2)?.map(from_ms).transpose()?,
                again: row.int(3)? != 0,
            });
        }
        Ok(mails)
    }

    /// Records that the server took a mail; with the last one the letter is done. `false`: the lease was lost meanwhile;
    /// the mail counts as taken all the same.
    pub async fn accept_mail(
        &self,
        lease: &Lease,
        number: u32,
        domains: &str,
        answer: &str,
        at: DateTime<Utc>,
    ) -> Result<bool> {
        let mut change = self.change().await?;
        let (id, at_ms) = (lease.delivery.id, to_ms(at));
        let sql = "UPDATE letter_mail SET accepted_at = $3, domains = $4 WHERE delivery_id = $1 AND number = $2";
        change.tx.run(sql, args![id, number, at_ms, domains.to_owned()]).await?;
        let open = "SELECT COUNT(*) FROM letter_mail WHERE delivery_id = $1 AND accepted_at IS NULL";
        let open = change.tx.int(open, args![id]).await?;
        let answer = self.vault.seal("delivery.answer", answer.as_bytes());
        let held = if open == 0 {
            let sql = "UPDATE delivery SET state = 'done', lease_until = NULL, answer = $3, done_at = $4, failures = 0, \
                       failing_since = NULL, alarm = 0 WHERE id = $1 AND attempts = $2 AND state = 'sending'";
            change.tx.run(sql, args![id, lease.attempt, answer, at_ms]).await?
        } else {
            let sql = "UPDATE delivery SET answer = $3 WHERE id = $1 AND attempts = $2 AND state = 'sending'";
            change.tx.run(sql, args![id, lease.attempt, answer]).await?
        };
        let detail = json!({"attempt": lease.attempt, "mail": number, "open": open});
        change.audit("letter.accepted", &lease.delivery.key, &detail, at);
        change.commit("accept-mail").await?;
        Ok(held == 1)
    }

    /// To which domains mails were accepted after an instant; one entry per mail. What lies an hour ahead and further
    /// was written by a clock that was ahead, and counts nowhere.
    pub async fn domains_since(&self, after: DateTime<Utc>) -> Result<Vec<String>> {
        let sql = "SELECT domains FROM letter_mail WHERE accepted_at > $1 AND accepted_at <= $1 + 3600000";
        self.db.rows(sql, args![to_ms(after)]).await?.iter().map(|row| row.text(0)).collect()
    }

    /// Marks what has been waiting or failing for too long; returns what was not known before.
    pub async fn raise_alarms(&self, hours: TimeDelta, days: TimeDelta, now: DateTime<Utc>) -> Result<Vec<Raised>> {
        let stuck = "SELECT d.id, d.key, d.recipient, COALESCE(d.failing_since, d.due_at), d.alarm FROM delivery d \
                     WHERE d.state IN ('due', 'sending') AND d.alarm < 2 AND COALESCE(d.failing_since, d.due_at) <= $1 \
                     AND NOT EXISTS (SELECT 1 FROM batch_void v WHERE v.batch_id = d.batch_id) ORDER BY d.id";
        if self.db.rows(stuck, args![to_ms(now - hours)]).await?.is_empty() {
            return Ok(Vec::new());
        }
        let mut change = self.change().await?;
        let mut raised = Vec::new();
        for row in change.tx.rows(stuck, args![to_ms(now - hours)]).await? {
            let alarm = if row.int(3)? <= to_ms(now - days) { Alarm::Days } else { Alarm::Hours };
            let level = i64::from(alarm >= Alarm::Hours) + i64::from(alarm >= Alarm::Days);
            if level <= row.int(4)? {
                continue;
            }
            change.tx.run("UPDATE delivery SET alarm = $2 WHERE id = $1", args![row.int(0)?, level]).await?;
            let (key, recipient) = (row.text(1)?, row.text(2)?);
            change.audit("delivery.stuck", &key, &json!({"level": level}), now);
            raised.push(Raised { key, recipient, alarm });
        }
        if raised.is_empty() {
            change.roll_back().await?;
        } else {
            change.commit("raise-alarms").await?;
        }
        Ok(raised)
    }
}
