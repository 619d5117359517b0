use proptest::prelude::*;

use super::*;

fn is_flagged(query: Option<&str>) -> bool {
    let mut key = KeyWriter::reuse(Vec::new());
    QueryKey::whole(Some("nocache")).write(query, &mut key)
}

/// The key of a handler that sees these fields of the query, or all of it.
fn kept(names: &QueryFilter, fields: Option<&[&'static str]>) -> QueryKey {
    let seen = fields.map_or(VisibleQuery::Whole, |fields| VisibleQuery::Fields {
        names: fields.to_vec(),
        ordered: false,
    });
    QueryKey::new(names, seen, Some("nocache".into()))
}

fn written(query: Option<&str>, names: &QueryFilter, fields: Option<&[&'static str]>) -> Vec<u8> {
    let mut key = KeyWriter::reuse(Vec::new());
    kept(names, fields).write(query, &mut key);
    key.into_buffer()
}

fn all(query: &str) -> Vec<u8> {
    written(Some(query), &QueryFilter::All, None)
}

fn absent() -> Vec<u8> {
    written(None, &QueryFilter::All, None)
}

/// Writes by the slow path alone.
fn slowly(query: &str, names: &QueryFilter) -> Vec<u8> {
    let mut key = KeyWriter::reuse(Vec::new());
    let kept = kept(names, None);
    let joined = kept.joined(query, !kept.ordered);
    key.optional(Field::Query, joined.as_deref().map(str::as_bytes));
    key.into_buffer()
}

/// Only the order of differently named pairs may not matter.
#[test]
fn the_order_of_names_makes_no_difference() {
    assert_eq!(all("a=1&b=2"), all("b=2&a=1"));
    assert_eq!(all("%61=1&b=2"), all("b=2&%61=1"));
    assert_eq!(all("a+b=1&a=2"), all("a=2&a+b=1"));
}

/// Only the order of differently named pairs may not matter.
#[test]
fn the_order_of_values_of_one_name_makes_a_difference() {
    assert_ne!(all("a=1&a=2"), all("a=2&a=1"));
    assert_ne!(all("a=1&%61=2"), all("%61=2&a=1"));
    assert_eq!(all("a=1&b=0&a=2"), all("b=0&a=1&a=2"));
}

/// A form's decoder makes one name of both, so a handler sees their order.
#[test]
fn names_that_are_not_text_are_one_name() {
    assert_ne!(all("%FE=1&%FF=2"), all("%FF=2&%FE=1"));
}

/// Only the order of differently named pairs may not matter.
#[test]
fn a_semicolon_separates_nothing() {
    assert_ne!(all("a=1;b=2"), all("a=1&b=2"));
    assert_ne!(all("a=1;b=2"), all("b=2;a=1"));
}

#[test]
fn different_spellings_are_different_keys() {
    let queries = [
        "", "&", "a", "a=", "=a", "a==", "a&", "%61", "a=%31", "a=1", "a=1&", "a=+", "a=%20",
        "a=1&a=1", "A=1", "%", "%2", "%zz", "?a=1",
    ];
    for (at, query) in queries.iter().enumerate() {
        assert_ne!(all(query), absent(), "{query}");
        for other in &queries[..at] {
            assert_ne!(all(query), all(other), "{query} {other}");
        }
    }
}

#[test]
fn the_flag_leaves_no_trace() {
    assert_eq!(all("nocache=1"), absent());
    assert_eq!(all("nocache=1&nocache=1"), absent());
    assert_eq!(all("nocache=1&a=1"), all("a=1"));
    assert_eq!(all("a=1&nocache=1&z=1"), all("a=1&z=1"));
    assert_eq!(all("&nocache=1"), all(""));
    assert_eq!(
        written(Some("b&nocache=1&a"), &QueryFilter::Exact, None),
        written(Some("b&a"), &QueryFilter::Exact, None)
    );
}

#[test]
fn only_the_exact_flag_is_the_flag() {
    for query in [
        "nocache",
        "nocache=",
        "nocache=0",
        "nocache=11",
        "Nocache=1",
        "nocache=%31",
        "%6Eocache=1",
        "xnocache=1",
        "a=nocache=1",
        "nocache=1;",
        "nocache==1",
    ] {
        assert!(!has_flag(query, "nocache"), "{query}");
        assert_ne!(all(query), absent(), "{query}");
    }
    for query in ["nocache=1", "a&nocache=1", "nocache=1&nocache=0"] {
        assert!(has_flag(query, "nocache"), "{query}");
    }
    assert!(has_flag("fresh=1", "fresh"));
}

#[test]
fn the_flag_is_reported_where_it_is_left_out() {
    assert!(is_flagged(Some("nocache=1")));
    assert!(is_flagged(Some("z=1&nocache=1&a=2")));
    assert!(!is_flagged(Some("z=1&nocache=2&a=2")));
    assert!(!is_flagged(None));
}

#[test]
fn without_a_flag_its_pair_is_like_any_other() {
    let mut key = KeyWriter::reuse(Vec::new());
    QueryKey::whole(None).write(Some("nocache=1"), &mut key);
    assert_ne!(key.into_buffer(), absent());
}

#[test]
fn only_the_names_listed_are_in_the_key() {
    let only = QueryFilter::Only(vec!["page".into(), "sort".into()]);
    let key = |query| written(Some(query), &only, None);
    assert_eq!(key("page=1&junk=1"), key("page=1"));
    assert_eq!(key("page=1&junk=1"), all("page=1"));
    assert_eq!(key("sort=a&page=1"), key("page=1&sort=a"));
    assert_ne!(key("page=1"), key("page=2"));
    assert_ne!(key("%70age=1"), key("junk=1"));
    assert_eq!(key("junk=1"), absent());
    assert_eq!(key(""), absent());
}

#[test]
fn the_names_to_ignore_are_not_in_the_key() {
    let except = QueryFilter::Except(vec!["utm_*".into(), "ref".into()]);
    let key = |query| written(Some(query), &except, None);
    assert_eq!(key("a=1&utm_source=x&utm_=y&ref=z"), all("a=1"));
    assert_eq!(key("%75tm_source=x"), absent());
    assert_eq!(key("reference=1"), all("reference=1"));
    assert_eq!(key("utm=1"), all("utm=1"));
    assert_eq!(key(""), all(""));
}

#[test]
fn the_fields_of_the_handlers_type_narrow_what_is_left() {
    let typed: &[&str] = &["page", "utm_id"];
    let except = QueryFilter::Except(vec!["utm_*".into()]);
    for names in [QueryFilter::Seen, QueryFilter::Typed] {
        assert_eq!(
            written(Some("page=1&junk=1"), &names, Some(typed)),
            all("page=1")
        );
    }
    assert_eq!(
        written(Some("page=1&utm_id=1"), &except, Some(typed)),
        all("page=1")
    );
    assert_eq!(
        written(Some("page=1"), &QueryFilter::Seen, Some(&[])),
        absent()
    );
}

#[test]
fn a_query_that_is_not_seen_is_not_in_the_key_and_shows_its_flag() {
    let mut key = KeyWriter::reuse(Vec::new());
    let unseen = kept(&QueryFilter::Seen, Some(&[]));
    for (query, flagged) in [
        (None, false),
        (Some(""), false),
        (Some("utm_source=x"), false),
        (Some("nocache=1"), true),
        (Some("junk=1&nocache=1"), true),
    ] {
        assert_eq!(unseen.write(query, &mut key), flagged, "{query:?}");
        assert_eq!(
            std::mem::replace(&mut key, KeyWriter::reuse(Vec::new())).into_buffer(),
            absent()
        );
    }
}

#[test]
fn the_order_of_names_is_kept_for_a_handler_that_sees_it() {
    let key = |query| written(Some(query), &QueryFilter::Seen, None);
    assert_ne!(key("a=1&b=2"), key("b=2&a=1"));
    assert_eq!(key("b=2&nocache=1&a=1"), key("b=2&a=1"));
    let except = QueryFilter::Except(vec!["utm_*".into()]);
    let key = |query| written(Some(query), &except, None);
    assert_ne!(key("a=1&b=2"), key("b=2&a=1"));
    assert_eq!(key("b=2&utm_id=7&a=1"), key("b=2&a=1"));
    let ordered = QueryKey::new(
        &QueryFilter::Seen,
        VisibleQuery::Fields {
            names: vec!["a", "b"],
            ordered: true,
        },
        None,
    );
    assert_eq!(ordered.joined("b=2&c=3&a=1", false).unwrap(), "b=2&a=1");
}

#[test]
fn a_url_has_one_name_for_every_order_in_which_it_can_be_sent() {
    let name = |names: &QueryFilter, query| kept(names, None).name(Some(query));
    for names in [QueryFilter::Seen, QueryFilter::All, QueryFilter::Exact] {
        assert_eq!(name(&names, "b=2&a=1"), "a=1&b=2");
        assert_eq!(name(&names, "a=2&a=1"), "a=2&a=1");
        assert_eq!(name(&names, "%61=%62"), "a=b");
        assert_eq!(name(&names, "a=1&nocache=1"), "a=1");
    }
    let narrow = QueryFilter::Only(vec!["page".into()]);
    assert_eq!(name(&narrow, "page=2&junk=1"), "page=2");
    assert_eq!(name(&narrow, "junk=1"), "");
}

#[test]
fn exact_means_byte_for_byte() {
    let key = |query| written(Some(query), &QueryFilter::Exact, None);
    assert_ne!(key("a=1&b=2"), key("b=2&a=1"));
    assert_ne!(key("%61=1"), key("a=1"));
    assert_eq!(key("b=2&%61=1"), key("b=2&%61=1"));
}

#[test]
fn an_ordered_query_takes_the_fast_path() {
    let whole = QueryKey::whole(Some("nocache"));
    let canonical = |query| whole.is_canonical(query);
    for query in [
        "",
        "a",
        "page=2&sort=name",
        "a=1&a=0",
        "q=%20+%C3%A4",
        "&a",
        "nocache=2",
    ] {
        assert!(canonical(query), "{query}");
    }
    for query in ["b&a", "%61", "a+b", "a&nocache=1", "a&"] {
        assert!(!canonical(query), "{query}");
    }
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "b",
        "c",
        "=",
        "=",
        "&",
        "&",
        "&",
        "%61",
        "%6",
        "%FF",
        "%FE",
        "+",
        ";",
        "ä",
        "1",
        "nocache=1",
        "utm_",
        "%",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn modes() -> impl Strategy<Value = QueryFilter> {
    prop::sample::select(vec![
        QueryFilter::All,
        QueryFilter::Seen,
        QueryFilter::Exact,
        QueryFilter::Only(vec!["a".into(), "ä".into()]),
        QueryFilter::Except(vec!["utm_*".into(), "b".into()]),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    /// Only the order of differently named pairs may not matter.
    #[test]
    fn the_fast_and_the_slow_path_write_the_same(query in pieces(), names in modes()) {
        prop_assert_eq!(written(Some(&query), &names, None), slowly(&query, &names));
    }

    /// Only the order of differently named pairs may not matter.
    #[test]
    fn differently_named_pairs_may_be_in_any_order(
        (sorted, shuffled) in prop::collection::btree_map("[a-z%+]{0,3}", "[a-z=%]{0,3}", 0..6)
            .prop_map(|pairs| {
                let mut names = std::collections::HashSet::new();
                pairs
                    .iter()
                    .filter(|(name, _)| names.insert(decoded(name).into_owned()))
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect::<Vec<_>>()
            })
            .prop_flat_map(|pairs| (Just(pairs.clone()), Just(pairs).prop_shuffle())),
    ) {
        prop_assert_eq!(all(&sorted.join("&")), all(&shuffled.join("&")));
    }

    /// Only the order of differently named pairs may not matter.
    #[test]
    fn equally_named_pairs_may_not(
        before in pieces(),
        name in "[a-z]{1,3}",
        values in ("[a-z]{0,2}", "[a-z]{0,2}"),
        after in pieces(),
    ) {
        let (one, other) = values;
        prop_assume!(one != other);
        let query = |one: &str, other: &str| {
            format!("{before}&{name}={one}&{name}={other}&{after}")
        };
        prop_assert_ne!(all(&query(&one, &other)), all(&query(&other, &one)));
    }

    #[test]
    fn no_escape_panics(name in any::<String>(), bytes in "[%0-9a-fA-F+g]{0,9}") {
        decoded(&name);
        decoded(&bytes);
    }

    #[test]
    fn names_are_decoded_as_a_form_is(name in "[a-c%0-9A-F+ä]{1,6}") {
        let form = actix_web::web::Query::<Vec<(String, String)>>::from_query(&name).unwrap();
        prop_assert_eq!(decoded(&name), form[0].0.as_str());
    }
}

#[test]
fn a_query_without_its_flag_keeps_all_other_pairs_in_their_order() {
    for (query, left) in [
        ("nocache=1", ""),
        ("nocache=1&nocache=1", ""),
        ("b=2&nocache=1&a=1", "b=2&a=1"),
        ("&nocache=1", ""),
        ("nocache=1&nocache=0&%6eocache=1", "nocache=0&%6eocache=1"),
        ("a&&b=", "a&&b="),
    ] {
        assert_eq!(without_flag(query, "nocache"), left, "{query}");
    }
}
