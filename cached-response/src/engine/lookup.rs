//! The synchronous half of a request: admission, key, and the look-up in memory. All of a hit.

use crate::{
    cache::{
        Inner, ResponseCache,
        app_data::DataSet,
        cached_route::CachedRoute,
        report::{About, Facts, Report, report, report_hit, report_with},
    },
    engine::{
        reuse::{self, Reuse},
        subject::{
            BackgroundRefresh, ExtractionStart, Miss, RefreshMode, RequestSubject, RouteContext,
        },
    },
    entry::{StoredResponse, staleness::Staleness},
    key::{InsertedParts, KeyRef, KeyWriter, Refused},
    memory::variants,
    metrics::{
        event::EventKind,
        reason::{Bypass, ForwardReason},
    },
    response::from_stored::{self, HitKind},
    route::{
        Route, RouteRef,
        admission::{Admission, Admitted, FlightRole, RequestFacts, admit},
        config::RouteConfig,
        request_key::{self, RequestBody},
    },
    single_flight::responses::{Permit, RefreshLead},
    time::moment::Timestamp,
};
use actix_web::{HttpRequest, HttpResponse};
use std::{cell::Cell, sync::Arc};

/// The longest key that is looked up, in bytes. A body in the key has a limit of its own.
pub(crate) const MAX_KEY_BYTES: usize = 8 << 10;

/// The outcome of a look-up in memory.
pub(crate) enum LookupOutcome {
    Answered,
    /// Answered, and to be refreshed in the background.
    Refresh(Box<BackgroundRefresh<RequestSubject>>),
    /// Forwarded to the handler.
    Forward(PendingRequest),
}

/// A request that memory does not answer.
pub(crate) struct PendingRequest {
    pub(crate) context: RouteContext,
    pub(crate) next: NextStep,
}

/// The next step of a pending request.
pub(crate) enum NextStep {
    Bypass(Bypass),
    /// With a permit it leads a refresh that its client waits for.
    // Boxed, so that an outcome is small to move.
    Miss(Box<Miss>, Option<Permit>),
}

impl LookupOutcome {
    /// Notes the start of the extraction of the arguments of a run.
    pub(crate) fn note_extraction(&mut self, start: ExtractionStart) {
        match self {
            Self::Refresh(refresh) => refresh.miss.note_extraction(start),
            Self::Forward(pending) => {
                if let NextStep::Miss(miss, _) = &mut pending.next {
                    miss.note_extraction(start);
                }
            }
            Self::Answered => {}
        }
    }
}

thread_local! {
    /// The buffer for keys, reused from request to request.
    static KEY_BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

fn recycle(key: KeyWriter) {
    let buffer = key.into_buffer();
    if (1..=2 * MAX_KEY_BYTES).contains(&buffer.capacity()) {
        KEY_BUFFER.set(buffer);
    }
}

/// Admits `request`, writes its key (`parts` adds the parts of the arguments) and looks it up.
///
/// An answer is written to `answer`: a response is large, and each function that returned it would
/// move it.
pub(crate) fn look_up(
    cached: &CachedRoute,
    request: &HttpRequest,
    body: &RequestBody,
    parts: &mut dyn FnMut(&mut KeyWriter),
    answer: &mut Option<HttpResponse>,
) -> LookupOutcome {
    let (route, cache) = (&cached.route, cached.cache(request));
    let shared = cache.shared();
    let looked_up = admit_request(&route.config, request, body, shared).and_then(|admitted| {
        let lookup = Lookup {
            route,
            cache: &cache,
            shared,
            request,
            admitted,
            data: DataSet::default(),
            target_is_key: false,
            answer,
        };
        lookup.run(body, parts)
    });
    looked_up.unwrap_or_else(|why| {
        let word = route.config.bypass_word(why, request.headers());
        let report = Report {
            reason: Some(&word),
            ..Report::of(EventKind::Bypass(why), About::Request(request))
        };
        report_with(route, shared, report, Facts::default);
        forward(route, &cache, request, NextStep::Bypass(why))
    })
}

/// An admitted request that is looked up in memory.
struct Lookup<'a> {
    route: &'a RouteRef,
    cache: &'a ResponseCache,
    shared: &'a Inner,
    request: &'a HttpRequest,
    admitted: Admitted,
    /// The `Data<T>` that the application gives the handler.
    data: DataSet,
    /// Set where the key is the request target alone, as far as is known.
    target_is_key: bool,
    answer: &'a mut Option<HttpResponse>,
}

