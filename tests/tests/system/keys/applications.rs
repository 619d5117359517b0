//! One handler in several applications or scopes, with `Data` of one type and other content in each.

use std::cell::Cell;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use actix_web::dev::Service;
use actix_web::test::{TestRequest, init_service};
use actix_web::web::Data;
use actix_web::{App, Either, HttpRequest, guard, web};
use cached_response::testing::{InProcessStore, ManualClock, isolated};
use cached_response::{Lazy, Outcome, Policy, ResponseCache, cached, cached_response};
use tests::alone::alone;
use tests::raw;
use tests::server::Server;
use tests::stage::soon;
use tracing::Level;

use crate::ask::{get as ask_for, get_with, run};
use crate::messages::Messages;

#[derive(Debug)]
struct Site(&'static str);
struct Theme(&'static str);

#[cached_response]
async fn home(site: Data<Site>) -> String {
    format!("{}, run {}", site.0, run())
}

#[cached_response]
async fn perhaps(site: Option<Data<Site>>) -> &'static str {
    site.map_or("none", |site| site.0)
}

#[cached_response]
async fn either(site: Either<Data<Theme>, Data<Site>>) -> &'static str {
    match site {
        Either::Left(theme) => theme.0,
        Either::Right(site) => site.0,
    }
}

#[cached_response]
async fn both((site, theme): (Data<Site>, Result<Data<Theme>, actix_web::Error>)) -> String {
    format!("{}{}", site.0, theme.map_or("", |theme| theme.0))
}

#[cached_response(lazy(site))]
async fn late(site: Data<Site>) -> &'static str {
    site.0
}

#[cached_response(key(site.0.len()))]
async fn keyed(site: Data<Site>) -> &'static str {
    site.0
}

#[cached_response(stale_while_revalidate = 60)]
async fn refreshed(site: Data<Site>) -> String {
    format!("{}, run {}", site.0, run())
}

async fn plain(site: Data<Site>) -> &'static str {
    site.0
}

async fn plain_late(site: Lazy<Data<Site>>) -> Result<&'static str, actix_web::Error> {
    Ok(site.extract().await?.0)
}

fn routes(scope: actix_web::Scope) -> actix_web::Scope {
    scope
        .route("/home", web::get().to(home))
        .route("/perhaps", web::get().to(perhaps))
        .route("/either", web::get().to(either))
        .route("/both", web::get().to(both))
        .route("/late", web::get().to(late))
        .route("/keyed", web::get().to(keyed))
        .route("/refreshed", web::get().to(refreshed))
        .route("/plain", web::get().to(cached(Policy::default(), plain)))
        .route(
            "/plain-late",
            web::get().to(cached(Policy::default(), plain_late)),
        )
}

/// Two sites with a host each.
fn sites(app: &mut web::ServiceConfig) {
    for (host, name) in [("a.example", "a"), ("b.example", "b")] {
        let scope = web::scope("").guard(guard::Host(host));
        app.service(routes(scope.app_data(Data::new(Site(name)))));
    }
}

#[actix_web::test]
async fn two_guarded_scopes_with_data_of_their_own_do_not_share_a_page() {
    let cache = isolated();
    let app = init_service(App::new().configure(sites)).await;
    for path in [
        "/perhaps",
        "/either",
        "/both",
        "/late",
        "/keyed",
        "/plain",
        "/plain-late",
    ] {
        for round in 0..3 {
            for (host, name) in [("a.example", "a"), ("b.example", "b")] {
                let answer = get_with(&app, path, ("host", host)).await;
                assert_eq!(answer.body, name, "{path}");
                assert_eq!(answer.is_hit(), round > 0, "{path} in round {round}");
            }
        }
    }
    assert_eq!(cache.cache().stats().hits, 7 * 2 * 2);
}

#[actix_web::test]
async fn two_guarded_resources_with_data_of_their_own_do_not_share_a_page() {
    let _cache = isolated();
    let resource = |name| {
        let is_asked = guard::Header("x-site", name);
        let resource = web::resource("/").guard(is_asked);
        resource.app_data(Data::new(Site(name))).to(perhaps)
    };
    let app = App::new().service(resource("a")).service(resource("b"));
    let app = init_service(app).await;
    for name in ["a", "b", "a", "b"] {
        assert_eq!(get_with(&app, "/", ("x-site", name)).await.body, name);
    }
}

