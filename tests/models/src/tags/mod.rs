//! Tags that a handler names while it runs, in every order of the steps.

use crate::generations::sync;

#[expect(dead_code, reason = "nothing is weighed here")]
#[path = "../../../../cached-response/src/invalidation/generation.rs"]
mod generation;
#[path = "../../../../cached-response/src/invalidation/tag_stripes.rs"]
mod named;
#[expect(dead_code, reason = "names come and go in the generations' own models")]
#[path = "../../../../cached-response/src/invalidation/registry.rs"]
mod registry;
mod scenarios;

// The same with one mistake each.
include!(concat!(env!("OUT_DIR"), "/tags.rs"));
