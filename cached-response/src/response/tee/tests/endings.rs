//! The end of a body, and the outcome of its copy.

use crate::response::tee::{
    SourceBody, TeeConfig, TeeOutcome, pair,
    tests::script::{Copying, Feed, Log, Read, Step, copy, generous, log, read, read_all, whole},
};
use actix_web::{
    body::{self, BodySize, BoxBody, MessageBody},
    web::Bytes,
};
use std::{cell::RefCell, rc::Rc, sync::Arc};

const CHUNKS: [&str; 5] = ["a", "bcd", "ef", "ghij", "k"];

fn chunks(count: usize, then: Step) -> Vec<Step> {
    let chunks = CHUNKS[..count].iter().map(|chunk| Step::Chunk(chunk));
    chunks.chain([then]).collect()
}

#[test]
fn chunks_pass_one_by_one_and_in_order() {
    let mut copying = Copying::new(&chunks(5, Step::End));
    copying.copy_to_end();
    for chunk in CHUNKS {
        assert_eq!(copying.read(), Read::chunk(chunk));
    }
    assert_eq!(copying.read(), Read::End);
    assert_eq!(copying.read(), Read::End);
    assert_eq!(copying.finish(), whole("abcdefghijk"));
}

#[test]
fn any_order_of_turns_gives_the_same_bytes() {
    let steps: Vec<Step> = chunks(5, Step::End)
        .into_iter()
        .flat_map(|step| [Step::Wait, step])
        .collect();
    for turns in 0..1_u32 << 12 {
        let mut copying = Copying::new(&steps);
        let mut text = String::new();
        for turn in 0..12 {
            if turns >> turn & 1 == 0 {
                copying.copy();
            } else if let Read::Chunk(chunk) = copying.read() {
                text.push_str(&chunk);
            }
        }
        copying.copy_to_end();
        let (rest, end) = copying.read_all();
        assert_eq!((text + &rest, end), ("abcdefghijk".to_owned(), Read::End));
        assert_eq!(copying.used(), 0);
        assert_eq!(copying.finish(), whole("abcdefghijk"));
    }
}

#[test]
fn an_empty_stream_is_whole() {
    let mut copying = Copying::new(&[Step::End]);
    copying.copy_to_end();
    assert_eq!(copying.read(), Read::End);
    assert_eq!(copying.finish(), whole(""));
}

#[test]
fn a_copy_is_finished_before_its_client_can_see_the_end() {
    let seen = Rc::new(RefCell::new(None));
    let shared = Rc::new(RefCell::new(None));
    let landed = {
        let (seen, shared) = (Rc::clone(&seen), Rc::clone(&shared));
        move |_| *seen.borrow_mut() = shared.borrow_mut().as_mut().map(read_all)
    };
    let feed = Feed::of(&chunks(2, Step::End));
    let source = SourceBody::new(feed.body(BodySize::Stream), Arc::default());
    let (reader, copier) = pair(source, BodySize::Stream, generous(), landed);
    *shared.borrow_mut() = Some(reader);
    actix_web::rt::System::new().block_on(copier.run());
    assert_eq!(seen.take(), Some(("abcd".to_owned(), Read::Pending)));
    assert_eq!(shared.borrow_mut().as_mut().map(read), Some(Read::End));
}

#[test]
fn a_body_of_declared_length_is_copied_before_its_last_byte_is_sent() {
    let mut steps = vec![Step::Chunk("x"); 64];
    steps.push(Step::End);
    let mut copying = Copying::under(generous(), BodySize::Sized(64), &steps);
    copying.copy();
    assert_eq!(copying.landed(), Some(whole(&"x".repeat(64))));
}

#[test]
fn a_last_byte_does_not_wait_for_an_end_that_is_late() {
    let mut copying = Copying::under(generous(), BodySize::Sized(1), &[Step::Chunk("a")]);
    copying.copy();
    assert_eq!(copying.read(), Read::chunk("a"));
    assert_eq!(copying.landed(), None);
    copying.feed.add(Step::End);
    copying.copy_to_end();
    assert_eq!(copying.finish(), whole("a"));
}

#[test]
fn an_error_after_any_chunk_is_passed_on_and_nothing_is_copied() {
    for count in 0..=5 {
        let mut copying = Copying::new(&chunks(count, Step::Error));
        copying.copy_to_end();
        let error = Read::Error("the body failed".to_owned());
        assert_eq!(copying.read_all(), (CHUNKS[..count].concat(), error));
        assert_eq!(copying.read(), Read::End);
        assert_eq!(copying.finish(), TeeOutcome::Failed);
    }
}

