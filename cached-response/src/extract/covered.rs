//! The compile-time proof that the key covers every argument of a handler.
//!
//! [`KeyCovered<W>`] means that the handler depends, through the argument, on nothing outside the key
//! of a route with the options `W`: `vary(..)`, `body`. The attribute requires it of every argument that
//! no option names. Of the others it requires, by a [`Probe`](crate::extract::probe::Probe), the options
//! that `key(..)` and `unkeyed(..)` cannot replace.

use crate::{
    extract::{path_values::path_values, query_fields},
    key::{KeyWriter, Refused},
    route::{
        SeenData,
        inputs::{ArgumentInfo, Inputs},
    },
};
use actix_web::{
    Either, Error, FromRequest, HttpRequest, dev,
    http::{
        Method, Uri,
        header::{self, Header as TypedHeader, HeaderName},
    },
    web::{
        Bytes, Data, Form, FormConfig, Header, Json, JsonConfig, Path, PathConfig, Payload, Query,
        QueryConfig,
    },
};
use serde::de::DeserializeOwned;
use std::marker::PhantomData;

/// An extractor whose value depends on nothing outside the cache key.
///
/// `Path`, `Query`, `Method`, `Uri`, `Data`, `Header` and the extractors of this crate are covered;
/// options, results and tuples are where their parts are. `HttpRequest` is covered on a route with
/// `vary(..)`, the extractors of a body on one with `body`.
///
/// Implement it for an extractor of your own that depends on nothing in the request, or only on its
/// path, its query and its method. A value from `app_data` is not part of the key, as that of a
/// `Data<T>` argument is: where scopes or applications have different values, give each a cache of its
/// own. The parameter `W` stands for the options of a route; leave it open.
///
/// ```
/// use actix_web::{Error, FromRequest, HttpRequest, dev::Payload};
/// use cached_response::{KeyCovered, cached_response};
/// use std::future::{Ready, ready};
///
/// /// The application's price list: the same for every request.
/// struct Prices(u32);
///
/// impl FromRequest for Prices {
///     type Error = Error;
///     type Future = Ready<Result<Self, Error>>;
///     fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future { ready(Ok(Self(7))) }
/// }
///
/// impl<W> KeyCovered<W> for Prices {}
///
/// #[actix_web::get("/tea")]
/// #[cached_response(timeout = 5m)]
/// async fn tea(prices: Prices) -> String { prices.0.to_string() }
///
/// # #[actix_web::main] async fn main() {
/// use actix_web::{App, test};
/// let app = test::init_service(App::new().service(tea)).await;
/// let request = test::TestRequest::with_uri("/tea").to_request();
/// assert_eq!(test::call_and_read_body(&app, request).await, "7");
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not part of the cache key, so one user's response could be shown to another",
    label = "not part of the cache key",
    note = "name it in `key(..)`, `gate(..)` or `unkeyed(..)`",
    note = "or, for a type of your own that is the same for every request, implement `cached_response::KeyCovered` for it"
)]
pub trait KeyCovered<W = ()> {
    /// The inputs that a handler can depend on through it.
    #[doc(hidden)]
    const FACTS: ArgumentInfo = ArgumentInfo::NEUTRAL;

    /// Adds the facts of each part, where they are unknown at compile time.
    #[doc(hidden)]
    fn facts(all: &mut Vec<ArgumentInfo>) {
        all.push(Self::FACTS);
    }

    /// Finds the `Data<T>` values in it.
    #[doc(hidden)]
    fn find_data(_request: &HttpRequest, _seen: &mut SeenData) {}

    /// Returns true where an error handler of the application makes the error of its extraction.
    #[doc(hidden)]
    fn is_refused(_request: &HttpRequest) -> bool {
        false
    }

    /// Adds the value to the key, for the types that are keyed.
    #[doc(hidden)]
    fn write_key(&self, _key: &mut KeyWriter) {}

