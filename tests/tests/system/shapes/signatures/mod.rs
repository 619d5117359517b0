//! Arguments: how many, and how they are bound.

mod numbers;
mod patterns;
mod seen;
