//! What comes later, for all who wait for it.

#![cfg_attr(
    not(feature = "redis"),
    allow(dead_code, reason = "no other store looks up promptly")
)]

use crate::util::sync::{Arc, Mutex, lock};
use std::{
    mem,
    task::{Context, Poll, Waker},
};

/// Something that is to come, for all who hold the second.
pub(crate) fn later<T>() -> (SharedSender<T>, SharedReceiver<T>) {
    let cell = Arc::new(Cell(Mutex::new(State::Awaited(Wakers::default()))));
    (SharedSender(Arc::clone(&cell)), SharedReceiver(cell))
}

/// Whoever tells it, once. Those who wait when it is dropped are told that nothing will come.
pub(crate) struct SharedSender<T>(Arc<Cell<T>>);

/// Where it is told.
pub(crate) struct SharedReceiver<T>(Arc<Cell<T>>);

/// Somebody's place among those who wait for it.
#[derive(Debug, Default)]
pub(crate) struct Place(Option<usize>);

struct Cell<T>(Mutex<State<T>>);

/// Who is woken. Few wait for what another waits for, and these take room of their own.
#[derive(Default)]
struct Wakers {
    first: Option<Waker>,
    others: Vec<Waker>,
}

enum State<T> {
    /// These are woken when it has come.
    Awaited(Wakers),
    /// It has come, for so many; `None` where nobody could tell it any more.
    Come(Option<T>, usize),
}

impl<T> SharedSender<T> {
    /// Whether nobody can be told any more.
    pub(crate) fn is_unheard(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    pub(crate) fn tell(self, what: T) {
        self.0.come(Some(what));
    }
}

impl<T> Drop for SharedSender<T> {
    fn drop(&mut self) {
        self.0.come(None);
    }
}

impl<T> Cell<T> {
    fn come(&self, what: Option<T>) {
        let mut state = lock(&self.0);
        let State::Awaited(wakers) = &mut *state else {
            return;
        };
        let wakers = mem::take(wakers);
        *state = State::Come(what, wakers.len());
        drop(state);
        wakers.wake();
    }
}

impl Wakers {
    fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.others.len()
    }

    fn note(&mut self, place: usize, waker: &Waker) {
        let known = match place.checked_sub(1) {
            None => self.first.as_mut(),
            Some(place) => self.others.get_mut(place),
        };
        match known {
            Some(known) => known.clone_from(waker),
            None if place == 0 => self.first = Some(waker.clone()),
            None => self.others.push(waker.clone()),
        }
    }

    fn wake(self) {
        self.first
            .into_iter()
            .chain(self.others)
            .for_each(Waker::wake);
    }
}

impl<T: Clone> SharedReceiver<T> {
    /// What has come, or `None` if nothing will; and whether others have waited for it.
    pub(crate) fn poll(&self, place: &mut Place, cx: &Context<'_>) -> Poll<(Option<T>, bool)> {
        let mut state = lock(&self.0.0);
        let wakers = match &mut *state {
            State::Come(what, count) => return Poll::Ready((what.clone(), *count > 1)),
            State::Awaited(wakers) => wakers,
        };
        let place = *place.0.get_or_insert(wakers.len());
        wakers.note(place, cx.waker());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        future::poll_fn,
        sync::atomic::{AtomicU32, Ordering::SeqCst},
        task::Wake,
    };

    #[derive(Default)]
    struct Counted(AtomicU32);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    fn waits(told: &SharedReceiver<u32>, place: &mut Place, waker: &Arc<Counted>) -> bool {
        let waker = Arc::clone(waker).into();
        told.poll(place, &Context::from_waker(&waker)).is_pending()
    }

    #[tokio::test]
    async fn all_who_wait_are_told_and_whoever_comes_later() {
        let (teller, told) = later();
        let (mut first, mut second) = (Place::default(), Place::default());
        let wakers = [(); 2].map(|()| Arc::new(Counted::default()));
        assert!(waits(&told, &mut first, &wakers[0]));
        assert!(waits(&told, &mut second, &wakers[1]));
        teller.tell(7);
        for (waker, mut place) in wakers.iter().zip([first, second]) {
            assert_eq!(waker.0.load(SeqCst), 1);
            assert_eq!(
                poll_fn(|cx| told.poll(&mut place, cx)).await,
                (Some(7), true)
            );
        }
        let mut late = Place::default();
        assert_eq!(
            poll_fn(|cx| told.poll(&mut late, cx)).await,
            (Some(7), true)
        );
    }

    #[tokio::test]
    async fn who_waits_again_is_woken_once_and_where_it_waits_now() {
        let (teller, told) = later();
        let mut place = Place::default();
        let (before, now) = (Arc::default(), Arc::default());
        for waker in [&before, &now, &now] {
            assert!(waits(&told, &mut place, waker));
        }
        teller.tell(7);
        assert_eq!((before.0.load(SeqCst), now.0.load(SeqCst)), (0, 1));
        assert_eq!(
            poll_fn(|cx| told.poll(&mut place, cx)).await,
            (Some(7), false)
        );
    }

    #[tokio::test]
    async fn nothing_comes_from_who_is_gone() {
        let (teller, told) = later::<u32>();
        let mut place = Place::default();
        let waker = Arc::default();
        assert!(waits(&told, &mut place, &waker));
        drop(teller);
        assert_eq!(waker.0.load(SeqCst), 1);
        assert_eq!(poll_fn(|cx| told.poll(&mut place, cx)).await, (None, false));
    }

    #[test]
    fn who_tells_knows_whether_anybody_can_hear_it() {
        let (teller, told) = later::<u32>();
        assert!(!teller.is_unheard());
        drop(told);
        assert!(teller.is_unheard());
    }
}
