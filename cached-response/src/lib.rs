//! Response caching for actix-web handlers.

#[expect(dead_code, reason = "the story that calls the rules comes next")]
mod judgement;

pub use judgement::key::{Key, KeyWriter};
pub use judgement::key_part::KeyPart;
