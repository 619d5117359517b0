//! The look-up of one miss in the remote tier: before it coalesces, or as the leader.

use crate::{
    engine::{
        remote_session::{self, RemoteSession},
        reuse::{self, RemoteOutcome, Reuse, StoredHit, look_again, still_needed, usable},
        subject::{Miss, Subject},
    },
    entry::StoredResponse,
    invalidation::nonce::Nonce,
    key::KeyRef,
    memory::variants::Found,
    remote::read::ReadMode,
    response::from_stored::{is_conditional, is_not_modified},
    route::admission::FlightRole,
    single_flight::responses::{FlightOutcome, Permit},
    time::moment::Timestamp,
};
use std::sync::Arc;

/// Answers from a remote response, or leaves the answer to its refresh.
fn outcome<S: Subject>(hit: StoredHit, subject: &S, is_due: bool) -> RemoteOutcome<S::Answer> {
    // With memory the next request finds it there, and refreshes it.
    if is_due && subject.shared().memory.is_disabled() {
        RemoteOutcome::Refresh(hit)
    } else {
        RemoteOutcome::Answered(hit.answer(subject))
    }
}

/// Opens the remote session of a miss; `None` where nothing may be stored remotely.
fn session<'s, S: Subject>(subject: &'s S, miss: &mut Miss) -> Option<RemoteSession<'s, S>> {
    if miss.data.conflicts {
        return None;
    }
    let key = miss.data.portable(miss.base_key.as_bytes());
    RemoteSession::open(subject, key, &mut miss.remote.budget)
}

/// Looks up for this request alone, where the result of a leader will not do: without memory, since
/// it may be invalidated while others wait for it; for a 304, which needs no body; and for a request
/// that cannot lead.
pub(crate) async fn read_for_itself<S: Subject>(
    subject: &S,
    miss: &mut Miss,
) -> RemoteOutcome<S::Answer> {
    let memory = !subject.shared().memory.is_disabled();
    let conditional = subject.request().is_some_and(is_conditional);
    let leads = miss.admitted.flight == FlightRole::Lead;
    if memory && !conditional && leads {
        return RemoteOutcome::Miss;
    }
    let Some(session) = session(subject, miss) else {
        return RemoteOutcome::Miss;
    };
    if let Some((hit, is_due)) = verified(subject, &session, miss).await {
        return outcome(hit, subject, is_due);
    }
    // Boxed: there is no room for it in each look-up.
    if conditional && let Some(answer) = Box::pin(not_modified(subject, &session, miss)).await {
        return RemoteOutcome::Answered(answer);
    }
    if memory && leads {
        return RemoteOutcome::Miss;
    }
    let Ok(mut fetched) = session.fetch(ReadMode::Whole).await else {
        return RemoteOutcome::Miss;
    };
    let found = fetched.response.take();
    if let Some(variant) = &fetched.variant {
        // Runs of other variants are not waited for.
        let handler = subject.context().route.handler;
        miss.key = KeyRef::new(handler, &variant.full_key).to_key();
    }
    miss.remote.fetched = Some(fetched);
    match found.and_then(|stored| keep(subject, miss, stored)) {
        Some((hit, is_due)) => outcome(hit, subject, is_due),
        None => RemoteOutcome::Miss,
    }
}

/// Verifies the response in memory as the leader: returns the permit where it does not answer.
pub(crate) async fn verify_as_leader<S: Subject>(
    subject: &S,
    miss: &mut Miss,
    permit: Permit,
) -> Result<Permit, StoredHit> {
    let Some(session) = session(subject, miss) else {
        return Ok(permit);
    };
    match verified(subject, &session, miss).await {
        Some(_) => answer_as_leader(subject, miss, permit, None),
        None => Ok(permit),
    }
}

/// Looks up as the leader: returns the permit where a run is needed, with its write prepared.
pub(crate) async fn read_as_leader<S: Subject>(
    subject: &S,
    miss: &mut Miss,
    permit: Permit,
) -> Result<Permit, StoredHit> {
    let Some(session) = session(subject, miss) else {
        return Ok(permit);
    };
    miss.remote.known_nonces = known_nonces(subject, miss);
    let fetched = miss.remote.fetched.take();
    let may_write = remote_session::may_write(subject, &miss.remote);
    let outcome = session.wait_or_run(fetched, may_write, |stored| keep(subject, miss, stored));
    match outcome.await {
        Err(write) => {
            miss.remote.write = write;
            Ok(permit)
        }
        Ok((hit, _)) if subject.shared().memory.is_disabled() => {
            if !hit.stage.is_stale() {
                permit.finish(FlightOutcome::Stored(hit.stored.clone()));
            }
            Err(hit)
        }
        Ok(_) => answer_as_leader(subject, miss, permit, Some(subject.shared().now())),
    }
}

