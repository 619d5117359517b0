//! Events: what `on_event` is called with, and what is traced.

use std::future::{Future as _, pending, poll_fn};
use std::net::SocketAddr;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use actix_web::dev::Service as _;
use actix_web::http::StatusCode;
use actix_web::rt::System;
use actix_web::test::{TestRequest, call_and_read_body, init_service};
use actix_web::{App, HttpResponse, get, web};
use cached_response::testing::{InProcessStore, ManualClock};
use cached_response::{CacheEvent, ResponseCache, cached_response};
use futures_util::FutureExt as _;
use tests::alone::{ORDERED, alone};
use tests::raw::{self, Request};
use tests::server::Server;
use tests::stage::{eventually, repeat};
use tracing::Level;

use super::recorder::{Fields, Recorder};

#[get("/list/{id}")]
#[cached_response(timeout = 60, stale_while_revalidate = 60, stale_if_error = 3600)]
async fn list(id: web::Path<String>, clock: web::Data<ManualClock>) -> HttpResponse {
    clock.advance(Duration::from_millis(250));
    let mut response = HttpResponse::Ok();
    if *id == "private" {
        response.insert_header(("set-cookie", "session=planted-cookie"));
    }
    response.body(format!("planted-body {id}"))
}

fn routes(
    cache: &ResponseCache,
    clock: &ManualClock,
) -> impl Fn(&mut web::ServiceConfig) + Clone + use<> {
    let (cache, clock) = (cache.clone(), web::Data::new(clock.clone()));
    move |app| {
        app.app_data(cache.clone())
            .app_data(clock.clone())
            .service(list);
    }
}

/// An event as text.
fn text(event: &CacheEvent<'_>) -> String {
    let seconds = |duration: Option<Duration>| duration.map(|duration| duration.as_secs_f64());
    format!(
        "{} {:?} {} {} {} {:?} {:?} {:?} {:?}",
        event.kind.as_str(),
        event.reason,
        event.method.unwrap_or("-"),
        event.route.unwrap_or("-"),
        event.path.unwrap_or("-"),
        event.status,
        seconds(event.age),
        seconds(event.duration),
        event.body_bytes,
    )
}

fn send(server: SocketAddr, requests: &[Request]) {
    for request in requests {
        assert!(raw::fetch(server, request).unwrap().status() < 400);
    }
}

/// A cache whose events are written to a log.
fn logged(clock: &ManualClock) -> (ResponseCache, Arc<Mutex<Vec<String>>>) {
    let events = Arc::<Mutex<Vec<String>>>::default();
    let log = events.clone();
    let cache = ResponseCache::builder()
        .clock(clock)
        .on_event(move |event| {
            assert!(event.handler.is_empty() || event.handler.ends_with("::list"));
            log.lock().unwrap().push(text(event));
        })
        .build();
    (cache, events)
}

#[test]
fn each_decision_is_an_event_with_its_request() {
    let clock = ManualClock::new();
    let (cache, events) = logged(&clock);
    let server = Server::start(2, routes(&cache, &clock)).unwrap();
    let get = |path: &str| Request::get(path);
    let address = server.address();
    send(
        address,
        &[
            get("/list/1?token=planted-query"),
            get("/list/1?token=planted-query"),
        ],
    );
    send(
        address,
        &[get("/list/1?token=planted-query").header("if-none-match", "*")],
    );
    send(address, &[get("/list/private")]);
    clock.advance(Duration::from_secs(61));
    send(address, &[get("/list/1?token=planted-query")]);
    eventually("it is refreshed", || cache.stats().stored == 2);
    cache.invalidate_all();
    let expected = [
        r#"forward Some("uri-miss") GET /list/{id} /list/1 None None None None"#,
        r"stored None GET /list/{id} /list/1 Some(200) None Some(0.25) Some(14)",
        r"hit None GET /list/{id} /list/1 Some(200) Some(0.0) None Some(14)",
        r"not-modified None GET /list/{id} /list/1 Some(304) Some(0.0) None Some(14)",
        r#"forward Some("uri-miss") GET /list/{id} /list/private None None None None"#,
        r#"skip Some("set-cookie") GET /list/{id} /list/private Some(200) None Some(0.25) None"#,
        r"hit None GET /list/{id} /list/1 Some(200) Some(61.25) None Some(14)",
        r#"stale Some("stale-while-revalidate") GET /list/{id} /list/1 None None None None"#,
        r"refresh None GET /list/{id} /list/1 None None None None",
        r"stored None GET /list/{id} /list/1 Some(200) None Some(0.25) Some(14)",
        r"invalidation None - - - None None None None",
    ];
    assert_eq!(*events.lock().unwrap(), expected);
}

#[test]
fn a_callback_that_panics_fails_no_request_and_is_logged_once() {
    alone(|| {
        let clock = ManualClock::new();
        let recorder = Recorder::up_to(Level::ERROR);
        tracing::subscriber::set_global_default(recorder.clone()).unwrap();
        let cache = ResponseCache::builder()
            .clock(&clock)
            .on_event(|_| panic!("a bug of the application"))
            .build();
        let server = Server::start(2, routes(&cache, &clock)).unwrap();
        for _ in 0..3 {
            let answer = raw::fetch(server.address(), &Request::get("/list/1")).unwrap();
            assert_eq!(
                (answer.status(), answer.text()),
                (200, "planted-body 1".to_owned())
            );
        }
        let stats = cache.stats();
        assert_eq!((stats.hits, stats.stored, stats.running), (2, 1, 0));
        let errors = recorder.events(Level::ERROR);
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0]["message"].contains("on_event"), "{errors:?}");
    });
}

