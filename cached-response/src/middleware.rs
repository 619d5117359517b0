//! `CacheResponses`, the middleware for an app, a scope or a resource.

use crate::{
    cache::{ResponseCache, cached_route::CachedRoute},
    context::run_context::RunContext,
    engine::{
        lookup::{LookupOutcome, look_up},
        purge,
        response::serve,
        upstream::{Done, Upstream},
    },
    extract::request_body,
    key::{
        handler_id::{HandlerType, SourceLocation, portable},
        query::QueryFilter,
    },
    policy::Policy,
    util::sync::lock,
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
    sync::{LazyLock, Mutex},
    task::{Context, Poll},
};

/// A middleware that caches the responses of an app, a scope or a resource under one [`Policy`].
///
/// It cannot see the arguments of the handlers, so it **fails closed**: a request with an unknown cookie,
/// header or body bypasses the cache, and `Cache-Status` names the reason (`detail=cookie:session`).
/// [The guide](crate::guide::middleware) lists the known ones, the policy that adds others, and the place
/// of the middleware: inside authentication, above all.
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
/// let request = || test::TestRequest::with_uri("/shop/prices").to_request();
///
/// let miss = test::call_service(&app, request()).await;
/// assert_eq!(miss.headers().get("cache-status").unwrap(), "cached-response; fwd=uri-miss; stored");
/// let hit = test::call_service(&app, request()).await;
/// assert_eq!(hit.headers().get("age").unwrap(), "0");
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
/// The response of an inner handler with the attribute, or of an inner `CacheResponses`, is stored by that
/// one alone. `disable_cache()`, `set_cache_timeout(..)` and the extractors
/// [`CacheHandle`](crate::CacheHandle) and [`TrackedRequest`](crate::TrackedRequest) work in plain handlers.
///
/// The place in the source where it was built identifies a middleware; in a remote store also the name of
/// the executable. Two scopes on one path behind guards, each with `Data` of its own and wrapped by a
/// middleware from the same place, would share responses: the middleware cannot see the `Data` of a
/// scope. Give each a [`cache`](Self::cache) of its own, or build each at a place of its own.
#[derive(Clone)]
pub struct CacheResponses {
    cached: CachedRoute,
}

impl CacheResponses {
    /// Returns a middleware that caches under `policy`.
    ///
    /// # Panics
    /// If the policy has an option that needs a handler: `methods` other than GET and HEAD,
    /// `query_typed`; or one that runs a handler in the background: `stale_while_revalidate`,
    /// `refresh_ahead`, `soft_timeout`.
    ///
    /// ```
    /// use cached_response::{CacheResponses, Policy};
    ///
    /// let scope = actix_web::web::scope("/shop").wrap(CacheResponses::new(Policy::new(60)));
    /// # let _ = scope;
    /// ```
    ///
    /// ```should_panic
    /// use cached_response::{CacheResponses, Policy};
    ///
    /// let _ = CacheResponses::new(Policy::new(60).stale_while_revalidate(30));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(policy: Policy) -> Self {
        let plain = |method: &Method| matches!(*method, Method::GET | Method::HEAD);
        assert!(
            policy.methods.contains(&Method::GET) && policy.methods.iter().all(plain),
            "`CacheResponses` caches GET and HEAD, since its key has no body: leave `methods` \
             out of its policy, and cache a handler of another method with \
             `#[cached_response(methods(POST), body)]`"
        );
        assert!(
            !matches!(policy.names, QueryFilter::Typed),
            "`CacheResponses` sees no `Query<T>`: name the fields, `query([\"page\", \"sort\"])`, \
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
        for (option, is_set) in refreshed {
            assert!(
                !is_set,
                "`{option}` runs the handler in the background, and the services inside `CacheResponses` \
                 own the request: leave it out of its policy, and set it on the handler, with `#[cached_response({option} = ..)]`"
            );
        }
        let location = Location::caller();
        let (middleware, source) = (
            HandlerType::of::<Self>(),
            SourceLocation::built(location, program()),
        );
        Self {
            cached: CachedRoute::for_middleware(name(location), middleware, source, policy),
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
        self.cached.use_cache(cache);
        self
    }
}

/// The name of the executable, which a place in the source does not identify.
fn program() -> &'static str {
    static PROGRAM: LazyLock<String> = LazyLock::new(|| {
        let path = env::current_exe().unwrap_or_default();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        // The suffix of Linux for an executable that was replaced.
        name.trim_end_matches(" (deleted)").to_owned()
    });
    &PROGRAM
}

/// Returns the name of a middleware, one for all workers. It is leaked: there is one for each place in the
/// source.
fn name(location: &'static Location<'static>) -> &'static str {
    type Names = Mutex<Option<HashMap<&'static Location<'static>, &'static str>>>;
    static NAMES: Names = Mutex::new(None);
    let mut names = lock(&NAMES);
    let name = names.get_or_insert_default().entry(location);
    name.or_insert_with(|| {
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
            .field("name", &self.cached.route.name)
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
    type Transform = CachedService<S>;
    type InitError = ();
    type Future = Ready<Result<CachedService<S>, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(CachedService {
            service: Rc::new(service),
            cached: self.cached.clone(),
        }))
    }
}

/// A service whose responses are cached.
pub struct CachedService<S> {
    service: Rc<S>,
    cached: CachedRoute,
}

impl<S> fmt::Debug for CachedService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedService")
            .field("name", &self.cached.route.name)
            .finish_non_exhaustive()
    }
}

impl<S, B> Service<ServiceRequest> for CachedService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = ServiceFuture;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> ServiceFuture {
        let (request, mut payload) = request.into_parts();
        if let Some(purged) = purge::answer(&self.cached, &request) {
            return ServiceFuture(State::Pending(purged));
        }
        RunContext::take_over(&request);
        let sent = request_body::unkeyed(&request, &mut payload);
        let mut response = None;
        match look_up(&self.cached, &request, &sent, &mut |_| {}, &mut response) {
            // `new` rejects the policies that refresh in the background.
            LookupOutcome::Answered | LookupOutcome::Refresh(_) => ServiceFuture(State::Ready(
                response.map(|response| ServiceResponse::new(request, response)),
            )),
            LookupOutcome::Forward(pending) => {
                let run = run(self.service.clone(), payload);
                ServiceFuture(State::Pending(serve(pending, request, run)))
            }
        }
    }
}

/// The run of the inner service, which is called on a miss.
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

/// The response: ready on a hit, else pending.
#[must_use = "a handler runs only when its response is awaited"]
pub struct ServiceFuture(State);

enum State {
    Ready(Option<ServiceResponse>),
    Pending(Pin<Box<dyn Future<Output = Done>>>),
}

impl fmt::Debug for ServiceFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceFuture").finish_non_exhaustive()
    }
}

impl Future for ServiceFuture {
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
