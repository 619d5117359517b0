//! Tags that the handler names while it runs.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use actix_web::http::header::ETAG;
use actix_web::{HttpResponse, Responder, get, web};
use cached_response::{Skip, cached_response, context::stale_response, tag};
use futures_util::stream;
use tests::stage::{Asked, InProcess, Stage, soon};

use super::{Invalidate, stage};

const INVALIDATE: Invalidate = |cache| cache.invalidate_tag("b");
const EXPIRE: Invalidate = |cache| cache.expire_tag("b");

/// Has read when it is at its barrier, and named nothing.
#[get("/late")]
#[cached_response(timeout = 60)]
async fn late(stage: web::Data<Stage>) -> impl Responder {
    let run = stage.run_at_barrier().await;
    ["a", "b", "c"].into_iter().for_each(tag);
    format!("run {run}")
}

/// The same, and has named all.
#[get("/early")]
#[cached_response(timeout = 60)]
async fn early(stage: web::Data<Stage>) -> impl Responder {
    ["a", "b", "c"].into_iter().for_each(tag);
    format!("run {}", stage.run_at_barrier().await)
}

/// The same, as the attribute does it.
#[get("/attribute")]
#[cached_response(timeout = 60, tags("a", format!("{}", 'b'), String::from("c")))]
async fn attribute(stage: web::Data<Stage>) -> impl Responder {
    format!("run {}", stage.run_at_barrier().await)
}

/// The same, in a body that has begun.
#[get("/body")]
#[cached_response(timeout = 60)]
async fn body(stage: web::Data<Stage>) -> HttpResponse {
    HttpResponse::Ok().streaming(stream::once(async move {
        let run = stage.run_at_barrier().await;
        ["a", "b", "c"].into_iter().for_each(tag);
        Ok::<_, Infallible>(format!("run {run}").into())
    }))
}

fn routes(app: &mut web::ServiceConfig) {
    app.service(late)
        .service(early)
        .service(attribute)
        .service(body);
}

const URIS: [&str; 4] = ["/late", "/early", "/attribute", "/body"];

async fn under_way(uri: &str) -> (Stage, InProcess, Asked) {
    let stage = stage();
    let app = stage.app(routes).await;
    let before = app.get(uri);
    stage.at_run(1).await;
    (stage, app, before)
}

#[actix_web::test]
async fn a_stored_response_is_invalidated_by_any_of_its_tags() {
    for uri in URIS {
        for name in ["a", "b", "c"] {
            let (stage, app, before) = under_way(uri).await;
            (1..=2).for_each(|run| stage.release(run));
            before.answer().await;
            // So often that a worker has it at hand.
            for _ in 0..5 {
                assert_eq!(app.get(uri).text().await, "run 1");
            }
            stage.cache.invalidate_tags(["d", "ab", ""]);
            assert_eq!(app.get(uri).text().await, "run 1");
            stage.cache.invalidate_tag(name).await.unwrap();
            assert_eq!(app.get(uri).text().await, "run 2");
            assert_eq!(app.get(uri).text().await, "run 2");
        }
    }
}

#[actix_web::test]
async fn a_run_that_is_overtaken_is_not_stored() {
    for uri in URIS {
        let (stage, app, before) = under_way(uri).await;
        INVALIDATE(&stage.cache).await.unwrap();
        stage.release(1);
        assert_eq!(before.text().await, "run 1");
        assert_eq!(stage.cache.stats().skipped(Skip::Invalidated), 1);
        stage.release(2);
        assert_eq!(app.get(uri).text().await, "run 2");
        assert_eq!(app.get(uri).text().await, "run 2");
    }
}

#[actix_web::test]
async fn a_later_request_is_not_answered_by_an_earlier_run() {
    for uri in URIS {
        for change in [INVALIDATE, EXPIRE] {
            let (stage, app, before) = under_way(uri).await;
            change(&stage.cache);
            let after: Vec<_> = (0..3).map(|_| app.get(uri)).collect();
            soon("they follow", || stage.cache.stats().misses == 4).await;
            stage.release(1);
            assert_eq!(before.text().await, "run 1");
            stage.release(2);
            for after in after {
                assert_eq!(after.text().await, "run 2");
            }
            assert_eq!((stage.runs(), stage.cache.stats().running), (2, 0));
        }
    }
}

#[actix_web::test]
async fn waiters_compare_a_tag_that_is_bumped_after_they_were_notified() {
    for bump in [EXPIRE, INVALIDATE] {
        let stage = stage();
        let app = stage.app(|app| _ = app.service(late)).await;
        let mut leader = pin!(app.text_here("/late"));
        let polled = poll_fn(|cx| Poll::Ready(leader.as_mut().poll(cx))).await;
        assert!(polled.is_pending());
        let waiter = app.get("/late");
        soon("it follows", || stage.cache.stats().misses == 2).await;
        stage.release(1);
        assert_eq!(leader.await, "run 1");
        // Its waiter was notified, and not polled since.
        bump(&stage.cache);
        assert!(!waiter.is_finished());
        stage.release(2);
        assert_eq!(waiter.text().await, "run 2");
    }
}

