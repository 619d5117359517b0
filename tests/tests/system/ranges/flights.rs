//! Parts of a response that a run has just stored.

use tests::stage::soon;

use super::{cut, part, read, routes, stage, whole};

#[actix_web::test]
async fn a_leader_gets_its_part_of_the_whole_that_is_stored() {
    let stage = stage();
    let app = stage.app(routes).await;
    stage.release(1);
    let leader = app.ask(part("/page", "bytes=2-4")).answer().await;
    assert_eq!(read(&leader), cut("bytes 2-4/17", "234"));
    assert_eq!(leader.header("age"), None);
    let status = leader.header("cache-status").unwrap();
    assert!(status.ends_with("; stored"), "{status}");
    assert_eq!(app.get("/page").text().await, "0123456789, run 1");
    assert_eq!((stage.runs(), stage.cache.stats().stored), (1, 1));
}

#[actix_web::test]
async fn a_leader_with_an_unsatisfiable_range_stores_the_whole() {
    let stage = stage();
    let app = stage.app(routes).await;
    stage.release(1);
    let leader = app.ask(part("/page", "bytes=17-")).answer().await;
    let nothing = (416, Some("bytes */17"), String::new());
    assert_eq!(read(&leader), nothing);
    assert_eq!(leader.header("content-type"), None);
    assert_eq!(app.get("/page").text().await, "0123456789, run 1");
}

#[actix_web::test]
async fn each_waiter_of_a_run_gets_the_range_of_its_request() {
    let stage = stage();
    let app = stage.app(routes).await;
    let leader = app.ask(part("/page", "bytes=0-1"));
    stage.at_run(1).await;
    let waiters = [
        app.ask(part("/page", "bytes=-1")),
        app.get("/page"),
        app.ask(part("/page", "bytes=99-")),
        app.ask(part("/page", "bytes=8-8").insert_header(("if-none-match", "*"))),
        app.ask(part("/page", "bytes=8-8").insert_header(("if-range", "\"other\""))),
    ];
    soon("they wait", || stage.cache.stats().misses == 6).await;
    stage.release(1);
    assert_eq!(read(&leader.answer().await), cut("bytes 0-1/17", "01"));
    let mut answers = Vec::new();
    for waiter in waiters {
        let answer = waiter.answer().await;
        let (status, place, text) = read(&answer);
        answers.push((status, place.map(ToOwned::to_owned), text));
    }
    let text = "0123456789, run 1";
    let expected = [
        cut("bytes 16-16/17", "1"),
        whole(text),
        (416, Some("bytes */17"), String::new()),
        (304, None, String::new()),
        whole(text),
    ];
    let expected =
        expected.map(|(status, place, text)| (status, place.map(ToOwned::to_owned), text));
    assert_eq!(answers, expected);
    assert_eq!((stage.runs(), stage.cache.stats().collapsed), (1, 5));
}

#[actix_web::test]
async fn a_part_of_the_handlers_own_is_sent_as_it_is_and_not_stored() {
    let stage = stage();
    let app = stage.app(routes).await;
    for runs in 1..=2 {
        let own = app.ask(part("/file", "bytes=2-3")).answer().await;
        assert_eq!(read(&own), cut("bytes 2-3/10", "23"));
        assert_eq!((stage.runs(), stage.cache.stats().stored), (runs, 0));
    }
    assert_eq!(app.get("/file").text().await, "0123456789");
    let ours = app.ask(part("/file", "bytes=4-5")).answer().await;
    assert_eq!(read(&ours), cut("bytes 4-5/10", "45"));
    assert_eq!(stage.runs(), 3);
}

#[actix_web::test]
async fn a_stream_is_sent_whole_while_it_is_copied_and_in_parts_afterwards() {
    let stage = stage();
    let app = stage.app(routes).await;
    let live = app.ask(part("/chunks", "bytes=2-4")).answer().await;
    assert_eq!(read(&live), whole("0123456789"));
    for (range, place, text) in [
        ("bytes=2-4", "bytes 2-4/10", "234"),
        ("bytes=8-", "bytes 8-9/10", "89"),
        ("bytes=-3", "bytes 7-9/10", "789"),
    ] {
        let answer = app.ask(part("/chunks", range)).answer().await;
        assert_eq!(read(&answer), cut(place, text));
        assert_eq!(answer.header("content-type"), Some("text/plain"));
        assert!(answer.header("age").is_some());
    }
    assert_eq!(stage.runs(), 1);
}
