//! A cluster of three.

use std::time::{Duration, Instant};

use actix_web::web::Bytes;
use cached_response::testing::check_store;
use cached_response::{RedisStore, Store, StoreErrorKind};
use tests::servers::cluster::Cluster;
use tokio::time::timeout;

use super::{BUDGET, LONG, MINUTE, in_the_end_within, names};

fn it() -> Bytes {
    Bytes::from_static(b"it")
}

fn cluster() -> (Cluster, RedisStore) {
    with(&[])
}

/// Known by one node only: the others are found by it.
fn with(options: &[&str]) -> (Cluster, RedisStore) {
    let cluster = Cluster::start(3, options).unwrap();
    let store = RedisStore::cluster([cluster.nodes()[0].url().as_str()]).unwrap();
    (cluster, store)
}

/// A name in the part of each node.
fn one_each(cluster: &Cluster) -> [String; 3] {
    [0, 1, 2].map(|node| {
        let mut names = (0..).map(|number| format!("name {number}"));
        let owner = |name: &String| cluster.owner(cluster.slot(name).unwrap()).unwrap();
        names.find(|name| owner(name) == node).unwrap()
    })
}

#[tokio::test]
async fn it_is_a_store() {
    let (_cluster, store) = cluster();
    check_store(store).await;
}

#[tokio::test]
async fn names_are_in_all_of_its_parts() {
    let (cluster, store) = cluster();
    let all: Vec<_> = (0..300)
        .map(|number| format!("shop:tag:{number}"))
        .collect();
    let wanted: Vec<_> = all
        .iter()
        .map(|name| (name.clone(), name.clone().into()))
        .collect();
    let ensured = store.ensure(&wanted, MINUTE).await.unwrap();
    assert!(ensured.iter().zip(&all).all(|(value, name)| value == name));
    let found = store.get_many(&all).await.unwrap();
    assert!(
        found
            .iter()
            .flatten()
            .zip(&all)
            .all(|(value, name)| value == name)
    );
    store.set("page", it(), MINUTE).await.unwrap();
    let (kept, found) = store.look_up("page", 64, &all).await.unwrap();
    assert_eq!(kept.unwrap().bytes, "it");
    assert_eq!(found.iter().flatten().count(), all.len());
    for node in cluster.nodes() {
        let size: usize = node.ask(&["DBSIZE"]).unwrap().text().parse().unwrap();
        assert!(size > 50, "{size}");
    }
    store.delete_many(&all).await.unwrap();
    let found = store.get_many(&all).await.unwrap();
    assert_eq!(found.iter().flatten().count(), 0);
}

#[tokio::test]
async fn names_on_several_nodes_are_deleted_in_their_order() {
    let (cluster, store) = cluster();
    let [here, there, _] = one_each(&cluster);
    store.set(&here, it(), MINUTE).await.unwrap();
    store.set(&there, it(), MINUTE).await.unwrap();
    cluster.nodes()[0].stop().unwrap();
    let order = [here, there];
    assert!(timeout(BUDGET, store.delete_many(&order)).await.is_err());
    assert!(store.get(&order[1], 64).await.unwrap().is_some());
    cluster.nodes()[0].resume().unwrap();
    in_the_end_within(LONG, || store.delete_many(&order)).await;
    assert_eq!(store.get(&order[1], 64).await.unwrap(), None);
}

#[tokio::test]
async fn a_slot_that_has_moved_is_followed() {
    let (cluster, store) = cluster();
    store.set("name", it(), MINUTE).await.unwrap();
    let slot = cluster.slot("name").unwrap();
    let to = (cluster.owner(slot).unwrap() + 1) % 3;
    cluster.begin_to_move(slot, to).unwrap();
    // Here still: the name has not left yet.
    assert!(store.get("name", 64).await.unwrap().is_some());
    // There already, by a word for each command.
    cluster.move_names(slot, to).unwrap();
    assert!(store.get("name", 64).await.unwrap().is_some());
    store
        .set("name", Bytes::from_static(b"new"), MINUTE)
        .await
        .unwrap();
    let nonces = [("name".to_owned(), it())];
    assert_eq!(store.ensure(&nonces, MINUTE).await.unwrap(), ["new"]);
    let found = store.get_many(&names(&["name", "other"])).await.unwrap();
    assert_eq!(found, [Some(Bytes::from_static(b"new")), None]);
    cluster.end_to_move(slot, to).unwrap();
    assert_eq!(store.get("name", 64).await.unwrap().unwrap().bytes, "new");
    store.delete("name").await.unwrap();
    let gone = cluster.nodes()[to].ask(&["EXISTS", "name"]).unwrap();
    assert_eq!(gone.text(), "0");
}

/// The node that is given all slots in a reshard.
const TAKER: usize = 1;

