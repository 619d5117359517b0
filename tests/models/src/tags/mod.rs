//! Tags that a handler names while it runs, in every order of the steps.

use crate::generations::sync;

#[expect(dead_code, reason = "nothing is weighed here")]
#[path = "../../../../cached-response/src/ground/generation.rs"]
mod generation;
#[expect(dead_code, reason = "only tags are named here")]
#[path = "../../../../cached-response/src/machinery/generations/name.rs"]
mod name;
#[path = "../../../../cached-response/src/machinery/generations/named.rs"]
mod named;
#[expect(dead_code, reason = "names come and go in the generations' own models")]
#[path = "../../../../cached-response/src/machinery/generations/registry.rs"]
mod registry;
mod scenarios;

// The same with one mistake each.
include!(concat!(env!("OUT_DIR"), "/tags.rs"));
