//! What an invalidation reaches, what it overtakes, and which requests are one.
#![expect(
    clippy::unwrap_used,
    reason = "handlers and helpers of tests are tests, too"
)]

use actix_web::{Responder, route, web};
use cached_response::{Invalidation, ResponseCache, cached_response};
use tests::stage::{Asked, InProcess, Stage};

mod cdn;
mod expiry;
mod extraction;
mod fences;
mod meant;
mod methods;
mod named;
mod naming;
mod prefixes;
mod purge;
mod reach;
mod rounds;
mod routes;
mod storm;
mod tags;
mod values;

/// A way to invalidate `/page/a`.
type Invalidate = fn(&ResponseCache) -> Invalidation;

const EACH: [Invalidate; 4] = [
    |cache| cache.invalidate_path("/page/a"),
    |cache| cache.invalidate_url("/page/a"),
    |cache| cache.invalidate_tag("page:a"),
    |cache| cache.invalidate_all(),
];

const EXPIRE_EACH: [Invalidate; 4] = [
    |cache| cache.expire_path("/page/a"),
    |cache| cache.expire_url("/page/a"),
    |cache| cache.expire_tag("page:a"),
    |cache| cache.expire_all(),
];

/// Every run has read its number when it waits at its own barrier.
#[route("/page/{name}", method = "GET", method = "HEAD")]
#[cached_response(timeout = 60, tags("pages", "page:{name}"))]
async fn page(stage: web::Data<Stage>, name: web::Path<String>) -> impl Responder {
    let run = stage.run_at_barrier().await;
    format!("{name}, run {run}")
}

fn routes(app: &mut web::ServiceConfig) {
    app.service(page);
}

fn stage() -> Stage {
    Stage::new(ResponseCache::builder().build())
}

/// A run for a page that has read and has not stored.
async fn under_way(uri: &str) -> (Stage, InProcess, Asked) {
    let stage = stage();
    let app = stage.app(routes).await;
    let before = app.get(uri);
    stage.at_run(1).await;
    (stage, app, before)
}