#[tokio::test]
async fn a_reshard_under_load_costs_nothing() {
    let (cluster, store) = cluster();
    let all: Vec<_> = (0..40).map(|number| format!("name {number}")).collect();
    for name in &all {
        store.set(name, it(), MINUTE).await.unwrap();
    }
    let slots: Vec<_> = all.iter().map(|name| cluster.slot(name).unwrap()).collect();
    let moving = std::thread::spawn(move || {
        // All to one: if the nodes took from one another faster than they talk, two would believe
        // for good that the other has a slot.
        for slot in slots {
            if cluster.owner(slot).unwrap() != TAKER {
                cluster.begin_to_move(slot, TAKER).unwrap();
                cluster.move_names(slot, TAKER).unwrap();
                cluster.end_to_move(slot, TAKER).unwrap();
            }
        }
        cluster
    });
    let mut rounds = 0;
    while !moving.is_finished() || rounds == 0 {
        let found = store.get_many(&all).await.unwrap();
        assert_eq!(found.iter().flatten().count(), all.len());
        for name in &all {
            assert!(store.get(name, 64).await.unwrap().is_some());
            store.set(name, it(), MINUTE).await.unwrap();
        }
        rounds += 1;
    }
    moving.join().unwrap();
}

#[tokio::test]
async fn names_of_a_dead_node_fail_and_the_others_are_served() {
    let (mut cluster, store) = with(&["--cluster-require-full-coverage", "no"]);
    let [first, second, third] = one_each(&cluster);
    for name in [&first, &second, &third] {
        store.set(name, it(), MINUTE).await.unwrap();
    }
    // The one by which it was found.
    cluster.nodes_mut()[0].kill();
    for _ in 0..20 {
        let start = Instant::now();
        let error = store.get(&first, 64).await.unwrap_err();
        assert_ne!(error.kind(), StoreErrorKind::Protocol);
        assert!(store.get(&second, 64).await.unwrap().is_some());
        assert!(store.get(&third, 64).await.unwrap().is_some());
        assert!(
            start.elapsed() < Duration::from_secs(3),
            "{:?}",
            start.elapsed()
        );
    }
    cluster.nodes_mut()[0].restart().unwrap();
    in_the_end_within(LONG, || store.set(&first, it(), MINUTE)).await;
}

#[tokio::test]
async fn a_cluster_that_is_down_is_reported() {
    let (mut cluster, store) = cluster();
    let [_, second, _] = one_each(&cluster);
    store.set(&second, it(), MINUTE).await.unwrap();
    cluster.nodes_mut()[0].kill();
    let down = async {
        loop {
            if let Err(error) = store.get(&second, 64).await {
                return error;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let error = timeout(LONG, down).await.unwrap();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert!(error.to_string().contains("CLUSTERDOWN"), "{error}");
}

#[tokio::test]
async fn a_message_reaches_subscribers_of_another_node() {
    let (cluster, store) = cluster();
    let other = RedisStore::cluster([cluster.nodes()[2].url().as_str()]).unwrap();
    let mut listening = other.bus().unwrap().subscribe("bus").await.unwrap();
    store.bus().unwrap().publish("bus", it()).await.unwrap();
    assert_eq!(listening.next().await.unwrap(), "it");
}

#[tokio::test]
async fn the_documented_permissions_suffice() {
    let cluster = Cluster::start(3, &[]).unwrap();
    let user: Vec<_> = super::ALLOWED.split_whitespace().collect();
    for node in cluster.nodes() {
        let mut user = user.clone();
        user.extend(["+cluster|slots", "+asking", "+ping"]);
        assert_eq!(node.ask(&user).unwrap().text(), "OK");
    }
    let port = cluster.nodes()[0].port();
    let url = format!("redis://cache:secret@127.0.0.1:{port}");
    let store = RedisStore::cluster([url.as_str()]).unwrap();
    let slot = cluster.slot("shop:page").unwrap();
    let to = (cluster.owner(slot).unwrap() + 1) % 3;
    cluster.begin_to_move(slot, to).unwrap();
    store.set("shop:page", it(), MINUTE).await.unwrap();
    assert!(store.get("shop:page", 64).await.unwrap().is_some());
    store
        .delete_many(&names(&["shop:page", "shop:other"]))
        .await
        .unwrap();
    let mut listening = store.bus().unwrap().subscribe("shop:bus").await.unwrap();
    store
        .bus()
        .unwrap()
        .publish("shop:bus", it())
        .await
        .unwrap();
    assert_eq!(listening.next().await.unwrap(), "it");
}

#[tokio::test]
async fn a_server_may_start_after_its_store_is_opened() {
    let port = tests::servers::free_port().unwrap();
    let store = RedisStore::cluster([format!("redis://127.0.0.1:{port}").as_str()]).unwrap();
    let start = Instant::now();
    let error = store.get("name", 64).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unreachable);
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn a_runtime_that_ends_takes_no_connection_with_it_for_good() {
    let (_cluster, store) = cluster();
    for _ in 0..3 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async {
            store.set("name", it(), MINUTE).await.unwrap();
            assert!(store.get("name", 64).await.unwrap().is_some());
        });
    }
}

#[tokio::test]
async fn a_client_that_was_built_elsewhere_is_a_store() {
    let cluster = Cluster::start(3, &[]).unwrap();
    let nodes = cluster
        .nodes()
        .iter()
        .map(tests::servers::redis::Redis::url);
    let client = redis::cluster::ClusterClient::builder(nodes)
        .use_protocol(redis::ProtocolVersion::RESP3)
        .build();
    check_store(RedisStore::from_cluster_client(client.unwrap())).await;
}
