//! The servers behind a store, and the connection that a call goes by; small values that are stored unless
//! there is one.

use crate::store::{
    LookedUp, StoreError,
    redis::{
        endpoint::Endpoint,
        pipelines::{
            self, NOT_THERE, add_read, entry, looked_up, milliseconds, read_entry, removed,
        },
        reply::{
            self, SMALL_VALUE_BYTES, ServerInfo, done, number, protocol_error, report_commands,
            small_value, small_values, vanishes,
        },
        shared_connection::{OpenConnection, SharedConnection},
        wire::{Group, RedisSubscription},
        workers::WorkerConnections,
    },
};
use actix_web::web::Bytes;
use futures_util::future::Either;
use redis::{Pipeline, Value};
use std::{
    fmt,
    iter::zip,
    sync::Arc,
    time::{Duration, Instant},
};

/// One server, or the nodes of a cluster.
pub(crate) struct Backend {
    endpoint: Arc<Endpoint>,
    /// For what requests wait for: it is never behind a large body, or behind a `WAIT`.
    lookups: Arc<SharedConnection>,
    /// For what goes on behind the requests, in its order: writes, invalidations, messages.
    writes: Arc<SharedConnection>,
    /// For the look-ups of the requests of each worker.
    workers: WorkerConnections,
}

impl Backend {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        let endpoint = Arc::new(endpoint);
        Self {
            lookups: SharedConnection::new(Arc::clone(&endpoint)),
            writes: SharedConnection::new(Arc::clone(&endpoint)),
            workers: WorkerConnections::new(Arc::clone(&endpoint)),
            endpoint,
        }
    }

    /// The entry under `name`, and the small values under the other names, which are read no sooner.
    pub(crate) async fn look_up(
        &self,
        name: &str,
        limit: usize,
        with: &[String],
    ) -> Result<LookedUp, StoreError> {
        if self.endpoint.is_cluster() {
            let groups = || vec![(name.to_owned(), read_entry(name, limit))];
            let entry = self
                .lookups
                .call(|_| groups(), |replies| entry(one(replies)?.into_iter()));
            return Ok((entry.await?, self.small_values(with).await?));
        }
        let groups =
            |_: &OpenConnection| vec![(String::new(), pipelines::look_up(name, limit, with))];
        let read = |replies| looked_up(one(replies)?, with.len());
        self.lookups.call(groups, read).await
    }

    /// The same on the connection of this worker: a future that runs on this thread, `None` where the
    /// thread has no open connection.
    pub(crate) fn look_up_here(
        &self,
        name: &str,
        limit: usize,
        with: &[String],
    ) -> Option<impl Future<Output = Result<LookedUp, StoreError>> + Send + use<>> {
        let (open, batch) = self.workers.open_now()?;
        if !self.endpoint.is_cluster() {
            let looked_up = batch.add(&open, name, limit, with).ok()?;
            return Some(Either::Left(looked_up));
        }
        let (name, read, later) = (name.to_owned(), read_entry(name, limit), gets(with));
        Some(Either::Right(async move {
            let replies = open.wire().send(&name, &read);
            let read = |replies: Vec<Value>| entry(replies.into_iter());
            let found = open.call(replies, read).await?;
            let replies = open.wire().send_all(&later);
            let values = open.call(replies, each_small_value);
            Ok((found, values.await?))
        }))
    }

    /// The small values under these names.
    pub(crate) async fn small_values(
        &self,
        names: &[String],
    ) -> Result<Vec<Option<Bytes>>, StoreError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        if self.endpoint.is_cluster() {
            return self.lookups.call(|_| gets(names), each_small_value).await;
        }
        let groups = |_: &OpenConnection| {
            let mut get = Pipeline::with_capacity(1);
            get.cmd("MGET").arg(names);
            vec![(String::new(), get)]
        };
        let read = |replies| {
            let [reply] = reply::replies(one(replies)?)?;
            small_values(reply, names.len())
        };
        self.lookups.call(groups, read).await
    }

    /// The replies to each of several groups of commands.
    async fn send_all(&self, groups: &[Group]) -> Result<Vec<Vec<Value>>, StoreError> {
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        self.lookups.call(|_| groups.to_vec(), Ok).await
    }

    /// Stores `bytes` under `name` until `deadline`.
    pub(crate) async fn set(
        &self,
        name: &str,
        bytes: &[u8],
        deadline: Instant,
    ) -> Result<(), StoreError> {
        let info = self.info_of_node(name).await?;
        let groups = |open: &OpenConnection| {
            let info = info.clone().unwrap_or_else(|| open.info());
            vec![(
                name.to_owned(),
                pipelines::set(name, bytes, deadline, &info),
            )]
        };
        let read = |replies| pipelines::all_done(&one(replies)?);
        self.writes.call(groups, read).await
    }

    /// Removes these names, in their order: from one server in one round trip, from a cluster one after
    /// the other.
    pub(crate) async fn remove(&self, names: &[String]) -> Result<(), StoreError> {
        if self.endpoint.is_cluster() {
            for name in names {
                self.remove_from_node(name).await?;
            }
            return Ok(());
        }
        if names.is_empty() {
            return Ok(());
        }
        let groups =
            |open: &OpenConnection| vec![(String::new(), pipelines::remove(names, &open.info()))];
        let read = |replies| removed(&one(replies)?, names.len());
        self.writes.call(groups, read).await
    }

    async fn remove_from_node(&self, name: &str) -> Result<(), StoreError> {
        let info = self.info_of_node(name).await?;
        let info = info.unwrap_or_else(ServerInfo::unknown);
        let names = [name.to_owned()];
        let groups = |_: &OpenConnection| vec![(name.to_owned(), pipelines::remove(&names, &info))];
        let read = |replies| removed(&one(replies)?, names.len());
        self.writes.call(groups, read).await
    }

    /// The clock and the role of the node of a cluster that has `name`; `None` for one server, whose
    /// connection knows them.
    async fn info_of_node(&self, name: &str) -> Result<Option<ServerInfo>, StoreError> {
        if !self.endpoint.is_cluster() {
            return Ok(None);
        }
        let groups = |_: &OpenConnection| vec![(name.to_owned(), report_commands())];
        let read = |replies| ServerInfo::from_replies(one(replies)?);
        self.writes.call(groups, read).await.map(Some)
    }

    /// Publishes `message` on `channel`, once.
    pub(crate) async fn publish(&self, channel: &str, message: &[u8]) -> Result<(), StoreError> {
        let groups = [(channel.to_owned(), pipelines::publish(channel, message))];
        let read = |replies| removed(&one(replies)?, 1);
        self.writes.call_once(&groups, read).await
    }

    pub(crate) async fn subscribe(&self, channel: &str) -> Result<RedisSubscription, StoreError> {
        self.endpoint.subscribe(channel).await
    }
}

