//! Tags that are known before the run.

use std::time::Duration;

use actix_web::http::Method;
use actix_web::{App, Responder, get, web};
use cached_response::{
    CacheResponses, ForwardReason, Outcome, Policy, ResponseCache, Skip, cached, cached_response,
};
use tests::stage::{InProcess, Stage};

use super::stage;

#[get("/products/{id}")]
#[cached_response(timeout = 60, query = all, tags("products", "product:{id}", "{{{id}}}"))]
async fn product(stage: web::Data<Stage>) -> impl Responder {
    format!("run {}", stage.run())
}

#[get("/lists/{name}")]
#[cached_response(timeout = 60, tags("products"))]
async fn list(stage: web::Data<Stage>) -> impl Responder {
    format!("run {}", stage.run())
}

async fn app() -> (Stage, InProcess) {
    let stage = stage();
    let app = stage
        .app(|app| _ = app.service(product).service(list))
        .await;
    (stage, app)
}

/// Which of these are answered from the store; they all are the next time.
async fn hits<const N: usize>(app: &InProcess, uris: [&str; N]) -> [bool; N] {
    let mut hits = [false; N];
    for (hit, uri) in hits.iter_mut().zip(uris) {
        // So often that a worker has it at hand.
        for n in 0..4 {
            let answer = app.get(uri).answer().await;
            if n == 0 {
                *hit = answer.header("age").is_some();
            }
        }
    }
    hits
}

const URIS: [&str; 4] = ["/products/7", "/products/7?a", "/products/8", "/lists/new"];

#[actix_web::test]
async fn a_tag_reaches_every_response_that_has_it() {
    let (stage, app) = app().await;
    hits(&app, URIS).await;
    stage.cache.invalidate_tag("products").await.unwrap();
    assert_eq!(hits(&app, URIS).await, [false; 4]);
    assert_eq!(hits(&app, URIS).await, [true; 4]);
}

#[actix_web::test]
async fn a_parameter_in_a_tag_separates_its_values() {
    for tag in ["product:7", "{7}"] {
        let (stage, app) = app().await;
        hits(&app, URIS).await;
        stage.cache.invalidate_tag(tag).await.unwrap();
        assert_eq!(hits(&app, URIS).await, [false, false, true, true]);
    }
}

#[actix_web::test]
async fn a_parameter_is_in_a_tag_as_the_handler_sees_it() {
    let (stage, app) = app().await;
    let uris = ["/products/a%2Fb%25", "/products/%C3%A9"];
    for (tag, left) in [
        ("product:a/b%", [false, true]),
        ("product:é", [true, false]),
    ] {
        hits(&app, uris).await;
        stage.cache.invalidate_tag(tag).await.unwrap();
        assert_eq!(hits(&app, uris).await, left);
    }
}

#[actix_web::test]
async fn several_tags_are_invalidated_together() {
    let (stage, app) = app().await;
    hits(&app, URIS).await;
    let tags = ["product:8", "product:9"].map(String::from);
    stage.cache.invalidate_tags(tags).await.unwrap();
    assert_eq!(hits(&app, URIS).await, [true, true, false, true]);
    assert_eq!(stage.cache.stats().invalidations, 2);
}

#[actix_web::test]
async fn an_expired_tag_leaves_stale_responses() {
    let (stage, app) = app().await;
    hits(&app, URIS).await;
    stage.cache.expire_tags(["product:7"]).await.unwrap();
    let answer = app.get("/products/7").answer().await;
    let status = answer.header("cache-status").unwrap();
    assert_eq!(status, "cached-response; fwd=stale; stored");
    assert_eq!(hits(&app, URIS).await, [true, false, true, true]);
}

#[actix_web::test]
async fn an_unused_tag_reaches_nothing() {
    let (stage, app) = app().await;
    hits(&app, URIS).await;
    stage
        .cache
        .invalidate_tags(["product:", "Products", "product:77", ""]);
    assert_eq!(hits(&app, URIS).await, [true; 4]);
}

/// How often it was not stored because of its tags.
async fn untagged(cache: &ResponseCache, app: &InProcess, uri: &str) -> u64 {
    for _ in 0..2 {
        let answer = app.get(uri).answer().await;
        let status = answer.header("cache-status").unwrap();
        assert!(status.ends_with("; detail=tags"), "{status}");
    }
    cache.stats().skipped(Skip::Tags)
}

#[actix_web::test]
async fn a_response_without_its_tags_is_sent_and_not_stored() {
    let stage = stage();
    let app = stage.app(|app| {
        let policy = Policy::new(60).tags(["product:{sku}"]);
        let handler = cached(policy, || async { "a product" });
        app.route("/products/{id}", web::get().to(handler));
    });
    assert_eq!(untagged(&stage.cache, &app.await, "/products/7").await, 2);
}

#[actix_web::test]
async fn a_tag_that_a_parameter_makes_too_long_is_none() {
    let (stage, app) = app().await;
    let fits = format!("/products/{}", "x".repeat(248));
    assert_eq!(hits(&app, [&fits]).await, [false]);
    assert_eq!(hits(&app, [&fits]).await, [true]);
    let too_long = format!("/products/{}", "x".repeat(249));
    assert_eq!(untagged(&stage.cache, &app, &too_long).await, 2);
}

#[actix_web::test]
async fn a_middleware_fills_tags_from_the_parameters_of_its_resource() {
    let cache = ResponseCache::builder().build();
    let tagged = Policy::new(60).tags(["product:{id}"]);
    let inside = web::resource("/products/{id}").wrap(CacheResponses::new(tagged));
    let app = App::new().app_data(cache.clone());
    let app = app.service(inside.route(web::get().to(|| async { "a product" })));
    let app = actix_web::test::init_service(app).await;
    let get = || crate::ask::get(&app, "/products/7");
    get().await;
    assert!(get().await.is_hit());
    cache.invalidate_tag("product:7");
    assert!(!get().await.is_hit());
    assert!(get().await.is_hit());
}

#[actix_web::test]
async fn an_explanation_names_the_tags_of_the_route() {
    let stage = stage();
    let app = App::new()
        .app_data(stage.cache.clone())
        .app_data(web::Data::new(stage.clone()))
        .service(product);
    let app = actix_web::test::init_service(app).await;
    let asked = actix_web::test::TestRequest::with_uri("/products/7").to_request();
    let response = actix_web::test::call_service(&app, asked).await;
    let explained = stage.cache.explain(response.request());
    assert_eq!(explained[0].tags, ["products", "product:7", "{7}"]);
    assert!(explained[0].to_string().contains("  tagged product:7\n"));
}

#[actix_web::test]
async fn an_explanation_of_an_expired_response_shows_which_method_leads_its_refresh() {
    let cache = ResponseCache::builder().build();
    let page = || async { "page" };
    let policy = Policy::new(60).stale_while_revalidate(60);
    let app = App::new()
        .app_data(cache.clone())
        .route("/page", web::route().to(cached(policy, page)));
    let app = actix_web::test::init_service(app).await;
    let mut asked = Vec::new();
    for method in [Method::GET, Method::HEAD] {
        let request = actix_web::test::TestRequest::with_uri("/page").method(method);
        let response = actix_web::test::call_service(&app, request.to_request()).await;
        asked.push(response.request().clone());
    }
    cache.expire_path("/page").await.unwrap();
    let outcomes: Vec<_> = asked
        .iter()
        .map(|asked| cache.explain(asked)[0].outcome)
        .collect();
    let stale = Outcome::Miss(ForwardReason::Stale);
    assert_eq!(outcomes, [Outcome::Hit(Duration::ZERO), stale]);
}
