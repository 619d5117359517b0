//! How the calls of the last second ended, in tenths.

use std::time::Duration;

const TENTHS: usize = 10;
/// In milliseconds.
const TENTH: u32 = 100;

/// Fewer calls than this say nothing about a store.
const ENOUGH: u32 = 20;

/// Counts of calls, and of those that failed, by the tenth of a second in which they ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Window {
    ended: [Tenth; TENTHS],
    /// The number of the youngest tenth.
    youngest: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tenth {
    calls: u32,
    failed: u32,
}

impl Window {
    /// A call has ended now. One that comes late, because another was faster, counts as of now.
    pub(crate) fn record(&mut self, now: Duration, failed: bool) {
        // By hand: a division of so many nanoseconds costs more than all else here.
        self.turn_to(now.as_secs() * TENTHS as u64 + u64::from(now.subsec_millis() / TENTH));
        let tenth = &mut self.ended[place(self.youngest)];
        tenth.calls = tenth.calls.saturating_add(1);
        tenth.failed = tenth.failed.saturating_add(failed.into());
    }

    /// Whether half of them failed, of enough.
    pub(crate) fn is_half_failed(&self) -> bool {
        let failed = self.sum(|tenth| tenth.failed);
        if failed == 0 {
            return false;
        }
        let calls = self.sum(|tenth| tenth.calls);
        calls >= ENOUGH && failed.saturating_mul(2) >= calls
    }

    fn sum(&self, count: impl Fn(&Tenth) -> u32) -> u32 {
        self.ended.iter().map(count).fold(0, u32::saturating_add)
    }

    fn turn_to(&mut self, tenth: u64) {
        let gone = tenth.saturating_sub(self.youngest).min(TENTHS as u64);
        for step in 1..=gone {
            self.ended[place(self.youngest + step)] = Tenth::default();
        }
        self.youngest = self.youngest.max(tenth);
    }
}

/// Where a tenth is counted, in the place of the one a second before it.
fn place(tenth: u64) -> usize {
    usize::try_from(tenth % TENTHS as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn after(calls: &[(u64, bool)]) -> bool {
        let mut window = Window::default();
        for &(millis, failed) in calls {
            window.record(Duration::from_millis(millis), failed);
        }
        window.is_half_failed()
    }

    #[test]
    fn half_of_twenty_within_a_second_is_enough() {
        let half = |n: u64| (0..n).map(|n| (n, n % 2 == 0)).collect::<Vec<_>>();
        assert!(!after(&half(19)), "too few, though more than half");
        assert!(after(&half(20)));
        let mut fewer = half(20);
        fewer[0].1 = false;
        assert!(!after(&fewer), "9 of 20");
    }

    #[test]
    fn what_is_a_second_old_no_longer_counts() {
        let at = |last| {
            let mut calls = vec![(50, true); 19];
            calls.push((last, true));
            after(&calls)
        };
        assert!(at(999));
        assert!(!at(1_000));
        assert!(!at(u64::MAX));
    }

    proptest! {
        #[test]
        fn it_counts_what_a_list_of_the_last_ten_tenths_has(
            steps in prop::collection::vec((0u64..400, any::<bool>()), 1..120),
        ) {
            let (mut now, mut calls) = (0, Vec::new());
            let mut window = Window::default();
            for (step, failed) in steps {
                // Most calls come close to one another, or none would be enough.
                now += step / 8;
                calls.push((now / 100, failed));
                window.record(Duration::from_millis(now), failed);
                let last = calls.iter().filter(|(tenth, _)| tenth + 10 > now / 100);
                let (all, bad) = last.fold((0, 0), |(all, bad), (_, failed)| {
                    (all + 1, bad + u32::from(*failed))
                });
                prop_assert_eq!(window.is_half_failed(), all >= 20 && bad * 2 >= all);
            }
        }
    }
}
