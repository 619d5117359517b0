//! What an annotated function takes in place of its arguments, and what it returns.

use crate::{
    cache::cached_route::{CachedRoute, RouteCell, RouteSpec},
    context::control::RunContext,
    engine::{
        background_refresh::refresh,
        lookup::{BeginOutcome, begin},
        miss::serve,
        upstream::{Done, Upstream},
    },
    extract::{
        covered::NoBody,
        request_body,
        responder::{AnswerProbe, BodyOf, facts_of},
    },
    invalidation::generations::raises,
    key::{KeyWriter, handler_id::HandlerType},
    route::{RouteRef, inputs::ArgumentInfo, request_key::RequestBody},
};
use actix_web::{Error, FromRequest, HttpRequest, HttpResponse, Responder, dev::Payload};
use pin_project_lite::pin_project;
use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// The body is in the key, up to this many bytes.
#[derive(Debug)]
#[non_exhaustive]
pub struct BodyUpTo<const LIMIT: usize>;

/// A request on its way to a handler: `E` is extracted already, `L` only on a miss.
///
/// An annotated handler takes this in place of its arguments, so that it is called through an app, in
/// unit tests too: with `actix_web::test::init_service` and `call_service`. Errors show the name.
pub struct CalledThroughAnApp<E, L, B> {
    request: HttpRequest,
    payload: Payload,
    sent: RequestBody,
    eager: E,
    /// How often anything had been invalidated before `eager` was extracted.
    raises: u64,
    later: PhantomData<fn() -> (L, B)>,
}

impl<E, L, B> fmt::Debug for CalledThroughAnApp<E, L, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CalledThroughAnApp")
            .field("sent", &self.sent)
            .finish_non_exhaustive()
    }
}

impl<E: FromRequest, L> FromRequest for CalledThroughAnApp<E, L, NoBody> {
    type Error = Error;
    type Future = Extracting<E, L>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        RunContext::take_over(request);
        let sent = if request_body::is_there(request, payload) {
            RequestBody::Unkeyed
        } else {
            RequestBody::Nothing
        };
        let raises = raises();
        Extracting {
            raises,
            eager: E::from_request(request, payload),
            rest: Some((request.clone(), payload.take(), sent)),
            later: PhantomData,
        }
    }
}

pin_project! {
    /// The extraction of the arguments that are needed before the look-up.
    pub struct Extracting<E: FromRequest, L> {
        #[pin]
        eager: E::Future,
        raises: u64,
        rest: Option<(HttpRequest, Payload, RequestBody)>,
        later: PhantomData<fn() -> L>,
    }
}

impl<E: FromRequest, L> fmt::Debug for Extracting<E, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extracting").finish_non_exhaustive()
    }
}

impl<E: FromRequest, L> Future for Extracting<E, L> {
    type Output = Result<CalledThroughAnApp<E, L, NoBody>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let eager = ready!(this.eager.poll(cx)).map_err(Into::into)?;
        let (request, payload, sent) = this.rest.take().expect("not polled after it was ready");
        Poll::Ready(Ok(CalledThroughAnApp {
            request,
            payload,
            sent,
            eager,
            raises: *this.raises,
            later: PhantomData,
        }))
    }
}

/// The body is read first, as it came, and given again to whichever extractor wants it.
impl<E: FromRequest + 'static, L: 'static, const LIMIT: usize> FromRequest
    for CalledThroughAnApp<E, L, BodyUpTo<LIMIT>>
{
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        RunContext::take_over(request);
        let (request, raw) = (request.clone(), payload.take());
        Box::pin(async move {
            let (sent, mut payload) = request_body::read(raw, LIMIT).await?;
            let raises = raises();
            let eager = E::from_request(&request, &mut payload)
                .await
                .map_err(Into::into)?;
            if let RequestBody::Keyed(body) = &sent {
                request_body::refill(&mut payload, body);
            }
            Ok(Self {
                request,
                payload,
                sent,
                eager,
                raises,
                later: PhantomData,
            })
        })
    }
}

