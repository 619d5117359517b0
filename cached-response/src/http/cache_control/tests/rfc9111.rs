//! Under [`Strictness::Rfc9111`].

use crate::http::cache_control::*;
use proptest::prelude::*;

fn parse(lines: &[&str]) -> CacheControl {
    let lines = lines.iter().map(|line| line.as_bytes());
    CacheControl::parse(lines, Strictness::Rfc9111)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn names(names: &[&'static str]) -> Withheld {
    Withheld::Fields(
        names
            .iter()
            .map(|name| HeaderName::from_static(name))
            .collect(),
    )
}

/// RFC 9111 §1.2.2, §4.2.1 and §5.2.2.1.
#[test]
fn a_lifetime_is_read_strictly_and_one_that_cannot_be_read_is_zero() {
    for (line, read) in [
        ("max-age=3600", 3600),
        ("MAX-AGE=3600", 3600),
        ("max-age=003600", 3600),
        ("max-age=\"3600\"", 3600),
        ("max-age=99999999999", 1 << 31),
        ("max-age=99999999999999999999999", 1 << 31),
        ("max-age='3600'", 0),
        ("max-age=-3600", 0),
        ("max-age=3600.0", 0),
        ("max-age=1s", 0),
        ("max-age= 3600", 0),
        ("max-age =3600", 0),
        ("max-age=", 0),
        ("max-age", 0),
        ("max-age=\"3600", 0),
        ("max-age=3600, max-age=1", 1),
        ("max-age=1, max-age=3600", 1),
        ("max-age=3600, max-age=soon", 0),
        ("extension=\"max-age=3600\", max-age=1", 1),
        ("max-age=1, extension=\"max-age=3600\"", 1),
        ("extension=max-age=3600, max-age=1", 1),
    ] {
        assert_eq!(parse(&[line]).max_age, Some(seconds(read)), "{line}");
        let shared = line
            .replace("max-age", "s-maxage")
            .replace("MAX-AGE", "S-MAXAGE");
        assert_eq!(parse(&[&shared]).s_maxage, Some(seconds(read)), "{shared}");
    }
    assert_eq!(
        parse(&["max-age=3600", "s-maxage=1"]).s_maxage,
        Some(seconds(1))
    );
}

/// RFC 9111 §5.2.3.
#[test]
fn an_unknown_directive_is_ignored() {
    for line in [
        "",
        ", ,",
        "nothing-to-see-here",
        "a=b",
        "a=\"no-store, private\"",
        "=",
        "=60",
        "a b",
        "public=no",
        "must-understand=1",
        "no_store",
        "\"private\"",
        "ä",
        "max-ages=1",
    ] {
        assert_eq!(parse(&[line]), CacheControl::default(), "{line}");
    }
    let bytes = CacheControl::parse([&b"\xff=\xff"[..]].into_iter(), Strictness::Rfc9111);
    assert_eq!(bytes, CacheControl::default());
}

#[test]
fn a_quoted_string_without_an_end_withholds_everything() {
    for line in ["a=\"b, private", "\"a, no-store", "a=\"\\\", no-store"] {
        assert_eq!(parse(&[line]).no_cache, Withheld::All, "{line}");
    }
}

/// RFC 9111 §5.2.2.4 and §5.2.2.7.
#[test]
fn a_qualified_form_withholds_fields_and_the_unqualified_one_wins() {
    let all = Withheld::All;
    for (argument, withheld) in [
        ("", all.clone()),
        ("=\"x-a\"", names(&["x-a"])),
        ("=\"X-A, x-b\"", names(&["x-a", "x-b"])),
        ("=\"x-a,, \"", names(&["x-a"])),
        ("=\"\"", all.clone()),
        ("=\"not a name\"", all.clone()),
        ("=x-a", all.clone()),
        ("=\"x-a", all.clone()),
        ("=\"content-encoding\"", all.clone()),
        ("=\"x-a, Vary\"", all),
    ] {
        for (name, field) in [
            (
                "private",
                (|said| said.private) as fn(CacheControl) -> Withheld,
            ),
            ("No-Cache", |said| said.no_cache),
        ] {
            let line = format!("{name}{argument}");
            assert_eq!(field(parse(&[&line])), withheld, "{line}");
            assert_eq!(field(parse(&[name, &line])), Withheld::All, "{line}");
            assert_eq!(field(parse(&[&line, name])), Withheld::All, "{line}");
        }
    }
    assert_eq!(
        parse(&["private=\"x-a\"", "private=\"x-b\""]).private,
        names(&["x-a", "x-b"])
    );
}

fn line() -> impl Strategy<Value = String> {
    let directive = prop::sample::select(vec![
        "no-store",
        "private",
        "private=\"a\"",
        "no-cache=\"a,b\"",
        "max-age=60",
        "max-age=x",
        "s-maxage=7",
        "must-revalidate",
        "x=\"\\\",\"",
        "=",
        "",
        "a=\"b",
    ]);
    prop::collection::vec(directive, 0..5).prop_map(|directives| directives.join(", "))
}

/// How much it lets others have: lower is stricter.
fn allows(said: &CacheControl) -> [Duration; 5] {
    let withheld = |withheld: &Withheld| match withheld {
        Withheld::All => Duration::ZERO,
        Withheld::Fields(names) => Duration::from_secs(100 - names.len() as u64),
        Withheld::Nothing => Duration::MAX,
    };
    [
        if said.no_store {
            Duration::ZERO
        } else {
            Duration::MAX
        },
        withheld(&said.private),
        withheld(&said.no_cache),
        said.max_age.unwrap_or(Duration::MAX),
        said.s_maxage.unwrap_or(Duration::MAX),
    ]
}

proptest! {
    #[test]
    fn no_bytes_panic(lines: Vec<Vec<u8>>) {
        CacheControl::parse(lines.iter().map(Vec::as_slice), Strictness::Rfc9111);
    }

    #[test]
    fn one_more_line_never_allows_more(lines in prop::collection::vec(line(), 1..4), more: String) {
        let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let before = allows(&parse(&lines));
        lines.push(&more);
        let after = allows(&parse(&lines));
        for (before, after) in before.into_iter().zip(after) {
            prop_assert!(after <= before);
        }
    }

    #[test]
    fn case_makes_no_difference(line in line()) {
        prop_assert_eq!(parse(&[&line]), parse(&[&line.to_ascii_uppercase()]));
    }
}
