//! Fields of a response that belong to one connection or one request and are not replayed from the
//! store.

use crate::http::fields;
use actix_web::http::header::{self, HeaderMap, HeaderName};

/// Fields that belong to the one request whose response they came with. A trailing `*` stands for any
/// rest of the name.
///
/// The response is stored without them; the answer of the run itself keeps them.
pub(crate) const OF_ONE_REQUEST: &[&str] = &[
    // Identifiers for logs and traces.
    "b3",
    "correlation-id",
    "request-id",
    "traceparent",
    "traceresponse",
    "tracestate",
    "uber-trace-id",
    "x-amz-id-2",
    "x-amz-request-id",
    "x-amzn-requestid",
    "x-amzn-trace-id",
    "x-b3-*",
    "x-cloud-trace-context",
    "x-correlation-id",
    "x-datadog-*",
    "x-request-id",
    "x-trace-id",
    // Durations.
    "server-timing",
    "x-response-time",
    "x-runtime",
    // Limits and tokens of one client.
    "csrf-token",
    "ratelimit",
    "ratelimit-*",
    "x-csrf-token",
    "x-rate-limit-*",
    "x-ratelimit-*",
    "x-xsrf-token",
];

/// Hop-by-hop fields (RFC 9110 §7.6.1), and those that are computed for each answer.
const OF_ONE_CONNECTION: [HeaderName; 12] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("proxy-authentication-info"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::CONTENT_LENGTH,
    header::AGE,
];

/// Returns the fields of `headers` that may be replayed. `added` are patterns of names that the route
/// adds to the published ones.
pub(crate) fn replayed<'a>(
    headers: &'a HeaderMap,
    added: &'a [Box<str>],
) -> impl Iterator<Item = (&'a HeaderName, &'a header::HeaderValue)> {
    let listed: Vec<&[u8]> = fields::tokens(fields::lines(headers, &header::CONNECTION)).collect();
    headers.iter().filter(move |(name, _)| {
        let text = name.as_str();
        let is_listed = |token: &&[u8]| token.eq_ignore_ascii_case(text.as_bytes());
        !OF_ONE_CONNECTION.contains(name)
            && !is_of_one_request(text, added)
            && !listed.iter().any(is_listed)
    })
}

fn is_of_one_request(name: &str, added: &[Box<str>]) -> bool {
    let published = OF_ONE_REQUEST.iter().copied();
    published
        .chain(added.iter().map(AsRef::as_ref))
        .any(|pattern| fields::matches_pattern(pattern, name))
}

/// Returns the pattern in lower case, if it is the name of a field or the beginning of one with a `*`.
pub(crate) fn pattern(text: &str) -> Option<Box<str>> {
    let beginning = text.strip_suffix('*').unwrap_or(text);
    let name = HeaderName::from_bytes(beginning.as_bytes()).ok()?;
    let is_whole = !beginning.contains('*');
    is_whole.then(|| format!("{name}{}", &text[beginning.len()..]).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn kept(names: &[&'static str], added: &[&str]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for name in names {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static("1"));
        }
        let added: Vec<_> = added.iter().map(|text| pattern(text).unwrap()).collect();
        let kept = replayed(&headers, &added);
        kept.map(|(name, _)| name.to_string()).collect()
    }

    #[test]
    fn identifiers_of_a_request_and_limits_of_its_client_are_not_replayed() {
        for name in [
            "x-request-id",
            "x-correlation-id",
            "request-id",
            "x-amzn-trace-id",
            "x-csrf-token",
            "ratelimit",
            "ratelimit-policy",
            "x-ratelimit-remaining",
            "x-b3-traceid",
        ] {
            assert_eq!(kept(&[name], &[]), [""; 0], "{name}");
        }
        for name in ["retry-after", "ratelimits", "x-b3", "x-request-identity"] {
            assert_eq!(kept(&[name], &[]), [name]);
        }
    }

    #[test]
    fn a_route_adds_names_and_their_beginnings() {
        let added = ["X-Served-By", "x-debug-*"];
        let names = ["x-served-by", "x-debug-sql", "x-debug", "x-served-by-us"];
        let mut left = kept(&names, &added);
        left.sort_unstable();
        assert_eq!(left, ["x-debug", "x-served-by-us"]);
    }

    #[test]
    fn an_invalid_field_name_is_no_pattern() {
        for text in ["", "*", "a b", "x-*-y", "x-**", "x:"] {
            assert_eq!(pattern(text), None, "{text}");
        }
        assert_eq!(pattern("X-A*").as_deref(), Some("x-a*"));
    }

    #[test]
    fn the_guide_publishes_the_list() {
        let guide = include_str!("../../docs/what-is-cached.md");
        for name in OF_ONE_REQUEST {
            assert!(guide.contains(&format!("`{name}`")), "{name}");
        }
    }
}
