//! The extraction of a `Query<T>` without the nocache flag.
//!
//! Under the attribute `?nocache=1` is not part of the handler's query, so a `T` with
//! `#[serde(deny_unknown_fields)]` must not reject it. An argument is extracted before its route is
//! known, so the name of the flag is in the type.

use crate::{context::control::RunContext, extract::covered::KeyCovered, key::query::has_flag};
use actix_web::{Error, FromRequest, HttpRequest, dev::Payload};
use pin_project_lite::pin_project;
use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// An argument whose type is named `Query`, extracted without the pair `<flag>=1`.
///
/// `FLAG` is the name of the flag: its bytes, the last one lowest. `W` are the options of its route.
#[non_exhaustive]
pub struct QueryWithoutFlag<Q, W, const FLAG: u128> {
    /// The argument of the handler.
    pub argument: Q,
    options: PhantomData<fn() -> W>,
}

impl<Q, W, const FLAG: u128> QueryWithoutFlag<Q, W, FLAG> {
    const NAME: &'static [u8] = &FLAG.to_be_bytes();

    fn new(argument: Q) -> Self {
        Self {
            argument,
            options: PhantomData,
        }
    }

    /// The name of the flag, which is ASCII.
    fn flag() -> &'static str {
        let unused = Self::NAME.iter().take_while(|byte| **byte == 0).count();
        std::str::from_utf8(&Self::NAME[unused..]).unwrap_or_default()
    }
}

impl<Q, W, const FLAG: u128> fmt::Debug for QueryWithoutFlag<Q, W, FLAG> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryWithoutFlag").finish_non_exhaustive()
    }
}

impl<Q, W, const FLAG: u128> FromRequest for QueryWithoutFlag<Q, W, FLAG>
where
    Q: FromRequest + KeyCovered<W>,
{
    type Error = Error;
    type Future = ExtractingQuery<Q, Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let flag = Self::flag();
        let extracted = extract_if_flagged(request, flag, Q::extract_without);
        let whole = match extracted {
            Some(_) => None,
            None => Some(Q::from_request(request, payload)),
        };
        ExtractingQuery {
            whole,
            extracted,
            wrap: Self::new,
        }
    }
}

pin_project! {
    /// The extraction of a [`QueryWithoutFlag`].
    pub struct ExtractingQuery<Q: FromRequest, A> {
        #[pin]
        whole: Option<Q::Future>,
        extracted: Option<Result<Q, Error>>,
        wrap: fn(Q) -> A,
    }
}

impl<Q: FromRequest, A> fmt::Debug for ExtractingQuery<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExtractingQuery").finish_non_exhaustive()
    }
}

impl<Q: FromRequest, A> Future for ExtractingQuery<Q, A> {
    type Output = Result<A, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let extracted = match this.whole.as_pin_mut() {
            Some(whole) => ready!(whole.poll(cx)).map_err(Into::into),
            None => this
                .extracted
                .take()
                .expect("not polled after it was ready"),
        };
        Poll::Ready(extracted.map(*this.wrap))
    }
}

/// Extracts an argument of a request with the flag as if without it. `None` where it must be extracted
/// with the flag, which marks the response as not storable.
pub(crate) fn extract_if_flagged<Q>(
    request: &HttpRequest,
    flag: &str,
    extract: fn(&HttpRequest, &str) -> Option<Result<Q, Error>>,
) -> Option<Result<Q, Error>> {
    if !has_flag(request.query_string(), flag) {
        return None;
    }
    let extracted = extract(request, flag);
    if extracted.is_none() {
        // The handler may read the flag, which is not in the key.
        RunContext::refuse_extraction(request);
    }
    extracted
}

#[cfg(test)]
mod tests {
    use super::QueryWithoutFlag;

    #[test]
    fn the_name_of_the_flag_is_decoded_from_the_type() {
        const NOCACHE: u128 = 0x6e_6f63_6163_6865;
        const LONGEST: u128 = u128::from_be_bytes(*b"0123456789abcdef");
        assert_eq!(QueryWithoutFlag::<(), (), NOCACHE>::flag(), "nocache");
        assert_eq!(
            QueryWithoutFlag::<(), (), LONGEST>::flag(),
            "0123456789abcdef"
        );
    }
}
