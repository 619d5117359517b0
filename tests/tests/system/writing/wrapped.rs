//! `invalidating(targets, handler)`, the same without a macro.

use super::{answer, invalidated, post, read, stored};
use actix_web::{HttpResponse, Responder, test::TestRequest, web};
use cached_response::{Invalidations, ResponseCache, invalidating};
use tests::stage::{Stage, soon};

async fn write() -> impl Responder {
    "written"
}

async fn as_asked(status: web::Path<u16>) -> HttpResponse {
    answer(*status)
}

async fn waiting(stage: web::Data<Stage>) -> &'static str {
    stage.barriers.at("written").await;
    "written"
}

fn routes(app: &mut web::ServiceConfig) {
    let a = || Invalidations::new().path("/read/a");
    let named = Invalidations::new().path("/read/{name}").url("/nowhere");
    let elsewhere = a().cache(ResponseCache::builder().build());
    let captured = "written".to_owned();
    app.service(read)
        .route("/by/{name}", web::post().to(invalidating(named, write)))
        .route(
            "/all",
            web::post().to(invalidating(Invalidations::new().all(), write)),
        )
        .route("/elsewhere", web::post().to(invalidating(elsewhere, write)))
        .route(
            "/status/{status}",
            web::post().to(invalidating(a(), as_asked)),
        )
        .route("/wait", web::post().to(invalidating(a(), waiting)))
        .route(
            "/closure",
            web::post().to(invalidating(a(), move |body: String| {
                let captured = captured.clone();
                async move { captured + &body }
            })),
        );
}

#[actix_web::test]
async fn the_targets_are_invalidated() {
    assert_eq!(post(routes, "/by/b").await, "b");
    assert_eq!(post(routes, "/all").await, "both");
    assert_eq!(post(routes, "/closure").await, "a");
    assert_eq!(post(routes, "/elsewhere").await, "neither");
}

#[actix_web::test]
async fn the_status_decides_on_the_invalidation() {
    for (status, reach) in [(204, "a"), (404, "neither"), (500, "a")] {
        let (_, app) = stored(routes).await;
        let uri = format!("/status/{status}");
        app.ask(TestRequest::post().uri(&uri)).answer().await;
        assert_eq!(invalidated(&app).await, reach, "{status}");
    }
}

#[actix_web::test]
async fn a_client_that_disconnects_does_not_prevent_the_invalidation() {
    let (stage, app) = stored(routes).await;
    let asked = app.ask(TestRequest::post().uri("/wait"));
    soon("it has written", || stage.barriers.count("written") == 1).await;
    asked.leave().await;
    assert_eq!(invalidated(&app).await, "a");
}

#[test]
#[should_panic(expected = "`/read/{name` cannot be invalidated: a `{` is not closed")]
fn a_brace_that_is_not_closed_panics_when_the_application_starts() {
    let _ = Invalidations::new().path("/read/{name");
}
