//! Which node of a cluster has which slots.

use redis::Value;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::slot::SLOTS;
use crate::ground::{
    redis::{failure, node::Node},
    store::StoreError,
};

/// The host and the port of a node.
pub(super) type Place = (String, u16);

/// What was last said of the slots.
pub(super) struct Map {
    /// Without overlaps, in the order of slots.
    ranges: Vec<Range>,
    drawn: Instant,
}

struct Range {
    first: u16,
    last: u16,
    place: Place,
    node: Arc<Node>,
}

impl Map {
    /// The node that has `slot`.
    pub(super) fn owner(&self, slot: u16) -> Option<&Arc<Node>> {
        let next = self.ranges.partition_point(|range| range.first <= slot);
        let range = self.ranges.get(next.checked_sub(1)?)?;
        (slot <= range.last).then_some(&range.node)
    }

    /// The node in that place.
    pub(super) fn at(&self, place: &Place) -> Option<&Arc<Node>> {
        let mut nodes = self.nodes();
        nodes
            .find(|(known, _)| *known == place)
            .map(|(_, node)| node)
    }

    /// Every node, each once.
    pub(super) fn nodes(&self) -> impl Iterator<Item = (&Place, &Arc<Node>)> {
        let ranges = self.ranges.iter().enumerate();
        let first = ranges.filter(|(index, range)| {
            let before = &self.ranges[..*index];
            before.iter().all(|before| before.place != range.place)
        });
        first.map(|(_, range)| (&range.place, &range.node))
    }

    /// How many slots have a node.
    pub(super) fn covered(&self) -> u32 {
        let lengths = self
            .ranges
            .iter()
            .map(|it| u32::from(it.last - it.first) + 1);
        lengths.sum()
    }

    /// Whether every slot has a node.
    pub(super) fn is_whole(&self) -> bool {
        self.covered() == u32::from(SLOTS)
    }

    pub(super) fn is_older_than(&self, time: Duration) -> bool {
        self.drawn.elapsed() > time
    }
}

/// Reads the answer to `CLUSTER SLOTS` of the node in place `said_by`.
pub(super) fn parse(
    slots: &[Value],
    said_by: &Place,
    node: impl Fn(Place) -> Arc<Node>,
) -> Result<Map, StoreError> {
    let ranges = slots.iter().map(|range| {
        let (first, last, place) = read(range, said_by)?;
        let node = node(place.clone());
        Some(Range {
            first,
            last,
            place,
            node,
        })
    });
    let ranges: Option<Vec<_>> = ranges.collect();
    let mut ranges = ranges.ok_or_else(failure::garbled)?;
    ranges.sort_unstable_by_key(|range| range.first);
    let overlap = ranges.is_sorted_by(|range, next| range.last < next.first);
    if ranges.is_empty() || !overlap {
        return Err(failure::garbled());
    }
    Ok(Map {
        ranges,
        drawn: Instant::now(),
    })
}

/// First and last slot, and where the primary is: what follows are replicas.
fn read(range: &Value, said_by: &Place) -> Option<(u16, u16, Place)> {
    let Value::Array(parts) = range else {
        return None;
    };
    let [
        Value::Int(first),
        Value::Int(last),
        Value::Array(primary),
        ..,
    ] = &**parts
    else {
        return None;
    };
    let (first, last) = (u16::try_from(*first).ok()?, u16::try_from(*last).ok()?);
    if first > last || last >= SLOTS {
        return None;
    }
    let [host, Value::Int(port), ..] = &**primary else {
        return None;
    };
    let host = match host {
        // A node that does not know its own address is where it was asked.
        Value::Nil => &said_by.0,
        Value::BulkString(host) if host.is_empty() => &said_by.0,
        Value::BulkString(host) => &String::from_utf8(host.clone()).ok()?,
        _ => return None,
    };
    Some((first, last, (host.clone(), u16::try_from(*port).ok()?)))
}
