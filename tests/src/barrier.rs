//! Named barriers that handlers wait at and tests open, so that a race happens the same way every time.
//!
//! ```
//! # tokio_test(async {
//! let barriers = tests::barrier::Barriers::default();
//! let handler = barriers.clone();
//! let run = async move { handler.at("loaded").await };          // in the handler
//! let test = async move {
//!     barriers.arrived("loaded", 1).await;                      // in the test: it has arrived,
//!     barriers.release("loaded");                               // and continues
//! };
//! tokio::join!(run, test);
//! # });
//! # fn tokio_test(test: impl Future<Output = ()>) {
//! #     tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(test);
//! # }
//! ```

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::timeout;

const TIMEOUT: Duration = Duration::from_secs(30);

/// The barriers of one test; clones are the same barriers.
#[derive(Debug, Clone, Default)]
pub struct Barriers(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    barriers: Mutex<HashMap<String, Barrier>>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Barrier {
    arrived: usize,
    /// Number of arrivals that were dropped before they passed.
    given_up: usize,
    passes: usize,
    open: bool,
    wakers: Vec<Waker>,
}

impl Barriers {
    /// Waits, in a handler, until the test opens this barrier.
    pub async fn at(&self, name: &str) {
        self.change(name, |barrier| barrier.arrived += 1);
        let mut waiting = Waiting {
            barriers: self,
            name,
            passed: false,
        };
        poll_fn(|context| self.poll(name, context, Barrier::pass)).await;
        waiting.passed = true;
    }

    /// Opens a barrier for good, for present and later arrivals.
    pub fn release(&self, name: &str) {
        self.change(name, |barrier| barrier.open = true);
    }

    /// Lets that many arrivals pass, present or later ones.
    pub fn let_pass(&self, name: &str, count: usize) {
        self.change(name, |barrier| barrier.passes += count);
    }

    /// Waits, in a test, until that many arrivals were counted; panics after half a minute.
    pub async fn arrived(&self, name: &str, count: usize) {
        self.met(name, move |barrier| barrier.arrived >= count)
            .await;
    }

    /// Waits until that many runs were dropped at this barrier; panics after half a minute.
    pub async fn given_up(&self, name: &str, count: usize) {
        self.met(name, move |barrier| barrier.given_up >= count)
            .await;
    }

    async fn met(&self, name: &str, met: impl Fn(&mut Barrier) -> bool) {
        let wait = poll_fn(|context| self.poll(name, context, &met));
        let is_met = timeout(TIMEOUT, wait).await.is_ok();
        assert!(
            is_met,
            "waited {TIMEOUT:?} at `{name}`: {:?}",
            self.lock().get(name)
        );
    }

    /// Like [`arrived`](Self::arrived) for a test that is not async; panics when it takes longer than `limit`.
    pub fn wait_arrived(&self, name: &str, count: usize, limit: Duration) {
        self.wait(name, limit, |barrier| barrier.arrived >= count);
    }

    /// Like [`given_up`](Self::given_up) for a test that is not async; panics when it takes longer than `limit`.
    pub fn wait_given_up(&self, name: &str, count: usize, limit: Duration) {
        self.wait(name, limit, |barrier| barrier.given_up >= count);
    }

    /// Returns the number of arrivals so far.
    pub fn count(&self, name: &str) -> usize {
        self.lock().get(name).map_or(0, |barrier| barrier.arrived)
    }

    fn wait(&self, name: &str, limit: Duration, mut met: impl FnMut(&Barrier) -> bool) {
        let unmet = |barriers: &mut HashMap<String, Barrier>| {
            !met(barriers.entry(name.to_owned()).or_default())
        };
        let outcome = self.0.changed.wait_timeout_while(self.lock(), limit, unmet);
        let (barriers, timeout) = outcome.unwrap_or_else(PoisonError::into_inner);
        assert!(
            !timeout.timed_out(),
            "waited {limit:?} at `{name}`: {:?}",
            barriers.get(name)
        );
    }

    fn poll(
        &self,
        name: &str,
        context: &Context<'_>,
        mut met: impl FnMut(&mut Barrier) -> bool,
    ) -> Poll<()> {
        let mut barriers = self.lock();
        let barrier = barriers.entry(name.to_owned()).or_default();
        if met(barrier) {
            return Poll::Ready(());
        }
        barrier.wakers.push(context.waker().clone());
        Poll::Pending
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Barrier)) {
        let mut barriers = self.lock();
        let barrier = barriers.entry(name.to_owned()).or_default();
        change(barrier);
        let wakers = std::mem::take(&mut barrier.wakers);
        drop(barriers);
        self.0.changed.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Barrier>> {
        let barriers = self.0.barriers.lock();
        barriers.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Barrier {
    fn pass(&mut self) -> bool {
        if !self.open && self.passes == 0 {
            return false;
        }
        self.passes = self.passes.saturating_sub(1);
        true
    }
}

/// A wait at a barrier; counted as given up when it is dropped there.
struct Waiting<'a> {
    barriers: &'a Barriers,
    name: &'a str,
    passed: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.passed {
            self.barriers
                .change(self.name, |barrier| barrier.given_up += 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::Barriers;

    const TIMEOUT: Duration = Duration::from_secs(10);

    fn at(barriers: &Barriers) -> thread::JoinHandle<()> {
        let barriers = barriers.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        thread::spawn(move || runtime.unwrap().block_on(barriers.at("here")))
    }

    #[test]
    fn no_wait_ends_before_the_release() {
        let barriers = Barriers::default();
        let runs = [at(&barriers), at(&barriers)];
        barriers.wait_arrived("here", 2, TIMEOUT);
        assert!(runs.iter().all(|run| !run.is_finished()));
        barriers.release("here");
        for run in runs {
            run.join().unwrap();
        }
    }

    #[tokio::test]
    async fn only_as_many_pass_as_are_let() {
        let barriers = Barriers::default();
        barriers.let_pass("here", 1);
        barriers.at("here").await;
        let mut second = Box::pin(barriers.at("here"));
        tokio::select! { biased;
            () = &mut second => panic!("a second one passed"),
            () = barriers.arrived("here", 2) => {}
        }
        drop(second);
        barriers.given_up("here", 1).await;
    }
}
