//! Tags that a handler adds to its response.

use crate::context::{CacheHandle, control};
use std::{
    collections::BTreeSet,
    panic::Location,
    sync::{Mutex, PoisonError},
};

/// Adds a tag to the response of the running handler, by which
/// [`invalidate_tag`](crate::ResponseCache::invalidate_tag) finds it.
///
/// An invalidation between the start of the run and this call covers the response, too. At most 64 tags
/// of at most 256 bytes: with more, the response is answered and not stored. For tags that follow from
/// the path alone, use the route's `tags(..)`.
///
/// In tasks that the handler spawns, and in `web::block`, use [`CacheHandle::tag`]. A tag that is added
/// outside a cached handler, or after the response is complete, is lost, and so are its invalidations:
/// each place of such a call logs one warning.
///
/// ```
/// use actix_web::{App, Responder, get, test};
/// use cached_response::{ResponseCache, cached_response, tag};
///
/// #[get("/offers")]
/// #[cached_response(timeout = 3600)]
/// async fn offers() -> impl Responder {
///     let found = [7, 8];
///     for id in found {
///         tag(format!("product:{id}"));
///     }
///     format!("{found:?}")
/// }
///
/// # #[actix_web::main] async fn main() -> Result<(), cached_response::InvalidationError> {
/// let cache = ResponseCache::builder().build();
/// let app = test::init_service(App::new().app_data(cache.clone()).service(offers)).await;
/// let ask = || test::TestRequest::with_uri("/offers").to_request();
/// test::call_service(&app, ask()).await;
/// assert!(test::call_service(&app, ask()).await.headers().contains_key("age"));
///
/// cache.invalidate_tag("product:8").await?;
///
/// assert!(!test::call_service(&app, ask()).await.headers().contains_key("age"));
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn tag(tag: impl AsRef<str>) {
    let (tag, caller) = (tag.as_ref(), Location::caller());
    match control::current() {
        Some(run_context) if run_context.tag(tag) => {}
        Some(_) => too_late(tag, caller),
        None if is_first(caller) => tracing::warn!(
            tag,
            %caller,
            "`tag()` was called outside a cached handler: the tag is lost, and so are its invalidations; in a spawned task or in `web::block`, take a `CacheHandle` as an argument of the handler and use its method of that name"
        ),
        None => {}
    }
}

impl CacheHandle {
    /// See [`tag`](tag()).
    #[track_caller]
    pub fn tag(&self, tag: impl AsRef<str>) {
        let tag = tag.as_ref();
        if !self.0.tag(tag) {
            too_late(tag, Location::caller());
        }
    }
}

fn too_late(tag: &str, caller: &'static Location<'static>) {
    if is_first(caller) {
        tracing::warn!(
            tag,
            %caller,
            "a tag was added after the response was complete: the tag is lost, and so are its invalidations"
        );
    }
}

/// Returns true for the first warning of this place.
fn is_first(caller: &'static Location<'static>) -> bool {
    static WARNED: Mutex<BTreeSet<&Location<'static>>> = Mutex::new(BTreeSet::new());
    WARNED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(caller)
}
