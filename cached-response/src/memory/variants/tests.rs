use super::*;
use crate::{
    invalidation::{
        generation::Bump,
        generations::{Generations, Target},
    },
    time::moment::Timestamp,
};
use std::time::Duration;

fn key() -> Key {
    KeyRef::new(TypeId::of::<()>(), b"key").to_key()
}

/// One that was made by the run with this number, or, if it is 0, was found in the remote store.
fn response(run: u64, created_at: u64) -> StoredResponse {
    StoredResponse {
        run,
        created_at: Timestamp::default().after(Duration::from_secs(created_at)),
        ..StoredResponse::default()
    }
}

/// Whether the one replaces the other.
fn replaces(new: StoredResponse, old: StoredResponse) -> bool {
    let shelf = MemoryStore::new(1 << 20);
    assert!(matches!(put(&shelf, key(), old), StoreOutcome::Stored(_)));
    matches!(put(&shelf, key(), new), StoreOutcome::Stored(_))
}

#[test]
fn what_a_later_run_has_made_is_not_replaced_by_an_earlier_one_s() {
    assert!(replaces(response(2, 1), response(1, 2)));
    assert!(!replaces(response(1, 2), response(2, 1)));
}

#[test]
fn what_is_found_replaces_only_what_is_older() {
    for run in [0, 7] {
        assert!(replaces(response(0, 2), response(run, 1)));
        assert!(!replaces(response(0, 1), response(run, 2)));
    }
}

#[test]
fn what_is_found_replaces_what_is_invalid_however_young() {
    let generations = Generations::new();
    let mut young = response(7, 2);
    young.snapshot = generations.snapshot(Target::Value(&[]));
    generations.raise_all(Bump::Invalidate);
    assert!(replaces(response(0, 1), young));
}

#[test]
fn what_is_found_does_not_outlast_a_run_that_was_under_way() {
    assert!(replaces(response(1, 3), response(0, 2)));
}
