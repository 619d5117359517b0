//! One of several servers is dead.

use super::{MINUTE, found};
use cached_response::{MemcachedStore, Store, StoreErrorKind};
use std::time::{Duration, Instant};
use tests::servers::memcached::Memcached;

/// Far more than a call may take, on a machine that is busy.
const SOON: Duration = Duration::from_secs(5);

#[actix_web::test]
async fn names_of_a_dead_server_fail_at_once_and_the_others_are_served() {
    let mut servers = [(); 3].map(|()| Memcached::start().unwrap());
    let store = MemcachedStore::open(servers.iter().map(Memcached::address)).unwrap();
    let names: Vec<_> = (0..60).map(|number| format!("name-{number}")).collect();
    for name in &names {
        store.set(name, name.clone().into(), MINUTE).await.unwrap();
    }
    servers[1].kill();
    let (mut gone, mut there) = (Vec::new(), Vec::new());
    for name in &names {
        let start = Instant::now();
        match store.get(name, 64).await {
            Ok(kept) => {
                assert_eq!(kept.unwrap().bytes, *name);
                there.push(name.clone());
            }
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Unreachable);
                assert!(error.to_string().contains(&servers[1].address()), "{error}");
                assert!(start.elapsed() < SOON);
                gone.push(name.clone());
            }
        }
    }
    assert!(gone.len() > 5 && there.len() > 20, "{gone:?}");
    assert!(store.get_many(&there).await.is_ok());
    assert!(store.get_many(&names).await.is_err());
    assert!(
        store.delete_many(&names).await.is_err(),
        "one that is not deleted is an error"
    );
    servers[1].restart().unwrap();
    assert_eq!(found(&store, &gone[0]).await, None);
}

#[actix_web::test]
async fn a_server_may_start_after_its_clients() {
    let mut server = Memcached::start().unwrap();
    server.kill();
    let store = MemcachedStore::open([server.address()]).unwrap();
    let error = store.get("name", 64).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unreachable);
    server.restart().unwrap();
    assert_eq!(found(&store, "name").await, None);
}
