use proptest::prelude::*;

use super::*;

mod if_range;
mod range;

const ETAG: &str = "\"v1\"";
const MODIFIED: &str = "Thu, 26 Jun 2008 12:00:01 GMT";

/// Asks for a stored response with the validators `ETAG` and `MODIFIED`.
fn ask(if_none_match: &[&str], if_modified_since: Option<&str>) -> Precondition {
    stored(Some(ETAG), Some(MODIFIED), if_none_match, if_modified_since)
}

fn stored(
    etag: Option<&str>,
    last_modified: Option<&str>,
    if_none_match: &[&str],
    if_modified_since: Option<&str>,
) -> Precondition {
    evaluate(
        if_none_match.iter().map(|line| line.as_bytes()),
        if_modified_since.map(str::as_bytes),
        etag.map(str::as_bytes),
        last_modified.map(str::as_bytes),
    )
}

fn tagged(etag: &str, if_none_match: &str) -> Precondition {
    stored(Some(etag), None, &[if_none_match], None)
}

#[test]
fn without_validators_the_client_gets_the_response() {
    assert_eq!(ask(&[], None), Precondition::None);
}

#[test]
fn the_clients_own_tag_is_not_sent_again() {
    let lines: [&[&str]; 9] = [
        &["\"v1\""],
        &["W/\"v1\""],
        &["*"],
        &[" * "],
        &["\"a\", W/\"b\" , \"v1\""],
        &["\"a\",\"v1\",\"c\""],
        &["\"a\"", "\"v1\""],
        &[",, \"v1\","],
        &["junk, \"v1\""],
    ];
    for lines in lines {
        assert_eq!(ask(lines, None), Precondition::NotModified, "{lines:?}");
    }
}

#[test]
fn another_tag_does_not_match() {
    let lines: [&[&str]; 15] = [
        &["\"v2\""],
        &["W/\"v2\""],
        &["\"V1\""],
        &["\"v1 \""],
        &["v1"],
        &["w/\"v1\""],
        &["W/ \"v1\""],
        &["\"v1"],
        &["v1\""],
        &["\"v1\"x"],
        &["\"v1\" \"v2\""],
        &["\"x,\"v1\""],
        &["**"],
        &["\"*\""],
        &[""],
    ];
    for lines in lines {
        assert_eq!(ask(lines, None), Precondition::None, "{lines:?}");
    }
}

#[test]
fn weak_and_strong_tags_compare_weakly() {
    for (etag, asked) in [
        ("W/\"1\"", "W/\"1\""),
        ("W/\"1\"", "\"1\""),
        ("\"1\"", "W/\"1\""),
        ("\"1\"", "\"1\""),
    ] {
        assert_eq!(
            tagged(etag, asked),
            Precondition::NotModified,
            "{etag} {asked}"
        );
    }
    assert_eq!(tagged("W/\"1\"", "W/\"2\""), Precondition::None);
}

#[test]
fn commas_and_backslashes_belong_to_a_tag() {
    assert_eq!(tagged("\"a,b\"", "\"a,b\""), Precondition::NotModified);
    assert_eq!(
        tagged("\"a\\\"", "\"x\", \"a\\\""),
        Precondition::NotModified
    );
    assert_eq!(tagged("\"b\"", "\"a,\\\"b\\\"\""), Precondition::None);
    assert_eq!(tagged("\"\"", "\"\""), Precondition::NotModified);
}

#[test]
fn only_a_star_matches_a_response_without_a_tag() {
    for etag in [None, Some("unquoted"), Some("\"v1\", \"v2\"")] {
        let asked = |lines: &[&str]| stored(etag, Some(MODIFIED), lines, Some(MODIFIED));
        assert_eq!(asked(&["*"]), Precondition::NotModified);
        assert_eq!(asked(&["\"v1\""]), Precondition::None);
        assert_eq!(asked(&["unquoted"]), Precondition::None);
        assert_eq!(asked(&[""]), Precondition::None);
    }
}

#[test]
fn a_tag_rules_over_a_date() {
    let earlier = "Thu, 26 Jun 2008 12:00:00 GMT";
    assert_eq!(ask(&["\"v2\""], Some(MODIFIED)), Precondition::None);
    assert_eq!(ask(&["junk"], Some(MODIFIED)), Precondition::None);
    assert_eq!(ask(&["\"v1\""], Some(earlier)), Precondition::NotModified);
}

#[test]
fn a_date_no_earlier_than_the_last_change_is_enough() {
    for (date, expected) in [
        (MODIFIED, Precondition::NotModified),
        ("Fri, 27 Jun 2008 12:00:01 GMT", Precondition::NotModified),
        ("Thu, 26 Jun 2008 12:00:00 GMT", Precondition::None),
        (
            "Thursday, 26-Jun-08 12:00:01 GMT",
            Precondition::NotModified,
        ),
        ("Thursday, 26-Jun-08 12:00:00 GMT", Precondition::None),
        ("Thu Jun 26 12:00:01 2008", Precondition::NotModified),
        ("Thu Jun 26 12:00:00 2008", Precondition::None),
        ("yesterday", Precondition::None),
        ("0", Precondition::None),
        ("", Precondition::None),
        ("1214481601", Precondition::None),
        ("Fri, 27 Jun 2008 12:00:01", Precondition::None),
        (
            "Fri, 27 Jun 2008 12:00:01 GMT, Fri, 27 Jun 2008 12:00:01 GMT",
            Precondition::None,
        ),
    ] {
        assert_eq!(ask(&[], Some(date)), expected, "{date}");
    }
}

#[test]
fn a_date_needs_a_stored_one_to_compare_with() {
    for last_modified in [None, Some("yesterday"), Some("")] {
        let asked = stored(Some(ETAG), last_modified, &[], Some(MODIFIED));
        assert_eq!(asked, Precondition::None, "{last_modified:?}");
    }
}

#[test]
fn a_tag_made_from_a_body_is_strong_and_always_the_same() {
    assert_eq!(etag_of(b""), "\"da39a3ee5e6b4b0d3255bfef95601890\"");
    assert_eq!(etag_of(b"abc"), "\"a9993e364706816aba3e25717850c26c\"");
    assert_eq!(
        tagged(&etag_of(b"abc"), &etag_of(b"abc")),
        Precondition::NotModified
    );
    assert_eq!(
        tagged(&etag_of(b"abc"), &etag_of(b"abd")),
        Precondition::None
    );
}

proptest! {
    #[test]
    fn no_bytes_panic(
        lines: Vec<Vec<u8>>,
        since: Option<Vec<u8>>,
        etag: Option<Vec<u8>>,
        modified: Option<Vec<u8>>,
    ) {
        let lines = lines.iter().map(Vec::as_slice);
        evaluate(lines, since.as_deref(), etag.as_deref(), modified.as_deref());
    }

    #[test]
    fn nearly_sensible_tags_do_not_panic(line in "(W/|\"|,|\\*| |a|\\\\){0,12}") {
        ask(&[&line], None);
    }

    #[test]
    fn a_tag_is_found_wherever_it_stands_in_a_list(
        before in prop::collection::vec("(W/)?\"[a-z,\\\\]{0,4}\"", 0..4),
        after in prop::collection::vec("(W/)?\"[a-z,\\\\]{0,4}\"", 0..4),
    ) {
        let mut list = before;
        list.push("\"V\"".to_owned());
        list.extend(after);
        prop_assert_eq!(tagged("\"V\"", &list.join(", ")), Precondition::NotModified);
        prop_assert_eq!(tagged("\"X\"", &list.join(", ")), Precondition::None);
    }
}
