//! The attributes and the derive of `cached-response`, which is the crate to depend on: it
//! exports both, and what they expand to is an agreement between the two crates.
//!
//! In stages: what the input is (`handler`), what was asked (`args`), who plays which part
//! (`plan`), what is emitted (`expand`). Each stage reports all its errors at once, each at the
//! word that is wrong.

#![forbid(unsafe_code)]

mod args;
mod derive;
mod duration;
mod errors;
mod expand;
mod handler;
mod names;
mod plan;
mod rules;
mod size;
mod source;
mod suggest;
mod template;

use proc_macro::TokenStream;

/// Answers requests from responses this handler has made before.
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
/// | option | says |
/// |---|---|
/// | `300`, `timeout = 1h30m`, `timeout = Self::TTL` | how long a response is reused; without it 300 seconds |
/// | `key(user.id)` | these expressions are part of the key |
/// | `gate(user)` | decides who may pass; the body cannot read it |
/// | `unkeyed(db)` | the response does not depend on it |
/// | `lazy(db)`, `lazy` | extracted only when the handler runs |
/// | `body`, `body = "64KiB"` | the request's body is part of the key |
/// | `methods(GET, POST)` | whose responses are reused; without it GET and HEAD |
/// | `query(page)`, `query = typed`, `query = all`, `query = exact` | what of the query is part of the key; without it what the arguments can see |
/// | `ignore_query("utm_*")` | what of it is not |
/// | `vary("accept-language")`, `vary(none)` | the request headers the handler reads, or its answer does |
/// | `status(404 = "10s", 301)` | stored besides 200, an `Err` of that status included |
/// | `not_replayed("x-served-by", "x-debug-*")` | response fields that are for one request alone |
/// | `max_body_bytes = "2MiB"` | larger bodies are not stored |
/// | `unless = page.draft` | this request bypasses the cache |
/// | `store_if = worth_it` | whether this response may be stored |
/// | `client_max_age = "60s"` | browsers may keep the response, too |
/// | `nocache = off`, `nocache = "live"`, `nocache(name = "live", only_if = staff)` | who may ask for a live response, and how |
/// | `timeout = response` | each response says itself how long it is reused (RFC 9111) |
/// | `heuristic_fraction = 0.1` | and one that does not, for this part of the time since its `Last-Modified` |
/// | `targeted = "CDN-Cache-Control"` | the field that rules in place of the response's `Cache-Control` |
/// | `respect_client = true` | the `Cache-Control` of requests is followed |
/// | `tags("products", "product:{id}", format!("user:{}", user.id))` | names that invalidate many responses at once |
/// | `stale_while_revalidate = 30s` | for this long past its lifetime a response answers at once, and the handler runs behind the answer |
/// | `stale_if_error = 1h` | for this long it answers where the handler fails |
/// | `refresh_ahead = 0.9` | the first request after this part of the lifetime has the handler run behind its answer |
/// | `soft_timeout = 200ms` | with a stale response that may answer, nobody waits longer for a run |
/// | `run_timeout = 10s` | a run that takes longer has failed |
/// | `failure_cooldown = 30s` | how long no run is tried after one has failed and a stale response answers |
/// | `jitter = 0.1` | shortens each lifetime by a random part, up to this one |
/// | `version = "2"` | what tells the responses of this handler from earlier ones in a remote store, in place of a hash of its own source |
/// | `cache = CACHE` | another cache than the default one; with a remote store, under a namespace of its own |
/// | `crate = path` | where `cached_response` is found |
#[proc_macro_attribute]
pub fn cached_response(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::cached_response(&args.into(), item.into()).into()
}

/// Invalidates what this handler has changed, before its client has the answer.
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
/// | `tags("products", "product:{id}")` | what has one of these tags |
/// | `path("/products/{id}")` | these paths, with every query |
/// | `url("/products?page=1")` | these URLs |
/// | `all` | everything |
/// | `cache = CACHE` | in another cache than the application's |
/// | `crate = path` | (where `cached_response` is found) |
///
/// A string literal may have parameters of the route's path in it: `{id}`; `{{` and `}}` are
/// braces. Anything else is an expression, such as `tags(format!("user:{}", user.id))`: it is
/// evaluated before the handler starts, and sees the arguments by reference.
///
/// # When
///
/// | the handler | |
/// |---|---|
/// | answers with a status below 400 | invalidates, and then the client has the answer |
/// | answers with a 4xx, by `Ok` or `Err` | has refused, and invalidates nothing |
/// | answers with a 5xx, or panics | may have written first, and invalidates |
/// | is dropped, since its client has left | may have written first, and invalidates at once |
///
/// An answer with a body that streams invalidates at its head: what is written while the body is
/// sent is to be invalidated by hand. So is what goes on after the handler was dropped, such as a
/// `web::block` or a task that it had spawned; and what was written by a handler that answers with a
/// 4xx all the same.
///
/// Nothing is asked of the arguments, and what they extract is not cached. A request that an
/// argument refuses does not get to the handler, and invalidates nothing.
///
/// A parameter that the route does not have is a mistake that can only be seen when a request is
/// there: it is logged as an error each time, and **everything** is invalidated in its place.
#[proc_macro_attribute]
pub fn invalidates(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::invalidates(&args.into(), item.into()).into()
}

/// Makes a struct or an enum usable in `key(..)`: all its fields are part of the key.
///
/// `#[key_part(crate = path)]` says where `cached_response` is found.
#[proc_macro_derive(KeyPart, attributes(key_part))]
pub fn key_part(item: TokenStream) -> TokenStream {
    derive::key_part(item.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
