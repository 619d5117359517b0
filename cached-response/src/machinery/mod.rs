//! What a request needs at work: what is shared between requests, and what runs beside them.

#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the story of a request comes next")
)]
mod collapse;
mod sync;
