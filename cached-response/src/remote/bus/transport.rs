//! Transport of invalidations to the store and to other processes, and the wire format of the messages.
//!
//! ```text
//! version 1 | sender 8 | number 8 | 0 (heartbeat) sent_at 8
//!                                 | 1 (expire) or 2 (invalidate), then: 0 (all)
//!                                                                     | 1 (path) text
//!                                                                     | 2 (url) text
//!                                                                     | 3 (tags) text text ..
//!                                                                     | 4 (prefix) text
//!                                                                     | 5 (route) text
//! text = length 4 | UTF-8
//! ```
//!
//! The CRC-32 of all that follows: a message with a wrong checksum is not parsed, which counts as a
//! gap.

use crate::{
    invalidation::scope::{Bump, Scope},
    remote::client::RemoteClient,
    store::{Bus, Store, StoreError, StoreErrorKind, Subscription},
    time::moment::Timestamp,
};
use actix_web::web::Bytes;
use futures_util::FutureExt as _;
use std::{
    fmt,
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::time::timeout;

/// Future of a call.
pub(crate) type TransportFuture<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

/// Store and channel of one cache. Each call ends within the time that an invalidation may take, and
/// fails at once while the circuit breaker is open.
pub(crate) trait Transport: Send + Sync + 'static {
    /// Deletes these names, in their order.
    fn delete(&self, names: Vec<String>) -> TransportFuture<()>;

    /// Returns whether there is a bus, for the two calls below.
    fn has_bus(&self) -> bool;

    /// Publishes a message to all subscribers.
    fn publish(&self, message: Bytes) -> TransportFuture<()>;

    /// Subscribes; when it is ready, all messages that are published from then on are received.
    fn subscribe(&self) -> TransportFuture<Box<dyn Subscription>>;
}

/// Returns the result of `call`, or an error if the store panics.
pub(crate) async fn catch_panic<T>(
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let result = AssertUnwindSafe(call).catch_unwind().await;
    result.unwrap_or_else(|_| {
        Err(StoreError::new(
            StoreErrorKind::Protocol,
            "the store panicked",
        ))
    })
}

/// Transport over the bus of a [`Store`]. Polled on the I/O thread only.
pub(crate) struct StoreTransport {
    store: Arc<dyn Store>,
    client: RemoteClient,
    channel: Arc<str>,
    timeout: Duration,
    /// True while calls go through although the breaker is open.
    is_recovering: AtomicBool,
}

impl StoreTransport {
    pub(crate) fn new(
        store: &Arc<dyn Store>,
        client: &RemoteClient,
        channel: &str,
        timeout: Duration,
    ) -> Self {
        Self {
            store: store.clone(),
            client: client.clone(),
            channel: channel.into(),
            timeout,
            is_recovering: AtomicBool::new(false),
        }
    }

    /// Lets calls through although the breaker is open, until the guard is dropped.
    pub(crate) fn recover(&self) -> RecoveryGuard<'_> {
        self.is_recovering.store(true, SeqCst);
        RecoveryGuard(self)
    }

    fn call<T, F>(
        &self,
        call: impl FnOnce(Arc<dyn Store>) -> F + Send + 'static,
    ) -> TransportFuture<T>
    where
        F: Future<Output = Result<T, StoreError>> + Send,
    {
        let (store, limit) = (self.store.clone(), self.timeout);
        let is_refused = self.client.is_open() && !self.is_recovering.load(SeqCst);
        Box::pin(async move {
            if is_refused {
                let kind = StoreErrorKind::Unreachable;
                let message = "the store is not called until it answers a probe";
                return Err(StoreError::new(kind, message));
            }
            let result = timeout(limit, call(store)).await;
            result.unwrap_or_else(|_| {
                let message = "the store has not answered in time";
                Err(StoreError::new(StoreErrorKind::Timeout, message))
            })
        })
    }
}

/// Guard of a recovery.
#[must_use = "the recovery ends when it is dropped"]
pub(crate) struct RecoveryGuard<'a>(&'a StoreTransport);

impl Drop for RecoveryGuard<'_> {
    fn drop(&mut self) {
        self.0.is_recovering.store(false, SeqCst);
    }
}

fn bus(store: &dyn Store) -> Result<&dyn Bus, StoreError> {
    let none = || StoreError::new(StoreErrorKind::Refused, "the store has no bus");
    store.bus().ok_or_else(none)
}

impl Transport for StoreTransport {
    fn delete(&self, names: Vec<String>) -> TransportFuture<()> {
        self.call(|store| async move { store.delete_many(&names).await })
    }

    fn has_bus(&self) -> bool {
        self.store.bus().is_some()
    }

    fn publish(&self, message: Bytes) -> TransportFuture<()> {
        let channel = self.channel.clone();
        self.call(move |store| async move { bus(&*store)?.publish(&channel, message).await })
    }

    fn subscribe(&self) -> TransportFuture<Box<dyn Subscription>> {
        let channel = self.channel.clone();
        self.call(move |store| async move { bus(&*store)?.subscribe(&channel).await })
    }
}

impl fmt::Debug for StoreTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreTransport")
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}

/// Message of one process to all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) sender: u64,
    /// One more than that of the sender's previous message.
    pub(crate) number: u64,
    pub(crate) payload: Payload,
}

/// Payload of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    /// Time of sending on the sender's clock, which has no meaning to others.
    Heartbeat(Timestamp),
    Bump(Bump, Targets),
}

