//! Caches in front: the tags of a response in a header, and calls of the application when something
//! is invalidated.

use std::future::pending;
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::SeqCst},
    mpsc::{Receiver, RecvTimeoutError, channel},
};
use std::time::Duration;

use actix_web::{
    App, Error, HttpResponse, Responder,
    body::{BodyStream, BoxBody},
    dev::{ServiceRequest, ServiceResponse},
    error::ErrorNotFound,
    get,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, ETAG},
    },
    middleware::{Next, from_fn},
    test::{TestRequest, init_service},
    web::{self, Bytes},
};
use cached_response::{
    CacheResponses, InvalidatedNames, Policy, ResponseCache, ResponseCacheBuilder, cached_response,
    context::stale_response, tag,
};
use futures_util::stream;
use tests::{
    raw::{Request, fetch},
    server::Server,
};

use crate::ask::{ask, get, get_with, post};

#[get("/products/{id}")]
#[cached_response(timeout = 60, tags("products", "product {id}"))]
async fn product(id: web::Path<u32>) -> impl Responder {
    tag(format!("named,{id}"));
    HttpResponse::Ok()
        .insert_header(("surrogate-key", "own"))
        .body("a product")
}

#[get("/validated")]
#[cached_response(timeout = 60, tags("validated"))]
async fn validated() -> HttpResponse {
    if let Some(previous) = stale_response() {
        return previous.not_modified();
    }
    tag("first");
    HttpResponse::Ok()
        .insert_header((ETAG, "\"1\""))
        .body("one")
}

#[get("/stream")]
#[cached_response(timeout = 60, tags("streams"))]
async fn streamed() -> HttpResponse {
    let pieces = [Bytes::from_static(b"one"), Bytes::from_static(b"two")];
    let pieces = pieces.map(Ok::<_, std::convert::Infallible>);
    HttpResponse::Ok().body(BodyStream::new(stream::iter(pieces)))
}

#[get("/untagged")]
#[cached_response(timeout = 60)]
async fn untagged() -> &'static str {
    "untagged"
}

fn keyed(header: &'static str) -> ResponseCacheBuilder {
    ResponseCache::builder().surrogate_keys(header)
}

#[actix_web::test]
async fn a_miss_a_hit_and_a_revalidation_have_the_tags() {
    let cache = keyed("Surrogate-Key").build();
    let app = App::new()
        .app_data(cache.clone())
        .service((product, validated, streamed, untagged));
    let app = init_service(app).await;
    let cases = [
        ("/products/7", Some("own products product%207 named%2C7")),
        ("/validated", Some("validated first")),
        ("/stream", Some("streams")),
        ("/untagged", None),
    ];
    for (uri, keys) in cases {
        for is_hit in [false, true, true] {
            let answer = get(&app, uri).await;
            assert_eq!(answer.is_hit(), is_hit, "{uri}");
            assert_eq!(answer.header("surrogate-key").as_deref(), keys, "{uri}");
        }
    }
    cache.expire_path("/validated");
    let answer = get(&app, "/validated").await;
    assert_eq!(cache.stats().validated, 1);
    let keys = answer.header("surrogate-key").unwrap();
    assert!(
        keys.contains("validated") && keys.contains("first"),
        "{keys}"
    );
    let etag = ("if-none-match", "\"1\"");
    let answer = get_with(&app, "/validated", etag).await;
    assert_eq!(answer.status, 304);
}

#[actix_web::test]
async fn a_middleware_sends_the_tags_of_its_policy_and_of_its_handlers() {
    let policy = Policy::new(60).tags(["scope"]);
    let scope = web::scope("").wrap(CacheResponses::new(policy)).route(
        "/plain",
        web::get().to(|| async {
            tag("plain");
            "plain"
        }),
    );
    let cache = keyed("Cache-Tag").build();
    let app = init_service(App::new().app_data(cache).service(scope)).await;
    for _ in 0..2 {
        let answer = get(&app, "/plain").await;
        assert_eq!(answer.header("cache-tag").as_deref(), Some("scope,plain"));
    }
}

/// A response that a CDN stores.
fn public() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "public, max-age=3600"))
        .body("public")
}

#[get("/public/{id}")]
#[cached_response(timeout = 60, tags("public:{id}"))]
async fn public_page(id: web::Path<u32>) -> HttpResponse {
    tag(format!("named:{id}"));
    public()
}

