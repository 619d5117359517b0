//! `stats()` through a real server: by route, as JSON, as text, and since an earlier time.

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::test::{self, TestRequest};
use actix_web::{App, HttpResponse, HttpServer, get, web};
use cached_response::testing::{InProcessStore, ManualClock};
use cached_response::{
    Bypass, CacheResponses, ForwardReason, Policy, ResponseCache, RouteStats, Skip, Stats, cached,
    cached_response, context::stale_response,
};
use serde_json::json;
use tests::raw::{self, Request};
use tests::server::{FREE_PORT, Server};

#[get("/list/{id}")]
#[cached_response(timeout = 60)]
async fn list(id: web::Path<u32>, clock: web::Data<ManualClock>) -> String {
    clock.advance(Duration::from_millis(250));
    format!("list {id}")
}

#[cached_response(timeout = 60)]
async fn private() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("set-cookie", "session=1"))
        .finish()
}

async fn page() -> &'static str {
    "page"
}

/// A server of two workers with handlers of each kind.
fn server(cache: &ResponseCache, clock: &ManualClock) -> Server {
    let (cache, clock) = (cache.clone(), web::Data::new(clock.clone()));
    Server::run(move || {
        let app = move || {
            let cached = cached(Policy::new(60), page);
            let scope = web::scope("/scope")
                .wrap(CacheResponses::new(Policy::new(60)))
                .route("/one", web::get().to(page))
                .route("/other", web::get().to(page));
            App::new()
                .app_data(cache.clone())
                .app_data(clock.clone())
                .service(list)
                .route("/private", web::get().to(private))
                .route("/also/private", web::get().to(private))
                .route("/page", web::get().to(cached.clone()))
                .route("/page", web::post().to(cached))
                .service(scope)
        };
        let server = HttpServer::new(app).workers(2).bind(FREE_PORT)?;
        let address = server.addrs()[0];
        Ok((server.disable_signals().run(), address))
    })
    .unwrap()
}

fn ask(server: SocketAddr, paths: &[&str]) {
    for path in paths {
        // A connection each, so that both workers answer.
        raw::fetch(server, &Request::get(*path)).unwrap();
    }
}

fn route<'s>(stats: &'s Stats, pattern: &str) -> &'s RouteStats {
    let mut routes = stats.routes.iter();
    let route = routes.find(|route| route.patterns.iter().any(|known| known == pattern));
    route.unwrap_or_else(|| panic!("{pattern} in {stats:?}"))
}

fn counted() -> (ResponseCache, Server) {
    let clock = ManualClock::new();
    let cache = ResponseCache::builder().clock(&clock).build();
    let server = server(&cache, &clock);
    let address = server.address();
    ask(
        address,
        &["/list/1", "/list/1", "/list/2", "/list/1", "/list/1"],
    );
    ask(address, &["/private", "/also/private", "/private"]);
    ask(
        address,
        &["/page", "/page", "/scope/one", "/scope/other", "/scope/one"],
    );
    let changed = Request::new("POST", "/page");
    raw::fetch(address, &changed).unwrap();
    let not_modified = Request::get("/list/2").header("if-none-match", "*");
    assert_eq!(raw::fetch(address, &not_modified).unwrap().status(), 304);
    (cache, server)
}

#[test]
fn each_handler_has_its_counts_and_all_are_their_sum() {
    let (cache, _server) = counted();
    let stats = cache.stats();
    assert_eq!(stats.routes.len(), 4, "{stats}");
    let of_list = route(&stats, "/list/{id}");
    assert!(of_list.handler.ends_with("::list"), "{}", of_list.handler);
    assert_eq!(
        (
            of_list.hits,
            of_list.not_modified,
            of_list.misses,
            of_list.stored
        ),
        (4, 1, 2, 2)
    );
    assert_eq!(
        (of_list.runs, of_list.run_time),
        (2, Duration::from_millis(500))
    );
    assert_eq!(of_list.time_saved, Duration::from_secs(1), "250 ms each");
    assert_eq!(of_list.served_bytes, 3 * "list 1".len() as u64);
    assert_eq!(of_list.hit_ratio(), Some(4.0 / 6.0));
    let private = route(&stats, "/private");
    assert_eq!(private.route, "/private");
    assert_eq!(private.patterns, ["/also/private", "/private"]);
    assert_eq!((private.hits, private.misses), (0, 3));
    assert_eq!(private.skipped(Skip::SetCookie), 3);
    let page = route(&stats, "/page");
    assert_eq!(
        (page.hits, page.misses, page.bypassed(Bypass::Method)),
        (1, 1, 1)
    );
    let scope = route(&stats, "/scope/one");
    assert_eq!(scope.patterns, ["/scope/one", "/scope/other"]);
    assert_eq!((scope.hits, scope.misses), (1, 2));
    assert_eq!(stats.time_saved, Duration::from_secs(1));
    assert_eq!(stats.forwards.get(ForwardReason::UriMiss), 8);
    // A path is invalidated by the POST.
    assert_eq!((stats.invalidations, stats.max_bytes), (1, 64 << 20));
}

