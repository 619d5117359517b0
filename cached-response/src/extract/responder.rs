//! The rule that the answer of a handler is accounted for, in types.
//!
//! actix-web gives the whole request to [`Responder::respond_to`], so a responder can read a cookie
//! that no argument of the handler shows. [`CoveredResponder`] marks those that do not;
//! [`AnswerProbe`] finds out, on a route with `vary(..)`, which of the two an answer is.

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
/// [`Responder::respond_to`] is given the whole request, and what it reads there is not in the cache
/// key: a page that greets the owner of a session cookie would be stored for everyone. So a handler
/// whose answer is not of a covered type does not compile, unless its route says `vary(..)`.
///
/// The responders of actix-web are covered, and with the feature `files` `actix_files::NamedFile`. `Option`, `Result`, `Either`, `(R, StatusCode)` and
/// `CustomizeResponder` are where what they hold is; an error is made into a response without the
/// request.
///
/// Implement it for a responder of your own whose `respond_to` leaves the request alone:
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
/// let ask = || test::TestRequest::with_uri("/logo.svg").to_request();
/// assert_eq!(test::call_and_read_body(&app, ask()).await, "<svg/>");
/// assert_eq!(test::call_service(&app, ask()).await.headers().get("age").unwrap(), "0");
/// # }
/// ```
///
/// It is also the bound for a generic handler (`R: CoveredResponder`), and for a function that
/// handlers answer with (`-> impl CoveredResponder`).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is given the whole request when it becomes a response, so one user's response could be shown to another",
    label = "what it reads of the request is not part of the cache key",
    note = "build an `HttpResponse` in the handler, which has nothing but its arguments, and return that",
    note = "or, for a type of your own whose `respond_to` reads nothing of the request but its path: `impl cached_response::CoveredResponder for {Self} {{}}`",
    note = "or name in the attribute which request headers it reads: `#[cached_response(vary(\"cookie\"))]`",
    note = "for a type parameter, and for what another function returns, the bound is `CoveredResponder` in place of `Responder`"
)]
pub trait CoveredResponder: Responder {
    /// What it reads of the request.
    #[doc(hidden)]
    const FACTS: ArgumentInfo = ArgumentInfo::NOTHING;
}

/// The body of a covered responder. It is asked for in place of the responder itself, so that of a
/// type which is no responder at all, and has no body, only that is reported.
pub trait BodyOf<R> {
    /// What the responder reads of the request.
    const FACTS: ArgumentInfo;
}

impl<R: CoveredResponder> BodyOf<R> for R::Body {
    const FACTS: ArgumentInfo = R::FACTS;
}

/// What the covered answer `R` reads of the request.
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

/// It reads `Range` and the `If-*` fields, and what it answers to them (a 206, 304, 412 or 416) is never
/// stored. To any other request it gives the whole file. A `Range` that is no text gets a 400, which is
/// stored where the route says `status(400)`.
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
    const FACTS: ArgumentInfo = L::FACTS.and(R::FACTS);
}

impl<R: CoveredResponder> CoveredResponder for (R, StatusCode) {
    const FACTS: ArgumentInfo = R::FACTS;
}

impl<R: CoveredResponder> CoveredResponder for CustomizeResponder<R> {
    const FACTS: ArgumentInfo = R::FACTS;
}

/// Asks what an answer reads of the request, also where its type is not covered.
///
/// `(&AnswerProbe::<R>::NEW).facts()` are those of `R` where that is covered, and those of an
/// `HttpRequest` otherwise: method look-up tries [`ProbeCovered`] before it takes another reference.
#[derive(Debug)]
pub struct AnswerProbe<R>(PhantomData<fn() -> R>);

impl<R> AnswerProbe<R> {
    /// The only one.
    pub const NEW: Self = Self(PhantomData);
}

/// The first that is tried.
pub trait ProbeCovered {
    /// Returns what a covered answer reads.
    fn facts(&self) -> &'static ArgumentInfo;
}

impl<R: CoveredResponder> ProbeCovered for AnswerProbe<R> {
    fn facts(&self) -> &'static ArgumentInfo {
        &R::FACTS
    }
}

/// The second.
pub trait ProbeAny {
    /// Returns what any answer may read: the whole request.
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

    /// What the probe says of each type made of two containers, one in the other, around `$leaf`.
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
    fn what_an_answer_reads_is_seen_through_all_that_holds_it() {
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

    /// As a handler in which the type is a parameter asks.
    fn of_parameter<R: Responder>() -> Inputs {
        seen!(Option<R>).1
    }

    fn of_covered_parameter<R: CoveredResponder>() -> Inputs {
        seen!(Option<R>).1
    }

    #[test]
    fn a_type_parameter_is_what_its_bound_says() {
        assert_eq!(of_parameter::<Neutral>(), ArgumentInfo::REQUEST.inputs);
        assert_eq!(of_covered_parameter::<Neutral>(), Inputs::NOTHING);
    }
}
