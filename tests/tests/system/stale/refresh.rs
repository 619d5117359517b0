//! Background refreshes.

use actix_web::test::TestRequest;
use cached_response::{Skip, StaleRule};
use tests::stage::soon;

use super::{FAILURES, NEXT, Next, REFUSALS, Scene};

/// One refresh for each expiry.
#[actix_web::test]
async fn a_stale_response_answers_at_once_and_is_refreshed_once() {
    let scene = Scene::new("/swr").await;
    scene.advance(15);
    let said = "hit; ttl=-5; detail=stale-while-revalidate";
    for _ in 0..1000 {
        assert_eq!(scene.get().await, (200, "run 1".into(), said.into()));
    }
    scene.stage.at_run(2).await;
    assert_eq!(scene.stage.runs(), 2);
    scene.stage.release(2);
    soon("it is stored", || scene.stage.cache.stats().stored == 2).await;
    assert_eq!(
        scene.get().await,
        (200, "run 2".into(), "hit; ttl=10".into())
    );
    let stats = scene.stage.cache.stats();
    assert_eq!((stats.refreshes, stats.running), (1, 0));
    assert_eq!(stats.answered_stale(StaleRule::WhileRevalidate), 1000);
}

#[actix_web::test]
async fn each_expiry_has_one_refresh() {
    let scene = Scene::new("/swr").await;
    scene.release_all();
    for expiry in 1..=20 {
        scene.advance(11);
        for _ in 0..10 {
            scene.text().await;
        }
        let stored = || scene.stage.cache.stats().stored == expiry + 1;
        soon("it is refreshed", stored).await;
        assert_eq!(scene.text().await, format!("run {}", expiry + 1));
    }
    assert_eq!(scene.stage.runs(), 21);
}

#[actix_web::test]
async fn after_the_window_the_client_waits() {
    let scene = Scene::new("/swr").await;
    scene.advance(310);
    scene.stage.release(2);
    assert_eq!(scene.get().await.1, "run 2");
}

#[actix_web::test]
async fn in_the_last_moment_of_the_window_it_answers() {
    let scene = Scene::new("/swr").await;
    scene.advance(309);
    assert_eq!(scene.get().await.1, "run 1");
    scene.stage.release(2);
    soon("it is refreshed", || scene.stage.cache.stats().stored == 2).await;
}

#[actix_web::test]
async fn without_a_rule_the_client_waits() {
    for path in ["/plain", "/none", "/sie"] {
        let scene = Scene::new(path).await;
        scene.advance(11);
        scene.stage.release(2);
        assert_eq!(
            scene.get().await,
            (200, "run 2".into(), "fwd=stale; stored".into())
        );
    }
}

#[actix_web::test]
async fn a_response_is_refreshed_ahead_of_its_expiry() {
    let scene = Scene::new("/ahead").await;
    scene.advance(4);
    assert_eq!(scene.get().await.2, "hit; ttl=6");
    assert_eq!(scene.stage.runs(), 1);
    scene.advance(1);
    assert_eq!(
        scene.get().await,
        (200, "run 1".into(), "hit; ttl=5".into())
    );
    scene.stage.at_run(2).await;
    assert_eq!(scene.get().await.1, "run 1");
    scene.stage.release(2);
    soon("it is refreshed", || scene.stage.cache.stats().stored == 2).await;
    assert_eq!(
        scene.get().await,
        (200, "run 2".into(), "hit; ttl=10".into())
    );
    assert_eq!(scene.stage.runs(), 2);
}

#[actix_web::test]
async fn a_refresh_ahead_that_fails_starts_the_cooldown_and_the_response_stays() {
    let scene = Scene::new("/ahead").await;
    scene.release_all();
    scene.advance(5);
    NEXT.set(Next::Status(500));
    scene.text().await;
    soon("it fails", || {
        scene.stage.cache.stats().skipped(Skip::Status) == 1
    })
    .await;
    scene.advance(4);
    assert_eq!(
        scene.get().await,
        (200, "run 1".into(), "hit; ttl=1".into())
    );
    assert_eq!(scene.stage.runs(), 2);
}

/// A refusal is shown, and a failure has a fallback.
#[actix_web::test]
async fn a_refresh_that_is_refused_removes_the_stale_response() {
    for refusal in REFUSALS {
        let scene = Scene::new("/swr").await;
        scene.release_all();
        scene.advance(11);
        NEXT.set(refusal);
        assert_eq!(scene.text().await, "run 1");
        let ended = || scene.stage.cache.stats().running == 0;
        soon("the refresh ends", || scene.stage.runs() == 2 && ended()).await;
        let (status, _, said) = scene.get().await;
        assert!(
            status > 400 && said.starts_with("fwd=uri-miss"),
            "{refusal:?}: {said}"
        );
    }
}

