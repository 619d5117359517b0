//! Bodies of requests, keyed and not.

use std::collections::BTreeMap;

use actix_web::test::init_service;
use actix_web::web::{self, Bytes, Json};
use actix_web::{App, post};
use cached_response::testing::isolated;
use cached_response::{Keyed, Policy, Unkeyed, cached, cached_response};
use tests::raw::{self, Request as Sent};
use tests::server::Server;

use crate::ask::{get as ask_for, is_hit, post as post_to, run, said};

#[post("/echo")]
#[cached_response(methods(POST), body = 100)]
async fn echo(body: Bytes) -> String {
    format!("{} {}", run(), body.len())
}

#[post("/json")]
#[cached_response(methods(POST), body)]
async fn json(words: Json<Vec<String>>) -> String {
    format!("{} {}", run(), words.join(" "))
}

#[actix_web::test]
async fn a_keyed_body_is_keyed_with_its_content_type() {
    let _cache = isolated();
    let app = init_service(App::new().service(echo).service(json)).await;
    for (media, body, expected) in [
        ("text/plain", "abc", "1 3"),
        ("text/plain", "abd", "2 3"),
        ("text/html", "abc", "3 3"),
        ("text/plain", "", "4 0"),
        ("text/plain", "abc", "1 3"),
        ("text/html", "abc", "3 3"),
    ] {
        let answer = post_to(&app, "/echo", (media, body.as_bytes())).await;
        assert_eq!(answer.body, expected, "{media} {body}");
    }
    let words = ("application/json", &br#"["a","b"]"#[..]);
    for _ in 0..2 {
        assert_eq!(post_to(&app, "/json", words).await.body, "5 a b");
    }
    assert_eq!(ask_for(&app, "/echo").await.status, 404);
}

/// `["a"]`, as `gzip` would send it.
const GZIPPED: &[u8] = &[
    0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 5, 0, 0xfa, 0xff, b'[', b'"', b'a', b'"', b']', 0x10,
    0x97, 0x09, 0x28, 5, 0, 0, 0,
];

#[test]
fn a_compressed_body_reaches_the_handler_decoded_once() {
    let server = Server::start(1, |app| {
        app.service(json);
    });
    let address = server.as_ref().unwrap().address();
    let mut bytes = GZIPPED.to_vec();
    let checked = crc32(br#"["a"]"#).to_le_bytes();
    bytes[20..24].copy_from_slice(&checked);
    let sent = Sent::post("/json", bytes).header("Content-Type", "application/json");
    let sent = sent.header("Content-Encoding", "gzip");
    for hit in [false, true] {
        let response = raw::fetch(address, &sent).unwrap();
        assert_eq!((response.status(), response.text().as_str()), (200, "1 a"));
        assert_eq!(is_hit(&response), hit);
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
    let one = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc));
    !bytes.iter().fold(!0, one)
}

#[test]
fn a_body_over_the_limit_reaches_the_handler_whole_and_nothing_is_stored() {
    let cache = cached_response::ResponseCache::builder().build();
    let own = cache.clone();
    let server = Server::start(1, move |app| {
        app.app_data(own.clone()).service(echo);
    });
    let address = server.as_ref().unwrap().address();
    for (n, length) in [101, 101, 200_000].into_iter().enumerate() {
        let response = raw::fetch(address, &Sent::post("/echo", vec![b'x'; length])).unwrap();
        assert_eq!(response.text(), format!("{} {length}", n + 1));
        assert_eq!(said(&response.head).parameter("detail"), "body-too-large");
    }
    for hit in [false, true] {
        let response = raw::fetch(address, &Sent::post("/echo", vec![b'x'; 100])).unwrap();
        assert_eq!(
            (response.text().as_str(), is_hit(&response)),
            ("4 100", hit)
        );
    }
    assert_eq!(cache.stats().entries, 1);
}

#[actix_web::test]
async fn an_unkeyed_body_bypasses_in_every_wrapper() {
    let _cache = isolated();
    let posts = || Policy::default().methods(["POST"]);
    let app = App::new()
        .route(
            "/bytes",
            web::post().to(cached(posts(), |it: Unkeyed<Bytes>| async move { it.0 })),
        )
        .route(
            "/string",
            web::post().to(cached(posts(), |it: Unkeyed<Option<String>>| async move {
                it.0
            })),
        )
        .route(
            "/json",
            web::post().to(cached(posts(), |it: Unkeyed<Json<String>>| async move {
                it.0.into_inner()
            })),
        );
    let app = init_service(app).await;
    for target in ["/bytes", "/string", "/json"] {
        for body in [&b"\"a\""[..], b"\"b\""] {
            let answer = post_to(&app, target, ("application/json", body)).await;
            let letter = char::from(body[1]);
            assert!(
                answer.body.contains(letter),
                "{target} {letter}: {}",
                answer.body
            );
        }
    }
}

#[actix_web::test]
async fn a_wrapped_handler_receives_the_keyed_body() {
    let _cache = isolated();
    let search = cached(
        Policy::default().methods(["POST"]),
        |words: Keyed<Json<BTreeMap<String, u32>>>| async move { format!("{} {:?}", run(), words.0) },
    );
    let app = init_service(App::new().route("/", web::post().to(search))).await;
    let ask =
        async |body: &'static str| post_to(&app, "/", ("application/json", body.as_bytes())).await;
    assert_eq!(
        ask(r#"{"a":1,"b":2}"#).await.body,
        ask(r#"{ "b":2, "a":1 }"#).await.body
    );
    assert!(!ask(r#"{"a":1}"#).await.is_hit());
    assert!(!ask(r#"{"a":2}"#).await.is_hit());
}
