//! Prefixes of paths, by whole segments.
//!
//! `/shop` is a prefix of `/shop`, `/shop/` and `/shop/1/a`, and not of `/shops`. Paths are compared
//! percent-decoded, and empty segments do not count, as `NormalizePath` may have removed them.

use super::generation::{Bump, Generation};
use super::registry::{Name, Registry};
use super::target;

/// Number of segments that are compared: a longer prefix counts as its first ones, which reaches more.
/// It bounds the generations of a stored response, and its nonces.
pub(crate) const MAX_SEGMENTS: usize = 6;

/// Returns the generations of the prefixes that a response to this path depends on.
pub(crate) fn hold(names: &Registry, path: &[u8]) -> Vec<Generation> {
    let above = above(path).into_iter();
    above.map(|name| names.hold(&Name::Prefix(&name))).collect()
}

/// Expires or invalidates the responses to all paths with a prefix other than the root.
pub(crate) fn raise(names: &Registry, text: &str, raise: Bump) {
    names.raise(&Name::Prefix(&name(text)), raise);
    let path = exact_path(text);
    for path in path.into_iter().flat_map(|path| target::paths(&path)) {
        names.raise(&Name::Path(&path), raise);
    }
}

/// Returns the name of a prefix, which may be a URL: each segment with a slash before it. Empty for the
/// root.
pub(crate) fn name(text: &str) -> Vec<u8> {
    let (path, _) = target::split(text);
    joined(&target::path(path), MAX_SEGMENTS)
}

/// Returns the names of the prefixes that a response to this path depends on, without those that an
/// invalidation of the path itself covers: see [`exact_path`].
pub(crate) fn above(path: &[u8]) -> Vec<Vec<u8>> {
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
pub(crate) fn exact_path(text: &str) -> Option<String> {
    let (path, _) = target::split(text);
    let decoded = target::path(path);
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
            assert_eq!(name(spelling), b"/a/b", "{spelling}");
        }
        for root in ["/", "//", "http://x.test"] {
            assert_eq!(name(root), b"", "{root}");
        }
        assert_eq!(name("/1/2/3/4/5/6/7"), b"/1/2/3/4/5/6");
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
            assert_eq!(text(above(path.as_bytes())), names, "{path}");
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
            let decoded = target::path(&path);
            let name = name(&prefix);
            let exact = exact_path(&prefix).map(|exact| target::paths(&exact)).unwrap_or_default();
            let is_reached = name.is_empty() || above(&decoded).contains(&name) || exact.contains(&decoded.to_vec());
            let is_cut_and_equal = wanted.len() > MAX_SEGMENTS && parts(&path).len() == MAX_SEGMENTS;
            prop_assert!(begins || !is_reached);
            prop_assert!(is_reached || !begins || is_cut_and_equal);
        }
    }
}
