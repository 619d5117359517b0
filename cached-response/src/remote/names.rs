//! Names in a remote store: the same in every process that shares it.
//!
//! An entry is stored under `namespace:path:digest`. The digest is that of its full key, which is stored
//! with the entry and compared on every read. Each invalidation target has a nonce, under
//! `namespace:g:digest`, and the tags of handlers have stripes as well, `namespace:s:number`. Paths start
//! with a slash, so that names of two kinds are never equal.
//!
//! A Redis Cluster hashes only the part of a name between `{` and `}`, if there is one. The path is the only
//! part that a client chooses, and its braces are escaped: so a client cannot put many names into one slot.
//! The braces of a namespace are the operator's.

use crate::{
    invalidation::path,
    key::query::QueryKey,
    util::{has_weak_hashes, weak_hash},
};
use actix_web::http::Uri;
use sha1::{Digest, Sha1};
use std::borrow::Cow;

/// Default name of the flag that forces a refresh.
const DEFAULT_FLAG: &str = "nocache";

/// Prefix of all names of one cache.
#[derive(Clone, Debug)]
pub(crate) struct Namespace {
    name: Box<str>,
    schema_version: u32,
}

/// Digest of a full key in names. An entry that is found by it has its full key compared.
pub(crate) struct FullDigest(String);

impl FullDigest {
    pub(crate) fn of(full_key: &[u8]) -> Self {
        if has_weak_hashes() {
            return Self(format!("{:x}", weak_hash(full_key)));
        }
        Self(hex(&[full_key]))
    }
}

