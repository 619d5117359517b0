//! Runs of the inner service: shared, detached, failed, streamed.

use std::convert::Infallible;
use std::time::Duration;

use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use actix_web::error::{ErrorForbidden, InternalError};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::{Next, from_fn};
use actix_web::test::{TestRequest, init_service};
use actix_web::web::{self, Bytes, Data, Path, ServiceConfig};
use actix_web::{App, Error, HttpResponse, body::BoxBody};
use cached_response::testing::isolated;
use cached_response::{ResponseCache, Skip};
use futures_util::stream::{self, StreamExt as _};
use tests::alone::{ORDERED, Panics, alone};
use tests::stage::{Stage, soon};

use super::minute;
use crate::ask::{get as ask_for, run};

async fn waiting(stage: Data<Stage>, name: Path<String>) -> String {
    let run = stage.run_at_barrier().await;
    format!("{name}, run {run}")
}

async fn paced(stage: Data<Stage>, _: Path<String>) -> HttpResponse {
    stage.run();
    let chunks = stream::iter(0..3).then(move |n| {
        let stage = stage.clone();
        async move {
            stage.barriers.at(&format!("chunk {n}")).await;
            Ok::<_, Infallible>(Bytes::from(format!("<{n}>")))
        }
    });
    HttpResponse::Ok().streaming(chunks)
}

/// Only the first run panics, after it has waited.
async fn panicking(stage: Data<Stage>, name: Path<String>) -> String {
    let run = stage.run_at_barrier().await;
    assert!(run > 1, "{ORDERED}");
    format!("{name}, run {run}")
}

fn routes(app: &mut ServiceConfig) {
    app.service(
        web::scope("")
            .wrap(minute())
            .route("/page/{name}", web::get().to(waiting))
            .route("/paced/{name}", web::get().to(paced))
            .route("/panicking/{name}", web::get().to(panicking)),
    );
}

fn stage() -> Stage {
    Stage::new(ResponseCache::builder().build())
}

#[actix_web::test]
async fn concurrent_misses_share_one_run() {
    let stage = stage();
    let app = stage.app(routes).await;
    let all: Vec<_> = (0..20).map(|_| app.get("/page/a")).collect();
    stage.at_run(1).await;
    soon("they follow", || stage.cache.stats().misses == 20).await;
    stage.release(1);
    for asked in all {
        assert_eq!(asked.text().await, "a, run 1");
    }
    assert_eq!((stage.runs(), stage.cache.stats().collapsed), (1, 19));
}

#[actix_web::test]
async fn a_run_continues_for_its_waiters_when_its_client_disconnects() {
    let stage = stage();
    let app = stage.app(routes).await;
    let leader = app.get("/page/a");
    stage.at_run(1).await;
    let waiter = app.get("/page/a");
    soon("it follows", || stage.cache.stats().misses == 2).await;
    leader.leave().await;
    assert_eq!(stage.cache.stats().detached, 1);
    stage.release(1);
    assert_eq!(waiter.text().await, "a, run 1");
    assert_eq!((stage.runs(), stage.cache.stats().stored), (1, 1));
}

/// The middleware of the test.
#[test]
fn a_panic_inside_fails_only_its_own_request() {
    alone(|| {
        let panics = Panics::count();
        actix_web::rt::System::new().block_on(async {
            let stage = stage();
            let app = stage.app(routes).await;
            let leader = app.get("/panicking/a");
            stage.at_run(1).await;
            let waiters: Vec<_> = (0..3).map(|_| app.get("/panicking/a")).collect();
            soon("they follow", || stage.cache.stats().misses == 4).await;
            stage.release(1);
            stage.release(2);
            assert!(leader.survived().await.is_none());
            for waiter in waiters {
                assert_eq!(waiter.text().await, "a, run 2");
            }
            assert_eq!((stage.runs(), stage.cache.stats().running), (2, 0));
        });
        assert_eq!(panics.ordered(), 1);
    });
}

#[actix_web::test]
async fn a_stream_passes_through_while_it_is_copied() {
    let stage = stage();
    let app = stage.app(routes).await;
    let first = app.get("/paced/a");
    soon("it starts", || stage.runs() == 1).await;
    let second = app.get("/paced/a");
    soon("it follows", || stage.cache.stats().misses == 2).await;
    for n in 0..3 {
        stage.barriers.release(&format!("chunk {n}"));
    }
    assert_eq!(first.text().await, "<0><1><2>");
    assert_eq!(second.text().await, "<0><1><2>");
    assert_eq!((stage.runs(), stage.cache.stats().stored), (1, 1));
}

/// Fails without a response.
async fn refusing(_: ServiceRequest, _: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    Err(ErrorForbidden("not for you"))
}

#[actix_web::test]
async fn an_error_of_the_service_is_returned_unchanged() {
    let cache = isolated();
    let app = App::new()
        .wrap(from_fn(refusing))
        .wrap(minute())
        .default_service(web::to(|| async { "never" }));
    let app = init_service(app).await;
    for _ in 0..2 {
        let error = app
            .call(TestRequest::default().to_request())
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "not for you");
    }
    let stats = cache.cache().stats();
    assert_eq!(
        (stats.skipped(Skip::Error), stats.running, stats.entries),
        (2, 0, 0)
    );
}

/// Handles a POST, and redirects the client.
async fn redirecting(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if *request.method() != Method::POST {
        return next.call(request).await;
    }
    let elsewhere = HttpResponse::SeeOther().finish();
    Err(InternalError::from_response("done", elsewhere).into())
}

#[actix_web::test]
async fn a_redirection_by_an_error_invalidates() {
    let cache = isolated();
    let app = App::new()
        .wrap(from_fn(redirecting))
        .wrap(minute())
        .default_service(web::to(|| async { run().to_string() }));
    let app = init_service(app).await;
    assert_eq!(ask_for(&app, "/").await.body, "1");
    let post = app.call(TestRequest::post().to_request()).await;
    let answer = post.unwrap_err().error_response();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(ask_for(&app, "/").await.body, "2");
    assert_eq!(cache.cache().stats().invalidations, 1);
}

#[actix_web::test]
async fn an_error_of_a_handler_is_never_stored() {
    let _cache = isolated();
    let failing = async || Err::<String, _>(ErrorForbidden("not for you"));
    let app = App::new().wrap(minute()).default_service(web::to(failing));
    let app = init_service(app).await;
    for _ in 0..2 {
        let answer = ask_for(&app, "/").await;
        assert_eq!(
            (answer.status, answer.detail().unwrap().as_str()),
            (403, "error")
        );
    }
}

#[actix_web::test]
async fn a_waiter_that_times_out_runs_the_handler() {
    let clock = cached_response::testing::ManualClock::new();
    let stage = Stage::new(ResponseCache::builder().clock(&clock).build());
    let app = stage.app(routes).await;
    let leader = app.get("/page/a");
    stage.at_run(1).await;
    let waiter = app.get("/page/a");
    soon("it follows", || stage.cache.stats().misses == 2).await;
    clock.advance(Duration::from_secs(5));
    stage.at_run(2).await;
    stage.release(2);
    assert_eq!(waiter.text().await, "a, run 2");
    stage.release(1);
    assert_eq!(leader.text().await, "a, run 1");
}
