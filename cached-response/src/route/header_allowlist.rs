//! Allowlist of request headers and cookies for a middleware, which knows nothing of its handlers.
//!
//! The response might depend on a header or a cookie that is neither known to be neutral nor in the
//! key: such a request bypasses.

use crate::{
    http::{
        cache_control::is_token_character,
        fields::{lines, matches_pattern},
    },
    key::{Field, KeyWriter},
    metrics::reason::Bypass,
};
use actix_web::http::header::{self, HeaderMap, HeaderName};
use std::borrow::Cow;

/// Headers that responses are assumed not to depend on, unless `Vary` names them.
///
/// So is every `sec-*`, which no page can make a browser send. `authorization` has its own rules.
pub(crate) const NEUTRAL: &[&str] = &[
    // Preferences and identity of the client.
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "dnt",
    "origin",
    "priority",
    "referer",
    "save-data",
    "upgrade-insecure-requests",
    "user-agent",
    // Caching.
    "cache-control",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "pragma",
    "range",
    // The connection.
    "connection",
    "content-length",
    "keep-alive",
    "max-forwards",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    // In the key.
    "host",
    "forwarded",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-scheme",
    "x-forwarded-ssl",
    // Proxies, which add only the address of the client.
    "cdn-loop",
    "cf-connecting-ip",
    "cf-ray",
    "true-client-ip",
    "via",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-forwarded-for",
    "x-forwarded-server",
    "x-real-ip",
    // Tracing.
    "b3",
    "sentry-trace",
    "traceparent",
    "tracestate",
    "uber-trace-id",
    "x-amzn-trace-id",
    "x-b3-flags",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-spanid",
    "x-b3-traceid",
    "x-cloud-trace-context",
    "x-correlation-id",
    "x-datadog-origin",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "x-datadog-trace-id",
    "x-request-id",
    "x-request-start",
];

/// Cookies that only scripts in pages read. A trailing `*` stands for any rest of the name.
pub(crate) const IGNORED: &[&str] = &[
    "_ga",
    "_ga_*",
    "_gat",
    "_gat_*",
    "_gid",
    "_gac_*",
    "_gcl_*",
    "_fbp",
    "_fbc",
    "__utm*",
    "_utm*",
    "_pk_id.*",
    "_pk_ref.*",
    "_pk_ses.*",
    "_hjSession_*",
    "_hjSessionUser_*",
    "_clck",
    "_clsk",
    "_uetsid",
    "_uetvid",
];

/// The headers and cookies that do not cause a bypass.
#[derive(Debug)]
pub(crate) struct HeaderAllowlist {
    /// Location in the source of the middleware, which distinguishes it from others.
    place: &'static str,
    /// By length, so that each name of a request is compared with few.
    headers: Vec<Vec<HeaderName>>,
    /// `vary("cookie")`: they are in the key.
    keyed_cookies: bool,
    cookies: Vec<Cow<'static, str>>,
}

/// A header or cookie that a response might depend on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum UnknownInput<'a> {
    Header(&'a HeaderName),
    /// The raw name, empty where the pair has none: it may be a secret.
    Cookie(&'a [u8]),
}

impl HeaderAllowlist {
    /// Allows the published headers and cookies, those in the key, and those of the policy.
    pub(crate) fn new(
        place: &'static str,
        keyed: &[HeaderName],
        neutral: &[HeaderName],
        cookies: &[Box<str>],
    ) -> Self {
        let published = NEUTRAL.iter().map(|name| HeaderName::from_static(name));
        let mut headers: Vec<Vec<HeaderName>> = Vec::new();
        for name in published.chain(keyed.iter().chain(neutral).cloned()) {
            let length = name.as_str().len();
            if headers.len() <= length {
                headers.resize_with(length + 1, Vec::new);
            }
            headers[length].push(name);
        }
        let ignored = IGNORED.iter().map(|name| Cow::Borrowed(*name));
        let added = cookies.iter().map(|name| Cow::Owned(name.to_string()));
        Self {
            place,
            headers,
            keyed_cookies: keyed.contains(&header::COOKIE),
            cookies: ignored.chain(added).collect(),
        }
    }

    /// Writes the location of the middleware into the key.
    pub(crate) fn write_place(&self, key: &mut KeyWriter) {
        key.field(Field::Place, self.place.as_bytes());
    }

    /// Returns the first unknown header or cookie.
    pub(crate) fn unknown<'a>(&self, headers: &'a HeaderMap) -> Option<UnknownInput<'a>> {
        headers.keys().find_map(|name| {
            if *name == header::COOKIE {
                return self.cookie(headers);
            }
            (!self.is_neutral(name)).then_some(UnknownInput::Header(name))
        })
    }

    fn is_neutral(&self, name: &HeaderName) -> bool {
        let text = name.as_str();
        let known = self.headers.get(text.len());
        known.is_some_and(|known| known.contains(name))
            || text.starts_with("sec-")
            || *name == header::AUTHORIZATION
    }

    fn cookie<'a>(&self, headers: &'a HeaderMap) -> Option<UnknownInput<'a>> {
        if self.keyed_cookies {
            return None;
        }
        let unknown = pairs(headers).find(|pair| !self.is_ignored(name(pair)))?;
        let is_named = unknown.contains(&b'=');
        let shown = if is_named { name(unknown) } else { &[] };
        Some(UnknownInput::Cookie(shown))
    }

    fn is_ignored(&self, name: &[u8]) -> bool {
        let Ok(name) = str::from_utf8(name) else {
            return false;
        };
        self.cookies
            .iter()
            .any(|pattern| matches_pattern(pattern, name))
    }
}

/// The pairs of all cookies.
fn pairs(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    lines(headers, &header::COOKIE)
        .flat_map(|line| line.split(|byte| *byte == b';'))
        .map(<[u8]>::trim_ascii)
        .filter(|pair| !pair.is_empty())
}

/// The text of a pair up to its `=`; all of one that has none, since a handler may read the field itself.
fn name(pair: &[u8]) -> &[u8] {
    let name = pair.split(|byte| *byte == b'=').next();
    name.unwrap_or(pair).trim_ascii()
}

impl UnknownInput<'_> {
    pub(crate) fn reason(&self) -> Bypass {
        match self {
            Self::Header(_) => Bypass::Header,
            Self::Cookie(_) => Bypass::Cookie,
        }
    }

    /// The reason with the name, `header:x-api-key`, where that is a token of a structured field
    /// (RFC 8941 §3.3.4) of at most 64 bytes.
    pub(crate) fn as_str(&self) -> Cow<'static, str> {
        const MAX_NAME_BYTES: usize = 64;
        let word = self.reason().as_str();
        let name = match self {
            Self::Header(name) => name.as_str().as_bytes(),
            Self::Cookie(name) => name,
        };
        match str::from_utf8(name) {
            Ok(text)
                if (1..=MAX_NAME_BYTES).contains(&text.len())
                    && name.iter().copied().all(is_token_character) =>
            {
                Cow::Owned(format!("{word}:{text}"))
            }
            _ => Cow::Borrowed(word),
        }
    }
}

#[cfg(test)]
mod tests;
