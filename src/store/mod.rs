//! SQL and nothing else: one transaction per public method, named after the act.
//!
//! Read in this order: [`vault`] (what is sealed and how), `engine` (everything in which SQLite and PostgreSQL
//! differ), [`ledger`] (the lock and the audit log under every change), then the acts: [`intake`] (files in),
//! [`register`] (what is known, for judging), [`seal`] (batches made), [`correct`] (void, reversal, reopening), [`undo`] (what a
//! file brought, withdrawn), [`tray`] (what is decided about what came back), [`waiver`] (rules that need not be kept),
//! [`plan`] and [`city`] (next year's plans, one by one and compiled), [`notice`] (who was reminded of what), [`deliver`],
//! [`letter`], [`post`] and [`decide`] (the way out), [`received`] (mails in), [`occurrence`], [`machine`] and [`alarm`] (what the daemon keeps),
//! [`status`] and [`dump`].
//!
//! - Reads, writes: one SQLite file or one PostgreSQL schema.
//! - Safe to repeat because: files are recognised by SHA-256, rows by keyed hash, batches by number, deliveries by key.
//! - When it fails: [`StoreError::is_transient`] says whether to come back later. Nothing is half done: each method is
//!   one transaction.
//! - Trusts: nobody who can write to the database but lacks the key; see [`Store::audit_verify`].

pub mod alarm;
pub mod audit;
pub mod blobs;
pub mod city;
pub mod correct;
pub mod decide;
mod deeds;
pub mod deliver;
pub mod dump;
mod engine;
pub mod intake;
pub mod ledger;
pub mod letter;
pub mod machine;
pub mod notice;
pub mod occurrence;
pub mod originals;
pub mod plan;
pub mod post;
pub mod received;
pub mod register;
mod results;
pub mod roster;
pub mod seal;
mod settled;
pub mod shelf;
pub mod status;
pub mod tray;
pub mod undo;
mod values;
pub mod vault;
pub mod verdicts;
mod versions;
pub mod waiver;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

pub use alarm::{AlarmChanges, NewAlarm, StoredAlarm};
pub use audit::{AuditFault, AuditReport};
pub use blobs::{Paper, SealedBlob};
pub use city::{NewPacket, SealedCityPlan, StoredCityPlan};
pub use correct::{PendingReversal, ReopenRefused, ReversalRefused, VoidRefused};
pub use decide::{Decided, Decision, DecisionRefused, Refusal};
pub use deliver::{Alarm, Delivery, DeliveryLine, Lease, NewDelivery, PacketFile};
pub use intake::{Counts, Fate, Fates, FileKind, Intake, Placed, Report, Rows, TakenIn};
pub use letter::{Letter, LetterWords, NewLetter, WaitingLetter};
pub use machine::{Adoption, Standing};
pub use notice::{GivenNotice, Notice};
pub use occurrence::{Ended, Slots};
pub use originals::{Arrival, Kept, Original};
pub use plan::{FiledPlan, PlanFate};
pub use post::{Entry, LeasedLetter, MailPlan, PlannedMail, Raised, Taken, Wanted};
pub use received::{
    Bounce, BounceOf, MailAct, MailDecision, MailEnded, MailEnding, MailFate, MailHeader, MailPlace, NewMail, NewPart,
    Origin, PartOf, ReceivedMail, ReceivedPart, TrayMail,
};
pub use roster::{ApprovalNote, RosterHeader};
pub use seal::{SealRefused, SealedBatch};
pub use shelf::{BatchHeader, BatchState, StoredBatch, StoredLine, StoredRefusal};
pub use status::StatusNumbers;
pub use tray::{TakenAs, TrayAct, TrayDecision, TrayRefused};
pub use undo::{Fallback, PlanFallback, Reasoned, UndoRefused, Undone};
pub use vault::{Vault, VaultError, sha256_hex};
pub use verdicts::{VerdictRow, VerdictRun, VerdictSummary};
pub use waiver::{StoredWaiver, WaiverRefused};

/// The store: one database and the keys to what is sealed in it. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    db: engine::Db,
    vault: Arc<Vault>,
}

