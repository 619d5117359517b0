//! The request headers that a handler reads.

use crate::policy::Policy;
use actix_web::http::header::HeaderName;

/// The name of a request header in [`Policy::vary`]: a string literal, or a constant such as
/// `header::ACCEPT_LANGUAGE`.
///
/// ```
/// use actix_web::http::header;
/// use cached_response::IntoHeaderName;
///
/// assert_eq!("Accept-Language".into_name(), header::ACCEPT_LANGUAGE);
/// assert_eq!(header::COOKIE.into_name(), "cookie");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the name of a header",
    label = "expected a string literal or a `HeaderName`",
    note = "write `\"accept-language\"`, or a constant of `actix_web::http::header`"
)]
pub trait IntoHeaderName {
    /// Returns the name.
    ///
    /// # Panics
    /// If a string is not the name of a header.
    fn into_name(self) -> HeaderName;
}

impl IntoHeaderName for &'static str {
    fn into_name(self) -> HeaderName {
        HeaderName::from_bytes(self.as_bytes())
            .expect("`vary` takes names of headers, such as \"accept-language\"")
    }
}

impl IntoHeaderName for HeaderName {
    fn into_name(self) -> HeaderName {
        self
    }
}

impl IntoHeaderName for &HeaderName {
    fn into_name(self) -> HeaderName {
        self.clone()
    }
}

impl Policy {
    /// The values of these request headers are in the key, and the response's `Vary` names them.
    ///
    /// ```
    /// use actix_web::http::header;
    /// use cached_response::Policy;
    ///
    /// let by_text = Policy::default().vary(["Accept-Language"]);
    /// let by_constant = Policy::default().vary([header::ACCEPT_LANGUAGE]);
    /// assert_eq!(format!("{by_text:?}"), format!("{by_constant:?}"));
    /// ```
    ///
    /// # Panics
    /// If a string is not the name of a header.
    #[must_use]
    pub fn vary<N: IntoHeaderName>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.vary = Some(names.into_iter().map(N::into_name).collect());
        self
    }

    /// The handler reads no request header, although it could.
    #[must_use]
    pub fn vary_none(mut self) -> Self {
        self.vary = Some(Vec::new());
        self
    }
}
