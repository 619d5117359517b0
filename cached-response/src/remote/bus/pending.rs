//! Invalidations that the store has not confirmed yet.
//!
//! Until it has, what it holds under their names may be what was invalidated. Whoever invalidates
//! notes it here **first**, raises the generations of this process then, and only then tells the
//! store. Whoever reads takes a snapshot of the generations first, asks here then, and only then
//! reads: either the snapshot is outdated, or it is pending, or the store has done it.

use std::collections::HashMap;

use super::generation::Bump;
use super::scope::Scope;
use super::sync::{
    AtomicU64, Mutex,
    Ordering::{Acquire, Release},
    RandomState, lock,
};

/// The invalidations of one cache that are not confirmed.
#[derive(Debug)]
pub(crate) struct Pending {
    /// How many there are.
    count: AtomicU64,
    noted: Mutex<State>,
    /// What is removed from the store to invalidate everything.
    all: Vec<String>,
}

/// An invalidation that is to be told to the store and to the other processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unconfirmed {
    pub(crate) scope: Scope,
    pub(crate) raise: Bump,
    /// What is removed from the store, in this order.
    pub(crate) names: Vec<String>,
    number: u64,
}

impl Unconfirmed {
    /// What it takes, to note and to tell.
    pub(crate) fn weight(&self) -> usize {
        let names = self
            .names
            .iter()
            .map(|name| name.len() + size_of::<String>());
        2 * (size_of::<Self>() + self.scope.text().len() + names.sum::<usize>())
    }
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    scopes: HashMap<Scope, Unconfirmed, RandomState>,
    /// In how many of them a name is.
    names: HashMap<String, usize, RandomState>,
    /// What all of them take.
    bytes: usize,
}

/// More than these become one of everything.
pub(crate) const MOST: usize = 4096;

/// So do those that take more bytes: paths are as long as clients make them.
pub(crate) const ROOM: usize = 8 << 20;

impl Pending {
    /// None yet. Everything is invalidated by removing `all`.
    pub(crate) fn new(all: Vec<String>) -> Self {
        Self {
            count: AtomicU64::new(0),
            noted: Mutex::default(),
            all,
        }
    }

    /// Notes an invalidation that removes `names`, in place of an older one of the same scope. It is
    /// pending until what is given back is confirmed.
    pub(crate) fn note(&self, scope: Scope, raise: Bump, names: Vec<String>) -> Unconfirmed {
        let mut noted = lock(&self.noted);
        let unconfirmed = noted.put(scope, raise, names);
        if noted.scopes.len() > MOST || noted.bytes > ROOM {
            noted.become_all(&self.all);
        }
        self.count.store(noted.len(), Release);
        unconfirmed
    }

    /// The store has done these. One that was noted again meanwhile stays.
    pub(crate) fn confirm(&self, done: &[Unconfirmed]) {
        let mut noted = lock(&self.noted);
        for unconfirmed in done {
            noted.take(unconfirmed);
        }
        self.count.store(noted.len(), Release);
    }

    /// Whether what the store holds under any of these names may be outdated.
    pub(crate) fn is_pending(&self, names: &[String]) -> bool {
        if self.is_empty() {
            return false;
        }
        let noted = lock(&self.noted);
        noted.scopes.contains_key(&Scope::All)
            || names.iter().any(|name| noted.names.contains_key(name))
    }

    /// Whether all of them are confirmed.
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Acquire) == 0
    }

    /// All that are not confirmed, the oldest first.
    pub(crate) fn unconfirmed(&self) -> Vec<Unconfirmed> {
        let noted = lock(&self.noted);
        let mut all: Vec<_> = noted.scopes.values().cloned().collect();
        drop(noted);
        all.sort_unstable_by_key(|unconfirmed| unconfirmed.number);
        all
    }
}

impl State {
    fn put(&mut self, scope: Scope, raise: Bump, names: Vec<String>) -> Unconfirmed {
        self.last += 1;
        let mut unconfirmed = Unconfirmed {
            scope: scope.clone(),
            raise,
            names,
            number: self.last,
        };
        if let Some(older) = self.remove(&scope) {
            // Nobody may have heard of it.
            unconfirmed.raise = stronger(older.raise, raise);
        }
        for name in &unconfirmed.names {
            *self.names.entry(name.clone()).or_default() += 1;
        }
        self.bytes += unconfirmed.weight();
        self.scopes.insert(scope, unconfirmed.clone());
        unconfirmed
    }

