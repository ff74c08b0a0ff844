//! Originals: the bytes of every file that arrived, kept and sealed before anybody reads them.
//!
//! - Writes: `original`, `readmission`, audit.
//! - Safe to repeat because: SHA-256 is unique; a second arrival of the same bytes changes nothing, and the instant of
//!   the first arrival stays the one that counts. Only bytes that were withdrawn are taken anew when they come again.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::intake::{FileKind, Report};
use super::ledger::Change;
use super::values::{Row, args};
use super::vault::sha256_hex;
use super::{Result, Store, StoreError, from_ms, to_ms};

/// What the store knew of some bytes when they arrived.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Never seen before; kept now.
    New,
    /// Kept before, not yet taken in (a process died in between, or works on it now).
    Waiting,
    /// Taken in before.
    Read,
    /// Taken in before and withdrawn since: when it comes again it is taken anew.
    Withdrawn,
}

/// An original that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Identity; 0 for one that a dry run did not keep.
    pub id: i64,
    /// SHA-256 of the bytes in hexadecimal.
    pub sha256: String,
    /// When these bytes were *first* received; after a withdrawal, when they were first received again.
    pub received_at: DateTime<Utc>,
    /// New, waiting, read or withdrawn.
    pub state: Arrival,
}

/// An original with its name, for lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// Identity, hash, first arrival, state.
    pub kept: Kept,
    /// Name of the file at its first arrival. May hold a person's name.
    pub name: String,
    /// Length in bytes.
    pub bytes: u64,
}

impl Kept {
    /// For a dry run on bytes that were never seen: nothing is kept, they count as received now.
    pub fn not_kept(bytes: &[u8], received_at: DateTime<Utc>) -> Kept {
        Kept { id: 0, sha256: sha256_hex(bytes), received_at, state: Arrival::New }
    }
}

impl Store {
    /// Keeps the bytes of a file. A second arrival of the same bytes changes nothing, unless they were withdrawn.
    pub async fn keep_original(&self, name: &str, bytes: &[u8], received_at: DateTime<Utc>) -> Result<Kept> {
        let sha256 = sha256_hex(bytes);
        let known = self.find_original(&sha256).await?;
        if let Some(known) = known.filter(|known| known.state != Arrival::Withdrawn) {
            return Ok(known);
        }
        // Sealed before the lock is taken: it takes longest.
        let sealed = self.vault.seal("original_bytes.sealed", bytes);
        let mut change = self.change().await?;
        if let Some(row) = change.tx.row(FIND, args![sha256.clone()]).await? {
            let known = kept(&row)?;
            return if known.state == Arrival::Withdrawn {
                readmit(change, known, received_at).await
            } else {
                Ok(known)
            };
        }
        let id = change.tx.int("SELECT COALESCE(MAX(id), 0) + 1 FROM original", []).await?;
        let name = self.vault.seal("original.name", name.as_bytes());
        let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        let columns = "original (id, sha256, received_at, name, length)";
        change.tx.insert(columns, [args![id, sha256.clone(), to_ms(received_at), name, length]]).await?;
        change.tx.insert("original_bytes (original_id, sealed)", [args![id, sealed]]).await?;
        let detail = json!({"sha256": sha256, "bytes": length});
        change.audit("original.kept", &id.to_string(), &detail, received_at);
        change.commit("keep-original").await?;
        Ok(Kept { id, sha256, received_at: from_ms(to_ms(received_at))?, state: Arrival::New })
    }

    /// What is known of some bytes, without keeping them (for a dry run: `None` = never seen).
    pub async fn find_original(&self, sha256: &str) -> Result<Option<Kept>> {
        self.db.row(FIND, args![sha256.to_owned()]).await?.as_ref().map(kept).transpose()
    }

    /// Kept but not yet taken in, in order of arrival: work that a dead process left behind. What a waiting mail brought
    /// is taken in with it.
    pub async fn waiting_originals(&self) -> Result<Vec<Original>> {
        let sql = "SELECT id, sha256, received_at, read_at, withdrawn, name, length FROM arrived \
                   WHERE read_at IS NULL AND sha256 NOT IN (SELECT p.sha256 FROM received_part p \
                   JOIN received_mail m ON m.id = p.mail_id WHERE m.fate IS NULL) ORDER BY received_at, id";
        self.db.rows(sql, []).await?.iter().map(|row| self.original(row)).collect()
    }

