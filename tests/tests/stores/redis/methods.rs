//! What each method does.

use std::time::Duration;

use actix_web::web::Bytes;
use cached_response::testing::{check_handles, check_store};
use cached_response::{LookedUp, RedisStore, Store, StoreError, StoreErrorKind};
use futures_util::future::join_all;

use super::{MINUTE, in_the_end, names, redis};

const SECOND: Duration = Duration::from_secs(1);

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[tokio::test]
async fn it_is_a_store() {
    let (_server, store) = redis();
    check_store(store).await;
}

#[tokio::test]
async fn two_handles_are_one_store() {
    let (server, store) = redis();
    let other = RedisStore::open(&server.url()).unwrap();
    check_handles(store, other).await;
}

#[tokio::test]
async fn what_is_set_is_found_with_the_time_it_has_left() {
    let (_server, store) = redis();
    store.set("name", bytes("a value"), MINUTE).await.unwrap();
    let kept = store.get("name", 64).await.unwrap().unwrap();
    assert_eq!(kept.bytes, "a value");
    assert!(kept.left <= MINUTE && kept.left > 50 * SECOND, "{kept:?}");
}

#[tokio::test]
async fn what_is_not_there_is_none() {
    let (_server, store) = redis();
    assert_eq!(store.get("name", 64).await.unwrap(), None);
}

#[tokio::test]
async fn no_more_is_read_than_the_limit() {
    let (_server, store) = redis();
    store.set("name", bytes("a value"), MINUTE).await.unwrap();
    for (limit, read) in [
        (0, ""),
        (1, "a"),
        (3, "a v"),
        (7, "a value"),
        (usize::MAX, "a value"),
    ] {
        let kept = store.get("name", limit).await.unwrap().unwrap();
        assert_eq!(kept.bytes, read, "{limit}");
    }
}

#[tokio::test]
async fn an_empty_value_is_there() {
    let (_server, store) = redis();
    store.set("name", Bytes::new(), MINUTE).await.unwrap();
    assert_eq!(store.get("name", 64).await.unwrap().unwrap().bytes, "");
}

#[tokio::test]
async fn what_lives_for_ever_is_given_no_time() {
    let (server, store) = redis();
    server.ask(&["SET", "name", "for ever"]).unwrap();
    let kept = store.get("name", 64).await.unwrap().unwrap();
    assert_eq!(kept.left, Duration::ZERO);
}

#[tokio::test]
async fn no_time_at_all_stores_nothing_and_leaves_nothing() {
    let (_server, store) = redis();
    store.set("name", bytes("old"), MINUTE).await.unwrap();
    let short = Duration::from_micros(999);
    store.set("name", bytes("new"), short).await.unwrap();
    assert_eq!(store.get("name", 64).await.unwrap(), None);
}

#[tokio::test]
async fn the_longest_time_of_all_is_taken() {
    let (_server, store) = redis();
    store.set("name", bytes("it"), Duration::MAX).await.unwrap();
    let left = store.get("name", 64).await.unwrap().unwrap().left;
    assert!(left > 300 * 86_400 * SECOND, "{left:?}");
}

#[tokio::test]
async fn a_delete_holds_for_other_connections() {
    let (server, store) = redis();
    let other = RedisStore::open(&server.url()).unwrap();
    store.set("name", bytes("it"), MINUTE).await.unwrap();
    assert!(other.get("name", 64).await.unwrap().is_some());
    store.delete("name").await.unwrap();
    assert_eq!(other.get("name", 64).await.unwrap(), None);
    store.delete("name").await.unwrap();
}

#[tokio::test]
async fn many_are_read_at_once_and_in_order() {
    let (_server, store) = redis();
    store.set("a", bytes("1"), MINUTE).await.unwrap();
    store.set("c", bytes("3"), MINUTE).await.unwrap();
    let found = store.get_many(&names(&["c", "b", "a", "c"])).await;
    let expected = [Some(bytes("3")), None, Some(bytes("1")), Some(bytes("3"))];
    assert_eq!(found.unwrap(), expected);
    assert_eq!(store.get_many(&[]).await.unwrap(), []);
}

