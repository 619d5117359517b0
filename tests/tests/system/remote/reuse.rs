//! Reuse of one node's responses by another.

use super::{Nodes, digests_meet, pair, said};
use actix_web::{http::header, test::TestRequest};
use tests::stage::{Answer, repeat, soon};

const MADE: &str = "fwd=uri-miss; stored";

#[actix_web::test]
async fn a_response_that_one_node_has_made_answers_on_the_other() {
    let nodes = Nodes::new().await;
    assert_eq!(nodes.one.get("/plain").await, pair("run 1", MADE));
    nodes.advance(3);
    let remote = pair("run 1", "hit; ttl=7; detail=remote");
    assert_eq!(nodes.other.get("/plain").await, remote);
    assert_eq!(nodes.other.get("/plain").await, pair("run 1", "hit; ttl=7"));
    assert_eq!(nodes.stage.runs(), 1);
    assert_eq!(nodes.other.cache.stats().remote_hits, 1);
}

#[actix_web::test]
async fn a_response_from_another_node_has_its_reason_phrase() {
    for nodes in [Nodes::new().await, Nodes::without_memory().await] {
        for node in [&nodes.one, &nodes.other, &nodes.other] {
            let answer = node.ask(TestRequest::with_uri("/plain")).await;
            assert_eq!(answer.reason, "Quite Fine");
        }
        assert_eq!(nodes.stage.runs(), 1);
    }
}

#[actix_web::test]
async fn a_response_for_a_client_without_codings_does_not_answer_one_with_codings() {
    for nodes in [Nodes::new().await, Nodes::without_memory().await] {
        let ask = |accepted: &str| {
            TestRequest::with_uri("/behind/page").insert_header(("accept-encoding", accepted))
        };
        assert_eq!(nodes.one.ask(ask("identity")).await.text(), "run 1");
        assert_eq!(nodes.other.ask(ask("identity")).await.text(), "run 1");
        assert_eq!(nodes.other.ask(ask("gzip, br")).await.text(), "run 2");
        // It was not coded, so it answers every client.
        assert_eq!(nodes.other.ask(ask("identity")).await.text(), "run 2");
        assert_eq!(nodes.one.ask(ask("gzip")).await.text(), "run 2");
        assert_eq!(nodes.stage.runs(), 2);
    }
}

// A refill from the store lives no longer than it would have.
#[actix_web::test]
async fn a_response_that_is_found_late_in_its_life_lives_no_longer() {
    let nodes = Nodes::new().await;
    nodes.one.get("/plain").await;
    nodes.advance(9);
    let answer = nodes.other.ask(TestRequest::with_uri("/plain")).await;
    assert_eq!(answer.header("age").unwrap(), "9");
    assert_eq!(said(&answer).1, "hit; ttl=1; detail=remote");
    nodes.advance(1);
    let (text, _) = nodes.other.get("/plain").await;
    assert_eq!(text, "run 2");
}

#[actix_web::test]
async fn without_memory_every_request_reads_the_store() {
    let nodes = Nodes::without_memory().await;
    nodes.one.get("/plain").await;
    let remote = pair("run 1", "hit; ttl=10; detail=remote");
    for _ in 0..3 {
        assert_eq!(nodes.one.get("/plain").await, remote);
        assert_eq!(nodes.other.get("/plain").await, remote);
    }
    assert_eq!(nodes.other.cache.stats().entries, 0);
}

#[actix_web::test]
async fn a_hit_takes_one_round_trip() {
    let nodes = Nodes::without_memory().await;
    nodes.one.get("/tagged").await;
    let before: usize = nodes.store.calls().values().sum();
    nodes.other.get("/tagged").await;
    let after: usize = nodes.store.calls().values().sum();
    assert_eq!(after - before, 1);
}

#[actix_web::test]
async fn a_variant_is_found_by_what_the_handler_has_read() {
    for nodes in [Nodes::new().await, Nodes::without_memory().await] {
        let ask = |tongue: &'static str| {
            TestRequest::with_uri("/greeting").insert_header((header::ACCEPT_LANGUAGE, tongue))
        };
        for (tongue, run) in [("de", 1), ("fr", 2)] {
            let made = nodes.one.ask(ask(tongue)).await;
            assert_eq!(made.text(), format!("run {run} in {tongue}"));
        }
        for (tongue, run) in [("fr", 2), ("de", 1)] {
            let found = nodes.other.ask(ask(tongue)).await;
            assert_found(&found, run, tongue);
        }
        let made = nodes.other.ask(ask("it")).await;
        assert_found(&made, 3, "it");
        let found = nodes.one.ask(ask("it")).await;
        assert_found(&found, number(&made.text()), "it");
    }
}

/// The answer is in this tongue, and of this run. Where digests meet it may be of a later one: what
/// lay there gave place to another variant, whose digest is drawn anew each time.
fn assert_found(answer: &Answer, run: u32, tongue: &str) {
    let text = answer.text();
    assert_eq!(text.split_once(" in ").unwrap().1, tongue);
    let later = number(&text) > run && digests_meet();
    assert!(number(&text) == run || later, "{text} is not of run {run}");
}

