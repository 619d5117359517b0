//! Sources with one mistake each, put in by the build script; every mistake must be seen.

use std::env;
use std::process::Command;

/// Runs a scenario that fails in a process of its own: a model that fails while its threads hold
/// what they share cannot be unwound.
#[track_caller]
pub(crate) fn must_fail(test: &str, failure: &str, scenario: fn()) {
    const CHILD: &str = "MODELS_RUN_THE_MISTAKE";
    if env::var_os(CHILD).is_some() {
        return scenario();
    }
    let output = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "the mistake was not seen");
    assert!(said.contains(failure), "it failed otherwise: {said}");
}
