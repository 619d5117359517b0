//! Storability of a response (RFC 9111 §3) and its lifetime.
//!
//! By default only a complete 200 without `Set-Cookie` is stored, unless its own fields forbid it.
//! A prohibition takes precedence over what the route permits.

use crate::{
    http::{
        cache_control::{self, CacheControl, Strictness, Withheld},
        conditional::is_conditional,
        fields::{self, lines},
        freshness::{Freshness, Lifetime, Received, has_validator},
    },
    metrics::reason::Skip,
};
use actix_web::http::{
    StatusCode,
    header::{self, HeaderMap, HeaderName},
};
use std::time::{Duration, SystemTime};

/// The part of a route's configuration that decides about storing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StorageRules<'a> {
    /// The statuses that are stored, each with its own TTL where it has one.
    pub(crate) statuses: &'a [(StatusCode, Option<Duration>)],
    /// The request headers in the key.
    pub(crate) vary: &'a [HeaderName],
    /// Set where the response states its own lifetime.
    pub(crate) from_response: Option<&'a FromResponse>,
}

/// Interpretation of a response that states its own lifetime.
#[derive(Clone, Debug, Default)]
pub(crate) struct FromResponse {
    /// Fraction of the time since `Last-Modified` that is the heuristic lifetime.
    pub(crate) heuristic_fraction: Option<f32>,
    /// The field that replaces `Cache-Control` (RFC 9213).
    pub(crate) targeted: Option<HeaderName>,
}

/// The head of a response and of its request, as far as the rules read them.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that the rules read one by one, no states"
)]
pub(crate) struct ResponseHead<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    /// The handler returned `Err`.
    pub(crate) error: bool,
    pub(crate) upgrade: bool,
    pub(crate) head: bool,
    /// The request had `Authorization`, and the route has no users in its key.
    pub(crate) authorized: bool,
    pub(crate) origin: Option<&'a [u8]>,
    /// Time of day when the response was complete, and duration of its run.
    pub(crate) at: SystemTime,
    pub(crate) delay: Duration,
    /// TTL set by the handler so far.
    pub(crate) handler_ttl: Option<Duration>,
}

/// A response that may be stored.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Storable {
    /// TTL of its status, where the route sets one for it.
    pub(crate) timeout: Option<Duration>,
    /// Upper bound of the route's TTL, set by the response.
    pub(crate) s_maxage: Option<Duration>,
    /// Its own directives. Where the route sets a TTL, their freshness is not read.
    pub(crate) directives: ResponseDirectives,
    /// The names in its `Vary` that are not in the route's key.
    pub(crate) vary: Vec<HeaderName>,
}

/// The directives of a response about its reuse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResponseDirectives {
    pub(crate) freshness: Freshness,
    /// `no-cache`: stored only to be validated.
    pub(crate) no_cache: bool,
    /// Reusable for requests with `Authorization` (RFC 9111 §3.5).
    pub(crate) shareable_with_authorization: bool,
    /// Never reused while stale, whatever a client accepts (RFC 9111 §4.2.4).
    pub(crate) never_stale: bool,
    /// `stale-while-revalidate` (RFC 5861 §3).
    pub(crate) while_revalidate: Option<Duration>,
    /// `stale-if-error` (RFC 5861 §4).
    pub(crate) if_error: Option<Duration>,
    /// Fields that only the client of the run receives.
    pub(crate) withheld: Vec<HeaderName>,
}

impl Storable {
    /// Returns lifetime and age. The TTL is the handler's, else that of the status, else the
    /// route's; the last two are shortened by `s-maxage`. Without any the response's own freshness
    /// counts. `None` for a TTL of zero.
    pub(crate) fn freshness(
        &self,
        handler_ttl: Option<Duration>,
        route_ttl: impl FnOnce() -> Option<Duration>,
    ) -> Option<Freshness> {
        let Freshness { age, .. } = self.directives.freshness;
        let shortened = |ttl: Duration| self.s_maxage.map_or(ttl, |longest| ttl.min(longest));
        let ttl = handler_ttl.or_else(|| self.timeout.or_else(route_ttl).map(shortened));
        match ttl {
            Some(Duration::ZERO) => None,
            // Counted from now, however old the response was on arrival.
            Some(ttl) if !self.directives.no_cache => Some(Freshness {
                lifetime: age.saturating_add(ttl),
                age,
            }),
            _ => Some(self.directives.freshness),
        }
    }
}

