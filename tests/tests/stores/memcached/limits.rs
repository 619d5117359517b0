//! What Memcached takes: lifetimes, names, sizes, memory.

use super::{ALL, MINUTE, found, store};
use cached_response::{Store, StoreErrorKind};
use std::time::Duration;
use tests::servers::memcached::Memcached;

const DAY: Duration = Duration::from_secs(86_400);

/// More than an item may be, as a server is by default.
const TOO_LARGE: usize = 1_100_000;

#[actix_web::test]
async fn a_lifetime_over_thirty_days_is_kept() {
    let server = Memcached::start().unwrap();
    let store = store(&server);
    for days in [29, 30, 31, 366] {
        let asked = days * DAY;
        store.set("name", "value".into(), asked).await.unwrap();
        let left = store.get("name", 9).await.unwrap().unwrap().left;
        // On a busy machine as much time may pass until it is read.
        assert!(
            (asked.saturating_sub(MINUTE)..=asked).contains(&left),
            "{left:?} of {days} days"
        );
    }
}

#[actix_web::test]
async fn any_name_is_a_name() {
    let server = Memcached::start().unwrap();
    let store = store(&server);
    let long = "n".repeat(300);
    let names = [
        long.as_str(),
        "with a space",
        "names\r\nms witness 3 T9\r\nbad",
        "ключ",
        "",
    ];
    store.set("witness", "well".into(), MINUTE).await.unwrap();
    for name in names {
        store
            .set(name, name.to_owned().into(), MINUTE)
            .await
            .unwrap();
    }
    for name in names {
        assert_eq!(found(&store, name).await.unwrap(), name);
    }
    assert_eq!(found(&store, "witness").await.unwrap(), "well");
}

#[actix_web::test]
async fn what_is_too_large_is_not_stored_without_an_error_and_leaves_nothing_there() {
    let server = Memcached::start().unwrap();
    let store = store(&server);
    for size in [TOO_LARGE, 40 * TOO_LARGE] {
        store.set("name", "old".into(), MINUTE).await.unwrap();
        store
            .set("name", vec![7; size].into(), MINUTE)
            .await
            .unwrap();
        assert_eq!(found(&store, "name").await, None);
    }
    store.set("name", "new".into(), MINUTE).await.unwrap();
    assert_eq!(found(&store, "name").await.unwrap(), "new");
}

#[actix_web::test]
async fn what_no_server_reads_to_its_end_is_not_sent() {
    let server = Memcached::start().unwrap();
    let store = store(&server);
    store.set("name", "old".into(), MINUTE).await.unwrap();
    let endless = vec![0; (1 << 30) + 1];
    store.set("name", endless.into(), MINUTE).await.unwrap();
    assert_eq!(found(&store, "name").await, None);
    let stats = server.ask(b"stats\r\n", "END\r\n").unwrap();
    let read = stats
        .lines()
        .find_map(|line| line.strip_prefix("STAT bytes_read "));
    assert!(read.unwrap().parse::<u32>().unwrap() < 10_000);
}

#[actix_web::test]
async fn a_server_that_takes_more_keeps_more() {
    let server = Memcached::with(&["-I", "4m"]).unwrap();
    let store = store(&server);
    let value: Vec<u8> = (0..=u8::MAX).cycle().take(TOO_LARGE).collect();
    store
        .set("name", value.clone().into(), MINUTE)
        .await
        .unwrap();
    assert!(found(&store, "name").await.unwrap() == value);
    let some = store.get("name", 1000).await.unwrap().unwrap().bytes;
    assert!(some == value[..1000]);
}

#[actix_web::test]
async fn a_server_with_full_memory_refuses_writes_and_still_deletes() {
    let server = Memcached::with(&["-M", "-m", "2"]).unwrap();
    let store = store(&server);
    let mut names = (0..100).map(|number| format!("name-{number}"));
    let (name, error) = loop {
        let name = names.next().expect("a server of 2 MiB that takes 50 MiB");
        let set = store.set(&name, vec![7; 500_000].into(), MINUTE).await;
        if let Err(error) = set {
            break (name, error);
        }
    };
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert!(error.to_string().contains("out of memory"), "{error}");
    assert_eq!(store.get(&name, ALL).await, Ok(None));
    assert!(found(&store, "name-0").await.is_some());
    assert_eq!(store.delete_many(&["name-0".into()]).await, Ok(()));
    assert_eq!(found(&store, "name-0").await, None);
}
