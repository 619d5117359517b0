//! Clients that are slow, or leave.

use std::{
    cell::Cell,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Wake,
};

use actix_web::body::BodySize;

use crate::{
    response::tee::{
        TeeConfig, TeeOutcome,
        tests::script::{Copying, Read, Step, generous, limit, whole},
    },
    util::local_task::{DetachedPermit, Kind},
};

const CHUNKS: [&str; 4] = ["a", "bc", "def", "g"];

#[test]
fn a_client_that_never_reads_delays_nothing() {
    let mut copying = Copying::new(&[]);
    for chunk in CHUNKS {
        copying.feed.add(Step::Chunk(chunk));
        copying.copy();
    }
    copying.feed.add(Step::End);
    copying.copy_to_end();
    assert_eq!(copying.landed(), Some(whole("abcdefg")));
    assert_eq!(copying.read_all(), ("abcdefg".to_owned(), Read::End));
}

#[test]
fn a_client_that_leaves_at_any_point_loses_nothing_for_the_others() {
    for fed in 0..=CHUNKS.len() {
        for reads in 0..=fed {
            let mut copying = Copying::new(&[]);
            for chunk in &CHUNKS[..fed] {
                copying.feed.add(Step::Chunk(chunk));
            }
            copying.copy();
            for chunk in &CHUNKS[..reads] {
                assert_eq!(copying.read(), Read::chunk(chunk));
            }
            copying.reader = None;
            for chunk in &CHUNKS[fed..] {
                copying.feed.add(Step::Chunk(chunk));
                copying.copy();
            }
            assert_eq!(copying.landed(), None);
            copying.feed.add(Step::End);
            copying.copy_to_end();
            assert_eq!(copying.finish(), whole("abcdefg"), "{reads} of {fed}");
        }
    }
}

#[test]
fn a_client_that_leaves_before_the_first_poll_loses_nothing() {
    let mut copying = Copying::new(&[Step::Chunk("a"), Step::End]);
    copying.reader = None;
    copying.copy_to_end();
    assert_eq!(copying.finish(), whole("a"));
}

/// A task that notes that it was woken.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_copy_that_waits_for_its_body_is_woken_when_its_client_leaves() {
    let woken = Arc::<Woken>::default();
    let mut copying = Copying::new(&[]);
    copying.copy_with(&Arc::clone(&woken).into());
    assert!(!woken.0.load(Ordering::Relaxed));
    copying.reader = None;
    assert!(woken.0.load(Ordering::Relaxed));
}

#[test]
fn without_a_client_a_body_past_the_cap_is_dropped() {
    let terms = TeeConfig {
        cap: 2,
        ..generous()
    };
    let mut copying = Copying::under(terms, BodySize::Stream, &[Step::Chunk("abc")]);
    copying.reader = None;
    copying.copy_to_end();
    assert!(!copying.feed.has_body());
    assert_eq!(copying.used(), 0);
    assert_eq!(copying.finish(), TeeOutcome::TooLarge);
}

#[test]
fn without_a_client_and_a_place_the_body_is_dropped() {
    let taken: Vec<_> = std::iter::from_fn(|| DetachedPermit::claim(Kind::HandOver)).collect();
    let mut copying = Copying::new(&[Step::Chunk("a")]);
    copying.copy();
    assert_eq!(copying.landed(), None, "with a client it needs no place");
    copying.reader = None;
    copying.copy_to_end();
    assert!(!copying.feed.has_body());
    assert_eq!(copying.finish(), TeeOutcome::Failed);
    drop(taken);
}

#[test]
fn a_copy_without_a_client_holds_one_place_and_frees_it() {
    let mut taken: Vec<_> = std::iter::from_fn(|| DetachedPermit::claim(Kind::HandOver)).collect();
    taken.pop();
    let mut copying = Copying::new(&[Step::Chunk("a")]);
    copying.copy();
    copying.reader = None;
    copying.copy();
    copying.copy();
    assert!(DetachedPermit::claim(Kind::HandOver).is_none());
    copying.feed.add(Step::End);
    copying.copy_to_end();
    assert!(DetachedPermit::claim(Kind::HandOver).is_some());
    assert_eq!(copying.finish(), whole("a"));
    drop(taken);
}

#[test]
fn only_a_copy_without_a_client_is_held_to_the_limit() {
    let (over, asked) = (Rc::new(Cell::new(true)), Rc::new(Cell::new(0)));
    let terms = TeeConfig {
        limit: limit(&over, &asked),
        ..generous()
    };
    let mut copying = Copying::under(terms, BodySize::Stream, &[Step::Chunk("a")]);
    copying.copy();
    assert_eq!(asked.get(), 0);
    over.set(false);
    copying.reader = None;
    copying.copy();
    assert_eq!(asked.get(), 1);
    assert_eq!(copying.landed(), None);
    over.set(true);
    copying.copy_to_end();
    assert!(!copying.feed.has_body());
    assert_eq!(copying.finish(), TeeOutcome::Failed);
}
