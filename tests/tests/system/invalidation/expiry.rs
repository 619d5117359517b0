//! What an expiry by request leaves: stale responses, and runs that end as one.

use actix_web::http::header::ETAG;
use actix_web::test::TestRequest;
use actix_web::{HttpResponse, Responder, get, web};
use cached_response::{Skip, cached_response, context::stale_response};
use tests::stage::{InProcess, Stage, soon};

use super::{EACH, EXPIRE_EACH, routes, stage, under_way};

/// The body, and what `Cache-Status` says of the way to it.
async fn ask(app: &InProcess, uri: &str) -> (String, String) {
    let answer = app.get(uri).answer().await;
    let status = answer.header("cache-status").unwrap().to_owned();
    (answer.text(), status)
}

#[actix_web::test]
async fn a_stored_response_is_stale_for_later_requests() {
    for expire in EXPIRE_EACH {
        let stage = stage();
        let app = stage.app(routes).await;
        (1..=2).for_each(|run| stage.release(run));
        // So often that a worker has it at hand.
        for _ in 0..5 {
            assert_eq!(app.get("/page/a").text().await, "a, run 1");
        }
        expire(&stage.cache).await.unwrap();
        let (body, status) = ask(&app, "/page/a").await;
        assert_eq!(body, "a, run 2");
        assert_eq!(status, "cached-response; fwd=stale; stored");
        assert_eq!(app.get("/page/a").text().await, "a, run 2");
    }
}

#[actix_web::test]
async fn other_paths_stay_fresh() {
    for expire in &EXPIRE_EACH[..3] {
        let stage = stage();
        let app = stage.app(routes).await;
        stage.release(1);
        app.get("/page/b").answer().await;
        expire(&stage.cache);
        assert_eq!(app.get("/page/b").text().await, "b, run 1");
        assert_eq!(stage.runs(), 1);
    }
}

#[actix_web::test]
async fn waiters_from_before_an_expiry_are_answered_by_the_run_from_before() {
    for expire in EXPIRE_EACH {
        let (stage, app, leader) = under_way("/page/a").await;
        let waiter = app.get("/page/a");
        soon("it follows", || stage.cache.stats().misses == 2).await;
        expire(&stage.cache);
        stage.release(1);
        assert_eq!(leader.text().await, "a, run 1");
        assert_eq!(waiter.text().await, "a, run 1");
        assert_eq!(stage.cache.stats().skipped(Skip::Invalidated), 0);
    }
}

#[actix_web::test]
async fn a_later_request_does_not_join_an_earlier_run() {
    for expire in EXPIRE_EACH {
        let (stage, app, before) = under_way("/page/a").await;
        expire(&stage.cache);
        let after = app.get("/page/a");
        stage.at_run(2).await;
        stage.release(1);
        assert_eq!(before.text().await, "a, run 1");
        assert!(!after.is_finished());
        stage.release(2);
        assert_eq!(after.text().await, "a, run 2");
        assert_eq!((stage.runs(), stage.cache.stats().running), (2, 0));
    }
}

#[actix_web::test]
async fn a_response_of_an_earlier_run_is_stored_stale() {
    for expire in EXPIRE_EACH {
        let (stage, app, before) = under_way("/page/a").await;
        expire(&stage.cache);
        stage.release(1);
        let live = before.answer().await;
        let status = live.header("cache-status").unwrap();
        assert_eq!(status, "cached-response; fwd=uri-miss; stored");
        stage.release(2);
        let (body, status) = ask(&app, "/page/a").await;
        assert_eq!(body, "a, run 2");
        assert_eq!(status, "cached-response; fwd=stale; stored");
    }
}

#[actix_web::test]
async fn an_invalidation_outweighs_an_expiry_of_a_response() {
    for expire in EXPIRE_EACH {
        for invalidate in EACH {
            let stage = stage();
            let app = stage.app(routes).await;
            (1..=2).for_each(|run| stage.release(run));
            app.get("/page/a").answer().await;
            expire(&stage.cache);
            invalidate(&stage.cache);
            expire(&stage.cache);
            let (_, status) = ask(&app, "/page/a").await;
            assert_eq!(status, "cached-response; fwd=uri-miss; stored");
        }
    }
}

/// Finds its response unchanged when it is shown it.
#[get("/same")]
#[cached_response(timeout = 60)]
async fn same(stage: web::Data<Stage>) -> HttpResponse {
    let run = stage.run_at_barrier().await;
    match stale_response() {
        Some(previous) => previous.not_modified(),
        None => HttpResponse::Ok()
            .insert_header((ETAG, "\"1\""))
            .body(format!("run {run}")),
    }
}

#[actix_web::test]
async fn a_run_finds_an_expired_response_unchanged() {
    let stage = stage();
    let app = stage.app(|app| _ = app.service(same)).await;
    (1..=2).for_each(|run| stage.release(run));
    for _ in 0..2 {
        assert_eq!(app.get("/same").text().await, "run 1");
        stage.cache.expire_path("/same");
    }
    assert_eq!((stage.runs(), stage.cache.stats().validated), (2, 1));
    // Expired once more, and not fresh for having been validated once.
    stage.release(3);
    assert_eq!(app.get("/same").text().await, "run 1");
    assert!(app.get("/same").answer().await.header("age").is_some());
    assert_eq!(stage.runs(), 3);
}

#[get("/wishes")]
#[cached_response(timeout = 60, respect_client = true)]
async fn wishes(stage: web::Data<Stage>) -> impl Responder {
    format!("run {}", stage.run())
}

#[actix_web::test]
async fn no_client_puts_up_with_an_expired_response() {
    let stage = stage();
    let app = stage.app(|app| _ = app.service(wishes)).await;
    app.get("/wishes").answer().await;
    stage.cache.expire_path("/wishes");
    let wish = ("cache-control", "max-stale");
    let answer = app.ask(TestRequest::with_uri("/wishes").insert_header(wish));
    assert_eq!(answer.text().await, "run 2");
}
