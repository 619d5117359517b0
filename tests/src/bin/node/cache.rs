//! The cache of a node.

use cached_response::{MemcachedStore, RedisStore, ResponseCache, Store, StoreError};
use tests::nodes::{Remote, Settings};
use tests::servers::sentinel::PRIMARY;

/// A cache as the settings say.
pub(crate) fn build(settings: &Settings) -> Result<ResponseCache, StoreError> {
    match &settings.remote {
        Remote::None => Ok(ResponseCache::builder().build()),
        Remote::Redis(url) => Ok(with(settings, RedisStore::open(url)?)),
        Remote::Cluster(urls) => {
            let urls = urls.iter().map(String::as_str);
            Ok(with(settings, RedisStore::cluster(urls)?))
        }
        Remote::Sentinels(urls) => {
            let urls = urls.iter().map(String::as_str);
            Ok(with(settings, RedisStore::sentinel(urls, PRIMARY)?))
        }
        Remote::Memcached(addresses) => Ok(with(settings, MemcachedStore::open(addresses)?)),
    }
}

fn with(settings: &Settings, store: impl Store) -> ResponseCache {
    let mut builder = ResponseCache::builder()
        .remote(store)
        .namespace(&settings.namespace)
        .schema_version(settings.schema);
    if !settings.memory {
        builder = builder.without_memory();
    }
    if let Some(budget) = settings.budget {
        builder = builder.remote_timeout(budget);
    }
    if let Some(silence) = settings.silence {
        builder = builder.max_unverified(silence);
    }
    builder.build()
}
