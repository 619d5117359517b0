//! The collapse in every order of its steps.

#[path = "../../../../cached-response/src/single_flight/flights/mod.rs"]
mod collapse;
mod scenarios;
mod sync;

// The same with one mistake each.
include!(concat!(env!("OUT_DIR"), "/every_order.rs"));
