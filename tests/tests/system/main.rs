//! The whole system, in one binary.

mod answers;
mod arguments;
mod ask;
mod collapse;
mod credentials;
mod keys;
mod levels;
mod lints;
mod live;
mod origin;
mod panics;
mod shapes;
mod streams;
mod testing;
mod time;
mod variants;
mod verdicts;
