//! A middleware that caches what is inside it: an app, a scope or a resource.

use crate::{
    cache::{ResponseCache, cached_route::CachedRoute},
    context::control::RunContext,
    engine::{
        lookup::{BeginOutcome, begin},
        miss::serve,
        upstream::{Done, Upstream},
    },
    extract::request_body,
    key::{
        handler_id::{HandlerType, SourceLocation, portable},
        query::QueryFilter,
    },
    policy::Policy,
    route::request_key::RequestBody,
};
use actix_web::{
    Error,
    body::{BoxBody, MessageBody},
    dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    http::Method,
};
use std::{
    collections::HashMap,
    env, fmt,
    future::{Future, Ready, ready},
    panic::Location,
    pin::Pin,
    rc::Rc,
    sync::{LazyLock, Mutex, PoisonError},
    task::{Context, Poll},
};

/// Caches the responses of everything inside it under one [`Policy`]: a middleware for an app, a
/// scope or a resource, on the engine of [`cached_response`](macro@crate::cached_response).
///
/// It sees nothing of the handlers, so it **fails closed**: a request with a cookie, a header or a
/// body that nothing is known of bypasses, and `Cache-Status` names it (`detail=cookie:session`).
/// What is known, what a policy can add, and where the middleware must stand is in
/// [the guide](crate::guide::middleware): inside authentication, above all.
///
/// ```
/// use actix_web::{App, test, web};
/// use cached_response::{CacheResponses, Policy};
///
/// # #[actix_web::main] async fn main() {
/// let shop = web::scope("/shop")
///     .wrap(CacheResponses::new(Policy::new(60)))
///     .route("/prices", web::get().to(|| async { "all of them" }));
/// let app = test::init_service(App::new().service(shop)).await;
/// let ask = || test::TestRequest::with_uri("/shop/prices").to_request();
///
/// let live = test::call_service(&app, ask()).await;
/// assert_eq!(live.headers().get("cache-status").unwrap(), "cached-response; fwd=uri-miss; stored");
/// let stored = test::call_service(&app, ask()).await;
/// assert_eq!(stored.headers().get("age").unwrap(), "0");
///
/// let user = test::TestRequest::with_uri("/shop/prices").append_header(("cookie", "session=1"));
/// let bypassed = test::call_service(&app, user.to_request()).await;
/// assert_eq!(
///     bypassed.headers().get("cache-status").unwrap(),
///     "cached-response; fwd=bypass; detail=cookie:session"
/// );
/// # }
/// ```
///
/// A handler in there that has the attribute, or another `CacheResponses`, has its own word: what
/// it answers is stored by it alone. `disable_cache()`, `set_cache_timeout(..)` and the extractors
/// [`CacheHandle`](crate::CacheHandle) and [`TrackedRequest`](crate::TrackedRequest) work in plain handlers.
///
/// Two of them are told apart by the place in the source where they were built; in a remote store,
/// by the name of the executable as well. Two scopes on one path behind guards, each with `Data` of its own
/// and wrapped by what one function built, would share their pages: what a scope gives its handlers is not
/// seen from outside. Give each a [`cache`](Self::cache) of its own, or build each at a place of its own.
#[derive(Clone)]
pub struct CacheResponses {
    place: CachedRoute,
}

impl CacheResponses {
    /// A middleware that caches under `policy`.
    ///
    /// # Panics
    /// If the policy says something that has no meaning without a handler: `methods` other than
    /// GET and HEAD, `query_typed`; or something that lets a handler run behind an answer:
    /// `stale_while_revalidate`, `refresh_ahead`, `soft_timeout`.
    #[must_use]
    #[track_caller]
    pub fn new(policy: Policy) -> Self {
        let plain = |method: &Method| matches!(*method, Method::GET | Method::HEAD);
        assert!(
            policy.methods.contains(&Method::GET) && policy.methods.iter().all(plain),
            "`CacheResponses` caches GET and HEAD, since it puts no body into a key: leave `methods` \
             out of its policy, and cache a handler of another method by itself, with \
             `#[cached_response(methods(POST), body)]`"
        );
        assert!(
            !matches!(policy.names, QueryFilter::Typed),
            "`CacheResponses` knows no `Query<T>`: name the arguments, `query([\"page\", \"sort\"])`, \
             in place of `query_typed()`"
        );
        let refreshed = [
            (
                "stale_while_revalidate",
                policy.stale.while_revalidate.is_some(),
            ),
            ("refresh_ahead", policy.stale.refresh_ahead.is_some()),
            ("soft_timeout", policy.stale.soft_timeout.is_some()),
        ];
        for (option, said) in refreshed {
            assert!(
                !said,
                "`{option}` needs a run behind the answer, and the services inside `CacheResponses` \
                 want the request for themselves: leave it out of its policy, and give it to the \
                 handler, with `#[cached_response({option} = ..)]`"
            );
        }
        let location = Location::caller();
        let (door, source) = (
            HandlerType::of::<Self>(),
            SourceLocation::built(location, program()),
        );
        Self {
            place: CachedRoute::for_middleware(name(location), door, source, policy),
        }
    }

