//! One run of the handler: from its start to its landing.

use super::{
    arrival::{Miss, Station, Visit},
    start::{Done, Exposed, Run},
};
use crate::{
    ground::{clock::Moment, generation::Snapshot, selector::Selector, stored::StoredResponse},
    judgement::{
        admit::Reuse,
        candidate::Candidate,
        judge::{MOST_NAMES, Made, Storable, Verdict, judge},
        lifetime::Freshness,
        outdated::Asked,
        reason::{Bypass, Skip},
        selection,
    },
    machinery::{
        answer,
        capture::{self, Copied},
        control::{Control, Scoped},
        counters::Event,
        dress,
        flights::{Landing, Permits},
        invalidation,
        local::LocalBoxFuture,
        status_field,
        variants::{self, Put},
    },
};
use actix_web::{
    HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    http::header::{self, HeaderValue},
    web::Bytes,
};
use std::{sync::Arc, time::Duration};

/// Runs the handler of a request that is not looked up.
pub(crate) async fn bypass(visit: Visit, why: Bypass, run: Run) -> Done {
    // Of the request as it came: a service may change it.
    let asked = (why == Bypass::Method).then(|| asked(&visit.request));
    let Visit { station, request } = visit;
    let word = station.site.terms.word(why, request.headers());
    let control = Control::of(&request);
    let (request, mut response) =
        Scoped::new(control.clone(), run.start(control.clone(), request)).await?;
    if let Some(asked) = asked {
        invalidation::invalidate_after(station.shared(), &asked, response.head());
    }
    dress::vary(
        &station.site.terms,
        &control.names_read(),
        response.headers_mut(),
    );
    response
        .headers_mut()
        .append(status_field::NAME, status_field::bypassed(why, &word));
    Ok((request, response))
}

fn asked(request: &HttpRequest) -> Asked {
    Asked::of(request.method(), request.uri(), request.headers())
}

/// Runs the handler, judges its response, stores it where it may be, and lands.
pub(crate) async fn fly(visit: Visit, miss: Miss, run: Run, permits: Permits) -> Done {
    // Both before the handler starts: what is invalidated from here on is invalid in it.
    let snapshot = permits.stamp();
    let snapshot =
        snapshot.unwrap_or_else(|| visit.station.shared().generations.snapshot(visit.target()));
    let Visit { station, request } = visit;
    let control = Control::of(&request);
    let shared = station.shared();
    let number = shared.next_run();
    let exposed = run.exposes(&request);
    let started = shared.now();
    let done = Scoped::new(control.clone(), run.start(control.clone(), request)).await;
    let born = station.shared().now();
    let (request, response) = match done {
        Ok(done) => done,
        Err(error) => {
            landed(&station, &miss, permits, Err(Skip::Error));
            return Err(error);
        }
    };
    let flight = Flight {
        visit: Visit {
            station,
            request: request.clone(),
        },
        miss,
        permits,
        control,
        exposed,
        snapshot,
        number,
        born,
        delay: born.since(started),
    };
    Ok((request, flight.judge(response)))
}

/// A run whose response is there.
struct Flight {
    visit: Visit,
    miss: Miss,
    permits: Permits,
    control: Arc<Control>,
    exposed: Option<Exposed>,
    snapshot: Snapshot,
    number: u64,
    born: Moment,
    delay: Duration,
}

impl Flight {
    fn judge(self, mut response: HttpResponse) -> HttpResponse {
        let terms = &self.visit.station.site.terms;
        // Of the request as it came: a service may have changed it since.
        let exposed = self.exposed.as_ref();
        let asked = exposed.map_or_else(|| self.visit.request.headers(), Exposed::headers);
        if self.control.is_taken_over() {
            return self.skip(Skip::Inner, response);
        }
        let date = self.visit.station.shared().clock.date();
        let verdict = judge(
            terms,
            &Made {
                status: response.status(),
                headers: response.headers(),
                error: response.error().is_some(),
                upgrade: response.head().upgrade(),
                head: self.miss.admitted.head,
                authorized: self.miss.admitted.reuse == Reuse::Open,
                origin: asked.get(&header::ORIGIN).map(HeaderValue::as_bytes),
                at: date,
                delay: self.delay,
                said: self.control.timeout(),
            },
        );
        dress::vary(terms, &self.control.names_read(), response.headers_mut());
        match verdict {
            Verdict::Skip(why) => self.skip(why, response),
            Verdict::Store(storable) => {
                dress::date(terms, date, response.headers_mut());
                self.keep(storable, response)
            }
        }
    }

    fn skip(self, why: Skip, mut response: HttpResponse) -> HttpResponse {
        response.headers_mut().append(
            status_field::NAME,
            status_field::live(self.miss.forward, Some(why)),
        );
        self.landed(Err(why));
        response
    }

    /// Stores a body that is there at once, and copies one that comes as a stream.
    fn keep(self, storable: Storable, response: HttpResponse) -> HttpResponse {
        let (head, body) = response.into_parts();
        match body.try_into_bytes() {
            Ok(body) => self.keep_whole(&storable, head.set_body(()), body),
            Err(body) => self.keep_stream(storable, head.set_body(()), body),
        }
    }

