use super::*;
use proptest::prelude::*;

fn parse(lines: &[&str]) -> Directives {
    Directives::cache_control(lines.iter().map(|line| line.as_bytes()))
}

fn targeted(lines: &[&str]) -> Option<Directives> {
    Directives::targeted(lines.iter().map(|line| line.as_bytes()))
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
fn what_is_not_known_changes_nothing() {
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
        assert_eq!(parse(&[line]), Directives::default(), "{line}");
    }
    let bytes = Directives::cache_control([&b"\xff=\xff"[..]].into_iter());
    assert_eq!(bytes, Directives::default());
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
                (|said| said.private) as fn(Directives) -> Withheld,
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

/// RFC 9213 §2.1.
#[test]
fn a_targeted_field_is_a_dictionary_and_of_a_wrong_type_a_directive_is_ignored() {
    let lifetime = |read| Directives {
        targeted: true,
        max_age: read,
        ..Directives::default()
    };
    for (line, read) in [
        ("max-age=60", Some(seconds(60))),
        ("max-age=60;x=1", Some(seconds(60))),
        ("max-age=99999999999", Some(seconds(1 << 31))),
        ("max-age=-60", Some(seconds(0))),
        ("max-age=1, max-age=60", Some(seconds(60))),
        ("foobar, max-age=60", Some(seconds(60))),
        ("max-age=\"60\"", None),
        ("max-age=60.0", None),
        ("max-age=a60", None),
        ("max-age", None),
        (
            "max-age=60, no-store=1, private=no, no-cache=?0",
            Some(seconds(60)),
        ),
    ] {
        assert_eq!(targeted(&[line]), Some(lifetime(read)), "{line}");
    }
}

#[test]
fn a_targeted_field_says_what_cache_control_can_say() {
    let all = targeted(&[
        "no-store, private, no-cache=\"x-a\", public",
        "must-understand, must-revalidate, proxy-revalidate, s-maxage=5",
        "stale-while-revalidate=6, stale-if-error=7",
    ]);
    let expected = Directives {
        targeted: true,
        no_store: true,
        private: Withheld::All,
        no_cache: names(&["x-a"]),
        public: true,
        must_revalidate: true,
        proxy_revalidate: true,
        must_understand: true,
        max_age: None,
        s_maxage: Some(seconds(5)),
        stale_while_revalidate: Some(seconds(6)),
        stale_if_error: Some(seconds(7)),
    };
    assert_eq!(all, Some(expected));
}

/// RFC 9213 §2.1 and §2.2.
#[test]
fn a_targeted_field_that_cannot_be_read_leaves_it_to_cache_control() {
    let name = HeaderName::from_static("cdn-cache-control");
    let mut headers = HeaderMap::new();
    let append = |headers: &mut HeaderMap, name: &HeaderName, value: &'static str| {
        headers.append(name.clone(), header::HeaderValue::from_static(value));
    };
    append(&mut headers, &header::CACHE_CONTROL, "max-age=1");
    for line in [
        "",
        "MaX-aGe=60",
        "max-age =60",
        "max-age=60, &&&&&",
        "max-age=60,",
    ] {
        let mut headers = headers.clone();
        append(&mut headers, &name, line);
        let said = Directives::of(&headers, Some(&name));
        assert_eq!(
            (said.targeted, said.max_age),
            (false, Some(seconds(1))),
            "{line}"
        );
    }
    append(&mut headers, &name, "max-age=60");
    let said = Directives::of(&headers, Some(&name));
    assert_eq!((said.targeted, said.max_age), (true, Some(seconds(60))));
    let said = Directives::of(&headers, None);
    assert_eq!((said.targeted, said.max_age), (false, Some(seconds(1))));
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
fn allows(said: &Directives) -> [Duration; 5] {
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
        Directives::cache_control(lines.iter().map(Vec::as_slice));
        Directives::targeted(lines.iter().map(Vec::as_slice));
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