impl Lookup<'_> {
    fn run(
        mut self,
        body: &RequestBody,
        parts: &mut dyn FnMut(&mut KeyWriter),
    ) -> Result<LookupOutcome, Bypass> {
        let data = self.shared.data_sets.of(self.route, self.request);
        self.data = data.ok_or(Bypass::Key)?;
        // The buffer is taken once something is written: a hit may do without.
        let buffer = if self.route.has_parts() {
            KEY_BUFFER.take()
        } else {
            Vec::new()
        };
        let mut key = KeyWriter::reuse(buffer);
        parts(&mut key);
        self.target_is_key = key.is_untouched()
            && self.data.is_unwritten()
            && request_key::target_is_key(&self.route.config, self.request, body);
        if let Some(answered) = self.memoized() {
            recycle(key);
            return Ok(answered);
        }
        if key.is_untouched() {
            recycle(key);
            key = KeyWriter::reuse(KEY_BUFFER.take());
        }
        let has_parts = !key.as_bytes().is_empty();
        let outcome = self.by_key(body, &mut key);
        recycle(key);
        if has_parts && !matches!(outcome, Ok(LookupOutcome::Answered)) {
            self.route.note_parts();
        }
        outcome
    }

    /// Answers a target whose key this worker has memoized, without writing the key.
    fn memoized(&mut self) -> Option<LookupOutcome> {
        if !self.target_is_key || self.admitted.directives.is_some() {
            return None;
        }
        request_key::find_memoized(self.route, self.request, |key| {
            self.shared.memory.find(key, |stored| {
                let now = self.shared.now();
                if reuse::is_plain_hit(self.shared, stored, self.admitted.reuse, now) {
                    let how = HitKind::Hit(now);
                    *self.answer = Some(hit(self.route, self.shared, stored, self.request, how));
                }
            });
        });
        self.answer.is_some().then_some(LookupOutcome::Answered)
    }

    fn by_key(&mut self, body: &RequestBody, key: &mut KeyWriter) -> Result<LookupOutcome, Bypass> {
        let flagged = request_key::write(&self.route.config, self.request, body, key);
        self.data.write(key);
        match refused(key, body) {
            None => Ok(self.find(flagged, key)),
            Some(why) => Err(why),
        }
    }

    fn find(&mut self, flagged: bool, key: &mut KeyWriter) -> LookupOutcome {
        let base = key.len();
        let found = variants::find(&self.shared.memory, self.route.handler, key, self.request);
        let forced = is_forced(&self.route.config, self.request, flagged, &self.admitted);
        let now = self.shared.now();
        let reuse = reuse::of_found(self.shared, found, &self.admitted, self.leads(), now);
        let (forward, previous) = match reuse {
            Reuse::Fresh(stored, _) | Reuse::Refresh(stored, _) if forced => {
                (ForwardReason::Request, Some(stored))
            }
            Reuse::Miss(_, previous) if forced => (ForwardReason::Request, previous),
            Reuse::Fresh(stored, stage) => {
                if self.target_is_key && !flagged && key.len() == base {
                    let key = KeyRef::new(self.route.handler, key.as_bytes());
                    request_key::memoize(self.route, self.request, &key);
                }
                self.answer(&stored, stage, now);
                return LookupOutcome::Answered;
            }
            Reuse::Refresh(stored, stage) => {
                let miss = self.miss(key, base, now);
                return self.refresh(stored, stage, miss);
            }
            Reuse::Miss(forward, previous) => (forward, previous),
        };
        let mut miss = self.miss(key, base, now);
        (miss.forced, miss.forward, miss.previous) = (forced, forward, previous);
        // The remote store may have a response for `only-if-cached`.
        if miss.only_if_cached() && self.shared.remote.is_none() {
            self.report(EventKind::OnlyIfCached);
            *self.answer = Some(from_stored::only_if_cached());
            return LookupOutcome::Answered;
        }
        self.forward(miss, None)
    }

    fn answer(&mut self, stored: &StoredResponse, stage: Staleness, now: Timestamp) {
        let how = HitKind::hit(stage, now);
        *self.answer = Some(hit(self.route, self.shared, stored, self.request, how));
    }

    fn leads(&self) -> bool {
        leads(&self.admitted, self.request)
    }

    /// Answers, and leads a background refresh where no other request does and this worker has room for it.
    /// A stale response that cannot be refreshed in the background is refreshed first.
    fn refresh(
        &mut self,
        stored: Arc<StoredResponse>,
        stage: Staleness,
        mut miss: Box<Miss>,
    ) -> LookupOutcome {
        let lead = if self.leads() {
            let joining = self
                .shared
                .join_context(self.route.config.target(self.request));
            RefreshLead::of(joining.join(&self.shared.flights, &miss.key), stage)
        } else {
            RefreshLead::None
        };
        if let RefreshLead::Foreground(permit) = lead {
            miss.refreshing(stored, RefreshMode::Foreground);
            return self.forward(miss, Some(permit));
        }
        self.answer(&stored, stage, miss.looked_up_at);
        match lead {
            RefreshLead::Background(permit, place) => {
                miss.refreshing(stored, RefreshMode::Background);
                LookupOutcome::Refresh(Box::new(BackgroundRefresh {
                    subject: RequestSubject {
                        context: route_context(self.route, self.cache),
                        request: self.request.clone(),
                    },
                    miss,
                    permit,
                    place,
                }))
            }
            RefreshLead::None | RefreshLead::Foreground(_) => LookupOutcome::Answered,
        }
    }

    fn report(&self, kind: EventKind) {
        report(self.route, self.shared, kind, About::Request(self.request));
    }

    fn forward(&self, miss: Box<Miss>, permit: Option<Permit>) -> LookupOutcome {
        self.report(EventKind::Forward(miss.forward));
        let next = NextStep::Miss(miss, permit);
        forward(self.route, self.cache, self.request, next)
    }

    fn miss(&self, key: &KeyWriter, base: usize, now: Timestamp) -> Box<Miss> {
        let variant = KeyRef::new(self.route.handler, key.as_bytes()).to_key();
        let base_key = if key.len() == base {
            variant.clone()
        } else {
            KeyRef::new(self.route.handler, &key.as_bytes()[..base]).to_key()
        };
        let admitted = self.admitted.clone();
        Box::new(Miss::new(admitted, base_key, variant, self.data, now))
    }
}

