//! Whether a response may be stored, and for how long.
//!
//! By default: a complete 200 without `Set-Cookie`, and nothing in its own headers that forbids
//! it. What forbids always beats what the route says.

use crate::{
    http::{
        cache_control::CacheControl,
        conditional::is_conditional,
        fields::{self, lines},
        freshness::{Freshness, Received},
        response_directives::{Author, ResponseDirectives, is_for_all, own},
    },
    metrics::reason::Skip,
    policy::ttl::ByResponse,
    route::config::RouteConfig,
};
use actix_web::http::{
    StatusCode,
    header::{self, HeaderMap, HeaderName},
};
use std::time::{Duration, SystemTime};

/// The head of a response, and of the request it answers, as far as the rules ask for them.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that the rules ask for one by one, no states"
)]
pub(crate) struct ResponseHead<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    /// The handler returned `Err`.
    pub(crate) error: bool,
    pub(crate) upgrade: bool,
    pub(crate) head: bool,
    /// The request had `Authorization` and the route knows nothing of users.
    pub(crate) authorized: bool,
    pub(crate) origin: Option<&'a [u8]>,
    /// The time of day when it was there, and how long its run took.
    pub(crate) at: SystemTime,
    pub(crate) delay: Duration,
    /// The timeout that the handler has set by now.
    pub(crate) handler_ttl: Option<Duration>,
}

/// The rules' answer about one response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Store(Storable),
    Skip(Skip),
}

/// What is known of a response that may be stored.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Storable {
    /// The timeout of its status, where that has one of its own.
    pub(crate) timeout: Option<Duration>,
    /// The longest that it allows itself to be shared.
    pub(crate) s_maxage: Option<Duration>,
    /// What it says of its own reuse. Where the route has a timeout, its freshness is not asked.
    pub(crate) directives: ResponseDirectives,
    /// The names in its `Vary` that the route's key does not hold.
    pub(crate) vary: Vec<HeaderName>,
}

impl Storable {
    /// The lifetime: what the handler said of this response, else its status's own timeout, else
    /// the route's, else the cache's, `unsaid`; shortened by `s-maxage` unless the handler said otherwise. Where there is none
    /// of these, the response's own word. `None` where it is zero by any but the last.
    pub(crate) fn freshness(
        &self,
        config: &RouteConfig,
        said: Option<Duration>,
        unsaid: Duration,
    ) -> Option<Freshness> {
        let Freshness { age, .. } = self.directives.freshness;
        match said.or_else(|| self.given(config, unsaid)) {
            Some(Duration::ZERO) => None,
            // Counted from now, however old it came.
            Some(timeout) if !self.directives.no_cache => Some(Freshness {
                lifetime: age.saturating_add(timeout),
                age,
            }),
            _ => Some(self.directives.freshness),
        }
    }

    fn given(&self, config: &RouteConfig, unsaid: Duration) -> Option<Duration> {
        let timeout = self.timeout;
        let timeout = timeout.or_else(|| config.policy.timeout.resolve(unsaid))?;
        Some(
            self.s_maxage
                .map_or(timeout, |shorter| timeout.min(shorter)),
        )
    }
}

/// Decides from the heads of request and response alone.
pub(crate) fn judge(config: &RouteConfig, made: &ResponseHead<'_>) -> Verdict {
    match judged(config, made) {
        Ok(storable) => Verdict::Store(storable),
        Err(skip) => Verdict::Skip(skip),
    }
}

/// Whether the rules ask for a field of this name. Where the response says itself how long it may be
/// reused, any may be asked for.
pub(crate) fn asks_for(config: &RouteConfig, name: &HeaderName) -> bool {
    const ASKED: [HeaderName; 7] = [
        header::CONTENT_TYPE,
        header::CACHE_CONTROL,
        header::VARY,
        header::SET_COOKIE,
        header::CONTENT_SECURITY_POLICY,
        header::CONTENT_SECURITY_POLICY_REPORT_ONLY,
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
    ];
    config.policy.timeout.by_response().is_some() || ASKED.contains(name)
}

fn judged(config: &RouteConfig, made: &ResponseHead<'_>) -> Result<Storable, Skip> {
    if made.error && !is_answer(config, made.status) {
        return Err(Skip::Error);
    }
    if made.upgrade || made.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Skip::Upgrade);
    }
    let named = named(config, made.status)?;
    if made.headers.contains_key(&header::SET_COOKIE) {
        return Err(Skip::SetCookie);
    }
    let storable = match config.policy.timeout.by_response() {
        None => by_route(made, named)?,
        Some(by) => by_itself(by, made, named)?,
    };
    if made.authorized && !storable.directives.shareable_with_authorization {
        return Err(Skip::Authorization);
    }
    let vary = varied(config, made.headers)?;
    unshareable(made, &vary, config)?;
    if made.head {
        return Err(Skip::Head);
    }
    Ok(Storable { vary, ..storable })
}

