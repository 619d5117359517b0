//! Stand-in for the remote tier in builds without the feature `remote`: no cache has one.
//!
//! The types that only a tier creates have no values, so that the code behind them compiles to nothing. That
//! they have none is private, or the compiler would warn of unreachable code wherever they are used.

use self::{budget::Budget, bus::InvalidationBus, config::RemoteConfig, entry_key::RemoteKey};
use crate::{
    entry::StoredResponse,
    invalidation::{
        generation::Snapshot,
        generations::{Generations, Target},
    },
    route::Route,
    time::{Clock, moment::Timestamp},
};
use std::{sync::Arc, time::Duration};

/// Type without values.
#[derive(Clone, Copy, Debug)]
enum Never {}

#[derive(Debug)]
pub(crate) struct RemoteTier(Never);

impl RemoteTier {
    pub(crate) fn new(
        _: &RemoteConfig,
        _lease_ttl: Duration,
        _: &Clock,
        _: &Arc<Generations>,
    ) -> Option<Self> {
        None
    }

    pub(crate) fn key(
        &self,
        _: &Route,
        _key: &[u8],
        _: Target<'_>,
        _max_body_bytes: usize,
    ) -> Option<(Arc<RemoteKey>, bool)> {
        match self.0 {}
    }

    pub(crate) fn name(&self, _: &Route, _key: &[u8], _: Target<'_>) -> Option<String> {
        match self.0 {}
    }

    pub(crate) fn budget(&self) -> Budget {
        match self.0 {}
    }

    pub(crate) fn lease_ttl(&self) -> Duration {
        match self.0 {}
    }

    pub(crate) fn trusts(&self, _: &StoredResponse, _now: Timestamp) -> bool {
        match self.0 {}
    }

    pub(crate) fn stats(&self) -> crate::RemoteStats {
        match self.0 {}
    }

    pub(crate) fn bus(&self) -> &InvalidationBus {
        match self.0 {}
    }
}

pub(crate) mod config {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct RemoteConfig {
        /// Always false.
        pub(crate) without_memory: bool,
    }
}

pub(crate) mod budget {
    use super::Never;

    #[derive(Debug)]
    pub(crate) struct Budget(Never);
}

pub(crate) mod error {
    use super::Never;

    #[derive(Debug)]
    pub(crate) struct CallError(Never);
}

pub(crate) mod lease {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum LeaseState {
        Running,
    }
}

pub(crate) mod entry_key {
    use super::{Generations, Never, Snapshot, StoredResponse, Target};

    #[derive(Debug)]
    pub(crate) struct RemoteKey {
        pub(crate) full_key: Vec<u8>,
        never: Never,
    }

    impl RemoteKey {
        pub(crate) fn lease_name(&self) -> &str {
            match self.never {}
        }

        pub(crate) fn snapshot(&self, _: &Generations, _: Target<'_>) -> Snapshot {
            match self.never {}
        }

        pub(crate) fn permits(&self, _: &StoredResponse, _: impl FnOnce() -> bool) -> bool {
            match self.never {}
        }
    }
}

pub(crate) mod read {
    use super::{
        Arc, Budget, Never, RemoteKey, RemoteTier, Route, Snapshot, StoredResponse,
        error::CallError, lease::LeaseState,
    };
    use actix_web::HttpRequest;
    use std::{future::Ready, marker::PhantomData};

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum ReadMode {
        Whole,
        Head,
    }

    #[derive(Debug, Default)]
    pub(crate) struct Fetched {
        pub(crate) response: Option<Box<StoredResponse>>,
        pub(crate) lease: Option<LeaseState>,
        pub(crate) variant: Option<Arc<RemoteKey>>,
    }

    pub(crate) trait VariantSelector: Copy {
        fn request(&self) -> Option<&HttpRequest>;
    }

    pub(crate) struct RemoteReader<'a>(Never, PhantomData<&'a ()>);

    impl<'a> RemoteReader<'a> {
        pub(crate) fn new(
            remote: &'a RemoteTier,
            _: &'a Budget,
            _: &'a Route,
            _: Snapshot,
        ) -> Self {
            match remote.0 {}
        }

        pub(crate) fn fetch(
            self,
            _: &Arc<RemoteKey>,
            _: impl VariantSelector,
            _: ReadMode,
        ) -> Ready<Result<Fetched, CallError>> {
            match self.0 {}
        }

        pub(crate) fn lease_state(
            self,
            _: &RemoteKey,
            _lease_name: &str,
        ) -> Ready<Result<Option<LeaseState>, CallError>> {
            match self.0 {}
        }

        pub(crate) fn verify(
            self,
            _: &RemoteKey,
            _: &StoredResponse,
        ) -> Ready<Result<bool, CallError>> {
            match self.0 {}
        }
    }
}

pub(crate) mod write {
    use super::{
        Arc, Budget, Duration, Never, RemoteKey, RemoteTier, StoredResponse, error::CallError,
        read::Fetched,
    };
    use crate::{invalidation::nonce::Nonce, metrics::reason::Skip};
    use actix_web::HttpRequest;
    use std::future::Ready;

    #[derive(Debug)]
    pub(crate) struct PreparedWrite(Never);

    pub(crate) struct WriteRequest<'a> {
        pub(crate) key: Arc<RemoteKey>,
        pub(crate) fetched: Fetched,
        pub(crate) lifetime: Duration,
        pub(crate) sets_tags: bool,
        pub(crate) takes_lease: bool,
        pub(crate) budget: &'a Budget,
    }

    pub(crate) enum Prepared {
        Run(Box<PreparedWrite>),
        LeaseTaken,
    }

    pub(crate) struct NewEntry<'a> {
        pub(crate) stored: Arc<StoredResponse>,
        pub(crate) request: Option<&'a HttpRequest>,
        pub(crate) tags: Vec<String>,
    }

    impl PreparedWrite {
        pub(crate) fn prepare(
            remote: &Arc<RemoteTier>,
            _: WriteRequest<'_>,
        ) -> Ready<Result<Prepared, CallError>> {
            match remote.0 {}
        }

        pub(crate) fn not_stored(self, _: Skip) {
            match self.0 {}
        }

        pub(crate) fn has_nonces(&self, _earlier: Option<&[Nonce]>) -> bool {
            match self.0 {}
        }

        pub(crate) fn has_stripes_of(&self, _tags: &[String]) -> bool {
            match self.0 {}
        }

        pub(crate) fn enqueue(self, _: NewEntry<'_>) {
            match self.0 {}
        }

        pub(crate) fn delete_outdated(&self, _: &StoredResponse) {
            match self.0 {}
        }
    }
}

pub(crate) mod bus {
    use super::Never;
    use crate::{
        InvalidationError,
        invalidation::{generation::Bump, scope::Scope},
    };
    use std::future::Ready;

    #[derive(Debug)]
    pub(crate) struct InvalidationBus(Never);

    impl InvalidationBus {
        pub(crate) fn note(&self, _: Bump, _: &[Scope]) -> Vec<Unconfirmed> {
            match self.0 {}
        }

        pub(crate) fn send(&self, _: Vec<Unconfirmed>) -> Sent {
            match self.0 {}
        }
    }

    #[derive(Debug)]
    pub(crate) struct Unconfirmed(Never);

    #[derive(Debug)]
    pub(crate) struct Sent(Never);

    impl Sent {
        pub(crate) fn outcome(self) -> Ready<Result<(), InvalidationError>> {
            match self.0 {}
        }
    }
}
