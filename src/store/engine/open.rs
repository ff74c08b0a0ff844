//! Opens a database of either engine and brings its schema up to date.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::super::{Result, StoreError};
use super::Db;

/// How long a SQLite writer waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause before the next try to open a file that another process is opening.
const TURN_PAUSE: Duration = Duration::from_millis(20);
/// Reader connections: the register reads several tables at once.
const MAX_READERS: u32 = 4;
/// Connections to PostgreSQL.
const MAX_CONNECTIONS: u32 = 8;

impl Db {
    /// Opens `sqlite:PATH` or `postgres://...` and brings its schema up to date.
    pub(in crate::store) async fn open(url: &str) -> Result<Db> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() { Err(StoreError::BadUrl) } else { Db::open_lite(path).await };
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Db::open_pg(url).await;
        }
        Err(StoreError::BadUrl)
    }

    /// Connects to a PostgreSQL database and leaves it as it is.
    pub(in crate::store) async fn reach(url: &str) -> Result<()> {
        let options = PgConnectOptions::from_str(url).map_err(|_| StoreError::BadUrl)?;
        PgPoolOptions::new().max_connections(1).connect_with(options).await?.close().await;
        Ok(())
    }

    async fn open_lite(path: &str) -> Result<Db> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true)
            .pragma("temp_store", "memory")
            .pragma("cache_size", "-16000");
        // Neither SQLite's switch to WAL nor sqlx's look at the migrations waits for another process that makes the same
        // new file: whoever opens takes turns, on a lock of the folder.
        let turn = take_turn(path).await?;
        // A full disk ends a transaction by itself, of which sqlx does not hear: the connection would refuse every later
        // one. It is closed, and another opened.
        let writer = SqlitePoolOptions::new().max_connections(1);
        let writer = writer.before_acquire(|known, _| Box::pin(async move { Ok(!known.is_in_transaction()) }));
        let writer = writer.connect_with(options.clone()).await?;
        sqlx::migrate!("migrations/sqlite").run(&writer).await.map_err(StoreError::Migrate)?;
        drop(turn);
        // Readers go through whole tables once: what each kept of them would only fill the memory.
        let reading = options.pragma("query_only", "on").pragma("cache_size", "-4000");
        let readers = SqlitePoolOptions::new().max_connections(MAX_READERS).connect_lazy_with(reading);
        Ok(Db::Lite { writer, readers })
    }

    async fn open_pg(url: &str) -> Result<Db> {
        let options = PgConnectOptions::from_str(url).map_err(|_| StoreError::BadUrl)?;
        let options = options.application_name("shenling").options([("lock_timeout", "60s")]);
        let pool = PgPoolOptions::new().max_connections(MAX_CONNECTIONS).connect_with(options).await?;
        sqlx::migrate!("migrations/postgres").run(&pool).await.map_err(StoreError::Migrate)?;
        Ok(Db::Pg(pool))
    }
}

/// The lock under which a database file is opened; gone when dropped, or with the process.
async fn take_turn(path: &str) -> Result<File> {
    let folder = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = File::open(folder.unwrap_or(Path::new("."))).map_err(sqlx::Error::Io)?;
    let mut waited = Duration::ZERO;
    loop {
        match folder.try_lock() {
            Ok(()) => return Ok(folder),
            Err(TryLockError::WouldBlock) if waited < BUSY_TIMEOUT => tokio::time::sleep(TURN_PAUSE).await,
            Err(TryLockError::WouldBlock) => return Err(StoreError::Busy(sqlx::Error::PoolTimedOut)),
            Err(TryLockError::Error(error)) => return Err(sqlx::Error::Io(error).into()),
        }
        waited += TURN_PAUSE;
    }
}
