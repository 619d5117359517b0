//! What a variant was selected by: the parts of a request that a run turned out to depend on.

use actix_web::{HttpRequest, http::header::HeaderName};
use std::any::TypeId;

/// One part of a request that is learnt only from a run: a name in the response's `Vary`, or
/// something that the handler read through `TrackedRequest`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selector {
    /// A header as a list: how it is cut into lines makes no difference.
    Header(HeaderName),
    /// A header as it was sent, which is what `TrackedRequest` shows of it.
    Lines(HeaderName),
    Cookie(Box<str>),
    Host,
    PeerIp,
    Extension(Extension),
}

/// A value in the request's extensions, by its type and the way it is written into a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extension {
    pub(crate) type_id: TypeId,
    pub(crate) value: fn(&HttpRequest) -> Option<Vec<u8>>,
}

impl PartialEq for Extension {
    fn eq(&self, other: &Self) -> bool {
        self.type_id == other.type_id
    }
}

impl Eq for Extension {}

/// The names a response was computed under, and the values its request had for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) names: Vec<Selector>,
    pub(crate) values: Box<[u8]>,
}
