//! A request looks into the remote store: before anybody is waited for, or as the one who leads.

use crate::{
    engine::{
        context::{Miss, RequestContext},
        lookup::{self, leads},
        remote_session::{RemoteSession, Sought},
        reuse::{Reuse, good_for},
    },
    entry::{StoredResponse, staleness::Staleness},
    invalidation::nonce::Nonce,
    key::KeyRef,
    memory::variants::{self, Found},
    metrics::counters::Event,
    remote::{read::ReadMode, write::PreparedWrite},
    response::reuse::{self, HitKind},
    route::admission::FlightRole,
    single_flight::responses::{Landing, Permit},
    time::moment::Timestamp,
};
use actix_web::HttpResponse;
use std::sync::Arc;

/// What a look into the remote store has come to before anybody is waited for.
pub(crate) enum RemoteOutcome {
    Answered(HttpResponse),
    /// To be refreshed, behind the answer if that can be.
    Due(Answering),
    Nothing,
}

/// A response that answers.
pub(crate) struct Answering {
    pub(crate) stored: Arc<StoredResponse>,
    pub(crate) stage: Staleness,
    /// It is to be refreshed behind the answer.
    due: bool,
    /// When it was found in the store, if it was not in memory.
    found: Option<Timestamp>,
}

impl RequestContext {
    fn abroad(&self, miss: &mut Miss) -> Option<RemoteSession<'_, &Self>> {
        let data = miss.abroad.data;
        if data.conflicts {
            return None;
        }
        let key = data.portable(miss.base.as_bytes());
        let allowance = &mut miss.abroad.allowance;
        RemoteSession::of(&self.station, key, self, allowance)
    }

    /// Looks for itself, where what a leader finds will not do: without memory, since what others
    /// wait for may be invalidated meanwhile; for a 304, which needs no body; and where it leads
    /// nobody.
    pub(crate) async fn first_look(&self, miss: &mut Miss) -> RemoteOutcome {
        let memory = !self.station.shared().memory.is_disabled();
        let conditional = reuse::is_conditional(&self.request);
        let leads = miss.admitted.flight == FlightRole::Lead;
        if memory && !conditional && leads {
            return RemoteOutcome::Nothing;
        }
        let Some(abroad) = self.abroad(miss) else {
            return RemoteOutcome::Nothing;
        };
        if let Some(answering) = self.in_step_again(&abroad, miss).await {
            return self.answered(answering);
        }
        // Boxed: there is no room for it in each look-up.
        if conditional && let Some(not_modified) = Box::pin(self.not_modified(&abroad, miss)).await
        {
            return RemoteOutcome::Answered(not_modified);
        }
        if memory && leads {
            return RemoteOutcome::Nothing;
        }
        let Ok(mut fetched) = abroad.fetch(ReadMode::Whole).await else {
            return RemoteOutcome::Nothing;
        };
        let found = fetched.response.take();
        if let Some(variant) = &fetched.variant {
            // Of another variant nothing is to be waited for.
            let handler = self.station.site.handler;
            miss.flight = KeyRef::new(handler, &variant.full_key).to_key();
        }
        miss.abroad.fetched = Some(fetched);
        match found.and_then(|stored| self.keep(miss, stored)) {
            Some(answering) => self.answered(answering),
            None => RemoteOutcome::Nothing,
        }
    }

    /// Asks the store, as the one who leads, whether what memory holds is still valid: gives the permit
    /// back where that does not answer.
    pub(crate) async fn recheck(
        &self,
        miss: &mut Miss,
        permit: Permit,
    ) -> Result<Permit, Answering> {
        let Some(abroad) = self.abroad(miss) else {
            return Ok(permit);
        };
        match self.in_step_again(&abroad, miss).await {
            Some(_) => self.lead_on(miss, permit, None),
            None => Ok(permit),
        }
    }

    /// Looks as the one who leads: gives the permit back where a run is needed.
    pub(crate) async fn seek(&self, miss: &mut Miss, permit: Permit) -> Result<Permit, Answering> {
        let Some(abroad) = self.abroad(miss) else {
            return Ok(permit);
        };
        miss.abroad.known = self.known(miss);
        let fetched = miss.abroad.fetched.take();
        let mut answering = None;
        let sought = abroad.seek(fetched, |stored| {
            answering = self.keep(miss, stored);
            answering.is_some()
        });
        match (sought.await, answering) {
            (Sought::Run(dispatch), _) => {
                miss.abroad.dispatch = dispatch;
                Ok(permit)
            }
            (Sought::Answered, Some(answering)) if self.station.shared().memory.is_disabled() => {
                if !answering.stage.is_stale() {
                    permit.land(Landing::Stored(answering.stored.clone()));
                }
                Err(answering)
            }
            (Sought::Answered, _) => self.lead_on(miss, permit, Some(self.station.shared().now())),
        }
    }

    /// By what the response of a run goes to the remote store whose client wants no stored one.
    pub(crate) async fn depart(&self, miss: &mut Miss) -> Option<Box<PreparedWrite>> {
        miss.abroad.known = self.known(miss);
        self.abroad(miss)?.depart().await
    }

    /// What a response in memory depends on in the store, whatever has become of it.
    fn known(&self, miss: &mut Miss) -> Option<Arc<[Nonce]>> {
        match self.lies_there(miss) {
            Found::Response(stored) => stored.nonces.get().map(|held| held.known.clone()),
            _ => None,
        }
    }

    /// Whether a response that another's run has stored, or that another has found, is not older than
    /// this request may take it: without memory, whatever was invalidated before it arrived counts.
    pub(crate) async fn is_in_step(&self, miss: &mut Miss, stored: &StoredResponse) -> bool {
        let shared = self.station.shared();
        if !shared.memory.is_disabled() {
            return shared.trusts(stored, shared.now());
        }
        // Its own look may have taken all of its allowance.
        miss.abroad.allowance = None;
        match self.abroad(miss) {
            Some(abroad) => abroad.check(stored).await,
            None => true,
        }
    }

    /// What memory holds and could not be relied on, if the store says that it is still valid.
    async fn in_step_again(
        &self,
        abroad: &RemoteSession<'_, &Self>,
        miss: &mut Miss,
    ) -> Option<Answering> {
        let shared = self.station.shared();
        let Found::Response(stored) = self.lies_there(miss) else {
            return None;
        };
        if shared.trusts(&stored, shared.now()) || !Box::pin(abroad.check(&stored)).await {
            return None;
        }
        answering(self.look_again(miss), miss, None)
    }

    /// A 304, if the head of what lies in the store is enough for it.
    async fn not_modified(
        &self,
        abroad: &RemoteSession<'_, &Self>,
        miss: &Miss,
    ) -> Option<HttpResponse> {
        let stored = abroad.fetch(ReadMode::Head).await.ok()?.response?;
        if !reuse::is_not_modified(&stored, &self.request) {
            return None;
        }
        let now = self.station.shared().now();
        match good_for(Arc::new(*stored), &miss.admitted, now) {
            Reuse::Fresh(stored, stage) => Some(self.remote_hit(&stored, stage, now)),
            _ => None,
        }
    }

    /// Keeps what was found in the store, and says whether it answers.
    fn keep(&self, miss: &mut Miss, stored: Box<StoredResponse>) -> Option<Answering> {
        let shared = self.station.shared();
        if shared.memory.is_disabled() {
            let now = shared.now();
            let looked = good_for(Arc::new(*stored), &miss.admitted, now);
            let looked = looked.where_it_leads(leads(&miss.admitted, &self.request));
            if let Reuse::Miss(_, previous) = &looked {
                miss.previous.clone_from(previous);
            }
            return answering(looked, miss, Some(now));
        }
        let names = stored.variant.as_ref().map(|variant| variant.names.clone());
        let names = names.unwrap_or_default();
        if !variants::names_suffice(&shared.memory, &miss.base, &names) {
            return None;
        }
        variants::store(&shared.memory, &miss.base, &self.request, &names, *stored);
        let looked = self.look_again(miss);
        if let Reuse::Refresh(stored, _) = &looked {
            // What a run behind the answer replaces is what lies there now.
            miss.previous = Some(stored.clone());
        }
        answering(looked, miss, Some(shared.now()))
    }

    /// As the one who leads, with what has come to lie in memory.
    fn lead_on(
        &self,
        miss: &mut Miss,
        permit: Permit,
        found: Option<Timestamp>,
    ) -> Result<Permit, Answering> {
        self.still_needed(miss, permit)
            .map_err(|(stored, stage)| Answering {
                stored,
                stage,
                due: false,
                found,
            })
    }

    fn answered(&self, answering: Answering) -> RemoteOutcome {
        // In memory the next request finds it, and that it is due.
        if answering.due && self.station.shared().memory.is_disabled() {
            RemoteOutcome::Due(answering)
        } else {
            RemoteOutcome::Answered(self.answer(&answering))
        }
    }

    pub(crate) fn answer(&self, answering: &Answering) -> HttpResponse {
        let Answering { stored, stage, .. } = answering;
        match answering.found {
            Some(now) => self.remote_hit(stored, *stage, now),
            None => self.hit(stored, *stage),
        }
    }

    fn remote_hit(
        &self,
        stored: &StoredResponse,
        stage: Staleness,
        now: Timestamp,
    ) -> HttpResponse {
        let shared = self.station.shared();
        self.station.report(Event::RemoteHit);
        let how = match HitKind::hit(stage, now) {
            HitKind::Hit(now) => HitKind::Remote(now),
            how => how,
        };
        lookup::hit(&self.station.site, shared, stored, &self.request, how)
    }
}

fn answering(looked: Reuse, miss: &Miss, found: Option<Timestamp>) -> Option<Answering> {
    let (stored, stage, due) = match looked {
        Reuse::Fresh(stored, stage) => (stored, stage, false),
        Reuse::Refresh(stored, stage) if !miss.refreshes() => (stored, stage, true),
        Reuse::Refresh(..) | Reuse::Miss(..) => return None,
    };
    Some(Answering {
        stored,
        stage,
        due,
        found,
    })
}
