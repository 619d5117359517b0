//! A look-up: what lies there for a request, and whether it may answer.

use crate::{
    cache::{
        Inner, ResponseCache, app_data::DataSet, cached_route::CachedRoute, report, report_as,
    },
    engine::{
        context::{BackgroundRefresh, Miss, RemoteState, RequestContext, RouteContext},
        reuse::{Reuse, freshness, is_quiet},
    },
    entry::{StoredResponse, staleness::Staleness},
    invalidation::generations::Target,
    key::{KeyRef, KeyWriter, Refused, inserted::InsertedParts},
    memory::variants::{self, Found},
    metrics::{
        counters::Event,
        reason::{Bypass, ForwardReason},
    },
    response::reuse::{self, HitKind},
    route::{
        Route, RouteRef,
        admission::{Admission, Admitted, FlightRole, RequestFacts, admit},
        config::RouteConfig,
        key_memo,
        request_key::{self, RequestBody},
    },
    single_flight::responses::{Due, Landing, Permit},
    time::moment::Timestamp,
    util::local_task::DetachedPermit,
};
use actix_web::{HttpRequest, HttpResponse};
use std::{cell::Cell, sync::Arc};

/// Keys over this length, a body left out that has a limit of its own, are not worth keeping.
pub(crate) const LONGEST_KEY: usize = 8 << 10;

pub(crate) enum LookupOutcome {
    Answered,
    /// Answered, and to be refreshed behind the answer.
    Refresh(Box<(Miss, Permit, DetachedPermit)>),
    /// To be refreshed before it is answered.
    Lead(Box<(Miss, Permit)>),
    // Boxed, so that a hit is not moved about in the room of a miss.
    Miss(Box<Miss>),
}

/// A request that was admitted.
pub(crate) struct Lookup<'a> {
    pub(crate) site: &'a RouteRef,
    pub(crate) shared: &'a Inner,
    pub(crate) request: &'a HttpRequest,
    pub(crate) admitted: Admitted,
    /// What its application gives the handler.
    pub(crate) data: DataSet,
    /// Its target is all that is in its key, as far as is known.
    pub(crate) target_is_key: bool,
    /// Where the answer is put.
    pub(crate) answer: &'a mut Option<HttpResponse>,
}

