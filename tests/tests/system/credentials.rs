//! Who asks: cookies, `Authorization`, users.
#![expect(
    clippy::unwrap_used,
    reason = "handlers and helpers of tests are tests, too"
)]

use actix_web::dev::Payload;
use actix_web::error::ErrorUnauthorized;
use actix_web::test::{TestRequest, init_service};
use actix_web::web::{self, ServiceConfig};
use actix_web::{App, Error, FromRequest, HttpRequest, HttpResponse, Responder, get};
use cached_response::{Gate, Policy, Request, Skip, cached, cached_response, testing::isolated};
use std::future::{Ready, ready};
use std::net::SocketAddr;
use tests::raw::{self, Request as Sent};
use tests::server::Server;

use crate::ask::{ask, get as ask_for, get_with, run};

/// A user by the token in `Authorization`, or by the session cookie.
#[derive(Debug)]
struct User {
    id: String,
}

impl FromRequest for User {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let token = request.headers().get("authorization");
        let token = token.and_then(|token| token.to_str().ok()?.strip_prefix("Bearer "));
        let id = match token {
            Some(token) => Some(token.to_owned()),
            None => request
                .cookie("session")
                .map(|cookie| cookie.value().to_owned()),
        };
        ready(
            id.map(|id| Self { id })
                .ok_or_else(|| ErrorUnauthorized("who are you?")),
        )
    }
}

#[get("/profile/{tail:.*}")]
#[cached_response(key(user.id))]
async fn profile(user: User) -> String {
    format!("private page of {}", user.id)
}

#[get("/maybe/{tail:.*}")]
#[cached_response(key(user.as_ref().map(|user| &user.id)))]
async fn maybe(user: Option<User>) -> String {
    match user {
        Some(user) => format!("private page of {}", user.id),
        None => "public page".to_owned(),
    }
}

fn profiles(app: &mut ServiceConfig) {
    app.service(profile).service(maybe);
}

/// What caches in front have been talked into taking for public files.
const TAILS: [&str; 31] = [
    "",
    "x.css",
    "x.js",
    "a/x.png",
    "/",
    "//",
    "//x.css",
    ";x",
    ";x.css",
    "x;.css",
    "%2e%2e",
    "%2e%2e/x.css",
    "..%2fx.css",
    "../x.css",
    "./x.css",
    "%00.css",
    "%0a.css",
    "x.css%3F",
    "%23x.css",
    "x.css?",
    "x.css?a",
    "x.css?nocache=1",
    "?x.css",
    "\\x.css",
    "%5cx.css",
    "~",
    "a%2Fb.css",
    "%2E%2E%2Fadmin",
    "x.css/",
    "x.css//",
    "X.CSS",
];

/// Bar row 11.
#[test]
fn no_page_of_a_user_can_be_fetched_without_credentials() {
    let server = Server::start(1, profiles).unwrap();
    for tail in TAILS {
        for place in ["profile", "maybe"] {
            let target = format!("/{place}/{tail}");
            as_users(server.address(), &target);
            as_nobody(server.address(), &target, place == "maybe");
        }
    }
}

fn as_users(server: SocketAddr, target: &str) {
    for user in ["alice", "bob"] {
        let bearer = Sent::get(target).header("Authorization", format!("Bearer {user}"));
        let cookie = Sent::get(target).header("Cookie", format!("session={user}"));
        for request in [bearer, cookie] {
            let text = raw::fetch(server, &request).unwrap().text();
            assert!(text.ends_with(&format!("of {user}")), "{target}: {text}");
        }
    }
}

fn as_nobody(server: SocketAddr, target: &str, may_enter: bool) {
    for nobody in [
        Sent::get(target),
        Sent::get(target).header("Cookie", "_ga=1"),
        Sent::get(target).header("If-None-Match", "*"),
        Sent::get(target).header("Range", "bytes=0-"),
        Sent::head(target),
    ] {
        let response = raw::fetch(server, &nobody).unwrap();
        let text = response.text();
        assert!(!text.contains("private"), "{target}: {text}");
        assert!(
            may_enter || matches!(response.status(), 401 | 404),
            "{target}"
        );
    }
}

#[get("/plain")]
#[cached_response]
async fn plain() -> String {
    run().to_string()
}

#[get("/seeing")]
#[cached_response(vary(none))]
async fn seeing(_request: HttpRequest) -> String {
    run().to_string()
}

const TOKEN: (&str, &str) = ("authorization", "Bearer alice");

/// Bar row 16.
#[actix_web::test]
async fn a_request_with_authorization_is_neither_answered_from_the_store_nor_stored() {
    for target in ["/plain", "/seeing"] {
        let cache = isolated();
        let app = init_service(App::new().service(plain).service(seeing)).await;
        let before = get_with(&app, target, TOKEN).await;
        assert_eq!(before.detail().unwrap(), "authorization");
        assert_eq!(cache.cache().stats().entries, 0);
        let anonymous = ask_for(&app, target).await;
        assert!(!anonymous.is_hit());
        let after = get_with(&app, target, TOKEN).await;
        assert!(!after.is_hit() && after.body != anonymous.body);
        assert_eq!(ask_for(&app, target).await.body, anonymous.body);
        let stats = cache.cache().stats();
        assert_eq!((stats.stored, stats.skipped(Skip::Authorization)), (1, 2));
    }
}

