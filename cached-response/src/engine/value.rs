//! A value of [`get_or_compute`](crate::ResponseCache::get_or_compute), as a subject of the engine.
//!
//! It is stored as a response that has a body and no fields, so that all rules of those hold for it.

use crate::{
    cache::{app_data::DataSet, report::report_hit},
    context::run_context::{RunContext, Scoped},
    engine::{
        miss::MissFlow,
        reuse::{self, Reuse, StoredHit},
        run::{HandlerRun, RunOutcome},
        subject::{Miss, RouteContext, Subject},
        timeout::{RunEnd, run_guarded},
        waiting::WaitEdge,
    },
    entry::StoredResponse,
    http::{freshness::Freshness, storable::ResponseDirectives},
    invalidation::generations::Target,
    key::Key,
    memory::variants::{self, Entry, Found, StoreOutcome},
    metrics::{
        event::EventKind,
        reason::{ForwardReason, Skip},
    },
    response::from_stored::HitKind,
    route::admission::{Admitted, AllowedReuse, FlightRole},
    single_flight::responses::Permits,
    time::moment::Timestamp,
};
use actix_web::{HttpRequest, web::Bytes};
use std::{future::Future, marker::PhantomData, panic, pin::Pin, sync::Arc, time::Duration};
use tracing::Instrument;

/// The computation of a value, which gives its caller the value and returns the text to store, or the
/// reason why there is none.
///
/// It is not erased: a future that awaits it is `Send` where the computation is.
pub(crate) type Computation<C> = Pin<Box<C>>;

/// A caller may lead, and has no directives.
const ADMITTED: Admitted = Admitted {
    reuse: AllowedReuse::Any,
    flight: FlightRole::Lead,
    head: false,
    directives: None,
};

/// A caller that asks for a value.
pub(crate) struct ValueSubject<D, C> {
    context: RouteContext,
    key: Key,
    /// The tags of its policy; `None` where it cannot have them.
    tags: Option<Arc<[String]>>,
    /// Decodes a stored value for the caller; returns false where it cannot be read.
    decode: D,
    computation: PhantomData<fn() -> C>,
}

impl<D: Clone, C> Clone for ValueSubject<D, C> {
    fn clone(&self) -> Self {
        Self {
            context: self.context.clone(),
            key: self.key.clone(),
            tags: self.tags.clone(),
            decode: self.decode.clone(),
            computation: PhantomData,
        }
    }
}

impl<D, C> ValueSubject<D, C>
where
    D: Fn(&StoredResponse) -> bool + Clone + 'static,
    C: Future<Output = Result<Bytes, Skip>> + 'static,
{
    pub(crate) fn new(
        context: RouteContext,
        key: Key,
        tags: Option<Arc<[String]>>,
        decode: D,
    ) -> Self {
        Self {
            context,
            key,
            tags,
            decode,
            computation: PhantomData,
        }
    }

    /// Decodes a stored value for the caller, or else computes it.
    ///
    /// The caller may be on any thread of any runtime, and move between threads: nothing that is held
    /// while it waits is bound to one, unless the value or its computation is.
    pub(crate) async fn serve(self, computation: Computation<C>) {
        let now = self.shared().now();
        let found = reuse::of_found(self.shared(), self.entry(), &ADMITTED, true, now);
        match found.decoded(&self) {
            Reuse::Fresh(stored, stage) => self.hit(&stored, HitKind::hit(stage, now)),
            Reuse::Refresh(stored, stage) => {
                let _edge = WaitEdge::begin(self.shared(), &self.key);
                let hit = StoredHit {
                    stored,
                    stage,
                    read_at: None,
                };
                let miss = self.miss(now, ForwardReason::Stale, None);
                Box::pin(MissFlow::new(self, miss).refresh(hit, computation)).await;
            }
            Reuse::Miss(forward, previous) => {
                self.report(EventKind::Forward(forward));
                let miss = self.miss(now, forward, previous);
                Box::pin(MissFlow::new(self, miss).serve(None, computation)).await;
            }
        }
    }

    fn entry(&self) -> Found {
        match self.shared().memory.get(&self.key.borrowed()) {
            Some(Entry::Response(stored)) => Found::Response(stored),
            _ => Found::Nothing,
        }
    }

    fn miss(
        &self,
        now: Timestamp,
        forward: ForwardReason,
        previous: Option<Arc<StoredResponse>>,
    ) -> Box<Miss> {
        let (base_key, key) = (self.key.clone(), self.key.clone());
        Box::new(Miss {
            forward,
            previous,
            ..Miss::new(ADMITTED, base_key, key, DataSet::default(), now)
        })
    }

    fn store(&self, run: &HandlerRun, body: Bytes) -> Result<StoreOutcome, Skip> {
        if let Some(why) = run.run_context.refusal() {
            return Err(why);
        }
        let shared = self.shared();
        let default = || {
            let policy = &self.context.route.config.policy;
            policy.timeout.resolve(shared.limits.timeout)
        };
        let lifetime = run.run_context.timeout().or_else(default);
        let lifetime = lifetime.ok_or(Skip::Lifetime)?;
        if lifetime.is_zero() {
            return Err(Skip::Timeout);
        }
        if body.len() > self.context.max_body_bytes() {
            return Err(Skip::TooLarge);
        }
        let content = StoredResponse {
            body,
            ..StoredResponse::default()
        };
        let freshness = Freshness {
            lifetime,
            age: Duration::ZERO,
        };
        let value = run.complete(content, freshness, &ResponseDirectives::default())?;
        Ok(variants::put(&shared.memory, self.key.clone(), value))
    }

    /// Stores a computed value, notifies the waiters, and decodes the stale value that answers in place
    /// of a failed computation.
    fn finish(&self, mut run: HandlerRun, computed: Result<Bytes, Skip>) {
        run.note_end(&self.key);
        let outcome = match computed.and_then(|body| self.store(&run, body)) {
            Ok(stored) => RunOutcome::Put(stored),
            Err(why) => {
                run.failed = matches!(
                    why,
                    Skip::Error | Skip::Failed | Skip::RunTimeout | Skip::Panic
                );
                let stale = run.usable_fallback().filter(|_| run.failed);
                if let Some(stored) = &stale {
                    self.decodes(stored);
                    run.report_fallback();
                }
                RunOutcome::failed(why, stale.is_some())
            }
        };
        run.finish(None, outcome);
    }
}

