use std::collections::HashMap;
use std::hash::BuildHasher;

use proptest::prelude::*;

use super::*;
use crate::key::query::QueryKey;

mod near_misses;
mod read_back;

fn written(write: impl FnOnce(&mut KeyWriter)) -> Vec<u8> {
    let mut key = KeyWriter::reuse(Vec::new());
    write(&mut key);
    key.into_buffer()
}

fn header(lines: &[&str]) -> Vec<u8> {
    written(|key| {
        let lines = lines.iter().map(|line| line.as_bytes());
        key.list(Field::Vary, "x", lines);
    })
}

struct One;
struct Other;

#[test]
fn a_key_is_found_by_the_form_in_which_it_is_looked_up() {
    let looked_up = KeyRef::new(TypeId::of::<One>(), b"bytes");
    let stored = looked_up.to_key();
    let state = RandomState::default();
    assert_eq!(state.hash_one(looked_up), state.hash_one(&stored));
    assert!(looked_up.equivalent(&stored));
    assert_eq!(stored.borrowed(), looked_up);
    assert_eq!(stored.as_bytes(), b"bytes");
    assert_eq!(stored.handler(), TypeId::of::<One>());
}

#[test]
fn two_handlers_never_share_a_key() {
    let one = KeyRef::new(TypeId::of::<One>(), b"bytes");
    let other = KeyRef::new(TypeId::of::<Other>(), b"bytes");
    assert!(!one.equivalent(&other.to_key()));
    let map = HashMap::from([(one.to_key(), 1), (other.to_key(), 2)]);
    assert_eq!(map[&one.to_key()], 1);
    assert_eq!(map[&other.to_key()], 2);
}

#[test]
fn other_bytes_are_another_key() {
    let one = KeyRef::new(TypeId::of::<One>(), b"bytes");
    let other = KeyRef::new(TypeId::of::<One>(), b"byte");
    assert!(!one.equivalent(&other.to_key()));
    assert_ne!(one.to_key(), other.to_key());
}

#[test]
fn a_clone_shares_the_bytes() {
    let key = KeyRef::new(TypeId::of::<One>(), b"bytes").to_key();
    assert!(std::ptr::eq(key.as_bytes(), key.clone().as_bytes()));
}

#[test]
fn a_reused_buffer_starts_empty_and_keeps_its_room() {
    let mut key = KeyWriter::reuse(Vec::with_capacity(512));
    key.field(Field::Path, b"/long/path");
    key.unless();
    let again = KeyWriter::reuse(key.into_buffer());
    assert_eq!(again.len(), 0);
    assert_eq!(again.refused(), None);
    assert!(again.into_buffer().capacity() >= 512);
}

#[test]
fn absent_and_empty_fields_differ() {
    let absent = written(|key| key.absent(Field::Query));
    assert_ne!(absent, written(|key| key.field(Field::Query, b"")));
    assert_ne!(absent, written(|key| key.absent(Field::Body)));
    assert_ne!(absent, written(|_| {}));
}

#[test]
fn a_length_past_one_byte_is_still_a_length() {
    for length in [0, 1, 127, 128, 129, 16_383, 16_384, 70_000] {
        let text = vec![b'x'; length];
        let key = written(|key| key.field(Field::Body, &text));
        let (head, body) = key.split_at(key.len() - length);
        assert_eq!(body, text);
        assert_eq!(head[0], Field::Body as u8);
        let read = head[1..]
            .iter()
            .rev()
            .fold(0, |read, byte| read << 7 | usize::from(byte & 0x7f));
        assert_eq!(read, length);
    }
}

#[test]
fn a_header_is_a_list_however_it_is_sent() {
    assert_eq!(header(&["a, b"]), header(&["a", "b"]));
    assert_eq!(header(&["a,b"]), header(&[" a ,\tb "]));
    assert_ne!(header(&["a, b"]), header(&["b, a"]));
}

