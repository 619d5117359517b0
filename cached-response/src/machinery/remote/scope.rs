//! What one invalidation reaches.

/// Everything, a path with all its queries, one URL, or a tag; as the caller has written it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    All,
    Path(String),
    Url(String),
    Tag(String),
}
