//! A look-up: what lies there for a request, and whether it may answer.

use crate::{
    ground::{clock::Moment, stored::StoredResponse},
    judgement::{
        admit::{Admitted, Reuse},
        key::{Key, KeyRef, KeyWriter, Refused},
        lifetime::Freshness,
        reason::{Bypass, Forward},
        terms::Terms,
        wishes::Wishes,
    },
    machinery::{
        answer::{self, How},
        cache::Shared,
        counters::Event,
        keying::{self, Sent},
        report::report,
        site::{Site, SiteRef},
        variants::{self, Found},
        written,
    },
};
use actix_web::{HttpRequest, HttpResponse, http::StatusCode};
use std::sync::Arc;

/// Keys over this length, a body left out that has a limit of its own, are not worth keeping.
pub(super) const LONGEST_KEY: usize = 8 << 10;

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
    /// What the run may validate in place of making another.
    pub(crate) previous: Option<Arc<StoredResponse>>,
}

pub(super) enum Looked {
    Answered(HttpResponse),
    // Boxed, so that a hit is not moved about in the room of a miss.
    Miss(Box<Miss>),
}

/// A request that was admitted.
pub(super) struct Asking<'a> {
    pub(super) site: &'a SiteRef,
    pub(super) shared: &'a Shared,
    pub(super) request: &'a HttpRequest,
    pub(super) admitted: Admitted,
    /// Its target is all that is in its key.
    pub(super) says_all: bool,
}

impl Asking<'_> {
    /// The answer from a response at hand, where the key need not be written for it.
    pub(super) fn known(&self) -> Option<HttpResponse> {
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

    pub(super) fn look_up(&self, sent: &Sent, key: &mut KeyWriter) -> Result<Looked, Bypass> {
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
        let (forward, previous) = match freshness(found, &self.admitted, now) {
            Lookup::Fresh(stored) if live => (Forward::Request, validatable(stored)),
            Lookup::Miss(_, previous) if live => (Forward::Request, previous),
            Lookup::Fresh(stored) => {
                if self.says_all && !flagged && key.len() == base {
                    let key = KeyRef::new(self.site.handler, key.as_bytes());
                    written::note(self.site, self.request, &key);
                }
                return Looked::Answered(hit(self.site, self.shared, &stored, self.request, now));
            }
            Lookup::Miss(forward, previous) => (forward, previous),
        };
        if let Some(Wishes {
            only_if_cached: true,
            ..
        }) = self.admitted.wishes
        {
            report(self.site, self.shared, Event::OnlyIfCached);
            return Looked::Answered(answer::only_if_cached());
        }
        let miss = Miss {
            forward,
            previous,
            ..self.miss(key, base, live)
        };
        Looked::Miss(Box::new(miss))
    }

    fn miss(&self, key: &KeyWriter, base: usize, live: bool) -> Miss {
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
            forward: Forward::UriMiss,
            previous: None,
        }
    }
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

/// What a look-up comes to.
#[derive(Debug)]
pub(crate) enum Lookup {
    /// It may answer: it is fresh, or the client puts up with its being stale.
    Fresh(Arc<StoredResponse>),
    /// Nothing may. There may be something that can be validated.
    Miss(Forward, Option<Arc<StoredResponse>>),
}

/// Whether a stored response may answer a request now.
fn is_fresh(stored: &StoredResponse, reuse: Reuse, now: Moment) -> bool {
    stored.is_current() && (reuse == Reuse::Any || stored.open) && now < stored.deadline()
}

pub(crate) fn freshness(found: Found, admitted: &Admitted, now: Moment) -> Lookup {
    match found {
        Found::NoVariant => Lookup::Miss(Forward::VaryMiss, None),
        Found::Response(stored) if !stored.is_current() => Lookup::Miss(Forward::UriMiss, None),
        Found::Response(stored) if admitted.reuse == Reuse::Open && !stored.open => {
            Lookup::Miss(Forward::Bypass, None)
        }
        Found::Response(stored) if now < stored.deadline() => match admitted.wishes {
            Some(wishes) if !accepts(&wishes, &stored, now) => {
                Lookup::Miss(Forward::Request, validatable(stored))
            }
            _ => Lookup::Fresh(stored),
        },
        Found::Response(stored) if answer::is_kept(&stored, now) => match admitted.wishes {
            Some(wishes) if accepts(&wishes, &stored, now) => Lookup::Fresh(stored),
            _ => Lookup::Miss(Forward::Stale, validatable(stored)),
        },
        Found::Response(_) | Found::Nothing => Lookup::Miss(Forward::UriMiss, None),
    }
}

fn validatable(stored: Arc<StoredResponse>) -> Option<Arc<StoredResponse>> {
    stored.can_be_validated().then_some(stored)
}

/// Whether a stored response is to a client's wishes.
pub(crate) fn accepts(wishes: &Wishes, stored: &StoredResponse, now: Moment) -> bool {
    let freshness = Freshness {
        lifetime: stored.lifetime,
        age: stored.age(now),
    };
    wishes.accept(freshness, stored.never_stale)
}

pub(super) fn hit(
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
pub(super) fn may_ask(terms: &Terms, request: &HttpRequest) -> bool {
    let only_if = terms.policy.nocache.only_if;
    only_if.is_none_or(|only_if| only_if(request))
}
