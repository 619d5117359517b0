//! Minimum versions of every answer: those at the last acknowledged invalidation.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use crate::page::{Page, Scope};
use tests::dice::Dice;

/// An object, and a version of it.
pub(crate) type Version = (usize, u64);

/// Effect on all responses from before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Done {
    Invalidated,
    /// It answers only where stale ones may.
    Expired,
}

impl Done {
    pub(crate) fn roll(dice: &mut Dice) -> Self {
        dice.pick(&[Self::Invalidated, Self::Invalidated, Self::Expired])
    }
}

type Promises = HashMap<(Done, Scope), HashMap<usize, u64>>;

/// The promises that were made.
#[derive(Debug, Default)]
pub(crate) struct Oracle(Mutex<Promises>);

impl Oracle {
    /// It is acknowledged: requests from now on get these versions, or newer.
    pub(crate) fn promise(&self, done: Done, scope: Scope, versions: &[Version]) {
        let mut promises = self.lock();
        let of_the_scope = promises.entry((done, scope)).or_default();
        for (object, version) in versions {
            let least = of_the_scope.entry(*object).or_default();
            *least = (*least).max(*version);
        }
    }

    /// The oldest versions that a request may be answered with that is sent now.
    pub(crate) fn least(&self, page: Page) -> Vec<Version> {
        let promises = self.lock();
        let done: &[Done] = if page.kind.may_be_stale() {
            &[Done::Invalidated]
        } else {
            &[Done::Invalidated, Done::Expired]
        };
        let least = |object| {
            let said = page
                .scopes()
                .flat_map(|scope| done.iter().map(move |done| (*done, scope)));
            let of_the_page = said.filter_map(|said| promises.get(&said));
            of_the_page.filter_map(|it| it.get(&object)).max().copied()
        };
        let objects = page.objects();
        objects
            .map(|object| (object, least(object).unwrap_or_default()))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Promises> {
        self.0.lock().expect("no holder of the lock panics")
    }
}
