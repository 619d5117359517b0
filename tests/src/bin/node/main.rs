//! An application in a process of its own, whose cache is set up as its argument says.

mod cache;
mod log;
mod routes;

use std::io::{self, Read as _};
use std::{env, process, thread};

use actix_web::rt::System;
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use tests::nodes::Settings;
use tests::server::FREE_PORT;

fn main() -> io::Result<()> {
    let settings = env::args().nth(1).unwrap_or_default();
    let settings: Settings = serde_json::from_str(&settings)?;
    log::start();
    thread::spawn(end_with_the_test);
    let cache = cache::build(&settings).map_err(io::Error::other)?;
    let (settings, data) = (Data::new(settings), Data::new(cache.clone()));
    let app = move || {
        App::new()
            .app_data(settings.clone())
            .app_data(data.clone())
            .app_data(cache.clone())
            .configure(|app| routes::routes(&settings, app))
    };
    let server = HttpServer::new(app).workers(2).disable_signals();
    let server = server.bind(FREE_PORT)?;
    let address = server.addrs()[0];
    System::new().block_on(async {
        let server = server.run();
        println!("listening on {address}");
        server.await
    })
}

/// The standard input stays empty: it is closed when the test has ended, in whatever way.
fn end_with_the_test() {
    // Either way the test has ended.
    let _ = io::stdin().read(&mut [0]);
    process::exit(0);
}
