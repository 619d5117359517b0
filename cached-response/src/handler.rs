//! `cached(policy, handler)`: the attribute without a macro.

use crate::{
    attribute::{CalledThroughAnApp, ResponseFuture},
    cache::{
        ResponseCache,
        cached_route::{CachedRoute, RouteSpec},
    },
    context::run_context::RunContext,
    extract::{
        covered::{KeyCovered, NoBody, NoVary, RouteOptions, Typed},
        responder::{BodyOf, facts_of},
        roles::extract_if_flagged,
    },
    key::{
        handler_id::{HandlerType, SourceLocation},
        query::QueryFilter,
    },
    policy::Policy,
    route::{RouteRef, inputs::Role},
};
use actix_web::{Error, FromRequest, Handler, HttpRequest, HttpResponse, Responder, dev::Payload};
use pin_project_lite::pin_project;
use std::{
    any::type_name,
    fmt,
    future::Future,
    marker::PhantomData,
    panic::Location,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// Wraps a handler whose responses are cached under `policy`.
///
/// As under the attribute, an argument that is neither covered by the key ([`KeyCovered`]) nor a
/// [`Keyed`](crate::Keyed), [`Gate`](crate::Gate) or [`Unkeyed`](crate::Unkeyed) does not compile, nor
/// does a response that is no [`CoveredResponder`](crate::CoveredResponder).
///
/// ```
/// use actix_web::{App, test, web};
/// use cached_response::{Policy, cached};
///
/// # #[actix_web::main] async fn main() {
/// let square = cached(Policy::new(60), |n: web::Path<u32>| async move { (*n * *n).to_string() });
/// let app = test::init_service(App::new().route("/square/{n}", web::get().to(square))).await;
/// for is_hit in [false, true] {
///     let request = test::TestRequest::with_uri("/square/7").to_request();
///     let response = test::call_service(&app, request).await;
///     assert_eq!(response.headers().contains_key("age"), is_hit);
///     assert_eq!(test::read_body(response).await, "49");
/// }
/// # }
/// ```
///
/// The type of a handler identifies it, so a closure that captures a value does not compile: take the
/// value as [`web::Data`](actix_web::web::Data).
///
/// # Panics
/// Under [`Policy::query_typed`], if the handler has no `Query<T>`.
///
/// ```compile_fail
/// # use cached_response::{Policy, cached};
/// let greeting = String::from("hello");
/// let route = actix_web::web::get().to(cached(Policy::new(60), move || {
///     let greeting = greeting.clone();
///     async move { greeting }
/// }));
/// ```
#[track_caller]
pub fn cached<H, Args>(policy: Policy, handler: H) -> CachedHandler<H, Args>
where
    H: Handler<Args>,
    H::Output: Responder,
    <H::Output as Responder>::Body: BodyOf<H::Output>,
    Args: FromRequest + KeyCovered<RouteOptions<NoVary, NoBody, Typed>> + 'static,
{
    const {
        assert!(
            size_of::<H>() == 0,
            "a handler given to `cached` must not capture a value, or be a function pointer: two with \
             different captures would have one key. Take the value as `web::Data<..>`"
        );
    }
    let source = SourceLocation::built(Location::caller(), type_name::<Args>());
    let mut facts = Vec::new();
    Args::facts(&mut facts);
    assert!(
        !matches!(policy.names, QueryFilter::Typed)
            || facts.iter().any(|facts| facts.query.is_some()),
        "`query_typed()` keys the fields of a `Query<T>`, and this handler takes none: leave it out, or \
         name the fields, `query([\"page\", \"sort\"])`"
    );
    // Eager arguments are extracted before their route, and the name of its flag, is known.
    let is_deferred = Args::FACTS.is_determined_by_key();
    let route = facts
        .into_iter()
        .fold(RouteSpec::new(policy, false), |route, facts| {
            let facts = if is_deferred {
                facts.without_flag()
            } else {
                facts
            };
            route.argument(Role::Covered, facts)
        })
        .responder(*facts_of::<H::Output>());
    CachedHandler {
        cached: CachedRoute::new(type_name::<H>(), HandlerType::of::<H>(), source, route),
        handler,
        arguments: PhantomData,
    }
}

/// A handler whose responses are cached; returned by [`cached`].
pub struct CachedHandler<H, Args> {
    cached: CachedRoute,
    handler: H,
    arguments: PhantomData<fn() -> Args>,
}

impl<H, Args> CachedHandler<H, Args> {
    /// Uses `cache` in place of the application's.
    ///
    /// ```
    /// use cached_response::{Policy, ResponseCache, cached};
    ///
    /// let own = ResponseCache::builder().max_bytes(1 << 20).build();
    /// let route = actix_web::web::get().to(cached(Policy::default(), || async { "hello" }).cache(own));
    /// # let _ = route;
    /// ```
    #[must_use]
    pub fn cache(mut self, cache: ResponseCache) -> Self {
        self.cached.use_cache(cache);
        self
    }
}

impl<H: Clone, Args> Clone for CachedHandler<H, Args> {
    fn clone(&self) -> Self {
        Self {
            cached: self.cached.clone(),
            handler: self.handler.clone(),
            arguments: PhantomData,
        }
    }
}

impl<H, Args> fmt::Debug for CachedHandler<H, Args> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedHandler")
            .field("handler", &self.cached.route.name)
            .finish_non_exhaustive()
    }
}

