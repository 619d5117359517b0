use super::*;
use proptest::prelude::*;

mod rfc9111;
mod strictness;
mod targeted;

fn parse(lines: &[&str]) -> CacheControl {
    CacheControl::parse(lines.iter().map(|line| line.as_bytes()), Strictness::Forbid)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Whether it keeps a response out of the store.
fn forbids(lines: &[&str]) -> bool {
    let read = parse(lines);
    let zero = |lifetime: Option<Duration>| lifetime == Some(Duration::ZERO);
    read.no_store
        || read.no_cache != Withheld::Nothing
        || read.private != Withheld::Nothing
        || read.malformed
        || zero(read.max_age)
        || zero(read.s_maxage)
}

/// What its own headers forbid to store is never stored.
#[test]
fn a_prohibition_is_found_in_any_spelling() {
    let corpus: [&[&str]; 30] = [
        &["Private"],
        &["NO-STORE"],
        &["no-cache"],
        &["private=\"x\""],
        &["no-cache=\"set-cookie, x\""],
        &["private=x"],
        &["no-store=1"],
        &["no-store="],
        &["public,\tprivate"],
        &["public\t,\tno-store\t"],
        &["public", "no-store"],
        &["public, max-age=60", "private"],
        &[",,private,,"],
        &["max-age=0"],
        &["MAX-AGE=\"0\""],
        &["max-age=60, max-age=0"],
        &["max-age=0", "max-age=60"],
        &["s-maxage=0, max-age=60"],
        &["foo=\"bar\", private"],
        &["foo=\"a\\\"\", private"],
        &["foo=\"a, b"],
        &["foo=\"a", "no-store\""],
        &["max-age"],
        &["max-age=-1"],
        &["max-age=1.5"],
        &["max-age=60s"],
        &["max-age=60; private"],
        &["=60"],
        &["no store"],
        &["<html>"],
    ];
    for lines in corpus {
        assert!(forbids(lines), "{lines:?}");
    }
}

/// What its own headers forbid to store is never stored.
#[test]
fn text_that_resembles_a_prohibition_does_not_forbid() {
    let corpus: [&[&str]; 11] = [
        &[],
        &[""],
        &[" , ,"],
        &["public"],
        &["max-age=60"],
        &["max-age=\"60\""],
        &["foo=\"private, no-store\""],
        &["foo=\"\\\", no-store\""],
        &["x-private, private-ish, not-no-store"],
        &["foo=private"],
        &["foo, bar=baz, community=\"UCI\""],
    ];
    for lines in corpus {
        assert!(!forbids(lines), "{lines:?}");
    }
}

#[test]
fn an_unparsable_directive_is_malformed() {
    for line in [
        "max-age=",
        "max-age=+1",
        "max-age=\"\"",
        "max-age=\"6\\0\"",
        "max-age = 60",
        "max-age= 60",
        "s-maxage=abc",
        "stale-if-error",
        "stale-while-revalidate=x",
        "a=\"b\"c",
        "a=b\"c\"",
        "\"private\"",
        "a b",
        "a=b c",
        "ä",
        "=",
        "=\"x\"",
        "a=\"",
        "public=no",
        "immutable=1",
        "must-revalidate=0",
        "(public)",
    ] {
        let read = parse(&[line]);
        assert!(read.malformed, "{line}");
        assert_eq!(
            read,
            CacheControl {
                malformed: true,
                ..CacheControl::default()
            },
            "{line}"
        );
    }
}

#[test]
fn a_malformed_directive_does_not_hide_what_stands_beside_it() {
    let read = parse(&["=, private, max-age=x, s-maxage=5"]);
    assert!(read.malformed && read.private == Withheld::All);
    assert_eq!((read.max_age, read.s_maxage), (None, Some(seconds(5))));
}

#[test]
fn bytes_that_are_not_text_are_malformed() {
    assert!(CacheControl::parse([&b"a=\"\xff\""[..]].into_iter(), Strictness::Forbid).malformed);
    assert!(CacheControl::parse([&b"\xff"[..]].into_iter(), Strictness::Forbid).malformed);
}

#[test]
fn every_directive_is_read() {
    let read = parse(&[
        "public, private, no-store, no-cache, must-revalidate, proxy-revalidate",
        "must-understand, immutable, max-age=1, s-maxage=2",
        "stale-while-revalidate=3, stale-if-error=4",
    ]);
    let all = CacheControl {
        targeted: false,
        malformed: false,
        no_store: true,
        no_cache: Withheld::All,
        private: Withheld::All,
        public: true,
        must_revalidate: true,
        proxy_revalidate: true,
        must_understand: true,
        max_age: Some(seconds(1)),
        s_maxage: Some(seconds(2)),
        stale_while_revalidate: Some(seconds(3)),
        stale_if_error: Some(seconds(4)),
    };
    assert_eq!(read, all);
}

#[test]
fn each_directive_sets_only_itself() {
    type Set = fn(&mut CacheControl);
    const WEEK: Option<Duration> = Some(Duration::from_secs(604_800));
    let table: [(&str, Set); 14] = [
        ("no-store", |read| read.no_store = true),
        ("no-cache", |read| read.no_cache = Withheld::All),
        ("private", |read| read.private = Withheld::All),
        ("public", |read| read.public = true),
        ("must-revalidate", |read| read.must_revalidate = true),
        ("proxy-revalidate", |read| read.proxy_revalidate = true),
        ("must-understand", |read| read.must_understand = true),
        ("immutable", |_| {}),
        ("max-age=604800", |read| read.max_age = WEEK),
        ("s-maxage=604800", |read| read.s_maxage = WEEK),
        ("stale-if-error=604800", |read| read.stale_if_error = WEEK),
        ("stale-while-revalidate=604800", |read| {
            read.stale_while_revalidate = WEEK;
        }),
        ("", |_| {}),
        ("unknown=604800", |_| {}),
    ];
    for (line, set) in table {
        let mut expected = CacheControl::default();
        set(&mut expected);
        assert_eq!(parse(&[line]), expected, "{line}");
    }
    assert_eq!(parse(&[]), CacheControl::default());
}

#[test]
fn of_several_lifetimes_the_shortest_counts() {
    assert_eq!(
        parse(&["max-age=60, max-age=10, max-age=30"]).max_age,
        Some(seconds(10))
    );
    assert_eq!(
        parse(&["s-maxage=5", "s-maxage=50"]).s_maxage,
        Some(seconds(5))
    );
}

#[test]
fn a_lifetime_too_large_to_hold_is_the_largest() {
    let largest = 1 << 31;
    for (digits, read) in [
        ("0", 0),
        ("007", 7),
        ("2147483647", 2_147_483_647),
        ("2147483648", largest),
        ("2147483649", largest),
        ("18446744073709551616", largest),
        ("99999999999999999999999999999999", largest),
    ] {
        assert_eq!(
            parse(&[&format!("max-age={digits}")]).max_age,
            Some(seconds(read)),
            "{digits}"
        );
    }
}

fn directive() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "no-store",
        "private=\"a,b\"",
        "max-age=60",
        "max-age=5",
        "s-maxage=\"7\"",
        "x=\"\\\",\"",
        "public",
        "immutable",
        "=",
        "",
        "max-age=",
        "stale-if-error=1",
        "a=\"\"",
    ])
    .prop_map(str::to_owned)
}

