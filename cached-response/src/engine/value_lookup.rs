//! Somebody who asks for a value, and what lies in memory for it.

use crate::{
    engine::{
        context::Station,
        lookup::Miss,
        remote_state::FromAbroad,
        reuse::{Lookup, freshness},
    },
    entry::{StoredResponse, staleness::Stage},
    key::Key,
    memory::{entry::Slot, variants::Found},
    metrics::{counters::Event, reason::Forward},
    response::reuse::How,
    route::admission::{Admitted, Part, Reuse},
    time::moment::Moment,
};
use std::sync::Arc;

/// Whoever asks for a value may lead, and wishes nothing.
pub(crate) const ADMITTED: Admitted = Admitted {
    reuse: Reuse::Any,
    flight: Part::Lead,
    head: false,
    wishes: None,
};

/// Somebody who asks for a value.
pub(crate) struct Asking<A> {
    pub(crate) station: Station,
    pub(crate) key: Key,
    /// The tags that it has from the start; `None` where it cannot have them.
    pub(crate) tags: Option<Arc<[String]>>,
    /// Takes a stored value; `false` where it cannot be read.
    pub(crate) accept: A,
}

/// What a look-up comes to.
pub(crate) enum Looked {
    Accepted(Stage),
    /// Accepted, and to be computed anew behind that.
    Due(Arc<StoredResponse>, Stage),
    Miss(Box<Miss>),
}

impl<A: FnMut(&StoredResponse) -> bool> Asking<A> {
    pub(crate) fn look_up(&mut self) -> Looked {
        let shared = self.station.shared();
        let now = shared.now();
        let found = match shared.shelf.get(&self.key.borrowed()) {
            Some(Slot::Response(stored)) => Found::Response(stored),
            _ => Found::Nothing,
        };
        let looked = freshness(shared, found, &ADMITTED, now);
        self.accepted(looked)
    }

    /// What a look-up comes to where it must be accepted.
    pub(crate) fn accepted(&mut self, looked: Lookup) -> Looked {
        match looked {
            Lookup::Fresh(stored, stage) if (self.accept)(&stored) => Looked::Accepted(stage),
            Lookup::Refresh(stored, stage) if (self.accept)(&stored) => Looked::Due(stored, stage),
            Lookup::Miss(forward, previous) => Looked::Miss(Box::new(self.miss(forward, previous))),
            // What cannot be read is as good as nothing.
            Lookup::Fresh(..) | Lookup::Refresh(..) => {
                Looked::Miss(Box::new(self.miss(Forward::UriMiss, None)))
            }
        }
    }

    pub(crate) fn hit(&self, stage: Stage) {
        self.station.report(Event::Hit);
        if let How::Stale(_, Some(rule)) = How::hit(stage, Moment::default()) {
            self.station.report(Event::Stale(rule));
        }
    }

    pub(crate) fn miss(&self, forward: Forward, previous: Option<Arc<StoredResponse>>) -> Miss {
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
            abroad: FromAbroad::default(),
        }
    }
}
