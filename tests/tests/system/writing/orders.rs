//! The attribute among others, in any order.

use super::{is_hit, post as posted, read, stored};
use actix_web::{HttpRequest, Responder, patch, post, routes, scope, test::TestRequest, web};
use cached_response::{cached_response, invalidates};
use serde::Deserialize;
use utoipa::{OpenApi, ToSchema};

#[post("/below")]
#[invalidates(path("/read/a"))]
async fn below() -> impl Responder {
    "below"
}

#[invalidates(path("/read/a"))]
#[post("/above")]
async fn above() -> impl Responder {
    "above"
}

#[invalidates(path("/read/a"))]
#[routes]
#[post("/first")]
#[put("/second")]
#[post("/third")]
async fn above_several() -> impl Responder {
    "several"
}

#[routes]
#[invalidates(path("/read/a"))]
#[post("/fourth")]
#[delete("/fifth")]
async fn between_several() -> impl Responder {
    "several"
}

#[scope("/scoped")]
mod scoped {
    use actix_web::{Responder, post};
    use cached_response::invalidates;

    #[post("/{name}")]
    #[invalidates(path("/read/{name}"))]
    pub(super) async fn inside() -> impl Responder {
        "scoped"
    }
}

#[invalidates(path("/read/a"))]
#[cfg_attr(all(), post("/cfg"))]
async fn above_cfg_attr() -> impl Responder {
    "cfg"
}

#[post("/cfg2")]
#[cfg_attr(all(), invalidates(path("/read/a")))]
async fn in_cfg_attr() -> impl Responder {
    "cfg"
}

#[derive(Deserialize, ToSchema)]
struct Pet {
    name: String,
}

/// Renames a pet.
#[utoipa::path(request_body = Pet, responses((status = 200)))]
#[invalidates(path("/read/{name}"))]
#[patch("/pets/{name}")]
async fn documented(name: web::Path<String>, pet: web::Json<Pet>) -> impl Responder {
    format!("{name} is {} now", pet.name)
}

#[invalidates(path(format!("/read/{name}")))]
#[post("/traced/{name}")]
#[tracing::instrument(skip(request), fields(length = name.len()), err)]
async fn traced(
    name: web::Path<String>,
    request: HttpRequest,
) -> actix_web::Result<impl Responder> {
    Ok(format!("{name} at {}", request.path()))
}

#[post("/traced-above/{name}")]
#[tracing::instrument]
#[invalidates(path("/read/{name}"))]
async fn traced_above(name: web::Path<String>) -> impl Responder {
    name.into_inner()
}

#[actix_web::get("/pair")]
#[cached_response]
async fn pair_read() -> impl Responder {
    "read"
}

#[post("/pair")]
#[invalidates(path("/pair"))]
async fn pair_write() -> impl Responder {
    "written"
}

fn routes(app: &mut web::ServiceConfig) {
    app.service((below, above, above_several, between_several))
        .service((scoped::inside, above_cfg_attr, in_cfg_attr))
        .service((documented, traced, traced_above, pair_read, pair_write))
        .service(read);
}

#[actix_web::test]
async fn the_attribute_may_be_above_or_below_several_routes() {
    for uri in [
        "/below", "/above", "/first", "/third", "/fourth", "/cfg", "/cfg2",
    ] {
        assert_eq!(posted(routes, uri).await, "a", "{uri}");
    }
    assert_eq!(posted(routes, "/scoped/b").await, "b");
}

#[actix_web::test]
async fn tracing_sees_the_function_as_it_was_written() {
    assert_eq!(posted(routes, "/traced/a").await, "a");
    assert_eq!(posted(routes, "/traced-above/b").await, "b");
}

#[actix_web::test]
async fn a_cached_reader_may_be_on_the_same_path() {
    let (_, app) = stored(routes).await;
    app.get("/pair").answer().await;
    assert!(is_hit(&app, "/pair").await);
    let write = TestRequest::post().uri("/pair");
    assert_eq!(app.ask(write).text().await, "written");
    assert!(!is_hit(&app, "/pair").await);
}

#[derive(OpenApi)]
#[openapi(paths(documented))]
struct Api;

#[test]
fn utoipa_sees_parameters_and_body() {
    let paths = serde_json::to_value(Api::openapi().paths).unwrap();
    let patch = &paths["/pets/{name}"]["patch"];
    assert_eq!(patch["parameters"][0]["name"], "name", "{patch}");
    assert_eq!(patch["summary"], "Renames a pet.");
    let body = &patch["requestBody"]["content"]["application/json"];
    assert!(body.is_object(), "{patch}");
}
