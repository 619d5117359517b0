//! Nonces: random values in place of generations in a remote store, whose counters may be lost.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    process,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::SystemTime,
};

/// Process, time and number of a nonce, since a forked process has the same seeds.
#[derive(Clone, Copy, Hash)]
struct Origin {
    number: u64,
    process: u32,
    date: SystemTime,
}

/// Sixteen random bytes, unique over all processes. Not a secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Nonce([u8; Self::LENGTH]);

impl Nonce {
    pub(crate) const LENGTH: usize = 16;

    /// Creates a new nonce.
    pub(crate) fn random() -> Self {
        static CREATED: AtomicU64 = AtomicU64::new(0);
        let origin = Origin {
            number: CREATED.fetch_add(1, Relaxed),
            process: process::id(),
            date: SystemTime::now(),
        };
        // The operating system seeds these for each thread of each process.
        Self::new(origin, [RandomState::new(), RandomState::new()])
    }

    fn new(origin: Origin, seeds: [RandomState; 2]) -> Self {
        let [one, other] = seeds.map(|seed| u128::from(seed.hash_one(origin)));
        Self((one << 64 | other).to_le_bytes())
    }

    /// Parses a nonce from a store.
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nonce({:032x})", u128::from_be_bytes(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::{Nonce, Origin};
    use std::{
        collections::HashSet,
        env,
        hash::RandomState,
        process::Command,
        thread,
        time::{Duration, SystemTime},
    };

    #[test]
    fn nonces_of_all_threads_differ() {
        let makers: Vec<_> = (0..8)
            .map(|_| thread::spawn(|| [(); 1000].map(|()| Nonce::random())))
            .collect();
        let made: HashSet<_> = makers
            .into_iter()
            .flat_map(|maker| maker.join().unwrap())
            .collect();
        assert_eq!(made.len(), 8 * 1000);
    }

    #[test]
    #[ignore = "run by another process"]
    fn the_first_of_a_process() {
        println!("{:?}", Nonce::random());
    }

    #[test]
    fn nonces_of_all_processes_differ() {
        let first = || {
            let name = "invalidation::nonce::tests::the_first_of_a_process";
            let output = Command::new(env::current_exe().unwrap())
                .args([name, "--exact", "--ignored", "--nocapture"])
                .output()
                .unwrap();
            let output = String::from_utf8(output.stdout).unwrap();
            let start = output.find("Nonce(").expect("a nonce");
            output[start..start + "Nonce()".len() + 32].to_owned()
        };
        assert_ne!(first(), first());
    }

    #[test]
    fn nonces_of_a_forked_process_differ() {
        let seeds = [RandomState::new(), RandomState::new()];
        let here = Origin {
            number: 7,
            process: 1,
            date: SystemTime::UNIX_EPOCH,
        };
        let later = Origin {
            date: here.date + Duration::from_nanos(1),
            ..here
        };
        let forked = Origin { process: 2, ..here };
        let made = [here, later, forked].map(|here| Nonce::new(here, seeds.clone()));
        assert_eq!(HashSet::from(made).len(), 3);
    }

    #[test]
    fn both_halves_of_a_nonce_are_random() {
        let [one, other] = [(); 2].map(|()| Nonce::random());
        let (halves, others) = (one.as_bytes().split_at(8), other.as_bytes().split_at(8));
        assert!(halves.0 != others.0 && halves.1 != others.1 && halves.0 != halves.1);
    }

    #[test]
    fn a_nonce_is_read_back_from_its_own_bytes_only() {
        let nonce = Nonce::random();
        assert_eq!(Nonce::from_slice(nonce.as_bytes()), Some(nonce));
        assert_eq!(Nonce::from_slice(&nonce.as_bytes()[1..]), None);
        assert_eq!(Nonce::from_slice(&[7; 17]), None);
    }
}
