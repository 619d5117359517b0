//! Names of paths and URLs for invalidation.
//!
//! Paths and queries are compared in decoded form, so that `/a%62` and `/ab` have one name: to
//! invalidate too much is safe, too little is not. The name of a URL contains the query pairs that
//! are in the key, so that it depends on the route. Path normalization by the application is unknown,
//! so a path also stands for itself with and without a trailing slash, and with repeated slashes
//! merged.

use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// Returns the name of a path: decoded, with a leading slash.
pub(crate) fn path(raw: &str) -> Cow<'_, [u8]> {
    if raw.starts_with('/') && !raw.contains('%') {
        return Cow::Borrowed(raw.as_bytes());
    }
    let mut path = Vec::with_capacity(raw.len() + 1);
    if !raw.starts_with('/') {
        path.push(b'/');
    }
    path.extend(percent_decode_str(raw));
    Cow::Owned(path)
}

/// Splits a URL into path and query, without its origin and fragment.
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

/// Returns the names of all paths that a text may stand for, which may be a URL.
///
/// A path with a query stands for that path, and for one that contains a `?`.
pub(crate) fn paths(text: &str) -> Vec<Vec<u8>> {
    let (alone, _) = split(text);
    let mut paths = spellings(&path(alone));
    if text.starts_with('/') && alone != text {
        paths.extend(spellings(&path(text)));
    }
    paths
}

/// Returns the names of a path before and after normalization.
pub(crate) fn spellings(path: &[u8]) -> Vec<Vec<u8>> {
    let mut merged = path.to_vec();
    merged.dedup_by(|one, other| (*one, *other) == (b'/', b'/'));
    let mut spellings = Vec::with_capacity(2);
    for path in [path, &merged] {
        let bare = path.strip_suffix(b"/").unwrap_or(path);
        let slashed = [bare, b"/"].concat();
        for spelling in [bare.to_vec(), slashed] {
            if !spelling.is_empty() && !spellings.contains(&spelling) {
                spellings.push(spelling);
            }
        }
    }
    spellings
}

/// Returns the mistake in a text that names no path or URL.
pub(crate) fn mistake(text: &str) -> Option<&'static str> {
    let (path, query) = split(text);
    if text.is_empty() {
        Some("an empty text names no path: write `/` for the root, `invalidate_all` for everything")
    } else if path.is_empty() && query.is_some() {
        Some("a query alone names no URL: write its path, too, as in `/products?page=2`")
    } else if path.is_empty() {
        Some("a fragment names no path, and is never sent: write the path, as in `/products`")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{mistake, path, paths, spellings, split};
    use proptest::prelude::*;

    #[test]
    fn a_path_has_one_name_for_all_escapes() {
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

    fn meant(text: &str) -> Vec<String> {
        let paths = paths(text).into_iter();
        let mut paths: Vec<_> = paths.map(|path| String::from_utf8(path).unwrap()).collect();
        paths.sort();
        paths
    }

    #[test]
    fn a_path_is_named_for_any_normalization_of_its_slashes() {
        assert_eq!(meant("/"), ["/"]);
        for text in [
            "/v",
            "/v/",
            "v",
            "v/",
            "http://x.test/v",
            "https://x.test/v/#top",
        ] {
            assert_eq!(meant(text), ["/v", "/v/"], "{text}");
        }
        assert_eq!(meant("/a//b"), ["/a//b", "/a//b/", "/a/b", "/a/b/"]);
        assert_eq!(meant("/v?a=1"), ["/v", "/v/", "/v?a=1", "/v?a=1/"]);
    }

    #[test]
    fn a_text_without_a_path_is_a_mistake() {
        for (text, words) in [
            ("", "write `/`"),
            ("?page=2", "`/products?page=2`"),
            ("#top", "`/products`"),
        ] {
            assert!(
                mistake(text).is_some_and(|said| said.contains(words)),
                "{text}"
            );
        }
        for text in ["/", "a", "/a?", "http://x.test", "http://x.test?a", "//"] {
            assert_eq!(mistake(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_spelling_of_a_path_has_the_same_others(segments in "(/{1,2}[a-z]{0,2}){1,4}/?") {
            let normal = |path: &[u8]| {
                let mut path = path.to_vec();
                path.dedup_by(|one, other| (*one, *other) == (b'/', b'/'));
                [path.strip_suffix(b"/").unwrap_or(&path), b"/"].concat()
            };
            let all = spellings(segments.as_bytes());
            prop_assert!(all.contains(&segments.as_bytes().to_vec()));
            for spelling in &all {
                prop_assert!(spelling.starts_with(b"/"));
                prop_assert_eq!(normal(spelling), normal(segments.as_bytes()));
            }
            prop_assert!(all.contains(&normal(segments.as_bytes())));
        }

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
