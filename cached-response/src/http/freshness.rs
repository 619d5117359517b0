//! How long a response stays fresh by its own word, and how old it is when it comes
//! (RFC 9111 §4.2).

use crate::http::{
    date::only_date,
    directives::Directives,
    fields::{lines, tokens},
};
use actix_web::http::header::{self, HeaderMap, HeaderName};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A response as it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received<'a> {
    pub(crate) headers: &'a HeaderMap,
    /// The time of day when it was there.
    pub(crate) at: SystemTime,
    /// How long its run took.
    pub(crate) delay: Duration,
}

/// Where the lifetime of a response comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Lifetime {
    /// The response says it, if only that it is stale.
    Said(Duration),
    /// Guessed from `Last-Modified` (§4.2.2).
    Guessed(Duration),
    Unknown,
}

/// A lifetime, and the age that its response had at birth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Freshness {
    pub(crate) lifetime: Duration,
    pub(crate) age: Duration,
}

impl Freshness {
    /// Nothing of the lifetime is left.
    pub(crate) fn is_stale(self) -> bool {
        self.lifetime <= self.age
    }
}

impl Received<'_> {
    /// The age on arrival (§4.2.3).
    pub(crate) fn age(&self) -> Duration {
        let apparent = self.seconds_since(self.date());
        let told = told_age(lines(self.headers, &header::AGE));
        apparent.max(told + self.delay)
    }

    /// The lifetime for a shared cache (§4.2.1); `fraction` of the time since the last modification
    /// where nothing else is said.
    pub(crate) fn lifetime(&self, said: &Directives, fraction: Option<f32>) -> Lifetime {
        if let Some(lifetime) = said.s_maxage.or(said.max_age) {
            return Lifetime::Said(lifetime);
        }
        if !said.targeted && self.headers.contains_key(&header::EXPIRES) {
            let expires = self.date_in(&header::EXPIRES);
            let left = expires.and_then(|expires| expires.duration_since(self.date()).ok());
            // What is no date is in the past (§5.3).
            return Lifetime::Said(left.unwrap_or_default());
        }
        self.guess(fraction)
            .map_or(Lifetime::Unknown, Lifetime::Guessed)
    }

    /// When it says it was made; where it does not, or not legibly, when it came.
    fn date(&self) -> SystemTime {
        self.date_in(&header::DATE).unwrap_or(self.at)
    }

    fn date_in(&self, name: &HeaderName) -> Option<SystemTime> {
        only_date(lines(self.headers, name), self.at)
    }

    fn guess(&self, fraction: Option<f32>) -> Option<Duration> {
        const LONGEST: Duration = Duration::from_secs(86_400);
        let modified = self.date_in(&header::LAST_MODIFIED)?;
        let unchanged = self.date().duration_since(modified).ok()?;
        Some(unchanged.mul_f32(fraction?).min(LONGEST))
    }

    /// Whole seconds, as fields have them: a response made just now is not some milliseconds old.
    fn seconds_since(&self, made: SystemTime) -> Duration {
        let whole = |time: SystemTime| time.duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs());
        Duration::from_secs(whole(self.at).saturating_sub(whole(made)))
    }
}

/// The first member of `Age`; zero where that is no number (§5.1).
fn told_age<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Duration {
    let first = crate::http::fields::members(lines).next();
    let text = first.and_then(|first| str::from_utf8(first).ok());
    text.and_then(crate::http::cache_control::delta_seconds)
        .unwrap_or_default()
}

/// Whether the response has a validator of its own, so that it can be asked about when it is stale.
pub(crate) fn has_validator(received: &Received<'_>) -> bool {
    tokens(lines(received.headers, &header::ETAG))
        .next()
        .is_some()
        || received.date_in(&header::LAST_MODIFIED).is_some()
}

/// When the response was dated, by its `Date`.
pub(crate) fn dated(headers: &HeaderMap, at: SystemTime) -> Option<SystemTime> {
    only_date(lines(headers, &header::DATE), at)
}

/// Whether `Date` can be read, so that it need not be set anew.
pub(crate) fn is_dated(headers: &HeaderMap, at: SystemTime) -> bool {
    only_date(lines(headers, &header::DATE), at).is_some()
}

#[cfg(test)]
mod tests;
