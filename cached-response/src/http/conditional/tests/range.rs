//! Byte ranges (RFC 9110 §14.1.2 and §14.2).

use crate::http::conditional::{MAX_RANGES, RequestedRanges, requested_ranges};
use proptest::prelude::*;
use std::ops::Range;

fn of(range: &str, length: usize) -> RequestedRanges {
    requested_ranges([range.as_bytes()].into_iter(), length)
}

/// The several parts that are wanted of ten bytes.
fn of_ten(range: &str) -> Vec<Range<usize>> {
    match of(range, 10) {
        RequestedRanges::Parts(parts) => parts,
        other => panic!("{range}: {other:?}"),
    }
}

#[test]
fn without_a_range_the_whole_is_requested() {
    assert_eq!(requested_ranges([].into_iter(), 10), RequestedRanges::Whole);
}

#[test]
fn a_range_is_closed_open_or_a_suffix() {
    for (range, expected) in [
        ("bytes=0-0", 0..1),
        ("bytes=2-5", 2..6),
        ("bytes=0-9", 0..10),
        ("bytes=9-9", 9..10),
        ("bytes=7-", 7..10),
        ("bytes=0-", 0..10),
        ("bytes=-1", 9..10),
        ("bytes=-10", 0..10),
        ("BYTES=2-5", 2..6),
        ("Bytes=002-005", 2..6),
        ("bytes= 2-5 ", 2..6),
        ("bytes=,2-5,,", 2..6),
    ] {
        assert_eq!(of(range, 10), RequestedRanges::Part(expected), "{range}");
    }
}

#[test]
fn an_end_beyond_the_body_is_clipped_at_any_distance() {
    for (range, expected) in [
        ("bytes=8-10", 8..10),
        ("bytes=8-2000", 8..10),
        ("bytes=8-18446744073709551615", 8..10),
        ("bytes=8-99999999999999999999999999", 8..10),
        ("bytes=-2000", 0..10),
        ("bytes=-99999999999999999999999999", 0..10),
    ] {
        assert_eq!(of(range, 10), RequestedRanges::Part(expected), "{range}");
    }
}

#[test]
fn a_range_of_bytes_that_are_not_there_is_unsatisfiable() {
    for range in [
        "bytes=10-",
        "bytes=10-20",
        "bytes=99999999999999999999999999-",
        "bytes=-0",
        "bytes=-0, 10-, 11-12",
    ] {
        assert_eq!(of(range, 10), RequestedRanges::Unsatisfiable, "{range}");
    }
}

#[test]
fn of_an_empty_body_no_range_is_satisfiable() {
    for range in ["bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0"] {
        assert_eq!(of(range, 0), RequestedRanges::Unsatisfiable, "{range}");
    }
}

#[test]
fn a_range_that_is_not_of_bytes_is_ignored() {
    for range in [
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=--1",
        "bytes=1--2",
        "bytes=5-2",
        "bytes=a-b",
        "bytes=1-b",
        "bytes=+1-2",
        "bytes=1 - 2",
        "bytes=1",
        "bytes=1-2-3",
        "bytes=0x1-2",
        "bytes=1-2;3-4",
        "bytes=\"1-2\"",
        " bytes=1-2",
        "bytes =1-2",
        "bytes:1-2",
        "byte=1-2",
        "lines=0-1",
        "=0-1",
        "0-1",
        "bytes=0-1=2",
    ] {
        assert_eq!(of(range, 10), RequestedRanges::Whole, "{range}");
    }
}

#[test]
fn one_wrong_member_spoils_the_set() {
    for range in ["bytes=0-1,x", "bytes=0-1,5-2", "bytes=10-,-"] {
        assert_eq!(of(range, 10), RequestedRanges::Whole, "{range}");
    }
}

#[test]
fn a_repeated_field_is_ignored() {
    let lines: [&[u8]; 2] = [b"bytes=0-1", b"bytes=0-1"];
    assert_eq!(
        requested_ranges(lines.into_iter(), 10),
        RequestedRanges::Whole
    );
}

