//! Runs that an invalidation overtakes between what they have read and what they store.

use cached_response::Skip;
use tests::stage::soon;

use super::{EACH, under_way};

#[actix_web::test]
async fn an_overtaken_run_answers_only_requests_from_before_the_invalidation() {
    for invalidate in EACH {
        let (stage, app, before) = under_way("/page/a").await;
        invalidate(&stage.cache).await.unwrap();
        stage.release(1);
        assert_eq!(before.text().await, "a, run 1");
        assert_eq!(stage.cache.stats().skipped(Skip::Invalidated), 1);
        stage.release(2);
        assert_eq!(app.get("/page/a").text().await, "a, run 2");
        assert_eq!(app.get("/page/a").text().await, "a, run 2");
    }
}

#[actix_web::test]
async fn a_later_request_does_not_join_an_earlier_run() {
    for invalidate in EACH {
        let (stage, app, before) = under_way("/page/a").await;
        invalidate(&stage.cache);
        let after = app.get("/page/a");
        stage.at_run(2).await;
        let waiter = app.get("/page/a");
        soon("it follows", || stage.cache.stats().misses == 3).await;
        stage.release(1);
        assert_eq!(before.text().await, "a, run 1");
        assert!(!after.is_finished() && !waiter.is_finished());
        stage.release(2);
        assert_eq!(after.text().await, "a, run 2");
        assert_eq!(waiter.text().await, "a, run 2");
        assert_eq!((stage.runs(), stage.cache.stats().running), (2, 0));
    }
}

#[actix_web::test]
async fn waiters_of_an_overtaken_run_share_one_new_run() {
    for invalidate in EACH {
        let (stage, app, leader) = under_way("/page/a").await;
        let waiters: Vec<_> = (0..5).map(|_| app.get("/page/a")).collect();
        soon("they follow", || stage.cache.stats().misses == 6).await;
        invalidate(&stage.cache);
        stage.release(1);
        assert_eq!(leader.text().await, "a, run 1");
        stage.release(2);
        for waiter in waiters {
            assert_eq!(waiter.text().await, "a, run 2");
        }
        assert_eq!(stage.runs(), 2);
    }
}

#[actix_web::test]
async fn an_older_run_does_not_replace_a_newer_one() {
    for invalidate in EACH {
        let (stage, app, before) = under_way("/page/a").await;
        invalidate(&stage.cache);
        stage.release(2);
        assert_eq!(app.get("/page/a").text().await, "a, run 2");
        stage.release(1);
        assert_eq!(before.text().await, "a, run 1");
        assert_eq!(app.get("/page/a").text().await, "a, run 2");
    }
}

#[actix_web::test]
async fn a_live_run_that_is_overtaken_is_not_stored() {
    const LIVE: &str = "/page/a?nocache=1";
    for invalidate in EACH {
        let (stage, app, before) = under_way(LIVE).await;
        let queued = app.get(LIVE);
        soon("it is queued", || stage.cache.stats().forced_refreshes == 2).await;
        invalidate(&stage.cache);
        stage.release(1);
        assert_eq!(before.text().await, "a, run 1");
        stage.release(2);
        assert_eq!(queued.text().await, "a, run 2");
        let answer = app.get("/page/a").text().await;
        assert_eq!((answer.as_str(), stage.runs()), ("a, run 2", 2));
    }
}

#[actix_web::test]
async fn a_leader_that_left_is_overtaken_as_well() {
    for invalidate in EACH {
        let (stage, app, leader) = under_way("/page/a").await;
        leader.leave().await;
        invalidate(&stage.cache);
        stage.release(1);
        soon("it ends", || stage.cache.stats().running == 0).await;
        stage.release(2);
        assert_eq!(app.get("/page/a").text().await, "a, run 2");
    }
}

#[actix_web::test]
async fn runs_for_other_paths_are_not_overtaken() {
    for invalidate in &EACH[..3] {
        let (stage, app, other) = under_way("/page/b").await;
        invalidate(&stage.cache);
        let waiter = app.get("/page/b");
        soon("it follows", || stage.cache.stats().misses == 2).await;
        stage.release(1);
        assert_eq!(other.text().await, "b, run 1");
        assert_eq!(waiter.text().await, "b, run 1");
        assert_eq!(app.get("/page/b").text().await, "b, run 1");
    }
}
