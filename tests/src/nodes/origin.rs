//! The data that responses are made from: in the test's process, and read by handlers in others.
//!
//! A handler says where it is before it reads and before it returns; at both points a test may hold it.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::barrier::Barriers;

const TIMEOUT: Duration = Duration::from_secs(20);

/// Point at which a run may be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Point {
    /// Before it reads.
    Read,
    /// Between what it has read and its return.
    Return,
}

/// The data, on a thread of its own; ended when dropped.
#[derive(Debug)]
pub struct Origin {
    address: SocketAddr,
    shared: Arc<Shared>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    barriers: Barriers,
    data: Mutex<Data>,
}

#[derive(Debug, Default)]
struct Data {
    versions: HashMap<String, u64>,
    runs: HashMap<String, u64>,
    held: HashSet<(Point, String)>,
    /// Age of the values that are read.
    old: u64,
}

impl Origin {
    /// Starts it, with every page at version 1.
    pub fn start() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        let shared = Arc::<Shared>::default();
        let (end, ended) = oneshot::channel();
        let serve = serve(listener, shared.clone());
        let thread = thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve => {}
                    _ = ended => {}
                }
            });
        });
        Ok(Self {
            address,
            shared,
            end: Some(end),
            thread: Some(thread),
        })
    }

    /// Returns the address to read from.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes a page, and gives its new version.
    pub fn change(&self, page: &str) -> u64 {
        let mut data = self.shared.data();
        let version = data.versions.entry(page.to_owned()).or_insert(1);
        *version += 1;
        *version
    }

    /// The version of a page.
    pub fn version(&self, page: &str) -> u64 {
        self.shared.data().version(page)
    }

    /// From now on runs read the version before: a mistake that a test must find.
    pub fn read_old(&self) {
        self.shared.data().old = 1;
    }

    /// Returns the number of runs that have read this page.
    pub fn runs(&self, page: &str) -> u64 {
        self.shared
            .data()
            .runs
            .get(page)
            .copied()
            .unwrap_or_default()
    }

    /// Returns the number of runs that have read any page.
    pub fn all_runs(&self) -> u64 {
        self.shared.data().runs.values().sum()
    }

    /// Holds the runs for this page at this point from now on.
    pub fn hold(&self, point: Point, page: &str) {
        self.shared.data().held.insert((point, page.to_owned()));
    }

    /// Waits until that many have ever been held there.
    pub fn wait_held(&self, point: Point, page: &str, count: usize) {
        let barrier = barrier(point, page);
        self.shared.barriers.wait_arrived(&barrier, count, TIMEOUT);
    }

    /// Returns the number of runs that were held there so far.
    pub fn held(&self, point: Point, page: &str) -> usize {
        self.shared.barriers.count(&barrier(point, page))
    }

    /// Lets one go on that is held there.
    pub fn let_one_go_on(&self, point: Point, page: &str) {
        self.shared.barriers.let_pass(&barrier(point, page), 1);
    }

    /// Holds no later arrival there.
    pub fn hold_no_more(&self, point: Point, page: &str) {
        self.shared.data().held.remove(&(point, page.to_owned()));
    }

    /// Holds nothing there any more, for good.
    pub fn go_on(&self, point: Point, page: &str) {
        self.hold_no_more(point, page);
        self.shared.barriers.release(&barrier(point, page));
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

impl Data {
    fn version(&self, page: &str) -> u64 {
        self.versions.get(page).copied().unwrap_or(1)
    }
}

impl Shared {
    fn data(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn pass(&self, point: Point, page: &str) {
        let held = self.data().held.contains(&(point, page.to_owned()));
        if held {
            self.barriers.at(&barrier(point, page)).await;
        }
    }

    /// The version of a page, and the number of the run that reads it.
    fn read(&self, page: &str) -> (u64, u64) {
        let mut data = self.data();
        *data.runs.entry(page.to_owned()).or_default() += 1;
        let version = data.version(page).saturating_sub(data.old).max(1);
        (version, data.runs.values().sum())
    }
}

fn barrier(point: Point, page: &str) -> String {
    format!("{point:?} {page}")
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut visits = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                // A handler that was dropped, or whose process was killed, has left.
                let shared = shared.clone();
                visits.spawn(async move { drop(receive(stream, &shared).await) });
            }
            Some(_) = visits.join_next() => {}
        }
    }
}

async fn receive(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let mut stream = BufStream::new(stream);
    let mut page = String::new();
    stream.read_line(&mut page).await?;
    let page = page.trim_end();
    shared.pass(Point::Read, page).await;
    let (version, run) = shared.read(page);
    say(&mut stream, &format!("{version} {run}\n")).await?;
    shared.pass(Point::Return, page).await;
    say(&mut stream, "go on\n").await
}

async fn say(stream: &mut BufStream<TcpStream>, line: &str) -> io::Result<()> {
    stream.write_all(line.as_bytes()).await?;
    stream.flush().await
}

/// One run's visit to the origin.
#[derive(Debug)]
pub struct Visit {
    stream: BufStream<TcpStream>,
    /// The version that was read.
    pub version: u64,
    /// The number of the run.
    pub run: u64,
}

impl Visit {
    /// Reads a page.
    pub async fn read(origin: SocketAddr, page: &str) -> io::Result<Self> {
        let mut stream = BufStream::new(TcpStream::connect(origin).await?);
        say(&mut stream, &format!("{page}\n")).await?;
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let numbers = line.trim_end().split_once(' ');
        let numbers =
            numbers.and_then(|(version, run)| Some((version.parse().ok()?, run.parse().ok()?)));
        let (version, run) = numbers.ok_or_else(|| io::Error::other("the origin is gone"))?;
        Ok(Self {
            stream,
            version,
            run,
        })
    }

    /// Is about to return.
    pub async fn end(mut self) -> io::Result<()> {
        self.stream.read_line(&mut String::new()).await.map(drop)
    }
}
