//! Response caching for actix-web: one line on a handler, and its response is computed once per
//! distinct request and then reused until it is as old as you say.
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
//! let ask = || test::TestRequest::with_uri("/hello/").to_request();
//! let live = test::call_service(&app, ask()).await;
//! assert_eq!(live.headers().get("cache-status").unwrap(), "cached-response; fwd=uri-miss; stored");
//! let stored = test::call_service(&app, ask()).await;
//! assert_eq!(stored.headers().get("age").unwrap(), "0");
//! # }
//! ```
//!
//! There is nothing to set up: a process has one cache in memory, bounded at 64 MiB. An application
//! that shall have another puts a [`ResponseCache`] into its `app_data`.
//!
//! [The first hour](guide::first_hour) has twelve steps from the first cached list to tests of your
//! own handlers.
//!
//! # What is cached, and what never is
//!
//! GET (and HEAD, answered from GET) requests without credentials; complete responses with status
//! 200, no `Set-Cookie`, and nothing in their own headers that forbids it. actix-web answers a HEAD
//! for a route of `#[get("/news")]` with 404: write `#[route("/news", method = "GET", method =
//! "HEAD")]`. More in [the guide](guide::what_is_cached).
//!
//! With `timeout = response` each response says itself how long it is reused, and with
//! `respect_client = true` requests have a say, too: with both, the cache does what RFC 9111 wants
//! of a shared one. More in [the guide](guide::standard), and [requirement by
//! requirement](guide::rfc9111).
//!
//! # What a response is found by
//!
//! The handler, the path, and what its arguments show it of the query and all else. Each argument is accounted for:
//! by its type ([`KeyCovered`]), or by a word in the attribute (`key(..)`, `gate(..)`, `unkeyed(..)`,
//! `vary(..)`, `body`). So is its answer, which actix-web gives the whole request: its type is a
//! [`CoveredResponder`], or the route says `vary(..)`. A handler that could show one user's page to
//! another does not compile. More in [the guide](guide::keys).
//!
//! # Inside a handler
//!
//! [`disable_cache`], [`set_cache_timeout`] and [`tag`] speak for the response that is being made;
//! [`CacheHandle`] carries the same words into other tasks; [`TrackedRequest`] records what is read
//! through it, and keeps a response for each value.
//!
//! # When something has changed
//!
//! [`ResponseCache::invalidate_path`], [`invalidate_url`](ResponseCache::invalidate_url),
//! [`invalidate_tag`](ResponseCache::invalidate_tag) and
//! [`invalidate_all`](ResponseCache::invalidate_all): no request that arrives afterwards is answered
//! by a response whose run began before. A POST, PUT, PATCH or DELETE that succeeds invalidates its
//! path by itself. More in [the guide](guide::invalidation).
//!
//! # When the handler fails
//!
//! `stale_if_error = 1h` answers from the stale response where the handler fails,
//! `stale_while_revalidate = 30s` has it run behind the answer. More in
//! [the guide](guide::staying_up).
//!
//! # Many nodes
//!
//! [`ResponseCacheBuilder::remote`] puts a [`Store`] behind the memory of each process: `RedisStore`,
//! `MemcachedStore`, or one of your own. What one process has made answers in all of them, and what
//! one invalidates in none. More in the guide: [many nodes](guide::many_nodes), [when the store is
//! down](guide::store_down), and [operating one](guide::operating).
//!
//! # Without the attribute
//!
//! [`cached`] wraps a handler at its route under a [`Policy`], with [`Keyed`], [`Gate`],
//! [`Unkeyed`] and [`Lazy`] for its arguments.
//!
//! [`CacheResponses`] is a middleware for an app, a scope or a resource. It sees nothing of the
//! handlers inside it and fails closed. More in [the guide](guide::middleware).
//!
//! # Tests
//!
//! `let _cache = cached_response::testing::isolated();` gives a test a cache of its own; a clock is
//! turned by hand. More in [the guide](guide::testing_handlers).
//!
//! # How the defaults were chosen
//!
//! | default | because |
//! |---|---|
//! | fresh for 300 s ([`ResponseCacheBuilder::default_timeout`]) | the usual default of such decorators: long enough to matter, short enough to be forgiven |
//! | only status 200 | an error that is stored outlives its cause |
//! | 64 MiB, bodies up to 1 MiB | small beside any server, and thousands of pages |
//! | no `Cache-Control` added | what a browser keeps cannot be taken back |
//! | request `Cache-Control` ignored | a reload button is no lever against the server; `?nocache=1` is bounded |
//! | 5 s of patience, runs of 30 s, 1,024 followers | nobody hangs because somebody else does |
//! | 64 variants a key | a header with a value for each client must not fill the memory |
//!
//! # Seeing what happens
//!
//! Every answer of a cached handler carries `Cache-Status` (RFC 9211) with the reason;
//! [`ResponseCache::stats`] counts by reason ([`Bypass`], [`Skip`]), always;
//! [`ResponseCache::explain`] tells what would become of a request; `tracing` events name each
//! outcome. In debug builds one line (`tracing`, level `INFO`) names the first bypass and the first
//! skip of each handler and reason; under [`cached`] and [`CacheResponses`], which each worker
//! builds anew, there is one line in each worker. The environment variable `CACHED_RESPONSE=off`
//! switches everything off, and [`ResponseCacheBuilder::enabled`] one cache.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
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
    doc = "| `testing` | [`testing`]: a clock that is turned by hand, caches that do not meet, what any store must do |"
)]
#![cfg_attr(
    not(feature = "testing"),
    doc = "| `testing` | a clock that is turned by hand, caches that do not meet, what any store must do |"
)]
//! | `uuid` | [`KeyPart`] for `uuid::Uuid` |

