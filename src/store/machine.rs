//! The machines that may send (机器绑定): a copy of the data that wakes up elsewhere must not send once more.
//!
//! - Reads, writes: `machine`, audit. A machine-id is kept as keyed hash only.
//! - Safe to repeat because: a machine is entered once.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::ledger::Change;
use super::values::args;
use super::{Result, Store, to_ms};

/// What a machine is to this data.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It may send.
    Adopted,
    /// The data belongs to other machines.
    Stranger,
}

impl Store {
    /// What this machine is to the data. The first one that asks is adopted: decided under the lock, so that of two that
    /// ask at once one is the first, and a machine whose other process was quicker is no stranger.
    pub async fn machine_standing(&self, machine_id: &str, now: DateTime<Utc>) -> Result<Standing> {
        let id = self.machine_key(machine_id);
        let mut change = self.change().await?;
        let known = change.tx.int("SELECT COUNT(*) FROM machine WHERE id = $1", args![id.clone()]).await? > 0;
        if known || change.tx.int("SELECT COUNT(*) FROM machine", []).await? > 0 {
            change.roll_back().await?;
            return Ok(if known { Standing::Adopted } else { Standing::Stranger });
        }
        let first = Adoption { reason: "首次运行", by: "shenling serve", alone: false };
        self.enter_machine(&mut change, &id, first, now).await?;
        self.note_adoption(&mut change, &id, first, 0, now);
        change.commit("adopt-first-machine").await?;
        Ok(Standing::Adopted)
    }

    /// Lets this machine send; `false` if it might already. With `alone` all others may not any more.
    pub async fn adopt_machine(&self, machine_id: &str, adoption: Adoption<'_>, now: DateTime<Utc>) -> Result<bool> {
        let id = self.machine_key(machine_id);
        let mut change = self.change().await?;
        let retired = if adoption.alone {
            change.tx.run("DELETE FROM machine WHERE id <> $1", args![id.clone()]).await?
        } else {
            0
        };
        let adopted = self.enter_machine(&mut change, &id, adoption, now).await?;
        if !adopted && retired == 0 {
            change.roll_back().await?;
            return Ok(false);
        }
        self.note_adoption(&mut change, &id, adoption, retired, now);
        change.commit("adopt-machine").await?;
        Ok(adopted)
    }

    /// `false`: it stands there already.
    async fn enter_machine(
        &self,
        change: &mut Change,
        id: &str,
        adoption: Adoption<'_>,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let by = self.vault.seal("machine.by_whom", adoption.by.as_bytes());
        let reason = self.vault.seal("machine.reason", adoption.reason.as_bytes());
        let sql = "INSERT INTO machine (id, adopted_at, by_whom, reason) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (id) DO NOTHING";
        Ok(change.tx.run(sql, args![id.to_owned(), to_ms(now), by, reason]).await? == 1)
    }

    fn note_adoption(&self, change: &mut Change, id: &str, adoption: Adoption<'_>, retired: u64, now: DateTime<Utc>) {
        let detail = json!({"retired": retired, "typed": self.typed(adoption.reason, adoption.by)});
        change.audit("machine.adopted", id, &detail, now);
    }

    fn machine_key(&self, machine_id: &str) -> String {
        hex::encode(self.vault.lookup("machine.id", machine_id.trim().as_bytes()))
    }
}

/// Who adopts a machine and why.
#[derive(Copy, Clone, Debug)]
pub struct Adoption<'a> {
    /// Why.
    pub reason: &'a str,
    /// Who.
    pub by: &'a str,
    /// Whether the data moved here: all other machines lose the right.
    pub alone: bool,
}
