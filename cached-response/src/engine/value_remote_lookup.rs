//! Whoever asks for a value looks into the remote store.

use crate::{
    engine::{
        context::{Miss, RouteContext},
        remote_session::{RemoteSession, Sought, ValueOf},
        reuse::{Reuse, good_for},
        value_lookup::{ADMITTED, Asking, Looked},
    },
    entry::{StoredResponse, staleness::Staleness},
    key::Key,
    memory::{
        entry::Entry,
        variants::{self, StoreOutcome},
    },
    metrics::counters::Event,
    remote::read::ReadMode,
};
use std::sync::Arc;

/// What a look into the store has come to.
pub(crate) enum Found {
    Accepted,
    /// Accepted, and to be computed anew, behind that if that can be.
    Due(Arc<StoredResponse>, Staleness),
    Nothing,
}

/// Looks for what another process has computed anew, behind a value that was accepted.
pub(crate) async fn is_refreshed(
    station: &RouteContext,
    key: &Key,
    tags: Option<&[String]>,
    miss: &mut Miss,
) -> bool {
    let subject = ValueOf(tags.unwrap_or_default());
    let allowance = &mut miss.abroad.allowance;
    let Some(abroad) = RemoteSession::of(station, key.as_bytes(), subject, allowance) else {
        return false;
    };
    let shared = station.shared();
    let sought = abroad.seek(None, |stored| {
        let stored = if shared.memory.is_disabled() {
            Arc::new(*stored)
        } else {
            match variants::put(&shared.memory, key.clone(), *stored) {
                StoreOutcome::Stored(stored) | StoreOutcome::Superseded(stored) => stored,
            }
        };
        matches!(good_for(stored, &ADMITTED, shared.now()), Reuse::Fresh(..))
    });
    match sought.await {
        Sought::Answered => true,
        Sought::Run(dispatch) => {
            miss.abroad.dispatch = dispatch;
            false
        }
    }
}

impl<A: FnMut(&StoredResponse) -> bool> Asking<A> {
    /// Looks for itself, where there is no memory: what others wait for may be invalidated meanwhile.
    pub(crate) async fn first_look(&mut self, miss: &mut Miss) -> Found {
        let (station, tags) = (self.station.clone(), self.tags.clone());
        if !station.shared().memory.is_disabled() {
            return Found::Nothing;
        }
        let subject = ValueOf(tags.as_deref().unwrap_or_default());
        let allowance = &mut miss.abroad.allowance;
        let Some(abroad) = RemoteSession::of(&station, self.key.as_bytes(), subject, allowance)
        else {
            return Found::Nothing;
        };
        let Ok(mut fetched) = abroad.fetch(ReadMode::Whole).await else {
            return Found::Nothing;
        };
        let found = fetched.response.take();
        miss.abroad.fetched = Some(fetched);
        match found {
            Some(stored) => self.keep(miss, stored),
            None => Found::Nothing,
        }
    }

    /// Looks as the one who leads: whether what was found is accepted.
    pub(crate) async fn seek(&mut self, miss: &mut Miss) -> bool {
        let (station, tags) = (self.station.clone(), self.tags.clone());
        let subject = ValueOf(tags.as_deref().unwrap_or_default());
        let allowance = &mut miss.abroad.allowance;
        let Some(abroad) = RemoteSession::of(&station, self.key.as_bytes(), subject, allowance)
        else {
            return false;
        };
        if self.is_in_step_again(&abroad).await {
            match self.look_up() {
                Looked::Due(..) if miss.waits => {}
                Looked::Accepted(stage) | Looked::Due(_, stage) => {
                    self.hit(stage);
                    return true;
                }
                Looked::Miss(_) => {}
            }
        }
        let fetched = miss.abroad.fetched.take();
        let accepts = |stored| !matches!(self.keep(miss, stored), Found::Nothing);
        match abroad.seek(fetched, accepts).await {
            Sought::Answered => true,
            Sought::Run(dispatch) => {
                miss.abroad.dispatch = dispatch;
                false
            }
        }
    }

    /// Whether a value that another's run has stored is not older than this caller may take it.
    #[expect(
        clippy::needless_pass_by_ref_mut,
        reason = "a shared reference is `Send` only where what accepts a value is `Sync`"
    )]
    pub(crate) async fn is_in_step(&mut self, stored: &StoredResponse) -> bool {
        let shared = self.station.shared();
        if !shared.memory.is_disabled() {
            return shared.trusts(stored, shared.now());
        }
        let subject = ValueOf(self.tags.as_deref().unwrap_or_default());
        match RemoteSession::of(&self.station, self.key.as_bytes(), subject, &mut None) {
            Some(abroad) => abroad.check(stored).await,
            None => true,
        }
    }

    /// Whether what memory holds and could not be relied on is valid, as the store says.
    #[expect(
        clippy::needless_pass_by_ref_mut,
        reason = "a shared reference is `Send` only where what accepts a value is `Sync`"
    )]
    async fn is_in_step_again(&mut self, abroad: &RemoteSession<'_, ValueOf<'_>>) -> bool {
        let shared = self.station.shared();
        match shared.memory.get(&self.key.borrowed()) {
            Some(Entry::Response(stored)) => {
                !shared.trusts(&stored, shared.now()) && abroad.check(&stored).await
            }
            _ => false,
        }
    }

    /// Keeps what was found in the store, and says whether it is accepted.
    fn keep(&mut self, miss: &mut Miss, stored: Box<StoredResponse>) -> Found {
        let shared = self.station.shared();
        let nowhere = shared.memory.is_disabled();
        let looked = if nowhere {
            self.accepted(good_for(Arc::new(*stored), &ADMITTED, shared.now()))
        } else {
            variants::put(&shared.memory, self.key.clone(), *stored);
            self.look_up()
        };
        let stage = match looked {
            Looked::Due(stored, _) if miss.waits => {
                miss.previous = Some(stored);
                return Found::Nothing;
            }
            Looked::Due(stored, stage) if nowhere => return Found::Due(stored, stage),
            // In memory the next one finds it, and that it is due.
            Looked::Accepted(stage) | Looked::Due(_, stage) => stage,
            Looked::Miss(again) => {
                miss.previous = again.previous;
                return Found::Nothing;
            }
        };
        self.station.report(Event::RemoteHit);
        self.hit(stage);
        Found::Accepted
    }
}
