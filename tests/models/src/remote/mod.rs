//! State of a process about a remote store and the others that use it, in every order of the
//! steps.

use crate::generations::sync;

#[expect(dead_code, reason = "nothing is weighed here")]
#[path = "../../../../cached-response/src/invalidation/generation.rs"]
mod generation;
#[path = "../../../../cached-response/src/remote/bus/liveness.rs"]
mod liveness;
#[expect(dead_code, reason = "nobody asks the clock here")]
#[path = "../../../../cached-response/src/time/moment.rs"]
mod moment;
#[path = "../../../../cached-response/src/remote/bus/pending.rs"]
mod pending;
mod scenarios;
#[expect(dead_code, reason = "only a tag is invalidated here")]
#[path = "../../../../cached-response/src/invalidation/scope.rs"]
mod scope;

// The same with one mistake each.
include!(concat!(env!("OUT_DIR"), "/remote.rs"));
