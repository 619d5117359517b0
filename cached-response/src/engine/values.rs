//! The story of a value that is not a response: look up → (fresh | stale | miss: collapse →
//! compute → store).
//!
//! It is stored as a response that is nothing but a body, so all that is told of those holds here.

use crate::{
    engine::{
        context::{Miss, RouteContext},
        detach::{could_go_on, leading, to_its_end},
        stale_fallback::is_usable_as_fallback,
        timeout::{either, within},
        value_lookup::{Asking, Looked},
        value_remote_lookup::{Found, is_refreshed},
        value_store::{Computation, fly},
        wait_cycles::Asks,
        waiting::{self, Waited, Waiting},
    },
    entry::{StoredResponse, staleness::Staleness},
    invalidation::generations::Target,
    metrics::{
        counters::Event,
        reason::{ForwardReason, Skip, StaleRule},
    },
    single_flight::responses::{Due, Follower, JoinContext, Landing, Permit, Permits, Turn},
    util::local_task::{self, DetachedPermit, LocalBoxFuture},
};
use actix_web::web::Bytes;
use std::{sync::Arc, time::Duration};

/// After so many runs that failed it is computed alone.
const MOST_DETOURS: usize = 2;

impl<A: FnMut(&StoredResponse) -> bool> Asking<A> {
    /// Sees to it that a stored value is accepted, or else computes it.
    ///
    /// Whoever asks may be on any thread of any runtime, and go from one to another: nothing that it holds
    /// while it waits is bound to one, unless the value or its computation is.
    pub(crate) async fn serve<C>(mut self, computation: Computation<C>)
    where
        C: Future<Output = Result<Bytes, Skip>> + 'static,
    {
        let mut miss = match self.look_up() {
            Looked::Accepted(stage) => return self.hit(stage),
            Looked::Due(stored, stage) => {
                return Box::pin(self.due(stored, stage, &[], computation)).await;
            }
            Looked::Miss(miss) => miss,
        };
        self.station.report(Event::Forward(miss.forward));
        match Box::pin(self.first_look(&mut miss)).await {
            Found::Accepted => {}
            Found::Due(stored, stage) => {
                let found = [Event::RemoteHit];
                Box::pin(self.due(stored, stage, &found, computation)).await;
            }
            Found::Nothing => self.take_turns(*miss, computation).await,
        }
    }

    /// Leads, or follows whoever leads.
    async fn take_turns<C>(mut self, mut miss: Miss, computation: Computation<C>)
    where
        C: Future<Output = Result<Bytes, Skip>> + 'static,
    {
        let cache = self.station.cache.clone();
        let shared = cache.shared();
        let asks = Asks::begin(shared, &self.key);
        if let Some(why) = self.why_alone(asks.as_deref()) {
            self.station.report(why);
            return self.compute(miss, Permits::none(), computation).await;
        }
        let usual = shared.run_times.usual(&self.key);
        let waiting = Waiting::new(shared, shared.now(), usual);
        for _ in 0..MOST_DETOURS {
            let turn = self.boarding().join(&shared.flights, &self.key);
            let waited = match turn {
                Turn::Lead(permit) => return self.lead(permit, computation).await,
                Turn::Follow(follower) => self.follow(follower, &miss, &waiting).await,
                Turn::Crowded => {
                    self.station.report(Event::Crowded);
                    break;
                }
            };
            match waited {
                Waited::Landed(Landing::Stored(stored))
                    if self.is_in_step(&stored).await && self.takes(&stored) =>
                {
                    return self.station.report(Event::Collapsed);
                }
                Waited::Landed(Landing::Stored(_) | Landing::Failed) => {}
                Waited::LetIn(permit, follower) => {
                    return Box::pin(self.beside(miss, permit, follower, computation)).await;
                }
                Waited::LongEnough | Waited::Over if self.stand_by(&miss) => return,
                Waited::Landed(Landing::NotStored(_)) | Waited::LongEnough | Waited::Over => break,
            }
            match self.look_up() {
                Looked::Accepted(stage) | Looked::Due(_, stage) => return self.hit(stage),
                Looked::Miss(again) => miss = *again,
            }
        }
        self.compute(miss, Permits::none(), computation).await;
    }

