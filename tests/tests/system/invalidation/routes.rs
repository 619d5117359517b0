//! Invalidation of routes, by their handlers and their patterns.

use actix_web::{
    App, HttpResponse, Responder, get, guard::Header, middleware::NormalizePath, route,
    test::init_service, web,
};
use cached_response::{
    CacheResponses, Invalidation, InvalidationError, Policy, ResponseCache, cached, cached_response,
};

use super::under_way;
use crate::ask::{get, get_with};

#[get("/list/{page}")]
#[cached_response(timeout = 60)]
async fn list(page: web::Path<u32>) -> impl Responder {
    page.to_string()
}

#[route("/lists/{page}", method = "GET", method = "HEAD")]
#[cached_response(timeout = 60)]
async fn lists(page: web::Path<u32>) -> impl Responder {
    page.to_string()
}

#[cached_response(timeout = 60)]
async fn plain() -> &'static str {
    "plain"
}

#[cached_response(timeout = 60)]
async fn generic<T: Default + ToString + 'static>() -> String {
    T::default().to_string()
}

async fn wrapped() -> &'static str {
    "wrapped"
}

struct Cats;

impl Cats {
    #[cached_response(timeout = 60)]
    async fn show() -> &'static str {
        "cats"
    }
}

mod inner {
    use super::*;

    /// It has the name of another one.
    #[get("/inner/{page}")]
    #[cached_response(timeout = 60)]
    pub(super) async fn list(page: web::Path<u32>) -> impl Responder {
        page.to_string()
    }
}

type Invalidate = fn(&ResponseCache) -> Invalidation;

#[actix_web::test]
async fn a_handler_is_reached_however_it_is_written() {
    #[get("/local")]
    #[cached_response(timeout = 60)]
    async fn local() -> &'static str {
        "local"
    }
    let cases: [(&str, Invalidate); 9] = [
        ("/list/1", |cache| cache.invalidate_route(list)),
        ("/lists/1", |cache| cache.invalidate_route(lists)),
        ("/plain", |cache| cache.invalidate_route(plain)),
        ("/number", |cache| cache.invalidate_route(generic::<u32>)),
        ("/wrapped", |cache| cache.invalidate_route(wrapped)),
        ("/cats", |cache| cache.invalidate_route(Cats::show)),
        ("/inner/1", |cache| cache.invalidate_route(inner::list)),
        ("/local", |cache| cache.invalidate_route(local)),
        ("/list/1", |cache| {
            cache.invalidate_route(concat!(module_path!(), "::list"))
        }),
    ];
    let cache = ResponseCache::builder().build();
    let app = App::new()
        .app_data(cache.clone())
        .service((list, lists, inner::list, local))
        .route("/plain", web::get().to(plain))
        .route("/number", web::get().to(generic::<u32>))
        .route("/text", web::get().to(generic::<String>))
        .route("/wrapped", web::get().to(cached(Policy::new(60), wrapped)))
        .route("/cats", web::get().to(Cats::show));
    let app = init_service(app).await;
    for (reached, invalidate) in cases {
        for (uri, _) in cases {
            get(&app, uri).await;
        }
        invalidate(&cache).await.unwrap();
        for (uri, _) in &cases[..8] {
            assert_eq!(
                get(&app, uri).await.is_hit(),
                *uri != reached,
                "{uri}, {reached}"
            );
        }
    }
}

#[actix_web::test]
async fn a_pattern_is_reached_with_the_scopes_before_it() {
    for pattern in [
        "/shop/list/{page}",
        "/shop/list/{id:[0-9]+}/",
        "//shop/list/{x}",
    ] {
        let cache = ResponseCache::builder().build();
        let app = App::new()
            .app_data(cache.clone())
            .service(web::scope("/shop").service((list, lists)))
            .service(list);
        let app = init_service(app).await;
        let uris = [
            "/shop/list/1",
            "/shop/list/2?a=1",
            "/shop/lists/1",
            "/list/1",
        ];
        for uri in uris {
            get(&app, uri).await;
        }
        cache.invalidate_route(pattern).await.unwrap();
        for (uri, hit) in uris.into_iter().zip([false, false, true, true]) {
            assert_eq!(get(&app, uri).await.is_hit(), hit, "{uri}");
        }
    }
}