/// Prepares the remote write of a forced refresh.
pub(crate) async fn prepare_write<S: Subject>(subject: &S, miss: &mut Miss) {
    miss.remote.known_nonces = known_nonces(subject, miss);
    miss.remote.write = match session(subject, miss) {
        Some(session) => session.prepare_write().await,
        None => None,
    };
}

/// Drops a read that is too old to answer.
pub(crate) fn forget_read(miss: &mut Miss) {
    miss.remote.fetched = None;
}

/// The nonces of the response in memory, whatever its state, that are older than the arguments.
fn known_nonces<S: Subject>(subject: &S, miss: &mut Miss) -> Option<Arc<[Nonce]>> {
    match find(subject, miss) {
        Found::Response(stored) => stored.nonces.read_before(miss.extracted_from),
        _ => None,
    }
}

fn find<S: Subject>(subject: &S, miss: &mut Miss) -> Found {
    if subject.shared().memory.is_disabled() {
        Found::Nothing
    } else {
        subject.find(miss)
    }
}

/// Returns true where the response of another request's run is not older than this request may take
/// it: without memory each invalidation from before its look-up counts.
pub(crate) async fn is_current<S: Subject>(
    subject: &S,
    miss: &mut Miss,
    stored: &StoredResponse,
) -> bool {
    let shared = subject.shared();
    if !shared.memory.is_disabled() {
        return shared.trusts(stored, shared.now());
    }
    // Its own look-up may have spent its budget.
    miss.remote.budget = None;
    match session(subject, miss) {
        Some(session) => session.verify(stored).await,
        None => true,
    }
}

/// The response in memory that was too old to be trusted, if the remote store says that it is valid.
async fn verified<S: Subject>(
    subject: &S,
    session: &RemoteSession<'_, S>,
    miss: &mut Miss,
) -> Option<(StoredHit, bool)> {
    let shared = subject.shared();
    let Found::Response(stored) = find(subject, miss) else {
        return None;
    };
    if shared.trusts(&stored, shared.now()) || !Box::pin(session.verify(&stored)).await {
        return None;
    }
    let reuse = look_again(subject, miss);
    stored_hit(reuse, miss, None)
}

/// A 304, where the head of the remote response is enough for it.
async fn not_modified<S: Subject>(
    subject: &S,
    session: &RemoteSession<'_, S>,
    miss: &Miss,
) -> Option<S::Answer> {
    let stored = session.fetch(ReadMode::Head).await.ok()?.response?;
    if !is_not_modified(&stored, subject.request()?) {
        return None;
    }
    let now = subject.shared().now();
    match reuse::of_response(Arc::new(*stored), &miss.admitted, false, now) {
        Reuse::Fresh(stored, stage) => {
            let read_at = Some(now);
            let hit = StoredHit {
                stored,
                stage,
                read_at,
            };
            Some(hit.answer(subject))
        }
        _ => None,
    }
}

/// Stores a remote response in memory; returns it where it answers, and whether it is to be refreshed.
fn keep<S: Subject>(
    subject: &S,
    miss: &mut Miss,
    stored: Box<StoredResponse>,
) -> Option<(StoredHit, bool)> {
    let shared = subject.shared();
    let now = shared.now();
    let reuse = if shared.memory.is_disabled() {
        let leads = miss.admitted.leads(subject.may_detach());
        let reuse = reuse::of_response(Arc::new(*stored), &miss.admitted, leads, now);
        usable(subject, miss, reuse)
    } else if subject.keep(miss, *stored) {
        look_again(subject, miss)
    } else {
        return None;
    };
    if let Reuse::Refresh(stored, _) = &reuse {
        // The one that its refresh replaces.
        miss.previous = Some(stored.clone());
    }
    stored_hit(reuse, miss, Some(now))
}

/// Answers as the leader from the response that is in memory by now, or returns the permit for a run.
fn answer_as_leader<S: Subject>(
    subject: &S,
    miss: &mut Miss,
    permit: Permit,
    read_at: Option<Timestamp>,
) -> Result<Permit, StoredHit> {
    still_needed(subject, miss, permit).map_err(|(stored, stage)| StoredHit {
        stored,
        stage,
        read_at,
    })
}

fn stored_hit(reuse: Reuse, miss: &Miss, read_at: Option<Timestamp>) -> Option<(StoredHit, bool)> {
    let (stored, stage, is_due) = match reuse {
        Reuse::Fresh(stored, stage) => (stored, stage, false),
        Reuse::Refresh(stored, stage) if miss.refresh.is_none() => (stored, stage, true),
        Reuse::Refresh(..) | Reuse::Miss(..) => return None,
    };
    let hit = StoredHit {
        stored,
        stage,
        read_at,
    };
    Some((hit, is_due))
}
