//! Who waits until when.
//!
//! Nearly all wait as long as those before them, and so end after them: they stand in a row, where to
//! come and to go costs nothing.

use std::{
    collections::{BTreeMap, VecDeque},
    mem,
    task::Waker,
    time::Instant,
};

pub(crate) struct Waits {
    /// By when they end. An empty place is that of somebody who does not wait any more.
    row: VecDeque<(Instant, Option<Waker>)>,
    /// So many have left the row at its front.
    left: u64,
    /// Those who end before others who came earlier.
    early: BTreeMap<(Instant, u64), Waker>,
    last: u64,
}

/// Where somebody waits.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// After so many in the row, those included that have left it.
    Row(u64),
    Early(u64),
}

impl Waits {
    pub(crate) const fn new() -> Self {
        Self {
            row: VecDeque::new(),
            left: 0,
            early: BTreeMap::new(),
            last: 0,
        }
    }

    /// Has `waker` woken at that time in place of whoever was to be, and gives that one back.
    pub(crate) fn note(
        &mut self,
        end: Instant,
        place: &mut Option<Place>,
        waker: &Waker,
    ) -> Option<Waker> {
        match place.and_then(|place| self.at(end, place)) {
            Some(known) if known.will_wake(waker) => None,
            Some(known) => Some(mem::replace(known, waker.clone())),
            // New, or its alarm went off a moment too early.
            None => {
                *place = Some(self.add(end, waker.clone()));
                None
            }
        }
    }

    fn add(&mut self, end: Instant, waker: Waker) -> Place {
        if self.row.back().is_none_or(|(last, _)| *last <= end) {
            self.row.push_back((end, Some(waker)));
            return Place::Row(self.left + self.row.len() as u64 - 1);
        }
        self.last += 1;
        self.early.insert((end, self.last), waker);
        Place::Early(self.last)
    }

    /// Who is woken for that place, if anybody is.
    pub(crate) fn at(&mut self, end: Instant, place: Place) -> Option<&mut Waker> {
        match place {
            Place::Row(number) => self.in_row(number)?.as_mut(),
            Place::Early(number) => self.early.get_mut(&(end, number)),
        }
    }

    fn in_row(&mut self, number: u64) -> Option<&mut Option<Waker>> {
        let place = usize::try_from(number.checked_sub(self.left)?).ok()?;
        self.row.get_mut(place).map(|(_, waker)| waker)
    }

    /// Nobody waits there any more: gives back who was to be woken.
    pub(crate) fn forget(&mut self, end: Instant, place: Place) -> Option<Waker> {
        let number = match place {
            Place::Early(number) => return self.early.remove(&(end, number)),
            Place::Row(number) => number,
        };
        let waker = self.in_row(number)?.take();
        self.close_up();
        // Whoever has left at the end does not keep others out of the row.
        while let Some((_, None)) = self.row.back() {
            self.row.pop_back();
        }
        waker
    }

    fn close_up(&mut self) {
        while let Some((_, None)) = self.row.front() {
            self.row.pop_front();
            self.left += 1;
        }
    }

    /// When the first of them ends.
    pub(crate) fn first(&self) -> Option<Instant> {
        let early = self.early.keys().next().map(|(end, _)| *end);
        let in_row = self.row.front().map(|(end, _)| *end);
        early.into_iter().chain(in_row).min()
    }

    /// Takes those out whose time is over by `now`.
    pub(crate) fn over(&mut self, now: Instant) -> Vec<Waker> {
        let mut over = Vec::new();
        while let Some(first) = self.early.first_entry()
            && first.key().0 <= now
        {
            over.push(first.remove());
        }
        while let Some((end, waker)) = self.row.front_mut()
            && *end <= now
        {
            over.extend(waker.take());
            self.close_up();
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering::SeqCst},
        },
        task::Wake,
        time::Duration,
    };

    #[derive(Default)]
    struct Counted(AtomicU32);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    /// Somebody who waits, and how often that one was woken.
    struct One {
        end: u64,
        place: Option<Place>,
        woken: Arc<Counted>,
        over: bool,
    }

    #[derive(Clone, Debug)]
    enum Step {
        Come(u64),
        Wait(usize),
        Leave(usize),
        Pass(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (0..9_u64).prop_map(Step::Come),
            (0..9_usize).prop_map(Step::Wait),
            (0..9_usize).prop_map(Step::Leave),
            (0..4_u64).prop_map(Step::Pass),
        ];
        prop::collection::vec(step, 0..60)
    }

    proptest! {
        /// In whatever order they come and go: each is woken once, when its time is over and not before,
        /// and nobody who has left.
        #[test]
        fn each_is_woken_when_its_time_is_over(steps in steps()) {
            let start = Instant::now();
            let at = |time| start + Duration::from_secs(time);
            let (mut waits, mut now) = (Waits::new(), 0);
            let (mut waiting, mut gone): (Vec<One>, Vec<One>) = Default::default();
            for step in steps {
                match step {
                    Step::Come(time) => {
                        let mut one = One {
                            end: now + 1 + time,
                            place: None,
                            woken: Arc::default(),
                            over: false,
                        };
                        let waker = Arc::clone(&one.woken).into();
                        prop_assert!(waits.note(at(one.end), &mut one.place, &waker).is_none());
                        waiting.push(one);
                    }
                    Step::Wait(which) => {
                        if let Some(one) = waiting.get_mut(which).filter(|one| !one.over) {
                            let waker = Arc::clone(&one.woken).into();
                            prop_assert!(waits.note(at(one.end), &mut one.place, &waker).is_none());
                        }
                    }
                    Step::Leave(which) if which < waiting.len() => {
                        let one = waiting.remove(which);
                        let known = waits.forget(at(one.end), one.place.unwrap());
                        prop_assert_eq!(known.is_some(), !one.over);
                        gone.push(one);
                    }
                    Step::Leave(_) => {}
                    Step::Pass(time) => {
                        now += time;
                        waits.over(at(now)).into_iter().for_each(Waker::wake);
                        for one in &mut waiting {
                            one.over = one.end <= now;
                            prop_assert_eq!(one.woken.0.load(SeqCst), u32::from(one.over));
                        }
                        for one in &gone {
                            prop_assert_eq!(one.woken.0.load(SeqCst), u32::from(one.over));
                        }
                    }
                }
                let first = waiting.iter().filter(|one| !one.over).map(|one| at(one.end)).min();
                // It may look once more than it must, for somebody who has left.
                prop_assert!(waits.first() <= first || first.is_none());
                prop_assert!(first.is_none() || waits.first().is_some());
            }
        }
    }
}
