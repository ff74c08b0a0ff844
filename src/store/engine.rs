//! Everything in which SQLite and PostgreSQL differ: connections, locking, errors, limits of a statement.
//!
//! One SQL text runs on both (`$1`, `ON CONFLICT`, `CAST(.. AS BIGINT)` where PostgreSQL would answer another type).
//! SQLite: WAL, `synchronous = FULL`, one writer connection that always begins IMMEDIATE, a pool of readers.
//! PostgreSQL: read committed; the ledger row is locked first, so that changes stand in one order.

mod open;

use std::fmt::Write as _;
use std::time::Duration;

use sqlx::{AssertSqlSafe, PgPool, Postgres, Sqlite, SqlitePool, Transaction};

use super::values::{Arg, Row};
use super::{Result, StoreError};

/// How often a transaction is begun before the caller hears of it.
const MAX_BEGIN_ATTEMPTS: u32 = 5;
/// Pause before the second attempt; doubles with each.
const BEGIN_PAUSE: Duration = Duration::from_millis(100);
/// Rows of one INSERT; more bring nothing (measured).
pub(super) const MAX_INSERT_ROWS: usize = 1000;
/// Values of one statement that SQLite takes.
const MAX_BINDS_LITE: usize = 32_766;
/// Values of one statement that PostgreSQL takes.
const MAX_BINDS_PG: usize = 65_535;
/// Values of one `IN` list; a fixed number, so that the statement is prepared once.
const MAX_LIST: usize = 1000;

/// The database.
#[derive(Clone)]
pub(super) enum Db {
    /// SQLite.
    Lite {
        /// The one writer.
        writer: SqlitePool,
        /// The readers.
        readers: SqlitePool,
    },
    /// PostgreSQL.
    Pg(PgPool),
}

