//! Subject of a look-up with its route and its miss: the state that the files of the engine share.

use crate::{
    cache::{
        Inner, ResponseCache,
        app_data::DataSet,
        report::{About, report},
    },
    context::run_context::RunContext,
    entry::StoredResponse,
    invalidation::{
        cdn::SurrogateKeys,
        generations::{Target, process_bumps},
    },
    key::Key,
    memory::variants::Found,
    metrics::{
        event::EventKind,
        reason::{ForwardReason, RunReason, Skip},
    },
    policy::stale::StaleRules,
    remote::RemoteState,
    response::from_stored::HitKind,
    route::{RouteRef, admission::Admitted, config::RouteConfig},
    single_flight::responses::{JoinContext, Permit, Permits},
    time::moment::Timestamp,
    util::local_task::DetachedPermit,
};
use actix_web::{HttpRequest, http::header::HeaderMap};
use std::{
    future::{Future, pending},
    sync::Arc,
    time::{Duration, Instant},
};

/// A route and the cache that stores its responses.
#[derive(Clone, Debug)]
pub(crate) struct RouteContext {
    pub(crate) route: RouteRef,
    pub(crate) cache: ResponseCache,
}

impl RouteContext {
    pub(crate) fn shared(&self) -> &Inner {
        self.cache.shared()
    }

    pub(crate) fn report(&self, kind: EventKind, about: About<'_>) {
        report(&self.route, self.shared(), kind, about);
    }

    /// The tags of the response to `request`, where a header shows them to the caches in front.
    pub(crate) fn shown_tags(&self, request: &HttpRequest) -> Option<ShownTags> {
        let keys = self.shared().surrogate_keys.clone()?;
        let of_route = self.route.config.tags.of(request).ok();
        Some(ShownTags { keys, of_route })
    }

    /// Adds the header with the tags of a response. `request` is that of the finished run.
    pub(crate) fn add_surrogate_keys(
        &self,
        request: &HttpRequest,
        run_context: &RunContext,
        headers: &mut HeaderMap,
    ) {
        if let Some(tags) = self.shown_tags(request) {
            tags.add(run_context, headers);
        }
    }

    /// The rules for stale responses of this route.
    pub(crate) fn stale_rules(&self) -> StaleRules {
        stale_rules(&self.route.config, self.shared())
    }

    /// A timer of `run_timeout`; it never ends on a route without one.
    pub(crate) fn run_timeout(&self) -> impl Future<Output = ()> + use<> {
        let limit = self.stale_rules().run_timeout;
        let limit = limit.map(|limit| self.shared().clock.sleep(limit));
        async move {
            match limit {
                Some(limit) => limit.await,
                None => pending().await,
            }
        }
    }

    /// The largest body that is stored, in bytes.
    pub(crate) fn max_body_bytes(&self) -> usize {
        let limits = &self.shared().limits;
        let policy = &self.route.config.policy;
        policy.max_body_bytes.unwrap_or(limits.max_body_bytes)
    }
}

/// Tags of a route for the caches in front.
pub(crate) struct ShownTags {
    keys: SurrogateKeys,
    of_route: Option<Vec<String>>,
}

impl ShownTags {
    /// Adds them and those of the run to a response, which is kept out of those caches where one is missing.
    pub(crate) fn add(&self, run_context: &RunContext, headers: &mut HeaderMap) {
        match &self.of_route {
            Some(tags) if !run_context.has_lost_tags() => {
                self.keys
                    .add(tags.iter().chain(&run_context.tags()), headers);
            }
            _ => self.keys.refuse(headers),
        }
    }
}

/// The rules for stale responses: the route's, and the cache's where the route has none.
pub(crate) fn stale_rules(config: &RouteConfig, shared: &Inner) -> StaleRules {
    let rules = config.policy.stale.or(&shared.stale);
    if config.allowlist.is_some() {
        rules.without_refresh()
    } else {
        rules
    }
}

