//! The times in the life of a response that is about to be stored.

use crate::{
    entry::Windows,
    http::{freshness::Freshness, storable::ResponseDirectives},
    policy::stale::StaleRules,
};
use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// When it is refreshed, when it is stale, and how long it may answer then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) lifetime: Duration,
    /// How long from its birth there is no more to it than to reuse it.
    pub(crate) refresh_after: Duration,
    pub(crate) windows: Windows,
}

impl Times {
    /// What the rules make of a response of this freshness, which says this of its own reuse.
    pub(crate) fn of(rules: &StaleRules, own: &ResponseDirectives, freshness: Freshness) -> Self {
        let Freshness { lifetime, age } = freshness;
        let left = lifetime.saturating_sub(age);
        let lost = rules
            .jitter
            .map_or(Duration::ZERO, |most| part(left, most * chance()));
        let (lifetime, left) = (lifetime.saturating_sub(lost), left.saturating_sub(lost));
        let refresh_after = rules
            .refresh_ahead
            .map_or(left, |fraction| part(left, fraction));
        Self {
            lifetime,
            refresh_after,
            windows: windows(rules, own),
        }
    }
}

/// A response that says itself how long it may answer is taken by its word; one that must be
/// validated first never answers when it is stale (RFC 9111 §4.2.4).
fn windows(rules: &StaleRules, own: &ResponseDirectives) -> Windows {
    if own.never_stale {
        return Windows::default();
    }
    Windows {
        revalidate: window(rules.while_revalidate, own.while_revalidate),
        error: window(rules.if_error, own.if_error),
    }
}

/// What the response says, and else the route; a route that says zero switches it off.
fn window(rule: Option<Duration>, own: Option<Duration>) -> Duration {
    match rule {
        Some(Duration::ZERO) => Duration::ZERO,
        rule => own.or(rule).unwrap_or_default(),
    }
}

/// A part of a duration, and never more than the whole.
fn part(whole: Duration, fraction: f32) -> Duration {
    let part = whole.as_secs_f64() * f64::from(fraction);
    Duration::try_from_secs_f64(part).map_or(whole, |part| part.min(whole))
}

/// A number from 0 up to 1, another one each time.
fn chance() -> f32 {
    let random = RandomState::new().hash_one(());
    let [.., high, low] = random.to_be_bytes();
    f32::from(u16::from_be_bytes([high, low])) / (f32::from(u16::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FRESHNESS: Freshness = Freshness {
        lifetime: Duration::from_secs(100),
        age: Duration::from_secs(20),
    };

    fn times(rules: &StaleRules) -> Times {
        Times::of(rules, &ResponseDirectives::default(), FRESHNESS)
    }

    #[test]
    fn without_rules_a_response_is_quiet_for_all_that_is_left_of_its_lifetime() {
        let expected = Times {
            lifetime: FRESHNESS.lifetime,
            refresh_after: Duration::from_secs(80),
            windows: Windows::default(),
        };
        assert_eq!(times(&StaleRules::default()), expected);
    }

    #[test]
    fn a_refresh_ahead_counts_from_what_is_left() {
        let refresh_ahead = Some(0.5);
        let refresh_after = times(&StaleRules {
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
        let first = times(&rules).lifetime;
        assert!((0..100).any(|_| times(&rules).lifetime != first));
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
            let times = Times::of(&rules, &ResponseDirectives::default(), Freshness { lifetime, age });
            prop_assert!(times.lifetime <= lifetime && times.refresh_after <= times.lifetime);
            let least = lifetime.as_secs_f64() * (1.0 - f64::from(most));
            prop_assert!(times.lifetime.as_secs_f64() >= least * 0.999_999);
        }
    }
}