proptest! {
    #[test]
    fn no_bytes_panic(lines: Vec<Vec<u8>>) {
        CacheControl::parse(lines.iter().map(Vec::as_slice), Strictness::Forbid);
    }

    #[test]
    fn nearly_sensible_text_does_not_panic(line in "(max-age|private|[=\",\\\\ \t0-9a]){0,12}") {
        parse(&[&line]);
    }

    #[test]
    fn case_makes_no_difference(directives in prop::collection::vec(directive(), 0..6)) {
        let line = directives.join(", ");
        prop_assert_eq!(parse(&[&line]), parse(&[&line.to_ascii_uppercase()]));
    }

    #[test]
    fn the_division_into_lines_has_no_meaning(
        directives in prop::collection::vec((directive(), any::<bool>()), 1..8),
    ) {
        let mut lines = vec![String::new()];
        for (at, (directive, breaks)) in directives.iter().enumerate() {
            if *breaks {
                lines.push(String::new());
            }
            let line = lines.last_mut().unwrap();
            if at > 0 && !*breaks {
                line.push(',');
            }
            line.push_str(directive);
        }
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let whole: Vec<&str> = directives.iter().map(|(text, _)| text.as_str()).collect();
        prop_assert_eq!(parse(&lines), parse(&[&whole.join(" ,\t")]));
    }

    #[test]
    fn one_more_line_never_allows_what_was_forbidden(
        directives in prop::collection::vec(directive(), 0..4),
        line: String,
    ) {
        let mut lines: Vec<&str> = directives.iter().map(String::as_str).collect();
        let forbidden = forbids(&lines);
        lines.push(&line);
        prop_assert!(!forbidden || forbids(&lines));
    }
}
