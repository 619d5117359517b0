//! Keys of a server for the names of a store.

use crate::store::memcached::{connection::Server, protocol::MAX_BATCH};
use sha1::{Digest, Sha1};
use std::{
    borrow::Cow,
    fmt::{self, Write},
    sync::Arc,
};

/// The maximum length of a key, in bytes.
const MAX_KEY_BYTES: usize = 250;

/// The first character of a key that is the hash of a name.
const HASHED: char = '#';

/// A name if a server accepts it as a key: 250 printable bytes at most, without spaces. Otherwise a hash
/// of the name.
pub(crate) struct MemcachedKey<'a>(Cow<'a, str>);

impl<'a> MemcachedKey<'a> {
    pub(crate) fn of(name: &'a str) -> Self {
        let is_plain = !name.is_empty()
            && name.len() <= MAX_KEY_BYTES
            && !name.starts_with(HASHED)
            && name.bytes().all(|byte| byte.is_ascii_graphic());
        Self(if is_plain {
            name.into()
        } else {
            hashed(name).into()
        })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

fn hashed(name: &str) -> String {
    let mut text = String::with_capacity(41);
    text.push(HASHED);
    for byte in Sha1::digest(name) {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// One server or more.
pub(crate) struct Servers(Vec<Arc<Server>>);

/// A server, and the indices of its names.
pub(crate) type Group<'a> = (&'a Arc<Server>, Vec<usize>);

impl Servers {
    /// The servers at these addresses, of which there is at least one.
    pub(crate) fn new(mut addresses: Vec<String>) -> Self {
        addresses.sort();
        addresses.dedup();
        Self(
            addresses
                .into_iter()
                .map(Server::new)
                .map(Arc::new)
                .collect(),
        )
    }

    /// The server of a name: the one for which the hash of its address and the name is highest. So all
    /// processes find the same one, and if a server is removed, only its names move.
    pub(crate) fn of(&self, name: &str) -> &Arc<Server> {
        let mut best = &self.0[0];
        if let [_] = self.0[..] {
            return best;
        }
        let mut highest = score(best.address(), name);
        for server in &self.0[1..] {
            let score = score(server.address(), name);
            if score > highest {
                (best, highest) = (server, score);
            }
        }
        best
    }

    /// The names by server, at most [`MAX_BATCH`] in a group.
    pub(crate) fn groups(&self, names: &[&str]) -> Vec<Group<'_>> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let server = self.of(name);
            let has_room = |(other, indices): &&mut Group<'_>| {
                Arc::ptr_eq(other, server) && indices.len() < MAX_BATCH
            };
            match groups.iter_mut().find(has_room) {
                Some((_, indices)) => indices.push(index),
                None => groups.push((server, vec![index])),
            }
        }
        groups
    }
}

fn score(address: &str, name: &str) -> [u8; 20] {
    let mut sha = Sha1::new();
    sha.update(address);
    sha.update([0]);
    sha.update(name);
    sha.finalize().into()
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses = self.0.iter().map(|server| server.address());
        f.debug_list().entries(addresses).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn key(name: &str) -> String {
        MemcachedKey::of(name).0.into_owned()
    }

    #[test]
    fn a_plain_name_is_its_own_key() {
        let longest = "x".repeat(250);
        for name in ["a", "shop:/products/42:0f", longest.as_str()] {
            assert_eq!(key(name), name);
        }
    }

    #[test]
    fn other_names_have_keys_of_their_own() {
        let names = [
            "",
            "a b",
            "a\tb",
            "a\r\nflush_all\r\n",
            "\u{7f}",
            "ä",
            "#a",
            &key("a b"),
        ];
        let long = [
            format!("{}a", "x".repeat(250)),
            format!("{}b", "x".repeat(250)),
        ];
        let mut keys: Vec<_> = names
            .into_iter()
            .map(key)
            .chain(long.map(|name| key(&name)))
            .collect();
        assert!(
            keys.iter()
                .all(|key| key.starts_with('#') && key.len() == 41)
        );
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 10);
    }

    proptest! {
        #[test]
        fn any_name_has_a_key_that_a_server_accepts(name in "\\PC{0,300}|[ -~]{0,300}|(?s).{0,20}") {
            let key = key(&name);
            prop_assert!((1..=250).contains(&key.len()));
            prop_assert!(key.bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert!(key == name || key.starts_with('#'));
        }
    }

    fn servers(addresses: &[&str]) -> Servers {
        Servers::new(addresses.iter().map(ToString::to_string).collect())
    }

    fn names() -> Vec<String> {
        (0..3000).map(|number| format!("shop:g:{number}")).collect()
    }

    #[test]
    fn the_server_of_a_name_is_the_same_in_any_order_and_version() {
        let (one, other) = (
            servers(&["a:1", "b:1", "c:1"]),
            servers(&["c:1", "a:1", "b:1", "a:1"]),
        );
        for name in names() {
            assert_eq!(one.of(&name).address(), other.of(&name).address());
        }
        let found =
            ["shop:g:0", "shop:g:1", "shop:g:2", "shop:g:3"].map(|name| one.of(name).address());
        assert_eq!(found, ["c:1", "b:1", "a:1", "b:1"]);
    }

    #[test]
    fn names_are_spread_and_only_those_of_a_removed_server_move() {
        let (all, fewer) = (servers(&["a:1", "b:1", "c:1"]), servers(&["a:1", "c:1"]));
        let mut spread = BTreeMap::<_, u32>::new();
        for name in names() {
            let before = all.of(&name).address();
            *spread.entry(before).or_default() += 1;
            if before != "b:1" {
                assert_eq!(fewer.of(&name).address(), before);
            }
        }
        assert!(
            spread.values().all(|names| (900..1100).contains(names)),
            "{spread:?}"
        );
    }

    #[test]
    fn groups_hold_each_name_once_and_at_most_a_batch() {
        let (servers, names) = (servers(&["a:1", "b:1"]), names());
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let mut seen = Vec::new();
        for (server, indices) in servers.groups(&names) {
            assert!(indices.len() <= MAX_BATCH);
            assert!(
                indices
                    .iter()
                    .all(|index| Arc::ptr_eq(servers.of(names[*index]), server))
            );
            seen.extend(indices);
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..names.len()).collect::<Vec<_>>());
    }
}
