//! What stands for a generation in a remote store, where counts cannot be trusted.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    process,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::SystemTime,
};

/// Where and when a nonce is made: a process that was copied as it ran has the seeds of the other.
#[derive(Clone, Copy, Hash)]
struct Here {
    number: u64,
    process: u32,
    date: SystemTime,
}

/// Sixteen random bytes that no other process has made, nor will.
///
/// It is no secret: whoever can read the store may know it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Nonce([u8; Self::LENGTH]);

impl Nonce {
    pub(crate) const LENGTH: usize = 16;

    /// One that was never there before.
    pub(crate) fn random() -> Self {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let here = Here {
            number: MADE.fetch_add(1, Relaxed),
            process: process::id(),
            date: SystemTime::now(),
        };
        // The operating system seeds these anew for each thread of each process.
        Self::made(here, [RandomState::new(), RandomState::new()])
    }

    fn made(here: Here, seeds: [RandomState; 2]) -> Self {
        let [one, other] = seeds.map(|seed| u128::from(seed.hash_one(here)));
        Self((one << 64 | other).to_le_bytes())
    }

    /// The nonce that lies in a store; `None` where that is something else.
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
    use super::{Here, Nonce};
    use std::{
        collections::HashSet,
        env,
        hash::RandomState,
        process::Command,
        thread,
        time::{Duration, SystemTime},
    };

    #[test]
    fn no_two_threads_make_the_same() {
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
    #[ignore = "speaks for another process"]
    fn the_first_of_a_process() {
        println!("{:?}", Nonce::random());
    }

    #[test]
    fn no_two_processes_make_the_same() {
        let first = || {
            let name = "invalidation::nonce::tests::the_first_of_a_process";
            let told = Command::new(env::current_exe().unwrap())
                .args([name, "--exact", "--ignored", "--nocapture"])
                .output()
                .unwrap();
            let told = String::from_utf8(told.stdout).unwrap();
            let start = told.find("Nonce(").expect("a nonce is told");
            told[start..start + "Nonce()".len() + 32].to_owned()
        };
        assert_ne!(first(), first());
    }

    #[test]
    fn a_copy_of_a_process_makes_others() {
        let seeds = [RandomState::new(), RandomState::new()];
        let here = Here {
            number: 7,
            process: 1,
            date: SystemTime::UNIX_EPOCH,
        };
        let later = Here {
            date: here.date + Duration::from_nanos(1),
            ..here
        };
        let forked = Here { process: 2, ..here };
        let made = [here, later, forked].map(|here| Nonce::made(here, seeds.clone()));
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
