//! A request arrives: it is admitted, gets its key, and is looked up.

use crate::{
    ground::{clock::Moment, stored::StoredResponse},
    judgement::{
        admit::{Admission, Admitted, Asked, Reuse, admit},
        key::{Key, KeyRef, KeyWriter, Refused},
        lifetime::Freshness,
        reason::{Bypass, Forward},
        terms::Terms,
        wishes::Wishes,
    },
    machinery::{
        answer::{self, How},
        cache::{ResponseCache, Shared},
        counters::Event,
        defaults,
        generations::Target,
        keying::{self, Sent},
        place::Place,
        report::{report, report_as},
        site::{Site, SiteRef},
        variants::{self, Found},
        written,
    },
};
use actix_web::{HttpRequest, HttpResponse, http::StatusCode};
use std::{cell::Cell, sync::Arc};

/// Keys over this length, a body left out that has a limit of its own, are not worth keeping.
const LONGEST_KEY: usize = 8 << 10;

/// A request that goes on to its handler.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) station: Station,
    pub(crate) way: Way,
}

/// Who is asked.
#[derive(Clone, Debug)]
pub(crate) struct Station {
    pub(crate) site: SiteRef,
    pub(crate) cache: ResponseCache,
}

/// Who asks whom.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) station: Station,
    /// Given up to the run: a service behind a middleware must be its only owner.
    pub(crate) request: HttpRequest,
}

/// How it goes on.
#[derive(Debug)]
pub(crate) enum Way {
    Bypass(Bypass),
    Miss(Miss),
}

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
    pub(crate) forward: Forward,
}

/// The first, synchronous part of the story.
pub(crate) enum Begin {
    Answered(HttpResponse),
    Forward(Box<Arrival>),
}

/// Admits `request`, writes its key (`parts` adds those of the arguments) and looks it up.
pub(crate) fn begin(
    place: &Place,
    request: &HttpRequest,
    sent: &Sent,
    parts: &mut dyn FnMut(&mut KeyWriter),
) -> Begin {
    let site = &place.site;
    place.with_cache(request, |cache| {
        match look_up(site, cache.shared(), request, sent, parts) {
            Ok(Looked::Answered(response)) => Begin::Answered(response),
            Ok(Looked::Miss(miss)) => {
                report(site, cache.shared(), Event::Forward(miss.forward));
                Begin::Forward(Box::new(arrival(site, cache, request, Way::Miss(*miss))))
            }
            Err(why) => {
                let word = site.terms.word(why, request.headers());
                report_as(site, cache.shared(), Event::Bypass(why), Some(&word));
                Begin::Forward(Box::new(arrival(site, cache, request, Way::Bypass(why))))
            }
        }
    })
}

fn arrival(site: &SiteRef, cache: &ResponseCache, request: &HttpRequest, way: Way) -> Arrival {
    cache.shared().routes.note(site, request);
    let station = Station {
        site: site.clone(),
        cache: cache.clone(),
    };
    Arrival { station, way }
}

enum Looked {
    Answered(HttpResponse),
    // Boxed, so that a hit is not moved about in the room of a miss.
    Miss(Box<Miss>),
}

