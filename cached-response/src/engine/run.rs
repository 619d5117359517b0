//! A run in progress: its state from the start to the end.

#[cfg(feature = "metrics")]
use crate::cache::publish::record_run;
use crate::{
    cache::report::{Facts, Report, RequestInfo, report_with, run_span},
    context::run_context::RunContext,
    engine::{
        stale_fallback::StaleFallback,
        subject::{Miss, RouteContext, Subject},
        waiting::wait_node,
    },
    entry::StoredResponse,
    invalidation::{
        generation::{Snapshot, Validity},
        generations::{Generations, Target},
        registry::StripeSnapshot,
        tags,
    },
    memory::variants::StoreOutcome,
    metrics::{event::EventKind, reason::Skip},
    single_flight::responses::Permits,
    time::moment::Timestamp,
};
use actix_web::http::StatusCode;
use std::{hash::Hash, sync::Arc};
use tracing::Span;

/// The outcome of a run.
pub(crate) enum RunOutcome {
    Put(StoreOutcome),
    NotStored(Skip),
    /// A stale response has answered in its place, and will answer the waiters.
    StoodIn(Skip),
}

impl RunOutcome {
    pub(crate) fn of(stored: Result<StoreOutcome, Skip>) -> Self {
        stored.map_or_else(Self::NotStored, Self::Put)
    }

    /// The outcome of a run without a response to store.
    pub(crate) fn failed(why: Skip, stood_in: bool) -> Self {
        if stood_in {
            Self::StoodIn(why)
        } else {
            Self::NotStored(why)
        }
    }
}

/// A run in progress: of a handler, or of the computation of a value.
pub(crate) struct HandlerRun {
    /// Dropped before the waiters are notified: they find its cooldown.
    pub(crate) fallback: Option<StaleFallback>,
    pub(crate) context: RouteContext,
    pub(crate) miss: Box<Miss>,
    pub(crate) permits: Permits,
    pub(crate) run_context: Arc<RunContext>,
    /// Its request, where an observer is interested.
    pub(crate) info: Option<Box<RequestInfo>>,
    /// The status of its response.
    pub(crate) status: Option<StatusCode>,
    pub(crate) fence: Fence,
    pub(crate) number: u64,
    pub(crate) started_at: Timestamp,
    /// The time at which its response, or its value, was there.
    pub(crate) finished_at: Timestamp,
    pub(crate) failed: bool,
    /// Its response is the stored one, validated.
    pub(crate) unchanged: bool,
    /// Its end is about the stored response, and not about its request alone.
    pub(crate) about_entry: bool,
}

impl HandlerRun {
    /// Notes all that must be known before the handler starts.
    pub(crate) fn start<S: Subject>(
        subject: &S,
        mut miss: Box<Miss>,
        permits: Permits,
        run_context: Arc<RunContext>,
    ) -> Self {
        let (context, shared) = (subject.context().clone(), subject.shared());
        let previous = miss.previous.as_deref();
        let (target, extraction) = (subject.target(), miss.bumps_at_extraction);
        let fence = Fence::new(&shared.generations, target, extraction, &permits, previous);
        // After the fence was taken: an older invalidation shows here, a later one in the fence.
        miss.previous = miss.previous.filter(|stored| stored.is_current());
        run_context.set_wait_node(wait_node(shared, &miss.key));
        if let Some(why) = subject.refusal() {
            run_context.refuse(why);
        }
        if fence.is_outdated {
            run_context.refuse(Skip::Invalidated);
        }
        let previous = miss.previous.clone();
        let validatable = previous.filter(|stored| stored.can_be_validated());
        run_context.start(miss.run_reason(), validatable);
        let started_at = shared.now();
        Self {
            info: RequestInfo::if_observed(shared, subject.request()),
            status: None,
            fallback: StaleFallback::take(&context, &mut miss),
            number: shared.next_run(),
            context,
            miss,
            permits,
            run_context,
            fence,
            started_at,
            finished_at: started_at,
            failed: false,
            unchanged: false,
            about_entry: true,
        }
    }

