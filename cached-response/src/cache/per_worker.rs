//! Caches that each worker of a server has built for itself.
//!
//! What is built in the closure of `HttpServer::new` is built once a worker. Of a cache there are then
//! as many as workers, and an invalidation reaches one of them. It shows in one handler that is served
//! by several caches which were built at one place in the source, in several threads of one server.

use crate::route::Route;
use actix_web::rt::System;
use std::{
    any::TypeId,
    collections::{HashMap, HashSet},
    panic::Location,
    sync::{Arc, Mutex, PoisonError, Weak},
    thread::{self, ThreadId},
};

type Place = &'static Location<'static>;

/// Where a cache was built.
#[derive(Debug)]
pub(crate) struct Origin {
    /// None for a default cache.
    place: Option<Place>,
    /// Lives as long as the cache.
    cache: Arc<()>,
}

/// A cache, and the first thread that has served a handler with it.
struct Served {
    cache: Weak<()>,
    thread: ThreadId,
    server: Option<usize>,
}

#[derive(Default)]
struct Seen {
    by_handler: HashMap<(Place, TypeId), Vec<Served>>,
    told: HashSet<Place>,
}

static SEEN: Mutex<Option<Seen>> = Mutex::new(None);

impl Origin {
    pub(crate) fn new(place: Option<Place>) -> Self {
        Self {
            place,
            cache: Arc::default(),
        }
    }

    /// Notes that the cache serves a handler it did not serve before; warns, once for each place,
    /// where another worker serves the same one with a cache of its own.
    pub(crate) fn serves(&self, site: &Route) {
        let Some(place) = self.place else {
            return;
        };
        let served = Served {
            cache: Arc::downgrade(&self.cache),
            thread: thread::current().id(),
            server: System::try_current().map(|system| system.id()),
        };
        let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = seen.get_or_insert_default();
        let caches = seen.by_handler.entry((place, site.handler)).or_default();
        caches.retain(|other| other.cache.strong_count() > 0);
        let is_per_worker = caches
            .iter()
            .any(|other| other.is_of_another_worker(&served));
        if !caches.iter().any(|other| other.cache.ptr_eq(&served.cache)) {
            caches.push(served);
        }
        if is_per_worker && seen.told.insert(place) {
            warn(place, site);
        }
    }
}

impl Served {
    fn is_of_another_worker(&self, other: &Self) -> bool {
        self.server == other.server
            && self.thread != other.thread
            && !self.cache.ptr_eq(&other.cache)
    }
}

fn warn(place: Place, site: &Route) {
    tracing::warn!(
        handler = site.name,
        "each worker has built a `ResponseCache` of its own at {place}: what one of them invalidates, \
         the others go on answering. Build it once, outside the closure of `HttpServer::new`, and clone \
         it inside: `let cache = ResponseCache::builder().build(); HttpServer::new(move || \
         App::new().app_data(cache.clone()))`"
    );
}
