//! Hit-for-pass markers: keys whose last response could not be stored, or was too slow to wait for, so
//! that requests for them are not coalesced.

use crate::{
    key::Key,
    memory::{BoundedMap, Weigh},
    metrics::reason::Skip,
    time::moment::Timestamp,
};
use std::time::Duration;

/// The lifetime of a marker.
const MARKER_LIFETIME: Duration = Duration::from_secs(30);
/// The number of skips in a row that mark a key. `disable_cache()` is one skip, a structural reason
/// counts as all.
const MARK_AFTER: u8 = 3;
/// The capacity of the table, in bytes.
const MAX_BYTES: u64 = 2 << 20;

#[derive(Clone, Copy, Debug)]
struct Marker {
    /// `None` where it lasts until a response is stored.
    until: Option<Timestamp>,
    skips: u8,
    /// The reason why the last response was not stored, if it is known.
    why: Option<Skip>,
}

impl Marker {
    fn is_alive(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl Weigh for Marker {
    fn weight(&self) -> usize {
        size_of::<Self>()
    }
}

/// A small bounded table of markers, read only after a miss.
#[derive(Debug)]
pub(crate) struct HitForPass(BoundedMap<Key, Marker>);

impl HitForPass {
    pub(crate) fn new() -> Self {
        Self(BoundedMap::new(MAX_BYTES))
    }

    /// Returns true for a key whose requests run without waiting for each other.
    pub(crate) fn pass(&self, key: &Key, now: Timestamp) -> bool {
        self.0
            .get(key)
            .is_some_and(|marker| marker.skips >= MARK_AFTER && marker.is_alive(now))
    }

    /// Notes that a response was not stored.
    pub(crate) fn note(&self, key: &Key, why: Skip, now: Timestamp) {
        let step = match why {
            Skip::Disabled => 1,
            _ if why.prevents_coalescing() => MARK_AFTER,
            _ => return,
        };
        self.0.update(key.clone(), |before| {
            let before = before.filter(|marker| marker.is_alive(now));
            let (until, skips) = match before {
                Some(Marker { until: None, .. }) => (None, MARK_AFTER),
                Some(marker) => (
                    Some(now.after(MARKER_LIFETIME)),
                    marker.skips.saturating_add(step),
                ),
                None => (Some(now.after(MARKER_LIFETIME)), step),
            };
            Some(Marker {
                until,
                skips,
                why: Some(why),
            })
        });
    }

    /// Notes that the body of a response took longer than `wait_timeout`: until one is stored, requests
    /// run at once.
    pub(crate) fn note_slow(&self, key: &Key) {
        self.0.update(key.clone(), |before| {
            Some(Marker {
                until: None,
                skips: MARK_AFTER,
                why: before.and_then(|marker| marker.why),
            })
        });
    }

    /// Notes the reason why a streamed response was not stored, for the head of the next one. Requests
    /// still coalesce.
    pub(crate) fn expect(&self, key: &Key, why: Skip, now: Timestamp) {
        self.0.update(key.clone(), |before| {
            let before = before.filter(|marker| marker.is_alive(now));
            let why = Some(why);
            Some(match before {
                Some(marker) => Marker { why, ..*marker },
                None => Marker {
                    until: Some(now.after(MARKER_LIFETIME)),
                    skips: 0,
                    why,
                },
            })
        });
    }

    /// Returns the reason why the last response under this key was not stored, if that was recent.
    pub(crate) fn expected(&self, key: &Key, now: Timestamp) -> Option<Skip> {
        let marker = self.0.get(key).filter(|marker| marker.is_alive(now))?;
        marker.why
    }

    /// Removes the marker of a key whose response was stored.
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

    #[test]
    fn a_million_keys_that_cannot_be_stored_stay_in_bounds() {
        let (markers, now) = (HitForPass::new(), Timestamp::default());
        let key = |n: u32| KeyRef::new(TypeId::of::<()>(), &n.to_le_bytes()).to_key();
        for n in 0..1_000_000 {
            markers.note(&key(n), Skip::SetCookie, now);
            // A key whose marker was evicted only waits without need.
            let _ = markers.pass(&key(n / 2), now);
        }
        let (held, bytes) = markers.size();
        assert!(
            held > 0 && bytes <= MAX_BYTES,
            "{held} markers of {bytes} bytes"
        );
    }
}