#[test]
fn the_counts_of_responses_are_the_sums_over_the_routes() {
    let (cache, _server) = counted();
    let stats = cache.stats();
    let sum = |count: fn(&RouteStats) -> u64| stats.routes.iter().map(count).sum::<u64>();
    assert_eq!(stats.hits, sum(|route| route.hits));
    assert_eq!(stats.misses, sum(|route| route.misses));
    assert_eq!(stats.served_bytes, sum(|route| route.served_bytes));
    assert_eq!(stats.bypasses.total(), sum(|route| route.bypasses.total()));
}

/// The JSON of the route `/private`.
fn private_as_json() -> serde_json::Value {
    json!({
        "handler": concat!(module_path!(), "::private"),
        "route": "/private",
        "patterns": ["/also/private", "/private"],
        "hits": 0,
        "not_modified": 0,
        "misses": 3,
        "remote_hits": 0,
        "forced_refreshes": 0,
        "stored": 0,
        "runs": 3,
        "validated": 0,
        "refreshes": 0,
        "collapsed": 0,
        "wait_timeouts": 0,
        "nested_runs": 0,
        "over_max_waiters": 0,
        "hit_for_pass": 1,
        "failed": 0,
        "detached": 0,
        "only_if_cached": 0,
        "served_bytes": 0,
        "hit_ratio": 0.0,
        "time_saved_seconds": 0.0,
        "run_time_seconds": 0.0,
        "forwards": {"uri-miss": 3},
        "bypasses": {},
        "skips": {"set-cookie": 3},
        "stale": {},
    })
}

#[test]
fn the_json_has_stable_names_and_counts_by_reason() {
    let (cache, _server) = counted();
    let json = serde_json::to_value(cache.stats()).unwrap();
    let of = |pattern: &str| {
        let mut routes = json["routes"].as_array().unwrap().iter();
        let has = |route: &&serde_json::Value| {
            let patterns = route["patterns"].as_array().unwrap();
            patterns.iter().any(|known| known == pattern)
        };
        routes.find(has).unwrap().clone()
    };
    assert_eq!(of("/private"), private_as_json());
    assert_eq!(of("/page")["bypasses"], json!({"method": 1}));
    assert_eq!(of("/list/{id}")["time_saved_seconds"], 1.0);
}

#[test]
fn as_json_a_cache_has_sizes_values_and_routes_beside_the_counts() {
    let (cache, _server) = counted();
    let json = serde_json::to_value(cache.stats()).unwrap();
    let of_route = private_as_json();
    let mut names: Vec<_> = json
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    names.retain(|name| of_route.get(name).is_none());
    let own = [
        "bytes",
        "entries",
        "evictions",
        "hit_for_pass_bytes",
        "hit_for_pass_keys",
        "invalidations",
        "max_bytes",
        "remote",
        "routes",
        "running",
        "values",
    ];
    assert_eq!(names, own);
    assert_eq!(json["remote"], json!(null));
    assert_eq!(json["values"]["hits"], 0);
}

#[test]
fn as_text_it_is_a_dozen_lines_without_zeros() {
    let (cache, _server) = counted();
    let text = cache.stats().to_string();
    let lines: Vec<_> = text.lines().collect();
    assert!(lines.len() <= 14, "{text}");
    assert_eq!(
        lines[0],
        "responses: 6 hits, 8 misses (42.9 %), 1.0s of runs saved"
    );
    assert!(text.contains("\nhits: 304 1\n"), "{text}");
    assert!(text.contains("\nbypassed: method 1\n"), "{text}");
    assert!(text.contains("\nnot stored: set-cookie 3\n"), "{text}");
    assert!(
        text.contains("\n/list/{id}: 4 hits, 2 misses (66.7 %), 1.0s of runs saved"),
        "{text}"
    );
    let zero =
        |line: &&str| line.split([' ', ',']).any(|word| word == "0") && !line.contains("hits");
    assert_eq!(lines.iter().find(|line| zero(line)), None, "{text}");
}

/// Its first run takes long; the others find the page unchanged.
#[get("/validated")]
#[cached_response(timeout = 60)]
async fn validated(clock: web::Data<ManualClock>) -> HttpResponse {
    if let Some(previous) = stale_response() {
        return previous.not_modified();
    }
    clock.advance(Duration::from_millis(250));
    HttpResponse::Ok()
        .insert_header(("etag", "\"1\""))
        .body("page")
}

