//! Identities and keys that processes share through a store.

mod identities;
mod off;
mod processes;
mod shared;
pub(crate) mod warnings;
mod weak;
