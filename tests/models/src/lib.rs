//! The concurrent parts of cached-response under model checkers.
//!
//! * `every_order`: small scenarios, run by loom in every order that their steps can take; and
//!   the same scenarios on sources with one mistake put in, which must fail.
//! * `generations`: the same for the counts that an invalidation bumps and the registry of names.
//! * `tags`: the same for tags that a handler names, which have stripes beside their counts.
//! * `remote`: the same for what is pending in a remote store, and what was heard of other processes.
//! * `random_order`: a busy afternoon, run by shuttle in 100,000 random orders.
//! * `fence`: why an invalidation holds: the protocol, and the ones that do not work.
//!
//! The source itself is checked. It takes its locks from a module next to it named `sync`,
//! which is another one here.
#![cfg(test)]
#![expect(
    clippy::duplicate_mod,
    reason = "the same source, each time with other locks"
)]

mod every_order;
mod fence;
mod generations;
mod mistakes;
mod random_order;
mod remote;
mod tags;
