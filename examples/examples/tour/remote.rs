//! Step 10: Redis behind two processes.

use std::env;

use cached_response::{RedisStore, ResponseCache, StoreError};

/// The cache of this process. The server at `REDIS_URL` may start later than the program.
pub(crate) fn cache() -> Result<ResponseCache, StoreError> {
    let cache = ResponseCache::builder();
    Ok(match env::var("REDIS_URL") {
        Ok(url) => cache.remote(RedisStore::open(&url)?).build(),
        Err(_) => cache.build(),
    })
}