impl<E: 'static, L: FromRequest + 'static, B: 'static> CalledThroughAnApp<E, L, B> {
    /// Answers from the store, or by running `handler`. The only code compiled once per handler;
    /// everything behind it is shared.
    pub fn run<K, H, F>(
        self,
        site: &'static RouteCell,
        route: fn() -> RouteSpec,
        key: K,
        handler: H,
    ) -> ResponseFuture
    where
        K: FnOnce(&mut KeyWriter, &E),
        H: FnOnce(E, L) -> F + 'static,
        F: Future + 'static,
        F::Output: Responder,
        <F::Output as Responder>::Body: BodyOf<F::Output>,
    {
        let place = site.find(HandlerType::of::<H>(), route, facts_of::<F::Output>());
        self.answer(place, key, |_| handler)
    }

    /// Returns a handler with the probe for the type of its answer, which may have no name.
    pub fn probed<H, F>(&self, handler: H) -> (AnswerProbe<F::Output>, H)
    where
        H: FnOnce(E, L) -> F,
        F: Future,
    {
        (AnswerProbe::NEW, handler)
    }

    /// [`run`](Self::run) on a route with `vary(..)`, where any responder may answer: the handler
    /// comes with what its answer reads of the request.
    pub fn run_under_vary<K, H, F>(
        self,
        site: &'static RouteCell,
        route: fn() -> RouteSpec,
        key: K,
        (facts, handler): (&'static ArgumentInfo, H),
    ) -> ResponseFuture
    where
        K: FnOnce(&mut KeyWriter, &E),
        H: FnOnce(E, L) -> F + 'static,
        F: Future + 'static,
        F::Output: Responder,
    {
        let place = site.find(HandlerType::of::<H>(), route, facts);
        self.answer(place, key, |_| handler)
    }

    /// `handler` makes the handler, where it is to run, of its route.
    pub(crate) fn answer<K, M, H, F>(
        self,
        place: &CachedRoute,
        key: K,
        handler: M,
    ) -> ResponseFuture
    where
        K: FnOnce(&mut KeyWriter, &E),
        M: FnOnce(&RouteRef) -> H,
        H: FnOnce(E, L) -> F + 'static,
        F: Future + 'static,
        F::Output: Responder,
    {
        let Self {
            request,
            mut payload,
            sent,
            eager,
            raises,
            ..
        } = self;
        let mut key = Some(key);
        let mut parts = |writer: &mut KeyWriter| {
            if let Some(key) = key.take() {
                key(writer, &eager);
            }
        };
        let mut answer = None;
        let mut begun = begin(place, &request, &sent, &mut parts, &mut answer);
        if let BeginOutcome::Answered = begun {
            return ResponseFuture(State::Ready(answer));
        }
        if size_of::<E>() > 0 {
            begun.extracted(raises);
        }
        let (asked, handler) = (request.clone(), handler(&place.site));
        let run = Upstream::Handler(Box::pin(async move {
            match L::from_request(&request, &mut payload).await {
                Ok(lazy) => handler(eager, lazy)
                    .await
                    .respond_to(&request)
                    .map_into_boxed_body(),
                Err(error) => refused(&request, error),
            }
        }));
        ResponseFuture(match begun {
            BeginOutcome::Answered => State::Ready(answer),
            BeginOutcome::Refresh(behind) => {
                refresh(*behind, asked, run);
                State::Ready(answer)
            }
            BeginOutcome::Forward(arrival) => State::Pending(serve(arrival, asked, run)),
        })
    }
}

/// The response of an argument that could not be extracted.
fn refused(request: &HttpRequest, error: impl Into<Error>) -> HttpResponse {
    RunContext::refuse_extraction(request);
    HttpResponse::from_error(error)
}

/// A response that was there at once, or one that is being made.
#[must_use = "a response is only made when it is awaited"]
pub struct ResponseFuture(State);

enum State {
    Ready(Option<HttpResponse>),
    Pending(Pin<Box<dyn Future<Output = Done>>>),
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Answer").finish_non_exhaustive()
    }
}

impl Future for ResponseFuture {
    type Output = HttpResponse;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<HttpResponse> {
        match &mut self.get_mut().0 {
            State::Ready(answer) => {
                Poll::Ready(answer.take().expect("not polled after it was ready"))
            }
            State::Pending(pending) => Poll::Ready(match ready!(pending.as_mut().poll(cx)) {
                Ok((_, response)) => response,
                Err(error) => HttpResponse::from_error(error),
            }),
        }
    }
}
