//! A store in an `SQLite` file. All times are told by the clock of the machine, which those who share
//! the file have in common: where it is set back, what is kept lives for as much longer.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::web::Bytes;
use cached_response::{Store, StoreError, StoreErrorKind, StoreFuture, StoredValue};
use rusqlite::{Connection, OptionalExtension, Result, params};
use tokio::task::spawn_blocking;

/// What is committed is on the disk: a power cut that undid a deletion would undo an invalidation.
const TABLE: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS kept (
        name TEXT PRIMARY KEY, bytes BLOB NOT NULL, until INTEGER NOT NULL);
    CREATE INDEX IF NOT EXISTS by_end ON kept (until);";

pub(crate) struct SqliteStore(Arc<Mutex<Connection>>);

impl SqliteStore {
    /// The store in this file, which is made where there is none.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(TABLE)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Works on another thread: that of the cache must not be blocked.
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
                // The first of no bytes is NULL.
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
        // From when it is asked for, however long it waits for the file.
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

/// In milliseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    number(since.unwrap_or_default().as_millis())
}

/// A number as `SQLite` has them.
fn number(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}
