//! The response to a request, as a subject of the engine.

use crate::{
    engine::{
        context::{Miss, RequestContext, RouteContext, Subject},
        lookup::{self, Next, PendingRequest},
        miss::MissFlow,
        run::{bypass, run_handler},
        upstream::{Done, Upstream},
    },
    entry::StoredResponse,
    invalidation::{generations::Target, tags::Untagged},
    key::{KeyRef, KeyWriter, inserted::InsertedParts},
    memory::variants::{self, Found},
    metrics::{counters::Event, reason::Skip},
    response::reuse::{self, HitKind},
    single_flight::responses::Permits,
    util::local_task::LocalBoxFuture,
};
use actix_web::{HttpRequest, HttpResponse};
use std::time::Duration;

/// Answers a request that memory does not answer.
pub(crate) fn serve(
    pending: PendingRequest,
    request: HttpRequest,
    upstream: Upstream,
) -> LocalBoxFuture<Done> {
    let PendingRequest { context, next } = pending;
    let subject = RequestContext { context, request };
    match next {
        Next::Bypass(why) => Box::pin(bypass(subject, why, upstream)),
        Next::Miss(miss, None) if miss.forced => {
            Box::pin(MissFlow::new(subject, miss).force_refresh(upstream))
        }
        Next::Miss(miss, permit) => Box::pin(MissFlow::new(subject, miss).serve(permit, upstream)),
    }
}

impl Subject for RequestContext {
    type Answer = HttpResponse;
    type Done = Done;
    type Upstream = Upstream;

    const DETACHES_ALONE: bool = false;

    fn context(&self) -> &RouteContext {
        &self.context
    }

    fn target(&self) -> Target<'_> {
        self.context.route.config.target(&self.request)
    }

    fn request(&self) -> Option<&HttpRequest> {
        Some(&self.request)
    }

    fn find(&self, miss: &mut Miss) -> Found {
        let handler = self.context.route.handler;
        let mut key = KeyWriter::resume(miss.base_key.as_bytes());
        let found = variants::find(&self.shared().memory, handler, &mut key, &self.request);
        miss.key = KeyRef::new(handler, key.as_bytes()).to_key();
        found
    }

    fn keep(&self, miss: &Miss, response: StoredResponse) -> bool {
        let memory = &self.shared().memory;
        let names = response.variant.as_ref();
        let names = names.map_or_else(Vec::new, |variant| variant.names.clone());
        if !variants::names_suffice(memory, &miss.base_key, &names) {
            return false;
        }
        variants::store(memory, &miss.base_key, &self.request, &names, response);
        true
    }

    fn selects(&self, stored: &StoredResponse) -> bool {
        variants::is_selected(stored, &self.request)
    }

    fn decodes(&self, _: &StoredResponse) -> bool {
        true
    }

    fn answer(&self, stored: &StoredResponse, how: HitKind) -> HttpResponse {
        reuse::reuse(stored, &self.request, how)
    }

    fn hit(&self, stored: &StoredResponse, how: HitKind) -> HttpResponse {
        let RouteContext { route, .. } = &self.context;
        lookup::hit(route, self.shared(), stored, &self.request, how)
    }

    fn done(self, answer: HttpResponse) -> Done {
        Ok((self.request, answer))
    }

    /// Not away from middlewares that hand something to the handler past its arguments.
    fn may_detach(&self) -> bool {
        InsertedParts::count(&self.request) == 0
    }

    fn is_shared(upstream: &Upstream) -> bool {
        upstream.is_handler()
    }

    fn refusal(&self) -> Option<Skip> {
        if !self.can_be_tagged() {
            return Some(Skip::Tags);
        }
        let config = &self.context.route.config;
        config.shows_refusal(&self.request).then_some(Skip::Error)
    }

    fn usual_run_time(&self) -> Option<Duration> {
        self.shared().run_times.usual(&self.context.route.id)
    }

    async fn run(self, miss: Box<Miss>, upstream: Upstream, permits: Permits) -> Done {
        run_handler(self, miss, upstream, permits).await
    }
}

impl RequestContext {
    /// Returns true where its response can have the tags of its route.
    fn can_be_tagged(&self) -> bool {
        let route = &self.context.route;
        if route.config.policy.tags.is_empty() {
            return true;
        }
        match self.target().tags() {
            Ok(_) => return true,
            Err(Untagged::Missing(missing)) if route.is_first(Event::Skip(Skip::Tags)) => {
                tracing::warn!(
                    handler = route.name,
                    "{missing}, which is in a tag: no response is stored; write a parameter of the route's path, or call `tag(..)` in the handler"
                );
            }
            Err(_) => {}
        }
        false
    }
}
