//! What one invalidation reaches.

/// Everything, a path with all its queries, one URL, or a tag; as the caller has written it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    All,
    Path(String),
    Url(String),
    Tag(String),
}

impl Scope {
    /// What the caller has written.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::All => "",
            Self::Path(text) | Self::Url(text) | Self::Tag(text) => text,
        }
    }
}
