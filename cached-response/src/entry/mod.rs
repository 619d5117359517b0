//! What the cache keeps of a response (RFC 9111 §3).

pub(crate) mod codec;
pub(crate) mod codings;
pub(crate) mod cooldown;
pub(crate) mod deadlines;
pub(crate) mod head_style;
pub(crate) mod remote_state;
pub(crate) mod staleness;

use crate::{
    entry::{
        codings::Codings,
        cooldown::{Cooldown, Expired},
        head_style::Style,
        remote_state::{NonceCell, VerifiedAt},
    },
    invalidation::generation::{Snapshot, Validity},
    key::selector::Variant,
    time::moment::Timestamp,
};
use actix_web::{
    http::{
        StatusCode,
        header::{HeaderName, HeaderValue},
    },
    web::Bytes,
};
use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

/// The number of no run: it was made in another process, or in this one and found again.
pub(crate) const FOUND: u64 = 0;

/// A complete response, ready to be reused, with what is needed to decide whether it may be.
#[derive(Debug, Default)]
pub(crate) struct StoredResponse {
    pub(crate) status: StatusCode,
    pub(crate) style: Style,
    /// In the order in which they are answered, repeated fields included.
    pub(crate) headers: Arc<[(HeaderName, HeaderValue)]>,
    pub(crate) body: Bytes,
    pub(crate) etag: Option<HeaderValue>,
    /// The entity tag is of our making: the handler knows nothing of it.
    pub(crate) made_etag: bool,
    pub(crate) last_modified: Option<HeaderValue>,
    /// When the handler's response was there.
    pub(crate) born: Timestamp,
    pub(crate) lifetime: Duration,
    /// From then on it is no longer only reused: it is to be refreshed, or is stale.
    pub(crate) quiet_until: Timestamp,
    /// How old it was when it was born.
    pub(crate) age_at_birth: Duration,
    /// Once it is stale it is not reused (RFC 9111 §4.2.4).
    pub(crate) never_stale: bool,
    pub(crate) windows: Windows,
    /// After a run has failed that would have replaced it.
    pub(crate) rest: Cooldown,
    pub(crate) expired: Expired,
    /// Runs are numbered at their start; a store never replaces a later run's response. What was
    /// [`FOUND`] replaces what is older than it.
    pub(crate) run: u64,
    /// What could be invalidated of it, as it was before its run began.
    pub(crate) snapshot: Snapshot,
    /// The tags that its handler has named, as they were before its run began.
    pub(crate) named: Snapshot,
    pub(crate) variant: Option<Variant>,
    /// When it was used last, if it is a variant.
    pub(crate) used: Option<Arc<AtomicU64>>,
    /// Says `public`, `s-maxage` or `must-revalidate`, and so may answer a request with
    /// `Authorization` (RFC 9111 §3.5).
    pub(crate) open: bool,
    pub(crate) client: Option<Client>,
    /// Clients that take other codings than these may get another response, though it does not say so
    /// in `Vary`.
    pub(crate) codings: Codings,
    /// When it was last in step with the remote store.
    pub(crate) checked: VerifiedAt,
    /// What it depends on there.
    pub(crate) held: NonceCell,
}

/// How long past its lifetime a response may answer (RFC 5861).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Windows {
    /// While it is refreshed behind the answer.
    pub(crate) revalidate: Duration,
    /// Where the run that would replace it fails.
    pub(crate) error: Duration,
}

/// How long a client may keep an answer, where the route says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) keep: Duration,
    /// The route knows of users and has a response for each: other caches must not share it.
    pub(crate) private: bool,
}

impl StoredResponse {
    pub(crate) fn deadline(&self) -> Timestamp {
        self.born
            .after(self.lifetime.saturating_sub(self.age_at_birth))
    }

    pub(crate) fn age(&self, now: Timestamp) -> Duration {
        self.age_at_birth.saturating_add(now.since(self.born))
    }

    /// It was stale when it came, and is kept only to be validated.
    pub(crate) fn is_born_stale(&self) -> bool {
        self.lifetime <= self.age_at_birth
    }

    /// The entity tag that the handler gave it.
    pub(crate) fn own_etag(&self) -> Option<&HeaderValue> {
        self.etag.as_ref().filter(|_| !self.made_etag)
    }

    /// Whether its handler can tell if it has changed since (RFC 9111 §4.3.1).
    pub(crate) fn can_be_validated(&self) -> bool {
        self.own_etag().is_some() || self.last_modified.is_some()
    }

    /// What has become of it since its run began.
    pub(crate) fn standing(&self) -> Validity {
        self.snapshot.standing_with(&self.named)
    }

    /// Whether it was not invalidated since its run began.
    pub(crate) fn is_current(&self) -> bool {
        self.snapshot.is_current() && self.named.is_current()
    }

    /// Whether this one, which lies there, is not replaced by `other`.
    pub(crate) fn outranks(&self, other: &Self) -> bool {
        match other.run {
            FOUND => self.born > other.born && self.is_current(),
            run => self.run > run,
        }
    }

    /// How long it is of any use, from its birth.
    pub(crate) fn keep(&self) -> Duration {
        let fresh = self.deadline().since(self.born);
        let window = self.windows.revalidate.max(self.windows.error);
        fresh.saturating_add(window)
    }

    /// What of it another process can use, selected so.
    pub(crate) fn as_variant(&self, variant: Variant) -> Self {
        Self {
            body: self.body.clone(),
            variant: Some(variant),
            ..self.read_again()
        }
    }

    /// What of it another process can use, but for its body.
    pub(crate) fn read_again(&self) -> Self {
        Self {
            status: self.status,
            style: self.style.clone(),
            headers: self.headers.clone(),
            etag: self.etag.clone(),
            made_etag: self.made_etag,
            last_modified: self.last_modified.clone(),
            lifetime: self.lifetime,
            age_at_birth: self.age_at_birth,
            never_stale: self.never_stale,
            windows: self.windows,
            variant: self.variant.clone(),
            open: self.open,
            client: self.client,
            codings: self.codings,
            ..Self::default()
        }
    }

    /// Bytes of head and body, as the memory bound counts them.
    pub(crate) fn weight(&self) -> usize {
        let fields: usize = self
            .headers
            .iter()
            .map(|(name, value)| {
                name.as_str().len() + value.len() + size_of::<(HeaderName, HeaderValue)>()
            })
            .sum();
        let variant = self.variant.as_ref().map_or(0, |variant| {
            variant.values.len() + variant.names.len() * size_of::<crate::key::selector::Selector>()
        });
        fields + self.body.len() + variant + self.snapshot.weight() + self.named.weight()
    }
}
