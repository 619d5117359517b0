//! The list of the entries in memory.

use std::collections::BTreeSet;

use cached_response::ResponseCache;
use serde_json::{Value, json};
use tests::raw::Request;

use crate::shop::Shop;

fn rows(page: &Value) -> &[Value] {
    page["entries"].as_array().unwrap()
}

fn texts<'a>(page: &'a Value, member: &str) -> Vec<&'a str> {
    rows(page)
        .iter()
        .map(|row| row[member].as_str().unwrap_or("-"))
        .collect()
}

#[test]
fn an_entry_is_shown_by_its_name_its_times_and_its_tags() {
    let shop = Shop::open();
    let body = shop.get("/products/7");
    let page = shop.admin("/entries");
    let [row] = rows(&page) else { panic!("{page}") };
    let mut row = row.clone();
    let bytes = row["bytes"].take();
    assert_eq!(shop.cache.stats().bytes, bytes.as_u64().unwrap());
    assert!(row["handler"].take().as_str().unwrap().ends_with("product"));
    let left = row["fresh_seconds"].take().as_u64().unwrap();
    assert!((3590..=3600).contains(&left), "{left}");
    assert!(row["age_seconds"].take().as_u64().unwrap() < 10);
    assert_eq!(
        row,
        json!({
            "kind": "response",
            "method": "GET",
            "path": "/products/7",
            "query_pairs": 0,
            "handler": null,
            "status": 200,
            "state": "fresh",
            "age_seconds": null,
            "fresh_seconds": null,
            "body_bytes": body.len(),
            "bytes": null,
            "uses": 0,
            "tags": ["product:7", "shop"],
        })
    );
}

#[test]
fn uses_are_counted_but_for_the_last_few_of_each_worker() {
    let shop = Shop::open();
    for _ in 0..200 {
        shop.get("/products/7");
    }
    let page = shop.admin("/entries?sort=uses");
    let uses = rows(&page)[0]["uses"].as_u64().unwrap();
    assert!((199 - 2 * 16..=199).contains(&uses), "{uses}");
}

#[test]
fn variants_and_users_are_rows_without_their_values() {
    let shop = Shop::open();
    for (tongue, user) in [("en", "alice"), ("de", "bob")] {
        let greeting = Request::get("/greeting").header("accept-language", tongue);
        shop.fetch(&greeting.header("cookie", "theme=dark"));
        shop.fetch(&Request::get("/me").header("authorization", user));
    }
    let page = shop.admin("/entries");
    assert_eq!(
        texts(&page, "path"),
        ["/greeting", "/greeting", "/me", "/me"]
    );
    let mut names: Vec<_> = rows(&page)[0]["varies_by"]
        .as_array()
        .unwrap()
        .iter()
        .collect();
    names.sort_by_key(ToString::to_string);
    assert_eq!(names, ["accept-language", "cookie:theme"]);
    assert_eq!(rows(&page)[2]["varies_by"], Value::Null);
}

#[test]
fn pages_show_each_entry_once_in_the_order_of_the_paths() {
    let shop = Shop::open();
    for n in 0..25 {
        shop.get(&format!("/products/{n:02}"));
        shop.get(&format!("/search?n={n}"));
        shop.get(&format!("/shops/{}/items/{n}", n % 3));
    }
    let whole = shop.admin("/entries?limit=1000");
    assert_eq!((rows(&whole).len(), &whole["next"]), (75, &Value::Null));
    let paths = texts(&whole, "path");
    assert!(paths.is_sorted(), "{paths:?}");
    for limit in [1, 7, 25, 74, 75, 76] {
        let mut seen = Vec::new();
        let mut target = format!("/entries?limit={limit}");
        loop {
            let page = shop.admin(&target);
            assert!(rows(&page).len() <= limit);
            seen.extend(rows(&page).iter().cloned());
            let Some(next) = page["next"].as_str() else {
                break;
            };
            assert_eq!(rows(&page).len(), limit);
            target = format!("/entries?limit={limit}&after={}", next.replace('/', "%2F"));
        }
        assert_eq!(seen.len(), 75, "{limit}");
        let text = |row: &Value| row.to_string();
        let (seen, whole): (BTreeSet<_>, BTreeSet<_>) = (
            seen.iter().map(text).collect(),
            rows(&whole).iter().map(text).collect(),
        );
        assert_eq!(seen.len(), whole.len(), "{limit}");
    }
}

#[test]
fn a_prefix_and_a_size_select() {
    let shop = Shop::open();
    for target in ["/products/1", "/products/2", "/search?a=1", "/search"] {
        shop.get(target);
    }
    let products = shop.admin("/entries?prefix=%2Fproducts%2F");
    assert_eq!(texts(&products, "path"), ["/products/1", "/products/2"]);
    assert_eq!(rows(&shop.admin("/entries?prefix=/nothing")).len(), 0);
    let largest = shop.admin("/entries?sort=bytes&limit=2");
    let bytes: Vec<_> = rows(&largest)
        .iter()
        .map(|row| row["bytes"].as_u64().unwrap())
        .collect();
    assert!(bytes.len() == 2 && bytes[0] >= bytes[1], "{bytes:?}");
    assert_eq!(largest["next"], Value::Null);
    let search = shop.admin("/entries?prefix=/search");
    let mut pairs: Vec<_> = rows(&search)
        .iter()
        .map(|row| row["query_pairs"].as_u64())
        .collect();
    pairs.sort_unstable();
    assert_eq!(pairs, [Some(0), Some(1)]);
}

#[actix_web::test]
async fn a_value_is_shown_without_its_key() {
    let cache = ResponseCache::builder().build();
    let value = cache.get_or_compute("/looks/like/a/path", 60, || async {
        Ok::<_, ()>("hidden text".to_owned())
    });
    value.await.unwrap();
    let shop = Shop::of(cache);
    shop.get("/search");
    let page = shop.admin("/entries");
    assert_eq!(texts(&page, "kind"), ["response", "value"]);
    assert_eq!(texts(&page, "path"), ["/search", "-"]);
    let text = page.to_string();
    assert!(
        !text.contains("looks") && !text.contains("hidden"),
        "{text}"
    );
}

#[test]
fn an_invalidated_entry_is_shown_as_expired() {
    let shop = Shop::open();
    shop.get("/products/1");
    shop.invalidate(&json!({ "tag": "shop" }));
    let page = shop.admin("/entries");
    assert_eq!(texts(&page, "state"), ["expired"]);
    assert_eq!(rows(&page)[0]["fresh_seconds"], 0);
}

#[test]
fn a_mistake_is_answered_with_what_to_write() {
    let shop = Shop::open();
    for target in [
        "/entries?limit=0",
        "/entries?limit=1001",
        "/entries?limit=x",
        "/entries?sort=color",
        "/entries?after=x",
        "/entries?after=100001:/",
        "/entries?after=1:/&sort=bytes",
        "/entries?colour=red",
    ] {
        let (status, answer) = shop.ask(target);
        assert_eq!(status, 400, "{target}");
        assert!(answer["error"].as_str().unwrap().contains('`'), "{answer}");
    }
}
