//! A connection for each worker, for the look-ups of its requests.
//!
//! The worker itself drives it: no other thread is woken by a look-up, and none wakes the worker. Look-ups
//! that it begins in one turn of its event loop are sent as one pipeline. A look-up is sent after it has begun,
//! and two look-ups of one entry share their replies: neither misses an invalidation that was acknowledged
//! before it began.

use crate::{
    store::{
        LookedUp, StoreError,
        redis::{
            endpoint::Endpoint,
            pipelines::{ENTRY_COMMANDS, add_entry, entry},
            reply::{protocol_error, small_values, unreachable},
            shared_connection::{OpenHandle, SharedConnection},
        },
    },
    util::sync::lock,
};
use actix_web::web::Bytes;
use redis::{Arg, Cmd, Pipeline, Value};
use std::{
    cell::RefCell,
    sync::{Arc, Mutex, Weak},
    time::{Duration, Instant},
};
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    sync::oneshot,
};

/// A worker that could not connect, or has lost its connection, tries again after this time.
const RECONNECT_AFTER: Duration = Duration::from_secs(1);

/// The connections of all workers to one server.
pub(crate) struct WorkerConnections {
    endpoint: Arc<Endpoint>,
    /// Each with a token that the thread holds: it is gone with the thread.
    all: Mutex<Vec<(Weak<()>, Arc<SharedConnection>)>>,
}

/// The connection of this thread to a server, which ends with the store.
struct OfThisThread {
    connection: Weak<SharedConnection>,
    endpoint: Weak<Endpoint>,
    batch: Arc<LookUpBatch>,
    tried_at: Option<Instant>,
    _token: Arc<()>,
}

thread_local! {
    static CONNECTIONS: RefCell<Vec<OfThisThread>> = const { RefCell::new(Vec::new()) };
}

impl WorkerConnections {
    pub(crate) fn new(endpoint: Arc<Endpoint>) -> Self {
        Self {
            endpoint,
            all: Mutex::default(),
        }
    }

    /// The open connection of this thread, and its look-ups that are not sent yet. Where it has none, one is
    /// opened in the background, if the tasks of this thread's runtime run on this thread.
    pub(crate) fn open_now(&self) -> Option<(OpenHandle, Arc<LookUpBatch>)> {
        let open = CONNECTIONS.try_with(|connections| {
            let mut connections = connections.borrow_mut();
            let endpoint = Arc::as_ptr(&self.endpoint);
            let known = connections
                .iter_mut()
                .find(|known| known.endpoint.as_ptr() == endpoint);
            if let Some(known) = known {
                return known.open_now();
            }
            connections.retain(|known| known.endpoint.strong_count() > 0);
            connections.push(self.register());
            connections.last_mut()?.open_now()
        });
        // A thread that ends has none any more.
        open.ok().flatten()
    }

    fn register(&self) -> OfThisThread {
        let connection = SharedConnection::new(Arc::clone(&self.endpoint));
        let token = Arc::default();
        let mut all = lock(&self.all);
        all.retain(|(thread, _)| thread.strong_count() > 0);
        all.push((Arc::downgrade(&token), Arc::clone(&connection)));
        OfThisThread {
            connection: Arc::downgrade(&connection),
            endpoint: Arc::downgrade(&self.endpoint),
            batch: Arc::default(),
            tried_at: None,
            _token: token,
        }
    }
}

impl OfThisThread {
    fn open_now(&mut self) -> Option<(OpenHandle, Arc<LookUpBatch>)> {
        let connection = self.connection.upgrade()?;
        if let Some(open) = connection.handle() {
            return Some((open, Arc::clone(&self.batch)));
        }
        let is_due = self
            .tried_at
            .is_none_or(|tried_at| tried_at.elapsed() >= RECONNECT_AFTER);
        if is_due && runs_tasks_here() {
            self.tried_at = Some(Instant::now());
            // It goes on in a task of its own.
            drop(connection.begin_to_open());
        }
        None
    }
}

/// `true` where a task that is spawned here runs on this thread.
fn runs_tasks_here() -> bool {
    let runtime = Handle::try_current();
    runtime.is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::CurrentThread)
}

/// A batch of this many look-ups is sent before the turn ends: its replies are read together, so each entry
/// waits for the others.
const MAX_BATCH: usize = 16;

/// The look-ups of a worker on one connection that are not sent yet.
#[derive(Default)]
pub(crate) struct LookUpBatch(Mutex<Option<Box<Unsent>>>);

struct Unsent {
    /// The reads of all entries, and of all small values in the order of the entries.
    entries: Pipeline,
    values: Cmd,
    look_ups: Vec<LookUp>,
}