    fn take(&mut self, done: &Unconfirmed) {
        let newest = self.scopes.get(&done.scope);
        if newest.is_some_and(|newest| newest.number == done.number) {
            self.remove(&done.scope);
        }
    }

    fn remove(&mut self, scope: &Scope) -> Option<Unconfirmed> {
        let removed = self.scopes.remove(scope)?;
        self.bytes -= removed.weight();
        for name in &removed.names {
            if let Some(count) = self.names.get_mut(name) {
                *count -= 1;
                if *count == 0 {
                    self.names.remove(name);
                }
            }
        }
        Some(removed)
    }

    fn become_all(&mut self, names: &[String]) {
        let raises = self.scopes.values().map(|unconfirmed| unconfirmed.raise);
        let raise = raises.fold(Bump::Expire, stronger);
        self.scopes = HashMap::default();
        self.names = HashMap::default();
        self.bytes = 0;
        self.put(Scope::All, raise, names.to_vec());
    }

    fn len(&self) -> u64 {
        self.scopes.len() as u64
    }
}

fn stronger(one: Bump, other: Bump) -> Bump {
    match (one, other) {
        (Bump::Expire, Bump::Expire) => Bump::Expire,
        _ => Bump::Invalidate,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sync::explore;
    use super::*;
    use Bump::{Expire, Invalidate};

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().copied().map(str::to_owned).collect()
    }

    fn none() -> Pending {
        Pending::new(names(&["all"]))
    }

    fn tag(tag: &str) -> Scope {
        Scope::Tag(tag.to_owned())
    }

    #[test]
    fn what_is_noted_is_pending_under_each_of_its_names_until_it_is_confirmed() {
        explore(|| {
            let pending = none();
            assert!(pending.is_empty() && !pending.is_pending(&names(&["a"])));
            let noted = pending.note(tag("a"), Invalidate, names(&["stripe", "a"]));
            for name in ["stripe", "a"] {
                assert!(pending.is_pending(&names(&["other", name])));
            }
            assert!(!pending.is_pending(&names(&["other"])));
            pending.confirm(&[noted]);
            assert!(pending.is_empty() && !pending.is_pending(&names(&["stripe", "a"])));
        });
    }

    #[test]
    fn a_name_that_two_have_is_pending_until_both_are_confirmed() {
        explore(|| {
            let pending = none();
            let one = pending.note(tag("a"), Invalidate, names(&["stripe", "a"]));
            let other = pending.note(tag("b"), Invalidate, names(&["stripe", "b"]));
            pending.confirm(&[one]);
            assert!(pending.is_pending(&names(&["stripe"])));
            assert!(!pending.is_pending(&names(&["a"])));
            pending.confirm(&[other]);
            assert!(!pending.is_pending(&names(&["stripe"])));
        });
    }

    #[test]
    fn the_newest_of_a_scope_is_the_one_to_confirm() {
        explore(|| {
            let pending = none();
            let older = pending.note(tag("a"), Invalidate, names(&["a"]));
            let newer = pending.note(tag("a"), Invalidate, names(&["a"]));
            assert_eq!(pending.unconfirmed(), std::slice::from_ref(&newer));
            pending.confirm(&[older]);
            assert!(pending.is_pending(&names(&["a"])));
            pending.confirm(&[newer]);
            assert!(pending.is_empty());
        });
    }

    #[test]
    fn an_expiry_does_not_weaken_an_invalidation_that_nobody_has_heard_of() {
        explore(|| {
            let pending = none();
            pending.note(tag("a"), Invalidate, names(&["a"]));
            assert_eq!(
                pending.note(tag("a"), Expire, names(&["a"])).raise,
                Invalidate
            );
            pending.note(tag("b"), Expire, names(&["b"]));
            assert_eq!(pending.note(tag("b"), Expire, names(&["b"])).raise, Expire);
        });
    }

    #[test]
    fn they_come_back_oldest_first() {
        explore(|| {
            let pending = none();
            for name in ["c", "a", "b", "c"] {
                pending.note(tag(name), Invalidate, names(&[name]));
            }
            let scopes = pending.unconfirmed().into_iter().map(|noted| noted.scope);
            assert_eq!(scopes.collect::<Vec<_>>(), ["a", "b", "c"].map(tag));
        });
    }
}
