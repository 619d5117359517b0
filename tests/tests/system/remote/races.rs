//! Nodes that get in one another's way.

use std::{convert::Infallible, time::Duration};

use actix_web::{http::header, test::TestRequest};
use cached_response::{Policy, Skip, Store};
use tests::stage::{repeat, soon};

use super::{Nodes, ROW, said};

/// Long enough for every wait to end earlier: a lost lease would be waited for.
fn patient(
    builder: cached_response::ResponseCacheBuilder,
) -> cached_response::ResponseCacheBuilder {
    builder.wait_timeout(Duration::from_secs(3_600))
}

/// Ready when a lease has been looked for some times more.
async fn a_lease_is_waited_for(nodes: &Nodes) {
    let looks = || {
        nodes
            .store
            .calls()
            .get("get_many")
            .copied()
            .unwrap_or_default()
    };
    let before = looks();
    soon("the lease is waited for", || looks() > before + 2).await;
}

#[actix_web::test]
async fn a_cold_miss_on_two_nodes_runs_once() {
    let nodes = Nodes::with(patient, 1).await;
    let one = nodes.one.app.get("/plain");
    nodes.stage.at_run(1).await;
    let other = nodes.other.app.get("/plain");
    a_lease_is_waited_for(&nodes).await;
    nodes.stage.release(1);
    assert_eq!(
        (one.text().await, other.text().await),
        ("run 1".into(), "run 1".into())
    );
    assert_eq!(nodes.stage.runs(), 1);
}

#[actix_web::test]
async fn a_miss_of_what_has_expired_runs_once_on_two_nodes() {
    let nodes = Nodes::with(patient, 2).await;
    nodes.one.get("/plain").await;
    nodes.advance(11);
    let one = nodes.one.app.get("/plain");
    nodes.stage.at_run(2).await;
    let other = nodes.other.app.get("/plain");
    a_lease_is_waited_for(&nodes).await;
    nodes.stage.release(2);
    assert_eq!(
        (one.text().await, other.text().await),
        ("run 2".into(), "run 2".into())
    );
    assert_eq!(nodes.stage.runs(), 2);
}

#[actix_web::test]
async fn one_variant_does_not_wait_for_another() {
    let nodes = Nodes::with(patient, 2).await;
    let ask = |tongue: &'static str| {
        TestRequest::with_uri("/greeting").insert_header((header::ACCEPT_LANGUAGE, tongue))
    };
    nodes.one.ask(ask("de")).await;
    nodes.advance(9);
    let it = nodes.other.app.ask(ask("it"));
    nodes.stage.at_run(2).await;
    let fr = nodes.one.app.ask(ask("fr"));
    assert_eq!(fr.text().await, "run 3 in fr", "it does not wait");
    nodes.stage.release(2);
    assert_eq!(it.text().await, "run 2 in it");
}

#[actix_web::test]
async fn an_outdated_response_is_not_found_again() {
    let nodes = Nodes::new().await;
    let (node, stats) = (&nodes.one, || nodes.one.cache.stats());
    assert_eq!(node.get("/gone").await.0, "run 1");
    nodes.advance(11);
    assert_eq!(
        node.get("/gone").await.0,
        "run 1",
        "it is refreshed behind the answer"
    );
    // A node without a recent heartbeat first verifies its response with the store.
    let is_judged = |_: &_| stats().skipped(Skip::Status) > 0;
    repeat("the refresh is judged", || node.get("/gone"), is_judged).await;
    node.cache.settled().await;
    for node in [&nodes.one, &nodes.other] {
        assert_eq!(node.get("/gone").await.0, "gone");
    }
}

#[actix_web::test]
async fn leaders_that_leave_while_they_wait_are_replaced() {
    let nodes = Nodes::with(patient, 2).await;
    nodes.one.get("/plain").await;
    nodes.advance(11);
    let one = nodes.one.app.get("/plain");
    nodes.stage.at_run(2).await;
    let mut others: Vec<_> = (0..10).map(|_| nodes.other.app.get("/plain")).collect();
    for _ in 0..4 {
        a_lease_is_waited_for(&nodes).await;
        others.remove(0).leave().await;
    }
    a_lease_is_waited_for(&nodes).await;
    assert_eq!(nodes.stage.runs(), 2);
    nodes.stage.release(2);
    assert_eq!(one.text().await, "run 2");
    for other in others {
        assert_eq!(other.text().await, "run 2");
    }
    assert_eq!(nodes.stage.runs(), 2);
}

#[actix_web::test]
async fn a_stale_response_answers_in_time_though_another_node_runs() {
    let nodes = Nodes::with(patient, 2).await;
    nodes.one.get("/soon").await;
    assert_eq!(nodes.other.get("/soon").await.0, "run 1");
    nodes.advance(11);
    let one = nodes.one.app.get("/soon");
    nodes.stage.at_run(2).await;
    let other = nodes.other.app.get("/soon");
    a_lease_is_waited_for(&nodes).await;
    nodes.advance(1);
    assert_eq!(other.text().await, "run 1");
    assert_eq!(
        one.text().await,
        "run 1",
        "the one that runs it waits no longer either"
    );
    nodes.stage.release(2);
}

