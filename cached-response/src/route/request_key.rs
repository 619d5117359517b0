//! The key of a request: all inputs of its handler that are known before it runs, except the parts
//! that its arguments add. And the memo of recent keys by request target.

use crate::{
    http::{fields::lines, host},
    key::{Field, HashedKey, InsertedParts, KeyRef, KeyWriter, vary},
    route::{Route, config::RouteConfig, inputs::Inputs},
    util::{WorkerCache, has_weak_hashes, weak_hash},
};
use actix_web::{
    HttpMessage, HttpRequest,
    http::{
        Method,
        header::{self, HeaderName, HeaderValue},
    },
    web::Bytes,
};
use foldhash::fast::RandomState;
use std::{cell::RefCell, hash::BuildHasher, sync::LazyLock};

/// The body of a request.
#[derive(Debug)]
pub(crate) enum RequestBody {
    Nothing,
    /// Not in the key.
    Unkeyed,
    /// In the key as a whole.
    Keyed(Bytes),
    /// Over the limit of a keyed body.
    TooLarge,
}

/// Writes the key without the parts that the arguments add. Returns true if the query has the refresh
/// flag, which the handler cannot see.
pub(crate) fn write(
    config: &RouteConfig,
    request: &HttpRequest,
    sent: &RequestBody,
    key: &mut KeyWriter,
) -> bool {
    let uri = request.uri();
    if let Some(allowlist) = &config.allowlist {
        allowlist.write_place(key);
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        key.field(Field::Method, request.method().as_str().as_bytes());
    }
    key.field(Field::Path, uri.path().as_bytes());
    // One path may match several patterns of one handler with different guards, and one text may be
    // the value of different parameters.
    for (name, value) in request.match_info().iter() {
        key.field(Field::Parameter, name.as_bytes());
        key.field(Field::Parameter, value.as_bytes());
    }
    let flagged = config.query.write(uri.query(), key);
    if config.inputs.intersects(Inputs::URI.union(Inputs::REQUEST)) {
        write_origin(config, request, key);
    }
    if let RequestBody::Keyed(body) = sent {
        key.field(Field::Body, body);
        for name in [header::CONTENT_TYPE, header::CONTENT_ENCODING] {
            key.optional(
                Field::ContentType,
                request.headers().get(name).map(HeaderValue::as_bytes),
            );
        }
    }
    for name in &config.vary {
        write_lines(Field::Vary, name, request, key);
    }
    if let Some(parts) = request.extensions().get::<InsertedParts>() {
        parts.write(key);
    }
    flagged
}

/// Returns true where path and query determine the key that [`write`] writes.
pub(crate) fn target_is_key(
    config: &RouteConfig,
    request: &HttpRequest,
    sent: &RequestBody,
) -> bool {
    config.is_keyed_by_target()
        && matches!(*request.method(), Method::GET | Method::HEAD)
        && !matches!(sent, RequestBody::Keyed(_))
        && !request.extensions().contains::<InsertedParts>()
}

/// Headers from which actix-web builds URLs.
static TRUSTED: [(Field, HeaderName); 4] = [
    (Field::Host, header::HOST),
    (Field::Forwarded, header::FORWARDED),
    (
        Field::ForwardedHost,
        HeaderName::from_static("x-forwarded-host"),
    ),
    (
        Field::ForwardedProto,
        HeaderName::from_static("x-forwarded-proto"),
    ),
];

/// Further headers of proxies about the URL that the client sees. actix-web ignores them, but unknown
/// handlers behind a middleware may read them.
static PROXIED: [HeaderName; 4] = [
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-prefix"),
    HeaderName::from_static("x-forwarded-scheme"),
    HeaderName::from_static("x-forwarded-ssl"),
];