impl Lookup<'_> {
    /// Answers from a response at hand, where the key need not be written for it.
    pub(crate) fn known(&mut self) -> Option<LookupOutcome> {
        if !self.target_is_key || self.admitted.directives.is_some() {
            return None;
        }
        key_memo::find(self.site, self.request, |key| {
            self.shared.memory.find(key, |stored| {
                let now = self.shared.now();
                if is_quiet(self.shared, stored, self.admitted.reuse, now) {
                    let how = HitKind::Hit(now);
                    *self.answer = Some(hit(self.site, self.shared, stored, self.request, how));
                }
            });
        });
        self.answer.is_some().then_some(LookupOutcome::Answered)
    }

    pub(crate) fn look_up(
        &mut self,
        sent: &RequestBody,
        key: &mut KeyWriter,
    ) -> Result<LookupOutcome, Bypass> {
        let config = &self.site.config;
        let flagged = request_key::write(config, self.request, sent, key);
        self.data.write(key);
        match refused(key, sent) {
            None => Ok(self.keyed(flagged, key)),
            Some(why) => Err(why),
        }
    }

    fn keyed(&mut self, flagged: bool, key: &mut KeyWriter) -> LookupOutcome {
        let base = key.len();
        let found = variants::find(&self.shared.memory, self.site.handler, key, self.request);
        let live = is_live(&self.site.config, self.request, flagged, &self.admitted);
        let now = self.shared.now();
        let found = freshness(self.shared, found, &self.admitted, now);
        let (forward, previous) = match found.where_it_leads(self.leads()) {
            Reuse::Fresh(stored, _) | Reuse::Refresh(stored, _) if live => {
                (ForwardReason::Request, Some(stored))
            }
            Reuse::Miss(_, previous) if live => (ForwardReason::Request, previous),
            Reuse::Fresh(stored, stage) => {
                if self.target_is_key && !flagged && key.len() == base {
                    let key = KeyRef::new(self.site.handler, key.as_bytes());
                    key_memo::note(self.site, self.request, &key);
                }
                let how = HitKind::hit(stage, now);
                *self.answer = Some(hit(self.site, self.shared, &stored, self.request, how));
                return LookupOutcome::Answered;
            }
            Reuse::Refresh(stored, stage) => {
                let miss = self.miss(key, base, false, now);
                return self.refresh(stored, stage, miss);
            }
            Reuse::Miss(forward, previous) => (forward, previous),
        };
        let miss = self.miss(key, base, live, now);
        self.forward(Miss {
            forward,
            previous,
            ..miss
        })
    }

    /// On to the handler, unless the client wants a stored response alone.
    fn forward(&mut self, miss: Miss) -> LookupOutcome {
        // The remote store may have one.
        if miss.wants_only_stored() && self.shared.remote.is_none() {
            report(self.site, self.shared, Event::OnlyIfCached);
            *self.answer = Some(reuse::only_if_cached());
            return LookupOutcome::Answered;
        }
        LookupOutcome::Miss(Box::new(miss))
    }

    /// Whether a run may go on behind its answer.
    fn leads(&self) -> bool {
        leads(&self.admitted, self.request)
    }

    /// Answers, and takes the lead of a run behind the answer where nobody has it and this worker can
    /// carry it.
    fn refresh(
        &mut self,
        stored: Arc<StoredResponse>,
        stage: Staleness,
        miss: Miss,
    ) -> LookupOutcome {
        let due = if self.leads() {
            let boarding = self.shared.join_context(Target::Response {
                config: &self.site.config,
                request: self.request,
            });
            Due::of(boarding.join(&self.shared.flights, &miss.flight), stage)
        } else {
            Due::Answer
        };
        if let Due::Wait(permit) = due {
            return LookupOutcome::Lead(Box::new((miss.refreshing(stored, false), permit)));
        }
        let how = HitKind::hit(stage, miss.arrived);
        *self.answer = Some(hit(self.site, self.shared, &stored, self.request, how));
        match due {
            Due::Behind(permit, place) => {
                LookupOutcome::Refresh(Box::new((miss.refreshing(stored, true), permit, place)))
            }
            Due::Answer | Due::Wait(_) => LookupOutcome::Answered,
        }
    }

    fn miss(&self, key: &KeyWriter, base: usize, live: bool, now: Timestamp) -> Miss {
        let flight = KeyRef::new(self.site.handler, key.as_bytes()).to_key();
        let base = if key.len() == base {
            flight.clone()
        } else {
            KeyRef::new(self.site.handler, &key.as_bytes()[..base]).to_key()
        };
        Miss {
            admitted: self.admitted.clone(),
            live,
            base,
            flight,
            forward: ForwardReason::UriMiss,
            previous: None,
            behind: false,
            waits: false,
            extracted: None,
            arrived: now,
            abroad: RemoteState {
                data: self.data,
                ..RemoteState::default()
            },
        }
    }
}

/// Whether a run may go on behind the answer to this request.
pub(crate) fn leads(admitted: &Admitted, request: &HttpRequest) -> bool {
    admitted.flight == FlightRole::Lead && InsertedParts::count(request) == 0
}

/// Why there is no key after all.
fn refused(key: &KeyWriter, sent: &RequestBody) -> Option<Bypass> {
    let body = if let RequestBody::Keyed(body) = sent {
        body.len()
    } else {
        0
    };
    match key.refused() {
        Some(Refused::Unless) => Some(Bypass::Unless),
        Some(Refused::Unserialisable | Refused::Failed) => Some(Bypass::Key),
        None => (key.len() > LONGEST_KEY + body).then_some(Bypass::KeyTooLong),
    }
}

pub(crate) fn hit(
    site: &Route,
    shared: &Inner,
    stored: &StoredResponse,
    request: &HttpRequest,
    how: HitKind,
) -> HttpResponse {
    let not_modified = reuse::is_not_modified(stored, request);
    report(
        site,
        shared,
        if not_modified {
            Event::NotModified
        } else {
            Event::Hit
        },
    );
    if let HitKind::Stale(_, Some(rule)) = how {
        report(site, shared, Event::Stale(rule));
    }
    // Made last: whatever is done to a response that is there already moves it once more.
    if not_modified {
        reuse::reuse_head(stored, how)
    } else {
        reuse::reuse_content(stored, request, how)
    }
}

/// Whether no stored response will do: the request has the flag, and may, or its client wishes so.
pub(crate) fn is_live(
    config: &RouteConfig,
    request: &HttpRequest,
    flagged: bool,
    admitted: &Admitted,
) -> bool {
    let directives = admitted.directives.as_ref();
    (flagged && may_ask(config, request))
        || directives.is_some_and(|directives| directives.no_cache)
}

