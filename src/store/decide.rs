//! What people decide about deliveries: try again, stop, let go.
//!
//! - Writes: `delivery`, `letter_mail` (to be sent once more), `delivery_decision`, audit.
//! - Trusts: reasons are typed by people and may name persons: they are sealed, and the audit log holds their keyed
//!   hash only.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::values::args;
use super::{Result, Store, StoreError, from_ms, to_ms};

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Due now, whatever became of it: set aside, waiting, stopped, or accepted already (then marked 重发).
    Retry {
        /// For a letter: other addresses from here on; empty = those it has.
        to: Vec<String>,
    },
    /// Nothing is sent until it is released.
    Hold,
    /// Due now after a hold.
    Release,
}

impl Decision {
    fn act(&self) -> &'static str {
        match self {
            Decision::Retry { .. } => "retry",
            Decision::Hold => "hold",
            Decision::Release => "release",
        }
    }
}

/// A decision that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// `retry`, `hold` or `release`.
    pub act: String,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// Why a decision was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum DecisionRefused {
    /// It stands where the decision has no meaning.
    #[error("the delivery is {0}")]
    Stands(String),
    /// Addresses were given for a packet that goes to the folder.
    #[error("a packet for the folder has no addresses")]
    NoLetter,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Carries out a decision about a delivery.
    pub async fn decide(
        &self,
        id: i64,
        decision: &Decision,
        reason: &str,
        by: &str,
        at: DateTime<Utc>,
    ) -> Result<(), DecisionRefused> {
        let mut change = self.change().await?;
        let sql = "SELECT d.key, d.state, (SELECT COUNT(*) FROM letter l WHERE l.delivery_id = d.id), \
                   (SELECT COUNT(*) FROM batch_void v WHERE v.batch_id = d.batch_id) FROM delivery d WHERE d.id = $1";
        let row = change.tx.row(sql, args![id]).await?;
        let row = row.ok_or_else(|| StoreError::Unknown { what: "delivery", key: id.to_string() })?;
        let (key, state, letter) = (row.text(0)?, row.text(1)?, row.int(2)? > 0);
        let allowed = match decision {
            Decision::Retry { .. } => matches!(state.as_str(), "due" | "aside" | "held" | "done"),
            Decision::Hold => matches!(state.as_str(), "due" | "aside"),
            Decision::Release => state == "held",
        };
        if !allowed || row.int(3)? > 0 {
            return Err(DecisionRefused::Stands(if allowed { "withdrawn".to_owned() } else { state }));
        }
        let mut addresses = None;
        if let Decision::Retry { to } = decision
            && !to.is_empty()
        {
            if !letter {
                return Err(DecisionRefused::NoLetter);
            }
            addresses = Some(self.vault.seal_value("delivery_decision.addresses", to));
        }
        if *decision == Decision::Hold {
            change.tx.run("UPDATE delivery SET state = 'held' WHERE id = $1", args![id]).await?;
        } else {
            let again = state == "done";
            let sql = "UPDATE delivery SET state = 'due', due_at = $2, done_at = NULL, failures = 0, alarm = 0, \
                       failing_since = NULL, resend = CASE WHEN CAST($3 AS BIGINT) = 1 THEN 1 ELSE resend END WHERE id = $1";
            change.tx.run(sql, args![id, to_ms(at), again]).await?;
            if again {
                let sql = "UPDATE letter_mail SET accepted_at = NULL, again = 1 WHERE delivery_id = $1";
                change.tx.run(sql, args![id]).await?;
            }
        }
        let next = change.tx.int("SELECT COALESCE(MAX(id), 0) + 1 FROM delivery_decision", []).await?;
        let seal = |column, text: &str| self.vault.seal(column, text.as_bytes());
        let (why, who) = (seal("delivery_decision.reason", reason), seal("delivery_decision.by_whom", by));
        let row = args![next, id, decision.act(), why, who, addresses, to_ms(at)];
        let into = "delivery_decision (id, delivery_id, act, reason, by_whom, addresses, at)";
        change.tx.insert(into, [row]).await?;
        let detail = json!({"act": decision.act(), "from": state, "typed": self.typed(reason, by)});
        change.audit("delivery.decided", &key, &detail, at);
        change.commit("decide-delivery").await?;
        Ok(())
    }

    /// What was decided about a delivery, in order.
    pub async fn decisions(&self, id: i64) -> Result<Vec<Decided>> {
        let sql = "SELECT act, reason, by_whom, at FROM delivery_decision WHERE delivery_id = $1 ORDER BY id";
        let mut decided = Vec::new();
        for row in self.db.rows(sql, args![id]).await? {
            decided.push(Decided {
                act: row.text(0)?,
                reason: self.opened("delivery_decision.reason", &row.bytes(1)?)?,
                by: self.opened("delivery_decision.by_whom", &row.bytes(2)?)?,
                at: from_ms(row.int(3)?)?,
            });
        }
        Ok(decided)
    }

    /// The addresses that a person gave a letter last, if anyone did.
    pub(super) async fn decided_addresses(&self, id: i64) -> Result<Option<Vec<String>>> {
        let sql = "SELECT addresses FROM delivery_decision WHERE delivery_id = $1 AND addresses IS NOT NULL \
                   ORDER BY id DESC LIMIT 1";
        let Some(row) = self.db.row(sql, args![id]).await? else { return Ok(None) };
        Ok(Some(self.vault.open_value("delivery_decision.addresses", &row.bytes(0)?)?))
    }
}
