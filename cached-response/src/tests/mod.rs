//! What handlers and requests are called where processes share a store, and what nodes find there.

mod identities;
mod off;
mod processes;
mod shared;
pub(crate) mod warnings;
mod weak;
