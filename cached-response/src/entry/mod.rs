//! What the cache keeps of a response (RFC 9111 §3).

pub(crate) mod codec;
pub(crate) mod cooldown;
pub(crate) mod deadlines;
pub(crate) mod head_style;
pub(crate) mod remote_state;
pub(crate) mod staleness;

use crate::{
    entry::{
        cooldown::{Cooldown, Expired},
        head_style::Style,
        remote_state::{NonceCell, VerifiedAt},
    },
    http::content_coding::Codings,
    invalidation::generation::{Snapshot, Validity},
    key::vary::Variant,
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
    pub(crate) generated_etag: bool,
    pub(crate) last_modified: Option<HeaderValue>,
    /// When the handler's response was there.
    pub(crate) created_at: Timestamp,
    pub(crate) lifetime: Duration,
    /// From then on it is no longer only reused: it is to be refreshed, or is stale.
    pub(crate) refresh_at: Timestamp,
    /// How old it was when it was born.
    pub(crate) initial_age: Duration,
    /// Once it is stale it is not reused (RFC 9111 §4.2.4).
    pub(crate) never_stale: bool,
    pub(crate) windows: Windows,
    /// After a run has failed that would have replaced it.
    pub(crate) cooldown: Cooldown,
    pub(crate) expired: Expired,
    /// Runs are numbered at their start; a store never replaces a later run's response. What was
    /// [`FOUND`] replaces what is older than it.
    pub(crate) run: u64,
    /// What could be invalidated of it, as it was before its run began.
    pub(crate) snapshot: Snapshot,
    /// The tags that its handler has named, as they were before its run began.
    pub(crate) tag_snapshot: Snapshot,
    pub(crate) variant: Option<Variant>,
    /// When it was used last, if it is a variant.
    pub(crate) last_used: Option<Arc<AtomicU64>>,
    /// Says `public`, `s-maxage` or `must-revalidate`, and so may answer a request with
    /// `Authorization` (RFC 9111 §3.5).
    pub(crate) shareable_with_authorization: bool,
    pub(crate) client: Option<Client>,
    /// Clients that take other codings than these may get another response, though it does not say so
    /// in `Vary`.
    pub(crate) codings: Codings,
    /// When it was last in step with the remote store.
    pub(crate) verified_at: VerifiedAt,
    /// What it depends on there.
    pub(crate) nonces: NonceCell,
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
        self.created_at
            .after(self.lifetime.saturating_sub(self.initial_age))
    }

    pub(crate) fn age(&self, now: Timestamp) -> Duration {
        self.initial_age.saturating_add(now.since(self.created_at))
    }

    /// It was stale when it came, and is kept only to be validated.
    pub(crate) fn is_stale_on_arrival(&self) -> bool {
        self.lifetime <= self.initial_age
    }

    /// The entity tag that the handler gave it.
    pub(crate) fn handler_etag(&self) -> Option<&HeaderValue> {
        self.etag.as_ref().filter(|_| !self.generated_etag)
    }

    /// Whether its handler can tell if it has changed since (RFC 9111 §4.3.1).
    pub(crate) fn can_be_validated(&self) -> bool {
        self.handler_etag().is_some() || self.last_modified.is_some()
    }

    /// What has become of it since its run began.
    pub(crate) fn validity(&self) -> Validity {
        self.snapshot.validity_with(&self.tag_snapshot)
    }

    /// Whether it was not invalidated since its run began.
    pub(crate) fn is_current(&self) -> bool {
        self.snapshot.is_current() && self.tag_snapshot.is_current()
    }

    /// Whether this one, which lies there, is not replaced by `other`.
    pub(crate) fn outranks(&self, other: &Self) -> bool {
        match other.run {
            FOUND => self.created_at > other.created_at && self.is_current(),
            run => self.run > run,
        }
    }

    /// How long it is of any use, from its birth.
    pub(crate) fn keep(&self) -> Duration {
        let fresh = self.deadline().since(self.created_at);
        let window = self.windows.revalidate.max(self.windows.error);
        fresh.saturating_add(window)
    }

    /// What of it another process can use, selected so.
    pub(crate) fn as_variant(&self, variant: Variant) -> Self {
        Self {
            body: self.body.clone(),
            variant: Some(variant),
            ..self.for_other_process()
        }
    }

    /// What of it another process can use, but for its body.
    pub(crate) fn for_other_process(&self) -> Self {
        Self {
            status: self.status,
            style: self.style.clone(),
            headers: self.headers.clone(),
            etag: self.etag.clone(),
            generated_etag: self.generated_etag,
            last_modified: self.last_modified.clone(),
            lifetime: self.lifetime,
            initial_age: self.initial_age,
            never_stale: self.never_stale,
            windows: self.windows,
            variant: self.variant.clone(),
            shareable_with_authorization: self.shareable_with_authorization,
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
            variant.values.len() + variant.names.len() * size_of::<crate::key::vary::Selector>()
        });
        fields + self.body.len() + variant + self.snapshot.weight() + self.tag_snapshot.weight()
    }
}
