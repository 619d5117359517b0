//! Memcached as the remote store, by the part of its meta protocol that a store needs.

pub(crate) mod commands;
pub(crate) mod connection;
pub(crate) mod protocol;

use crate::store::{
    LookedUp, Store, StoreError, StoreErrorKind, StoreFuture, StoredValue,
    memcached::{
        connection::{Server, Servers},
        protocol::{MAX_BATCH, MemcachedKey, Request, Response},
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
        Box::pin(commands::set(
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
        Box::pin(commands::add(
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
        Box::pin(commands::ensure(&self.servers, values, life))
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
