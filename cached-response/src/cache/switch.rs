//! The switch of all caches of a process.

use std::{env, sync::LazyLock};

/// The environment variable that switches everything off.
const SWITCH: &str = "CACHED_RESPONSE";

/// Whether `CACHED_RESPONSE` switches everything off; read once.
pub(crate) fn is_off() -> bool {
    static OFF: LazyLock<bool> = LazyLock::new(|| {
        let Some(value) = env::var_os(SWITCH) else {
            return false;
        };
        let value = value.to_string_lossy();
        let on = switch(&value);
        if on.is_none() {
            tracing::warn!(
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

/// What a switch says, in any case; an empty one is as good as none. `None` where it says neither.
fn switch(value: &str) -> Option<bool> {
    match value.trim().to_ascii_lowercase().as_str() {
        "" | "on" | "1" | "true" | "yes" => Some(true),
        "off" | "0" | "false" | "no" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::switch;

    #[test]
    fn a_switch_takes_the_usual_words() {
        for on in ["on", "1", "true", "yes", "On", " TRUE ", "", "\t"] {
            assert_eq!(switch(on), Some(true), "{on:?}");
        }
        for off in ["off", "0", "false", "no", "OFF", " False\n", "No"] {
            assert_eq!(switch(off), Some(false), "{off:?}");
        }
        for neither in ["of", "2", "disabled", "off,", "0ff", "-", "none"] {
            assert_eq!(switch(neither), None, "{neither:?}");
        }
    }
}
