//! TLS, where the feature for it is enabled.

#[cfg(not(feature = "redis-tls"))]
pub(crate) mod absent;
#[cfg(feature = "redis-tls")]
pub(crate) mod present;

#[cfg(not(feature = "redis-tls"))]
pub(crate) use self::absent::Tls;
#[cfg(feature = "redis-tls")]
pub(crate) use self::present::Tls;
