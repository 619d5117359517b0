//! TLS, where the feature for it is enabled.

#[cfg(not(feature = "redis-tls"))]
mod absent;
#[cfg(feature = "redis-tls")]
mod present;

#[cfg(not(feature = "redis-tls"))]
pub(super) use absent::Tls;
#[cfg(feature = "redis-tls")]
pub(super) use present::Tls;