/// The subject of a look-up: the response to a request, or a value.
///
/// Coalescing, stale rules, the remote tier and background refreshes are written once, over this. An
/// implementation says how its entries are found in memory, how one of them answers, and what makes a
/// new one. Futures over a subject are `Send` where the subject and its upstream are.
pub(crate) trait Subject: Clone + 'static {
    /// An answer that is made from a stored response.
    type Answer;
    /// The end of a request: an answer, with what its caller wants back.
    type Done;
    /// The source of a new response, not started yet.
    type Upstream: 'static;

    /// Set where a run without waiters goes on when its client leaves.
    const DETACHES_ALONE: bool;

    fn context(&self) -> &RouteContext;

    /// The target of invalidations that its entry is covered by.
    fn target(&self) -> Target<'_>;

    /// The request, where the subject is a response.
    fn request(&self) -> Option<&HttpRequest>;

    /// Finds its entry in memory, and updates the key of `miss` to the variant that is selected.
    fn find(&self, miss: &mut Miss) -> Found;

    /// Stores a response of the remote tier in memory; returns false where its variant is not certain.
    fn keep(&self, miss: &Miss, response: StoredResponse) -> bool;

    /// Returns true for a stored response that its request selects.
    fn selects(&self, stored: &StoredResponse) -> bool;

    /// Returns true for a stored response that can be decoded.
    fn decodes(&self, stored: &StoredResponse) -> bool;

    /// Answers from a stored response that was decoded before.
    fn answer(&self, stored: &StoredResponse, how: HitKind) -> Self::Answer;

    /// Counts a hit, and answers.
    fn hit(&self, stored: &StoredResponse, how: HitKind) -> Self::Answer;

    fn done(self, answer: Self::Answer) -> Self::Done;

    /// Returns true where a run may go on without its client.
    fn may_detach(&self) -> bool;

    /// Returns true where the subject may be kept while `upstream` runs.
    fn may_share_subject(upstream: &Self::Upstream) -> bool;

    /// The reason why no response of its run can be stored, where that is known before.
    fn refusal(&self) -> Option<Skip>;

    /// The usual duration of its runs, where one has ended.
    fn usual_run_time(&self) -> Option<Duration>;

    /// Runs `upstream`, stores what it returns, and notifies the waiters.
    fn run(
        self,
        miss: Box<Miss>,
        upstream: Self::Upstream,
        permits: Permits,
    ) -> impl Future<Output = Self::Done>;

    fn shared(&self) -> &Inner {
        self.context().shared()
    }

    fn report(&self, kind: EventKind) {
        self.context().report(kind, self.request().into());
    }

    fn join_context(&self) -> JoinContext<'_> {
        self.shared().join_context(self.target())
    }
}

/// A request to a cached route.
#[derive(Clone, Debug)]
pub(crate) struct RequestSubject {
    pub(crate) context: RouteContext,
    /// Moved into the run: a service behind a middleware must be its only owner.
    pub(crate) request: HttpRequest,
}

/// A run that refreshes a stored response which would answer without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefreshMode {
    /// The client is answered already.
    Background,
    /// The client waits for the run.
    Foreground,
}

/// A look-up whose answer needs a run, or the remote store.
#[derive(Debug)]
pub(crate) struct Miss {
    pub(crate) admitted: Admitted,
    /// `?nocache=1` or `no-cache`: no stored response is reused.
    pub(crate) forced: bool,
    /// The key without the names that a run adds to it.
    pub(crate) base_key: Key,
    /// The key of the variant, under which requests coalesce.
    pub(crate) key: Key,
    pub(crate) forward: ForwardReason,
    /// The stored response that is not reused: a run may validate it, or fall back to it.
    pub(crate) previous: Option<Arc<StoredResponse>>,
    pub(crate) refresh: Option<RefreshMode>,
    /// The count of invalidations before the arguments of the run were extracted.
    pub(crate) bumps_at_extraction: Option<u64>,
    /// The start of their extraction, or the look-up.
    pub(crate) extracted_from: Timestamp,
    pub(crate) looked_up_at: Timestamp,
    /// The application's own values, which are not part of a remote key.
    pub(crate) data: DataSet,
    pub(crate) remote: RemoteState,
}

