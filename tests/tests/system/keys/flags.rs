//! Queries that refuse, or read, a pair named like the flag of a live answer.

use std::collections::HashMap;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::test::init_service;
use actix_web::web::{self, QueryConfig, ServiceConfig};
use actix_web::{App, Either, Error, FromRequest, HttpRequest, HttpResponse, error, get};
use cached_response::testing::isolated;
use cached_response::{CacheHandle, KeyCovered, Lazy, Policy, cached, cached_response};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::ask::{get as ask_for, run};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    #[serde(default)]
    page: u32,
}

mod imported {
    use actix_web::{get, web::Query};
    use cached_response::cached_response;

    use super::{Page, run};

    #[get("/lazy")]
    #[cached_response(timeout = 60)]
    pub(super) async fn lazy(query: Query<Page>) -> String {
        format!("{} {}", run(), query.page)
    }
}

#[get("/keyed")]
#[cached_response(
    timeout = 60,
    key(query.page),
    unless = query.page == 99,
    tags(format!("page:{}", query.page))
)]
async fn keyed(mut query: web::Query<Page>) -> String {
    query.page += 10;
    format!("{} {}", run(), query.page - 10)
}

#[get("/taken-apart")]
#[cached_response(timeout = 60, key(page))]
async fn taken_apart(web::Query(Page { page }): web::Query<Page>) -> String {
    format!("{} {page}", run())
}

#[get("/eager")]
#[cached_response(timeout = 60, unless = first.page == 99)]
async fn eager(first: web::Query<Page>, second: web::Query<Page>) -> String {
    assert_eq!(first.page, second.page);
    format!("{} {}", run(), first.page)
}

#[get("/unkeyed")]
#[cached_response(timeout = 60, unkeyed(query))]
async fn unkeyed(query: web::Query<Page>) -> String {
    format!("{} {}", run(), query.page)
}

#[get("/gated")]
#[cached_response(timeout = 60)]
async fn gated(page: web::Query<Page>, _: web::Query<Page>) -> String {
    format!("{} {}", run(), page.page)
}

#[cached_response(timeout = 60)]
async fn generic<T: DeserializeOwned + Into<u32> + 'static>(query: web::Query<T>) -> String {
    format!("{} {}", run(), query.into_inner().into())
}

struct Pages<T>(T);

impl<T: DeserializeOwned + Into<u32> + 'static> Pages<T> {
    #[cached_response(timeout = 60, key(number(&query)))]
    async fn page(query: web::Query<T>) -> String {
        format!("{} {}", run(), query.into_inner().into())
    }
}

fn number<T>(_: &web::Query<T>) -> u32 {
    0
}

impl From<Page> for u32 {
    fn from(page: Page) -> Self {
        page.page
    }
}

#[get("/optional")]
#[cached_response(timeout = 60)]
async fn optional(query: Option<web::Query<Page>>) -> String {
    text(query.map(|query| query.page))
}

#[get("/shown")]
#[cached_response(timeout = 60)]
async fn shown(query: Result<web::Query<Page>, Error>) -> String {
    match query {
        Ok(query) => text(Some(query.page)),
        Err(error) => format!("{} {error}", run()),
    }
}

#[get("/keyed-optional")]
#[cached_response(timeout = 60, key(query.as_ref().map(|query| query.page)))]
async fn keyed_optional(query: Option<web::Query<Page>>) -> String {
    text(query.map(|query| query.page))
}

fn text(page: Option<u32>) -> String {
    format!(
        "{} {}",
        run(),
        page.map_or_else(String::new, |page| page.to_string())
    )
}

async fn wrapped(query: web::Query<Page>) -> String {
    text(Some(query.page))
}

type Told = (web::Data<u8>, Option<web::Path<u8>>, web::Query<Page>);

async fn wrapped_beside_others(
    (_, _, query): Told,
    _: Method,
    _handle: CacheHandle,
    _lazy: Lazy<web::Path<()>>,
) -> String {
    text(Some(query.page))
}

async fn wrapped_optional(query: Option<web::Query<Page>>) -> String {
    text(query.map(|query| query.page))
}

async fn wrapped_shown(query: Result<web::Query<Page>, Error>) -> String {
    match query {
        Ok(query) => text(Some(query.page)),
        Err(error) => format!("{} {error}", run()),
    }
}

async fn wrapped_either(query: Either<web::Path<(u8, u8)>, web::Query<Page>>) -> String {
    text(match query {
        Either::Left(_) => None,
        Either::Right(query) => Some(query.page),
    })
}