    /// The bytes of an original, checked against its hash.
    pub async fn original_bytes(&self, id: i64) -> Result<Vec<u8>> {
        let sql = "SELECT b.sealed, o.sha256 FROM original o JOIN original_bytes b ON b.original_id = o.id \
                   WHERE o.id = $1";
        let row = self.db.row(sql, args![id]).await?;
        let row = row.ok_or_else(|| StoreError::Unknown { what: "original", key: id.to_string() })?;
        let bytes = self.vault.open("original_bytes.sealed", &row.bytes(0)?)?;
        if sha256_hex(&bytes) == row.text(1)? { Ok(bytes) } else { Err(StoreError::Damaged(format!("original {id}"))) }
    }

    /// The report of an original that was taken in; `None` while it waits.
    pub async fn report(&self, id: i64) -> Result<Option<(Original, Report)>> {
        let sql = "SELECT id, sha256, received_at, read_at, withdrawn, name, length, kind, counts, report FROM arrived \
                   WHERE id = $1";
        let row = self.db.row(sql, args![id]).await?;
        let row = row.ok_or_else(|| StoreError::Unknown { what: "original", key: id.to_string() })?;
        let Some(sealed) = row.bytes_or_null(9)? else { return Ok(None) };
        let report = read_report(&row, 7, self.vault.open("original.report", &sealed)?)?;
        Ok(Some((self.original(&row)?, report)))
    }

    /// Originals of which something came back and is not decided yet, newest first, with kind and counts (reports without
    /// their text).
    pub async fn set_aside(&self) -> Result<Vec<(Original, Report)>> {
        let sql = "SELECT id, sha256, received_at, read_at, withdrawn, name, length, kind, counts FROM arrived \
                   WHERE errors > 0 AND withdrawn = 0 AND decided = 0 ORDER BY id DESC";
        let rows = self.db.rows(sql, []).await?;
        rows.iter().map(|row| Ok((self.original(row)?, read_report(row, 7, Vec::new())?))).collect()
    }

    /// Everything that was taken in, newest first, with kind and counts; what was withdrawn is among it.
    pub async fn originals(&self) -> Result<Vec<(Original, Report)>> {
        let sql = "SELECT id, sha256, received_at, read_at, withdrawn, name, length, kind, counts FROM arrived \
                   WHERE read_at IS NOT NULL ORDER BY received_at DESC, id DESC";
        let rows = self.db.rows(sql, []).await?;
        rows.iter().map(|row| Ok((self.original(row)?, read_report(row, 7, Vec::new())?))).collect()
    }

    fn original(&self, row: &Row) -> Result<Original> {
        let name = self.vault.open("original.name", &row.bytes(5)?)?;
        Ok(Original { kept: kept(row)?, name: String::from_utf8_lossy(&name).into_owned(), bytes: row.count(6)? })
    }
}

const FIND: &str = "SELECT id, sha256, received_at, read_at, withdrawn FROM arrived WHERE sha256 = $1";

/// Withdrawn bytes that came again: they wait to be taken anew, and count from this arrival on.
async fn readmit(mut change: Change, known: Kept, at: DateTime<Utc>) -> Result<Kept> {
    // Two arrivals of one file are told apart by their instants.
    let received_at = to_ms(at).max(to_ms(known.received_at) + 1);
    change.tx.insert("readmission (original_id, received_at)", [args![known.id, received_at]]).await?;
    let sql = "UPDATE original SET read_at = NULL, kind = NULL, set_aside = NULL, errors = NULL, counts = NULL, \
               report = NULL WHERE id = $1";
    change.tx.run(sql, args![known.id]).await?;
    let detail = json!({"sha256": known.sha256, "received_at": received_at});
    change.audit("original.readmitted", &known.id.to_string(), &detail, at);
    change.commit("readmit-original").await?;
    Ok(Kept { received_at: from_ms(received_at)?, state: Arrival::New, ..known })
}

fn kept(row: &Row) -> Result<Kept> {
    let state = match (row.int_or_null(3)?, row.int(4)?) {
        (None, _) => Arrival::Waiting,
        (Some(_), 0) => Arrival::Read,
        (Some(_), _) => Arrival::Withdrawn,
    };
    Ok(Kept { id: row.int(0)?, sha256: row.text(1)?, received_at: from_ms(row.int(2)?)?, state })
}

/// Reads kind and counts from two columns in order.
pub(super) fn read_report(row: &Row, column: usize, json: Vec<u8>) -> Result<Report> {
    let damaged = |what: &str| StoreError::Damaged(format!("{what} of a report"));
    let kind = FileKind::from_code(&row.text(column)?).ok_or_else(|| damaged("kind"))?;
    let counts = serde_json::from_str(&row.text(column + 1)?).map_err(|_| damaged("counts"))?;
    Ok(Report { kind, counts, json })
}
