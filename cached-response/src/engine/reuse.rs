//! Reuse of a stored response (RFC 9111 §4): fresh, stale and allowed, to be refreshed, or not at all.

use crate::{
    cache::Inner,
    engine::subject::{Miss, Subject},
    entry::{StoredResponse, staleness::Staleness},
    http::freshness::{Freshness, RequestDirectives},
    invalidation::generation::Validity,
    memory::variants::Found,
    metrics::{event::EventKind, reason::ForwardReason},
    response::from_stored::HitKind,
    route::admission::{Admitted, AllowedReuse},
    single_flight::responses::{FlightOutcome, Permit},
    time::moment::Timestamp,
};
use std::sync::Arc;

/// The use of a stored response for one request.
#[derive(Debug)]
pub(crate) enum Reuse {
    /// It answers: it is fresh, or stale within its cooldown, or the client accepts a stale one.
    Fresh(Arc<StoredResponse>, Staleness),
    /// It answers, and is refreshed in the background.
    Refresh(Arc<StoredResponse>, Staleness),
    /// It does not answer. A run may validate it, or fall back to it.
    Miss(ForwardReason, Option<Arc<StoredResponse>>),
}

impl Reuse {
    /// Narrows it to a response that the subject can decode.
    pub(crate) fn decoded<S: Subject>(self, subject: &S) -> Self {
        match self {
            Self::Fresh(stored, _) | Self::Refresh(stored, _) if !subject.decodes(&stored) => {
                Self::Miss(ForwardReason::UriMiss, None)
            }
            reuse => reuse,
        }
    }
}

/// The outcome of a look-up in the remote tier.
pub(crate) enum RemoteOutcome<A> {
    Answered(A),
    /// A stored response is to be refreshed, in the background where possible.
    Refresh(StoredHit),
    Miss,
}

/// A stored response that answers.
pub(crate) struct StoredHit {
    pub(crate) stored: Arc<StoredResponse>,
    pub(crate) stage: Staleness,
    /// The time of the read from the remote store; `None` for one from memory.
    pub(crate) read_at: Option<Timestamp>,
}

impl StoredHit {
    /// Counts a hit, and answers.
    pub(crate) fn answer<S: Subject>(&self, subject: &S) -> S::Answer {
        let Some(now) = self.read_at else {
            let how = HitKind::hit(self.stage, subject.shared().now());
            return subject.hit(&self.stored, how);
        };
        subject.report(EventKind::RemoteHit);
        let how = match HitKind::hit(self.stage, now) {
            HitKind::Hit(now) => HitKind::Remote(now),
            how => how,
        };
        subject.hit(&self.stored, how)
    }
}

/// Returns true for a response that answers now, without any other rule to apply.
pub(crate) fn is_plain_hit(
    shared: &Inner,
    stored: &StoredResponse,
    reuse: AllowedReuse,
    now: Timestamp,
) -> bool {
    // The order matters: an invalidation that was received by then shows in the validity.
    shared.trusts(stored, now)
        && stored.has_no_bump(shared.generations.bumps())
        && reuse.permits(stored.shareable_with_authorization)
        && now < stored.refresh_at
}

/// The use of an entry in memory, for a request that `leads` its refresh where one is due.
pub(crate) fn of_found(
    shared: &Inner,
    found: Found,
    admitted: &Admitted,
    leads: bool,
    now: Timestamp,
) -> Reuse {
    match found {
        Found::NoVariant => Reuse::Miss(ForwardReason::VaryMiss, None),
        Found::Nothing => Reuse::Miss(ForwardReason::UriMiss, None),
        // Another process may have invalidated it.
        Found::Response(stored) if !shared.trusts(&stored, now) => {
            Reuse::Miss(ForwardReason::Stale, None)
        }
        Found::Response(stored) => of_response(stored, admitted, leads, now),
    }
}

