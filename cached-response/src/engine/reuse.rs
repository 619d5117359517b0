//! What a stored response is good for now.

use crate::{
    cache::Shared,
    entry::{StoredResponse, staleness::Stage},
    http::{freshness::Freshness, request_directives::Wishes},
    invalidation::generation::Standing,
    memory::variants::Found,
    metrics::reason::Forward,
    route::admission::{Admitted, Reuse},
    time::moment::Moment,
};
use std::sync::Arc;

/// What a look-up comes to.
#[derive(Debug)]
pub(crate) enum Lookup {
    /// It may answer: it is fresh, or rests and stands in, or the client puts up with its being
    /// stale.
    Fresh(Arc<StoredResponse>, Stage),
    /// It may answer, and is to be refreshed behind the answer.
    Refresh(Arc<StoredResponse>, Stage),
    /// Nothing may. There may be something that can be validated, or stand in for a run that fails.
    Miss(Forward, Option<Arc<StoredResponse>>),
}

impl Lookup {
    /// What it is for a request that `leads` a refresh or does not: what was expired by request is
    /// answered only where something is done about it.
    pub(crate) fn where_it_leads(self, leads: bool) -> Self {
        match self {
            Self::Refresh(stored, _) if !leads && stored.standing() != Standing::Current => {
                Self::Miss(Forward::Stale, Some(stored))
            }
            other => other,
        }
    }
}

/// Whether a stored response may answer a request now, and there is no more to it.
pub(crate) fn is_quiet(
    shared: &Shared,
    stored: &StoredResponse,
    reuse: Reuse,
    now: Moment,
) -> bool {
    // First: what was heard of by then is seen in its standing.
    shared.trusts(stored, now)
        && stored.standing() == Standing::Current
        && (reuse == Reuse::Any || stored.open)
        && now < stored.quiet_until
}

pub(crate) fn freshness(shared: &Shared, found: Found, admitted: &Admitted, now: Moment) -> Lookup {
    match found {
        Found::NoVariant => Lookup::Miss(Forward::VaryMiss, None),
        Found::Nothing => Lookup::Miss(Forward::UriMiss, None),
        // Another process may have invalidated it.
        Found::Response(stored) if !shared.trusts(&stored, now) => {
            Lookup::Miss(Forward::Stale, None)
        }
        Found::Response(stored) => good_for(stored, admitted, now),
    }
}

/// What a stored response is good for that is in step with the remote store.
pub(crate) fn good_for(stored: Arc<StoredResponse>, admitted: &Admitted, now: Moment) -> Lookup {
    let stage = Stage::of(&stored, now);
    if stage == Stage::Over {
        return Lookup::Miss(Forward::UriMiss, None);
    }
    if admitted.reuse == Reuse::Open && !stored.open {
        return Lookup::Miss(Forward::Bypass, None);
    }
    let wishes = admitted.wishes.as_deref();
    match wishes.filter(|wishes| wishes.speaks_of_age()) {
        Some(wishes) => wished(wishes, stored, stage, now),
        None => unwished(stored, stage, now),
    }
}

/// What a stored response is good for where the client leaves it to the cache.
fn unwished(stored: Arc<StoredResponse>, stage: Stage, now: Moment) -> Lookup {
    let rests = !stored.rest.is_over(now);
    match stage {
        Stage::Due | Stage::WhileRevalidate if !rests => Lookup::Refresh(stored, stage),
        Stage::IfError if rests => Lookup::Fresh(stored, stage),
        Stage::Fresh | Stage::Due | Stage::WhileRevalidate => Lookup::Fresh(stored, stage),
        Stage::IfError | Stage::Kept | Stage::Over => Lookup::Miss(Forward::Stale, Some(stored)),
    }
}

/// What it is good for where the client says how old or how stale it may be.
fn wished(wishes: &Wishes, stored: Arc<StoredResponse>, stage: Stage, now: Moment) -> Lookup {
    let by_request = stored.standing() != Standing::Current;
    if !by_request && accepts(wishes, &stored, now) {
        Lookup::Fresh(stored, stage)
    } else if stage.is_stale() {
        Lookup::Miss(Forward::Stale, Some(stored))
    } else {
        Lookup::Miss(Forward::Request, Some(stored))
    }
}

/// Whether a stored response is to a client's wishes.
pub(crate) fn accepts(wishes: &Wishes, stored: &StoredResponse, now: Moment) -> bool {
    let freshness = Freshness {
        lifetime: stored.lifetime,
        age: stored.age(now),
    };
    wishes.accept(freshness, stored.never_stale)
}
