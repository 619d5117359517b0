//! The cache of a node.

use cached_response::ResponseCache;
use tests::nodes::Settings;

/// A cache as the settings say.
pub(crate) fn build(_: &Settings) -> ResponseCache {
    ResponseCache::builder().build()
}