#[test]
fn members_of_a_set_that_are_not_there_are_left_out() {
    assert_eq!(of("bytes=10-,2-3,-0", 10), RequestedRanges::Part(2..4));
    assert_eq!(of_ten("bytes=0-0,20-30,-1"), [0..1, 9..10]);
}

#[test]
fn ranges_that_overlap_or_touch_become_one() {
    for (range, expected) in [
        ("bytes=0-1,1-2", 0..3),
        ("bytes=0-1,2-3", 0..4),
        ("bytes=0-,0-,0-", 0..10),
        ("bytes=8-9,0-1,1-8", 0..10),
    ] {
        assert_eq!(of(range, 10), RequestedRanges::Part(expected), "{range}");
    }
    assert_eq!(of_ten("bytes=0-0,4-5,2-2,1-1"), [0..3, 4..6]);
    assert_eq!(of_ten("bytes=0-0,2-2,6-6,4-4,0-3"), [0..5, 6..7]);
    assert_eq!(of_ten("bytes=0-1,3-4"), [0..2, 3..5]);
}

#[test]
fn parts_are_in_the_order_of_the_request() {
    assert_eq!(of_ten("bytes=8-9,0-1,4-5"), [8..10, 0..2, 4..6]);
    assert_eq!(of_ten("bytes=8-9,0-1,7-7"), [7..10, 0..2]);
}

#[test]
fn a_request_for_many_parts_gets_the_whole() {
    let set = |count: usize| {
        let members: Vec<_> = (0..count).map(|n| format!("{0}-{0}", 2 * n)).collect();
        format!("bytes={}", members.join(","))
    };
    assert!(matches!(of(&set(16), 100), RequestedRanges::Parts(parts) if parts.len() == 16));
    assert_eq!(of(&set(17), 100), RequestedRanges::Whole);
    assert_eq!(of(&set(5000), 100), RequestedRanges::Whole);
}

proptest! {
    #[test]
    fn any_bytes_want_parts_that_are_there_and_do_not_touch(lines: Vec<Vec<u8>>, length: u16) {
        sound(requested_ranges(lines.iter().map(Vec::as_slice), length.into()), length.into())?;
    }

    #[test]
    fn nearly_sensible_ranges_want_parts_that_are_there_and_do_not_touch(
        range in "bytes=([0-9]{0,2}-[0-9]{0,2}[, ]{1,2}){0,18}",
        length in 0..100_usize,
    ) {
        sound(of(&range, length), length)?;
    }

    /// Byte by byte: what a satisfiable set requests is in a part, and nothing else is.
    #[test]
    fn a_set_wants_just_the_bytes_that_it_names(
        ranges in prop::collection::vec((0..40_usize, 0..20_usize), 1..=16),
        length in 1..50_usize,
    ) {
        let members: Vec<_> = ranges
            .iter()
            .map(|(first, more)| format!("{first}-{}", first + more))
            .collect();
        let parts = match of(&format!("bytes={}", members.join(",")), length) {
            RequestedRanges::Part(part) => vec![part],
            RequestedRanges::Parts(parts) => parts,
            RequestedRanges::Unsatisfiable => vec![],
            RequestedRanges::Whole => panic!("it is a range"),
        };
        for byte in 0..length {
            let named = ranges.iter().any(|(first, more)| (*first..=first + more).contains(&byte));
            prop_assert_eq!(parts.iter().any(|part| part.contains(&byte)), named, "{}", byte);
        }
    }
}

fn sound(wanted: RequestedRanges, length: usize) -> Result<(), TestCaseError> {
    let mut parts = match wanted {
        RequestedRanges::Whole | RequestedRanges::Unsatisfiable => return Ok(()),
        RequestedRanges::Part(part) => vec![part],
        RequestedRanges::Parts(parts) => {
            prop_assert!((2..=MAX_RANGES).contains(&parts.len()));
            parts
        }
    };
    parts.sort_by_key(|part| part.start);
    prop_assert!(
        parts
            .iter()
            .all(|part| !part.is_empty() && part.end <= length)
    );
    prop_assert!(parts.windows(2).all(|two| two[0].end < two[1].start));
    Ok(())
}
