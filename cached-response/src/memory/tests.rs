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

/// So often asked, a key has a place, if it can have one.
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

fn put(shelf: &MemoryStore, name: &str, body: impl Into<Bytes>) {
    let slot = response(body);
    shelf.update(key(name), |_| Some(slot));
}

fn stored(slot: Entry) -> Arc<StoredResponse> {
    match slot {
        Entry::Response(stored) => stored,
        Entry::Varies(_) => panic!("not a list"),
    }
}

fn body(shelf: &MemoryStore, name: &str) -> Option<Bytes> {
    let found = shelf.get(&key(name).borrowed())?;
    Some(stored(found).body.clone())
}

fn ask_often(shelf: &MemoryStore, name: &str) {
    for _ in 0..OFTEN {
        shelf.get(&key(name).borrowed());
    }
}

/// Whether the next look-up will not ask the map.
fn has_place(shelf: &MemoryStore, name: &str) -> bool {
    let key = key(name);
    let hash = hash(&key.borrowed());
    TABLE.with_borrow(|table| {
        let entry = &table[at(hash)];
        entry.place.as_ref().is_some_and(|place| {
            place.shelf == shelf.id
                && place.key == key
                && place.changes == shelf.changes.load(Acquire)
        })
    })
}

#[test]
fn what_is_asked_for_often_gets_a_place() {
    let shelf = MemoryStore::new(1 << 20);
    put(&shelf, "/hot", "one");
    assert!(!has_place(&shelf, "/hot"));
    ask_often(&shelf, "/hot");
    assert!(has_place(&shelf, "/hot"));
    assert_eq!(body(&shelf, "/hot").unwrap(), "one");
}

#[test]
fn what_was_replaced_is_not_found_again() {
    let shelf = MemoryStore::new(1 << 20);
    put(&shelf, "/hot", "one");
    ask_often(&shelf, "/hot");
    put(&shelf, "/hot", "two");
    assert_eq!(body(&shelf, "/hot").unwrap(), "two");
}

#[test]
fn what_was_replaced_is_not_found_again_by_another_worker() {
    let shelf = MemoryStore::new(1 << 20);
    put(&shelf, "/hot", "one");
    ask_often(&shelf, "/hot");
    thread::scope(|scope| {
        scope.spawn(|| put(&shelf, "/hot", "two"));
    });
    assert_eq!(body(&shelf, "/hot").unwrap(), "two");
}

#[test]
fn what_was_removed_is_not_found_again() {
    let shelf = MemoryStore::new(1 << 20);
    put(&shelf, "/hot", "one");
    ask_often(&shelf, "/hot");
    shelf.remove(&key("/hot"));
    assert_eq!(body(&shelf, "/hot"), None);
}

#[test]
fn nothing_is_found_after_a_clearance() {
    let shelf = MemoryStore::new(1 << 20);
    put(&shelf, "/hot", "one");
    ask_often(&shelf, "/hot");
    shelf.clear();
    assert_eq!(body(&shelf, "/hot"), None);
}

#[test]
fn a_change_elsewhere_costs_a_place_one_look_into_the_map() {
    let shelf = MemoryStore::new(1 << 20);
    put(&shelf, "/hot", "one");
    ask_often(&shelf, "/hot");
    put(&shelf, "/other", "two");
    assert!(!has_place(&shelf, "/hot"), "the map is asked again");
    assert_eq!(body(&shelf, "/hot").unwrap(), "one");
    assert!(has_place(&shelf, "/hot"), "and is not asked twice");
}

#[test]
fn what_the_map_evicted_is_forgotten_after_a_few_uses() {
    let shelf = MemoryStore::new(1 << 20);
    put(&shelf, "/hot", "one");
    ask_often(&shelf, "/hot");
    // As an eviction does: behind the shelf's back.
    shelf.map.remove(&key("/hot"));
    let found = (0..=USES).filter(|_| body(&shelf, "/hot").is_some());
    assert!(found.count() < usize::from(USES));
    assert_eq!(body(&shelf, "/hot"), None);
    assert_eq!(shelf.room.taken.load(Relaxed), 0);
}

/// As a key that was written before finds it.
fn found(shelf: &MemoryStore, name: &str) -> Option<Bytes> {
    let key = Hashed::new(&key(name).borrowed());
    let mut found = None;
    shelf.find(&key, |stored| found = Some(stored.body.clone()));
    found
}

