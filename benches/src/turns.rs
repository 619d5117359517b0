//! Contenders take turns at answering, over loopback, and each turn is a figure.

use crate::{
    Contender,
    load::{Connection, has_line},
    request,
    server::{self, Server},
};
use actix_web::rt;
use std::{
    io,
    time::{Duration, Instant},
};

/// Requests under way at a time.
pub const CONNECTIONS: usize = 32;
/// Length of a contender's turn.
pub const TURN: Duration = Duration::from_millis(250);
/// With the same servers. An even number: half of them go backwards.
pub const ROUNDS: usize = 8;

/// Result of one turn of one contender.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Turn {
    /// Requests a second.
    pub rate: f64,
    /// Microseconds of the server's processor time a request.
    pub time: f64,
}

/// Requests sent to contenders.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Course {
    /// Paths with their queries, one after the other; each connection begins with another.
    pub targets: Vec<String>,
    /// Header lines of which an answer must have one to be counted; if empty, every answer counts.
    pub marks: &'static [&'static [u8]],
    /// Environment of the servers.
    pub environment: Vec<(&'static str, String)>,
}

impl Course {
    /// The same page, over and over.
    pub fn hot() -> Self {
        Self {
            targets: vec![request::TARGET.to_owned()],
            marks: &[],
            environment: Vec::new(),
        }
    }
}

/// The turns of each contender, in so many sittings with servers of their own.
///
/// # Errors
/// If a server or a connection fails.
pub async fn measure(
    contenders: &[Contender],
    course: &Course,
    sittings: usize,
) -> io::Result<Vec<Vec<Turn>>> {
    server::pin_this_process();
    let mut table = vec![Vec::new(); contenders.len()];
    for _ in 0..sittings {
        sit(contenders, course, &mut table).await?;
    }
    Ok(table)
}

/// A few rounds with servers of their own.
async fn sit(contenders: &[Contender], course: &Course, table: &mut [Vec<Turn>]) -> io::Result<()> {
    let mut loads = Vec::new();
    for contender in contenders {
        let mut load = Load::start(contender.name, course).await?;
        load.turn().await?;
        loads.push(load);
    }
    for round in 0..ROUNDS {
        let mut order: Vec<usize> = (0..loads.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for place in order {
            table[place].push(loads[place].turn().await?);
        }
    }
    Ok(())
}

/// A server and its connections.
struct Load {
    server: Server,
    idle: Vec<Asker>,
}

impl Load {
    async fn start(name: &str, course: &Course) -> io::Result<Self> {
        let server = Server::start(name, &course.environment)?;
        let mut idle = Vec::new();
        for place in 0..CONNECTIONS {
            let connection = Connection::open(server.address()).await?;
            idle.push(Asker::new(connection, course, place));
        }
        Ok(Self { server, idle })
    }

    async fn turn(&mut self) -> io::Result<Turn> {
        let (start, used) = (Instant::now(), self.server.processor_time()?);
        let asking: Vec<_> = self
            .idle
            .drain(..)
            .map(|asker| rt::spawn(asker.ask(start + TURN)))
            .collect();
        let mut answers: u32 = 0;
        for asking in asking {
            let (asker, count) = asking.await.map_err(io::Error::other)??;
            self.idle.push(asker);
            answers += count;
        }
        let answers = f64::from(answers);
        let used = self.server.processor_time()?.saturating_sub(used);
        Ok(Turn {
            rate: answers / start.elapsed().as_secs_f64(),
            time: used.as_secs_f64() * 1e6 / answers,
        })
    }
}

/// A connection, and what is asked on it.
struct Asker {
    connection: Connection,
    requests: Vec<Vec<u8>>,
    next: usize,
    marks: &'static [&'static [u8]],
}

impl Asker {
    fn new(connection: Connection, course: &Course, place: usize) -> Self {
        let targets = course.targets.iter();
        Self {
            connection,
            requests: targets.map(|target| request::on_the_wire(target)).collect(),
            next: place * course.targets.len() / CONNECTIONS,
            marks: course.marks,
        }
    }

    /// Asks one request after the other, and counts the answers.
    async fn ask(mut self, until: Instant) -> io::Result<(Self, u32)> {
        let mut answers = 0;
        while Instant::now() < until {
            let answer = self.connection.ask(&self.requests[self.next]).await?;
            answers += u32::from(is_marked(answer, self.marks));
            self.next = (self.next + 1) % self.requests.len();
        }
        Ok((self, answers))
    }
}

/// Returns true if the head of an answer has one of `marks`, or there are none.
fn is_marked(answer: &[u8], marks: &[&[u8]]) -> bool {
    marks.is_empty() || marks.iter().any(|mark| has_line(answer, mark))
}
