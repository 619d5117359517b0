//! Caches of their own, of applications and of routes.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use actix_web::test::init_service;
use actix_web::web::{self, ServiceConfig};
use actix_web::{App, get};
use cached_response::testing::{ManualClock, isolated};
use cached_response::{CacheResponses, Policy, ResponseCache, cached, cached_response};
use tests::alone::alone;
use tests::raw::{Connection, Request as Sent};
use tests::server::Server;
use tracing::Level;

use super::any_page;
use crate::ask::{get as ask_for, run};
use crate::messages::Messages;

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

/// Says which worker has answered, when each has a request.
fn ask_two_workers(cache: impl Fn() -> ResponseCache + Send + Clone + 'static) {
    let both = Arc::new(Barrier::new(2));
    let server = Server::start(2, move |app: &mut ServiceConfig| {
        let both = both.clone();
        let wait = move || {
            both.wait();
            async { "both" }
        };
        app.app_data(cache())
            .route("/wait", web::get().to(wait))
            .service(any_page);
    });
    let server = server.unwrap();
    let address = server.address();
    let clients = [(); 2].map(|()| {
        thread::spawn(move || {
            let mut worker = Connection::open(address).unwrap();
            for path in ["/wait", "/one", "/two", "/one"] {
                assert_eq!(worker.exchange(&Sent::get(path)).unwrap().status(), 200);
            }
        })
    });
    for client in clients {
        client.join().unwrap();
    }
}

/// In a process of its own, for the log.
#[test]
fn a_cache_that_each_worker_builds_for_itself_is_warned_of_once() {
    alone(|| {
        let warnings = Messages::of(Level::WARN);
        let one = ResponseCache::builder().build();
        ask_two_workers(move || one.clone());
        assert_eq!(warnings.lines(), [""; 0], "built once, outside");
        for _ in 0..2 {
            ask_two_workers(|| ResponseCache::builder().build());
        }
        let warnings = warnings.lines();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        for part in [
            "keys/caches.rs",
            "let cache = ResponseCache::builder().build()",
        ] {
            assert!(warnings[0].contains(part), "{warnings:?}");
        }
    });
}

#[actix_web::test]
async fn a_cache_that_is_switched_off_keeps_nothing_and_another_one_does() {
    let (off, on) = (
        ResponseCache::builder().enabled(false),
        ResponseCache::builder().enabled(true),
    );
    let (off, on) = (off.build(), on.build());
    for _ in 0..2 {
        let app = init_service(App::new().app_data(off.clone()).service(any_page)).await;
        let answer = ask_for(&app, "/").await;
        assert_eq!(
            (answer.detail().as_deref(), answer.is_hit()),
            (Some("off"), false)
        );
    }
    let app = init_service(App::new().app_data(on.clone()).service(any_page)).await;
    assert!(!ask_for(&app, "/").await.is_hit());
    assert!(ask_for(&app, "/").await.is_hit());
    assert_eq!((off.stats().stored, on.stats().stored), (0, 1));
    let value = async |cache: &ResponseCache, value: u32| {
        let compute = move || async move { Ok::<_, std::convert::Infallible>(value) };
        cache.get_or_compute("value", 60, compute).await.unwrap()
    };
    assert_eq!((value(&off, 1).await, value(&off, 2).await), (1, 2));
    assert_eq!((value(&on, 1).await, value(&on, 2).await), (1, 1));
}

#[get("/said")]
#[cached_response(timeout = 60)]
async fn said() -> String {
    run().to_string()
}

#[actix_web::test]
async fn the_timeout_of_the_cache_holds_where_the_route_has_none() {
    let clock = ManualClock::new();
    let cache = |seconds: u64| {
        let cache = ResponseCache::builder().default_timeout(seconds);
        cache.clock(&clock).build()
    };
    let (short, long) = (cache(10), cache(1_000));
    let app = async |cache: &ResponseCache| {
        let wrapped = web::scope("/wrapped").wrap(CacheResponses::new(Policy::default()));
        let plain = || web::get().to(|| async { run().to_string() });
        let handler = cached(Policy::default(), || async { run().to_string() });
        let app = App::new().app_data(cache.clone()).service(said);
        let app = app.service(wrapped.route("", plain()));
        let app = app
            .route("/cached", web::get().to(handler))
            .service(any_page);
        init_service(app).await
    };
    let (short, long) = (app(&short).await, app(&long).await);
    let bare = ["/", "/cached", "/wrapped"];
    for (seconds, short_is_hit, said_is_hit, long_is_hit) in [
        (0, false, false, false),
        (9, true, true, true),
        (2, false, true, true),
        (50, false, false, true),
    ] {
        clock.advance(Duration::from_secs(seconds));
        for target in bare {
            assert_eq!(
                ask_for(&short, target).await.is_hit(),
                short_is_hit,
                "{target}"
            );
            assert_eq!(
                ask_for(&long, target).await.is_hit(),
                long_is_hit,
                "{target}"
            );
        }
        assert_eq!(ask_for(&short, "/said").await.is_hit(), said_is_hit);
    }
}
