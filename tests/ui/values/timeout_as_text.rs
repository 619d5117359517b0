//! A timeout is written as text where only the attribute reads text.

use cached_response::{ResponseCache, set_cache_timeout};
use std::convert::Infallible;

async fn rates(cache: ResponseCache) -> Result<u32, Infallible> {
    cache.get_or_compute("rates", "1h", || async { Ok(7) }).await
}

async fn found(cache: ResponseCache) {
    set_cache_timeout("1h");
    let _ = cache.get_or_compute("rates", 60i32, || async { Ok::<u32, Infallible>(7) }).await;
}

fn main() {}
