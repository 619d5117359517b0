//! The value of a path parameter, as it stands in what is named after it.
//!
//! The router gives values that are decoded but for `%2F`, `%2B` and `%25`.

use super::query::percent_decode;
use std::{borrow::Cow, fmt::Write as _};

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

fn bytes(raw: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(raw.len());
    percent_decode(raw.as_bytes(), &mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::{decoded, escaped};
    use crate::judgement::{query, target};
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