    /// Why nobody is waited for, if nobody is.
    fn why_alone(&self, asks: Option<&Asks>) -> Option<Event> {
        let shared = self.station.shared();
        if asks.is_some_and(Asks::is_circular) {
            Some(Event::NestedRun)
        } else if shared.hit_for_pass.pass(&self.key, shared.now()) {
            Some(Event::Marked)
        } else {
            None
        }
    }

    /// Computes beside the run that it has waited for, and accepts whichever value is there first; its
    /// own computation goes on then.
    async fn beside<C>(
        mut self,
        miss: Miss,
        permit: Permit,
        mut follower: Follower,
        computation: Computation<C>,
    ) where
        C: Future<Output = Result<Bytes, Skip>> + 'static,
    {
        if self.station.shared().memory.is_disabled() {
            // What it computes could not be compared with the store by those who wait.
            drop(permit);
            return self.compute(miss, Permits::none(), computation).await;
        }
        let (station, tags) = (self.station.clone(), self.tags.clone());
        let flight = fly(
            station.clone(),
            miss,
            tags,
            Permits::late(permit),
            computation,
        );
        let mut flight = leading(flight, station);
        let stands_in = match either(&mut flight, &mut follower).await {
            Err(Landing::Stored(stored))
                if could_go_on() && self.is_in_step(&stored).await && self.takes(&stored) =>
            {
                return self.station.report(Event::Collapsed);
            }
            Err(_) => flight.await,
            Ok(stands_in) => stands_in,
        };
        if let Some(stored) = stands_in {
            (self.accept)(&stored);
        }
    }

