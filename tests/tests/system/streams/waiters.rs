//! Waiters of a stream that another client reads.

use std::io::{BufRead as _, Read as _};
use std::time::Duration;

use actix_web::{HttpResponse, Responder, get};
use cached_response::{Skip, cached_response};
use tests::raw::{Connection, Request, fetch};
use tests::stage::{eventually, soon};

use super::{Data, Stage, of_chunks, routes, stage};

const TIMEOUT: Duration = Duration::from_secs(10);

#[test]
fn a_chunk_reaches_the_client_before_the_next_one_is_made() {
    let stage = stage();
    let server = stage.serve(1, routes);
    let mut client = Connection::open(server.address()).unwrap();
    client.send(&Request::get("/paced")).unwrap();
    for n in 0..3 {
        stage
            .barriers
            .wait_arrived(&format!("chunk {n}"), 1, TIMEOUT);
        stage.barriers.release(&format!("chunk {n}"));
        if n == 0 {
            assert_eq!(client.receive_head().unwrap().status, 200);
        }
        assert_eq!(client.receive_chunk().unwrap(), format!("<{n}>").as_bytes());
    }
    stage.barriers.wait_arrived("end", 1, TIMEOUT);
    assert_eq!(stage.cache.stats().stored, 0);
    stage.barriers.release("end");
    // It is stored before its client sees the end.
    assert!(client.receive_chunk().unwrap().is_empty());
    assert_eq!(stage.cache.stats().stored, 1);
    let hit = fetch(server.address(), &Request::get("/paced")).unwrap();
    assert_eq!((hit.text().as_str(), stage.runs()), ("<0><1><2>", 1));
}

#[actix_web::test]
async fn waiters_wait_for_the_end_of_a_stream() {
    let stage = stage();
    let app = stage.app(routes).await;
    let leader = app.get("/paced");
    (0..3).for_each(|n| stage.barriers.release(&format!("chunk {n}")));
    soon("it ends", || stage.barriers.count("end") == 1).await;
    let waiters: Vec<_> = (0..5).map(|_| app.get("/paced")).collect();
    soon("they follow", || stage.cache.stats().misses == 6).await;
    assert!(waiters.iter().all(|waiter| !waiter.is_finished()));
    stage.barriers.release("end");
    for one in waiters.into_iter().chain([leader]) {
        assert_eq!(one.text().await, "<0><1><2>");
    }
    assert_eq!((stage.runs(), stage.cache.stats().collapsed), (1, 5));
}

#[actix_web::test]
async fn a_stream_whose_client_left_is_stored_for_its_waiters() {
    let stage = stage();
    let app = stage.app(routes).await;
    let leader = app.get("/paced");
    stage.barriers.release("chunk 0");
    soon("it is in the middle", || {
        stage.barriers.count("chunk 1") == 1
    })
    .await;
    let waiter = app.get("/paced");
    soon("it follows", || stage.cache.stats().misses == 2).await;
    leader.leave().await;
    for barrier in ["chunk 1", "chunk 2", "end"] {
        stage.barriers.release(barrier);
    }
    assert_eq!(waiter.text().await, "<0><1><2>");
    assert_eq!(app.get("/paced").text().await, "<0><1><2>");
    assert_eq!((stage.runs(), stage.cache.stats().running), (1, 0));
}

#[actix_web::test]
async fn disable_cache_works_inside_a_stream() {
    let stage = stage();
    let app = stage.app(routes).await;
    for run in 1..=2 {
        assert_eq!(app.get("/disabled-inside").text().await, "012");
        assert_eq!(stage.runs(), run);
    }
    assert_eq!(stage.cache.stats().skipped(Skip::Disabled), 2);
}

/// More than the buffers of a connection hold, and less than the limit on bodies.
#[get("/long")]
#[cached_response(timeout = 60, max_body_bytes = 16777216)]
async fn long(stage: Data<Stage>) -> impl Responder {
    stage.run();
    HttpResponse::Ok().streaming(of_chunks(128, 64 << 10))
}

#[test]
fn a_client_that_reads_slowly_does_not_delay_the_others() {
    let stage = stage();
    let server = stage.serve(1, |app| _ = app.service(long));
    let request = Request::get("/long");
    let mut slow = Connection::open(server.address()).unwrap();
    slow.send(&request).unwrap();
    eventually("it leads", || stage.runs() == 1);
    // The slow one has not read a byte yet.
    let other = fetch(server.address(), &request).unwrap();
    assert_eq!((other.body.len(), stage.runs()), (8 << 20, 1));
    assert_eq!(slow.receive(&request).unwrap().body, other.body);
}

/// A client of HTTP/1.0 reads its body until the end of the connection.
#[test]
fn a_stream_to_an_old_client_is_stored_whole() {
    let stage = stage();
    let server = stage.serve(1, routes);
    for barrier in ["chunk 0", "chunk 1", "chunk 2", "end"] {
        stage.barriers.release(barrier);
    }
    let client = Connection::open(server.address()).unwrap();
    let mut stream = client.into_stream();
    std::io::Write::write_all(&mut stream, &Request::get("/paced").http_1_0().octets()).unwrap();
    let mut answer = String::new();
    let mut stream = std::io::BufReader::new(stream);
    while stream.read_line(&mut answer).unwrap() > 2 {}
    answer.clear();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("<2>"), "{answer}");
    let hit = fetch(server.address(), &Request::get("/paced")).unwrap();
    assert_eq!((hit.text().as_str(), stage.runs()), ("<0><1><2>", 1));
}
