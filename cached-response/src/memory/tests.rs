use super::*;
use crate::{
    entry::StoredResponse,
    http::storable::Storable,
    key::{Field, KeyWriter},
    policy::Policy,
    response::headers,
    route::config::RouteConfig,
};
use actix_web::{
    http::{StatusCode, header::HeaderMap},
    web::Bytes,
};
use std::{any::TypeId, thread};

/// Look-ups after which a key has a slot, if it can have one.
const OFTEN: usize = 4;

fn key(name: &str) -> Key {
    let mut writer = KeyWriter::reuse(Vec::new());
    writer.field(Field::Path, name.as_bytes());
    KeyRef::new(TypeId::of::<()>(), writer.as_bytes()).to_key()
}

fn response(body: impl Into<Bytes>) -> Entry {
    let config = RouteConfig::new(Policy::default(), &[]);
    let (storable, headers) = (Storable::default(), HeaderMap::new());
    let stored = headers::stored(&config, &storable, StatusCode::OK, &headers, &body.into());
    Entry::Response(Arc::new(stored))
}

fn put(memory: &MemoryStore, name: &str, body: impl Into<Bytes>) {
    let entry = response(body);
    memory.update(key(name), |_| Some(entry));
}

fn stored(entry: Entry) -> Arc<StoredResponse> {
    match entry {
        Entry::Response(stored) => stored,
        Entry::Varies(_) => panic!("not a list"),
    }
}

fn body(memory: &MemoryStore, name: &str) -> Option<Bytes> {
    let found = memory.get(&key(name).borrowed())?;
    Some(stored(found).body.clone())
}

fn look_up_often(memory: &MemoryStore, name: &str) {
    for _ in 0..OFTEN {
        memory.get(&key(name).borrowed());
    }
}

/// Returns true where the next look-up does not read the map.
fn has_slot(memory: &MemoryStore, name: &str) -> bool {
    let key = key(name);
    let hash = hash(&key.borrowed());
    TABLE.with_borrow(|table| {
        let entry = &table[slot_index(hash)];
        entry.slot.as_ref().is_some_and(|slot| {
            slot.store == memory.id
                && slot.key == key
                && slot.changes == memory.changes.load(Acquire)
        })
    })
}

#[test]
fn a_key_that_is_looked_up_often_gets_a_slot() {
    let memory = MemoryStore::new(1 << 20);
    put(&memory, "/hot", "one");
    assert!(!has_slot(&memory, "/hot"));
    look_up_often(&memory, "/hot");
    assert!(has_slot(&memory, "/hot"));
    assert_eq!(body(&memory, "/hot").unwrap(), "one");
}

#[test]
fn a_replaced_response_is_not_found_again() {
    let memory = MemoryStore::new(1 << 20);
    put(&memory, "/hot", "one");
    look_up_often(&memory, "/hot");
    put(&memory, "/hot", "two");
    assert_eq!(body(&memory, "/hot").unwrap(), "two");
}

#[test]
fn a_response_that_another_worker_replaced_is_not_found_again() {
    let memory = MemoryStore::new(1 << 20);
    put(&memory, "/hot", "one");
    look_up_often(&memory, "/hot");
    thread::scope(|scope| {
        scope.spawn(|| put(&memory, "/hot", "two"));
    });
    assert_eq!(body(&memory, "/hot").unwrap(), "two");
}

#[test]
fn a_removed_response_is_not_found_again() {
    let memory = MemoryStore::new(1 << 20);
    put(&memory, "/hot", "one");
    look_up_often(&memory, "/hot");
    memory.remove(&key("/hot"));
    assert_eq!(body(&memory, "/hot"), None);
}

#[test]
fn a_cleared_store_finds_nothing() {
    let memory = MemoryStore::new(1 << 20);
    put(&memory, "/hot", "one");
    look_up_often(&memory, "/hot");
    memory.clear();
    assert_eq!(body(&memory, "/hot"), None);
}

#[test]
fn a_change_of_another_key_costs_a_slot_one_read_of_the_map() {
    let memory = MemoryStore::new(1 << 20);
    put(&memory, "/hot", "one");
    look_up_often(&memory, "/hot");
    put(&memory, "/other", "two");
    assert!(!has_slot(&memory, "/hot"), "the slot must be verified");
    assert_eq!(body(&memory, "/hot").unwrap(), "one");
    assert!(has_slot(&memory, "/hot"), "it is verified");
}

#[test]
fn an_evicted_response_is_dropped_from_its_slot_after_a_few_uses() {
    let memory = MemoryStore::new(1 << 20);
    put(&memory, "/hot", "one");
    look_up_often(&memory, "/hot");
    // As an eviction by the map does: without a count of the change.
    memory.map.remove(&key("/hot"));
    let found = (0..=USES_BEFORE_VERIFY).filter(|_| body(&memory, "/hot").is_some());
    assert!(found.count() < usize::from(USES_BEFORE_VERIFY));
    assert_eq!(body(&memory, "/hot"), None);
    assert_eq!(memory.slot_budget.used.load(Relaxed), 0);
}