#[test]
fn a_hashed_key_finds_what_lies_there_however_often() {
    let shelf = MemoryStore::new(1 << 20);
    assert_eq!(found(&shelf, "/hot"), None);
    put(&shelf, "/hot", "one");
    for use_of_it in 0..4 * USES {
        assert_eq!(found(&shelf, "/hot").unwrap(), "one", "{use_of_it}");
    }
    put(&shelf, "/hot", "two");
    assert_eq!(found(&shelf, "/hot").unwrap(), "two");
    shelf.remove(&key("/hot"));
    assert_eq!(found(&shelf, "/hot"), None);
}

#[test]
fn a_hashed_key_makes_and_renews_a_place() {
    let shelf = MemoryStore::new(1 << 20);
    put(&shelf, "/hot", "one");
    for _ in 0..OFTEN {
        found(&shelf, "/hot");
    }
    assert!(has_place(&shelf, "/hot"));
    put(&shelf, "/other", "two");
    assert!(!has_place(&shelf, "/hot"), "the map is asked again");
    assert_eq!(found(&shelf, "/hot").unwrap(), "one");
    assert!(has_place(&shelf, "/hot"), "and is not asked twice");
}

#[test]
fn a_hashed_key_finds_what_is_too_heavy_for_a_place() {
    let shelf = MemoryStore::new(1 << 20);
    put(&shelf, "/heavy", vec![0; HEAVIEST]);
    for _ in 0..OFTEN {
        assert_eq!(found(&shelf, "/heavy").unwrap().len(), HEAVIEST);
    }
    assert!(!has_place(&shelf, "/heavy"));
}

#[test]
fn a_hashed_key_forgets_what_the_map_evicted() {
    let shelf = MemoryStore::new(1 << 20);
    put(&shelf, "/hot", "one");
    for _ in 0..OFTEN {
        found(&shelf, "/hot");
    }
    shelf.map.remove(&key("/hot"));
    let still = (0..=USES).filter(|_| found(&shelf, "/hot").is_some());
    assert!(still.count() < usize::from(USES));
    assert_eq!(found(&shelf, "/hot"), None);
}

#[test]
fn two_shelves_with_one_key_do_not_meet() {
    let (one, other) = (MemoryStore::new(1 << 20), MemoryStore::new(1 << 20));
    put(&one, "/hot", "one");
    ask_often(&one, "/hot");
    assert_eq!(body(&other, "/hot"), None);
    put(&other, "/hot", "other");
    ask_often(&other, "/hot");
    assert_eq!(body(&one, "/hot").unwrap(), "one");
}

#[test]
fn keys_that_share_a_place_do_not_meet() {
    let shelf = MemoryStore::new(64 << 20);
    let names: Vec<_> = (0..8 * PLACES).map(|number| format!("/{number}")).collect();
    for name in &names {
        put(&shelf, name, name.clone());
    }
    for _ in 0..OFTEN {
        for name in &names {
            assert_eq!(body(&shelf, name).unwrap(), *name);
            assert_eq!(body(&shelf, name).unwrap(), *name);
        }
    }
}

#[test]
fn a_heavy_response_gets_no_place() {
    let shelf = MemoryStore::new(1 << 20);
    put(&shelf, "/heavy", vec![0; HEAVIEST]);
    ask_often(&shelf, "/heavy");
    assert!(!has_place(&shelf, "/heavy"));
}

#[test]
fn places_hold_no_more_than_their_share_of_the_capacity() {
    let shelf = MemoryStore::new(64 << 10);
    for number in 0..PLACES {
        let name = format!("/{number}");
        put(&shelf, &name, vec![0; 512]);
        ask_often(&shelf, &name);
    }
    let held = shelf.room.taken.load(Relaxed);
    assert!((512..=(64 << 10) / SHARE).contains(&held), "{held}");
}

#[test]
fn a_worker_that_ends_gives_its_places_back() {
    let shelf = MemoryStore::new(1 << 20);
    put(&shelf, "/hot", "one");
    let worker = thread::scope(|scope| {
        let worker = || {
            ask_often(&shelf, "/hot");
            shelf.room.taken.load(Relaxed)
        };
        scope.spawn(worker).join()
    });
    assert!(worker.unwrap() > 0);
    assert_eq!(shelf.room.taken.load(Relaxed), 0);
}
