//! `set`, `add` and `ensure`.

use crate::store::{
    StoreError, StoreErrorKind,
    memcached::{
        MAX_SMALL_VALUE_BYTES,
        connection::Server,
        key::{MemcachedKey, Servers},
        protocol::{Request, Response},
    },
};
use actix_web::web::Bytes;
use futures_util::future::try_join_all;
use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

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

/// The longest lifetime; longer ones are cut.
const MAX_LIFETIME: Duration = Duration::from_secs(20 * 365 * 86_400);

/// The last second that a server accepts: it reads 32 bits, up to the year 2038.
const MAX_SECOND: u64 = i32::MAX as u64;

/// The longest lifetime in seconds that a server counts from now.
const MAX_RELATIVE_SECONDS: u64 = 30 * 86_400;

/// The second of the server's clock at some time between request and response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerClock {
    pub(crate) second: u64,
    pub(crate) requested_at: Instant,
    pub(crate) received_at: Instant,
}

impl ServerClock {
    /// The last second that begins by `deadline`. `None` if that is over, or less than a second away.
    pub(crate) fn no_later_than(&self, deadline: Instant) -> Option<Expiry> {
        deadline.checked_duration_since(Instant::now())?;
        let left = deadline.checked_duration_since(self.received_at)?.as_secs();
        (left > 0).then(|| Expiry::new(self.second + left, left))
    }

    /// A second that begins after `deadline`, even if the clock ticks in between.
    pub(crate) fn no_sooner_than(&self, deadline: Instant) -> Expiry {
        let left = deadline
            .saturating_duration_since(self.requested_at)
            .as_secs()
            + 3;
        Expiry::new(self.second + left, left)
    }
}

/// The time at which a value with this lifetime expires.
pub(crate) fn deadline(timeout: Duration) -> Instant {
    Instant::now() + timeout.min(MAX_LIFETIME)
}

/// An expiry time as the server accepts it: a second of its clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expiry(u64);

impl Expiry {
    fn new(second: u64, left: u64) -> Self {
        let is_far = MAX_SECOND.saturating_sub(second - left) > MAX_RELATIVE_SECONDS;
        match second {
            second if second <= MAX_SECOND => Self(second),
            _ if is_far => Self(MAX_SECOND),
            _ => Self(left.min(MAX_RELATIVE_SECONDS)),
        }
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const NEARLY: Duration = Duration::from_nanos(999_999_999);
    const YEAR: Duration = Duration::from_secs(365 * 86_400);

    /// A clock whose response took half a second.
    fn clock(second: u64) -> ServerClock {
        let requested_at = Instant::now();
        ServerClock {
            second,
            requested_at,
            received_at: requested_at + SECOND / 2,
        }
    }

    #[test]
    fn a_lifetime_ends_before_its_deadline_and_an_ensured_one_after_it() {
        let clock = clock(2_000_000);
        let expiry = |left| clock.no_later_than(clock.received_at + left);
        assert_eq!(expiry(SECOND * 10), Some(Expiry(2_000_010)));
        assert_eq!(expiry(SECOND * 9 + NEARLY), Some(Expiry(2_000_009)));
        let deadline = clock.received_at + SECOND * 10;
        assert_eq!(clock.no_sooner_than(deadline), Expiry(2_000_013));
    }

    #[test]
    fn a_deadline_within_a_second_has_no_expiry() {
        let clock = clock(2_000_000);
        let nearly = clock.received_at + NEARLY;
        for over in [clock.requested_at, clock.received_at, nearly] {
            assert_eq!(clock.no_later_than(over), None);
        }
    }

    #[test]
    fn after_the_last_second_lifetimes_are_relative_and_of_thirty_days_at_most() {
        let clock = clock(MAX_SECOND - 100);
        let expiry = |left| clock.no_later_than(clock.received_at + left);
        assert_eq!(expiry(SECOND * 100), Some(Expiry(MAX_SECOND)));
        assert_eq!(expiry(SECOND * 101), Some(Expiry(101)));
        assert_eq!(expiry(YEAR), Some(Expiry(MAX_RELATIVE_SECONDS)));
        let clock = ServerClock {
            second: MAX_SECOND - MAX_RELATIVE_SECONDS - 1,
            ..clock
        };
        assert_eq!(
            clock.no_later_than(clock.received_at + YEAR),
            Some(Expiry(MAX_SECOND))
        );
    }

    #[test]
    fn any_timeout_has_a_deadline() {
        assert!(deadline(Duration::MAX) > Instant::now() + YEAR * 19);
    }
}
