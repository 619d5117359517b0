//! The expansion of the attribute is clean under the strictest lints.
//!
//! The functions allow the lints that the same functions without the attribute would need.
#![deny(
    warnings,
    clippy::pedantic,
    clippy::nursery,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unused_qualifications,
    elided_lifetimes_in_paths,
    let_underscore_drop,
    redundant_imports,
    single_use_lifetimes,
    trivial_casts,
    unit_bindings,
    unused_lifetimes,
    variant_size_differences
)]

use actix_web::{Error, HttpRequest, HttpResponse, Responder, body::BoxBody, get, post, test, web};
use cached_response::{KeyPart, ResponseCache, ResponseView, cached_response, invalidates};
use serde::Deserialize;
use std::sync::LazyLock;

static CACHE: LazyLock<ResponseCache> = LazyLock::new(|| ResponseCache::builder().build());

#[derive(KeyPart, Deserialize)]
struct Page {
    page: Option<u32>,
}

#[derive(KeyPart)]
enum Order {
    Up,
    By(String),
}

impl Order {
    fn of(page: &Page) -> Self {
        page.page
            .map_or(Self::Up, |page| Self::By(page.to_string()))
    }
}

const fn worth_it(_: &ResponseView<'_>) -> bool {
    true
}

#[get("/lints/plain")]
#[cached_response]
async fn plain() -> impl Responder {
    "plain"
}

#[get("/lints/builder")]
#[cached_response(5m)]
async fn builder() -> impl Responder {
    HttpResponse::Ok()
}

#[get("/lints/bounds")]
#[cached_response]
async fn bounds() -> impl Responder<Body = BoxBody> + use<> {
    HttpResponse::Ok().body("bounds")
}

#[get("/lints/standard")]
#[cached_response(
    timeout = response,
    heuristic_fraction = 0.1,
    targeted = "CDN-Cache-Control",
    respect_client = true
)]
async fn standard() -> impl Responder {
    "standard"
}

/// All options at once.
#[get("/lints/{n}")]
#[cached_response(
    timeout = "1h",
    key(page.page, Order::of(page), serde(**n)),
    gate(_ticket),
    unkeyed(body),
    lazy(state, body),
    body = "4KiB",
    vary(none),
    status(404 = 10s, 410),
    store_if = worth_it,
    unless = page.page == Some(9),
    cache = CACHE,
    client_max_age = 5s,
    nocache = "live",
    ignore_query("utm_*")
)]
async fn everything(
    n: web::Path<u32>,
    page: web::Query<Page>,
    state: web::Data<u32>,
    request: HttpRequest,
    _ticket: web::Query<Page>,
    body: web::Bytes,
) -> Result<impl Responder, Error> {
    if *n == 0 {
        return Err(actix_web::error::ErrorNotFound("none"));
    }
    Ok(format!(
        "{n} {:?} {} {} {}",
        page.page,
        state.get_ref(),
        request.path(),
        body.len()
    ))
}

/// Writes.
#[post("/lints/{n}")]
#[invalidates(
    tags("lints", "lints:{n}", format!("lints:{}", page.page.unwrap_or(**n))),
    path("/lints/plain", "/lints/{n}", format!("/lints/{}", page.page.unwrap_or(**n))),
    url("/lints/5?page=1"),
    cache = CACHE
)]
async fn writing(
    n: web::Path<u32>,
    page: web::Query<Page>,
    request: HttpRequest,
    _body: web::Bytes,
) -> Result<impl Responder, Error> {
    if *n == 0 {
        return Err(actix_web::error::ErrorNotFound("none"));
    }
    Ok(format!("{n} {:?} {}", page.page, request.path()))
}

/// Writes everything.
#[post("/lints/all")]
#[invalidates(all)]
async fn writing_all() -> impl Responder {
    HttpResponse::Ok()
}

#[actix_web::test]
async fn the_expansion_is_clean_under_the_strictest_lints() {
    let app = actix_web::App::new()
        .app_data(web::Data::new(7_u32))
        .service(plain)
        .service(builder)
        .service(bounds)
        .service(standard)
        .service(everything)
        .service(writing_all)
        .service(writing);
    let app = test::init_service(app).await;
    for uri in [
        "/lints/plain",
        "/lints/builder",
        "/lints/bounds",
        "/lints/standard",
        "/lints/5?page=1",
    ] {
        let response =
            test::call_service(&app, test::TestRequest::get().uri(uri).to_request()).await;
        assert!(response.status().is_success(), "{uri}");
    }
    for uri in ["/lints/all", "/lints/5?page=1"] {
        let response =
            test::call_service(&app, test::TestRequest::post().uri(uri).to_request()).await;
        assert!(response.status().is_success(), "{uri}");
    }
}
