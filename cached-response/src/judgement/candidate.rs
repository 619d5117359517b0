//! What a route sees of a response before it is stored.

use actix_web::http::{StatusCode, header::HeaderMap};

/// A response that is about to be stored, as `store_if` sees it.
///
/// ```
/// use cached_response::{Candidate, Policy};
///
/// fn is_whole(response: &Candidate<'_>) -> bool {
///     !response.headers().contains_key("x-partial-result")
/// }
/// let policy = Policy::default().store_if(is_whole);
/// # let _ = policy;
/// ```
#[derive(Debug)]
pub struct Candidate<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

impl Candidate<'_> {
    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Its headers, as the handler made them.
    pub fn headers(&self) -> &HeaderMap {
        self.headers
    }

    /// Its whole body.
    pub fn body(&self) -> &[u8] {
        self.body
    }
}