    /// Uses `cache` in place of the application's.
    ///
    /// ```
    /// use cached_response::{CacheResponses, Policy, ResponseCache};
    ///
    /// let own = ResponseCache::builder().max_bytes(1 << 20).build();
    /// let scope = actix_web::web::scope("/shop").wrap(CacheResponses::new(Policy::default()).cache(own));
    /// # let _ = scope;
    /// ```
    #[must_use]
    pub fn cache(mut self, cache: ResponseCache) -> Self {
        self.place.use_cache(cache);
        self
    }
}

/// The name of the program: a place in the source says nothing of whose source it is.
fn program() -> &'static str {
    static PROGRAM: LazyLock<String> = LazyLock::new(|| {
        let path = env::current_exe().unwrap_or_default();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        // So Linux says that a deploy has put another in its place.
        name.trim_end_matches(" (deleted)").to_owned()
    });
    &PROGRAM
}

/// The name of what was built there: one for all workers. It lives on, as there are as many as the
/// source has places.
fn name(location: &'static Location<'static>) -> &'static str {
    type QueryFilter = Mutex<Option<HashMap<&'static Location<'static>, &'static str>>>;
    static NAMES: QueryFilter = Mutex::new(None);
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    let place = names.get_or_insert_default().entry(location);
    place.or_insert_with(|| {
        let (file, line, column) = (
            portable(location.file()),
            location.line(),
            location.column(),
        );
        Box::leak(format!("CacheResponses at {file}:{line}:{column}").into())
    })
}

impl fmt::Debug for CacheResponses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheResponses")
            .field("name", &self.place.site.name)
            .finish_non_exhaustive()
    }
}

impl<S, B> Transform<S, ServiceRequest> for CacheResponses
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = Cached<S>;
    type InitError = ();
    type Future = Ready<Result<Cached<S>, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(Cached {
            service: Rc::new(service),
            place: self.place.clone(),
        }))
    }
}

/// A service whose responses are cached.
pub struct Cached<S> {
    service: Rc<S>,
    place: CachedRoute,
}

impl<S> fmt::Debug for Cached<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached")
            .field("name", &self.place.site.name)
            .finish_non_exhaustive()
    }
}

impl<S, B> Service<ServiceRequest> for Cached<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = ResponseFuture;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> ResponseFuture {
        let (request, mut payload) = request.into_parts();
        RunContext::take_over(&request);
        let sent = if request_body::is_there(&request, &mut payload) {
            RequestBody::Unkeyed
        } else {
            RequestBody::Nothing
        };
        let mut answer = None;
        match begin(&self.place, &request, &sent, &mut |_| {}, &mut answer) {
            // No rule lets a run go on behind an answer here; if one did, it would not.
            BeginOutcome::Answered | BeginOutcome::Refresh(_) => ResponseFuture(State::Ready(
                answer.map(|answer| ServiceResponse::new(request, answer)),
            )),
            BeginOutcome::Forward(arrival) => {
                let run = run(self.service.clone(), payload);
                ResponseFuture(State::Pending(serve(arrival, request, run)))
            }
        }
    }
}

/// The run of a service: it is called when it is known that it must be.
fn run<S, B>(service: Rc<S>, payload: Payload) -> Upstream
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    Upstream::Service(Box::new(move |request, conditions| {
        Box::pin(async move {
            let mut request = ServiceRequest::from_parts(request, payload);
            for (name, value) in conditions {
                request.headers_mut().insert(name, value);
            }
            let response = service.call(request).await?;
            Ok(response.map_into_boxed_body().into_parts())
        })
    }))
}

/// A response that was there at once, or one that is being made.
#[must_use = "a response is only made when it is awaited"]
pub struct ResponseFuture(State);

enum State {
    Ready(Option<ServiceResponse>),
    Pending(Pin<Box<dyn Future<Output = Done>>>),
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").finish_non_exhaustive()
    }
}

impl Future for ResponseFuture {
    type Output = Result<ServiceResponse, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.get_mut().0 {
            State::Ready(response) => {
                Poll::Ready(Ok(response.take().expect("not polled after it was ready")))
            }
            State::Pending(pending) => pending.as_mut().poll(cx).map(|done| {
                let (request, response) = done?;
                Ok(ServiceResponse::new(request, response))
            }),
        }
    }
}