    /// Extracts the value from a request with the pair `<flag>=1` in its query as if without it. `None`
    /// where that is not possible: the value is extracted with the pair, and the response is not stored.
    /// It is possible for all extractors whose value the key determines.
    #[doc(hidden)]
    fn extract_without(_request: &HttpRequest, _flag: &str) -> Option<Result<Self, Error>>
    where
        Self: Sized,
    {
        None
    }
}

/// Options of a route: `V` for request headers, `B` for the body, and `S` where they were given.
#[derive(Debug)]
pub struct RouteOptions<V, B, S = Attribute>(PhantomData<(V, B, S)>);

/// Options given in the attribute.
#[derive(Debug)]
#[non_exhaustive]
pub struct Attribute;

/// Options given by the types of the arguments, which then write their parts of the key. `T` is the time of
/// their extraction.
#[derive(Debug)]
pub struct Typed<T = BeforeLookup>(PhantomData<T>);

/// Before the look-up.
#[derive(Debug)]
#[non_exhaustive]
pub struct BeforeLookup;

/// After the look-up: of an argument in a `Lazy`.
#[derive(Debug)]
#[non_exhaustive]
pub struct AfterLookup;

/// No type implements it: it is the bound of a [`Keyed`](crate::Keyed) and a [`Gate`](crate::Gate) in a
/// [`Lazy`](crate::Lazy), which are needed before the look-up.
#[diagnostic::on_unimplemented(
    message = "a `Lazy<..>` around a `Keyed<..>` or a `Gate<..>` is extracted after the look-up, so one user's \
               response could be shown to another",
    label = "extracted after the look-up",
    note = "write `Keyed<..>` or `Gate<..>` without the `Lazy`",
    note = "or, where the response does not depend on the value, `Lazy<Unkeyed<..>>`"
)]
pub trait ExtractedBeforeLookup {}

/// Without `vary(..)`.
#[derive(Debug)]
#[non_exhaustive]
pub struct NoVary;

/// With `vary(..)`.
#[derive(Debug)]
#[non_exhaustive]
pub struct Vary;

/// Without `body`.
#[derive(Debug)]
#[non_exhaustive]
pub struct NoBody;

/// With `body`.
#[derive(Debug)]
#[non_exhaustive]
pub struct WithBody;

impl<W> KeyCovered<W> for () {
    const FACTS: ArgumentInfo = ArgumentInfo::NOTHING;

    fn extract_without(_: &HttpRequest, _: &str) -> Option<Result<Self, Error>> {
        Some(Ok(()))
    }
}

impl<W> KeyCovered<W> for Method {
    const FACTS: ArgumentInfo = ArgumentInfo::NOTHING;

    fn extract_without(request: &HttpRequest, _: &str) -> Option<Result<Self, Error>> {
        Some(Ok(request.method().clone()))
    }
}

impl<W, T: DeserializeOwned> KeyCovered<W> for Path<T> {
    const FACTS: ArgumentInfo =
        ArgumentInfo::path(path_values::<T>).refused_as(<Self as KeyCovered<W>>::is_refused);

    fn is_refused(request: &HttpRequest) -> bool {
        has_config::<PathConfig>(request) && request.match_info().load::<T>().is_err()
    }

    fn extract_without(request: &HttpRequest, _: &str) -> Option<Result<Self, Error>> {
        Some(Self::from_request(request, &mut dev::Payload::None).into_inner())
    }
}

impl<W, T: ?Sized + 'static> KeyCovered<W> for Data<T> {
    const FACTS: ArgumentInfo = ArgumentInfo::data(<Self as KeyCovered<W>>::find_data);

    fn find_data(request: &HttpRequest, seen: &mut SeenData) {
        seen.see(request.app_data::<Self>());
    }

    fn extract_without(request: &HttpRequest, _: &str) -> Option<Result<Self, Error>> {
        Some(Self::from_request(request, &mut dev::Payload::None).into_inner())
    }
}

