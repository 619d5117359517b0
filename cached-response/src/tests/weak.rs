//! Keys with weak hashes and digests, which collide.

use crate::{
    key::{Field, KeyRef, KeyWriter},
    remote::names::{FullDigest, Namespace},
};
use std::{
    any::TypeId,
    collections::{HashMap, HashSet},
    env,
    hash::{BuildHasher, RandomState},
    process::Command,
};

const SWITCH: &str = "CACHED_RESPONSE_WEAK_DIGEST";

/// Returns the number of hashes and of names in a store that a thousand keys have, and the number of keys
/// that are found again.
fn counts() -> [usize; 3] {
    let (seed, shop) = (RandomState::new(), Namespace::new("shop", 1));
    let keys = (0..1000_u32).map(|n| {
        let mut key = KeyWriter::reuse(Vec::new());
        key.field(Field::Path, n.to_string().as_bytes());
        KeyRef::new(TypeId::of::<()>(), key.as_bytes()).to_key()
    });
    let keys: Vec<_> = keys.collect();
    let hashes: HashSet<_> = keys.iter().map(|key| seed.hash_one(key)).collect();
    let names = keys
        .iter()
        .map(|key| FullDigest::of(&shop.full_key(b"", key.as_bytes())));
    let names = names.map(|digest| shop.response("/a", &digest));
    let names: HashSet<_> = names.collect();
    let map: HashMap<_, _> = keys.iter().cloned().zip(0..).collect();
    let found = keys
        .iter()
        .zip(0..)
        .filter(|(key, n)| map.get(key) == Some(n));
    [hashes.len(), names.len(), found.count()]
}

#[test]
fn a_thousand_keys_with_sixteen_hashes_and_names_are_separate() {
    if env::var_os(SWITCH).is_some() {
        return assert_eq!(counts(), [16, 16, 1000]);
    }
    assert_eq!(counts(), [1000, 1000, 1000]);
    let output = Command::new(env::current_exe().unwrap())
        .args(["a_thousand_keys_with_sixteen_hashes"])
        .env(SWITCH, "1")
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("1 passed"), "{stdout}");
}
