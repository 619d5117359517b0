//! `Cache-Control` of requests (RFC 9111 §5.2.1), on routes that follow it.
//!
//! An unreadable directive has its strictest meaning.

use crate::http::{
    cache_control::{Directive, directives},
    fields::{contains, lines},
    freshness::Freshness,
};
use actix_web::http::header::{self, HeaderMap};
use std::time::Duration;

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