impl<W> KeyCovered<W> for Uri {
    const FACTS: ArgumentInfo = ArgumentInfo::URI;
}

impl<W, T: DeserializeOwned> KeyCovered<W> for Query<T> {
    const FACTS: ArgumentInfo = ArgumentInfo::query(query_fields::query_fields::<T>)
        .taking_by_name(query_fields::taken_by_name::<T>)
        .refused_as(<Self as KeyCovered<W>>::is_refused);

    fn is_refused(request: &HttpRequest) -> bool {
        has_config::<QueryConfig>(request) && Self::from_query(request.query_string()).is_err()
    }

    fn extract_without(request: &HttpRequest, flag: &str) -> Option<Result<Self, Error>> {
        let whole = || Self::from_request(request, &mut dev::Payload::None).into_inner();
        Some(query_fields::extract_without(request, flag).unwrap_or_else(whole))
    }
}

impl<B, S> KeyCovered<RouteOptions<Vary, B, S>> for HttpRequest {
    const FACTS: ArgumentInfo = ArgumentInfo::REQUEST;
}

impl<V, T, S> KeyCovered<RouteOptions<V, WithBody, S>> for Json<T> {
    const FACTS: ArgumentInfo = ArgumentInfo::BODY
        .refused_as(<Self as KeyCovered<RouteOptions<V, WithBody, S>>>::is_refused);

    // The body is not available here.
    fn is_refused(request: &HttpRequest) -> bool {
        has_config::<JsonConfig>(request)
    }
}

impl<V, T, S> KeyCovered<RouteOptions<V, WithBody, S>> for Form<T> {
    const FACTS: ArgumentInfo = ArgumentInfo::BODY
        .refused_as(<Self as KeyCovered<RouteOptions<V, WithBody, S>>>::is_refused);

    // The body is not available here.
    fn is_refused(request: &HttpRequest) -> bool {
        has_config::<FormConfig>(request)
    }
}

impl<V, S> KeyCovered<RouteOptions<V, WithBody, S>> for Bytes {
    const FACTS: ArgumentInfo = ArgumentInfo::BODY;
}

impl<V, S> KeyCovered<RouteOptions<V, WithBody, S>> for String {
    const FACTS: ArgumentInfo = ArgumentInfo::BODY;
}

impl<V, S> KeyCovered<RouteOptions<V, WithBody, S>> for Payload {
    const FACTS: ArgumentInfo = ArgumentInfo::BODY;
}

/// Returns true where the application has a `C`, which may include an error handler.
fn has_config<C: 'static>(request: &HttpRequest) -> bool {
    request.app_data::<C>().is_some() || request.app_data::<Data<C>>().is_some()
}

impl<W, T: KeyCovered<W>> KeyCovered<W> for Option<T> {
    const FACTS: ArgumentInfo = T::FACTS;

    fn facts(all: &mut Vec<ArgumentInfo>) {
        T::facts(all);
    }

    fn find_data(request: &HttpRequest, seen: &mut SeenData) {
        T::find_data(request, seen);
    }

    fn is_refused(request: &HttpRequest) -> bool {
        T::is_refused(request)
    }

    fn write_key(&self, key: &mut KeyWriter) {
        key.part(&self.is_some());
        if let Some(part) = self {
            part.write_key(key);
        }
    }

    fn extract_without(request: &HttpRequest, flag: &str) -> Option<Result<Self, Error>> {
        T::extract_without(request, flag).map(|extracted| Ok(extracted.ok()))
    }
}

impl<W, T: KeyCovered<W>, E> KeyCovered<W> for Result<T, E> {
    const FACTS: ArgumentInfo = T::FACTS.with_error();

    fn facts(all: &mut Vec<ArgumentInfo>) {
        let inner = all.len();
        T::facts(all);
        for facts in &mut all[inner..] {
            *facts = facts.with_error();
        }
    }