impl<D, C> Subject for ValueSubject<D, C>
where
    D: Fn(&StoredResponse) -> bool + Clone + 'static,
    C: Future<Output = Result<Bytes, Skip>> + 'static,
{
    /// The caller is given the value where it is decoded, or computed.
    type Answer = ();
    type Done = ();
    type Upstream = Computation<C>;

    const DETACHES_ALONE: bool = true;

    fn context(&self) -> &RouteContext {
        &self.context
    }

    fn target(&self) -> Target<'_> {
        Target::Value(self.tags.as_deref().unwrap_or_default())
    }

    fn request(&self) -> Option<&HttpRequest> {
        None
    }

    fn find(&self, _: &mut Miss) -> Found {
        self.entry()
    }

    fn keep(&self, _: &Miss, response: StoredResponse) -> bool {
        variants::put(&self.shared().memory, self.key.clone(), response);
        true
    }

    fn selects(&self, _: &StoredResponse) -> bool {
        true
    }

    fn decodes(&self, stored: &StoredResponse) -> bool {
        (self.decode)(stored)
    }

    fn answer(&self, _: &StoredResponse, _: HitKind) {}

    fn hit(&self, stored: &StoredResponse, how: HitKind) {
        let route = &self.context.route;
        report_hit(route, self.shared(), EventKind::Hit, stored, None);
        if let HitKind::Stale(_, Some(rule)) = how {
            self.report(EventKind::Stale(rule));
        }
    }

    fn done(self, (): ()) {}

    fn may_detach(&self) -> bool {
        true
    }

    fn may_share_subject(_: &Computation<C>) -> bool {
        true
    }

    fn refusal(&self) -> Option<Skip> {
        self.tags.is_none().then_some(Skip::Tags)
    }

    fn usual_run_time(&self) -> Option<Duration> {
        self.shared().run_times.usual(&self.key)
    }

    async fn run(self, miss: Box<Miss>, mut computation: Computation<C>, permits: Permits) {
        let run_context = Arc::<RunContext>::default();
        let mut run = HandlerRun::start(&self, miss, permits, run_context.clone());
        let computing = computation.as_mut().instrument(run.span());
        let scoped = Scoped::new(run_context.clone(), computing);
        let limit = run.context.run_timeout();
        let computed = match run_guarded(scoped, limit, run.fallback.is_some()).await {
            RunEnd::Finished(computed) => computed,
            RunEnd::TimedOut if run.usable_fallback().is_some() => Err(Skip::RunTimeout),
            // There is nothing else to answer with.
            RunEnd::TimedOut => Scoped::new(run_context, computation).await,
            RunEnd::Panicked(_) if run.usable_fallback().is_some() => Err(Skip::Panic),
            RunEnd::Panicked(panic) => {
                if let Some(fallback) = &mut run.fallback {
                    fallback.start_cooldown();
                }
                drop(run);
                panic::resume_unwind(panic)
            }
        };
        self.finish(run, computed);
    }
}