thread_local! {
    /// The buffer that keys are written into, kept from request to request.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

fn look_up(
    site: &SiteRef,
    shared: &Shared,
    request: &HttpRequest,
    sent: &Sent,
    parts: &mut dyn FnMut(&mut KeyWriter),
) -> Result<Looked, Bypass> {
    let admitted = admitted(&site.terms, request, sent)?;
    let mut key = KeyWriter::reuse(BUFFER.take());
    parts(&mut key);
    let asked = Asking {
        site,
        shared,
        request,
        admitted,
        says_all: key.is_untouched() && keying::says_all(&site.terms, request, sent),
    };
    let has_parts = !key.as_bytes().is_empty();
    let looked = match asked.known() {
        Some(response) => Ok(Looked::Answered(response)),
        None => asked.look_up(sent, &mut key),
    };
    let buffer = key.into_buffer();
    if buffer.capacity() <= 2 * LONGEST_KEY {
        BUFFER.set(buffer);
    }
    if has_parts && !matches!(looked, Ok(Looked::Answered(_))) {
        site.note_parts();
    }
    looked
}

/// Why there is no key after all.
fn refused(key: &KeyWriter, sent: &Sent) -> Option<Bypass> {
    let body = if let Sent::Keyed(body) = sent {
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

/// A request that was admitted.
struct Asking<'a> {
    site: &'a SiteRef,
    shared: &'a Shared,
    request: &'a HttpRequest,
    admitted: Admitted,
    /// Its target is all that is in its key.
    says_all: bool,
}

impl Asking<'_> {
    /// The answer from a response at hand, where the key need not be written for it.
    fn known(&self) -> Option<HttpResponse> {
        if !self.says_all || self.admitted.wishes.is_some() {
            return None;
        }
        written::find(self.site, self.request, |key| {
            self.shared.shelf.at_hand(key, |stored| {
                let now = self.shared.now();
                is_fresh(stored, self.admitted.reuse, now)
                    .then(|| hit(self.site, self.shared, stored, self.request, now))
            })
        })
    }

    fn look_up(&self, sent: &Sent, key: &mut KeyWriter) -> Result<Looked, Bypass> {
        let terms = &self.site.terms;
        let flagged = keying::write(terms, self.request, sent, key);
        match refused(key, sent) {
            None => Ok(self.keyed(flagged, key)),
            Some(why) => Err(why),
        }
    }

    fn keyed(&self, flagged: bool, key: &mut KeyWriter) -> Looked {
        let base = key.len();
        let found = variants::find(&self.shared.shelf, self.site.handler, key, self.request);
        let live = is_live(&self.site.terms, self.request, flagged, &self.admitted);
        let now = self.shared.now();
        let forward = match freshness(found, &self.admitted, now) {
            _ if live => Forward::Request,
            Lookup::Fresh(stored) => {
                if self.says_all && !flagged && key.len() == base {
                    let key = KeyRef::new(self.site.handler, key.as_bytes());
                    written::note(self.site, self.request, &key);
                }
                return Looked::Answered(hit(self.site, self.shared, &stored, self.request, now));
            }
            Lookup::Miss(forward) => forward,
        };
        if let Some(Wishes {
            only_if_cached: true,
            ..
        }) = self.admitted.wishes
        {
            report(self.site, self.shared, Event::OnlyIfCached);
            return Looked::Answered(answer::only_if_cached());
        }
        Looked::Miss(Box::new(self.miss(key, base, live, forward)))
    }

    fn miss(&self, key: &KeyWriter, base: usize, live: bool, forward: Forward) -> Miss {
        let flight = KeyRef::new(self.site.handler, key.as_bytes()).to_key();
        let base = if key.len() == base {
            flight.clone()
        } else {
            KeyRef::new(self.site.handler, &key.as_bytes()[..base]).to_key()
        };
        Miss {
            admitted: self.admitted,
            live,
            base,
            flight,
            forward,
        }
    }
}

/// What a look-up comes to.
#[derive(Debug)]
pub(crate) enum Lookup {
    /// It may answer: it is fresh, or the client puts up with its being stale.
    Fresh(Arc<StoredResponse>),
    Miss(Forward),
}

/// Whether a stored response may answer a request now.
fn is_fresh(stored: &StoredResponse, reuse: Reuse, now: Moment) -> bool {
    stored.is_current() && (reuse == Reuse::Any || stored.open) && now < stored.deadline()
}

pub(crate) fn freshness(found: Found, admitted: &Admitted, now: Moment) -> Lookup {
    match found {
        Found::NoVariant => Lookup::Miss(Forward::VaryMiss),
        Found::Response(stored) if !stored.is_current() => Lookup::Miss(Forward::UriMiss),
        Found::Response(stored) if admitted.reuse == Reuse::Open && !stored.open => {
            Lookup::Miss(Forward::Bypass)
        }
        Found::Response(stored) if now < stored.deadline() => match admitted.wishes {
            Some(wishes) if !accepts(&wishes, &stored, now) => Lookup::Miss(Forward::Request),
            _ => Lookup::Fresh(stored),
        },
        Found::Response(stored) if answer::is_kept(&stored, now) => match admitted.wishes {
            Some(wishes) if accepts(&wishes, &stored, now) => Lookup::Fresh(stored),
            _ => Lookup::Miss(Forward::Stale),
        },
        Found::Response(_) | Found::Nothing => Lookup::Miss(Forward::UriMiss),
    }
}

/// Whether a stored response is to a client's wishes.
pub(crate) fn accepts(wishes: &Wishes, stored: &StoredResponse, now: Moment) -> bool {
    let freshness = Freshness {
        lifetime: stored.lifetime,
        age: stored.age(now),
    };
    wishes.accept(freshness, stored.never_stale)
}

impl Station {
    pub(crate) fn shared(&self) -> &Shared {
        self.cache.shared()
    }

    pub(crate) fn report(&self, event: Event) {
        report(&self.site, self.shared(), event);
    }
}

impl Visit {
    /// What of it can be invalidated.
    pub(crate) fn target(&self) -> Target<'_> {
        Target {
            terms: &self.station.site.terms,
            uri: self.request.uri(),
        }
    }

    /// Looks up once more, under the names that are known by now.
    pub(crate) fn look_again(&self, miss: &mut Miss) -> Lookup {
        let shared = self.station.shared();
        let handler = self.station.site.handler;
        let mut key = KeyWriter::resume(miss.base.as_bytes());
        let found = variants::find(&shared.shelf, handler, &mut key, &self.request);
        miss.flight = KeyRef::new(handler, key.as_bytes()).to_key();
        freshness(found, &miss.admitted, shared.now())
    }

    /// Answers from a response that has come to lie there meanwhile.
    pub(crate) fn hit(&self, stored: &StoredResponse) -> HttpResponse {
        let shared = self.station.shared();
        hit(
            &self.station.site,
            shared,
            stored,
            &self.request,
            shared.now(),
        )
    }
}

