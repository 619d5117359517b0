//! A soak over sockets: a server with two workers, clients that read, and abort, writers that
//! change and invalidate, and a cache that is too small for it all.

use std::env;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use actix_web::web;
use cached_response::{ResponseCache, StaleRule};
use tests::abort::reset;
use tests::alone::{Panics, alone};
use tests::raw::{Connection, Response};
use tests::server::Server;
use tests::stage::eventually;
use tokio::time::sleep;

use crate::handlers::routes;
use crate::oracle::Done;
use crate::pace::Pace;
use crate::page::{Among, OBJECTS, Scope};
use crate::question::{Held, Question, Sent};
use crate::verdict::{Answer, Wrong};
use crate::world::{Plant, World};
use tests::dice::Dice;

const CAPACITY: u64 = 200 << 10;
const CLIENTS: u64 = 12;
const WRITERS: u64 = 2;
/// From a few pages that all clients request to all there are.
const SPREADS: [usize; 4] = [1, 3, 12, OBJECTS];
/// A client remembers so many representations.
const MOST_HELD: usize = 100;

/// Default duration of the soak, without `SOAK_SECONDS`.
const MINUTE: u64 = 60;

struct Soak {
    world: Arc<World>,
    server: SocketAddr,
    until: Instant,
    answers: AtomicU64,
    /// Maximum size of the cache.
    fullest: AtomicU64,
    found: Mutex<Option<String>>,
}

impl Soak {
    /// Until the time is over, or something is found.
    fn is_running(&self) -> bool {
        Instant::now() < self.until && self.found().is_none()
    }

    fn found(&self) -> Option<String> {
        self.found.lock().unwrap().clone()
    }

    /// Returns the fault that was found within this time, if any.
    fn run(seed: u64, time: Duration, plant: Option<Plant>) -> Option<String> {
        let cache = ResponseCache::builder().max_bytes(CAPACITY).build();
        let pace = Pace::Random(Mutex::new(Dice::new(seed)));
        let world = World::new(cache, pace, plant);
        let of_the_workers = world.clone();
        let serve = move |app: &mut web::ServiceConfig| routes(&of_the_workers, app);
        let server = Server::start(2, serve).unwrap();
        let soak = Self {
            world,
            server: server.address(),
            until: Instant::now() + time,
            answers: AtomicU64::default(),
            fullest: AtomicU64::default(),
            found: Mutex::default(),
        };
        thread::scope(|scope| {
            for client in 0..CLIENTS {
                let client = Client::new(&soak, Dice::new(seed ^ client << 32));
                scope.spawn(|| client.read());
            }
            for writer in 0..WRITERS {
                let dice = Dice::new(seed ^ (CLIENTS + writer) << 32);
                scope.spawn(|| soak.write(dice));
            }
        });
        soak.nothing_is_left(plant.is_some());
        soak.found()
            .map(|found| format!("SOAK_SEED={seed}, {found}"))
    }

    /// Changes and invalidates.
    fn write(&self, mut dice: Dice) {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_time().build().unwrap();
        runtime.block_on(async {
            while self.is_running() {
                let among = Among::every_kind(dice.pick(&SPREADS));
                for _ in 0..dice.below(3) {
                    self.world.bump(among.object(&mut dice));
                }
                let (done, scope) = (Done::roll(&mut dice), Scope::roll(&mut dice, &among));
                let bytes = self.world.cache.stats().bytes;
                self.fullest.fetch_max(bytes, SeqCst);
                self.world.make(done, scope).await;
                sleep(Duration::from_millis(dice.next() % 40)).await;
            }
        });
    }

    fn nothing_is_left(&self, planted: bool) {
        let stats = || self.world.cache.stats();
        eventually("all runs end", || stats().running == 0);
        eventually("it is in its bound", || stats().bytes <= CAPACITY);
        let stats = stats();
        println!(
            "{} answers, {} runs; {stats:?}",
            self.answers.load(SeqCst),
            self.world.runs()
        );
        assert!(stats.hit_for_pass_bytes <= 2 << 20, "{stats:?}");
        let fullest = self.fullest.load(SeqCst);
        assert!(planted || fullest > CAPACITY / 10 * 9, "{fullest} at most");
        let happened = [
            stats.hits,
            stats.not_modified,
            stats.forced_refreshes,
            stats.collapsed,
            stats.detached,
            stats.failed,
            stats.hit_for_pass,
            stats.refreshes,
            stats.validated,
            stats.answered_stale(StaleRule::IfError),
        ];
        assert!(planted || happened.iter().all(|it| *it > 0), "{stats:?}");
    }
}

