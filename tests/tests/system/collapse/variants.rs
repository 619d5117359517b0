//! Concurrent requests whose variants are known only after a run.

use actix_web::test::TestRequest;
use actix_web::{HttpResponse, Responder, get, web};
use cached_response::{TrackedRequest, cached_response};
use tests::stage::{InProcess, soon};

use super::{Stage, stage};

/// Reads the tenant through the recording `TrackedRequest`.
#[get("/recorded")]
#[cached_response(timeout = 60)]
async fn recorded(stage: web::Data<Stage>, request: TrackedRequest) -> impl Responder {
    stage.run_at_barrier().await;
    request.header("x-tenant").unwrap_or("nobody").to_owned()
}

/// Reads the tenant past the extractor, and names it in `Vary` only.
#[get("/by-vary")]
#[cached_response(timeout = 60, vary(none))]
async fn by_vary(stage: web::Data<Stage>, request: actix_web::HttpRequest) -> impl Responder {
    stage.run_at_barrier().await;
    let tenant = request
        .headers()
        .get("x-tenant")
        .map(|it| it.to_str().unwrap());
    HttpResponse::Ok()
        .insert_header(("vary", "X-Tenant"))
        .body(tenant.unwrap_or("nobody").to_owned())
}

/// The same for cookies.
#[get("/by-cookie")]
#[cached_response(timeout = 60, vary(none))]
async fn by_cookie(stage: web::Data<Stage>, request: actix_web::HttpRequest) -> impl Responder {
    stage.run_at_barrier().await;
    let cookie = request
        .headers()
        .get("cookie")
        .map(|it| it.to_str().unwrap());
    HttpResponse::Ok()
        .insert_header(("vary", "accept-encoding, Cookie"))
        .body(cookie.unwrap_or("nobody").to_owned())
}

fn routes(app: &mut web::ServiceConfig) {
    app.service(recorded).service(by_vary).service(by_cookie);
}

/// Thirty clients of three tenants wait for one run; then each gets its own variant.
async fn each_gets_its_own(uri: &str, field: &str) {
    let stage = stage();
    let app = stage.app(routes).await;
    let ask = |app: &InProcess, tenant: &str| {
        let request = TestRequest::with_uri(uri).insert_header((field, tenant));
        app.ask(request)
    };
    let tenants = ["a=1", "b=1", "c=1"];
    let asked: Vec<_> = (0..30).map(|n| ask(&app, tenants[n % 3])).collect();
    soon("they wait", || stage.cache.stats().misses == 30).await;
    assert_eq!(stage.runs(), 1, "one leads before anything is known");
    (1..=30).for_each(|run| stage.release(run));
    for (n, one) in asked.into_iter().enumerate() {
        assert_eq!(one.text().await, tenants[n % 3]);
    }
    assert_eq!(stage.runs(), 3, "one run a variant");
    for tenant in tenants {
        assert_eq!(ask(&app, tenant).text().await, tenant);
    }
    assert_eq!(app.get(uri).text().await, "nobody");
    assert_eq!((stage.runs(), stage.cache.stats().running), (4, 0));
}

/// A header that the handler read through `TrackedRequest`.
#[actix_web::test]
async fn waiters_get_their_own_variant_of_a_recorded_header() {
    each_gets_its_own("/recorded", "x-tenant").await;
}

/// A header that only the response's `Vary` names.
#[actix_web::test]
async fn waiters_get_their_own_variant_of_an_undeclared_vary() {
    each_gets_its_own("/by-vary", "x-tenant").await;
}

/// Cookies that only the response's `Vary` names.
#[actix_web::test]
async fn waiters_get_their_own_variant_by_cookie() {
    each_gets_its_own("/by-cookie", "cookie").await;
}
