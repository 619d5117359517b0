//! Typed headers: for an argument `Header<H>` the header `H::name()` is part of the key.

use crate::{extract::covered::KeyCovered, route::inputs::ArgumentInfo};
use actix_web::{
    http::header::{self, Header as Field, HeaderName},
    web::Header,
};

/// A typed header whose `parse` reads the header [`name`](Field::name) and nothing else of the request.
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
pub trait ReadsOneHeader: Field {}

impl<W, H: ReadsOneHeader> KeyCovered<W> for Header<H> {
    const FACTS: ArgumentInfo = ArgumentInfo::header(name_of::<H>);
}

fn name_of<H: Field>() -> HeaderName {
    H::name()
}

macro_rules! read_one_header {
    ($($header:ident)*) => {
        $(impl ReadsOneHeader for header::$header {})*

        /// Each header with its parser.
        #[cfg(test)]
        const KNOWN: &[(&str, fn(&actix_web::HttpRequest) -> String)] =
            &[$((stringify!($header), tests::parsed::<header::$header>)),*];
    };
}

// The source of each was read in actix-web 4.18 and actix-http 3.20: `parse` asks for `Self::name()` alone.
read_one_header! {
    Accept AcceptCharset AcceptEncoding AcceptLanguage Allow CacheControl ContentDisposition
    ContentEncoding ContentLanguage ContentLength ContentRange ContentType Date ETag Expires IfMatch
    IfModifiedSince IfNoneMatch IfRange IfUnmodifiedSince LastModified Range
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::{HttpRequest, test::TestRequest};
    use std::fmt::Debug;

    pub(crate) fn parsed<H: Field + Debug>(request: &HttpRequest) -> String {
        let name = H::name();
        let alone = request
            .headers()
            .get_all(&name)
            .fold(TestRequest::default(), |alone, value| {
                alone.append_header((name.clone(), value.clone()))
            });
        let alone = H::parse(&alone.to_http_request());
        assert!(alone.is_ok(), "{name}: {alone:?}");
        let beside_others = H::parse(request);
        assert_eq!(format!("{beside_others:?}"), format!("{alone:?}"), "{name}");
        let without = request
            .headers()
            .iter()
            .filter(|(other, _)| **other != name)
            .fold(TestRequest::default(), |request, field| {
                request.append_header(field)
            });
        let nothing = H::parse(&TestRequest::default().to_http_request());
        let without = H::parse(&without.to_http_request());
        assert_eq!(format!("{without:?}"), format!("{nothing:?}"), "{name}");
        name.to_string()
    }

    #[test]
    fn a_typed_header_of_actix_web_reads_its_own_header_only() {
        const DAY: &str = "Thu, 01 Jan 1970 00:00:01 GMT";
        let request = [
            ("accept", "text/html"),
            ("accept-charset", "utf-8"),
            ("accept-encoding", "gzip"),
            ("accept-language", "de"),
            ("allow", "GET"),
            ("cache-control", "no-store"),
            ("content-disposition", "attachment; filename=\"a\""),
            ("content-encoding", "br"),
            ("content-language", "da"),
            ("content-length", "7"),
            ("content-range", "bytes 0-1/2"),
            ("content-type", "text/plain"),
            ("date", DAY),
            ("etag", "\"a\""),
            ("expires", DAY),
            ("if-match", "\"b\""),
            ("if-modified-since", DAY),
            ("if-none-match", "\"c\""),
            ("if-range", "\"d\""),
            ("if-unmodified-since", DAY),
            ("last-modified", DAY),
            ("range", "bytes=0-1"),
            ("cookie", "user=7"),
        ]
        .into_iter()
        .fold(TestRequest::default(), TestRequest::append_header)
        .to_http_request();
        let mut names: Vec<_> = KNOWN.iter().map(|(_, parsed)| parsed(&request)).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KNOWN.len());
        assert_eq!(
            request.headers().len(),
            KNOWN.len() + 1,
            "each header is in the request"
        );
    }
}
