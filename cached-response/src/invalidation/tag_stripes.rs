//! Fence for tags that a handler names while it runs, which no earlier snapshot contains.
//!
//! Each tag belongs to one of several stripes. A run reads the stripes before it starts. When it
//! finishes it takes the generations of its tags, and **then** reads their stripes again: a stripe
//! that was raised meanwhile may have been raised for this tag, before its generation was taken. This
//! requires that an invalidation raises **the stripe first** and the tag second.

use std::array;

use super::generation::{Bump, Count, Generation, Snapshot, Validity};
use super::registry::{Name, Registry};
pub(crate) use super::sync::STRIPES;

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
    pub(crate) fn raise(&self, names: &Registry, tag: &str, raise: Bump) {
        self.0[stripe(tag)].raise(raise);
        names.raise(&Name::Tag(tag), raise);
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
            // Only now: an invalidation after this read has raised the stripe before.
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
    use super::super::sync::explore;
    use super::*;

    fn hold(
        stripes: &Stripes,
        names: &Registry,
        tag: &str,
        before: &StripeSnapshot,
    ) -> Option<Snapshot> {
        stripes.hold(names, &[tag.to_owned()], before, &Snapshot::default())
    }

    #[test]
    fn a_tag_that_is_raised_during_the_run_is_detected_although_it_is_unheld() {
        explore(|| {
            let (stripes, names) = (Stripes::new(), Registry::new());
            let [expired, invalidated] = [(); 2].map(|()| stripes.before());
            stripes.raise(&names, "a", Bump::Expire);
            let held = hold(&stripes, &names, "a", &expired).unwrap();
            assert_eq!(held.validity(), Validity::Expired);
            stripes.raise(&names, "a", Bump::Invalidate);
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
            stripes.raise(&names, &other.unwrap(), Bump::Invalidate);
            assert_eq!(held.validity(), Validity::Current);
            stripes.raise(&names, "a", Bump::Invalidate);
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
            stripes.raise(&names, "a", Bump::Expire);
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
