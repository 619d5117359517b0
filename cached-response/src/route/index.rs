//! Which cached handlers have been asked on which routes, for `explain`.

use crate::{cache::per_worker::Origin, route::RouteRef};
use actix_web::HttpRequest;
use std::{
    collections::HashMap,
    panic::Location,
    sync::{PoisonError, RwLock},
};

/// The handlers of each route pattern, noted when they are first asked for something that is not
/// in the store.
#[derive(Debug)]
pub(crate) struct Routes {
    handlers: RwLock<HashMap<String, Vec<RouteRef>>>,
    origin: Origin,
}

impl Routes {
    /// Those of a cache that was built at `place`.
    pub(crate) fn new(place: Option<&'static Location<'static>>) -> Self {
        Self {
            handlers: RwLock::default(),
            origin: Origin::new(place),
        }
    }

    /// Notes that `site` answers on the route of `request`.
    pub(crate) fn note(&self, site: &RouteRef, request: &HttpRequest) {
        let pattern = request.match_pattern().unwrap_or_default();
        let known = self.handlers.read().unwrap_or_else(PoisonError::into_inner);
        if known
            .get(&pattern)
            .is_some_and(|sites| sites.iter().any(|known| known.is_like(site)))
        {
            return;
        }
        drop(known);
        let mut routes = self
            .handlers
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let sites = routes.entry(pattern).or_default();
        if !sites.iter().any(|known| known.is_like(site)) {
            sites.push(site.clone());
            drop(routes);
            self.origin.serves(site);
        }
    }

    /// The handlers that were asked on any route.
    #[cfg(test)]
    pub(crate) fn all(&self) -> Vec<RouteRef> {
        let routes = self.handlers.read().unwrap_or_else(PoisonError::into_inner);
        routes.values().flatten().cloned().collect()
    }

    /// The handlers that were asked on the route of `request`.
    pub(crate) fn of(&self, request: &HttpRequest) -> Vec<RouteRef> {
        let pattern = request.match_pattern().unwrap_or_default();
        let routes = self.handlers.read().unwrap_or_else(PoisonError::into_inner);
        routes.get(&pattern).cloned().unwrap_or_default()
    }
}
