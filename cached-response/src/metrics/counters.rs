//! Counters of events: always on, and without contention between workers.

use crate::{
    metrics::{
        event::{EVENTS, EventKind, LogLimit},
        reason::ForwardReason,
    },
    util::sync::lock,
};
use std::{
    array,
    ops::AddAssign,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

/// A sum that is counted beside the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sum {
    /// Microseconds of the runs that hits made unnecessary.
    SavedMicros,
    /// Bytes of the bodies of hits.
    ServedBytes,
    /// Runs that ended.
    Runs,
    /// Microseconds of the runs that ended.
    RunMicros,
}

const SUMS: usize = 4;
const COUNTERS: usize = SUMS + EVENTS;

/// Index of the counter of an event. All that a hit counts is in one cache line.
const fn index(event: EventKind) -> usize {
    SUMS + event.index()
}

/// Threads with counters of their own. Further ones share one set, which costs time and loses no count.
const OWNERS: usize = 64;

#[derive(Debug)]
#[repr(align(64))]
struct Stripe([AtomicU64; COUNTERS]);

impl Stripe {
    fn new() -> Self {
        Self(array::from_fn(|_| AtomicU64::new(0)))
    }
}

/// The counters of one route in one cache, or of its values.
///
/// Each thread writes its own, so that a plain load and store count; they are allocated at its first count.
#[derive(Debug)]
pub(crate) struct RouteCounters {
    owned: [OnceLock<Box<Stripe>>; OWNERS],
    shared: Stripe,
    /// Name of the route for labels.
    label: OnceLock<Box<str>>,
    /// The first unknown header or cookie of a middleware's route, `cookie:id`.
    pub(crate) unknown_input: OnceLock<Box<str>>,
    /// Of failed runs in whose place a stale response answers.
    pub(crate) covered_failures: LogLimit,
}

impl RouteCounters {
    pub(crate) fn new() -> Self {
        Self {
            owned: [const { OnceLock::new() }; OWNERS],
            shared: Stripe::new(),
            label: OnceLock::new(),
            unknown_input: OnceLock::new(),
            covered_failures: LogLimit::new(),
        }
    }

    /// Names the route, unless it has a name.
    pub(crate) fn name(&self, name: impl FnOnce() -> Box<str>) {
        self.label.get_or_init(name);
    }

    /// The name of the route, the same for as long as the cache lives.
    pub(crate) fn label(&self) -> Option<&str> {
        self.label.get().map(|label| &**label)
    }

    pub(crate) fn count(&self, event: EventKind) {
        self.add_all([(index(event), 1)]);
    }

    /// Counts a hit on a response of `bytes`, whose run took `saved`.
    #[inline]
    pub(crate) fn hit(&self, event: EventKind, saved: Duration, bytes: usize) {
        self.add_all([
            (index(event), 1),
            (Sum::SavedMicros as usize, micros(saved)),
            (Sum::ServedBytes as usize, bytes as u64),
        ]);
    }

    /// Counts a run that took `took`.
    pub(crate) fn run(&self, took: Duration) {
        self.add_all([
            (Sum::Runs as usize, 1),
            (Sum::RunMicros as usize, micros(took)),
        ]);
    }

    #[inline]
    fn add_all<const N: usize>(&self, counts: [(usize, u64); N]) {
        let Some(stripe) = self.own() else {
            return self.add_to_shared(&counts);
        };
        for (counter, number) in counts {
            let counter = &stripe.0[counter];
            // No other thread writes it.
            counter.store(counter.load(Relaxed).wrapping_add(number), Relaxed);
        }
    }

    /// The counters that only this thread writes.
    #[inline]
    fn own(&self) -> Option<&Stripe> {
        let own = &self.owned[owner()?];
        Some(own.get_or_init(|| Box::new(Stripe::new())))
    }

    #[cold]
    fn add_to_shared(&self, counts: &[(usize, u64)]) {
        for &(counter, number) in counts {
            self.shared.0[counter].fetch_add(number, Relaxed);
        }
    }

    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        let owned = self.owned.iter().filter_map(OnceLock::get);
        for stripe in owned.map(|stripe| &**stripe).chain([&self.shared]) {
            for (total, counter) in totals.0.iter_mut().zip(&stripe.0) {
                *total = total.wrapping_add(counter.load(Relaxed));
            }
        }
        totals
    }
}

