//! The outcome of a request that is described in a query: its route is found as the application finds it.

use crate::{
    cache::ResponseCache,
    explain::{Explanation, Outcome},
    http::host::{DescribedOverTls, is_over_tls},
};
use actix_web::{
    HttpMessage as _, HttpRequest,
    dev::{Path, ResourceDef, Url},
    http::{
        Method, Uri,
        header::{self, HeaderName, HeaderValue},
        uri::Authority,
    },
    test::TestRequest,
};
use serde::Serialize;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A request that is described in the query of another one.
#[derive(Debug)]
pub(crate) struct Described {
    method: Method,
    uri: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// The outcome of a request, without any value of it.
#[derive(Debug, Serialize)]
pub(crate) struct Explained {
    /// `None` where the application has no route for the path, and answers 404.
    pattern: Option<String>,
    /// One for each cached handler of the route that was called since the start of the process.
    handlers: Vec<ExplainedHandler>,
    /// The scheme that the request is taken to have.
    scheme: &'static str,
    /// Parts of a request that a description has not.
    unseen: [&'static str; 2],
}

const UNSEEN: [&str; 2] = [
    "parts of the key that a middleware inserts, and all else that it does with a request",
    "HTTP/2: of a handler that takes `HttpRequest` or `Uri`, its requests have other keys than those of HTTP/1.1",
];

#[derive(Debug, Serialize)]
struct ExplainedHandler {
    handler: &'static str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fresh_seconds: Option<u64>,
    /// Names of the parts of the key.
    key: Vec<String>,
    tags: Vec<String>,
}

impl Described {
    /// Reads `method`, `url` and any number of `header=name: value`.
    ///
    /// # Errors
    /// What to write.
    pub(crate) fn parse(query: &str) -> Result<Self, &'static str> {
        let mut described = Self {
            method: Method::GET,
            uri: Uri::default(),
            headers: Vec::new(),
        };
        let mut has_url = false;
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "method" => described.method = method(&value)?,
                "url" => {
                    described.uri = value.parse().map_err(|_| WRONG_URL)?;
                    has_url = true;
                }
                "header" => described.headers.push(field(&value)?),
                _ => return Err("the parameters are `method`, `url` and `header`"),
            }
        }
        let scheme = described.uri.scheme_str();
        let is_http = scheme.is_none_or(|scheme| matches!(scheme, "http" | "https"));
        if !has_url || !is_http || !described.uri.path().starts_with('/') {
            return Err(WRONG_URL);
        }
        Ok(described)
    }

    /// Explains the request as one to the application that has received `here`.
    pub(crate) fn explain(self, cache: &ResponseCache, here: &HttpRequest) -> Explained {
        let path = self.uri.path().to_owned();
        let is_https = self.is_https(here);
        let scheme = if is_https { "https" } else { "http" };
        let Some(pattern) = here.resource_map().match_pattern(&path) else {
            return Explained {
                pattern: None,
                handlers: Vec::new(),
                scheme,
                unseen: UNSEEN,
            };
        };
        let request = self.into_request(&pattern, here);
        if is_https {
            request.extensions_mut().insert(DescribedOverTls);
        }
        // A condition of the route, such as `unless`, may expect what only a real request has.
        let explain = AssertUnwindSafe(|| cache.explain_as(&pattern, &request));
        let explained = catch_unwind(explain).unwrap_or_default();
        Explained {
            handlers: explained.into_iter().map(ExplainedHandler::of).collect(),
            pattern: Some(pattern),
            scheme,
            unseen: UNSEEN,
        }
    }

    /// Returns true for the scheme `https` of the URL; a path has that of the request to the scope.
    fn is_https(&self, here: &HttpRequest) -> bool {
        match self.uri.scheme_str() {
            Some(scheme) => scheme.eq_ignore_ascii_case("https"),
            None => is_over_tls(here),
        }
    }

    fn into_request(self, pattern: &str, here: &HttpRequest) -> HttpRequest {
        let mut path = Path::new(Url::new(self.uri.clone()));
        ResourceDef::new(pattern).capture_match_info(&mut path);
        let target = self
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str());
        let mut request = TestRequest::with_uri(target).method(self.method);
        for (name, value) in path.iter() {
            request = request.param(name.to_owned(), value.to_owned());
        }
        if let Some(peer) = here.peer_addr() {
            request = request.peer_addr(peer);
        }
        if !self.headers.iter().any(|(name, _)| *name == header::HOST) {
            let named = self.uri.authority().map(Authority::as_str);
            let named = named.and_then(|named| HeaderValue::from_str(named).ok());
            let host = named.or_else(|| here.headers().get(header::HOST).cloned());
            request =
                request.insert_header((header::HOST, host.unwrap_or(HeaderValue::from_static(""))));
        }
        let fields = self.headers.into_iter();
        fields
            .fold(request, TestRequest::append_header)
            .to_http_request()
    }
}

const WRONG_URL: &str = "`url` is a path with its query, or an address of `http` or `https`, percent-encoded, as in \
                         `url=%2Flist%3Fpage%3D2`";

fn method(text: &str) -> Result<Method, &'static str> {
    Method::from_bytes(text.as_bytes()).map_err(|_| "`method` is not the name of a method")
}

fn field(line: &str) -> Result<(HeaderName, HeaderValue), &'static str> {
    const WRONG: &str = "a `header` is written `name: value`, percent-encoded";
    let (name, value) = line.split_once(':').ok_or(WRONG)?;
    let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| WRONG)?;
    let value = HeaderValue::from_str(value.trim()).map_err(|_| WRONG)?;
    Ok((name, value))
}

impl ExplainedHandler {
    fn of(explained: Explanation) -> Self {
        let (outcome, reason, left) = match explained.outcome {
            Outcome::Hit(left) => ("hit", None, Some(left.as_secs())),
            Outcome::Miss(why) => ("miss", Some(why.as_str()), None),
            Outcome::Bypass(why) => ("bypass", Some(why.as_str()), None),
            Outcome::OnlyIfCached => ("only-if-cached", None, None),
            Outcome::Unknown => ("unknown", None, None),
        };
        Self {
            handler: explained.handler,
            outcome,
            reason,
            fresh_seconds: left,
            key: explained.keyed.iter().map(part).collect(),
            tags: explained.tags,
        }
    }
}

/// The name of a part of the key, and of a query the names of its pairs.
fn part((name, value): &(String, String)) -> String {
    if name != "query" {
        return name.clone();
    }
    // A pair without a name is all value.
    let names = value
        .split('&')
        .map(|pair| pair.split_once('=').map_or("?", |(name, _)| name));
    format!("query: {}", names.collect::<Vec<_>>().join(", "))
}
