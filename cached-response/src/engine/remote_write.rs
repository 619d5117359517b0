//! The remote write of one run, which [`remote_lookup`](super::remote_lookup) has prepared.

use crate::{
    engine::{
        context::Miss,
        run::{HandlerRun, RunOutcome},
    },
    entry::StoredResponse,
    memory::variants::StoreOutcome,
    remote::write::NewEntry,
};
use actix_web::HttpRequest;

/// Returns true where the response of the run may be written to the remote store.
pub(crate) fn will_store(run: &HandlerRun, stored: &StoredResponse) -> bool {
    let Some(write) = &run.miss.remote.write else {
        return false;
    };
    let tags = run.run_context.final_tags();
    // The tags of a validated response were named by another run.
    if run.unchanged && stored.tag_snapshot.seen().len() > tags.len() {
        return false;
    }
    // Arguments that were extracted before the nonces were read may be older than they are.
    let extracts_first = run.context.route.config.extracts_before_lookup();
    let known = run.miss.remote.known_nonces.as_deref();
    write.has_stripes_of(&tags) && (!extracts_first || write.has_nonces(known))
}

/// Ends the write: queues the response that the run has made, or gives up the lease.
pub(crate) fn finish(run: &mut HandlerRun, request: Option<&HttpRequest>, outcome: &RunOutcome) {
    let stored = match outcome {
        RunOutcome::Put(StoreOutcome::Stored(stored)) => Some(stored.clone()),
        _ => None,
    };
    let stored = stored.filter(|stored| will_store(run, stored));
    let Some(write) = run.miss.remote.write.take() else {
        return;
    };
    if let RunOutcome::NotStored(why) = outcome {
        return write.not_stored(*why);
    }
    let tags = run.run_context.final_tags();
    if !tags.is_empty() {
        run.context.route.note_tags();
    }
    if let Some(stored) = stored {
        let entry = NewEntry {
            stored,
            request,
            tags,
        };
        write.enqueue(entry);
    }
}

/// Deletes the entry that the run was to replace and that its handler has outdated.
pub(crate) fn delete_outdated(miss: &Miss, stored: &StoredResponse) {
    if let Some(write) = &miss.remote.write {
        write.delete_outdated(stored);
    }
}
