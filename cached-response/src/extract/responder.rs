//! The compile-time proof that the key covers the responder of a handler.
//!
//! actix-web passes the whole request to [`Responder::respond_to`], so a responder can read a cookie
//! that no argument of the handler includes. [`CoveredResponder`] marks the responders that do not;
//! [`AnswerProbe`] finds the marker by autoref on a route with `vary(..)`.

use crate::route::inputs::ArgumentInfo;
#[cfg(any(feature = "files", test))]
use crate::route::inputs::Inputs;
use actix_web::{
    CustomizeResponder, Either, Error, HttpResponse, HttpResponseBuilder, Responder,
    body::{BoxBody, MessageBody},
    dev::Response,
    error::InternalError,
    http::StatusCode,
    web::{Bytes, BytesMut, Form, Html, Json, Redirect},
};
use bytestring::ByteString;
use serde::Serialize;
use std::{
    borrow::Cow,
    fmt::{Debug, Display},
    marker::PhantomData,
};

/// A responder that reads nothing of the request but its path.
///
/// [`Responder::respond_to`] receives the whole request, and the parts that it reads are not in the cache
/// key: a page that greets the owner of a session cookie would be stored for everyone. So a handler
/// whose responder is not covered does not compile, unless its route has `vary(..)`.
///
/// The responders of actix-web are covered, and `actix_files::NamedFile` with the feature `files`.
/// `Option`, `Result`, `Either`, `(R, StatusCode)` and `CustomizeResponder` are where their parts are;
/// an error becomes a response without the request.
///
/// Implement it for a responder of your own whose `respond_to` does not read the request:
///
/// ```
/// use actix_web::{App, HttpRequest, HttpResponse, Responder, body::BoxBody, get, test};
/// use cached_response::{CoveredResponder, cached_response};
///
/// struct Svg(String);
///
/// impl Responder for Svg {
///     type Body = BoxBody;
///     fn respond_to(self, _: &HttpRequest) -> HttpResponse {
///         HttpResponse::Ok().insert_header(("content-type", "image/svg+xml")).body(self.0)
///     }
/// }
///
/// impl CoveredResponder for Svg {}
///
/// #[get("/logo.svg")]
/// #[cached_response(timeout = 1h)]
/// async fn logo() -> Svg { Svg("<svg/>".to_owned()) }
///
/// # #[actix_web::main] async fn main() {
/// let app = test::init_service(App::new().service(logo)).await;
/// let request = || test::TestRequest::with_uri("/logo.svg").to_request();
/// assert_eq!(test::call_and_read_body(&app, request()).await, "<svg/>");
/// assert_eq!(test::call_service(&app, request()).await.headers().get("age").unwrap(), "0");
/// # }
/// ```
///
/// It is also the bound for a generic handler (`R: CoveredResponder`), and for a function whose result a
/// handler returns (`-> impl CoveredResponder`).
#[diagnostic::on_unimplemented(
    message = "`{Self}` receives the whole request when it becomes a response, so one user's response could be shown to another",
    label = "the parts of the request that it reads are not part of the cache key",
    note = "build an `HttpResponse` in the handler from its arguments, and return that",
    note = "or, for a type of your own whose `respond_to` reads nothing of the request but its path: `impl cached_response::CoveredResponder for {Self} {{}}`",
    note = "or name the request headers that it reads in the attribute: `#[cached_response(vary(\"cookie\"))]`",
    note = "for a type parameter, and for the result of another function, write the bound `CoveredResponder` in place of `Responder`"
)]
pub trait CoveredResponder: Responder {
    /// The inputs that it reads.
    #[doc(hidden)]
    const FACTS: ArgumentInfo = ArgumentInfo::NOTHING;
}

/// The body of a covered responder. The bound is on the body rather than the responder, so that a type
/// that is no responder, and has no body, is one compile error.
pub trait BodyOf<R> {
    /// The inputs that the responder reads.
    const FACTS: ArgumentInfo;
}

impl<R: CoveredResponder> BodyOf<R> for R::Body {
    const FACTS: ArgumentInfo = R::FACTS;
}

/// Returns the facts of the covered responder `R`.
pub(crate) const fn facts_of<R>() -> &'static ArgumentInfo
where
    R: Responder,
    R::Body: BodyOf<R>,
{
    &<R::Body as BodyOf<R>>::FACTS
}

macro_rules! covers {
    ($($responder:ty)*) => {$(
        impl CoveredResponder for $responder {}
    )*};
}

covers! {
    &'static str String &String Cow<'_, str> ByteString
    &'static [u8] Vec<u8> Bytes BytesMut
    HttpResponseBuilder Response<BoxBody> actix_http::ResponseBuilder
    Html Redirect
}

impl<B: MessageBody + 'static> CoveredResponder for HttpResponse<B> {}

impl<T: Serialize> CoveredResponder for Json<T> {}

impl<T: Serialize> CoveredResponder for Form<T> {}

impl<T: Debug + Display + 'static> CoveredResponder for InternalError<T> {}

