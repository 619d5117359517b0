//! `PURGE` and `SOFTPURGE`.

use actix_web::{
    App, HttpResponse, Responder,
    guard::GuardContext,
    http::Method,
    route,
    test::{TestRequest, init_service},
    web,
};
use cached_response::{
    CacheResponses, Policy, ResponseCache, StoreErrorKind, cached, cached_response,
    testing::InProcessStore,
};
use serde_json::{Value, json};

use crate::ask::{Answer, ask, get, run};

fn has_secret(context: &GuardContext<'_>) -> bool {
    let secret = context.head().headers().get("x-secret");
    secret.is_some_and(|secret| secret == "rosebud")
}

#[route("/news/{id}", method = "GET", method = "PURGE", method = "SOFTPURGE")]
#[cached_response(timeout = 60, query = all, stale_if_error = 60, purge = has_secret)]
async fn news(id: web::Path<u32>) -> impl Responder {
    format!("{id}, run {}", run())
}

fn policy() -> Policy {
    Policy::new(60).query_all()
}

fn request(method: &str, uri: &str, secret: &str) -> TestRequest {
    TestRequest::with_uri(uri)
        .method(Method::from_bytes(method.as_bytes()).unwrap())
        .insert_header(("x-secret", secret))
}

fn body(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

#[actix_web::test]
async fn only_an_operator_can_purge_a_url() {
    let cache = ResponseCache::builder().build();
    let behind = web::scope("/behind")
        .wrap(CacheResponses::new(
            policy().neutral_headers(["x-secret"]).purge(has_secret),
        ))
        .route(
            "/{id}",
            web::get().to(|| async { format!("run {}", run()) }),
        );
    let wrapped = cached(policy().purge(has_secret), || async {
        format!("run {}", run())
    });
    let app = App::new()
        .app_data(cache.clone())
        .service(news)
        .service(behind)
        .route("/wrapped/{id}", web::route().to(wrapped));
    let app = init_service(app).await;
    for base in ["/news", "/behind", "/wrapped"] {
        let (uri, other) = (format!("{base}/7?page=2"), format!("{base}/7"));
        for (method, soft) in [("PURGE", false), ("SOFTPURGE", true)] {
            get(&app, &uri).await;
            get(&app, &other).await;
            let refused = ask(&app, request(method, &uri, "guess")).await;
            assert_eq!(refused.status, 403, "{base}");
            assert!(get(&app, &uri).await.is_hit(), "{base}");

            let purged = ask(&app, request(method, &uri, "rosebud")).await;
            assert_eq!(purged.status, 200, "{base}");
            assert_eq!(purged.header("cache-control").as_deref(), Some("no-store"));
            let wanted = json!({ "path": format!("{base}/7"), "soft": soft, "confirmed": true });
            assert_eq!(body(&purged), wanted);
            assert!(get(&app, &other).await.is_hit(), "{base}");
            let after = get(&app, &uri).await;
            assert!(!after.is_hit(), "{base}");
            let status = after.header("cache-status").unwrap();
            assert_eq!(status.contains("fwd=stale"), soft, "{status}");
        }
        let asked = ask(&app, request("GET", &uri, "rosebud")).await;
        assert!(asked.body.contains("run"), "never a GET");
    }
}

#[actix_web::test]
async fn without_the_option_it_is_a_method_like_any_other() {
    let cache = ResponseCache::builder().build();
    let behind = web::scope("/behind")
        .wrap(CacheResponses::new(policy()))
        .service(web::resource("/page").route(web::get().to(|| async { "page" })));
    let only_get = web::get().to(cached(policy(), || async { "page" }));
    let app = App::new()
        .app_data(cache.clone())
        .service(behind)
        .service(web::resource("/resource").route(only_get))
        .default_service(web::to(|| async {
            HttpResponse::NotFound().body("nothing")
        }));
    let app = init_service(app).await;
    for (uri, status) in [("/behind/page", 405), ("/resource", 405), ("/none", 404)] {
        get(&app, uri).await;
        for method in ["PURGE", "SOFTPURGE"] {
            let answer = ask(&app, request(method, uri, "rosebud")).await;
            assert_eq!(answer.status, status, "{uri}");
        }
    }
    assert_eq!(cache.stats().invalidations, 0);
}

#[actix_web::test]
async fn an_unconfirmed_invalidation_is_reported() {
    let store = InProcessStore::new();
    store.fail_only("delete_many", StoreErrorKind::Refused);
    let cache = ResponseCache::builder().remote(store).build();
    let app = init_service(App::new().app_data(cache).service(news)).await;
    let purged = ask(&app, request("PURGE", "/news/7?token=secret", "rosebud")).await;
    assert_eq!(purged.status, 202);
    assert_eq!(body(&purged)["confirmed"], false);
    assert!(!purged.body.contains("secret"), "no query is shown");
}

#[actix_web::test]
async fn a_purge_behind_a_middleware_without_one_is_of_the_url_alone() {
    let cache = ResponseCache::builder().build();
    let outer = CacheResponses::new(policy().neutral_headers(["x-secret"]));
    let scope = web::scope("/outer").wrap(outer).service(news);
    let app = init_service(App::new().app_data(cache.clone()).service(scope)).await;
    let (uri, other) = ("/outer/news/7?page=2", "/outer/news/7");
    let is_hit = async |uri| get(&app, uri).await.header("age").is_some();
    for (method, soft) in [("PURGE", false), ("SOFTPURGE", true)] {
        for uri in [uri, other, uri, other] {
            get(&app, uri).await;
        }
        assert!(is_hit(uri).await && is_hit(other).await);
        let before = cache.stats().invalidations;
        let purged = ask(&app, request(method, uri, "rosebud")).await;
        assert_eq!(purged.status, 200);
        assert_eq!(cache.stats().invalidations, before + 1);
        assert!(is_hit(other).await);
        let after = get(&app, uri).await;
        assert_eq!(after.header("age"), None);
        let status = after.header("cache-status").unwrap();
        assert_eq!(status.contains("fwd=stale"), soft, "{status}");
    }
}
