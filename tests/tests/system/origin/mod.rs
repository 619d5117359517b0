//! Hosts, targets and bodies that no test client of actix would send.
#![expect(
    clippy::unwrap_used,
    reason = "handlers and helpers of tests are tests, too"
)]

mod bodies;
mod hosts;
mod methods;
mod old_clients;

use actix_web::get;
use actix_web::web::ServiceConfig;
use cached_response::{ResponseCache, cached_response};
use tests::raw::{self, Request as Sent, Response};
use tests::server::Server;

use crate::ask::run;

/// A server with one worker and a cache of its own.
fn serve(routes: impl Fn(&mut ServiceConfig) + Send + Clone + 'static) -> (Server, ResponseCache) {
    let cache = ResponseCache::builder().build();
    let own = cache.clone();
    let server = Server::start(1, move |app| {
        app.app_data(own.clone());
        routes(app);
    });
    (server.unwrap(), cache)
}

fn fetch(server: &Server, request: &Sent) -> Response {
    raw::fetch(server.address(), request).unwrap()
}

#[get("/blind")]
#[cached_response]
async fn blind() -> String {
    run().to_string()
}
