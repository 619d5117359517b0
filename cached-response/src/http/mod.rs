//! Rules of HTTP as pure functions: directives, freshness, storability, conditions, ranges, dates.

pub(crate) mod cache_control;
pub(crate) mod conditional;
pub(crate) mod content_coding;
pub(crate) mod date;
pub(crate) mod fields;
pub(crate) mod freshness;
pub(crate) mod host;
pub(crate) mod storable;
pub(crate) mod unsafe_methods;
