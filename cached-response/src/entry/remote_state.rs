//! When a stored response was last known to be in step with the remote store.

use crate::{invalidation::nonce::Nonce, time::moment::Timestamp};
use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

/// When the run began that made it, or the last comparison with the remote nonces.
#[derive(Debug, Default)]
pub(crate) struct VerifiedAt(AtomicU64);

impl VerifiedAt {
    pub(crate) fn at(moment: Timestamp) -> Self {
        let checked = Self::default();
        checked.renew(moment);
        checked
    }

    /// A comparison that began then has found it unchanged.
    pub(crate) fn renew(&self, moment: Timestamp) {
        self.0.fetch_max(moment.to_nanos(), Relaxed);
    }

    pub(crate) fn moment(&self) -> Timestamp {
        Timestamp::default().after(Duration::from_nanos(self.0.load(Relaxed)))
    }
}

/// The remote nonces that a response depends on, as they were before its run began.
#[derive(Debug, Default)]
pub(crate) struct Nonces {
    /// Those that are known from the request: of all, path, URL, and the tags of its route.
    pub(crate) known: Arc<[Nonce]>,
    /// Those that are known from its run only, under their names there: of the tags that its handler
    /// has named, or of their stripes.
    pub(crate) named: Vec<(String, Nonce)>,
}

/// The nonces of a stored response, from when they are known.
#[derive(Debug, Default)]
pub(crate) struct NonceCell(OnceLock<Nonces>);

impl NonceCell {
    pub(crate) fn of(nonces: Nonces) -> Self {
        let held = Self::default();
        held.note(nonces);
        held
    }

    /// They are known now, and do not change.
    pub(crate) fn note(&self, nonces: Nonces) {
        // Whoever was first has noted the same.
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
    fn a_check_is_never_taken_back() {
        let later = Timestamp::default().after(Duration::from_secs(7));
        let checked = VerifiedAt::at(later);
        checked.renew(Timestamp::default());
        assert_eq!(checked.moment(), later);
    }
}