/// Handlers that are shown a query, if it can be read.
fn optionally_strict(app: &mut ServiceConfig) {
    let policy = Policy::new(60);
    app.service((optional, shown, keyed_optional))
        .route(
            "/wrapped-optional",
            web::get().to(cached(policy.clone(), wrapped_optional)),
        )
        .route(
            "/wrapped-shown",
            web::get().to(cached(policy.clone(), wrapped_shown)),
        )
        .route(
            "/wrapped-either",
            web::get().to(cached(policy, wrapped_either)),
        );
}

const OPTIONALLY_STRICT: [&str; 6] = [
    "/optional",
    "/shown",
    "/keyed-optional",
    "/wrapped-optional",
    "/wrapped-shown",
    "/wrapped-either",
];

fn strict(app: &mut ServiceConfig) {
    let policy = Policy::new(60);
    app.app_data(web::Data::new(7_u8))
        .route("/wrapped", web::get().to(cached(policy.clone(), wrapped)))
        .route(
            "/wrapped-beside-others",
            web::get().to(cached(policy, wrapped_beside_others)),
        );
    app.service(imported::lazy)
        .service(keyed)
        .service(taken_apart)
        .service(eager)
        .service(unkeyed)
        .service(gated)
        .route("/generic", web::get().to(generic::<Page>))
        .route("/method", web::get().to(Pages::<Page>::page));
}

const STRICT: [&str; 10] = [
    "/wrapped",
    "/wrapped-beside-others",
    "/lazy",
    "/keyed",
    "/taken-apart",
    "/eager",
    "/unkeyed",
    "/gated",
    "/generic",
    "/method",
];

#[actix_web::test]
async fn a_live_request_is_not_refused_by_a_query_that_denies_unknown_fields() {
    let _cache = isolated();
    let app = App::new().configure(strict).configure(optionally_strict);
    let app = init_service(app).await;
    for path in STRICT.into_iter().chain(OPTIONALLY_STRICT) {
        for query in ["?page=2&nocache=1", "?nocache=1&page=2"] {
            let target = format!("{path}?page=2");
            ask_for(&app, &target).await;
            let stored = ask_for(&app, &target).await;
            assert!(stored.is_hit(), "{target}");
            let live = ask_for(&app, &format!("{path}{query}")).await;
            assert_eq!(live.status, 200, "{path}{query}: {}", live.body);
            assert!(live.body.ends_with(" 2"), "{path}{query}: {}", live.body);
            assert_ne!(live.body, stored.body, "{path}{query}");
            let next = ask_for(&app, &target).await;
            assert!(next.is_hit(), "{target}");
            assert_eq!(next.body, live.body, "{target}");
        }
    }
}

#[actix_web::test]
async fn a_live_request_with_a_query_that_is_wrong_has_the_error_of_the_application() {
    let _cache = isolated();
    let teapot = QueryConfig::default().error_handler(|error, _| {
        let response = HttpResponse::ImATeapot().body("no such page");
        error::InternalError::from_response(error, response).into()
    });
    let app = init_service(App::new().app_data(teapot).configure(strict)).await;
    for path in STRICT {
        for query in ["?junk=1", "?page=x&nocache=1", "?nocache=1&page=1&junk=1"] {
            let refused = ask_for(&app, &format!("{path}{query}")).await;
            assert_eq!(refused.status, 418, "{path}{query}");
            assert_eq!(refused.body, "no such page");
        }
    }
}