/// Decides from the heads of request and response alone.
pub(crate) fn storability(
    rules: StorageRules<'_>,
    made: &ResponseHead<'_>,
) -> Result<Storable, Skip> {
    if made.error && !is_stored_error(rules, made.status) {
        return Err(Skip::Error);
    }
    if made.upgrade || made.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Skip::Upgrade);
    }
    let named = named_status(rules, made.status)?;
    if made.headers.contains_key(&header::SET_COOKIE) {
        return Err(Skip::SetCookie);
    }
    let storable = match rules.from_response {
        None => with_route_ttl(made, named)?,
        Some(from_response) => with_own_lifetime(from_response, made, named)?,
    };
    if made.authorized && !storable.directives.shareable_with_authorization {
        return Err(Skip::Authorization);
    }
    let vary = vary_names(rules, made.headers)?;
    is_shareable(made, &vary, rules)?;
    if made.head {
        return Err(Skip::Head);
    }
    Ok(Storable { vary, ..storable })
}

/// Returns true where [`storability`] may read a field of this name. Where the response states its
/// own lifetime, it may read any.
pub(crate) fn reads_field(rules: StorageRules<'_>, name: &HeaderName) -> bool {
    const READ: [HeaderName; 7] = [
        header::CONTENT_TYPE,
        header::CACHE_CONTROL,
        header::VARY,
        header::SET_COOKIE,
        header::CONTENT_SECURITY_POLICY,
        header::CONTENT_SECURITY_POLICY_REPORT_ONLY,
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
    ];
    rules.from_response.is_some() || READ.contains(name)
}

/// Returns true for a 400 that may be due to a condition or a range, which is in no key: `NamedFile`
/// answers so to a `Range` that is not text.
pub(crate) fn may_reject_condition(status: StatusCode, request: &HeaderMap) -> bool {
    status == StatusCode::BAD_REQUEST && is_conditional(request)
}

/// Returns true for an `Err` whose status the route names: `Err(ErrorNotFound(..))` is a 404 like any
/// other. A server error is none, and an `Err` with the status of a success is a mistake.
fn is_stored_error(rules: StorageRules<'_>, status: StatusCode) -> bool {
    (status.is_redirection() || status.is_client_error())
        && rules.statuses.iter().any(|(known, _)| *known == status)
}

/// `Some` for a status that the route names, with its TTL where it has its own.
type NamedStatus = Option<Option<Duration>>;

fn named_status(rules: StorageRules<'_>, status: StatusCode) -> Result<NamedStatus, Skip> {
    let named = rules.statuses.iter().find(|(known, _)| *known == status);
    match named {
        Some((_, timeout)) => Ok(Some(*timeout)),
        // No status is named where the response itself decides.
        None if rules.statuses.is_empty() && is_shared_status(status) => Ok(None),
        None => Err(Skip::Status),
    }
}

/// Judges a response of a route that sets the TTL.
fn with_route_ttl(made: &ResponseHead<'_>, named: NamedStatus) -> Result<Storable, Skip> {
    let field = lines(made.headers, &header::CACHE_CONTROL);
    let read = CacheControl::parse(field, Strictness::Forbid);
    permits_storing(&read)?;
    Ok(Storable {
        timeout: named.flatten(),
        s_maxage: read.s_maxage,
        directives: ResponseDirectives {
            shareable_with_authorization: is_shareable_with_authorization(&read),
            never_stale: forbids_stale(&read),
            ..ResponseDirectives::default()
        },
        vary: Vec::new(),
    })
}