#[get("/varied")]
#[cached_response(vary("authorization"))]
async fn varied(_request: HttpRequest) -> String {
    run().to_string()
}

/// Bar row 16.
#[actix_web::test]
async fn a_route_that_varies_by_authorization_has_a_response_for_each() {
    let _cache = isolated();
    let app = init_service(App::new().service(varied)).await;
    assert_eq!(ask_for(&app, "/varied").await.body, "1");
    let first = get_with(&app, "/varied", TOKEN).await;
    assert_eq!(first.body, "2");
    assert_eq!(first.header("vary").unwrap(), "authorization");
    let bob = ("authorization", "Bearer bob");
    assert_eq!(get_with(&app, "/varied", bob).await.body, "3");
    assert_eq!(get_with(&app, "/varied", TOKEN).await.body, "2");
    assert_eq!(ask_for(&app, "/varied").await.body, "1");
}

#[get("/read")]
#[cached_response]
async fn read(request: Request) -> String {
    format!("{} {:?}", run(), request.header("authorization"))
}

/// Bar row 16.
#[actix_web::test]
async fn reading_authorization_does_not_make_it_storable() {
    let cache = isolated();
    let app = init_service(App::new().service(read)).await;
    assert_eq!(
        get_with(&app, "/read", TOKEN).await.body,
        "1 Some(\"Bearer alice\")"
    );
    assert_eq!(
        get_with(&app, "/read", TOKEN).await.body,
        "2 Some(\"Bearer alice\")"
    );
    assert_eq!(ask_for(&app, "/read").await.body, "3 None");
    assert_eq!(
        get_with(&app, "/read", TOKEN).await.body,
        "4 Some(\"Bearer alice\")"
    );
    assert_eq!(ask_for(&app, "/read").await.body, "3 None");
    assert_eq!(cache.cache().stats().stored, 1);
}

#[get("/mine")]
#[cached_response(key(user.id))]
async fn mine(user: User) -> String {
    format!("{} {}", run(), user.id)
}

/// Bar row 16.
#[actix_web::test]
async fn a_route_that_keys_its_user_stores_with_authorization() {
    let _cache = isolated();
    let app = init_service(App::new().service(mine)).await;
    for _ in 0..2 {
        assert_eq!(get_with(&app, "/mine", TOKEN).await.body, "1 alice");
    }
    let cookie = ("cookie", "session=alice");
    assert_eq!(get_with(&app, "/mine", cookie).await.body, "1 alice");
    assert_eq!(ask_for(&app, "/mine").await.status, 401);
}

#[get("/says/{what}")]
#[cached_response]
async fn says(what: web::Path<String>) -> impl Responder {
    HttpResponse::Ok()
        .insert_header(("cache-control", what.replace('_', "=")))
        .body(run().to_string())
}

/// Bar row 16.
#[actix_web::test]
async fn a_response_that_allows_it_is_shared_with_authorization() {
    let _cache = isolated();
    let app = init_service(App::new().service(says)).await;
    for (what, open) in [
        ("public", true),
        ("s-maxage_60", true),
        ("must-revalidate", true),
        ("max-age_60", false),
        ("public_no", false),
        ("public, private", false),
        ("proxy-revalidate", false),
    ] {
        let target = format!("/says/{}", what.replace(", ", ",%20"));
        let first = get_with(&app, &target, TOKEN).await;
        assert_eq!(ask_for(&app, &target).await.is_hit(), open, "{what}");
        let again = get_with(&app, &target, TOKEN).await;
        assert_eq!(
            (again.is_hit(), again.body == first.body),
            (open, open),
            "{what}"
        );
    }
}

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
async fn one_cookie(request: Request) -> String {
    let session = request.cookie("session");
    format!("{} {:?}", run(), session.map(|it| it.value().to_owned()))
}

/// Bar row 17.
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

#[get("/gated")]
#[cached_response(gate(user))]
async fn gated(user: User) -> String {
    let _ = user;
    run().to_string()
}

#[get("/underscored")]
#[cached_response]
async fn underscored(_user: User) -> String {
    run().to_string()
}

#[actix_web::test]
async fn a_gate_is_asked_before_every_answer_hits_included() {
    let gated_closure = cached(Policy::new(60), |_: Gate<User>| async { run().to_string() });
    let app = App::new()
        .service(gated)
        .service(underscored)
        .route("/closure", web::get().to(gated_closure));
    let app = init_service(app).await;
    for target in ["/gated", "/underscored", "/closure"] {
        let cache = isolated();
        let first = get_with(&app, target, TOKEN).await;
        let bob = get_with(&app, target, ("cookie", "session=bob")).await;
        assert!(bob.is_hit() && bob.body == first.body, "{target}");
        let nobody = ask_for(&app, target).await;
        assert_eq!((nobody.status, nobody.body.as_str()), (401, "who are you?"));
        assert_eq!(cache.cache().stats().entries, 1, "{target}");
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

/// Bar row 18.
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