/// Writes the inputs of generated URLs: scheme and authority of the target, and, where the handler
/// sees `HttpRequest`, the headers that actix-web trusts.
fn write_origin(config: &RouteConfig, request: &HttpRequest, key: &mut KeyWriter) {
    let uri = request.uri();
    key.optional(Field::Scheme, uri.scheme_str().map(str::as_bytes));
    let authority = uri
        .authority()
        .map(|authority| authority.as_str().as_bytes());
    let authority = authority.map(|authority| host::normalize(authority, host::is_secure(request)));
    key.optional(Field::Authority, authority.as_deref());
    if config.inputs.intersects(Inputs::REQUEST) {
        for (field, name) in &TRUSTED {
            write_lines(*field, name, request, key);
        }
        if config.allowlist.is_some() {
            for name in &PROXIED {
                key.lines(Field::Vary, name.as_str(), lines(request.headers(), name));
            }
        }
        // The defaults of URLs where the request has none. The address that a server listens on
        // differs between nodes.
        key.field(Field::Scheme, &[u8::from(host::is_over_tls(request))]);
        let own = (!names_host(request)).then(|| request.app_config().host().as_bytes());
        key.optional(Field::Host, own);
    }
}

/// Writes a header line by line; `Host` is normalized.
fn write_lines(field: Field, name: &HeaderName, request: &HttpRequest, key: &mut KeyWriter) {
    if *name == header::HOST {
        vary::write_host_lines(field, request, key);
    } else {
        key.lines(field, name.as_str(), lines(request.headers(), name));
    }
}

/// Returns true where the request itself names its host.
fn names_host(request: &HttpRequest) -> bool {
    let field = request.headers().get(header::HOST);
    field.is_some_and(|host| host.to_str().is_ok()) || request.uri().authority().is_some()
}

/// Places of the memo of recent keys that each worker has. The key of a handler that sees only path and
/// query depends on nothing else, so that the same target need not be parsed again.
const MEMO_PLACES: usize = 256;
/// Longest target that is kept, in bytes.
const MAX_TARGET_BYTES: usize = 512;

/// A target and its key.
struct MemoEntry {
    route: u64,
    target: Box<str>,
    /// Names and values of the path parameters: guards may choose another pattern for the same path.
    parameters: Box<[(Box<str>, Box<str>)]>,
    key: HashedKey,
}

thread_local! {
    static MEMO: RefCell<WorkerCache<MemoEntry, MEMO_PLACES, 1>> = RefCell::new(WorkerCache::new());
}

/// Calls `with` with the key of the request's target, if it is in the memo for this route.
pub(crate) fn find_memoized(route: &Route, request: &HttpRequest, with: impl FnOnce(&HashedKey)) {
    let Some(target) = target(request) else {
        return;
    };
    let hash = hash(route, target);
    // The table of a thread that ends is dropped.
    let _ = MEMO.try_with(|table| {
        let table = table.try_borrow().ok()?;
        let written = table.find(hash, |written| written.is_of(route, target, request))?;
        with(&written.key);
        Some(())
    });
}

/// Notes the key of a request's target, from the second request on.
pub(crate) fn memoize(route: &Route, request: &HttpRequest, key: &KeyRef<'_>) {
    let Some(target) = target(request) else {
        return;
    };
    let hash = hash(route, target);
    let _ = MEMO.try_with(|table| {
        let mut table = table.try_borrow_mut().ok()?;
        let is_known = |written: &MemoEntry| written.is_of(route, target, request);
        if table.find(hash, is_known).is_some() {
            return None;
        }
        table.admit(hash, || {
            let parameters = request.match_info().iter();
            MemoEntry {
                route: route.id,
                target: target.into(),
                parameters: parameters
                    .map(|(name, value)| (name.into(), value.into()))
                    .collect(),
                key: HashedKey::new(key),
            }
        });
        Some(())
    });
}

fn target(request: &HttpRequest) -> Option<&str> {
    let target = request.uri().path_and_query()?.as_str();
    (target.len() <= MAX_TARGET_BYTES).then_some(target)
}

#[inline]
fn hash(route: &Route, target: &str) -> u64 {
    static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);
    if has_weak_hashes() {
        return weak_hash(target.as_bytes()).into();
    }
    HASHER.hash_one((route.id, target))
}

impl MemoEntry {
    fn is_of(&self, route: &Route, target: &str, request: &HttpRequest) -> bool {
        let parameters = request.match_info();
        self.route == route.id
            && *self.target == *target
            && self.parameters.len() == parameters.segment_count()
            && (self.parameters.iter().zip(parameters.iter()))
                .all(|(known, (name, value))| *known.0 == *name && *known.1 == *value)
    }
}

#[cfg(test)]
mod tests;
