//! What is said of stale responses (RFC 5861): when one may answer, when it is refreshed, how long
//! a run may take where one is at hand.

use std::time::Duration;

/// What a route or a cache says. What it does not say, it leaves to whoever is asked next.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct StaleRules {
    pub(crate) while_revalidate: Option<Duration>,
    pub(crate) if_error: Option<Duration>,
    pub(crate) refresh_ahead: Option<f32>,
    pub(crate) soft_timeout: Option<Duration>,
    pub(crate) run_timeout: Option<Duration>,
    pub(crate) jitter: Option<f32>,
    pub(crate) rest: Option<Duration>,
}

/// The rest of a key after a failure, where nothing is said of it.
const REST: Duration = Duration::from_secs(30);

impl StaleRules {
    /// These, and where they say nothing, `others`.
    pub(crate) fn or(self, others: &Self) -> Self {
        Self {
            while_revalidate: self.while_revalidate.or(others.while_revalidate),
            if_error: self.if_error.or(others.if_error),
            refresh_ahead: self.refresh_ahead.or(others.refresh_ahead),
            soft_timeout: self.soft_timeout.or(others.soft_timeout),
            run_timeout: self.run_timeout.or(others.run_timeout),
            jitter: self.jitter.or(others.jitter),
            rest: self.rest.or(others.rest),
        }
    }

    /// What is left where no run can go on behind an answer.
    pub(crate) fn without_refresh(self) -> Self {
        Self {
            while_revalidate: Some(Duration::ZERO),
            refresh_ahead: None,
            soft_timeout: None,
            ..self
        }
    }

    /// How long past its lifetime a response may still be of use.
    pub(crate) fn longest_window(&self) -> Duration {
        let window = self.while_revalidate.max(self.if_error);
        window.unwrap_or_default()
    }

    /// How long a key rests after a failure.
    pub(crate) fn rest(&self) -> Duration {
        self.rest.unwrap_or(REST)
    }
}

/// The options of stale responses, the same for a route and for a cache. Both have a field `stale`.
macro_rules! stale_options {
    ($owner:ty) => {
        impl $owner {
            /// For this long past its lifetime a response still answers, at once, and the handler
            /// runs behind the answer, once per key (RFC 5861 §3). Zero: it does not.
            ///
            /// Not after an invalidation, and not where the response says `must-revalidate`.
            #[must_use]
            pub fn stale_while_revalidate(mut self, window: impl IntoTimeout) -> Self {
                self.stale.while_revalidate = Some(window.into_timeout());
                self
            }

            /// For this long past its lifetime a response answers where the run that would replace
            /// it fails (RFC 5861 §4): with a status of 5xx, `Err` of such a status, a panic,
            /// `mark_failed()`, or by taking longer than `run_timeout`. Zero: it does not.
            ///
            /// Never in place of 401, 403, 404 or 410, not after an invalidation, and not where the
            /// response says `must-revalidate`. After a failure the handler rests, see
            /// [`failure_cooldown`](Self::failure_cooldown).
            #[must_use]
            pub fn stale_if_error(mut self, window: impl IntoTimeout) -> Self {
                self.stale.if_error = Some(window.into_timeout());
                self
            }

            /// The first request after this part of a response's lifetime is answered by it, and
            /// has the handler run behind the answer: what is asked for often never expires.
            /// 0.9 is usual.
            ///
            /// # Panics
            /// If the fraction is not over 0 and under 1.
            #[must_use]
            pub fn refresh_ahead(mut self, fraction: f32) -> Self {
                assert!(
                    fraction > 0.0 && fraction < 1.0,
                    "`refresh_ahead` takes a fraction over 0 and under 1, such as 0.9"
                );
                self.stale.refresh_ahead = Some(fraction);
                self
            }

            /// With a stale response at hand that may answer, nobody waits longer than this for a
            /// run: it goes on behind the answer. The windows of `stale_while_revalidate` and
            /// `stale_if_error` say which one may answer; without either this says nothing.
            #[must_use]
            pub fn soft_timeout(mut self, patience: impl IntoTimeout) -> Self {
                self.stale.soft_timeout = Some(patience.into_timeout());
                self
            }

            /// A run that takes longer than this to make its response is dropped and has failed: a
            /// stale response answers where `stale_if_error` lets it, else 503. Unless set a run
            /// takes as long as it takes, and so does one for a request that bypasses.
            #[must_use]
            pub fn run_timeout(mut self, limit: impl IntoTimeout) -> Self {
                self.stale.run_timeout = Some(limit.into_timeout());
                self
            }

            /// Shortens each lifetime by a random part of it, up to this one, so that what was
            /// stored together does not expire together. It never lengthens one.
            ///
            /// # Panics
            /// If the fraction is not over 0 and under 1.
            #[must_use]
            pub fn jitter(mut self, fraction: f32) -> Self {
                assert!(
                    fraction > 0.0 && fraction < 1.0,
                    "`jitter` takes a fraction over 0 and under 1, such as 0.1"
                );
                self.stale.jitter = Some(fraction);
                self
            }

            /// After a run has failed that had a stale response at hand, no other is tried for this
            /// long: the stale response answers, as long as it may. 30 s unless set.
            #[must_use]
            pub fn failure_cooldown(mut self, rest: impl IntoTimeout) -> Self {
                self.stale.rest = Some(rest.into_timeout());
                self
            }
        }
    };
}

pub(crate) use stale_options;
