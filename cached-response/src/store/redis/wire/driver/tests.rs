use actix_web::web::Bytes;
use std::future::poll_fn;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    task::JoinHandle,
};

use super::*;
use crate::store::redis::{
    answer::Answer,
    command::Commands,
    wire::{Posted, mailbox::Wanted},
};

/// The driver's side of a connection, and the server's.
fn connected(room: usize) -> (Arc<Mailbox>, DuplexStream, JoinHandle<()>) {
    let (ours, theirs) = duplex(room);
    let mailbox = Arc::new(Mailbox::default());
    let driver = tokio::spawn(Driver::new(ours, Arc::clone(&mailbox)));
    (mailbox, theirs, driver)
}

fn lives(names: &[&str]) -> Commands {
    let mut commands = Commands::default();
    for name in names {
        commands.left(name);
    }
    commands
}

fn reads(limit: usize) -> Commands {
    let mut commands = Commands::default();
    commands.read("name", limit);
    commands
}

async fn asked(server: &mut DuplexStream, commands: &Commands) {
    let mut bytes = vec![0; commands.as_bytes().len()];
    server.read_exact(&mut bytes).await.unwrap();
    assert_eq!(bytes, commands.as_bytes());
}

/// Commands on their way.
struct Sent(Posted);

fn sent(mailbox: &Arc<Mailbox>, commands: &Commands) -> Sent {
    let shapes = commands.shapes();
    let (told, begun) = mailbox
        .post(commands.as_bytes(), Wanted::of(&shapes))
        .unwrap();
    Sent(Posted {
        told,
        begun,
        shapes,
    })
}

impl Sent {
    async fn answers(self) -> Vec<Answer> {
        self.0.answers().await.unwrap()
    }

    async fn failure(self) -> StoreErrorKind {
        self.0.answers().await.unwrap_err().kind()
    }
}

fn post(mailbox: &Arc<Mailbox>, commands: &Commands) -> Result<(), StoreError> {
    mailbox
        .post(commands.as_bytes(), Wanted::of(&commands.shapes()))
        .map(drop)
}

fn refusal(mailbox: &Arc<Mailbox>) -> StoreErrorKind {
    post(mailbox, &lives(&["a"])).unwrap_err().kind()
}

#[tokio::test]
async fn each_is_told_its_own_answers() {
    let (mailbox, mut server, _driver) = connected(1 << 10);
    let (one, two) = (lives(&["a", "b"]), lives(&["c"]));
    let (first, second) = (sent(&mailbox, &one), sent(&mailbox, &two));
    asked(&mut server, &one).await;
    asked(&mut server, &two).await;
    server.write_all(b":1\r\n:2\r\n:3\r\n").await.unwrap();
    let numbers = [1, 2, 3].map(Answer::Number);
    assert_eq!(first.answers().await, numbers[..2]);
    assert_eq!(second.answers().await, numbers[2..]);
}

