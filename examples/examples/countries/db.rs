//! The database file and the connections to it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::error::ErrorInternalServerError;
use actix_web::web;
use rusqlite::{Connection, OpenFlags, Result};

use crate::{data, fuzzy};

/// A database that all workers read.
#[derive(Clone)]
pub(crate) struct Db(Arc<File>);

/// A temporary file of this process, removed when the program ends.
struct File {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Db {
    /// Creates the file and fills it.
    pub(crate) fn create() -> std::result::Result<Self, Box<dyn std::error::Error>> {
        let name = format!("cached-response-countries-{}.sqlite", std::process::id());
        let path = std::env::temp_dir().join(name);
        if path.exists() {
            std::fs::remove_file(&path)?;
        }
        data::fill(&mut Connection::open(&path)?)?;
        Ok(Self(Arc::new(File {
            path,
            idle: Mutex::default(),
        })))
    }

    /// Runs a query on a thread where it may block.
    pub(crate) async fn read<T, F>(&self, query: F) -> actix_web::Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let file = Arc::clone(&self.0);
        web::block(move || file.read(query))
            .await?
            .map_err(ErrorInternalServerError)
    }
}

impl File {
    /// Runs a query on an idle connection, or on a new one.
    fn read<T>(&self, query: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let connection = idle.map_or_else(|| self.open(), Ok)?;
        let answer = query(&connection);
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(connection);
        answer
    }

    fn open(&self) -> Result<Connection> {
        let connection = Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        fuzzy::install(&connection)?;
        Ok(connection)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // If it fails, a file remains in the temporary folder.
        let _ = std::fs::remove_file(&self.path);
    }
}
