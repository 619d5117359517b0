use super::*;
use std::{
    future::{pending, ready},
    sync::{Arc, mpsc},
    task::Wake,
    time::Duration,
};

const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(20);

fn after(time: Duration) -> Instant {
    Instant::now() + time
}

/// Says that it was woken, and panics then where it is told to.
struct Told(mpsc::Sender<()>, bool);

impl Wake for Told {
    fn wake(self: Arc<Self>) {
        self.0.send(()).unwrap();
        if self.1 {
            std::panic::resume_unwind(Box::new("a waker's panic"));
        }
    }
}

fn told(panics: bool) -> (Waker, mpsc::Receiver<()>) {
    let (tell, told) = mpsc::channel();
    (Arc::new(Told(tell, panics)).into(), told)
}

fn wait_until(end: Instant, waker: &Waker) -> Wait {
    start().unwrap();
    let mut wait = Wait::until(end);
    assert!(wait.poll(waker).is_pending());
    wait
}

/// Who is woken for it, if anybody is.
fn woken_for(end: Instant, place: Option<Place>) -> Option<Waker> {
    let mut state = lock(&ALARM.waits);
    state
        .waits
        .at(end, place.unwrap())
        .map(|waker| waker.clone())
}

#[tokio::test]
async fn what_is_ready_has_no_end() {
    assert_eq!(by(Instant::now(), ready(7)).await, Some(7));
}

#[tokio::test]
async fn a_wait_ends_when_its_time_is_over() {
    start().unwrap();
    let end = after(SHORT);
    assert_eq!(by(end, pending::<()>()).await, None);
    assert!(Instant::now() >= end);
}

#[test]
fn an_earlier_end_is_not_behind_a_later_one() {
    let (waker, later) = told(false);
    let _later = wait_until(after(LONG), &waker);
    let (waker, told) = told(false);
    let wait = wait_until(after(SHORT), &waker);
    told.recv().unwrap();
    assert!(Instant::now() >= wait.end);
    assert!(later.try_recv().is_err());
}

#[test]
fn many_waits_end_each_at_its_own_time() {
    let waits = (1_u32..=20).rev().map(|n| {
        let (waker, told) = told(false);
        (
            wait_until(after(SHORT + Duration::from_millis(1) * n), &waker),
            told,
        )
    });
    for (wait, told) in waits.collect::<Vec<_>>() {
        told.recv().unwrap();
        assert!(Instant::now() >= wait.end);
    }
}

#[test]
fn it_is_the_last_to_wait_who_is_woken() {
    let (first, _) = told(false);
    let mut wait = wait_until(after(LONG), &first);
    let (second, _) = told(false);
    assert!(wait.poll(&second).is_pending());
    let woken = woken_for(wait.end, wait.place);
    assert!(woken.is_some_and(|waker| waker.will_wake(&second)));
}

#[test]
fn what_is_not_waited_for_any_more_is_forgotten() {
    let (waker, _told) = told(false);
    let wait = wait_until(after(LONG), &waker);
    let (end, place) = (wait.end, wait.place);
    assert!(woken_for(end, place).is_some_and(|known| known.will_wake(&waker)));
    drop(wait);
    let woken = woken_for(end, place);
    assert!(woken.is_none_or(|known| !known.will_wake(&waker)));
}

#[test]
fn a_waker_that_panics_does_not_end_the_others() {
    let (waker, first) = told(true);
    let _first = wait_until(after(SHORT), &waker);
    first.recv().unwrap();
    let (waker, second) = told(false);
    let _second = wait_until(after(SHORT), &waker);
    second.recv().unwrap();
}
