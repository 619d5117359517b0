//! Response caching for actix-web: with one attribute on a handler, its response is computed once for
//! each distinct request, and reused for as long as you set.
//!
//! ```
//! use actix_web::{App, Responder, get, test};
//! use cached_response::cached_response;
//!
//! #[get("/hello/")]
//! #[cached_response(timeout = 86400)]
//! async fn hello() -> impl Responder {
//!     "Hello, world!"
//! }
//!
//! # #[actix_web::main] async fn main() {
//! let app = test::init_service(App::new().service(hello)).await;
//! let request = || test::TestRequest::with_uri("/hello/").to_request();
//! let miss = test::call_service(&app, request()).await;
//! assert_eq!(miss.headers().get("cache-status").unwrap(), "cached-response; fwd=uri-miss; stored");
//! let hit = test::call_service(&app, request()).await;
//! assert_eq!(hit.headers().get("age").unwrap(), "0");
//! # }
//! ```
//!
//! It needs no set-up: a process has one cache in memory, bounded at 64 MiB. An application uses another
//! one where it has a [`ResponseCache`] in its `app_data`.
//!
//! [The first hour](guide::first_hour) has twelve steps, from the first cached list to tests of your own
//! handlers.
//!
//! # What is cached, and what never is
//!
//! Responses to GET (and to HEAD, from a stored GET response) without credentials: complete, with status
//! 200, without `Set-Cookie`, and without a header that forbids it. actix-web responds to HEAD on a
//! route of `#[get("/news")]` with 404: write `#[route("/news", method = "GET", method = "HEAD")]`. More
//! in [the guide](guide::what_is_cached).
//!
//! With `timeout = response` each response sets its own lifetime, and with `respect_client = true` the
//! `Cache-Control` of requests is honoured: with both, the cache follows RFC 9111 as a shared cache. More
//! in [the guide](guide::standard), and [requirement by requirement](guide::rfc9111).
//!
//! # The key of a response
//!
//! The handler, the path, and the parts of the request that its arguments read. Each argument is covered
//! by its type ([`KeyCovered`]) or by an option of the attribute (`key(..)`, `gate(..)`, `unkeyed(..)`,
//! `vary(..)`, `body`). So is the responder, which actix-web gives the whole request: its type is a
//! [`CoveredResponder`], or the route has `vary(..)`. A handler that could show one user's page to another
//! does not compile. More in [the guide](guide::keys).
//!
//! # Inside a handler
//!
//! [`disable_cache`], [`set_cache_timeout`] and [`tag`] apply to the response of the running handler;
//! [`CacheHandle`] has the same methods for other tasks; [`TrackedRequest`] records the parts of the
//! request that are read through it, which select the variant.
//!
//! # Invalidation
//!
//! [`ResponseCache::invalidate_path`], [`invalidate_url`](ResponseCache::invalidate_url),
//! [`invalidate_tag`](ResponseCache::invalidate_tag) and
//! [`invalidate_all`](ResponseCache::invalidate_all): a request that arrives later is not answered with a
//! response whose run began before. A successful POST, PUT, PATCH or DELETE invalidates its own path.
//! More in [the guide](guide::invalidation).
//!
//! # When the handler fails
//!
//! With `stale_if_error = 1h` a stale response is served where the handler fails; with
//! `stale_while_revalidate = 30s` it is served while the handler runs in the background. More in
//! [the guide](guide::staying_up).
//!
//! # Many nodes
//!
//! [`ResponseCacheBuilder::remote`] adds a [`Store`] behind the memory of each process: `RedisStore`,
//! `MemcachedStore`, or one of your own. Processes share responses and invalidations through it. More in
//! the guide: [many nodes](guide::many_nodes), [when the store is down](guide::store_down), and
//! [operating one](guide::operating).
//!
//! # Without the attribute
//!
//! [`cached`] wraps a handler at its route under a [`Policy`], with [`Keyed`], [`Gate`], [`Unkeyed`] and
//! [`Lazy`] for its arguments.
//!
//! [`CacheResponses`] is a middleware for an app, a scope or a resource. It cannot see the arguments of
//! the handlers, and fails closed. More in [the guide](guide::middleware).
//!
//! # Tests
//!
//! `let _cache = cached_response::testing::isolated();` gives a test a cache of its own, and
//! `testing::ManualClock` a clock that it advances. More in [the guide](guide::testing_handlers).
//!
//! # Defaults
//!
//! | default | reason |
//! |---|---|
//! | fresh for 300 s ([`ResponseCacheBuilder::default_timeout`]) | the usual default of caching decorators: long enough to matter, short enough to be corrected |
//! | only status 200 | a stored error outlives its cause |
//! | 64 MiB, bodies up to 1 MiB | small for a server, and thousands of pages |
//! | no `Cache-Control` added | a response in a browser's cache cannot be invalidated |
//! | `Cache-Control` of requests ignored | a reload must not force a run of the handler; `?nocache=1` is bounded |
//! | waits of 5 s, runs of 30 s, 1,024 waiters | a slow run must not block every request |
//! | 64 variants for a key | a header with a value for each client must not fill the memory |
//!
//! # Observability
//!
//! Every response of a cached handler has a `Cache-Status` field (RFC 9211) with the reason;
//! [`ResponseCache::stats`] counts by reason ([`Bypass`], [`Skip`]), always; [`ResponseCache::explain`]
//! describes the handling of a request; `tracing` events have each outcome. Debug builds log the first
//! bypass and the first skip of each handler and reason (`tracing`, level `INFO`); with [`cached`] and
//! [`CacheResponses`], which each worker builds anew, once in each worker. The environment variable
//! `CACHED_RESPONSE=off` switches off every cache of the process, and [`ResponseCacheBuilder::enabled`]
//! one.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
#![cfg_attr(
    feature = "admin",
    doc = "| `admin` | [`admin::scope`]: what a cache does, and how to steer it, over HTTP |"
)]
#![cfg_attr(
    not(feature = "admin"),
    doc = "| `admin` | `admin::scope`: what a cache does, and how to steer it, over HTTP |"
)]
//! | `dashboard` | a page in that scope; switches on `admin` |
//! | `remote` | [`ResponseCacheBuilder::remote`] with a [`Store`] of your own; `redis` and `memcached` switch it on |
//! | `files` | [`CoveredResponder`] for `actix_files::NamedFile` |
#![cfg_attr(
    feature = "redis",
    doc = "| `redis` | [`RedisStore`]: Redis or Valkey as the remote store, one server, behind sentinels, or a cluster |"
)]
#![cfg_attr(
    not(feature = "redis"),
    doc = "| `redis` | `RedisStore`: Redis or Valkey as the remote store, one server, behind sentinels, or a cluster |"
)]
//! | `redis-tls` | `rediss://` addresses for it |
#![cfg_attr(
    feature = "memcached",
    doc = "| `memcached` | [`MemcachedStore`]: a remote store on Memcached servers |"
)]
#![cfg_attr(
    not(feature = "memcached"),
    doc = "| `memcached` | a remote store on Memcached servers |"
)]
#![cfg_attr(
    feature = "testing",
    doc = "| `testing` | [`testing`]: a manual clock, isolated caches, a conformance suite for stores |"
)]
#![cfg_attr(
    not(feature = "testing"),
    doc = "| `testing` | a manual clock, isolated caches, a conformance suite for stores |"
)]
//! | `uuid` | [`KeyPart`] for `uuid::Uuid` |

