//! Scope of an invalidation.

/// Everything, a path with all its queries, one URL, or a tag, as written by the caller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    All,
    Path(String),
    Url(String),
    Tag(String),
}

impl Scope {
    /// The text of the caller.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::All => "",
            Self::Path(text) | Self::Url(text) | Self::Tag(text) => text,
        }
    }
}
