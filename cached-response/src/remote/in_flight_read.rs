//! Look-ups of one errand that a worker begins together are one.
//!
//! A page that many ask for is asked for by many of the requests that a worker finds when it is woken.
//! Who comes before a look-up has gone may have what that finds: it is read after they came.

use crate::{
    remote::entry_key::RemoteKey,
    store::{
        Store,
        error::{Found, Prompt, Question},
    },
    util::batch::BatchStart,
};
use std::{
    cell::RefCell,
    sync::{Arc, Weak},
};

/// A look-up that this thread has begun, for as long as anybody waits for it.
struct InFlightRead {
    errand: Arc<RemoteKey>,
    limit: usize,
    begun: BatchStart,
    found: Weak<dyn Found>,
}

thread_local! {
    /// Those of one batch, and of the last.
    static SOUGHT: RefCell<Vec<InFlightRead>> = const { RefCell::new(Vec::new()) };
}

/// Joins a look-up of this errand that has not gone yet, or begins one where the store can.
pub(crate) fn look_up(
    store: &dyn Store,
    errand: &Arc<RemoteKey>,
    limit: usize,
    in_passing: bool,
) -> Option<Prompt> {
    if let Some(joined) = joined(errand, limit) {
        return Some(joined);
    }
    let prompt = store.look_up_promptly(Question {
        name: &errand.name,
        limit,
        with: errand.beside(),
        on_a_worker: errand.is_of_a_request,
        in_passing,
        memo: errand.memo(limit),
    })?;
    note(InFlightRead {
        errand: Arc::clone(errand),
        limit,
        begun: prompt.begun.clone(),
        found: Arc::downgrade(&prompt.found),
    });
    Some(prompt)
}

fn joined(errand: &Arc<RemoteKey>, limit: usize) -> Option<Prompt> {
    let joined = SOUGHT.try_with(|sought| {
        let sought = sought.borrow();
        // The same names in two stores are two errands.
        let mut same = sought
            .iter()
            .filter(|it| Arc::ptr_eq(&it.errand, errand) && it.limit == limit);
        same.find_map(|it| {
            let found = it.found.upgrade()?;
            // Looked at last: what goes from now on is read from now on.
            it.begun.when().is_none().then(|| Prompt {
                begun: it.begun.clone(),
                found,
            })
        })
    });
    // A thread that ends has none any more.
    joined.ok().flatten()
}

fn note(new: InFlightRead) {
    let _ = SOUGHT.try_with(|sought| {
        let mut sought = sought.borrow_mut();
        sought.retain(|it| it.begun.when().is_none());
        sought.push(new);
    });
}

#[cfg(test)]
mod tests;