/// Fields by name and value, in a line.
fn line(fields: &Fields, names: &[&str]) -> String {
    let known = names
        .iter()
        .map(|name| fields.get(*name).map_or("-", String::as_str));
    known.collect::<Vec<_>>().join(" ")
}

/// Misses, hits, and is refreshed in the background.
fn miss_hit_and_refresh(cache: &ResponseCache, clock: &ManualClock) {
    System::new().block_on(async {
        let app = init_service(App::new().configure(routes(cache, clock))).await;
        let request = || {
            let uri = "/list/1?token=planted-query";
            TestRequest::with_uri(uri).insert_header(("cookie", "a=planted-cookie"))
        };
        for _ in 0..2 {
            call_and_read_body(&app, request().to_request()).await;
        }
        clock.advance(Duration::from_secs(61));
        // The first one verifies it with the store, and a later one leads its refresh.
        let ask = || call_and_read_body(&app, request().to_request());
        let is_stored = |_: &_| cache.stats().stored >= 2;
        repeat("the refresh is stored", ask, is_stored).await;
        cache.settled().await;
    });
}

/// Runs once more when the response is too old to answer.
fn miss_twice(clock: &ManualClock) {
    let cache = ResponseCache::builder().clock(clock).build();
    System::new().block_on(async {
        let app = init_service(App::new().configure(routes(&cache, clock))).await;
        for _ in 0..2 {
            let request = TestRequest::with_uri("/list/2?token=planted-query");
            call_and_read_body(&app, request.to_request()).await;
            clock.advance(Duration::from_secs(200));
        }
    });
}

fn assert_decisions(events: &[Fields]) {
    let fields = [
        "event",
        "http.route",
        "http.response.status_code",
        "http.response.body.size",
    ];
    let events: Vec<_> = events.iter().map(|event| line(event, &fields)).collect();
    for expected in [
        "forward /list/{id} - -",
        "stored /list/{id} 200 14",
        "hit /list/{id} 200 14",
        "stale /list/{id} - -",
        "refresh /list/{id} - -",
    ] {
        assert!(
            events.iter().any(|event| event == expected),
            "{expected}: {events:?}"
        );
    }
}

#[test]
fn runs_refreshes_and_remote_calls_are_spans_and_decisions_are_events() {
    alone(|| {
        let recorder = Recorder::up_to(Level::DEBUG);
        tracing::subscriber::set_global_default(recorder.clone()).unwrap();
        let clock = ManualClock::new();
        let cache = ResponseCache::builder()
            .clock(&clock)
            .remote(InProcessStore::with_clock(&clock))
            .build();
        miss_hit_and_refresh(&cache, &clock);
        miss_twice(&clock);
        let spans = recorder.spans();
        let fields = ["reason", "http.request.method", "http.route", "url.path"];
        let of = |name: &str| {
            let spans = spans.iter().filter(|span| span["span"] == name);
            spans.map(|span| line(span, &fields)).collect::<Vec<_>>()
        };
        let runs = ["miss 1", "miss 2", "stale 2"];
        let runs = runs.map(|run| run.replace(' ', " GET /list/{id} /list/"));
        assert_eq!(of("run"), runs);
        assert_eq!(of("background refresh"), ["refresh GET /list/{id} /list/1"]);
        assert!(
            !of("remote look-up").is_empty() && !of("remote call").is_empty(),
            "{spans:?}"
        );
        assert_decisions(&recorder.events(Level::DEBUG));
        let everything = format!("{:?}{spans:?}", recorder.events(Level::DEBUG));
        assert!(!everything.contains("planted"), "{everything}");
    });
}

#[actix_web::test]
async fn a_value_is_an_event_without_a_request() {
    let events = Arc::<Mutex<Vec<String>>>::default();
    let log = events.clone();
    let cache = ResponseCache::builder()
        .on_event(move |event| {
            let line = format!("{} {} {:?}", event.handler, event.kind.as_str(), event.path);
            log.lock().unwrap().push(line);
        })
        .build();
    for _ in 0..2 {
        let compute = || async { Ok::<_, StatusCode>(7) };
        cache.get_or_compute("key", 60, compute).await.unwrap();
    }
    let expected = ["forward", "stored", "hit"].map(|kind| format!("get_or_compute {kind} None"));
    assert_eq!(*events.lock().unwrap(), expected);
}

/// A page whose runs wait, or panic.
#[get("/page/{id}")]
#[cached_response(timeout = 60)]
async fn page(id: web::Path<String>) -> String {
    if *id == "panics" {
        panic::resume_unwind(Box::new(ORDERED));
    }
    pending().await
}

#[actix_web::test]
async fn a_run_whose_client_leaves_and_one_that_panics_are_events_with_their_path() {
    let events = Arc::<Mutex<Vec<String>>>::default();
    let log = events.clone();
    let cache = ResponseCache::builder()
        .on_event(move |event| log.lock().unwrap().push(text(event)))
        .build();
    let app = init_service(App::new().app_data(cache).service(page)).await;
    let request = |uri: &str| TestRequest::with_uri(uri).to_request();

    let mut left = Box::pin(app.call(request("/page/waits?token=planted")));
    let waits = poll_fn(|cx| Poll::Ready(left.as_mut().poll(cx).is_pending()));
    assert!(waits.await);
    drop(left);
    let panics = AssertUnwindSafe(app.call(request("/page/panics")));
    assert!(panics.catch_unwind().await.is_err());

    let expected = [
        r#"forward Some("uri-miss") GET /page/{id} /page/waits None None None None"#,
        "detached None GET /page/{id} /page/waits None None None None",
        r#"forward Some("uri-miss") GET /page/{id} /page/panics None None None None"#,
        "failed None GET /page/{id} /page/panics None None None None",
    ];
    assert_eq!(*events.lock().unwrap(), expected);
}
