//! Four-bit hashes and digests for tests: they collide all the time, so that only full comparisons can tell
//! keys apart.

use std::sync::LazyLock;

/// Setting from the environment, which is read with the feature `testing` alone: compiling everything twice
/// would take longer than the tests.
static WEAK: LazyLock<bool> =
    LazyLock::new(|| std::env::var_os("CACHED_RESPONSE_WEAK_DIGEST").is_some());

/// Returns whether hashes and digests have four bits.
#[inline]
pub(crate) fn is_on() -> bool {
    cfg!(any(test, feature = "testing")) && *WEAK
}

/// Returns a hash of four bits.
pub(crate) fn hash(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |all, byte| all ^ byte ^ (byte >> 4)) & 0xf
}
