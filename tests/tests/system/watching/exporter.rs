//! The feature `metrics` through a real exporter: its text has the figures of `stats()`, and is that of the
//! admin scope.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use actix_web::{HttpResponse, get, web};
use cached_response::testing::{InProcessStore, ManualClock};
use cached_response::{CacheResponses, Policy, ResponseCache, Stats, admin, cached_response};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tests::alone::alone;
use tests::prometheus::{Family, families, sum};
use tests::raw::{self, Request};
use tests::server::Server;

#[get("/list/{id}")]
#[cached_response(timeout = 60)]
async fn list(id: web::Path<String>, clock: web::Data<ManualClock>) -> HttpResponse {
    clock.advance(Duration::from_millis(250));
    let mut response = HttpResponse::Ok();
    if *id == "private" {
        response.insert_header(("set-cookie", "session=planted-cookie"));
    }
    response.body("planted-body")
}

#[get("/flaky")]
#[cached_response(timeout = 1, stale_if_error = 1h)]
async fn flaky(is_down: web::Data<AtomicBool>) -> HttpResponse {
    if is_down.load(SeqCst) {
        return HttpResponse::InternalServerError().finish();
    }
    HttpResponse::Ok().finish()
}

async fn rate(cache: web::Data<ResponseCache>) -> String {
    let rate = cache.get_or_compute("rate", 60, || async { Ok::<_, Infallible>(1.08) });
    rate.await.unwrap_or_default().to_string()
}

const TOKEN: &str = "correct horse battery staple";

fn admin_text(server: &Server) -> String {
    let request = Request::get("/cache/metrics").header("authorization", format!("Bearer {TOKEN}"));
    let response = raw::fetch(server.address(), &request).unwrap();
    assert_eq!(response.status(), 200);
    response.text()
}

fn scrape(cache: &ResponseCache, handle: &PrometheusHandle) -> BTreeMap<String, Family> {
    cache.publish_metrics();
    families(&handle.render())
}

fn server(cache: &ResponseCache, clock: &ManualClock, is_down: &web::Data<AtomicBool>) -> Server {
    let (cache, clock) = (web::Data::new(cache.clone()), web::Data::new(clock.clone()));
    let is_down = is_down.clone();
    let app = move |app: &mut web::ServiceConfig| {
        let other = web::scope("/other")
            .wrap(CacheResponses::new(Policy::new(60)))
            .route("/one", web::get().to(HttpResponse::Ok))
            .route("/two", web::get().to(HttpResponse::Ok));
        let admin = admin::scope("/cache", ResponseCache::clone(&cache), admin::token(TOKEN));
        app.app_data(cache.clone()).app_data(clock.clone());
        app.app_data(is_down.clone()).service(admin);
        app.service((list, flaky, other))
            .route("/rate", web::get().to(rate));
    };
    Server::start(2, app).unwrap()
}

fn send(server: &Server, paths: &[&str]) {
    for path in paths {
        raw::fetch(server.address(), &Request::get(*path)).unwrap();
    }
}

#[track_caller]
fn assert_is(families: &BTreeMap<String, Family>, name: &str, expected: f64) {
    let sum = sum(families, name);
    assert!(
        (sum - expected).abs() < 1e-6,
        "{name} is {sum}, not {expected}: {families:#?}"
    );
}

#[expect(clippy::cast_precision_loss, reason = "a sample")]
fn float(count: u64) -> f64 {
    count as f64
}

/// Every figure of the scrape is that of `stats()`.
fn assert_figures(scrape: &BTreeMap<String, Family>, stats: &Stats) {
    for (name, count) in [
        ("cached_response_hits_total", stats.hits),
        ("cached_response_misses_total", stats.misses),
        (
            "cached_response_forced_refreshes_total",
            stats.forced_refreshes,
        ),
        ("cached_response_bypasses_total", stats.bypasses.total()),
        ("cached_response_stored_total", stats.stored),
        ("cached_response_not_stored_total", stats.skips.total()),
        ("cached_response_served_bytes_total", stats.served_bytes),
        ("cached_response_memory_bytes", stats.bytes),
        ("cached_response_memory_max_bytes", stats.max_bytes),
        ("cached_response_memory_entries", stats.entries),
        ("cached_response_invalidations_total", stats.invalidations),
        ("cached_response_run_duration_seconds_count", stats.runs),
    ] {
        assert_is(scrape, name, float(count));
    }
    for (name, duration) in [
        ("cached_response_time_saved_seconds", stats.time_saved),
        ("cached_response_run_duration_seconds_sum", stats.run_time),
    ] {
        assert_is(scrape, name, duration.as_secs_f64());
    }
}

