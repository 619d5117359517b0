//! Many at once: a waiter gets only what it might have had from the store.

use super::{Scene, age, said, target, wishing};
use tests::stage::soon;

async fn misses(scene: &Scene, count: u64) {
    let stats = || scene.stage.cache.stats();
    soon("they have missed", || {
        stats().misses + stats().forced_refreshes == count
    })
    .await;
}

#[actix_web::test]
async fn waiters_are_answered_with_the_age_of_the_response() {
    let scene = Scene::new().await;
    let page = target("/slow", &[("cache-control", "max-age=60"), ("age", "20")]);
    let leader = scene.app.get(&page);
    scene.stage.at_run(1).await;
    let waiter = scene.app.get(&page);
    misses(&scene, 2).await;
    scene.stage.release(1);
    assert_eq!(leader.text().await, "run 1");
    let followed = waiter.answer().await;
    assert_eq!(said(&followed), "fwd=uri-miss; collapsed");
    assert_eq!(
        (followed.text(), age(&followed)),
        ("run 1".into(), Some(20))
    );
}

#[actix_web::test]
async fn a_waiter_whose_directives_are_not_met_runs_the_handler_itself() {
    let scene = Scene::new().await;
    let page = target("/slow", &[("cache-control", "max-age=60"), ("age", "20")]);
    let leader = scene.app.get(&page);
    scene.stage.at_run(1).await;
    let met = scene.app.ask(wishing(&page, "max-age=20, min-fresh=40"));
    misses(&scene, 2).await;
    let unmet = scene.app.ask(wishing(&page, "min-fresh=41"));
    misses(&scene, 3).await;
    (1..=2).for_each(|run| scene.stage.release(run));
    assert_eq!(leader.text().await, "run 1");
    assert_eq!(met.text().await, "run 1");
    assert_eq!(unmet.text().await, "run 2");
}

/// RFC 9111 §4: what may not be reused without validation is not for others.
#[actix_web::test]
async fn a_response_stored_only_for_validation_is_never_sent_to_a_waiter() {
    for says in ["no-cache", "max-age=0"] {
        let scene = Scene::new().await;
        let page = target("/slow", &[("cache-control", says), ("etag", "\"a\"")]);
        let all: Vec<_> = (0..10).map(|_| scene.app.get(&page)).collect();
        misses(&scene, 10).await;
        assert_eq!(scene.stage.runs(), 1);
        (1..=20).for_each(|run| scene.stage.release(run));
        let mut texts = Vec::new();
        for one in all {
            texts.push(one.text().await);
        }
        texts.sort_unstable();
        texts.dedup();
        assert_eq!((texts.len(), scene.stage.runs()), (10, 10), "{says}");
        // From now on no request waits in vain.
        scene.get(&page).await;
        assert_eq!(scene.stage.cache.stats().hit_for_pass, 1, "{says}");
    }
}