struct Client<'a> {
    soak: &'a Soak,
    dice: Dice,
    connection: Option<Connection>,
    held: Vec<Held>,
}

impl<'a> Client<'a> {
    fn new(soak: &'a Soak, dice: Dice) -> Self {
        Self {
            soak,
            dice,
            connection: None,
            held: Vec::new(),
        }
    }

    /// Asks, one request after the other.
    fn read(mut self) {
        let mut asked = 0;
        while self.soak.is_running() {
            asked += 1;
            let among = Among::every_kind(self.dice.pick(&SPREADS));
            let question = Question::roll(&mut self.dice, &among);
            let sent = question.send(&self.soak.world, &self.held);
            if let Err(wrong) = self.ask(&sent) {
                let found = format!("request {asked} of a client: {sent}, answered with {wrong}");
                self.soak.found.lock().unwrap().get_or_insert(found);
            }
        }
    }

    fn ask(&mut self, sent: &Sent) -> Result<(), Wrong> {
        let request = sent.on_the_wire();
        let kept = self.connection.take();
        let open = || Connection::open(self.soak.server);
        let mut connection = kept.map_or_else(open, Ok).map_err(|it| it.to_string())?;
        connection.send(&request).map_err(|it| it.to_string())?;
        if self.dice.once_in(10) {
            self.leave(connection);
            return Ok(());
        }
        let received = connection.receive(&request).ok();
        self.soak.answers.fetch_add(1, SeqCst);
        let answer = received.as_ref().map(answer);
        let held = sent.judge(answer.as_ref(), &self.soak.world)?;
        self.held.extend(held);
        if self.held.len() > MOST_HELD {
            self.held.drain(..MOST_HELD / 2);
        }
        let closed = |it: &Response| it.header("connection").is_some_and(|it| it == "close");
        if received.is_some_and(|it| !closed(&it)) && !self.dice.once_in(50) {
            self.connection = Some(connection);
        }
        Ok(())
    }

    /// Resets the connection: at once, a little later, or when the answer has begun.
    fn leave(&mut self, mut connection: Connection) {
        match self.dice.below(3) {
            0 => {}
            1 => thread::sleep(Duration::from_millis(1)),
            // There is none where its handler panics.
            _ => _ = connection.receive_head(),
        }
        reset(connection).unwrap();
    }
}

fn answer(response: &Response) -> Answer {
    Answer {
        status: response.status(),
        facts: response.header("x-facts"),
        tag: response.header("etag"),
        body: Some(response.body.clone()),
        said: response.header("cache-status").unwrap_or_default(),
    }
}

/// Harness recipe 6.
#[test]
fn a_minute_of_everything_at_once_shows_nothing_older_than_promised() {
    alone(|| {
        let panics = Panics::count();
        let seconds = env::var("SOAK_SECONDS").ok();
        let seconds = seconds.map_or(MINUTE, |seconds| seconds.parse().unwrap());
        let found = Soak::run(Dice::seed(), Duration::from_secs(seconds), None);
        assert!(found.is_none(), "{}", found.unwrap_or_default());
        assert_eq!(panics.unordered(), 0);
    });
}

/// The oracle can see over sockets, too.
#[test]
fn planted_mistakes_are_found_over_sockets() {
    alone(|| {
        Panics::count();
        for plant in [Plant::AcknowledgesEarly, Plant::GrowsBody] {
            let found = Soak::run(Dice::seed(), Duration::from_secs(MINUTE), Some(plant));
            println!(
                "{}",
                found.unwrap_or_else(|| panic!("{plant:?} was not found"))
            );
        }
    });
}
