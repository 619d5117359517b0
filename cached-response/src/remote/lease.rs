//! Leases: two processes that miss at once run the handler once.
//!
//! Who has the lease runs; the others look again now and then. It ends by itself, so that whoever
//! dies with it costs another run and no more.

use crate::{invalidation::nonce::Nonce, remote::write_queue::Queue};
use actix_web::web::Bytes;
use sha1::{Digest, Sha1};
use std::time::Duration;

/// What is said of a run under its lease's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// It is under way.
    Runs,
    /// What it has made may not be stored: nobody waits for the next one.
    Passes,
}

const RUNS: u8 = b'r';
const PASSES: u8 = b'p';

/// For so long nobody waits for a run whose like could not be stored.
const PASS: Duration = Duration::from_secs(5);

impl Holder {
    /// Who has a lease with this value, if that is of use to somebody who has seen these nonces: a
    /// run that began before an invalidation is not.
    pub(crate) fn of<'n>(
        value: &[u8],
        nonces: impl Iterator<Item = Option<&'n [u8]>>,
    ) -> Option<Self> {
        match value.split_first()? {
            (&PASSES, []) => Some(Self::Passes),
            (&RUNS, rest) => {
                let seen = nonces.map(Option::unwrap_or_default);
                rest.ends_with(&digest(seen)).then_some(Self::Runs)
            }
            _ => None,
        }
    }
}

/// Whether this is the value of a lease, on whatever run.
pub(crate) fn is_of_a_lease(value: &[u8]) -> bool {
    match value.split_first() {
        Some((&PASSES, rest)) => rest.is_empty(),
        Some((&RUNS, rest)) => rest.len() == CLAIM,
        _ => false,
    }
}

/// The bytes of a nonce and of a digest.
const CLAIM: usize = 16 + 20;

/// A value for a lease that nobody else has, on a run under these nonces.
pub(crate) fn claim(nonces: &[Nonce]) -> Bytes {
    let mut value = vec![RUNS];
    value.extend(Nonce::random().as_bytes());
    value.extend(digest(nonces.iter().map(Nonce::as_bytes)));
    value.into()
}

fn digest<'a>(nonces: impl Iterator<Item = &'a [u8]>) -> [u8; 20] {
    let mut sha = Sha1::new();
    for nonce in nonces {
        sha.update([u8::from(nonce.is_empty())]);
        sha.update(nonce);
    }
    sha.finalize().into()
}

/// A lease that is ours, or is about to be. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Lease {
    name: String,
    queue: Queue,
    end: End,
}

/// What becomes of a lease.
#[derive(Debug)]
enum End {
    GivenBack,
    Passed,
    /// It is somebody else's.
    Left,
}

impl Lease {
    /// To be made before it is asked for: whoever gives up meanwhile may have it.
    pub(crate) fn new(name: String, queue: &Queue) -> Self {
        Self {
            name,
            queue: queue.clone(),
            end: End::GivenBack,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What was made may not be stored, and neither may the next be.
    pub(crate) fn pass(mut self) {
        self.end = End::Passed;
    }

    /// Somebody else has it.
    pub(crate) fn leave(mut self) {
        self.end = End::Left;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let name = std::mem::take(&mut self.name);
        let passes = match self.end {
            End::GivenBack => false,
            End::Passed => true,
            End::Left => return,
        };
        // Where the queue has no room, it ends by itself.
        self.queue.push(name.len(), move |store| {
            Box::pin(async move {
                if passes {
                    store.set(&name, Bytes::from_static(&[PASSES]), PASS).await
                } else {
                    store.delete(&name).await
                }
            })
        });
    }
}
