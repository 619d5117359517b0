//! Deadlines of a stored response, computed when it is stored, and its staleness at any moment
//! (RFC 9111 §4.2, RFC 5861).

use crate::{
    entry::{StoredResponse, Windows},
    http::{freshness::Freshness, storable::ResponseDirectives},
    invalidation::generation::Validity,
    policy::stale::StaleRules,
    time::moment::Timestamp,
};
use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Staleness of a stored response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Staleness {
    Fresh,
    /// Fresh, and due for a refresh ahead of its expiry.
    RefreshAhead,
    /// Stale, and within `stale-while-revalidate`.
    WhileRevalidate,
    /// Stale, and within `stale-if-error`.
    IfError,
    /// Stale beyond all windows; kept to be validated or replaced.
    Retained,
    /// Beyond its retention, or invalidated.
    Expired,
}

impl Staleness {
    /// Returns the staleness of `stored` at `now`.
    pub(crate) fn of(stored: &StoredResponse, now: Timestamp) -> Self {
        let validity = stored.validity();
        if validity == Validity::Invalidated {
            return Self::Expired;
        }
        let deadline = stored.deadline();
        if now < deadline && validity == Validity::Current {
            return if now < stored.refresh_at {
                Self::Fresh
            } else {
                Self::RefreshAhead
            };
        }
        let end = match validity {
            Validity::Expired => deadline.min(stored.expired.first_seen(now)),
            _ => deadline,
        };
        let stale_for = now.since(end);
        if stale_for < stored.windows.revalidate {
            Self::WhileRevalidate
        } else if stale_for < stored.windows.error {
            Self::IfError
        } else if stale_for < retention(stored.lifetime) {
            Self::Retained
        } else {
            Self::Expired
        }
    }

    pub(crate) fn is_stale(self) -> bool {
        !matches!(self, Self::Fresh | Self::RefreshAhead)
    }

    /// Returns true where the response may be sent in place of a run that fails or takes too long.
    pub(crate) fn is_usable_as_fallback(self) -> bool {
        !matches!(self, Self::Retained | Self::Expired)
    }
}

/// Retention of an expired response for validation: one more lifetime, within bounds.
fn retention(lifetime: Duration) -> Duration {
    const MIN_RETENTION: Duration = Duration::from_secs(10);
    const MAX_RETENTION: Duration = Duration::from_secs(3600);
    // A response without a lifetime is stored only to be validated.
    if lifetime.is_zero() {
        MAX_RETENTION
    } else {
        lifetime.clamp(MIN_RETENTION, MAX_RETENTION)
    }
}

/// Deadlines of a response, relative to its creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deadlines {
    pub(crate) lifetime: Duration,
    /// Time from creation during which the response is reused without a refresh.
    pub(crate) refresh_after: Duration,
    pub(crate) windows: Windows,
}

impl Deadlines {
    /// Applies the rules to a response of this freshness with these directives.
    pub(crate) fn of(
        rules: &StaleRules,
        directives: &ResponseDirectives,
        freshness: Freshness,
    ) -> Self {
        let Freshness { lifetime, age } = freshness;
        let left = lifetime.saturating_sub(age);
        let jitter = rules.jitter.map_or(Duration::ZERO, |fraction| {
            part(left, fraction * random_fraction())
        });
        let (lifetime, left) = (lifetime.saturating_sub(jitter), left.saturating_sub(jitter));
        let refresh_after = rules
            .refresh_ahead
            .map_or(left, |fraction| part(left, fraction));
        Self {
            lifetime,
            refresh_after,
            windows: windows(rules, directives),
        }
    }
}

/// Windows in which the response may be sent while stale. One that must be validated first has none
/// (RFC 9111 §4.2.4).
fn windows(rules: &StaleRules, directives: &ResponseDirectives) -> Windows {
    if directives.never_stale {
        return Windows::default();
    }
    Windows {
        revalidate: window(rules.while_revalidate, directives.while_revalidate),
        error: window(rules.if_error, directives.if_error),
    }
}

/// The window of the response, or else of the route; zero in the route switches it off.
fn window(rule: Option<Duration>, directive: Option<Duration>) -> Duration {
    match rule {
        Some(Duration::ZERO) => Duration::ZERO,
        rule => directive.or(rule).unwrap_or_default(),
    }
}

/// A part of a duration, at most the whole.
fn part(whole: Duration, fraction: f32) -> Duration {
    let part = whole.as_secs_f64() * f64::from(fraction);
    Duration::try_from_secs_f64(part).map_or(whole, |part| part.min(whole))
}