    fn find_data(request: &HttpRequest, seen: &mut SeenData) {
        T::find_data(request, seen);
    }

    fn is_refused(request: &HttpRequest) -> bool {
        T::is_refused(request)
    }

    fn write_key(&self, key: &mut KeyWriter) {
        key.part(&self.is_ok());
        match self {
            Ok(part) => part.write_key(key),
            // The error may include the identity or the body, which is not in the key.
            Err(_) if T::FACTS.inputs.intersects(Inputs::IDENTITY) => key.refuse(Refused::Failed),
            Err(_) => {}
        }
    }

    // The error is of another type, and only the extractor can make it.
    fn extract_without(request: &HttpRequest, flag: &str) -> Option<Result<Self, Error>> {
        let extracted = T::extract_without(request, flag)?.ok()?;
        Some(Ok(Ok(extracted)))
    }
}

impl<W, L: KeyCovered<W>, R: KeyCovered<W>> KeyCovered<W> for Either<L, R> {
    const FACTS: ArgumentInfo = L::FACTS
        .union(R::FACTS)
        .finding(<Self as KeyCovered<W>>::find_data)
        .refused_as(<Self as KeyCovered<W>>::is_refused);

    fn facts(all: &mut Vec<ArgumentInfo>) {
        L::facts(all);
        R::facts(all);
    }

    fn find_data(request: &HttpRequest, seen: &mut SeenData) {
        L::find_data(request, seen);
        R::find_data(request, seen);
    }

    fn is_refused(request: &HttpRequest) -> bool {
        L::is_refused(request) || R::is_refused(request)
    }

    fn write_key(&self, key: &mut KeyWriter) {
        match self {
            Self::Left(part) => {
                key.part(&true);
                part.write_key(key);
            }
            Self::Right(part) => {
                key.part(&false);
                part.write_key(key);
            }
        }
    }

    fn extract_without(request: &HttpRequest, flag: &str) -> Option<Result<Self, Error>> {
        if let Ok(left) = L::extract_without(request, flag)? {
            return Some(Ok(Self::Left(left)));
        }
        let right = R::extract_without(request, flag)?.ok()?;
        Some(Ok(Self::Right(right)))
    }
}

macro_rules! tuples {
    ($first:ident $($rest:ident)*) => {
        impl<W, $first: KeyCovered<W>, $($rest: KeyCovered<W>),*> KeyCovered<W> for ($first, $($rest,)*) {
            const FACTS: ArgumentInfo = $first::FACTS$(.union($rest::FACTS))*
                .finding(<Self as KeyCovered<W>>::find_data)
                .refused_as(<Self as KeyCovered<W>>::is_refused);

            fn facts(all: &mut Vec<ArgumentInfo>) {
                $first::facts(all);
                $($rest::facts(all);)*
            }

            fn find_data(request: &HttpRequest, seen: &mut SeenData) {
                $first::find_data(request, seen);
                $($rest::find_data(request, seen);)*
            }

            #[expect(non_snake_case, reason = "the variables have the names of the type parameters")]
            fn extract_without(request: &HttpRequest, flag: &str) -> Option<Result<Self, Error>> {
                let $first = $first::extract_without(request, flag)?;
                $(let $rest = $rest::extract_without(request, flag)?;)*
                let extracted = || Ok(($first?, $($rest?,)*));
                Some(extracted())
            }

            fn is_refused(request: &HttpRequest) -> bool {
                $first::is_refused(request) $(|| $rest::is_refused(request))*
            }

            #[expect(non_snake_case, reason = "the variables have the names of the type parameters")]
            fn write_key(&self, key: &mut KeyWriter) {
                let ($first, $($rest,)*) = self;
                $first.write_key(key);
                $($rest.write_key(key);)*
            }
        }
        tuples!($($rest)*);
    };
    () => {};
}
tuples!(A B C D E F G H I J K L M N O P);

