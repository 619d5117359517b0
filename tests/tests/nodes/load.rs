//! Clients that send requests at a steady rate, and the result of each request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tests::raw::{Connection, Request};

/// One request, and its answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) sent: Instant,
    pub(crate) took: Duration,
    /// 0 where there was none.
    pub(crate) status: u16,
}

/// Clients that send requests until they are ended.
pub(crate) struct Load {
    over: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Vec<Sample>>>,
}

impl Load {
    /// Starts so many clients, each of which requests `target` of a number of its own once in `pause`.
    pub(crate) fn start(
        server: SocketAddr,
        clients: usize,
        pause: Duration,
        target: fn(usize) -> String,
    ) -> Self {
        let over = Arc::<AtomicBool>::default();
        let start = |client| {
            let over = over.clone();
            thread::spawn(move || {
                let numbers = (client..).step_by(clients);
                ask(server, pause, numbers.map(target), &over)
            })
        };
        Self {
            clients: (0..clients).map(start).collect(),
            over,
        }
    }

    /// Ends it, and returns all requests.
    pub(crate) fn end(self) -> Samples {
        self.over.store(true, SeqCst);
        let samples = self.clients.into_iter();
        let samples = samples.flat_map(|client| client.join().unwrap());
        Samples(samples.collect())
    }
}

fn ask(
    server: SocketAddr,
    pause: Duration,
    targets: impl Iterator<Item = String>,
    over: &AtomicBool,
) -> Vec<Sample> {
    let mut samples = Vec::new();
    let mut kept = None;
    for target in targets {
        if over.load(SeqCst) {
            break;
        }
        let request = Request::get(target);
        let sent = Instant::now();
        let asked = kept.take().map_or_else(|| Connection::open(server), Ok);
        let answer = asked.and_then(|mut connection| {
            let response = connection.exchange(&request)?;
            kept = Some(connection);
            Ok(response)
        });
        samples.push(Sample {
            sent,
            took: sent.elapsed(),
            status: answer.map_or(0, |response| response.status()),
        });
        thread::sleep(pause.saturating_sub(sent.elapsed()));
    }
    samples
}

/// Request.
#[derive(Debug)]
pub(crate) struct Samples(Vec<Sample>);

impl Samples {
    /// Those that were sent in this time.
    pub(crate) fn between(&self, from: Instant, to: Instant) -> Self {
        let mut samples = self.0.clone();
        samples.retain(|sample| (from..to).contains(&sample.sent));
        assert!(!samples.is_empty(), "there was no request in that time");
        Self(samples)
    }

    /// Returns their number.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Every one was answered with 200.
    pub(crate) fn all_are_well(&self) {
        let wrong: Vec<_> = self.0.iter().filter(|it| it.status != 200).collect();
        assert!(
            wrong.is_empty(),
            "{} of {}: {wrong:?}",
            wrong.len(),
            self.0.len()
        );
    }

    /// The longest that any took.
    pub(crate) fn slowest(&self) -> Duration {
        self.share(100)
    }

    /// Returns the latency at a percentile.
    pub(crate) fn share(&self, percent: usize) -> Duration {
        let mut took: Vec<_> = self.0.iter().map(|sample| sample.took).collect();
        took.sort();
        took[(took.len() - 1) * percent / 100]
    }
}
