//! Invalidation in this process: generations, tags, and the names of what is invalidated.

pub(crate) mod error;
pub(crate) mod generation;
pub(crate) mod generations;
pub(crate) mod nonce;
pub(crate) mod notifier;
pub(crate) mod prefix;
pub(crate) mod registry;
pub(crate) mod route_name;
pub(crate) mod scope;
pub(crate) mod surrogate;
pub(crate) mod tag_stripes;
pub(crate) mod tags;
pub(crate) mod target;
pub(crate) mod template;

use crate::util::sync;
