//! Every option in every spelling sets the policy.

use super::{answered_from_the_store, stored};
use actix_web::{App, HttpRequest, Responder, get, http::Method, test, web};
use cached_response::{KeyPart, ResponseView, cached_response};
use serde::{Deserialize, Serialize};
use std::time::Duration;

const HOUR: u64 = 3_600;

fn long() -> Duration {
    Duration::from_secs(60)
}

macro_rules! timeouts {
    ($($name:ident ($($timeout:tt)*);)*) => {
        $(
            #[cached_response($($timeout)*)]
            async fn $name() -> impl Responder {
                stringify!($($timeout)*)
            }
        )*

        #[actix_web::test]
        async fn every_spelling_of_a_timeout_sets_the_policy() {
            $(
                let route = |app: &mut web::ServiceConfig| { app.route("/", web::get().to($name)); };
                answered_from_the_store(route, "/").await;
            )*
        }
    };
}

timeouts! {
    absent ();
    bare_seconds (300);
    bare_unit (5m);
    bare_span (1h30m);
    bare_string ("1h 30m");
    bare_constant (HOUR);
    bare_path (Duration::MAX);
    seconds (timeout = 300);
    millis (timeout = 250000ms);
    day (timeout = "1d");
    call (timeout = long());
    constant (timeout = HOUR);
    sum (timeout = HOUR + 1_800);
    product (timeout = 60 * 60);
    block (timeout = { let minutes = 5_u64; minutes * 60 });
    trailing_comma (timeout = 5m,);
}

#[derive(KeyPart)]
struct Tenant {
    id: u32,
    region: &'static str,
}

#[derive(KeyPart)]
enum Scope<T> {
    All,
    One(T),
    Two { first: T, second: T },
}

#[derive(KeyPart)]
struct Unit;

#[derive(KeyPart)]
#[key_part(crate = ::cached_response)]
struct Pair(u8, u8);

#[derive(Serialize)]
struct Filter {
    n: u32,
}

fn scope(n: u32) -> Scope<u32> {
    match n {
        0 => Scope::All,
        1 => Scope::One(n),
        _ => Scope::Two {
            first: n,
            second: 1,
        },
    }
}

#[get("/key/{n}")]
#[cached_response(key(
    Tenant { id: **n, region: "eu" },
    scope(**n),
    Unit,
    Pair(1, 2),
    serde(Filter { n: **n }),
))]
async fn keyed(n: web::Path<u32>) -> impl Responder {
    n.to_string()
}

#[actix_web::test]
async fn a_derived_key_part_is_keyed() {
    let seen = stored(
        |app| {
            app.service(keyed);
        },
        &["/key/0", "/key/1", "/key/2", "/key/0", "/key/2"],
    )
    .await;
    assert_eq!(seen, [false, false, false, true, true]);
}

fn worth_it(candidate: &ResponseView<'_>) -> bool {
    candidate.status() == 200
}

fn staff(request: &HttpRequest) -> bool {
    request.headers().contains_key("x-staff")
}

#[get("/all")]
#[cached_response(
    timeout = 5m,
    query(page, "sort"),
    vary("Accept-Language"),
    status(404 = "10s", 301, 410 = HOUR),
    max_body_bytes = "2MiB",
    not_replayed("X-Served-By", "x-debug-*"),
    store_if = worth_it,
    client_max_age = "60s",
    nocache(name = "live", only_if = staff),
    methods(GET, HEAD)
)]
async fn everything(request: HttpRequest) -> impl Responder {
    request.path().to_owned()
}

#[get("/flags")]
#[cached_response(nocache = off, query = exact, vary(none), max_body_bytes = 4096, client_max_age = HOUR)]
async fn flags() -> impl Responder {
    "flags"
}

#[derive(Deserialize)]
struct Page {
    page: Option<u32>,
}

#[get("/typed")]
#[cached_response(nocache = "live", query = typed)]
async fn typed(page: web::Query<Page>) -> impl Responder {
    format!("{:?}", page.page)
}

#[get("/ignored")]
#[cached_response(ignore_query("utm_*", fbclid), store_if = |candidate| candidate.status().is_success())]
async fn ignored() -> impl Responder {
    "ignored"
}

#[actix_web::test]
async fn options_combine() {
    let configure = |app: &mut web::ServiceConfig| {
        app.service(everything)
            .service(flags)
            .service(typed)
            .service(ignored);
    };
    assert_eq!(answered_from_the_store(configure, "/all").await, "/all");
    assert_eq!(answered_from_the_store(configure, "/flags").await, "flags");
    assert_eq!(
        answered_from_the_store(configure, "/typed?page=1").await,
        "Some(1)"
    );
    assert_eq!(
        answered_from_the_store(configure, "/ignored").await,
        "ignored"
    );
}

#[cached_response(body, methods(POST), lazy)]
async fn whole_body(text: String) -> impl Responder {
    text
}

#[cached_response(body = "1KiB", methods(POST))]
async fn limited_body(numbers: web::Json<Vec<u32>>) -> impl Responder {
    format!("{}", numbers.len())
}

#[cached_response(key(numbers.0), methods(POST))]
async fn keyed_body(numbers: web::Json<Vec<u32>>) -> impl Responder {
    format!("{}", numbers.len())
}

#[actix_web::test]
async fn a_body_is_part_of_the_key() {
    let app = test::init_service(
        App::new()
            .route("/whole", web::post().to(whole_body))
            .route("/limited", web::post().to(limited_body))
            .route("/keyed", web::post().to(keyed_body)),
    )
    .await;
    for uri in ["/whole", "/limited", "/keyed"] {
        let mut seen = Vec::new();
        for numbers in [vec![1], vec![2, 3], vec![1], vec![2, 3]] {
            let request = test::TestRequest::with_uri(uri)
                .method(Method::POST)
                .set_json(numbers)
                .to_request();
            let response = test::call_service(&app, request).await;
            seen.push(response.headers().contains_key("age"));
            test::read_body(response).await;
        }
        assert_eq!(seen, [false, false, true, true], "{uri}");
    }
}
