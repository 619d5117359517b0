//! Other people's caches below the same route.

mod memoized;
mod request_reply;

use benches::{
    Contender,
    contenders::{ALL, REDIS_ONLY, REMOTE},
};

/// Ours, and theirs.
pub fn all() -> Vec<Contender> {
    let mut all = ALL.to_vec();
    all.push(Contender::peer("`cached` below the handler", memoized::configure));
    all
}

/// Least ratio of our requests a second to those of the peer that also asks Redis each time.
const TIMES: f64 = 3.5;

/// Ours, and theirs, of those that share a Redis server.
pub fn all_remote() -> Vec<Contender> {
    let mut all = REMOTE.to_vec();
    all[REDIS_ONLY] = all[REDIS_ONLY].held_to(all.len(), TIMES);
    all.push(Contender::peer("actix-request-reply-cache", request_reply::configure));
    all
}
