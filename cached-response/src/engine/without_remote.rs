//! The remote steps of the engine in builds without the feature `remote`: nothing is stored remotely.

use crate::{
    engine::{
        reuse::{RemoteOutcome, StoredHit},
        run::{HandlerRun, RunOutcome},
        subject::{Miss, Subject},
    },
    entry::StoredResponse,
    single_flight::responses::Permit,
};
use actix_web::HttpRequest;
use std::future::{Ready, ready};

pub(crate) fn read_for_itself<S: Subject>(_: &S, _: &mut Miss) -> Ready<RemoteOutcome<S::Answer>> {
    ready(RemoteOutcome::Miss)
}

pub(crate) fn verify_as_leader<S: Subject>(
    _: &S,
    _: &mut Miss,
    permit: Permit,
) -> Ready<Result<Permit, StoredHit>> {
    ready(Ok(permit))
}

pub(crate) fn read_as_leader<S: Subject>(
    _: &S,
    _: &mut Miss,
    permit: Permit,
) -> Ready<Result<Permit, StoredHit>> {
    ready(Ok(permit))
}

pub(crate) fn is_current<S: Subject>(_: &S, _: &mut Miss, _: &StoredResponse) -> Ready<bool> {
    ready(true)
}

pub(crate) fn prepare_write<S: Subject>(_: &S, _: &mut Miss) -> Ready<()> {
    ready(())
}

pub(crate) fn forget_read(_: &mut Miss) {}

pub(crate) fn will_store(_: &HandlerRun, _: &StoredResponse) -> bool {
    false
}

pub(crate) fn finish(_: &mut HandlerRun, _: Option<&HttpRequest>, _: &RunOutcome) {}

pub(crate) fn delete_outdated(_: &Miss, _: &StoredResponse) {}
