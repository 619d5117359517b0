//! What a request's target is called when it is invalidated.
//!
//! A path and a query are compared as they are decoded, so that `/a%62` and `/ab` have one name:
//! to invalidate too much is safe, too little is not. Of a query a name has what the key has of it.
//! What the key leaves out is the route's word, so the name of a URL depends on who reads it.

use super::{facts::Fields, query, query::Names, terms::Terms};
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

/// What a route keeps of a query.
#[derive(Debug)]
pub(crate) struct Narrowing {
    names: Names,
    fields: Fields,
    flag: Option<Box<str>>,
}

impl Narrowing {
    pub(crate) fn of(terms: &Terms) -> Self {
        Self {
            names: terms.policy.names.clone(),
            fields: terms.fields,
            flag: terms.hidden_flag.clone(),
        }
    }

    /// That of a route which keeps all but its flag.
    pub(crate) fn plain(flag: Option<&str>) -> Self {
        Self {
            names: Names::All,
            fields: None,
            flag: flag.map(Into::into),
        }
    }

    /// Whether a route with these terms keeps the same.
    pub(crate) fn is_of(&self, terms: &Terms) -> bool {
        self.fields == terms.fields
            && self.names == terms.policy.names
            && self.flag == terms.hidden_flag
    }

    /// The name of a query: what is kept of it, in the key's order, decoded as a form is.
    pub(crate) fn name(&self, query: Option<&str>) -> String {
        query::kept(query, &self.names, self.fields, self.flag.as_deref())
            .map(|kept| query::decoded(&kept).into_owned())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::{Narrowing, path, split};
    use crate::judgement::{policy::Policy, terms::Terms};
    use proptest::prelude::*;

    fn name(policy: Policy, query: &str) -> String {
        Narrowing::of(&Terms::new(policy, &[])).name(Some(query))
    }

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

    #[test]
    fn the_order_of_names_makes_no_difference_and_that_of_values_does() {
        assert_eq!(name(Policy::default(), "b=2&a=1"), "a=1&b=2");
        assert_eq!(name(Policy::default(), "a=2&a=1"), "a=2&a=1");
        assert_eq!(name(Policy::default().query_exact(), "b=2&a=1"), "b=2&a=1");
        assert_eq!(name(Policy::default(), "%61=%62"), "a=b");
    }

    #[test]
    fn what_the_key_leaves_out_is_not_in_the_name() {
        assert_eq!(name(Policy::default(), "a=1&nocache=1"), "a=1");
        let narrow = || Policy::default().query(["page"]);
        assert_eq!(name(narrow(), "page=2&junk=1"), "page=2");
        assert_eq!(name(narrow(), "junk=1"), "");
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
