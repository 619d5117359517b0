//! What tells two requests apart, and what does not.

use actix_web::middleware::{NormalizePath, from_fn};
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, HttpMessage, HttpRequest, get, guard, web};
use cached_response::{
    Bypass, Policy, Request, ResponseCache, cached, cached_response, insert_key_part,
    testing::isolated,
};
use serde::Deserialize;

use crate::ask::{ask, get as ask_for, get_with, run};

#[get("/{tail:.*}")]
#[cached_response]
async fn any_page() -> String {
    run().to_string()
}

/// Bar row 1.
#[actix_web::test]
async fn targets_that_differ_are_kept_apart() {
    let targets = [
        "/",
        "/a",
        "/a?",
        "/a?b",
        "/a?b=",
        "/a?=b",
        "/a?=",
        "/a?&",
        "/a?&&",
        "/a:b",
        "/a?b:",
        "/a:?b",
        "/a%3Fx=1",
        "/a?x=1",
        "/a?x=%31",
        "/a?x=1+2",
        "/a?x=1%202",
        "/a?x=1&x=2",
        "/a?x=2&x=1",
        "/a?x=1;y=2",
        "/a?x=1&y=2",
        "/a?x=1%26y=2",
        "/a?x%3D1&y=2",
        "/a%1E",
        "/a%1e",
        "/%1Ea",
        "/a/",
        "//a",
        "/a//b",
        "/a/b",
        "/a%2Fb",
        "/a;b",
        "/a%3Bb",
        "/A",
        "/a/./b",
        "/a/../b",
        "/a/%2e%2e/b",
        "/b",
        "/a%00",
        "/a%",
        "/a?nocache=2",
        "/a?nocache",
        "/a?NOCACHE=1",
        "/a?nocache=1%20",
        "/a?%6Eocache=1",
        "/a?x=nocache=1",
    ];
    let cache = isolated();
    let app = init_service(App::new().service(any_page)).await;
    let mut first = Vec::new();
    for target in targets {
        first.push(ask_for(&app, target).await.body);
    }
    assert_eq!(cache.cache().stats().entries, targets.len() as u64);
    for (target, body) in targets.iter().zip(&first) {
        let again = ask_for(&app, target).await;
        assert!(again.is_hit(), "{target}");
        assert_eq!(again.body, *body, "{target}");
    }
    first.sort();
    first.dedup();
    assert_eq!(first.len(), targets.len(), "two targets shared a response");
}

#[get("/")]
#[cached_response(vary("x-a", "x-b"))]
async fn by_headers(_request: HttpRequest) -> String {
    run().to_string()
}

#[get("/recorded")]
#[cached_response]
async fn by_record(request: Request) -> String {
    let (a, b) = (request.header("x-a"), request.header("x-b"));
    format!("{} {a:?} {b:?}", run())
}

/// Bar row 1.
#[actix_web::test]
async fn header_values_do_not_flow_into_one_another() {
    let pairs = [
        [None, None],
        [Some(""), None],
        [None, Some("")],
        [Some("ab"), Some("c")],
        [Some("a"), Some("bc")],
        [Some("abc"), None],
        [None, Some("abc")],
        [Some("a"), Some("b:")],
        [Some("a,"), Some("b")],
        [Some("a"), Some(",b")],
        [Some("\"a,b\""), None],
        [Some("a,b"), None],
    ];
    for target in ["/", "/recorded"] {
        let cache = isolated();
        let app = init_service(App::new().service(by_headers).service(by_record)).await;
        let mut first: Vec<String> = Vec::new();
        for round in 0..2 {
            for (n, pair) in pairs.iter().enumerate() {
                let named = ["x-a", "x-b"].into_iter().zip(pair);
                let request = named.fold(
                    TestRequest::with_uri(target),
                    |request, (name, value)| match value {
                        Some(value) => request.append_header((name, *value)),
                        None => request,
                    },
                );
                let answer = ask(&app, request).await;
                assert_eq!(answer.is_hit(), round == 1, "{target} {pair:?}");
                if round == 0 {
                    assert!(!first.contains(&answer.body), "{target} {pair:?}");
                    first.push(answer.body);
                } else {
                    assert_eq!(answer.body, first[n], "{target} {pair:?}");
                }
            }
        }
        assert_eq!(cache.cache().stats().stored, pairs.len() as u64);
    }
}

/// Bar row 7.
#[actix_web::test]
async fn only_the_order_of_differently_named_pairs_does_not_matter() {
    for (one, other, entries) in [
        ("/?a=1&b=2", "/?b=2&a=1", 1),
        ("/?a=1&a=2", "/?a=2&a=1", 2),
        ("/?a=1;b=2", "/?a=1&b=2", 2),
        ("/?%61=1&b=2", "/?b=2&%61=1", 1),
        ("/?a=1&b=2&a=3", "/?b=2&a=1&a=3", 1),
        ("/?a=1&b=2&a=3", "/?b=2&a=3&a=1", 2),
    ] {
        let cache = isolated();
        let app = init_service(App::new().service(any_page)).await;
        for target in [one, other] {
            ask_for(&app, target).await;
        }
        assert_eq!(cache.cache().stats().entries, entries, "{one} {other}");
    }
}

