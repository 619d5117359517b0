//! `MemcachedStore`, against real Memcached servers.

mod garbled;
mod limits;
mod outages;
mod several;

use actix_web::web::Bytes;
use cached_response::{
    MemcachedStore, Store,
    testing::{check_handles, check_store},
};
use std::time::Duration;
use tests::servers::memcached::Memcached;

const MINUTE: Duration = Duration::from_secs(60);
const ALL: usize = 16 << 20;

fn store(server: &Memcached) -> MemcachedStore {
    MemcachedStore::open([server.address()]).unwrap()
}

async fn found(store: &impl Store, name: &str) -> Option<Bytes> {
    store.get(name, ALL).await.unwrap().map(|kept| kept.bytes)
}

#[actix_web::test]
async fn it_does_what_any_store_must_do() {
    let server = Memcached::start().unwrap();
    check_store(store(&server)).await;
}

#[actix_web::test]
async fn what_one_process_does_another_sees() {
    let server = Memcached::start().unwrap();
    check_handles(store(&server), store(&server)).await;
}

#[actix_web::test]
async fn several_servers_are_one_store() {
    let servers = [(); 3].map(|()| Memcached::start().unwrap());
    let addresses = || servers.iter().map(Memcached::address);
    let one = MemcachedStore::open(addresses()).unwrap();
    let other = MemcachedStore::open(addresses().rev()).unwrap();
    check_handles(one, other).await;
}

#[actix_web::test]
async fn debug_shows_where_the_servers_are() {
    let store = MemcachedStore::open(["b:2", "a:1"]).unwrap();
    assert_eq!(format!("{store:?}"), r#"MemcachedStore(["a:1", "b:2"])"#);
}

#[actix_web::test]
async fn a_thousand_calls_at_once_share_sixty_four_connections() {
    let server = Memcached::start().unwrap();
    let store = store(&server);
    let calls: Vec<_> = (0..1000)
        .map(|number| {
            let (store, name) = (store.clone(), format!("name-{number}"));
            tokio::spawn(async move {
                let value = Bytes::from(name.clone());
                store.set(&name, value.clone(), MINUTE).await.unwrap();
                assert_eq!(found(&store, &name).await, Some(value));
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    let stats = server.ask(b"stats\r\n", "END\r\n").unwrap();
    let made = stats
        .lines()
        .find_map(|line| line.strip_prefix("STAT total_connections "));
    // Beside them: what it counts from the beginning, and those of this fixture.
    let made: u32 = made.unwrap().parse().unwrap();
    assert!(
        (64..=64 + 8).contains(&made),
        "{made} connections were made"
    );
}
