//! Other middlewares on either side.

use actix_cors::Cors;
use actix_web::cookie::Cookie;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use actix_web::error::ErrorUnauthorized;
use actix_web::http::StatusCode;
use actix_web::middleware::{
    ErrorHandlerResponse, ErrorHandlers, Logger, Next, NormalizePath, from_fn,
};
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, Error, HttpMessage, HttpRequest, web};
use cached_response::testing::isolated;

use super::{minute, page};
use crate::ask::{get as ask_for, get_with, run};

#[actix_web::test]
async fn paths_that_are_normalised_outside_are_one_key_and_inside_two() {
    let _cache = isolated();
    let outside = App::new()
        .wrap(minute())
        .wrap(NormalizePath::trim())
        .route("/a", web::get().to(page));
    let inside = App::new()
        .wrap(NormalizePath::trim())
        .wrap(minute())
        .route("/a", web::get().to(page));
    let outside = init_service(outside).await;
    let inside = init_service(inside).await;
    assert_eq!(ask_for(&outside, "/a").await.body, "1 /a");
    assert_eq!(ask_for(&outside, "/a/").await.body, "1 /a");
    for _ in 0..2 {
        assert_eq!(ask_for(&inside, "/a").await.body, "2 /a");
        assert_eq!(ask_for(&inside, "/a/").await.body, "3 /a");
    }
}

#[actix_web::test]
async fn logger_stands_on_either_side() {
    let _cache = isolated();
    let app = App::new()
        .wrap(Logger::default())
        .wrap(minute())
        .wrap(Logger::new("%r %{cookie}i %{cache-status}o"))
        .default_service(web::to(page));
    let app = init_service(app).await;
    assert_eq!(ask_for(&app, "/").await.body, "1 /");
    assert!(ask_for(&app, "/").await.is_hit());
}

/// Identifies visitors by a cookie, and sets one for new visitors.
async fn session(
    request: ServiceRequest,
    next: Next<impl actix_web::body::MessageBody>,
) -> Result<ServiceResponse<impl actix_web::body::MessageBody>, Error> {
    let known = request.cookie("session");
    let name = known.as_ref().map_or("new", Cookie::value).to_owned();
    request.extensions_mut().insert(name);
    let mut response = next.call(request).await?;
    if known.is_none() {
        let cookie = Cookie::new("session", run().to_string());
        response.response_mut().add_cookie(&cookie)?;
    }
    Ok(response)
}

async fn greeting(request: HttpRequest) -> String {
    let name = request.extensions().get::<String>().cloned();
    format!("hello {}", name.unwrap())
}

#[actix_web::test]
async fn a_session_is_never_shared_on_either_side() {
    let cache = isolated();
    let inside = App::new().wrap(from_fn(session)).wrap(minute());
    let inside = init_service(inside.default_service(web::to(greeting))).await;
    let outside = App::new().wrap(minute()).wrap(from_fn(session));
    let outside = init_service(outside.default_service(web::to(greeting))).await;
    for visitor in ["1", "2"] {
        let new = ask_for(&inside, "/inside").await;
        assert_eq!(
            new.header("set-cookie").unwrap(),
            format!("session={visitor}")
        );
        assert_eq!(new.detail().unwrap(), "set-cookie");
    }
    for name in ["alice", "bob"] {
        for known in [
            get_with(&inside, "/inside", ("cookie", &format!("session={name}"))).await,
            get_with(&outside, "/outside", ("cookie", &format!("session={name}"))).await,
        ] {
            assert_eq!(known.body, format!("hello {name}"));
            assert_eq!(known.detail().unwrap(), "cookie:session");
        }
    }
    assert_eq!(cache.cache().stats().entries, 0);
    // Outside, the stored response has no cookie; each new visitor gets one.
    for visitor in ["3", "4"] {
        let new = ask_for(&outside, "/outside").await;
        assert_eq!(new.body, "hello new");
        assert_eq!(
            new.header("set-cookie").unwrap(),
            format!("session={visitor}")
        );
    }
    assert_eq!(cache.cache().stats().hits, 1);
}

#[actix_web::test]
async fn origins_get_their_own_answers_with_cors_on_either_side() {
    let _cache = isolated();
    let cors = || {
        Cors::default()
            .allowed_origin("https://a.example")
            .allowed_origin("https://b.example")
    };
    let inside = App::new()
        .wrap(cors())
        .wrap(minute())
        .default_service(web::to(page));
    let outside = App::new()
        .wrap(minute())
        .wrap(cors())
        .default_service(web::to(page));
    let inside = init_service(inside).await;
    let outside = init_service(outside).await;
    for _ in 0..2 {
        for origin in ["https://a.example", "https://b.example"] {
            for answer in [
                get_with(&inside, "/inside", ("origin", origin)).await,
                get_with(&outside, "/outside", ("origin", origin)).await,
            ] {
                assert_eq!(
                    answer.header("access-control-allow-origin").unwrap(),
                    origin
                );
            }
        }
    }
    for origin in ["https://a.example", "https://b.example"] {
        assert!(
            get_with(&inside, "/inside", ("origin", origin))
                .await
                .is_hit()
        );
        assert!(
            get_with(&outside, "/outside", ("origin", origin))
                .await
                .is_hit()
        );
    }
    let plain = ask_for(&inside, "/inside").await;
    assert_eq!(plain.header("access-control-allow-origin"), None);
}

#[actix_web::test]
async fn a_response_of_an_error_handler_inside_is_judged() {
    let _cache = isolated();
    let handlers = ErrorHandlers::new().handler(StatusCode::NOT_FOUND, |response| {
        let (request, response) = response.into_parts();
        let response = response.set_body(format!("{} not here", run()));
        let response = ServiceResponse::new(request, response).map_into_boxed_body();
        Ok(ErrorHandlerResponse::Response(
            response.map_into_left_body(),
        ))
    });
    let app = App::new()
        .wrap(handlers)
        .wrap(minute())
        .route("/there", web::get().to(page));
    let app = init_service(app).await;
    for n in [1, 2] {
        let answer = ask_for(&app, "/nowhere").await;
        assert_eq!(answer.body, format!("{n} not here"));
        assert_eq!(answer.detail().unwrap(), "status");
    }
    ask_for(&app, "/there").await;
    assert!(ask_for(&app, "/there").await.is_hit());
}

#[actix_web::test]
async fn authentication_outside_applies_to_hits() {
    let _cache = isolated();
    let knock = from_fn(
        async |request: ServiceRequest, next: Next<actix_web::body::BoxBody>| {
            if request.headers().contains_key("x-forwarded-for") {
                return next.call(request).await;
            }
            Err(ErrorUnauthorized("who is there?"))
        },
    );
    let app = App::new()
        .wrap(minute())
        .wrap(knock)
        .default_service(web::to(page));
    let app = init_service(app).await;
    let known = ("x-forwarded-for", "10.0.0.1");
    get_with(&app, "/", known).await;
    assert!(get_with(&app, "/", known).await.is_hit());
    let stranger = app.call(TestRequest::with_uri("/").to_request()).await;
    assert!(stranger.is_err());
}
