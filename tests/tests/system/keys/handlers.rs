//! Handlers that share a path, and patterns that share a handler.

use actix_web::test::init_service;
use actix_web::{App, guard, web};
use cached_response::testing::isolated;
use cached_response::{Policy, cached, cached_response};
use serde::Deserialize;

use crate::ask::{get as ask_for, get_with};

#[cached_response]
async fn by_names(place: web::Path<Place>) -> String {
    format!("from {} to {}", place.from, place.to)
}

#[derive(Deserialize)]
struct Place {
    from: String,
    to: String,
}

#[actix_web::test]
async fn one_handler_under_two_patterns_sees_its_own_names() {
    let _cache = isolated();
    let there = web::resource("/{from}/{to}").guard(guard::Header("x-way", "there"));
    let app = App::new()
        .service(there.to(by_names))
        .service(web::resource("/{to}/{from}").to(by_names));
    let app = init_service(app).await;
    let there = get_with(&app, "/a/b", ("x-way", "there")).await;
    let back = ask_for(&app, "/a/b").await;
    assert_eq!(
        (there.body.as_str(), back.body.as_str()),
        ("from a to b", "from b to a")
    );
}

struct Cats;
struct Dogs;

impl Cats {
    #[cached_response]
    async fn list() -> &'static str {
        "cats"
    }
}

impl Dogs {
    #[cached_response]
    async fn list() -> &'static str {
        "dogs"
    }
}

trait Kind: 'static {
    const NAME: &'static str;
}

impl Kind for Cats {
    const NAME: &'static str = "cats";
}

impl Kind for Dogs {
    const NAME: &'static str = "dogs";
}

#[cached_response]
async fn generic<K: Kind>() -> &'static str {
    K::NAME
}

#[cached_response]
async fn numbered<const N: usize>() -> String {
    N.to_string()
}

#[actix_web::test]
async fn handlers_that_share_a_path_do_not_share_responses() {
    let cache = isolated();
    let is = |kind: &'static str| guard::Header("x-kind", kind);
    let wrapped = || Policy::default();
    let app = App::new()
        .route("/", web::get().guard(is("cats")).to(Cats::list))
        .route("/", web::get().guard(is("dogs")).to(Dogs::list))
        .route(
            "/",
            web::get().guard(is("generic cats")).to(generic::<Cats>),
        )
        .route(
            "/",
            web::get().guard(is("generic dogs")).to(generic::<Dogs>),
        )
        .route("/", web::get().guard(is("1")).to(numbered::<1>))
        .route("/", web::get().guard(is("2")).to(numbered::<2>))
        .route(
            "/",
            web::get()
                .guard(is("x"))
                .to(cached(wrapped(), || async { "x" })),
        )
        .route(
            "/",
            web::get()
                .guard(is("y"))
                .to(cached(wrapped(), || async { "y" })),
        );
    let app = init_service(app).await;
    for round in 0..2 {
        for (kind, body) in [
            ("cats", "cats"),
            ("dogs", "dogs"),
            ("generic cats", "cats"),
            ("generic dogs", "dogs"),
            ("1", "1"),
            ("2", "2"),
            ("x", "x"),
            ("y", "y"),
        ] {
            let answer = get_with(&app, "/", ("x-kind", kind)).await;
            assert_eq!(
                (answer.body.as_str(), answer.is_hit()),
                (body, round == 1),
                "{kind}"
            );
        }
    }
    assert_eq!(cache.cache().stats().entries, 8);
}
