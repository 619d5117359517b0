//! Memcached as the remote store, by the part of its meta protocol that a store needs.

pub(crate) mod connection;
pub(crate) mod protocol;

use crate::store::{
    LookedUp, Store, StoreError, StoreErrorKind, StoreFuture, StoredValue, VANISHES,
    memcached::{
        connection::{Server, Servers},
        protocol::{MAX_BATCH, MemcachedKey, Request, Response, deadline},
    },
};
use actix_web::web::Bytes;
use futures_util::future::try_join_all;
use std::{fmt, net::Ipv6Addr, sync::Arc, time::Duration};

/// The maximum length of a small value, such as a nonce or a lease, in bytes.
const MAX_SMALL_VALUE_BYTES: usize = 64;

/// A store on one or more Memcached servers, 1.6 or later. A clone is another handle on the same
/// connections.
///
/// With several servers, each name is stored on one of them. While that one is gone, calls for its names
/// fail, and the others succeed. All processes that share a store must name the same servers, in any order. If
/// one is added or removed, use another namespace: a server that comes back may have missed an invalidation.
///
/// Memcached counts in seconds, so a response lives up to two seconds shorter there, and one that would live
/// for less may not be stored at all. A response over its item size (1 MiB, unless it was started with `-I`) is
/// not stored either, and that is no error. It has no [`Bus`](crate::Bus). There is neither TLS nor a password:
/// it belongs into a network that only its users reach.
///
/// ```
/// use cached_response::{MemcachedStore, StoreErrorKind};
///
/// // Nothing is connected yet, and the server need not run.
/// let store = MemcachedStore::open(["127.0.0.1:11211"])?;
/// let error = MemcachedStore::open(["localhost"]).unwrap_err();
/// assert_eq!(error.kind(), StoreErrorKind::InvalidAddress);
/// # let _ = store;
/// # Ok::<_, cached_response::StoreError>(())
/// ```
#[derive(Clone)]
pub struct MemcachedStore {
    servers: Arc<Servers>,
}

impl MemcachedStore {
    /// A store on the servers at these addresses, each a host and a port. Nothing is connected yet:
    /// connections are opened when they are first used, and again when they were lost.
    ///
    /// ```
    /// use cached_response::MemcachedStore;
    ///
    /// let store = MemcachedStore::open(["10.0.0.2:11211", "10.0.0.1:11211"])?;
    /// assert_eq!(format!("{store:?}"), "MemcachedStore([\"10.0.0.1:11211\", \"10.0.0.2:11211\"])");
    /// # Ok::<_, cached_response::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidAddress`](StoreErrorKind::InvalidAddress) if one of them is no address, or there is none.
    pub fn open(addresses: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, StoreError> {
        let mut parsed = Vec::new();
        for address in addresses {
            parsed.push(parse_address(address.as_ref())?);
        }
        if parsed.is_empty() {
            let message = "no address of a Memcached server was given: write one at least, such as \
                           \"127.0.0.1:11211\"";
            return Err(StoreError::new(StoreErrorKind::InvalidAddress, message));
        }
        Ok(Self {
            servers: Arc::new(Servers::new(parsed)),
        })
    }

    fn server_of(&self, name: &str) -> &Arc<Server> {
        self.servers.of(name)
    }

    /// Reads the small values under these names: those of one server in one round trip, all servers at a
    /// time.
    async fn small_values(&self, names: &[&str]) -> Result<Vec<Option<Bytes>>, StoreError> {
        let groups = self.servers.groups(names);
        let calls = groups.iter().map(|(server, indices)| {
            let mut request = Request::default();
            for index in indices {
                request.get(&MemcachedKey::of(names[*index]), MAX_SMALL_VALUE_BYTES);
            }
            server.send(request)
        });
        let responses = try_join_all(calls).await?;
        let mut found = vec![None; names.len()];
        for ((_, indices), responses) in groups.iter().zip(responses) {
            for (index, response) in indices.iter().zip(responses) {
                found[*index] = response.value().map(|value| value.bytes);
            }
        }
        Ok(found)
    }
}

impl Store for MemcachedStore {
    fn get<'a>(&'a self, name: &'a str, limit: usize) -> StoreFuture<'a, Option<StoredValue>> {
        Box::pin(async move {
            let mut request = Request::default();
            request.get(&MemcachedKey::of(name), limit);
            Ok(self.server_of(name).send_one(request).await?.value())
        })
    }

    fn set<'a>(&'a self, name: &'a str, bytes: Bytes, timeout: Duration) -> StoreFuture<'a, ()> {
        Box::pin(set(
            self.server_of(name),
            MemcachedKey::of(name),
            bytes,
            timeout,
        ))
    }

