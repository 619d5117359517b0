//! Cycles of runs that wait for each other: a run that would wait for itself runs alone.
//!
//! A run is polled inside its [context](crate::context::control), which a look-up inside the run finds. Each
//! run that waits has an edge to the run that it waits
//! for; a path of edges back to a run would make it wait for ever.

use crate::{
    cache::Inner,
    context::control::{self, Product},
    key::Key,
    util::sync::{Mutex, lock},
};
use std::{collections::HashMap, ptr};

/// The product of a run that is started for `key`.
pub(crate) fn product(shared: &Inner, key: &Key) -> Product {
    // A cache is identified by its address: a run for it holds it.
    Product::new(ptr::from_ref(shared).addr(), key)
}

type Edges = HashMap<Product, Vec<Product>>;

/// The edges of all runs of the process that wait for another run.
static EDGES: Mutex<Option<Edges>> = Mutex::new(None);

/// The edge of one run that waits for another, removed when it is dropped.
#[derive(Debug)]
pub(crate) struct WaitEdge {
    from: Product,
    to: Product,
    circular: bool,
}

impl WaitEdge {
    /// Adds an edge from the run that is polled on this thread, if there is one, to the run for `key`.
    pub(crate) fn begin(shared: &Inner, key: &Key) -> Option<Box<Self>> {
        let from = control::current()?.product()?;
        let to = product(shared, key);
        let mut edges = lock(&EDGES);
        let edges = edges.get_or_insert_default();
        let circular = has_path(edges, &to, &from);
        edges.entry(from.clone()).or_default().push(to.clone());
        Some(Box::new(Self { from, to, circular }))
    }

    /// Returns true where the run would wait for itself.
    pub(crate) fn is_circular(edge: Option<&Self>) -> bool {
        edge.is_some_and(|edge| edge.circular)
    }
}

impl Drop for WaitEdge {
    fn drop(&mut self) {
        let mut edges = lock(&EDGES);
        let Some(edges) = edges.as_mut() else {
            return;
        };
        if let Some(targets) = edges.get_mut(&self.from) {
            if let Some(place) = targets.iter().position(|to| *to == self.to) {
                targets.swap_remove(place);
            }
            if targets.is_empty() {
                edges.remove(&self.from);
            }
        }
    }
}

/// Returns true where the run of `from` waits for that of `to`, over others or not.
fn has_path(edges: &Edges, from: &Product, to: &Product) -> bool {
    let (mut next, mut seen) = (vec![from], Vec::new());
    while let Some(product) = next.pop() {
        if product == to {
            return true;
        }
        if !seen.contains(&product) {
            seen.push(product);
            next.extend(edges.get(product).into_iter().flatten());
        }
    }
    false
}
