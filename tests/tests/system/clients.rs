//! What a browser is told to keep.

use crate::ask::get as ask_for;
use actix_web::{App, HttpResponse, Responder, get, test::init_service, web};
use cached_response::{cached_response, disable_cache, testing::isolated};

#[get("/page")]
#[cached_response(client = 60)]
async fn page() -> impl Responder {
    "for everyone"
}

#[get("/mine/{name}")]
#[cached_response(client = "1m", key(user.0))]
async fn mine(user: User, _name: web::Path<String>) -> impl Responder {
    format!("for {}", user.0)
}

#[get("/own")]
#[cached_response(client = 60)]
async fn own() -> impl Responder {
    HttpResponse::Ok()
        .insert_header(("cache-control", "public, max-age=5"))
        .body("as the handler says")
}

#[get("/disabled")]
#[cached_response(client = 60)]
async fn disabled() -> impl Responder {
    disable_cache();
    "not for keeping"
}

#[get("/missing")]
#[cached_response(client = 60)]
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
