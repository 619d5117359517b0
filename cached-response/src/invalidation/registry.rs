//! Weak registry of generations by name, and the fence for tags that a handler names while it runs.
//!
//! A name that no flight and no stored response holds needs no generation: nothing was computed under
//! it that could be reused. Dropped generations are swept out as the registry grows, so that it is
//! never much larger than the number of held ones.
//!
//! No snapshot from before a run contains the tags that its handler names. Each tag belongs to one of several
//! stripes. A run reads the stripes before it starts. When it finishes it takes the generations of its tags,
//! and **then** reads their stripes again: a stripe that was bumped meanwhile may have been bumped for this
//! tag, before its generation was taken. This requires that an invalidation bumps **the stripe first** and
//! the tag second.
//!
//! Arguments may be extracted before the names of a run are known. [`LastBumps`] knows of each name, held or
//! not, when it was last bumped.

use std::array;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};

use super::generation::{Count, Generation, Snapshot, Validity, WeakGeneration};
use super::scope::Bump;
use super::sync::{
    AtomicU64, FixedState, Mutex, NAME_STRIPES, Ordering::Relaxed, RandomState, STRIPES, lock,
};

/// Name of a generation.
#[derive(Debug, Hash)]
pub(crate) enum Name<'a> {
    Path(&'a [u8]),
    Url(&'a [u8], &'a str),
    Tag(&'a str),
    Prefix(&'a [u8]),
}

impl Name<'_> {
    /// The root prefix, which every path is below.
    pub(crate) const ALL: Self = Self::Prefix(b"");
}

/// First character of the tags that name routes. No application can give it.
pub(crate) const RESERVED: char = '\0';

/// The generations of all held names.
///
/// Two names with the same hash share one and are invalidated together: too much, never too little.
#[derive(Debug)]
pub(crate) struct Registry {
    shards: [Mutex<Shard>; SHARDS],
    seed: RandomState,
}

pub(crate) const SHARDS: usize = 32;

/// Fewest entries of a shard that is swept.
pub(crate) const MIN_SWEEP: usize = 32;

#[derive(Debug, Default)]
struct Shard {
    generations: HashMap<u64, WeakGeneration, RandomState>,
    /// Number of entries at which it is swept next.
    sweep_at: usize,
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self {
            shards: array::from_fn(|_| Mutex::default()),
            seed: RandomState::default(),
        }
    }

    /// Returns the generation of a name, a new one unless it is held.
    pub(crate) fn hold(&self, name: &impl Hash) -> Generation {
        self.hold_or(name, Generation::default)
    }

    /// Returns the generation of a tag, which knows the tag, unless it is reserved.
    pub(crate) fn hold_tag(&self, tag: &str) -> Generation {
        if tag.starts_with(RESERVED) {
            return self.hold(&Name::Tag(tag));
        }
        self.hold_or(&Name::Tag(tag), || Generation::of_tag(tag))
    }

    fn hold_or(&self, name: &impl Hash, make: impl FnOnce() -> Generation) -> Generation {
        let hash = self.seed.hash_one(name);
        let mut shard = lock(self.shard(hash));
        if let Some(held) = shard.held(hash) {
            return held;
        }
        shard.sweep_if_full();
        let generation = make();
        shard.generations.insert(hash, generation.downgrade());
        generation
    }

    /// Expires or invalidates what is held under a name.
    pub(crate) fn bump(&self, name: &impl Hash, bump: Bump) {
        let hash = self.seed.hash_one(name);
        // A generation that is created after this look-up belongs to a run that starts after it.
        let held = lock(self.shard(hash)).held(hash);
        if let Some(generation) = held {
            generation.bump(bump);
        }
    }

    /// Number of names, including dropped ones.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        let lens = self
            .shards
            .iter()
            .map(|shard| lock(shard).generations.len());
        lens.sum()
    }

    fn shard(&self, hash: u64) -> &Mutex<Shard> {
        // The map of a shard hashes once more, so any bits are suitable.
        let [byte, ..] = hash.to_be_bytes();
        &self.shards[usize::from(byte) % SHARDS]
    }
}

impl Shard {
    fn held(&self, hash: u64) -> Option<Generation> {
        self.generations.get(&hash)?.upgrade()
    }

    /// Sweeps when half as many names were added as were held after the last sweep, so that the cost
    /// of an insertion is constant.
    fn sweep_if_full(&mut self) {
        if self.generations.len() < self.sweep_at.max(MIN_SWEEP) {
            return;
        }
        self.generations
            .retain(|_, generation| !generation.is_dropped());
        self.sweep_at = self.generations.len() + self.generations.len() / 2;
        self.generations.shrink_to(self.sweep_at);
    }
}

/// The count of the last bump of each name. Names share stripes: too many count as bumped, never too few.
#[derive(Debug)]
pub(crate) struct LastBumps {
    stripes: Box<[AtomicU64; NAME_STRIPES]>,
    /// Fixed, so that the same names share stripes in each run of a test.
    seed: FixedState,
}

impl LastBumps {
    pub(crate) fn new() -> Self {
        Self {
            stripes: Box::new(array::from_fn(|_| AtomicU64::new(0))),
            seed: FixedState::default(),
        }
    }

    /// Notes that the bump with this count is of a name; **before** its generation is bumped. Ordered by the
    /// generation, or by the lock of the registry.
    pub(crate) fn note(&self, name: &impl Hash, count: u64) {
        self.stripe(name).fetch_max(count, Relaxed);
    }