/// A typed header whose `parse` reads the header [`name`](TypedHeader::name) and nothing else of the request.
///
/// actix-web passes the whole message to `parse`, including cookies, and only the header `name` is part
/// of the key. So `web::Header<H>` is [`KeyCovered`] only with this marker on `H`: the headers of
/// actix-web have it; implement it for a header of your own.
///
/// ```
/// use actix_web::error::ParseError;
/// use actix_web::http::header::{Header, HeaderName, HeaderValue, InvalidHeaderValue, TryIntoHeaderValue};
/// use actix_web::{HttpMessage, test::TestRequest, web};
/// use cached_response::{ReadsOneHeader, cached_response};
///
/// struct ApiVersion(String);
///
/// impl Header for ApiVersion {
///     fn name() -> HeaderName { HeaderName::from_static("x-api-version") }
///     fn parse<M: HttpMessage>(message: &M) -> Result<Self, ParseError> {
///         let value = message.headers().get(Self::name()).and_then(|value| value.to_str().ok());
///         value.map(|value| Self(value.to_owned())).ok_or(ParseError::Header)
///     }
/// }
/// # impl TryIntoHeaderValue for ApiVersion {
/// #     type Error = InvalidHeaderValue;
/// #     fn try_into_value(self) -> Result<HeaderValue, Self::Error> { HeaderValue::from_str(&self.0) }
/// # }
///
/// impl ReadsOneHeader for ApiVersion {}
///
/// #[cached_response(timeout = 5m)]
/// async fn page(version: web::Header<ApiVersion>) -> String { version.0.0.clone() }
/// # let _ = page;
/// let request = TestRequest::default().insert_header(("x-api-version", "2")).to_srv_request();
/// assert_eq!(ApiVersion::parse(&request).unwrap().0, "2");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}::parse` receives the whole request, and only the header `{Self}::name()` is part of the cache key",
    label = "may read more than its own header",
    note = "take `request: cached_response::TrackedRequest` instead: the headers that the handler reads through it become part of the key",
    note = "or name every header that `parse` reads in `vary(..)`",
    note = "or, if `parse` reads that header and nothing else, implement the marker `cached_response::ReadsOneHeader` for `{Self}`"
)]
pub trait ReadsOneHeader: TypedHeader {}

impl<W, H: ReadsOneHeader> KeyCovered<W> for Header<H> {
    const FACTS: ArgumentInfo = ArgumentInfo::header(name_of::<H>);
}

fn name_of<H: TypedHeader>() -> HeaderName {
    H::name()
}

macro_rules! read_one_header {
    ($($header:ident)*) => {
        $(impl ReadsOneHeader for header::$header {})*

        /// Each header with its parser.
        #[cfg(test)]
        const KNOWN: &[(&str, fn(&actix_web::HttpRequest) -> String)] =
            &[$((stringify!($header), tests::headers::parsed::<header::$header>)),*];
    };
}

// The source of each was read in actix-web 4.18 and actix-http 3.20: `parse` asks for `Self::name()` alone.
read_one_header! {
    Accept AcceptCharset AcceptEncoding AcceptLanguage Allow CacheControl ContentDisposition
    ContentEncoding ContentLanguage ContentLength ContentRange ContentType Date ETag Expires IfMatch
    IfModifiedSince IfNoneMatch IfRange IfUnmodifiedSince LastModified Range
}

/// The placeholder for a gate in the body of a handler, which must not read the gate: it is not in the
/// key. The name of the type is the help in the compile error.
#[expect(
    missing_debug_implementations,
    reason = "a gate must not be printed either"
)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the attribute creates one for each gate"
)]
pub struct GatedArgumentUseKeyToReadIt;

/// Checks that a type is an extractor, with the error at the argument.
pub const fn is_extractor<T: FromRequest>() {}

#[cfg(test)]
mod tests;
