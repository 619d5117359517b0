use std::collections::HashMap;
use std::hash::BuildHasher;

use proptest::prelude::*;

use super::*;
use crate::judgement::query::{self, Names};

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
    let state = foldhash::fast::RandomState::default();
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

/// Bar row 1.
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

/// Bar row 1.
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
fn what_serialises_joins_the_key() {
    let serialised = |value: serde_json::Value| written(|key| key.serde(&value));
    assert_ne!(serialised("1".into()), serialised(1.into()));
    assert_eq!(serialised("1".into()), serialised("1".into()));
    assert_ne!(written(|key| key.serde("1")), written(|key| key.part("1")));
}

#[test]
fn what_does_not_serialise_has_no_key() {
    let mut key = KeyWriter::reuse(Vec::new());
    key.serde(&HashMap::from([((1, 2), 3)]));
    assert_eq!(key.refused(), Some(Refused::Unserialisable));
}

#[test]
fn the_first_refusal_is_the_one_that_is_told() {
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

/// What a client asks for, cut out of one text.
struct Asked<'a> {
    path: &'a str,
    query: Option<&'a str>,
    lines: Vec<&'a str>,
    part: Option<&'a str>,
}

impl<'a> Asked<'a> {
    /// Cuts at three places, each of which may as well leave its field out.
    fn cut(text: &'a str, marks: &[usize], mut dice: u64) -> Self {
        let mut roll = |sides: usize| {
            let face = usize::try_from(dice % sides as u64).unwrap();
            dice /= sides as u64;
            face
        };
        let mut cuts = [0; 4].map(|_| marks[roll(marks.len())]);
        cuts.sort_unstable();
        let [path, query, first, second] = cuts;
        let has_query = query > path || roll(2) == 0;
        let has_header = second > query || roll(2) == 0;
        let has_second = second > first || roll(2) == 0;
        let mut lines = Vec::new();
        if has_header {
            lines.push(&text[query..first]);
            if has_second {
                lines.push(&text[first..second]);
            }
        }
        Self {
            path: &text[..path],
            query: has_query.then(|| &text[path..query]),
            lines,
            part: (second < text.len() || roll(2) == 0).then(|| &text[second..]),
        }
    }

    fn write(&self, buffer: Vec<u8>) -> Vec<u8> {
        let mut key = KeyWriter::reuse(buffer);
        key.field(Field::Path, self.path.as_bytes());
        query::write(self.query, &Names::All, None, None, &mut key);
        let lines = self.lines.iter().map(|line| line.as_bytes());
        key.list(Field::Vary, "x-a", lines);
        key.part(&self.part);
        key.into_buffer()
    }

    /// Whether the two must share a response, said without a key.
    fn same(&self, other: &Self) -> bool {
        self.path == other.path
            && self.part == other.part
            && self.query.map(pairs) == other.query.map(pairs)
            && list(&self.lines) == list(&other.lines)
    }
}

fn pairs(query: &str) -> Vec<(String, &str)> {
    let decode = |name: &str| name.replace("%61", "a").replace("%3F", "?");
    let name = |pair: &str| decode(pair.split('=').next().unwrap());
    let mut pairs: Vec<_> = query.split('&').map(|pair| (name(pair), pair)).collect();
    pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
    pairs
}

fn list<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    lines
        .iter()
        .flat_map(|line| line.split(',').map(str::trim))
        .collect()
}

const PIECES: [&str; 12] = [
    "a", "b", "a", "=", "&", "&", "%61", "%3F", "?", ":", ",", " ",
];

/// Compares `rounds` pairs cut from texts that are the same or nearly so, and
/// returns how many of the pairs had to be equal.
fn compare(seed: u64, rounds: usize) -> usize {
    let mut state = seed;
    let mut random = || {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    let piece = |dice: u64| PIECES[usize::try_from(dice % 12).unwrap()];
    let (mut one_key, mut other_key) = (Vec::new(), Vec::new());
    let mut equal = 0;
    for _ in 0..rounds {
        let dice = random();
        let mut pieces: Vec<&str> = (0..7).map(|at| piece(dice >> (8 * at))).collect();
        let (one_text, one_marks) = joined(&pieces);
        match dice >> 60 {
            0..4 => pieces[usize::try_from(random() % 7).unwrap()] = piece(random()),
            4..8 => pieces.swap(2, 4),
            _ => {}
        }
        let (other_text, other_marks) = joined(&pieces);
        let cuts = random();
        let other_cuts = if cuts >> 62 == 0 { cuts } else { random() };
        let one = Asked::cut(&one_text, &one_marks, cuts);
        let other = Asked::cut(&other_text, &other_marks, other_cuts);
        one_key = one.write(one_key);
        other_key = other.write(other_key);
        let same = one.same(&other);
        assert_eq!(one_key == other_key, same, "{one_text:?} {other_text:?}");
        equal += usize::from(same);
    }
    equal
}

fn joined(pieces: &[&str]) -> (String, Vec<usize>) {
    let mut text = String::new();
    let mut marks = vec![0];
    for piece in pieces {
        text.push_str(piece);
        marks.push(text.len());
    }
    (text, marks)
}

/// Bar row 1.
#[test]
fn a_million_pairs_of_near_misses_share_a_key_only_if_they_ask_the_same() {
    let halves = [1, 2].map(|seed| std::thread::spawn(move || compare(seed, 500_000)));
    let equal: usize = halves.into_iter().map(|half| half.join().unwrap()).sum();
    // Else the test would not see a key that tells apart too much.
    assert!((10_000..900_000).contains(&equal), "{equal}");
}

/// Bar row 1.
#[test]
fn separators_do_not_wander_from_field_to_field() {
    let key = |path: &str, query: Option<&str>, part: &str| {
        written(|key| {
            key.field(Field::Path, path.as_bytes());
            query::write(query, &Names::All, None, None, key);
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
    /// Bar row 1.
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
