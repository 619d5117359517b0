//! The parts of a key, as an explanation names them.

use actix_web::dev::Service as _;
use actix_web::http::Method;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, HttpRequest, get, route, web};
use cached_response::{ResponseCache, cached_response, insert_key_part};

use crate::ask::run;

type Parts = Vec<(String, String)>;

#[route("/shops/{shop}/items/{n}", method = "GET", method = "POST")]
#[cached_response(methods(GET, POST), vary("accept-language", "cookie"))]
async fn item(request: HttpRequest) -> String {
    format!("{} {}", run(), request.path())
}

#[get("/plain/{n}")]
#[cached_response]
async fn plain(n: web::Path<u32>) -> String {
    format!("{} {n}", run())
}

async fn parts(request: TestRequest) -> Parts {
    let cache = ResponseCache::builder().build();
    let app = App::new()
        .app_data(cache.clone())
        .wrap_fn(|request, service| {
            if let Some(tenant) = request.headers().get("x-tenant") {
                insert_key_part(&request, tenant.to_str().unwrap());
            }
            service.call(request)
        })
        .service((item, plain));
    let response = call_service(&init_service(app).await, request.to_request()).await;
    assert!(response.status().is_success());
    cache.explain(response.request()).swap_remove(0).keyed
}

fn asked() -> TestRequest {
    TestRequest::with_uri("/shops/tea/items/7?page=2").insert_header(("host", "shop.example"))
}

fn value<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    let part = parts.iter().find(|(known, _)| known == name);
    part.map(|(_, value)| &**value)
}

#[actix_web::test]
async fn an_explanation_names_each_part_that_the_handler_can_see() {
    let parts = parts(asked().insert_header(("accept-language", "de"))).await;
    let parts: Vec<_> = parts
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    let expected = [
        ("method", "GET"),
        ("path", "/shops/tea/items/7"),
        ("{shop}", "tea"),
        ("{n}", "7"),
        ("query", "page=2"),
        ("target scheme", "(absent)"),
        ("target authority", "(absent)"),
        ("host", "shop.example"),
        ("forwarded", "(absent)"),
        ("x-forwarded-host", "(absent)"),
        ("x-forwarded-proto", "(absent)"),
        ("scheme", "http"),
        ("server name", "(absent)"),
        ("accept-language", "de"),
        ("cookie", "(absent)"),
    ];
    assert_eq!(parts, expected);
}

#[actix_web::test]
async fn a_handler_that_sees_less_has_fewer_parts() {
    let request = TestRequest::with_uri("/plain/7?junk=1").insert_header(("cookie", "id=1"));
    let expected = [("method", "GET"), ("path", "/plain/7"), ("{n}", "7")];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(parts(request).await, expected);
}

#[actix_web::test]
async fn what_changes_the_key_changes_its_explanation() {
    let first = parts(asked()).await;
    let absolute = TestRequest::with_uri("http://shop.example/shops/tea/items/7?page=2");
    for (name, request) in [
        ("method", asked().method(Method::POST)),
        ("{shop}", asked().uri("/shops/cake/items/7?page=2")),
        ("query", asked().uri("/shops/tea/items/7?page=3")),
        ("target authority", absolute),
        ("host", asked().insert_header(("host", "other.example"))),
        (
            "x-forwarded-proto",
            asked().insert_header(("x-forwarded-proto", "https")),
        ),
        (
            "accept-language",
            asked().insert_header(("accept-language", "de")),
        ),
        ("cookie", asked().insert_header(("cookie", "id=s3cr3t"))),
        (
            "inserted part",
            asked().insert_header(("x-tenant", "s3cr3t")),
        ),
    ] {
        let other = parts(request).await;
        assert_ne!(value(&first, name), value(&other, name), "{other:?}");
        assert!(!format!("{other:?}").contains("s3cr3t"), "{other:?}");
    }
}
