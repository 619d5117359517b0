//! Two processes that share responses and invalidations through a Redis server.
//!
//! Run `cargo run --example redis -- 8081`, the same with 8082 in another terminal, then the commands
//! that they print. `REDIS_URL` is the address of the server, by default on this machine. Without a
//! server, each process works alone.

use std::env;
use std::error::Error;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use actix_web::{App, HttpServer, get, post, web};
use cached_response::{RedisStore, ResponseCache, cached_response, invalidates};

/// The port of this process, and the number of reports that it has made.
struct Process {
    port: u16,
    made: AtomicU32,
}

#[get("/reports/{month}")]
#[cached_response(timeout = 1h, tags("reports"))]
async fn report(month: web::Path<u32>, process: web::Data<Process>) -> String {
    let number = process.made.fetch_add(1, Relaxed) + 1;
    let made = format!(
        "the {number}. that the process on port {} made",
        process.port
    );
    format!("report on month {month}, {made}\n")
}

#[post("/reports")]
#[invalidates(tags("reports"))]
async fn change() -> &'static str {
    "all earlier reports are invalidated\n"
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned());
    // Connects to nothing yet: the server may start later.
    let store = RedisStore::open(&url)?;
    let cache = ResponseCache::builder().remote(store).build();

    let port = env::args().nth(1).map_or(Ok(8081), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    let port = listener.local_addr()?.port();
    let made = AtomicU32::new(0);
    let process = web::Data::new(Process { port, made });
    let app = move || {
        let app = App::new().app_data(cache.clone()).app_data(process.clone());
        app.service(report).service(change)
    };
    let other = if port == 8082 { 8081 } else { 8082 };
    println!("Try:       curl -i http://127.0.0.1:{port}/reports/5");
    println!("then:      curl -i http://127.0.0.1:{other}/reports/5");
    println!("           `detail=remote`: the report was made by the first process");
    println!("and then:  curl -X POST http://127.0.0.1:{other}/reports");
    println!("           then request both again");
    Ok(HttpServer::new(app).listen(listener)?.run().await?)
}
