//! Return types and exits of handlers.

use super::answered_from_the_store;
use actix_web::{
    App, CustomizeResponder, Either, Error, HttpResponse, Responder, body::BoxBody, get,
    http::StatusCode, test, web,
};
use cached_response::cached_response;
use std::{borrow::Cow, fmt, num::ParseIntError};

macro_rules! all {
    ($test:ident: $($handler:ident $expected:expr;)*) => {
        #[actix_web::test]
        async fn $test() {
            $(
                let route = |app: &mut web::ServiceConfig| { app.route("/", web::get().to($handler)); };
                assert_eq!(answered_from_the_store(route, "/").await, $expected, stringify!($handler));
            )*
        }
    };
}

#[cached_response]
async fn opaque() -> impl Responder + 'static {
    "a"
}

#[cached_response]
async fn opaque_in_result() -> Result<impl Responder + 'static, Error> {
    Ok("b")
}

#[cached_response]
async fn opaque_in_tuple() -> (impl Responder, StatusCode) {
    ("c", StatusCode::OK)
}

#[cached_response]
async fn opaque_in_option() -> Option<impl Responder> {
    Some("d")
}

#[cached_response]
async fn opaque_in_either() -> Either<impl Responder, HttpResponse> {
    if true {
        Either::Left("e")
    } else {
        Either::Right(HttpResponse::Ok().finish())
    }
}

#[cached_response]
async fn opaque_with_captures() -> impl Responder<Body = BoxBody> + use<> {
    HttpResponse::Ok()
}

#[cached_response]
async fn opaque_deep_inside() -> Result<Option<impl Responder>, Error> {
    Ok(Some(web::Json(1)))
}

all! { an_opaque_type_may_stand_anywhere:
    opaque "a"; opaque_in_result "b"; opaque_in_tuple "c"; opaque_in_option "d"; opaque_in_either "e";
    opaque_with_captures ""; opaque_deep_inside "1";
}

#[cached_response]
async fn json() -> actix_web::Result<web::Json<Vec<&'static str>>> {
    Ok(web::Json(vec!["h"]))
}

#[cached_response]
async fn bytes() -> &'static [u8] {
    b"i"
}

#[cached_response]
async fn customized() -> CustomizeResponder<&'static str> {
    "k".customize()
}

#[cached_response]
async fn cow() -> Cow<'static, str> {
    "r".into()
}

#[cached_response]
async fn either() -> Either<HttpResponse, Result<&'static str, Error>> {
    Either::Right(Ok("either"))
}

async fn other() -> HttpResponse {
    actix_web::rt::task::yield_now().await;
    HttpResponse::Ok().body("other")
}

#[cached_response]
async fn delegating() -> impl Responder {
    other().await
}

#[cached_response]
async fn a_builder() -> impl Responder {
    HttpResponse::Ok()
}

all! { every_kind_of_responder_is_stored:
    json "[\"h\"]"; bytes "i"; customized "k"; cow "r"; either "either"; delegating "other"; a_builder "";
}

#[cached_response]
async fn breaking() -> HttpResponse {
    loop {
        if true {
            break HttpResponse::Ok().body("l");
        }
    }
}

#[cached_response]
async fn labelled() -> String {
    'outer: loop {
        for n in 0.. {
            if n == 3 {
                break 'outer n.to_string();
            }
        }
    }
}

#[cached_response]
async fn returning() -> impl Responder {
    if true {
        return HttpResponse::Ok().body("one");
    }
    HttpResponse::NotFound().finish()
}

#[cached_response]
async fn calling_a_closure() -> String {
    let f = |x: u8| x + 1;
    f(1).to_string()
}

#[cached_response]
async fn borrowing_over_an_await() -> String {
    let text = String::from("text");
    let part: &str = &text;
    other().await;
    part.to_owned()
}

#[cached_response]
async fn with_an_inner_attribute() -> impl Responder {
    #![allow(unused_variables, reason = "it is about the attribute")]
    let unused = 1;
    "inner"
}

all! { a_body_is_a_body:
    breaking "l"; labelled "3"; returning "one"; calling_a_closure "2"; borrowing_over_an_await "text";
    with_an_inner_attribute "inner";
}

#[derive(Debug)]
struct Mine;

impl fmt::Display for Mine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("mine")
    }
}

impl actix_web::ResponseError for Mine {}

impl From<ParseIntError> for Mine {
    fn from(_: ParseIntError) -> Self {
        Self
    }
}

#[cached_response]
async fn question_mark_converts() -> Result<&'static str, Mine> {
    let _: u32 = "5".parse()?;
    Ok("fine")
}

#[cached_response]
async fn coerces_to_a_box() -> Result<String, Box<dyn std::error::Error>> {
    if std::hint::black_box(false) {
        return Err(Box::new(fmt::Error));
    }
    Ok(String::from_utf8(b"boxed".to_vec())?)
}

#[cached_response]
async fn infers_from_its_output() -> Result<web::Json<Vec<u8>>, Error> {
    let numbers = "123".bytes().map(|byte| byte - b'0').collect();
    Ok(web::Json(numbers))
}

all! { the_declared_type_directs_the_body:
    question_mark_converts "fine"; coerces_to_a_box "boxed"; infers_from_its_output "[1,2,3]";
}

#[get("/early/{n}")]
#[cached_response]
async fn early(n: web::Path<String>) -> Result<impl Responder, Error> {
    let n: u32 = n.parse().map_err(actix_web::error::ErrorBadRequest)?;
    if n == 0 {
        return Ok("early".to_owned());
    }
    Ok(format!("late {n}"))
}

#[actix_web::test]
async fn an_early_return_is_stored_and_an_error_is_not() {
    assert_eq!(
        answered_from_the_store(
            |app| {
                app.service(early);
            },
            "/early/0"
        )
        .await,
        "early"
    );
    assert_eq!(
        answered_from_the_store(
            |app| {
                app.service(early);
            },
            "/early/5"
        )
        .await,
        "late 5"
    );
    let app = test::init_service(App::new().service(early)).await;
    for _ in 0..2 {
        let response =
            test::call_service(&app, test::TestRequest::get().uri("/early/x").to_request()).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert!(!response.headers().contains_key("age"));
    }
}
