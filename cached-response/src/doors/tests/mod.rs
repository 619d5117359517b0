//! What handlers and requests are called where processes share a store.

mod identities;
mod processes;
mod weak;
