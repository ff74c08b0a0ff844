//! Blobs: rendered papers, sealed, addressed by the SHA-256 of their plain bytes.
//!
//! - Writes: `blob`, outside the batch's transaction, so that rendering never holds a lock.
//! - Safe to repeat because: the same bytes have the same address; what a dead claim left is swept.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::values::args;
use super::vault::sha256_hex;
use super::{Result, Store, StoreError, to_ms};

/// Younger ones are not swept: they may belong to a claim that is being rendered on another machine.
const YOUNG_MS: i64 = 3_600_000;

/// A paper of a batch: a name and the blob that holds its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paper {
    /// Path within the packet. No personal data in it.
    pub name: String,
    /// What it is: `form7`, `form8`, `cover`, `refusals` ... in the claim stage's words.
    pub kind: String,
    /// Whether it holds personal data: such papers leave encrypted only.
    pub personal: bool,
    /// SHA-256 of its bytes in hexadecimal.
    pub sha256: String,
    /// Length in bytes.
    pub bytes: u64,
}

/// A blob on its way into the store: addressed and sealed.
#[derive(Clone, Debug)]
pub struct SealedBlob {
    /// SHA-256 of the plain bytes in hexadecimal: its address.
    pub sha256: String,
    /// Length of the plain bytes.
    pub length: u64,
    sealed: Vec<u8>,
}

impl Store {
    /// Addresses and seals bytes on the caller's thread; nothing is kept yet.
    pub fn seal_blob(&self, bytes: &[u8]) -> SealedBlob {
        let length = bytes.len() as u64;
        SealedBlob { sha256: sha256_hex(bytes), length, sealed: self.vault.seal("blob.sealed", bytes) }
    }

    /// Keeps blobs; known ones are passed over. Bring them in portions: one call is one transaction.
    ///
    /// Never waits for the threads of the pool that renders: those wait for this call once enough papers are made.
    pub async fn put_blobs(&self, blobs: Vec<SealedBlob>, at: DateTime<Utc>) -> Result<()> {
        // Each address once and in order: PostgreSQL refuses to touch a row twice in one statement, and two claims
        // that lock the same rows in different order would wait for each other.
        let distinct: BTreeMap<String, SealedBlob> =
            blobs.into_iter().map(|blob| (blob.sha256.clone(), blob)).collect();
        let rows = distinct.into_values().map(|SealedBlob { sha256, length, sealed }| {
            args![sha256, i64::try_from(length).unwrap_or(i64::MAX), to_ms(at), sealed]
        });
        let mut tx = self.db.begin().await?;
        // A known blob counts as young again, so that a sweep does not take it from the claim that put it.
        let conflict = " ON CONFLICT (sha256) DO UPDATE SET created_at = excluded.created_at";
        tx.insert_or("blob (sha256, length, created_at, sealed)", conflict, rows.collect::<Vec<_>>()).await?;
        tx.commit("put-blobs").await
    }

    /// Deletes blobs older than an hour that no paper refers to; returns how many.
    pub async fn sweep_blobs(&self, now: DateTime<Utc>) -> Result<u64> {
        let mut tx = self.db.begin().await?;
        let sql = "DELETE FROM blob WHERE created_at < $1 \
                   AND NOT EXISTS (SELECT 1 FROM batch_paper p WHERE p.sha256 = blob.sha256) \
                   AND NOT EXISTS (SELECT 1 FROM city_plan_paper p WHERE p.sha256 = blob.sha256)";
        let swept = tx.run(sql, args![to_ms(now) - YOUNG_MS]).await?;
        tx.commit("sweep-blobs").await?;
        Ok(swept)
    }

    /// The bytes of a blob, checked against their address.
    pub async fn blob(&self, sha256: &str) -> Result<Vec<u8>> {
        let row = self.db.row("SELECT sealed FROM blob WHERE sha256 = $1", args![sha256.to_owned()]).await?;
        let row = row.ok_or_else(|| StoreError::Unknown { what: "blob", key: sha256.to_owned() })?;
        let bytes = self.vault.open("blob.sealed", &row.bytes(0)?)?;
        if sha256_hex(&bytes) == sha256 { Ok(bytes) } else { Err(StoreError::Damaged(format!("blob {sha256}"))) }
    }
}
