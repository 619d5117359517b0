//! Arguments in wrapper types: the roles, for handlers that are wrapped by [`cached`](crate::cached) and have
//! no options; and a `Query<T>` without the nocache flag.
//!
//! Under the attribute `?nocache=1` is not part of the handler's query, so a `T` with
//! `#[serde(deny_unknown_fields)]` must not reject it. An argument is extracted before its route is known, so
//! the name of the flag is in the type.

use crate::{
    context::run_context::RunContext,
    extract::{
        covered::{AfterLookup, ExtractedBeforeLookup, KeyCovered, RouteOptions, Typed},
        probe::inputs_of_name,
    },
    key::{KeyWriter, part::KeyPart, query::has_flag},
    route::{
        SeenData,
        inputs::{ArgumentInfo, Inputs},
    },
};
use actix_web::{Error, FromRequest, HttpRequest, dev::Payload};
use pin_project_lite::pin_project;
use std::{
    any::type_name,
    fmt,
    future::{Future, Ready, ready},
    marker::PhantomData,
    ops::{Deref, DerefMut},
    pin::Pin,
    task::{Context, Poll, ready},
};

/// An argument whose whole value is part of the key: `key(..)` as a type.
///
/// `T` must be a [`KeyPart`]. It is extracted before the look-up, also on a hit.
///
/// ```
/// use actix_web::{App, test, web};
/// use cached_response::{Keyed, Policy, cached};
///
/// # #[actix_web::main] async fn main() {
/// let policy = Policy::default().methods(["POST"]);
/// let search = cached(policy, |words: Keyed<web::Json<Vec<String>>>| async move { words.join(" ") });
/// let app = test::init_service(App::new().route("/", web::post().to(search))).await;
/// for words in [["green", "tea"], ["black", "tea"]] {
///     let request = test::TestRequest::post().set_json(words).to_request();
///     assert_eq!(test::call_and_read_body(&app, request).await, words.join(" "));
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "handlers destructure it in their argument lists"
)]
pub struct Keyed<T>(pub T);

/// An argument that authorizes each request, also a hit, and that the handler cannot read: `gate(..)` as
/// a type.
///
/// A request that the extractor rejects gets its error, and no response of the cache.
///
/// ```
/// use actix_web::{App, test, web::{self, Path}};
/// use cached_response::{Gate, Policy, cached};
///
/// # #[actix_web::main] async fn main() {
/// let page = cached(Policy::default(), |_: Gate<Path<u32>>| async { "for numbers" });
/// let app = test::init_service(App::new().route("/{n}", web::get().to(page))).await;
/// for (uri, status) in [("/7", 200), ("/7", 200), ("/seven", 404)] {
///     let response = test::call_service(&app, test::TestRequest::with_uri(uri).to_request()).await;
///     assert_eq!(response.status(), status);
/// }
/// # }
/// ```
pub struct Gate<T>(
    // Dropped after the handler has finished, so that it can be a permit.
    T,
);

/// An argument that the response does not depend on: `unkeyed(..)` as a type.
///
/// It does not apply to an `HttpRequest` or a body: with one of these in it, each request bypasses the
/// cache.
///
/// ```
/// use actix_web::{App, dev::PeerAddr, test, web};
/// use cached_response::{Policy, Unkeyed, cached};
///
/// # #[actix_web::main] async fn main() {
/// let page = cached(Policy::default(), |peer: Unkeyed<PeerAddr>| async move {
///     println!("computed for {}", peer.0);
///     "the same for everyone"
/// });
/// let app = test::init_service(App::new().route("/", web::get().to(page))).await;
/// for (peer, is_hit) in [("10.0.0.1:80", false), ("10.0.0.2:80", true)] {
///     let request = test::TestRequest::get().peer_addr(peer.parse().unwrap()).to_request();
///     let response = test::call_service(&app, request).await;
///     assert_eq!(response.headers().contains_key("age"), is_hit);
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "handlers destructure it in their argument lists"
)]
pub struct Unkeyed<T>(pub T);