/// The counters of a route in one cache.
#[derive(Debug)]
pub(crate) struct CountersOf {
    pub(crate) cache: u64,
    pub(crate) route: u64,
    pub(crate) counters: Arc<RouteCounters>,
}

fn micros(duration: Duration) -> u64 {
    let seconds = duration.as_secs().saturating_mul(1_000_000);
    seconds.saturating_add(duration.subsec_micros().into())
}

/// The counts of a route, or of several.
#[derive(Clone, Debug)]
pub(crate) struct Totals([u64; COUNTERS]);

impl Default for Totals {
    fn default() -> Self {
        Self([0; COUNTERS])
    }
}

impl Totals {
    pub(crate) fn of(&self, event: EventKind) -> u64 {
        self.0[index(event)]
    }

    pub(crate) fn sum(&self, sum: Sum) -> u64 {
        self.0[sum as usize]
    }

    /// Look-ups in memory that found nothing to reuse.
    pub(crate) fn misses(&self) -> u64 {
        let reasons = [
            ForwardReason::UriMiss,
            ForwardReason::VaryMiss,
            ForwardReason::Stale,
            ForwardReason::Bypass,
        ];
        reasons
            .into_iter()
            .map(|why| self.of(EventKind::Forward(why)))
            .sum()
    }
}

impl AddAssign<&Self> for Totals {
    fn add_assign(&mut self, other: &Self) {
        for (total, count) in self.0.iter_mut().zip(&other.0) {
            *total += count;
        }
    }
}

/// The number of a thread, which no other living thread has. It is given back when the thread ends; the
/// lock orders the writes of the next one after its own.
struct Owner(Option<usize>);

struct Owners {
    next: usize,
    free: Vec<usize>,
}

static THREADS: Mutex<Owners> = Mutex::new(Owners {
    next: 0,
    free: Vec::new(),
});

thread_local!(static OWNER: Owner = Owner::take());

/// The number of this thread, where it has counters of its own.
fn owner() -> Option<usize> {
    // A thread that is being destroyed has none.
    OWNER.try_with(|owner| owner.0).ok().flatten()
}

impl Owner {
    fn take() -> Self {
        let mut owners = lock(&THREADS);
        let freed = owners.free.pop();
        Self(freed.or_else(|| {
            let next = owners.next;
            (next < OWNERS).then(|| {
                owners.next += 1;
                next
            })
        }))
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if let Some(owner) = self.0 {
            let mut owners = lock(&THREADS);
            owners.free.push(owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::Barrier, thread};

    #[test]
    fn no_count_is_lost_by_threads_that_share_numbers_or_inherit_them() {
        let (threads, rounds) = (OWNERS + 40, 3);
        let (counters, all) = (RouteCounters::new(), Barrier::new(threads));
        for _ in 0..rounds {
            thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| {
                        // All of them live at once, so that some have no number.
                        all.wait();
                        for _ in 0..1000 {
                            counters.hit(EventKind::Hit, Duration::from_micros(2), 3);
                        }
                        counters.run(Duration::from_micros(5));
                        all.wait();
                    });
                }
            });
        }
        let runs = (rounds * threads) as u64;
        let totals = counters.totals();
        assert_eq!(totals.of(EventKind::Hit), 1000 * runs);
        assert_eq!(totals.sum(Sum::SavedMicros), 2000 * runs);
        assert_eq!(totals.sum(Sum::ServedBytes), 3000 * runs);
        assert_eq!(totals.sum(Sum::Runs), runs);
        assert_eq!(totals.sum(Sum::RunMicros), 5 * runs);
    }

    #[test]
    fn a_century_of_saved_time_is_counted() {
        let counters = RouteCounters::new();
        let century = Duration::from_secs(100 * 365 * 24 * 60 * 60);
        for saved in [century; 50] {
            counters.hit(EventKind::Hit, saved, 0);
        }
        let saved = Duration::from_micros(counters.totals().sum(Sum::SavedMicros));
        assert_eq!(saved, 50 * century);
    }

    #[test]
    fn totals_are_added() {
        let (one, other) = (RouteCounters::new(), RouteCounters::new());
        one.count(EventKind::Stored);
        other.count(EventKind::Stored);
        other.count(EventKind::Hit);
        let mut totals = one.totals();
        totals += &other.totals();
        assert_eq!(
            (totals.of(EventKind::Stored), totals.of(EventKind::Hit)),
            (2, 1)
        );
    }
}
