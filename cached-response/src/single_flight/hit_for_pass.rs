//! Pass markers: keys whose last response could not be stored, or came too slowly to wait for it, so
//! that nobody waits for the next.

use crate::{
    key::Key,
    memory::map::{BoundedMap, Weigh},
    metrics::reason::Skip,
    time::moment::Timestamp,
};
use std::time::Duration;

/// How long a marker lets requests run at once.
const LASTS: Duration = Duration::from_secs(30);
/// `disable_cache()` speaks for one response; so many in a row speak for the route.
const IN_A_ROW: u8 = 3;
/// The bytes that markers may take.
const CAPACITY: u64 = 2 << 20;

#[derive(Clone, Copy, Debug)]
struct Marker {
    /// `None` where it lasts until a response is stored.
    until: Option<Timestamp>,
    in_a_row: u8,
    /// Why the last response was not stored, if that is known.
    why: Option<Skip>,
}

impl Marker {
    fn lasts(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl Weigh for Marker {
    fn weight(&self) -> usize {
        size_of::<Self>()
    }
}

/// A small bounded table, read only after a look-up missed.
#[derive(Debug)]
pub(crate) struct HitForPass(BoundedMap<Key, Marker>);

impl HitForPass {
    pub(crate) fn new() -> Self {
        Self(BoundedMap::new(CAPACITY))
    }

    /// Whether requests for this key should run without waiting for one another.
    pub(crate) fn pass(&self, key: &Key, now: Timestamp) -> bool {
        self.0
            .get(key)
            .is_some_and(|marker| marker.in_a_row >= IN_A_ROW && marker.lasts(now))
    }

    /// Notes that a response was not stored.
    pub(crate) fn note(&self, key: &Key, why: Skip, now: Timestamp) {
        let step = match why {
            Skip::Disabled => 1,
            _ if why.is_structural() => IN_A_ROW,
            _ => return,
        };
        self.0.update(key.clone(), |before| {
            let before = before.filter(|marker| marker.lasts(now));
            let (until, in_a_row) = match before {
                Some(Marker { until: None, .. }) => (None, IN_A_ROW),
                Some(marker) => (Some(now.after(LASTS)), marker.in_a_row.saturating_add(step)),
                None => (Some(now.after(LASTS)), step),
            };
            Some(Marker {
                until,
                in_a_row,
                why: Some(why),
            })
        });
    }

    /// Notes that a response had begun, and that its body took longer than anybody waits: until one is
    /// stored, nobody waits for the next.
    pub(crate) fn note_slow(&self, key: &Key) {
        self.0.update(key.clone(), |before| {
            Some(Marker {
                until: None,
                in_a_row: IN_A_ROW,
                why: before.and_then(|marker| marker.why),
            })
        });
    }

    /// Notes why a response was not stored whose head could not tell, for the head of the next one.
    /// Nobody stops waiting for it.
    pub(crate) fn expect(&self, key: &Key, why: Skip, now: Timestamp) {
        self.0.update(key.clone(), |before| {
            let before = before.filter(|marker| marker.lasts(now));
            let why = Some(why);
            Some(match before {
                Some(marker) => Marker { why, ..*marker },
                None => Marker {
                    until: Some(now.after(LASTS)),
                    in_a_row: 0,
                    why,
                },
            })
        });
    }

    /// Returns why the last response under this key was not stored, if that was lately.
    pub(crate) fn expected(&self, key: &Key, now: Timestamp) -> Option<Skip> {
        let marker = self.0.get(key).filter(|marker| marker.lasts(now))?;
        marker.why
    }

    /// A response was stored after all.
    pub(crate) fn clear(&self, key: &Key) {
        if self.0.get(key).is_some() {
            self.0.remove(key);
        }
    }

    pub(crate) fn size(&self) -> (u64, u64) {
        self.0.size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyRef;
    use std::any::TypeId;

    /// A flood of names stays in its bound.
    #[test]
    fn a_million_keys_that_cannot_be_stored_stay_in_bounds() {
        let (markers, now) = (HitForPass::new(), Timestamp::default());
        let key = |n: u32| KeyRef::new(TypeId::of::<()>(), &n.to_le_bytes()).to_key();
        for n in 0..1_000_000 {
            markers.note(&key(n), Skip::SetCookie, now);
            // One that was evicted only waits where it need not.
            let _ = markers.pass(&key(n / 2), now);
        }
        let (held, bytes) = markers.size();
        assert!(
            held > 0 && bytes <= CAPACITY,
            "{held} markers of {bytes} bytes"
        );
    }
}