/// The look-up of an entry and so many small values, and the requests that wait for it.
struct LookUp {
    limit: usize,
    values: usize,
    first: Waiter,
    joined: Vec<Waiter>,
}

type Waiter = oneshot::Sender<Result<LookedUp, StoreError>>;

impl LookUpBatch {
    /// Adds the look-up of an entry and the small values under `with`. The batch is sent on `open` by a task
    /// of this runtime.
    ///
    /// # Errors
    /// Without a runtime.
    pub(crate) fn add(
        self: &Arc<Self>,
        open: &OpenHandle,
        name: &str,
        limit: usize,
        with: &[String],
    ) -> Result<impl Future<Output = Result<LookedUp, StoreError>> + Send + use<>, StoreError> {
        let runtime = Handle::try_current().map_err(unreachable)?;
        let (waiter, result) = oneshot::channel();
        let mut unsent = lock(&self.0);
        let is_first = unsent.is_none();
        let batch = unsent.get_or_insert_default();
        batch.add(name, limit, with, waiter);
        let full = if batch.look_ups.len() == MAX_BATCH {
            unsent.take()
        } else {
            None
        };
        drop(unsent);
        // Boxed: the allocation of a task is aligned, and slow where it is large.
        if let Some(full) = full {
            let sending = full.send(open.clone());
            drop(runtime.spawn(Box::pin(sending)));
        } else if is_first {
            let turn = EndOfTurn(Arc::clone(self));
            let open = open.clone();
            drop(runtime.spawn(Box::pin(async move {
                // It was full before the turn ended where there is none.
                if let Some(batch) = turn.take() {
                    batch.send(open).await;
                }
            })));
        }
        let open = open.clone();
        Ok(async move {
            let result = async { Ok(result.await.unwrap_or_else(|ended| Err(unreachable(ended)))) };
            open.call(result, |result| result).await
        })
    }
}

/// The end of a turn. Look-ups of one that never ends, since its runtime has, fail.
struct EndOfTurn(Arc<LookUpBatch>);

impl EndOfTurn {
    fn take(&self) -> Option<Box<Unsent>> {
        lock(&self.0.0).take()
    }
}

impl Drop for EndOfTurn {
    fn drop(&mut self) {
        drop(self.take());
    }
}

impl Default for Unsent {
    fn default() -> Self {
        Self {
            entries: Pipeline::with_capacity(MAX_BATCH * ENTRY_COMMANDS + 1),
            values: redis::cmd("MGET"),
            look_ups: Vec::with_capacity(MAX_BATCH),
        }
    }
}

impl Unsent {
    /// Adds a look-up, or its waiter to the same one.
    fn add(&mut self, name: &str, limit: usize, with: &[String], waiter: Waiter) {
        if let Some(same) = self.find(name, limit, with) {
            return same.joined.push(waiter);
        }
        add_entry(&mut self.entries, name, limit);
        self.values.arg(with);
        self.look_ups.push(LookUp {
            limit,
            values: with.len(),
            first: waiter,
            joined: Vec::new(),
        });
    }

    /// The same look-up, if it is in the batch.
    fn find(&mut self, name: &str, limit: usize, with: &[String]) -> Option<&mut LookUp> {
        let commands = self.entries.cmd_iter().step_by(ENTRY_COMMANDS);
        let mut values = 1;
        let same = self
            .look_ups
            .iter()
            .zip(commands)
            .position(|(known, command)| {
                let first = values;
                values += known.values;
                known.limit == limit
                    && command.args_iter().nth(1) == Some(Arg::Simple(name.as_bytes()))
                    && known.values == with.len()
                    && self
                        .values
                        .args_iter()
                        .skip(first)
                        .zip(with)
                        .all(|(value, name)| value == Arg::Simple(name.as_bytes()))
            })?;
        self.look_ups.get_mut(same)
    }

    /// Sends the batch, and gives each look-up its replies.
    async fn send(self: Box<Self>, open: OpenHandle) {
        let Self {
            mut entries,
            values,
            look_ups,
        } = *self;
        let has_values = look_ups.iter().any(|look_up| look_up.values > 0);
        if has_values {
            entries.add_command(values);
        }
        let replies = open.call(open.wire().send("", &entries), Ok);
        match replies.await {
            Ok(mut replies) => {
                let count = look_ups.iter().map(|look_up| look_up.values).sum();
                let values = if has_values {
                    let reply = replies.pop().ok_or_else(protocol_error);
                    reply.and_then(|reply| small_values(reply, count))
                } else {
                    Ok(Vec::new())
                };
                give(look_ups, replies, values);
            }
            Err(error) => look_ups
                .into_iter()
                .for_each(|look_up| look_up.end(Err(error.clone()))),
        }
    }
}

