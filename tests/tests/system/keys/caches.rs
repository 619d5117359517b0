//! Caches of their own, of applications and of routes.

use actix_web::test::init_service;
use actix_web::{App, get};
use cached_response::testing::isolated;
use cached_response::{ResponseCache, cached_response};

use super::any_page;
use crate::ask::{get as ask_for, run};

#[actix_web::test]
async fn two_applications_with_caches_of_their_own_do_not_meet() {
    let caches = [(); 2].map(|()| ResponseCache::builder().build());
    for (n, cache) in caches.iter().enumerate() {
        let app = App::new().app_data(cache.clone()).service(any_page);
        let app = init_service(app).await;
        assert_eq!(ask_for(&app, "/").await.body, (n + 1).to_string());
    }
    assert!(caches.iter().all(|cache| cache.stats().entries == 1));
}

static OWN: std::sync::LazyLock<ResponseCache> =
    std::sync::LazyLock::new(|| ResponseCache::builder().build());

#[get("/own")]
#[cached_response(cache = OWN)]
async fn own() -> String {
    run().to_string()
}

#[actix_web::test]
async fn a_route_with_a_cache_of_its_own_uses_no_other() {
    let cache = isolated();
    let app = App::new()
        .app_data(ResponseCache::builder().build())
        .service(own);
    let app = init_service(app).await;
    assert_eq!(ask_for(&app, "/own").await.body, "1");
    assert_eq!(ask_for(&app, "/own").await.body, "1");
    assert_eq!(OWN.stats().entries, 1);
    assert_eq!(cache.cache().stats().entries, 0);
}
