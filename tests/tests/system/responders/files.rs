//! Files, whose responses to `Range` and `If-*` are for one request.

use std::io;
use std::path::Path;

use actix_files::NamedFile;
use actix_web::http::header::{
    ETAG, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, RANGE,
};
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, Either, HttpResponse, Responder, get, web};
use cached_response::testing::isolated;
use cached_response::{CacheResponses, Policy, cached, cached_response};

use crate::ask::{ask, get as ask_for};

const TEXT: &str = include_str!("mod.rs");

fn open() -> io::Result<NamedFile> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    NamedFile::open(here.join("tests/system/responders/mod.rs"))
}

#[get("/named")]
#[cached_response]
async fn named() -> io::Result<NamedFile> {
    open()
}

#[get("/opaque")]
#[cached_response]
async fn opaque() -> impl Responder {
    let file = open().map(|file| file.prefer_utf8(false).customize());
    Either::<_, HttpResponse>::Left(file)
}

#[get("/vouched")]
#[cached_response(vary(none))]
async fn vouched() -> io::Result<NamedFile> {
    open()
}

const TARGETS: [&str; 4] = ["/named", "/opaque", "/vouched", "/wrapped"];

#[actix_web::test]
async fn a_file_response_to_a_range_or_a_condition_is_not_stored() {
    let plain = TestRequest::default().to_http_request();
    let whole = open().unwrap().respond_to(&plain);
    let [etag, modified] =
        [ETAG, LAST_MODIFIED].map(|name| whole.headers().get(name).unwrap().as_bytes());
    let conditions = [
        (RANGE, &b"bytes=0-3"[..], 206),
        (RANGE, b"bytes=999999-", 416),
        (RANGE, b"bytes=0-3\xe9", 400),
        (IF_NONE_MATCH, etag, 304),
        (IF_MODIFIED_SINCE, modified, 304),
        (IF_MATCH, b"\"another\"", 412),
    ];
    for (name, value, status) in conditions {
        for target in TARGETS {
            let cache = isolated();
            let policy = Policy::new(60);
            let app = App::new()
                .service(named)
                .service(opaque)
                .service(vouched)
                .route(
                    "/wrapped",
                    web::get().to(cached(policy, || async { open() })),
                );
            let app = init_service(app).await;
            let value = HeaderValue::from_bytes(value).unwrap();
            let request =
                TestRequest::with_uri(target).insert_header((name.clone(), value.clone()));
            let made = ask(&app, request).await;
            assert_eq!(
                (made.status, made.is_hit()),
                (status, false),
                "{target} {name}"
            );
            assert_eq!(
                cache.cache().stats().entries,
                0,
                "{target} {name}: {value:?}"
            );
            let whole = ask_for(&app, target).await;
            assert_eq!((whole.status, &*whole.body), (200, TEXT), "{target} {name}");
            let stored = ask_for(&app, target).await;
            assert!(stored.is_hit(), "{target} {name}");
            assert_eq!(stored.body, TEXT);
        }
    }
}

#[actix_web::test]
async fn a_stored_file_is_reused_for_ranges_and_conditions() {
    let _cache = isolated();
    let app = init_service(App::new().service(named)).await;
    let whole = ask_for(&app, "/named").await;
    let (etag, modified) = (
        whole.header("etag").unwrap(),
        whole.header("last-modified").unwrap(),
    );
    for (name, value, status, body) in [
        ("range", "bytes=0-3", 206, &TEXT[..4]),
        ("if-none-match", &*etag, 304, ""),
        ("if-modified-since", &*modified, 304, ""),
    ] {
        let request = TestRequest::with_uri("/named").insert_header((name, value));
        let answer = ask(&app, request).await;
        assert_eq!((answer.status, &*answer.body), (status, body), "{name}");
        assert!(answer.is_hit(), "{name}");
    }
}

#[get("/stores-400")]
#[cached_response(timeout = 60, status(400))]
async fn stores_400() -> io::Result<NamedFile> {
    open()
}

#[get("/vouches-and-stores-400")]
#[cached_response(timeout = 60, status(400), vary(none))]
async fn vouches_and_stores_400(_: actix_web::HttpRequest) -> io::Result<NamedFile> {
    open()
}

#[actix_web::test]
async fn a_400_of_a_file_to_an_invalid_range_is_not_stored() {
    let _cache = isolated();
    let policy = || Policy::new(60).status(400);
    let behind = web::scope("/behind")
        .wrap(CacheResponses::new(policy()))
        .route("/file", web::get().to(|| async { open() }));
    let app = App::new()
        .service((stores_400, vouches_and_stores_400, behind))
        .route(
            "/wrapped-400",
            web::get().to(cached(policy(), || async { open() })),
        );
    let app = init_service(app).await;
    for target in [
        "/stores-400",
        "/vouches-and-stores-400",
        "/behind/file",
        "/wrapped-400",
    ] {
        let value = HeaderValue::from_bytes(b"bytes=0-3\xe9").unwrap();
        let request = TestRequest::with_uri(target).insert_header((RANGE, value));
        let refused = ask(&app, request).await;
        assert_eq!(refused.status, 400, "{target}");
        assert_eq!(refused.detail().as_deref(), Some("status"), "{target}");
        let whole = ask_for(&app, target).await;
        assert_eq!((whole.status, &*whole.body), (200, TEXT), "{target}");
    }
}

#[get("/bad")]
#[cached_response(timeout = 60, status(400))]
async fn bad() -> Result<NamedFile, actix_web::Error> {
    Err(actix_web::error::ErrorBadRequest("no such thing"))
}

#[actix_web::test]
async fn a_400_to_a_request_without_a_condition_is_stored() {
    let _cache = isolated();
    let app = init_service(App::new().service(bad)).await;
    assert_eq!(ask_for(&app, "/bad").await.status, 400);
    assert!(ask_for(&app, "/bad").await.is_hit());
}
