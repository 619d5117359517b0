//! Whoever asks for a value looks into the remote store.

use super::{
    abroad::{Abroad, Sought},
    freshness::good_for,
    lookup::Miss,
    values::{ADMITTED, Asking, Looked},
};
use crate::{
    ground::stored::StoredResponse,
    judgement::stage::Stage,
    machinery::{counters::Event, generations::Target, remote::fetch::Want, slot::Slot, variants},
};
use std::sync::Arc;

impl Asking<'_> {
    /// Looks for itself, where there is no memory: what others wait for may be invalidated meanwhile.
    pub(super) async fn first_look(&mut self, miss: &mut Miss) -> bool {
        let (station, tags) = (self.station.clone(), self.tags.clone());
        if !station.shared().shelf.is_nowhere() {
            return false;
        }
        let target = Target::Value(tags.as_deref().unwrap_or_default());
        let allowance = &mut miss.abroad.allowance;
        let Some(abroad) = Abroad::of(&station, &self.key, target, None, allowance) else {
            return false;
        };
        let Ok(mut fetched) = abroad.fetch(Want::Whole).await else {
            return false;
        };
        let found = fetched.response.take();
        miss.abroad.fetched = Some(Box::new(fetched));
        found.is_some_and(|stored| self.keep(miss, stored))
    }

    /// Looks as the one who leads: whether what was found is accepted.
    pub(super) async fn seek(&mut self, miss: &mut Miss) -> bool {
        let (station, tags) = (self.station.clone(), self.tags.clone());
        let target = Target::Value(tags.as_deref().unwrap_or_default());
        let allowance = &mut miss.abroad.allowance;
        let Some(abroad) = Abroad::of(&station, &self.key, target, None, allowance) else {
            return false;
        };
        if self.is_in_step_again(&abroad).await
            && let Looked::Accepted(stage) | Looked::Due(_, stage) = self.look_up()
        {
            self.hit(stage);
            return true;
        }
        let fetched = miss.abroad.fetched.take().map(|fetched| *fetched);
        match abroad.seek(fetched, |stored| self.keep(miss, stored)).await {
            Sought::Answered => true,
            Sought::Run(dispatch) => {
                miss.abroad.dispatch = dispatch;
                false
            }
        }
    }

    /// Whether a value that another's run has stored is not older than this caller may take it.
    pub(super) async fn is_in_step(&self, stored: &StoredResponse) -> bool {
        let shared = self.station.shared();
        if !shared.shelf.is_nowhere() {
            return shared.trusts(stored, shared.now());
        }
        let target = Target::Value(self.tags.as_deref().unwrap_or_default());
        match Abroad::of(&self.station, &self.key, target, None, &mut None) {
            Some(abroad) => abroad.check(stored).await,
            None => true,
        }
    }

    /// Whether what memory holds and could not be relied on is valid, as the store says.
    async fn is_in_step_again(&self, abroad: &Abroad<'_>) -> bool {
        let shared = self.station.shared();
        match shared.shelf.get(&self.key.borrowed()) {
            Some(Slot::Response(stored)) => {
                !shared.trusts(&stored, shared.now()) && abroad.check(&stored).await
            }
            _ => false,
        }
    }

    /// Keeps what was found in the store, and says whether it is accepted.
    fn keep(&mut self, miss: &mut Miss, stored: StoredResponse) -> bool {
        let shared = self.station.shared();
        let looked = if shared.shelf.is_nowhere() {
            self.accepted(good_for(Arc::new(stored), &ADMITTED, shared.now()))
        } else {
            variants::put(&shared.shelf, self.key.clone(), stored);
            self.look_up()
        };
        match looked {
            Looked::Accepted(stage) => self.remote_hit(stage),
            Looked::Due(_, stage) if !miss.behind => self.remote_hit(stage),
            Looked::Due(stored, _) => {
                miss.previous = Some(stored);
                false
            }
            Looked::Miss(found) => {
                miss.previous = found.previous;
                false
            }
        }
    }

    fn remote_hit(&self, stage: Stage) -> bool {
        self.station.report(Event::RemoteHit);
        self.hit(stage);
        true
    }
}