#[actix_web::test]
async fn a_response_of_a_run_before_an_expiry_is_stored_stale() {
    for uri in URIS {
        let (stage, app, before) = under_way(uri).await;
        EXPIRE(&stage.cache);
        stage.release(1);
        assert_eq!(before.text().await, "run 1");
        assert_eq!(stage.cache.stats().stored, 1);
        stage.release(2);
        let answer = app.get(uri).answer().await;
        let status = answer.header("cache-status").unwrap();
        // Of a stream it is not known when the head is sent.
        assert!(status.starts_with("cached-response; fwd=stale"));
        assert_eq!(app.get(uri).text().await, "run 2");
    }
}

#[actix_web::test]
async fn an_older_run_does_not_replace_a_newer_one() {
    for uri in URIS {
        for change in [INVALIDATE, EXPIRE] {
            let (stage, app, before) = under_way(uri).await;
            change(&stage.cache);
            stage.cache.expire_path(uri);
            stage.release(2);
            assert_eq!(app.get(uri).text().await, "run 2");
            stage.release(1);
            assert_eq!(before.text().await, "run 1");
            assert_eq!(app.get(uri).text().await, "run 2");
        }
    }
}

#[actix_web::test]
async fn a_live_run_that_is_overtaken_is_not_stored() {
    for uri in URIS {
        let live = format!("{uri}?nocache=1");
        let (stage, app, before) = under_way(&live).await;
        let queued = app.get(&live);
        soon("it is queued", || stage.cache.stats().forced_refreshes == 2).await;
        INVALIDATE(&stage.cache);
        stage.release(1);
        assert_eq!(before.text().await, "run 1");
        stage.release(2);
        assert_eq!(queued.text().await, "run 2");
        assert_eq!(app.get(uri).text().await, "run 2");
    }
}

#[actix_web::test]
async fn a_leader_that_left_is_overtaken_as_well() {
    for uri in URIS {
        let (stage, app, leader) = under_way(uri).await;
        leader.leave().await;
        INVALIDATE(&stage.cache);
        stage.release(1);
        soon("it ends", || stage.cache.stats().running == 0).await;
        stage.release(2);
        assert_eq!(app.get(uri).text().await, "run 2");
    }
}

#[actix_web::test]
async fn runs_with_other_tags_are_not_overtaken() {
    for uri in URIS {
        let (stage, app, before) = under_way(uri).await;
        stage.cache.invalidate_tag("another tag, counted elsewhere");
        stage.release(1);
        assert_eq!(before.text().await, "run 1");
        assert_eq!(app.get(uri).text().await, "run 1");
    }
}

#[actix_web::test]
async fn outside_a_handler_a_tag_names_nothing() {
    tag("a");
    let (stage, app, before) = under_way("/late").await;
    tag("d");
    stage.release(1);
    before.answer().await;
    stage.cache.invalidate_tag("d");
    assert_eq!(app.get("/late").text().await, "run 1");
}

/// Finds its response unchanged when it is shown it, and names a tag only when it makes it.
#[get("/same")]
#[cached_response(timeout = 60, tags("route", String::from("each")))]
async fn same(stage: web::Data<Stage>) -> HttpResponse {
    let run = stage.run_at_barrier().await;
    if let Some(previous) = stale_response() {
        return previous.not_modified();
    }
    tag("made");
    HttpResponse::Ok()
        .insert_header((ETAG, "\"1\""))
        .body(format!("run {run}"))
}

#[actix_web::test]
async fn a_response_that_was_found_unchanged_keeps_its_tags() {
    for name in ["route", "each", "made"] {
        let stage = stage();
        let app = stage.app(|app| _ = app.service(same)).await;
        for run in 1..=4 {
            stage.release(run);
            assert_eq!(app.get("/same").text().await, "run 1");
            stage.cache.expire_tag(name);
        }
        assert_eq!(stage.cache.stats().validated, 3, "{name}");
        stage.release(5);
        assert_eq!(app.get("/same").text().await, "run 1");
        stage.cache.invalidate_tag(name);
        stage.release(6);
        assert_eq!(app.get("/same").text().await, "run 6", "{name}");
    }
}

#[actix_web::test]
async fn a_tag_that_is_bumped_during_the_validation_outdates_its_result() {
    for name in ["route", "each", "made"] {
        let stage = stage();
        let app = stage.app(|app| _ = app.service(same)).await;
        stage.release(1);
        app.get("/same").answer().await;
        stage.cache.expire_path("/same");
        let validating = app.get("/same");
        stage.at_run(2).await;
        stage.cache.invalidate_tag(name);
        stage.release(2);
        assert_eq!(validating.text().await, "run 1");
        assert_eq!(stage.cache.stats().skipped(Skip::Invalidated), 1);
        stage.release(3);
        assert_eq!(app.get("/same").text().await, "run 3", "{name}");
    }
}
