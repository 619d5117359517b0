//! Requests with unsafe methods.

use actix_web::http::Method;
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, HttpRequest, HttpResponse, web};
use cached_response::testing::isolated;

use super::{minute, page};
use crate::ask::{ask, get as ask_for};

fn changing(method: &str, target: &str) -> TestRequest {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    TestRequest::with_uri(target)
        .method(method)
        .insert_header(("host", "example.com"))
}

/// RFC 9111 §4.
#[actix_web::test]
async fn an_unsafe_method_is_never_answered_from_the_store() {
    let _cache = isolated();
    let app = App::new().wrap(minute()).default_service(web::to(page));
    let app = init_service(app).await;
    for method in ["POST", "PUT", "PATCH", "DELETE", "FROB"] {
        ask_for(&app, "/page").await;
        let first = ask(&app, changing(method, "/page")).await;
        let second = ask(&app, changing(method, "/page")).await;
        assert!(!first.is_hit() && !second.is_hit(), "{method}");
        assert_ne!(first.body, second.body, "{method}: two runs");
    }
}

/// Responds to any method but GET as its query sets.
async fn order(request: HttpRequest) -> HttpResponse {
    let said = request
        .uri()
        .query()
        .filter(|_| request.method() != Method::GET);
    match said {
        None => HttpResponse::Ok().body("order"),
        Some("fails") => HttpResponse::Conflict().finish(),
        Some(location) => HttpResponse::SeeOther()
            .insert_header(("location", location))
            .finish(),
    }
}

/// RFC 9111 §4.4.
#[actix_web::test]
async fn an_unsafe_method_that_succeeds_invalidates_its_path() {
    let _cache = isolated();
    let app = App::new().wrap(minute()).default_service(web::to(order));
    let app = init_service(app).await;
    for (method, target, survives) in [
        ("POST", "/orders/1", false),
        ("DELETE", "/orders/%31", false),
        ("FROB", "/orders/1", false),
        ("POST", "/orders/1?fails", true),
        ("POST", "/orders/2", true),
        ("POST", "/orders/2?/orders/1", false),
        ("POST", "/orders/2?//elsewhere.example/orders/1", true),
        ("OPTIONS", "/orders/1", true),
    ] {
        ask_for(&app, "/orders/1").await;
        assert!(ask_for(&app, "/orders/1").await.is_hit());
        ask(&app, changing(method, target)).await;
        let is_hit = ask_for(&app, "/orders/1").await.is_hit();
        assert_eq!(is_hit, survives, "{method} {target}");
    }
}
