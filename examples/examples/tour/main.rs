//! The first hour with cached-response in twelve steps, one module each. The guide's page "The first
//! hour" shows the same code.
//!
//! Run it with `cargo run --example tour`, and type what it prints. With `REDIS_URL` in the
//! environment, two processes (`PORT=8081` and `PORT=8082`) share what they store.

use std::error::Error;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use actix_web::cookie::Key;
use actix_web::{App, HttpServer, web};
use examples::listen;

mod account;
mod compressed;
mod files;
mod greeting;
mod me;
mod news;
mod notes;
mod prices;
mod products;
mod rates;
mod remote;
#[cfg(test)]
mod tests;

/// Counts the runs of all handlers. An old number in an answer means that no handler ran.
fn run() -> u32 {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    RUNS.fetch_add(1, Relaxed) + 1
}

const TRY: &str = "
 1  curl -i '{host}/products?page=2'
 2  curl -i -H 'authorization: Bearer alice' {host}/me
 3  curl -i -H 'accept-language: de' {host}/greeting
 4  curl -i {host}/news
 5  curl -i {host}/notes; curl -d 'buy tea' {host}/notes
 6  curl -c jar -d alice {host}/account/login; curl -i -b jar {host}/account/orders
 7  curl -i -H 'origin: https://shop.example' {host}/prices/tea
 8  curl -i --compressed {host}/report/2026
 9  curl -i {host}/files/menu.txt
10  REDIS_URL=redis://127.0.0.1:6379 PORT=8082 cargo run --example tour
11  curl -i {host}/rates
12  cargo test --example tour";

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Values that all workers share are built here, once. Each worker calls the closure below.
    let cache = remote::cache()?;
    let notes = notes::Notes::default();
    let key = Key::generate();
    let app = move || {
        App::new()
            .app_data(web::Data::new(cache.clone()))
            .app_data(notes.clone())
            .service(products::products)
            .service(me::me)
            .service(greeting::greeting)
            .service(news::news)
            .service((notes::list, notes::add))
            .service(account::scope(key.clone()))
            .service(prices::scope())
            .service(compressed::scope())
            .service(files::scope())
            .service((rates::one, rates::all))
    };
    let listener = listen::on_this_machine()?;
    let host = format!("http://{}", listener.local_addr()?);
    println!("The tour is at {host}/. Run each line twice:");
    println!("{}", TRY.replace("{host}", &host));
    Ok(HttpServer::new(app).listen(listener)?.run().await?)
}
