//! The attribute among others, in any order.

use super::answered_from_the_store;
use actix_web::{HttpRequest, Responder, get, http::Method, route, routes, scope, test, web};
use cached_response::cached_response;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

#[get("/below")]
#[cached_response(timeout = 60)]
async fn below_get() -> impl Responder {
    "below"
}

#[cached_response(timeout = 60)]
#[get("/above")]
async fn above_get() -> impl Responder {
    "above"
}

#[actix_web::test]
async fn the_attribute_may_be_below_or_above_a_route() {
    assert_eq!(
        answered_from_the_store(
            |app| {
                app.service(below_get);
            },
            "/below"
        )
        .await,
        "below"
    );
    assert_eq!(
        answered_from_the_store(
            |app| {
                app.service(above_get);
            },
            "/above"
        )
        .await,
        "above"
    );
}

#[route("/route", method = "GET", method = "HEAD")]
#[cached_response]
async fn below_route() -> impl Responder {
    "route"
}

#[cached_response]
#[routes]
#[get("/a")]
#[get("/b")]
async fn above_routes() -> impl Responder {
    "routes"
}

#[routes]
#[cached_response]
#[get("/c")]
#[get("/d")]
async fn between_routes() -> impl Responder {
    "between"
}

#[actix_web::test]
async fn the_attribute_may_be_anywhere_among_several_routes() {
    assert_eq!(
        answered_from_the_store(
            |app| {
                app.service(below_route);
            },
            "/route"
        )
        .await,
        "route"
    );
    for uri in ["/a", "/b"] {
        assert_eq!(
            answered_from_the_store(
                |app| {
                    app.service(above_routes);
                },
                uri
            )
            .await,
            "routes"
        );
    }
    for uri in ["/c", "/d"] {
        assert_eq!(
            answered_from_the_store(
                |app| {
                    app.service(between_routes);
                },
                uri
            )
            .await,
            "between"
        );
    }
}

#[scope("/scoped")]
mod scoped {
    use actix_web::{Responder, get, web};
    use cached_response::cached_response;

    #[get("/x/{n}")]
    #[cached_response(timeout = 60)]
    pub(super) async fn inside(n: web::Path<u32>) -> impl Responder {
        format!("scoped {n}")
    }
}

#[actix_web::test]
async fn the_attribute_works_inside_a_scope() {
    let body = answered_from_the_store(
        |app| {
            app.service(scoped::inside);
        },
        "/scoped/x/3",
    )
    .await;
    assert_eq!(body, "scoped 3");
}

#[cached_response(timeout = 60)]
#[cfg_attr(all(), get("/cfg"))]
async fn above_cfg_attr() -> impl Responder {
    "cfg"
}

#[get("/cfg2")]
#[cfg_attr(all(), cached_response(timeout = 60))]
async fn in_cfg_attr() -> impl Responder {
    "cfg2"
}

#[cfg(any())]
#[cached_response(nonsense!)]
fn configured_away() {}

#[actix_web::test]
async fn the_attribute_works_with_conditional_compilation() {
    assert_eq!(
        answered_from_the_store(
            |app| {
                app.service(above_cfg_attr);
            },
            "/cfg"
        )
        .await,
        "cfg"
    );
    assert_eq!(
        answered_from_the_store(
            |app| {
                app.service(in_cfg_attr);
            },
            "/cfg2"
        )
        .await,
        "cfg2"
    );
}

#[derive(Serialize, ToSchema)]
struct Pet {
    id: u32,
}

/// A pet
#[utoipa::path(responses((status = 200, body = Pet)))]
#[get("/pets/one/{id}")]
#[cached_response(timeout = 60)]
async fn cached_last(id: web::Path<u32>) -> impl Responder {
    web::Json(Pet { id: *id })
}

/// A pet
#[cached_response(timeout = 60)]
#[utoipa::path(responses((status = 200, body = Pet)))]
#[get("/pets/two/{id}")]
async fn cached_first(id: web::Path<u32>) -> impl Responder {
    web::Json(Pet { id: *id })
}

/// A pet
#[utoipa::path(responses((status = 200, body = Pet)))]
#[cached_response(timeout = 60)]
#[get("/pets/three/{id}")]
async fn cached_between(id: web::Path<u32>) -> impl Responder {
    web::Json(Pet { id: *id })
}

#[derive(OpenApi)]
#[openapi(paths(cached_last, cached_first, cached_between))]
struct Api;

#[actix_web::test]
async fn utoipa_sees_the_same_in_every_order() {
    for (uri, n) in [("/pets/one/1", 1), ("/pets/two/2", 2), ("/pets/three/3", 3)] {
        let services = |app: &mut web::ServiceConfig| {
            app.service(cached_last)
                .service(cached_first)
                .service(cached_between);
        };
        assert_eq!(
            answered_from_the_store(services, uri).await,
            format!("{{\"id\":{n}}}")
        );
    }
    let paths = serde_json::to_value(Api::openapi().paths).unwrap();
    for uri in ["/pets/one/{id}", "/pets/two/{id}", "/pets/three/{id}"] {
        let get = &paths[uri]["get"];
        assert_eq!(get["parameters"][0]["name"], "id", "{uri}: {get}");
        assert_eq!(get["summary"], "A pet", "{uri}");
        assert!(
            get["responses"]["200"]["content"]["application/json"].is_object(),
            "{uri}: {get}"
        );
    }
}

#[get("/i1/{id}")]
#[tracing::instrument]
#[cached_response(timeout = 60)]
async fn instrumented_above(id: web::Path<u32>) -> impl Responder {
    format!("{id}")
}

#[get("/i2/{id}")]
#[cached_response(timeout = 60, vary(none))]
#[tracing::instrument(fields(twice = *id * 2), skip(request))]
async fn instrumented_below(id: web::Path<u32>, request: HttpRequest) -> impl Responder {
    format!("{id} {}", request.path())
}

#[cached_response(timeout = 60)]
#[get("/i3/{id}")]
#[tracing::instrument(err)]
async fn instrumented_last(id: web::Path<u32>) -> actix_web::Result<impl Responder> {
    if *id == 0 {
        Err(actix_web::error::ErrorImATeapot("no tea"))?;
    }
    Ok(format!("{id}"))
}

#[actix_web::test]
async fn tracing_sees_the_same_in_every_order() {
    assert_eq!(
        answered_from_the_store(
            |app| {
                app.service(instrumented_above);
            },
            "/i1/1"
        )
        .await,
        "1"
    );
    assert_eq!(
        answered_from_the_store(
            |app| {
                app.service(instrumented_below);
            },
            "/i2/2"
        )
        .await,
        "2 /i2/2"
    );
    assert_eq!(
        answered_from_the_store(
            |app| {
                app.service(instrumented_last);
            },
            "/i3/3"
        )
        .await,
        "3"
    );
}

#[actix_web::test]
async fn a_head_request_is_answered_from_the_stored_get() {
    let app = test::init_service(actix_web::App::new().service(below_route)).await;
    test::call_service(&app, test::TestRequest::get().uri("/route").to_request()).await;
    let head = test::TestRequest::default()
        .method(Method::HEAD)
        .uri("/route")
        .to_request();
    let response = test::call_service(&app, head).await;
    assert!(response.headers().contains_key("age"));
}
