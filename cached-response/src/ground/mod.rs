//! What everything stands on: the stored response, where it is kept, and the clock.

#[cfg(any(test, feature = "testing"))]
pub(crate) mod acceptance;
pub(crate) mod begun;
pub(crate) mod checked;
pub(crate) mod clock;
pub(crate) mod codings;
pub(crate) mod frame;
pub(crate) mod generation;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod in_process;
pub(crate) mod invalidate_error;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod manual_clock;
#[cfg(feature = "memcached")]
pub(crate) mod memcached;
pub(crate) mod memory;
pub(crate) mod moment;
pub(crate) mod nonce;
#[cfg(feature = "redis")]
pub(crate) mod passing;
#[cfg(feature = "redis")]
pub(crate) mod redis;
pub(crate) mod rest;
pub(crate) mod selector;
pub(crate) mod store;
pub(crate) mod stored;
pub(crate) mod style;
pub(crate) mod sync;
pub(crate) mod told;
pub(crate) mod weak;
