//! Resident memory of a process.

use std::{fs, io};

/// The resident size of a process in bytes, now.
pub fn resident(pid: u32) -> io::Result<usize> {
    figure(pid, "VmRSS:")
}

/// The largest resident size the process has ever had, in bytes.
pub fn peak(pid: u32) -> io::Result<usize> {
    figure(pid, "VmHWM:")
}

/// Reads `status` and not `statm`, whose figures are in pages of a size that only `unsafe` code can read.
fn figure(pid: u32, name: &str) -> io::Result<usize> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kibibytes = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"));
    let kibibytes = kibibytes.and_then(|figure| figure.trim().parse::<usize>().ok());
    let missing = || io::Error::other(format!("process {pid} has no {name} (has it ended?)"));
    kibibytes.map(|figure| figure * 1024).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::{peak, resident};

    #[test]
    fn memory_that_is_written_to_is_resident() {
        let pid = std::process::id();
        let before = resident(pid).unwrap();
        let block = vec![1_u8; 32 << 20];
        let after = resident(pid).unwrap();
        assert!(after >= before + (31 << 20), "{before} -> {after}");
        assert!(peak(pid).unwrap() >= after);
        drop(block);
    }
}
