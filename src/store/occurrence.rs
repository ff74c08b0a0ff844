//! The occurrence ledger (运行台账): what the schedule asked for, and what came of each slot; the leases of the duties.
//!
//! - Reads, writes: `occurrence`, `schedule_watch`, `duty_lease`. Bookkeeping by the minute, so not in the audit log:
//!   what a run changes is.
//! - Safe to repeat because: a slot of a duty is entered once (primary key), and only the holder of the lease enters it.

use chrono::{DateTime, TimeDelta, Utc};

use super::values::args;
use super::{Result, Store, from_ms, to_ms};

/// The clocks of two machines that share a database differ by less.
const MAX_CLOCK_DIFFERENCE: TimeDelta = TimeDelta::hours(1);

/// Up to when a schedule was looked at.
const WATCHED: &str = "INSERT INTO schedule_watch (duty, evaluated_until) VALUES ($1, $2) \
                       ON CONFLICT (duty) DO UPDATE SET evaluated_until = $2";

/// Slots of a duty that become one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slots {
    /// The first.
    pub first: DateTime<Utc>,
    /// The last; names the run.
    pub last: DateTime<Utc>,
    /// How many.
    pub count: u32,
}

/// How a run ended.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ended {
    /// In time.
    Done,
    /// After its time: missed slots, or an outage.
    Late,
    /// It could not be done; the next run sees the same work again.
    Failed,
    /// Nothing was run, on purpose.
    Skipped,
}

impl Ended {
    /// The word in the database.
    pub const fn code(self) -> &'static str {
        match self {
            Ended::Done => "done",
            Ended::Late => "late",
            Ended::Failed => "failed",
            Ended::Skipped => "skipped",
        }
    }
}

