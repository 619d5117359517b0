//! The rest of a stored response whose refresh has failed.

use super::clock::Moment;
use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Until when no run is tried to replace a response. It begins over.
///
/// It lies with the response it is of: whatever replaces or removes that ends the rest, too.
#[derive(Debug, Default)]
pub(crate) struct Rest(AtomicU64);

impl Rest {
    /// Rests until then, however long it would have rested before.
    pub(crate) fn until(&self, end: Moment) {
        let nanos = end.elapsed().as_nanos();
        // A rest orders nothing: who sees it late tries a run too many.
        self.0
            .store(u64::try_from(nanos).unwrap_or(u64::MAX), Relaxed);
    }

    pub(crate) fn is_over(&self, now: Moment) -> bool {
        Moment::default().after(Duration::from_nanos(self.0.load(Relaxed))) <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_is_over_when_its_end_has_come() {
        let now = Moment::default().after(Duration::from_secs(100));
        let rest = Rest::default();
        assert!(rest.is_over(now) && rest.is_over(Moment::default()));
        rest.until(now);
        assert!(rest.is_over(now));
        rest.until(now.after(Duration::from_nanos(1)));
        assert!(!rest.is_over(now));
    }
}