    /// Returns true if a name was bumped after this count; **after** its generation was read.
    pub(crate) fn is_bumped_since(&self, count: u64, name: &impl Hash) -> bool {
        self.stripe(name).load(Relaxed) > count
    }

    #[expect(clippy::cast_possible_truncation, reason = "any bits are suitable")]
    fn stripe(&self, name: &impl Hash) -> &AtomicU64 {
        &self.stripes[self.seed.hash_one(name) as usize % NAME_STRIPES]
    }
}

/// The stripes: each counts the invalidations of many tags.
#[derive(Debug)]
pub(crate) struct Stripes(Box<[Generation; STRIPES]>);

/// Values of the stripes before a run.
#[derive(Debug)]
pub(crate) struct StripeSnapshot(Box<[Count; STRIPES]>);

impl Stripes {
    pub(crate) fn new() -> Self {
        Self(Box::new(array::from_fn(|_| Generation::default())))
    }

    /// Reads the stripes; before a run starts.
    pub(crate) fn before(&self) -> StripeSnapshot {
        StripeSnapshot(Box::new(array::from_fn(|stripe| self.0[stripe].count())))
    }

    /// Expires or invalidates the responses with a tag, and those whose run may name it.
    pub(crate) fn bump(&self, names: &Registry, tag: &str, bump: Bump) {
        self.0[stripe(tag)].bump(bump);
        names.bump(&Name::Tag(tag), bump);
    }

    /// Takes the generations of the tags of a run since `before`, in addition to those in `kept`;
    /// `None` if one of them was invalidated meanwhile.
    pub(crate) fn hold(
        &self,
        names: &Registry,
        tags: &[String],
        before: &StripeSnapshot,
        kept: &Snapshot,
    ) -> Option<Snapshot> {
        let mut held: Vec<_> = kept.seen().cloned().collect();
        for tag in tags {
            let generation = names.hold_tag(tag);
            // The kept generations were read before the run.
            if held.iter().any(|known| known.is_of(&generation)) {
                continue;
            }
            let seen = generation.seen();
            // Only now: an invalidation after this read has bumped the stripe before.
            let stripe = stripe(tag);
            held.push(match self.0[stripe].since(before.0[stripe]) {
                Validity::Current => seen,
                Validity::Expired => seen.expired(),
                Validity::Invalidated => return None,
            });
        }
        Some(held.into_iter().collect())
    }
}

/// Returns the stripe of a tag, the same in every process.
pub(crate) fn stripe(tag: &str) -> usize {
    usize::from(folded(tag)) % STRIPES
}

/// 64-bit FNV-1a, folded.
fn folded(tag: &str) -> u8 {
    const PRIME: u64 = 0x100_0000_01b3;
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    let hash = tag.bytes().fold(BASIS, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(PRIME)
    });
    let [.., low] = (hash ^ (hash >> 32)).to_be_bytes();
    low
}

#[cfg(test)]
mod tests {
    use super::{super::sync::explore, *};

    fn hold(
        stripes: &Stripes,
        names: &Registry,
        tag: &str,
        before: &StripeSnapshot,
    ) -> Option<Snapshot> {
        stripes.hold(names, &[tag.to_owned()], before, &Snapshot::default())
    }

    #[test]
    fn a_tag_that_is_bumped_during_the_run_is_detected_although_it_is_unheld() {
        explore(|| {
            let (stripes, names) = (Stripes::new(), Registry::new());
            let [expired, invalidated] = [(); 2].map(|()| stripes.before());
            stripes.bump(&names, "a", Bump::Expire);
            let held = hold(&stripes, &names, "a", &expired).unwrap();
            assert_eq!(held.validity(), Validity::Expired);
            stripes.bump(&names, "a", Bump::Invalidate);
            assert!(hold(&stripes, &names, "a", &invalidated).is_none());
            let held = hold(&stripes, &names, "a", &stripes.before()).unwrap();
            assert_eq!(held.validity(), Validity::Current);
        });
    }

    #[test]
    fn a_stored_response_is_invalidated_by_its_own_tag_only() {
        explore(|| {
            let (stripes, names) = (Stripes::new(), Registry::new());
            let other = (0..).map(|n: u32| n.to_string());
            let other = other.into_iter().find(|other| stripe(other) == stripe("a"));
            let held = hold(&stripes, &names, "a", &stripes.before()).unwrap();
            stripes.bump(&names, &other.unwrap(), Bump::Invalidate);
            assert_eq!(held.validity(), Validity::Current);
            stripes.bump(&names, "a", Bump::Invalidate);
            assert_eq!(held.validity(), Validity::Invalidated);
        });
    }

    #[test]
    fn a_kept_tag_has_its_value_from_before_the_run_and_is_held_once() {
        explore(|| {
            let (stripes, names) = (Stripes::new(), Registry::new());
            let before = stripes.before();
            let kept = hold(&stripes, &names, "a", &before).unwrap();
            let tags = ["a", "b", "b"].map(String::from);
            let held = stripes.hold(&names, &tags, &before, &kept).unwrap();
            assert_eq!(held.seen().len(), 2);
            stripes.bump(&names, "a", Bump::Expire);
            let held = stripes.hold(&names, &tags, &before, &kept).unwrap();
            assert_eq!(held.validity(), Validity::Expired);
            assert_eq!(held.again().validity(), Validity::Current);
        });
    }

    #[test]
    fn stripes_are_the_same_in_every_process() {
        let tags = ["", "a", "products", "product:7"];
        assert_eq!(tags.map(folded), [193, 192, 138, 87]);
    }
}
