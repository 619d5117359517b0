//! Generations, tags and names: the fence between a run and an invalidation, in this process.

pub(crate) mod error;
pub(crate) mod generation;
pub(crate) mod generations;
pub(crate) mod name;
pub(crate) mod nonce;
pub(crate) mod parameter;
pub(crate) mod registry;
pub(crate) mod scope;
pub(crate) mod tag_stripes;
pub(crate) mod tags;
pub(crate) mod target;
pub(crate) mod template;

use crate::util::sync;
