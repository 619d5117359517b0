//! Who asks whom.

use crate::{
    cache::{Inner, ResponseCache, app_data::DataSet, report},
    entry::StoredResponse,
    invalidation::{
        generations::{Target, raises},
        nonce::Nonce,
        tags::Untagged,
    },
    key::Key,
    metrics::{
        counters::Event,
        reason::{ForwardReason, RunReason, Skip},
    },
    policy::stale::StaleRules,
    remote::{budget::Budget, read::Fetched, write::PreparedWrite},
    route::{RouteRef, admission::Admitted, config::RouteConfig},
    single_flight::responses::Permit,
    time::moment::Timestamp,
    util::local_task::DetachedPermit,
};
use actix_web::HttpRequest;
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
}

/// What is known of the remote store so far.
#[derive(Debug, Default)]
pub(crate) struct RemoteState {
    /// The application's own values, which the store knows nothing of.
    pub(crate) data: DataSet,
    /// What all of the request's calls may take together, from the first of them.
    pub(crate) allowance: Option<Arc<Budget>>,
    /// What was found there and does not answer.
    pub(crate) fetched: Option<Fetched>,
    /// What lay in memory depended on these: they are older than this request.
    pub(crate) known: Option<Arc<[Nonce]>>,
    /// By what the response of the run goes there.
    pub(crate) dispatch: Option<Box<PreparedWrite>>,
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

// A request that has its answer, and the lead of the run behind it.
pub(crate) struct BackgroundRefresh {
    pub(crate) station: RouteContext,
    pub(crate) miss: Miss,
    pub(crate) permit: Permit,
    pub(crate) place: DetachedPermit,
}