/// Target of an invalidation.
#[derive(Clone, Copy)]
enum InvalidationScope<'a> {
    All,
    Path(&'a [u8]),
    /// Path and whole query.
    Url(&'a [u8], &'a str),
    /// Path on routes that leave a part of the query out of their keys: an invalidation of a URL does not
    /// depend on which part.
    Narrowed(&'a [u8]),
    Tag(&'a str),
    Prefix(&'a [u8]),
}

impl Namespace {
    pub(crate) fn new(name: &str, schema_version: u32) -> Self {
        Self {
            name: name.into(),
            schema_version,
        }
    }

    /// Returns the full key of an entry, which is the same in every process.
    pub(crate) fn full_key(&self, identity: &[u8], key: &[u8]) -> Vec<u8> {
        let parts = [
            self.name.as_bytes(),
            &self.schema_version.to_be_bytes(),
            identity,
        ];
        let length = parts.iter().map(|part| part.len() + 8).sum::<usize>() + key.len();
        let mut full = Vec::with_capacity(length);
        for part in parts {
            full.extend((part.len() as u64).to_be_bytes());
            full.extend(part);
        }
        full.extend(key);
        full
    }

    /// Returns the name of the response to a request for `path`; of a value, for the path `value`.
    pub(crate) fn response(&self, path: &str, digest: &FullDigest) -> String {
        [&*self.name, ":", &without_braces(path), ":", &digest.0].concat()
    }

    /// Returns the name of the lease on a run.
    pub(crate) fn lease(&self, digest: &FullDigest) -> String {
        [&*self.name, ":l:", &digest.0].concat()
    }

    /// Returns the name of the bus channel.
    pub(crate) fn bus(&self) -> String {
        format!("{}:bus", self.name)
    }

    /// Returns the name that probes read, under which no value is stored.
    pub(crate) fn probe(&self) -> String {
        format!("{}:probe", self.name)
    }

    /// Returns the name of the nonce of a tag stripe.
    pub(crate) fn stripe(&self, stripe: usize) -> String {
        format!("{}:s:{stripe}", self.name)
    }

    /// Returns the name of the nonce of a tag.
    pub(crate) fn tag(&self, tag: &str) -> String {
        self.nonce(InvalidationScope::Tag(tag))
    }

    /// Returns the name of the nonce of everything.
    pub(crate) fn all(&self) -> String {
        self.nonce(InvalidationScope::All)
    }

    /// Returns the names of the nonces that a response to this target depends on, without those of tags.
    pub(crate) fn of_target(&self, query: &QueryKey, uri: &Uri) -> Vec<String> {
        let path = path::name(uri.path());
        let mut names = vec![self.all()];
        if is_plain(query) {
            let url = InvalidationScope::Url(&path, &query.name(uri.query()));
            names.extend([self.nonce(InvalidationScope::Path(&path)), self.nonce(url)]);
        } else {
            names.push(self.nonce(InvalidationScope::Narrowed(&path)));
        }
        let prefixes = path::prefixes(&path);
        names.extend(
            prefixes
                .iter()
                .map(|name| self.nonce(InvalidationScope::Prefix(name))),
        );
        names
    }

    /// Returns the names of the nonces that an invalidation of a path deletes: one name for the routes
    /// that keep the whole query, and one for those that do not, which so read one nonce less.
    pub(crate) fn of_path(&self, path: &str) -> Vec<String> {
        let paths = path::names(path);
        let names = paths.iter().flat_map(|path| {
            [
                InvalidationScope::Path(path),
                InvalidationScope::Narrowed(path),
            ]
            .map(|scope| self.nonce(scope))
        });
        names.collect()
    }

    /// Returns the names of the nonces that an invalidation of a prefix deletes.
    pub(crate) fn of_prefix(&self, text: &str) -> Vec<String> {
        let name = path::prefix_name(text);
        if name.is_empty() {
            return vec![self.all()];
        }
        let mut names = vec![self.nonce(InvalidationScope::Prefix(&name))];
        let path = path::path_of_prefix(text);
        names.extend(path.into_iter().flat_map(|path| self.of_path(&path)));
        names
    }

    /// Returns the names of the nonces that an invalidation of a URL deletes: of the URL on routes that
    /// remove their flag, on routes that do not, and of all URLs of the path on routes that leave out a part
    /// of the query.
    pub(crate) fn of_url(&self, url: &str) -> Vec<String> {
        let (path, query) = path::split(url);
        let hidden = QueryKey::whole(Some(DEFAULT_FLAG)).name(query);
        let shown = QueryKey::whole(None).name(query);
        let mut names = Vec::new();
        for path in path::spellings(&path::name(path)) {
            names.push(self.nonce(InvalidationScope::Narrowed(&path)));
            names.push(self.nonce(InvalidationScope::Url(&path, &hidden)));
            if shown != hidden {
                names.push(self.nonce(InvalidationScope::Url(&path, &shown)));
            }
        }
        names
    }

    fn nonce(&self, scope: InvalidationScope<'_>) -> String {
        let digest = match scope {
            InvalidationScope::All => hex(&[b"all"]),
            InvalidationScope::Path(path) => hex(&[b"path", path]),
            InvalidationScope::Url(path, query) => hex(&[b"url", path, query.as_bytes()]),
            InvalidationScope::Narrowed(path) => hex(&[b"narrowed", path]),
            InvalidationScope::Tag(tag) => hex(&[b"tag", tag.as_bytes()]),
            InvalidationScope::Prefix(name) => hex(&[b"prefix", name]),
        };
        [&*self.name, ":g:", &digest].concat()
    }
}

/// Escapes braces as `%7B` and `%7D`. A `%` becomes `%25` only where it would read as one of these three
/// escapes: different paths stay different, and paths that are escaped already stay readable.
fn without_braces(path: &str) -> Cow<'_, str> {
    if !path.contains(['{', '}', '%']) {
        return Cow::Borrowed(path);
    }
    let mut escaped = String::with_capacity(path.len() + 8);
    for (at, letter) in path.char_indices() {
        match letter {
            '{' => escaped.push_str("%7B"),
            '}' => escaped.push_str("%7D"),
            '%' if reads_as_escape(&path[at + 1..]) => escaped.push_str("%25"),
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}

/// Returns whether a `%` before these letters reads as an escape of [`without_braces`].
fn reads_as_escape(after: &str) -> bool {
    ["7B", "7D", "25"]
        .iter()
        .any(|escape| after.starts_with(escape))
}

/// Returns whether a route keeps the whole query except the default flag.
fn is_plain(query: &QueryKey) -> bool {
    query.is_whole() && query.flag().is_none_or(|flag| flag == DEFAULT_FLAG)
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Returns the SHA-1 of these parts with their lengths, in hexadecimal.
fn hex(parts: &[&[u8]]) -> String {
    let mut sha = Sha1::new();
    for part in parts {
        sha.update((part.len() as u64).to_be_bytes());
        sha.update(part);
    }
    let mut text = String::with_capacity(40);
    for byte in sha.finalize() {
        // Without a formatter, which takes as long as all else: a look-up has five names.
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from(DIGITS[usize::from(digit)]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        policy::Policy,
        route::{
            config::RouteConfig,
            inputs::{ArgumentInfo, Role},
        },
    };
    use proptest::prelude::*;

    fn shop() -> Namespace {
        Namespace::new("shop", 1)
    }

    fn url_nonce(policy: Policy, uri: &str) -> String {
        let config = RouteConfig::new(policy, &[(Role::Covered, ArgumentInfo::NEUTRAL)]);
        // The last one, of paths with one segment.
        let mut names = shop().of_target(&config.query, &uri.parse().unwrap());
        names.pop().unwrap()
    }

    #[test]
    fn names_start_with_their_namespace_and_kind() {
        let key = FullDigest::of(&shop().full_key(b"list", b"/products"));
        let name = shop().response("/products", &key);
        assert!(name.starts_with("shop:/products:"));
        assert_eq!(name.len(), "shop:/products:".len() + 40);
        assert!(shop().lease(&key).starts_with("shop:l:"));
        assert_eq!(shop().stripe(63), "shop:s:63");
        assert!(shop().tag("products").starts_with("shop:g:"));
    }

    #[test]
    fn a_name_is_the_same_in_every_process() {
        assert_eq!(
            shop().tag("products"),
            "shop:g:a3ccf46bd69adeebc2773ad8072ab6349a3328ec"
        );
    }

    #[test]
    fn full_keys_of_different_parts_differ() {
        let keys = [
            Namespace::new("a", 1).full_key(b"bc", b"d"),
            Namespace::new("ab", 1).full_key(b"c", b"d"),
            Namespace::new("a", 2).full_key(b"bc", b"d"),
            Namespace::new("a", 1).full_key(b"b", b"cd"),
            Namespace::new("a", 1).full_key(b"bcd", b""),
        ];
        for (n, key) in keys.iter().enumerate() {
            assert!(!keys[..n].contains(key), "{n}");
        }
    }

    #[test]
    fn an_invalidation_of_a_url_reaches_it_on_every_route() {
        let policies: [fn() -> Policy; 7] = [
            Policy::default,
            || Policy::default().query_all(),
            || Policy::default().query(["page"]),
            || Policy::default().ignore_query(["utm_*"]),
            || Policy::default().query_exact(),
            || Policy::default().nocache_off(),
            || Policy::default().nocache("live"),
        ];
        for (n, policy) in policies.into_iter().enumerate() {
            for uri in ["/a%62?page=2&b=1", "/ab?b=1&page=2&nocache=1", "/ab"] {
                let names = shop().of_url(uri);
                assert!(names.contains(&url_nonce(policy(), uri)), "{n} {uri}");
            }
        }
    }

    #[test]
    fn an_invalidation_of_a_url_does_not_reach_others_of_a_plain_route() {
        let names = shop().of_url("/ab?page=2");
        assert!(!names.contains(&url_nonce(Policy::default(), "/ab?page=3")));
        assert!(!names.contains(&url_nonce(Policy::default(), "/ac?page=2")));
    }

    #[test]
    fn an_invalidation_of_a_path_reaches_all_of_its_urls() {
        let config = RouteConfig::new(Policy::default(), &[]);
        for uri in ["/a%62", "/ab?page=2"] {
            let names = shop().of_target(&config.query, &uri.parse().unwrap());
            for text in ["/ab", "/ab?page=7"] {
                let deleted = shop().of_path(text);
                assert!(names.iter().any(|name| deleted.contains(name)), "{uri}");
            }
        }
    }

    #[test]
    fn a_brace_in_a_path_does_not_select_a_slot() {
        let digest = || FullDigest::of(b"key");
        let name = |path| shop().response(path, &digest());
        assert!(name("/{x}/1").starts_with("shop:/%7Bx%7D/1:"));
        assert!(name("/caf%C3%A9/50%").starts_with("shop:/caf%C3%A9/50%:"));
        assert_ne!(name("/{x}"), name("/%7Bx%7D"));
        assert_ne!(name("/%7B"), name("/%257B"));
        // An operator may put all names of a cache into one slot.
        let own = Namespace::new("{shop}", 1).response("/{x}", &digest());
        assert!(own.starts_with("{shop}:/%7Bx%7D:"), "{own}");
    }

    /// Inverse of [`without_braces`].
    fn with_braces(escaped: &str) -> String {
        let mut path = String::new();
        let mut rest = escaped;
        while let Some(letter) = rest.chars().next() {
            let (escape, length) = match rest.get(..3) {
                Some("%7B") => ('{', 3),
                Some("%7D") => ('}', 3),
                Some("%25") => ('%', 3),
                _ => (letter, letter.len_utf8()),
            };
            path.push(escape);
            rest = &rest[length..];
        }
        path
    }

    proptest! {
        #[test]
        fn no_text_of_a_client_adds_a_hash_tag_to_a_name(
            path in "/([{}%257BDd]|\\PC){0,20}",
            tag in "\\PC{0,20}",
        ) {
            let digest = FullDigest::of(path.as_bytes());
            for name in [
                shop().response(&path, &digest),
                shop().lease(&digest),
                shop().tag(&tag),
            ] {
                prop_assert!(!name.contains(['{', '}']), "{name}");
            }
            for names in [shop().of_path(&path), shop().of_url(&path)] {
                let tagged = names.iter().any(|name| name.contains(['{', '}']));
                prop_assert!(!tagged, "{names:?}");
            }
        }

        #[test]
        fn escaped_paths_are_unique(path in "([{}%257BD]|\\PC){0,20}") {
            prop_assert_eq!(with_braces(&without_braces(&path)), path);
        }
    }
}
