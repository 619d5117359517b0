//! A store of one's own: an `SQLite` file, by which what was made survives a restart, and the
//! processes of one machine share it.
//!
//! Run it with `cargo run --example custom_store`, and do what it prints. The store is in `sqlite.rs`.

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

/// It takes a second to make, and is good for an hour.
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
    // A disk takes its time, and a report takes more.
    let budget = Duration::from_millis(500);
    let cache = ResponseCache::builder()
        .remote(store)
        .remote_timeout(budget);
    let cache = cache.build();
    let listener = listen::on_this_machine()?;
    let page = format!("http://{}/reports/5", listener.local_addr()?);
    println!("Try:       curl -i {page}");
    println!("then:      stop this process, start it again, and ask again");
    println!("           the answer is in {}", file.display());
    let app = move || App::new().app_data(cache.clone()).service(report);
    Ok(HttpServer::new(app).listen(listener)?.run().await?)
}
