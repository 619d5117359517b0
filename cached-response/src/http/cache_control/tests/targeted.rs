use super::super::*;
use proptest::prelude::*;

fn targeted(lines: &[&str]) -> Option<CacheControl> {
    parse_targeted(lines.iter().map(|line| line.as_bytes()))
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// RFC 9213 §2.1.
#[test]
fn a_targeted_field_is_a_dictionary_and_of_a_wrong_type_a_directive_is_ignored() {
    let lifetime = |read| CacheControl {
        targeted: true,
        max_age: read,
        ..CacheControl::default()
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
fn a_targeted_field_has_the_directives_of_cache_control() {
    let all = targeted(&[
        "no-store, private, no-cache=\"x-a\", public",
        "must-understand, must-revalidate, proxy-revalidate, s-maxage=5",
        "stale-while-revalidate=6, stale-if-error=7",
    ]);
    let expected = CacheControl {
        targeted: true,
        malformed: false,
        no_store: true,
        private: Withheld::All,
        no_cache: Withheld::Fields(vec![HeaderName::from_static("x-a")]),
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
        let said = effective(&headers, Some(&name));
        assert_eq!(
            (said.targeted, said.max_age),
            (false, Some(seconds(1))),
            "{line}"
        );
    }
    append(&mut headers, &name, "max-age=60");
    let said = effective(&headers, Some(&name));
    assert_eq!((said.targeted, said.max_age), (true, Some(seconds(60))));
    let said = effective(&headers, None);
    assert_eq!((said.targeted, said.max_age), (false, Some(seconds(1))));
}

/// RFC 9651 §3.2: parameters and values of every type may stand beside a directive.
#[test]
fn a_dictionary_with_values_of_any_type_is_read() {
    for other in [
        "a=1",
        "a=-2",
        "a=007",
        "a=999999999999999",
        "a",
        "a=?1",
        "a=?0",
        "a;x=\"y, z\"; q",
        r#"a="x, \"y\\""#,
        "a=1.5",
        "a=token/x",
        "a=:aGk=:",
        "a=@1659578233",
        "a=%\"f%c3%bc\"",
        "a=(1 \"x\";y=1 z)",
        "a=()",
        "*a.b_c-1",
    ] {
        for line in [
            format!("max-age=60, {other}"),
            format!(" {other}\t,\tmax-age=60 "),
        ] {
            let read = targeted(&[&line]).map(|read| read.max_age);
            assert_eq!(read, Some(Some(seconds(60))), "{line}");
        }
    }
}

/// RFC 9651 §4.2.2: strict, and as a whole.
#[test]
fn a_field_that_is_not_a_dictionary_throughout_is_not_read() {
    for text in [
        ",",
        "a,",
        "a,,b",
        "a b",
        "a=",
        "a =1",
        "a= 1",
        "A=1",
        "MaX-aGe=1",
        "1a=1",
        "a=1s",
        "a='1'",
        "a=--1",
        "a=-",
        "a=1000000000000000",
        "a=1.",
        "a=1.2345",
        "a=.5",
        "a=\"x",
        "a=\"\\x\"",
        "a=\"ü\"",
        "a=?2",
        "a=?",
        "a=:a",
        "a=:ä:",
        "a=@1.5",
        "a=%\"%C3\"",
        "a=%\"%c3\"",
        "a=%\"%c\"",
        "a=(1",
        "a=(1,2)",
        "a=(1\"x\")",
        "a;",
        "a;=1",
        "max-age=10000, &&&&&",
        "\ta",
    ] {
        assert_eq!(targeted(&[text]), None, "{text}");
    }
}

/// A directive with a value, and its lifetime where it is one.
fn directive() -> impl Strategy<Value = (String, Option<u64>)> {
    prop_oneof![
        (0_u64..1_000_000).prop_map(|number| (format!("max-age={number}"), Some(number))),
        any::<bool>().prop_map(|yes| (format!("max-age=?{}", u8::from(yes)), None)),
        Just(("max-age".to_owned(), None)),
        "[ -~]{0,12}".prop_map(|text| {
            let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
            (format!("max-age=\"{escaped}\""), None)
        }),
        "[a-zA-Z*][a-z0-9:/.!-]{0,6}".prop_map(|token| (format!("max-age={token}"), None)),
        "[0-9]{1,12}\\.[0-9]{1,3}".prop_map(|decimal| (format!("max-age={decimal}"), None)),
    ]
}

proptest! {
    #[test]
    fn no_bytes_panic(lines: Vec<Vec<u8>>) {
        parse_targeted(lines.iter().map(Vec::as_slice));
    }

    #[test]
    fn nearly_a_dictionary_does_not_panic(text in "([a-b]|[=;,?:@%(\")\\\\ \t0-9.-]|ü){0,16}") {
        targeted(&[&text]);
    }

    #[test]
    fn the_last_directive_of_a_name_counts(
        written in prop::collection::vec((directive(), "(;[a-z]{1,3}(=[0-9]{1,3})?){0,2}"), 1..6),
        comma in "[ \t]{0,2},[ \t]{0,2}",
    ) {
        let text: Vec<String> = written
            .iter()
            .map(|((text, _), parameters)| format!("{text}{parameters}"))
            .collect();
        let read = targeted(&[&text.join(&comma)]).expect("a dictionary");
        let ((_, last), _) = &written[written.len() - 1];
        prop_assert_eq!(read.max_age, last.map(seconds));
    }
}
