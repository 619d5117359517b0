//! What a route sees of a response before it is stored.

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
    /// The body was asked for.
    seen: Cell<bool>,
}

impl<'a> ResponseView<'a> {
    /// A complete response.
    pub(crate) fn whole(status: StatusCode, headers: &'a HeaderMap, body: &'a [u8]) -> Self {
        Self {
            status,
            headers,
            body,
            seen: Cell::new(false),
        }
    }

    /// A response whose body is not there yet.
    pub(crate) fn head(status: StatusCode, headers: &'a HeaderMap) -> Self {
        Self::whole(status, headers, &[])
    }
}

impl ResponseView<'_> {
    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Its headers, as the handler made them.
    pub fn headers(&self) -> &HeaderMap {
        self.headers
    }

    /// Its whole body.
    ///
    /// It is empty while the body of a stream is not there yet:
    /// [`Policy::store_if`](crate::Policy::store_if) tells when.
    pub fn body(&self) -> &[u8] {
        self.seen.set(true);
        self.body
    }

    /// Returns true where `store_if` refuses this head whatever the body may be, that is without
    /// asking for it.
    pub(crate) fn is_refused_by(&self, store_if: &dyn Fn(&ResponseView<'_>) -> bool) -> bool {
        // A body that is not there yet may be too short for its reader.
        match panic::catch_unwind(AssertUnwindSafe(|| store_if(self))) {
            Ok(stored) => !stored && !self.seen.get(),
            Err(_) if self.seen.get() => false,
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
    fn a_refusal_counts_where_the_body_was_not_asked_for() {
        assert!(is_refused(|_| false));
        assert!(!is_refused(|_| true));
        assert!(!is_refused(|response| !response.body().is_empty()));
        assert!(!is_refused(|response| response.body()[0] == b'{'));
    }

    #[test]
    #[should_panic(expected = "meant")]
    fn a_panic_without_the_body_goes_on() {
        is_refused(|_| panic!("meant"));
    }
}
