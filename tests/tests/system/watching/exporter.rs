//! The feature `metrics` through a real exporter: its text has the figures of `stats()`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use actix_web::{HttpResponse, get, web};
use cached_response::testing::ManualClock;
use cached_response::{CacheResponses, Policy, ResponseCache, Stats, cached_response};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tests::alone::alone;
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

/// The samples of a scrape: by name with labels, in the order of the text format.
fn scrape(cache: &ResponseCache, handle: &PrometheusHandle) -> BTreeMap<String, f64> {
    cache.publish_metrics();
    let text = handle.render();
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect()
}

fn server(cache: &ResponseCache, clock: &ManualClock) -> Server {
    let (cache, clock) = (cache.clone(), web::Data::new(clock.clone()));
    let app = move |app: &mut web::ServiceConfig| {
        let other = web::scope("/other")
            .wrap(CacheResponses::new(Policy::new(60)))
            .route("/one", web::get().to(HttpResponse::Ok))
            .route("/two", web::get().to(HttpResponse::Ok));
        app.app_data(cache.clone()).app_data(clock.clone());
        app.service(list).service(other);
    };
    Server::start(2, app).unwrap()
}

fn send(server: &Server, paths: &[&str]) {
    for path in paths {
        raw::fetch(server.address(), &Request::get(*path)).unwrap();
    }
}

/// The sum of the samples of a name.
fn sum(samples: &BTreeMap<String, f64>, name: &str) -> f64 {
    let of_name = samples
        .iter()
        .filter(|(sample, _)| sample.starts_with(name));
    of_name.map(|(_, value)| value).sum()
}

#[track_caller]
fn assert_is(samples: &BTreeMap<String, f64>, name: &str, expected: f64) {
    let sum = sum(samples, name);
    assert!(
        (sum - expected).abs() < 1e-9,
        "{name} is {sum}, not {expected}: {samples:#?}"
    );
}

#[expect(clippy::cast_precision_loss, reason = "a sample")]
fn float(count: u64) -> f64 {
    count as f64
}

/// Every figure of the scrape is that of `stats()`.
fn assert_figures(samples: &BTreeMap<String, f64>, stats: &Stats) {
    let asked = stats.hits + stats.misses + stats.forced_refreshes + stats.bypasses.total();
    for (name, count) in [
        ("cached_response_requests_total", asked),
        ("cached_response_served_bytes_total", stats.served_bytes),
        ("cached_response_memory_bytes", stats.bytes),
        ("cached_response_memory_max_bytes", stats.max_bytes),
        ("cached_response_entries", stats.entries),
        ("cached_response_invalidations_total", stats.invalidations),
        ("cached_response_run_duration_seconds_count", stats.runs),
    ] {
        assert_is(samples, name, float(count));
    }
    assert_is(
        samples,
        "cached_response_time_saved_seconds",
        stats.time_saved.as_secs_f64(),
    );
    assert_is(
        samples,
        "cached_response_run_duration_seconds_sum",
        stats.run_time.as_secs_f64(),
    );
}

fn assert_labels(samples: &BTreeMap<String, f64>) {
    let of_list =
        |name: &str, rest: &str| format!("cached_response_{name}{{route=\"/list/{{id}}\"{rest}}}");
    for (name, rest, count) in [
        ("requests_total", ",outcome=\"hit\"", 2.0),
        (
            "requests_total",
            ",outcome=\"miss\",reason=\"uri-miss\"",
            2.0,
        ),
        (
            "requests_total",
            ",outcome=\"refresh\",reason=\"request\"",
            1.0,
        ),
        ("responses_total", ",outcome=\"stored\"", 2.0),
        (
            "responses_total",
            ",outcome=\"not_stored\",reason=\"set-cookie\"",
            1.0,
        ),
    ] {
        assert_is(samples, &of_list(name, rest), count);
    }
    // A middleware is one route, however many paths it has.
    let route = |sample: &str| {
        let (_, route) = sample.split_once("route=\"")?;
        Some(route.split_once('"')?.0.to_owned())
    };
    let routes: BTreeSet<_> = samples.keys().filter_map(|sample| route(sample)).collect();
    assert_eq!(routes.len(), 2, "{routes:?}");
}

#[test]
fn the_text_of_prometheus_has_the_figures_of_stats() {
    alone(|| {
        let handle = PrometheusBuilder::new().install_recorder().unwrap();
        let clock = ManualClock::new();
        let cache = ResponseCache::builder().clock(&clock).build();
        let server = server(&cache, &clock);
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
        let samples = scrape(&cache, &handle);
        assert_figures(&samples, &cache.stats());
        assert_labels(&samples);
        let text = handle.render();
        assert!(
            text.contains("# HELP cached_response_requests_total Requests"),
            "{text}"
        );
        assert!(
            text.contains("# TYPE cached_response_memory_bytes gauge"),
            "{text}"
        );
        assert!(!text.contains("planted"), "{text}");
    });
}
