//! Prefixes and routes as targets.

use actix_web::{
    HttpResponse, post,
    web::{self, ServiceConfig},
};
use cached_response::{Invalidations, invalidates, invalidating};

use super::{post as written, read};

type Routes = fn(&mut ServiceConfig);

#[post("/by-prefix")]
#[invalidates(prefix("/read"))]
async fn by_prefix() -> HttpResponse {
    HttpResponse::Ok().finish()
}

#[post("/shops/{name}")]
#[invalidates(prefix("/read/{name}"))]
async fn by_parameter() -> HttpResponse {
    HttpResponse::Ok().finish()
}

#[post("/by-handler")]
#[invalidates(route(read))]
async fn by_handler() -> HttpResponse {
    HttpResponse::Ok().finish()
}

#[post("/by-pattern")]
#[invalidates(route("/read/{any:.*}"))]
async fn by_pattern() -> HttpResponse {
    HttpResponse::Ok().finish()
}

#[post("/by-another")]
#[invalidates(route("/read/{one}/{other}"), prefix("/rea"))]
async fn by_another() -> HttpResponse {
    HttpResponse::Ok().finish()
}

#[actix_web::test]
async fn they_reach_what_the_calls_of_their_names_do() {
    let cases: [(Routes, &str, &str); 5] = [
        (
            |app| _ = app.service(read).service(by_prefix),
            "/by-prefix",
            "both",
        ),
        (
            |app| _ = app.service(read).service(by_parameter),
            "/shops/a",
            "a",
        ),
        (
            |app| _ = app.service(read).service(by_handler),
            "/by-handler",
            "both",
        ),
        (
            |app| _ = app.service(read).service(by_pattern),
            "/by-pattern",
            "both",
        ),
        (
            |app| _ = app.service(read).service(by_another),
            "/by-another",
            "neither",
        ),
    ];
    for (routes, target, reached) in cases {
        assert_eq!(written(routes, target).await, reached, "{target}");
    }
}

#[actix_web::test]
async fn without_the_attribute_they_are_the_same() {
    let routes = |app: &mut ServiceConfig| {
        let targets = Invalidations::new().route(read).prefix("/x");
        let write = || async { HttpResponse::Ok().finish() };
        app.service(read)
            .route("/wrapped", web::post().to(invalidating(targets, write)));
    };
    assert_eq!(written(routes, "/wrapped").await, "both");
}
