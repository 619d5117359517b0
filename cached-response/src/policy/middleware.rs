//! The options that mean something in front of handlers that nothing is known of.

use crate::policy::Policy;
use actix_web::http::header::HeaderName;

impl Policy {
    /// Cookies that no handler reads, beside those of analytics that are
    /// [known](crate::guide::middleware): requests that carry them need not bypass
    /// [`CacheResponses`](crate::CacheResponses). A trailing `*` stands for any rest of the name.
    ///
    /// It says nothing to a handler that is cached by itself: there the arguments tell.
    #[must_use]
    pub fn ignore_cookies(mut self, names: impl IntoIterator<Item = &'static str>) -> Self {
        self.cookies.extend(names.into_iter().map(Box::from));
        self
    }

    /// Headers that no response depends on, beside those that are
    /// [known](crate::guide::middleware): requests that carry them need not bypass
    /// [`CacheResponses`](crate::CacheResponses).
    ///
    /// It says nothing to a handler that is cached by itself: there the arguments tell.
    ///
    /// # Panics
    /// If a name is not a header's.
    #[must_use]
    pub fn neutral_headers(mut self, names: impl IntoIterator<Item = &'static str>) -> Self {
        self.neutral.extend(names.into_iter().map(|name| {
            HeaderName::from_bytes(name.as_bytes())
                .expect("`neutral_headers` takes names of headers, such as \"x-app-version\"")
        }));
        self
    }
}