#[get("/exact")]
#[cached_response(query = exact)]
async fn exact() -> String {
    run().to_string()
}

#[actix_web::test]
async fn an_exact_query_is_kept_byte_for_byte() {
    let _cache = isolated();
    let app = init_service(App::new().service(exact)).await;
    assert_eq!(ask_for(&app, "/exact?a=1&b=2").await.body, "1");
    assert_eq!(ask_for(&app, "/exact?b=2&a=1").await.body, "2");
    assert_eq!(ask_for(&app, "/exact?a=1&b=2").await.body, "1");
}

#[get("/narrow")]
#[cached_response(query(page, sort))]
async fn narrow() -> String {
    run().to_string()
}

#[get("/ignoring")]
#[cached_response(ignore_query("utm_*", "fbclid"))]
async fn ignoring() -> String {
    run().to_string()
}

#[actix_web::test]
async fn a_narrowed_query_keys_the_names_it_lists() {
    let _cache = isolated();
    let app = init_service(App::new().service(narrow)).await;
    for target in [
        "/narrow?page=1",
        "/narrow?page=1&junk=2",
        "/narrow?junk&page=1",
        "/narrow?p%61ge=1",
    ] {
        let expected = if target.contains('%') { "2" } else { "1" };
        assert_eq!(ask_for(&app, target).await.body, expected, "{target}");
    }
    assert_eq!(ask_for(&app, "/narrow?page=1&sort=a").await.body, "3");
    assert_eq!(ask_for(&app, "/narrow").await.body, "4");
    assert_eq!(ask_for(&app, "/narrow?junk=1").await.body, "4");
}

#[actix_web::test]
async fn ignored_names_are_ignored_however_they_are_spelt() {
    let _cache = isolated();
    let app = init_service(App::new().service(ignoring)).await;
    for target in [
        "/ignoring?a=1",
        "/ignoring?a=1&utm_source=x",
        "/ignoring?utm%5Fmedium=x&a=1",
        "/ignoring?a=1&fbclid=7",
    ] {
        assert_eq!(ask_for(&app, target).await.body, "1", "{target}");
    }
    assert_eq!(ask_for(&app, "/ignoring?a=1&utm=x").await.body, "2");
    assert_eq!(ask_for(&app, "/ignoring?a=1&fbclid_=7").await.body, "3");
}

#[cached_response]
async fn by_names(place: web::Path<Place>) -> String {
    format!("from {} to {}", place.from, place.to)
}

#[derive(Deserialize)]
struct Place {
    from: String,
    to: String,
}

#[actix_web::test]
async fn one_handler_under_two_patterns_sees_its_own_names() {
    let _cache = isolated();
    let there = web::resource("/{from}/{to}").guard(guard::Header("x-way", "there"));
    let app = App::new()
        .service(there.to(by_names))
        .service(web::resource("/{to}/{from}").to(by_names));
    let app = init_service(app).await;
    let there = get_with(&app, "/a/b", ("x-way", "there")).await;
    let back = ask_for(&app, "/a/b").await;
    assert_eq!(
        (there.body.as_str(), back.body.as_str()),
        ("from a to b", "from b to a")
    );
}

#[cached_response]
async fn tail_of(tail: web::Path<String>) -> String {
    format!("{} {tail}", run())
}

#[actix_web::test]
async fn a_middleware_that_normalises_paths_normalises_keys() {
    let _cache = isolated();
    let app = App::new()
        .wrap(NormalizePath::trim())
        .route("/n/{tail:.*}", web::get().to(tail_of));
    let app = init_service(app).await;
    assert_eq!(ask_for(&app, "/n/a/b").await.body, "1 a/b");
    assert_eq!(ask_for(&app, "/n//a//b/").await.body, "1 a/b");
    assert_eq!(ask_for(&app, "/n/a%2Fb").await.body, "2 a/b");
}

#[actix_web::test]
async fn parameters_that_a_middleware_changes_are_keyed_as_the_handler_sees_them() {
    let _cache = isolated();
    let app = App::new().service(
        web::resource("/m/{tail}")
            .wrap(from_fn(
                async |mut request: actix_web::dev::ServiceRequest,
                       next: actix_web::middleware::Next<_>| {
                    let tenant = request
                        .headers()
                        .get("x-tenant")
                        .map(|it| it.to_str().unwrap().to_owned());
                    if let Some(tenant) = tenant {
                        *request.match_info_mut() = actix_web::dev::Path::new(
                            actix_web::dev::Url::new("/".parse().unwrap()),
                        );
                        request.match_info_mut().add_static("tail", tenant);
                    }
                    next.call(request).await
                },
            ))
            .route(web::get().to(tail_of)),
    );
    let app = init_service(app).await;
    assert_eq!(ask_for(&app, "/m/x").await.body, "1 x");
    assert_eq!(
        get_with(&app, "/m/x", ("x-tenant", "evil")).await.body,
        "2 evil"
    );
    assert_eq!(ask_for(&app, "/m/x").await.body, "1 x");
}