fn number(text: &str) -> u32 {
    let number = text.strip_prefix("run ").unwrap().split(' ').next();
    number.unwrap().parse().unwrap()
}

#[actix_web::test]
async fn a_304_does_not_need_the_body() {
    for nodes in [Nodes::new().await, Nodes::without_memory().await] {
        let made = nodes.one.ask(TestRequest::with_uri("/plain")).await;
        let etag = made.header("etag").unwrap().to_owned();
        let conditional =
            TestRequest::with_uri("/plain").insert_header((header::IF_NONE_MATCH, etag));
        let answer = nodes.other.ask(conditional).await;
        assert_eq!(answer.status, 304);
        assert_eq!(nodes.stage.runs(), 1);
        let changed =
            TestRequest::with_uri("/plain").insert_header((header::IF_NONE_MATCH, "\"x\""));
        assert_eq!(nodes.other.ask(changed).await.text(), "run 1");
    }
}

#[actix_web::test]
async fn a_head_is_answered_by_what_another_node_has_stored() {
    let nodes = Nodes::new().await;
    nodes.one.get("/plain").await;
    let head = TestRequest::with_uri("/plain").method(actix_web::http::Method::HEAD);
    let answer = nodes.other.ask(head).await;
    assert_eq!(said(&answer).1, "hit; ttl=10; detail=remote");
    assert_eq!(nodes.stage.runs(), 1);
}

#[actix_web::test]
async fn an_uncacheable_response_is_not_written() {
    let nodes = Nodes::new().await;
    nodes.one.get("/plain?disable=1").await;
    assert_eq!(nodes.other.get("/plain?disable=1").await.0, "run 2");
}

#[actix_web::test]
async fn a_stale_response_is_refreshed_behind_the_answer_without_memory_too() {
    let nodes = Nodes::without_memory().await;
    nodes.one.get("/windows").await;
    nodes.advance(11);
    let stale = pair("run 1", "hit; ttl=-1; detail=stale-while-revalidate");
    assert_eq!(nodes.other.get("/windows").await, stale);
    soon("it is refreshed", || nodes.stage.runs() == 2).await;
    nodes.other.cache.settled().await;
    let remote = pair("run 2", "hit; ttl=10; detail=remote");
    soon("it has ended", || nodes.other.cache.stats().stored == 1).await;
    nodes.other.cache.settled().await;
    assert_eq!(nodes.one.get("/windows").await, remote);
}

#[actix_web::test]
async fn a_refresh_that_another_node_has_made_is_no_hit() {
    let nodes = Nodes::new().await;
    nodes.one.get("/windows").await;
    nodes.other.get("/windows").await;
    nodes.advance(11);
    // The first request may verify the response with the store, and a later one leads its refresh.
    let is_stored = |_: &_| nodes.one.cache.stats().stored >= 2;
    let refresh = || nodes.one.get("/windows");
    repeat("the first node stores its refresh", refresh, is_stored).await;
    nodes.one.cache.settled().await;
    let mut asked = 1;
    let read = || {
        asked += 1;
        nodes.other.get("/windows")
    };
    let what = "the other node answers with the refreshed response";
    repeat(what, read, |(text, _)| text == "run 2").await;
    let stats = nodes.other.cache.stats();
    assert_eq!((stats.hits, stats.remote_hits), (asked, 1));
    assert_eq!((nodes.stage.runs(), stats.runs), (2, 0));
}

#[actix_web::test]
async fn without_memory_a_stale_response_answers_in_place_of_a_failed_run_too() {
    for nodes in [Nodes::new().await, Nodes::without_memory().await] {
        nodes.one.get("/failing").await;
        nodes.advance(11);
        let (text, status) = nodes.other.get("/failing").await;
        assert_eq!(nodes.stage.runs(), 2);
        assert_eq!(text, "run 1", "{status}");
        assert!(
            status.ends_with("fwd-status=500; detail=stale-if-error"),
            "{status}"
        );
    }
}

#[actix_web::test]
async fn the_handler_never_runs_for_a_client_with_only_if_cached() {
    let page = "/respectful?disable=1";
    let nodes = Nodes::new().await;
    // Marked: its requests run without waiting for each other.
    for _ in 0..3 {
        nodes.one.get(page).await;
    }
    for directives in ["only-if-cached", "only-if-cached, no-cache"] {
        let request = TestRequest::with_uri(page).insert_header(("cache-control", directives));
        let answer = nodes.one.ask(request).await;
        assert_eq!(answer.status, 504, "{directives}");
        assert_eq!(said(&answer).1, "detail=only-if-cached");
    }
    assert_eq!(nodes.stage.runs(), 3);
    assert_eq!(nodes.one.cache.stats().only_if_cached, 2);
}
