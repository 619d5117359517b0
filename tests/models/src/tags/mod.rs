//! Tags that a handler names while it runs, in every order of the steps.

use crate::generations::sync;

#[expect(dead_code, reason = "nothing is weighed here")]
#[path = "../../../../cached-response/src/invalidation/generation.rs"]
mod generation;
#[expect(dead_code, reason = "names come and go in the generations' own models")]
#[path = "../../../../cached-response/src/invalidation/registry.rs"]
mod registry;
mod scenarios;
#[expect(dead_code, reason = "nothing but a bump is needed here")]
#[path = "../../../../cached-response/src/invalidation/scope.rs"]
mod scope;

// The same with one mistake each.
include!(concat!(env!("OUT_DIR"), "/tags.rs"));
