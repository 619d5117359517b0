//! A run whose response is there: storing it, and landing.

use crate::{
    context::control::RunContext,
    engine::{
        context::{Miss, RequestContext, RouteContext},
        fence::{Fence, Validated},
        stale_fallback::StaleFallback,
        upstream::RequestSnapshot,
    },
    entry::{StoredResponse, deadlines::Times, head_style::Style, remote_state::VerifiedAt},
    http::{
        content_coding::{self, Codings},
        fields::lines,
        freshness::Freshness,
        storable::{MAX_VARY_NAMES, Storable},
    },
    invalidation::generation::Validity,
    key::vary::{self, Selector},
    memory::variants::{self, StoreOutcome},
    metrics::{counters::Event, reason::Skip},
    policy::candidate::ResponseView,
    remote::write::NewEntry,
    response::headers,
    route::config::RouteConfig,
    single_flight::responses::{Landing, Permits},
    time::moment::Timestamp,
    util::local_task::LocalBoxFuture,
};
use actix_web::{
    HttpResponse,
    body::BodySize,
    http::header::{self, HeaderMap},
    web::Bytes,
};
use std::{sync::Arc, time::Duration};

/// A run whose response is there.
pub(crate) struct Flight {
    /// Dropped before those are told who wait: they find it at rest.
    pub(crate) at_hand: Option<StaleFallback>,
    /// What the run has made tells of a failure.
    pub(crate) failed: bool,
    /// What it has made is the stored response, which it has found unchanged.
    pub(crate) unchanged: bool,
    /// What it has made tells of what is stored, and not of this request alone.
    pub(crate) of_what_is_stored: bool,
    pub(crate) visit: RequestContext,
    pub(crate) miss: Miss,
    pub(crate) permits: Permits,
    pub(crate) control: Arc<RunContext>,
    pub(crate) exposed: Option<RequestSnapshot>,
    pub(crate) fence: Fence,
    pub(crate) number: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) delay: Duration,
    pub(crate) style: Style,
}

impl Flight {
    /// Over when a copy that no client waits for has taken its time.
    pub(crate) fn limit(&self) -> LocalBoxFuture<()> {
        let cache = self.visit.station.cache.clone();
        Box::pin(async move {
            let shared = cache.shared();
            shared.clock.sleep(shared.limits.coalesce_for).await;
        })
    }

    pub(crate) fn max_body_bytes(&self) -> usize {
        let limits = &self.visit.station.shared().limits;
        self.config()
            .policy
            .max_body_bytes
            .unwrap_or(limits.max_body_bytes)
    }

    /// Stores a complete response, unless the handler, the route or a limit is against it.
    pub(crate) fn store(
        &self,
        storable: &Storable,
        candidate: &ResponseView<'_>,
        body: &Bytes,
    ) -> Result<StoreOutcome, Skip> {
        let freshness = self.permitted(storable, Some(body.len() as u64))?;
        self.wanted(candidate)?;
        let names = self.names(storable)?;
        let station = &self.visit.station;
        let times = Times::of(&station.stale_rules(), &storable.directives, freshness);
        let tags = self.control.last_tags();
        let Validated { snapshot, named } =
            self.fence
                .pass(&station.shared().generations, &tags, self.unchanged)?;
        let response = StoredResponse {
            style: self.style.clone(),
            codings: self.tried(candidate.headers(), &names),
            created_at: self.created_at,
            lifetime: times.lifetime,
            refresh_at: self.created_at.after(times.refresh_after),
            windows: times.windows,
            initial_age: freshness.age,
            run: self.number,
            // Arguments may be as old as the look-up.
            verified_at: VerifiedAt::at(self.miss.arrived.min(self.created_at.before(self.delay))),
            snapshot,
            tag_snapshot: named,
            ..headers::stored(
                self.config(),
                storable,
                candidate.status(),
                candidate.headers(),
                body,
            )
        };
        Ok(variants::store(
            &self.visit.station.shared().memory,
            &self.miss.base,
            &self.visit.request,
            &names,
            response,
        ))
    }

