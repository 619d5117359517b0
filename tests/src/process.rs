//! An example program as a child process, ended by its own id when dropped.

use std::env;
use std::io::{self, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A running example that says where it listens.
#[derive(Debug)]
pub struct Example {
    child: Child,
    address: SocketAddr,
    /// Kept open, because a program that prints to a closed pipe panics.
    _output: BufReader<ChildStdout>,
}

impl Example {
    /// Builds an example where it is out of date, and starts it on a free port.
    ///
    /// Its first line must be `listening on ADDRESS`.
    pub fn start(name: &str) -> io::Result<Self> {
        let mut child = Command::new(build(name)?)
            .env("PORT", "0")
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take();
        let output = output.ok_or_else(|| io::Error::other("the child has no output"))?;
        let mut output = BufReader::new(output);
        match address(&mut output) {
            Ok(address) => Ok(Self {
                child,
                address,
                _output: output,
            }),
            Err(error) => {
                end(&mut child);
                Err(error)
            }
        }
    }

    /// Returns its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns whether it is running.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    // Both fail only where the process has ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

fn address(output: &mut impl io::BufRead) -> io::Result<SocketAddr> {
    let mut line = String::new();
    output.read_line(&mut line)?;
    let address = line.trim_end().strip_prefix("listening on ");
    let address = address.and_then(|address| address.parse().ok());
    address.ok_or_else(|| io::Error::other(format!("the example began with {line:?}")))
}

/// The program of an example, in the profile that the test itself was built in.
///
/// A test of one package does not build the examples of another, nor one that has tests of its own, so cargo is asked
/// whether there is anything to do.
///
/// # Errors
///
/// If it cannot be built.
pub fn build(name: &str) -> io::Result<PathBuf> {
    let test = env::current_exe()?;
    let folder = test.parent().and_then(Path::parent);
    let folder = folder.ok_or_else(|| io::Error::other("the test is not in a target folder"))?;
    let program = folder.join("examples").join(name);
    // There each test is a process of its own, and asking each time would take longer than the tests.
    if env::var_os("NEXTEST").is_some() && program.exists() {
        return Ok(program);
    }
    let profile = match folder.file_name().and_then(|profile| profile.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    // The features that the whole suite is built with: after it, nothing is left to do.
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--workspace", "--all-features"])
        .args(["--example", name, "--profile", profile])
        .arg("--target-dir")
        .arg(folder.parent().unwrap_or(folder))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()?;
    if !status.success() {
        return Err(io::Error::other(format!("could not build `{name}`")));
    }
    Ok(program)
}
