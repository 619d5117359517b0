//! Scope of an invalidation.

/// Everything, a path with all its queries, one URL, a tag, all paths with a prefix, as written by the
/// caller; or a route by its [name](crate::invalidation::route_name).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    All,
    Path(String),
    Url(String),
    Tag(String),
    Prefix(String),
    Route(String),
}

impl Scope {
    /// The text of the caller.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::All => "",
            Self::Path(text)
            | Self::Url(text)
            | Self::Tag(text)
            | Self::Prefix(text)
            | Self::Route(text) => text,
        }
    }
}
