//! Secrets in every input, none of them in any answer.

use std::sync::{Arc, Mutex};

use cached_response::testing::InProcessStore;
use cached_response::{CacheEvent, ResponseCache, StoreErrorKind};
use serde_json::json;
use tests::browser::Browser;
use tests::raw::Request;

use crate::log::Log;
use crate::shop::{Shop, TOKEN, authorized};

/// What a secret begins with, wherever it is planted.
const SECRET: &str = "s3cr3t";

/// Requests with a secret in each place.
fn plant(shop: &Shop) {
    for target in [
        format!("/search?token={SECRET}-query"),
        format!("/search?{SECRET}-bare"),
        format!("/behind/page?token={SECRET}-query"),
        format!("/products/7?token={SECRET}-query"),
    ] {
        for _ in 0..3 {
            shop.get(&target);
        }
    }
    for cookie in [
        format!("{SECRET}-nameless"),
        format!("_ga=\"1; {SECRET}-quoted\""),
    ] {
        for _ in 0..3 {
            shop.fetch(&Request::get("/behind/page").header("cookie", &cookie));
        }
    }
    for target in ["/me", "/greeting", "/address", "/behind/page", "/search"] {
        for _ in 0..3 {
            let request = Request::get(target)
                .header("authorization", format!("Bearer {SECRET}-authorization"))
                .header(
                    "cookie",
                    format!("theme={SECRET}-theme; session={SECRET}-session"),
                )
                .header("accept-language", format!("{SECRET}-tongue"))
                .header("accept", format!("{SECRET}/accept"))
                .header("x-api-key", format!("{SECRET}-key"));
            shop.fetch(&request);
        }
    }
}

/// Requests to the admin scope, with secrets.
fn targets() -> [String; 18] {
    let described = format!(
        "header=authorization:{SECRET}&header=cookie:session%3D{SECRET}&header=x-api-key:{SECRET}\
         &header=accept-language:{SECRET}&header=accept:{SECRET}"
    );
    [
        "/stats".to_owned(),
        "/advice".to_owned(),
        "/metrics".to_owned(),
        "/routes".to_owned(),
        "/entries".to_owned(),
        "/entries?sort=bytes".to_owned(),
        "/entries?sort=uses".to_owned(),
        "/entries?limit=1".to_owned(),
        format!("/entries?{SECRET}={SECRET}"),
        format!("/explain?url=/search%3Ftoken%3D{SECRET}%26{SECRET}&{described}"),
        format!("/explain?url=/me&{described}"),
        format!("/explain?url=/greeting&{described}"),
        format!("/explain?url=/behind/page&{described}"),
        format!("/explain?url=/address&{described}"),
        format!("/explain?url=/products/7&method={SECRET}"),
        format!("/explain?url={SECRET}"),
        format!("/explain?{SECRET}=1"),
        format!("/{SECRET}"),
    ]
}

fn outputs(shop: &Shop) -> Vec<String> {
    let targets = targets();
    let asked = targets
        .iter()
        .map(|target| Request::get(format!("/cache{target}")));
    let bodies = [
        json!({ "tag": SECRET, "url": format!("/search?token={SECRET}") }).to_string(),
        json!({ SECRET: SECRET }).to_string(),
        format!("{{\"tag\":{SECRET}"),
    ];
    let posted = bodies.map(|body| {
        Request::post("/cache/invalidate", body).header("content-type", "application/json")
    });
    let requests = asked
        .chain(posted)
        .flat_map(|request| [authorized(request.clone()), request]);
    requests
        .map(|request| {
            let response = shop.fetch(&request);
            format!("{:?}\n{}", response.head, response.text())
        })
        .collect()
}

/// The markup of the page, with its figures.
fn page(shop: &Shop) -> String {
    let mut browser = Browser::start("secrets").unwrap();
    browser.headers(&json!({ "authorization": format!("Bearer {TOKEN}") }));
    browser.open(&format!("http://{}/cache/", shop.address()));
    browser.until("document.querySelector('#state').textContent === 'Live'");
    let markup = browser.eval("document.documentElement.outerHTML");
    markup.as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn no_answer_page_event_or_line_has_a_secret_of_any_input() {
    let log = Log::collect();
    let events = Arc::new(Mutex::new(Vec::new()));
    let noted = events.clone();
    let note = move |event: &CacheEvent<'_>| noted.lock().unwrap().push(format!("{event:?}"));
    let store = InProcessStore::new();
    let cache = ResponseCache::builder()
        .remote(store.clone())
        .on_event(note)
        .build();
    let key = (SECRET, "/secret/path");
    let value = cache.get_or_compute(key, 60, || async { Ok::<_, ()>(format!("{SECRET}-value")) });
    value.await.unwrap();
    let shop = Shop::of(cache);
    plant(&shop);
    let mut written = outputs(&shop);
    written.push(page(&shop));
    store.fail_with(StoreErrorKind::Refused);
    plant(&shop);
    written.extend(outputs(&shop));
    let (lines, events) = (log.lines(), events.lock().unwrap().clone());
    assert!(
        lines.len() > 100 && events.len() > 50,
        "{} lines, {} events",
        lines.len(),
        events.len()
    );
    for written in written.iter().chain(&lines).chain(&events) {
        // The body of a response is one more secret.
        for secret in [SECRET, TOKEN, "secret/path", "run 1", " pairs"] {
            assert!(!written.contains(secret), "{secret} in {written}");
        }
    }
}