/// An argument that is extracted only on a miss, when the handler calls [`extract`](Self::extract):
/// `lazy(..)` as a type. `T` must be covered by the key, or an [`Unkeyed`]. A [`Keyed`] or a [`Gate`] in it
/// does not compile: the key is written, and a gate is asked, before the look-up.
///
/// ```
/// use actix_web::{App, Error, test, web::{self, Query}};
/// use cached_response::{Lazy, Policy, cached};
///
/// # #[actix_web::main] async fn main() {
/// let sum = cached(Policy::default(), |numbers: Lazy<Query<Vec<(String, u32)>>>| async move {
///     let numbers = numbers.extract().await?;
///     Ok::<_, Error>(numbers.iter().map(|(_, number)| number).sum::<u32>().to_string())
/// });
/// let app = test::init_service(App::new().route("/", web::get().to(sum))).await;
/// let request = test::TestRequest::with_uri("/?a=3&b=4").to_request();
/// assert_eq!(test::call_and_read_body(&app, request).await, "7");
/// # }
/// ```
pub struct Lazy<T> {
    request: HttpRequest,
    payload: Payload,
    kind: PhantomData<fn() -> T>,
}

impl<T: FromRequest> Lazy<T> {
    /// Extracts the value.
    ///
    /// # Errors
    /// Those of the extractor. Where the handler returns one, its response is not stored.
    ///
    /// ```
    /// # #[actix_web::main] async fn main() {
    /// use actix_web::{FromRequest, test::TestRequest, web::Query};
    /// use cached_response::Lazy;
    ///
    /// let request = TestRequest::with_uri("/?page=2").to_http_request();
    /// let page = <Lazy<Query<Vec<(String, u32)>>> as FromRequest>::extract(&request).await.unwrap();
    /// assert_eq!(page.extract().await.unwrap().0, [("page".to_owned(), 2)]);
    /// # }
    /// ```
    pub async fn extract(mut self) -> Result<T, Error> {
        T::from_request(&self.request, &mut self.payload)
            .await
            .map_err(Into::into)
    }
}

impl<V, B, T: KeyPart> KeyCovered<RouteOptions<V, B, Typed>> for Keyed<T> {
    const FACTS: ArgumentInfo =
        ArgumentInfo::from_inputs(Inputs::HEADERS.union(Inputs::IDENTITY).union(Inputs::EAGER));

    fn write_key(&self, key: &mut KeyWriter) {
        key.part(&self.0);
    }
}

impl<V, B, T: ExtractedBeforeLookup> KeyCovered<RouteOptions<V, B, Typed<AfterLookup>>>
    for Keyed<T>
{
}

impl<V, B, T> KeyCovered<RouteOptions<V, B, Typed>> for Gate<T> {
    const FACTS: ArgumentInfo = ArgumentInfo::from_inputs(Inputs::IDENTITY);
}

impl<V, B, T: ExtractedBeforeLookup> KeyCovered<RouteOptions<V, B, Typed<AfterLookup>>>
    for Gate<T>
{
}

impl<V, B, W, T: 'static> KeyCovered<RouteOptions<V, B, Typed<W>>> for Unkeyed<T> {
    const FACTS: ArgumentInfo = ArgumentInfo::from_inputs(Inputs::HEADERS);

    fn facts(all: &mut Vec<ArgumentInfo>) {
        // `Unkeyed` does not cover the headers of a whole request, nor a body.
        let seen = inputs_of_name(type_name::<T>());
        all.push(ArgumentInfo::from_inputs(
            seen.union(Inputs::HEADERS).union(Inputs::EAGER),
        ));
    }
}

impl<V, B, W, T> KeyCovered<RouteOptions<V, B, Typed<W>>> for Lazy<T>
where
    T: KeyCovered<RouteOptions<V, B, Typed<AfterLookup>>>,
{
    // The handler extracts it, and receives the error.
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
    /// The extraction of the inner value.
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
            kind: PhantomData,
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
        str::from_utf8(&Self::NAME[unused..]).unwrap_or_default()
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
