//! The attributes and the derive of `cached-response`. Depend on that crate, which re-exports them: the
//! expansion calls private functions of the same version of it.
//!
//! The stages: parse the function (`handler`) and the options (`options`), give each argument a role
//! (`arguments`, by the rules of `coverage`), emit the function (`expand`). Each stage reports all its
//! errors at once, each at the token that is wrong.

#![forbid(unsafe_code)]

mod arguments;
mod coverage;
mod derive;
mod diagnostics;
mod expand;
mod handler;
mod names;
mod options;
mod source;
mod types;

use proc_macro::TokenStream;

/// Caches the responses of a handler, and answers requests with them.
///
/// ```
/// use actix_web::{App, Responder, get, test};
/// use cached_response::cached_response;
///
/// #[get("/hello/")]
/// #[cached_response(timeout = 86400)]
/// async fn hello() -> impl Responder { "Hello, world!" }
///
/// # #[actix_web::main] async fn main() {
/// let app = test::init_service(App::new().service(hello)).await;
/// let ask = || test::TestRequest::with_uri("/hello/").to_request();
/// assert!(!test::call_service(&app, ask()).await.headers().contains_key("age"));
/// assert!(test::call_service(&app, ask()).await.headers().contains_key("age"));
/// # }
/// ```
///
/// | option | meaning |
/// |---|---|
/// | `300`, `timeout = 1h30m`, `timeout = Self::TTL` | how long a response is fresh; 300 seconds by default |
/// | `key(user.id)` | these expressions are part of the key |
/// | `gate(user)` | authorizes the request; the body cannot read it |
/// | `unkeyed(db)` | the response does not depend on it |
/// | `lazy(db)`, `lazy` | extracted only when the handler runs |
/// | `body`, `body = "64KiB"` | the request's body, up to this size (64 KiB), is part of the key |
/// | `methods(GET, POST)` | methods whose responses are reused; GET and HEAD by default |
/// | `query(page)`, `query = typed`, `query = all`, `query = exact` | the fields of the query that are part of the key; by default those that the arguments can read |
/// | `ignore_query("utm_*")` | the fields of the query that are not part of the key |
/// | `vary("accept-language")`, `vary(none)` | the request headers that the handler or its responder reads |
/// | `status(404 = "10s", 301)` | status codes that are stored besides 200, also of an `Err`, and their timeouts |
/// | `not_replayed("x-served-by", "x-debug-*")` | response fields that a stored response is served without |
/// | `max_body_bytes = "2MiB"` | larger bodies are not stored |
/// | `purge = guard` | `PURGE` and `SOFTPURGE` of a URL of the route invalidate and expire it, where the guard allows the request |
/// | `unless = page.draft` | requests that bypass the cache |
/// | `store_if = worth_it` | a function that decides whether a response may be stored |
/// | `client_max_age = "60s"` | how long clients may keep the response, too |
/// | `nocache = off`, `nocache = "live"`, `nocache(name = "live", only_if = staff)` | the query flag that forces a refresh, and which requests may use it |
/// | `timeout = response` | each response sets its own lifetime (RFC 9111) |
/// | `heuristic_fraction = 0.1` | the lifetime of a response without one: this fraction of the time since its `Last-Modified` (RFC 9111 §4.2.2) |
/// | `targeted = "CDN-Cache-Control"` | the field that replaces the response's `Cache-Control` for this cache (RFC 9213) |
/// | `respect_client = true` | the `Cache-Control` of requests is honoured |
/// | `tags("products", "product:{id}", format!("user:{}", user.id))` | names by which many responses are invalidated at once |
/// | `stale_while_revalidate = 30s` | how long past its lifetime a response is served while the handler runs in the background (RFC 5861) |
/// | `stale_if_error = 1h` | how long past its lifetime it is served where the handler fails (RFC 5861) |
/// | `refresh_ahead = 0.9` | the fraction of the lifetime after which a hit starts a refresh in the background |
/// | `soft_timeout = 200ms` | the longest wait for the handler where a stale response may be served |
/// | `run_timeout = 10s` | the longest run of the handler; a longer one has failed |
/// | `failure_cooldown = 30s` | the pause before the next run after one has failed and a stale response was served |
/// | `jitter = 0.1` | shortens each lifetime by a random fraction, up to this one |
/// | `version = "2"` | separates the responses of this handler from those of earlier builds in a remote store; a hash of its source by default |
/// | `cache = CACHE` | another cache than the default one; one with a remote store needs a namespace of its own |
/// | `crate = path` | the path of the crate `cached_response` |
#[proc_macro_attribute]
pub fn cached_response(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::cached_response(&args.into(), item.into()).into()
}

