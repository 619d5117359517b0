//! The engine without a macro: a handler wrapped at its route.

use crate::{
    attribute::{Answer, CalledThroughAnApp},
    cache::{
        ResponseCache,
        cached_route::{Place, Route},
    },
    context::control::Control,
    extract::{
        covered::{Covered, NoBody, NoVary, Typed, Words},
        deferred::Due,
        responder::{BodyOf, facts_of},
    },
    key::{
        handler_id::{HandlerType, Source},
        query::Names,
    },
    policy::Policy,
    route::inputs::Role,
};
use actix_web::{Error, FromRequest, Handler, HttpRequest, HttpResponse, Responder};
use std::{any::type_name, fmt, marker::PhantomData, panic::Location};

/// Wraps a handler so that its responses are cached under `policy`.
///
/// The rule of the attribute holds here too, in types: an argument that is neither covered by the
/// key ([`Covered`]) nor a [`Keyed`](crate::Keyed), [`Gate`](crate::Gate) or
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
pub fn cached<H, Args>(policy: Policy, handler: H) -> Cached<H, Args>
where
    H: Handler<Args>,
    H::Output: Responder,
    <H::Output as Responder>::Body: BodyOf<H::Output>,
    Args: FromRequest + Covered<Words<NoVary, NoBody, Typed>> + 'static,
{
    const {
        assert!(
            size_of::<H>() == 0,
            "a handler given to `cached` must not capture anything, or be a function pointer: two that \
             differ in what they captured could not be told apart. Take the value as `web::Data<..>`"
        );
    }
    let source = Source::built(Location::caller(), type_name::<Args>());
    let mut facts = Vec::new();
    Args::facts(&mut facts);
    assert!(
        !matches!(policy.names, Names::Typed) || facts.iter().any(|facts| facts.query.is_some()),
        "`query_typed()` keys the fields of a `Query<T>`, and this handler takes none: leave it out, or \
         name the arguments, `query([\"page\", \"sort\"])`"
    );
    let route = facts
        .into_iter()
        .fold(Route::new(policy, false), |route, facts| {
            route.argument(Role::Covered, facts)
        })
        .answer(*facts_of::<H::Output>());
    Cached {
        place: Place::new(type_name::<H>(), HandlerType::of::<H>(), source, route),
        handler,
        arguments: PhantomData,
    }
}

/// A handler whose responses are cached; made by [`cached`].
pub struct Cached<H, Args> {
    place: Place,
    handler: H,
    arguments: PhantomData<fn() -> Args>,
}

impl<H, Args> Cached<H, Args> {
    /// Uses `cache` in place of the application's.
    ///
    /// ```
    /// use cached_response::{Policy, ResponseCache, cached};
    ///
    /// let own = ResponseCache::builder().capacity(1 << 20).build();
    /// let route = actix_web::web::get().to(cached(Policy::default(), || async { "hello" }).cache(own));
    /// # let _ = route;
    /// ```
    #[must_use]
    pub fn cache(mut self, cache: ResponseCache) -> Self {
        self.place.use_cache(cache);
        self
    }
}

impl<H: Clone, Args> Clone for Cached<H, Args> {
    fn clone(&self) -> Self {
        Self {
            place: self.place.clone(),
            handler: self.handler.clone(),
            arguments: PhantomData,
        }
    }
}

impl<H, Args> fmt::Debug for Cached<H, Args> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached")
            .field("handler", &self.place.site.name)
            .finish_non_exhaustive()
    }
}

impl<H, Args> Handler<CalledThroughAnApp<Due<Args>, HttpRequest, NoBody>> for Cached<H, Args>
where
    H: Handler<Args>,
    H::Output: Responder,
    Args: FromRequest + Covered<Words<NoVary, NoBody, Typed>> + 'static,
{
    type Output = HttpResponse;
    type Future = Answer;

    fn call(&self, call: CalledThroughAnApp<Due<Args>, HttpRequest, NoBody>) -> Answer {
        let handler = self.handler.clone();
        call.answer(
            &self.place,
            |key, due| {
                if let Due::Now(arguments) = due {
                    arguments.write_key(key);
                }
            },
            move |due, request| async move {
                let arguments = match due {
                    Due::Now(arguments) => arguments,
                    Due::OnAMiss => Args::extract(&request).await.map_err(|error| {
                        Control::refuse_extraction(&request);
                        error.into()
                    })?,
                };
                Ok::<_, Error>(handler.call(arguments).await)
            },
        )
    }
}