#[tokio::test]
async fn a_look_up_is_one_round_trip_that_reads_the_response_first() {
    let (server, store) = redis();
    store.set("page", bytes("the page"), MINUTE).await.unwrap();
    store.set("a", bytes("1"), MINUTE).await.unwrap();
    let with = names(&["a", "b"]);
    let (kept, nonces) = store.look_up("page", 4, &with).await.unwrap();
    assert_eq!(kept.unwrap().bytes, "the ");
    assert_eq!(nonces, [Some(bytes("1")), None]);
    let mut monitor = server.monitor().unwrap();
    store.look_up("page", 4, &with).await.unwrap();
    let seen = monitor.seen(&server).unwrap();
    let read = [
        r#""PTTL" "page""#,
        r#""GETRANGE" "page" "0" "3""#,
        r#""PTTL" "page""#,
        r#""MGET" "a" "b""#,
    ];
    assert_eq!(seen, read);
}

/// The look-up of `name` on the connection of this thread, once that is open.
async fn look_up_here(store: &RedisStore, name: &str, with: &[String]) -> LookedUp {
    let started = async || store.look_up_here(name, 64, with).ok_or_else(no_connection);
    in_the_end(async || started().await?.await).await
}

fn no_connection() -> StoreError {
    StoreError::new(StoreErrorKind::Unreachable, "not open yet")
}

#[tokio::test]
async fn look_ups_that_a_thread_begins_in_one_turn_are_one_pipeline() {
    let (server, store) = redis();
    store.set("page", bytes("the page"), MINUTE).await.unwrap();
    store
        .set("other", bytes("the other"), MINUTE)
        .await
        .unwrap();
    store.set("a", bytes("1"), MINUTE).await.unwrap();
    look_up_here(&store, "page", &[]).await;
    let mut monitor = server.monitor().unwrap();
    let begin = |name, with: &[&str]| store.look_up_here(name, 64, &names(with)).unwrap();
    let all = [
        begin("page", &["a"]),
        begin("other", &["b"]),
        begin("page", &["a"]),
    ];
    let found = join_all(all).await.into_iter().map(Result::unwrap);
    let found: Vec<_> = found
        .map(|(kept, values)| (kept.unwrap().bytes, values))
        .collect();
    let page = (bytes("the page"), vec![Some(bytes("1"))]);
    assert_eq!(
        found,
        [page.clone(), (bytes("the other"), vec![None]), page]
    );
    let seen = monitor.seen(&server).unwrap();
    let read = [
        r#""PTTL" "page""#,
        r#""GETRANGE" "page" "0" "63""#,
        r#""PTTL" "page""#,
        r#""PTTL" "other""#,
        r#""GETRANGE" "other" "0" "63""#,
        r#""PTTL" "other""#,
        r#""MGET" "a" "b""#,
    ];
    assert_eq!(seen, read);
}

#[tokio::test]
async fn each_of_many_look_ups_of_one_turn_finds_its_own() {
    let (_server, store) = redis();
    let all: Vec<_> = (0..100).map(|number| number.to_string()).collect();
    for name in &all {
        store.set(name, name.clone().into(), MINUTE).await.unwrap();
    }
    look_up_here(&store, "0", &[]).await;
    let begin = |name: &String| {
        let with = [format!("{name} is not there"), name.clone()];
        store.look_up_here(name, 64, &with).unwrap()
    };
    let found = join_all(all.iter().map(begin)).await;
    for (name, found) in all.iter().zip(found) {
        let (kept, values) = found.unwrap();
        assert_eq!(kept.unwrap().bytes, name.as_bytes());
        assert_eq!(values, [None, Some(name.clone().into())]);
    }
}

#[tokio::test]
async fn one_of_several_concurrent_adds_succeeds() {
    let (server, store) = redis();
    let other = RedisStore::open(&server.url()).unwrap();
    let first = store.add("lease", bytes("mine"), MINUTE);
    let second = other.add("lease", bytes("theirs"), MINUTE);
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.clone().unwrap(), second.unwrap());
    let again = store.add("lease", bytes("again"), MINUTE).await;
    assert_eq!(again.unwrap(), first.unwrap());
}

