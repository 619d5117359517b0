//! The end of a run: the response is stored, written to the remote store, and given to the waiters.

use crate::{
    cache::report::warn_of_covered_failure,
    engine::{
        judge::FinishedRun,
        remote_session,
        run::{HandlerRun, RunOutcome, Validated},
    },
    entry::{StoredResponse, VerifiedAt, staleness::Deadlines},
    http::{
        content_coding::{self, Codings},
        fields::lines,
        freshness::Freshness,
        storable::{MAX_VARY_NAMES, ResponseDirectives, Storable},
    },
    key::vary::{self, Selector},
    memory::variants::{self, StoreOutcome},
    metrics::{event::EventKind, reason::Skip},
    policy::candidate::ResponseView,
    response::headers,
    single_flight::responses::FlightOutcome,
    util::local_task::LocalBoxFuture,
};
use actix_web::{
    HttpRequest, HttpResponse,
    body::BodySize,
    http::header::{self, HeaderMap},
    web::Bytes,
};
use std::sync::Arc;

impl HandlerRun {
    /// Ends the run: settles the stored response that it would replace, sends the new one to the remote
    /// store, and notifies the waiters. `request` selects the variant of a response.
    pub(crate) fn finish(mut self, request: Option<&HttpRequest>, outcome: RunOutcome) {
        if let Some(fallback) = &mut self.fallback {
            match &outcome {
                _ if self.failed => fallback.start_cooldown(),
                RunOutcome::NotStored(Skip::Incomplete | Skip::Failed) => fallback.start_cooldown(),
                RunOutcome::NotStored(why) if self.about_entry && why.outdates() => {
                    if let Some(outdated) = fallback.remove(&self.miss) {
                        remote_session::delete_outdated(&self.miss, outdated);
                    }
                }
                _ => fallback.settle(),
            }
        }
        remote_session::finish(&mut self, request, &outcome);
        self.notify(outcome);
    }

    /// Completes the entry of a response, or a value, with its times, snapshots and tags. `directives`
    /// are the response's own.
    pub(crate) fn complete(
        &self,
        content: StoredResponse,
        freshness: Freshness,
        directives: &ResponseDirectives,
    ) -> Result<StoredResponse, Skip> {
        let times = Deadlines::of(&self.context.stale_rules(), directives, freshness);
        let tags = self.run_context.final_tags();
        let generations = &self.context.shared().generations;
        let Validated {
            snapshot,
            tag_snapshot,
        } = self.fence.check(generations, &tags, self.unchanged)?;
        let tags = snapshot.tags().chain(tag_snapshot.tags());
        self.context.shared().advisor.stored(tags);
        let took = self.finished_at.since(self.started_at);
        let validated = self.run_context.previous().filter(|_| self.unchanged);
        Ok(StoredResponse {
            created_at: self.finished_at,
            // A run that has only validated it was short.
            run_time: validated.map_or(took, |stored| stored.run_time.max(took)),
            lifetime: times.lifetime,
            refresh_at: self.finished_at.after(times.refresh_after),
            windows: times.windows,
            initial_age: freshness.age,
            run: self.number,
            verified_at: VerifiedAt::at(self.miss.extracted_from.min(self.started_at)),
            snapshot,
            tag_snapshot,
            ..content
        })
    }

    /// Returns true where a stored response is kept: in memory, or in the remote store, to which it is
    /// about to be sent.
    pub(crate) fn is_kept(&self, stored: &StoredResponse) -> bool {
        let is_in_memory = !self.context.shared().memory.is_disabled();
        is_in_memory || remote_session::will_store(self, stored)
    }

    fn report_outcome(&self, outcome: &RunOutcome) {
        let (kind, body) = match outcome {
            RunOutcome::Put(StoreOutcome::Stored(stored)) => {
                (EventKind::Stored, Some(stored.body.len()))
            }
            RunOutcome::Put(StoreOutcome::Superseded(_)) => {
                (EventKind::Skip(Skip::Superseded), None)
            }
            RunOutcome::StoodIn(why) | RunOutcome::NotStored(why) => (EventKind::Skip(*why), None),
        };
        self.report(kind, body);
        if let RunOutcome::StoodIn(why) = outcome {
            warn_of_covered_failure(&self.context.route, self.context.shared(), *why);
        }
    }

    /// Counts the outcome, marks a key that is not storable, and notifies the waiters.
    fn notify(self, outcome: RunOutcome) {
        self.report_outcome(&outcome);
        let Self {
            context,
            miss,
            permits,
            ..
        } = self;
        let shared = context.shared();
        let outcome = match outcome {
            RunOutcome::Put(StoreOutcome::Stored(stored)) => {
                let outcome = for_waiters(stored);
                match &outcome {
                    FlightOutcome::NotStored(why) => {
                        shared.hit_for_pass.note(&miss.key, *why, shared.now());
                    }
                    _ => shared.hit_for_pass.clear(&miss.key),
                }
                outcome
            }
            RunOutcome::Put(StoreOutcome::Superseded(response)) => for_waiters(response),
            RunOutcome::StoodIn(_) => FlightOutcome::Failed,
            RunOutcome::NotStored(why) => {
                shared.hit_for_pass.note(&miss.key, why, shared.now());
                match why {
                    Skip::Incomplete | Skip::Invalidated | Skip::RunTimeout | Skip::Panic => {
                        FlightOutcome::Failed
                    }
                    why => FlightOutcome::NotStored(why),
                }
            }
        };
        permits.finish(&outcome);
    }
}

