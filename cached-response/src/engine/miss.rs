//! The story of a request that found nothing to reuse.
//!
//! admit → look up → (fresh: answer | miss: collapse → run → judge → store → answer)
//!
//! The first half is [`begin`](crate::engine::lookup::begin); a run of the handler, from its start to
//! its landing, is in [`run`](crate::engine::run).

use crate::{
    cache::Inner,
    engine::{
        context::{Miss, RequestContext, RouteContext},
        detach::{DetachOnDrop, could_go_on, leading},
        lookup::{Next, PendingRequest},
        remote_lookup::RemoteOutcome,
        reuse::{Reuse, accepts},
        run,
        stale_fallback::{SoftTimeout, is_usable_as_fallback},
        timeout::either,
        upstream::{Done, Upstream},
        wait_cycles::Asks,
        waiting::{self, Waited, Waiting},
    },
    entry::{StoredResponse, staleness::Staleness},
    key::inserted::InsertedParts,
    memory::variants,
    metrics::counters::Event,
    response::reuse::{self, HitKind},
    route::admission::{AllowedReuse, FlightRole},
    single_flight::responses::{Follower, JoinContext, Landing, Permit, Permits, Turn},
    util::local_task::LocalBoxFuture,
};
use actix_web::{HttpRequest, HttpResponse};
use std::time::Duration;

/// Answers a request that was not answered from the store.
pub(crate) fn serve(
    arrival: PendingRequest,
    request: HttpRequest,
    run: Upstream,
) -> LocalBoxFuture<Done> {
    let PendingRequest { station, way } = arrival;
    let visit = RequestContext { station, request };
    let (journey, permit) = match way {
        Next::Bypass(why) => return Box::pin(run::bypass(visit, why, run)),
        Next::Miss(miss) => (MissFlow::new(visit, miss), None),
        Next::Lead(lead) => {
            let (miss, permit) = *lead;
            (MissFlow::new(visit, Box::new(miss)), Some(permit))
        }
    };
    match Asks::begin(journey.shared(), &journey.miss.flight) {
        None => journey.go(permit, run),
        Some(asks) if asks.is_circular() && permit.is_none() => {
            journey.report(Event::NestedRun);
            Box::pin(asks.during(journey.alone(run)))
        }
        Some(asks) => Box::pin(asks.during(journey.go(permit, run))),
    }
}

/// A miss on its way to an answer.
pub(crate) struct MissFlow {
    pub(crate) visit: RequestContext,
    pub(crate) miss: Box<Miss>,
    pub(crate) waiting: Waiting,
}

/// After so many failed runs, or so many responses of other variants, a request runs alone.
pub(crate) const MOST_DETOURS: usize = 2;

impl MissFlow {
    fn new(visit: RequestContext, miss: Box<Miss>) -> Self {
        let RouteContext { site, cache } = &visit.station;
        let usual = cache.shared().run_times.usual(&site.id);
        let waiting = Waiting::new(cache.shared(), miss.arrived, usual);
        Self {
            visit,
            miss,
            waiting,
        }
    }

    /// Goes its way; with a permit it leads.
    fn go(self, permit: Option<Permit>, run: Upstream) -> LocalBoxFuture<Done> {
        match permit {
            Some(permit) => Box::pin(self.lead(permit, run)),
            None if self.miss.live => Box::pin(self.live(run)),
            None => Box::pin(self.collapse(run)),
        }
    }

    pub(crate) fn shared(&self) -> &Inner {
        self.visit.station.shared()
    }

