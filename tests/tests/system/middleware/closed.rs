//! Parts of a request that the handler may read.

use std::pin::Pin;

use actix_web::body::BoxBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::{Method, Version};
use actix_web::middleware::{Next, from_fn};
use actix_web::test::{TestRequest, call_and_read_body, init_service};
use actix_web::{App, Error, HttpMessage, HttpRequest, HttpResponse, web};
use cached_response::testing::isolated;
use cached_response::{Bypass, CacheResponses, Policy};
use futures_util::Stream;
use tests::raw::Request as Sent;
use tests::stage::Stage;

use super::{minute, page};
use crate::ask::{ask, get as ask_for, get_with, run};

/// An unknown cookie bypasses the cache.
#[actix_web::test]
async fn an_unknown_cookie_bypasses() {
    let cache = isolated();
    let keyed = CacheResponses::new(Policy::new(60).vary(["cookie"]));
    let added = CacheResponses::new(Policy::new(60).ignore_cookies(["theme", "ab_*"]));
    let app = App::new()
        .service(
            web::scope("/plain")
                .wrap(minute())
                .default_service(web::to(page)),
        )
        .service(
            web::scope("/keyed")
                .wrap(keyed)
                .default_service(web::to(page)),
        )
        .service(
            web::scope("/added")
                .wrap(added)
                .default_service(web::to(page)),
        );
    let app = init_service(app).await;
    for (target, cookies, expected) in [
        ("/plain", "", "store"),
        ("/plain", "_ga=1", "store"),
        ("/plain", "_ga=2; _gid=3", "store"),
        ("/plain", "session=a", "cookie:session"),
        ("/plain", "_ga=1; session=a", "cookie:session"),
        ("/plain", "theme=dark", "cookie:theme"),
        ("/plain", "_ga=1; =a", "cookie"),
        ("/keyed", "session=a", "store"),
        ("/added", "theme=dark; ab_1=2; _ga=3", "store"),
        ("/added", "session=a", "cookie:session"),
    ] {
        let request = || TestRequest::with_uri(target).append_header(("cookie", cookies));
        ask(&app, request()).await;
        let answer = ask(&app, request()).await;
        let came = match answer.detail() {
            None if answer.is_hit() => "store".to_owned(),
            other => other.unwrap_or_default(),
        };
        assert_eq!(came, expected, "{target} {cookies}");
    }
    let alice = get_with(&app, "/keyed/me", ("cookie", "session=a")).await;
    let bob = get_with(&app, "/keyed/me", ("cookie", "session=b")).await;
    assert_ne!(alice.body, bob.body);
    assert_eq!(cache.cache().stats().bypassed(Bypass::Cookie), 10);
}

#[actix_web::test]
async fn an_unknown_header_bypasses_and_is_named() {
    let cache = isolated();
    let policy = Policy::new(60)
        .vary(["x-tenant"])
        .neutral_headers(["x-app-build"]);
    let app = App::new()
        .wrap(CacheResponses::new(policy))
        .default_service(web::to(page));
    let app = init_service(app).await;
    assert_eq!(ask_for(&app, "/").await.body, "1 /");
    for name in [
        "x-app-build",
        "accept",
        "sec-ch-ua-mobile",
        "referer",
        "x-forwarded-for",
    ] {
        let answer = get_with(&app, "/", (name, "1")).await;
        assert!(answer.is_hit(), "{name}");
    }
    for name in [
        "x-api-key",
        "x-forwarded-user",
        "accept-version",
        "hx-request",
        "x-user",
    ] {
        let answer = get_with(&app, "/", (name, "1")).await;
        assert_eq!(answer.detail().unwrap(), format!("header:{name}"));
    }
    assert_eq!(cache.cache().stats().bypassed(Bypass::Header), 5);
    let one = get_with(&app, "/", ("x-tenant", "a")).await;
    assert_eq!(one.header("vary").unwrap(), "x-tenant");
    let other = get_with(&app, "/", ("x-tenant", "b")).await;
    assert_ne!(one.body, other.body);
    assert_eq!(get_with(&app, "/", ("x-tenant", "a")).await.body, one.body);
}

#[actix_web::test]
async fn an_upgrade_request_is_not_answered_from_the_store() {
    let _cache = isolated();
    let both = async |request: HttpRequest| {
        if request.headers().contains_key("upgrade") {
            HttpResponse::SwitchingProtocols().finish()
        } else {
            HttpResponse::Ok().body("page")
        }
    };
    let app = App::new().wrap(minute()).default_service(web::to(both));
    let app = init_service(app).await;
    assert_eq!(ask_for(&app, "/").await.body, "page");
    let upgraded = get_with(&app, "/", ("upgrade", "websocket")).await;
    assert_eq!(upgraded.status, 101);
    assert_eq!(upgraded.detail().unwrap(), "header:upgrade");
}