#[actix_web::test]
async fn a_pattern_without_parameters_is_reached_in_each_form_of_its_path() {
    let cache = ResponseCache::builder().build();
    let app = App::new()
        .app_data(cache.clone())
        .wrap(CacheResponses::new(Policy::new(60)))
        .service(
            web::scope("")
                .wrap(NormalizePath::trim())
                .route("/about", web::get().to(|| async { "about" })),
        );
    let app = init_service(app).await;
    for uri in ["/about", "/about/", "//about", "/%61bout"] {
        let first = get(&app, uri).await;
        assert!(
            first.status == 404 || get(&app, uri).await.is_hit(),
            "{uri}"
        );
        cache.invalidate_route("/about").await.unwrap();
        assert!(!get(&app, uri).await.is_hit(), "{uri}");
    }
}

#[actix_web::test]
async fn a_middleware_records_the_pattern_behind_a_guard() {
    let side = |wanted: &'static str, pattern: &str| {
        web::resource(pattern)
            .guard(Header("accept-language", wanted))
            .to(move || async move { wanted })
    };
    let cache = ResponseCache::builder().build();
    let app = App::new()
        .app_data(cache.clone())
        .wrap(CacheResponses::new(
            Policy::new(60).vary(["accept-language"]),
        ))
        .service(side("de", "/{one}/x"))
        .service(side("en", "/a/{other}"));
    let app = init_service(app).await;
    for (pattern, language) in [("/{}/x", "de"), ("/a/{}", "en")] {
        for _ in 0..2 {
            get_with(&app, "/a/x", ("accept-language", "de")).await;
            get_with(&app, "/a/x", ("accept-language", "en")).await;
        }
        cache.invalidate_route(pattern).await.unwrap();
        let answer = get_with(&app, "/a/x", ("accept-language", language)).await;
        assert!(!answer.is_hit(), "{pattern}");
    }
}

#[actix_web::test]
async fn a_text_that_names_no_route_is_an_error() {
    let cache = ResponseCache::builder().build();
    for text in ["", "list", "list/{id}"] {
        let outcome = cache.invalidate_route(text).await;
        assert!(
            matches!(outcome, Err(InvalidationError::Nameless(_))),
            "{text}"
        );
    }
    assert_eq!(cache.stats().invalidations, 0);
}

#[actix_web::test]
async fn a_run_that_began_before_is_not_stored_and_not_joined() {
    for invalidate in [
        |cache: &ResponseCache| cache.invalidate_route(super::page),
        |cache: &ResponseCache| cache.invalidate_route("/page/{name}"),
        |cache: &ResponseCache| cache.invalidate_prefix("/page"),
    ] {
        let (stage, app, before) = under_way("/page/a").await;
        invalidate(&stage.cache).await.unwrap();
        let after = app.get("/page/a");
        stage.at_run(2).await;
        stage.release(1);
        assert_eq!(before.text().await, "a, run 1");
        stage.release(2);
        assert_eq!(after.text().await, "a, run 2");
        assert_eq!(app.get("/page/a").text().await, "a, run 2");
    }
}

#[actix_web::test]
async fn a_default_service_has_no_pattern_and_is_cached() {
    let cache = ResponseCache::builder().build();
    let app = App::new()
        .app_data(cache.clone())
        .wrap(CacheResponses::new(Policy::new(60)))
        .default_service(web::to(|| async { HttpResponse::Ok().body("any") }));
    let app = init_service(app).await;
    get(&app, "/any").await;
    cache.invalidate_route("/{any}").await.unwrap();
    assert!(get(&app, "/any").await.is_hit());
}
