//! The view of a response in `store_if`.

use actix_web::http::{StatusCode, header::HeaderMap};
use std::{
    cell::Cell,
    panic::{self, AssertUnwindSafe},
};

/// A response that is about to be stored, as `store_if` sees it.
///
/// ```
/// use cached_response::{ResponseView, Policy};
///
/// fn is_whole(response: &ResponseView<'_>) -> bool {
///     !response.headers().contains_key("x-partial-result")
/// }
/// let policy = Policy::default().store_if(is_whole);
/// # let _ = policy;
/// ```
#[derive(Debug)]
pub struct ResponseView<'a> {
    status: StatusCode,
    headers: &'a HeaderMap,
    body: &'a [u8],
    /// The body was read.
    body_read: Cell<bool>,
}

impl<'a> ResponseView<'a> {
    /// A complete response.
    pub(crate) fn whole(status: StatusCode, headers: &'a HeaderMap, body: &'a [u8]) -> Self {
        Self {
            status,
            headers,
            body,
            body_read: Cell::new(false),
        }
    }

    /// A response without its body yet.
    pub(crate) fn head(status: StatusCode, headers: &'a HeaderMap) -> Self {
        Self::whole(status, headers, &[])
    }
}

impl ResponseView<'_> {
    /// Returns the status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the headers that the handler set.
    pub fn headers(&self) -> &HeaderMap {
        self.headers
    }

    /// Returns the whole body.
    ///
    /// It is empty for a stream that has not ended, see
    /// [`Policy::store_if`](crate::Policy::store_if).
    pub fn body(&self) -> &[u8] {
        self.body_read.set(true);
        self.body
    }

    /// Returns true where `store_if` refuses this head without reading the body.
    pub(crate) fn is_refused_by(&self, store_if: &dyn Fn(&ResponseView<'_>) -> bool) -> bool {
        // An empty body may be too short for `store_if`.
        match panic::catch_unwind(AssertUnwindSafe(|| store_if(self))) {
            Ok(stored) => !stored && !self.body_read.get(),
            Err(_) if self.body_read.get() => false,
            Err(panic) => panic::resume_unwind(panic),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(store_if: impl Fn(&ResponseView<'_>) -> bool) -> bool {
        ResponseView::head(StatusCode::OK, &HeaderMap::new()).is_refused_by(&store_if)
    }

    #[test]
    fn a_refusal_counts_where_the_body_was_not_read() {
        assert!(is_refused(|_| false));
        assert!(!is_refused(|_| true));
        assert!(!is_refused(|response| !response.body().is_empty()));
        assert!(!is_refused(|response| response.body()[0] == b'{'));
    }

    #[test]
    #[should_panic(expected = "meant")]
    fn a_panic_without_the_body_propagates() {
        is_refused(|_| panic!("meant"));
    }
}
