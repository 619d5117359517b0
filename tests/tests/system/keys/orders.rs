//! The order of a query's pairs, where it can be seen and where it cannot.

use std::collections::HashMap;
use std::fmt::Write as _;

use actix_web::error::QueryPayloadError;
use actix_web::http::Uri;
use actix_web::test::init_service;
use actix_web::web::{self, Query, ServiceConfig};
use actix_web::{App, Either, HttpRequest, get};
use cached_response::testing::isolated;
use cached_response::{CacheResponses, Policy, cached, cached_response};
use serde::Deserialize;

use crate::ask::{get as ask_for, run};

#[get("/order/uri")]
#[cached_response]
async fn whole_target(uri: Uri) -> String {
    uri.query().unwrap_or_default().to_owned()
}

#[get("/order/request")]
#[cached_response(vary(none))]
async fn whole(request: HttpRequest) -> String {
    request.query_string().to_owned()
}

#[get("/order/list")]
#[cached_response]
async fn list(pairs: Query<Vec<(String, String)>>) -> String {
    said(&pairs)
}

fn said(pairs: &[(String, String)]) -> String {
    pairs.iter().fold(String::new(), |mut said, (name, value)| {
        write!(said, "{name}={value}&").unwrap();
        said
    })
}

#[get("/order/either")]
#[cached_response(ignore_query("utm_*"))]
async fn either(query: Either<Query<Vec<(String, String)>>, Query<Pair>>) -> String {
    match query {
        Either::Left(pairs) => said(&pairs),
        Either::Right(pair) => pair.a.to_string(),
    }
}

/// Its fields may come in any order.
#[derive(Deserialize)]
struct Pair {
    #[serde(default)]
    a: u32,
    #[serde(default)]
    b: u32,
}

/// An error speaks of the first pair that is wrong.
#[get("/order/error")]
#[cached_response]
async fn shows_errors(pair: Result<Query<Pair>, actix_web::Error>) -> String {
    match pair {
        Ok(pair) => format!("{} {}", pair.a, pair.b),
        Err(error) => error.as_error::<QueryPayloadError>().unwrap().to_string(),
    }
}

fn seeing(app: &mut ServiceConfig) {
    let wrapped = |pairs: Query<Vec<(String, String)>>| async move { said(&pairs) };
    let inside = |request: HttpRequest| async move { request.query_string().to_owned() };
    app.service((whole_target, whole, list, either))
        .route(
            "/order/cached",
            web::get().to(cached(Policy::new(60), wrapped)),
        )
        .service(
            web::resource("/order/inside")
                .wrap(CacheResponses::new(Policy::new(60)))
                .route(web::get().to(inside)),
        );
}

#[actix_web::test]
async fn a_page_in_one_order_does_not_answer_for_another_where_the_order_can_be_seen() {
    let _cache = isolated();
    let app = init_service(App::new().configure(seeing)).await;
    for name in ["uri", "request", "list", "either", "cached", "inside"] {
        let ask = async |query| ask_for(&app, &format!("/order/{name}?{query}")).await;
        let (one, other) = (ask("b=1&a=2").await, ask("a=2&b=1").await);
        assert!(one.body.starts_with("b=1&a=2"), "{name}: {}", one.body);
        assert!(other.body.starts_with("a=2&b=1"), "{name}: {}", other.body);
        for (query, body) in [("b=1&a=2", &one.body), ("a=2&b=1", &other.body)] {
            let again = ask(query).await;
            assert!(again.is_hit(), "{name}");
            assert_eq!(again.body, *body, "{name}");
        }
    }
}

#[actix_web::test]
async fn an_error_names_the_first_wrong_pair_of_its_own_order() {
    let _cache = isolated();
    let app = init_service(App::new().service(shows_errors)).await;
    let ask = async |query| ask_for(&app, &format!("/order/error?{query}")).await.body;
    let (one, other) = (ask("a=&b=x").await, ask("b=x&a=").await);
    assert_ne!(one, other, "the test shows nothing if they are alike");
    assert_eq!(ask("a=&b=x&junk=1").await, one);
    assert_eq!(ask("b=x&junk=1&a=").await, other);
}

#[get("/fields")]
#[cached_response]
async fn fields(pair: Query<Pair>) -> String {
    format!("{} {} {}", run(), pair.a, pair.b)
}

#[get("/last")]
#[cached_response]
async fn last(pairs: Query<HashMap<String, String>>) -> String {
    format!("{:?}", pairs.get("a"))
}

#[get("/all")]
#[cached_response(vary(none), query = all)]
async fn all(request: HttpRequest) -> String {
    format!("{} {}", run(), request.path())
}

#[actix_web::test]
async fn fields_by_name_may_be_in_any_order() {
    let _cache = isolated();
    let app = init_service(App::new().service(fields).service(all)).await;
    for target in ["/fields", "/all"] {
        let one = ask_for(&app, &format!("{target}?a=1&b=2")).await;
        let other = ask_for(&app, &format!("{target}?b=2&a=1")).await;
        assert!(other.is_hit(), "{target}");
        assert_eq!(one.body, other.body, "{target}");
    }
}

#[actix_web::test]
async fn the_last_of_one_name_is_not_the_first() {
    let _cache = isolated();
    let app = init_service(App::new().service(last)).await;
    for (target, body) in [
        ("/last?a=1&a=2", "Some(\"2\")"),
        ("/last?a=2&a=1", "Some(\"1\")"),
    ] {
        assert_eq!(ask_for(&app, target).await.body, body, "{target}");
    }
}

#[actix_web::test]
async fn behind_the_middleware_the_order_matters_unless_the_policy_sorts() {
    for (policy, hit) in [
        (Policy::new(60), false),
        (Policy::new(60).query_exact(), false),
        (Policy::new(60).query_all(), true),
    ] {
        let _cache = isolated();
        let app = App::new()
            .wrap(CacheResponses::new(policy))
            .default_service(web::to(async || run().to_string()));
        let app = init_service(app).await;
        ask_for(&app, "/?a=2&b=1").await;
        assert_eq!(ask_for(&app, "/?b=1&a=2").await.is_hit(), hit);
    }
}
