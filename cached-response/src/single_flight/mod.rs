//! Coalescing: one run for all who miss one key, forced runs, and markers to pass.

pub(crate) mod flights;
pub(crate) mod hit_for_pass;
pub(crate) mod responses;

use crate::util::sync;