/// Returns true for a 400 that may speak of a condition or a range, which no key holds: `NamedFile`
/// answers one to a `Range` that is no text.
pub(crate) fn is_of_a_condition(
    config: &RouteConfig,
    status: StatusCode,
    asked: &HeaderMap,
) -> bool {
    status == StatusCode::BAD_REQUEST && config.sees_headers() && is_conditional(asked)
}

/// Returns true where the route names the status of an `Err`, which then is an answer like any other:
/// `Err(ErrorNotFound(..))` is how a handler says 404. A failure of the server's is none, and an error
/// that looks like a success is a mistake.
fn is_answer(config: &RouteConfig, status: StatusCode) -> bool {
    let statuses = &config.policy.statuses;
    (status.is_redirection() || status.is_client_error())
        && statuses.iter().any(|(known, _)| *known == status)
}

/// Whether the route names this status, and with which timeout.
type Named = Option<Option<Duration>>;

fn named(config: &RouteConfig, status: StatusCode) -> Result<Named, Skip> {
    let statuses = &config.policy.statuses;
    let named = statuses.iter().find(|(known, _)| *known == status);
    match named {
        Some((_, timeout)) => Ok(Some(*timeout)),
        // Nothing is named where each response says itself whether it may be stored.
        None if statuses.is_empty() && is_for_all(status) => Ok(None),
        None => Err(Skip::Status),
    }
}

/// The route says how long.
fn by_route(made: &ResponseHead<'_>, named: Named) -> Result<Storable, Skip> {
    let said = CacheControl::parse(lines(made.headers, &header::CACHE_CONTROL));
    forbidden(&said)?;
    Ok(Storable {
        timeout: named.flatten(),
        s_maxage: said.s_maxage,
        directives: ResponseDirectives {
            shareable_with_authorization: said.public
                || said.s_maxage.is_some()
                || said.must_revalidate,
            never_stale: said.must_revalidate || said.proxy_revalidate || said.s_maxage.is_some(),
            ..ResponseDirectives::default()
        },
        vary: Vec::new(),
    })
}

/// The response says how long.
fn by_itself(by: &ByResponse, made: &ResponseHead<'_>, named: Named) -> Result<Storable, Skip> {
    let received = Received {
        headers: made.headers,
        at: made.at,
        delay: made.delay,
    };
    let author = Author {
        named: named.is_some(),
        timeout: named.flatten().is_some() || made.handler_ttl.is_some(),
    };
    Ok(Storable {
        timeout: named.flatten(),
        s_maxage: None,
        directives: own(by, made.status, &received, author)?,
        vary: Vec::new(),
    })
}

fn forbidden(said: &CacheControl) -> Result<(), Skip> {
    if said.no_store {
        return Err(Skip::NoStore);
    }
    if said.private {
        return Err(Skip::Private);
    }
    if said.no_cache {
        return Err(Skip::NoCache);
    }
    if said.junk {
        return Err(Skip::CacheControl);
    }
    let none = Some(Duration::ZERO);
    if said.s_maxage == none || (said.max_age == none && said.s_maxage.is_none()) {
        return Err(Skip::MaxAge);
    }
    Ok(())
}

/// At most so many names select a variant: more is a mistake, and each is asked of every request.
pub(crate) const MOST_NAMES: usize = 16;

fn varied(config: &RouteConfig, headers: &HeaderMap) -> Result<Vec<HeaderName>, Skip> {
    let mut names: Vec<HeaderName> = Vec::new();
    for member in fields::tokens(lines(headers, &header::VARY)) {
        // A name that is no token cannot be compared: as good as `*`. Quotes are no part of one,
        // though `HeaderName` takes them.
        let name = HeaderName::from_bytes(member).map_err(|_| Skip::Vary)?;
        if name.as_str() == "*" || member.contains(&b'"') {
            return Err(Skip::Vary);
        }
        if !config.vary.contains(&name) && !names.contains(&name) {
            names.push(name);
        }
        if names.len() > MOST_NAMES {
            return Err(Skip::VaryNames);
        }
    }
    Ok(names)
}

fn unshareable(
    made: &ResponseHead<'_>,
    vary: &[HeaderName],
    config: &RouteConfig,
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
    if reflected && !vary.contains(&header::ORIGIN) && !config.vary.contains(&header::ORIGIN) {
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