/// Looks up by a hashed key.
fn found(memory: &MemoryStore, name: &str) -> Option<Bytes> {
    let key = HashedKey::new(&key(name).borrowed());
    let mut found = None;
    memory.find(&key, |stored| found = Some(stored.body.clone()));
    found
}

#[test]
fn a_hashed_key_finds_the_current_response_at_every_use() {
    let memory = MemoryStore::new(1 << 20);
    assert_eq!(found(&memory, "/hot"), None);
    put(&memory, "/hot", "one");
    for number in 0..4 * USES_BEFORE_VERIFY {
        assert_eq!(found(&memory, "/hot").unwrap(), "one", "{number}");
    }
    put(&memory, "/hot", "two");
    assert_eq!(found(&memory, "/hot").unwrap(), "two");
    memory.remove(&key("/hot"));
    assert_eq!(found(&memory, "/hot"), None);
}

#[test]
fn a_hashed_key_fills_and_verifies_a_slot() {
    let memory = MemoryStore::new(1 << 20);
    put(&memory, "/hot", "one");
    for _ in 0..OFTEN {
        found(&memory, "/hot");
    }
    assert!(has_slot(&memory, "/hot"));
    put(&memory, "/other", "two");
    assert!(!has_slot(&memory, "/hot"), "the slot must be verified");
    assert_eq!(found(&memory, "/hot").unwrap(), "one");
    assert!(has_slot(&memory, "/hot"), "it is verified");
}

#[test]
fn a_hashed_key_finds_a_response_that_is_too_large_for_a_slot() {
    let memory = MemoryStore::new(1 << 20);
    put(&memory, "/large", vec![0; MAX_SLOT_BYTES]);
    for _ in 0..OFTEN {
        assert_eq!(found(&memory, "/large").unwrap().len(), MAX_SLOT_BYTES);
    }
    assert!(!has_slot(&memory, "/large"));
}

#[test]
fn a_hashed_key_does_not_find_an_evicted_response_for_long() {
    let memory = MemoryStore::new(1 << 20);
    put(&memory, "/hot", "one");
    for _ in 0..OFTEN {
        found(&memory, "/hot");
    }
    memory.map.remove(&key("/hot"));
    let still = (0..=USES_BEFORE_VERIFY).filter(|_| found(&memory, "/hot").is_some());
    assert!(still.count() < usize::from(USES_BEFORE_VERIFY));
    assert_eq!(found(&memory, "/hot"), None);
}

#[test]
fn two_stores_with_one_key_are_separate() {
    let (one, other) = (MemoryStore::new(1 << 20), MemoryStore::new(1 << 20));
    put(&one, "/hot", "one");
    look_up_often(&one, "/hot");
    assert_eq!(body(&other, "/hot"), None);
    put(&other, "/hot", "other");
    look_up_often(&other, "/hot");
    assert_eq!(body(&one, "/hot").unwrap(), "one");
}

#[test]
fn keys_with_one_slot_are_separate() {
    let memory = MemoryStore::new(64 << 20);
    let names: Vec<_> = (0..8 * SLOTS).map(|number| format!("/{number}")).collect();
    for name in &names {
        put(&memory, name, name.clone());
    }
    for _ in 0..OFTEN {
        for name in &names {
            assert_eq!(body(&memory, name).unwrap(), *name);
            assert_eq!(body(&memory, name).unwrap(), *name);
        }
    }
}

#[test]
fn a_large_response_gets_no_slot() {
    let memory = MemoryStore::new(1 << 20);
    put(&memory, "/large", vec![0; MAX_SLOT_BYTES]);
    look_up_often(&memory, "/large");
    assert!(!has_slot(&memory, "/large"));
}

#[test]
fn slots_take_at_most_their_share_of_the_capacity() {
    let memory = MemoryStore::new(64 << 10);
    for number in 0..SLOTS {
        let name = format!("/{number}");
        put(&memory, &name, vec![0; 512]);
        look_up_often(&memory, &name);
    }
    let held = memory.slot_budget.used.load(Relaxed);
    assert!((512..=(64 << 10) / SLOTS_SHARE).contains(&held), "{held}");
}

#[test]
fn the_slots_of_a_worker_that_ends_are_released() {
    let memory = MemoryStore::new(1 << 20);
    put(&memory, "/hot", "one");
    let worker = thread::scope(|scope| {
        let worker = || {
            look_up_often(&memory, "/hot");
            memory.slot_budget.used.load(Relaxed)
        };
        scope.spawn(worker).join()
    });
    assert!(worker.unwrap() > 0);
    assert_eq!(memory.slot_budget.used.load(Relaxed), 0);
}
