//! Which cache a request uses where its route does not name one.

use crate::cache::{ResponseCache, ResponseCacheBuilder};
use actix_web::{HttpRequest, web::Data};
use std::{borrow::Cow, cell::RefCell, sync::LazyLock};
#[cfg(any(test, feature = "testing"))]
use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

/// The one cache of the process.
pub(crate) fn of_the_process() -> &'static ResponseCache {
    static CACHE: LazyLock<ResponseCache> = LazyLock::new(ResponseCacheBuilder::build_default);
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
    isolated(unit_test).map_or_else(|| Cow::Borrowed(shared_by_all()), Cow::Owned)
}

/// The default cache of this thread: a test's own where it has one, else the process's.
pub(crate) fn of_this_thread() -> ResponseCache {
    in_a_test(false).unwrap_or_else(|| of_the_process().clone())
}

#[cfg(not(any(test, feature = "testing")))]
fn shared_by_all() -> &'static ResponseCache {
    of_the_process()
}

/// The cache of the process. Prints a line where a second test begins to use it.
///
/// Each test has an actix `System` of its own, and a server has one.
#[cfg(any(test, feature = "testing"))]
fn shared_by_all() -> &'static ResponseCache {
    static USERS: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());

    if let Some(system) = actix_web::rt::System::try_current() {
        let mut users = USERS.lock().unwrap_or_else(PoisonError::into_inner);
        if users.insert(system.id()) && users.len() > 1 {
            eprintln!("{SHARED}");
        }
    }
    of_the_process()
}

/// The test harness shows this with what else a test that fails has printed.
#[cfg(any(test, feature = "testing"))]
const SHARED: &str = "cached-response: this test and an earlier one use the cache of the process, so \
    that one may be answered by what the other has stored. Begin each test with `let _cache = \
    cached_response::testing::isolated();`, or give each application a cache of its own: \
    `App::new().app_data(ResponseCache::builder().build())`";

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
            *cache = Some(ResponseCacheBuilder::build_default());
        }
        cache.clone()
    })
}

/// Gives this thread a default cache of its own, and returns what was there before.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn isolate(cache: Option<ResponseCache>) -> Option<ResponseCache> {
    ISOLATED.with_borrow_mut(|current| std::mem::replace(current, cache))
}
