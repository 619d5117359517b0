//! Consistency of a stored response with the remote store.

use crate::{invalidation::nonce::Nonce, time::moment::Timestamp};
use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

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

    pub(crate) fn get(&self) -> Option<&Nonces> {
        self.0.get()
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
