//! Two nodes, one store, and random requests, invalidations and faults between them
//! (see `docs/testing.md`).

mod clients;
mod faults;
mod promises;

use std::env;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use tests::dice::Dice;
use tests::nodes::{Node, Origin, Settings};

use self::faults::Faults;
use self::promises::Promises;
use crate::setting::{Setting, alone, start};

/// Default duration of the soak, without `SOAK_SECONDS`.
const SHORT: u64 = 40;
/// Time for which these nodes trust their memory without a heartbeat.
const SILENCE: Duration = Duration::from_secs(2);
/// The nodes.
const NAMES: [&str; 2] = ["a", "b"];
/// Number for each node.
const READERS: u64 = 3;
const WRITERS: u64 = 2;

/// A mistake that is made on purpose, to see whether it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plant {
    /// Now and then an invalidation is promised, and not made.
    Forgets,
    /// An invalidation is recorded before it is requested.
    PromisesEarly,
    /// Runs read the version before.
    ReadsOld,
    /// The nodes have no store in common.
    Apart,
}

/// State that all tasks share.
struct Soak<'a> {
    origin: &'a Origin,
    nodes: &'a [Node],
    promises: Promises,
    plant: Option<Plant>,
    until: Instant,
    found: Mutex<Option<String>>,
    seen: Seen,
}

/// Counts of events, to show that the soak has covered them.
#[derive(Debug, Default)]
struct Seen {
    answers: AtomicU64,
    /// Answers from the store or memory that another node has made.
    from_another: AtomicU64,
    held: AtomicU64,
    acknowledged: AtomicU64,
    refused: AtomicU64,
}

impl Soak<'_> {
    /// Until the time is over, or something is found.
    fn is_running(&self) -> bool {
        Instant::now() < self.until && self.found().is_none()
    }

    fn found(&self) -> Option<String> {
        self.found.lock().unwrap().clone()
    }

    fn report(&self, found: String) {
        self.found.lock().unwrap().get_or_insert(found);
    }
}

/// Soaks for so long, and gives what was found, if anything was.
fn soak(seed: u64, time: Duration, plant: Option<Plant>) -> Option<String> {
    let mut setting = Setting::start();
    let proxies = [setting.proxy(), setting.proxy()];
    let nodes = [0, 1].map(|node| match plant {
        Some(Plant::Apart) => alone(NAMES[node], &setting.origin),
        _ => start(&Settings {
            silence: Some(SILENCE),
            ..setting.behind(&proxies[node], NAMES[node])
        }),
    });
    if plant == Some(Plant::ReadsOld) {
        setting.origin.read_old();
    }
    let Setting { origin, redis } = &mut setting;
    let soak = Soak {
        origin,
        nodes: &nodes,
        promises: Promises::default(),
        plant,
        until: Instant::now() + time,
        found: Mutex::default(),
        seen: Seen::default(),
    };
    let mut faults = Faults::new(redis, &proxies, Dice::new(seed ^ u64::MAX));
    soak.run(seed, &mut faults);
    println!("{:?} {faults:?}", soak.seen);
    for node in &nodes {
        println!("{:#}", node.stats());
    }
    if plant.is_none() {
        soak.seen.something_has_happened();
    }
    let found = soak.found();
    found.map(|found| format!("SOAK_SEED={seed}, {found}"))
}

impl Soak<'_> {
    /// All at once.
    fn run(&self, seed: u64, faults: &mut Faults<'_>) {
        thread::scope(|scope| {
            for reader in 0..READERS * 2 {
                let dice = Dice::new(seed ^ reader << 32);
                let node = usize::from(reader >= READERS);
                scope.spawn(move || self.read(node, dice));
            }
            for writer in 0..WRITERS {
                let dice = Dice::new(seed ^ (100 + writer) << 32);
                scope.spawn(move || self.write(dice));
            }
            while self.is_running() {
                faults.next(self.until);
            }
            faults.end();
        });
    }
}

impl Seen {
    fn something_has_happened(&self) {
        let counts = [
            &self.answers,
            &self.from_another,
            &self.held,
            &self.acknowledged,
            &self.refused,
        ];
        assert!(counts.iter().all(|it| it.load(SeqCst) > 0), "{self:?}");
    }
}

/// Harness recipe 6, over nodes.
#[test]
fn nodes_and_faults_show_nothing_older_than_promised() {
    let seconds = env::var("SOAK_SECONDS").ok();
    let seconds = seconds.map_or(SHORT, |seconds| seconds.parse().unwrap());
    let found = soak(Dice::seed(), Duration::from_secs(seconds), None);
    assert!(found.is_none(), "{}", found.unwrap_or_default());
}

/// The oracle can see over nodes, too.
#[test]
fn planted_mistakes_are_found_over_nodes() {
    let plants = [
        Plant::Forgets,
        Plant::PromisesEarly,
        Plant::ReadsOld,
        Plant::Apart,
    ];
    for plant in plants {
        let found = soak(Dice::seed(), Duration::from_secs(SHORT), Some(plant));
        let found = found.unwrap_or_else(|| panic!("{plant:?} was not found"));
        println!("{plant:?}: {found}");
    }
}
