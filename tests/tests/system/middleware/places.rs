//! Places of the middleware, and the identity of each.

use std::collections::BTreeSet;

use actix_web::test::{TestRequest, init_service};
use actix_web::{App, guard, web};
use cached_response::testing::isolated;
use tests::raw::{self, Request as Sent};
use tests::stage::Stage;

use super::{minute, page};
use crate::ask::{ask, get as ask_for, get_with, run};

#[actix_web::test]
async fn apps_scopes_and_resources_are_cached_with_routing_inside() {
    let _cache = isolated();
    let nested = web::scope("/outer").service(
        web::scope("/{tenant}")
            .wrap(minute())
            .route("/page/{n}", web::get().to(page))
            .default_service(web::to(page)),
    );
    let resource = web::resource("/resource/{n}")
        .wrap(minute())
        .route(web::get().to(page));
    let whole = App::new().wrap(minute()).service(
        web::scope("/a").service(
            web::resource("/b/{n}")
                .route(web::get().to(async |n: web::Path<u32>| format!("{} {n}", run()))),
        ),
    );
    let parts = init_service(App::new().service(nested).service(resource)).await;
    let whole = init_service(whole.default_service(web::to(page))).await;
    for target in [
        "/outer/t/page/1",
        "/outer/t/page/2",
        "/outer/u/page/1",
        "/outer/t/else",
        "/resource/1",
        "/resource/2",
    ] {
        let live = ask_for(&parts, target).await;
        assert!(live.body.ends_with(target), "{}", live.body);
        let stored = ask_for(&parts, target).await;
        assert!(stored.is_hit() && stored.body == live.body, "{target}");
    }
    for target in ["/a/b/7", "/a/b/8", "/else"] {
        let live = ask_for(&whole, target).await;
        let stored = ask_for(&whole, target).await;
        assert!(stored.is_hit() && stored.body == live.body, "{target}");
    }
    assert!(ask_for(&whole, "/a/b/7").await.body.ends_with(" 7"));
}

#[actix_web::test]
async fn the_middleware_holds_no_clone_of_the_request() {
    let _cache = isolated();
    // Routing panics where another clone of the request exists.
    let app = App::new()
        .wrap(minute())
        .service(
            web::scope("/{a}")
                .wrap(minute())
                .service(
                    web::scope("/{b}").service(web::resource("/{c}").wrap(minute()).route(
                        web::get().to(async |path: web::Path<(String, String, String)>| {
                            format!("{:?}", path.into_inner())
                        }),
                    )),
                ),
        );
    let app = init_service(app).await;
    for _ in 0..2 {
        assert_eq!(ask_for(&app, "/1/2/3").await.body, r#"("1", "2", "3")"#);
        let bypassed = get_with(&app, "/1/2/3", ("cookie", "session=1")).await;
        assert_eq!(bypassed.body, r#"("1", "2", "3")"#);
    }
}

#[actix_web::test]
async fn middlewares_from_two_places_do_not_share() {
    let cache = isolated();
    let one = web::scope("/x")
        .guard(guard::Header("accept", "one"))
        .wrap(minute())
        .default_service(web::to(async || "one"));
    let other = web::scope("/x")
        .wrap(minute())
        .default_service(web::to(async || "other"));
    let app = init_service(App::new().service(one).service(other)).await;
    for _ in 0..2 {
        assert_eq!(get_with(&app, "/x", ("accept", "one")).await.body, "one");
        assert_eq!(ask_for(&app, "/x").await.body, "other");
    }
    assert_eq!(cache.cache().stats().hits, 2);
}

#[test]
fn the_middleware_of_one_place_is_shared_by_all_workers() {
    let stage = Stage::new(cached_response::ResponseCache::builder().build());
    let server = stage.serve(2, |app| {
        let number = async |stage: web::Data<Stage>| stage.run().to_string();
        app.service(
            web::scope("")
                .wrap(minute())
                .default_service(web::to(number)),
        );
    });
    // New connections go to the workers in turn.
    let bodies: BTreeSet<_> = (0..8)
        .map(|_| {
            raw::fetch(server.address(), &Sent::get("/"))
                .unwrap()
                .text()
        })
        .collect();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert_eq!((stage.runs(), stage.cache.stats().entries), (1, 1));
}

/// The middleware of the test.
#[actix_web::test]
async fn head_is_answered_from_a_stored_get_and_stores_nothing() {
    let cache = isolated();
    let app = App::new().wrap(minute()).default_service(web::to(page));
    let app = init_service(app).await;
    let head = || TestRequest::with_uri("/").method(actix_web::http::Method::HEAD);
    assert_eq!(ask(&app, head()).await.detail().unwrap(), "head");
    assert_eq!(cache.cache().stats().entries, 0);
    let live = ask_for(&app, "/").await;
    assert!(ask(&app, head()).await.is_hit());
    let etag = live.header("etag").unwrap();
    let again = get_with(&app, "/", ("if-none-match", &etag)).await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
}