#[actix_web::test]
async fn an_error_that_speaks_of_the_flag_is_not_stored_without_it() {
    let _cache = isolated();
    let app = init_service(App::new().configure(optionally_strict)).await;
    for path in ["/shown", "/wrapped-shown"] {
        let live = ask_for(&app, &format!("{path}?nocache=1&page=x")).await;
        assert!(live.body.contains("nocache"), "{path}: {}", live.body);
        assert_eq!(live.detail().as_deref(), Some("error"), "{path}");
        let plain = ask_for(&app, &format!("{path}?page=x")).await;
        assert!(
            !plain.is_hit() && !plain.body.contains("nocache"),
            "{path}: {}",
            plain.body
        );
        let stored = ask_for(&app, &format!("{path}?page=x")).await;
        assert_eq!(
            (stored.is_hit(), &stored.body),
            (true, &plain.body),
            "{path}"
        );
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {
    #[serde(alias = "fresh")]
    nocache: Option<u8>,
}

#[get("/own")]
#[cached_response(timeout = 60)]
async fn own(query: web::Query<Own>) -> String {
    format!("{} {:?}", run(), query.nocache)
}

#[get("/own-alias")]
#[cached_response(timeout = 60, nocache = "fresh")]
async fn own_alias(query: web::Query<Own>) -> String {
    format!("{} {:?}", run(), query.nocache)
}

#[actix_web::test]
async fn a_query_with_a_field_named_like_the_flag_is_shown_it() {
    let _cache = isolated();
    let app = init_service(App::new().service(own).service(own_alias)).await;
    for (path, flag) in [("/own", "nocache"), ("/own-alias", "fresh")] {
        let stored = ask_for(&app, path).await.body;
        let live = ask_for(&app, &format!("{path}?{flag}=1")).await;
        assert!(live.body.ends_with("Some(1)"), "{}", live.body);
        assert_eq!(live.detail().as_deref(), Some("nocache"));
        assert_eq!(ask_for(&app, path).await.body, stored);
    }
}

#[get("/fresh")]
#[cached_response(timeout = 60, nocache = "fresh")]
async fn fresh(_query: web::Query<Page>, page: web::Query<Page>) -> String {
    format!("{} {}", run(), page.page)
}

#[get("/off")]
#[cached_response(timeout = 60, nocache = off)]
async fn off(page: web::Query<Page>) -> String {
    format!("{} {}", run(), page.page)
}

#[actix_web::test]
async fn only_the_flag_of_the_route_is_hidden_from_its_query() {
    let _cache = isolated();
    let named = cached(Policy::new(60).nocache("fresh"), wrapped);
    let without = cached(Policy::new(60).nocache_off(), wrapped);
    let app = App::new()
        .service(fresh)
        .service(off)
        .route("/wrapped", web::get().to(named))
        .route("/wrapped-off", web::get().to(without));
    let app = init_service(app).await;
    for path in ["/fresh", "/wrapped"] {
        let stored = ask_for(&app, path).await.body;
        let live = ask_for(&app, &format!("{path}?fresh=1")).await;
        assert_eq!(live.status, 200, "{path}");
        assert_ne!(live.body, stored, "{path}");
        assert_eq!(ask_for(&app, path).await.body, live.body, "{path}");
    }
    for refused in [
        "/wrapped-off?nocache=1",
        "/fresh?nocache=1",
        "/fresh?fresh=2",
        "/fresh?fresh",
        "/off?nocache=1",
        "/wrapped?nocache=1",
    ] {
        assert_eq!(ask_for(&app, refused).await.status, 400, "{refused}");
    }
}

#[derive(Debug, Deserialize, PartialEq, Eq, Hash)]
#[serde(rename_all = "lowercase")]
enum Name {
    Page,
}

#[get("/names")]
#[cached_response(timeout = 60)]
async fn names(query: web::Query<HashMap<Name, u32>>) -> String {
    format!("{} {:?}", run(), query.0.get(&Name::Page))
}

#[get("/map")]
#[cached_response(timeout = 60)]
async fn map(query: web::Query<HashMap<String, String>>) -> String {
    format!("{} {:?}", run(), query.get("nocache"))
}

#[actix_web::test]
async fn a_query_that_may_read_any_name_is_answered_live_and_replaces_nothing() {
    let _cache = isolated();
    let app = init_service(App::new().service(names).service(map)).await;
    for (path, seen) in [("/names", "Some(3)"), ("/map", "Some(\"1\")")] {
        let target = format!("{path}?page=3");
        let stored = ask_for(&app, &target).await.body;
        let live = ask_for(&app, &format!("{target}&nocache=1")).await;
        assert_eq!(live.status, 200, "{path}: {}", live.body);
        assert!(live.body.ends_with(seen), "{path}: {}", live.body);
        assert_eq!(live.detail().as_deref(), Some("nocache"));
        assert_eq!(ask_for(&app, &target).await.body, stored);
    }
}

/// Types of an application's own that are called as actix-web's is.
mod theirs {
    use super::{Error, FromRequest, HttpRequest, KeyCovered, Payload, Ready, ready};

    pub(super) struct Query<T>(pub(super) String, pub(super) T);

    impl<W> KeyCovered<W> for Query<()> {}

    impl<T: Default> FromRequest for Query<T> {
        type Error = Error;
        type Future = Ready<Result<Self, Error>>;

        fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
            ready(Ok(Self(request.query_string().to_owned(), T::default())))
        }
    }
}

#[get("/covered")]
#[cached_response(timeout = 60)]
async fn covered(query: theirs::Query<()>) -> String {
    format!("{} {}", run(), query.0)
}

#[get("/spoken-of")]
#[cached_response(timeout = 60, key(query.0))]
async fn spoken_of(query: theirs::Query<u32>) -> String {
    format!("{} {} {}", run(), query.0, query.1)
}

#[actix_web::test]
async fn a_type_of_the_applications_own_that_is_called_a_query_is_extracted_as_it_is() {
    let _cache = isolated();
    let app = init_service(App::new().service(covered).service(spoken_of)).await;
    for (path, body) in [("/covered", "1 nocache=1"), ("/spoken-of", "2 nocache=1 0")] {
        let live = ask_for(&app, &format!("{path}?nocache=1")).await;
        assert_eq!(live.body, body);
        assert_eq!(live.detail().as_deref(), Some("nocache"));
    }
}
