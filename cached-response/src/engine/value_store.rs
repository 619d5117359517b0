//! One computation of a value: from its start to its landing.

use crate::{
    context::control::{RunContext, Scoped},
    engine::{
        context::{Miss, RouteContext},
        fence::{Fence, Validated},
        stale_fallback::StaleFallback,
        store::{RunOutcome, landed},
        timeout::{Outcome, attempt},
        wait_cycles::product,
    },
    entry::{StoredResponse, deadlines::Times, remote_state::VerifiedAt},
    http::{freshness::Freshness, storable::ResponseDirectives},
    invalidation::generations::Target,
    memory::variants::{self, StoreOutcome},
    metrics::reason::Skip,
    remote::write::NewEntry,
    single_flight::responses::Permits,
    time::moment::Timestamp,
};
use actix_web::web::Bytes;
use std::{panic, pin::Pin, sync::Arc, time::Duration};

/// Computes a value, keeps it for whoever asked, and gives its text for the store, or why there is
/// none.
///
/// Of its own type, so that whoever awaits it is `Send` where it is.
pub(crate) type Computation<C> = Pin<Box<C>>;

/// Computes, stores, and lands. Gives the stale value that stands in for what was computed.
pub(crate) fn fly<C: Future<Output = Result<Bytes, Skip>> + 'static>(
    station: RouteContext,
    mut miss: Miss,
    tags: Option<Arc<[String]>>,
    permits: Permits,
    mut computation: Computation<C>,
) -> Pin<Box<impl Future<Output = Option<Arc<StoredResponse>>> + use<C>>> {
    Box::pin(async move {
        let fence = fence(&station, tags.as_deref(), &permits);
        // After the fence: what was invalidated before it is seen here, and what is, later, there.
        miss.previous = miss.previous.filter(|stored| stored.is_current());
        let control = Arc::<RunContext>::default();
        control.makes(product(station.shared(), &miss.flight));
        if tags.is_none() {
            control.refuse_tags();
        }
        control.start(miss.reason(), None);
        let mut run = Run {
            number: station.shared().next_run(),
            started: station.shared().now(),
            previous: miss.previous.clone(),
            at_hand: StaleFallback::of(&station, &mut miss),
            control: control.clone(),
            fence,
            station: station.clone(),
            miss,
            permits,
        };
        let scoped = Scoped::new(control.clone(), computation.as_mut());
        match attempt(scoped, station.coalesce_for(), run.at_hand.is_some()).await {
            Outcome::Made(made) => run.land(made),
            Outcome::TooLong if run.is_usable_as_fallback() => run.land(Err(Skip::RunTimeout)),
            // There is nothing else to answer with.
            Outcome::TooLong => {
                let made = Scoped::new(control, computation).await;
                run.land(made)
            }
            Outcome::Panicked(_) if run.is_usable_as_fallback() => run.land(Err(Skip::Panic)),
            Outcome::Panicked(panic) => {
                run.rest();
                drop(run);
                panic::resume_unwind(panic)
            }
        }
    })
}

fn fence(station: &RouteContext, tags: Option<&[String]>, permits: &Permits) -> Fence {
    let target = Target::Value(tags.unwrap_or_default());
    Fence::new(&station.shared().generations, target, permits, None)
}

/// A computation under way. What may stand in for it is dropped before those are told who wait.
struct Run {
    at_hand: Option<StaleFallback>,
    previous: Option<Arc<StoredResponse>>,
    number: u64,
    started: Timestamp,
    control: Arc<RunContext>,
    fence: Fence,
    station: RouteContext,
    miss: Miss,
    permits: Permits,
}

impl Run {
    fn is_usable_as_fallback(&self) -> bool {
        self.at_hand
            .as_ref()
            .is_some_and(StaleFallback::is_usable_as_fallback)
    }

    fn rest(&mut self) {
        if let Some(at_hand) = &mut self.at_hand {
            at_hand.rest();
        }
    }

    fn land(mut self, made: Result<Bytes, Skip>) -> Option<Arc<StoredResponse>> {
        let shared = self.station.shared();
        let took = shared.now().since(self.started);
        shared.run_times.note(&self.miss.flight, took);
        let stored = made.and_then(|body| self.store(body));
        let failed = matches!(
            stored,
            Err(Skip::Error | Skip::Failed | Skip::RunTimeout | Skip::Panic)
        );
        let stands_in = failed && self.is_usable_as_fallback();
        match (&mut self.at_hand, &stored) {
            (Some(at_hand), _) if failed => at_hand.rest(),
            (Some(at_hand), Err(why)) if why.outdates() => at_hand.forget(&self.miss),
            (Some(at_hand), _) => at_hand.settle(),
            (None, _) => {}
        }
        self.send(&stored);
        let ending = match stored {
            Ok(put) => RunOutcome::Put(put),
            Err(why) if stands_in => RunOutcome::StoodIn(why),
            Err(why) => RunOutcome::NotStored(why),
        };
        if let (true, Some(at_hand)) = (stands_in, &self.at_hand) {
            at_hand.report();
        }
        landed(&self.station, &self.miss, self.permits, ending);
        self.previous.filter(|_| stands_in)
    }

    /// Sends what was stored to the remote store as well.
    fn send(&mut self, stored: &Result<StoreOutcome, Skip>) {
        let Some(dispatch) = self.miss.abroad.dispatch.take() else {
            return;
        };
        match stored {
            Ok(StoreOutcome::Stored(stored)) => {
                let made = NewEntry {
                    stored: stored.clone(),
                    request: None,
                    tags: self.control.last_tags(),
                };
                if !made.tags.is_empty() {
                    self.station.site.note_tags();
                }
                dispatch.enqueue(made);
            }
            Ok(StoreOutcome::Superseded(_)) => {}
            Err(why) => dispatch.not_stored(*why),
        }
    }

    fn store(&self, body: Bytes) -> Result<StoreOutcome, Skip> {
        let shared = self.station.shared();
        let policy = &self.station.site.config.policy;
        if let Some(why) = self.control.refusal() {
            return Err(why);
        }
        let said = self.control.timeout();
        let timeout = said.or_else(|| policy.timeout.resolve(shared.limits.timeout));
        let lifetime = timeout.ok_or(Skip::Lifetime)?;
        if lifetime.is_zero() {
            return Err(Skip::Timeout);
        }
        let limit = policy.max_body_bytes;
        if body.len() > limit.unwrap_or(shared.limits.max_body_bytes) {
            return Err(Skip::TooLarge);
        }
        let tags = self.control.last_tags();
        let Validated { snapshot, named } = self.fence.pass(&shared.generations, &tags, false)?;
        let freshness = Freshness {
            lifetime,
            age: Duration::ZERO,
        };
        let (rules, directives) = (self.station.stale_rules(), ResponseDirectives::default());
        let times = Times::of(&rules, &directives, freshness);
        let created_at = shared.now();
        let value = StoredResponse {
            body,
            created_at,
            lifetime: times.lifetime,
            refresh_at: created_at.after(times.refresh_after),
            windows: times.windows,
            run: self.number,
            verified_at: VerifiedAt::at(self.started),
            snapshot,
            tag_snapshot: named,
            ..StoredResponse::default()
        };
        let flight = self.miss.flight.clone();
        Ok(variants::put(&shared.memory, flight, value))
    }
}
