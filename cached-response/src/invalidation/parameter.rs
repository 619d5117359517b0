//! The value of a path parameter, as it stands in what is named after it.
//!
//! The router gives values that are decoded but for `%2F`, `%2B` and `%25`.

use crate::key::query::percent_decode;
use std::{borrow::Cow, fmt::Write as _, net::IpAddr};

/// As the handler's `Path<String>` has it.
pub(crate) fn decoded(raw: &str) -> Cow<'_, str> {
    if !raw.contains('%') {
        return Cow::Borrowed(raw);
    }
    Cow::Owned(String::from_utf8_lossy(&bytes(raw)).into_owned())
}

/// As it can stand in a path or a query: what is not unreserved (RFC 3986 §2.3) is escaped, so that
/// no value begins a query or ends one.
pub(crate) fn escaped(raw: &str) -> Cow<'_, str> {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if raw.bytes().all(is_unreserved) {
        return Cow::Borrowed(raw);
    }
    let mut text = String::with_capacity(raw.len() + 8);
    for byte in bytes(raw) {
        if is_unreserved(byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a `String` does not fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    Cow::Owned(text)
}

/// The texts that what a client has sent may be read as: itself, and as a number, a UUID or an address in
/// its one form. Where the type of a parameter is not known, all of them are named.
pub(crate) fn readings(raw: &str) -> Vec<String> {
    let text = decoded(raw);
    let number = |text: &str| {
        let signed = text.parse().map(|number: i128| number.to_string());
        signed.or_else(|_| text.parse().map(|number: u128| number.to_string()))
    };
    let read = [
        number(&text).ok(),
        text.parse().ok().map(|number: f64| number.to_string()),
        text.parse().ok().map(|number: f32| number.to_string()),
        uuid(&text),
        address(&text),
    ];
    let mut readings = vec![text.into_owned()];
    for reading in read.into_iter().flatten() {
        if !readings.contains(&reading) {
            readings.push(reading);
        }
    }
    readings
}

/// A UUID in lower case with hyphens, of any way to write it (RFC 9562 §4).
pub(crate) fn uuid(text: &str) -> Option<String> {
    const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
    let bare = text.strip_prefix("urn:uuid:").unwrap_or(text);
    let braced = bare
        .strip_prefix('{')
        .and_then(|bare| bare.strip_suffix('}'));
    let digits = braced.unwrap_or(bare).to_ascii_lowercase();
    let lengths = || digits.split('-').map(str::len);
    let is_hyphenated = lengths().eq(GROUPS);
    if !is_hyphenated && !lengths().eq([32]) {
        return None;
    }
    let mut digits = digits.chars().filter(|digit| *digit != '-');
    let mut uuid = String::with_capacity(36);
    for (at, length) in GROUPS.into_iter().enumerate() {
        if at > 0 {
            uuid.push('-');
        }
        for _ in 0..length {
            uuid.push(digits.next().filter(char::is_ascii_hexdigit)?);
        }
    }
    Some(uuid)
}

/// An IP address in its one form.
pub(crate) fn address(text: &str) -> Option<String> {
    text.parse().ok().map(|address: IpAddr| address.to_string())
}

fn bytes(raw: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(raw.len());
    percent_decode(raw.as_bytes(), &mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::{decoded, escaped, readings};
    use crate::{invalidation::target, key::query};
    use proptest::prelude::*;

    #[test]
    fn what_the_router_left_escaped_is_decoded() {
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
    fn a_text_is_read_as_whatever_it_may_be() {
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
            prop_assert_eq!(&target::path(&path)[1..], value.as_bytes());
            prop_assert!(!escaped.contains(['/', '?', '#', '&', '=']));
        }
    }
}
