//! Which stored responses an invalidation reaches.

use actix_web::guard::Header;
use actix_web::http::header::IF_NONE_MATCH;
use actix_web::http::{Method, StatusCode};
use actix_web::test::TestRequest;
use actix_web::{App, Responder, get, web};
use cached_response::{Policy, ResponseCache, TrackedRequest, cached, cached_response};
use tests::stage::{InProcess, Stage};

use super::{EACH, routes, stage};
use crate::ask::{get, get_with, run};

#[get("/narrow/{n}")]
#[cached_response(timeout = 60, query("page"))]
async fn narrow(stage: web::Data<Stage>) -> impl Responder {
    format!("run {}", stage.run())
}

#[get("/wide/{n}")]
#[cached_response(timeout = 60, query = all)]
async fn wide(stage: web::Data<Stage>) -> impl Responder {
    format!("run {}", stage.run())
}

async fn app() -> (Stage, InProcess) {
    let stage = stage();
    let app = stage.app(|app| _ = app.service(wide).service(narrow)).await;
    (stage, app)
}

/// Stores these, until a worker has them at hand.
async fn store(app: &InProcess, uris: &[&str]) {
    for uri in uris.iter().cycle().take(5 * uris.len()) {
        app.get(uri).answer().await;
    }
}

/// Which of these are still answered from the store.
async fn hits<const N: usize>(app: &InProcess, uris: [&str; N]) -> [bool; N] {
    let mut hits = [false; N];
    for (hit, uri) in hits.iter_mut().zip(uris) {
        *hit = app.get(uri).answer().await.header("age").is_some();
    }
    hits
}

#[actix_web::test]
async fn a_path_is_invalidated_with_its_queries_and_nothing_else() {
    let (stage, app) = app().await;
    let uris = [
        "/wide/1",
        "/wide/1?a=1",
        "/wide/%31?b",
        "/wide/2",
        "/wide/1/",
    ];
    store(&app, &uris[..4]).await;
    stage.cache.invalidate_path("/wide/1").await.unwrap();
    assert_eq!(hits(&app, uris).await, [false, false, false, true, false]);
    assert_eq!(hits(&app, uris).await[..4], [true; 4]);
}

#[actix_web::test]
async fn a_url_is_invalidated_with_its_query_in_any_order() {
    let (stage, app) = app().await;
    let uris = ["/wide/1?a=1&b=2", "/wide/1?b=2", "/wide/1"];
    store(&app, &uris).await;
    stage.cache.invalidate_url("/wide/1?b=2&a=1").await.unwrap();
    assert_eq!(hits(&app, uris).await, [false, true, true]);
    stage.cache.invalidate_url("/wide/1").await.unwrap();
    assert_eq!(hits(&app, uris).await, [true, true, false]);
}

#[actix_web::test]
async fn a_url_reaches_all_requests_that_share_its_key() {
    let (stage, app) = app().await;
    store(&app, &["/narrow/1?page=2&junk=1", "/narrow/1?page=3"]).await;
    stage.cache.invalidate_url("/narrow/1?junk=5&page=2");
    let uris = ["/narrow/1?page=2", "/narrow/1?page=3"];
    assert_eq!(hits(&app, uris).await, [false, true]);
}

#[actix_web::test]
async fn every_handler_on_a_path_is_reached() {
    let cache = ResponseCache::builder().build();
    let side = |wanted: &'static str| web::get().guard(Header("x-side", wanted));
    let left = side("left").to(cached(Policy::new(60), || async { "left" }));
    let right = side("right").to(cached(Policy::new(60), || async { "right" }));
    let both = web::resource("/both").route(left).route(right);
    let app = App::new().app_data(cache.clone()).service(both);
    let app = actix_web::test::init_service(app).await;
    for side in ["left", "right"] {
        get_with(&app, "/both", ("x-side", side)).await;
        assert!(get_with(&app, "/both", ("x-side", side)).await.is_hit());
    }
    cache.invalidate_path("/both");
    for side in ["left", "right"] {
        assert!(!get_with(&app, "/both", ("x-side", side)).await.is_hit());
    }
}

#[get("/variants")]
#[cached_response(timeout = 60)]
async fn variants(request: TrackedRequest) -> impl Responder {
    format!("{:?}, run {}", request.header("accept-language"), run())
}

#[actix_web::test]
async fn every_variant_is_invalidated() {
    for invalidate in [
        |cache: &ResponseCache| cache.invalidate_path("/variants"),
        |cache: &ResponseCache| cache.invalidate_url("/variants"),
    ] {
        let cache = ResponseCache::builder().build();
        let app = App::new().app_data(cache.clone()).service(variants);
        let app = actix_web::test::init_service(app).await;
        let languages = ["de", "en"].map(|language| ("accept-language", language));
        for language in languages {
            get_with(&app, "/variants", language).await;
        }
        assert!(get_with(&app, "/variants", languages[0]).await.is_hit());
        invalidate(&cache);
        for language in languages {
            assert!(!get_with(&app, "/variants", language).await.is_hit());
            assert!(get_with(&app, "/variants", language).await.is_hit());
        }
        assert!(!get(&app, "/variants").await.is_hit());
    }
}

#[actix_web::test]
async fn head_and_validators_meet_nothing_older() {
    for invalidate in EACH {
        let stage = stage();
        let app = stage.app(routes).await;
        (1..=9).for_each(|run| stage.release(run));
        let stored = app.get("/page/a").answer().await;
        let etag = stored.header("etag").unwrap().to_owned();
        let head = || TestRequest::with_uri("/page/a").method(Method::HEAD);
        let revalidation =
            || TestRequest::with_uri("/page/a").insert_header((IF_NONE_MATCH, etag.as_str()));
        let answer = app.ask(revalidation()).answer().await;
        assert_eq!(answer.status, StatusCode::NOT_MODIFIED);
        assert!(app.ask(head()).answer().await.header("age").is_some());

        invalidate(&stage.cache);

        assert!(app.ask(head()).answer().await.header("age").is_none());
        let answer = app.ask(revalidation()).answer().await;
        assert_eq!(
            (answer.status, answer.text()),
            (StatusCode::OK, "a, run 3".into())
        );
    }
}

#[actix_web::test]
async fn caches_do_not_invalidate_each_other() {
    let (_, app) = app().await;
    store(&app, &["/wide/1"]).await;
    for invalidate in EACH {
        invalidate(&ResponseCache::builder().build());
    }
    assert_eq!(hits(&app, ["/wide/1"]).await, [true]);
}

#[actix_web::test]
async fn invalidations_are_counted() {
    let (stage, _) = app().await;
    for invalidate in EACH {
        invalidate(&stage.cache);
    }
    assert_eq!(stage.cache.stats().invalidations, 4);
}