    fn boarding(&self) -> JoinContext<'_> {
        boarding(&self.station, self.tags.as_deref())
    }

    fn takes(&mut self, stored: &StoredResponse) -> bool {
        stored.is_current() && (self.accept)(stored)
    }

    #[expect(
        clippy::needless_pass_by_ref_mut,
        reason = "a shared reference is `Send` only where what accepts a value is `Sync`"
    )]
    async fn follow(&mut self, follower: Follower, miss: &Miss, waiting: &Waiting) -> Waited {
        let shared = self.station.shared();
        let stored = miss.previous.as_ref();
        let stands_by = || stored.is_some_and(|stored| is_usable_as_fallback(shared, stored));
        let run = waiting::Run {
            shared,
            key: &self.key,
            follower,
            soft_timeout: self.soft_timeout(miss),
        };
        let waited = waiting
            .follow(
                run,
                || boarding(&self.station, self.tags.as_deref()),
                stands_by,
            )
            .await;
        if matches!(waited, Waited::LetIn(..) | Waited::Over) {
            self.station.report(Event::WaitTimeout);
        }
        waited
    }

    /// How long to wait while a stale value may answer.
    fn soft_timeout(&self, miss: &Miss) -> Option<Duration> {
        let stored = miss.previous.as_ref()?;
        let after = self.station.stale_rules().soft_timeout?;
        is_usable_as_fallback(self.station.shared(), stored).then_some(after)
    }

    /// Whether a stale value is accepted, since waiting takes too long.
    fn stand_by(&mut self, miss: &Miss) -> bool {
        let stored = miss.previous.as_ref();
        let stored = stored.filter(|stored| is_usable_as_fallback(self.station.shared(), stored));
        let accepted = stored.is_some_and(|stored| (self.accept)(stored));
        if accepted {
            self.station.report(Event::Stale(StaleRule::AnswerAfter));
        }
        accepted
    }

    async fn lead<C>(mut self, permit: Permit, computation: Computation<C>)
    where
        C: Future<Output = Result<Bytes, Skip>> + 'static,
    {
        // Whoever led before may have landed between the look-up and the lead.
        match self.look_up() {
            Looked::Accepted(stage) | Looked::Due(_, stage) => self.hit(stage),
            Looked::Miss(miss) => self.seek_or_compute(*miss, permit, computation).await,
        }
    }

    async fn seek_or_compute<C>(
        mut self,
        mut miss: Miss,
        permit: Permit,
        computation: Computation<C>,
    ) where
        C: Future<Output = Result<Bytes, Skip>> + 'static,
    {
        let (station, after) = (self.station.clone(), self.soft_timeout(&miss));
        let sought = match after {
            None => Some(Box::pin(self.seek(&mut miss)).await),
            Some(after) => within(station.shared(), after, self.seek(&mut miss)).await,
        };
        match sought {
            Some(true) => {}
            None if self.stand_by(&miss) => {}
            _ => {
                let permits = Permits::one(permit);
                self.compute(miss, permits, computation).await;
            }
        }
    }

    /// Computes, and accepts what stands in where that fails or takes too long.
    async fn compute<C>(mut self, miss: Miss, permits: Permits, computation: Computation<C>)
    where
        C: Future<Output = Result<Bytes, Skip>> + 'static,
    {
        let slow = self.soft_timeout(&miss);
        let waiting = self.miss(miss.forward, miss.previous.clone());
        let station = self.station.clone();
        let flight = fly(
            station.clone(),
            miss,
            self.tags.clone(),
            permits,
            computation,
        );
        let mut flight = leading(flight, station.clone());
        let landed = match slow {
            None => Some((&mut flight).await),
            Some(after) => within(station.shared(), after, &mut flight).await,
        };
        let stands_in = match landed {
            Some(stands_in) => stands_in,
            None if could_go_on() && self.stand_by(&waiting) => return,
            None => flight.await,
        };
        if let Some(stored) = stands_in {
            (self.accept)(&stored);
        }
    }

    /// Accepts a value, and computes behind that where nobody does; waits for what is computed where
    /// that cannot go on behind it. `found` counts where the value came from.
    async fn due<C>(
        self,
        stored: Arc<StoredResponse>,
        stage: Staleness,
        found: &[Event],
        computation: Computation<C>,
    ) where
        C: Future<Output = Result<Bytes, Skip>> + 'static,
    {
        if let Some((asking, miss, permit, computation)) =
            self.waits(stored, stage, found, computation)
        {
            let cache = asking.station.cache.clone();
            let _asks = Asks::begin(cache.shared(), &asking.key);
            asking.seek_or_compute(miss, permit, computation).await;
        }
    }

    /// What is to be awaited of [`due`](Self::due), if anything. The place of a task is one of this thread,
    /// and so is not held while anything is awaited.
    fn waits<C>(
        self,
        stored: Arc<StoredResponse>,
        stage: Staleness,
        found: &[Event],
        computation: Computation<C>,
    ) -> Option<(Self, Miss, Permit, Computation<C>)>
    where
        C: Future<Output = Result<Bytes, Skip>> + 'static,
    {
        let shared = self.station.cache.clone();
        let turn = self.boarding().join(&shared.shared().flights, &self.key);
        let due = Due::of(turn, stage);
        if let Due::Wait(permit) = due {
            self.station.report(Event::Forward(ForwardReason::Stale));
            let miss = self
                .miss(ForwardReason::Stale, None)
                .refreshing(stored, false);
            return Some((self, miss, permit, computation));
        }
        for &event in found {
            self.station.report(event);
        }
        self.hit(stage);
        if let Due::Behind(permit, place) = due {
            self.refresh(stored, permit, place, computation);
        }
        None
    }

    /// Computes behind the value that was accepted.
    fn refresh<C>(
        mut self,
        stored: Arc<StoredResponse>,
        permit: Permit,
        place: DetachedPermit,
        computation: Computation<C>,
    ) where
        C: Future<Output = Result<Bytes, Skip>> + 'static,
    {
        let shared = self.station.cache.clone();
        // Whoever led before may have landed in between.
        let memory = !shared.shared().memory.is_disabled();
        if memory && !matches!(self.look_up(), Looked::Due(..)) {
            return;
        }
        let mut miss = self
            .miss(ForwardReason::Stale, None)
            .refreshing(stored, true);
        let (station, key, tags) = (self.station.clone(), self.key.clone(), self.tags.clone());
        let flight: LocalBoxFuture<()> = Box::pin(async move {
            if !is_refreshed(&station, &key, tags.as_deref(), &mut miss).await {
                // Nobody waits for it.
                let _ = fly(station, miss, tags, Permits::one(permit), computation).await;
            }
        });
        let station = self.station.clone();
        if local_task::spawn(Box::pin(to_its_end(flight, station, place))).is_ok() {
            self.station.report(Event::Refresh);
        }
    }
}

fn boarding<'a>(station: &'a RouteContext, tags: Option<&'a [String]>) -> JoinContext<'a> {
    let tags = tags.unwrap_or_default();
    station.shared().join_context(Target::Value(tags))
}
