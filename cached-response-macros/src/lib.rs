//! The attribute and the derive of `cached-response`, which is the crate to depend on: it
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
mod suggest;

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
/// | `query(page)`, `query = typed`, `query = exact` | what of the query is part of the key |
/// | `ignore_query("utm_*")` | what of it is not |
/// | `vary("accept-language")`, `vary(none)` | the request headers the handler reads |
/// | `status(404 = "10s", 301)` | stored besides 200 |
/// | `max_body = "2MiB"` | larger bodies are not stored |
/// | `unless = page.draft` | this request bypasses the cache |
/// | `store_if = worth_it` | whether this response may be stored |
/// | `client = "60s"` | browsers may keep the response, too |
/// | `nocache = off`, `nocache = "live"`, `nocache(name = "live", only_if = staff)` | who may ask for a live response, and how |
/// | `timeout = response` | each response says itself how long it is reused (RFC 9111) |
/// | `heuristic = 0.1` | and one that does not, for this part of the time since its `Last-Modified` |
/// | `targeted = "CDN-Cache-Control"` | the field that rules in place of the response's `Cache-Control` |
/// | `respect_client = true` | the `Cache-Control` of requests is followed |
/// | `cache = CACHE` | another cache than the default one |
/// | `crate = path` | where `cached_response` is found |
#[proc_macro_attribute]
pub fn cached_response(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::cached_response(&args.into(), item.into()).into()
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