#![forbid(unsafe_code)]
#![cfg_attr(
    not(feature = "remote"),
    allow(
        dead_code,
        reason = "used by the remote tier alone; builds with it show the rest"
    )
)]

extern crate self as cached_response;

#[cfg(feature = "admin")]
pub mod admin;
pub(crate) mod attribute;
pub(crate) mod cache;
pub mod context;
pub(crate) mod engine;
pub(crate) mod entry;
pub(crate) mod explain;
pub(crate) mod extract;
pub(crate) mod handler;
pub(crate) mod http;
pub(crate) mod invalidates;
pub(crate) mod invalidation;
pub(crate) mod key;
pub(crate) mod memory;
pub(crate) mod metrics;
pub(crate) mod middleware;
pub(crate) mod policy;
#[cfg(any(test, feature = "remote"))]
pub(crate) mod remote;
#[cfg(not(any(test, feature = "remote")))]
pub(crate) mod remote_disabled;
pub(crate) mod response;
pub(crate) mod route;
pub(crate) mod single_flight;
#[cfg(any(test, feature = "remote"))]
pub(crate) mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
pub(crate) mod time;
pub(crate) mod util;
pub(crate) mod values;

#[cfg(not(any(test, feature = "remote")))]
pub(crate) use crate::remote_disabled as remote;

#[cfg(feature = "memcached")]
pub use crate::store::memcached::MemcachedStore;
#[cfg(feature = "redis")]
pub use crate::store::redis::RedisStore;
#[cfg(any(test, feature = "remote"))]
pub use crate::store::{
    Bus, LookedUp, Store, StoreError, StoreErrorKind, StoreFuture, StoredValue, Subscription,
};
pub use crate::{
    cache::{
        ResponseCache, ResponseCacheBuilder,
        advice::{Advice, AdviceKind},
        invalidate::Invalidation,
    },
    context::{CacheHandle, disable_cache, set_cache_timeout, tag},
    explain::{Explanation, Outcome},
    extract::{
        covered::{KeyCovered, ReadsOneHeader},
        responder::CoveredResponder,
        roles::{Gate, Keyed, Lazy, Unkeyed},
        tracked_request::TrackedRequest,
    },
    handler::{CachedHandler, cached},
    invalidates::{InvalidatingHandler, Invalidations, invalidating},
    invalidation::{InvalidationError, cdn::InvalidatedNames, route_name::RouteName},
    key::{KeyWriter, insert_key_part, part::KeyPart},
    metrics::{
        event::{CacheEvent, EventKind},
        reason::{Bypass, ForwardReason, RunReason, Skip, StaleRule},
        stats::{ReasonCounts, RemoteStats, RouteStats, Stats, ValueStats},
    },
    middleware::CacheResponses,
    policy::{IntoPolicy, Policy, candidate::ResponseView, stale::IntoTimeout},
    values::Cacheable,
};
pub use cached_response_macros::{KeyPart, cached_response, invalidates};

