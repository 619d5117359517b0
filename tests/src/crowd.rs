//! Many clients at once, each on a connection of its own, all in one thread.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::raw::{Connection, Request, Response};

/// Connections that send requests at the same time.
#[derive(Debug)]
pub struct Crowd(Vec<Connection>);

impl Crowd {
    /// Connects that many clients.
    pub fn open(server: SocketAddr, count: usize) -> io::Result<Self> {
        (0..count)
            .map(|_| Connection::open(server))
            .collect::<io::Result<_>>()
            .map(Self)
    }

    /// Sends a request on each connection.
    pub fn send(&mut self, request: &Request) -> io::Result<()> {
        self.0.iter_mut().try_for_each(|it| it.send(request))
    }

    /// Reads the answer of each connection, or the error in its place.
    pub fn receive(&mut self, request: &Request) -> Vec<io::Result<Response>> {
        self.0.iter_mut().map(|it| it.receive(request)).collect()
    }

    /// Sends on each connection and reads all answers; a missing one is an error.
    pub fn exchange(&mut self, request: &Request) -> io::Result<Vec<Response>> {
        self.send(request)?;
        self.receive(request).into_iter().collect()
    }
}

/// The longest that any of these took, sending and reading the others' answers included.
pub fn slowest(responses: &[Response]) -> Duration {
    let took = responses.iter().map(|response| response.took);
    took.max().unwrap_or_default()
}

/// Best of three results of `measure`: other work on the machine only makes it slower.
///
/// Ends early once the figure is within `bound`.
pub fn best_of_three(bound: Duration, mut measure: impl FnMut() -> Duration) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..3 {
        best = best.min(measure());
        if best <= bound {
            break;
        }
    }
    best
}