/// The number of attempts where a value is gone, or cannot be read, when it is read.
const MAX_ATTEMPTS: usize = 3;

/// Small values, such as nonces and leases, that are stored unless there is one. They are sent once: what was
/// stored, and deleted by an invalidation before its reply was lost, must not come back.
impl Backend {
    /// Stores `bytes` under `name` unless there is a value, and returns the value that is stored then.
    pub(crate) async fn add(
        &self,
        name: &str,
        bytes: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, StoreError> {
        let milliseconds = milliseconds(timeout);
        if milliseconds == 0 {
            return Ok(bytes);
        }
        for attempt in 0..MAX_ATTEMPTS {
            // A value that cannot be read may have expired between the two commands, or be foreign.
            let commands = pipelines::add(name, &bytes, milliseconds, attempt > 0);
            let groups = [(name.to_owned(), commands)];
            let replies = self.lookups.call_once(&groups, Ok).await?;
            match added(one(replies)?)? {
                (true, _) => return Ok(bytes),
                (false, Some(found)) => return Ok(found),
                (false, None) => {}
            }
        }
        Err(vanishes())
    }

    /// For each name the value that is stored there and has `life` to live still, or else the given one,
    /// which is stored in its place.
    ///
    /// A value is stored for four times as long, so that its life is seldom extended. Extending it is a round
    /// trip of its own, and something may happen in between:
    /// * It is deleted, or expires: `PEXPIRE` finds nothing then and brings nothing back, and it begins again.
    /// * It is deleted, and another is stored in its place: that lives longer, which is of no harm. The value
    ///   that is returned is the deleted one, and what is stored under that is never found valid.
    /// * Two processes extend it, and the shorter life comes last: then it lives shorter than the other has
    ///   asked. What depends on it is invalid when it is gone, as if it was invalidated.
    pub(crate) async fn ensure(
        &self,
        values: &[(String, Bytes)],
        life: Duration,
    ) -> Result<Vec<Bytes>, StoreError> {
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let enough = milliseconds(life).max(1);
        let put = milliseconds(life.saturating_mul(4)).max(1);
        let mut ensured: Vec<Option<Bytes>> = vec![None; values.len()];
        let mut replaces = vec![false; values.len()];
        for _ in 0..MAX_ATTEMPTS {
            let missing: Vec<_> = (0..values.len())
                .filter(|it| ensured[*it].is_none())
                .collect();
            let found = self.present(values, &missing, &replaces, put).await?;
            let mut short = Vec::new();
            for (index, found) in zip(missing, found) {
                replaces[index] = found.is_foreign();
                if found.is_new {
                    // Its life is long enough. Where it is gone again it must not be stored once more.
                    ensured[index] = Some(values[index].1.clone());
                    continue;
                }
                let Some(bytes) = found.bytes else {
                    continue;
                };
                ensured[index] = Some(bytes);
                // -1 is a value without an end of its life. -2 is one that has just expired, or was read just
                // before it was stored: `PEXPIRE` tells which.
                let left = found.left;
                if u64::try_from(left).is_ok_and(|left| left < enough) || left == NOT_THERE {
                    short.push(index);
                }
            }
            for index in self.gone(values, short, put).await? {
                ensured[index] = None;
            }
            if ensured.iter().all(Option::is_some) {
                return Ok(ensured.into_iter().flatten().collect());
            }
        }
        Err(vanishes())
    }

    /// The values under these names after the given ones were stored where there was none, or a foreign one.
    async fn present(
        &self,
        values: &[(String, Bytes)],
        names: &[usize],
        replaces: &[bool],
        milliseconds: u64,
    ) -> Result<Vec<Present>, StoreError> {
        let groups = names.iter().map(|index| {
            let (name, value) = &values[*index];
            let mut commands = pipelines::add(name, value, milliseconds, replaces[*index]);
            commands.cmd("PTTL").arg(name);
            (name.clone(), commands)
        });
        let groups: Vec<_> = groups.collect();
        let replies = self.lookups.call_once(&groups, Ok).await?;
        replies.into_iter().map(Present::of).collect()
    }

    /// Extends the life of these values, and returns those that are gone.
    async fn gone(
        &self,
        values: &[(String, Bytes)],
        names: Vec<usize>,
        milliseconds: u64,
    ) -> Result<Vec<usize>, StoreError> {
        let groups = names.iter().map(|index| {
            let (name, _) = &values[*index];
            let mut commands = Pipeline::with_capacity(1);
            commands.cmd("PEXPIRE").arg(name).arg(milliseconds);
            (name.clone(), commands)
        });
        let groups: Vec<_> = groups.collect();
        let replies = self.send_all(&groups).await?;
        let mut gone = Vec::new();
        for (index, replies) in zip(names, replies) {
            if number(replies.first().ok_or_else(protocol_error)?)? == 0 {
                gone.push(index);
            }
        }
        Ok(gone)
    }
}

/// The replies to [`pipelines::add`]: `true` where the bytes were stored, and the value that is stored now,
/// if it can be read.
fn added(mut replies: Vec<Value>) -> Result<(bool, Option<Bytes>), StoreError> {
    let last = replies.split_off(replies.len().saturating_sub(2));
    if let Some(removed) = replies.pop() {
        number(&removed)?;
    }
    let [added, found]: [_; 2] = last.try_into().map_err(|_| protocol_error())?;
    Ok((done(&added)?, small_value(found)?))
}

/// The value under a name for which one was given.
struct Present {
    /// `None` where it cannot be read.
    bytes: Option<Bytes>,
    /// The reply to `PTTL`, in milliseconds.
    left: i64,
    /// It is the given one, stored just now.
    is_new: bool,
}

impl Present {
    fn of(mut replies: Vec<Value>) -> Result<Self, StoreError> {
        let left = number(&replies.pop().ok_or_else(protocol_error)?)?;
        let (is_new, bytes) = added(replies)?;
        Ok(Self {
            bytes,
            left,
            is_new,
        })
    }

    /// `true` for a value that is no small value: one of another type, or an empty one.
    fn is_foreign(&self) -> bool {
        self.bytes.is_none() && self.left != NOT_THERE
    }
}

/// The reads of small values, each a group.
fn gets(names: &[String]) -> Vec<Group> {
    let get = |name: &String| {
        let mut get = Pipeline::with_capacity(1);
        add_read(&mut get, name, SMALL_VALUE_BYTES);
        (name.clone(), get)
    };
    names.iter().map(get).collect()
}

/// The replies to [`gets`].
fn each_small_value(replies: Vec<Vec<Value>>) -> Result<Vec<Option<Bytes>>, StoreError> {
    replies.into_iter().flatten().map(small_value).collect()
}

/// The replies to the only group.
fn one(replies: Vec<Vec<Value>>) -> Result<Vec<Value>, StoreError> {
    replies.into_iter().next().ok_or_else(protocol_error)
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.endpoint.fmt(f)
    }
}