fn permits_storing(read: &CacheControl) -> Result<(), Skip> {
    if read.no_store {
        return Err(Skip::NoStore);
    }
    if read.private != Withheld::Nothing {
        return Err(Skip::Private);
    }
    if read.no_cache != Withheld::Nothing {
        return Err(Skip::NoCache);
    }
    if read.malformed {
        return Err(Skip::CacheControl);
    }
    let zero = Some(Duration::ZERO);
    if read.s_maxage == zero || (read.max_age == zero && read.s_maxage.is_none()) {
        return Err(Skip::MaxAge);
    }
    Ok(())
}

/// RFC 9111 §3.5.
fn is_shareable_with_authorization(read: &CacheControl) -> bool {
    read.public || read.s_maxage.is_some() || read.must_revalidate
}

/// RFC 9111 §4.2.4.
fn forbids_stale(read: &CacheControl) -> bool {
    read.must_revalidate || read.proxy_revalidate || read.s_maxage.is_some()
}

/// Judges a response that states its own lifetime.
fn with_own_lifetime(
    from_response: &FromResponse,
    made: &ResponseHead<'_>,
    named: NamedStatus,
) -> Result<Storable, Skip> {
    let received = Received {
        headers: made.headers,
        at: made.at,
        delay: made.delay,
    };
    let overrides = Overrides {
        names_status: named.is_some(),
        sets_ttl: named.flatten().is_some() || made.handler_ttl.is_some(),
    };
    Ok(Storable {
        timeout: named.flatten(),
        s_maxage: None,
        directives: own_directives(from_response, made.status, &received, overrides)?,
        vary: Vec::new(),
    })
}

/// Statements of the route and the handler that replace those of the response.
#[derive(Clone, Copy, Debug, Default)]
struct Overrides {
    /// The route names this status.
    names_status: bool,
    /// A TTL replaces the response's own lifetime.
    sets_ttl: bool,
}

/// Reads the response's own directives, or the reason why it is not stored (RFC 9111 §3).
fn own_directives(
    from_response: &FromResponse,
    status: StatusCode,
    received: &Received<'_>,
    overrides: Overrides,
) -> Result<ResponseDirectives, Skip> {
    let read = cache_control::effective(received.headers, from_response.targeted.as_ref());
    let understood = overrides.names_status || is_heuristically_cacheable(status);
    permits_shared_storing(&read, understood)?;
    let fraction = from_response.heuristic_fraction;
    let lifetime = received.lifetime(&read, fraction.filter(|_| understood || read.public));
    if lifetime == Lifetime::Unknown && !(understood || read.public || overrides.sets_ttl) {
        return Err(Skip::Lifetime);
    }
    let no_cache = read.no_cache == Withheld::All;
    let freshness = Freshness {
        lifetime: match lifetime {
            Lifetime::Explicit(lifetime) | Lifetime::Heuristic(lifetime) if !no_cache => lifetime,
            _ => Duration::ZERO,
        },
        age: received.age(),
    };
    if !has_validator(received) && (no_cache || !permits_stale(&read)) {
        is_reusable(no_cache, lifetime, freshness, overrides)?;
    }
    Ok(ResponseDirectives {
        freshness,
        no_cache,
        shareable_with_authorization: is_shareable_with_authorization(&read),
        never_stale: no_cache || forbids_stale(&read),
        while_revalidate: read.stale_while_revalidate,
        if_error: read.stale_if_error,
        withheld: [read.private.fields(), read.no_cache.fields()].concat(),
    })
}

fn permits_shared_storing(read: &CacheControl, understood: bool) -> Result<(), Skip> {
    // RFC 9111 §5.2.2.3: the `no-store` beside `must-understand` is for caches that do not know the
    // latter.
    if read.must_understand && !understood {
        return Err(Skip::Status);
    }
    if read.no_store && !read.must_understand {
        return Err(Skip::NoStore);
    }
    if read.private == Withheld::All {
        return Err(Skip::Private);
    }
    Ok(())
}