/// Targets of an invalidation: one scope, or several tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Targets {
    All,
    Path(String),
    Url(String),
    Tags(Vec<String>),
    Prefix(String),
    Route(String),
}

/// Error for bytes that are no message of this version. Their content is unknown, so that a receiver
/// treats them as a missed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

const VERSION: u8 = 1;

/// Maximum size of the tags in one message.
const MAX_TAG_BYTES: usize = 16 << 10;

/// Size of the length of a text.
const LENGTH_BYTES: usize = size_of::<u32>();

impl Message {
    pub(crate) fn to_bytes(&self) -> Bytes {
        let mut bytes = vec![VERSION];
        bytes.extend(self.sender.to_be_bytes());
        bytes.extend(self.number.to_be_bytes());
        match &self.payload {
            Payload::Heartbeat(sent_at) => {
                bytes.push(0);
                bytes.extend(sent_at.to_nanos().to_be_bytes());
            }
            Payload::Bump(bump, targets) => {
                bytes.push(match bump {
                    Bump::Expire => 1,
                    Bump::Invalidate => 2,
                });
                targets.write(&mut bytes);
            }
        }
        bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
        bytes.into()
    }

    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Unreadable> {
        let (bytes, sum) = bytes.split_last_chunk().ok_or(Unreadable)?;
        if crc32fast::hash(bytes) != u32::from_be_bytes(*sum) {
            return Err(Unreadable);
        }
        let mut rest = Rest(bytes);
        if rest.byte()? != VERSION {
            return Err(Unreadable);
        }
        let (sender, number) = (rest.number()?, rest.number()?);
        let payload = match rest.byte()? {
            0 => Payload::Heartbeat(Timestamp::from_nanos(rest.number()?)),
            1 => Payload::Bump(Bump::Expire, Targets::read(&mut rest)?),
            2 => Payload::Bump(Bump::Invalidate, Targets::read(&mut rest)?),
            _ => return Err(Unreadable),
        };
        if !rest.0.is_empty() {
            return Err(Unreadable);
        }
        Ok(Self {
            sender,
            number,
            payload,
        })
    }
}

impl Targets {
    /// Groups these scopes into as few messages as possible: the tags together, up to the size of a message.
    pub(crate) fn of(scopes: impl IntoIterator<Item = Scope>) -> Vec<Self> {
        let (mut all, mut tags, mut length) = (Vec::new(), Vec::new(), 0);
        for scope in scopes {
            match scope {
                Scope::All => all.push(Self::All),
                Scope::Path(path) => all.push(Self::Path(path)),
                Scope::Url(url) => all.push(Self::Url(url)),
                Scope::Prefix(prefix) => all.push(Self::Prefix(prefix)),
                Scope::Route(name) => all.push(Self::Route(name)),
                Scope::Tag(tag) => {
                    let more = LENGTH_BYTES + tag.len();
                    if length + more > MAX_TAG_BYTES && !tags.is_empty() {
                        all.push(Self::Tags(std::mem::take(&mut tags)));
                        length = 0;
                    }
                    length += more;
                    tags.push(tag);
                }
            }
        }
        if !tags.is_empty() {
            all.push(Self::Tags(tags));
        }
        all
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        let mut one = |kind, text| {
            bytes.push(kind);
            write_text(text, bytes);
        };
        match self {
            Self::All => bytes.push(0),
            Self::Path(path) => one(1, path),
            Self::Url(url) => one(2, url),
            Self::Prefix(prefix) => one(4, prefix),
            Self::Route(name) => one(5, name),
            Self::Tags(tags) => {
                bytes.push(3);
                for tag in tags {
                    write_text(tag, bytes);
                }
            }
        }
    }

    fn read(rest: &mut Rest<'_>) -> Result<Self, Unreadable> {
        Ok(match rest.byte()? {
            0 => Self::All,
            1 => Self::Path(rest.text()?),
            2 => Self::Url(rest.text()?),
            3 => {
                let mut tags = Vec::new();
                while !rest.0.is_empty() {
                    tags.push(rest.text()?);
                }
                Self::Tags(tags)
            }
            4 => Self::Prefix(rest.text()?),
            5 => Self::Route(rest.text()?),
            _ => return Err(Unreadable),
        })
    }
}

/// Writes a text with its length. No store accepts a message of 4 GiB.
fn write_text(text: &str, bytes: &mut Vec<u8>) {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    bytes.extend(length.to_be_bytes());
    bytes.extend(text.as_bytes());
}

/// Bytes that were not parsed yet.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn take(&mut self, length: usize) -> Result<&[u8], Unreadable> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Unreadable)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], Unreadable> {
        self.take(LENGTH)?.try_into().map_err(|_| Unreadable)
    }

    fn byte(&mut self) -> Result<u8, Unreadable> {
        self.array().map(u8::from_be_bytes)
    }

    fn number(&mut self) -> Result<u64, Unreadable> {
        self.array().map(u64::from_be_bytes)
    }

    fn text(&mut self) -> Result<String, Unreadable> {
        let length = u32::from_be_bytes(self.array()?);
        let length = usize::try_from(length).map_err(|_| Unreadable)?;
        let text = std::str::from_utf8(self.take(length)?);
        text.map(str::to_owned).map_err(|_| Unreadable)
    }
}

#[cfg(test)]
mod tests;