#[actix_web::test]
async fn forwarded_parts_of_the_url_are_in_the_key() {
    let _cache = isolated();
    let app = App::new().wrap(minute()).default_service(web::to(page));
    let app = init_service(app).await;
    let plain = ask_for(&app, "/").await.body;
    for name in [
        "host",
        "forwarded",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-prefix",
        "x-forwarded-proto",
        "x-forwarded-scheme",
        "x-forwarded-ssl",
    ] {
        let first = get_with(&app, "/", (name, "evil")).await;
        assert!(!first.is_hit(), "{name}");
        assert!(get_with(&app, "/", (name, "evil")).await.is_hit(), "{name}");
    }
    assert_eq!(ask_for(&app, "/").await.body, plain);
}

/// Responses for two hosts are never shared.
#[test]
fn two_hosts_on_one_route_never_share() {
    let stage = Stage::new(cached_response::ResponseCache::builder().build());
    let server = stage.serve(1, |app| {
        async fn asked(request: HttpRequest) -> String {
            let host = request.headers().get("host");
            format!("{} {}", request.uri(), host.unwrap().to_str().unwrap())
        }
        let scope = web::scope("").wrap(minute());
        app.service(scope.default_service(web::to(asked)));
    });
    let fetch = |target: &str, host: &str| {
        let request = Sent::get(target).header("Host", host);
        tests::raw::fetch(server.address(), &request)
            .unwrap()
            .text()
    };
    for (target, host, expected) in [
        ("/", "a.example", "/ a.example"),
        ("/", "b.example", "/ b.example"),
        (
            "http://c.example/",
            "a.example",
            "http://c.example/ a.example",
        ),
        ("/", "a.example", "/ a.example"),
    ] {
        assert_eq!(fetch(target, host), expected);
    }
    assert_eq!(
        (stage.cache.stats().entries, stage.cache.stats().hits),
        (3, 1)
    );
}

/// A GET with a body that is not keyed is neither looked up nor stored.
#[actix_web::test]
async fn a_body_bypasses_and_reaches_the_handler() {
    let _cache = isolated();
    let echo = async |body: String| format!("{} {body}", run());
    let app = App::new().wrap(minute()).default_service(web::to(echo));
    let app = init_service(app).await;
    for method in [Method::GET, Method::POST] {
        let request = TestRequest::with_uri("/").method(method.clone());
        let answer = ask(&app, request.set_payload("fat")).await;
        assert!(answer.body.ends_with(" fat"), "{method}: {}", answer.body);
        let expected = if method == Method::GET {
            "body"
        } else {
            "method"
        };
        assert_eq!(answer.detail().unwrap(), expected);
    }
    assert_eq!(ask_for(&app, "/").await.body, "3 ");
    assert!(ask_for(&app, "/").await.is_hit());
}

/// Hides the kind of the body.
async fn wrapping(
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse, Error> {
    let payload: Pin<Box<dyn Stream<Item = _>>> = Box::pin(request.take_payload());
    request.set_payload(Payload::Stream { payload });
    next.call(request).await
}

#[actix_web::test]
async fn an_undeclared_body_is_detected_in_a_wrapped_payload() {
    let _cache = isolated();
    let echo = async |body: String| format!("{} {body}", run());
    let app = App::new()
        .wrap(minute())
        .wrap(from_fn(wrapping))
        .default_service(web::to(echo));
    let app = init_service(app).await;
    for (run, body) in [(1, "fat"), (2, "thin")] {
        let request = TestRequest::get().version(Version::HTTP_2);
        let mut request = request.set_payload(body).to_request();
        request.headers_mut().remove("content-length");
        let answer = call_and_read_body(&app, request).await;
        assert_eq!(answer, format!("{run} {body}"));
    }
}

#[actix_web::test]
async fn a_flag_that_handlers_can_read_bypasses_and_stores_nothing() {
    let cache = isolated();
    let app = App::new().wrap(minute()).default_service(web::to(page));
    let app = init_service(app).await;
    let live = ask_for(&app, "/?nocache=1").await;
    assert_eq!(live.detail().unwrap(), "nocache");
    let overridden = get_with(&app, "/", ("x-http-method-override", "DELETE")).await;
    assert_eq!(overridden.detail().unwrap(), "method-override");
    assert_eq!(cache.cache().stats().entries, 0);
}

/// A request with credentials neither reuses nor stores a response.
#[actix_web::test]
async fn a_request_with_authorization_neither_reuses_nor_stores_a_response() {
    let _cache = isolated();
    let keyed = CacheResponses::new(Policy::new(60).vary(["authorization"]));
    let app = App::new()
        .service(
            web::scope("/keyed")
                .wrap(keyed)
                .default_service(web::to(page)),
        )
        .service(web::scope("").wrap(minute()).default_service(web::to(page)));
    let app = init_service(app).await;
    let bearer = ("authorization", "Bearer a");
    let first = get_with(&app, "/x", bearer).await;
    assert_eq!(first.detail().unwrap(), "authorization");
    assert_eq!(ask_for(&app, "/x").await.body, "2 /x");
    assert_eq!(get_with(&app, "/x", bearer).await.body, "3 /x");
    assert_eq!(ask_for(&app, "/x").await.body, "2 /x");
    get_with(&app, "/keyed/x", bearer).await;
    assert!(get_with(&app, "/keyed/x", bearer).await.is_hit());
    assert!(
        !get_with(&app, "/keyed/x", ("authorization", "Bearer b"))
            .await
            .is_hit()
    );
}
