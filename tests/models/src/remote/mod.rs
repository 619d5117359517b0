//! State of a process about a remote store and the others that use it, in every order of the
//! steps.

use crate::generations::sync;

#[expect(dead_code, reason = "no size is computed here")]
#[path = "../../../../cached-response/src/invalidation/generation.rs"]
mod generation;
#[expect(dead_code, reason = "the clock is not read here")]
#[path = "../../../../cached-response/src/time/moment.rs"]
mod moment;
mod scenarios;
#[expect(dead_code, reason = "only a tag is invalidated here")]
#[path = "../../../../cached-response/src/invalidation/scope.rs"]
mod scope;
#[path = "../../../../cached-response/src/remote/bus/trust.rs"]
mod trust;

// The same with one mistake each.
include!(concat!(env!("OUT_DIR"), "/remote.rs"));
