//! Number and patterns of arguments.

mod numbers;
mod patterns;
mod seen;