/// It reads `Range` and the `If-*` fields; its responses to them (206, 304, 412 or 416) are never stored.
/// To any other request it responds with the whole file. A `Range` that is not text is a 400, which is
/// stored on a route with `status(400)`.
#[cfg(feature = "files")]
impl CoveredResponder for actix_files::NamedFile {
    const FACTS: ArgumentInfo = ArgumentInfo::from_inputs(Inputs::HEADERS);
}

impl<R: CoveredResponder> CoveredResponder for Option<R> {
    const FACTS: ArgumentInfo = R::FACTS;
}

impl<R: CoveredResponder, E: Into<Error>> CoveredResponder for Result<R, E> {
    const FACTS: ArgumentInfo = R::FACTS;
}

impl<E: Into<Error>> CoveredResponder for Result<(), E> {}

impl<L: CoveredResponder, R: CoveredResponder> CoveredResponder for Either<L, R> {
    const FACTS: ArgumentInfo = L::FACTS.union(R::FACTS);
}

impl<R: CoveredResponder> CoveredResponder for (R, StatusCode) {
    const FACTS: ArgumentInfo = R::FACTS;
}

impl<R: CoveredResponder> CoveredResponder for CustomizeResponder<R> {
    const FACTS: ArgumentInfo = R::FACTS;
}

/// Finds the facts of a responder by autoref.
///
/// `(&AnswerProbe::<R>::NEW).facts()` are those of `R` where it is covered, and those of an `HttpRequest`
/// otherwise: method look-up tries [`ProbeCovered`] before it adds another reference.
#[derive(Debug)]
pub struct AnswerProbe<R>(PhantomData<fn() -> R>);

impl<R> AnswerProbe<R> {
    /// The only value.
    pub const NEW: Self = Self(PhantomData);
}

/// The first probe.
pub trait ProbeCovered {
    /// Returns the facts of a covered responder.
    fn facts(&self) -> &'static ArgumentInfo;
}

impl<R: CoveredResponder> ProbeCovered for AnswerProbe<R> {
    fn facts(&self) -> &'static ArgumentInfo {
        &R::FACTS
    }
}

/// The second probe.
pub trait ProbeAny {
    /// Returns the facts of any responder: it may read the whole request.
    fn facts(&self) -> &'static ArgumentInfo;
}

impl<R> ProbeAny for &AnswerProbe<R> {
    fn facts(&self) -> &'static ArgumentInfo {
        &ArgumentInfo::REQUEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::HttpRequest;

    macro_rules! responder {
        ($name:ident) => {
            struct $name;

            impl Responder for $name {
                type Body = BoxBody;

                fn respond_to(self, request: &HttpRequest) -> HttpResponse {
                    HttpResponse::Ok().body(request.uri().to_string())
                }
            }
        };
    }

    responder!(Unknown);
    responder!(Neutral);
    responder!(Conditional);

    impl CoveredResponder for Neutral {}

    impl CoveredResponder for Conditional {
        const FACTS: ArgumentInfo = ArgumentInfo::from_inputs(Inputs::HEADERS);
    }

    /// The facts of each composition of two containers around `$leaf`.
    macro_rules! nested {
        ($leaf:ty) => {
            [
                within!(Option<$leaf>),
                within!(Result<$leaf, Error>),
                within!(($leaf, StatusCode)),
                within!(CustomizeResponder<$leaf>),
                within!(Either<$leaf, String>),
                within!(Either<HttpResponse, $leaf>),
            ]
            .concat()
        };
    }

    macro_rules! within {
        ($of:ty) => {
            [
                seen!(Option<$of>),
                seen!(Result<$of, Error>),
                seen!(($of, StatusCode)),
                seen!(CustomizeResponder<$of>),
                seen!(Either<$of, String>),
                seen!(Either<Json<u8>, $of>),
            ]
        };
    }

    macro_rules! seen {
        ($of:ty) => {
            (stringify!($of), (&AnswerProbe::<$of>::NEW).facts().inputs)
        };
    }

    #[test]
    fn a_container_has_the_facts_of_its_responder() {
        for (leaf, inputs, nested) in [
            ("unknown", ArgumentInfo::REQUEST.inputs, nested!(Unknown)),
            ("neutral", Inputs::NOTHING, nested!(Neutral)),
            ("conditional", Inputs::HEADERS, nested!(Conditional)),
            ("text", Inputs::NOTHING, nested!(&'static str)),
        ] {
            assert_eq!(nested.len(), 36, "{leaf}");
            for (name, seen) in nested {
                assert_eq!(seen, inputs, "{leaf}: {name}");
            }
        }
    }

    /// The facts within a handler in which the type is a parameter.
    fn of_parameter<R: Responder>() -> Inputs {
        seen!(Option<R>).1
    }

    fn of_covered_parameter<R: CoveredResponder>() -> Inputs {
        seen!(Option<R>).1
    }

    #[test]
    fn a_type_parameter_has_the_facts_of_its_bound() {
        assert_eq!(of_parameter::<Neutral>(), ArgumentInfo::REQUEST.inputs);
        assert_eq!(of_covered_parameter::<Neutral>(), Inputs::NOTHING);
    }
}
