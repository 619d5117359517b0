//! Bytes under names, each for a time.

use crate::{
    store::error::StoredValue,
    time::{Clock, moment::Timestamp},
};
use actix_web::web::Bytes;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// What is kept, and until when.
#[derive(Default)]
pub(crate) struct Shelf {
    clock: Clock,
    kept: Mutex<BTreeMap<String, (Bytes, Timestamp)>>,
}

impl Shelf {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            kept: Mutex::default(),
        }
    }

    /// When something that has `timeout` to live from now on is gone.
    pub(crate) fn after(&self, timeout: Duration) -> Timestamp {
        self.clock.now().after(timeout)
    }

    /// Opens it to one, while all others wait.
    pub(crate) fn open(&self) -> Open<'_> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        kept.retain(|_, (_, until)| *until > now);
        Open { now, kept }
    }
}

/// The shelf as it is now, without what has expired.
pub(crate) struct Open<'a> {
    now: Timestamp,
    kept: MutexGuard<'a, BTreeMap<String, (Bytes, Timestamp)>>,
}

impl Open<'_> {
    pub(crate) fn get(&self, name: &str, limit: usize) -> Option<StoredValue> {
        let (bytes, until) = self.kept.get(name)?;
        let bytes = bytes.slice(..bytes.len().min(limit));
        Some(StoredValue::new(bytes, until.since(self.now)))
    }

    pub(crate) fn get_many(&self, names: &[String]) -> Vec<Option<Bytes>> {
        let get = |name: &String| self.kept.get(name).map(|(bytes, _)| bytes.clone());
        names.iter().map(get).collect()
    }

    pub(crate) fn put(&mut self, name: &str, bytes: Bytes, until: Timestamp) {
        if until > self.now {
            self.kept.insert(name.to_owned(), (bytes, until));
        } else {
            self.kept.remove(name);
        }
    }

    pub(crate) fn add(&mut self, name: &str, bytes: Bytes, until: Timestamp) -> Bytes {
        if let Some((there, _)) = self.kept.get(name) {
            return there.clone();
        }
        self.put(name, bytes.clone(), until);
        bytes
    }

    /// What lies there, for `least` at least; it is kept until `until` where that would be less.
    pub(crate) fn ensure(
        &mut self,
        name: &str,
        bytes: &Bytes,
        (least, until): (Timestamp, Timestamp),
    ) -> Bytes {
        let there = self.add(name, bytes.clone(), until);
        if let Some((_, life)) = self.kept.get_mut(name)
            && *life < least
        {
            *life = until;
        }
        there
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.kept.remove(name);
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.kept.keys().cloned().collect()
    }
}
