//! A request arrives: it is admitted, gets its key, and is looked up.

use crate::{
    cache::{
        ResponseCache, Shared,
        app_data::DataSet,
        cached_route::Place,
        report::{report, report_as},
    },
    engine::{
        background_refresh::Behind,
        context::Station,
        lookup::{Asking, LONGEST_KEY, Looked, Miss, may_ask},
    },
    key::KeyWriter,
    metrics::{counters::Event, reason::Bypass},
    route::{
        SiteRef,
        admission::{Admission, Admitted, Asked, Part, admit},
        config::Terms,
        request_key::{self, Sent},
    },
    single_flight::responses::Permit,
};
use actix_web::{HttpRequest, HttpResponse};
use std::cell::Cell;

/// A request that goes on to its handler.
pub(crate) struct Arrival {
    pub(crate) station: Station,
    pub(crate) way: Way,
}

impl Begin {
    /// Arguments of the run were extracted when anything had been invalidated so often.
    pub(crate) fn extracted(&mut self, raises: u64) {
        match self {
            Self::Answered => {}
            Self::Refresh(behind) => behind.miss.extracted = Some(raises),
            Self::Forward(arrival) => match &mut arrival.way {
                Way::Miss(miss) => miss.extracted = Some(raises),
                Way::Lead(lead) => lead.0.extracted = Some(raises),
                Way::Bypass(_) => {}
            },
        }
    }
}

/// How it goes on.
pub(crate) enum Way {
    Bypass(Bypass),
    // Boxed, so that it is not moved about.
    Miss(Box<Miss>),
    /// It has the lead of a refresh that it waits for.
    Lead(Box<(Miss, Permit)>),
}

/// The first, synchronous part of the story.
pub(crate) enum Begin {
    Answered,
    /// Answered; the handler is to run behind the answer.
    Refresh(Box<Behind>),
    Forward(Arrival),
}

/// Admits `request`, writes its key (`parts` adds those of the arguments) and looks it up.
///
/// An answer is put into `answer`: it is large, and each function that handed it back would move it.
pub(crate) fn begin(
    place: &Place,
    request: &HttpRequest,
    sent: &Sent,
    parts: &mut dyn FnMut(&mut KeyWriter),
    answer: &mut Option<HttpResponse>,
) -> Begin {
    let (site, cache) = (&place.site, place.cache(request));
    let shared = cache.shared();
    let looked = admitted(&site.terms, request, sent, shared).and_then(|admitted| {
        let asked = Asking {
            site,
            shared,
            request,
            admitted,
            data: DataSet::default(),
            says_all: false,
            answer,
        };
        look_up(asked, sent, parts)
    });
    match looked {
        Ok(Looked::Answered) => Begin::Answered,
        Ok(Looked::Refresh(refresh)) => {
            let station = station(site, &cache);
            let (miss, permit, place) = *refresh;
            Begin::Refresh(Box::new(Behind {
                station,
                miss,
                permit,
                place,
            }))
        }
        Ok(Looked::Lead(lead)) => {
            report(site, shared, Event::Forward(lead.0.forward));
            Begin::Forward(arrival(site, &cache, request, Way::Lead(lead)))
        }
        Ok(Looked::Miss(miss)) => {
            report(site, shared, Event::Forward(miss.forward));
            Begin::Forward(arrival(site, &cache, request, Way::Miss(miss)))
        }
        Err(why) => {
            let word = site.terms.word(why, request.headers());
            report_as(site, shared, Event::Bypass(why), Some(&word));
            Begin::Forward(arrival(site, &cache, request, Way::Bypass(why)))
        }
    }
}

fn arrival(site: &SiteRef, cache: &ResponseCache, request: &HttpRequest, way: Way) -> Arrival {
    // What is looked for in a remote store is noted when that is asked for something new.
    let looks = matches!(&way, Way::Miss(miss) if !miss.live && miss.admitted.flight == Part::Lead);
    if cache.shared().remote.is_none() || !looks {
        cache.shared().routes.note(site, request);
    }
    let station = station(site, cache);
    Arrival { station, way }
}

fn station(site: &SiteRef, cache: &ResponseCache) -> Station {
    Station {
        site: site.clone(),
        cache: cache.clone(),
    }
}

thread_local! {
    /// The buffer that keys are written into, kept from request to request.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

fn look_up(
    mut asked: Asking<'_>,
    sent: &Sent,
    parts: &mut dyn FnMut(&mut KeyWriter),
) -> Result<Looked, Bypass> {
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
    asked.says_all = key.is_untouched()
        && asked.data.is_unwritten()
        && request_key::says_all(&asked.site.terms, asked.request, sent);
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
    if has_parts && !matches!(looked, Ok(Looked::Answered)) {
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
fn is_unwanted(terms: &Terms, request: &HttpRequest) -> bool {
    terms.policy.unless.is_some_and(|unless| unless(request))
}

pub(crate) fn admitted(
    terms: &Terms,
    request: &HttpRequest,
    sent: &Sent,
    shared: &Shared,
) -> Result<Admitted, Bypass> {
    // A flag that the handler cannot see is looked for when the key is written.
    let asks_here = !terms.every_get && terms.query.flag().is_none() && may_ask(terms, request);
    let asked = Asked {
        method: request.method(),
        headers: request.headers(),
        query: if asks_here {
            request.uri().query()
        } else {
            None
        },
        unkeyed_body: matches!(sent, Sent::Unkeyed),
    };
    match admit(terms, &asked) {
        // What this request changes is invalidated all the same: others are not switched off.
        Admission::Bypass(Bypass::Method) => Err(Bypass::Method),
        _ if shared.is_off() => Err(Bypass::Off),
        Admission::Bypass(why) => Err(why),
        Admission::Lookup(_) if matches!(sent, Sent::TooLarge) => Err(Bypass::BodyTooLarge),
        Admission::Lookup(_) if !terms.every_get && is_unwanted(terms, request) => {
            Err(Bypass::Unless)
        }
        Admission::Lookup(admitted) => Ok(admitted),
    }
}
