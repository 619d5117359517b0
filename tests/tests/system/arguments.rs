//! What handlers take, and what follows for the key.
#![expect(
    clippy::unwrap_used,
    reason = "handlers and helpers of tests are tests, too"
)]

use std::collections::{BTreeMap, HashMap};
use std::future::{Ready, ready};

use actix_web::dev::{Payload, PeerAddr};
use actix_web::http::{Uri, header};
use actix_web::test::{TestRequest, init_service};
use actix_web::web::{self, Bytes, Json, Query};
use actix_web::{App, Error, FromRequest, HttpRequest, get, post};
use cached_response::testing::isolated;
use cached_response::{
    Bypass, Gate, KeyPart, Keyed, Lazy, Policy, Unkeyed, cached, cached_response,
};
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};
use tests::raw::{self, Request as Sent};
use tests::server::Server;

use crate::ask::{ask, get as ask_for, get_with, is_hit, post as post_to, run, said};

#[derive(Debug, Deserialize)]
struct Page {
    #[serde(default, alias = "p")]
    page: u32,
    #[serde(rename = "order-by", default)]
    order: String,
}

#[get("/typed")]
#[cached_response(query = typed)]
async fn typed(query: Query<Page>) -> String {
    format!("{} {} {}", run(), query.page, query.order)
}

#[actix_web::test]
async fn a_typed_query_keys_the_fields_it_reads_under_all_their_names() {
    let cache = isolated();
    let app = init_service(App::new().service(typed)).await;
    for (target, body) in [
        ("/typed?page=1", "1 1 "),
        ("/typed?page=1&junk=2", "1 1 "),
        ("/typed?x&page=1&y=", "1 1 "),
        ("/typed?p=2", "2 2 "),
        ("/typed?p=3", "3 3 "),
        ("/typed?order-by=a&p=2", "4 2 a"),
        ("/typed?p=2&order-by=a&order=b", "4 2 a"),
        ("/typed", "5 0 "),
        ("/typed?junk=7", "5 0 "),
        ("/typed?page=1&nocache=1", "6 1 "),
        ("/typed?page=1", "6 1 "),
    ] {
        assert_eq!(ask_for(&app, target).await.body, body, "{target}");
    }
    for n in 0..100 {
        ask_for(&app, &format!("/typed?junk={n}")).await;
    }
    assert_eq!(cache.cache().stats().entries, 5);
}

#[derive(Deserialize)]
struct Flat {
    #[serde(flatten)]
    all: HashMap<String, String>,
}

#[get("/flat")]
#[cached_response(query = typed)]
async fn flat(query: Query<Flat>) -> String {
    format!("{} {:?}", run(), query.all.get("a"))
}

#[get("/map")]
#[cached_response(query = typed)]
async fn map(query: Query<HashMap<String, String>>) -> String {
    format!("{} {:?}", run(), query.get("a"))
}

