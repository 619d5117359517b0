//! Other middlewares that change the request.

use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::{Next, from_fn};
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, Error, HttpMessage, HttpRequest, HttpResponse, web};
use cached_response::testing::isolated;
use cached_response::{Skip, TrackedRequest, insert_key_part};

use super::{minute, page};
use crate::ask::{ask, get as ask_for, get_with, run};

#[actix_web::test]
async fn changed_parts_of_the_key_count_outside_and_prevent_storing_inside() {
    let cache = isolated();
    let user = || {
        from_fn(async |request: ServiceRequest, next: Next<_>| {
            let user = request.uri().query().is_some();
            insert_key_part(&request, &user);
            request.extensions_mut().insert(user);
            next.call(request).await
        })
    };
    let who =
        async |request: HttpRequest| format!("{} {:?}", run(), request.extensions().get::<bool>());
    let outside = App::new()
        .wrap(minute())
        .wrap(user())
        .default_service(web::to(who));
    let inside = App::new()
        .wrap(user())
        .wrap(minute())
        .default_service(web::to(who));
    let outside = init_service(outside).await;
    let inside = init_service(inside).await;
    ask_for(&outside, "/outside").await;
    assert!(ask_for(&outside, "/outside").await.is_hit());
    for _ in 0..2 {
        let answer = ask_for(&inside, "/inside").await;
        assert_eq!(answer.detail().unwrap(), "changed");
    }
    assert_eq!(cache.cache().stats().entries, 1);
}

#[actix_web::test]
async fn a_header_that_is_changed_inside_does_not_select_a_variant() {
    let cache = isolated();
    let language = from_fn(async |mut request: ServiceRequest, next: Next<_>| {
        let value = HeaderValue::from_static("de");
        let name = HeaderName::from_static("accept-language");
        request.headers_mut().insert(name, value);
        next.call(request).await
    });
    let varying = async |request: HttpRequest| {
        let language = request.headers().get("accept-language").cloned();
        HttpResponse::Ok()
            .insert_header(("vary", "accept-language"))
            .body(format!("{} {language:?}", run()))
    };
    let recording = async |request: TrackedRequest| {
        format!("{} {:?}", run(), request.header("accept-language"))
    };
    let app = App::new()
        .wrap(language)
        .wrap(minute())
        .route("/varying", web::get().to(varying))
        .route("/recording", web::get().to(recording))
        .route("/plain", web::get().to(page));
    let app = init_service(app).await;
    for target in ["/varying", "/recording"] {
        let answer = get_with(&app, target, ("accept-language", "en")).await;
        assert_eq!(answer.detail().unwrap(), "changed", "{target}");
    }
    assert_eq!(cache.cache().stats().skipped(Skip::Changed), 2);
    ask_for(&app, "/plain").await;
    assert!(ask_for(&app, "/plain").await.is_hit());
}

/// Removes the credentials, the origin and the target from the request.
async fn stripping(
    mut request: ServiceRequest,
    next: Next<impl actix_web::body::MessageBody>,
) -> Result<ServiceResponse<impl actix_web::body::MessageBody>, Error> {
    request.headers_mut().remove("authorization");
    let origin = request.headers_mut().remove("origin").next();
    request.head_mut().method = Method::GET;
    let mut response = next.call(request).await?;
    if let Some(origin) = origin {
        let name = HeaderName::from_static("access-control-allow-origin");
        response.headers_mut().insert(name, origin);
    }
    Ok(response)
}

#[actix_web::test]
async fn a_request_that_is_changed_inside_is_judged_as_it_was_sent() {
    let cache = isolated();
    let app = App::new()
        .wrap(from_fn(stripping))
        .wrap(minute())
        .default_service(web::to(page));
    let app = init_service(app).await;
    let head = TestRequest::with_uri("/").method(Method::HEAD);
    for (request, detail) in [
        (
            TestRequest::with_uri("/").append_header(("authorization", "Bearer a")),
            "authorization",
        ),
        (
            TestRequest::with_uri("/").append_header(("origin", "https://a.example")),
            "origin",
        ),
        (head, "head"),
    ] {
        assert_eq!(ask(&app, request).await.detail().unwrap(), detail);
    }
    assert_eq!(cache.cache().stats().entries, 0);
}

#[actix_web::test]
async fn a_value_of_the_extensions_does_not_select_a_variant() {
    let _cache = isolated();
    let app =
        App::new()
            .wrap(minute())
            .default_service(web::to(async |request: TrackedRequest| {
                format!("{} {:?}", run(), request.extension::<u32>())
            }));
    let app = init_service(app).await;
    for _ in 0..2 {
        assert_eq!(ask_for(&app, "/").await.detail().unwrap(), "changed");
    }
}
