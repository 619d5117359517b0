//! Who asks whom.

use crate::{
    cache::{Inner, ResponseCache, report::report},
    engine::{
        lookup::{self, Miss},
        reuse::{Reuse, freshness},
    },
    entry::{StoredResponse, staleness::Staleness},
    invalidation::{generations::Target, tags::Untagged},
    key::{KeyRef, KeyWriter},
    memory::variants::{self, Found},
    metrics::{counters::Event, reason::Skip},
    policy::stale::StaleRules,
    response::reuse::HitKind,
    route::{RouteRef, config::RouteConfig},
    single_flight::responses::{Landing, Permit},
};
use actix_web::{HttpRequest, HttpResponse};
use std::{
    future::{Future, pending},
    sync::Arc,
};

/// Who is asked.
#[derive(Clone, Debug)]
pub(crate) struct RouteContext {
    pub(crate) site: RouteRef,
    pub(crate) cache: ResponseCache,
}

/// Who asks whom.
#[derive(Debug)]
pub(crate) struct RequestContext {
    pub(crate) station: RouteContext,
    /// Given up to the run: a service behind a middleware must be its only owner.
    pub(crate) request: HttpRequest,
}

impl RouteContext {
    /// Over when a run has taken as long as it may; never, where it may take as long as it takes.
    pub(crate) fn coalesce_for(&self) -> impl Future<Output = ()> + use<> {
        let limit = self.stale_rules().run_timeout;
        let limit = limit.map(|limit| self.shared().clock.sleep(limit));
        async move {
            match limit {
                Some(limit) => limit.await,
                None => pending().await,
            }
        }
    }

    /// What is said of stale responses here.
    pub(crate) fn stale_rules(&self) -> StaleRules {
        rules(&self.site.config, self.shared())
    }

    pub(crate) fn shared(&self) -> &Inner {
        self.cache.shared()
    }

    pub(crate) fn report(&self, event: Event) {
        report(&self.site, self.shared(), event);
    }
}

/// What is said of stale responses: by the route, and else by the cache.
pub(crate) fn rules(config: &RouteConfig, shared: &Inner) -> StaleRules {
    let rules = config.policy.stale.or(&shared.stale);
    if config.allowlist.is_some() {
        rules.without_refresh()
    } else {
        rules
    }
}

impl RequestContext {
    /// What of it can be invalidated.
    pub(crate) fn target(&self) -> Target<'_> {
        Target::Response {
            config: &self.station.site.config,
            request: &self.request,
        }
    }

    /// Whether its response can have the tags of its route.
    pub(crate) fn can_be_tagged(&self) -> bool {
        let site = &self.station.site;
        if site.config.policy.tags.is_empty() {
            return true;
        }
        match self.target().tags() {
            Ok(_) => return true,
            Err(Untagged::Missing(missing)) if site.is_first(Event::Skip(Skip::Tags)) => {
                tracing::warn!(
                    handler = site.name,
                    "{missing}, which is in a tag: no response is stored; write a parameter of the route's path, or call `tag(..)` in the handler"
                );
            }
            Err(_) => {}
        }
        false
    }

    /// What lies in memory for it, under the names that are known by now.
    pub(crate) fn lies_there(&self, miss: &mut Miss) -> Found {
        let handler = self.station.site.handler;
        let shared = self.station.shared();
        if shared.shelf.is_nowhere() {
            // The names that select a variant are learnt elsewhere.
            return Found::Nothing;
        }
        let mut key = KeyWriter::resume(miss.base.as_bytes());
        let found = variants::find(&shared.shelf, handler, &mut key, &self.request);
        miss.flight = KeyRef::new(handler, key.as_bytes()).to_key();
        found
    }

    /// Looks up once more, under the names that are known by now.
    pub(crate) fn look_again(&self, miss: &mut Miss) -> Reuse {
        let shared = self.station.shared();
        let found = self.lies_there(miss);
        let looked = freshness(shared, found, &miss.admitted, shared.now());
        let looked = looked.where_it_leads(lookup::leads(&miss.admitted, &self.request));
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
        lookup::hit(&self.station.site, shared, stored, &self.request, how)
    }
}
