//! The verdict on a response that says itself how long it may be reused: what RFC 9111 §3 wants
//! of a shared cache.

use crate::{
    http::{
        directives::{Directives, Withheld},
        freshness::{Freshness, Lifetime, Received, has_validator},
    },
    metrics::reason::Skip,
    policy::ttl::ByResponse,
};
use actix_web::http::{StatusCode, header::HeaderName};
use std::time::Duration;

/// What its author says of a response beside its own word.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Author {
    /// The route names this status.
    pub(crate) named: bool,
    /// There is a timeout for it that rules in place of the response's own word.
    pub(crate) timeout: bool,
}

/// What a response says of its own reuse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResponseDirectives {
    pub(crate) freshness: Freshness,
    /// `no-cache`: it is stored to be validated, and for nothing else.
    pub(crate) no_cache: bool,
    /// May be reused for requests with `Authorization` (§3.5).
    pub(crate) shareable_with_authorization: bool,
    /// Once it is stale it is not reused, whoever would put up with it (§4.2.4).
    pub(crate) never_stale: bool,
    /// How long it may answer past its lifetime, where it says so itself (RFC 5861).
    pub(crate) while_revalidate: Option<Duration>,
    pub(crate) if_error: Option<Duration>,
    /// The fields that are not for others.
    pub(crate) withheld: Vec<HeaderName>,
}

/// Takes a response by its own word.
pub(crate) fn own(
    by: &ByResponse,
    status: StatusCode,
    received: &Received<'_>,
    author: Author,
) -> Result<ResponseDirectives, Skip> {
    let said = Directives::of(received.headers, by.targeted.as_ref());
    let understood = author.named || is_understood(status);
    may_be_stored(&said, understood)?;
    let fraction = by.heuristic.filter(|_| understood || said.public);
    let lifetime = received.lifetime(&said, fraction);
    if lifetime == Lifetime::Unknown && !(understood || said.public || author.timeout) {
        return Err(Skip::Lifetime);
    }
    let no_cache = said.no_cache == Withheld::All;
    let freshness = Freshness {
        lifetime: match lifetime {
            Lifetime::Said(lifetime) | Lifetime::Guessed(lifetime) if !no_cache => lifetime,
            _ => Duration::ZERO,
        },
        age: received.age(),
    };
    if !has_validator(received) && (no_cache || !answers_stale(&said)) {
        is_reusable(no_cache, lifetime, freshness, author)?;
    }
    Ok(ResponseDirectives {
        freshness,
        no_cache,
        shareable_with_authorization: said.public
            || said.s_maxage.is_some()
            || said.must_revalidate,
        never_stale: no_cache
            || said.must_revalidate
            || said.proxy_revalidate
            || said.s_maxage.is_some(),
        while_revalidate: said.stale_while_revalidate,
        if_error: said.stale_if_error,
        withheld: [said.private.fields(), said.no_cache.fields()].concat(),
    })
}

fn may_be_stored(said: &Directives, understood: bool) -> Result<(), Skip> {
    // §5.2.2.3: `must-understand` stands beside a `no-store` for those who do not know the former.
    if said.must_understand && !understood {
        return Err(Skip::Status);
    }
    if said.no_store && !said.must_understand {
        return Err(Skip::NoStore);
    }
    if said.private == Withheld::All {
        return Err(Skip::Private);
    }
    Ok(())
}

/// Whether it lets itself be reused when it is stale.
fn answers_stale(said: &Directives) -> bool {
    let windows = [said.stale_while_revalidate, said.stale_if_error];
    windows
        .into_iter()
        .flatten()
        .any(|window| !window.is_zero())
        && !(said.must_revalidate || said.proxy_revalidate || said.s_maxage.is_some())
}

/// Whether a response that cannot be validated could answer anyone.
fn is_reusable(
    no_cache: bool,
    lifetime: Lifetime,
    freshness: Freshness,
    author: Author,
) -> Result<(), Skip> {
    if no_cache {
        Err(Skip::NoCache)
    } else if author.timeout || !freshness.is_stale() {
        Ok(())
    } else if lifetime == Lifetime::Unknown {
        Err(Skip::Lifetime)
    } else {
        Err(Skip::Expired)
    }
}

/// Whether a response of this status may be one for all: that of a part or a precondition answers
/// what one request alone has asked for and no key has, and those of RFC 6585 must not be stored.
pub(crate) fn is_for_all(status: StatusCode) -> bool {
    is_storable(status) && !matches!(status.as_u16(), 428 | 429 | 431 | 511)
}

/// Whether a response of this status can be stored at all, if only because its author says so.
pub(crate) fn is_storable(status: StatusCode) -> bool {
    !status.is_informational() && !matches!(status.as_u16(), 206 | 304 | 412 | 416)
}

/// The statuses whose responses may be reused without a word (RFC 9110 §15.1).
fn is_understood(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501
    )
}

#[cfg(test)]
mod tests;
