//! Plays request sequences that are written down as data against the `blackbox` example.
//!
//! A file of `cases/` is an array of cases, and a [`Case`] is a script for the handler, then steps: requests with what
//! must come back. A test that fails names the step and says what it saw.

pub use self::case::{Case, Exchange, Pick, Saw, Step, load};
pub use self::expect::Expect;
pub use self::play::play;

mod case;
mod expect;
mod fixture;
mod play;
mod profiles;
