//! Requests that are nearly equal, a million pairs of them, against an
//! oracle that compares the requests and not the bytes of their keys.

use crate::key::{query::QueryKey, *};

/// A request, cut out of one text.
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
        QueryKey::whole(None).write(self.query, &mut key);
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

/// Two different requests never have one key.
#[test]
fn of_a_million_pairs_of_near_misses_only_equal_requests_share_a_key() {
    let halves = [1, 2].map(|seed| std::thread::spawn(move || compare(seed, 500_000)));
    let equal: usize = halves.into_iter().map(|half| half.join().unwrap()).sum();
    // Else the test would not find a key that contains too much.
    assert!((10_000..900_000).contains(&equal), "{equal}");
}
