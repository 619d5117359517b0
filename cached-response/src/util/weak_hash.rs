//! Hashes and digests that meet all the time, for tests: what is compared beside them must do.

use std::sync::LazyLock;

/// Whether they do. Only with the feature `testing`, and where the environment says so: to compile
/// everything twice would take longer than the tests.
static WEAK: LazyLock<bool> =
    LazyLock::new(|| std::env::var_os("CACHED_RESPONSE_WEAK_DIGEST").is_some());

/// Whether hashes and digests are to be of four bits.
#[inline]
pub(crate) fn is_on() -> bool {
    cfg!(any(test, feature = "testing")) && *WEAK
}

/// The four bits that are left of a hash of these bytes.
pub(crate) fn hash(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |all, byte| all ^ byte ^ (byte >> 4)) & 0xf
}
