//! The whole system, in one binary.

mod levels;
mod lints;
mod shapes;