/// Whether the route lets this request ask for a live answer.
pub(crate) fn may_ask(config: &RouteConfig, request: &HttpRequest) -> bool {
    let only_if = config.policy.nocache.only_if;
    only_if.is_none_or(|only_if| only_if(request))
}

/// A request that goes on to its handler.
pub(crate) struct PendingRequest {
    pub(crate) station: RouteContext,
    pub(crate) way: Next,
}

impl BeginOutcome {
    /// Arguments of the run were extracted when anything had been invalidated so often.
    pub(crate) fn extracted(&mut self, raises: u64) {
        match self {
            Self::Answered => {}
            Self::Refresh(behind) => behind.miss.extracted = Some(raises),
            Self::Forward(arrival) => match &mut arrival.way {
                Next::Miss(miss) => miss.extracted = Some(raises),
                Next::Lead(lead) => lead.0.extracted = Some(raises),
                Next::Bypass(_) => {}
            },
        }
    }
}

/// How it goes on.
pub(crate) enum Next {
    Bypass(Bypass),
    // Boxed, so that it is not moved about.
    Miss(Box<Miss>),
    /// It has the lead of a refresh that it waits for.
    Lead(Box<(Miss, Permit)>),
}

/// The first, synchronous part of the story.
pub(crate) enum BeginOutcome {
    Answered,
    /// Answered; the handler is to run behind the answer.
    Refresh(Box<BackgroundRefresh>),
    Forward(PendingRequest),
}

/// Admits `request`, writes its key (`parts` adds those of the arguments) and looks it up.
///
/// An answer is put into `answer`: it is large, and each function that handed it back would move it.
pub(crate) fn begin(
    place: &CachedRoute,
    request: &HttpRequest,
    sent: &RequestBody,
    parts: &mut dyn FnMut(&mut KeyWriter),
    answer: &mut Option<HttpResponse>,
) -> BeginOutcome {
    let (site, cache) = (&place.site, place.cache(request));
    let shared = cache.shared();
    let looked = admitted(&site.config, request, sent, shared).and_then(|admitted| {
        let asked = Lookup {
            site,
            shared,
            request,
            admitted,
            data: DataSet::default(),
            target_is_key: false,
            answer,
        };
        look_up(asked, sent, parts)
    });
    match looked {
        Ok(LookupOutcome::Answered) => BeginOutcome::Answered,
        Ok(LookupOutcome::Refresh(refresh)) => {
            let station = station(site, &cache);
            let (miss, permit, place) = *refresh;
            BeginOutcome::Refresh(Box::new(BackgroundRefresh {
                station,
                miss,
                permit,
                place,
            }))
        }
        Ok(LookupOutcome::Lead(lead)) => {
            report(site, shared, Event::Forward(lead.0.forward));
            BeginOutcome::Forward(arrival(site, &cache, request, Next::Lead(lead)))
        }
        Ok(LookupOutcome::Miss(miss)) => {
            report(site, shared, Event::Forward(miss.forward));
            BeginOutcome::Forward(arrival(site, &cache, request, Next::Miss(miss)))
        }
        Err(why) => {
            let word = site.config.as_str(why, request.headers());
            report_as(site, shared, Event::Bypass(why), Some(&word));
            BeginOutcome::Forward(arrival(site, &cache, request, Next::Bypass(why)))
        }
    }
}

fn arrival(
    site: &RouteRef,
    cache: &ResponseCache,
    request: &HttpRequest,
    way: Next,
) -> PendingRequest {
    // What is looked for in a remote store is noted when that is asked for something new.
    let looks =
        matches!(&way, Next::Miss(miss) if !miss.live && miss.admitted.flight == FlightRole::Lead);
    if cache.shared().remote.is_none() || !looks {
        cache.shared().routes.note(site, request);
    }
    let station = station(site, cache);
    PendingRequest { station, way }
}

fn station(site: &RouteRef, cache: &ResponseCache) -> RouteContext {
    RouteContext {
        site: site.clone(),
        cache: cache.clone(),
    }
}

