//! A server between a client and another server, which does to their octets what networks do.
//!
//! ```no_run
//! # use tests::proxy::{Mode, Proxy};
//! # let redis = ([127, 0, 0, 1], 6379).into();
//! let proxy = Proxy::start(redis).unwrap();
//! let address = proxy.address();          // for the client
//! proxy.set(Mode::BlackHole);             // from now on, and for all
//! for line in proxy.lines_that_said(b"SUBSCRIBE") {
//!     line.set(Mode::Pass);               // but for these
//! }
//! ```

mod accept;
mod line;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc as std_mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::mpsc;

use self::accept::{Listening, Order};
pub use self::line::Line;
use crate::barrier::Barriers;

/// Treatment of the octets of a connection.
///
/// What counts octets counts those of the answers, from when the mode was set or the connection made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They arrive.
    Pass,
    /// Answers arrive so much later, however many are under way.
    Delay(Duration),
    /// All are swallowed. A connection that has lost any stays like this, whatever is set later.
    BlackHole,
    /// The connection ends after so many.
    CutAfter(usize),
    /// The connection is reset.
    Reset,
    /// The lowest bit of the one at this place is turned over.
    Corrupt(usize),
    /// Answers arrive so many each millisecond.
    Drip(usize),
    /// A request with these octets in it waits at the barrier [`HELD`], and those behind it.
    Hold(&'static [u8]),
}

/// The barrier at which [`Mode::Hold`] holds.
pub const HELD: &str = "held";

/// The proxy, on a thread of its own; ended when dropped.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    orders: mpsc::UnboundedSender<(Order, std_mpsc::Sender<()>)>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    address: SocketAddr,
    target: SocketAddr,
    barriers: Barriers,
    mode: Mutex<Mode>,
    lines: Mutex<Vec<Arc<Line>>>,
    accepted: AtomicUsize,
    asked: AtomicU64,
    answered: AtomicU64,
}

impl Proxy {
    /// Listens on a free port of loopback, and connects its clients to `target`.
    pub fn start(target: SocketAddr) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build()?;
        let listening = Listening::on_a_free_port()?;
        let shared = Arc::new(Shared {
            address: listening.address(),
            target,
            barriers: Barriers::default(),
            mode: Mutex::new(Mode::Pass),
            lines: Mutex::default(),
            accepted: AtomicUsize::default(),
            asked: AtomicU64::default(),
            answered: AtomicU64::default(),
        });
        let (orders, received) = mpsc::unbounded_channel();
        let of_the_thread = shared.clone();
        let thread =
            thread::spawn(move || runtime.block_on(listening.serve(of_the_thread, received)));
        let proxy = Self {
            shared,
            orders,
            thread: Some(thread),
        };
        proxy.accept();
        Ok(proxy)
    }

    /// Returns its address.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Sets the mode of every connection there is, and of those that come.
    pub fn set(&self, mode: Mode) {
        let mut of_all = self.shared.mode();
        *of_all = mode;
        self.lines().iter().for_each(|line| line.set(mode));
    }

    /// Closes all connections and stops listening: new ones are refused.
    pub fn refuse(&self) {
        self.order(Order::Refuse);
    }

    /// Listens again, on the same port.
    pub fn accept(&self) {
        self.order(Order::Accept);
    }

    /// The connections there are.
    pub fn lines(&self) -> Vec<Arc<Line>> {
        self.shared.lines().clone()
    }

    /// The connections whose client has said this among its first words.
    pub fn lines_that_said(&self, words: &[u8]) -> Vec<Arc<Line>> {
        let mut lines = self.lines();
        lines.retain(|line| line.has_said(words));
        lines
    }

    /// Returns the point at which [`Mode::Hold`] holds.
    pub fn barriers(&self) -> &Barriers {
        &self.shared.barriers
    }

    /// Returns the number of connections so far.
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(SeqCst)
    }

    /// Returns the number of octets of requests so far.
    pub fn asked(&self) -> u64 {
        self.shared.asked.load(SeqCst)
    }

    /// Returns the number of octets of answers so far.
    pub fn answered(&self) -> u64 {
        self.shared.answered.load(SeqCst)
    }

    /// Sends a command and waits until it is executed.
    fn order(&self, order: Order) {
        let (done, wait) = std_mpsc::channel();
        let sent = self.orders.send((order, done));
        let done = sent.ok().and_then(|()| wait.recv().ok());
        done.expect("the proxy's thread runs");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // A held connection would block the thread.
        let (orders, _) = mpsc::unbounded_channel();
        drop(std::mem::replace(&mut self.orders, orders));
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn mode(&self) -> MutexGuard<'_, Mode> {
        self.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lines(&self) -> MutexGuard<'_, Vec<Arc<Line>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
