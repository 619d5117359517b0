//! What browsers may keep.

use actix_web::http::header;
use actix_web::test::init_service;
use actix_web::{App, HttpResponse, get};
use cached_response::cached_response;
use cached_response::testing::isolated;

use crate::ask::{get as ask_for, run};

#[get("/kept")]
#[cached_response(client_max_age = "60s")]
async fn kept() -> String {
    run().to_string()
}

#[get("/kept-by-one")]
#[cached_response(client_max_age = "60s", gate(user))]
async fn kept_by_one(user: Anyone) -> String {
    let _ = user;
    run().to_string()
}

#[get("/kept-anyway")]
#[cached_response(client_max_age = "60s")]
async fn kept_anyway() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("cache-control", "max-age=5"))
        .body(run().to_string())
}

struct Anyone;

impl actix_web::FromRequest for Anyone {
    type Error = actix_web::Error;
    type Future = std::future::Ready<Result<Self, Self::Error>>;

    fn from_request(_: &actix_web::HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
        std::future::ready(Ok(Self))
    }
}

#[actix_web::test]
async fn browsers_may_keep_what_the_route_lets_them() {
    let _cache = isolated();
    let app = init_service(
        App::new()
            .service(kept)
            .service(kept_by_one)
            .service(kept_anyway),
    )
    .await;
    for (target, expected) in [
        ("/kept", "max-age=60"),
        ("/kept-by-one", "private, max-age=60"),
        ("/kept-anyway", "max-age=5"),
    ] {
        for _ in 0..2 {
            let answer = ask_for(&app, target).await;
            let said = answer.headers.get(header::CACHE_CONTROL).unwrap();
            assert_eq!(said, expected, "{target}");
        }
        assert!(ask_for(&app, target).await.is_hit(), "{target}");
    }
}