    /// What the response is selected by, where the request has it still.
    fn names(&self, storable: &Storable) -> Result<Vec<Selector>, Skip> {
        let request = &self.visit.request;
        // The variant is selected by what the request says now.
        if !self.control.is_as_read(request) {
            return Err(Skip::Changed);
        }
        let names = headers::names(storable, &self.control.names_read());
        if let Some(exposed) = &self.exposed
            && !exposed.is_like(request, &names)
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

    /// The codings that a response is known to be the same for, coded or not. A middleware inside that
    /// compresses says so in `Vary` only where it has: for a client that takes no coding it has not.
    fn tried(&self, headers: &HeaderMap, names: &[Selector]) -> Codings {
        let asked = &header::ACCEPT_ENCODING;
        let selects = |name: &Selector| matches!(name, Selector::Header(name) if name == asked);
        let is_told = headers.contains_key(&header::CONTENT_ENCODING)
            || self.config().vary.contains(asked)
            || names.iter().any(selects);
        match &self.exposed {
            Some(exposed) if !is_told => content_coding::accepted(lines(exposed.headers(), asked)),
            _ => Codings::ALL,
        }
    }

    /// The lifetime of a response that nobody is against, and its age. `length` is that of its body,
    /// where it is known.
    fn permitted(&self, storable: &Storable, length: Option<u64>) -> Result<Freshness, Skip> {
        if let Some(why) = self.control.refusal() {
            return Err(why);
        }
        let default_ttl = self.visit.station.shared().limits.timeout;
        let ttl = || self.config().policy.timeout.resolve(default_ttl);
        let Some(freshness) = storable.freshness(self.control.timeout(), ttl) else {
            return Err(Skip::Timeout);
        };
        if length.is_some_and(|length| length > self.max_body_bytes() as u64) {
            return Err(Skip::TooLarge);
        }
        Ok(freshness)
    }

    /// The route's word on a complete response.
    fn wanted(&self, candidate: &ResponseView<'_>) -> Result<(), Skip> {
        match &self.config().policy.store_if {
            Some(store_if) if !store_if(candidate) => Err(Skip::StoreIf),
            _ => Ok(()),
        }
    }

    /// Why a stream is not stored, where its head and what the handler has said by now tell. What is
    /// said later cannot take it back: the head is gone, and whoever has waited with it.
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
        self.permitted(storable, length)?;
        self.names(storable)?;
        match &self.config().policy.store_if {
            Some(store_if) if ResponseView::head(status, headers).is_refused_by(&**store_if) => {
                Err(Skip::StoreIf)
            }
            _ => Ok(()),
        }
    }

    fn config(&self) -> &RouteConfig {
        &self.visit.station.site.config
    }

    /// Whether a stale response may stand in for what the run has made.
    pub(crate) fn is_stood_in(&self) -> bool {
        self.at_hand
            .as_ref()
            .is_some_and(StaleFallback::is_usable_as_fallback)
    }

    /// Lands with a failure, and answers with the stale response that stands in for it.
    pub(crate) fn stand_in(mut self, why: Skip, response: HttpResponse) -> HttpResponse {
        let stale = self.at_hand.as_mut().and_then(|at_hand| {
            at_hand.rest();
            // A service was asked with conditions that its client has not.
            let exposed = self.exposed.as_ref();
            let request = Some(&self.visit.request)
                .filter(|request| exposed.is_none_or(|exposed| exposed.asks_like(request)));
            at_hand.stand_in(request, &self.miss, Some(response.status()))
        });
        let Some(stale) = stale else {
            // It was invalidated in this very moment.
            return self.skip(why, response);
        };
        let Self {
            visit,
            miss,
            permits,
            ..
        } = self;
        landed(&visit.station, &miss, permits, RunOutcome::StoodIn(why));
        stale
    }

    pub(crate) fn landed(mut self, stored: Result<StoreOutcome, Skip>) {
        if let Some(at_hand) = &mut self.at_hand {
            match &stored {
                _ if self.failed => at_hand.rest(),
                Err(Skip::Incomplete | Skip::Failed) => at_hand.rest(),
                Err(why) if self.of_what_is_stored && why.outdates() => at_hand.forget(&self.miss),
                _ => at_hand.settle(),
            }
        }
        self.send(&stored);
        let ending = match stored {
            Ok(put) => RunOutcome::Put(put),
            Err(why) => RunOutcome::NotStored(why),
        };
        landed(&self.visit.station, &self.miss, self.permits, ending);
    }
}