thread_local! {
    /// The buffer that keys are written into, kept from request to request.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

fn look_up(
    mut asked: Lookup<'_>,
    sent: &RequestBody,
    parts: &mut dyn FnMut(&mut KeyWriter),
) -> Result<LookupOutcome, Bypass> {
    let data = asked.shared.data_sets.of(asked.site, asked.request);
    asked.data = data.ok_or(Bypass::Key)?;
    // The buffer is taken when something is written: a hit may do without.
    let buffer = if asked.site.has_parts() {
        BUFFER.take()
    } else {
        Vec::new()
    };
    let mut key = KeyWriter::reuse(buffer);
    parts(&mut key);
    asked.target_is_key = key.is_untouched()
        && asked.data.is_unwritten()
        && request_key::target_is_key(&asked.site.config, asked.request, sent);
    if let Some(answered) = asked.known() {
        give_back(key);
        return Ok(answered);
    }
    if key.is_untouched() {
        give_back(key);
        key = KeyWriter::reuse(BUFFER.take());
    }
    let has_parts = !key.as_bytes().is_empty();
    let looked = asked.look_up(sent, &mut key);
    give_back(key);
    if has_parts && !matches!(looked, Ok(LookupOutcome::Answered)) {
        asked.site.note_parts();
    }
    looked
}

fn give_back(key: KeyWriter) {
    let buffer = key.into_buffer();
    if (1..=2 * LONGEST_KEY).contains(&buffer.capacity()) {
        BUFFER.set(buffer);
    }
}

/// Whether the route's `unless` says so.
fn is_unwanted(config: &RouteConfig, request: &HttpRequest) -> bool {
    config.policy.unless.is_some_and(|unless| unless(request))
}

pub(crate) fn admitted(
    config: &RouteConfig,
    request: &HttpRequest,
    sent: &RequestBody,
    shared: &Inner,
) -> Result<Admitted, Bypass> {
    // A flag that the handler cannot see is looked for when the key is written.
    let asks_here = !config.every_get && config.query.flag().is_none() && may_ask(config, request);
    let asked = RequestFacts {
        method: request.method(),
        headers: request.headers(),
        query: if asks_here {
            request.uri().query()
        } else {
            None
        },
        unkeyed_body: matches!(sent, RequestBody::Unkeyed),
    };
    match admit(config, &asked) {
        // What this request changes is invalidated all the same: others are not switched off.
        Admission::Bypass(Bypass::Method) => Err(Bypass::Method),
        _ if shared.is_off() => Err(Bypass::Off),
        Admission::Bypass(why) => Err(why),
        Admission::Lookup(_) if matches!(sent, RequestBody::TooLarge) => Err(Bypass::BodyTooLarge),
        Admission::Lookup(_) if !config.every_get && is_unwanted(config, request) => {
            Err(Bypass::Unless)
        }
        Admission::Lookup(admitted) => Ok(admitted),
    }
}

impl RequestContext {
    /// What lies in memory for it, under the names that are known by now.
    pub(crate) fn lies_there(&self, miss: &mut Miss) -> Found {
        let handler = self.station.site.handler;
        let shared = self.station.shared();
        if shared.memory.is_disabled() {
            // The names that select a variant are learnt elsewhere.
            return Found::Nothing;
        }
        let mut key = KeyWriter::resume(miss.base.as_bytes());
        let found = variants::find(&shared.memory, handler, &mut key, &self.request);
        miss.flight = KeyRef::new(handler, key.as_bytes()).to_key();
        found
    }

    /// Looks up once more, under the names that are known by now.
    pub(crate) fn look_again(&self, miss: &mut Miss) -> Reuse {
        let shared = self.station.shared();
        let found = self.lies_there(miss);
        let looked = freshness(shared, found, &miss.admitted, shared.now());
        let looked = looked.where_it_leads(leads(&miss.admitted, &self.request));
        if let Reuse::Miss(_, previous) = &looked {
            miss.previous.clone_from(previous);
        }
        looked
    }

    /// Looks once more when the lead is won, since whoever led before may have landed in between:
    /// gives the permit back where a run is needed still, and else what answers.
    pub(crate) fn still_needed(
        &self,
        miss: &mut Miss,
        permit: Permit,
    ) -> Result<Permit, (Arc<StoredResponse>, Staleness)> {
        match self.look_again(miss) {
            Reuse::Miss(..) => Ok(permit),
            Reuse::Refresh(..) if miss.refreshes() => Ok(permit),
            Reuse::Refresh(stored, stage) => Err((stored, stage)),
            Reuse::Fresh(stored, stage) => {
                // Whether a stale one will do, each who waits must see for itself.
                if !stage.is_stale() {
                    permit.land(Landing::Stored(stored.clone()));
                }
                Err((stored, stage))
            }
        }
    }

    /// Answers from a response that has come to lie there meanwhile.
    pub(crate) fn hit(&self, stored: &StoredResponse, stage: Staleness) -> HttpResponse {
        let shared = self.station.shared();
        let how = HitKind::hit(stage, shared.now());
        hit(&self.station.site, shared, stored, &self.request, how)
    }
}
