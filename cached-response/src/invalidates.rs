//! Handlers that write: what they have made outdated is invalidated before their client has its
//! answer.

use crate::cache::invalidations::{InvalidationGuard, Invalidations, Write};
use actix_web::{Error, FromRequest, Handler, HttpRequest, HttpResponse, Responder, dev::Payload};
use std::{any::type_name, fmt, future::Future, pin::Pin};

/// Wraps a handler that writes: `#[invalidates]` without a macro.
///
/// What is named is invalidated when the handler has answered, before its client has the answer;
/// see the attribute for what counts.
///
/// ```
/// use actix_web::{App, test, web};
/// use cached_response::{Invalidations, Policy, ResponseCache, cached, invalidating};
/// use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
///
/// static STOCK: AtomicU32 = AtomicU32::new(7);
///
/// async fn stock() -> String {
///     STOCK.load(SeqCst).to_string()
/// }
///
/// async fn sell() -> &'static str {
///     STOCK.fetch_sub(1, SeqCst);
///     "sold"
/// }
///
/// # #[actix_web::main] async fn main() {
/// let sells = invalidating(Invalidations::new().path("/stock"), sell);
/// let app = App::new()
///     .app_data(ResponseCache::builder().build())
///     .route("/stock", web::get().to(cached(Policy::new(3600), stock)))
///     .route("/sell", web::post().to(sells));
/// let app = test::init_service(app).await;
/// let read = || test::TestRequest::with_uri("/stock").to_request();
///
/// assert_eq!(test::call_and_read_body(&app, read()).await, "7");
/// test::call_service(&app, test::TestRequest::post().uri("/sell").to_request()).await;
/// assert_eq!(test::call_and_read_body(&app, read()).await, "6");
/// # }
/// ```
pub fn invalidating<H>(invalidates: Invalidations, handler: H) -> InvalidatingHandler<H> {
    InvalidatingHandler {
        writer: InvalidationGuard::new(type_name::<H>(), false),
        invalidates,
        handler,
    }
}

/// A handler that writes; made by [`invalidating`].
#[derive(Clone)]
pub struct InvalidatingHandler<H> {
    writer: InvalidationGuard,
    invalidates: Invalidations,
    handler: H,
}

impl<H> fmt::Debug for InvalidatingHandler<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invalidating")
            .field("writer", &self.writer)
            .field("invalidates", &self.invalidates)
            .finish_non_exhaustive()
    }
}

impl<H, Args> Handler<InvalidatingCall<Args>> for InvalidatingHandler<H>
where
    H: Handler<Args>,
    H::Output: Responder,
    Args: FromRequest + 'static,
{
    type Output = HttpResponse;
    type Future = Written;

    fn call(&self, call: InvalidatingCall<Args>) -> Written {
        let Self {
            writer,
            invalidates,
            handler,
        } = self.clone();
        call.run(
            writer,
            |_| invalidates,
            move |arguments, ()| async move { handler.call(arguments).await },
        )
    }
}

/// A request on its way to a handler that writes, with the handler's arguments.
pub struct InvalidatingCall<E> {
    request: HttpRequest,
    arguments: E,
}

/// The answer of a handler that writes.
pub type Written = Pin<Box<dyn Future<Output = HttpResponse>>>;

impl<E> fmt::Debug for InvalidatingCall<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writing").finish_non_exhaustive()
    }
}

impl<E: FromRequest + 'static> FromRequest for InvalidatingCall<E> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let arguments = E::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            Ok(Self {
                arguments: arguments.await.map_err(Into::into)?,
                request,
            })
        })
    }
}

impl<E: 'static> InvalidatingCall<E> {
    /// Runs `handler` and invalidates what `invalidates` has named, by the arguments, before that.
    pub fn run<N, H, F>(self, writer: InvalidationGuard, invalidates: N, handler: H) -> Written
    where
        N: FnOnce(&E) -> Invalidations + 'static,
        H: FnOnce(E, ()) -> F + 'static,
        F: Future + 'static,
        F::Output: Responder,
    {
        Box::pin(async move {
            let Self { request, arguments } = self;
            let write = Write::begin(writer, invalidates(&arguments), &request);
            let output = handler(arguments, ()).await;
            let response = output.respond_to(&request).map_into_boxed_body();
            write.answered(response.status()).await;
            response
        })
    }
}

/// A text without parameters, as a template: its braces are braces.
pub fn literal(text: impl AsRef<str>) -> String {
    text.as_ref().replace('{', "{{").replace('}', "}}")
}