/// How a run ended.
pub(crate) enum RunOutcome {
    Put(StoreOutcome),
    NotStored(Skip),
    /// A stale response has answered in its place, and will answer those who wait.
    StoodIn(Skip),
}

/// Tells everyone who waits, the counters and the markers how a run ended.
pub(crate) fn landed(station: &RouteContext, miss: &Miss, permits: Permits, ending: RunOutcome) {
    let shared = station.shared();
    let landing = match ending {
        RunOutcome::Put(StoreOutcome::Stored(stored)) => {
            station.report(Event::Stored);
            let landing = shareable(stored);
            match &landing {
                Landing::NotStored(why) => {
                    shared.hit_for_pass.note(&miss.flight, *why, shared.now());
                }
                _ => shared.hit_for_pass.clear(&miss.flight),
            }
            landing
        }
        RunOutcome::Put(StoreOutcome::Superseded(made)) => {
            station.report(Event::Skip(Skip::Superseded));
            shareable(made)
        }
        RunOutcome::StoodIn(why) => {
            station.report(Event::Skip(why));
            Landing::Failed
        }
        RunOutcome::NotStored(why) => {
            station.report(Event::Skip(why));
            shared.hit_for_pass.note(&miss.flight, why, shared.now());
            match why {
                Skip::Incomplete | Skip::Invalidated | Skip::RunTimeout | Skip::Panic => {
                    Landing::Failed
                }
                why => Landing::NotStored(why),
            }
        }
    };
    permits.land(&landing);
}

/// How a response lands that is stored or could be: what is only kept to be validated is not for
/// those who waited for it.
fn shareable(made: Arc<StoredResponse>) -> Landing {
    if made.is_stale_on_arrival() {
        Landing::NotStored(Skip::Expired)
    } else if made.tag_snapshot.validity() == Validity::Current {
        Landing::Stored(made)
    } else {
        // Nobody could know of the tag when they joined: some may have come after it was raised.
        Landing::Failed
    }
}

impl Flight {
    /// Whether a response that was stored is kept anywhere: in memory, or in the remote store, where it is
    /// on its way to.
    pub(crate) fn is_kept(&self, stored: &StoredResponse) -> bool {
        let is_in_memory = !self.visit.station.shared().memory.is_disabled();
        is_in_memory || self.goes_abroad(stored)
    }

    fn goes_abroad(&self, stored: &StoredResponse) -> bool {
        let Some(dispatch) = &self.miss.abroad.dispatch else {
            return false;
        };
        let tags = self.control.last_tags();
        // The tags of the one that it is again were told under another run.
        if self.unchanged && stored.tag_snapshot.seen().len() > tags.len() {
            return false;
        }
        // What was read before the nonces were may be older than they are.
        let extracts_first = self.visit.station.site.config.extracts_before_lookup();
        let known = self.miss.abroad.known.as_deref();
        dispatch.has_stripes_of(&tags) && (!extracts_first || dispatch.has_nonces(known))
    }

    /// Sends what was stored to the remote store as well.
    pub(crate) fn send(&mut self, stored: &Result<StoreOutcome, Skip>) {
        let kept = match stored {
            Ok(StoreOutcome::Stored(stored)) => Some(stored.clone()),
            _ => None,
        };
        let kept = kept.filter(|stored| self.goes_abroad(stored));
        let Some(dispatch) = self.miss.abroad.dispatch.take() else {
            return;
        };
        if let Err(why) = stored {
            return dispatch.not_stored(*why);
        }
        let tags = self.control.last_tags();
        if !tags.is_empty() {
            self.visit.station.site.note_tags();
        }
        let Some(stored) = kept else {
            return;
        };
        let made = NewEntry {
            stored,
            request: Some(&self.visit.request),
            tags,
        };
        dispatch.enqueue(made);
    }
}
