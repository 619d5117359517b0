//! Stored responses (RFC 9111 §3).

#[cfg(any(test, feature = "remote"))]
pub(crate) mod codec;
pub(crate) mod head_style;
pub(crate) mod staleness;

use crate::{
    entry::{
        head_style::Style,
        staleness::{Cooldown, ExpirySeen},
    },
    http::content_coding::Codings,
    invalidation::{
        generation::{BumpCount, CurrentAt, Snapshot, Validity},
        nonce::Nonce,
    },
    key::vary::{Selector, Variant},
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
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

/// Run number of a response that was read from a store.
pub(crate) const NO_RUN: u64 = 0;

/// A complete response with the data that decides about its reuse.
#[derive(Debug, Default)]
pub(crate) struct StoredResponse {
    pub(crate) status: StatusCode,
    pub(crate) style: Style,
    /// In the order in which they are sent, repeated fields included.
    pub(crate) headers: Arc<[(HeaderName, HeaderValue)]>,
    pub(crate) body: Bytes,
    pub(crate) etag: Option<HeaderValue>,
    /// The entity tag was computed by the cache; the handler does not know it.
    pub(crate) generated_etag: bool,
    pub(crate) last_modified: Option<HeaderValue>,
    /// Time at which the handler's response was complete.
    pub(crate) created_at: Timestamp,
    pub(crate) lifetime: Duration,
    /// Time from which a hit also refreshes the response, or finds it stale.
    pub(crate) refresh_at: Timestamp,
    /// Age at creation.
    pub(crate) initial_age: Duration,
    /// Time that its run took.
    pub(crate) run_time: Duration,
    /// Not reused while stale (RFC 9111 §4.2.4).
    pub(crate) never_stale: bool,
    pub(crate) windows: Windows,
    /// Pause of runs after one that failed to replace this response.
    pub(crate) cooldown: Cooldown,
    pub(crate) expired: ExpirySeen,
    /// Number of its run, in the order of their starts: the response of a later run is never replaced
    /// by that of an earlier one. One with [`NO_RUN`] replaces older responses.
    pub(crate) run: u64,
    /// Generations that invalidate it, read before its run started.
    pub(crate) snapshot: Snapshot,
    /// Generations of the tags that its handler named, read before its run started.
    pub(crate) tag_snapshot: Snapshot,
    /// Number of bumps at its last comparison.
    pub(crate) current_at: CurrentAt,
    pub(crate) variant: Option<Variant>,
    /// Time of its last use, for a variant.
    pub(crate) last_used: Option<Arc<AtomicU64>>,
    /// Has `public`, `s-maxage` or `must-revalidate`, and is reusable for requests with
    /// `Authorization` (RFC 9111 §3.5).
    pub(crate) shareable_with_authorization: bool,
    pub(crate) client: Option<ClientCaching>,
    /// Codings that its client accepted. A client that accepts others may receive another response,
    /// even without `Vary`.
    pub(crate) codings: Codings,
    /// Time of the last comparison with the remote store.
    pub(crate) verified_at: VerifiedAt,
    /// Nonces in the remote store that it depends on.
    pub(crate) nonces: NonceCell,
    /// Number of look-ups in memory that found it, without the last few of each worker.
    pub(crate) uses: AtomicU64,
}

/// Windows in which a stale response may be sent (RFC 5861).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Windows {
    /// While a run refreshes it in the background.
    pub(crate) revalidate: Duration,
    /// If the run that would replace it fails.
    pub(crate) error: Duration,
}

/// Caching of an answer by its client, where the route permits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientCaching {
    pub(crate) keep: Duration,
    /// The key contains users: shared caches must not store the answer.
    pub(crate) private: bool,
}

impl StoredResponse {
    /// End of its lifetime.
    pub(crate) fn deadline(&self) -> Timestamp {
        self.created_at
            .after(self.lifetime.saturating_sub(self.initial_age))
    }

    pub(crate) fn age(&self, now: Timestamp) -> Duration {
        self.initial_age.saturating_add(now.since(self.created_at))
    }

    /// Returns true for a response that was stale on arrival and is stored only to be validated.
    pub(crate) fn is_stale_on_arrival(&self) -> bool {
        self.lifetime <= self.initial_age
    }

    /// The entity tag of the handler.
    pub(crate) fn handler_etag(&self) -> Option<&HeaderValue> {
        self.etag.as_ref().filter(|_| !self.generated_etag)
    }

    /// Returns true where the handler can validate it (RFC 9111 §4.3.1).
    pub(crate) fn can_be_validated(&self) -> bool {
        self.handler_etag().is_some() || self.last_modified.is_some()
    }

    /// Effect of invalidations and expiries since its run started.
    pub(crate) fn validity(&self) -> Validity {
        self.snapshot.validity_with(&self.tag_snapshot)
    }

