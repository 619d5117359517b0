//! Putting something on a server.

use crate::store::{
    error::{StoreError, StoreErrorKind},
    memcached::{
        SHORT, expiry::deadline, key::Key, pool::Server, protocol::Response, request::Request,
    },
};
use actix_web::web::Bytes;
use std::{sync::Arc, time::Duration};

/// How often something is asked for that was there and then was not.
pub(crate) const TRIES: usize = 4;

/// What a server says to a value over its item size.
const TOO_LARGE: &str = "object too large for cache";

/// `bytes` lie there until `timeout` is over, or nothing does: what a server would not keep for a
/// second, or is too large for it, is deleted.
pub(crate) async fn set(
    server: &Arc<Server>,
    key: Key<'_>,
    bytes: Bytes,
    timeout: Duration,
) -> Result<(), StoreError> {
    let until = deadline(timeout);
    let answers = server.ask_by_its_clock(|clock| {
        let expiry = clock.no_later_than(until);
        let set = expiry.and_then(|expiry| Request::set(&key, bytes, expiry));
        set.unwrap_or_else(|| delete(&key))
    });
    let Some(Response::Refused(words)) = answers.await?.pop() else {
        return Ok(());
    };
    // What lay there must not stay. The known versions see to it themselves.
    server.ask_one(delete(&key)).await?;
    if words == TOO_LARGE {
        return Ok(());
    }
    Err(refused(server, &words))
}

/// What lies there, which is `bytes` where nothing lay there before.
pub(crate) async fn add(
    server: &Arc<Server>,
    key: Key<'_>,
    bytes: Bytes,
    timeout: Duration,
) -> Result<Bytes, StoreError> {
    let until = deadline(timeout);
    for _ in 0..TRIES {
        let answers = server.ask_by_its_clock(|clock| {
            let mut request = Request::default();
            if let Some(expiry) = clock.no_later_than(until) {
                request.add(&key, &bytes, expiry);
            }
            request.get(&key, SHORT);
            request
        });
        let mut answers = answers.await?;
        if let Some(Response::Value(kept)) = answers.pop() {
            return Ok(kept.bytes);
        }
        match answers.pop() {
            // It was there and is gone by now.
            Some(Response::NotStored) => {}
            Some(Response::Refused(words)) => return Err(refused(server, &words)),
            _ => return Ok(bytes),
        }
    }
    Err(vanishes(server))
}

fn delete(key: &Key<'_>) -> Request {
    let mut request = Request::default();
    request.delete(key);
    request
}

pub(crate) fn refused(server: &Server, words: &str) -> StoreError {
    let words = format!("Memcached at {}: {words}", server.address());
    StoreError::new(StoreErrorKind::Refused, words)
}

pub(crate) fn vanishes(server: &Server) -> StoreError {
    refused(server, "what lies there vanishes each time it is asked for")
}
