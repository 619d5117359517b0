//! The fence of a run: a snapshot of the generations from before it, compared when it is stored.

use crate::{
    entry::StoredResponse,
    invalidation::{
        generation::{Snapshot, Validity},
        generations::{Generations, Target},
        tag_stripes::StripeSnapshot,
        tags,
    },
    metrics::reason::Skip,
    single_flight::responses::Permits,
};

/// The state of all invalidations before a run: a later one invalidates the response of the run.
pub(crate) struct Fence {
    snapshot: Snapshot,
    stripes: StripeSnapshot,
    /// The tags of the previous response, which hold for it again where the run finds it unchanged.
    previous_tags: Snapshot,
}

/// The snapshots of a response that was not invalidated since its run began.
pub(crate) struct Validated {
    pub(crate) snapshot: Snapshot,
    pub(crate) tag_snapshot: Snapshot,
}

impl Fence {
    /// Taken before the handler starts.
    pub(crate) fn new(
        generations: &Generations,
        target: Target<'_>,
        permits: &Permits,
        previous: Option<&StoredResponse>,
    ) -> Self {
        let snapshot = permits.snapshot();
        Self {
            snapshot: snapshot.unwrap_or_else(|| generations.snapshot(target)),
            stripes: generations.before(),
            previous_tags: previous
                .map_or_else(Snapshot::default, |previous| previous.tag_snapshot.again()),
        }
    }

    /// Compares at the end of the run, whose handler has named `tags`. `unchanged`: its response is the
    /// previous one, validated.
    pub(crate) fn check(
        &self,
        generations: &Generations,
        tags: &[String],
        unchanged: bool,
    ) -> Result<Validated, Skip> {
        let none = Snapshot::default();
        let kept = if unchanged {
            &self.previous_tags
        } else {
            &none
        };
        let held = generations.hold(tags, &self.stripes, kept);
        let tag_snapshot = held.ok_or(Skip::Invalidated)?;
        if tag_snapshot.seen().len() > tags::MAX_TAGS {
            return Err(Skip::Tags);
        }
        if self.snapshot.validity_with(&tag_snapshot) == Validity::Invalidated {
            return Err(Skip::Invalidated);
        }
        Ok(Validated {
            snapshot: self.snapshot.clone(),
            tag_snapshot,
        })
    }
}
