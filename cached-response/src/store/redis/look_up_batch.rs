//! Look-ups that a worker begins in one turn of its event loop, sent as one pipeline.
//!
//! A look-up is sent after it has begun, and two look-ups of one entry share their replies: neither misses
//! an invalidation that was acknowledged before it began.

use crate::{
    store::{
        LookedUp, StoreError,
        redis::{
            error::{protocol_error, unreachable},
            pipelines::{ENTRY_COMMANDS, add_entry, entry},
            reply::small_values,
            shared_connection::OpenHandle,
        },
    },
    util::sync::lock,
};
use actix_web::web::Bytes;
use redis::{Arg, Cmd, Pipeline, Value};
use std::sync::{Arc, Mutex};
use tokio::{runtime::Handle, sync::oneshot};

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
