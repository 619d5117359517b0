//! `set`, `add` and `ensure`.

use crate::store::{
    StoreError, StoreErrorKind,
    memcached::{
        MAX_SMALL_VALUE_BYTES,
        connection::{Server, Servers},
        protocol::{MemcachedKey, Request, Response, deadline},
    },
};
use actix_web::web::Bytes;
use futures_util::future::try_join_all;
use std::{sync::Arc, time::Duration};

/// The number of attempts when a value is gone before it is read.
const MAX_ATTEMPTS: usize = 4;

/// The reason of a server to refuse a value over its item size.
const TOO_LARGE: &str = "object too large for cache";

/// Stores `bytes` until `timeout` is over, or nothing: a value that the server would not keep for a second, or
/// that is over its item size, is deleted instead.
pub(crate) async fn set(
    server: &Arc<Server>,
    key: MemcachedKey<'_>,
    bytes: Bytes,
    timeout: Duration,
) -> Result<(), StoreError> {
    let until = deadline(timeout);
    let responses = server.send_with_clock(|clock| {
        let expiry = clock.no_later_than(until);
        let set = expiry.and_then(|expiry| Request::set(&key, bytes, expiry));
        set.unwrap_or_else(|| delete(&key))
    });
    let Some(Response::Refused(reason)) = responses.await?.pop() else {
        return Ok(());
    };
    // The value that it should have replaced must not stay. The known versions delete it themselves.
    server.send_one(delete(&key)).await?;
    if reason == TOO_LARGE {
        return Ok(());
    }
    Err(refused(server, &reason))
}

/// Stores `bytes` unless there is a value, and returns the value that is stored then.
pub(crate) async fn add(
    server: &Arc<Server>,
    key: MemcachedKey<'_>,
    bytes: Bytes,
    timeout: Duration,
) -> Result<Bytes, StoreError> {
    let until = deadline(timeout);
    for _ in 0..MAX_ATTEMPTS {
        let responses = server.send_with_clock(|clock| {
            let mut request = Request::default();
            if let Some(expiry) = clock.no_later_than(until) {
                request.add(&key, &bytes, expiry);
            }
            request.get(&key, MAX_SMALL_VALUE_BYTES);
            request
        });
        let mut responses = responses.await?;
        if let Some(Response::Value(value)) = responses.pop() {
            return Ok(value.bytes);
        }
        match responses.pop() {
            // There was a value, which is gone by now.
            Some(Response::NotStored) => {}
            Some(Response::Refused(reason)) => return Err(refused(server, &reason)),
            _ => return Ok(bytes),
        }
    }
    Err(vanishes(server))
}

/// For each name the value that is stored and has `life` left, or else the given one, which is stored.
///
/// Each value is added unless there is one, and then read; the life of one that has too little left is
/// extended. That may shorten the life that another process has just asked for, by less than a round trip: a
/// nonce that expires early is a miss. Nothing is stored again: a value that was deleted in between is not there
/// to be extended, and the given one takes its place.
pub(crate) async fn ensure(
    servers: &Servers,
    values: &[(String, Bytes)],
    life: Duration,
) -> Result<Vec<Bytes>, StoreError> {
    let names: Vec<_> = values.iter().map(|(name, _)| name.as_str()).collect();
    let groups = servers.groups(&names);
    let calls = groups.iter().map(|(server, indices)| {
        let given = indices.iter().map(|index| &values[*index]);
        let group = Group {
            server,
            life,
            values: given
                .map(|(name, bytes)| (MemcachedKey::of(name), bytes))
                .collect(),
        };
        group.ensure()
    });
    let ensured = try_join_all(calls).await?;
    let mut found = vec![Bytes::new(); values.len()];
    for ((_, indices), ensured) in groups.iter().zip(ensured) {
        for (index, bytes) in indices.iter().zip(ensured) {
            found[*index] = bytes;
        }
    }
    Ok(found)
}

/// The values of one server.
struct Group<'a> {
    server: &'a Arc<Server>,
    life: Duration,
    values: Vec<(MemcachedKey<'a>, &'a Bytes)>,
}

impl Group<'_> {
    async fn ensure(self) -> Result<Vec<Bytes>, StoreError> {
        let mut found = vec![None; self.values.len()];
        for _ in 0..MAX_ATTEMPTS {
            let short_lived = self.add(&mut found).await?;
            if !short_lived.is_empty() {
                self.extend(&short_lived, &mut found).await?;
            }
            if found.iter().all(Option::is_some) {
                break;
            }
        }
        let found: Option<Vec<_>> = found.into_iter().collect();
        found.ok_or_else(|| vanishes(self.server))
    }

    /// Adds the values that are not found yet, and returns the indices of those with too little life left.
    async fn add(&self, found: &mut [Option<Bytes>]) -> Result<Vec<usize>, StoreError> {
        let missing = |index: &usize| found[*index].is_none();
        let missing: Vec<_> = (0..found.len()).filter(missing).collect();
        let responses = self.server.send_with_clock(|clock| {
            let expiry = clock.no_sooner_than(deadline(self.life.saturating_mul(4)));
            let mut request = Request::default();
            for index in &missing {
                let (key, bytes) = &self.values[*index];
                request.add(key, bytes, expiry);
                request.get(key, MAX_SMALL_VALUE_BYTES);
            }
            request
        });
        let mut responses = responses.await?.into_iter();
        let mut short_lived = Vec::new();
        for index in missing {
            match (responses.next(), responses.next()) {
                (_, Some(Response::Value(value))) if value.left >= self.life => {
                    found[index] = Some(value.bytes);
                }
                (_, Some(Response::Value(_))) => short_lived.push(index),
                (Some(Response::Done), _) => found[index] = Some(self.values[index].1.clone()),
                (Some(Response::Refused(reason)), _) => return Err(refused(self.server, &reason)),
                // There was a value, which is gone by now.
                _ => {}
            }
        }
        Ok(short_lived)
    }

    /// Extends the life of the values that are still there.
    async fn extend(
        &self,
        indices: &[usize],
        found: &mut [Option<Bytes>],
    ) -> Result<(), StoreError> {
        let responses = self.server.send_with_clock(|clock| {
            let expiry = clock.no_sooner_than(deadline(self.life.saturating_mul(4)));
            let mut request = Request::default();
            for index in indices {
                request.touch(&self.values[*index].0, expiry, MAX_SMALL_VALUE_BYTES);
            }
            request
        });
        for (index, response) in indices.iter().zip(responses.await?) {
            found[*index] = response.value().map(|value| value.bytes);
        }
        Ok(())
    }
}

fn delete(key: &MemcachedKey<'_>) -> Request {
    let mut request = Request::default();
    request.delete(key);
    request
}

fn refused(server: &Server, reason: &str) -> StoreError {
    let message = format!("Memcached at {}: {reason}", server.address());
    StoreError::new(StoreErrorKind::Refused, message)
}

fn vanishes(server: &Server) -> StoreError {
    refused(
        server,
        "the value under the name is gone each time it is read",
    )
}