    fn keep_whole(
        self,
        storable: &Storable,
        mut head: HttpResponse<()>,
        body: Bytes,
    ) -> HttpResponse {
        let forward = self.miss.forward;
        let complete =
            dress::declared_length(head.headers()).is_none_or(|length| length == body.len() as u64);
        let stored = if complete {
            let candidate = Candidate {
                status: head.status(),
                headers: head.headers(),
                body: &body,
            };
            self.store(storable, &candidate, &body)
        } else {
            Err(Skip::Incomplete)
        };
        let (status, spared) = match &stored {
            Ok(Put::Stored(stored)) => {
                dress::complete(stored, head.headers_mut());
                let spared = answer::spare(stored, &self.visit.request, &mut head);
                (status_field::stored(forward), spared)
            }
            Ok(Put::Superseded(_)) => (status_field::live(forward, Some(Skip::Superseded)), None),
            Err(why) => (status_field::live(forward, Some(*why)), None),
        };
        let body = spared.unwrap_or_else(|| BoxBody::new(body));
        head.headers_mut().append(status_field::NAME, status);
        self.landed(stored);
        head.set_body(body)
    }

    fn keep_stream(
        self,
        storable: Storable,
        mut head: HttpResponse<()>,
        body: BoxBody,
    ) -> HttpResponse {
        let shared = self.visit.station.shared();
        let terms = capture::Terms {
            cap: self.max_body(),
            declared: dress::declared_length(head.headers()),
            budget: shared.copies.clone(),
            limit: self.limit(),
        };
        let (status, mut headers, control) =
            (head.status(), head.headers().clone(), self.control.clone());
        head.headers_mut().append(
            status_field::NAME,
            status_field::live(self.miss.forward, None),
        );
        let body = capture::copy(body, terms, control, move |copied| {
            let stored = match copied {
                Copied::Whole(body) => {
                    // The body may have read more since the head went out.
                    let read = self.control.names_read();
                    dress::vary(&self.visit.station.site.terms, &read, &mut headers);
                    let candidate = Candidate {
                        status,
                        headers: &headers,
                        body: &body,
                    };
                    self.store(&storable, &candidate, &body)
                }
                Copied::TooLarge => Err(Skip::TooLarge),
                Copied::NoRoom => Err(Skip::NoRoom),
                Copied::Failed => Err(Skip::Incomplete),
            };
            self.landed(stored);
        });
        head.set_body(body)
    }

    /// Over when a copy that no client waits for has taken its time.
    fn limit(&self) -> LocalBoxFuture<()> {
        let cache = self.visit.station.cache.clone();
        Box::pin(async move {
            let shared = cache.shared();
            shared.clock.sleep(shared.limits.run).await;
        })
    }

    fn max_body(&self) -> usize {
        let limits = &self.visit.station.shared().limits;
        self.visit
            .station
            .site
            .terms
            .policy
            .max_body
            .unwrap_or(limits.max_body)
    }

    /// Stores a complete response, unless the handler, the route or a limit is against it.
    fn store(
        &self,
        storable: &Storable,
        candidate: &Candidate<'_>,
        body: &Bytes,
    ) -> Result<Put, Skip> {
        let Freshness { lifetime, age } = self.permitted(storable, candidate)?;
        if !self.snapshot.is_current() {
            return Err(Skip::Invalidated);
        }
        let names = self.names(storable)?;
        let response = StoredResponse {
            born: self.born,
            lifetime,
            age_at_birth: age,
            run: self.number,
            snapshot: self.snapshot.clone(),
            ..dress::stored(
                &self.visit.station.site.terms,
                storable,
                candidate.status,
                candidate.headers,
                body,
            )
        };
        Ok(variants::store(
            &self.visit.station.shared().shelf,
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
        let names = dress::names(storable, &self.control.names_read());
        if let Some(exposed) = &self.exposed
            && !exposed.is_like(request, &names)
        {
            return Err(Skip::Changed);
        }
        if names.len() > MOST_NAMES {
            return Err(Skip::Vary);
        }
        if selection::is_cut(&names, request) {
            return Err(Skip::Repeated);
        }
        Ok(names)
    }

    /// The lifetime of a response that nobody is against, and its age.
    fn permitted(&self, storable: &Storable, candidate: &Candidate<'_>) -> Result<Freshness, Skip> {
        let terms = &self.visit.station.site.terms;
        if let Some(why) = self.control.refusal() {
            return Err(why);
        }
        let Some(freshness) = storable.freshness(terms, self.control.timeout()) else {
            return Err(Skip::Timeout);
        };
        if candidate.body.len() > self.max_body() {
            return Err(Skip::TooLarge);
        }
        if terms
            .policy
            .store_if
            .as_ref()
            .is_some_and(|store_if| !store_if(candidate))
        {
            return Err(Skip::StoreIf);
        }
        Ok(freshness)
    }

    fn landed(self, stored: Result<Put, Skip>) {
        landed(&self.visit.station, &self.miss, self.permits, stored);
    }
}

/// Tells everyone who waits, the counters and the markers how a run ended.
fn landed(station: &Station, miss: &Miss, permits: Permits, stored: Result<Put, Skip>) {
    let shared = station.shared();
    let landing = match stored {
        Ok(Put::Stored(stored)) => {
            station.report(Event::Stored);
            let landing = shareable(stored);
            match &landing {
                Landing::NotStored(why) => shared.markers.note(&miss.flight, *why, shared.now()),
                _ => shared.markers.clear(&miss.flight),
            }
            landing
        }
        Ok(Put::Superseded(made)) => {
            station.report(Event::Skip(Skip::Superseded));
            shareable(made)
        }
        Err(why) => {
            station.report(Event::Skip(why));
            shared.markers.note(&miss.flight, why, shared.now());
            match why {
                Skip::Incomplete | Skip::Invalidated => Landing::Failed,
                why => Landing::NotStored(why),
            }
        }
    };
    permits.land(&landing);
}

/// How a response lands that is stored or could be: what is only kept to be validated is not for
/// those who waited for it.
fn shareable(made: Arc<StoredResponse>) -> Landing {
    if made.is_born_stale() {
        Landing::NotStored(Skip::Expired)
    } else {
        Landing::Stored(made)
    }
}
