//! Answers that no Memcached gives: cut, altered, or of something else altogether.

use super::MINUTE;
use actix_web::web::Bytes;
use cached_response::{MemcachedStore, Store, StoreErrorKind};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

const ANSWER: &[u8] = b"VA 5 t60\r\nhello\r\n";

/// A server that sends each planted answer once and then closes, and else answers correctly
/// in which there is one value.
#[derive(Clone, Default)]
struct Script(Arc<Mutex<VecDeque<Vec<u8>>>>);

impl Script {
    async fn start() -> (Self, MemcachedStore) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let script = Self::default();
        let answering = script.clone();
        actix_web::rt::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                actix_web::rt::spawn(answering.clone().answer(stream));
            }
        });
        (script, MemcachedStore::open([address]).unwrap())
    }

    fn next(&self, answer: &[u8]) {
        self.0.lock().unwrap().push_back(answer.to_owned());
    }

    async fn answer(self, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            let planted = match line.as_str() {
                "stats\r\n" => None,
                _ => self.0.lock().unwrap().pop_front(),
            };
            let good: &[u8] = match line.as_str() {
                "stats\r\n" => b"STAT pid 1\r\nSTAT time 1800000000\r\nEND\r\n",
                _ => ANSWER,
            };
            let answer = planted.as_deref().unwrap_or(good);
            let written = stream.get_mut().write_all(answer).await;
            if planted.is_some() || written.is_err() {
                return;
            }
        }
    }
}

async fn get(store: &MemcachedStore) -> Result<Option<Bytes>, StoreErrorKind> {
    match store.get("name", 64).await {
        Ok(kept) => Ok(kept.map(|kept| kept.bytes)),
        Err(error) => Err(error.kind()),
    }
}

/// Nothing of an earlier answer is taken for the answer to this call.
async fn is_in_step(store: &MemcachedStore, after: &[u8]) {
    let found = match get(store).await {
        // The connection is found to be closed only now.
        Err(StoreErrorKind::Unreachable) => get(store).await,
        found => found,
    };
    assert_eq!(
        found,
        Ok(Some("hello".into())),
        "after {}",
        after.escape_ascii()
    );
}

#[actix_web::test]
async fn an_answer_that_is_cut_anywhere_is_an_error_and_its_connection_is_replaced() {
    let (script, store) = Script::start().await;
    for length in 0..ANSWER.len() {
        is_in_step(&store, b"").await;
        script.next(&ANSWER[..length]);
        assert_eq!(
            get(&store).await,
            Err(StoreErrorKind::Unreachable),
            "cut at {length}"
        );
        is_in_step(&store, &ANSWER[..length]).await;
    }
}

#[actix_web::test]
async fn an_answer_with_an_altered_byte_does_no_harm_to_the_next() {
    let (script, store) = Script::start().await;
    for place in 0..ANSWER.len() {
        for flip in [0x01, 0x02, 0x10, 0x20, 0x80] {
            let mut altered = ANSWER.to_owned();
            altered[place] ^= flip;
            script.next(&altered);
            // Another value is detected by the frame, and another time is not read.
            if let Ok(found) = get(&store).await {
                let found = found.unwrap();
                assert!(found.len() == 5, "{found:?} of {}", altered.escape_ascii());
            }
            is_in_step(&store, &altered).await;
        }
    }
}

#[actix_web::test]
async fn garbage_is_an_error_of_its_kind() {
    let (script, store) = Script::start().await;
    let endless = vec![b'x'; 1 << 20];
    let garbled: [&[u8]; 9] = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\r\n",
        b"\0\0\0\0\0\0\0\n",
        b"+OK\r\n",
        b"HD\r\n",
        b"VA five t60\r\nhello\r\n",
        b"VA 3 t60\r\nhello\r\n",
        b"VA 18446744073709551616 t60\r\n",
        &endless,
    ];
    for answer in garbled {
        script.next(answer);
        let found = get(&store).await;
        assert_eq!(
            found,
            Err(StoreErrorKind::Protocol),
            "{}",
            answer[..20.min(answer.len())].escape_ascii()
        );
        is_in_step(&store, &answer[..20.min(answer.len())]).await;
    }
    // It says that more will come than there is memory, and ends.
    script.next(b"VA 999999999999999 t60\r\nhello\r\n");
    assert_eq!(get(&store).await, Err(StoreErrorKind::Unreachable));
}

#[actix_web::test]
async fn the_error_text_of_a_server_is_kept() {
    let (script, store) = Script::start().await;
    for (answer, words) in [
        (
            "SERVER_ERROR out of memory writing get response\r\n",
            "out of memory writing",
        ),
        (
            "ERROR Too many open connections\r\n",
            "Too many open connections",
        ),
        ("ERROR\r\n", "Memcached 1.6"),
    ] {
        script.next(answer.as_bytes());
        let error = store.get("name", 64).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Refused);
        assert!(error.to_string().contains(words), "{error}");
        is_in_step(&store, answer.as_bytes()).await;
    }
    script.next(b"CLIENT_ERROR bad data chunk\r\n");
    let error = store.set("name", "x".into(), MINUTE).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
}
