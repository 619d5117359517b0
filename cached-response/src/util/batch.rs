//! What waits until a thread has looked at all that is ready.

use crate::util::sync::{Mutex, lock};
use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Instant,
};

/// Something that is to go, and when it went. It goes once, by whoever has it go first: a task behind
/// all that are ready, or somebody who has waited for too long. A clone is a handle on the same.
#[derive(Clone)]
pub(crate) struct BatchStart(Arc<Waiting>);

struct Waiting {
    when: OnceLock<Instant>,
    go: Mutex<Option<Go>>,
}

type Go = Box<dyn FnOnce() + Send>;

impl BatchStart {
    /// What goes by calling `go`.
    pub(crate) fn by(go: impl FnOnce() + Send + 'static) -> Self {
        Self(Arc::new(Waiting {
            when: OnceLock::new(),
            go: Mutex::new(Some(Box::new(go))),
        }))
    }

    /// What went already.
    pub(crate) fn now() -> Self {
        let begun = Self::by(|| {});
        begun.go();
        begun
    }

    /// When it has begun; `None` if it has not yet.
    pub(crate) fn when(&self) -> Option<Instant> {
        self.0.when.get().copied()
    }

    /// It has begun, whoever has yet to have it go.
    pub(crate) fn begin(&self) {
        self.0.when.get_or_init(Instant::now);
    }

    /// Has it go, unless it went.
    pub(crate) fn go(&self) {
        self.begin();
        let go = lock(&self.0.go).take();
        if let Some(go) = go {
            go();
        }
    }

    /// Has it go at the latest when what is given is dropped.
    pub(crate) fn guard(&self) -> Going {
        Going(self.clone())
    }
}

/// Has something go when it is dropped, as it is in any case: by a task, or with its runtime.
pub(crate) struct Going(BatchStart);

impl Drop for Going {
    fn drop(&mut self) {
        self.0.go();
    }
}

impl fmt::Debug for BatchStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Begun").field(&self.when()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    fn counted() -> (BatchStart, Arc<AtomicU32>) {
        let count = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&count);
        let begun = BatchStart::by(move || {
            counted.fetch_add(1, SeqCst);
        });
        (begun, count)
    }

    #[test]
    fn it_goes_once_whoever_has_it_go() {
        let (begun, count) = counted();
        let guard = begun.guard();
        assert_eq!(begun.when(), None);
        begun.go();
        let when = begun.when();
        assert!(when.is_some());
        begun.go();
        drop(guard);
        assert_eq!((begun.when(), count.load(SeqCst)), (when, 1));
    }

    #[test]
    fn what_has_begun_is_yet_to_go() {
        let (begun, count) = counted();
        begun.begin();
        let when = begun.when();
        assert!(when.is_some());
        assert_eq!(count.load(SeqCst), 0);
        drop(begun.guard());
        assert_eq!((begun.when(), count.load(SeqCst)), (when, 1));
    }
}
