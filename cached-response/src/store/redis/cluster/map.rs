//! Which node of a cluster has which slots.

use redis::Value;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::store::{
    error::StoreError,
    redis::{cluster::slot::SLOTS, error, node::Node},
};

/// The host and the port of a node.
pub(crate) type Place = (String, u16);

/// What was last said of the slots.
pub(crate) struct Map {
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
    pub(crate) fn owner(&self, slot: u16) -> Option<&Arc<Node>> {
        let next = self.ranges.partition_point(|range| range.first <= slot);
        let range = self.ranges.get(next.checked_sub(1)?)?;
        (slot <= range.last).then_some(&range.node)
    }

    /// The node in that place.
    pub(crate) fn at(&self, place: &Place) -> Option<&Arc<Node>> {
        let mut nodes = self.nodes();
        nodes
            .find(|(known, _)| *known == place)
            .map(|(_, node)| node)
    }

    /// Every node, each once.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (&Place, &Arc<Node>)> {
        let ranges = self.ranges.iter().enumerate();
        let first = ranges.filter(|(index, range)| {
            let before = &self.ranges[..*index];
            before.iter().all(|before| before.place != range.place)
        });
        first.map(|(_, range)| (&range.place, &range.node))
    }

    /// How many slots have a node.
    pub(crate) fn covered(&self) -> u32 {
        let lengths = self
            .ranges
            .iter()
            .map(|it| u32::from(it.last - it.first) + 1);
        lengths.sum()
    }

    /// Whether every slot has a node.
    pub(crate) fn is_whole(&self) -> bool {
        self.covered() == u32::from(SLOTS)
    }

    pub(crate) fn is_older_than(&self, time: Duration) -> bool {
        self.drawn.elapsed() > time
    }
}

/// Reads the answer to `CLUSTER SLOTS` of the node in place `said_by`.
pub(crate) fn parse(
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
    let mut ranges = ranges.ok_or_else(error::protocol_error)?;
    ranges.sort_unstable_by_key(|range| range.first);
    let overlap = ranges.is_sorted_by(|range, next| range.last < next.first);
    if ranges.is_empty() || !overlap {
        return Err(error::protocol_error());
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use redis::Value;

    use super::{Map, Place, parse};
    use crate::store::redis::cluster::slot::SLOTS;
    use crate::store::redis::{address::Address, node::Node, target::Target};

    fn node((host, port): Place) -> Arc<Node> {
        let address = Address::parse("redis://seed").unwrap();
        Arc::new(Node::new(Target::Fixed(address.elsewhere(&host, port))))
    }

    fn read(slots: &[Value]) -> Option<Map> {
        parse(slots, &("asked".to_owned(), 7), node).ok()
    }

    fn text(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    fn range(first: i64, last: i64, host: Value, port: i64) -> Value {
        let primary = Value::Array(vec![host, Value::Int(port), text("its id")]);
        let replica = Value::Array(vec![text("replica"), Value::Int(9), text("its id")]);
        Value::Array(vec![Value::Int(first), Value::Int(last), primary, replica])
    }

    fn owner(map: &Map, slot: u16) -> Option<String> {
        map.owner(slot).map(|node| format!("{node:?}"))
    }

    #[test]
    fn a_slot_is_with_the_primary_of_its_range() {
        let slots = [
            range(8_192, 16_383, text("two"), 2),
            range(0, 4_095, text("one"), 1),
        ];
        let map = read(&slots).unwrap();
        for (slot, place) in [
            (0, Some("one:1")),
            (4_095, Some("one:1")),
            (4_096, None),
            (8_191, None),
            (8_192, Some("two:2")),
            (16_383, Some("two:2")),
        ] {
            assert_eq!(owner(&map, slot).as_deref(), place, "{slot}");
        }
        assert!(!map.is_whole());
        assert_eq!(map.nodes().count(), 2);
    }

    #[test]
    fn a_node_that_does_not_know_where_it_is_is_where_it_was_asked() {
        for host in [Value::Nil, text("")] {
            let map = read(&[range(0, 16_383, host, 5)]).unwrap();
            assert_eq!(owner(&map, 1).as_deref(), Some("asked:5"));
            assert!(map.is_whole());
        }
    }

    #[test]
    fn a_map_that_contradicts_itself_is_none() {
        let at = |first, last| range(first, last, text("one"), 1);
        for slots in [
            vec![],
            vec![at(5, 4)],
            vec![at(0, 16_384)],
            vec![at(-1, 5)],
            vec![at(0, 5), at(5, 9)],
            vec![range(0, 5, text("one"), 65_536)],
            vec![range(0, 5, Value::Int(1), 1)],
            vec![Value::Array(vec![Value::Int(0), Value::Int(5)])],
        ] {
            assert!(read(&slots).is_none(), "{slots:?}");
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Nil),
            Just(Value::Okay),
            (-2..20_000_i64).prop_map(Value::Int),
            any::<i64>().prop_map(Value::Int),
            any::<Vec<u8>>().prop_map(Value::BulkString),
        ];
        leaf.prop_recursive(3, 32, 5, |value| {
            prop::collection::vec(value, 0..5).prop_map(Value::Array)
        })
    }

    fn any_range() -> impl Strategy<Value = Value> {
        let host = prop_oneof![Just(text("one")), Just(text("")), any_value()];
        let parts = (-2..20_000_i64, -2..20_000_i64, host, -2..70_000_i64);
        parts.prop_map(|(first, last, host, port)| range(first, last, host, port))
    }

    proptest! {
        #[test]
        fn whatever_is_said_is_read_or_refused(
            slots in prop::collection::vec(prop_oneof![any_range(), any_value()], 0..4),
        ) {
            if let Some(map) = read(&slots) {
                let owned = (0..SLOTS).filter(|slot| map.owner(*slot).is_some()).count();
                prop_assert_eq!(owned, map.covered() as usize);
                prop_assert!(owned > 0);
            }
        }
    }
}