#[actix_web::test]
async fn a_query_of_unknown_shape_keys_every_pair() {
    let _cache = isolated();
    let app = init_service(App::new().service(flat).service(map)).await;
    for target in ["/flat", "/map"] {
        let first = ask_for(&app, &format!("{target}?a=1")).await;
        let second = ask_for(&app, &format!("{target}?a=2")).await;
        assert!(first.body.ends_with("Some(\"1\")") && second.body.ends_with("Some(\"2\")"));
        assert!(!ask_for(&app, &format!("{target}?a=1&b=1")).await.is_hit());
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict {
    page: Option<u32>,
}

#[get("/strict")]
#[cached_response(query = typed)]
async fn strict(query: Option<Query<Strict>>) -> String {
    format!("{:?}", query.map(|query| query.page))
}

#[get("/strict-flag")]
#[cached_response]
async fn strict_flag(query: Option<Query<Strict>>) -> String {
    format!("{:?}", query.map(|query| query.page))
}

#[actix_web::test]
async fn a_query_that_refuses_what_it_does_not_know_can_see_it() {
    let _cache = isolated();
    let app = init_service(App::new().service(strict).service(strict_flag)).await;
    for target in ["/strict", "/strict-flag"] {
        for junk in ["junk=1", "nocache=1"] {
            let evil = ask_for(&app, &format!("{target}?page=1&{junk}")).await;
            assert_eq!(evil.body, "None", "{target} {junk}");
            let victim = ask_for(&app, &format!("{target}?page=1")).await;
            assert_eq!(victim.body, "Some(Some(1))", "{target} {junk}");
        }
    }
}

#[get("/uri")]
#[cached_response]
async fn whole_uri(uri: Uri) -> String {
    format!("{} {uri}", run())
}

#[get("/plain")]
#[cached_response]
async fn plain() -> String {
    run().to_string()
}

#[get("/off")]
#[cached_response(nocache = off)]
async fn without_flag() -> String {
    run().to_string()
}

#[get("/other")]
#[cached_response(nocache = "live")]
async fn other_flag() -> String {
    run().to_string()
}

fn is_staff(request: &HttpRequest) -> bool {
    request.headers().contains_key("x-staff")
}

#[get("/staff")]
#[cached_response(nocache(name = "live", only_if = is_staff))]
async fn for_staff() -> String {
    run().to_string()
}

#[actix_web::test]
async fn a_live_answer_replaces_the_stored_one_where_nobody_can_see_the_flag() {
    let cache = isolated();
    let app = init_service(App::new().service(plain).service(other_flag)).await;
    for (target, body) in [
        ("/plain", "1"),
        ("/plain?nocache=1", "2"),
        ("/plain", "2"),
        ("/plain?nocache=0", "3"),
        ("/plain?nocache=1&a=1", "4"),
        ("/plain?a=1", "4"),
        ("/other", "5"),
        ("/other?nocache=1", "6"),
        ("/other?nocache=1", "6"),
        ("/other?live=1", "7"),
        ("/other", "7"),
    ] {
        assert_eq!(ask_for(&app, target).await.body, body, "{target}");
    }
    assert_eq!(cache.cache().stats().live, 3);
}

#[actix_web::test]
async fn a_flag_that_can_be_seen_bypasses_and_stores_nothing() {
    let cache = isolated();
    let app = init_service(App::new().service(map).service(whole_uri)).await;
    for target in ["/map", "/uri"] {
        let before = ask_for(&app, target).await;
        let flagged = ask_for(&app, &format!("{target}?nocache=1")).await;
        assert_eq!(flagged.detail().unwrap(), "nocache", "{target}");
        assert_eq!(ask_for(&app, target).await.body, before.body);
    }
    let stats = cache.cache().stats();
    assert_eq!((stats.entries, stats.bypassed(Bypass::Nocache)), (2, 2));
}

#[actix_web::test]
async fn the_flag_is_only_for_those_whom_the_route_allows() {
    let _cache = isolated();
    let app = init_service(App::new().service(without_flag).service(for_staff)).await;
    assert_eq!(ask_for(&app, "/off").await.body, "1");
    for _ in 0..2 {
        assert_eq!(ask_for(&app, "/off?nocache=1").await.body, "2");
    }
    assert_eq!(ask_for(&app, "/staff").await.body, "3");
    assert_eq!(ask_for(&app, "/staff?live=1").await.body, "3");
    assert_eq!(
        get_with(&app, "/staff?live=1", ("x-staff", "1")).await.body,
        "4"
    );
    assert_eq!(ask_for(&app, "/staff").await.body, "4");
}

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
async fn a_keyed_body_tells_posts_apart_with_its_content_type() {
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

#[derive(Serialize)]
struct Words {
    #[serde(serialize_with = "unless_empty")]
    text: String,
}

fn unless_empty<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    if text.is_empty() {
        return Err(S::Error::custom("empty"));
    }
    serializer.serialize_str(text)
}

struct Said(Words);

impl FromRequest for Said {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request
            .headers()
            .get("x-words")
            .map(|it| it.to_str().unwrap());
        let text = text.unwrap_or_default().to_owned();
        ready(Ok(Self(Words { text })))
    }
}

#[get("/serialised")]
#[cached_response(key(serde(words.0)))]
async fn serialised(words: Said) -> String {
    format!("{} {}", run(), words.0.text)
}

#[actix_web::test]
async fn a_serialised_part_is_keyed_and_one_that_fails_bypasses() {
    let cache = isolated();
    let app = init_service(App::new().service(serialised)).await;
    for (words, body) in [("a", "1 a"), ("b", "2 b"), ("a", "1 a")] {
        assert_eq!(
            get_with(&app, "/serialised", ("x-words", words)).await.body,
            body
        );
    }
    for body in ["3 ", "4 "] {
        let answer = ask_for(&app, "/serialised").await;
        assert_eq!(
            (answer.body.as_str(), answer.detail().as_deref()),
            (body, Some("key"))
        );
    }
    assert_eq!(cache.cache().stats().bypassed(Bypass::Key), 2);
}

/// Counts its extractions on this thread.
struct Costly(u32);

impl FromRequest for Costly {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(run())))
    }
}

#[get("/eager")]
#[cached_response(unkeyed(costly))]
async fn eager(costly: Costly) -> String {
    costly.0.to_string()
}

#[get("/lazy")]
#[cached_response(lazy(costly), unkeyed(costly))]
async fn late(costly: Costly) -> String {
    costly.0.to_string()
}

#[actix_web::test]
async fn only_what_is_lazy_is_not_extracted_on_a_hit() {
    let _cache = isolated();
    let app = init_service(App::new().service(eager).service(late)).await;
    for _ in 0..3 {
        assert_eq!(ask_for(&app, "/lazy").await.body, "1");
    }
    for _ in 0..3 {
        assert_eq!(ask_for(&app, "/eager").await.body, "2");
    }
    assert_eq!(run(), 5);
}

#[derive(KeyPart)]
struct Tenant {
    name: String,
    level: Option<u8>,
}

impl FromRequest for Tenant {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let named = |name: &str| request.headers().get(name).map(|it| it.to_str().unwrap());
        ready(Ok(Self {
            name: named("x-tenant").unwrap_or_default().to_owned(),
            level: named("x-level").map(|level| level.parse().unwrap()),
        }))
    }
}

