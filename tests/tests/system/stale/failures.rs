//! Failed runs, and their fallback.

use actix_web::test::TestRequest;
use cached_response::{Skip, StaleRule};
use tests::stage::soon;

use super::{FAILURES, NEXT, Next, REFUSALS, Scene};

fn status_of(next: Next) -> Option<u16> {
    match next {
        Next::Fine | Next::Declared => Some(200),
        Next::Status(code) | Next::Error(code) => Some(code),
        Next::Panic => None,
    }
}

/// A refusal is shown, and a failure has a fallback.
#[actix_web::test]
async fn a_stale_response_answers_in_place_of_every_kind_of_failure() {
    for failure in FAILURES {
        let scene = Scene::new("/sie").await;
        scene.release_all();
        scene.advance(11);
        NEXT.set(failure);
        let status = status_of(failure).map(|code| format!("; fwd-status={code}"));
        let status = status.unwrap_or_default();
        let said = format!("fwd=stale{status}; detail=stale-if-error");
        assert_eq!(scene.get().await, (200, "run 1".into(), said));
        // Cooldown: the handler does not run.
        let said = "hit; ttl=-1; detail=stale-if-error";
        assert_eq!(scene.get().await, (200, "run 1".into(), said.into()));
        assert_eq!(scene.stage.runs(), 2);
        NEXT.set(Next::Fine);
        scene.advance(5);
        assert_eq!(
            scene.get().await,
            (200, "run 3".into(), "fwd=stale; stored".into())
        );
        let stats = scene.stage.cache.stats();
        assert_eq!(stats.answered_stale(StaleRule::IfError), 2);
    }
}

/// A refusal is shown, and a failure has a fallback.
#[actix_web::test]
async fn a_refusal_is_shown_and_removes_the_stale_response() {
    for refusal in REFUSALS {
        let scene = Scene::new("/sie").await;
        scene.release_all();
        scene.advance(11);
        NEXT.set(refusal);
        assert_eq!(Some(scene.get().await.0), status_of(refusal));
        NEXT.set(Next::Status(500));
        assert_eq!(scene.get().await.0, 500, "nothing is there to stand in");
    }
}

/// A failing handler has a fallback until the end of the window.
#[actix_web::test]
async fn a_handler_that_fails_for_long_shows_it_only_after_the_bound() {
    let scene = Scene::new("/sie").await;
    scene.release_all();
    NEXT.set(Next::Status(503));
    scene.advance(10);
    for second in 10..50 {
        let before = scene.stage.runs();
        for _ in 0..10 {
            assert_eq!(scene.get().await.1, "run 1", "after {second} s");
        }
        let attempts = scene.stage.runs() - before;
        assert_eq!(attempts, usize::from(second % 5 == 0), "after {second} s");
        scene.advance(1);
    }
    assert_eq!(scene.get().await.0, 503);
    assert_eq!(scene.get().await.0, 503);
}

#[actix_web::test]
async fn waiters_of_a_failed_run_get_the_stale_response() {
    for failure in FAILURES {
        let scene = Scene::new("/sie").await;
        scene.advance(11);
        NEXT.set(failure);
        let leader = scene.app.get("/sie");
        scene.stage.at_run(2).await;
        let waiters: Vec<_> = (0..20).map(|_| scene.app.get("/sie")).collect();
        soon("they follow", || scene.stage.cache.stats().misses == 22).await;
        scene.stage.release(2);
        assert_eq!(leader.text().await, "run 1", "{failure:?}");
        for waiter in waiters {
            assert_eq!(waiter.text().await, "run 1", "{failure:?}");
        }
        assert_eq!(scene.stage.runs(), 2, "{failure:?}");
    }
}

#[actix_web::test]
async fn without_the_rule_a_failure_is_shown() {
    for path in ["/plain", "/none"] {
        for failure in [Next::Status(503), Next::Error(500)] {
            let scene = Scene::new(path).await;
            scene.release_all();
            scene.advance(11);
            NEXT.set(failure);
            assert_eq!(Some(scene.get().await.0), status_of(failure));
        }
    }
}

#[actix_web::test]
async fn a_panic_without_the_rule_is_the_request_s_own() {
    let scene = Scene::new("/plain").await;
    scene.release_all();
    scene.advance(11);
    NEXT.set(Next::Panic);
    assert!(scene.app.get("/plain").survived().await.is_none());
    NEXT.set(Next::Fine);
    assert_eq!(scene.text().await, "run 3");
}

#[actix_web::test]
async fn a_declared_failure_is_not_stored_and_is_shown_without_a_fallback() {
    let scene = Scene::new("/plain").await;
    scene.release_all();
    scene.advance(11);
    NEXT.set(Next::Declared);
    assert_eq!(
        scene.get().await,
        (200, "run 2".into(), "fwd=stale; detail=failed".into())
    );
    assert_eq!(scene.text().await, "run 3");
    assert_eq!(scene.stage.cache.stats().skipped(Skip::Failed), 2);
}

#[actix_web::test]
async fn an_invalidated_response_is_no_fallback() {
    let scene = Scene::new("/sie").await;
    scene.advance(11);
    NEXT.set(Next::Status(503));
    let asked = scene.app.get("/sie");
    scene.stage.at_run(2).await;
    scene.stage.cache.invalidate_path("/sie");
    scene.stage.release(2);
    assert_eq!(asked.answer().await.status, 503);
}

#[actix_web::test]
async fn an_expired_response_is_a_fallback() {
    let scene = Scene::new("/sie").await;
    scene.release_all();
    scene.stage.cache.expire_path("/sie");
    NEXT.set(Next::Status(503));
    assert_eq!(scene.text().await, "run 1");
}

#[actix_web::test]
async fn a_forced_refresh_shows_the_failure() {
    let scene = Scene::new("/sie").await;
    scene.release_all();
    NEXT.set(Next::Status(503));
    for late in [0, 11] {
        scene.advance(late);
        let answer = scene.app.get("/sie?nocache=1").answer().await;
        assert_eq!(answer.status, 503);
    }
    // It says nothing of the rest, nor of what is stored.
    assert_eq!(scene.text().await, "run 1");
}

#[actix_web::test]
async fn a_fallback_answers_conditions() {
    let scene = Scene::new("/sie").await;
    scene.release_all();
    let etag = scene.app.get("/sie").answer().await;
    let etag = etag.header("etag").unwrap().to_owned();
    scene.advance(11);
    NEXT.set(Next::Status(503));
    let conditional = TestRequest::with_uri("/sie").insert_header(("if-none-match", etag));
    let answer = scene.app.ask(conditional).answer().await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("age")),
        (304, Some("11"))
    );
}
