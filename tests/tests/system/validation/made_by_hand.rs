//! A 304 that a handler makes by hand, for a client with a condition or without.

use actix_web::test::TestRequest;
use cached_response::Skip;
use tests::stage::soon;

use super::{Scene, TAGGED, VALIDATED, said};

impl Scene {
    /// A scene whose first run for `target` was stored, and is stale now.
    async fn stale(target: &str) -> Self {
        let scene = Self::of(TAGGED).await;
        (1..=20).for_each(|run| scene.stage.release(run));
        assert_eq!(scene.get(target).await.text(), "one");
        scene.expire();
        scene
    }
}

#[actix_web::test]
async fn a_304_made_by_hand_about_the_previous_response_is_answered_with_that() {
    let scene = Scene::stale("/by-hand").await;
    let answer = scene.get("/by-hand").await;
    assert_eq!((answer.status.as_u16(), answer.text()), (200, "one".into()));
    assert_eq!(said(&answer), VALIDATED);
    let next = scene.get("/by-hand").await;
    assert_eq!((next.header("age"), next.text()), (Some("0"), "one".into()));
    assert_eq!(scene.stage.runs(), 2);
    assert_eq!(scene.stage.cache.stats().validated, 1);
}

#[actix_web::test]
async fn a_client_that_has_the_stored_response_gets_a_304() {
    let scene = Scene::stale("/by-hand").await;
    let answer = scene.get_with("/by-hand", "if-none-match", "\"1\"").await;
    assert_eq!(answer.status, 304);
}

#[actix_web::test]
async fn a_304_made_by_hand_for_a_client_with_a_validator_is_sent_as_it_is() {
    let scene = Scene::stale("/by-hand").await;
    let answer = scene.get_with("/by-hand", "if-none-match", "\"2\"").await;
    assert_eq!(
        (answer.status.as_u16(), answer.text()),
        (304, String::new())
    );
    assert_eq!(scene.stage.cache.stats().skipped(Skip::Status), 1);
}

#[actix_web::test]
async fn a_304_without_a_condition_is_sent_as_without_a_cache_and_logged() {
    let scene = Scene::stale("/unasked").await;
    for (name, value) in [("accept", "*/*"), ("range", "bytes=0-1"), ("if-match", "*")] {
        let answer = scene.get_with("/unasked", name, value).await;
        assert_eq!(answer.status, 304, "{name}");
        let why = "cached-response; fwd=stale; detail=unasked";
        assert_eq!(said(&answer), why, "{name}");
    }
    assert_eq!(scene.stage.cache.stats().skipped(Skip::Unasked), 3);
}

#[actix_web::test]
async fn a_stale_response_answers_in_place_of_a_304_without_a_condition() {
    let scene = Scene::stale("/unasked-stale").await;
    let answer = scene.get("/unasked-stale").await;
    assert_eq!((answer.status.as_u16(), answer.text()), (200, "one".into()));
    assert!(said(&answer).ends_with("detail=stale-if-error"));
}

/// The 304 of the leader is not for its waiters.
#[actix_web::test]
async fn a_304_for_the_leader_reaches_no_waiter() {
    let scene = Scene::of(TAGGED).await;
    scene.stage.release(1);
    scene.get("/unasked").await;
    scene.expire();
    let request = TestRequest::with_uri("/unasked").append_header(("if-none-match", "\"2\""));
    let leader = scene.app.ask(request);
    scene.stage.at_run(2).await;
    let waiting: Vec<_> = (0..5).map(|_| scene.app.get("/unasked")).collect();
    soon("they follow", || scene.stage.cache.stats().misses == 7).await;
    (2..=7).for_each(|run| scene.stage.release(run));
    assert_eq!(leader.answer().await.status, 304);
    for one_waiting in waiting {
        let answer = one_waiting.answer().await;
        assert_eq!(answer.status, 304);
        assert!(
            said(&answer).ends_with("detail=unasked"),
            "a run of its own"
        );
    }
    assert_eq!(scene.stage.runs(), 7);
}