#[actix_web::test]
async fn a_validated_response_keeps_the_time_of_the_run_that_made_it() {
    let clock = ManualClock::new();
    let cache = ResponseCache::builder().clock(&clock).build();
    let app = App::new()
        .app_data(cache.clone())
        .app_data(web::Data::new(clock.clone()))
        .service(validated);
    let app = test::init_service(app).await;
    for (hits, saved) in [(0, 0), (1, 250)] {
        for _ in 0..=hits {
            let request = TestRequest::with_uri("/validated").to_request();
            assert_eq!(test::call_and_read_body(&app, request).await, "page");
        }
        let stats = cache.stats();
        assert_eq!((stats.validated, stats.hits), (hits, hits));
        assert_eq!(stats.time_saved, Duration::from_millis(saved));
        cache.expire_all();
    }
}

#[actix_web::test]
async fn a_hit_in_the_remote_store_saves_the_run_of_the_process_that_made_it() {
    let clock = ManualClock::new();
    let store = InProcessStore::with_clock(&clock);
    for (hits, saved) in [(0, 0), (3, 750)] {
        let budget = Duration::from_secs(10);
        let builder = ResponseCache::builder()
            .remote(store.clone())
            .remote_timeout(budget);
        let cache = builder.without_memory().clock(&clock).build();
        let app = App::new()
            .app_data(cache.clone())
            .app_data(web::Data::new(clock.clone()))
            .service(list);
        let app = test::init_service(app).await;
        for _ in 0..hits.max(1) {
            let request = TestRequest::with_uri("/list/7").to_request();
            assert_eq!(test::call_and_read_body(&app, request).await, "list 7");
            cache.settled().await;
        }
        let stats = cache.stats();
        assert_eq!((stats.remote_hits, stats.hits), (hits, hits));
        assert_eq!(stats.time_saved, Duration::from_millis(saved));
    }
}

#[test]
fn since_an_earlier_time_counts_are_differences_and_sizes_those_of_now() {
    let (cache, server) = counted();
    let before = cache.stats();
    let since = cache.stats().since(&before);
    let (counts, sizes) = ((since.hits, since.misses), (since.entries, since.bytes));
    assert_eq!((counts, sizes), ((0, 0), (before.entries, before.bytes)));
    assert_eq!(
        since.skips.iter().count() + since.forwards.iter().count(),
        0
    );
    ask(server.address(), &["/list/1", "/list/3", "/private"]);
    cache.invalidate_all();
    let since = cache.stats().since(&before);
    assert_eq!((since.hits, since.misses, since.invalidations), (1, 2, 1));
    assert_eq!(since.skipped(Skip::SetCookie), 1);
    let of_list = route(&since, "/list/{id}");
    assert_eq!((of_list.hits, of_list.misses, of_list.stored), (1, 1, 1));
    assert_eq!(of_list.time_saved, Duration::from_millis(250));
    assert_eq!(route(&since, "/page").hits, 0);
    // Of another cache, or a later time: nothing falls below zero.
    assert_eq!(before.since(&cache.stats()).hits, 0);
}

#[test]
fn entries_that_make_room_are_evictions_and_replaced_ones_are_not() {
    let clock = ManualClock::new();
    let cache = ResponseCache::builder()
        .max_bytes(20_000)
        .clock(&clock)
        .build();
    let server = server(&cache, &clock);
    ask(
        server.address(),
        &["/list/1", "/list/1?nocache=1", "/list/1?nocache=1"],
    );
    assert_eq!((cache.stats().stored, cache.stats().evictions), (3, 0));
    for id in 0..100 {
        ask(server.address(), &[&format!("/list/{id}")]);
    }
    let stats = cache.stats();
    assert!(stats.bytes <= 20_000, "{stats}");
    // Each stored response is there, was replaced, or has made room.
    assert_eq!(stats.evictions + stats.entries, 100, "{stats}");
}

#[actix_web::test]
async fn each_of_two_caches_counts_its_own() {
    let clock = ManualClock::new();
    let caches = [(); 3].map(|()| ResponseCache::builder().clock(&clock).build());
    let servers = caches.each_ref().map(|cache| server(cache, &clock));
    for (times, server) in servers.iter().enumerate() {
        for _ in 0..=times {
            ask(server.address(), &["/list/1", "/page"]);
        }
    }
    for (hits, cache) in (0..).zip(&caches) {
        let stats = cache.stats();
        for pattern in ["/list/{id}", "/page"] {
            let route = route(&stats, pattern);
            assert_eq!((route.hits, route.misses), (hits, 1), "{pattern}");
        }
    }
}
