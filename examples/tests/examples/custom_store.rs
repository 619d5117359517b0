//! `custom_store` keeps its responses over a restart, and its store meets the contract.

#[path = "../../examples/custom_store/sqlite.rs"]
mod sqlite;

use std::iter::zip;
use std::path::{Path, PathBuf};

use cached_response::Store;
use cached_response::testing::check_handles;
use tests::servers::{Folder, until};

use crate::program::{Program, start_with};
use sqlite::SqliteStore;

fn file(folder: &Folder) -> PathBuf {
    folder.path().join("store.sqlite")
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path).expect("a file that can be written")
}

#[actix_web::test]
async fn the_sqlite_store_meets_the_contract_of_a_store() {
    let folder = Folder::new().expect("a folder");
    let path = file(&folder);
    check_handles(open(&path), open(&path)).await;
}

#[actix_web::test]
async fn a_file_that_is_not_a_database_is_an_error() {
    let folder = Folder::new().expect("a folder");
    let path = file(&folder);
    std::fs::write(&path, "This is no database, and long enough to say so.").expect("written");
    assert!(SqliteStore::open(&path).is_err());
    std::fs::remove_file(&path).expect("it is there");
    assert_eq!(open(&path).get("name", 64).await, Ok(None));
}

#[test]
fn a_stored_response_survives_a_restart() {
    let folder = Folder::new().expect("a folder");
    let path = file(&folder);
    let start = || {
        let child = start_with("custom_store", |command| {
            command.env("PORT", "0").arg(&path);
        });
        Program::announced_in(child, 3)
    };
    let pages = [1, 2, 3].map(|month| format!("/reports/{month}"));
    let before = start();
    let made = pages.each_ref().map(|page| before.get(page).body);
    let stored = "SELECT count(*) FROM kept WHERE name LIKE 'cached-response:/reports/%'";
    let count = || -> Option<u32> {
        let file = rusqlite::Connection::open(&path).ok()?;
        file.query_row(stored, [], |row| row.get(0)).ok()
    };
    // On a busy disk, some writes exceed `remote_timeout`.
    until("it is stored", || count().filter(|count| *count > 0)).expect("it is");
    drop(before);
    let after = start();
    let found = pages.each_ref().map(|page| after.get(page));
    let mut both = zip(made, found).filter(|(_, found)| found.is_remote());
    let (made, found) = both.next().expect("one of them is found");
    assert_eq!(found.body, made);
}
