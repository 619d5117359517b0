//! Ways to cover a responder that receives the whole request.

use actix_web::body::BoxBody;
use actix_web::cookie::Cookie;
use actix_web::dev::Service;
use actix_web::http::StatusCode;
use actix_web::test::{TestRequest, init_service};
use actix_web::web::{self, Json};
use actix_web::{App, Either, Error, HttpRequest, HttpResponse, Responder, get};
use cached_response::testing::isolated;
use cached_response::{
    CacheResponses, CoveredResponder, Policy, TrackedRequest, cached, cached_response,
};

use super::{Page, page_of};
use crate::ask::{Answer, ask, get as ask_for, run};

/// The number of its run, for everyone.
struct Number;

impl Responder for Number {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok().body(run().to_string())
    }
}

impl CoveredResponder for Number {}

#[get("/marked")]
#[cached_response]
async fn marked() -> Number {
    Number
}

#[get("/marked/opaque")]
#[cached_response]
async fn marked_opaque() -> Result<impl Responder, Error> {
    Ok(Some(Number.customize()))
}

fn number() -> impl CoveredResponder {
    Number
}

#[get("/marked/elsewhere")]
#[cached_response]
async fn marked_elsewhere() -> impl Responder {
    number()
}

#[cached_response]
async fn generic<R: CoveredResponder + From<u32> + 'static>() -> R {
    R::from(run())
}

impl From<u32> for Number {
    fn from(_: u32) -> Self {
        Self
    }
}

struct Quoted(u32);

impl From<u32> for Quoted {
    fn from(n: u32) -> Self {
        Self(n)
    }
}

impl Responder for Quoted {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok().json(self.0.to_string())
    }
}

impl CoveredResponder for Quoted {}

#[get("/vary")]
#[cached_response(vary("cookie"))]
async fn varying() -> Page {
    Page
}

#[get("/vary/opaque")]
#[cached_response(vary("cookie"))]
async fn varying_opaque() -> impl Responder {
    Page.customize().insert_header(("x-page", "1"))
}

#[get("/vary/result")]
#[cached_response(vary("cookie"))]
async fn varying_result() -> Result<Option<Page>, Error> {
    Ok(Some(Page))
}

#[get("/vary/either")]
#[cached_response(vary("cookie"))]
async fn varying_either() -> Either<HttpResponse, (Page, StatusCode)> {
    Either::Right((Page, StatusCode::OK))
}

fn page() -> impl Responder {
    Page
}

#[get("/vary/elsewhere")]
#[cached_response(vary("cookie"))]
async fn varying_elsewhere() -> impl Responder {
    page()
}

#[cached_response(vary("cookie"))]
async fn varying_generic<R: Responder + Default + 'static>() -> R {
    R::default()
}

#[get("/response")]
#[cached_response]
async fn response(request: TrackedRequest) -> HttpResponse {
    let session = request.cookie("session");
    let host = request.host().unwrap_or_default();
    let page = page_of(session.as_ref().map(Cookie::value), host);
    HttpResponse::Ok().body(format!("{} {page}", run()))
}

async fn as_user(
    app: &impl Service<
        actix_http::Request,
        Response = actix_web::dev::ServiceResponse<impl actix_web::body::MessageBody>,
        Error = Error,
    >,
    target: &str,
    (user, host): (&str, &str),
) -> Answer {
    let request = TestRequest::with_uri(target)
        .insert_header(("host", host))
        .append_header(("cookie", format!("session={user}")));
    ask(app, request).await
}

const USERS: [(&str, &str); 3] = [
    ("alice", "a.example"),
    ("bob", "a.example"),
    ("alice", "b.example"),
];

#[actix_web::test]
async fn a_responder_that_is_marked_as_covered_is_shared() {
    let _cache = isolated();
    let app = App::new()
        .service(marked)
        .service(marked_opaque)
        .service(marked_elsewhere)
        .route("/number", web::get().to(generic::<Number>))
        .route("/quoted", web::get().to(generic::<Quoted>))
        .route(
            "/wrapped",
            web::get().to(cached(Policy::new(60), || async { Ok::<_, Error>(Number) })),
        );
    let app = init_service(app).await;
    for target in [
        "/marked",
        "/marked/opaque",
        "/marked/elsewhere",
        "/number",
        "/quoted",
        "/wrapped",
    ] {
        let first = as_user(&app, target, USERS[0]).await;
        for user in USERS {
            let answer = as_user(&app, target, user).await;
            assert_eq!((answer.is_hit(), answer.body), (true, first.body.clone()));
        }
    }
}

#[actix_web::test]
async fn under_vary_a_responder_that_reads_a_cookie_has_a_variant_for_each() {
    let _cache = isolated();
    let app = App::new()
        .service(varying)
        .service(varying_opaque)
        .service(varying_result)
        .service(varying_either)
        .service(varying_elsewhere)
        .service(response)
        .route("/vary/generic", web::get().to(varying_generic::<Page>));
    let app = init_service(app).await;
    for target in [
        "/vary",
        "/vary/opaque",
        "/vary/result",
        "/vary/either",
        "/vary/elsewhere",
        "/vary/generic",
        "/response",
    ] {
        let mut first = Vec::new();
        for user in USERS {
            let answer = as_user(&app, target, user).await;
            let page = page_of(Some(user.0), user.1);
            assert!(answer.body.ends_with(&page), "{target}: {}", answer.body);
            assert!(!answer.is_hit(), "{target} {user:?}");
            first.push(answer.body);
        }
        for (user, first) in USERS.into_iter().zip(first) {
            let answer = as_user(&app, target, user).await;
            assert_eq!((answer.is_hit(), answer.body), (true, first), "{target}");
        }
    }
}

#[get("/language")]
#[cached_response(vary("accept-language"))]
async fn language() -> impl Responder {
    Json(run())
}

#[actix_web::test]
async fn under_vary_a_covered_responder_is_keyed_by_the_named_headers_alone() {
    let _cache = isolated();
    let app = init_service(App::new().service(language).service(varying)).await;
    let on = |host: &'static str| ("alice", host);
    as_user(&app, "/language", on("a.example")).await;
    assert!(as_user(&app, "/language", on("b.example")).await.is_hit());
    // A responder that reads the whole request can read the flag, too.
    let live = ask_for(&app, "/language?nocache=1").await;
    assert_eq!(ask_for(&app, "/language").await.body, live.body);
    let live = ask_for(&app, "/vary?nocache=1").await;
    assert_eq!(live.detail().unwrap(), "nocache");
}

#[actix_web::test]
async fn behind_the_middleware_a_responder_that_reads_a_cookie_is_not_shared() {
    let _cache = isolated();
    let app = App::new()
        .wrap(CacheResponses::new(Policy::new(60)))
        .route("/page", web::get().to(|| async { Page }));
    let app = init_service(app).await;
    let nobody = ask_for(&app, "/page").await;
    assert!(ask_for(&app, "/page").await.is_hit());
    for user in USERS {
        let answer = as_user(&app, "/page", user).await;
        assert_ne!(answer.body, nobody.body);
        assert!(answer.body.ends_with(&page_of(Some(user.0), user.1)));
        assert_eq!(answer.detail().unwrap(), "cookie:session");
    }
}