#[tokio::test]
async fn an_answer_may_come_in_pieces() {
    let (mailbox, mut server, _driver) = connected(1 << 10);
    let told = sent(&mailbox, &reads(9));
    for byte in b"$5\r\nab\r\nc\r\n" {
        server.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let bytes = Answer::Bytes(Bytes::from_static(b"ab\r\nc"));
    assert_eq!(told.answers().await, [bytes]);
}

#[tokio::test]
async fn what_is_large_comes_whole_and_leaves_no_large_buffer() {
    let (mailbox, mut server, _driver) = connected(10_000);
    let body = vec![7; 3 * LARGE];
    let told = sent(&mailbox, &reads(body.len()));
    let head = format!("${}\r\n", body.len());
    let text = [head.as_bytes(), &body, b"\r\n"].concat();
    server.write_all(&text).await.unwrap();
    assert_eq!(told.answers().await, [Answer::Bytes(body.into())]);

    let mut input = Input {
        buffer: vec![0; 3 * LARGE],
        start: 5,
        end: 5,
    };
    assert_eq!(input.room().len(), 2 * PORTION);
}

#[tokio::test]
async fn what_is_not_understood_yet_keeps_its_place() {
    let mut input = Input::default();
    input.room()[..6].copy_from_slice(b"abcdef");
    input.end = 6;
    input.start = 4;
    while input.buffer.len() - input.end >= PORTION {
        let room = input.room().len();
        input.end += room - PORTION + 1;
    }
    let length = input.filled().len();
    assert!(input.room().len() >= PORTION);
    assert_eq!(
        (input.filled().len(), &input.filled()[..2]),
        (length, &b"ef"[..])
    );
}

#[tokio::test]
async fn a_question_that_is_dropped_leaves_the_others_as_they_are() {
    let (mailbox, mut server, _driver) = connected(1 << 10);
    let (one, two) = (lives(&["a"]), lives(&["b"]));
    post(&mailbox, &one).unwrap();
    let told = sent(&mailbox, &two);
    asked(&mut server, &one).await;
    server.write_all(b":1\r\n:2\r\n").await.unwrap();
    assert_eq!(told.answers().await, [Answer::Number(2)]);
}

#[tokio::test]
async fn what_does_not_go_out_in_one_go_goes_out_in_many() {
    let (mailbox, mut server, _driver) = connected(16);
    let names: Vec<_> = (0..100).map(|n| n.to_string()).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let commands = lives(&names);
    let told = sent(&mailbox, &commands);
    asked(&mut server, &commands).await;
    server.write_all(&b":1\r\n".repeat(100)).await.unwrap();
    assert_eq!(told.answers().await.len(), 100);
}

#[tokio::test]
async fn when_the_server_closes_all_are_told() {
    let (mailbox, server, driver) = connected(1 << 10);
    let told = sent(&mailbox, &lives(&["a"]));
    drop(server);
    assert_eq!(told.failure().await, StoreErrorKind::Unreachable);
    driver.await.unwrap();
    assert_eq!(refusal(&mailbox), StoreErrorKind::Unreachable);
}

#[tokio::test]
async fn an_answer_out_of_step_ends_the_connection() {
    for text in [&b"+OK\r\n"[..], b":1\r\n:2\r\n", b"nonsense\r\n"] {
        let (mailbox, mut server, driver) = connected(1 << 10);
        let told = sent(&mailbox, &lives(&["a"]));
        server.write_all(text).await.unwrap();
        driver.await.unwrap();
        // What was answered before anybody could know is an answer.
        if text == b":1\r\n:2\r\n" {
            assert_eq!(told.answers().await, [Answer::Number(1)]);
        } else {
            assert_eq!(told.failure().await, StoreErrorKind::Protocol);
        }
        assert_eq!(refusal(&mailbox), StoreErrorKind::Unreachable);
    }
}

#[tokio::test]
async fn a_driver_that_is_dropped_leaves_nobody_waiting() {
    let (mailbox, _server, driver) = connected(1 << 10);
    let told = sent(&mailbox, &lives(&["a"]));
    driver.abort();
    assert_eq!(told.failure().await, StoreErrorKind::Unreachable);
    assert_eq!(refusal(&mailbox), StoreErrorKind::Unreachable);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_takes_too_long_ends_the_connection() {
    let (mailbox, mut server, _driver) = connected(1 << 10);
    let first = sent(&mailbox, &lives(&["a"]));
    tokio::time::sleep(PATIENCE / 2).await;
    let began = Instant::now();
    let second = sent(&mailbox, &lives(&["b"]));
    server.write_all(b":1\r\n").await.unwrap();
    assert_eq!(first.answers().await, [Answer::Number(1)]);
    assert_eq!(second.failure().await, StoreErrorKind::Timeout);
    let waited = began.elapsed();
    assert!(waited >= PATIENCE && waited < PATIENCE + Duration::from_millis(10));
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_sent_late_has_its_time_from_then() {
    let (ours, mut server) = duplex(1 << 10);
    let mailbox = Arc::new(Mailbox::default());
    let told = sent(&mailbox, &lives(&["a"]));
    tokio::time::sleep(PATIENCE * 2).await;
    let _driver = tokio::spawn(Driver::new(ours, Arc::clone(&mailbox)));
    tokio::time::sleep(PATIENCE / 2).await;
    server.write_all(b":1\r\n").await.unwrap();
    assert_eq!(told.answers().await, [Answer::Number(1)]);
}

#[tokio::test]
async fn what_waits_to_be_sent_is_bounded() {
    let mailbox = Arc::new(Mailbox::default());
    let mut large = Commands::default();
    large.set("name", &vec![7; 9 << 20], 1);
    let _one_that_is_larger_than_the_room = sent(&mailbox, &large);
    assert_eq!(refusal(&mailbox), StoreErrorKind::Timeout);
}

/// The same on the thread of those who ask, whose task has yet to run.
fn connected_here(room: usize) -> (Arc<Mailbox>, DuplexStream, Here<DuplexStream>) {
    let (ours, theirs) = duplex(room);
    let (driver, mailbox) = Here::new(ours);
    (mailbox, theirs, driver)
}

/// What the server has got so far.
async fn got(server: &mut DuplexStream) -> Vec<u8> {
    let mut bytes = vec![0; 1 << 10];
    let mut room = ReadBuf::new(&mut bytes);
    poll_fn(|cx| {
        let _ = Pin::new(&mut *server).poll_read(cx, &mut room);
        Poll::Ready(())
    })
    .await;
    room.filled().to_vec()
}

#[tokio::test]
async fn who_is_on_its_thread_has_a_driver_send_without_its_task() {
    let (mailbox, mut server, mut driver) = connected_here(1 << 10);
    // Its task has run once, and waits.
    let waits = poll_fn(|cx| Poll::Ready(Pin::new(&mut driver).poll(cx).is_pending()));
    assert!(waits.await);
    let one = lives(&["a"]);
    let told = sent(&mailbox, &one);
    assert_eq!(got(&mut server).await, b"");
    // The batch goes behind all tasks that are ready.
    tokio::task::yield_now().await;
    assert_eq!(got(&mut server).await, one.as_bytes());
    server.write_all(b":1\r\n").await.unwrap();
    let _driver = tokio::spawn(driver);
    assert_eq!(told.answers().await, [Answer::Number(1)]);
}

#[tokio::test]
async fn what_a_connection_has_no_room_for_is_left_to_the_task_of_its_driver() {
    let (mailbox, mut server, driver) = connected_here(8);
    let task = tokio::spawn(driver);
    tokio::task::yield_now().await;
    let one = lives(&["a", "b"]);
    let told = sent(&mailbox, &one);
    asked(&mut server, &one).await;
    server.write_all(b":1\r\n:2\r\n").await.unwrap();
    assert_eq!(told.answers().await, [1, 2].map(Answer::Number));
    assert!(!task.is_finished());
}

#[tokio::test]
async fn who_waits_on_a_thread_whose_driver_is_gone_is_told_so() {
    let (mailbox, _server, driver) = connected_here(1 << 10);
    let task = tokio::spawn(driver);
    tokio::task::yield_now().await;
    let told = sent(&mailbox, &lives(&["a"]));
    task.abort();
    assert_eq!(told.failure().await, StoreErrorKind::Unreachable);
    assert_eq!(refusal(&mailbox), StoreErrorKind::Unreachable);
}

#[tokio::test]
async fn what_is_said_to_one_says_nothing_of_the_others() {
    let (mailbox, mut server, driver) = connected_here(1 << 10);
    let _driver = tokio::spawn(driver);
    let (first, second) = (
        sent(&mailbox, &lives(&["a"])),
        sent(&mailbox, &lives(&["b"])),
    );
    tokio::task::yield_now().await;
    server.write_all(b"+QUEUED\r\n").await.unwrap();
    assert_eq!(first.failure().await, StoreErrorKind::Protocol);
    assert_eq!(second.failure().await, StoreErrorKind::Unreachable);
}

/// Whether it takes too long on a thread that was kept busy is not for its driver to say.
#[tokio::test(start_paused = true)]
async fn what_was_sent_without_the_task_of_a_driver_is_not_waited_for_without_end() {
    let (mailbox, mut server, driver) = connected_here(1 << 10);
    let task = tokio::spawn(driver);
    tokio::task::yield_now().await;
    let told = sent(&mailbox, &lives(&["a"]));
    assert_eq!(told.failure().await, StoreErrorKind::Unreachable);
    task.await.unwrap();
    assert!(!got(&mut server).await.is_empty());
}
