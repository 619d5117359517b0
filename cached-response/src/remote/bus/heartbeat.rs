//! What whoever listens to the bus and whoever tells it something know of each other.

use std::sync::atomic::{
    AtomicU32,
    Ordering::{AcqRel, Release},
};
use tokio::sync::Notify;

/// Whether this process hears itself.
#[derive(Debug)]
pub(crate) struct HeartbeatMonitor {
    own: u64,
    /// Beats that were published, and did not come back.
    unheard: AtomicU32,
    deaf: Notify,
}

/// So many beats that do not come back show that nobody listens any more, whatever the connection
/// says.
const DEAF: u32 = 5;

impl HeartbeatMonitor {
    /// Those of the sender `own`.
    pub(crate) fn new(own: u64) -> Self {
        Self {
            own,
            unheard: AtomicU32::new(0),
            deaf: Notify::new(),
        }
    }

    /// Who sends what this process says.
    pub(crate) fn own(&self) -> u64 {
        self.own
    }

    /// A beat was published.
    pub(crate) fn expect_one(&self) {
        if self.unheard.fetch_add(1, AcqRel) + 1 >= DEAF {
            self.unheard.store(0, Release);
            self.deaf.notify_one();
        }
    }

    /// A beat came back.
    pub(crate) fn hear_one(&self) {
        self.unheard.store(0, Release);
    }

    /// Ready when too many did not.
    pub(crate) async fn deaf(&self) {
        self.deaf.notified().await;
    }
}
