//! What a request's target is called when it is invalidated.
//!
//! A path and a query are compared as they are decoded, so that `/a%62` and `/ab` have one name:
//! to invalidate too much is safe, too little is not. Of a query a name has what the key has of it.
//! What the key leaves out is the route's word, so the name of a URL depends on who reads it.

use super::query;
use std::borrow::Cow;

/// A path, percent-decoded; it begins with a slash.
pub(crate) fn path(raw: &str) -> Cow<'_, [u8]> {
    if raw.starts_with('/') && !raw.contains('%') {
        return Cow::Borrowed(raw.as_bytes());
    }
    let mut path = Vec::with_capacity(raw.len() + 1);
    if !raw.starts_with('/') {
        path.push(b'/');
    }
    query::percent_decode(raw.as_bytes(), &mut path);
    Cow::Owned(path)
}

/// What somebody has written as a URL: its path and its query, without an origin and a fragment.
pub(crate) fn split(url: &str) -> (&str, Option<&str>) {
    let url = url.split('#').next().unwrap_or_default();
    let (path, query) = match url.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (url, None),
    };
    match path.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => {
            (rest.find('/').map_or("/", |slash| &rest[slash..]), query)
        }
        _ => (path, query),
    }
}

#[cfg(test)]
mod tests {
    use super::{path, split};
    use proptest::prelude::*;

    #[test]
    fn a_path_has_one_name_however_it_is_escaped() {
        assert_eq!(path("/a%62"), path("/ab"));
        assert_eq!(path("/%C3%BC"), path("/ü"));
        assert_eq!(path("/a%2fb"), path("/a/b"));
        assert_eq!(path("a"), path("/a"));
        assert_ne!(path("/a+b"), path("/a b"), "a plus is a plus in a path");
        assert_eq!(*path("/50%"), *b"/50%");
    }

    #[test]
    fn a_url_is_split_as_a_browser_does_it() {
        assert_eq!(split("/a?b=1#c"), ("/a", Some("b=1")));
        assert_eq!(split("/a#c?d"), ("/a", None));
        assert_eq!(split("https://example.com/a?b"), ("/a", Some("b")));
        assert_eq!(split("https://example.com?b"), ("/", Some("b")));
        assert_eq!(split("/to?url=http://a/b"), ("/to", Some("url=http://a/b")));
        assert_eq!(split("/to/http://a/b"), ("/to/http://a/b", None));
    }

    proptest! {
        #[test]
        fn escaping_any_byte_makes_no_difference(
            bytes in proptest::collection::vec((any::<u8>(), any::<bool>()), 0..40),
        ) {
            let plain: Vec<u8> = std::iter::once(b'/').chain(bytes.iter().map(|(byte, _)| *byte)).collect();
            let piece = |(byte, upper): (u8, bool)| match byte {
                b'a'..=b'z' if upper => char::from(byte).to_string(),
                _ if upper => format!("%{byte:02X}"),
                _ => format!("%{byte:02x}"),
            };
            let escaped: String = bytes.into_iter().map(piece).collect();
            let escaped = format!("/{escaped}");
            prop_assert_eq!(&*path(&escaped), &*plain);
        }

        #[test]
        fn any_text_has_a_name_that_begins_with_a_slash(text in ".*") {
            let (before, _) = split(&text);
            prop_assert!(path(before).starts_with(b"/"));
            prop_assert!(path(&text).starts_with(b"/"));
        }
    }
}
