//! The stages in the life of a stored response.

use crate::{entry::StoredResponse, invalidation::generation::Validity, time::moment::Timestamp};
use std::time::Duration;

/// How far a stored response has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Staleness {
    Fresh,
    /// Fresh, and to be refreshed ahead.
    RefreshAhead,
    /// Stale; it answers while it is refreshed.
    WhileRevalidate,
    /// Stale; it answers where the run that would replace it fails.
    IfError,
    /// Only to be named, validated or replaced.
    Retained,
    /// Too old for anything, or invalidated.
    Expired,
}

impl Staleness {
    /// The stage that `stored` is in now.
    pub(crate) fn of(stored: &StoredResponse, now: Timestamp) -> Self {
        let standing = stored.validity();
        if standing == Validity::Invalidated {
            return Self::Expired;
        }
        let deadline = stored.deadline();
        if now < deadline && standing == Validity::Current {
            return if now < stored.refresh_at {
                Self::Fresh
            } else {
                Self::RefreshAhead
            };
        }
        let end = match standing {
            Validity::Expired => deadline.min(stored.expired.since(now)),
            _ => deadline,
        };
        let over = now.since(end);
        if over < stored.windows.revalidate {
            Self::WhileRevalidate
        } else if over < stored.windows.error {
            Self::IfError
        } else if over < kept(stored.lifetime) {
            Self::Retained
        } else {
            Self::Expired
        }
    }

    pub(crate) fn is_stale(self) -> bool {
        !matches!(self, Self::Fresh | Self::RefreshAhead)
    }

    /// Whether it may answer in place of a run that fails or takes too long.
    pub(crate) fn is_usable_as_fallback(self) -> bool {
        !matches!(self, Self::Retained | Self::Expired)
    }
}

/// How long an expired response is kept to be validated: one more lifetime, within bounds.
fn kept(lifetime: Duration) -> Duration {
    const LEAST: Duration = Duration::from_secs(10);
    const MOST: Duration = Duration::from_secs(3600);
    // What has no lifetime is kept only for this.
    if lifetime.is_zero() {
        MOST
    } else {
        lifetime.clamp(LEAST, MOST)
    }
}
