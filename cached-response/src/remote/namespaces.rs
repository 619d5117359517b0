//! Caches of this process under one namespace, of which there seldom is meant to be more than one.

use crate::util::sync::{Arc, Mutex, Weak, lock};

/// A namespace, for as long as a cache has it.
#[derive(Debug)]
pub(crate) struct Held(#[expect(dead_code, reason = "it is seen that it is there")] Arc<str>);

/// Takes a namespace; says whether another cache has it as well.
pub(crate) fn take(namespace: &str) -> (Held, bool) {
    static ALL: Mutex<Vec<Weak<str>>> = Mutex::new(Vec::new());
    let own: Arc<str> = namespace.into();
    let mut all = lock(&ALL);
    let mut others = false;
    all.retain(|held| {
        let held = held.upgrade();
        others |= held.as_deref() == Some(namespace);
        held.is_some()
    });
    all.push(Arc::downgrade(&own));
    (Held(own), others)
}

#[cfg(test)]
mod tests {
    use super::take;

    #[test]
    fn a_namespace_is_taken_while_a_cache_has_it() {
        let (one, taken) = take("namesakes: one");
        assert!(!taken);
        assert!(!take("namesakes: other").1);
        let (again, taken) = take("namesakes: one");
        assert!(taken);
        drop(one);
        assert!(take("namesakes: one").1);
        drop(again);
        assert!(!take("namesakes: one").1);
    }
}
