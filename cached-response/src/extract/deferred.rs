//! When the arguments of a handler are due.

use crate::extract::covered::{KeyCovered, NoBody, NoVary, RouteOptions, Typed};
use actix_web::{FromRequest, HttpRequest, dev::Payload};
use pin_project_lite::pin_project;
use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// Arguments that are extracted before the look-up, unless the key tells them.
#[derive(Debug)]
pub enum Extracted<Args> {
    /// Here they are.
    Now(Args),
    /// None of them sees a body, or could refuse what a stored response was made for.
    OnAMiss,
}

impl<Args> FromRequest for Extracted<Args>
where
    Args: FromRequest + KeyCovered<RouteOptions<NoVary, NoBody, Typed>>,
{
    type Error = Args::Error;
    type Future = Extraction<Args::Future>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let told = Args::FACTS.are_told_by_key();
        Extraction {
            now: (!told).then(|| Args::from_request(request, payload)),
        }
    }
}

pin_project! {
    /// The extraction of what is due now.
    pub struct Extraction<F> {
        #[pin]
        now: Option<F>,
    }
}

impl<F> fmt::Debug for Extraction<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extraction").finish_non_exhaustive()
    }
}

impl<F: Future<Output = Result<Args, E>>, Args, E> Future for Extraction<F> {
    type Output = Result<Extracted<Args>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().now.as_pin_mut() {
            Some(now) => Poll::Ready(ready!(now.poll(cx)).map(Extracted::Now)),
            None => Poll::Ready(Ok(Extracted::OnAMiss)),
        }
    }
}