/// Gives each look-up the replies about its entry, and its small values.
fn give(
    look_ups: Vec<LookUp>,
    entries: Vec<Value>,
    values: Result<Vec<Option<Bytes>>, StoreError>,
) {
    let mut entries = entries.into_iter();
    let mut values = values.map(Vec::into_iter);
    for look_up in look_ups {
        let entry = entry(entries.by_ref());
        let values = values.as_mut().map_err(|error| error.clone());
        let values = values.map(|values| values.take(look_up.values).collect());
        let found = entry.and_then(|entry| Ok((entry, values?)));
        look_up.end(found);
    }
}

impl LookUp {
    /// Ends the wait of its requests. One that was dropped has no receiver.
    fn end(self, found: Result<LookedUp, StoreError>) {
        for waiter in self.joined {
            drop(waiter.send(found.clone()));
        }
        drop(self.first.send(found));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreErrorKind;
    use tokio::sync::oneshot::Receiver;

    const MAX_BYTES: usize = 64;

    fn add(
        batch: &mut Unsent,
        name: &str,
        with: &[&str],
    ) -> Receiver<Result<LookedUp, StoreError>> {
        let (waiter, result) = oneshot::channel();
        let with: Vec<_> = with.iter().map(ToString::to_string).collect();
        batch.add(name, MAX_BYTES, &with, waiter);
        result
    }

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    /// The body and the small values that a look-up has found.
    fn found(mut result: Receiver<Result<LookedUp, StoreError>>) -> (String, Vec<String>) {
        let (entry, values) = result.try_recv().unwrap().unwrap();
        let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).unwrap();
        let values = values
            .into_iter()
            .map(|value| value.map_or_else(String::new, text));
        (
            entry.map_or_else(String::new, |entry| text(entry.bytes)),
            values.collect(),
        )
    }

    #[test]
    fn each_look_up_has_its_own_entry_and_values() {
        let mut batch = Unsent::default();
        let first = add(&mut batch, "a", &["x", "y"]);
        let without = add(&mut batch, "b", &[]);
        let last = add(&mut batch, "c", &["z"]);
        let entry = |text| [Value::Int(9), bulk(text), Value::Int(9)];
        let entries = [entry("A"), entry("B"), entry("C")].concat();
        let values = ["X", "Y", "Z"].map(|text| Some(Bytes::from_static(text.as_bytes())));
        give(batch.look_ups, entries, Ok(values.to_vec()));
        assert_eq!(found(first), ("A".into(), vec!["X".into(), "Y".into()]));
        assert_eq!(found(without), ("B".into(), vec![]));
        assert_eq!(found(last), ("C".into(), vec!["Z".into()]));
    }

    #[test]
    fn only_the_same_look_up_is_joined() {
        let mut batch = Unsent::default();
        let first = add(&mut batch, "a", &["x", "y"]);
        let same = add(&mut batch, "a", &["x", "y"]);
        drop(add(&mut batch, "a", &["x"]));
        drop(add(&mut batch, "a", &["x", "z"]));
        drop(add(&mut batch, "b", &["x", "y"]));
        let (waiter, _) = oneshot::channel();
        batch.add(
            "a",
            MAX_BYTES + 1,
            &["x".to_owned(), "y".to_owned()],
            waiter,
        );
        assert_eq!(batch.look_ups.len(), 5);
        let entry = [Value::Int(9), bulk("A"), Value::Int(9)];
        let values = vec![None; 9];
        give(batch.look_ups, vec![entry; 5].concat(), Ok(values));
        assert_eq!(found(first), found(same));
    }

    #[test]
    fn a_refusal_of_one_entry_leaves_the_others() {
        let mut batch = Unsent::default();
        let mut refused = add(&mut batch, "a", &["x"]);
        let other = add(&mut batch, "b", &["y"]);
        let error = redis::parse_redis_value(b"-NOPERM no such name for you\r\n").unwrap();
        let entries = vec![error.clone(), error.clone(), error];
        let entries = [entries, vec![Value::Int(9), bulk("B"), Value::Int(9)]].concat();
        let values = vec![None, Some(Bytes::from_static(b"Y"))];
        give(batch.look_ups, entries, Ok(values));
        let error = refused.try_recv().unwrap().unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Refused);
        assert_eq!(found(other), ("B".into(), vec!["Y".into()]));
    }

    #[test]
    fn the_look_ups_of_a_turn_that_never_ends_fail() {
        let batch = Arc::new(LookUpBatch::default());
        let turn = EndOfTurn(Arc::clone(&batch));
        let mut result = add(lock(&batch.0).get_or_insert_default(), "a", &[]);
        drop(turn);
        assert!(result.try_recv().is_err());
        assert!(lock(&batch.0).is_none());
    }
}