#[actix_web::test]
async fn data_that_a_middleware_inserts_is_in_the_key() {
    let _cache = isolated();
    let containers = ["a", "b"].map(|name| {
        let mut container = actix_web::dev::Extensions::new();
        container.insert(Data::new(Site(name)));
        Rc::new(container)
    });
    let app = App::new()
        .wrap_fn(move |mut request, service| {
            let is_b = request.query_string().is_empty() && request.headers().contains_key("x-b");
            request.add_data_container(containers[usize::from(is_b)].clone());
            service.call(request)
        })
        .route("/", web::get().to(perhaps));
    let app = init_service(app).await;
    for _ in 0..2 {
        assert_eq!(ask_for(&app, "/").await.body, "a");
        assert_eq!(get_with(&app, "/", ("x-b", "1")).await.body, "b");
    }
}

/// Each request has a value of its own, which is freed with it: the next one is likely to get its
/// place in memory.
#[actix_web::test]
async fn a_value_that_was_freed_is_not_mistaken_for_the_next_one_at_its_address() {
    let _cache = isolated();
    let name = |n: usize| if n.is_multiple_of(2) { "even" } else { "odd" };
    let count = Cell::new(0);
    let app = App::new()
        .wrap_fn(move |mut request, service| {
            let mut container = actix_web::dev::Extensions::new();
            container.insert(Data::new(Site(name(count.replace(count.get() + 1)))));
            request.add_data_container(Rc::new(container));
            service.call(request)
        })
        .route("/", web::get().to(perhaps));
    let app = init_service(app).await;
    for n in 0..200 {
        assert_eq!(ask_for(&app, "/").await.body, name(n));
    }
}

#[actix_web::test]
async fn more_values_of_data_than_the_limit_bypass() {
    let _cache = isolated();
    let sites: Vec<_> = (0..70_u32)
        .map(|n| Data::new(Site(n.to_string().leak())))
        .collect();
    let mut apps = Vec::new();
    for site in &sites {
        let app = App::new()
            .app_data(site.clone())
            .route("/", web::get().to(perhaps));
        apps.push(init_service(app).await);
    }
    for round in 0..2 {
        for (n, app) in apps.iter().enumerate() {
            let answer = ask_for(app, "/").await;
            assert_eq!(answer.body, sites[n].0);
            assert_eq!(answer.is_hit(), round > 0 && n < 64, "site {n}");
            assert_eq!(answer.detail().as_deref(), (n >= 64).then_some("key"));
        }
    }
}

#[actix_web::test]
async fn one_value_in_two_apps_is_one_page() {
    let _cache = isolated();
    let site = Data::new(Site("one"));
    for round in 0..2 {
        let app = App::new()
            .app_data(site.clone())
            .route("/", web::get().to(perhaps));
        let answer = ask_for(&init_service(app).await, "/").await;
        assert_eq!((answer.body.as_str(), answer.is_hit()), ("one", round > 0));
    }
}

#[actix_web::test]
async fn a_page_is_refreshed_for_the_site_that_it_was_made_for() {
    let clock = ManualClock::new();
    let cache = ResponseCache::builder().clock(&clock).build();
    let app = App::new().app_data(cache.clone()).configure(sites);
    let app = init_service(app).await;
    let get = async |host| get_with(&app, "/refreshed", ("host", host)).await.body;
    assert_eq!(get("a.example").await, "a, run 1");
    assert_eq!(get("b.example").await, "b, run 2");
    clock.advance(Duration::from_secs(310));
    assert_eq!(get("b.example").await, "b, run 2");
    soon("b is refreshed", || cache.stats().stored == 3).await;
    assert_eq!(get("b.example").await, "b, run 3");
    assert_eq!(get("a.example").await, "a, run 1");
    soon("a is refreshed", || cache.stats().stored == 4).await;
    assert_eq!(get("a.example").await, "a, run 4");
}

/// Explains its own request, where its data is visible.
async fn explained(request: HttpRequest, cache: Data<ResponseCache>) -> String {
    let explained = cache.explain(&request);
    let outcome = explained.first().map(|explained| explained.outcome);
    match outcome {
        Some(Outcome::Hit(_)) => "hit".to_owned(),
        Some(Outcome::Miss(why)) => why.as_str().to_owned(),
        other => format!("{other:?}"),
    }
}

