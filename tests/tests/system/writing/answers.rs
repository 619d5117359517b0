//! Invalidation by the status of the response.

use super::{answer, invalidated, is_hit, read, stored};
use actix_web::{
    HttpResponse, Responder, error::InternalError, get, http::StatusCode, post, put,
    test::TestRequest, web,
};
use cached_response::{cached_response, invalidates};
use futures_util::stream;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use tests::stage::{Stage, soon};

#[post("/ok/{status}")]
#[invalidates(path("/read/a"))]
async fn by_ok(status: web::Path<u16>) -> HttpResponse {
    answer(*status)
}

#[post("/err/{status}")]
#[invalidates(path("/read/a"))]
async fn by_err(status: web::Path<u16>) -> actix_web::Result<HttpResponse> {
    let status = StatusCode::from_u16(*status).unwrap();
    Err(InternalError::new("as asked", status).into())
}

#[post("/streamed")]
#[invalidates(path("/read/a"))]
async fn streamed() -> HttpResponse {
    HttpResponse::Ok().streaming(stream::pending::<actix_web::Result<web::Bytes>>())
}

#[put("/number/{n}")]
#[invalidates(path("/read/a"))]
async fn numbered(n: web::Path<u16>) -> impl Responder {
    n.to_string()
}

fn routes(app: &mut web::ServiceConfig) {
    app.service(read)
        .service(by_ok)
        .service(by_err)
        .service(streamed)
        .service(numbered);
}

/// The paths that a POST with this status invalidates.
async fn after(door: &str, status: u16) -> &'static str {
    let (_, app) = stored(routes).await;
    let uri = format!("/{door}/{status}");
    let answer = app.ask(TestRequest::post().uri(&uri)).answer().await;
    assert_eq!(answer.status.as_u16(), status);
    invalidated(&app).await
}

#[actix_web::test]
async fn a_status_below_400_invalidates_the_targets() {
    for status in [200, 201, 204, 301, 303, 399] {
        assert_eq!(after("ok", status).await, "a", "{status}");
        assert_eq!(after("err", status).await, "a", "{status} as an error");
    }
}

#[actix_web::test]
async fn a_client_error_invalidates_nothing() {
    for status in [400, 403, 404, 409, 422, 499] {
        assert_eq!(after("ok", status).await, "neither", "{status}");
        assert_eq!(
            after("err", status).await,
            "neither",
            "{status} as an error"
        );
    }
}

#[actix_web::test]
async fn a_server_error_invalidates() {
    for status in [500, 503, 599] {
        assert_eq!(after("ok", status).await, "a", "{status}");
        assert_eq!(after("err", status).await, "a", "{status} as an error");
    }
}

#[actix_web::test]
async fn a_rejected_extraction_invalidates_nothing() {
    let (_, app) = stored(routes).await;
    let refused = app
        .ask(TestRequest::put().uri("/number/none"))
        .answer()
        .await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    assert_eq!(invalidated(&app).await, "neither");
    app.ask(TestRequest::put().uri("/number/1")).answer().await;
    assert_eq!(invalidated(&app).await, "a");
}

#[actix_web::test]
async fn a_streamed_response_invalidates_at_its_head() {
    let (stage, app) = stored(routes).await;
    let endless = app.ask(TestRequest::post().uri("/streamed"));
    soon("it is invalidated", || {
        stage.cache.stats().invalidations == 1
    })
    .await;
    assert_eq!(invalidated(&app).await, "a");
    endless.leave().await;
}

static STOCK: AtomicU64 = AtomicU64::new(0);

#[get("/stock")]
#[cached_response(timeout = 60)]
async fn stock() -> impl Responder {
    STOCK.load(SeqCst).to_string()
}

#[post("/stock/{n}")]
#[invalidates(path("/stock"))]
async fn restock(n: web::Path<u64>) -> impl Responder {
    STOCK.store(*n, SeqCst);
    "done"
}

#[actix_web::test]
async fn a_read_after_the_response_sees_the_write() {
    let stage = super::stage();
    let app = stage
        .app(|app| _ = app.service(stock).service(restock))
        .await;
    for n in 0..100 {
        let write = TestRequest::post().uri(&format!("/stock/{n}"));
        assert_eq!(app.ask(write).text().await, "done");
        assert_eq!(app.get("/stock").text().await, n.to_string());
        assert!(is_hit(&app, "/stock").await);
    }
}

/// A run that read before the write is not stored after it.
#[actix_web::test]
async fn a_read_in_progress_is_not_stored_after_the_write() {
    let stage = super::stage();
    let app = stage.app(|app| _ = app.service(slow).service(change)).await;
    let before = app.get("/slow");
    soon("it has read", || stage.barriers.count("read") == 1).await;
    app.ask(TestRequest::post().uri("/slow/change"))
        .answer()
        .await;
    stage.barriers.release("read");
    assert_eq!(before.text().await, "run 1");
    assert_eq!(app.get("/slow").text().await, "run 2");
    assert!(is_hit(&app, "/slow").await);
}

#[get("/slow")]
#[cached_response(timeout = 60)]
async fn slow(stage: web::Data<Stage>) -> impl Responder {
    let run = stage.run();
    stage.barriers.at("read").await;
    format!("run {run}")
}

#[post("/slow/change")]
#[invalidates(url("/slow"))]
async fn change() -> impl Responder {
    "changed"
}
