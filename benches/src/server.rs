//! The server of a benchmark, in a process of its own, ended by its own id when dropped.

use crate::Contender;
use actix_web::{App, HttpServer, rt, web::ServiceConfig};
use std::{
    env, fs,
    io::{self, BufRead, BufReader},
    net::{SocketAddr, TcpListener},
    process::{self, Child, Command, Stdio},
    time::Duration,
};

const SERVE: &str = "--serve";

/// A running server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// The address it listens on.
    address: SocketAddr,
}

impl Server {
    /// Starts this very program once more, to serve what `name` stands for, on a processor of its
    /// own where `taskset` is there.
    ///
    /// # Errors
    /// If the program cannot be started, or prints no address.
    pub fn start(name: &str, environment: &[(&str, String)]) -> io::Result<Self> {
        let mut child = pinned(0)
            .arg(env::current_exe()?)
            .args([SERVE, name])
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let address = line.trim().parse().map_err(io::Error::other)?;
        Ok(Self { child, address })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The processor time that it has used.
    ///
    /// # Errors
    /// If the system does not report it.
    pub fn processor_time(&self) -> io::Result<Duration> {
        let mut nanoseconds = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let figures = fs::read_to_string(task?.path().join("schedstat"))?;
            let used = figures.split(' ').next().and_then(|used| used.parse().ok());
            nanoseconds += used.unwrap_or(0);
        }
        Ok(Duration::from_nanos(nanoseconds))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only where the process has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pinned(processor: usize) -> Command {
    if taskset(["--version"]) {
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", &processor.to_string()]);
        command
    } else {
        Command::new("env")
    }
}

/// Keeps the load away from the processor that the servers are on, where `taskset` is there.
pub fn pin_this_process() {
    let pid = process::id().to_string();
    taskset(["--cpu-list", "--pid", "1", &pid]);
}

fn taskset<const N: usize>(words: [&str; N]) -> bool {
    let mut command = Command::new("taskset");
    let status = command.args(words).stdout(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Serves, where this process was started by [`Server::start`], and then ends.
///
/// # Errors
/// If the server fails.
pub fn serve_if_asked(contenders: &[Contender]) -> io::Result<bool> {
    let mut words = env::args().skip_while(|word| word != SERVE).skip(1);
    let Some(name) = words.next() else {
        return Ok(false);
    };
    let contender = contenders.iter().find(|contender| contender.name == name);
    let contender = contender.ok_or_else(|| io::Error::other(format!("no contender `{name}`")))?;
    serve(contender.configure)?;
    Ok(true)
}

fn serve(configure: fn(&mut ServiceConfig)) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    rt::System::new().block_on(
        HttpServer::new(move || App::new().configure(configure))
            .workers(1)
            .backlog(4096)
            .disable_signals()
            .listen(listener)?
            .run(),
    )
}
