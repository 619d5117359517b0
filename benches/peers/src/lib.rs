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

/// What ours must reach of the requests a second of the one that asks Redis each time, too.
pub const TIMES: f64 = 4.0;
/// The same where no two clients ask for the same page, so that no two look-ups are one.
pub const TIMES_APART: f64 = 2.5;

/// Ours, and theirs, of those that share a Redis server: ours must reach so many times theirs.
pub fn all_remote(times: f64) -> Vec<Contender> {
    let mut all = REMOTE.to_vec();
    all[REDIS_ONLY] = all[REDIS_ONLY].held_to(all.len(), times);
    all.push(Contender::peer("actix-request-reply-cache", request_reply::configure));
    all
}