    fn delete<'a>(&'a self, name: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut request = Request::default();
            request.delete(&MemcachedKey::of(name));
            self.server_of(name).send_one(request).await.map(drop)
        })
    }

    fn get_many<'a>(&'a self, names: &'a [String]) -> StoreFuture<'a, Vec<Option<Bytes>>> {
        Box::pin(async move {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            self.small_values(&names).await
        })
    }

    /// One round trip if all names are on one server. The values on other servers are read afterwards, since
    /// they must not be older.
    fn look_up<'a>(
        &'a self,
        name: &'a str,
        limit: usize,
        with: &'a [String],
    ) -> StoreFuture<'a, LookedUp> {
        Box::pin(async move {
            let server = self.server_of(name);
            let is_here = |name: &&String| Arc::ptr_eq(self.server_of(name), server);
            let here = with.iter().take(MAX_BATCH - 1).take_while(is_here).count();
            let mut request = Request::default();
            request.get(&MemcachedKey::of(name), limit);
            for name in &with[..here] {
                request.get(&MemcachedKey::of(name), MAX_SMALL_VALUE_BYTES);
            }
            let mut responses = server.send(request).await?.into_iter();
            let entry = responses.next().and_then(Response::value);
            let mut found: Vec<_> = responses
                .map(|response| response.value().map(|value| value.bytes))
                .collect();
            let elsewhere: Vec<_> = with[here..].iter().map(String::as_str).collect();
            found.extend(self.small_values(&elsewhere).await?);
            Ok((entry, found))
        })
    }

    fn add<'a>(&'a self, name: &'a str, bytes: Bytes, timeout: Duration) -> StoreFuture<'a, Bytes> {
        Box::pin(add(
            self.server_of(name),
            MemcachedKey::of(name),
            bytes,
            timeout,
        ))
    }

    fn ensure<'a>(
        &'a self,
        values: &'a [(String, Bytes)],
        life: Duration,
    ) -> StoreFuture<'a, Vec<Bytes>> {
        Box::pin(ensure(&self.servers, values, life))
    }

    /// One round trip for names that follow each other on one server.
    fn delete_many<'a>(&'a self, names: &'a [String]) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut rest = names;
            while let Some(first) = rest.first() {
                let server = self.server_of(first);
                let is_here = |name: &&String| Arc::ptr_eq(self.server_of(name), server);
                let here = rest.iter().take(MAX_BATCH).take_while(is_here).count();
                let mut request = Request::default();
                for name in &rest[..here] {
                    request.delete(&MemcachedKey::of(name));
                }
                server.send(request).await?;
                rest = &rest[here..];
            }
            Ok(())
        })
    }
}

impl fmt::Debug for MemcachedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MemcachedStore")
            .field(&self.servers)
            .finish()
    }
}

/// The number of attempts when a value is gone before it is read.
const MAX_ATTEMPTS: usize = 4;

/// The reason of a server to refuse a value over its item size.
const TOO_LARGE: &str = "object too large for cache";

/// Stores `bytes` until `timeout` is over, or nothing: a value that the server would not keep for a second, or
/// that is over its item size, is deleted instead.
async fn set(
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
async fn add(
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
async fn ensure(
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
    refused(server, VANISHES)
}

/// Parses a host and a port, and returns them as they are written.
fn parse_address(address: &str) -> Result<String, StoreError> {
    if is_address(address) {
        return Ok(address.to_owned());
    }
    let message = format!(
        "{address:?} is no address of a Memcached server: write a host and a port, such as \
         \"127.0.0.1:11211\", \"cache.local:11211\" or \"[::1]:11211\""
    );
    Err(StoreError::new(StoreErrorKind::InvalidAddress, message))
}

fn is_address(address: &str) -> bool {
    let Some((host, port)) = address.rsplit_once(':') else {
        return false;
    };
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit())
        && port.parse::<u16>().is_ok_and(|port| port != 0);
    is_port && (is_host(host) || is_bracketed(host))
}

fn is_host(host: &str) -> bool {
    let is_part_of_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !host.is_empty() && host.bytes().all(is_part_of_host)
}

fn is_bracketed(host: &str) -> bool {
    host.strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|inside| inside.parse::<Ipv6Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_and_a_port_are_an_address() {
        for address in [
            "localhost:11211",
            "10.0.0.1:1",
            "a-b.c_d:65535",
            "[::1]:11211",
        ] {
            assert_eq!(parse_address(address).as_deref(), Ok(address));
        }
    }

    #[test]
    fn anything_else_is_named_in_the_error_with_what_to_write() {
        for address in [
            "",
            "localhost",
            "localhost:",
            ":11211",
            "localhost:0",
            "localhost:65536",
            "host:+1",
            "memcached://localhost:11211",
            "a b:1",
            "::1:11211",
            "[::1:11211",
            "[x]:1",
            "a@b:1",
            "a:1\r\n",
            "/tmp/socket",
        ] {
            let error = parse_address(address).unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::InvalidAddress, "{address:?}");
            assert!(error.to_string().contains("such as"), "{error}");
            assert!(error.to_string().contains(&format!("{address:?}")));
        }
    }
}