#![forbid(unsafe_code)]

extern crate self as cached_response;

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
pub(crate) mod remote;
pub(crate) mod response;
pub(crate) mod route;
pub(crate) mod single_flight;
pub(crate) mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
pub(crate) mod time;
pub(crate) mod util;
pub(crate) mod values;

pub use crate::explain::{Explanation, Outcome};
#[doc(hidden)]
pub use crate::store::error::{Prompt, Question};
#[cfg(feature = "memcached")]
pub use crate::store::memcached::MemcachedStore;
#[cfg(feature = "redis")]
pub use crate::store::redis::RedisStore;
pub use crate::{
    cache::{ResponseCache, ResponseCacheBuilder, invalidate::Invalidation},
    context::{CacheHandle, disable_cache, set_cache_timeout, tag},
    key::inserted::insert_key_part,
    metrics::counters::Stats,
};
pub use crate::{
    extract::{
        covered::{KeyCovered, header_types::ReadsOneHeader},
        request::TrackedRequest,
        responder::CoveredResponder,
        roles::{Gate, Keyed, Lazy, Unkeyed},
    },
    handler::{CachedHandler, cached},
    invalidates::{InvalidatingHandler, Invalidations, invalidating},
    middleware::CacheResponses,
    values::Cacheable,
};
pub use crate::{
    invalidation::error::InvalidationError,
    store::{
        Store,
        bus::{Bus, Subscription},
        error::{StoreError, StoreErrorKind, StoreFuture, StoredValue},
    },
};
pub use crate::{
    key::{KeyWriter, part::KeyPart},
    metrics::{
        reason::{Bypass, ForwardReason, RunReason, Skip, StaleRule},
        remote_stats::RemoteStats,
    },
    policy::{IntoPolicy, Policy, candidate::ResponseView, ttl::IntoTimeout, vary::IntoHeaderName},
};
pub use cached_response_macros::{KeyPart, cached_response, invalidates};

/// The guide.
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
    #[doc = include_str!("../docs/middleware.md")]
    pub mod middleware {}

    #[doc = include_str!("guide_links.md")]
    #[doc = include_str!("../docs/invalidation.md")]
    pub mod invalidation {}

    #[doc = include_str!("guide_links.md")]
    #[doc = include_str!("../docs/staying-up.md")]
    pub mod staying_up {}

    #[doc = include_str!("guide_links.md")]
    #[doc = include_str!("../docs/many-nodes.md")]
    pub mod many_nodes {}

    #[doc = include_str!("guide_links.md")]
    #[doc = include_str!("../docs/store-down.md")]
    pub mod store_down {}

    #[doc = include_str!("guide_links.md")]
    #[doc = include_str!("../docs/operating.md")]
    pub mod operating {}

    #[doc = include_str!("guide_links.md")]
    #[doc = include_str!("../docs/testing-handlers.md")]
    pub mod testing_handlers {}

    #[doc = include_str!("guide_links.md")]
    #[doc = include_str!("../docs/standard.md")]
    pub mod standard {}

    #[doc = include_str!("guide_links.md")]
    #[doc = include_str!("../docs/rfc9111.md")]
    pub mod rfc9111 {}
}

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// Panics where a promise about what lies in a remote store is broken by these bytes.
#[cfg(fuzzing)]
#[doc(hidden)]
pub fn try_frame(bytes: &[u8], meter: fn(&mut dyn FnMut()) -> u64) {
    entry::codec::fuzz::trial(bytes, meter);
}

#[doc(hidden)]
pub mod __private {
    pub use crate::{
        IntoHeaderName, IntoTimeout, Invalidations, KeyPart, Policy, ResponseCache,
        attribute::{BodyUpTo, CalledThroughAnApp, ResponseFuture},
        cache::cached_route::{RouteCell, RouteSpec},
        context::tag,
        extract::{
            covered::*,
            responder::{BodyOf, ProbeAny, ProbeCovered},
        },
        invalidates::{InvalidatingCall, InvalidationGuard, Written, literal},
        key::{KeyWriter, handler_id::SourceLocation},
        route::inputs::{ArgumentInfo, Role},
    };
    pub use core;
    pub use std::time::Duration;
}
