//! `cargo run --release -p benches --bin compile_time [-- --quick --check]`
//!
//! Compile time that an attribute adds to a handler: ours beside that of
//! `#[tracing::instrument]`, in processor time. `--check` fails where ours is above.

mod generate;

use benches::options::Options;
use generate::{HANDLERS, Version};
use std::{
    fs, io,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

/// The ways of compiling, and what the machine's noise amounts to in each, per handler.
const WAYS: [(&str, &[&str], Duration); 3] = [
    ("check", &["check"], Duration::from_micros(400)),
    ("build", &["build"], Duration::from_micros(600)),
    (
        "build --release",
        &["build", "--release"],
        Duration::from_micros(600),
    ),
];

fn main() -> Result<(), String> {
    let options = Options::read()?;
    let rounds = if options.quick { 1 } else { 3 };
    let folder = generate::write().map_err(|error| error.to_string())?;
    println!(
        "processor time a handler over a plain one, {HANDLERS} handlers of two extractors, best of {rounds}"
    );
    println!(
        "{:<18} {:>16} {:>16} {:>8}",
        "", "cached_response", "instrument", "ratio"
    );
    let mut missed = Vec::new();
    for (name, way, noise) in WAYS {
        let [plain, ours, theirs] =
            measure(&folder, way, rounds).map_err(|error| error.to_string())?;
        let handlers = u32::try_from(HANDLERS).unwrap_or(u32::MAX);
        let (ours, theirs) = (
            ours.saturating_sub(plain) / handlers,
            theirs.saturating_sub(plain) / handlers,
        );
        println!(
            "{name:<18} {ours:>16.2?} {theirs:>16.2?} {:>8.2}",
            ours.as_secs_f64() / theirs.as_secs_f64()
        );
        if ours > theirs + noise {
            missed.push(name);
        }
    }
    if missed.is_empty() {
        return Ok(());
    }
    options.missed(&format!(
        "takes longer than `instrument`: {}",
        missed.join(", ")
    ))
}

/// The best time of each version, in the order of [`Version::ALL`].
fn measure(folder: &Path, way: &[&str], rounds: usize) -> io::Result<[Duration; 3]> {
    for version in Version::ALL {
        compile(folder, way, version)?;
    }
    let mut best = [Duration::MAX; 3];
    for _ in 0..rounds {
        for (version, best) in Version::ALL.into_iter().zip(&mut best) {
            // Newer than what was made of it.
            let source = fs::File::options()
                .append(true)
                .open(version.source(folder))?;
            source.set_modified(std::time::SystemTime::now())?;
            let before = processor_time_of_children()?;
            compile(folder, way, version)?;
            *best = (*best).min(processor_time_of_children()?.saturating_sub(before));
        }
    }
    Ok(best)
}

fn compile(folder: &Path, way: &[&str], version: Version) -> io::Result<()> {
    let status = Command::new("cargo")
        .args(way)
        .args(["--quiet", "--offline", "-j1", "--package", version.name()])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .env("CARGO_INCREMENTAL", "0")
        .env("RUSTFLAGS", "-Awarnings")
        .stdout(Stdio::null())
        .status()?;
    if status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "cannot {} `{}`",
        way[0],
        version.name()
    )))
}

/// User and system time of all children that have ended, theirs included.
fn processor_time_of_children() -> io::Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The name, in brackets, may have blanks in it; what follows is counted from there.
    let rest = stat.rsplit(") ").next().unwrap_or_default();
    let ticks: u64 = rest
        .split(' ')
        .skip(13)
        .take(2)
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum();
    // A hundred ticks a second, on every Linux.
    Ok(Duration::from_millis(ticks * 10))
}
