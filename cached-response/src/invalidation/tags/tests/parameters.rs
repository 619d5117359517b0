//! Values of path parameters.

use crate::{
    invalidation::{
        path,
        tags::{decoded, escaped, readings},
    },
    key::query,
};
use proptest::prelude::*;

#[test]
fn escapes_that_the_router_leaves_are_decoded() {
    for (raw, value) in [
        ("42", "42"),
        ("a%2Fb", "a/b"),
        ("a%2Bb+c", "a+b+c"),
        ("100%25", "100%"),
        ("%2525", "%25"),
        ("50%", "50%"),
        ("ü", "ü"),
    ] {
        assert_eq!(decoded(raw), value, "{raw}");
    }
}

#[test]
fn a_text_is_parsed_as_every_type_that_it_may_be() {
    const ID: &str = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
    for (raw, read) in [
        ("7", &["7"][..]),
        ("007", &["007", "7"]),
        ("%2B7", &["+7", "7"]),
        ("1.50", &["1.50", "1.5"]),
        ("tea", &["tea"]),
        (ID, &[ID]),
        ("2001:DB8::1", &["2001:DB8::1", "2001:db8::1"]),
    ] {
        assert_eq!(readings(raw), read, "{raw}");
    }
    for raw in [ID.to_uppercase(), ID.replace('-', ""), format!("{{{ID}}}")] {
        assert!(readings(&raw).contains(&ID.to_owned()), "{raw}");
    }
    for raw in [&ID[1..], "6ba7b810-9dad-11d1-80b4-00c04fd430cg"] {
        assert_eq!(readings(raw), [raw]);
    }
}

proptest! {
    #[test]
    fn an_escaped_value_is_the_value_again_in_a_path_and_in_a_query(value in ".*") {
        let raw = value.replace('%', "%25");
        prop_assert_eq!(&decoded(&raw), &value);
        let escaped = escaped(&raw);
        prop_assert_eq!(&query::decoded(&escaped), &value);
        let path = format!("/{escaped}");
        prop_assert_eq!(&path::name(&path)[1..], value.as_bytes());
        prop_assert!(!escaped.contains(['/', '?', '#', '&', '=']));
    }
}
