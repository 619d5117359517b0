//! A look-up: what lies there for a request, and whether it may answer.

use crate::{
    cache::{Inner, app_data::DataSet, report::report},
    engine::{
        remote_state::RemoteState,
        reuse::{Reuse, freshness, is_quiet},
    },
    entry::{StoredResponse, staleness::Staleness},
    invalidation::generations::{Target, raises},
    key::{Key, KeyRef, KeyWriter, Refused, inserted::InsertedParts},
    memory::variants,
    metrics::{
        counters::Event,
        reason::{Bypass, ForwardReason, RunReason},
    },
    response::reuse::{self, HitKind},
    route::{
        Route, RouteRef,
        admission::{Admitted, FlightRole},
        config::RouteConfig,
        key_memo,
        request_key::{self, RequestBody},
    },
    single_flight::responses::{Due, Permit},
    time::moment::Timestamp,
    util::local_task::DetachedPermit,
};
use actix_web::{HttpRequest, HttpResponse};
use std::sync::Arc;

/// Keys over this length, a body left out that has a limit of its own, are not worth keeping.
pub(crate) const LONGEST_KEY: usize = 8 << 10;

/// What a look-up that found nothing to reuse leaves behind.
#[derive(Debug)]
pub(crate) struct Miss {
    pub(crate) admitted: Admitted,
    /// `?nocache=1`: no stored response will do.
    pub(crate) live: bool,
    /// The key before names that are learnt from a run.
    pub(crate) base: Key,
    /// The key under which others wait for the same response.
    pub(crate) flight: Key,
    pub(crate) forward: ForwardReason,
    /// What lies there, and does not answer: a run may validate it in place of making another, or
    /// fail and be stood in for.
    pub(crate) previous: Option<Arc<StoredResponse>>,
    /// The client has its answer: the run goes on behind it.
    pub(crate) behind: bool,
    /// The client waits for the refresh of what would answer it otherwise.
    pub(crate) waits: bool,
    /// How often anything was invalidated before arguments of the run were extracted.
    pub(crate) extracted: Option<u64>,
    /// When it was looked up.
    pub(crate) arrived: Timestamp,
    pub(crate) abroad: RemoteState,
}

impl Miss {
    /// Whether its client takes a stale response where the run fails.
    pub(crate) fn puts_up_with_stale(&self) -> bool {
        let directives = self.admitted.directives.as_ref();
        !self.live && directives.is_none_or(|directives| !directives.limits_age())
    }

    /// Whether its client wants a stored response alone.
    pub(crate) fn wants_only_stored(&self) -> bool {
        let directives = self.admitted.directives.as_ref();
        directives.is_some_and(|directives| directives.only_if_cached)
    }

    /// Notes whether its arguments are older than an invalidation. To be asked when the run has a
    /// stamp: what is invalidated later is seen by its name.
    pub(crate) fn stamped(&mut self) {
        if let Some(before) = self.extracted
            && before == raises()
        {
            self.extracted = None;
        }
    }

    /// Whether its arguments may be older than an invalidation.
    pub(crate) fn is_outdated(&self) -> bool {
        self.extracted.is_some_and(|before| before != raises())
    }

    /// Whether its run refreshes what would answer it.
    pub(crate) fn refreshes(&self) -> bool {
        self.behind || self.waits
    }

    /// What is known of the same request, without what only its run needs.
    pub(crate) fn twin(&self) -> Self {
        Self {
            admitted: self.admitted.clone(),
            live: self.live,
            base: self.base.clone(),
            flight: self.flight.clone(),
            forward: self.forward,
            previous: None,
            behind: self.behind,
            waits: self.waits,
            extracted: None,
            arrived: self.arrived,
            abroad: RemoteState::default(),
        }
    }

    /// The same for the run that refreshes `stored`.
    pub(crate) fn refreshing(self, stored: Arc<StoredResponse>, behind: bool) -> Self {
        Self {
            forward: ForwardReason::Stale,
            previous: Some(stored),
            behind,
            waits: !behind,
            ..self
        }
    }

    /// Why the handler runs.
    pub(crate) fn reason(&self) -> RunReason {
        if self.behind {
            RunReason::Refresh
        } else if self.live {
            RunReason::Live
        } else if self.previous.is_some() {
            RunReason::Stale
        } else {
            RunReason::Miss
        }
    }
}

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
            self.shared.shelf.find(key, |stored| {
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
        let found = variants::find(&self.shared.shelf, self.site.handler, key, self.request);
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
            let boarding = self.shared.boarding(Target::Response {
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
