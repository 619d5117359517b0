//! What a generation is found by.

/// The name of a generation.
#[derive(Debug, Hash)]
pub(crate) enum Name<'a> {
    Path(&'a [u8]),
    Url(&'a [u8], &'a str),
    Tag(&'a str),
}
