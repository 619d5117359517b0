//! Counted events.

use crate::metrics::reason::{Bypass, ForwardReason, Skip, StaleRule};

/// A counted event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Hit,
    NotModified,
    Forward(ForwardReason),
    Bypass(Bypass),
    Stored,
    Skip(Skip),
    Collapsed,
    WaitTimeout,
    NestedRun,
    OverMaxWaiters,
    Failed,
    Detached,
    HitForPass,
    OnlyIfCached,
    Validated,
    Refresh,
    RemoteHit,
    Stale(StaleRule),
}

const PLAIN: usize = 14;
const FORWARDS: usize = ForwardReason::ALL.len();
const BYPASSES: usize = Bypass::ALL.len();
const SKIPS: usize = Skip::ALL.len();
pub(crate) const EVENTS: usize = PLAIN + FORWARDS + BYPASSES + SKIPS + StaleRule::ALL.len();

impl Event {
    /// The name of the event in traces.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::NotModified => "not-modified",
            Self::Stored => "stored",
            Self::Collapsed => "collapsed",
            Self::WaitTimeout => "wait-timeout",
            Self::NestedRun => "nested-run",
            Self::OverMaxWaiters => "over-max-waiters",
            Self::Failed => "failed",
            Self::Detached => "detached",
            Self::HitForPass => "hit-for-pass",
            Self::OnlyIfCached => "only-if-cached",
            Self::Validated => "validated",
            Self::Refresh => "refresh",
            Self::RemoteHit => "remote-hit",
            Self::Stale(_) => "stale",
            Self::Forward(_) => "forward",
            Self::Bypass(_) => "bypass",
            Self::Skip(_) => "skip",
        }
    }

    /// The token of its reason, where it has one.
    pub(crate) const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Forward(forward) => Some(forward.as_str()),
            Self::Bypass(bypass) => Some(bypass.as_str()),
            Self::Skip(skip) => Some(skip.as_str()),
            Self::Stale(rule) => Some(rule.as_str()),
            _ => None,
        }
    }

    /// The index of its counter.
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Hit => 0,
            Self::NotModified => 1,
            Self::Stored => 2,
            Self::Collapsed => 3,
            Self::WaitTimeout => 4,
            Self::OverMaxWaiters => 5,
            Self::Failed => 6,
            Self::Detached => 7,
            Self::HitForPass => 8,
            Self::OnlyIfCached => 9,
            Self::Validated => 10,
            Self::Refresh => 11,
            Self::RemoteHit => 12,
            Self::NestedRun => 13,
            Self::Forward(forward) => PLAIN + forward as usize,
            Self::Bypass(bypass) => PLAIN + FORWARDS + bypass as usize,
            Self::Skip(skip) => PLAIN + FORWARDS + BYPASSES + skip as usize,
            Self::Stale(rule) => PLAIN + FORWARDS + BYPASSES + SKIPS + rule as usize,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_a_counter_of_its_own() {
        let plain = [
            Event::Hit,
            Event::NotModified,
            Event::Stored,
            Event::Collapsed,
            Event::WaitTimeout,
            Event::OverMaxWaiters,
            Event::Failed,
            Event::Detached,
            Event::HitForPass,
            Event::OnlyIfCached,
            Event::Validated,
            Event::Refresh,
            Event::RemoteHit,
            Event::NestedRun,
        ];
        let mut indices: Vec<_> = plain
            .into_iter()
            .chain(
                ForwardReason::ALL
                    .iter()
                    .map(|&forward| Event::Forward(forward)),
            )
            .chain(Bypass::ALL.iter().map(|&reason| Event::Bypass(reason)))
            .chain(Skip::ALL.iter().map(|&reason| Event::Skip(reason)))
            .chain(StaleRule::ALL.iter().map(|&rule| Event::Stale(rule)))
            .map(Event::index)
            .collect();
        indices.sort_unstable();
        assert_eq!(indices, (0..EVENTS).collect::<Vec<_>>());
    }
}
