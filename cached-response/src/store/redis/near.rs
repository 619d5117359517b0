//! The connection of each worker's own, for what its requests look up.
//!
//! What a worker asks and reads itself needs no other thread: none is woken by it, and none wakes it.
//! Where it has no connection, there is the one that all share.

use std::{
    cell::RefCell,
    sync::{Arc, Mutex, Weak},
    time::{Duration, Instant},
};
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::{
    store::redis::{
        command::Prepared,
        line::{Asked, Line, Turns},
        server_info::NEW,
        target::Target,
        wire::Side,
    },
    util::sync::lock,
};

/// A worker that could not connect, or has lost its connection, tries again after this time.
const REST: Duration = Duration::from_secs(1);

/// The lines of all workers to one server.
pub(crate) struct Near(Arc<Lines>);

struct Lines {
    target: Arc<Target>,
    turns: Turns,
    all: Mutex<Vec<Weak<Line>>>,
}

/// The line of this thread to a server.
struct Mine {
    of: Weak<Lines>,
    line: Arc<Line>,
    tried: Option<Instant>,
    /// When it was last asked whether the server is a primary.
    learnt: Instant,
}

thread_local! {
    static MINE: RefCell<Vec<Mine>> = const { RefCell::new(Vec::new()) };
}

impl Near {
    pub(crate) fn new(target: Arc<Target>, turns: Turns) -> Self {
        Self(Arc::new(Lines {
            target,
            turns,
            all: Mutex::default(),
        }))
    }

    /// Has these sent on the connection of this thread. If none is at hand, one is being opened from now
    /// on, where this thread can drive it.
    pub(crate) fn post(&self, prepared: &Prepared) -> Option<Asked> {
        let posted = MINE.try_with(|mine| {
            let mut mine = mine.borrow_mut();
            let known = mine
                .iter_mut()
                .find(|mine| mine.of.as_ptr() == Arc::as_ptr(&self.0));
            if let Some(known) = known {
                return known.post(prepared);
            }
            mine.retain(|mine| mine.of.strong_count() > 0);
            mine.push(self.mine());
            mine.last_mut()?.post(prepared)
        });
        // A thread that ends has none any more.
        posted.ok().flatten()
    }

    fn mine(&self) -> Mine {
        let lines = &self.0;
        let line = Line::new(
            Side::Here,
            Arc::clone(&lines.target),
            Arc::clone(&lines.turns),
        );
        let line = Arc::new(line);
        let mut all = lock(&lines.all);
        all.retain(|line| line.strong_count() > 0);
        all.push(Arc::downgrade(&line));
        Mine {
            of: Arc::downgrade(lines),
            line,
            tried: None,
            learnt: Instant::now(),
        }
    }
}

impl Mine {
    fn post(&mut self, prepared: &Prepared) -> Option<Asked> {
        if let Some(asked) = Asked::on(&self.line, prepared) {
            // Nothing is written on it, which a server that has become a replica would refuse.
            if self.learnt.elapsed() >= NEW {
                self.learnt = Instant::now();
                self.line.learn_behind(NEW);
            }
            return Some(asked);
        }
        let rested = self.tried.is_none_or(|tried| tried.elapsed() >= REST);
        if rested && drives() {
            self.tried = Some(Instant::now());
            self.line.open_behind();
        }
        None
    }
}

/// Whether what is spawned here goes on here.
fn drives() -> bool {
    let runtime = Handle::try_current();
    runtime.is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::CurrentThread)
}

impl Drop for Near {
    fn drop(&mut self) {
        for line in lock(&self.0.all).drain(..) {
            if let Some(line) = line.upgrade() {
                line.close();
            }
        }
    }
}