fn forward(
    route: &RouteRef,
    cache: &ResponseCache,
    request: &HttpRequest,
    next: NextStep,
) -> LookupOutcome {
    // A request that asks a remote store for something new is noted there.
    let asks_remote = matches!(&next, NextStep::Miss(miss, None) if !miss.forced && miss.admitted.flight == FlightRole::Lead);
    if cache.shared().remote.is_none() || !asks_remote {
        cache.shared().note_route(route, request);
    }
    LookupOutcome::Forward(PendingRequest {
        context: route_context(route, cache),
        next,
    })
}

fn route_context(route: &RouteRef, cache: &ResponseCache) -> RouteContext {
    RouteContext {
        route: route.clone(),
        cache: cache.clone(),
    }
}

/// Returns true where a request may lead a run that goes on after its answer.
pub(crate) fn leads(admitted: &Admitted, request: &HttpRequest) -> bool {
    admitted.leads(may_detach(request))
}

/// Returns true where a run may go on without its client: not away from middlewares that hand something
/// to the handler past its arguments.
pub(crate) fn may_detach(request: &HttpRequest) -> bool {
    InsertedParts::count(request) == 0
}

/// The reason why a request has no key.
fn refused(key: &KeyWriter, body: &RequestBody) -> Option<Bypass> {
    let body = if let RequestBody::Keyed(body) = body {
        body.len()
    } else {
        0
    };
    match key.refused() {
        Some(Refused::Unless) => Some(Bypass::Unless),
        Some(Refused::Unserialisable | Refused::Failed) => Some(Bypass::Key),
        None => (key.len() > MAX_KEY_BYTES + body).then_some(Bypass::KeyTooLong),
    }
}

/// Counts a hit, and answers from `stored`.
pub(crate) fn hit(
    route: &Route,
    shared: &Inner,
    stored: &StoredResponse,
    request: &HttpRequest,
    how: HitKind,
) -> HttpResponse {
    let not_modified = from_stored::is_not_modified(stored, request);
    let kind = if not_modified {
        EventKind::NotModified
    } else {
        EventKind::Hit
    };
    report_hit(route, shared, kind, stored, Some(request));
    if let HitKind::Stale(_, Some(rule)) = how {
        let kind = EventKind::Stale(rule);
        report(route, shared, kind, About::Request(request));
    }
    // The response is made last: each step after that would move it once more.
    if not_modified {
        from_stored::reuse_head(stored, how)
    } else {
        from_stored::reuse_content(stored, request, how)
    }
}

/// Returns true where no stored response is reused: by `?nocache=1`, where the route allows it, or by
/// `Cache-Control: no-cache`.
pub(crate) fn is_forced(
    config: &RouteConfig,
    request: &HttpRequest,
    flagged: bool,
    admitted: &Admitted,
) -> bool {
    let directives = admitted.directives.as_ref();
    (flagged && may_force(config, request))
        || directives.is_some_and(|directives| directives.no_cache)
}

/// Returns true where the route lets this request force a refresh.
fn may_force(config: &RouteConfig, request: &HttpRequest) -> bool {
    let only_if = config.policy.nocache.only_if;
    only_if.is_none_or(|only_if| only_if(request))
}

/// Admits a request to the look-up, or names the reason of its bypass.
#[inline]
pub(crate) fn admit_request(
    config: &RouteConfig,
    request: &HttpRequest,
    body: &RequestBody,
    shared: &Inner,
) -> Result<Admitted, Bypass> {
    // A flag that the handler cannot see is looked for when the key is written.
    let reads_flag =
        !config.every_get && config.query.flag().is_none() && may_force(config, request);
    let facts = RequestFacts {
        method: request.method(),
        headers: request.headers(),
        query: if reads_flag {
            request.uri().query()
        } else {
            None
        },
        unkeyed_body: matches!(body, RequestBody::Unkeyed),
    };
    let is_unwanted = || config.policy.unless.is_some_and(|unless| unless(request));
    match admit(config, &facts) {
        // Its change is invalidated while the cache is off, too: other processes may not be.
        Admission::Bypass(Bypass::Method) => Err(Bypass::Method),
        _ if shared.is_off() => Err(Bypass::Off),
        Admission::Bypass(why) => Err(why),
        Admission::Lookup(_) if matches!(body, RequestBody::TooLarge) => Err(Bypass::BodyTooLarge),
        Admission::Lookup(_) if !config.every_get && is_unwanted() => Err(Bypass::Unless),
        Admission::Lookup(admitted) => Ok(admitted),
    }
}