#[actix_web::test]
async fn a_response_past_the_cache_has_the_tags() {
    let handler = || async {
        tag("named");
        public()
    };
    let scope = web::scope("/behind/{id}")
        .wrap(CacheResponses::new(Policy::new(60).tags(["behind:{id}"])))
        .route("", web::get().to(handler));
    let app = App::new().app_data(keyed("Surrogate-Key").build());
    let app = init_service(app.service(public_page).service(scope)).await;

    let answer = get_with(&app, "/behind/7", ("x-unknown", "1")).await;
    assert_eq!(answer.detail().as_deref(), Some("header:x-unknown"));
    let keys = answer.header("surrogate-key");
    assert_eq!(keys.as_deref(), Some("behind:7 named"));

    let with_body = TestRequest::with_uri("/public/7").insert_header(("content-length", "1"));
    let answer = ask(&app, with_body.set_payload("x")).await;
    assert_eq!(answer.detail().as_deref(), Some("body"));
    let keys = answer.header("surrogate-key");
    assert_eq!(keys.as_deref(), Some("public:7 named:7"));
}

#[actix_web::test]
async fn a_response_without_its_tags_is_kept_out_of_the_cdn() {
    let unfilled = web::scope("/unfilled")
        .wrap(CacheResponses::new(Policy::new(60).tags(["item {id}"])))
        .route(
            "",
            web::get().to(|| async {
                tag("named");
                public()
            }),
        );
    let too_long = web::scope("/too-long")
        .wrap(CacheResponses::new(Policy::new(60)))
        .route(
            "",
            web::get().to(|| async {
                tag("x".repeat(257));
                tag("named");
                public()
            }),
        );
    let app = App::new().app_data(keyed("Surrogate-Key").build());
    let app = init_service(app.service(unfilled).service(too_long)).await;
    for uri in ["/unfilled", "/too-long"] {
        let missed = get(&app, uri).await;
        let bypassed = get_with(&app, uri, ("x-unknown", "1")).await;
        for (answer, detail) in [(missed, "tags"), (bypassed, "header:x-unknown")] {
            assert_eq!(answer.detail().as_deref(), Some(detail), "{uri}");
            assert_eq!(answer.header("surrogate-key"), None, "{uri}, {detail}");
            for name in ["cdn-cache-control", "surrogate-control"] {
                let value = answer.header(name);
                assert_eq!(value.as_deref(), Some("no-store"), "{uri}, {detail}");
            }
        }
    }
}

/// A middleware in front of the handler that keeps the request.
async fn refuse(request: ServiceRequest, _: Next<BoxBody>) -> Result<ServiceResponse, Error> {
    tag("refused");
    if request.path().starts_with("/slow") {
        pending::<()>().await;
    }
    Err(ErrorNotFound("refused"))
}

fn refusing(app: &mut web::ServiceConfig) {
    let scope = |path: &str, policy: Policy| {
        web::scope(path)
            .wrap(from_fn(refuse))
            .wrap(CacheResponses::new(policy))
            .default_service(web::get().to(HttpResponse::Ok))
    };
    let tagged = || Policy::new(60).tags(["scope"]);
    app.app_data(keyed("Surrogate-Key").build())
        .service(scope("/refused", tagged()))
        .service(scope("/unfilled", Policy::new(60).tags(["item {id}"])))
        .service(scope(
            "/slow",
            tagged().run_timeout(Duration::from_millis(50)),
        ));
}

#[test]
fn an_error_of_a_middleware_behind_the_cache_has_the_tags() {
    let server = Server::start(1, refusing).unwrap();
    let header = |request: &Request, status: u16, name: &str| {
        let response = fetch(server.address(), request).unwrap();
        assert_eq!(response.status(), status, "{request:?}");
        response.header(name)
    };
    let missed = Request::get("/refused");
    let bypassed = missed.clone().header("x-unknown", "1");
    for request in [missed, bypassed] {
        let keys = header(&request, 404, "surrogate-key");
        assert_eq!(keys.as_deref(), Some("scope refused"), "{request:?}");
    }
    let keys = header(&Request::get("/slow"), 503, "surrogate-key");
    assert_eq!(keys.as_deref(), Some("scope refused"));
    let unfilled = Request::get("/unfilled");
    let control = header(&unfilled, 404, "cdn-cache-control");
    assert_eq!(control.as_deref(), Some("no-store"));
    assert_eq!(header(&unfilled, 404, "surrogate-key"), None);
}