/// Invalidates cached responses when the handler has run, before its response is sent.
///
/// ```
/// use actix_web::{App, Responder, get, put, test, web};
/// use cached_response::{ResponseCache, cached_response, invalidates};
/// use std::sync::Mutex;
///
/// type Names = web::Data<Mutex<Vec<String>>>;
///
/// #[get("/products")]
/// #[cached_response(timeout = 1h, tags("products"))]
/// async fn list(names: Names) -> impl Responder {
///     names.lock().unwrap().join(", ")
/// }
///
/// #[put("/products/{id}")]
/// #[invalidates(tags("products", "product:{id}"))]
/// async fn rename(id: web::Path<usize>, name: String, names: Names) -> impl Responder {
///     names.lock().unwrap()[*id] = name;
///     "renamed"
/// }
///
/// # #[actix_web::main] async fn main() {
/// let names = Names::new(Mutex::new(vec!["tea".into(), "cake".into()]));
/// let cache = ResponseCache::builder().build();
/// let app = App::new().app_data(names).app_data(cache).service(list).service(rename);
/// let app = test::init_service(app).await;
/// let read = || test::TestRequest::with_uri("/products").to_request();
///
/// assert_eq!(test::call_and_read_body(&app, read()).await, "tea, cake");
/// let write = test::TestRequest::put().uri("/products/1").set_payload("scones");
/// test::call_service(&app, write.to_request()).await;
/// assert_eq!(test::call_and_read_body(&app, read()).await, "tea, scones");
/// # }
/// ```
///
/// | option | invalidates |
/// |---|---|
/// | `tags("products", "product:{id}")` | responses with one of these tags |
/// | `path("/products/{id}")` | responses for these paths, with every query |
/// | `url("/products?page=1")` | responses for these URLs |
/// | `prefix("/shops/{shop}")` | responses for these paths and all below them |
/// | `route(list)`, `route("/list/{id}")` | every response of this handler, or of the routes with this pattern |
/// | `all` | everything |
/// | `cache = CACHE` | (the cache; the application's by default) |
/// | `crate = path` | (the path of the crate `cached_response`) |
///
/// A string literal may contain parameters of the route's path: `{id}`; `{{` and `}}` are literal
/// braces. Anything else is an expression, such as `tags(format!("user:{}", user.id))`: it is
/// evaluated before the handler starts, and sees the arguments by reference.
///
/// # When
///
/// | the handler | |
/// |---|---|
/// | returns a status below 400 | invalidates before the response is sent |
/// | returns a 4xx, by `Ok` or `Err` | has rejected the request, and invalidates nothing |
/// | returns a 5xx, or panics | may have written first, and invalidates |
/// | is dropped, since its client has disconnected | may have written first, and invalidates at once |
///
/// A response with a streamed body invalidates at its head. Invalidate by hand for changes that are
/// written while the body is sent; for work that continues after the handler was dropped, such as
/// `web::block` or a spawned task; and for a handler that writes and then returns a 4xx.
///
/// The arguments need no coverage, and nothing is cached. A request that an extractor rejects does not
/// reach the handler, and invalidates nothing.
///
/// A parameter that the route does not have is detected at run time: each such request logs an error
/// and invalidates **everything** in its place.
#[proc_macro_attribute]
pub fn invalidates(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::invalidates(&args.into(), item.into()).into()
}

/// Implements `KeyPart` for a struct or an enum, so that its values can stand in `key(..)`: all its
/// fields are part of the key.
///
/// ```
/// use actix_web::{App, FromRequest, HttpRequest, Responder, dev::Payload, get, test};
/// use cached_response::{KeyPart, cached_response};
/// use std::{convert::Infallible, future::{Ready, ready}};
///
/// /// The tenant that the header `x-tenant` names.
/// #[derive(KeyPart)]
/// struct Tenant { name: String }
///
/// impl FromRequest for Tenant {
///     type Error = Infallible;
///     type Future = Ready<Result<Self, Infallible>>;
///
///     fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
///         let name = request.headers().get("x-tenant").map(|name| name.as_bytes().to_vec());
///         ready(Ok(Self { name: String::from_utf8(name.unwrap_or_default()).unwrap_or_default() }))
///     }
/// }
///
/// #[get("/")]
/// #[cached_response(key(tenant))]
/// async fn home(tenant: Tenant) -> impl Responder {
///     format!("Welcome, {}!", tenant.name)
/// }
///
/// # #[actix_web::main] async fn main() {
/// let app = test::init_service(App::new().service(home)).await;
/// for tenant in ["tea", "cake"] {
///     let request = test::TestRequest::get().insert_header(("x-tenant", tenant)).to_request();
///     let body = test::call_and_read_body(&app, request).await;
///     assert_eq!(body, format!("Welcome, {tenant}!"));
/// }
/// # }
/// ```
///
/// `#[key_part(crate = path)]` is the path of the crate `cached_response`. A field that is not a
/// `KeyPart` does not compile, nor does a union. The definition of the type is part of the key, so a
/// changed type never reads the responses of its former self from a remote store.
#[proc_macro_derive(KeyPart, attributes(key_part))]
pub fn key_part(item: TokenStream) -> TokenStream {
    derive::key_part(item.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
