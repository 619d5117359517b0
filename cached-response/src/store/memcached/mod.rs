//! Memcached as a store: the small part of its meta protocol that a store needs.

pub(crate) mod address;
pub(crate) mod commands;
pub(crate) mod connection;
pub(crate) mod ensure;
pub(crate) mod error;
pub(crate) mod expiry;
pub(crate) mod join_all;
pub(crate) mod key;
pub(crate) mod pool;
pub(crate) mod protocol;
pub(crate) mod request;
pub(crate) mod ring;

use crate::store::{
    Store,
    error::{StoreError, StoreErrorKind, StoreFuture, StoredValue},
    memcached::{
        key::Key,
        pool::Server,
        protocol::Response,
        request::{MANY, Request},
        ring::Servers,
    },
};
use actix_web::web::Bytes;
use std::{fmt, sync::Arc, time::Duration};

/// The most bytes of a short value: a nonce, or who holds a lease.
const SHORT: usize = 64;

/// A store on one or more Memcached servers, 1.6 or later. A clone is another handle on the same
/// connections.
///
/// With several servers, each name lives on one of them. While that one is gone, calls for its names
/// fail, and the others go on. All who share a store must name the same servers, in any order. Where
/// one is added or taken away, begin with another namespace: a server that comes back may have missed
/// an invalidation.
///
/// Memcached counts in seconds, so a response lives up to two seconds shorter there, and what would
/// live for less than that may not be kept at all. What is over its item size (1 MiB, unless it was
/// started with `-I`) is not kept either, and that is no error. It has no [`Bus`](crate::Bus). There
/// is neither TLS nor a password: it belongs into a network that only its users reach.
///
/// ```
/// use cached_response::{MemcachedStore, StoreErrorKind};
///
/// // Nothing is asked of the server yet, and it need not be there.
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
    /// A store on the servers at these addresses, each a host and a port. Returns at once: connections
    /// are made when they are needed, and again when they are lost.
    ///
    /// # Errors
    ///
    /// Where one of them is no address, or there is none.
    pub fn open(addresses: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, StoreError> {
        let mut parsed = Vec::new();
        for address in addresses {
            parsed.push(address::parse(address.as_ref())?);
        }
        if parsed.is_empty() {
            let words = "no address of a Memcached server was given: write one at least, such as \
                         \"127.0.0.1:11211\"";
            return Err(StoreError::new(StoreErrorKind::InvalidAddress, words));
        }
        Ok(Self {
            servers: Arc::new(Servers::new(parsed)),
        })
    }

    fn of(&self, name: &str) -> &Arc<Server> {
        self.servers.of(name)
    }

    /// What lies under each of these names; those of one server in one round trip, all servers at once.
    async fn short(&self, names: &[&str]) -> Result<Vec<Option<Bytes>>, StoreError> {
        let groups = self.servers.groups(names);
        let asked = groups.iter().map(|(server, places)| {
            let mut request = Request::default();
            for place in places {
                request.get(&Key::of(names[*place]), SHORT);
            }
            Box::pin(server.ask(request)) as StoreFuture<'_, Vec<Response>>
        });
        let answered = join_all::all(asked.collect()).await?;
        let mut found = vec![None; names.len()];
        for ((_, places), answers) in groups.iter().zip(answered) {
            for (place, answer) in places.iter().zip(answers) {
                found[*place] = answer.kept().map(|kept| kept.bytes);
            }
        }
        Ok(found)
    }
}

impl Store for MemcachedStore {
    fn get<'a>(&'a self, name: &'a str, limit: usize) -> StoreFuture<'a, Option<StoredValue>> {
        Box::pin(async move {
            let mut request = Request::default();
            request.get(&Key::of(name), limit);
            Ok(self.of(name).ask_one(request).await?.kept())
        })
    }

    fn set<'a>(&'a self, name: &'a str, bytes: Bytes, timeout: Duration) -> StoreFuture<'a, ()> {
        Box::pin(commands::set(self.of(name), Key::of(name), bytes, timeout))
    }

    fn delete<'a>(&'a self, name: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut request = Request::default();
            request.delete(&Key::of(name));
            self.of(name).ask_one(request).await.map(drop)
        })
    }

    fn get_many<'a>(&'a self, names: &'a [String]) -> StoreFuture<'a, Vec<Option<Bytes>>> {
        Box::pin(async move {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            self.short(&names).await
        })
    }

    /// One round trip where all of it is on one server. Elsewhere it asks the others afterwards, since
    /// what they say must not be older.
    fn look_up<'a>(
        &'a self,
        name: &'a str,
        limit: usize,
        with: &'a [String],
    ) -> StoreFuture<'a, (Option<StoredValue>, Vec<Option<Bytes>>)> {
        Box::pin(async move {
            let server = self.of(name);
            let is_here = |name: &&String| Arc::ptr_eq(self.of(name), server);
            let here = with.iter().take(MANY - 1).take_while(is_here).count();
            let mut request = Request::default();
            request.get(&Key::of(name), limit);
            for name in &with[..here] {
                request.get(&Key::of(name), SHORT);
            }
            let mut answers = server.ask(request).await?.into_iter();
            let kept = answers.next().and_then(Response::kept);
            let mut found: Vec<_> = answers
                .map(|answer| answer.kept().map(|kept| kept.bytes))
                .collect();
            let elsewhere: Vec<_> = with[here..].iter().map(String::as_str).collect();
            found.extend(self.short(&elsewhere).await?);
            Ok((kept, found))
        })
    }

    fn add<'a>(&'a self, name: &'a str, bytes: Bytes, timeout: Duration) -> StoreFuture<'a, Bytes> {
        Box::pin(commands::add(self.of(name), Key::of(name), bytes, timeout))
    }

    fn ensure<'a>(
        &'a self,
        values: &'a [(String, Bytes)],
        life: Duration,
    ) -> StoreFuture<'a, Vec<Bytes>> {
        Box::pin(ensure::all(&self.servers, values, life))
    }

    /// In one round trip for names that follow each other on one server.
    fn delete_many<'a>(&'a self, names: &'a [String]) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut rest = names;
            while let Some(first) = rest.first() {
                let server = self.of(first);
                let is_here = |name: &&String| Arc::ptr_eq(self.of(name), server);
                let here = rest.iter().take(MANY).take_while(is_here).count();
                let mut request = Request::default();
                for name in &rest[..here] {
                    request.delete(&Key::of(name));
                }
                server.ask(request).await?;
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
