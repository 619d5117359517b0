use super::*;
use proptest::prelude::*;

fn read(text: &str) -> Option<Vec<(&str, Value)>> {
    dictionary(text)
}

/// RFC 9651 §3.2.
#[test]
fn members_are_read_with_their_values() {
    use Value::{Boolean, Integer, Other};
    let string = |text: &str| Value::String(text.into());
    for (text, members) in [
        ("", vec![]),
        ("  ", vec![]),
        ("max-age=60", vec![("max-age", Integer(60))]),
        (" max-age=60 ", vec![("max-age", Integer(60))]),
        ("a=1\t,\tb=-2", vec![("a", Integer(1)), ("b", Integer(-2))]),
        ("a=007", vec![("a", Integer(7))]),
        ("a", vec![("a", Boolean(true))]),
        (
            "a=?1, b=?0",
            vec![("a", Boolean(true)), ("b", Boolean(false))],
        ),
        (
            "a;x=\"y, z\"; q, b",
            vec![("a", Boolean(true)), ("b", Boolean(true))],
        ),
        (r#"a="x, \"y\\""#, vec![("a", string(r#"x, "y\"#))]),
        ("a=1, b=2, a=3", vec![("b", Integer(2)), ("a", Integer(3))]),
        ("a=1.5", vec![("a", Other)]),
        ("a=token/x", vec![("a", Other)]),
        ("a=:aGk=:", vec![("a", Other)]),
        ("a=@1659578233", vec![("a", Other)]),
        ("a=%\"f%c3%bc\"", vec![("a", Other)]),
        (
            "a=(1 \"x\";y=1 z), b",
            vec![("a", Other), ("b", Boolean(true))],
        ),
        ("a=()", vec![("a", Other)]),
        (
            "*a.b_c-1=999999999999999",
            vec![("*a.b_c-1", Integer(999_999_999_999_999))],
        ),
    ] {
        assert_eq!(read(text), Some(members), "{text}");
    }
}

/// RFC 9651 §4.2.2: strict, and as a whole.
#[test]
fn what_is_not_a_dictionary_throughout_is_none() {
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
        assert_eq!(read(text), None, "{text}");
    }
}

fn key() -> impl Strategy<Value = String> {
    "[a-z*][a-z0-9_.*-]{0,8}"
}

/// A value and one way to write it.
fn value() -> impl Strategy<Value = (String, Value)> {
    prop_oneof![
        (-999_999_999_999_999_i64..=999_999_999_999_999)
            .prop_map(|number| (format!("={number}"), Value::Integer(number))),
        any::<bool>().prop_map(|yes| (format!("=?{}", u8::from(yes)), Value::Boolean(yes))),
        Just((String::new(), Value::Boolean(true))),
        "[ -~]{0,12}".prop_map(|text| {
            let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
            (format!("=\"{escaped}\""), Value::String(text))
        }),
        "[a-zA-Z*][a-z0-9:/.!-]{0,6}".prop_map(|token| (format!("={token}"), Value::Other)),
        "[0-9]{1,12}\\.[0-9]{1,3}".prop_map(|decimal| (format!("={decimal}"), Value::Other)),
    ]
}

proptest! {
    #[test]
    fn no_text_panics(text: String) {
        read(&text);
    }

    #[test]
    fn nearly_a_dictionary_does_not_panic(text in "([a-b]|[=;,?:@%(\")\\\\ \t0-9.-]|ü){0,16}") {
        read(&text);
    }

    #[test]
    fn what_was_written_is_read(
        written in prop::collection::vec((key(), value(), "(;[a-z]{1,3}(=[0-9]{1,3})?){0,2}"), 0..6),
        comma in "[ \t]{0,2},[ \t]{0,2}",
    ) {
        let text: Vec<String> = written
            .iter()
            .map(|(key, (text, _), parameters)| format!("{key}{text}{parameters}"))
            .collect();
        let text = text.join(&comma);
        let members = read(&text).expect("a dictionary");
        for (at, (key, (_, value), _)) in written.iter().enumerate() {
            let again = written[at + 1..].iter().any(|(later, _, _)| later == key);
            let found = members.iter().filter(|(known, _)| known == key);
            let found: Vec<_> = found.map(|(_, value)| value).collect();
            prop_assert_eq!(found.len(), 1);
            prop_assert!(again || found[0] == value);
        }
    }
}