#[actix_web::test]
async fn an_explanation_is_of_the_application_it_is_requested_from() {
    let cache = ResponseCache::builder().build();
    let app = App::new()
        .app_data(cache.clone())
        .app_data(Data::new(cache));
    let app = app.configure(|app| {
        for (host, name) in [("a.example", "a"), ("b.example", "b")] {
            let scope = web::scope("").guard(guard::Host(host));
            let explains =
                guard::fn_guard(|asked| asked.head().headers().contains_key("x-explain"));
            let resource = web::resource("/").route(web::get().guard(explains).to(explained));
            let resource = resource.route(web::get().to(home));
            app.service(scope.app_data(Data::new(Site(name))).service(resource));
        }
    });
    let app = init_service(app).await;
    let explained = async |host: &'static str| {
        let request = TestRequest::with_uri("/");
        let request = request
            .append_header(("host", host))
            .append_header(("x-explain", "1"));
        let response = actix_web::test::call_service(&app, request.to_request()).await;
        let body = actix_web::body::to_bytes(response.into_body())
            .await
            .unwrap();
        String::from_utf8_lossy(&body).into_owned()
    };
    assert_eq!(
        get_with(&app, "/", ("host", "a.example")).await.body,
        "a, run 1"
    );
    assert_eq!(explained("a.example").await, "hit");
    assert_eq!(
        get_with(&app, "/", ("host", "b.example")).await.body,
        "b, run 2"
    );
    assert_eq!(explained("b.example").await, "hit");
    assert_eq!(explained("a.example").await, "hit");
}

#[actix_web::test]
async fn sites_that_share_a_cache_leave_its_remote_store_alone() {
    let store = InProcessStore::new();
    let cache = ResponseCache::builder().remote(store.clone()).build();
    let app = App::new().app_data(cache.clone()).configure(sites);
    let app = init_service(app).await;
    // As long as there is one site, its pages are shared.
    get_with(&app, "/home", ("host", "a.example")).await;
    cache.settled().await;
    let shared = |store: &InProcessStore| {
        store
            .names()
            .iter()
            .filter(|name| name.contains(":/home:"))
            .count()
    };
    assert_eq!(shared(&store), 1);
    for _ in 0..2 {
        for (host, site) in [("b.example", "b"), ("a.example", "a")] {
            let answer = get_with(&app, "/home", ("host", host)).await;
            assert!(answer.body.starts_with(site), "{}", answer.body);
        }
    }
    cache.settled().await;
    assert_eq!(shared(&store), 1);
    assert_eq!(cache.stats().remote_hits, 0);
}

#[actix_web::test]
async fn a_restarted_server_with_new_data_uses_the_remote_store() {
    let store = InProcessStore::new();
    let cache = ResponseCache::builder().remote(store.clone()).build();
    for run in 1..3 {
        let app = App::new().app_data(cache.clone()).configure(|app| {
            app.service(routes(web::scope("").app_data(Data::new(Site("one")))));
        });
        let app = init_service(app).await;
        let answer = ask_for(&app, "/home").await;
        assert_eq!(answer.body, "one, run 1", "start {run}");
        cache.settled().await;
    }
    assert_eq!(cache.stats().stored, 1);
}

/// The names that the workers take, one each.
static NAMES: Mutex<Vec<&str>> = Mutex::new(Vec::new());

/// A server with another `Data<Site>` in each of its four workers.
fn four_sites() -> Server {
    NAMES.lock().unwrap().extend(["a", "b", "c", "d"]);
    let cache = ResponseCache::builder().build();
    let all = Arc::new(Barrier::new(4));
    let server = Server::start(4, move |app| {
        let (name, all) = (NAMES.lock().unwrap().pop().unwrap(), all.clone());
        let name_of = move |site: Data<Site>| {
            // Each worker has one of the four requests.
            all.wait();
            async move { site.0 }
        };
        app.app_data(cache.clone())
            .app_data(Data::new(Site(name)))
            .route("/", web::get().to(perhaps))
            .route("/name", web::get().to(name_of));
    });
    server.unwrap()
}

/// In a process of its own, for the log.
#[test]
fn data_that_each_worker_builds_for_itself_is_in_the_key_and_logged_once() {
    alone(|| {
        let warnings = Messages::of(Level::WARN);
        let server = four_sites();
        let address = server.address();
        let client = move || {
            let mut worker = raw::Connection::open(address).unwrap();
            let mut get = |path| worker.exchange(&raw::Request::get(path)).unwrap().text();
            let name = get("/name");
            for _ in 0..3 {
                assert_eq!(get("/"), name);
            }
            name
        };
        let clients = [(); 4].map(|()| thread::spawn(client));
        let names = clients.map(|client| client.join().unwrap());
        assert_eq!(HashSet::from(names).len(), 4);
        let warnings = warnings.lines();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        let line = "let data = web::Data::new(..)";
        assert!(warnings[0].contains(line), "{warnings:?}");
    });
}
