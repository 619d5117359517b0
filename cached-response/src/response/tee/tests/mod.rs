//! Copies from the handler's and the client's side.

mod bounds;
mod budget;
mod clients;
mod endings;
mod script;
mod tasks;