/// Two different requests never have one key.
#[test]
fn header_members_stay_apart() {
    let all = [
        header(&[]),
        header(&[""]),
        header(&[","]),
        header(&["ab", "c"]),
        header(&["a", "bc"]),
        header(&["abc"]),
        header(&["abc", ""]),
        header(&["\"ab,c\""]),
    ];
    for (at, one) in all.iter().enumerate() {
        assert!(!all[..at].contains(one), "{at}");
    }
}

/// Two different requests never have one key.
#[test]
fn header_names_stay_apart() {
    let named = |name: &str| written(|key| key.list(Field::Vary, name, std::iter::once(&b"a"[..])));
    assert_ne!(named("x"), named("y"));
    let header_with_value = |name: &str, value: &'static str| {
        written(|key| key.list(Field::Vary, name, std::iter::once(value.as_bytes())))
    };
    assert_ne!(header_with_value("x", "ya"), header_with_value("xy", "a"));
}

#[test]
fn a_part_that_writes_nothing_keeps_its_place() {
    struct Nothing;
    impl KeyPart for Nothing {
        fn write(&self, _: &mut KeyWriter) {}
    }
    let one = written(|key| {
        key.part(&Nothing);
        key.part(&1);
    });
    let other = written(|key| {
        key.part(&1);
        key.part(&Nothing);
    });
    assert_ne!(one, other);
}

#[test]
fn a_serialized_part_joins_the_key() {
    let serialised = |value: serde_json::Value| written(|key| key.serde(&value));
    assert_ne!(serialised("1".into()), serialised(1.into()));
    assert_eq!(serialised("1".into()), serialised("1".into()));
    assert_ne!(written(|key| key.serde("1")), written(|key| key.part("1")));
}

#[test]
fn a_part_that_does_not_serialize_has_no_key() {
    let mut key = KeyWriter::reuse(Vec::new());
    key.serde(&HashMap::from([((1, 2), 3)]));
    assert_eq!(key.refused(), Some(Refused::Unserialisable));
}

#[test]
fn the_first_refusal_is_reported() {
    let mut key = KeyWriter::reuse(Vec::new());
    assert_eq!(key.refused(), None);
    key.unless();
    key.serde(&HashMap::from([((1, 2), 3)]));
    assert_eq!(key.refused(), Some(Refused::Unless));
}

#[test]
fn numbers_of_any_size_stay_apart() {
    let edges = [0, 1, 127, 128, 255, 256, u128::from(u64::MAX), u128::MAX];
    let mut all: Vec<_> = edges
        .iter()
        .map(|number| written(|key| key.number(*number)))
        .collect();
    for number in [0, 1, -1, 63, 64, -64, -65, 256, i128::MAX, i128::MIN] {
        all.push(written(|key| key.signed(number)));
    }
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count);
}

/// Two different requests never have one key.
#[test]
fn separators_do_not_wander_from_field_to_field() {
    let key = |path: &str, query: Option<&str>, part: &str| {
        written(|key| {
            key.field(Field::Path, path.as_bytes());
            QueryKey::whole(None).write(query, key);
            key.part(part);
        })
    };
    let all = [
        key("/a:b", None, ""),
        key("/a", None, "b:"),
        key("/a", None, ":b"),
        key("/a%3Fx=1", None, ""),
        key("/a?x=1", None, ""),
        key("/a", Some("x=1"), ""),
        key("/a", Some("x"), ""),
        key("/a", Some("x="), ""),
        key("/a", Some(""), ""),
        key("/a", None, ""),
        key("/a%1E", None, ""),
        key("/a\u{1e}", None, ""),
    ];
    for (at, one) in all.iter().enumerate() {
        assert!(!all[..at].contains(one), "{at}");
    }
}

proptest! {
    /// Two different requests never have one key.
    #[test]
    fn any_two_lists_of_parts_differ_in_the_key(
        one: Vec<Option<(String, u8)>>,
        other: Vec<Option<(String, u8)>>,
    ) {
        let write = |parts: &[Option<(String, u8)>]| written(|key| {
            for part in parts {
                key.part(part);
            }
        });
        prop_assert_eq!(write(&one) == write(&other), one == other);
    }
}
