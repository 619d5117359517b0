//! Names of paths, URLs and prefixes of paths for invalidation.
//!
//! Paths and queries are compared in decoded form, so that `/a%62` and `/ab` have one name: to
//! invalidate too much is safe, too little is not. The name of a URL contains the query pairs that
//! are in the key, so that it depends on the route. Path normalization by the application is unknown,
//! so a path also stands for itself with and without a trailing slash, and with repeated slashes
//! merged.
//!
//! A prefix is compared by whole segments: `/shop` is one of `/shop`, `/shop/` and `/shop/1/a`, and not of
//! `/shops`. Empty segments do not count, as `NormalizePath` may have removed them.

use super::{
    generation::Generation,
    registry::{Name, Registry},
    scope::Bump,
};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// Returns the name of a path: decoded, with a leading slash.
pub(crate) fn name(raw: &str) -> Cow<'_, [u8]> {
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
pub(crate) fn names(text: &str) -> Vec<Vec<u8>> {
    let (alone, _) = split(text);
    let mut names = spellings(&name(alone));
    if text.starts_with('/') && alone != text {
        names.extend(spellings(&name(text)));
    }
    names
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

/// Number of segments that are compared: a longer prefix counts as its first ones, which reaches more.
/// It bounds the generations of a stored response, and its nonces.
pub(crate) const MAX_SEGMENTS: usize = 6;

/// Returns the generations of the prefixes that a response to this path depends on.
pub(crate) fn hold_prefixes(registry: &Registry, path: &[u8]) -> Vec<Generation> {
    let prefixes = prefixes(path).into_iter();
    prefixes
        .map(|name| registry.hold(&Name::Prefix(&name)))
        .collect()
}

/// Expires or invalidates the responses to all paths with a prefix other than the root.
pub(crate) fn bump_prefix(registry: &Registry, text: &str, bump: Bump) {
    registry.bump(&Name::Prefix(&prefix_name(text)), bump);
    for path in paths_of_prefix(text) {
        registry.bump(&Name::Path(&path), bump);
    }
}

/// Returns the names of the paths that are equal to a prefix.
pub(crate) fn paths_of_prefix(text: &str) -> Vec<Vec<u8>> {
    path_of_prefix(text).map_or_else(Vec::new, |path| names(&path))
}

/// Returns the name of a prefix, which may be a URL: each segment with a slash before it. Empty for the
/// root.
pub(crate) fn prefix_name(text: &str) -> Vec<u8> {
    let (path, _) = split(text);
    joined(&name(path), MAX_SEGMENTS)
}

/// Returns the names of the prefixes that a response to this path depends on, without those that an
/// invalidation of the path itself covers: see [`path_of_prefix`].
pub(crate) fn prefixes(path: &[u8]) -> Vec<Vec<u8>> {
    let segments = segments(path).count();
    // No spelling of the prefix is a path with an empty segment.
    let has_empty = path.windows(2).any(|pair| pair == b"//");
    let longest = if has_empty {
        segments
    } else {
        segments.saturating_sub(1)
    };
    (1..=longest.min(MAX_SEGMENTS))
        .map(|length| joined(path, length))
        .collect()
}

/// Returns the path that is equal to a prefix, unless the prefix was cut.
pub(crate) fn path_of_prefix(text: &str) -> Option<String> {
    let (path, _) = split(text);
    let decoded = name(path);
    (segments(&decoded).count() <= MAX_SEGMENTS).then(|| path.to_owned())
}

fn segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/')
        .filter(|segment| !segment.is_empty())
}

fn joined(path: &[u8], length: usize) -> Vec<u8> {
    let mut name = Vec::with_capacity(path.len());
    for segment in segments(path).take(length) {
        name.push(b'/');
        name.extend(segment);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_has_one_name_for_all_escapes() {
        assert_eq!(name("/a%62"), name("/ab"));
        assert_eq!(name("/%C3%BC"), name("/ü"));
        assert_eq!(name("/a%2fb"), name("/a/b"));
        assert_eq!(name("a"), name("/a"));
        assert_ne!(name("/a+b"), name("/a b"), "a plus is a plus in a path");
        assert_eq!(*name("/50%"), *b"/50%");
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
        let paths = names(text).into_iter();
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
            prop_assert_eq!(&*name(&escaped), &*plain);
        }

        #[test]
        fn any_text_has_a_name_that_begins_with_a_slash(text in ".*") {
            let (before, _) = split(&text);
            prop_assert!(name(before).starts_with(b"/"));
            prop_assert!(name(&text).starts_with(b"/"));
        }
    }

    fn text(names: Vec<Vec<u8>>) -> Vec<String> {
        let text = names
            .into_iter()
            .map(|name| String::from_utf8(name).unwrap());
        text.collect()
    }

    #[test]
    fn a_prefix_has_one_name_in_all_spellings() {
        for spelling in [
            "/a/b",
            "/a/b/",
            "a/b",
            "//a//b//",
            "/a/%62",
            "/a%2fb",
            "http://x.test/a/b?c=1#d",
        ] {
            assert_eq!(prefix_name(spelling), b"/a/b", "{spelling}");
        }
        for root in ["/", "//", "http://x.test"] {
            assert_eq!(prefix_name(root), b"", "{root}");
        }
        assert_eq!(prefix_name("/1/2/3/4/5/6/7"), b"/1/2/3/4/5/6");
    }

    #[test]
    fn a_path_depends_on_the_prefixes_above_it() {
        for (path, names) in [
            ("/", vec![]),
            ("//", vec![]),
            ("/a", vec![]),
            ("/a/", vec![]),
            ("/a//", vec!["/a"]),
            ("//a", vec!["/a"]),
            ("/a/b", vec!["/a"]),
            ("/a/b/c/", vec!["/a", "/a/b"]),
            (
                "/1/2/3/4/5/6/7/8",
                vec![
                    "/1",
                    "/1/2",
                    "/1/2/3",
                    "/1/2/3/4",
                    "/1/2/3/4/5",
                    "/1/2/3/4/5/6",
                ],
            ),
        ] {
            assert_eq!(text(prefixes(path.as_bytes())), names, "{path}");
        }
    }

    proptest! {
        #[test]
        fn a_prefix_reaches_the_paths_that_begin_with_its_segments(
            prefix in "(/{1,2}(a|b|%61)){0,8}/?",
            path in "(/{1,2}(a|b|%61|aa)){0,9}/{0,2}",
        ) {
            let (prefix, path) = (format!("/{prefix}"), format!("/{path}"));
            let parts = |text: &str| -> Vec<String> {
                let decoded = text.replace("%61", "a");
                decoded.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
            };
            let wanted = parts(&prefix);
            let begins = parts(&path).starts_with(&wanted[..wanted.len().min(MAX_SEGMENTS)]);
            let decoded = name(&path);
            let name = prefix_name(&prefix);
            let exact = path_of_prefix(&prefix).map(|exact| names(&exact)).unwrap_or_default();
            let is_reached = name.is_empty() || prefixes(&decoded).contains(&name) || exact.contains(&decoded.to_vec());
            let is_cut_and_equal = wanted.len() > MAX_SEGMENTS && parts(&path).len() == MAX_SEGMENTS;
            prop_assert!(begins || !is_reached);
            prop_assert!(is_reached || !begins || is_cut_and_equal);
        }
    }
}