fn hit(
    site: &Site,
    shared: &Shared,
    stored: &StoredResponse,
    request: &HttpRequest,
    now: Moment,
) -> HttpResponse {
    let response = answer::reuse(stored, request, How::Hit(now));
    let not_modified = response.status() == StatusCode::NOT_MODIFIED;
    report(
        site,
        shared,
        if not_modified {
            Event::NotModified
        } else {
            Event::Hit
        },
    );
    response
}

/// Whether no stored response will do: the request has the flag, and may, or its client wishes so.
pub(crate) fn is_live(
    terms: &Terms,
    request: &HttpRequest,
    flagged: bool,
    admitted: &Admitted,
) -> bool {
    (flagged && may_ask(terms, request)) || admitted.wishes.is_some_and(|wishes| wishes.live)
}

/// Whether the route lets this request ask for a live answer.
fn may_ask(terms: &Terms, request: &HttpRequest) -> bool {
    let only_if = terms.policy.nocache.only_if;
    only_if.is_none_or(|only_if| only_if(request))
}

pub(crate) fn admitted(
    terms: &Terms,
    request: &HttpRequest,
    sent: &Sent,
) -> Result<Admitted, Bypass> {
    if defaults::is_off() {
        return Err(Bypass::Off);
    }
    let asked = Asked {
        method: request.method(),
        headers: request.headers(),
        query: request.uri().query(),
        unkeyed_body: matches!(sent, Sent::Unkeyed),
        may_ask: terms.hidden_flag.is_none() && may_ask(terms, request),
    };
    match admit(terms, &asked) {
        Admission::Bypass(why) => Err(why),
        Admission::Lookup(_) if matches!(sent, Sent::TooLarge) => Err(Bypass::BodyTooLarge),
        Admission::Lookup(_) if terms.policy.unless.is_some_and(|unless| unless(request)) => {
            Err(Bypass::Unless)
        }
        Admission::Lookup(admitted) => Ok(admitted),
    }
}