    /// Returns true where none of its generations was bumped since its run started. `bumps` are those of
    /// its cache.
    #[inline]
    pub(crate) fn has_no_bump(&self, bumps: &BumpCount) -> bool {
        self.current_at
            .is_current(bumps, || self.validity() == Validity::Current)
    }

    /// Returns true unless it was invalidated since its run started.
    pub(crate) fn is_current(&self) -> bool {
        self.snapshot.is_current() && self.tag_snapshot.is_current()
    }

    /// Returns true unless one of the tags that its handler named was invalidated or expired since its run
    /// started: a flight has none of them, and those who join it have not compared them.
    pub(crate) fn has_current_tags(&self) -> bool {
        self.tag_snapshot.validity() == Validity::Current
    }

    /// Returns true where `other` must not replace this stored response.
    pub(crate) fn outranks(&self, other: &Self) -> bool {
        match other.run {
            NO_RUN => self.created_at > other.created_at && self.is_current(),
            run => self.run > run,
        }
    }

    /// Time from its creation in which it is usable.
    pub(crate) fn keep(&self) -> Duration {
        let fresh = self.deadline().since(self.created_at);
        let window = self.windows.revalidate.max(self.windows.error);
        fresh.saturating_add(window)
    }

    /// Copies what another process can use, as this variant.
    pub(crate) fn as_variant(&self, variant: Variant) -> Self {
        Self {
            body: self.body.clone(),
            variant: Some(variant),
            ..self.for_other_process()
        }
    }

    /// Copies what another process can use, without the body.
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
            run_time: self.run_time,
            never_stale: self.never_stale,
            windows: self.windows,
            variant: self.variant.clone(),
            shareable_with_authorization: self.shareable_with_authorization,
            client: self.client,
            codings: self.codings,
            ..Self::default()
        }
    }

    /// Bytes of head and body that count against the memory bound.
    pub(crate) fn weight(&self) -> usize {
        let fields: usize = self
            .headers
            .iter()
            .map(|(name, value)| {
                name.as_str().len() + value.len() + size_of::<(HeaderName, HeaderValue)>()
            })
            .sum();
        let variant = self.variant.as_ref().map_or(0, |variant| {
            variant.values.len() + variant.names.len() * size_of::<Selector>()
        });
        fields + self.body.len() + variant + self.snapshot.weight() + self.tag_snapshot.weight()
    }
}

/// Time of the last comparison with the remote nonces, or the start of the run.
#[derive(Debug, Default)]
pub(crate) struct VerifiedAt(AtomicU64);

impl VerifiedAt {
    pub(crate) fn at(moment: Timestamp) -> Self {
        let verified = Self::default();
        verified.renew(moment);
        verified
    }

    /// Notes a comparison that started at `moment` and found no change.
    pub(crate) fn renew(&self, moment: Timestamp) {
        self.0.fetch_max(moment.to_nanos(), Relaxed);
    }

    pub(crate) fn moment(&self) -> Timestamp {
        Timestamp::default().after(Duration::from_nanos(self.0.load(Relaxed)))
    }
}

/// The remote nonces that a response depends on, read before its run started.
#[derive(Debug, Default)]
pub(crate) struct Nonces {
    /// Time of this process by which they were read.
    pub(crate) read_by: Timestamp,
    /// Arguments of the run may be older than they are: they do not verify the response.
    pub(crate) may_be_newer: bool,
    /// Nonces known from the request: of all, path, URL, and the tags of the route.
    pub(crate) known: Arc<[Nonce]>,
    /// Nonces known from the run only, with their names in the store: of the tags that the handler
    /// named, or of their stripes.
    pub(crate) named: Vec<(String, Nonce)>,
}

/// The nonces of a stored response, set once.
#[derive(Debug, Default)]
pub(crate) struct NonceCell(OnceLock<Nonces>);

impl NonceCell {
    pub(crate) fn of(nonces: Nonces) -> Self {
        let cell = Self::default();
        cell.note(nonces);
        cell
    }

    /// Sets the nonces, which do not change afterwards.
    pub(crate) fn note(&self, nonces: Nonces) {
        // An earlier call has set the same.
        let _ = self.0.set(nonces);
    }

    /// The nonces that verify the response.
    pub(crate) fn get(&self) -> Option<&Nonces> {
        self.0.get().filter(|nonces| !nonces.may_be_newer)
    }

    /// The nonces of its request that were read before `moment`.
    pub(crate) fn read_before(&self, moment: Timestamp) -> Option<Arc<[Nonce]>> {
        let nonces = self.0.get().filter(|nonces| nonces.read_by < moment)?;
        Some(nonces.known.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_verification_does_not_replace_a_later_one() {
        let later = Timestamp::default().after(Duration::from_secs(7));
        let verified = VerifiedAt::at(later);
        verified.renew(Timestamp::default());
        assert_eq!(verified.moment(), later);
    }
}
