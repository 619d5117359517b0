//! A custom store in an `SQLite` file. Stored responses survive a restart, and all processes of one
//! machine share them.
//!
//! Run `cargo run --example custom_store`, then what it prints. The store is in `sqlite.rs`.

mod sqlite;

use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use actix_web::{App, HttpServer, get, web};
use cached_response::{ResponseCache, cached_response};
use examples::listen;
use sqlite::SqliteStore;
use tokio::time::sleep;

/// Takes a second to make, and is fresh for an hour.
#[get("/reports/{month}")]
#[cached_response(timeout = 1h)]
async fn report(month: web::Path<u32>) -> String {
    sleep(Duration::from_secs(1)).await;
    format!(
        "report on month {month}, made by process {}\n",
        std::process::id()
    )
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = env::temp_dir().join("cached-response-example.sqlite");
    let file = env::args().nth(1).map_or(file, PathBuf::from);
    let store = SqliteStore::open(&file)?;
    // A disk is slower than the default of 50 ms allows.
    let timeout = Duration::from_millis(500);
    let cache = ResponseCache::builder()
        .remote(store)
        .remote_timeout(timeout);
    let cache = cache.build();
    let listener = listen::on_this_machine()?;
    let page = format!("http://{}/reports/5", listener.local_addr()?);
    println!("Try:       curl -i {page}");
    println!("then:      stop this process, start it again, and run the command again");
    println!("           the report is stored in {}", file.display());
    let app = move || App::new().app_data(cache.clone()).service(report);
    Ok(HttpServer::new(app).listen(listener)?.run().await?)
}
