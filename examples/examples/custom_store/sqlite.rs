//! A store in an `SQLite` file. All processes that share the file use the clock of the machine. If that
//! clock is set back, stored values live longer by the same amount.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::web::Bytes;
use cached_response::{Store, StoreError, StoreErrorKind, StoreFuture, StoredValue};
use rusqlite::{Connection, OptionalExtension, Result, params};
use tokio::task::spawn_blocking;

/// `synchronous = FULL`: a deletion is an invalidation, and must survive a power cut.
const TABLE: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS kept (
        name TEXT PRIMARY KEY, bytes BLOB NOT NULL, until INTEGER NOT NULL);
    CREATE INDEX IF NOT EXISTS by_end ON kept (until);";

pub(crate) struct SqliteStore(Arc<Mutex<Connection>>);

impl SqliteStore {
    /// Opens the store in this file, and creates the file if it does not exist.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(TABLE)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Runs blocking work on another thread, as the cache's thread must not block.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let file = Arc::clone(&self.0);
        let work = move || work(&file.lock().unwrap_or_else(PoisonError::into_inner));
        let failed = |why: String| StoreError::new(StoreErrorKind::Unreachable, why);
        let done = spawn_blocking(work).await;
        done.map_err(|error| failed(error.to_string()))?
            .map_err(|error| failed(error.to_string()))
    }
}

impl Store for SqliteStore {
    fn get<'a>(&'a self, name: &'a str, limit: usize) -> StoreFuture<'a, Option<StoredValue>> {
        let name = name.to_owned();
        Box::pin(self.with(move |file| {
            let select = "SELECT substr(bytes, 1, ?2), until FROM kept WHERE name = ?1";
            let mut select = file.prepare_cached(select)?;
            let found = select.query_row((name, number(limit)), |row| {
                // `substr` of an empty blob is NULL.
                let bytes: Option<Vec<u8>> = row.get(0)?;
                let left = u64::try_from(row.get::<_, i64>(1)? - now()).unwrap_or(0);
                let bytes = bytes.unwrap_or_default().into();
                Ok(StoredValue::new(bytes, Duration::from_millis(left)))
            });
            let found = found.optional()?;
            Ok(found.filter(|kept| !kept.left.is_zero()))
        }))
    }

    fn set<'a>(&'a self, name: &'a str, bytes: Bytes, timeout: Duration) -> StoreFuture<'a, ()> {
        let name = name.to_owned();
        // The lifetime starts with the call, not when the file is free.
        let until = now().saturating_add(number(timeout.as_millis()));
        Box::pin(self.with(move |file| {
            file.execute("DELETE FROM kept WHERE until <= ?1", [now()])?;
            let insert = "INSERT OR REPLACE INTO kept VALUES (?1, ?2, ?3)";
            file.execute(insert, params![name, &bytes[..], until])?;
            Ok(())
        }))
    }

    fn delete<'a>(&'a self, name: &'a str) -> StoreFuture<'a, ()> {
        let name = name.to_owned();
        Box::pin(self.with(move |file| {
            file.execute("DELETE FROM kept WHERE name = ?1", [name])?;
            Ok(())
        }))
    }
}

/// Returns the time in milliseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    number(since.unwrap_or_default().as_millis())
}

/// Converts to an `SQLite` integer, at most `i64::MAX`.
fn number(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}
