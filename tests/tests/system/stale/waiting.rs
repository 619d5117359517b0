//! Slow runs.

use cached_response::{Skip, StaleRule};
use tests::stage::soon;

use super::{NEXT, Next, Scene};

#[actix_web::test]
async fn a_stale_response_answers_after_the_soft_timeout() {
    let scene = Scene::new("/slow").await;
    scene.advance(11);
    let leader = scene.app.get("/slow");
    scene.stage.at_run(2).await;
    let waiter = scene.app.get("/slow");
    soon("it follows", || scene.stage.cache.stats().misses == 3).await;
    scene.advance(1);
    assert!(!leader.is_finished() && !waiter.is_finished());
    scene.advance(1);
    let said = "cached-response; fwd=stale; detail=answer-stale-after";
    for asked in [leader, waiter] {
        let answer = asked.answer().await;
        assert_eq!(answer.header("cache-status"), Some(said));
        assert_eq!(
            (answer.header("age"), &*answer.text()),
            (Some("13"), "run 1")
        );
    }
    // The run has continued in the background.
    scene.stage.release(2);
    soon("it is stored", || scene.stage.cache.stats().stored == 2).await;
    assert_eq!(
        scene.get().await,
        (200, "run 2".into(), "hit; ttl=10".into())
    );
    let stats = scene.stage.cache.stats();
    assert_eq!(stats.answered_stale(StaleRule::AnswerAfter), 2);
    assert_eq!((scene.stage.runs(), stats.running), (2, 0));
}

#[actix_web::test]
async fn a_run_in_time_is_the_answer() {
    let scene = Scene::new("/slow").await;
    scene.advance(11);
    let asked = scene.app.get("/slow");
    scene.stage.at_run(2).await;
    scene.advance(1);
    scene.stage.release(2);
    assert_eq!(asked.text().await, "run 2");
}

#[actix_web::test]
async fn without_a_stored_response_requests_wait() {
    let scene = Scene::new("/slow").await;
    scene.stage.cache.invalidate_all();
    let asked = scene.app.get("/slow");
    scene.stage.at_run(2).await;
    scene.advance(4);
    assert!(!asked.is_finished());
    scene.stage.release(2);
    assert_eq!(asked.text().await, "run 2");
}

#[actix_web::test]
async fn a_stale_response_answers_after_the_wait_timeout() {
    let scene = Scene::new("/sie").await;
    scene.advance(11);
    let leader = scene.app.get("/sie");
    scene.stage.at_run(2).await;
    let waiter = scene.app.get("/sie");
    soon("it follows", || scene.stage.cache.stats().misses == 3).await;
    scene.advance(5);
    assert_eq!(waiter.text().await, "run 1");
    assert_eq!(scene.stage.runs(), 2);
    scene.stage.release(2);
    assert_eq!(leader.text().await, "run 2");
}

#[actix_web::test]
async fn a_run_that_times_out_without_a_fallback_is_an_error() {
    let scene = Scene::new("/limit").await;
    scene.advance(11);
    let asked = scene.app.get("/limit");
    scene.stage.at_run(2).await;
    scene.advance(2);
    let answer = asked.answer().await;
    assert_eq!(answer.status, 503);
    assert_eq!(
        answer.header("cache-status"),
        Some("cached-response; fwd=stale; detail=run-timeout")
    );
    assert_eq!(scene.stage.cache.stats().skipped(Skip::RunTimeout), 1);
    scene.stage.release(3);
    assert_eq!(scene.text().await, "run 3");
}

/// A refusal is shown, and a failure has a fallback.
#[actix_web::test]
async fn a_stale_response_answers_in_place_of_a_run_that_times_out() {
    let scene = Scene::new("/limit-sie").await;
    scene.advance(11);
    let asked = scene.app.get("/limit-sie");
    scene.stage.at_run(2).await;
    scene.advance(2);
    let answer = asked.answer().await;
    assert_eq!(
        answer.header("cache-status"),
        Some("cached-response; fwd=stale; detail=stale-if-error")
    );
    assert_eq!(answer.text(), "run 1");
    assert_eq!(scene.text().await, "run 1");
    assert_eq!(
        (scene.stage.runs(), scene.stage.cache.stats().running),
        (2, 0)
    );
}

#[actix_web::test]
async fn one_waiter_of_a_run_that_times_out_takes_over() {
    let scene = Scene::new("/limit").await;
    scene.advance(11);
    NEXT.set(Next::Fine);
    let leader = scene.app.get("/limit");
    scene.stage.at_run(2).await;
    let waiters: Vec<_> = (0..10).map(|_| scene.app.get("/limit")).collect();
    soon("they follow", || scene.stage.cache.stats().misses == 12).await;
    scene.advance(2);
    assert_eq!(leader.answer().await.status, 503);
    scene.stage.release(3);
    for waiter in waiters {
        assert_eq!(waiter.text().await, "run 3");
    }
    assert_eq!(scene.stage.runs(), 3);
}
