//! Prefixes and routes as targets.

use actix_web::{
    HttpResponse, post,
    web::{self, ServiceConfig},
};
use cached_response::{Invalidations, invalidates, invalidating};

use super::{post as written, read};

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
    assert_eq!(
        written(|app| _ = app.service(read).service(by_prefix), "/by-prefix").await,
        "both"
    );
    assert_eq!(
        written(
            |app| _ = app.service(read).service(by_parameter),
            "/shops/a"
        )
        .await,
        "a"
    );
    assert_eq!(
        written(
            |app| _ = app.service(read).service(by_handler),
            "/by-handler"
        )
        .await,
        "both"
    );
    assert_eq!(
        written(
            |app| _ = app.service(read).service(by_pattern),
            "/by-pattern"
        )
        .await,
        "both"
    );
    assert_eq!(
        written(
            |app| _ = app.service(read).service(by_another),
            "/by-another"
        )
        .await,
        "neither"
    );
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