/// A write transaction.
pub(super) enum Tx {
    /// On SQLite.
    Lite(Transaction<'static, Sqlite>),
    /// On PostgreSQL.
    Pg(Transaction<'static, Postgres>),
}

/// Binds the values to a query of either engine.
macro_rules! bound {
    ($query:expr, $args:expr) => {{
        let mut query = $query;
        for arg in $args {
            query = match arg {
                Arg::Int(value) => query.bind(value),
                Arg::Text(value) => query.bind(value),
                Arg::Word(value) => query.bind(value),
                Arg::Bytes(value) => query.bind(value),
            };
        }
        query
    }};
}

impl Db {
    /// Closes all connections.
    pub(super) async fn close(&self) {
        match self {
            Db::Lite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Db::Pg(pool) => pool.close().await,
        }
    }

    /// Reads rows outside any transaction.
    pub(super) async fn rows(&self, sql: &'static str, args: impl IntoIterator<Item = Arg>) -> Result<Vec<Row>> {
        Ok(match self {
            Db::Lite { readers, .. } => {
                bound!(sqlx::query(sql), args).fetch_all(readers).await?.into_iter().map(Row::Lite).collect()
            }
            Db::Pg(pool) => bound!(sqlx::query(sql), args).fetch_all(pool).await?.into_iter().map(Row::Pg).collect(),
        })
    }

    /// Reads at most one row.
    pub(super) async fn row(&self, sql: &'static str, args: impl IntoIterator<Item = Arg>) -> Result<Option<Row>> {
        Ok(self.rows(sql, args).await?.pop())
    }

    /// Reads one number.
    pub(super) async fn int(&self, sql: &'static str, args: impl IntoIterator<Item = Arg>) -> Result<i64> {
        self.row(sql, args).await?.map_or(Ok(0), |row| row.int(0))
    }

    /// Begins a write transaction, patiently.
    pub(super) async fn begin(&self) -> Result<Tx> {
        let mut pause = BEGIN_PAUSE;
        for _ in 1..MAX_BEGIN_ATTEMPTS {
            match self.begin_once().await {
                Err(StoreError::Busy(_)) => tokio::time::sleep(pause).await,
                other => return other,
            }
            pause *= 2;
        }
        self.begin_once().await
    }

    async fn begin_once(&self) -> Result<Tx> {
        Ok(match self {
            // A deferred transaction that reads first and writes later fails at once when another one committed
            // in between, busy_timeout or not.
            Db::Lite { writer, .. } => Tx::Lite(writer.begin_with("BEGIN IMMEDIATE").await?),
            Db::Pg(pool) => Tx::Pg(pool.begin().await?),
        })
    }
}

impl Tx {
    /// Locks the ledger row and reads it: audit count, audit head, facts version, mac.
    pub(super) async fn lock_ledger(&mut self) -> Result<Option<Row>> {
        // SQLite holds the one write lock since BEGIN IMMEDIATE.
        let sql = match self {
            Tx::Lite(_) => "SELECT audit_count, audit_head, facts_version, mac FROM ledger WHERE id = 1",
            Tx::Pg(_) => "SELECT audit_count, audit_head, facts_version, mac FROM ledger WHERE id = 1 FOR UPDATE",
        };
        self.row(sql, []).await
    }

    /// Runs a statement; returns the number of rows it touched.
    pub(super) async fn run(&mut self, sql: &'static str, args: impl IntoIterator<Item = Arg>) -> Result<u64> {
        Ok(match self {
            Tx::Lite(tx) => bound!(sqlx::query(sql), args).execute(&mut **tx).await?.rows_affected(),
            Tx::Pg(tx) => bound!(sqlx::query(sql), args).execute(&mut **tx).await?.rows_affected(),
        })
    }

    /// Reads rows.
    pub(super) async fn rows(&mut self, sql: &'static str, args: impl IntoIterator<Item = Arg>) -> Result<Vec<Row>> {
        Ok(match self {
            Tx::Lite(tx) => {
                bound!(sqlx::query(sql), args).fetch_all(&mut **tx).await?.into_iter().map(Row::Lite).collect()
            }
            Tx::Pg(tx) => bound!(sqlx::query(sql), args).fetch_all(&mut **tx).await?.into_iter().map(Row::Pg).collect(),
        })
    }

    /// Reads at most one row.
    pub(super) async fn row(&mut self, sql: &'static str, args: impl IntoIterator<Item = Arg>) -> Result<Option<Row>> {
        Ok(self.rows(sql, args).await?.pop())
    }

    /// Reads one number.
    pub(super) async fn int(&mut self, sql: &'static str, args: impl IntoIterator<Item = Arg>) -> Result<i64> {
        self.row(sql, args).await?.map_or(Ok(0), |row| row.int(0))
    }

    /// Inserts many rows; `into` is `table (column, column)`. Never row by row: that is fifty times slower.
    pub(super) async fn insert<const N: usize>(
        &mut self,
        into: &'static str,
        rows: impl IntoIterator<Item = [Arg; N]>,
    ) -> Result<()> {
        self.insert_or(into, "", rows).await?;
        Ok(())
    }

    /// The same, with an `ON CONFLICT` clause; returns the number of rows inserted or changed.
    pub(super) async fn insert_or<const N: usize>(
        &mut self,
        into: &'static str,
        conflict: &'static str,
        rows: impl IntoIterator<Item = [Arg; N]>,
    ) -> Result<u64> {
        let lite = matches!(self, Tx::Lite(_));
        let binds = if lite { MAX_BINDS_LITE } else { MAX_BINDS_PG };
        let at_once = MAX_INSERT_ROWS.min(binds / N);
        let mut rows = rows.into_iter();
        let mut full = None;
        let mut touched = 0;
        loop {
            let chunk: Vec<[Arg; N]> = rows.by_ref().take(at_once).collect();
            if chunk.is_empty() {
                return Ok(touched);
            }
            let whole = chunk.len() == at_once;
            let sql = match &full {
                Some(sql) if whole => String::clone(sql),
                _ => insert_text(lite, into, conflict, N, chunk.len()),
            };
            // Only whole chunks come again: the rest is not worth a place among the prepared statements.
            let text = AssertSqlSafe(sql.clone());
            let args = chunk.into_iter().flatten();
            touched += match self {
                Tx::Lite(tx) => {
                    bound!(sqlx::query(text).persistent(whole), args).execute(&mut **tx).await?.rows_affected()
                }
                Tx::Pg(tx) => {
                    bound!(sqlx::query(text).persistent(whole), args).execute(&mut **tx).await?.rows_affected()
                }
            };
            if whole {
                full = Some(sql);
            }
        }
    }

    /// Inserts portions of rows, at most [`MAX_INSERT_ROWS`] each. The database has a thread of its own: while it works on
    /// one portion, the next is made.
    pub(super) async fn insert_portions<const N: usize>(
        &mut self,
        into: &'static str,
        mut portions: impl Iterator<Item = Vec<[Arg; N]>>,
    ) -> Result<()> {
        let mut made = portions.next();
        while let Some(portion) = made {
            let inserting = self.insert(into, portion);
            let (inserted, next) = tokio::join!(biased; inserting, async { portions.next() });
            inserted?;
            made = next;
        }
        Ok(())
    }

    /// Reads rows for a long list of values; `sql` ends in ` IN `. A short last list is filled up with its last
    /// value, so that the statement is prepared once.
    pub(super) async fn rows_in(&mut self, sql: &'static str, values: &[Arg]) -> Result<Vec<Row>> {
        let mut found = Vec::new();
        for part in values.chunks(MAX_LIST) {
            let text = list_text(matches!(self, Tx::Lite(_)), sql, 0);
            match self {
                Tx::Lite(tx) => {
                    let query = bound!(sqlx::query(AssertSqlSafe(text)), filled(part));
                    found.extend(query.fetch_all(&mut **tx).await?.into_iter().map(Row::Lite));
                }
                Tx::Pg(tx) => {
                    let query = bound!(sqlx::query(AssertSqlSafe(text)), filled(part));
                    found.extend(query.fetch_all(&mut **tx).await?.into_iter().map(Row::Pg));
                }
            }
        }
        Ok(found)
    }

    /// Runs a statement for a long list of values after some fixed ones; `sql` ends in ` IN `.
    pub(super) async fn run_in(&mut self, sql: &'static str, fixed: &[Arg], values: &[Arg]) -> Result<()> {
        for part in values.chunks(MAX_LIST) {
            let text = AssertSqlSafe(list_text(matches!(self, Tx::Lite(_)), sql, fixed.len()));
            let args = fixed.iter().cloned().chain(filled(part));
            match self {
                Tx::Lite(tx) => {
                    bound!(sqlx::query(text), args).execute(&mut **tx).await?;
                }
                Tx::Pg(tx) => {
                    bound!(sqlx::query(text), args).execute(&mut **tx).await?;
                }
            }
        }
        Ok(())
    }

    /// Commits. `act` names the fail points `store.<act>.before-commit` and `store.<act>.after-commit`.
    pub(super) async fn commit(self, act: &'static str) -> Result<()> {
        fail::fail_point!(&format!("store.{act}.before-commit"));
        match self {
            Tx::Lite(tx) => tx.commit().await?,
            Tx::Pg(tx) => tx.commit().await?,
        }
        fail::fail_point!(&format!("store.{act}.after-commit"));
        tracing::trace!(act, "committed");
        Ok(())
    }

    /// Gives up what was done.
    pub(super) async fn roll_back(self) -> Result<()> {
        match self {
            Tx::Lite(tx) => tx.rollback().await?,
            Tx::Pg(tx) => tx.rollback().await?,
        }
        Ok(())
    }
}

fn insert_text(lite: bool, into: &str, conflict: &str, columns: usize, rows: usize) -> String {
    // What fails half-way is rolled back as a whole by us: SQLite need not keep each page as it was before the statement.
    let or_fail = if lite && conflict.is_empty() { " OR FAIL" } else { "" };
    let mut sql = format!("INSERT{or_fail} INTO {into} VALUES ");
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ",(" });
        push_places(&mut sql, lite, row * columns + 1, columns);
        sql.push(')');
    }
    sql.push_str(conflict);
    sql
}