#[get("/long/{tail:.*}")]
#[cached_response]
async fn long() -> String {
    run().to_string()
}

#[actix_web::test]
async fn a_key_over_eight_kibibytes_bypasses() {
    let cache = isolated();
    let app = init_service(App::new().service(long)).await;
    let target = format!("/long/{}", "x".repeat(9 << 10));
    assert_eq!(
        ask_for(&app, &target).await.detail().unwrap(),
        "key-too-long"
    );
    assert_eq!(ask_for(&app, &target).await.body, "2");
    let stats = cache.cache().stats();
    assert_eq!((stats.bypassed(Bypass::KeyTooLong), stats.entries), (2, 0));
}

#[actix_web::test]
async fn parts_that_a_middleware_inserts_are_keyed() {
    let _cache = isolated();
    let app = App::new()
        .wrap_fn(|request, service| {
            use actix_web::dev::Service as _;
            if let Some(tenant) = request.headers().get("x-tenant") {
                insert_key_part(&request, tenant.to_str().unwrap());
            }
            service.call(request)
        })
        .service(any_page);
    let app = init_service(app).await;
    assert_eq!(ask_for(&app, "/").await.body, "1");
    assert_eq!(get_with(&app, "/", ("x-tenant", "a")).await.body, "2");
    assert_eq!(get_with(&app, "/", ("x-tenant", "b")).await.body, "3");
    assert_eq!(get_with(&app, "/", ("x-tenant", "")).await.body, "4");
    assert_eq!(get_with(&app, "/", ("x-tenant", "a")).await.body, "2");
    assert_eq!(ask_for(&app, "/").await.body, "1");
}

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

struct Cats;
struct Dogs;

impl Cats {
    #[cached_response]
    async fn list() -> &'static str {
        "cats"
    }
}

impl Dogs {
    #[cached_response]
    async fn list() -> &'static str {
        "dogs"
    }
}

trait Kind: 'static {
    const NAME: &'static str;
}

impl Kind for Cats {
    const NAME: &'static str = "cats";
}

impl Kind for Dogs {
    const NAME: &'static str = "dogs";
}

#[cached_response]
async fn generic<K: Kind>() -> &'static str {
    K::NAME
}

#[cached_response]
async fn numbered<const N: usize>() -> String {
    N.to_string()
}

#[actix_web::test]
async fn handlers_that_share_a_path_do_not_share_responses() {
    let cache = isolated();
    let is = |kind: &'static str| guard::Header("x-kind", kind);
    let wrapped = || Policy::default();
    let app = App::new()
        .route("/", web::get().guard(is("cats")).to(Cats::list))
        .route("/", web::get().guard(is("dogs")).to(Dogs::list))
        .route(
            "/",
            web::get().guard(is("generic cats")).to(generic::<Cats>),
        )
        .route(
            "/",
            web::get().guard(is("generic dogs")).to(generic::<Dogs>),
        )
        .route("/", web::get().guard(is("1")).to(numbered::<1>))
        .route("/", web::get().guard(is("2")).to(numbered::<2>))
        .route(
            "/",
            web::get()
                .guard(is("x"))
                .to(cached(wrapped(), || async { "x" })),
        )
        .route(
            "/",
            web::get()
                .guard(is("y"))
                .to(cached(wrapped(), || async { "y" })),
        );
    let app = init_service(app).await;
    for round in 0..2 {
        for (kind, body) in [
            ("cats", "cats"),
            ("dogs", "dogs"),
            ("generic cats", "cats"),
            ("generic dogs", "dogs"),
            ("1", "1"),
            ("2", "2"),
            ("x", "x"),
            ("y", "y"),
        ] {
            let answer = get_with(&app, "/", ("x-kind", kind)).await;
            assert_eq!(
                (answer.body.as_str(), answer.is_hit()),
                (body, round == 1),
                "{kind}"
            );
        }
    }
    assert_eq!(cache.cache().stats().entries, 8);
}

#[get("/extended")]
#[cached_response]
async fn extended(request: Request) -> String {
    format!("{} {:?}", run(), request.extension::<u32>())
}

#[actix_web::test]
async fn a_value_in_the_extensions_selects_the_response_that_read_it() {
    let _cache = isolated();
    let app = App::new()
        .wrap_fn(|request, service| {
            use actix_web::dev::Service as _;
            if let Some(number) = request.headers().get("x-number") {
                let number: u32 = number.to_str().unwrap().parse().unwrap();
                request.extensions_mut().insert(number);
            }
            service.call(request)
        })
        .service(extended);
    let app = init_service(app).await;
    assert_eq!(ask_for(&app, "/extended").await.body, "1 None");
    assert_eq!(
        get_with(&app, "/extended", ("x-number", "7")).await.body,
        "2 Some(7)"
    );
    assert_eq!(
        get_with(&app, "/extended", ("x-number", "8")).await.body,
        "3 Some(8)"
    );
    assert_eq!(
        get_with(&app, "/extended", ("x-number", "7")).await.body,
        "2 Some(7)"
    );
    assert_eq!(ask_for(&app, "/extended").await.body, "1 None");
}
