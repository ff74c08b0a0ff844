//! The mails that a letter is sent as: planned once, leased, accepted one by one; and deliveries that are stuck.
//!
//! - Writes: `letter_mail`, `delivery` (state, alarm), audit.
//! - Safe to repeat because: the plan is made once and kept; a mail that was accepted is never offered again, and the
//!   first one after a lease that ran out goes out marked 重发.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::deliver::{Alarm, Lease, take_lease};
use super::ledger::Change;
use super::values::{Row, args};
use super::vault::Vault;
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
    /// It leaves by mail.
    pub letter: bool,
}

/// A mail that the server took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The right by which it was sent.
    pub lease: Lease,
    /// Its number.
    pub number: u32,
    /// The domains that it went to, with spaces between.
    pub domains: String,
    /// The server's words.
    pub answer: String,
}

/// A letter that somebody wants to send now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The delivery.
    pub id: i64,
    /// Its mails, unless they were planned before.
    pub plan: Vec<MailPlan>,
    /// When the right to send it is to end.
    pub until: DateTime<Utc>,
}

/// What one connection has to enter: the mail that was taken, and the letter that it goes on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What the server took.
    pub taken: Option<Taken>,
    /// What comes next.
    pub wanted: Option<Wanted>,
    /// Now.
    pub at: DateTime<Utc>,
}

/// The right to send a letter, and its mails in order.
pub type LeasedLetter = (Lease, Vec<PlannedMail>);

impl Store {
    /// Enters for several connections at once what the server took from each and what each sends next; answers in the
    /// same order with the right to send, or `None` where nothing is wanted, another has it or it is not due any more.
    ///
    /// One transaction for all, because its sync to the disk costs more than everything else about a letter. Nobody
    /// offers the next mail before this returns: whenever the program dies, each connection has at most one mail whose
    /// taking is not on record, and no letter is marked 重发 that was not about to be offered.
    pub async fn enter_post(&self, entries: &[Entry]) -> Result<Vec<Option<LeasedLetter>>> {
        let mut change = self.change().await?;
        let (mut leased, mut changed) = (Vec::new(), false);
        for entry in entries {
            if let Some(taken) = &entry.taken {
                accept_mail(&mut change, taken, entry.at).await?;
                changed = true;
            }
            leased.push(match &entry.wanted {
                Some(wanted) => lease_letter(&mut change, wanted, entry.at).await?,
                None => None,
            });
        }
        if changed || leased.iter().any(Option::is_some) {
            change.commit("enter-post").await?;
        } else {
            change.roll_back().await?;
        }
        Ok(leased)
    }

    /// The mails of a letter, in order.
    pub async fn mails(&self, id: i64) -> Result<Vec<PlannedMail>> {
        self.db.rows(MAILS, args![id]).await?.iter().map(|row| planned_mail(&self.vault, row)).collect()
    }

    /// To which domains mails were accepted after an instant; one entry per mail. What lies an hour ahead and further
    /// was written by a clock that was ahead, and counts nowhere.
    pub async fn domains_since(&self, after: DateTime<Utc>) -> Result<Vec<String>> {
        let sql = "SELECT domains FROM letter_mail WHERE accepted_at > $1 AND accepted_at <= $1 + 3600000";
        self.db.rows(sql, args![to_ms(after)]).await?.iter().map(|row| row.text(0)).collect()
    }

    /// What is known to be stuck and still is.
    pub async fn stuck_deliveries(&self) -> Result<Vec<Raised>> {
        let sql = "SELECT d.key, d.recipient, d.alarm, (SELECT COUNT(*) FROM letter l WHERE l.delivery_id = d.id) \
                   FROM delivery d WHERE d.state IN ('due', 'sending') AND d.alarm > 0 \
                   AND NOT EXISTS (SELECT 1 FROM batch_void v WHERE v.batch_id = d.batch_id) ORDER BY d.id";
        let stuck = |row: &Row| {
            let alarm = if row.int(2)? > 1 { Alarm::Days } else { Alarm::Hours };
            Ok(Raised { key: row.text(0)?, recipient: row.text(1)?, alarm, letter: row.int(3)? > 0 })
        };
        self.db.rows(sql, []).await?.iter().map(stuck).collect()
    }

