//! Freshness lifetime and age of a response (RFC 9111 §4.2), and the freshness that a request demands by its
//! `Cache-Control` (§5.2.1), on routes that follow it.
//!
//! An unreadable directive of a request has its strictest meaning.

use crate::http::{
    cache_control::{CacheControl, Directive, delta_seconds, directives},
    date::only_date,
    fields::{contains, lines, members, tokens},
};
use actix_web::http::header::{self, HeaderMap, HeaderName};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A response on arrival.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received<'a> {
    pub(crate) headers: &'a HeaderMap,
    /// Time of day of its arrival.
    pub(crate) at: SystemTime,
    /// Duration of its run.
    pub(crate) delay: Duration,
}

/// Lifetime of a response, by its source.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Lifetime {
    /// Stated by the response, possibly as zero.
    Explicit(Duration),
    /// Computed from `Last-Modified` (§4.2.2).
    Heuristic(Duration),
    Unknown,
}

/// Lifetime of a response, and its age on arrival.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Freshness {
    pub(crate) lifetime: Duration,
    pub(crate) age: Duration,
}

impl Freshness {
    /// Returns true where nothing of the lifetime is left.
    pub(crate) fn is_stale(self) -> bool {
        self.lifetime <= self.age
    }
}

impl Received<'_> {
    /// Computes the age on arrival (§4.2.3).
    pub(crate) fn age(&self) -> Duration {
        let apparent = self.seconds_since(self.date());
        let age = age_value(lines(self.headers, &header::AGE));
        apparent.max(age + self.delay)
    }

    /// Computes the lifetime for a shared cache (§4.2.1); without an explicit one it is `fraction` of
    /// the time since the last modification.
    pub(crate) fn lifetime(&self, read: &CacheControl, fraction: Option<f32>) -> Lifetime {
        if let Some(lifetime) = read.s_maxage.or(read.max_age) {
            return Lifetime::Explicit(lifetime);
        }
        if !read.targeted && self.headers.contains_key(&header::EXPIRES) {
            let expires = self.date_in(&header::EXPIRES);
            let left = expires.and_then(|expires| expires.duration_since(self.date()).ok());
            // An invalid date is in the past (§5.3).
            return Lifetime::Explicit(left.unwrap_or_default());
        }
        self.heuristic_lifetime(fraction)
            .map_or(Lifetime::Unknown, Lifetime::Heuristic)
    }

    /// The value of `Date`, or the time of arrival where that is absent or unreadable.
    fn date(&self) -> SystemTime {
        self.date_in(&header::DATE).unwrap_or(self.at)
    }

    fn date_in(&self, name: &HeaderName) -> Option<SystemTime> {
        only_date(lines(self.headers, name), self.at)
    }

    fn heuristic_lifetime(&self, fraction: Option<f32>) -> Option<Duration> {
        const MAX_HEURISTIC: Duration = Duration::from_secs(86_400);
        let modified = self.date_in(&header::LAST_MODIFIED)?;
        let unchanged = self.date().duration_since(modified).ok()?;
        Some(unchanged.mul_f32(fraction?).min(MAX_HEURISTIC))
    }

    /// Difference in whole seconds, the resolution of fields: a response made just now has age zero.
    fn seconds_since(&self, made: SystemTime) -> Duration {
        let whole = |time: SystemTime| time.duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs());
        Duration::from_secs(whole(self.at).saturating_sub(whole(made)))
    }
}

/// The first member of `Age`; zero where that is not a number (§5.1).
fn age_value<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Duration {
    let first = members(lines).next();
    let text = first.and_then(|first| str::from_utf8(first).ok());
    text.and_then(delta_seconds).unwrap_or_default()
}

/// Returns true for a response with a validator of its own.
pub(crate) fn has_validator(received: &Received<'_>) -> bool {
    tokens(lines(received.headers, &header::ETAG))
        .next()
        .is_some()
        || received.date_in(&header::LAST_MODIFIED).is_some()
}

/// Parses the `Date` of a response.
pub(crate) fn dated(headers: &HeaderMap, at: SystemTime) -> Option<SystemTime> {
    only_date(lines(headers, &header::DATE), at)
}

/// Returns true where `Date` is readable, so that it need not be replaced.
pub(crate) fn is_dated(headers: &HeaderMap, at: SystemTime) -> bool {
    dated(headers, at).is_some()
}

/// The directives of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RequestDirectives {
    /// `no-cache` or `max-age=0`: no stored response is accepted.
    pub(crate) no_cache: bool,
    pub(crate) no_store: bool,
    pub(crate) only_if_cached: bool,
    max_age: Option<Duration>,
    min_fresh: Duration,
    /// Accepted time since the end of the lifetime.
    max_stale: Option<Duration>,
}

impl RequestDirectives {
    /// Parses the fields of a request; `None` where they have no directive.
    pub(crate) fn read(headers: &HeaderMap) -> Option<Self> {
        let mut read = Self::default();
        if headers.contains_key(&header::CACHE_CONTROL) {
            for directive in directives(lines(headers, &header::CACHE_CONTROL)) {
                read.apply(&directive);
            }
        } else {
            // RFC 9111 §5.4: `Pragma` counts only without `Cache-Control`.
            read.no_cache = contains(lines(headers, &header::PRAGMA), "no-cache");
        }
        (read != Self::default()).then_some(read)
    }

    fn apply(&mut self, directive: &Directive<'_>) {
        let shorter = |known: Option<Duration>, read: Duration| {
            Some(known.map_or(read, |known| known.min(read)))
        };
        match &*directive.name() {
            "no-cache" => self.no_cache = true,
            "no-store" => self.no_store = true,
            "only-if-cached" => self.only_if_cached = true,
            "max-age" => {
                self.max_age = shorter(self.max_age, directive.seconds().unwrap_or_default());
                // As `no-cache`: the handler runs for this request, bounded as forced runs are.
                self.no_cache |= self.max_age == Some(Duration::ZERO);
            }
            "min-fresh" => {
                let read = directive.seconds().unwrap_or(Duration::MAX);
                self.min_fresh = self.min_fresh.max(read);
            }
            "max-stale" if directive.is_bare() => {
                self.max_stale = shorter(self.max_stale, Duration::MAX);
            }
            "max-stale" => {
                let read = directive.seconds().unwrap_or_default();
                self.max_stale = shorter(self.max_stale, read);
            }
            _ => {}
        }
    }

    /// Returns true where the age or staleness of the response is limited.
    pub(crate) fn limits_age(&self) -> bool {
        self.max_age.is_some() || self.max_stale.is_some() || !self.min_fresh.is_zero()
    }

    /// Returns true where a response of this freshness is accepted. A `never_stale` one is accepted
    /// only while it is fresh, whatever the client accepts.
    pub(crate) fn accept(&self, freshness: Freshness, never_stale: bool) -> bool {
        let Freshness { lifetime, age } = freshness;
        let most_stale = self.max_stale.filter(|_| !never_stale);
        let in_time = !freshness.is_stale()
            || most_stale.is_some_and(|most| age.saturating_sub(lifetime) <= most);
        in_time
            && self.max_age.is_none_or(|oldest| age <= oldest)
            && self.min_fresh <= lifetime.saturating_sub(age)
    }
}

#[cfg(test)]
mod tests;
