//! What a run can be invalidated by, as it was before the run started.

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

/// What is invalidated after this was made is invalid in what the run makes.
pub(crate) struct Fence {
    snapshot: Snapshot,
    before: StripeSnapshot,
    /// The tags that the handler had named of the response which the run may find unchanged.
    kept: Snapshot,
}

/// Of a response that was not invalidated since its run began.
pub(crate) struct Validated {
    pub(crate) snapshot: Snapshot,
    pub(crate) named: Snapshot,
}

impl Fence {
    /// To be made before the handler starts.
    pub(crate) fn new(
        generations: &Generations,
        target: Target<'_>,
        permits: &Permits,
        previous: Option<&StoredResponse>,
    ) -> Self {
        let snapshot = permits.stamp();
        Self {
            snapshot: snapshot.unwrap_or_else(|| generations.snapshot(target)),
            before: generations.before(),
            kept: previous.map_or_else(Snapshot::default, |previous| previous.tag_snapshot.again()),
        }
    }

    /// A response of the run with these tags is complete. `unchanged` is the stored one that it is
    /// again.
    pub(crate) fn pass(
        &self,
        generations: &Generations,
        tags: &[String],
        unchanged: bool,
    ) -> Result<Validated, Skip> {
        let none = Snapshot::default();
        let kept = if unchanged { &self.kept } else { &none };
        let held = generations.hold(tags, &self.before, kept);
        let named = held.ok_or(Skip::Invalidated)?;
        if named.seen().len() > tags::MOST {
            return Err(Skip::Tags);
        }
        if self.snapshot.validity_with(&named) == Validity::Invalidated {
            return Err(Skip::Invalidated);
        }
        Ok(Validated {
            snapshot: self.snapshot.clone(),
            named,
        })
    }
}