#[tokio::test]
async fn what_is_ensured_is_there_for_long_enough() {
    let (server, store) = redis();
    store.set("short", bytes("s"), 5 * SECOND).await.unwrap();
    store.set("long", bytes("l"), 600 * SECOND).await.unwrap();
    let wanted = ["short", "new", "long"].map(|name| (name.to_owned(), bytes("given")));
    let ensured = store.ensure(&wanted, MINUTE).await.unwrap();
    assert_eq!(ensured, [bytes("s"), bytes("given"), bytes("l")]);
    for (name, least) in [("short", 200), ("new", 200), ("long", 500)] {
        let left = store.get(name, 64).await.unwrap().unwrap().left;
        assert!(left > least * SECOND, "{name}: {left:?}");
    }
    // All there, and for long enough: one round trip, in which nothing is changed.
    let mut monitor = server.monitor().unwrap();
    let again = store.ensure(&wanted, MINUTE).await.unwrap();
    assert_eq!(again, ensured);
    let seen = monitor.seen(&server).unwrap();
    assert!(
        seen.iter().all(|command| !command.contains("EXPIRE")),
        "{seen:?}"
    );
}

#[tokio::test]
async fn what_was_deleted_is_never_brought_back() {
    let (_server, store) = redis();
    let wanted = |value| [("nonce".to_owned(), bytes(value))];
    let first = store.ensure(&wanted("first"), MINUTE).await.unwrap();
    assert_eq!(first, ["first"]);
    store.delete("nonce").await.unwrap();
    let second = store.ensure(&wanted("second"), MINUTE).await.unwrap();
    assert_eq!(second, ["second"]);
}

#[tokio::test]
async fn what_lives_for_ever_is_long_enough() {
    let (server, store) = redis();
    server.ask(&["SET", "nonce", "for ever"]).unwrap();
    let wanted = [("nonce".to_owned(), bytes("given"))];
    assert_eq!(store.ensure(&wanted, MINUTE).await.unwrap(), ["for ever"]);
}

#[tokio::test]
async fn names_are_deleted_in_their_order() {
    let (server, store) = redis();
    store.delete("warm").await.unwrap();
    let mut monitor = server.monitor().unwrap();
    store.delete_many(&names(&["stripe", "tag"])).await.unwrap();
    let seen = monitor.seen(&server).unwrap();
    assert_eq!(seen, [r#""UNLINK" "stripe""#, r#""UNLINK" "tag""#]);
    store.delete_many(&[]).await.unwrap();
}

#[tokio::test]
async fn an_invalidation_is_three_commands_however_much_there_is() {
    let (server, store) = redis();
    let load: Vec<_> = (0..100)
        .map(|page| (format!("page {page}"), bytes("it")))
        .collect();
    store.ensure(&load, MINUTE).await.unwrap();
    store.delete("warm").await.unwrap();
    let mut monitor = server.monitor().unwrap();
    store.delete_many(&names(&["stripe", "tag"])).await.unwrap();
    let bus = store.bus().unwrap();
    bus.publish("bus", bytes("the tag")).await.unwrap();
    let seen = monitor.seen(&server).unwrap();
    assert_eq!(seen.len(), 3, "{seen:?}");
}

#[tokio::test]
async fn names_and_values_of_any_bytes() {
    let (_server, store) = redis();
    let long = "n".repeat(8_192);
    for name in ["n", "with spaces", "grün", "a\r\nb", long.as_str()] {
        let value: Bytes = (0..=255_u8).collect();
        store.set(name, value.clone(), MINUTE).await.unwrap();
        assert_eq!(store.get(name, 256).await.unwrap().unwrap().bytes, value);
    }
    let large = Bytes::from(vec![7; 4 << 20]);
    store.set("large", large.clone(), MINUTE).await.unwrap();
    let read = store.get("large", usize::MAX).await.unwrap().unwrap().bytes;
    assert!(read == large);
}

#[tokio::test]
async fn a_database_of_its_own() {
    let (server, store) = redis();
    let other = RedisStore::open(&format!("{}/5", server.url())).unwrap();
    other.set("name", bytes("it"), MINUTE).await.unwrap();
    assert_eq!(store.get("name", 64).await.unwrap(), None);
    assert!(other.get("name", 64).await.unwrap().is_some());
}
