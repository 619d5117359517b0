//! Runs that ask for what other runs make: whoever would wait for itself is told so.
//!
//! A run is polled with its [control](crate::context::control) at hand, so that a request or a value that is
//! asked for inside it is known to be. From each run that waits there is an arrow to what it waits for;
//! where the arrows lead back to a run, it would wait for ever.

use crate::{
    cache::Inner,
    context::control::{self, Product},
    key::Key,
    util::sync::{Mutex, lock},
};
use std::{collections::HashMap, future::Future, ptr};

/// What a run makes that is started for `key`.
pub(crate) fn product(shared: &Inner, key: &Key) -> Product {
    // A cache is told by its place: whoever runs for it holds it.
    Product::new(ptr::from_ref(shared).addr(), key)
}

type Arrows = HashMap<Product, Vec<Product>>;

/// What the runs of the process wait for that ask from inside.
static ARROWS: Mutex<Option<Arrows>> = Mutex::new(None);

/// One run that waits for what it has asked for. Dropping it ends the wait.
#[derive(Debug)]
pub(crate) struct Asks {
    from: Product,
    to: Product,
    circular: bool,
}

impl Asks {
    /// Notes that the run which is polled on this thread, if any is, waits for `key`.
    pub(crate) fn begin(shared: &Inner, key: &Key) -> Option<Box<Self>> {
        let from = control::current()?.product()?;
        let to = product(shared, key);
        let mut arrows = lock(&ARROWS);
        let arrows = arrows.get_or_insert_default();
        let circular = leads_to(arrows, &to, &from);
        arrows.entry(from.clone()).or_default().push(to.clone());
        Some(Box::new(Self { from, to, circular }))
    }

    /// Whether the run would wait for itself.
    pub(crate) fn is_circular(&self) -> bool {
        self.circular
    }

    /// Waits while `future` does.
    pub(crate) async fn during<F: Future>(self: Box<Self>, future: F) -> F::Output {
        let _until_it_is_there = self;
        future.await
    }
}

impl Drop for Asks {
    fn drop(&mut self) {
        let mut arrows = lock(&ARROWS);
        let Some(arrows) = arrows.as_mut() else {
            return;
        };
        if let Some(to) = arrows.get_mut(&self.from) {
            if let Some(place) = to.iter().position(|to| *to == self.to) {
                to.swap_remove(place);
            }
            if to.is_empty() {
                arrows.remove(&self.from);
            }
        }
    }
}

/// Whether whoever waits for `from` waits for `to`.
fn leads_to(arrows: &Arrows, from: &Product, to: &Product) -> bool {
    let (mut next, mut seen) = (vec![from], Vec::new());
    while let Some(product) = next.pop() {
        if product == to {
            return true;
        }
        if !seen.contains(&product) {
            seen.push(product);
            next.extend(arrows.get(product).into_iter().flatten());
        }
    }
    false
}
