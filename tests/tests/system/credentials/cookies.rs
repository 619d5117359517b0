//! Cookies that are sent, and cookies that are set.

use actix_web::test::{TestRequest, init_service};
use actix_web::{App, HttpRequest, HttpResponse, get, web};
use cached_response::{Skip, TrackedRequest, cached_response, testing::isolated};

use super::seeing;
use crate::ask::{ask, run};

#[get("/no-eyes")]
#[cached_response]
async fn no_eyes() -> String {
    run().to_string()
}

#[get("/all-cookies")]
#[cached_response(vary("cookie"))]
async fn all_cookies(_request: HttpRequest) -> String {
    run().to_string()
}

#[get("/one-cookie")]
#[cached_response]
async fn one_cookie(request: TrackedRequest) -> String {
    let session = request.cookie("session");
    format!("{} {:?}", run(), session.map(|it| it.value().to_owned()))
}

/// A cookie that nothing is known of bypasses.
#[actix_web::test]
async fn cookies_matter_where_they_can_be_seen() {
    let requests = [
        None,
        Some("_ga=1"),
        Some("_ga=2"),
        Some("session=a"),
        Some("session=b; _ga=1"),
    ];
    for (target, expected) in [
        ("/no-eyes", [1, 1, 1, 1, 1]),
        ("/seeing", [1, 1, 1, 1, 1]),
        ("/all-cookies", [1, 2, 3, 4, 5]),
        ("/one-cookie", [1, 1, 1, 2, 3]),
    ] {
        let cache = isolated();
        let app = App::new()
            .service(no_eyes)
            .service(seeing)
            .service(all_cookies)
            .service(one_cookie);
        let app = init_service(app).await;
        let mut bodies: Vec<String> = Vec::new();
        for round in 0..2 {
            for (cookie, number) in requests.iter().zip(expected) {
                let request = TestRequest::with_uri(target);
                let request = cookie.iter().fold(request, |request, cookie| {
                    request.append_header(("cookie", *cookie))
                });
                let answer = ask(&app, request).await;
                if bodies.len() < number {
                    bodies.push(answer.body);
                } else {
                    assert_eq!(
                        answer.body,
                        bodies[number - 1],
                        "{target} {cookie:?} {round}"
                    );
                }
            }
        }
        assert_eq!(
            cache.cache().stats().stored,
            *expected.iter().max().unwrap() as u64,
            "{target}"
        );
    }
}

#[get("/set/{cookies}")]
#[cached_response]
async fn setting(cookies: web::Path<u32>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    for n in 0..*cookies {
        response.append_header(("set-cookie", format!("c{n}={}", run())));
    }
    response.body("page")
}

/// A response that sets a cookie is never stored.
#[actix_web::test]
async fn a_response_that_sets_cookies_is_never_stored() {
    let cache = isolated();
    let app = init_service(App::new().service(setting)).await;
    let mut seen = Vec::new();
    for (target, cookie) in [
        ("/set/1", None),
        ("/set/1", None),
        ("/set/2", None),
        ("/set/2", Some("unrelated=1")),
        ("/set/1", Some("unrelated=1")),
    ] {
        let request = TestRequest::with_uri(target);
        let request = cookie.iter().fold(request, |request, cookie| {
            request.append_header(("cookie", *cookie))
        });
        let answer = ask(&app, request).await;
        assert_eq!(answer.detail().unwrap(), "set-cookie");
        let cookies = answer.header("set-cookie").unwrap();
        assert!(!seen.contains(&cookies), "{cookies} was set twice");
        seen.push(cookies);
    }
    let stats = cache.cache().stats();
    assert_eq!((stats.entries, stats.skipped(Skip::SetCookie)), (0, 5));
}
