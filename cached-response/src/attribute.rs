//! The runtime half of `#[cached_response]`: the extractor and the return type of an annotated function.

use crate::{
    cache::cached_route::{CachedRoute, RouteCell, RouteSpec},
    context::run_context::RunContext,
    engine::{
        lookup::{LookupOutcome, look_up},
        purge,
        response::serve,
        subject::ExtractionStart,
        upstream::{Done, Upstream},
    },
    extract::{
        covered::NoBody,
        request_body,
        responder::{AnswerProbe, BodyOf, facts_of},
    },
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

/// Marker of a route with `body`: the limit of a body in the key, in bytes.
#[derive(Debug)]
#[non_exhaustive]
pub struct BodyUpTo<const LIMIT: usize>;

/// The argument of an annotated handler: the request, with the eager arguments `E`. The lazy ones `L` are
/// extracted on a miss.
///
/// A test calls such a handler through an app, with `actix_web::test::init_service` and `call_service`.
/// The name of the type is the help in the compile error of a direct call.
pub struct CalledThroughAnApp<E, L, B> {
    request: HttpRequest,
    payload: Payload,
    sent: RequestBody,
    eager: E,
    /// The state before `eager` was extracted.
    start: Option<ExtractionStart>,
    lazy: PhantomData<fn() -> (L, B)>,
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
        let sent = request_body::unkeyed(request, payload);
        let start = ExtractionStart::before::<E>();
        Extracting {
            start,
            eager: E::from_request(request, payload),
            rest: Some((request.clone(), payload.take(), sent)),
            lazy: PhantomData,
        }
    }
}

pin_project! {
    /// The extraction of the arguments that are needed before the look-up.
    pub struct Extracting<E: FromRequest, L> {
        #[pin]
        eager: E::Future,
        start: Option<ExtractionStart>,
        rest: Option<(HttpRequest, Payload, RequestBody)>,
        lazy: PhantomData<fn() -> L>,
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
            start: *this.start,
            lazy: PhantomData,
        }))
    }
}

/// The body is read first, as it was sent, and replayed to the extractors.
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
            let start = ExtractionStart::before::<E>();
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
                start,
                lazy: PhantomData,
            })
        })
    }
}

impl<E: 'static, L: FromRequest + 'static, B: 'static> CalledThroughAnApp<E, L, B> {
    /// Responds from the cache, or by running `handler`. Only this code is compiled once for each handler.
    pub fn run<K, H, F>(
        self,
        cell: &'static RouteCell,
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
        let route = cell.find(HandlerType::of::<H>(), route, facts_of::<F::Output>());
        self.respond(route, key, |_| handler)
    }

    /// Returns a handler with the probe for its responder, whose type may have no name.
    pub fn probed<H, F>(&self, handler: H) -> (AnswerProbe<F::Output>, H)
    where
        H: FnOnce(E, L) -> F,
        F: Future,
    {
        (AnswerProbe::NEW, handler)
    }

    /// [`run`](Self::run) on a route with `vary(..)`, which allows any responder: `facts` are those of the
    /// responder.
    pub fn run_under_vary<K, H, F>(
        self,
        cell: &'static RouteCell,
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
        let route = cell.find(HandlerType::of::<H>(), route, facts);
        self.respond(route, key, |_| handler)
    }

    /// Responds from the cache, or by running the handler that `handler` returns for its route.
    pub(crate) fn respond<K, M, H, F>(
        self,
        cached: &CachedRoute,
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
        if let Some(purged) = purge::answer(cached, &self.request) {
            return ResponseFuture(State::Pending(purged));
        }
        let Self {
            request,
            payload,
            sent,
            eager,
            start,
            ..
        } = self;
        let mut key = Some(key);
        let mut parts = |writer: &mut KeyWriter| {
            if let Some(key) = key.take() {
                key(writer, &eager);
            }
        };
        let mut response = None;
        let mut outcome = look_up(cached, &request, &sent, &mut parts, &mut response);
        if let LookupOutcome::Answered = outcome {
            return ResponseFuture(State::Ready(response));
        }
        if let Some(start) = start {
            outcome.note_extraction(start);
        }
        let (original, handler) = (request.clone(), handler(&cached.route));
        let run = upstream(request, payload, eager, handler);
        ResponseFuture(match outcome {
            LookupOutcome::Answered => State::Ready(response),
            LookupOutcome::Refresh(refresh) => {
                refresh.start(run);
                State::Ready(response)
            }
            LookupOutcome::Forward(pending) => State::Pending(serve(pending, original, run)),
        })
    }
}

/// The run of the handler, behind the extraction of its lazy arguments.
fn upstream<E, L, H, F>(
    request: HttpRequest,
    mut payload: Payload,
    eager: E,
    handler: H,
) -> Upstream
where
    E: 'static,
    L: FromRequest + 'static,
    H: FnOnce(E, L) -> F + 'static,
    F: Future<Output: Responder> + 'static,
{
    Upstream::Handler(Box::pin(async move {
        match L::from_request(&request, &mut payload).await {
            Ok(lazy) => handler(eager, lazy)
                .await
                .respond_to(&request)
                .map_into_boxed_body(),
            Err(error) => extraction_error(&request, error),
        }
    }))
}

/// The response for an argument that could not be extracted.
fn extraction_error(request: &HttpRequest, error: impl Into<Error>) -> HttpResponse {
    RunContext::refuse_extraction(request);
    HttpResponse::from_error(error)
}

/// The response: ready on a hit, else pending.
#[must_use = "a handler runs only when its response is awaited"]
pub struct ResponseFuture(State);

enum State {
    Ready(Option<HttpResponse>),
    Pending(Pin<Box<dyn Future<Output = Done>>>),
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ResponseFuture").finish_non_exhaustive()
    }
}

impl Future for ResponseFuture {
    type Output = HttpResponse;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<HttpResponse> {
        match &mut self.get_mut().0 {
            State::Ready(response) => {
                Poll::Ready(response.take().expect("not polled after it was ready"))
            }
            State::Pending(pending) => Poll::Ready(match ready!(pending.as_mut().poll(cx)) {
                Ok((_, response)) => response,
                Err(error) => HttpResponse::from_error(error),
            }),
        }
    }
}
