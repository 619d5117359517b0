//! A request arrives: it is admitted, gets its key, and is looked up.

use crate::{
    cache::{
        Inner, ResponseCache,
        app_data::DataSet,
        cached_route::CachedRoute,
        report::{report, report_as},
    },
    engine::{
        background_refresh::BackgroundRefresh,
        context::RouteContext,
        lookup::{LONGEST_KEY, Lookup, LookupOutcome, Miss, may_ask},
    },
    key::KeyWriter,
    metrics::{counters::Event, reason::Bypass},
    route::{
        RouteRef,
        admission::{Admission, Admitted, FlightRole, RequestFacts, admit},
        config::RouteConfig,
        request_key::{self, RequestBody},
    },
    single_flight::responses::Permit,
};
use actix_web::{HttpRequest, HttpResponse};
use std::cell::Cell;

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
    let data = asked.shared.data.of(asked.site, asked.request);
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