/// A refusal is shown, and a failure has a fallback.
#[actix_web::test]
async fn a_refresh_that_fails_keeps_the_stale_response_and_starts_the_cooldown() {
    for failure in FAILURES {
        let scene = Scene::new("/swr").await;
        scene.release_all();
        scene.advance(11);
        NEXT.set(failure);
        assert_eq!(scene.text().await, "run 1");
        let ended = || scene.stage.runs() == 2 && scene.stage.cache.stats().running == 0;
        soon("the refresh ends", ended).await;
        NEXT.set(Next::Fine);
        for _ in 0..29 {
            assert_eq!(scene.text().await, "run 1", "{failure:?}");
            scene.advance(1);
        }
        assert_eq!(scene.stage.runs(), 2, "{failure:?}: it rests");
        scene.advance(1);
        assert_eq!(scene.text().await, "run 1", "{failure:?}");
        soon("it tries again", || scene.stage.cache.stats().stored == 2).await;
        assert_eq!(scene.text().await, "run 3", "{failure:?}");
    }
}

/// A refresh that fails leaves the next one free to try.
#[actix_web::test]
async fn a_refresh_that_times_out_is_tried_again_after_the_cooldown() {
    for (path, limit) in [("/swr", 30), ("/limit-swr", 2)] {
        let scene = Scene::new(path).await;
        scene.advance(11);
        assert_eq!(scene.text().await, "run 1");
        scene.stage.at_run(2).await;
        scene.advance(limit);
        soon("it is given up", || scene.stage.cache.stats().running == 0).await;
        assert_eq!(scene.text().await, "run 1");
        assert_eq!(scene.stage.runs(), 2, "{path}: it rests");
        scene.advance(30);
        assert_eq!(scene.text().await, "run 1");
        scene.stage.at_run(3).await;
        scene.stage.release(3);
        soon("it is refreshed", || scene.stage.cache.stats().stored == 2).await;
        assert_eq!(scene.text().await, "run 3");
    }
}

#[actix_web::test]
async fn a_request_without_stale_responses_waits_for_the_refresh() {
    let scene = Scene::new("/swr").await;
    scene.advance(11);
    assert_eq!(scene.text().await, "run 1");
    scene.stage.at_run(2).await;
    scene.advance(320);
    let waiting = scene.app.get("/swr");
    soon("it follows or leads", || {
        scene.stage.cache.stats().misses >= 2
    })
    .await;
    scene.release_all();
    assert_ne!(waiting.text().await, "run 1");
}

#[actix_web::test]
async fn an_invalidated_response_is_never_answered_stale() {
    let scene = Scene::new("/swr").await;
    scene.advance(11);
    scene.stage.cache.invalidate_path("/swr");
    scene.stage.release(2);
    assert_eq!(scene.get().await.1, "run 2");
}

#[actix_web::test]
async fn a_refresh_that_an_invalidation_overtakes_is_not_stored() {
    let scene = Scene::new("/swr").await;
    scene.advance(11);
    assert_eq!(scene.text().await, "run 1");
    scene.stage.at_run(2).await;
    scene.stage.cache.invalidate_path("/swr");
    let after = scene.app.get("/swr");
    scene.stage.at_run(3).await;
    scene.stage.release(2);
    scene.stage.release(3);
    assert_eq!(after.text().await, "run 3");
    assert_eq!(scene.text().await, "run 3");
}

#[actix_web::test]
async fn an_expired_response_answers_while_it_is_refreshed() {
    let scene = Scene::new("/swr").await;
    scene.stage.cache.expire_path("/swr");
    let said = "hit; ttl=0; detail=stale-while-revalidate";
    assert_eq!(scene.get().await, (200, "run 1".into(), said.into()));
    scene.stage.release(2);
    soon("it is refreshed", || scene.stage.cache.stats().stored == 2).await;
    assert_eq!(scene.get().await.1, "run 2");
}

#[actix_web::test]
async fn a_request_for_the_head_alone_is_answered_and_refreshes_nothing() {
    let scene = Scene::new("/swr").await;
    scene.advance(11);
    let head = TestRequest::with_uri("/swr").method(actix_web::http::Method::HEAD);
    let answer = scene.app.ask(head).answer().await;
    assert_eq!(answer.header("age"), Some("11"));
    assert_eq!(scene.stage.cache.stats().refreshes, 0);
}

#[actix_web::test]
async fn a_forced_refresh_waits_for_a_run_of_its_own() {
    let scene = Scene::new("/swr").await;
    scene.advance(11);
    scene.stage.release(2);
    assert_eq!(scene.app.get("/swr?nocache=1").text().await, "run 2");
}