/// A broken world, as the store meets it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Later: another process holds the lock longer than we wait, or the engine asks to repeat.
    #[error("the database is busy")]
    Busy(#[source] sqlx::Error),
    /// Later: the database cannot be reached, or the disk is full.
    #[error("the database cannot be reached or written")]
    Unreachable(#[source] sqlx::Error),
    /// Later: facts kept changing while they were read.
    #[error("the facts kept changing while they were read")]
    Moving,
    /// Never: the engine refuses the statement (a broken invariant, or a schema that is not ours).
    #[error("the database refuses")]
    Refused(#[source] sqlx::Error),
    /// Never: the schema cannot be brought up to date.
    #[error("the schema cannot be brought up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// Never: neither `sqlite:PATH` nor `postgres://...`.
    #[error("not a database address: write sqlite:PATH or postgres://USER@HOST/NAME")]
    BadUrl,
    /// Never: this database was made under another master key.
    #[error("the database was made under another master key")]
    WrongKey,
    /// Never: a stored value is damaged.
    #[error("damaged: {0}")]
    Damaged(String),
    /// Never: a sealed value does not open.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Never: what is asked for is not there.
    #[error("{what} {key} is not known")]
    Unknown {
        /// Kind of thing: `batch`, `roster`, `original` ...
        what: &'static str,
        /// What was asked for; never personal data.
        key: String,
    },
    /// Never: the caller contradicts the state of the store.
    #[error("{0}")]
    Contradiction(&'static str),
}

/// What an administrator can do something about when the engine fails.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The disk is full, or the quota is used up.
    DiskFull,
    /// The file or its folder cannot be written.
    ReadOnly,
    /// The file is no database, or is damaged.
    NotADatabase,
    /// The server has no database of that name.
    NoDatabase,
    /// The server refuses user or password.
    WrongLogin,
}

impl StoreError {
    /// What stands in the way, where the engine says so (the codes of `sqlite.org/rescode.html` and of appendix A of the
    /// PostgreSQL manual).
    pub fn obstacle(&self) -> Option<Obstacle> {
        let (StoreError::Unreachable(error) | StoreError::Refused(error)) = self else { return None };
        let code = error.as_database_error()?.code()?;
        match &*code {
            "3D000" => Some(Obstacle::NoDatabase),
            "28000" | "28P01" => Some(Obstacle::WrongLogin),
            "53100" => Some(Obstacle::DiskFull),
            state if state.len() >= 5 => None,
            _ => match code.parse::<u32>().ok()? & 0xff {
                8 | 14 => Some(Obstacle::ReadOnly),
                11 | 26 => Some(Obstacle::NotADatabase),
                13 => Some(Obstacle::DiskFull),
                _ => None,
            },
        }
    }

    /// Whether the same call may succeed later without anybody changing anything.
    pub const fn is_transient(&self) -> bool {
        matches!(self, StoreError::Busy(_) | StoreError::Unreachable(_) | StoreError::Moving)
    }
}

/// Result of a store method.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Prints neither address nor keys: an address may hold a password.
impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// Opens `sqlite:PATH` or `postgres://...` and brings its schema up to date.
    pub async fn open(url: &str, vault: Vault) -> Result<Store> {
        let db = engine::Db::open(url).await?;
        let store = Store { db, vault: Arc::new(vault) };
        store.check_key().await?;
        Ok(store)
    }

    /// Whether a PostgreSQL database answers; nothing is changed in it.
    pub async fn reach(url: &str) -> Result<()> {
        engine::Db::reach(url).await
    }

    /// Waits for running statements and closes the connections.
    pub async fn close(&self) {
        self.db.close().await;
    }

    /// The keys, for looking up and for sealing what leaves the database (nothing does yet).
    pub fn vault(&self) -> &Vault {
        &self.vault
    }
}

/// An instant as it is stored: milliseconds since 1970-01-01 UTC.
fn to_ms(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}

/// Reads what [`to_ms`] wrote.
fn from_ms(ms: i64) -> Result<DateTime<Utc>> {
    DateTime::from_timestamp_millis(ms).ok_or_else(|| StoreError::Damaged(format!("instant {ms}")))
}

/// A civil date as it is stored: `2026-11-23`.
fn to_date(text: &str) -> Result<NaiveDate> {
    text.parse().map_err(|_| StoreError::Damaged("date".to_owned()))
}