fn assert_labels(scrape: &BTreeMap<String, Family>) {
    let of_list = |name: &str, reason: &str| {
        format!("cached_response_{name}{{{reason}route=\"/list/{{id}}\"}}")
    };
    for (name, reason, count) in [
        ("hits_total", "", 2.0),
        ("misses_total", "reason=\"uri-miss\",", 2.0),
        ("forced_refreshes_total", "", 1.0),
        ("stored_total", "", 2.0),
        ("not_stored_total", "reason=\"set-cookie\",", 1.0),
    ] {
        assert_is(scrape, &of_list(name, reason), count);
    }
    // A middleware is one route, however many paths it has.
    let route = |sample: &str| {
        let (_, route) = sample.split_once("route=\"")?;
        Some(route.split_once('"')?.0.to_owned())
    };
    let samples = scrape.values().flat_map(|family| family.samples.keys());
    let routes: BTreeSet<_> = samples.filter_map(|sample| route(sample)).collect();
    assert_eq!(routes.len(), 2, "{routes:?}");
}

#[test]
fn the_text_of_prometheus_has_the_figures_of_stats() {
    alone(|| {
        let handle = PrometheusBuilder::new().install_recorder().unwrap();
        let clock = ManualClock::new();
        let cache = ResponseCache::builder().clock(&clock).build();
        let server = server(&cache, &clock, &web::Data::new(AtomicBool::new(false)));
        send(
            &server,
            &["/list/1?token=planted-query", "/list/1?token=planted-query"],
        );
        send(
            &server,
            &[
                "/list/private",
                "/list/1?nocache=1",
                "/other/one",
                "/other/two",
            ],
        );
        assert_figures(&scrape(&cache, &handle), &cache.stats());
        send(&server, &["/list/1?token=planted-query", "/other/one"]);
        cache.invalidate_all();
        let scrape = scrape(&cache, &handle);
        assert_figures(&scrape, &cache.stats());
        assert_labels(&scrape);
        let text = handle.render();
        assert!(
            text.contains("# HELP cached_response_hits_total Requests"),
            "{text}"
        );
        assert!(
            text.contains("# TYPE cached_response_memory_bytes gauge"),
            "{text}"
        );
        assert!(!text.contains("planted"), "{text}");
    });
}

/// The text of the exporter and of the admin scope, with nothing counted in between.
fn texts(cache: &ResponseCache, server: &Server, handle: &PrometheusHandle) -> (String, String) {
    for _ in 0..1000 {
        let stats = cache.stats();
        cache.publish_metrics();
        let texts = (handle.render(), admin_text(server));
        // Writes to the store end in the background.
        if cache.stats() == stats {
            return texts;
        }
    }
    panic!("the counts do not settle: {}", cache.stats());
}

#[test]
fn the_exporter_and_the_admin_scope_show_the_same_samples() {
    alone(|| {
        let handle = PrometheusBuilder::new().install_recorder().unwrap();
        let clock = ManualClock::new();
        let store = InProcessStore::with_clock(&clock);
        let cache = ResponseCache::builder().clock(&clock).remote(store).build();
        let is_down = web::Data::new(AtomicBool::new(false));
        let server = server(&cache, &clock, &is_down);
        send(
            &server,
            &["/list/1", "/list/1", "/list/private", "/list/1?nocache=1"],
        );
        send(
            &server,
            &["/other/one", "/other/one", "/rate", "/rate", "/flaky"],
        );
        let (exporter, admin) = texts(&cache, &server, &handle);
        assert_eq!(families(&exporter), families(&admin));

        clock.advance(Duration::from_secs(2));
        is_down.store(true, SeqCst);
        send(&server, &["/flaky", "/flaky", "/list/1", "/list/2"]);
        raw::fetch(server.address(), &Request::post("/other/one", "")).unwrap();
        cache.invalidate_all();
        let (exporter, admin) = texts(&cache, &server, &handle);
        assert_eq!(families(&exporter), families(&admin));

        let shown = families(&admin);
        assert_is(&shown, "cached_response_stale_total", 2.0);
        assert_is(&shown, "cached_response_value_hits_total", 1.0);
        assert!(shown.contains_key("cached_response_remote_calls_total"));
    });
}
