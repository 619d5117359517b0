//! What every answer must be at least: the versions at the last acknowledged invalidation.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use crate::page::{Page, Scope};

/// An object, and a version of it.
pub(crate) type Version = (usize, u64);

/// The promises that were made.
#[derive(Debug, Default)]
pub(crate) struct Oracle(Mutex<HashMap<Scope, HashMap<usize, u64>>>);

impl Oracle {
    /// An invalidation is acknowledged: whoever asks from now on gets these versions, or newer.
    pub(crate) fn promise(&self, scope: Scope, versions: &[Version]) {
        let mut promises = self.lock();
        let of_the_scope = promises.entry(scope).or_default();
        for (object, version) in versions {
            let least = of_the_scope.entry(*object).or_default();
            *least = (*least).max(*version);
        }
    }

    /// The oldest versions that a request may be answered with that is sent now.
    pub(crate) fn least(&self, page: Page) -> Vec<Version> {
        let promises = self.lock();
        let least = |object| {
            let scopes = page.scopes();
            let of_the_page = scopes.iter().filter_map(|scope| promises.get(scope));
            of_the_page.filter_map(|it| it.get(&object)).max().copied()
        };
        let objects = page.objects();
        objects
            .map(|object| (object, least(object).unwrap_or_default()))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Scope, HashMap<usize, u64>>> {
        self.0.lock().expect("nobody panics with it")
    }
}