#[actix_web::test]
async fn a_client_that_leaves_leaves_no_lease() {
    let nodes = Nodes::with(patient, 0).await;
    nodes.one.get("/plain").await;
    nodes.advance(11);
    nodes.store.hold_answers("add");
    let one = nodes.one.app.get("/plain");
    nodes.store.held(1).await;
    one.leave().await;
    nodes.store.release();
    assert_eq!(nodes.other.get("/plain").await.0, "run 2");
}

/// What another process does that has changed the row, and whose message is not received yet, or never
/// where there is no bus.
async fn invalidate_silently(nodes: &Nodes) {
    let names = nodes.store.names().into_iter();
    for name in names.filter(|name| name.contains(":g:")) {
        nodes.store.delete(&name).await.unwrap();
    }
}

#[actix_web::test]
async fn a_run_that_extracts_before_its_look_up_is_shared_from_the_second_on() {
    let nodes = Nodes::new().await;
    // From 10 on it names a tag, whose nonce is read after the argument.
    for (row, is_shared) in [(1, false), (2, true), (3, true), (10, false), (11, false)] {
        ROW.set(row);
        let text = format!("row {row}");
        assert_eq!(nodes.one.get("/row").await.0, text);
        let (other, status) = nodes.other.get("/row").await;
        assert_eq!(other, text);
        assert_eq!(status.contains("detail=remote"), is_shared, "{status}");
        // Its lifetime has ended, and its nonces are still in memory.
        nodes.advance(11);
    }
}

#[actix_web::test]
async fn arguments_that_are_older_than_the_nonces_in_memory_are_not_shared() {
    let nodes = Nodes::new().await;
    ROW.set(1);
    let slow = TestRequest::with_uri("/row?nocache=1").append_header(("x-slow", "1"));
    let slow = nodes.one.app.ask(slow);
    let extracted = || nodes.stage.barriers.count("extracted") == 1;
    soon("its argument is extracted", extracted).await;
    ROW.set(2);
    invalidate_silently(&nodes).await;
    // It leaves the new nonces in memory.
    assert_eq!(nodes.one.get("/row").await.0, "row 2");
    nodes.stage.barriers.release("extracted");
    assert_eq!(slow.text().await, "row 1", "it was asked before");
    nodes.one.cache.settled().await;
    assert_eq!(nodes.other.get("/row").await.0, "row 2");
}

#[actix_web::test]
async fn a_run_whose_arguments_are_older_than_an_invalidation_is_not_shared() {
    let nodes = Nodes::new().await;
    ROW.set(1);
    nodes.store.hold_only("look_up");
    let one = nodes.one.app.get("/row");
    nodes.store.held(1).await;
    ROW.set(2);
    invalidate_silently(&nodes).await;
    nodes.store.release();
    assert_eq!(one.text().await, "row 1", "it was asked before");
    nodes.one.cache.settled().await;
    assert_eq!(nodes.other.get("/row").await.0, "row 2");
}

#[actix_web::test]
async fn a_strange_invalidation_does_not_keep_a_run_from_being_stored() {
    let nodes = Nodes::new().await;
    nodes.store.hold_only("look_up");
    let one = nodes.one.app.get("/row");
    nodes.store.held(1).await;
    let strange = nodes.one.cache.invalidate_path("/strange");
    nodes.store.release();
    strange.await.unwrap();
    let answer = one.answer().await;
    assert_eq!(said(&answer).1, "fwd=uri-miss; stored");
}

#[actix_web::test]
async fn the_wait_timeout_may_be_endless() {
    let nodes = Nodes::with(|builder| builder.wait_timeout(Duration::MAX), 0).await;
    assert_eq!(nodes.one.get("/plain").await.0, "run 1");
}

#[actix_web::test]
async fn a_stale_value_is_refreshed_behind_it_without_memory_too() {
    for nodes in [Nodes::new().await, Nodes::without_memory().await] {
        let get = |computed: u32| {
            let policy = Policy::new(10).stale_while_revalidate(20);
            let cache = nodes.one.cache.clone();
            async move {
                let compute = move || async move { Ok::<_, Infallible>(computed) };
                let Ok(value) = cache.get_or_compute("value", policy, compute).await;
                cache.settled().await;
                value
            }
        };
        assert_eq!(get(1).await, 1);
        nodes.advance(11);
        assert_eq!(get(2).await, 1, "at once");
        let is_stored = |_: &_| nodes.one.cache.stats().values.stored >= 2;
        repeat("the refreshed value is stored", || get(2), is_stored).await;
        nodes.one.cache.settled().await;
        assert_eq!(get(3).await, 2);
    }
}
