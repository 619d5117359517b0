//! The whole system, in one binary.

mod ask;
mod collapse;
mod keys;
mod levels;
mod lints;
mod live;
mod origin;
mod shapes;
mod streams;