impl<H, Args> Handler<CalledThroughAnApp<Extracted<Args>, HttpRequest, NoBody>>
    for CachedHandler<H, Args>
where
    H: Handler<Args>,
    H::Output: Responder,
    Args: FromRequest + KeyCovered<RouteOptions<NoVary, NoBody, Typed>> + 'static,
{
    type Output = HttpResponse;
    type Future = ResponseFuture;

    fn call(
        &self,
        call: CalledThroughAnApp<Extracted<Args>, HttpRequest, NoBody>,
    ) -> ResponseFuture {
        let handler = self.handler.clone();
        call.respond(
            &self.cached,
            |key, extracted| {
                if let Extracted::Eager(arguments) = extracted {
                    arguments.write_key(key);
                }
            },
            move |route| {
                let route = route.clone();
                move |extracted, request| async move {
                    let arguments = match extracted {
                        Extracted::Eager(arguments) => arguments,
                        Extracted::Deferred => extract(&route, &request).await?,
                    };
                    Ok::<_, Error>(handler.call(arguments).await)
                }
            },
        )
    }
}

/// Arguments that are extracted before the look-up, unless the key determines them.
#[derive(Debug)]
pub enum Extracted<Args> {
    /// Extracted.
    Eager(Args),
    /// Extracted on a miss: the key determines their values, and none reads a body.
    Deferred,
}

impl<Args> FromRequest for Extracted<Args>
where
    Args: FromRequest + KeyCovered<RouteOptions<NoVary, NoBody, Typed>>,
{
    type Error = Args::Error;
    type Future = Extraction<Args::Future>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let deferred = Args::FACTS.is_determined_by_key();
        Extraction {
            eager: (!deferred).then(|| Args::from_request(request, payload)),
        }
    }
}

pin_project! {
    /// The extraction of the arguments that are eager.
    pub struct Extraction<F> {
        #[pin]
        eager: Option<F>,
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
        match self.project().eager.as_pin_mut() {
            Some(eager) => Poll::Ready(ready!(eager.poll(cx)).map(Extracted::Eager)),
            None => Poll::Ready(Ok(Extracted::Deferred)),
        }
    }
}

/// Extracts the deferred arguments, without the nocache flag.
async fn extract<Args>(route: &RouteRef, request: &HttpRequest) -> Result<Args, Error>
where
    Args: FromRequest + KeyCovered<RouteOptions<NoVary, NoBody, Typed>>,
{
    let flag = route.config.policy.nocache.name.as_deref();
    let extracted =
        match flag.and_then(|flag| extract_if_flagged(request, flag, Args::extract_without)) {
            Some(extracted) => extracted,
            None => Args::extract(request).await.map_err(Into::into),
        };
    extracted.inspect_err(|_| RunContext::refuse_extraction(request))
}