#[test]
#[should_panic(expected = "surrogate_keys")]
fn a_text_that_is_no_header_is_named_when_the_cache_is_built() {
    let _ = keyed("surrogate keys").build();
}

/// A cache whose calls are received here. The first ones fail as often as `failures` says.
fn observed(
    builder: ResponseCacheBuilder,
    failures: u32,
) -> (ResponseCache, Receiver<Vec<String>>) {
    let (sender, receiver) = channel();
    let calls = Arc::new(AtomicU32::new(0));
    let purge = move |names: InvalidatedNames| {
        let (sender, calls) = (sender.clone(), Arc::clone(&calls));
        async move {
            match calls.fetch_add(1, SeqCst) {
                call if call >= failures => sender.send(texts(&names)).map_err(|_| "closed"),
                call if call % 2 == 0 => panic!("the CDN is away"),
                _ => Err("the CDN is away"),
            }
        }
    };
    (builder.on_invalidate(purge).build(), receiver)
}

fn texts(names: &InvalidatedNames) -> Vec<String> {
    let kind = if names.is_soft() { "soft" } else { "hard" };
    let kinds = [
        ("tag", names.tags().collect::<Vec<_>>()),
        ("path", names.paths().collect()),
        ("url", names.urls().collect()),
        ("prefix", names.prefixes().collect()),
        ("route", names.routes().collect()),
        ("all", names.is_all().then_some("").into_iter().collect()),
    ];
    let texts = kinds.into_iter().flat_map(|(name, texts)| {
        let texts = texts.into_iter();
        texts.map(move |text| format!("{kind} {name} {text}"))
    });
    texts.collect()
}

const TIMEOUT: Duration = Duration::from_secs(20);

fn assert_ended(receiver: &Receiver<Vec<String>>) {
    let end = receiver.recv_timeout(TIMEOUT);
    assert_eq!(end, Err(RecvTimeoutError::Disconnected), "the thread ends");
}

/// The names that are received until there are as many.
fn received(receiver: &Receiver<Vec<String>>, count: usize) -> Vec<String> {
    let mut texts = Vec::new();
    while texts.len() < count {
        let names = receiver.recv_timeout(TIMEOUT);
        texts.extend(names.unwrap_or_else(|error| panic!("{error}, received so far: {texts:?}")));
    }
    texts.sort();
    texts
}

#[actix_web::test]
async fn the_application_is_called_with_each_name_and_again_after_a_failure() {
    for failures in [0, 2] {
        let (cache, calls) = observed(ResponseCache::builder(), failures);
        cache.invalidate_tag("a");
        cache.invalidate_path("/a");
        cache.expire_url("/a?b=1");
        cache.invalidate_prefix("/p");
        cache.invalidate_route("/r/{id}");
        cache.expire_all();
        let wanted = [
            "hard path /a",
            "hard prefix /p",
            "hard route /r/{}",
            "hard tag a",
            "soft all ",
            "soft url /a?b=1",
        ];
        assert_eq!(received(&calls, wanted.len()), wanted);
        assert!(calls.try_recv().is_err());
    }
}

#[actix_web::test]
async fn a_write_calls_the_application_and_a_failure_is_none_of_the_client() {
    let (cache, calls) = observed(ResponseCache::builder(), 3);
    let route = web::resource("/page").to(cached_response::cached(Policy::new(60), || async {
        "written"
    }));
    let app = init_service(App::new().app_data(cache).service(route)).await;
    assert_eq!(
        post(&app, "/page", ("text/plain", b"")).await.status,
        StatusCode::OK.as_u16()
    );
    assert_eq!(received(&calls, 1), ["hard path /page"]);
}

#[actix_web::test]
async fn what_is_queued_is_handed_over_when_the_cache_is_dropped() {
    let (cache, calls) = observed(ResponseCache::builder(), 0);
    cache.invalidate_tag("last");
    drop(cache);
    assert_eq!(received(&calls, 1), ["hard tag last"]);
    assert_ended(&calls);
}

#[actix_web::test]
async fn a_failure_while_the_cache_is_dropped_loses_no_name() {
    let (cache, calls) = observed(ResponseCache::builder(), 1);
    cache.invalidate_tag("first");
    cache.invalidate_tag("second");
    drop(cache);
    assert_eq!(received(&calls, 2), ["hard tag first", "hard tag second"]);
    assert_ended(&calls);
}
