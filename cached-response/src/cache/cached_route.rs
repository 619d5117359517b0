//! A cached handler: its route, and the cache that it uses.

use crate::{
    cache::{ResponseCache, default},
    key::handler_id::{HandlerType, SourceLocation},
    policy::Policy,
    route::{
        Route, RouteRef,
        config::RouteConfig,
        inputs::{ArgumentInfo, Role},
    },
    util::sync::{read, write},
};
use actix_web::HttpRequest;
use std::{
    any::TypeId,
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, OnceLock, RwLock},
};

/// The description of a route by its attribute: policy, cache and arguments. Evaluated once for each
/// handler.
#[derive(Debug)]
pub struct RouteSpec {
    policy: Policy,
    choice: CacheChoice,
    arguments: Vec<(Role, ArgumentInfo)>,
}

impl RouteSpec {
    /// A route under `policy`. In a unit test the default cache is the thread's.
    pub fn new(policy: Policy, unit_test: bool) -> Self {
        Self {
            policy,
            choice: CacheChoice {
                cache: None,
                unit_test,
            },
            arguments: Vec::new(),
        }
    }

    /// Uses another cache.
    #[must_use]
    pub fn cache(mut self, cache: ResponseCache) -> Self {
        self.choice.cache = Some(cache);
        self
    }

    /// Adds the facts of the next argument.
    #[must_use]
    pub fn argument(mut self, role: Role, facts: ArgumentInfo) -> Self {
        self.arguments.push((role, facts));
        self
    }

    /// Adds the facts of the responder.
    #[must_use]
    pub(crate) fn responder(self, facts: ArgumentInfo) -> Self {
        self.argument(Role::Covered, facts)
    }

    #[track_caller]
    fn split(self) -> (RouteConfig, CacheChoice) {
        (RouteConfig::new(self.policy, &self.arguments), self.choice)
    }
}

/// The choice of the cache.
#[derive(Clone, Debug)]
struct CacheChoice {
    cache: Option<ResponseCache>,
    /// In unit tests the default cache is the thread's.
    unit_test: bool,
}

/// A cached handler on its route.
#[derive(Clone, Debug)]
pub(crate) struct CachedRoute {
    pub(crate) route: RouteRef,
    choice: CacheChoice,
}

impl CachedRoute {
    /// The route of a handler that lives as long as its application.
    #[track_caller]
    pub(crate) fn new(
        name: &'static str,
        handler: HandlerType,
        source: SourceLocation,
        route: RouteSpec,
    ) -> Self {
        let (config, choice) = route.split();
        Self {
            route: RouteRef::Shared(Arc::new(Route::new(name, handler, source, config))),
            choice,
        }
    }

    /// The route of a middleware, which knows nothing of its handlers; `name` is its place in the source.
    #[track_caller]
    pub(crate) fn for_middleware(
        name: &'static str,
        middleware: HandlerType,
        source: SourceLocation,
        policy: Policy,
    ) -> Self {
        let config = RouteConfig::for_middleware(name, policy);
        Self {
            route: RouteRef::Shared(Arc::new(Route::new(name, middleware, source, config))),
            choice: CacheChoice {
                cache: None,
                unit_test: false,
            },
        }
    }

    /// Uses another cache.
    pub(crate) fn use_cache(&mut self, cache: ResponseCache) {
        self.choice.cache = Some(cache);
    }

    /// The cache for this request: the route's, the application's or the default.
    pub(crate) fn cache<'a>(&'a self, request: &'a HttpRequest) -> Cow<'a, ResponseCache> {
        match &self.choice.cache {
            Some(cache) => Cow::Borrowed(cache),
            None => default::of(request, self.choice.unit_test),
        }
    }
}

/// The `static` of an attribute, which holds the route of its handler.
///
/// A generic function has one for all its instantiations: the first that is called is stored here, the
/// others in a table.
#[derive(Debug)]
pub struct RouteCell {
    source: SourceLocation,
    first: OnceLock<&'static CachedRoute>,
}

static OTHERS: RwLock<Option<HashMap<TypeId, &'static CachedRoute>>> = RwLock::new(None);

impl RouteCell {
    /// The cell of the attribute at `source`.
    pub const fn new(source: SourceLocation) -> Self {
        Self {
            source,
            first: OnceLock::new(),
        }
    }

    /// Returns the route of the handler whose body has this type, built on its first call. `answer` has
    /// the facts of its responder.
    pub(crate) fn find(
        &self,
        handler: HandlerType,
        route: fn() -> RouteSpec,
        answer: &'static ArgumentInfo,
    ) -> &'static CachedRoute {
        match self.first.get() {
            Some(first) if first.route.handler == handler.id => first,
            _ => self.find_slow(handler, || route().responder(*answer)),
        }
    }

    #[inline(never)]
    fn find_slow(
        &self,
        handler: HandlerType,
        route: impl Fn() -> RouteSpec,
    ) -> &'static CachedRoute {
        let first = self.first.get_or_init(|| self.make(handler, &route));
        if first.route.handler == handler.id {
            return first;
        }
        let others = read(&OTHERS);
        if let Some(route) = others.as_ref().and_then(|others| others.get(&handler.id)) {
            return route;
        }
        drop(others);
        let made = self.make(handler, &route);
        let mut others = write(&OTHERS);
        others
            .get_or_insert_default()
            .entry(handler.id)
            .or_insert(made)
    }

    /// Leaks the route: there is one for each cached handler of the program.
    fn make(&self, handler: HandlerType, route: impl Fn() -> RouteSpec) -> &'static CachedRoute {
        let (config, choice) = route().split();
        let route = Route::new(self.source.place(), handler, self.source, config);
        let route: &'static Route = Box::leak(Box::new(route));
        Box::leak(Box::new(CachedRoute {
            route: RouteRef::Static(route),
            choice,
        }))
    }
}
