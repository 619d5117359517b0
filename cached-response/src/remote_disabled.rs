//! The remote tier in builds without the feature `remote`: no cache has one.

use crate::{
    InvalidationError,
    entry::StoredResponse,
    invalidation::{
        generations::{Generations, Target},
        scope::{Bump, Scope},
    },
    metrics::stats::RemoteStats,
    route::Route,
    time::{Clock, moment::Timestamp},
};
use std::{convert::Infallible, future::Ready, sync::Arc, time::Duration};

/// Type without values: it stands for the tier and for all that a tier creates.
// That it has none is private, or the compiler would warn of unreachable code wherever it is used.
#[derive(Clone, Debug)]
pub(crate) struct RemoteTier(Infallible);

/// Configuration without values other than `None`.
pub(crate) type RemoteConfig = Option<RemoteTier>;

pub(crate) type RemoteState = ();

impl RemoteTier {
    pub(crate) fn new(
        _: RemoteConfig,
        _lease_ttl: Duration,
        _: &Clock,
        _: &Arc<Generations>,
    ) -> Option<Self> {
        None
    }

    pub(crate) fn name(&self, _: &Route, _key: &[u8], _: Target<'_>) -> Option<String> {
        match self.0 {}
    }

    pub(crate) fn trusts(&self, _: &StoredResponse, _now: Timestamp) -> bool {
        match self.0 {}
    }

    pub(crate) fn stats(&self) -> RemoteStats {
        match self.0 {}
    }

    pub(crate) fn bus(&self) -> &Self {
        self
    }

    pub(crate) fn note(&self, _: Bump, _: &[Scope]) {
        match self.0 {}
    }

    pub(crate) fn send(&self, (): ()) -> Self {
        match self.0 {}
    }

    pub(crate) fn retry(&self) -> Ready<()> {
        match self.0 {}
    }

    pub(crate) fn outcome(self) -> Ready<Result<(), InvalidationError>> {
        match self.0 {}
    }
}

pub(crate) mod bus {
    pub(crate) type Sent = super::RemoteTier;
}
