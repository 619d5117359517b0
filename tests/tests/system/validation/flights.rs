//! Events and requests during a validation.

use tests::stage::Asked;

use super::{Scene, TAGGED, VALIDATED, said};

/// A stale response, and its validation that waits at its barrier, as run 2.
async fn validating() -> (Scene, Asked) {
    let scene = Scene::of(TAGGED).await;
    let first = scene.app.get("/slow");
    scene.stage.at_run(1).await;
    scene.stage.release(1);
    first.answer().await;
    scene.expire();
    let validating = scene.app.get("/slow");
    scene.stage.at_run(2).await;
    (scene, validating)
}

#[actix_web::test]
async fn an_invalidation_during_the_validation_outdates_its_result() {
    let (scene, validating) = validating().await;
    scene.stage.cache.invalidate_path("/slow");
    scene.stage.release(2);
    assert_eq!(validating.answer().await.text(), "one");
    let after = scene.app.get("/slow");
    scene.stage.at_run(3).await;
    scene.stage.release(3);
    let after = after.answer().await;
    assert_eq!(said(&after), "cached-response; fwd=uri-miss; stored");
}

#[actix_web::test]
async fn waiters_get_the_validated_response() {
    let (scene, leader) = validating().await;
    let waiter = scene.app.get("/slow");
    scene.stage.release(2);
    assert_eq!(said(&leader.answer().await), VALIDATED);
    assert_eq!(waiter.answer().await.text(), "one");
    assert_eq!(scene.stage.runs(), 2);
}
