//! Extraction errors, which an error handler of the application may create from the whole request.

use actix_web::error::InternalError;
use actix_web::http::{Method, StatusCode};
use actix_web::test::{TestRequest, init_service};
use actix_web::web::{
    self, Form, FormConfig, Json, JsonConfig, Path, PathConfig, Query, QueryConfig, ServiceConfig,
};
use actix_web::{App, Either, Error, HttpRequest, get, post};
use cached_response::testing::isolated;
use cached_response::{CacheResponses, Lazy, Policy, cached, cached_response};
use serde::Deserialize;

use crate::ask::{Answer, ask, run};

#[derive(Debug, Deserialize)]
struct Page {
    page: u32,
}

type Alias<T> = Result<T, Error>;

fn text<T>(extracted_page: &Alias<T>, page: impl Fn(&T) -> u32) -> String {
    let run = run();
    match extracted_page {
        Ok(extracted_page) => format!("run {run}: page {}", page(extracted_page)),
        Err(error) => format!("run {run}: {error}"),
    }
}

#[get("/refused")]
#[cached_response(timeout = 60, status(400))]
async fn refused(page: Query<Page>) -> String {
    page.page.to_string()
}

#[get("/refused-first")]
#[cached_response(timeout = 60, status(400), key(page.page))]
async fn refused_first(page: Query<Page>) -> String {
    page.page.to_string()
}

#[get("/shown")]
#[cached_response(timeout = 60)]
async fn shown(page: Result<Query<Page>, Error>) -> String {
    text(&page, |page| page.page)
}

#[get("/named")]
#[cached_response(timeout = 60, query = typed)]
async fn named(page: Alias<Query<Page>>) -> String {
    text(&page, |page| page.page)
}

#[get("/keyed")]
#[cached_response(timeout = 60, key(page.as_ref().ok().map(|page| page.page)))]
async fn keyed(page: Result<Query<Page>, Error>) -> String {
    text(&page, |page| page.page)
}

#[get("/tuple")]
#[cached_response(timeout = 60)]
async fn in_a_tuple(parts: (web::Data<u8>, Option<Result<Query<Page>, Error>>)) -> String {
    text(&parts.1.unwrap(), |page| page.page)
}

#[get("/varied")]
#[cached_response(timeout = 60, vary(none))]
async fn varied(
    parts: (
        Option<web::Header<actix_web::http::header::Accept>>,
        Result<Query<Page>, Error>,
    ),
) -> String {
    text(&parts.1, |page| page.page)
}

#[get("/either/{first}/{second}")]
#[cached_response(timeout = 60)]
async fn of_either(page: Result<Either<Path<(u8, u8)>, Query<Page>>, Error>) -> String {
    text(&page, |page| match page {
        Either::Left(_) => 0,
        Either::Right(page) => page.page,
    })
}

#[get("/path/{page}")]
#[cached_response(timeout = 60)]
async fn of_a_path(page: Result<Path<u32>, Error>) -> String {
    text(&page, |page| **page)
}

#[post("/json")]
#[cached_response(timeout = 60, methods(POST), body)]
async fn of_json(page: Result<Json<Page>, Error>) -> String {
    text(&page, |page| page.page)
}

#[post("/form")]
#[cached_response(timeout = 60, methods(POST), key(page.as_ref().ok().map(|page| page.page)))]
async fn of_a_form(page: Result<Form<Page>, Error>) -> String {
    text(&page, |page| page.page)
}

async fn wrapped(page: Query<Page>) -> String {
    page.page.to_string()
}

async fn wrapped_shown(page: Result<Query<Page>, Error>) -> String {
    text(&page, |page| page.page)
}

async fn extracted(page: Lazy<Query<Page>>) -> String {
    text(&page.extract().await, |page| page.page)
}

async fn extracted_or_refused(page: Lazy<Query<Page>>) -> Result<String, Error> {
    Ok(page.extract().await?.page.to_string())
}

