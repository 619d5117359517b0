//! Who asks whom.

use super::lookup::{self, Lookup, Miss};
use crate::{
    ground::stored::StoredResponse,
    judgement::key::{KeyRef, KeyWriter},
    machinery::{
        cache::{ResponseCache, Shared},
        counters::Event,
        generations::Target,
        report::report,
        site::SiteRef,
        variants,
    },
};
use actix_web::{HttpRequest, HttpResponse};

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
        let looked = lookup::freshness(found, &miss.admitted, shared.now());
        if let Lookup::Miss(_, previous) = &looked {
            miss.previous.clone_from(previous);
        }
        looked
    }

    /// Answers from a response that has come to lie there meanwhile.
    pub(crate) fn hit(&self, stored: &StoredResponse) -> HttpResponse {
        let shared = self.station.shared();
        lookup::hit(
            &self.station.site,
            shared,
            stored,
            &self.request,
            shared.now(),
        )
    }
}
