//! Somebody who asks for a value, and what lies in memory for it.

use crate::{
    engine::{
        context::{Miss, RemoteState, RouteContext},
        reuse::{Reuse, freshness},
    },
    entry::{StoredResponse, staleness::Staleness},
    key::Key,
    memory::{entry::Entry, variants::Found},
    metrics::{counters::Event, reason::ForwardReason},
    response::reuse::HitKind,
    route::admission::{Admitted, AllowedReuse, FlightRole},
    time::moment::Timestamp,
};
use std::sync::Arc;

/// Whoever asks for a value may lead, and wishes nothing.
pub(crate) const ADMITTED: Admitted = Admitted {
    reuse: AllowedReuse::Any,
    flight: FlightRole::Lead,
    head: false,
    directives: None,
};

/// Somebody who asks for a value.
pub(crate) struct Asking<A> {
    pub(crate) station: RouteContext,
    pub(crate) key: Key,
    /// The tags that it has from the start; `None` where it cannot have them.
    pub(crate) tags: Option<Arc<[String]>>,
    /// Takes a stored value; `false` where it cannot be read.
    pub(crate) accept: A,
}

/// What a look-up comes to.
pub(crate) enum Looked {
    Accepted(Staleness),
    /// Accepted, and to be computed anew behind that.
    Due(Arc<StoredResponse>, Staleness),
    Miss(Box<Miss>),
}

impl<A: FnMut(&StoredResponse) -> bool> Asking<A> {
    pub(crate) fn look_up(&mut self) -> Looked {
        let shared = self.station.shared();
        let now = shared.now();
        let found = match shared.memory.get(&self.key.borrowed()) {
            Some(Entry::Response(stored)) => Found::Response(stored),
            _ => Found::Nothing,
        };
        let looked = freshness(shared, found, &ADMITTED, now);
        self.accepted(looked)
    }

    /// What a look-up comes to where it must be accepted.
    pub(crate) fn accepted(&mut self, looked: Reuse) -> Looked {
        match looked {
            Reuse::Fresh(stored, stage) if (self.accept)(&stored) => Looked::Accepted(stage),
            Reuse::Refresh(stored, stage) if (self.accept)(&stored) => Looked::Due(stored, stage),
            Reuse::Miss(forward, previous) => Looked::Miss(Box::new(self.miss(forward, previous))),
            // What cannot be read is as good as nothing.
            Reuse::Fresh(..) | Reuse::Refresh(..) => {
                Looked::Miss(Box::new(self.miss(ForwardReason::UriMiss, None)))
            }
        }
    }

    pub(crate) fn hit(&self, stage: Staleness) {
        self.station.report(Event::Hit);
        if let HitKind::Stale(_, Some(rule)) = HitKind::hit(stage, Timestamp::default()) {
            self.station.report(Event::Stale(rule));
        }
    }

    pub(crate) fn miss(
        &self,
        forward: ForwardReason,
        previous: Option<Arc<StoredResponse>>,
    ) -> Miss {
        Miss {
            admitted: ADMITTED,
            live: false,
            base: self.key.clone(),
            flight: self.key.clone(),
            forward,
            previous,
            behind: false,
            waits: false,
            extracted: None,
            arrived: self.station.shared().now(),
            abroad: RemoteState::default(),
        }
    }
}
