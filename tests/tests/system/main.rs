//! The whole system, in one binary.

mod ask;
mod keys;
mod levels;
mod lints;
mod origin;
mod shapes;
