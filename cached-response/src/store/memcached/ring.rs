//! On which server a name lives.

use crate::store::memcached::{pool::Server, request::MANY};
use sha1::{Digest, Sha1};
use std::{fmt, sync::Arc};

/// One server or more.
pub(crate) struct Servers(Vec<Arc<Server>>);

/// A server, and which of some names live there.
pub(crate) type Group<'a> = (&'a Arc<Server>, Vec<usize>);

impl Servers {
    /// Those at these addresses, of which there is one at least.
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

    /// The server of a name: the one whose address and the name have the highest hash together. So
    /// each process finds the same one, and where a server is taken away, only its names move.
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

    /// The names by server, as many in a group as are asked in one round trip.
    pub(crate) fn groups(&self, names: &[&str]) -> Vec<Group<'_>> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for (place, name) in names.iter().enumerate() {
            let server = self.of(name);
            let has_room = |(other, places): &&mut Group<'_>| {
                Arc::ptr_eq(other, server) && places.len() < MANY
            };
            match groups.iter_mut().find(has_room) {
                Some((_, places)) => places.push(place),
                None => groups.push((server, vec![place])),
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
    fn names_are_spread_and_only_those_of_a_server_that_is_taken_away_move() {
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
    fn groups_hold_each_name_once_and_no_more_than_go_in_one_round_trip() {
        let (servers, names) = (servers(&["a:1", "b:1"]), names());
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let mut seen = Vec::new();
        for (server, places) in servers.groups(&names) {
            assert!(places.len() <= MANY);
            assert!(
                places
                    .iter()
                    .all(|place| Arc::ptr_eq(servers.of(names[*place]), server))
            );
            seen.extend(places);
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..names.len()).collect::<Vec<_>>());
    }
}
