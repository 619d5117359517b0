use super::*;

#[test]
fn a_duration_is_the_sum_of_its_parts() {
    for (text, expected) in [
        ("300", 300_000),
        ("5m", 300_000),
        ("250ms", 250),
        ("1h30m", 5_400_000),
        ("1h 30m", 5_400_000),
        (" 1 h 30 m ", 5_400_000),
        ("1d", 86_400_000),
        ("2w", 1_209_600_000),
        ("0s", 0),
        ("60sec", 60_000),
        ("5min", 300_000),
        ("1hour30minutes", 5_400_000),
        ("1 hour 30 mins", 5_400_000),
        ("2hrs", 7_200_000),
        ("2days", 172_800_000),
        ("1 week", 604_800_000),
    ] {
        assert_eq!(millis(text), Ok(expected), "{text}");
    }
}

#[test]
fn an_invalid_duration_is_rejected_with_its_reason() {
    for (text, why) in [
        ("", "an empty string"),
        ("1 fortnight", "`fortnight` is not a unit"),
        ("1h 30", "a number without a unit"),
        ("h", "not a duration"),
        ("1,5h", "a number without a unit"),
        ("99999999999999999999", "out of range"),
        ("99999999999999999w", "out of range"),
    ] {
        let error = millis(text).unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[test]
fn fractional_seconds_are_suggested_in_milliseconds() {
    for (typed, expected) in [("1.5", "1500ms"), ("0.25", "250ms"), ("2.0", "2000ms")] {
        let float: LitFloat = syn::parse_str(typed).unwrap();
        let error = fractional_seconds("timeout", &float);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_size_is_a_number_and_a_unit() {
    for (text, expected) in [
        ("65536", 65_536),
        ("65_536", 65_536),
        ("64KiB", 65_536),
        ("64 KiB", 65_536),
        ("64k", 65_536),
        ("1MB", 1_000_000),
        (" 2 mib ", 2_097_152),
        ("1GiB", 1 << 30),
        ("9b", 9),
    ] {
        assert_eq!(bytes(text), Some(expected), "{text}");
    }
}

#[test]
fn an_invalid_size_is_rejected() {
    for text in [
        "",
        "KiB",
        "1.5MiB",
        "-1",
        "1 XB",
        "1KiB 2B",
        "99999999999999999999",
        "99999999999999GiB",
    ] {
        assert_eq!(bytes(text), None, "{text}");
    }
}
