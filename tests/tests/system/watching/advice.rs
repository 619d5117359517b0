//! Advice, through a real server: what it says, once, and with the word to write.

use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, get, post, web};
use cached_response::{
    Advice, AdviceKind, CacheResponses, Policy, ResponseCache, TrackedRequest, cached_response,
    invalidates,
};
use tests::alone::alone;
use tests::raw::{Connection, Request};
use tests::server::{FREE_PORT, Server};
use tests::stage::eventually;
use tracing::Level;

use super::recorder::Recorder;

#[get("/login")]
#[cached_response(timeout = 60)]
async fn login() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("set-cookie", "session=planted-cookie"))
        .finish()
}

#[get("/search/{words}")]
#[cached_response(timeout = 60, tags("search"))]
async fn search(words: web::Path<String>) -> String {
    words.into_inner()
}

/// Varies by a header with as many values as there are requests.
#[get("/greeting")]
#[cached_response(timeout = 60)]
async fn greeting(request: TrackedRequest) -> String {
    format!("{:?}", request.header("x-visitor"))
}

fn routes(app: &mut web::ServiceConfig, cache: &ResponseCache) {
    let scope = web::scope("/shop")
        .wrap(CacheResponses::new(Policy::new(60)))
        .route("/list", web::get().to(HttpResponse::Ok));
    app.app_data(cache.clone());
    app.service((login, search, greeting, change));
    app.service(scope);
}

fn server(cache: &ResponseCache) -> Server {
    let cache = cache.clone();
    Server::start(1, move |app| routes(app, &cache)).unwrap()
}

/// Sends so many requests on one connection.
fn send(server: &Server, count: usize, request: impl Fn(usize) -> Request) {
    let mut connection = Connection::open(server.address()).unwrap();
    for n in 0..count {
        assert_eq!(connection.exchange(&request(n)).unwrap().status(), 200);
    }
}

/// The advice of a kind.
fn of(cache: &ResponseCache, kind: AdviceKind) -> Vec<Advice> {
    let advice = cache.advice().into_iter();
    advice.filter(|advice| advice.kind == kind).collect()
}

#[test]
fn a_route_that_never_hits_is_named_with_the_option_to_write() {
    let cache = ResponseCache::builder().build();
    let server = server(&cache);
    send(&server, 199, |_| Request::get("/login"));
    assert_eq!(cache.advice(), [], "it is too early");
    send(&server, 1, |_| Request::get("/login"));
    send(&server, 200, |_| {
        Request::get("/shop/list").header("cookie", "id=planted-cookie")
    });
    let advice = of(&cache, AdviceKind::NeverHits);
    let [of_login, of_shop] = &*advice else {
        panic!("{advice:?}");
    };
    assert_eq!(of_login.subject, "/login");
    assert!(of_login.message.contains("set a cookie"), "{advice:?}");
    let word = "ignore_cookies([\"id\"])";
    assert!(of_shop.message.contains(word), "{advice:?}");
    assert!(!format!("{advice:?}").contains("planted"), "{advice:?}");
    let json = serde_json::to_value(&advice).unwrap();
    assert_eq!(json[0]["kind"], "never-hits");
    assert_eq!(json[0]["subject"], "/login");
}

#[test]
fn variants_that_hardly_repeat_are_named() {
    let cache = ResponseCache::builder().build();
    let server = server(&cache);
    send(&server, 600, |n| {
        Request::get("/greeting").header("x-visitor", n.to_string())
    });
    let advice = of(&cache, AdviceKind::ManyVariants);
    assert_eq!(advice.len(), 1, "{advice:?}");
    assert_eq!(advice[0].subject, "/greeting");
    assert!(advice[0].message.contains("`Vary`"), "{advice:?}");
}

#[test]
fn a_memory_that_is_too_small_for_the_timeouts_is_named() {
    let cache = ResponseCache::builder().max_bytes(64 << 10).build();
    let server = server(&cache);
    send(&server, 1_000, |n| Request::get(format!("/search/{n}")));
    assert_eq!(of(&cache, AdviceKind::EvictedEarly), [], "it is too early");
    send(&server, 1_000, |n| {
        Request::get(format!("/search/more-{n}"))
    });
    let advice = of(&cache, AdviceKind::EvictedEarly);
    assert_eq!(advice.len(), 1, "{advice:?}");
    assert!(
        advice[0].message.contains("above 65536 bytes"),
        "{advice:?}"
    );
}

#[test]
fn a_tag_that_no_response_has_is_named_and_one_that_some_have_is_not() {
    let cache = ResponseCache::builder().build();
    let server = server(&cache);
    send(&server, 1, |_| Request::get("/search/tea"));
    for _ in 0..3 {
        cache.invalidate_tag("serach");
        cache.invalidate_tag("search");
    }
    let advice = of(&cache, AdviceKind::UnknownTag);
    assert_eq!(advice.len(), 1, "{advice:?}");
    assert_eq!(advice[0].subject, "serach");
}

#[post("/changes/{tag}")]
#[invalidates(tags("{tag}", "a template"))]
async fn change() -> &'static str {
    "changed"
}

#[test]
fn tags_of_requests_are_no_typos_and_no_message_has_a_line_end() {
    let cache = ResponseCache::builder().build();
    let server = server(&cache);
    send(&server, 1, |_| Request::get("/search/tea"));
    send(&server, 3, |_| Request::new("POST", "/changes/a%0Ab"));
    (0..3).for_each(|_| _ = cache.invalidate_tag("c\nd"));
    let advice = of(&cache, AdviceKind::UnknownTag);
    let subjects: Vec<_> = advice.iter().map(|advice| &*advice.subject).collect();
    assert_eq!(subjects, ["a template", "c\nd"]);
    assert!(!advice.iter().any(|advice| advice.message.contains('\n')));
}

#[test]
fn keys_that_hardly_repeat_are_named_and_logged_once() {
    alone(|| {
        let recorder = Recorder::up_to(Level::WARN);
        tracing::subscriber::set_global_default(recorder.clone()).unwrap();
        let cache = ResponseCache::builder().build();
        let server = server(&cache);
        send(&server, 5_000, |n| Request::get(format!("/search/{n}")));
        let advice = of(&cache, AdviceKind::ManyKeys);
        assert_eq!(advice.len(), 1, "{advice:?}");
        assert_eq!(advice[0].subject, "/search/{words}");
        let warnings = recorder.events(Level::WARN);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert_eq!(warnings[0]["advice"], "many-keys");
    });
}

#[test]
fn a_cache_for_each_worker_is_named() {
    let (sent, caches) = std::sync::mpsc::channel();
    let server = Server::run(move || {
        let app = move || {
            let cache = ResponseCache::builder().build();
            sent.send(cache.clone()).unwrap();
            App::new().configure(|app| routes(app, &cache))
        };
        let server = HttpServer::new(app).workers(2).bind(FREE_PORT)?;
        let address = server.addrs()[0];
        Ok((server.disable_signals().run(), address))
    })
    .unwrap();
    let started = || caches.recv_timeout(Duration::from_secs(20));
    let caches = [started().unwrap(), started().unwrap()];
    eventually("both workers have answered", || {
        send(&server, 1, |_| Request::get("/search/tea"));
        caches.iter().all(|cache| cache.stats().misses > 0)
    });
    assert!(
        caches
            .iter()
            .any(|cache| !of(cache, AdviceKind::CachePerWorker).is_empty())
    );
}