    /// Notes the end of the run, and its duration under the `id` of its route or value.
    pub(crate) fn note_end(&mut self, id: &impl Hash) {
        let shared = self.context.shared();
        self.finished_at = shared.now();
        let took = self.finished_at.since(self.started_at);
        shared.run_times.note(id, took);
        shared
            .counters
            .with(&self.context.route, |counters| counters.run(took));
        #[cfg(feature = "metrics")]
        record_run(shared, &self.context.route, took);
    }

    /// The span that the handler runs in.
    pub(crate) fn span(&self) -> Span {
        let reason = self.run_context.reason().as_str();
        let is_background = self.miss.is_background();
        run_span(
            &self.context.route,
            self.info.as_deref(),
            reason,
            is_background,
        )
    }

    /// Reports an event of this run.
    pub(crate) fn report(&self, kind: EventKind, body_bytes: Option<usize>) {
        let facts = || Facts {
            status: self.status,
            duration: Some(self.finished_at.since(self.started_at)),
            body_bytes,
            age: None,
        };
        let (route, shared) = (&self.context.route, self.context.shared());
        let about = self.info.as_deref().into();
        report_with(route, shared, Report::of(kind, about), facts);
    }

    /// Reports that a stale response answers in place of this run.
    pub(crate) fn report_fallback(&self) {
        if let Some(fallback) = &self.fallback {
            fallback.report(self.info.as_deref().into());
        }
    }

    /// The stale response that may answer in place of a failed run.
    pub(crate) fn usable_fallback(&self) -> Option<Arc<StoredResponse>> {
        self.fallback.as_ref()?.usable().cloned()
    }
}

/// The state of all invalidations before a run: a later one invalidates the response of the run.
pub(crate) struct Fence {
    snapshot: Snapshot,
    stripes: StripeSnapshot,
    /// The tags of the previous response, which hold for it again where the run finds it unchanged.
    previous_tags: Snapshot,
    /// The count of bumps of this process before the arguments were extracted.
    extraction: Option<u64>,
    /// An invalidation came after the extraction of the arguments and before the snapshot.
    is_outdated: bool,
}

/// The snapshots of a response that was not invalidated since its run began.
pub(crate) struct Validated {
    pub(crate) snapshot: Snapshot,
    pub(crate) tag_snapshot: Snapshot,
}

impl Fence {
    /// Taken before the handler starts.
    pub(crate) fn new(
        generations: &Generations,
        target: Target<'_>,
        extraction: Option<u64>,
        permits: &Permits,
        previous: Option<&StoredResponse>,
    ) -> Self {
        let snapshot = permits.snapshot();
        let snapshot = snapshot.unwrap_or_else(|| generations.snapshot(target));
        // After the snapshot was taken, which later bumps change.
        let is_outdated = extraction.is_some_and(|it| generations.is_bumped_since(it, target));
        Self {
            extraction,
            is_outdated,
            snapshot,
            stripes: generations.before(),
            previous_tags: previous
                .map_or_else(Snapshot::default, |previous| previous.tag_snapshot.again()),
        }
    }

    /// Compares at the end of the run, whose handler has named `tags`. `unchanged`: its response is the
    /// previous one, validated.
    pub(crate) fn check(
        &self,
        generations: &Generations,
        tags: &[String],
        unchanged: bool,
    ) -> Result<Validated, Skip> {
        let none = Snapshot::default();
        let kept = if unchanged {
            &self.previous_tags
        } else {
            &none
        };
        let held = generations.hold(tags, &self.stripes, kept);
        let tag_snapshot = held.ok_or(Skip::Invalidated)?;
        if let Some(count) = self.extraction
            && generations.are_tags_bumped_since(count, tag_snapshot.tags())
        {
            return Err(Skip::Invalidated);
        }
        if tag_snapshot.seen().len() > tags::MAX_TAGS {
            return Err(Skip::Tags);
        }
        if self.snapshot.validity_with(&tag_snapshot) == Validity::Invalidated {
            return Err(Skip::Invalidated);
        }
        Ok(Validated {
            snapshot: self.snapshot.clone(),
            tag_snapshot,
        })
    }
}