fn list_text(lite: bool, sql: &str, fixed: usize) -> String {
    let mut text = sql.to_owned();
    if lite {
        // Named and nameless places do not mix; the fixed values come first and in order.
        for n in 1..=fixed {
            text = text.replace(&format!("${n}"), "?");
        }
    }
    text.push('(');
    push_places(&mut text, lite, fixed + 1, MAX_LIST);
    text.push(')');
    text
}

/// Places for values. Nameless on SQLite: it looks named ones up one by one, which takes a minute where these take a
/// second (measured: 174,000 rows of 14 columns).
fn push_places(sql: &mut String, lite: bool, first: usize, count: usize) {
    for n in first..first + count {
        let comma = if n == first { "" } else { "," };
        // Writing to a String cannot fail.
        let _ = if lite { write!(sql, "{comma}?") } else { write!(sql, "{comma}${n}") };
    }
}

fn filled(part: &[Arg]) -> impl Iterator<Item = Arg> {
    let last = part.last().cloned();
    part.iter().cloned().chain(std::iter::repeat_n(last, MAX_LIST - part.len()).flatten())
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> StoreError {
        let code = match &error {
            // A proxy that hangs up before its server speaks breaks the protocol.
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => return StoreError::Unreachable(error),
            sqlx::Error::Database(database) => database.code().map(std::borrow::Cow::into_owned).unwrap_or_default(),
            _ => return StoreError::Refused(error),
        };
        // SQLite: numbers, the low byte is the primary code (5 busy, 6 locked, 10 I/O, 13 full, 14 cannot open).
        // PostgreSQL: five characters, the first two are the class.
        let primary = if code.len() < 5 { code.parse::<u32>().ok().map(|code| code & 0xff) } else { None };
        match (primary, code.as_str()) {
            (Some(5 | 6), _) | (_, "40001" | "40P01" | "55P03") => StoreError::Busy(error),
            (Some(10 | 13 | 14), _) => StoreError::Unreachable(error),
            (None, code) if ["08", "53", "57"].iter().any(|class| code.starts_with(class)) => {
                StoreError::Unreachable(error)
            }
            _ => StoreError::Refused(error),
        }
    }
}
