//! Coalescing: requests that lead, that wait, and that run alone.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "handlers and helpers of tests are tests, too"
)]

use actix_web::{HttpRequest, Responder, get, route, web};
use cached_response::{ResponseCache, cached_response};
use tests::stage::Stage;

mod beside;
mod fences;
mod leaving;
mod load;
mod markers;
mod nested_runs;
mod roles;
mod slow_streams;
mod soak;
mod variants;
mod wait_timeout;
mod waiters;

/// Every run waits at its own barrier.
#[get("/page/{name}")]
#[cached_response(timeout = 60)]
async fn page(stage: web::Data<Stage>, name: web::Path<String>) -> impl Responder {
    let run = stage.run_at_barrier().await;
    format!("{name}, run {run}")
}

/// The same for a handler that sees headers, and for HEAD.
#[route("/agent", method = "GET", method = "HEAD")]
#[cached_response(timeout = 60, vary("user-agent"))]
async fn agent(stage: web::Data<Stage>, request: HttpRequest) -> impl Responder {
    let run = stage.run_at_barrier().await;
    format!("{:?}, run {run}", request.headers().get("user-agent"))
}

fn routes(app: &mut web::ServiceConfig) {
    app.service(page).service(agent);
}

fn stage() -> Stage {
    Stage::new(ResponseCache::builder().build())
}
