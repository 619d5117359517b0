//! The decisions: pure functions of values, without I/O, clocks or locks.

pub(crate) mod admit;
pub(crate) mod cache_control;
pub(crate) mod candidate;
pub(crate) mod closed;
pub(crate) mod coding;
pub(crate) mod date;
pub(crate) mod dictionary;
pub(crate) mod directive;
pub(crate) mod directives;
pub(crate) mod facts;
pub(crate) mod field;
pub(crate) mod if_range;
pub(crate) mod judge;
pub(crate) mod key;
pub(crate) mod lifetime;
pub(crate) mod outdated;
pub(crate) mod own;
pub(crate) mod policy;
pub(crate) mod query;
pub(crate) mod range;
pub(crate) mod reason;
pub(crate) mod selection;
pub(crate) mod stage;
pub(crate) mod stale;
pub(crate) mod target;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the attributes that have templates come next")
)]
pub(crate) mod template;
pub(crate) mod terms;
pub(crate) mod timeout;
pub(crate) mod times;
pub(crate) mod validators;
pub(crate) mod wishes;
