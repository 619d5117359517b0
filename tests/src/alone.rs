//! Tests that need a process of their own: those that weigh it, and those that change its panic hook.

use std::any::{Any, type_name};
use std::env;
use std::panic;
use std::process::Command;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Set in the child, which then runs the test itself.
const CHILD: &str = "TEST_IS_ALONE";

/// Runs `test`, a closure written in the test function itself, in a process where nothing else runs.
///
/// The test binary calls itself for this one test; what the child prints is shown where it fails.
pub fn alone<F: FnOnce()>(test: F) {
    if env::var_os(CHILD).is_some() {
        return test();
    }
    let name = type_name::<F>().trim_end_matches("::{{closure}}");
    let (_, name) = name.split_once("::").expect("a crate and a test");
    let output = Command::new(env::current_exe().expect("the test's own binary"))
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .output()
        .expect("the test's own binary starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{name} failed in its own process ({}):\n{said}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The word in the message of a panic that the test itself has ordered.
pub const ORDERED: &str = "ordered by the test";

/// Counts panics, and prints those that were not [`ORDERED`]; only for a process of one's own.
#[derive(Debug)]
pub struct Panics;

static COUNT: AtomicUsize = AtomicUsize::new(0);
static OTHERS: AtomicUsize = AtomicUsize::new(0);

impl Panics {
    /// Starts to count.
    pub fn count() -> Self {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let others = panic::take_hook();
            panic::set_hook(Box::new(move |panic| {
                if said(panic.payload()).contains(ORDERED) {
                    COUNT.fetch_add(1, Relaxed);
                } else {
                    OTHERS.fetch_add(1, Relaxed);
                    others(panic);
                }
            }));
        });
        Self
    }

    /// Returns the number of ordered ones so far.
    pub fn ordered(&self) -> usize {
        COUNT.load(Relaxed)
    }

    /// Returns the number of unordered ones so far, those in detached tasks included.
    pub fn unordered(&self) -> usize {
        OTHERS.load(Relaxed)
    }
}

fn said(payload: &dyn Any) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    text.unwrap_or_default()
}