/// The use of a stored response that is not older than any invalidation.
pub(crate) fn of_response(
    stored: Arc<StoredResponse>,
    admitted: &Admitted,
    leads: bool,
    now: Timestamp,
) -> Reuse {
    let stage = Staleness::of(&stored, now);
    if stage == Staleness::Expired {
        return Reuse::Miss(ForwardReason::UriMiss, None);
    }
    if !admitted.reuse.permits(stored.shareable_with_authorization) {
        return Reuse::Miss(ForwardReason::Bypass, None);
    }
    let directives = admitted.directives.as_deref();
    match directives.filter(|directives| directives.limits_age()) {
        Some(directives) => by_directives(directives, stored, stage, now),
        None => by_stage(stored, stage, leads, now),
    }
}

/// The use of a response for a client without directives about age.
fn by_stage(stored: Arc<StoredResponse>, stage: Staleness, leads: bool, now: Timestamp) -> Reuse {
    let cools_down = !stored.cooldown.is_over(now);
    match stage {
        Staleness::RefreshAhead | Staleness::WhileRevalidate if !cools_down => {
            // A response that was expired by invalidation answers only where it is refreshed.
            if leads || stored.validity() == Validity::Current {
                Reuse::Refresh(stored, stage)
            } else {
                Reuse::Miss(ForwardReason::Stale, Some(stored))
            }
        }
        Staleness::IfError if cools_down => Reuse::Fresh(stored, stage),
        Staleness::Fresh | Staleness::RefreshAhead | Staleness::WhileRevalidate => {
            Reuse::Fresh(stored, stage)
        }
        Staleness::IfError | Staleness::Retained | Staleness::Expired => {
            Reuse::Miss(ForwardReason::Stale, Some(stored))
        }
    }
}

/// The use of a response for a client that limits its age or staleness.
fn by_directives(
    directives: &RequestDirectives,
    stored: Arc<StoredResponse>,
    stage: Staleness,
    now: Timestamp,
) -> Reuse {
    let is_current = stored.validity() == Validity::Current;
    if is_current && allow(directives, &stored, now) {
        Reuse::Fresh(stored, stage)
    } else if stage.is_stale() {
        Reuse::Miss(ForwardReason::Stale, Some(stored))
    } else {
        Reuse::Miss(ForwardReason::Request, Some(stored))
    }
}

/// Returns true where the request directives allow a response of this age.
pub(crate) fn allow(
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

/// Looks a miss up in memory once more, under the names that are known by now.
pub(crate) fn look_again<S: Subject>(subject: &S, miss: &mut Miss) -> Reuse {
    let shared = subject.shared();
    if shared.memory.is_disabled() {
        return Reuse::Miss(miss.forward, miss.previous.clone());
    }
    let found = subject.find(miss);
    let leads = miss.admitted.leads(subject.may_detach());
    let reuse = of_found(shared, found, &miss.admitted, leads, shared.now());
    usable(subject, miss, reuse)
}

/// Narrows a reuse to a response that the subject can decode, and notes what a run may fall back to.
pub(crate) fn usable<S: Subject>(subject: &S, miss: &mut Miss, reuse: Reuse) -> Reuse {
    let reuse = reuse.decoded(subject);
    if let Reuse::Miss(_, previous) = &reuse {
        miss.previous.clone_from(previous);
    }
    reuse
}

/// Looks up once more when the lead is won, since another leader may have finished in between: returns
/// the permit where a run is still needed, and else the response that answers.
pub(crate) fn still_needed<S: Subject>(
    subject: &S,
    miss: &mut Miss,
    permit: Permit,
) -> Result<Permit, (Arc<StoredResponse>, Staleness)> {
    match look_again(subject, miss) {
        Reuse::Miss(..) => Ok(permit),
        Reuse::Refresh(..) if miss.refresh.is_some() => Ok(permit),
        Reuse::Refresh(stored, stage) => Err((stored, stage)),
        Reuse::Fresh(stored, stage) => {
            // Each waiter decides for itself whether it accepts a stale response.
            if !stage.is_stale() {
                permit.finish(FlightOutcome::Stored(stored.clone()));
            }
            Err((stored, stage))
        }
    }
}
