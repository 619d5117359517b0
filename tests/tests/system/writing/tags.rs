//! Invalidation by tags.

use super::{invalidated, is_hit, post as posted, read, stored};
use actix_web::{Responder, post, test::TestRequest, web};
use cached_response::{Invalidations, invalidates, invalidating};

#[post("/one/{name}")]
#[invalidates(tags("read:{name}"))]
async fn one() -> impl Responder {
    "written"
}

#[post("/bare/{name}")]
#[invalidates(tags("{name}"))]
async fn bare() -> impl Responder {
    "written"
}

#[post("/common")]
#[invalidates(tags("nobody's", "all"))]
async fn common() -> impl Responder {
    "written"
}

#[post("/expressions/{name}")]
#[invalidates(tags(format!("read:{name}"), "read:".to_owned() + &body))]
async fn expressions(name: web::Path<String>, body: String) -> impl Responder {
    name.into_inner() + &body
}

#[post("/missing")]
#[invalidates(tags("read:{name}"))]
async fn missing() -> impl Responder {
    "written"
}

pub(super) fn routes(app: &mut web::ServiceConfig) {
    let names = Invalidations::new().tags(["nobody's", "read:{name}"]);
    app.service((read, one, bare, common, expressions, missing))
        .route(
            "/wrapped/{name}",
            web::post().to(invalidating(names, async || "written")),
        );
}

#[actix_web::test]
async fn responses_with_the_tag_are_invalidated() {
    assert_eq!(posted(routes, "/one/a").await, "a");
    assert_eq!(posted(routes, "/one/b").await, "b");
    assert_eq!(posted(routes, "/one/c").await, "neither");
    assert_eq!(posted(routes, "/common").await, "both");
    assert_eq!(posted(routes, "/wrapped/b").await, "b");
}

#[actix_web::test]
async fn a_parameter_is_never_a_tag_that_the_cache_gives() {
    assert_eq!(posted(routes, "/bare/all").await, "both");
    // The tag of the route `/read/{}`.
    assert_eq!(posted(routes, "/bare/%00%2Fread%2F%7B%7D").await, "neither");
}

#[actix_web::test]
async fn a_tag_may_be_computed_from_the_arguments() {
    let (_, app) = stored(routes).await;
    let write = TestRequest::post().uri("/expressions/a").set_payload("c");
    assert_eq!(app.ask(write).text().await, "ac");
    assert_eq!(invalidated(&app).await, "a");
}

#[actix_web::test]
async fn a_value_has_one_tag_for_readers_and_writers() {
    for value in [
        "a%2Fb", "a%3Fb", "100%25", "%2525", "%C3%BC", "a+b", "a%20b", "{b}",
    ] {
        let (_, app) = stored(routes).await;
        let uri = format!("/read/{value}");
        for door in ["one", "expressions"] {
            app.get(&uri).answer().await;
            assert!(is_hit(&app, &uri).await, "{value}");
            let write = TestRequest::post().uri(&format!("/{door}/{value}"));
            app.ask(write).answer().await;
            assert!(!is_hit(&app, &uri).await, "{value} at {door}");
        }
        assert_eq!(invalidated(&app).await, "neither", "{value}");
    }
}

/// An invalidation of too much is safe, one of too little is not.
#[actix_web::test]
async fn a_missing_parameter_of_the_route_invalidates_everything() {
    assert_eq!(posted(routes, "/missing").await, "both");
}