    pub(crate) fn boarding(&self) -> JoinContext<'_> {
        self.shared().join_context(self.visit.target())
    }

    pub(crate) fn report(&self, event: Event) {
        self.visit.station.report(event);
    }

    /// Looks into the remote store where each does so for itself; leads then, or follows.
    async fn collapse(mut self, run: Upstream) -> Done {
        let first = if self.shared().remote.is_none() {
            RemoteOutcome::Nothing
        } else {
            // Boxed, as all that is only done with a remote store: those who wait have no room for it.
            Box::pin(self.visit.first_look(&mut self.miss)).await
        };
        match first {
            RemoteOutcome::Answered(response) => Ok((self.visit.request, response)),
            RemoteOutcome::Due(answering) => Box::pin(self.due(answering, run)).await,
            // Boxed: whoever is answered from the remote store has no room for it.
            RemoteOutcome::Nothing => Box::pin(self.take_turns(run)).await,
        }
    }

    /// Leads, or follows whoever leads.
    async fn take_turns(mut self, run: Upstream) -> Done {
        if self.is_marked() {
            self.report(Event::Marked);
            return Box::pin(self.alone(run)).await;
        }
        for _ in 0..MOST_DETOURS {
            let landing = match self.turn() {
                Some(Turn::Lead(permit)) => return Box::pin(self.lead(permit, run)).await,
                Some(Turn::Follow(follower)) => match self.follow(follower).await {
                    Waited::Landed(landing) => landing,
                    Waited::LetIn(permit, follower) => {
                        return Box::pin(self.beside(permit, follower, run)).await;
                    }
                    _ => return Box::pin(self.weary(run)).await,
                },
                Some(Turn::Crowded) => {
                    self.report(Event::Crowded);
                    break;
                }
                None => break,
            };
            match landing {
                Landing::Stored(stored)
                    // In this order: what was heard of by then is seen in what it compares.
                    if self.is_in_step(&stored).await && self.accepts(&stored) =>
                {
                    return Ok(self.collapsed(&stored));
                }
                // Another variant, or outdated: look up again. A failed run: take over.
                Landing::Stored(_) | Landing::Failed => {}
                Landing::NotStored(_) => break,
            }
            // What was found there before is old by now.
            self.miss.abroad.fetched = None;
            if let Reuse::Fresh(stored, stage) | Reuse::Refresh(stored, stage) =
                self.visit.look_again(&mut self.miss)
            {
                return Ok(self.hit(&stored, stage));
            }
        }
        Box::pin(self.alone(run)).await
    }

    /// Whether what another has found or made is not too old for this request.
    async fn is_in_step(&mut self, stored: &StoredResponse) -> bool {
        if self.shared().remote.is_none() {
            return true;
        }
        Box::pin(self.visit.is_in_step(&mut self.miss, stored)).await
    }

    /// Whether nobody waits for another here.
    fn is_marked(&self) -> bool {
        let shared = self.shared();
        shared.hit_for_pass.pass(&self.miss.flight, shared.now())
    }

    /// Its patience is at its end: a stale response will do, or it runs the handler itself.
    async fn weary(self, run: Upstream) -> Done {
        match SoftTimeout::of(&self.visit, &self.miss).filter(SoftTimeout::is_ready) {
            Some(stand_by) => Ok(stand_by.answer()),
            None => self.alone(run).await,
        }
    }

    /// The part that this request takes in a flight, if any.
    fn turn(&self) -> Option<Turn> {
        let (flights, boarding) = (&self.shared().flights, self.boarding());
        match self.miss.admitted.flight {
            FlightRole::Lead => Some(boarding.join(flights, &self.miss.flight)),
            FlightRole::Follow => boarding
                .follow(flights, &self.miss.flight)
                .map(Turn::Follow),
            FlightRole::None => None,
        }
    }

    /// Waits for another's run, as long as patience lasts.
    async fn follow(&self, follower: Follower) -> Waited {
        let run = waiting::Run {
            shared: self.shared(),
            key: &self.miss.flight,
            follower,
            soft_timeout: self.soft_timeout(),
        };
        let stands_by =
            || SoftTimeout::of(&self.visit, &self.miss).is_some_and(|stand_by| stand_by.is_ready());
        let waited = self
            .waiting
            .follow(run, || self.boarding(), stands_by)
            .await;
        if matches!(waited, Waited::LetIn(..) | Waited::Over) {
            self.report(Event::WaitTimeout);
        }
        waited
    }

    /// Whether a response that another's run has stored may answer this request.
    pub(crate) fn accepts(&self, stored: &StoredResponse) -> bool {
        stored.is_current()
            && variants::is_selected(stored, &self.visit.request)
            && (self.miss.admitted.reuse == AllowedReuse::Any || stored.shareable_with_authorization)
            // As it was born, if it was made while this request waited; it may have been found.
            && match &self.miss.admitted.directives {
                Some(directives) => accepts(directives, stored, stored.created_at.max(self.miss.arrived)),
                // A leader that puts up with a stale one does so for itself.
                None => !stored.is_stale_on_arrival(),
            }
    }

    pub(crate) fn collapsed(self, stored: &StoredResponse) -> (HttpRequest, HttpResponse) {
        self.report(Event::Collapsed);
        let how = HitKind::Collapsed(self.miss.forward, self.shared().now());
        let response = reuse::reuse(stored, &self.visit.request, how);
        (self.visit.request, response)
    }

    /// Answers from a response that has come to lie there meanwhile.
    fn hit(self, stored: &StoredResponse, stage: Staleness) -> (HttpRequest, HttpResponse) {
        let response = self.visit.hit(stored, stage);
        (self.visit.request, response)
    }

    pub(crate) async fn lead(mut self, permit: Permit, run: Upstream) -> Done {
        let permit = match self.visit.still_needed(&mut self.miss, permit) {
            Ok(permit) => permit,
            Err((stored, stage)) => return Ok(self.hit(&stored, stage)),
        };
        self.miss.stamped();
        let permit = if self.shared().remote.is_none() {
            permit
        } else {
            match Box::pin(self.visit.recheck(&mut self.miss, permit)).await {
                Ok(permit) => permit,
                Err(answering) => {
                    let response = self.visit.answer(&answering);
                    return Ok((self.visit.request, response));
                }
            }
        };
        let (slow, goes_on) = (self.slow(), self.may_go_on());
        let station = self.visit.station.clone();
        let flight = self.flight(permit, run);
        match slow {
            Some((stand_by, after)) => stand_by.or(leading(flight, station), after).await,
            None if goes_on => leading(flight, station).await,
            None => flight.await,
        }
    }

    /// Looks into the remote store, where there is one, and runs the handler if that has nothing.
    fn flight(self, permit: Permit, run: Upstream) -> LocalBoxFuture<Done> {
        if self.shared().remote.is_none() {
            return run::fly(self.visit, *self.miss, run, Permits::one(permit));
        }
        let Self {
            visit, mut miss, ..
        } = self;
        Box::pin(async move {
            match visit.seek(&mut miss, permit).await {
                Err(answering) => {
                    let response = visit.answer(&answering);
                    Ok((visit.request, response))
                }
                Ok(_) if miss.wants_only_stored() => {
                    visit.station.report(Event::OnlyIfCached);
                    Ok((visit.request, reuse::only_if_cached()))
                }
                Ok(permit) => run::fly(visit, *miss, run, Permits::one(permit)).await,
            }
        })
    }

    /// Runs the handler beside the run that it has waited for, and is answered by whichever is there
    /// first; its own run goes on then, as that of a client that leaves.
    async fn beside(self, permit: Permit, mut follower: Follower, run: Upstream) -> Done {
        if self.shared().memory.is_disabled() {
            // What its run makes could not be compared with the store by those who wait.
            drop(permit);
            return self.alone(run).await;
        }
        let goes_on = self.may_go_on() && run.is_of_handler();
        if !goes_on {
            return run::fly(self.visit, *self.miss, run, Permits::late(permit)).await;
        }
        let station = self.visit.station.clone();
        let twin = Self {
            visit: RequestContext {
                station: station.clone(),
                request: self.visit.request.clone(),
            },
            miss: Box::new(self.miss.twin()),
            waiting: self.waiting,
        };
        let flight = run::fly(self.visit, *self.miss, run, Permits::late(permit));
        let mut flight = leading(flight, station);
        match either(&mut flight, &mut follower).await {
            Ok(done) => done,
            Err(landing) => twin.instead(landing, flight).await,
        }
    }

    /// Is answered by what another's run has stored, in place of its own that is under way.
    async fn instead(
        mut self,
        landing: Landing,
        flight: DetachOnDrop<LocalBoxFuture<Done>>,
    ) -> Done {
        if let Landing::Stored(stored) = landing
            && could_go_on()
            && self.is_in_step(&stored).await
            && self.accepts(&stored)
        {
            return Ok(self.collapsed(&stored));
        }
        flight.await
    }

    pub(crate) async fn alone(self, run: Upstream) -> Done {
        let slow = self.slow();
        let station = self.visit.station.clone();
        let flight = run::fly(self.visit, *self.miss, run, Permits::none());
        match slow {
            Some((stand_by, after)) => stand_by.or(leading(flight, station), after).await,
            None => flight.await,
        }
    }

    /// What answers in place of a run that takes longer than the route wants anybody to wait.
    fn slow(&self) -> Option<(SoftTimeout, Duration)> {
        let after = self.soft_timeout()?;
        Some((SoftTimeout::of(&self.visit, &self.miss)?, after))
    }

    /// Whether its run may go on without it: not away from the middlewares that hand something to the
    /// handler past its arguments.
    pub(crate) fn may_go_on(&self) -> bool {
        InsertedParts::count(&self.visit.request) == 0
    }

    /// How long a request waits while a stale response may answer.
    fn soft_timeout(&self) -> Option<Duration> {
        if !self.may_go_on() {
            return None;
        }
        let stored = self.miss.previous.as_ref()?;
        let after = self.visit.station.stale_rules().soft_timeout?;
        (self.miss.puts_up_with_stale() && is_usable_as_fallback(self.shared(), stored))
            .then_some(after)
    }
}