/// The guide, in the order of reading:
///
/// 1. [The first hour](guide::first_hour): twelve steps with code, from the first cached list to tests
/// 2. [What is cached](guide::what_is_cached): the rules for storing, and the reasons not to
/// 3. [Keys](guide::keys): arguments, queries, headers, and what does not compile
/// 4. [Login, sessions and CSRF tokens](guide::sessions): pages for one user, and for all who may see them
/// 5. [Invalidation](guide::invalidation): by path, URL, tag, handler and prefix, and from a handler that writes
/// 6. [Staying up](guide::staying_up): stale responses, refreshes, timeouts
/// 7. [The middleware](guide::middleware): a cache in front of handlers that it cannot see
/// 8. [Many nodes](guide::many_nodes): a remote store shared by several processes
/// 9. [When the store is down](guide::store_down): timeouts, the circuit breaker, what a client sees
/// 10. [Watching it](guide::watching): the counts by route, and why something is not cached
/// 11. [Operating](guide::operating): sizing, settings and monitoring of the remote store
/// 12. [The standard](guide::standard): lifetimes and directives of `Cache-Control`
/// 13. [RFC 9111](guide::rfc9111): requirement by requirement
/// 14. [Testing your handlers](guide::testing_handlers): a cache for each test, and a clock that tests control
// Its pages are the files of `docs/`, where a label such as `[keys.md]` is defined as the file.
// `guide_links.md` defines the same labels as modules, and of two definitions the first one counts.
pub mod guide {
    #[doc = include_str!("guide_links.md")]
    #[doc = include_str!("../docs/first-hour.md")]
    pub mod first_hour {}

    #[doc = include_str!("guide_links.md")]
    #[doc = include_str!("../docs/what-is-cached.md")]
    pub mod what_is_cached {}

    #[doc = include_str!("guide_links.md")]
    #[doc = include_str!("../docs/keys.md")]
    pub mod keys {}

    #[doc = include_str!("guide_links.md")]
    #[doc = include_str!("../docs/sessions.md")]
    pub mod sessions {}

    #[doc = include_str!("guide_links.md")]
    #[doc = include_str!("../docs/invalidation.md")]
    pub mod invalidation {}

    #[doc = include_str!("guide_links.md")]
    #[doc = include_str!("../docs/cdn.md")]
    pub mod cdn {}

    #[doc = include_str!("guide_links.md")]
    #[doc = include_str!("../docs/staying-up.md")]
    pub mod staying_up {}

    #[doc = include_str!("guide_links.md")]
    #[doc = include_str!("../docs/middleware.md")]
    pub mod middleware {}

    #[doc = include_str!("guide_links.md")]
    #[doc = include_str!("../docs/many-nodes.md")]
    pub mod many_nodes {}

    #[doc = include_str!("guide_links.md")]
    #[doc = include_str!("../docs/store-down.md")]
    pub mod store_down {}

    #[doc = include_str!("guide_links.md")]
    #[doc = include_str!("../docs/watching.md")]
    pub mod watching {}

    #[doc = include_str!("guide_links.md")]
    #[doc = include_str!("../docs/operating.md")]
    pub mod operating {}

    #[doc = include_str!("guide_links.md")]
    #[doc = include_str!("../docs/standard.md")]
    pub mod standard {}

    #[doc = include_str!("guide_links.md")]
    #[doc = include_str!("../docs/rfc9111.md")]
    pub mod rfc9111 {}

    #[doc = include_str!("guide_links.md")]
    #[doc = include_str!("../docs/testing-handlers.md")]
    pub mod testing_handlers {}
}

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// Decodes `bytes` as an entry of a remote store. Panics where a property of the codec does not hold.
#[cfg(fuzzing)]
#[doc(hidden)]
pub fn try_frame(bytes: &[u8], meter: fn(&mut dyn FnMut()) -> u64) {
    entry::codec::fuzz::trial(bytes, meter);
}

#[doc(hidden)]
pub mod __private {
    pub use crate::{
        IntoTimeout, Invalidations, KeyPart, Policy, ResponseCache,
        attribute::{BodyUpTo, CalledThroughAnApp, ResponseFuture},
        cache::cached_route::{RouteCell, RouteSpec},
        context::tag,
        extract::{
            covered::*,
            probe::*,
            responder::{BodyOf, ProbeAny, ProbeCovered},
            roles::QueryWithoutFlag,
        },
        invalidates::{InvalidatingCall, InvalidationGuard, Written, literal},
        key::{KeyWriter, handler_id::SourceLocation},
        policy::mistakes::{IntoHeaderName, PurgeGuard, purge_guard},
        route::inputs::{ArgumentInfo, Role},
    };
    pub use core;
    pub use std::time::Duration;
}
