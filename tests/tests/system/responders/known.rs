//! Each responder of actix-web's own, under the attribute and under `cached(..)`, without a warning.
#![deny(
    warnings,
    clippy::pedantic,
    clippy::nursery,
    unused_qualifications,
    let_underscore_drop,
    trivial_casts,
    unit_bindings
)]

use actix_http::ResponseBuilder;
use actix_web::body::{BoxBody, EitherBody};
use actix_web::dev::Response;
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::test::init_service;
use actix_web::web::{self, Bytes, BytesMut, Form, Html, Json, Redirect};
use actix_web::{
    App, CustomizeResponder, Either, Error, HttpResponse, HttpResponseBuilder, Responder,
};
use bytestring::ByteString;
use cached_response::testing::isolated;
use cached_response::{Policy, cached, cached_response};
use std::borrow::Cow;
use std::convert::Infallible;
use std::future::ready;

use crate::ask::get;

static TEXT: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| "text".to_owned());

type Nested = Either<(Json<u8>, StatusCode), CustomizeResponder<Html>>;

/// A handler for each way to cache a type: named, opaque, and wrapped at its route. Expected of
/// each is a status, and a body.
macro_rules! known {
    ($($name:ident: $ty:ty = $value:expr, $status:literal $body:literal;)*) => {
        mod named {
            use super::*;
            $(
                #[cached_response(status(200, 204, 307))]
                pub(super) async fn $name() -> $ty {
                    $value
                }
            )*
        }

        mod opaque {
            use super::*;
            $(
                #[cached_response(status(200, 204, 307))]
                pub(super) async fn $name() -> impl Responder {
                    let value: $ty = $value;
                    value
                }
            )*
        }

        mod vouched {
            use super::*;
            $(
                #[cached_response(status(200, 204, 307), vary(none))]
                pub(super) async fn $name() -> impl Responder {
                    let value: $ty = $value;
                    value
                }
            )*
        }

        $(
            #[actix_web::test]
            async fn $name() {
                let policy = Policy::new(60).status(200).status(204).status(307);
                let app = App::new()
                    .route("/named", web::get().to(named::$name))
                    .route("/opaque", web::get().to(opaque::$name))
                    .route("/vouched", web::get().to(vouched::$name))
                    .route("/wrapped", web::get().to(cached(policy, || ready::<$ty>($value))));
                let _cache = isolated();
                let app = init_service(app).await;
                for target in ["/named", "/opaque", "/vouched", "/wrapped"] {
                    for round in 0..2 {
                        let answer = get(&app, target).await;
                        assert_eq!((answer.status, &*answer.body), ($status, $body), "{target}");
                        assert_eq!(answer.is_hit(), round == 1 && $status < 400, "{target}");
                    }
                }
            }
        )*
    };
}

known! {
    a_str: &'static str = "str", 200 "str";
    a_string: String = "string".to_owned(), 200 "string";
    a_borrowed_string: &'static String = &TEXT, 200 "text";
    a_cow: Cow<'static, str> = Cow::Borrowed("cow"), 200 "cow";
    a_byte_string: ByteString = ByteString::from_static("shared"), 200 "shared";
    a_slice: &'static [u8] = b"slice", 200 "slice";
    a_vector: Vec<u8> = b"vector".to_vec(), 200 "vector";
    bytes: Bytes = Bytes::from_static(b"bytes"), 200 "bytes";
    bytes_to_write: BytesMut = BytesMut::from("written"), 200 "written";
    a_response: HttpResponse = HttpResponse::Ok().body("response"), 200 "response";
    a_response_of_a_body: HttpResponse<EitherBody<String>> =
        HttpResponse::Ok().message_body("either".to_owned()).unwrap().map_into_left_body(), 200 "either";
    a_builder: HttpResponseBuilder = HttpResponse::NoContent(), 204 "";
    a_plain_response: Response<BoxBody> = Response::ok().set_body(BoxBody::new("plain")), 200 "plain";
    a_plain_builder: ResponseBuilder = Response::build(StatusCode::NO_CONTENT), 204 "";
    json: Json<[u8; 2]> = Json([1, 2]), 200 "[1,2]";
    a_form: Form<[(&'static str, u8); 1]> = Form([("n", 7)]), 200 "n=7";
    html: Html = Html::new("<p>"), 200 "<p>";
    a_redirect: Redirect = Redirect::to("/elsewhere"), 307 "";
    an_option: Option<&'static str> = Some("some"), 200 "some";
    nothing: Option<&'static str> = None, 404 "";
    a_result: Result<&'static str, Error> = Ok("fine"), 200 "fine";
    a_result_that_cannot_fail: Result<&'static str, Infallible> = Ok("always"), 200 "always";
    a_result_of_nothing: Result<(), Error> = Ok(()), 204 "";
    an_error: Result<HttpResponse, Error> = Err(actix_web::error::ErrorGone("gone")), 410 "gone";
    an_error_as_an_answer: InternalError<&'static str> = InternalError::new("teapot", StatusCode::IM_A_TEAPOT), 418 "teapot";
    the_one: Either<&'static str, HttpResponse> = Either::Left("left"), 200 "left";
    the_other: Either<&'static str, HttpResponse> = Either::Right(HttpResponse::Ok().body("right")), 200 "right";
    a_tuple: (&'static str, StatusCode) = ("tuple", StatusCode::OK), 200 "tuple";
    a_customized_one: CustomizeResponder<&'static str> = "custom".customize().append_header(("x-a", "1")), 200 "custom";
    many_at_once: Result<Option<Nested>, Error> =
        Ok(Some(Either::Left((Json(1), StatusCode::OK)))), 200 "1";
}