/// Returns true where the response permits its reuse while stale (RFC 5861).
fn permits_stale(read: &CacheControl) -> bool {
    let windows = [read.stale_while_revalidate, read.stale_if_error];
    let mut windows = windows.into_iter().flatten();
    windows.any(|window| !window.is_zero()) && !forbids_stale(read)
}

/// Checks that a response without a validator can be reused at all.
fn is_reusable(
    no_cache: bool,
    lifetime: Lifetime,
    freshness: Freshness,
    overrides: Overrides,
) -> Result<(), Skip> {
    if no_cache {
        Err(Skip::NoCache)
    } else if overrides.sets_ttl || !freshness.is_stale() {
        Ok(())
    } else if lifetime == Lifetime::Unknown {
        Err(Skip::Lifetime)
    } else {
        Err(Skip::Expired)
    }
}

/// Returns true for a status whose responses may answer several requests. Those to a range or a
/// precondition answer what is in no key, and those of RFC 6585 must not be stored.
fn is_shared_status(status: StatusCode) -> bool {
    is_storable_status(status) && !matches!(status.as_u16(), 428 | 429 | 431 | 511)
}

/// Returns true for a status whose responses may be stored where the route names it.
pub(crate) fn is_storable_status(status: StatusCode) -> bool {
    !status.is_informational() && !matches!(status.as_u16(), 206 | 304 | 412 | 416)
}

/// Returns true for the heuristically cacheable statuses (RFC 9110 §15.1).
fn is_heuristically_cacheable(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501
    )
}

/// Most names that select a variant: more are a mistake, and each is read of every request.
pub(crate) const MAX_VARY_NAMES: usize = 16;

fn vary_names(rules: StorageRules<'_>, headers: &HeaderMap) -> Result<Vec<HeaderName>, Skip> {
    let mut names: Vec<HeaderName> = Vec::new();
    for member in fields::tokens(lines(headers, &header::VARY)) {
        // A name that is not a token cannot be compared and counts as `*`. `HeaderName` accepts
        // quotes, which are not part of a token.
        let name = HeaderName::from_bytes(member).map_err(|_| Skip::Vary)?;
        if name.as_str() == "*" || member.contains(&b'"') {
            return Err(Skip::Vary);
        }
        if !rules.vary.contains(&name) && !names.contains(&name) {
            names.push(name);
        }
        if names.len() > MAX_VARY_NAMES {
            return Err(Skip::VaryNames);
        }
    }
    Ok(names)
}

/// Rejects endless bodies, CSP nonces, and a reflected origin without `Vary: Origin`.
fn is_shareable(
    made: &ResponseHead<'_>,
    vary: &[HeaderName],
    rules: StorageRules<'_>,
) -> Result<(), Skip> {
    let media = made
        .headers
        .get(&header::CONTENT_TYPE)
        .map_or(&b""[..], |value| value.as_bytes());
    let media = media
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    if media.eq_ignore_ascii_case(b"text/event-stream")
        || media.eq_ignore_ascii_case(b"multipart/x-mixed-replace")
    {
        return Err(Skip::Endless);
    }
    let policies = lines(made.headers, &header::CONTENT_SECURITY_POLICY).chain(lines(
        made.headers,
        &header::CONTENT_SECURITY_POLICY_REPORT_ONLY,
    ));
    if policies.into_iter().any(has_nonce) {
        return Err(Skip::Nonce);
    }
    let allowed = made.headers.get(&header::ACCESS_CONTROL_ALLOW_ORIGIN);
    let reflected = allowed.is_some_and(|allowed| {
        made.origin
            .is_some_and(|origin| origin == allowed.as_bytes())
    });
    if reflected && !vary.contains(&header::ORIGIN) && !rules.vary.contains(&header::ORIGIN) {
        return Err(Skip::Origin);
    }
    Ok(())
}

fn has_nonce(policy: &[u8]) -> bool {
    policy
        .windows(7)
        .any(|part| part.eq_ignore_ascii_case(b"'nonce-"))
}

#[cfg(test)]
mod tests;
