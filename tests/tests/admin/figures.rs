//! The counts as JSON and as text.

use std::collections::BTreeMap;

use actix_web::test::{TestRequest, call_and_read_body, call_and_read_body_json, init_service};
use actix_web::{App, guard, web};
use cached_response::{CacheResponses, Policy, ResponseCache, admin, cached};
use tests::prometheus::{families, sum};
use tests::raw::Request;

use crate::shop::{Shop, authorized};

fn load(shop: &Shop) {
    for n in 0..20 {
        shop.get(&format!("/products/{}", n % 4));
        shop.get("/shops/a/items/1");
        shop.fetch(&Request::post("/search", ""));
    }
}

#[test]
fn stats_are_those_of_the_cache() {
    let shop = Shop::open();
    load(&shop);
    let expected = serde_json::to_value(shop.cache.stats()).unwrap();
    assert_eq!(shop.admin("/stats"), expected);
    assert_eq!(expected["hits"], 35);
}

#[test]
fn metrics_are_the_same_in_the_format_of_prometheus() {
    let shop = Shop::open();
    load(&shop);
    let response = shop.fetch(&authorized(Request::get("/cache/metrics")));
    let kind = response.header("content-type").unwrap();
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    let (text, stats) = (response.text(), shop.cache.stats());
    let families = families(&text);
    let expected = [
        ("hits_total", stats.hits),
        ("misses_total", stats.misses),
        ("bypasses_total", stats.bypasses.total()),
        ("stored_total", stats.stored),
        ("run_duration_seconds_count", stats.runs),
        ("served_bytes_total", stats.served_bytes),
        ("memory_bytes", stats.bytes),
        ("memory_entries", stats.entries),
    ];
    for (name, count) in expected {
        let name = format!("cached_response_{name}");
        let sum = sum(&families, &name);
        assert_eq!(sum.to_string(), count.to_string(), "{name}");
    }
    assert!(
        text.contains("cached_response_hits_total{route=\"/products/{id}\"} 16\n"),
        "{text}"
    );
}

#[test]
fn each_route_has_the_figures_of_its_handler() {
    let shop = Shop::open();
    load(&shop);
    shop.fetch(&Request::get("/behind/page").header("cookie", "a=b"));
    let (stats, answer) = (shop.cache.stats(), shop.admin("/routes"));
    let rows = answer["routes"].as_array().unwrap();
    assert_eq!(rows.len(), stats.routes.len());
    for route in &stats.routes {
        let row = rows.iter().find(|row| row["handler"] == route.handler);
        let row = row.unwrap_or_else(|| panic!("{}: {answer}", route.handler));
        assert_eq!(row["hits"], route.hits);
        assert_eq!(row["hit_ratio"], serde_json::json!(route.hit_ratio()));
        let saved = row["time_saved_seconds"].as_f64().unwrap();
        assert!(
            (saved - route.time_saved.as_secs_f64()).abs() < 1e-9,
            "{row}"
        );
        let requests = route.hits + route.misses + route.bypasses.total();
        assert_eq!(row["requests"], requests);
    }
}

#[actix_web::test]
async fn a_route_behind_a_middleware_shows_no_background_refresh() {
    let cache = ResponseCache::builder().stale_while_revalidate(60).build();
    let page = || async { "page" };
    let app = App::new()
        .app_data(cache.clone())
        .route("/page", web::get().to(cached(Policy::new(60), page)))
        .service(
            web::scope("/behind")
                .wrap(CacheResponses::new(Policy::new(60)))
                .route("/page", web::get().to(page)),
        )
        .service(admin::scope("/cache", cache, guard::Get()));
    let app = init_service(app).await;
    let ask = |path| call_and_read_body_json(&app, TestRequest::with_uri(path).to_request());
    for path in ["/page", "/behind/page"] {
        let request = TestRequest::with_uri(path).to_request();
        assert_eq!(call_and_read_body(&app, request).await, "page");
    }
    let answer: serde_json::Value = ask("/cache/routes").await;
    let windows: BTreeMap<_, _> = answer["routes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                row["pattern"].as_str().unwrap(),
                row["policy"]["stale_while_revalidate"].as_f64(),
            )
        })
        .collect();
    let expected = [("/behind/page", None), ("/page", Some(60.0))];
    assert_eq!(windows, BTreeMap::from(expected), "{answer}");
}
