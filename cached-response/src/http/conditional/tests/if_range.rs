//! `If-Range` (RFC 9110 §13.1.5).

use crate::http::conditional::{Validators, if_range_matches};
use proptest::prelude::*;

const MODIFIED: &str = "Thu, 26 Jun 2008 12:00:01 GMT";
const LATER: &str = "Thu, 26 Jun 2008 12:01:01 GMT";

fn tagged(etag: &str, lines: &[&str]) -> bool {
    let stored = Validators {
        etag: Some(etag.as_bytes()),
        ..Validators::default()
    };
    if_range_matches(lines.iter().map(|line| line.as_bytes()), &stored)
}

fn dated(last_modified: &str, date: &str, asked: &str) -> bool {
    let stored = Validators {
        etag: Some(b"\"v1\""),
        last_modified: Some(last_modified.as_bytes()),
        date: Some(date.as_bytes()),
    };
    if_range_matches([asked.as_bytes()].into_iter(), &stored)
}

#[test]
fn the_strong_tag_of_the_stored_response_matches() {
    assert!(tagged("\"v1\"", &["\"v1\""]));
    assert!(tagged("\"a,b\"", &["\"a,b\""]));
    assert!(tagged("\"\"", &["\"\""]));
}

#[test]
fn no_other_tag_matches() {
    for asked in [
        "\"v2\"",
        "\"V1\"",
        "v1",
        "\"v1",
        "v1\"",
        "\"v1\", \"v2\"",
        "*",
        "",
        "\"",
    ] {
        assert!(!tagged("\"v1\"", &[asked]), "{asked}");
    }
}

#[test]
fn a_weak_tag_on_either_side_never_matches() {
    assert!(!tagged("\"v1\"", &["W/\"v1\""]));
    assert!(!tagged("W/\"v1\"", &["\"v1\""]));
    assert!(!tagged("W/\"v1\"", &["W/\"v1\""]));
}

#[test]
fn a_tag_that_is_malformed_on_both_sides_does_not_match() {
    for tag in ["v1", "\"v1", "", "\""] {
        assert!(!tagged(tag, &[tag]), "{tag}");
    }
}

#[test]
fn a_repeated_or_absent_field_does_not_match() {
    assert!(!tagged("\"v1\"", &["\"v1\"", "\"v1\""]));
    assert!(!tagged("\"v1\"", &[]));
}

#[test]
fn a_response_without_a_tag_matches_none() {
    let none = Validators::default();
    assert!(!if_range_matches([&b"\"\""[..]].into_iter(), &none));
}

#[test]
fn the_date_of_a_change_long_ago_matches() {
    for asked in [
        MODIFIED,
        "Thursday, 26-Jun-08 12:00:01 GMT",
        "Thu Jun 26 12:00:01 2008",
    ] {
        assert!(dated(MODIFIED, LATER, asked), "{asked}");
    }
}

#[test]
fn no_other_date_matches_not_even_a_later_one() {
    for asked in [
        "Thu, 26 Jun 2008 12:00:00 GMT",
        "Thu, 26 Jun 2008 12:00:02 GMT",
        LATER,
        "yesterday",
        "0",
    ] {
        assert!(!dated(MODIFIED, LATER, asked), "{asked}");
    }
}

#[test]
fn a_change_just_before_the_response_was_made_may_not_have_been_the_last() {
    assert!(!dated(MODIFIED, "Thu, 26 Jun 2008 12:01:00 GMT", MODIFIED));
    assert!(!dated(MODIFIED, MODIFIED, MODIFIED));
    assert!(!dated(MODIFIED, "Thu, 26 Jun 2008 11:00:00 GMT", MODIFIED));
}

#[test]
fn dates_that_cannot_be_read_match_nothing() {
    assert!(!dated("yesterday", LATER, "yesterday"));
    assert!(!dated(MODIFIED, "today", MODIFIED));
}

proptest! {
    #[test]
    fn no_bytes_panic(lines: Vec<Vec<u8>>, etag: Vec<u8>, modified: Vec<u8>, date: Vec<u8>) {
        let stored = Validators {
            etag: Some(&etag),
            last_modified: Some(&modified),
            date: Some(&date),
        };
        if_range_matches(lines.iter().map(Vec::as_slice), &stored);
    }

    #[test]
    fn two_different_texts_are_never_the_same_tag(
        asked in "(W/)?\"?[a-c\", ]{0,4}\"?",
        etag in "(W/)?\"?[a-c\", ]{0,4}\"?",
    ) {
        prop_assert!(asked.trim() == etag.trim() || !tagged(&etag, &[&asked]));
    }
}
