//! What moves a response about: copies, tasks.

#![allow(dead_code, reason = "used by the story, which comes later")]

pub(crate) mod capture;
pub(crate) mod local;
