use super::*;
use crate::{
    invalidation::{
        generations::{Generations, Target},
        scope::Bump,
    },
    time::moment::Timestamp,
};
use std::time::Duration;

fn key() -> Key {
    KeyRef::new(TypeId::of::<()>(), b"key").to_key()
}

/// A response of the run with this number, or, for 0, of the remote store.
fn response(run: u64, created_at: u64) -> StoredResponse {
    StoredResponse {
        run,
        created_at: Timestamp::default().after(Duration::from_secs(created_at)),
        ..StoredResponse::default()
    }
}

/// Returns true where `new` replaces `old`.
fn replaces(new: StoredResponse, old: StoredResponse) -> bool {
    let memory = MemoryStore::new(1 << 20);
    assert!(matches!(put(&memory, key(), old), StoreOutcome::Stored(_)));
    matches!(put(&memory, key(), new), StoreOutcome::Stored(_))
}

#[test]
fn the_response_of_a_later_run_is_not_replaced_by_that_of_an_earlier_one() {
    assert!(replaces(response(2, 1), response(1, 2)));
    assert!(!replaces(response(1, 2), response(2, 1)));
}

#[test]
fn a_remote_response_replaces_only_an_older_one() {
    for run in [0, 7] {
        assert!(replaces(response(0, 2), response(run, 1)));
        assert!(!replaces(response(0, 1), response(run, 2)));
    }
}

#[test]
fn a_remote_response_replaces_an_invalid_one_of_any_age() {
    let generations = Generations::new();
    let mut young = response(7, 2);
    young.snapshot = generations.snapshot(Target::Value(&[]));
    generations.bump_all(Bump::Invalidate);
    assert!(replaces(response(0, 1), young));
}

#[test]
fn a_run_in_progress_replaces_a_remote_response() {
    assert!(replaces(response(1, 3), response(0, 2)));
}
