//! `Cache-Control` for browsers.

use crate::ask::get as ask_for;
use actix_web::{
    App, Error, HttpMessage, HttpResponse, Responder,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    get,
    middleware::{Next, from_fn},
    test::init_service,
    web,
};
use cached_response::{
    CacheResponses, Policy, ResponseCache, TrackedRequest, cached, cached_response, disable_cache,
    insert_key_part,
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
    type Error = Error;
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

async fn keyed(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    insert_key_part(&request, &7_u32);
    next.call(request).await
}

async fn known(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    request.extensions_mut().insert(7_u32);
    next.call(request).await
}

async fn read_by(path: web::Path<String>, request: TrackedRequest) -> String {
    match &**path {
        "extension" => format!("{:?}", request.extension::<u32>()),
        "peer" => format!("{:?}", request.peer_ip()),
        "cookie" => format!("{:?}", request.cookie("session")),
        "language" => format!("{:?}", request.header("accept-language")),
        _ => "for everyone".to_owned(),
    }
}

/// No `Vary` names them for a shared cache, or it may ignore the one that does.
#[actix_web::test]
async fn what_depends_on_a_user_that_no_argument_names_is_private_too() {
    let policy = || Policy::new(60).client_max_age(60);
    let app = App::new()
        .app_data(ResponseCache::builder().build())
        .service(
            web::scope("/keyed")
                .wrap(from_fn(keyed))
                .service(page)
                .service(
                    web::scope("/behind")
                        .wrap(CacheResponses::new(policy()))
                        .route("/page", web::get().to(|| async { "behind" })),
                ),
        )
        .service(
            web::resource("/told/{by}")
                .wrap(from_fn(known))
                .route(web::get().to(cached(policy(), read_by))),
        );
    let app = init_service(app).await;
    for (target, is_private) in [
        ("/keyed/page", true),
        ("/keyed/behind/page", true),
        ("/told/extension", true),
        ("/told/peer", true),
        ("/told/cookie", true),
        ("/told/language", false),
        ("/told/nothing", false),
    ] {
        let expected = if is_private {
            "private, max-age=60"
        } else {
            "max-age=60"
        };
        for asked in ["first", "again"] {
            let answer = ask_for(&app, target).await;
            let told = answer.header("cache-control");
            assert_eq!(told.as_deref(), Some(expected), "{target}, {asked}");
        }
    }
}
