//! What a stored response is good for now.

use crate::{
    cache::Inner,
    entry::{StoredResponse, staleness::Staleness},
    http::{freshness::Freshness, request_directives::RequestDirectives},
    invalidation::generation::Validity,
    memory::variants::Found,
    metrics::reason::ForwardReason,
    route::admission::{Admitted, AllowedReuse},
    time::moment::Timestamp,
};
use std::sync::Arc;

/// What a look-up comes to.
#[derive(Debug)]
pub(crate) enum Reuse {
    /// It may answer: it is fresh, or rests and stands in, or the client puts up with its being
    /// stale.
    Fresh(Arc<StoredResponse>, Staleness),
    /// It may answer, and is to be refreshed behind the answer.
    Refresh(Arc<StoredResponse>, Staleness),
    /// Nothing may. There may be something that can be validated, or stand in for a run that fails.
    Miss(ForwardReason, Option<Arc<StoredResponse>>),
}

impl Reuse {
    /// What it is for a request that `leads` a refresh or does not: what was expired by request is
    /// answered only where something is done about it.
    pub(crate) fn where_it_leads(self, leads: bool) -> Self {
        match self {
            Self::Refresh(stored, _) if !leads && stored.validity() != Validity::Current => {
                Self::Miss(ForwardReason::Stale, Some(stored))
            }
            other => other,
        }
    }
}

/// Whether a stored response may answer a request now, and there is no more to it.
pub(crate) fn is_quiet(
    shared: &Inner,
    stored: &StoredResponse,
    reuse: AllowedReuse,
    now: Timestamp,
) -> bool {
    // First: what was heard of by then is seen in its standing.
    shared.trusts(stored, now)
        && stored.validity() == Validity::Current
        && (reuse == AllowedReuse::Any || stored.shareable_with_authorization)
        && now < stored.refresh_at
}

pub(crate) fn freshness(
    shared: &Inner,
    found: Found,
    admitted: &Admitted,
    now: Timestamp,
) -> Reuse {
    match found {
        Found::NoVariant => Reuse::Miss(ForwardReason::VaryMiss, None),
        Found::Nothing => Reuse::Miss(ForwardReason::UriMiss, None),
        // Another process may have invalidated it.
        Found::Response(stored) if !shared.trusts(&stored, now) => {
            Reuse::Miss(ForwardReason::Stale, None)
        }
        Found::Response(stored) => good_for(stored, admitted, now),
    }
}

/// What a stored response is good for that is in step with the remote store.
pub(crate) fn good_for(stored: Arc<StoredResponse>, admitted: &Admitted, now: Timestamp) -> Reuse {
    let stage = Staleness::of(&stored, now);
    if stage == Staleness::Expired {
        return Reuse::Miss(ForwardReason::UriMiss, None);
    }
    if admitted.reuse == AllowedReuse::OnlyShareable && !stored.shareable_with_authorization {
        return Reuse::Miss(ForwardReason::Bypass, None);
    }
    let directives = admitted.directives.as_deref();
    match directives.filter(|directives| directives.limits_age()) {
        Some(directives) => wished(directives, stored, stage, now),
        None => unwished(stored, stage, now),
    }
}

/// What a stored response is good for where the client leaves it to the cache.
fn unwished(stored: Arc<StoredResponse>, stage: Staleness, now: Timestamp) -> Reuse {
    let rests = !stored.cooldown.is_over(now);
    match stage {
        Staleness::RefreshAhead | Staleness::WhileRevalidate if !rests => {
            Reuse::Refresh(stored, stage)
        }
        Staleness::IfError if rests => Reuse::Fresh(stored, stage),
        Staleness::Fresh | Staleness::RefreshAhead | Staleness::WhileRevalidate => {
            Reuse::Fresh(stored, stage)
        }
        Staleness::IfError | Staleness::Retained | Staleness::Expired => {
            Reuse::Miss(ForwardReason::Stale, Some(stored))
        }
    }
}

/// What it is good for where the client says how old or how stale it may be.
fn wished(
    directives: &RequestDirectives,
    stored: Arc<StoredResponse>,
    stage: Staleness,
    now: Timestamp,
) -> Reuse {
    let by_request = stored.validity() != Validity::Current;
    if !by_request && accepts(directives, &stored, now) {
        Reuse::Fresh(stored, stage)
    } else if stage.is_stale() {
        Reuse::Miss(ForwardReason::Stale, Some(stored))
    } else {
        Reuse::Miss(ForwardReason::Request, Some(stored))
    }
}

/// Whether a stored response is to a client's wishes.
pub(crate) fn accepts(
    directives: &RequestDirectives,
    stored: &StoredResponse,
    now: Timestamp,
) -> bool {
    let freshness = Freshness {
        lifetime: stored.lifetime,
        age: stored.age(now),
    };
    directives.accept(freshness, stored.never_stale)
}
