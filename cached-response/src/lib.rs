//! Response caching for actix-web: one line on a handler, and its response is computed once per
//! distinct request.
//!
//! ```
//! use actix_web::{Responder, get};
//! use cached_response::cached_response;
//!
//! #[get("/hello/")]
//! #[cached_response(timeout = 86400)]
//! async fn hello() -> impl Responder {
//!     "Hello, world!"
//! }
//! # let _ = hello;
//! ```

extern crate self as cached_response;

mod doors;
mod ground;
mod judgement;
mod machinery;
mod story;

pub use cached_response_macros::{KeyPart, cached_response};
#[cfg(any(test, feature = "testing"))]
pub use doors::testing;
pub use doors::{
    arguments::Covered,
    cached::{Cached, cached},
    request::Request,
    roles::{Gate, Keyed, Lazy, Unkeyed},
};
pub use judgement::{
    candidate::Candidate,
    key::{KeyWriter, part::KeyPart},
    policy::Policy,
    reason::{Bypass, Skip},
    timeout::IntoTimeout,
};
pub use machinery::{
    cache::{Builder, ResponseCache},
    control::{CacheHandle, disable_cache, set_cache_timeout},
    counters::Stats,
    inserted::insert_key_part,
};
pub use story::explain::{Explanation, Outcome};

/// The guide.
pub mod guide {
    #[doc = include_str!("../docs/what-is-cached.md")]
    pub mod what_is_cached {}

    #[doc = include_str!("../docs/keys.md")]
    pub mod keys {}
}

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

#[doc(hidden)]
pub mod __private {
    pub use crate::{
        IntoTimeout, KeyPart, Policy, ResponseCache,
        doors::{
            arguments::*,
            call::{Answer, BodyUpTo, Call},
        },
        judgement::{
            facts::{Facts, Role},
            key::KeyWriter,
        },
        machinery::place::{Route, SiteCell},
    };
    pub use core;
    pub use std::time::Duration;
}
