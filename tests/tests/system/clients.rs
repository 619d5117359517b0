//! `Cache-Control` for browsers.

use crate::ask::get as ask_for;
use actix_web::{App, HttpResponse, Responder, get, test::init_service, web};
use cached_response::{
    ResponseCache, cached_response, disable_cache,
    testing::{ManualClock, isolated, isolated_with},
};
use std::time::Duration;

#[get("/page")]
#[cached_response(client_max_age = 60)]
async fn page() -> impl Responder {
    "for everyone"
}

#[get("/mine/{name}")]
#[cached_response(client_max_age = "1m", key(user.0))]
async fn mine(user: User, _name: web::Path<String>) -> impl Responder {
    format!("for {}", user.0)
}

#[get("/own")]
#[cached_response(client_max_age = 60)]
async fn own() -> impl Responder {
    HttpResponse::Ok()
        .insert_header(("cache-control", "public, max-age=5"))
        .body("as the handler says")
}

#[get("/disabled")]
#[cached_response(client_max_age = 60)]
async fn disabled() -> impl Responder {
    disable_cache();
    "not for keeping"
}

#[get("/missing")]
#[cached_response(client_max_age = 60)]
async fn missing() -> impl Responder {
    HttpResponse::NotFound().body("nothing")
}

/// A user, by the name in the path.
struct User(String);

impl actix_web::FromRequest for User {
    type Error = actix_web::Error;
    type Future = std::future::Ready<Result<Self, Self::Error>>;

    fn from_request(
        request: &actix_web::HttpRequest,
        _: &mut actix_web::dev::Payload,
    ) -> Self::Future {
        std::future::ready(Ok(Self(request.match_info().query("name").to_owned())))
    }
}

#[actix_web::test]
async fn a_browser_may_keep_what_is_stored_and_nothing_else() {
    let _cache = isolated();
    let app = App::new()
        .service(page)
        .service(mine)
        .service(own)
        .service(disabled)
        .service(missing);
    let app = init_service(app).await;
    for (target, expected) in [
        ("/page", Some("max-age=60")),
        ("/mine/ada", Some("private, max-age=60")),
        ("/own", Some("public, max-age=5")),
        ("/disabled", None),
        ("/missing", None),
    ] {
        for asked in ["first", "again"] {
            let answer = ask_for(&app, target).await;
            assert_eq!(
                answer.header("cache-control").as_deref(),
                expected,
                "{target} {asked}"
            );
        }
    }
}

/// RFC 9111 §4.2: what is left of `max-age` is what `Age` has not used up.
#[actix_web::test]
async fn a_browser_may_keep_a_hit_for_as_long_as_a_live_answer_but_not_past_its_end() {
    let clock = ManualClock::new();
    let _cache = isolated_with(ResponseCache::builder().clock(&clock).build());
    let app = init_service(App::new().service(page)).await;
    for (turned, kept) in [
        (0, "max-age=60"),
        (100, "max-age=160"),
        (180, "max-age=300"),
    ] {
        clock.advance(Duration::from_secs(turned));
        assert_eq!(
            ask_for(&app, "/page")
                .await
                .header("cache-control")
                .unwrap(),
            kept
        );
    }
}
