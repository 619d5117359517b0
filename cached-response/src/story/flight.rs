//! A run whose response is there: storing it, and landing.

use super::{
    lookup::Miss,
    start::Exposed,
    visit::{Station, Visit},
};
use crate::{
    ground::{clock::Moment, generation::Snapshot, selector::Selector, stored::StoredResponse},
    judgement::{
        candidate::Candidate,
        judge::{MOST_NAMES, Storable},
        lifetime::Freshness,
        reason::Skip,
        selection,
    },
    machinery::{
        control::Control,
        counters::Event,
        dress,
        flights::{Landing, Permits},
        local::LocalBoxFuture,
        variants::{self, Put},
    },
};
use actix_web::web::Bytes;
use std::{sync::Arc, time::Duration};

/// A run whose response is there.
pub(super) struct Flight {
    pub(super) visit: Visit,
    pub(super) miss: Miss,
    pub(super) permits: Permits,
    pub(super) control: Arc<Control>,
    pub(super) exposed: Option<Exposed>,
    pub(super) snapshot: Snapshot,
    pub(super) number: u64,
    pub(super) born: Moment,
    pub(super) delay: Duration,
}

impl Flight {
    /// Over when a copy that no client waits for has taken its time.
    pub(super) fn limit(&self) -> LocalBoxFuture<()> {
        let cache = self.visit.station.cache.clone();
        Box::pin(async move {
            let shared = cache.shared();
            shared.clock.sleep(shared.limits.run).await;
        })
    }

    /// The response is a stored one that its handler has found unchanged.
    pub(super) fn validated(&self) -> bool {
        self.control.validated().is_some()
    }

    pub(super) fn max_body(&self) -> usize {
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
    pub(super) fn store(
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

    pub(super) fn landed(self, stored: Result<Put, Skip>) {
        landed(&self.visit.station, &self.miss, self.permits, stored);
    }
}

/// Tells everyone who waits, the counters and the markers how a run ended.
pub(super) fn landed(station: &Station, miss: &Miss, permits: Permits, stored: Result<Put, Skip>) {
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
