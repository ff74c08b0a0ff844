//! The ledger and the audit log (审计日志).
//!
//! The one-row table `ledger` holds the number of audit entries, the head of their chain and the version of the facts.
//! Every change locks that row first, so that changes stand in one order on both engines, and appends its audit
//! entries in the same transaction.
//!
//! - Trusts: who holds the audit key. Whoever can write to the database but lacks it cannot change, remove, reorder or
//!   cut off an entry unseen: each entry signs its predecessor, the ledger row signs count and head, and both are
//!   printed on papers, against which [`Store::audit_verify`] holds the log.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::engine::Tx;
use super::values::{Arg, args};
use super::vault::Vault;
use super::{Result, Store, StoreError, to_ms};
use crate::subsidy::register::Stamp;

/// Length of a signature.
pub(super) const HASH_BYTES: usize = 32;
/// Stands before the first entry.
pub(super) const NO_HASH: [u8; HASH_BYTES] = [0; HASH_BYTES];

/// A change under way: the ledger row is locked until it is committed or dropped.
pub(super) struct Change {
    /// The transaction.
    pub(super) tx: Tx,
    vault: Arc<Vault>,
    count: i64,
    head: [u8; HASH_BYTES],
    facts_version: i64,
    entries: Vec<[Arg; 7]>,
    moved: bool,
}

impl Change {
    /// The keys, for sealing what the change writes.
    pub(super) fn vault(&self) -> Arc<Vault> {
        Arc::clone(&self.vault)
    }

    /// The version of the facts, as locked.
    pub(super) fn facts_version(&self) -> i64 {
        self.facts_version
    }

    /// Notes that what is judged changes.
    pub(super) fn facts_change(&mut self) {
        if !self.moved {
            self.facts_version += 1;
            self.moved = true;
        }
    }

    /// Appends an audit entry. No personal data in subject or detail.
    pub(super) fn audit(&mut self, act: &str, subject: &str, detail: &serde_json::Value, at: DateTime<Utc>) {
        let detail = detail.to_string();
        let seq = self.count + 1;
        let mac = entry_mac(&self.vault, seq, to_ms(at), [act, subject, &detail], &self.head);
        self.entries.push(args![seq, to_ms(at), act.to_owned(), subject.to_owned(), detail, self.head, mac]);
        self.count = seq;
        self.head = mac;
    }

    /// Writes audit entries and ledger row, and commits.
    pub(super) async fn commit(mut self, act: &'static str) -> Result<()> {
        if !self.entries.is_empty() {
            let entries = std::mem::take(&mut self.entries);
            self.tx.insert("audit (seq, at, act, subject, detail, prev, mac)", entries).await?;
        }
        let mac = ledger_mac(&self.vault, self.count, &self.head);
        let sql = "UPDATE ledger SET audit_count = $1, audit_head = $2, facts_version = $3, mac = $4 WHERE id = 1";
        self.tx.run(sql, args![self.count, self.head, self.facts_version, mac]).await?;
        self.tx.commit(act).await
    }

    /// Gives up the change.
    pub(super) async fn roll_back(self) -> Result<()> {
        self.tx.roll_back().await
    }
}

pub(super) fn entry_mac(
    vault: &Vault,
    seq: i64,
    at: i64,
    [act, subject, detail]: [&str; 3],
    prev: &[u8],
) -> [u8; HASH_BYTES] {
    let texts = [act.as_bytes(), subject.as_bytes(), detail.as_bytes()];
    vault.mac(&[b"entry", &seq.to_be_bytes(), &at.to_be_bytes(), texts[0], texts[1], texts[2], prev])
}

pub(super) fn ledger_mac(vault: &Vault, count: i64, head: &[u8; HASH_BYTES]) -> [u8; HASH_BYTES] {
    vault.mac(&[b"ledger", &count.to_be_bytes(), head])
}

impl Store {
    /// Begins a change: locks the ledger row.
    pub(super) async fn change(&self) -> Result<Change> {
        let mut tx = self.db.begin().await?;
        let row = tx.lock_ledger().await?.ok_or_else(|| StoreError::Damaged("ledger row is missing".to_owned()))?;
        Ok(Change {
            vault: Arc::clone(&self.vault),
            count: row.int(0)?,
            head: row.hash(1)?,
            facts_version: row.int(2)?,
            entries: Vec::new(),
            moved: false,
            tx,
        })
    }

    /// Makes the ledger row of a new database; refuses another master key.
    pub(super) async fn check_key(&self) -> Result<()> {
        let expected = self.vault.mac(&[b"key check"]);
        let mac = ledger_mac(&self.vault, 0, &NO_HASH);
        let sql = "SELECT key_check FROM ledger WHERE id = 1";
        if self.db.row(sql, []).await?.is_none() {
            let mut tx = self.db.begin().await?;
            let insert = "INSERT INTO ledger (id, audit_count, audit_head, facts_version, mac, key_check) \
                          VALUES (1, 0, $1, 0, $2, $3) ON CONFLICT (id) DO NOTHING";
            tx.run(insert, args![NO_HASH, mac, expected]).await?;
            tx.commit("found").await?;
        }
        let row = self.db.row(sql, []).await?.ok_or_else(|| StoreError::Damaged("ledger row is missing".to_owned()))?;
        if row.bytes(0)? == expected { Ok(()) } else { Err(StoreError::WrongKey) }
    }

    /// The state of the store now.
    pub async fn stamp(&self) -> Result<Stamp> {
        let row = self.db.row("SELECT audit_count, audit_head, facts_version FROM ledger WHERE id = 1", []).await?;
        let row = row.ok_or_else(|| StoreError::Damaged("ledger row is missing".to_owned()))?;
        Ok(Stamp { facts_version: row.int(2)?, audit_count: row.int(0)?, audit_head: hex::encode(row.bytes(1)?) })
    }

    /// Notes an act that changes nothing else (such as an export with personal data). No personal data in it.
    pub async fn note(&self, act: &str, subject: &str, detail: &serde_json::Value, at: DateTime<Utc>) -> Result<()> {
        let mut change = self.change().await?;
        change.audit(act, subject, detail, at);
        change.commit("note").await
    }

    /// Keyed hash of what a person typed: stands in the audit log for the sealed text.
    pub(super) fn typed(&self, reason: &str, by: &str) -> String {
        hex::encode(self.vault.lookup("typed", format!("{reason}\0{by}").as_bytes()))
    }
}