fn routes(app: &mut ServiceConfig) {
    let policy = || Policy::new(60).status(400);
    let behind = web::scope("/behind")
        .wrap(CacheResponses::new(policy()))
        .route("/refused", web::get().to(wrapped))
        .route("/shown", web::get().to(wrapped_shown));
    app.app_data(web::Data::new(0_u8))
        .service((refused, refused_first, shown, named, keyed, in_a_tuple))
        .service((varied, of_either, of_a_path, of_json, of_a_form, behind))
        .route("/cached/refused", web::get().to(cached(policy(), wrapped)))
        .route(
            "/cached/shown",
            web::get().to(cached(policy(), wrapped_shown)),
        )
        .route("/cached/lazy", web::get().to(cached(policy(), extracted)))
        .route(
            "/cached/lazily-refused",
            web::get().to(cached(policy(), extracted_or_refused)),
        );
}

/// Responses of the handlers to each error.
const REFUSING: [&str; 5] = [
    "/refused?page=x",
    "/refused-first?page=x",
    "/cached/refused?page=x",
    "/cached/lazily-refused?page=x",
    "/behind/refused?page=x",
];

/// Handlers that receive the error: with an invalid request, and with a valid one.
const SHOWING: [(&str, &str); 11] = [
    ("/shown?page=x", "/shown?page=1"),
    ("/named?page=x", "/named?page=1"),
    ("/keyed?page=x", "/keyed?page=1"),
    ("/tuple?page=x", "/tuple?page=1"),
    ("/varied?page=x", "/varied?page=1"),
    ("/either/x/y?page=x", "/either/1/2?page=1"),
    ("/path/x", "/path/1"),
    ("/cached/shown?page=x", "/cached/shown?page=1"),
    ("/cached/lazy?page=x", "/cached/lazy?page=1"),
    ("/json", "page=x"),
    ("/form", "page=x"),
];

/// Names the user of the request, as the error page of an application may.
fn personal(request: &HttpRequest) -> Error {
    let name = request
        .cookie("name")
        .map_or_else(|| "nobody".to_owned(), |cookie| cookie.value().to_owned());
    InternalError::new(format!("sorry, {name}"), StatusCode::BAD_REQUEST).into()
}

fn error_handlers(app: &mut ServiceConfig) {
    app.app_data(QueryConfig::default().error_handler(|_, request| personal(request)))
        .app_data(web::Data::new(
            PathConfig::default().error_handler(|_, request| personal(request)),
        ))
        .app_data(JsonConfig::default().error_handler(|_, request| personal(request)))
        .app_data(FormConfig::default().error_handler(|_, request| personal(request)));
}

fn request(target: &str, name: &str) -> TestRequest {
    let request = TestRequest::with_uri(target).insert_header(("cookie", format!("name={name}")));
    match target {
        "/json" => request
            .method(Method::POST)
            .insert_header(("content-type", "application/json"))
            .set_payload("{}"),
        "/form" => request
            .method(Method::POST)
            .insert_header(("content-type", "application/x-www-form-urlencoded"))
            .set_payload("page=x"),
        _ => request,
    }
}

#[actix_web::test]
async fn an_extraction_error_from_the_application_is_not_shared() {
    let _cache = isolated();
    let app = App::new().configure(error_handlers).configure(routes);
    let app = init_service(app).await;
    let showing = SHOWING.map(|(target, _)| target);
    for target in REFUSING.into_iter().chain(showing) {
        for name in ["alice", "bob", "alice"] {
            let answer = ask(&app, request(target, name)).await;
            let apology = format!("sorry, {name}");
            assert!(
                answer.body.ends_with(&apology),
                "{name} asked {target}: {}",
                answer.body
            );
        }
    }
}

fn is_stored(answer: &Answer) -> bool {
    answer.said().parameter("stored") == true
}

#[actix_web::test]
async fn a_handler_that_receives_errors_is_cached_without_an_error() {
    let _cache = isolated();
    let app = App::new().configure(error_handlers).configure(routes);
    let app = init_service(app).await;
    for (_, target) in SHOWING
        .into_iter()
        .filter(|(_, well)| well.starts_with('/'))
    {
        assert!(
            is_stored(&ask(&app, request(target, "alice")).await),
            "{target}"
        );
        assert!(ask(&app, request(target, "bob")).await.is_hit(), "{target}");
    }
}

#[actix_web::test]
async fn an_error_of_actix_web_about_the_key_is_stored_under_it() {
    let _cache = isolated();
    let app = init_service(App::new().configure(routes)).await;
    for (target, _) in SHOWING {
        assert!(
            is_stored(&ask(&app, request(target, "alice")).await),
            "{target}"
        );
        assert!(ask(&app, request(target, "bob")).await.is_hit(), "{target}");
    }
}
