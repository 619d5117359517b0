//! The concurrent parts of cached-response under model checkers (Bar row 41).
//!
//! * [`every_order`]: small scenarios, run by loom in every order that their steps can take; and
//!   the same scenarios on sources with one mistake put in, which must fail.
//!
//! What is checked is the source itself. It takes its locks from a module next to it named `sync`,
//! which is another one here.
#![cfg(test)]

mod every_order;
