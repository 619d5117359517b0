//! Handlers that write, and their targets.
#![expect(
    clippy::unwrap_used,
    reason = "handlers and helpers of tests are tests, too"
)]

use actix_web::{HttpResponse, Responder, get, http::StatusCode, test::TestRequest, web};
use cached_response::{ResponseCache, cached_response};
use tests::stage::{InProcess, Stage};

mod answers;
mod caches;
mod events;
mod leaving;
mod names;
mod orders;
mod routes;
mod shapes;
mod tags;
mod wrapped;

/// A reader that returns the number of its run.
#[get("/read/{name}")]
#[cached_response(timeout = 60, tags("all", "read:{name}"))]
async fn read(stage: web::Data<Stage>) -> impl Responder {
    format!("run {}", stage.run())
}

fn stage() -> Stage {
    Stage::new(ResponseCache::builder().build())
}

/// An app in which `/read/a` and `/read/b` are stored.
async fn stored(routes: fn(&mut web::ServiceConfig)) -> (Stage, InProcess) {
    let stage = stage();
    let app = stage.app(routes).await;
    for uri in ["/read/a", "/read/b"] {
        app.get(uri).answer().await;
        assert!(is_hit(&app, uri).await, "{uri}");
    }
    (stage, app)
}

async fn is_hit(app: &InProcess, uri: &str) -> bool {
    app.get(uri).answer().await.header("age").is_some()
}

/// Returns which of `/read/a` and `/read/b` are answered with a new run.
async fn invalidated(app: &InProcess) -> &'static str {
    match (is_hit(app, "/read/a").await, is_hit(app, "/read/b").await) {
        (true, true) => "neither",
        (false, true) => "a",
        (true, false) => "b",
        (false, false) => "both",
    }
}

/// Returns the paths that a POST to `uri` invalidates.
async fn post(routes: fn(&mut web::ServiceConfig), uri: &str) -> &'static str {
    let (_, app) = stored(routes).await;
    let answer = app.ask(TestRequest::post().uri(uri)).answer().await;
    assert!(answer.status.is_success(), "{uri}: {}", answer.status);
    invalidated(&app).await
}

/// Responds with the status of the request.
fn answer(status: u16) -> HttpResponse {
    HttpResponse::build(StatusCode::from_u16(status).unwrap()).finish()
}
