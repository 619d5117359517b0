//! The engine without a macro: a handler wrapped at its route.

use crate::{
    attribute::{CalledThroughAnApp, ResponseFuture},
    cache::{
        ResponseCache,
        cached_route::{CachedRoute, RouteSpec},
    },
    context::control::RunContext,
    extract::{
        covered::{
            KeyCovered, NoBody, NoVary, RouteOptions, Typed, query_without_flag::extract_if_flagged,
        },
        deferred::Extracted,
        responder::{BodyOf, facts_of},
    },
    key::{
        handler_id::{HandlerType, SourceLocation},
        query::QueryFilter,
    },
    policy::Policy,
    route::{RouteRef, inputs::Role},
};
use actix_web::{Error, FromRequest, Handler, HttpRequest, HttpResponse, Responder};
use std::{any::type_name, fmt, marker::PhantomData, panic::Location};

/// Wraps a handler so that its responses are cached under `policy`.
///
/// The rule of the attribute holds here too, in types: an argument that is neither covered by the
/// key ([`KeyCovered`]) nor a [`Keyed`](crate::Keyed), [`Gate`](crate::Gate) or
/// [`Unkeyed`](crate::Unkeyed) does not compile, and neither does an answer that is no
/// [`CoveredResponder`](crate::CoveredResponder).
///
/// ```
/// use actix_web::{App, web};
/// use cached_response::{Policy, cached};
///
/// let app = App::new().route(
///     "/square/{n}",
///     web::get().to(cached(Policy::new(60), |n: web::Path<u32>| async move {
///         (*n * *n).to_string()
///     })),
/// );
/// # let _ = app;
/// ```
///
/// Handlers are told apart by their type, so one that has captured something cannot be wrapped:
/// take such values as [`web::Data`](actix_web::web::Data).
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
            "a handler given to `cached` must not capture anything, or be a function pointer: two that \
             differ in what they captured could not be told apart. Take the value as `web::Data<..>`"
        );
    }
    let source = SourceLocation::built(Location::caller(), type_name::<Args>());
    let mut facts = Vec::new();
    Args::facts(&mut facts);
    assert!(
        !matches!(policy.names, QueryFilter::Typed)
            || facts.iter().any(|facts| facts.query.is_some()),
        "`query_typed()` keys the fields of a `Query<T>`, and this handler takes none: leave it out, or \
         name the arguments, `query([\"page\", \"sort\"])`"
    );
    // The others are extracted before their route is known, and with it the name of the flag.
    let is_hidden = Args::FACTS.are_told_by_key();
    let route = facts
        .into_iter()
        .fold(RouteSpec::new(policy, false), |route, facts| {
            let facts = if is_hidden {
                facts.without_flag()
            } else {
                facts
            };
            route.argument(Role::Covered, facts)
        })
        .answer(*facts_of::<H::Output>());
    CachedHandler {
        place: CachedRoute::new(type_name::<H>(), HandlerType::of::<H>(), source, route),
        handler,
        arguments: PhantomData,
    }
}

/// A handler whose responses are cached; made by [`cached`].
pub struct CachedHandler<H, Args> {
    place: CachedRoute,
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
        self.place.use_cache(cache);
        self
    }
}

impl<H: Clone, Args> Clone for CachedHandler<H, Args> {
    fn clone(&self) -> Self {
        Self {
            place: self.place.clone(),
            handler: self.handler.clone(),
            arguments: PhantomData,
        }
    }
}

impl<H, Args> fmt::Debug for CachedHandler<H, Args> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached")
            .field("handler", &self.place.site.name)
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
        call.answer(
            &self.place,
            |key, due| {
                if let Extracted::Now(arguments) = due {
                    arguments.write_key(key);
                }
            },
            move |site| {
                let site = site.clone();
                move |due, request| async move {
                    let arguments = match due {
                        Extracted::Now(arguments) => arguments,
                        Extracted::OnAMiss => extract(&site, &request).await?,
                    };
                    Ok::<_, Error>(handler.call(arguments).await)
                }
            },
        )
    }
}

/// Extracts arguments of which the key tells all, without the flag of a live answer.
async fn extract<Args>(site: &RouteRef, request: &HttpRequest) -> Result<Args, Error>
where
    Args: FromRequest + KeyCovered<RouteOptions<NoVary, NoBody, Typed>>,
{
    let flag = site.config.policy.nocache.name.as_deref();
    let extracted =
        match flag.and_then(|flag| extract_if_flagged(request, flag, Args::extract_without)) {
            Some(extracted) => extracted,
            None => Args::extract(request).await.map_err(Into::into),
        };
    extracted.inspect_err(|_| RunContext::refuse_extraction(request))
}