#[actix_web::test]
async fn roles_say_by_type_what_the_attribute_says_by_name() {
    let cache = isolated();
    let policy = Policy::default;
    let app =
        App::new()
            .route(
                "/keyed",
                web::get().to(cached(policy(), |tenant: Keyed<Tenant>| async move {
                    format!("{} {} {:?}", run(), tenant.name, tenant.level)
                })),
            )
            .route(
                "/unkeyed",
                web::get().to(cached(
                    policy(),
                    |peer: Unkeyed<Option<PeerAddr>>| async move {
                        format!("{} {}", run(), peer.is_some())
                    },
                )),
            )
            .route(
                "/lazy",
                web::get().to(cached(
                    policy(),
                    |costly: Lazy<Unkeyed<Costly>>| async move {
                        costly.extract().await.map(|costly| costly.0.0.to_string())
                    },
                )),
            )
            .route(
                "/gate",
                web::get().to(cached(
                    policy(),
                    |_: Gate<Costly>, at: web::Path<()>| async move {
                        let () = *at;
                        run().to_string()
                    },
                )),
            );
    let app = init_service(app).await;
    let keyed = async |name: &str, level: Option<&str>| {
        let request = TestRequest::with_uri("/keyed").append_header(("x-tenant", name));
        let request = level.iter().fold(request, |request, level| {
            request.append_header(("x-level", *level))
        });
        ask(&app, request).await.body
    };
    assert_eq!(keyed("a", None).await, "1 a None");
    assert_eq!(keyed("a", Some("1")).await, "2 a Some(1)");
    assert_eq!(keyed("b", None).await, "3 b None");
    assert_eq!(keyed("a", None).await, "1 a None");
    for _ in 0..2 {
        assert_eq!(ask_for(&app, "/unkeyed").await.body, "4 false");
    }
    for _ in 0..2 {
        assert_eq!(ask_for(&app, "/lazy").await.body, "5");
    }
    assert_eq!(ask_for(&app, "/gate").await.body, "7");
    assert_eq!(ask_for(&app, "/gate").await.body, "7");
    assert_eq!(run(), 9);
    assert_eq!(cache.cache().stats().entries, 6);
}

#[actix_web::test]
async fn a_whole_request_that_is_unkeyed_bypasses_in_whatever_it_is_wrapped() {
    let cache = isolated();
    let shown =
        |request: &HttpRequest| format!("{} {:?}", run(), request.headers().get(header::COOKIE));
    let _ = shown;
    let app = App::new()
        .route(
            "/plain",
            web::get().to(cached(
                Policy::default(),
                |it: Unkeyed<HttpRequest>| async move { show(&it) },
            )),
        )
        .route(
            "/option",
            web::get().to(cached(
                Policy::default(),
                |it: Unkeyed<Option<HttpRequest>>| async move { it.as_ref().map(show) },
            )),
        )
        .route(
            "/tuple",
            web::get().to(cached(
                Policy::default(),
                |it: Unkeyed<(HttpRequest, web::Path<()>)>| async move { show(&it.0.0) },
            )),
        )
        .route(
            "/result",
            web::get().to(cached(
                Policy::default(),
                |it: Unkeyed<Result<HttpRequest, Error>>| async move { it.as_ref().ok().map(show) },
            )),
        );
    let app = init_service(app).await;
    for target in ["/plain", "/option", "/tuple", "/result"] {
        let alice = get_with(&app, target, ("cookie", "alice")).await;
        assert!(alice.body.contains("alice"));
        let nobody = ask_for(&app, target).await;
        assert_eq!(nobody.detail().as_deref(), Some("undeclared"), "{target}");
        assert!(!nobody.body.contains("alice"));
    }
    assert_eq!(cache.cache().stats().bypassed(Bypass::Undeclared), 8);
}

fn show(request: &HttpRequest) -> String {
    format!("{} {:?}", run(), request.headers().get(header::COOKIE))
}

#[actix_web::test]
async fn a_body_that_is_unkeyed_bypasses_in_whatever_it_is_wrapped() {
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
async fn a_keyed_body_is_all_that_a_wrapped_handler_sees() {
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

#[get("/parts/{id}")]
#[cached_response]
async fn parts(
    (id, Query(page)): (web::Path<u32>, Query<Page>),
    method: Option<actix_web::http::Method>,
) -> String {
    format!("{} {id} {} {}", run(), page.page, method.is_some())
}

#[actix_web::test]
async fn tuples_and_options_are_as_their_parts() {
    let _cache = isolated();
    let app = init_service(App::new().service(parts)).await;
    for (target, body) in [
        ("/parts/1?page=1", "1 1 1 true"),
        ("/parts/2?page=1", "2 2 1 true"),
        ("/parts/1?page=2", "3 1 2 true"),
        ("/parts/1?page=1", "1 1 1 true"),
    ] {
        assert_eq!(ask_for(&app, target).await.body, body);
    }
}