    /// Marks what has been waiting or failing for too long; returns what was not known before.
    pub async fn raise_alarms(&self, hours: TimeDelta, days: TimeDelta, now: DateTime<Utc>) -> Result<Vec<Raised>> {
        let stuck = "SELECT d.id, d.key, d.recipient, COALESCE(d.failing_since, d.due_at), d.alarm, \
                     (SELECT COUNT(*) FROM letter l WHERE l.delivery_id = d.id) FROM delivery d \
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
            raised.push(Raised { key, recipient, alarm, letter: row.int(5)? > 0 });
        }
        if raised.is_empty() {
            change.roll_back().await?;
        } else {
            change.commit("raise-alarms").await?;
        }
        Ok(raised)
    }
}

const MAILS: &str = "SELECT number, sealed, accepted_at, again FROM letter_mail WHERE delivery_id = $1 ORDER BY number";

fn planned_mail(vault: &Vault, row: &Row) -> Result<PlannedMail> {
    Ok(PlannedMail {
        number: row.number(0)?,
        plan: vault.open_value("letter_mail.sealed", &row.bytes(1)?)?,
        accepted_at: row.int_or_null(2)?.map(from_ms).transpose()?,
        again: row.int(3)? != 0,
    })
}

/// Takes the right to send a letter; its mails are those of the plan unless they were planned before.
async fn lease_letter(change: &mut Change, wanted: &Wanted, now: DateTime<Utc>) -> Result<Option<LeasedLetter>> {
    let id = wanted.id;
    let Some((lease, in_doubt)) = take_lease(change, id, wanted.until, now).await? else { return Ok(None) };
    let vault = change.vault();
    let known = change.tx.rows(MAILS, args![id]).await?;
    let mut mails: Vec<PlannedMail> = known.iter().map(|row| planned_mail(&vault, row)).collect::<Result<_>>()?;
    if mails.is_empty() {
        let seal = |mail| vault.seal_value("letter_mail.sealed", mail);
        let rows: Vec<_> = (1_u32..).zip(&wanted.plan).map(|(n, mail)| args![id, n, seal(mail), false]).collect();
        change.tx.insert("letter_mail (delivery_id, number, sealed, again)", rows).await?;
        change.audit("letter.planned", &lease.delivery.key, &json!({"mails": wanted.plan.len()}), now);
        let fresh = |(number, plan): (u32, &MailPlan)| PlannedMail {
            number,
            plan: plan.clone(),
            accepted_at: None,
            again: false,
        };
        mails = (1..).zip(&wanted.plan).map(fresh).collect();
    } else if let Some(first) = mails.iter_mut().find(|mail| in_doubt && mail.accepted_at.is_none()) {
        first.again = true;
        let sql = "UPDATE letter_mail SET again = 1 WHERE delivery_id = $1 AND number = $2";
        change.tx.run(sql, args![id, first.number]).await?;
    }
    Ok(Some((lease, mails)))
}

/// Records that the server took a mail, with the last one that the letter is done. Where the lease was lost meanwhile
/// the mail counts as taken all the same, and the letter is left to whoever has it.
async fn accept_mail(change: &mut Change, taken: &Taken, at: DateTime<Utc>) -> Result<()> {
    let Taken { lease, number, domains, answer } = taken;
    let (id, at_ms) = (lease.delivery.id, to_ms(at));
    let sql = "UPDATE letter_mail SET accepted_at = $3, domains = $4 WHERE delivery_id = $1 AND number = $2";
    change.tx.run(sql, args![id, *number, at_ms, domains.clone()]).await?;
    let open = "SELECT COUNT(*) FROM letter_mail WHERE delivery_id = $1 AND accepted_at IS NULL";
    let open = change.tx.int(open, args![id]).await?;
    let answer = change.vault().seal("delivery.answer", answer.as_bytes());
    if open == 0 {
        let sql = "UPDATE delivery SET state = 'done', lease_until = NULL, answer = $3, done_at = $4, failures = 0, \
                   failing_since = NULL, alarm = 0 WHERE id = $1 AND attempts = $2 AND state = 'sending'";
        change.tx.run(sql, args![id, lease.attempt, answer, at_ms]).await?;
    } else {
        let sql = "UPDATE delivery SET answer = $3 WHERE id = $1 AND attempts = $2 AND state = 'sending'";
        change.tx.run(sql, args![id, lease.attempt, answer]).await?;
    }
    let detail = json!({"attempt": lease.attempt, "mail": *number, "open": open});
    change.audit("letter.accepted", &lease.delivery.key, &detail, at);
    Ok(())
}