/// The outcome of a response that is stored or could be. One that is kept for validation alone is not
/// for those who have waited for it.
fn for_waiters(response: Arc<StoredResponse>) -> FlightOutcome {
    if response.is_stale_on_arrival() {
        FlightOutcome::NotStored(Skip::Expired)
    } else if response.has_current_tags() {
        FlightOutcome::Stored(response)
    } else {
        // A tag was not known when they joined: some may have come after its invalidation.
        FlightOutcome::Failed
    }
}

impl FinishedRun {
    pub(crate) fn finish(self, stored: Result<StoreOutcome, Skip>) {
        let Self { run, request, .. } = self;
        run.finish(Some(&request), RunOutcome::of(stored));
    }

    /// A timer that ends the copy of a body which no client waits for.
    pub(crate) fn detached_limit(&self) -> LocalBoxFuture<()> {
        let cache = self.run.context.cache.clone();
        Box::pin(async move {
            let shared = cache.shared();
            shared.clock.sleep(shared.limits.coalesce_for).await;
        })
    }

    /// Stores a complete response, where the handler, the route and the limits allow it.
    pub(crate) fn store(
        &self,
        storable: &Storable,
        candidate: &ResponseView<'_>,
        body: &Bytes,
    ) -> Result<StoreOutcome, Skip> {
        let freshness = self.freshness(storable, Some(body.len() as u64))?;
        match &self.config().policy.store_if {
            Some(store_if) if !store_if(candidate) => return Err(Skip::StoreIf),
            _ => {}
        }
        let names = self.names(storable)?;
        let (status, fields) = (candidate.status(), candidate.headers());
        let content = StoredResponse {
            style: self.style.clone(),
            codings: self.tried_codings(fields, &names),
            client: headers::client(self.config(), &self.request, &names, fields),
            ..headers::stored(self.config(), storable, status, fields, body)
        };
        let directives = &storable.directives;
        let response = self.run.complete(content, freshness, directives)?;
        let (memory, key) = (&self.run.context.shared().memory, &self.run.miss.base_key);
        let stored = variants::store(memory, key, &self.request, &names, response);
        Ok(stored)
    }

    /// The selectors of the response, where the request still has the values that it was made under.
    fn names(&self, storable: &Storable) -> Result<Vec<Selector>, Skip> {
        let (request, run_context) = (&self.request, &self.run.run_context);
        // The variant is selected by the request as it is now.
        if !run_context.is_as_read(request) {
            return Err(Skip::Changed);
        }
        let mut names = headers::names(storable, &run_context.names_read());
        if self.run.unchanged
            && let Some(variant) = run_context.previous().and_then(|it| it.variant.clone())
        {
            // This run did not have to read what the response was made from.
            let missing = |name: &Selector| !names.contains(name);
            let missing: Vec<_> = variant.names.into_iter().filter(missing).collect();
            names.extend(missing);
        }
        if let Some(snapshot) = &self.snapshot
            && !snapshot.is_like(request, &names)
        {
            return Err(Skip::Changed);
        }
        if names.len() > MAX_VARY_NAMES {
            return Err(Skip::VaryNames);
        }
        if vary::has_several_lines(&names, request) {
            return Err(Skip::Repeated);
        }
        Ok(names)
    }

    /// The codings that the response is known to be the same for. A middleware that compresses adds
    /// `Vary` only where it has: for a client that accepts no coding it has not.
    fn tried_codings(&self, headers: &HeaderMap, names: &[Selector]) -> Codings {
        let accept = &header::ACCEPT_ENCODING;
        let selects = |name: &Selector| matches!(name, Selector::Header(name) if name == accept);
        let varies = headers.contains_key(&header::CONTENT_ENCODING)
            || self.config().vary.contains(accept)
            || names.iter().any(selects);
        match &self.snapshot {
            Some(snapshot) if !varies => {
                content_coding::accepted(lines(snapshot.headers(), accept))
            }
            _ => Codings::ALL,
        }
    }

    /// The lifetime and age of a response that may be stored. `length` is that of its body, where known.
    fn freshness(&self, storable: &Storable, length: Option<u64>) -> Result<Freshness, Skip> {
        let run_context = &self.run.run_context;
        if let Some(why) = run_context.refusal() {
            return Err(why);
        }
        let default = self.run.context.shared().limits.timeout;
        let ttl = || self.config().policy.timeout.resolve(default);
        let Some(freshness) = storable.freshness(run_context.timeout(), ttl) else {
            return Err(Skip::Timeout);
        };
        if length.is_some_and(|length| length > self.run.context.max_body_bytes() as u64) {
            return Err(Skip::TooLarge);
        }
        Ok(freshness)
    }

    /// The reason why a stream is not stored, where its head and the handler's calls so far show it. A
    /// later call cannot take it back: the head was sent.
    pub(crate) fn refused_at_head(
        &self,
        storable: &Storable,
        head: &HttpResponse<()>,
        size: BodySize,
    ) -> Result<(), Skip> {
        let (status, headers) = (head.status(), head.headers());
        let length = match size {
            BodySize::Sized(length) => Some(length),
            BodySize::None | BodySize::Stream => headers::declared_length(headers),
        };
        self.freshness(storable, length)?;
        self.names(storable)?;
        match &self.config().policy.store_if {
            Some(store_if) if ResponseView::head(status, headers).is_refused_by(&**store_if) => {
                Err(Skip::StoreIf)
            }
            _ => Ok(()),
        }
    }
}
