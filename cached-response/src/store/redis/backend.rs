//! The servers behind a store, and which connection a call goes by.

use crate::store::{
    LookedUp, StoreError,
    redis::{
        endpoint::Endpoint,
        error::protocol_error,
        pipelines::{self, add_read, entry, looked_up, read_entry, removed},
        reply::{self, SMALL_VALUE_BYTES, small_value, small_values},
        server_info::{self, ServerInfo},
        shared_connection::{OpenConnection, SharedConnection},
        subscription::RedisSubscription,
        wire::Group,
        workers::WorkerConnections,
    },
};
use actix_web::web::Bytes;
use futures_util::future::Either;
use redis::{Pipeline, Value};
use std::{fmt, sync::Arc, time::Instant};

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
    pub(crate) async fn send_all(&self, groups: &[Group]) -> Result<Vec<Vec<Value>>, StoreError> {
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
        let groups = |_: &OpenConnection| vec![(name.to_owned(), server_info::commands())];
        let read = |replies| ServerInfo::from_replies(one(replies)?);
        self.writes.call(groups, read).await.map(Some)
    }

    /// Publishes `message` on `channel`, once.
    pub(crate) async fn publish(&self, channel: &str, message: &[u8]) -> Result<(), StoreError> {
        let commands = pipelines::publish(channel, message);
        let read = |replies: Vec<Value>| removed(&replies, 1);
        self.writes.call_once(channel, &commands, read).await
    }

    pub(crate) async fn subscribe(&self, channel: &str) -> Result<RedisSubscription, StoreError> {
        self.endpoint.subscribe(channel).await
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
