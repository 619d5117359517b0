//! The one reader under both strictnesses.

use crate::http::cache_control::*;
use proptest::prelude::*;

/// A field of known directives, other ones, and text that is nearly a directive.
fn field() -> impl Strategy<Value = Vec<String>> {
    let name = prop::sample::select(vec![
        "no-store",
        "No-Cache",
        "private",
        "public",
        "must-revalidate",
        "proxy-revalidate",
        "must-understand",
        "immutable",
        "max-age",
        "S-MAXAGE",
        "stale-while-revalidate",
        "stale-if-error",
        "x-private",
    ]);
    let argument = prop::sample::select(vec![
        "",
        "",
        "=",
        "=0",
        "=60",
        "=\"60\"",
        "=soon",
        "=\"a, b\"",
        "=\"content-type\"",
        "=\"a",
        "= 60",
        " =60",
        "=\"\\\",no-store\"",
    ]);
    let directive = (name, argument).prop_map(|(name, argument)| format!("{name}{argument}"));
    let odd = "[a-z\"=,; \\\\ü]{0,5}";
    let member = prop_oneof![8 => directive, 1 => odd];
    let line = prop::collection::vec(member, 0..5).prop_map(|members| members.join(", "));
    prop::collection::vec(line, 0..3)
}

fn read(lines: &[String], strictness: Strictness) -> CacheControl {
    CacheControl::parse(lines.iter().map(String::as_bytes), strictness)
}

/// Reasons not to store a response of a route that sets the TTL.
fn is_forbidden(read: &CacheControl) -> bool {
    let zero = |lifetime: Option<Duration>| lifetime == Some(Duration::ZERO);
    read.no_store
        || read.malformed
        || read.private != Withheld::Nothing
        || read.no_cache != Withheld::Nothing
        || zero(read.max_age)
        || zero(read.s_maxage)
}

/// Drops the field names, which [`Strictness::Forbid`] does not read.
fn unqualified(withheld: &Withheld) -> Withheld {
    match withheld {
        Withheld::Nothing => Withheld::Nothing,
        Withheld::Fields(_) | Withheld::All => Withheld::All,
    }
}

proptest! {
    #[test]
    fn a_directive_that_forbids_under_rfc_9111_forbids_under_a_ttl_of_the_route(lines in field()) {
        let relaxed = read(&lines, Strictness::Rfc9111);
        prop_assert!(!is_forbidden(&relaxed) || is_forbidden(&read(&lines, Strictness::Forbid)));
    }

    #[test]
    fn both_strictnesses_agree_on_a_well_formed_field(lines in field()) {
        let strict = read(&lines, Strictness::Forbid);
        prop_assume!(!strict.malformed);
        let relaxed = read(&lines, Strictness::Rfc9111);
        let expected = CacheControl {
            private: unqualified(&relaxed.private),
            no_cache: unqualified(&relaxed.no_cache),
            ..relaxed
        };
        prop_assert_eq!(strict, expected);
    }

    #[test]
    fn a_field_is_the_sum_of_its_members(lines in field()) {
        // One reading of all is what the readings of each add up to: no directive hides another.
        for strictness in [Strictness::Forbid, Strictness::Rfc9111] {
            let whole = read(&lines, strictness);
            let members = tokens(lines.iter().map(String::as_bytes));
            let mut forbids = false;
            for member in members {
                let one = CacheControl::parse([member].into_iter(), strictness);
                prop_assert!(!one.no_store || whole.no_store);
                prop_assert!(!one.malformed || whole.malformed);
                prop_assert!(one.private != Withheld::All || whole.private == Withheld::All);
                prop_assert!(one.no_cache != Withheld::All || whole.no_cache == Withheld::All);
                prop_assert!(one.max_age.is_none() || whole.max_age <= one.max_age);
                prop_assert!(one.s_maxage.is_none() || whole.s_maxage <= one.s_maxage);
                forbids |= is_forbidden(&one);
            }
            prop_assert_eq!(forbids, is_forbidden(&whole));
        }
    }
}
