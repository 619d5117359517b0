//! Which cache a request uses where its route does not name one.

use super::cache::ResponseCache;
use actix_web::{HttpRequest, web::Data};
use std::{borrow::Cow, cell::RefCell, env, sync::LazyLock};

/// The one cache of the process.
pub(crate) fn of_the_process() -> &'static ResponseCache {
    static CACHE: LazyLock<ResponseCache> = LazyLock::new(|| ResponseCache::builder().build());
    &CACHE
}

thread_local! {
    /// The cache of a test's own thread.
    static ISOLATED: RefCell<Option<ResponseCache>> = const { RefCell::new(None) };
}

/// The application's cache, else the default one: the process's, or, in unit tests, the thread's,
/// so that tests do not meet.
pub(crate) fn of(request: &HttpRequest, unit_test: bool) -> Cow<'_, ResponseCache> {
    if let Some(cache) = request.app_data::<ResponseCache>() {
        return Cow::Borrowed(cache);
    }
    if let Some(cache) = request.app_data::<Data<ResponseCache>>() {
        return Cow::Borrowed(cache);
    }
    isolated(unit_test).map_or_else(|| Cow::Borrowed(of_the_process()), Cow::Owned)
}

#[cfg(any(test, feature = "testing"))]
fn isolated(unit_test: bool) -> Option<ResponseCache> {
    in_a_test(unit_test)
}

#[cfg(not(any(test, feature = "testing")))]
fn isolated(unit_test: bool) -> Option<ResponseCache> {
    if unit_test { in_a_test(true) } else { None }
}

fn in_a_test(make: bool) -> Option<ResponseCache> {
    ISOLATED.with_borrow_mut(|cache| {
        if cache.is_none() && make {
            *cache = Some(ResponseCache::builder().build());
        }
        cache.clone()
    })
}

/// Gives this thread a default cache of its own, and returns what was there before.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn isolate(cache: Option<ResponseCache>) -> Option<ResponseCache> {
    ISOLATED.with_borrow_mut(|current| std::mem::replace(current, cache))
}

/// Whether `CACHED_RESPONSE=off` switches everything off; read once.
pub(crate) fn is_off() -> bool {
    static OFF: LazyLock<bool> = LazyLock::new(|| {
        env::var("CACHED_RESPONSE").is_ok_and(|value| value.eq_ignore_ascii_case("off"))
    });
    *OFF
}