/// The state of this process before arguments were extracted that the handler may show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExtractionStart {
    bumps: u64,
    at: Instant,
}

impl ExtractionStart {
    /// The state now; `None` where `E` holds nothing.
    pub(crate) fn before<E>() -> Option<Self> {
        (size_of::<E>() > 0).then(|| Self {
            bumps: process_bumps(),
            at: Instant::now(),
        })
    }
}

impl Miss {
    /// A miss of a key that memory has nothing for.
    pub(crate) fn new(
        admitted: Admitted,
        base_key: Key,
        key: Key,
        data: DataSet,
        looked_up_at: Timestamp,
    ) -> Self {
        Self {
            admitted,
            forced: false,
            base_key,
            key,
            forward: ForwardReason::UriMiss,
            previous: None,
            refresh: None,
            bumps_at_extraction: None,
            extracted_from: looked_up_at,
            looked_up_at,
            data,
            remote: RemoteState::default(),
        }
    }

    /// Returns true where the client accepts a stale response in place of a failed run.
    pub(crate) fn accepts_stale(&self) -> bool {
        let directives = self.admitted.directives.as_ref();
        !self.forced && directives.is_none_or(|directives| !directives.limits_age())
    }

    /// Returns true for `only-if-cached`: the handler is not run for this client.
    pub(crate) fn only_if_cached(&self) -> bool {
        let directives = self.admitted.directives.as_ref();
        directives.is_some_and(|directives| directives.only_if_cached)
    }

    /// Notes the start of the extraction of the arguments of its run.
    pub(crate) fn note_extraction(&mut self, start: ExtractionStart) {
        self.bumps_at_extraction = Some(start.bumps);
        self.extracted_from = self.looked_up_at.before(start.at.elapsed());
    }

    /// Clears the count of invalidations if none was added since. Called once the run has a snapshot,
    /// which covers later ones.
    pub(crate) fn forget_current_extraction(&mut self) {
        if let Some(before) = self.bumps_at_extraction
            && before == process_bumps()
        {
            self.bumps_at_extraction = None;
        }
    }

    pub(crate) fn is_background(&self) -> bool {
        self.refresh == Some(RefreshMode::Background)
    }

    /// A copy for waiting beside its own run, without the state of that run.
    pub(crate) fn for_waiting(&self) -> Self {
        let (base_key, key) = (self.base_key.clone(), self.key.clone());
        let admitted = self.admitted.clone();
        Self {
            forced: self.forced,
            forward: self.forward,
            refresh: self.refresh,
            ..Self::new(admitted, base_key, key, self.data, self.looked_up_at)
        }
    }

    /// Makes it the miss of a run that refreshes `stored`.
    pub(crate) fn refreshing(&mut self, stored: Arc<StoredResponse>, mode: RefreshMode) {
        self.forward = ForwardReason::Stale;
        self.previous = Some(stored);
        self.refresh = Some(mode);
    }

    /// The reason of its run, as the handler can ask for it.
    pub(crate) fn run_reason(&self) -> RunReason {
        if self.is_background() {
            RunReason::Refresh
        } else if self.forced {
            RunReason::Live
        } else if self.previous.is_some() {
            RunReason::Stale
        } else {
            RunReason::Miss
        }
    }
}

/// A subject that is answered already, and the lead of the run that refreshes its response.
pub(crate) struct BackgroundRefresh<S> {
    pub(crate) subject: S,
    pub(crate) miss: Box<Miss>,
    pub(crate) permit: Permit,
    pub(crate) place: DetachedPermit,
}
