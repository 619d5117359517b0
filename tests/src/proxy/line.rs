//! One connection, and what becomes of its octets.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::{HELD, Mode, Shared};

/// First octets of a client, which identify the connection.
const MAX_RECORDED: usize = 4 << 10;

/// One connection.
#[derive(Debug)]
pub struct Line {
    mode: watch::Sender<Mode>,
    said: Mutex<Vec<u8>>,
    /// Octets after lost ones are meaningless.
    lost: AtomicBool,
}

impl Line {
    pub(super) fn new(mode: Mode) -> Self {
        Self {
            mode: watch::Sender::new(mode),
            said: Mutex::default(),
            lost: AtomicBool::default(),
        }
    }

    /// Sets the mode of this connection.
    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// Returns whether the first octets of its client contain this.
    pub fn has_said(&self, words: &[u8]) -> bool {
        contains(
            &self.said.lock().unwrap_or_else(PoisonError::into_inner),
            words,
        )
    }

    /// True if octets of it were lost, which ends it for every waiter.
    pub fn has_lost(&self) -> bool {
        self.lost.load(SeqCst)
    }

    pub(super) async fn run(&self, mut client: TcpStream, shared: &Shared) {
        let broken = {
            let (from, to) = client.split();
            tokio::select! {
                () = self.is_broken() => true,
                // Where the server cannot be reached, or one side hangs up, the other connection is closed.
                _ = self.connect(from, to, shared) => false,
            }
        };
        if broken {
            // Where it fails, the client has left.
            let _ = SockRef::from(&client).set_linger(Some(Duration::ZERO));
        }
    }

    async fn is_broken(&self) {
        let mut mode = self.mode.subscribe();
        // The sender is ours.
        let _ = mode.wait_for(|mode| *mode == Mode::Reset).await;
    }

    async fn connect(
        &self,
        from: ReadHalf<'_>,
        to: WriteHalf<'_>,
        shared: &Shared,
    ) -> io::Result<()> {
        let mut server = TcpStream::connect(shared.target).await?;
        server.set_nodelay(true)?;
        let (from_server, to_server) = server.split();
        tokio::select! {
            done = self.requests(from, to_server, shared) => done,
            done = self.answers(from_server, to, shared) => done,
        }
    }

    async fn requests(
        &self,
        mut from: ReadHalf<'_>,
        mut to: WriteHalf<'_>,
        shared: &Shared,
    ) -> io::Result<()> {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let length = from.read(&mut buffer).await?;
            let octets = &buffer[..length];
            if octets.is_empty() {
                return Ok(());
            }
            shared.asked.fetch_add(length as u64, SeqCst);
            self.record(octets);
            if self.holds(octets) {
                shared.barriers.at(HELD).await;
            }
            if !self.is_lost() {
                to.write_all(octets).await?;
            }
        }
    }

    fn holds(&self, octets: &[u8]) -> bool {
        matches!(*self.mode.borrow(), Mode::Hold(words) if contains(octets, words))
    }

    fn record(&self, octets: &[u8]) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MAX_RECORDED.saturating_sub(said.len()).min(octets.len());
        said.extend(&octets[..room]);
    }

    /// True if octets on their way are lost.
    fn is_lost(&self) -> bool {
        if *self.mode.borrow() == Mode::BlackHole {
            self.lost.store(true, SeqCst);
        }
        self.has_lost()
    }

    async fn answers(
        &self,
        mut from: ReadHalf<'_>,
        to: WriteHalf<'_>,
        shared: &Shared,
    ) -> io::Result<()> {
        let (on_the_way, arriving) = mpsc::channel(1024);
        let read = async {
            let mut buffer = vec![0; 64 << 10];
            loop {
                let length = from.read(&mut buffer).await?;
                let octets = buffer[..length].to_vec();
                if octets.is_empty() || on_the_way.send((Instant::now(), octets)).await.is_err() {
                    drop(on_the_way);
                    return io::Result::Ok(());
                }
            }
        };
        let answers = Answers {
            line: self,
            to,
            shared,
        };
        tokio::try_join!(read, answers.arrive(arriving)).map(drop)
    }
}

/// The way back.
struct Answers<'a> {
    line: &'a Line,
    to: WriteHalf<'a>,
    shared: &'a Shared,
}

impl Answers<'_> {
    async fn arrive(mut self, mut arriving: mpsc::Receiver<(Instant, Vec<u8>)>) -> io::Result<()> {
        let mut mode = self.line.mode.subscribe();
        let mut passed = 0;
        while let Some((sent, octets)) = arriving.recv().await {
            let late = *mode.borrow();
            if let Mode::Delay(by) = late {
                sleep_until(sent + by).await;
            }
            if mode.has_changed().unwrap_or_default() {
                passed = 0;
            }
            let now = *mode.borrow_and_update();
            if !self.line.is_lost() {
                self.arrive_in(now, &mut passed, octets).await?;
            }
        }
        if self.line.is_lost() {
            // Not even the end of the server's connection is noticed.
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    async fn arrive_in(
        &mut self,
        mode: Mode,
        passed: &mut usize,
        mut octets: Vec<u8>,
    ) -> io::Result<()> {
        let first = *passed;
        *passed += octets.len();
        match mode {
            Mode::CutAfter(last) if *passed >= last => {
                self.write(&octets[..last.saturating_sub(first)]).await?;
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            Mode::Corrupt(place) if (first..*passed).contains(&place) => octets[place - first] ^= 1,
            Mode::Drip(octets_each) => {
                for drop in octets.chunks(octets_each) {
                    self.write(drop).await?;
                    sleep(Duration::from_millis(1)).await;
                }
                return Ok(());
            }
            _ => {}
        }
        self.write(&octets).await
    }

    async fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        // Before the reader of them can ask for their number.
        self.shared.answered.fetch_add(octets.len() as u64, SeqCst);
        self.to.write_all(octets).await
    }
}

fn contains(octets: &[u8], words: &[u8]) -> bool {
    octets.windows(words.len()).any(|window| window == words)
}
