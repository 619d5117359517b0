//! Bodies past the cap, or past the budget.

use crate::{
    context::run_context,
    response::tee::{
        CopyBudget, TeeConfig, TeeOutcome,
        tests::script::{
            Copying, Feed, Log, Read, Step, copy, generous, log, read, read_all, whole,
        },
    },
};
use actix_web::body::{BodySize, MessageBody};
use std::sync::Arc;

fn capped(cap: usize) -> TeeConfig {
    TeeConfig { cap, ..generous() }
}

fn budgeted(bytes: usize) -> TeeConfig {
    TeeConfig {
        budget: Arc::new(CopyBudget::new(bytes)),
        ..generous()
    }
}

const STEPS: [Step; 4] = [
    Step::Chunk("abc"),
    Step::Chunk("def"),
    Step::Chunk("ghi"),
    Step::End,
];

#[test]
fn a_body_of_exactly_the_cap_is_copied() {
    let mut copying = Copying::under(capped(9), BodySize::Stream, &STEPS);
    copying.copy_to_end();
    assert_eq!(copying.read_all(), ("abcdefghi".to_owned(), Read::End));
    assert_eq!(copying.finish(), whole("abcdefghi"));
}

#[test]
fn a_body_past_any_cap_is_delivered_to_the_byte_and_not_copied() {
    for cap in 0..9 {
        for read_before in [false, true] {
            let mut copying = Copying::under(capped(cap), BodySize::Stream, &STEPS);
            let mut text = String::new();
            while copying.copy() {
                if let (true, Read::Chunk(chunk)) = (read_before, copying.read()) {
                    text.push_str(&chunk);
                }
            }
            assert_eq!(copying.landed(), Some(TeeOutcome::TooLarge));
            let (rest, end) = copying.read_all();
            assert_eq!((text + &rest, end), ("abcdefghi".to_owned(), Read::End));
            assert_eq!(copying.used(), 0);
        }
    }
}

#[test]
fn past_the_cap_the_body_is_polled_at_the_clients_pace() {
    let mut copying = Copying::under(capped(4), BodySize::Stream, &STEPS);
    copying.copy_to_end();
    assert_eq!(copying.feed.polls(), 2);
    assert_eq!(copying.read(), Read::chunk("abc"));
    assert_eq!(copying.read(), Read::chunk("def"));
    assert_eq!(copying.feed.polls(), 2);
    assert_eq!(copying.read(), Read::chunk("ghi"));
    assert_eq!(copying.feed.polls(), 3);
    assert_eq!(copying.finish(), TeeOutcome::TooLarge);
}

#[test]
fn past_the_cap_an_error_still_reaches_the_client() {
    let steps = [Step::Chunk("abc"), Step::Chunk("def"), Step::Error];
    let mut copying = Copying::under(capped(1), BodySize::Stream, &steps);
    copying.copy_to_end();
    let error = Read::Error("the body failed".to_owned());
    assert_eq!(copying.read_all(), ("abcdef".to_owned(), error));
    assert_eq!(copying.finish(), TeeOutcome::TooLarge);
}

#[test]
fn read_chunks_are_freed_when_the_copy_ends() {
    let mut copying = Copying::under(capped(6), BodySize::Stream, &STEPS[..2]);
    copying.copy();
    let before = copying.used();
    assert_eq!(copying.read(), Read::chunk("abc"));
    assert_eq!(copying.used(), before, "the copy still needs it");
    copying.feed.add(Step::Chunk("ghi"));
    copying.copy_to_end();
    assert!(copying.used() <= before);
    assert_eq!(copying.read(), Read::chunk("def"));
    assert_eq!(copying.read(), Read::chunk("ghi"));
    assert_eq!(copying.used(), 0);
    assert_eq!(copying.finish(), TeeOutcome::TooLarge);
}

#[test]
fn a_body_that_declares_too_much_is_not_polled_ahead() {
    let (feed, landed) = (Feed::of(&STEPS), Log::default());
    let mut body = copy(feed.body(BodySize::Sized(9)), capped(8), log(&landed));
    assert_eq!(landed.take(), [TeeOutcome::TooLarge]);
    assert_eq!(feed.polls(), 0);
    assert_eq!(body.size(), BodySize::Sized(9));
    assert_eq!(read(&mut body), Read::chunk("abc"));
    assert_eq!(feed.polls(), 1);
    assert_eq!(read_all(&mut body), ("defghi".to_owned(), Read::End));
    assert_eq!(read(&mut body), Read::End);
    assert_eq!(feed.polls(), 4, "a body that has ended may not be polled");
}

#[test]
fn a_spent_budget_ends_the_copy_and_not_the_body() {
    for bytes in [0, 200, 300] {
        let mut copying = Copying::under(budgeted(bytes), BodySize::Stream, &STEPS);
        copying.copy_to_end();
        assert!(copying.used() <= bytes);
        assert_eq!(copying.landed(), Some(TeeOutcome::NoRoom));
        assert_eq!(copying.read_all(), ("abcdefghi".to_owned(), Read::End));
        assert_eq!(copying.used(), 0);
    }
}

#[test]
fn unread_chunks_count_until_they_are_read() {
    let mut copying = Copying::new(&STEPS);
    copying.copy_to_end();
    assert_eq!(copying.landed(), Some(whole("abcdefghi")));
    let mut used = copying.used();
    for chunk in ["abc", "def", "ghi"] {
        assert_eq!(copying.read(), Read::chunk(chunk));
        assert!(copying.used() < used);
        used = copying.used();
    }
    assert_eq!(used, 0);
}

#[test]
fn a_client_that_leaves_frees_its_unread_chunks() {
    let mut copying = Copying::new(&STEPS);
    copying.copy_to_end();
    assert!(copying.used() > 0);
    assert_eq!(copying.finish(), whole("abcdefghi"));
}

#[test]
fn every_poll_of_the_body_is_inside_its_context() {
    let mut copying = Copying::under(capped(4), BodySize::Stream, &STEPS);
    copying.copy_to_end();
    let _ = copying.read_all();
    assert_eq!(copying.polls_in_context(), 4);
    assert_eq!(copying.feed.polls(), 4);
    assert!(run_context::current().is_none());
}
