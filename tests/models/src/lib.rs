//! The concurrent parts of cached-response under model checkers.
//!
//! * `every_order`: small scenarios, run by loom in every order that their steps can take; and
//!   the same scenarios on sources with one mistake put in, which must fail.
//! * `generations`: the same for the counts that an invalidation bumps and the registry of names.
//! * `tags`: the same for tags that a handler names, which have stripes beside their counts.
//! * `remote`: the same for invalidations that are pending in a remote store or were received from others.
//! * `random_order`: clients of one cache, run by shuttle in 100,000 random orders.
//! * `fence`: the protocol by which an invalidation holds, and simpler ones that fail.
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
