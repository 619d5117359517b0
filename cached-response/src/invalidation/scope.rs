//! An invalidation as it is requested: the scope and the effect.

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

/// Effect on the responses whose runs started before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bump {
    /// The responses are stale.
    Expire,
    /// The responses are not reused.
    Invalidate,
}

impl Bump {
    /// Returns the stronger of two effects.
    pub(crate) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Expire, Self::Expire) => Self::Expire,
            _ => Self::Invalidate,
        }
    }
}
