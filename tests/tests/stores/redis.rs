//! `RedisStore`, against Redis.

mod addresses;
mod bus;
mod cluster;
mod foreign;
mod methods;
mod network;
mod refusals;
mod replicas;
mod sentinel;
mod silence;
mod tls;

use std::time::Duration;

use cached_response::{RedisStore, StoreError};
use tests::servers::redis::Redis;
use tokio::time::timeout;

/// What a request may wait for a store.
const BUDGET: Duration = Duration::from_millis(50);

/// Far more than anything here takes, unless it hangs.
const LONG: Duration = Duration::from_secs(20);

const MINUTE: Duration = Duration::from_secs(60);

/// What the documentation of `RedisStore` says that a user must be allowed.
const ALLOWED: &str = "ACL SETUSER cache on >secret ~shop:* &shop:bus +getrange +mget +set +pttl \
    +pexpire +pexpireat +unlink +wait +publish +subscribe +time +info +select";

/// A server, and a store on it.
fn redis() -> (Redis, RedisStore) {
    let server = Redis::start().unwrap();
    let store = RedisStore::open(&server.url()).unwrap();
    (server, store)
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

/// Tries until it succeeds, each time for as long as a request would, and returns the result.
async fn in_the_end<T, F>(attempt: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, StoreError>>,
{
    in_the_end_within(BUDGET, attempt).await
}

/// The same, each time for as long as is given.
async fn in_the_end_within<T, F>(budget: Duration, mut attempt: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, StoreError>>,
{
    let tries = async {
        loop {
            if let Ok(Ok(found)) = timeout(budget, attempt()).await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, tries).await.unwrap()
}
