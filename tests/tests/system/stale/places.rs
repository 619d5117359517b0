//! Permits of a worker for detached runs and for background refreshes.

use tests::stage::soon;

use super::{NEXT, Next, Scene};

const PLACES: usize = 64;

impl Scene {
    /// As many detached runs of other pages as a worker allows, each at its barrier.
    async fn abandon_runs(&self) {
        for n in 0..PLACES {
            let asked = self.app.get(&format!("/plain?{n}"));
            self.stage.at_run(self.stage.runs() + 1).await;
            asked.leave().await;
        }
        assert_eq!(self.stage.cache.stats().detached, PLACES as u64);
    }

    /// As many refreshes of other pages as a worker allows, each at its barrier; all pages are stale then,
    /// that of the scene as well.
    async fn refresh_elsewhere(&self) {
        for n in 1..=PLACES {
            self.stage.release(n + 1);
            let stored = self.app.get(&format!("{}?{n}", self.path)).text().await;
            assert_eq!(stored, format!("run {}", n + 1));
        }
        self.advance(15);
        for n in 1..=PLACES {
            let stale = self.app.get(&format!("{}?{n}", self.path)).text().await;
            assert_eq!(stale, format!("run {}", n + 1));
        }
        self.stage.at_run(BUSY).await;
        assert_eq!(self.stage.cache.stats().refreshes, PLACES as u64);
    }
}

/// The runs of a scene where all permits for refreshes are taken.
const BUSY: usize = 1 + 2 * PLACES;

#[actix_web::test]
async fn abandoned_runs_do_not_stop_the_refreshes_of_their_worker() {
    let scene = Scene::new("/swr").await;
    scene.abandon_runs().await;
    scene.advance(15);
    assert_eq!(scene.text().await, "run 1");
    let refresh = PLACES + 2;
    scene.stage.at_run(refresh).await;
    scene.stage.release(refresh);
    soon("it is stored", || scene.stage.cache.stats().stored == 2).await;
    assert_eq!(scene.text().await, format!("run {refresh}"));
}

#[actix_web::test]
async fn refreshes_do_not_stop_runs_from_being_detached() {
    let scene = Scene::new("/swr").await;
    scene.refresh_elsewhere().await;
    let asked = scene.app.get("/plain");
    scene.stage.at_run(BUSY + 1).await;
    asked.leave().await;
    let stats = scene.stage.cache.stats();
    assert_eq!((stats.detached, stats.failed), (1, 0));
}

#[actix_web::test]
async fn a_refresh_without_a_permit_is_waited_for_by_one_request() {
    let scene = Scene::new("/swr").await;
    scene.refresh_elsewhere().await;
    let waits = scene.app.get("/swr");
    scene.stage.at_run(BUSY + 1).await;
    // The others are answered meanwhile.
    let said = "hit; ttl=-5; detail=stale-while-revalidate";
    for _ in 0..10 {
        assert_eq!(scene.get().await, (200, "run 1".into(), said.into()));
    }
    scene.stage.release(BUSY + 1);
    let answer = waits.answer().await;
    assert_eq!(answer.text(), format!("run {}", BUSY + 1));
    let said = "cached-response; fwd=stale; stored";
    assert_eq!(answer.header("cache-status"), Some(said));
    assert_eq!(scene.text().await, format!("run {}", BUSY + 1));
    assert_eq!(scene.stage.runs(), BUSY + 1);
}

/// Opens the barrier of `run` alone.
async fn let_fail(scene: &Scene, run: usize) {
    scene.stage.at_run(run).await;
    scene.stage.release(run);
}

#[actix_web::test]
async fn a_foreground_refresh_that_fails_falls_back_and_starts_the_cooldown() {
    let scene = Scene::new("/swr").await;
    scene.refresh_elsewhere().await;
    NEXT.set(Next::Status(500));
    let waits = scene.app.get("/swr");
    let_fail(&scene, BUSY + 1).await;
    let answer = waits.answer().await;
    assert_eq!(
        (answer.status.as_u16(), answer.text()),
        (200, "run 1".into())
    );
    assert_eq!(scene.text().await, "run 1", "it rests");
    assert_eq!(scene.stage.runs(), BUSY + 1);
}

#[actix_web::test]
async fn a_freed_permit_is_taken_again() {
    let scene = Scene::new("/swr").await;
    scene.refresh_elsewhere().await;
    scene.stage.release(BUSY);
    let stored = scene.stage.cache.stats().stored;
    soon("one ends", || scene.stage.cache.stats().stored > stored).await;
    soon("its place is free", || {
        scene.stage.cache.stats().running == PLACES - 1
    })
    .await;
    assert_eq!(scene.text().await, "run 1");
    scene.stage.at_run(BUSY + 1).await;
    assert_eq!(scene.stage.cache.stats().refreshes, PLACES as u64 + 1);
}

#[actix_web::test]
async fn a_fresh_response_answers_where_its_refresh_has_no_permit() {
    let scene = Scene::new("/swr").await;
    scene.refresh_elsewhere().await;
    let ahead = scene.app.get("/ahead");
    scene.stage.at_run(BUSY + 1).await;
    scene.stage.release(BUSY + 1);
    ahead.answer().await;
    scene.advance(6);
    let answer = scene.app.get("/ahead").answer().await;
    assert_eq!(answer.text(), format!("run {}", BUSY + 1));
    assert_eq!(
        answer.header("cache-status"),
        Some("cached-response; hit; ttl=4")
    );
    assert_eq!(scene.stage.runs(), BUSY + 1);
}
