//! The cache of a request whose route names none, and the switch of every cache of the process.

use crate::{
    cache::{ResponseCache, ResponseCacheBuilder},
    metrics::event::TARGET,
};
use actix_web::{HttpRequest, web::Data};
use std::{borrow::Cow, cell::RefCell, env, sync::LazyLock};
#[cfg(any(test, feature = "testing"))]
use {
    crate::util::sync::lock,
    std::{collections::BTreeSet, sync::Mutex},
};

/// The default cache of the process.
pub(crate) fn of_the_process() -> &'static ResponseCache {
    static CACHE: LazyLock<ResponseCache> = LazyLock::new(ResponseCacheBuilder::build_default);
    &CACHE
}

thread_local! {
    /// The isolated cache of a test's thread.
    static ISOLATED: RefCell<Option<ResponseCache>> = const { RefCell::new(None) };
}

/// The cache of the application, else the default one: that of the process, or in unit tests that of
/// the thread, so that tests do not share one.
pub(crate) fn of(request: &HttpRequest, unit_test: bool) -> Cow<'_, ResponseCache> {
    if let Some(cache) = request.app_data::<ResponseCache>() {
        return Cow::Borrowed(cache);
    }
    if let Some(cache) = request.app_data::<Data<ResponseCache>>() {
        return Cow::Borrowed(cache);
    }
    isolated_cache(unit_test).map_or_else(|| Cow::Borrowed(shared_by_all()), Cow::Owned)
}

/// The default cache of this thread: that of its test where it is isolated, else that of the process.
pub(crate) fn of_this_thread() -> ResponseCache {
    isolated_cache(false).unwrap_or_else(|| of_the_process().clone())
}

#[cfg(not(any(test, feature = "testing")))]
fn shared_by_all() -> &'static ResponseCache {
    of_the_process()
}

/// The cache of the process. Prints a warning where a second test uses it: each test has an actix
/// `System` of its own, and a server has one.
#[cfg(any(test, feature = "testing"))]
fn shared_by_all() -> &'static ResponseCache {
    static USERS: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());

    if let Some(system) = actix_web::rt::System::try_current() {
        let mut users = lock(&USERS);
        if users.insert(system.id()) && users.len() > 1 {
            eprintln!("{SHARED}");
        }
    }
    of_the_process()
}

/// The warning, which the test harness shows with the output of a failed test.
#[cfg(any(test, feature = "testing"))]
const SHARED: &str = "cached-response: this test and an earlier one use the cache of the process, so \
    that one may be answered by what the other has stored. Begin each test with `let _cache = \
    cached_response::testing::isolated();`, or give each application a cache of its own: \
    `App::new().app_data(ResponseCache::builder().build())`";

/// The isolated cache of this thread, which is made where there is none and `create` is set.
fn isolated_cache(create: bool) -> Option<ResponseCache> {
    let may_exist = create || cfg!(any(test, feature = "testing"));
    if !may_exist {
        return None;
    }
    ISOLATED.with_borrow_mut(|cache| {
        if cache.is_none() && create {
            *cache = Some(ResponseCacheBuilder::build_default());
        }
        cache.clone()
    })
}

/// Sets the isolated cache of this thread, and returns the previous one.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn isolate(cache: Option<ResponseCache>) -> Option<ResponseCache> {
    ISOLATED.with_borrow_mut(|current| std::mem::replace(current, cache))
}

/// The environment variable that switches off every cache of the process.
const SWITCH: &str = "CACHED_RESPONSE";

/// Returns true where `CACHED_RESPONSE` switches every cache off. The variable is read once.
pub(crate) fn is_switched_off() -> bool {
    static OFF: LazyLock<bool> = LazyLock::new(|| {
        let Some(value) = env::var_os(SWITCH) else {
            return false;
        };
        let value = value.to_string_lossy();
        let on = parse_switch(&value);
        if on.is_none() {
            tracing::warn!(
                target: TARGET,
                value = &*value,
                "the environment variable {SWITCH} is neither on nor off, and is ignored: write \
                 {SWITCH}=off (or 0, false, no) to switch every cache off, or {SWITCH}=on (or 1, true, \
                 yes), which is the default"
            );
        }
        on == Some(false)
    });
    *OFF
}

/// Parses a switch, in any case. An empty one is on; `None` where it is neither on nor off.
fn parse_switch(value: &str) -> Option<bool> {
    match value.trim().to_ascii_lowercase().as_str() {
        "" | "on" | "1" | "true" | "yes" => Some(true),
        "off" | "0" | "false" | "no" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::parse_switch;

    #[test]
    fn a_switch_is_on_off_or_a_synonym_in_any_case() {
        for on in ["on", "1", "true", "yes", "On", " TRUE ", "", "\t"] {
            assert_eq!(parse_switch(on), Some(true), "{on:?}");
        }
        for off in ["off", "0", "false", "no", "OFF", " False\n", "No"] {
            assert_eq!(parse_switch(off), Some(false), "{off:?}");
        }
        for neither in ["of", "2", "disabled", "off,", "0ff", "-", "none"] {
            assert_eq!(parse_switch(neither), None, "{neither:?}");
        }
    }
}
