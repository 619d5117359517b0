//! A server as a child process, and what it needs: a port and a folder.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, io, process, thread};

/// A child process that is killed when this is dropped, stopped or not.
#[derive(Debug)]
pub struct Spawned {
    child: Child,
}

impl Spawned {
    /// Starts `program`, of the package `package` where it is missing.
    pub fn start(program: &str, package: &str, arguments: &[String]) -> io::Result<Self> {
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| missing(&error, program, package))?;
        Ok(Self { child })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns whether it is running.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Has it do nothing any more (SIGSTOP): its connections stay open, and are accepted still.
    pub fn stop(&self) -> io::Result<()> {
        self.signal("-STOP")
    }

    /// Has it go on (SIGCONT).
    pub fn resume(&self) -> io::Result<()> {
        self.signal("-CONT")
    }

    /// Ends it at once (SIGKILL).
    pub fn kill(&mut self) {
        // Both fail only where the process has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn signal(&self, signal: &str) -> io::Result<()> {
        let pid = self.pid().to_string();
        let status = Command::new("kill").args([signal, &pid]).status()?;
        if status.success() {
            return Ok(());
        }
        Err(io::Error::other(format!("kill {signal} {pid}: {status}")))
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Message for a `program` that could not be started.
fn missing(error: &io::Error, program: &str, package: &str) -> io::Error {
    if error.kind() != io::ErrorKind::NotFound {
        return io::Error::new(error.kind(), format!("{program}: {error}"));
    }
    io::Error::other(format!(
        "{program} is missing; install it, as in `apt-get install {package}`"
    ))
}

/// A free port of loopback. Another process may take it before it is used: start again then.
pub fn free_port() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

/// Repeats a call until it returns a value, for ten seconds at most.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> io::Result<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = ask() {
            return Ok(found);
        }
        if start.elapsed() > Duration::from_secs(10) {
            return Err(io::Error::other(format!("waited too long: {what}")));
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// A folder of a server's own, removed when dropped.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes one.
    pub fn new() -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("cached-response-{}-{next}", process::id());
        let path = env::temp_dir().join(name);
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left of it is of no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::{Folder, Spawned, until};

    #[test]
    fn a_program_that_is_missing_is_named_with_its_package() {
        let error = Spawned::start("no-such-server", "its-package", &[]).unwrap_err();
        assert!(error.to_string().contains("apt-get install its-package"));
    }

    #[test]
    fn a_process_that_was_stopped_ends_when_it_is_dropped() {
        let process = Spawned::start("sleep", "coreutils", &["60".into()]).unwrap();
        let stat = format!("/proc/{}/stat", process.pid());
        process.stop().unwrap();
        until("stopped", || {
            std::fs::read_to_string(&stat)
                .unwrap()
                .contains(") T ")
                .then_some(())
        })
        .unwrap();
        drop(process);
        assert!(std::fs::metadata(&stat).is_err());
    }

    #[test]
    fn a_folder_is_removed_when_it_is_dropped() {
        let folder = Folder::new().unwrap();
        let path = folder.path().to_owned();
        assert!(path.is_dir());
        drop(folder);
        assert!(!path.exists());
    }
}