impl Store {
    /// Takes or renews the lease of a duty until an instant. `false`: another process has it. One that would run much
    /// longer than leases do was taken under a wrong clock and keeps nobody out.
    pub async fn lease_duty(&self, duty: &str, holder: &str, until: DateTime<Utc>, now: DateTime<Utc>) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        let sql = "INSERT INTO duty_lease (duty, holder, lease_until) VALUES ($1, $2, $3) \
                   ON CONFLICT (duty) DO UPDATE SET holder = $2, lease_until = $3 \
                   WHERE duty_lease.holder = $2 OR duty_lease.lease_until < $4 OR duty_lease.lease_until > $5";
        let too_long = to_ms(until + MAX_CLOCK_DIFFERENCE);
        let args = args![duty.to_owned(), holder.to_owned(), to_ms(until), to_ms(now), too_long];
        if tx.run(sql, args).await? != 1 {
            tx.roll_back().await?;
            return Ok(false);
        }
        tx.commit("lease-duty").await?;
        Ok(true)
    }

    /// Gives the lease of a duty back; nothing happens where another process has it.
    pub async fn release_duty(&self, duty: &str, holder: &str) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let sql = "DELETE FROM duty_lease WHERE duty = $1 AND holder = $2";
        tx.run(sql, args![duty.to_owned(), holder.to_owned()]).await?;
        tx.commit("release-duty").await
    }

    /// Up to when the schedule of a duty was looked at; `None` before the first look.
    pub async fn evaluated_until(&self, duty: &str) -> Result<Option<DateTime<Utc>>> {
        let sql = "SELECT evaluated_until FROM schedule_watch WHERE duty = $1";
        let row = self.db.row(sql, args![duty.to_owned()]).await?;
        row.map(|row| from_ms(row.int(0)?)).transpose()
    }

    /// Notes that the schedule of a duty was looked at until `until`, and enters the run that the slots found there
    /// become. `false`: the ledger has that slot already (the clock was set back), nothing is to be run for it.
    pub async fn begin_occurrence(
        &self,
        duty: &str,
        slots: Option<&Slots>,
        until: DateTime<Utc>,
        holder: &str,
    ) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        tx.run(WATCHED, args![duty.to_owned(), to_ms(until)]).await?;
        let mut entered = false;
        if let Some(slots) = slots {
            let known = "SELECT COUNT(*) FROM occurrence WHERE duty = $1 AND first_slot <= $2 AND slot >= $2";
            let known = tx.int(known, args![duty.to_owned(), to_ms(slots.last)]).await? > 0;
            let sql = "INSERT INTO occurrence (duty, slot, first_slot, slots, state, reason, holder, started_at) \
                       VALUES ($1, $2, $3, $4, 'running', '', $5, $6) ON CONFLICT (duty, slot) DO NOTHING";
            let (last, first) = (to_ms(slots.last), to_ms(slots.first));
            let args = args![duty.to_owned(), last, first, slots.count, holder.to_owned(), to_ms(until)];
            entered = !known && tx.run(sql, args).await? == 1;
        }
        tx.commit("begin-occurrence").await?;
        Ok(entered)
    }

    /// Notes how the run of a slot ended.
    pub async fn end_occurrence(
        &self,
        duty: &str,
        slot: DateTime<Utc>,
        ended: Ended,
        reason: &str,
        at: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let sql = "UPDATE occurrence SET state = $3, reason = $4, ended_at = $5 WHERE duty = $1 AND slot = $2";
        tx.run(sql, args![duty.to_owned(), to_ms(slot), ended.code(), reason.to_owned(), to_ms(at)]).await?;
        tx.commit("end-occurrence").await
    }

    /// The last run of a duty that began, if it failed or its process died. For the holder of the lease, who knows that nobody
    /// runs it.
    pub async fn unfinished_occurrence(&self, duty: &str) -> Result<Option<Slots>> {
        let sql = "SELECT first_slot, slot, slots, state FROM occurrence WHERE duty = $1 \
                   ORDER BY started_at DESC, slot DESC LIMIT 1";
        let Some(row) = self.db.row(sql, args![duty.to_owned()]).await? else { return Ok(None) };
        let unfinished = matches!(row.text(3)?.as_str(), "running" | "failed");
        let slots = Slots { first: from_ms(row.int(0)?)?, last: from_ms(row.int(1)?)?, count: row.number(2)? };
        Ok(unfinished.then_some(slots))
    }

    /// Whether a run of a duty is under way, or was when its process died, and none that began since a moment is over.
    pub async fn is_running(&self, duty: &str, since: DateTime<Utc>) -> Result<bool> {
        let sql = "SELECT (SELECT COUNT(*) FROM occurrence WHERE duty = $1 AND ended_at IS NULL), \
                   (SELECT COUNT(*) FROM occurrence WHERE duty = $1 AND ended_at IS NOT NULL AND started_at >= $2)";
        let row = self.db.row(sql, args![duty.to_owned(), to_ms(since)]).await?;
        row.map_or(Ok(false), |row| Ok(row.int(0)? > 0 && row.int(1)? == 0))
    }

    /// Runs since an instant that were late, failed or skipped: per duty and ending how many, and the last reason.
    pub async fn notable_runs(&self, since: DateTime<Utc>) -> Result<Vec<(String, String, u64, String)>> {
        let sql = "SELECT duty, state, reason FROM occurrence WHERE state IN ('late', 'failed', 'skipped') \
                   AND started_at >= $1 ORDER BY duty, state, started_at";
        let mut runs: Vec<(String, String, u64, String)> = Vec::new();
        for row in self.db.rows(sql, args![to_ms(since)]).await? {
            let (duty, state, reason) = (row.text(0)?, row.text(1)?, row.text(2)?);
            match runs.last_mut().filter(|last| (&last.0, &last.1) == (&duty, &state)) {
                Some(last) => (last.2, last.3) = (last.2 + 1, reason),
                None => runs.push((duty, state, 1, reason)),
            }
        }
        Ok(runs)
    }

    /// Begins the run of a slot once more. Whoever waits for the duty to look around waits no longer: it does so now.
    pub async fn resume_occurrence(&self, duty: &str, slots: &Slots, holder: &str, at: DateTime<Utc>) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let sql = "UPDATE occurrence SET state = 'running', holder = $3, started_at = $4, ended_at = NULL \
                   WHERE duty = $1 AND slot = $2";
        tx.run(sql, args![duty.to_owned(), to_ms(slots.last), holder.to_owned(), to_ms(at)]).await?;
        tx.run(WATCHED, args![duty.to_owned(), to_ms(at)]).await?;
        tx.commit("resume-occurrence").await
    }

    /// Ends what dead processes left running beside a slot. For the holder of the lease.
    pub async fn end_orphans(&self, duty: &str, beside: DateTime<Utc>, reason: &str, at: DateTime<Utc>) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let sql = "UPDATE occurrence SET state = 'failed', reason = $3, ended_at = $4 \
                   WHERE duty = $1 AND slot <> $2 AND ended_at IS NULL";
        tx.run(sql, args![duty.to_owned(), to_ms(beside), reason.to_owned(), to_ms(at)]).await?;
        tx.commit("end-orphans").await
    }

    /// Forgets runs that ended well before an instant. What was late, failed or skipped stays.
    pub async fn prune_occurrences(&self, before: DateTime<Utc>) -> Result<u64> {
        let mut tx = self.db.begin().await?;
        let sql = "DELETE FROM occurrence WHERE state = 'done' AND slot < $1";
        let pruned = tx.run(sql, args![to_ms(before)]).await?;
        tx.commit("prune-occurrences").await?;
        Ok(pruned)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        self.stamp().await.map(drop)
    }

    /// Whether it can be written to: notes that somebody looked.
    pub async fn touch(&self, now: DateTime<Utc>) -> Result<()> {
        let mut tx = self.db.begin().await?;
        tx.run(WATCHED, args!["health", to_ms(now)]).await?;
        tx.commit("touch").await
    }
}
