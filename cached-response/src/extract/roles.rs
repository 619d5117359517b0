//! What is said of an argument, as a type: for handlers that are wrapped by
//! [`cached`](crate::cached) and have no attribute to say it.

use crate::{
    extract::{
        covered::{KeyCovered, RouteOptions, Typed},
        type_names,
    },
    key::{KeyWriter, part::KeyPart},
    route::{
        inputs::{ArgumentInfo, Inputs},
        seen_data::SeenData,
    },
};

use actix_web::{Error, FromRequest, HttpRequest, dev::Payload};
use pin_project_lite::pin_project;
use std::{
    any::type_name,
    fmt,
    future::{Future, Ready, ready},
    ops::{Deref, DerefMut},
    pin::Pin,
    task::{Context, Poll, ready},
};

/// An argument that joins the key, whole: `key(..)` as a type.
///
/// ```
/// use actix_web::web::Json;
/// use cached_response::{Keyed, Policy, cached};
///
/// let search = cached(Policy::default().methods(["POST"]), |words: Keyed<Json<Vec<String>>>| async move {
///     words.join(" ")
/// });
/// # let _ = actix_web::web::post().to(search);
/// ```
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "it is taken apart in the argument list of a handler"
)]
pub struct Keyed<T>(pub T);

/// An argument that decides who may pass, hits included, and that the handler cannot read:
/// `gate(..)` as a type.
///
/// ```
/// use actix_web::web::Path;
/// use cached_response::{Gate, Policy, cached};
///
/// let page = cached(Policy::default(), |_: Gate<Path<u32>>| async { "for those who gave a number" });
/// # let _ = actix_web::web::get().to(page);
/// ```
pub struct Gate<T>(
    // Held until the handler is done, as a permit would be.
    T,
);

/// An argument that the response does not depend on: `unkeyed(..)` as a type.
///
/// ```
/// use actix_web::dev::PeerAddr;
/// use cached_response::{Policy, Unkeyed, cached};
///
/// let page = cached(Policy::default(), |peer: Unkeyed<PeerAddr>| async move {
///     println!("made for {}", peer.0);
///     "the same for everyone"
/// });
/// # let _ = actix_web::web::get().to(page);
/// ```
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "it is taken apart in the argument list of a handler"
)]
pub struct Unkeyed<T>(pub T);

/// An argument that is extracted only on a miss, when the handler asks for it: `lazy(..)` as a
/// type. It says when, not whether: what is in it must be covered, or [`Unkeyed`].
///
/// ```
/// use actix_web::{Error, web::Query};
/// use cached_response::{Lazy, Policy, cached};
///
/// let sum = cached(Policy::default(), |numbers: Lazy<Query<Vec<(String, u32)>>>| async move {
///     let numbers = numbers.extract().await?;
///     Ok::<_, Error>(numbers.iter().map(|(_, number)| number).sum::<u32>().to_string())
/// });
/// # let _ = actix_web::web::get().to(sum);
/// ```
pub struct Lazy<T> {
    request: HttpRequest,
    payload: Payload,
    kind: std::marker::PhantomData<fn() -> T>,
}

impl<T: FromRequest> Lazy<T> {
    /// Extracts it now.
    ///
    /// # Errors
    /// Those of the extractor.
    pub async fn extract(mut self) -> Result<T, Error> {
        T::from_request(&self.request, &mut self.payload)
            .await
            .map_err(Into::into)
    }
}

impl<V, B, T: KeyPart> KeyCovered<RouteOptions<V, B, Typed>> for Keyed<T> {
    const FACTS: ArgumentInfo =
        ArgumentInfo::from_inputs(Inputs::HEADERS.and(Inputs::IDENTITY).and(Inputs::AHEAD));

    fn write_key(&self, key: &mut KeyWriter) {
        key.part(&self.0);
    }
}

impl<V, B, T> KeyCovered<RouteOptions<V, B, Typed>> for Gate<T> {
    const FACTS: ArgumentInfo = ArgumentInfo::from_inputs(Inputs::IDENTITY);
}

impl<V, B, T: 'static> KeyCovered<RouteOptions<V, B, Typed>> for Unkeyed<T> {
    const FACTS: ArgumentInfo = ArgumentInfo::from_inputs(Inputs::HEADERS);

    fn facts(all: &mut Vec<ArgumentInfo>) {
        // No word of the author's stands in for the headers that a whole request shows, nor for a
        // body.
        let seen = type_names::through(type_name::<T>());
        all.push(ArgumentInfo::from_inputs(
            seen.and(Inputs::HEADERS).and(Inputs::AHEAD),
        ));
    }
}

impl<V, B, T: KeyCovered<RouteOptions<V, B, Typed>>> KeyCovered<RouteOptions<V, B, Typed>>
    for Lazy<T>
{
    // The handler extracts it, and is shown the error.
    const FACTS: ArgumentInfo = T::FACTS.lazily().with_error().with_flag();

    fn find_data(request: &HttpRequest, seen: &mut SeenData) {
        T::find_data(request, seen);
    }

    fn facts(all: &mut Vec<ArgumentInfo>) {
        let eager = all.len();
        T::facts(all);
        for facts in &mut all[eager..] {
            *facts = facts.lazily().with_error().with_flag();
        }
    }

    fn is_refused(request: &HttpRequest) -> bool {
        T::is_refused(request)
    }

    fn extract_without(request: &HttpRequest, _: &str) -> Option<Result<Self, Error>> {
        Some(Self::from_request(request, &mut Payload::None).into_inner())
    }
}

pin_project! {
    /// The extraction of what is inside.
    pub struct Wrapped<F, W> {
        #[pin]
        inner: F,
        wrap: W,
    }
}

impl<F, W> fmt::Debug for Wrapped<F, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wrapped").finish_non_exhaustive()
    }
}

impl<F, T, E, R> Future for Wrapped<F, fn(T) -> R>
where
    F: Future<Output = Result<T, E>>,
{
    type Output = Result<R, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        Poll::Ready(ready!(this.inner.poll(cx)).map(*this.wrap))
    }
}

macro_rules! wraps {
    ($($role:ident)*) => {$(
        impl<T: FromRequest> FromRequest for $role<T> {
            type Error = T::Error;
            type Future = Wrapped<T::Future, fn(T) -> Self>;

            fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
                Wrapped { inner: T::from_request(request, payload), wrap: $role }
            }
        }
    )*};
}

wraps!(Keyed Gate Unkeyed);

impl<T> FromRequest for Lazy<T> {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Ok(Self {
            request: request.clone(),
            payload: payload.take(),
            kind: std::marker::PhantomData,
        }))
    }
}

macro_rules! derefs {
    ($($role:ident)*) => {$(
        impl<T> Deref for $role<T> {
            type Target = T;

            fn deref(&self) -> &T {
                &self.0
            }
        }

        impl<T> DerefMut for $role<T> {
            fn deref_mut(&mut self) -> &mut T {
                &mut self.0
            }
        }
    )*};
}

derefs!(Keyed Unkeyed);

impl<T> fmt::Debug for Gate<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}

impl<T> fmt::Debug for Lazy<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lazy")
    }
}
