//! Holding the audit log against itself, the ledger row, and what papers print.
//!
//! - Reads: `audit`, `ledger`.
//! - When it fails: what is wrong with the log is no error but a fault in the report.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::ledger::{HASH_BYTES, NO_HASH, entry_mac, ledger_mac};
use super::values::args;
use super::{Result, Store, StoreError, to_ms};

/// Entries that are read at once.
const MAX_ENTRIES_READ: i64 = 10_000;
/// Faults that are listed; one torn place can shake every entry after it.
const MAX_FAULTS: usize = 100;

/// One thing that is wrong with the audit log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditFault {
    /// An entry is missing, or stands where another should.
    #[error("entry {expected} is missing (found {found})")]
    Gap {
        /// The number that should come.
        expected: i64,
        /// The number that came.
        found: i64,
    },
    /// An entry was changed: its signature does not fit its content.
    #[error("entry {0} was changed")]
    Changed(i64),
    /// An entry does not follow from the one before it.
    #[error("entry {0} does not follow from the entry before it")]
    Unchained(i64),
    /// The ledger row was changed.
    #[error("the ledger row was changed")]
    LedgerChanged,
    /// The log tells of something of which no such row is there: removed or changed.
    #[error("{what} {subject} is not as the log has it")]
    RowMissing {
        /// `batch`, `void`, `reversal`, `reopening`, `approval`, `original`, `withdrawal`, `readmission`, `decision`,
        /// `waiver` or `end of waiver`.
        what: &'static str,
        /// Its number; never personal data.
        subject: String,
    },
    /// A row stands there of which the log does not know: added or changed.
    #[error("{what} {subject} is not known to the log")]
    RowUnknown {
        /// As above.
        what: &'static str,
        /// As above.
        subject: String,
    },
    /// A file brought another number of rows than are there.
    #[error("rows of original {original} were removed or added")]
    RowsOfFile {
        /// The file.
        original: i64,
    },
    /// Not exactly the newest version of some assessments counts.
    #[error("{assessments} assessments do not count by their newest version")]
    Versions {
        /// How many.
        assessments: i64,
    },
    /// The end of the log is cut off, or entries were added past the ledger.
    #[error("the log ends at entry {found}, the ledger at {expected}")]
    CutOff {
        /// Count of the ledger row.
        expected: i64,
        /// Last entry found.
        found: i64,
    },
    /// A count or head printed on a paper is not in the log.
    #[error("the log has no entry {count} with the head that was printed")]
    NotAsPrinted {
        /// The count that was printed, or the number of entries where none was given.
        count: i64,
    },
}

/// The outcome of [`Store::audit_verify`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// Entries found.
    pub entries: i64,
    /// Head of the chain in hexadecimal.
    pub head: String,
    /// What is wrong; empty if nothing is.
    pub faults: Vec<AuditFault>,
}

impl Store {
    /// How often each act was done since an instant, by the audit log.
    pub async fn acts_since(&self, since: DateTime<Utc>) -> Result<BTreeMap<String, u64>> {
        let sql = "SELECT act, COUNT(*) FROM audit WHERE at >= $1 GROUP BY act";
        self.db.rows(sql, args![to_ms(since)]).await?.iter().map(|row| Ok((row.text(0)?, row.count(1)?))).collect()
    }
}

/// The walk along the chain.
struct Walk {
    entries: i64,
    last_seq: i64,
    head: [u8; HASH_BYTES],
    printed_seen: bool,
    faults: Vec<AuditFault>,
}

impl Walk {
    fn fault(&mut self, fault: AuditFault) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(fault);
        }
    }
}

impl Store {
    /// Holds the whole log against the ledger row and against a head and a count as papers print them.
    pub async fn audit_verify(&self, head: Option<&str>, count: Option<i64>) -> Result<AuditReport> {
        let ledger =
            self.db.row("SELECT audit_count, audit_head, mac, facts_version FROM ledger WHERE id = 1", []).await?;
        let ledger = ledger.ok_or_else(|| StoreError::Damaged("ledger row is missing".to_owned()))?;
        let expected = ledger.int(0)?;
        let printed_head = head.map(|head| head.trim().to_ascii_lowercase());
        let mut walk = Walk {
            entries: 0,
            last_seq: 0,
            head: NO_HASH,
            printed_seen: is_printed((0, &NO_HASH), printed_head.as_deref(), count),
            faults: Vec::new(),
        };
        // Entries that another process appends meanwhile lie past the ledger row that was read: they wait.
        let mut after = i64::MIN;
        loop {
            let sql = "SELECT seq, at, act, subject, detail, prev, mac FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2";
            let rows = self.db.rows(sql, args![after, MAX_ENTRIES_READ]).await?;
            let Some(last) = rows.last() else { break };
            after = last.int(0)?;
            for row in &rows {
                let (seq, at) = (row.int(0)?, row.int(1)?);
                let (prev, mac): (Vec<u8>, Vec<u8>) = (row.bytes(5)?, row.bytes(6)?);
                if seq != walk.last_seq + 1 {
                    walk.fault(AuditFault::Gap { expected: walk.last_seq + 1, found: seq });
                } else if prev != walk.head {
                    walk.fault(AuditFault::Unchained(seq));
                }
                let texts = [row.text(2)?, row.text(3)?, row.text(4)?];
                let signed = entry_mac(&self.vault, seq, at, [&texts[0], &texts[1], &texts[2]], &prev);
                if mac != signed {
                    walk.fault(AuditFault::Changed(seq));
                }
                walk.last_seq = seq;
                walk.head = mac.try_into().unwrap_or(signed);
                walk.entries += 1;
                walk.printed_seen |= is_printed((seq, &walk.head), printed_head.as_deref(), count);
            }
        }
        let appended_meanwhile = walk.last_seq > expected && self.stamp().await?.audit_count >= walk.last_seq;
        let ledger_head: [u8; HASH_BYTES] = ledger.hash(1).unwrap_or(NO_HASH);
        if ledger.bytes(2)? != ledger_mac(&self.vault, expected, &ledger_head, ledger.int(3)?) {
            walk.fault(AuditFault::LedgerChanged);
        }
        if walk.last_seq != expected && !appended_meanwhile {
            walk.fault(AuditFault::CutOff { expected, found: walk.last_seq });
        } else if walk.last_seq == expected && walk.head != ledger_head {
            walk.fault(AuditFault::LedgerChanged);
        }
        if !walk.printed_seen {
            walk.fault(AuditFault::NotAsPrinted { count: count.unwrap_or(walk.entries) });
        }
        // A torn log says nothing reliable about rows.
        if walk.faults.is_empty() {
            walk.faults.extend(self.deed_faults().await?.into_iter().take(MAX_FAULTS));
        }
        Ok(AuditReport { entries: walk.entries, head: hex::encode(walk.head), faults: walk.faults })
    }
}

/// Whether this entry is the one that a paper names by its number, its head, or both; nothing named fits anything.
fn is_printed((seq, entry): (i64, &[u8; HASH_BYTES]), head: Option<&str>, count: Option<i64>) -> bool {
    head.is_none_or(|head| head == hex::encode(entry)) && count.is_none_or(|count| count == seq)
}
