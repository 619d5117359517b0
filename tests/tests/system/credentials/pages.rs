//! Pages of users, fetched by others.
#![expect(
    clippy::unwrap_used,
    reason = "handlers and helpers of tests are tests, too"
)]

use actix_web::get;
use actix_web::web::ServiceConfig;
use cached_response::cached_response;
use std::net::SocketAddr;
use tests::raw::{self, Request as Sent};
use tests::server::Server;

use super::User;

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

/// Path suffixes by which caches in front have been made to take a private page for a public file.
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

/// No page of a logged-in user is fetched without credentials, however its path is spelled.
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