#[test]
fn a_length_other_than_declared_is_no_copy() {
    for (declared, lands) in [
        (0, TeeOutcome::Failed),
        (3, TeeOutcome::Failed),
        (4, whole("abcd")),
        (8, TeeOutcome::Failed),
    ] {
        let mut copying =
            Copying::under(generous(), BodySize::Sized(declared), &chunks(2, Step::End));
        copying.copy_to_end();
        assert_eq!(copying.read_all(), ("abcd".to_owned(), Read::End));
        assert_eq!(copying.finish(), lands, "declared {declared}");
    }
}

#[actix_web::test]
async fn a_stream_is_held_to_the_length_in_the_head() {
    for (declared, lands) in [(3, TeeOutcome::Failed), (4, whole("abcd"))] {
        let (feed, landed) = (Feed::of(&chunks(2, Step::End)), Log::default());
        let terms = TeeConfig {
            declared: Some(declared),
            ..generous()
        };
        let body = copy(feed.body(BodySize::Stream), terms, log(&landed));
        assert_eq!(body.size(), BodySize::Stream);
        assert_eq!(body::to_bytes(body).await.unwrap(), "abcd");
        assert_eq!(landed.take(), [lands]);
    }
}

#[test]
fn empty_chunks_are_skipped_without_delay() {
    let mut steps = vec![Step::Chunk(""); 1000];
    steps.extend(chunks(1, Step::End));
    let mut copying = Copying::new(&steps);
    copying.copy();
    assert!(copying.feed.polls() < 1000, "others have had no turn");
    copying.copy_to_end();
    assert_eq!(copying.read(), Read::chunk("a"));
    assert_eq!(copying.read(), Read::End);
    assert_eq!(copying.finish(), whole("a"));
}

#[test]
fn empty_chunks_after_the_last_byte_are_skipped_without_delay() {
    let mut steps = vec![Step::Chunk("a")];
    steps.extend(vec![Step::Chunk(""); 1000]);
    let mut copying = Copying::under(generous(), BodySize::Sized(1), &steps);
    copying.copy();
    assert!(copying.feed.polls() < 1000, "others have had no turn");
}

#[test]
fn a_task_that_is_dropped_ends_its_clients_body_with_an_error() {
    for polled in [false, true] {
        let mut copying = Copying::new(&[Step::Chunk("a")]);
        if polled {
            copying.copy();
        }
        copying.end_copier();
        let (text, end) = copying.read_all();
        assert_eq!(text, if polled { "a" } else { "" });
        assert!(matches!(end, Read::Error(_)), "{end:?}");
        assert_eq!(copying.finish(), TeeOutcome::Failed);
    }
}

#[test]
fn bodies_that_are_no_streams_land_at_once_and_keep_their_size() {
    let cases: [(BoxBody, BodySize, TeeOutcome); 3] = [
        (BoxBody::new(body::None::new()), BodySize::None, whole("")),
        (BoxBody::new(""), BodySize::Sized(0), whole("")),
        (BoxBody::new("abc"), BodySize::Sized(3), whole("abc")),
    ];
    for (body, size, lands) in cases {
        let landed = Log::default();
        let mut body = copy(body, generous(), log(&landed));
        assert_eq!(landed.take(), [lands]);
        assert_eq!(body.size(), size);
        let _ = read(&mut body);
    }
    let landed = Log::default();
    let terms = TeeConfig {
        cap: 2,
        ..generous()
    };
    let body = copy(BoxBody::new("abc"), terms, log(&landed));
    assert_eq!(body.try_into_bytes().unwrap(), "abc");
    assert_eq!(landed.take(), [TeeOutcome::TooLarge]);
}

#[test]
fn a_copy_holds_no_more_memory_than_its_bytes() {
    let large = Bytes::from(vec![b'x'; 1 << 20]);
    let terms = generous();
    let budget = Arc::clone(&terms.budget);
    let mut tail = crate::response::tee::client_body::Channel::new(budget.share());
    assert!(tail.push(large.slice(..3)));
    drop(tail.next());
    let copied = tail.whole(3);
    drop(tail);
    assert_eq!(copied, "xxx");
    assert!(
        large.is_unique(),
        "the copy pins the buffer its chunk was cut from"
    );
}
