//! The server of a name, by rendezvous hashing.

use crate::store::memcached::{connection::Server, protocol::MAX_BATCH};
use sha1::{Digest, Sha1};
use std::{fmt, sync::Arc};

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
    use std::collections::BTreeMap;

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