/// A random number in `0.0..1.0`.
fn random_fraction() -> f32 {
    let random = RandomState::new().hash_one(());
    let [.., high, low] = random.to_be_bytes();
    f32::from(u16::from_be_bytes([high, low])) / (f32::from(u16::MAX) + 1.0)
}

/// Pause after a failed run, during which no other run replaces the response. Initially over.
///
/// It is stored with the response: replacing or removing the latter ends it.
#[derive(Debug, Default)]
pub(crate) struct Cooldown(AtomicU64);

impl Cooldown {
    /// Sets the end, whatever it was before.
    pub(crate) fn until(&self, end: Timestamp) {
        let nanos = end.elapsed().as_nanos();
        // No other data depends on it: a thread that reads an old value tries one run too many.
        self.0
            .store(u64::try_from(nanos).unwrap_or(u64::MAX), Relaxed);
    }

    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        Timestamp::default().after(Duration::from_nanos(self.0.load(Relaxed))) <= now
    }
}

/// Time at which an expiry by request was first seen. Initially never.
#[derive(Debug, Default)]
pub(crate) struct ExpirySeen(AtomicU64);

impl ExpirySeen {
    /// Returns the time of the first call.
    pub(crate) fn first_seen(&self, now: Timestamp) -> Timestamp {
        let nanos = u64::try_from(now.elapsed().as_nanos()).unwrap_or(u64::MAX);
        // Zero stands for never.
        let seen = self
            .0
            .compare_exchange(0, nanos.max(1), Relaxed, Relaxed)
            .map_or_else(|seen| seen, |_| nanos);
        Timestamp::default().after(Duration::from_nanos(seen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FRESHNESS: Freshness = Freshness {
        lifetime: Duration::from_secs(100),
        age: Duration::from_secs(20),
    };

    fn deadlines(rules: &StaleRules) -> Deadlines {
        Deadlines::of(rules, &ResponseDirectives::default(), FRESHNESS)
    }

    #[test]
    fn without_rules_a_response_is_refreshed_at_the_end_of_its_lifetime() {
        let expected = Deadlines {
            lifetime: FRESHNESS.lifetime,
            refresh_after: Duration::from_secs(80),
            windows: Windows::default(),
        };
        assert_eq!(deadlines(&StaleRules::default()), expected);
    }

    #[test]
    fn a_refresh_ahead_counts_from_what_is_left() {
        let refresh_ahead = Some(0.5);
        let refresh_after = deadlines(&StaleRules {
            refresh_ahead,
            ..StaleRules::default()
        })
        .refresh_after;
        assert_eq!(refresh_after, Duration::from_secs(40));
    }

    #[test]
    fn jitter_differs_from_response_to_response() {
        let jitter = Some(0.9);
        let rules = StaleRules {
            jitter,
            ..StaleRules::default()
        };
        let first = deadlines(&rules).lifetime;
        assert!((0..100).any(|_| deadlines(&rules).lifetime != first));
    }

    fn span() -> impl Strategy<Value = Duration> {
        prop_oneof![
            any::<u64>().prop_map(Duration::from_nanos),
            any::<u64>().prop_map(Duration::from_secs),
            Just(Duration::MAX),
        ]
    }

    proptest! {
        #[test]
        fn jitter_never_lengthens_and_never_shortens_by_more_than_its_part(
            lifetime in span(),
            age in span(),
            most in 0.001f32..0.999,
        ) {
            let rules = StaleRules { jitter: Some(most), refresh_ahead: Some(0.5), ..StaleRules::default() };
            let deadlines = Deadlines::of(&rules, &ResponseDirectives::default(), Freshness { lifetime, age });
            prop_assert!(deadlines.lifetime <= lifetime && deadlines.refresh_after <= deadlines.lifetime);
            let least = lifetime.as_secs_f64() * (1.0 - f64::from(most));
            prop_assert!(deadlines.lifetime.as_secs_f64() >= least * 0.999_999);
        }
    }

    #[test]
    fn a_cooldown_is_over_at_its_end() {
        let now = Timestamp::default().after(Duration::from_secs(100));
        let cooldown = Cooldown::default();
        assert!(cooldown.is_over(now) && cooldown.is_over(Timestamp::default()));
        cooldown.until(now);
        assert!(cooldown.is_over(now));
        cooldown.until(now.after(Duration::from_nanos(1)));
        assert!(!cooldown.is_over(now));
    }

    #[test]
    fn an_expiry_is_dated_when_it_is_first_seen() {
        let second = |n| Timestamp::default().after(Duration::from_secs(n));
        let expired = ExpirySeen::default();
        assert_eq!(expired.first_seen(second(7)), second(7));
        assert_eq!(expired.first_seen(second(9)), second(7));
    }
}
