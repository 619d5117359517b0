//! Redis servers that are a cluster.

use std::io;

use super::redis::Redis;
use super::resp::Reply;
use super::{free_port, until};

/// The slots of a cluster.
const SLOTS: usize = 16_384;

/// A cluster of primaries, each with as many slots.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Redis>,
}

impl Cluster {
    /// Starts one, and waits until all of its nodes know it.
    pub fn start(size: usize, options: &[&str]) -> io::Result<Self> {
        let nodes: Vec<_> = (0..size)
            .map(|_| node(options))
            .collect::<io::Result<_>>()?;
        let each = SLOTS.div_ceil(size);
        for (index, node) in nodes.iter().enumerate() {
            let slots = index * each..SLOTS.min((index + 1) * each);
            let slots: Vec<_> = slots.map(|slot| slot.to_string()).collect();
            let mut add = vec!["CLUSTER", "ADDSLOTS"];
            add.extend(slots.iter().map(String::as_str));
            done(&node.ask(&add)?)?;
            // Nodes of one epoch would have to resolve the conflict first.
            let epoch = (index + 1).to_string();
            done(&node.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch])?)?;
            let first = &nodes[0];
            let port = first.port().to_string();
            let bus = bus_port(first)?;
            done(&node.ask(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus])?)?;
        }
        let cluster = Self { nodes };
        until("a cluster that is whole", || {
            cluster.is_whole().then_some(())
        })?;
        Ok(cluster)
    }

    /// Its nodes.
    pub fn nodes(&self) -> &[Redis] {
        &self.nodes
    }

    /// Its nodes, to be killed.
    pub fn nodes_mut(&mut self) -> &mut [Redis] {
        &mut self.nodes
    }

    /// The slot of a name.
    pub fn slot(&self, name: &str) -> io::Result<usize> {
        let slot = self.nodes[0].ask(&["CLUSTER", "KEYSLOT", name])?;
        slot.text().parse().map_err(io::Error::other)
    }

    /// Returns the node of `slot` according to the first one.
    pub fn owner(&self, slot: usize) -> io::Result<usize> {
        let slot = i64::try_from(slot).map_err(io::Error::other)?;
        let Reply::Many(ranges) = self.nodes[0].ask(&["CLUSTER", "SLOTS"])? else {
            return Err(io::Error::other("no slots"));
        };
        let owner = ranges.iter().find_map(|range| {
            let Reply::Many(parts) = range else {
                return None;
            };
            let [
                Reply::Number(first),
                Reply::Number(last),
                Reply::Many(node),
                ..,
            ] = &**parts
            else {
                return None;
            };
            let has = (*first..=*last).contains(&slot);
            let port = node.get(1)?.text();
            let at = |it: &Redis| it.port().to_string() == port;
            has.then(|| self.nodes.iter().position(at)).flatten()
        });
        owner.ok_or_else(|| io::Error::other("nobody has that slot"))
    }

    /// Begins to move a slot: requests for names that have moved are redirected to the other node.
    pub fn begin_to_move(&self, slot: usize, to: usize) -> io::Result<()> {
        let from = self.owner(slot)?;
        let slot = slot.to_string();
        let (giver, taker) = (self.id(from)?, self.id(to)?);
        let importing = ["CLUSTER", "SETSLOT", &slot, "IMPORTING", &giver];
        done(&self.nodes[to].ask(&importing)?)?;
        let migrating = ["CLUSTER", "SETSLOT", &slot, "MIGRATING", &taker];
        done(&self.nodes[from].ask(&migrating)?)
    }

    /// Moves the names in a slot that has begun to move.
    pub fn move_names(&self, slot: usize, to: usize) -> io::Result<()> {
        let from = self.owner(slot)?;
        let port = self.nodes[to].port().to_string();
        loop {
            let names = ["CLUSTER", "GETKEYSINSLOT", &slot.to_string(), "100"];
            let Reply::Many(names) = self.nodes[from].ask(&names)? else {
                return Err(io::Error::other("no names"));
            };
            if names.is_empty() {
                return Ok(());
            }
            let names: Vec<_> = names.iter().map(Reply::text).collect();
            let mut migrate = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
            migrate.extend(names.iter().map(String::as_str));
            self.nodes[from].ask(&migrate)?;
        }
    }

    /// Ends the move of a slot.
    pub fn end_to_move(&self, slot: usize, to: usize) -> io::Result<()> {
        let taker = self.id(to)?;
        let slot = slot.to_string();
        // First the node that takes it, so that a node always has it.
        let mut nodes: Vec<_> = self.nodes.iter().collect();
        nodes.swap(0, to);
        for node in nodes {
            done(&node.ask(&["CLUSTER", "SETSLOT", &slot, "NODE", &taker])?)?;
        }
        Ok(())
    }

    fn id(&self, node: usize) -> io::Result<String> {
        Ok(self.nodes[node].ask(&["CLUSTER", "MYID"])?.text())
    }

    fn is_whole(&self) -> bool {
        let all_known = format!("cluster_known_nodes:{}", self.nodes.len());
        let is_ready = |node: &Redis| {
            let info = node.ask(&["CLUSTER", "INFO"]).map(|info| info.text());
            info.is_ok_and(|info| info.contains("cluster_state:ok") && info.contains(&all_known))
        };
        self.nodes.iter().all(is_ready)
    }
}

fn node(options: &[&str]) -> io::Result<Redis> {
    // By default the port of the cluster's bus is ten thousand above, where there may be none.
    let bus = free_port()?.to_string();
    let mut all = vec!["--cluster-enabled", "yes", "--cluster-port", &bus];
    all.extend(["--cluster-node-timeout", "1000"]);
    all.extend(options);
    Redis::with(&all)
}

fn bus_port(node: &Redis) -> io::Result<String> {
    let Reply::Many(setting) = node.ask(&["CONFIG", "GET", "cluster-port"])? else {
        return Err(io::Error::other("no cluster-port"));
    };
    Ok(setting.last().map(Reply::text).unwrap_or_default())
}

fn done(reply: &Reply) -> io::Result<()> {
    match reply {
        Reply::Error(error) => Err(io::Error::other(error.clone())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::Cluster;

    #[test]
    fn a_cluster_reports_and_moves_its_slots() {
        let cluster = Cluster::start(3, &[]).unwrap();
        let slot = cluster.slot("name").unwrap();
        let from = cluster.owner(slot).unwrap();
        let to = (from + 1) % 3;
        cluster.nodes()[from].ask(&["SET", "name", "it"]).unwrap();
        cluster.begin_to_move(slot, to).unwrap();
        cluster.move_names(slot, to).unwrap();
        cluster.end_to_move(slot, to).unwrap();
        assert_eq!(
            cluster.nodes()[to].ask(&["GET", "name"]).unwrap().text(),
            "it"
        );
        let moved = cluster.nodes()[from].ask(&["GET", "name"]).unwrap();
        assert!(moved.text().starts_with("MOVED"), "{moved:?}");
    }
}
