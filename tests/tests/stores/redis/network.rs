//! Networks that swallow, cut and alter what they carry.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use actix_web::web::Bytes;
use cached_response::{RedisStore, Store};
use tests::proxy::{Mode, Proxy};
use tests::servers::redis::Redis;
use tests::servers::resp::Reply;
use tokio::time::timeout;

use super::{BUDGET, LONG, MINUTE, in_the_end, names};

/// A server, and a store that reaches it through a proxy.
fn behind_a_proxy() -> (Redis, Proxy, RedisStore) {
    let server = Redis::start().unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, server.port()));
    let proxy = Proxy::start(address).unwrap();
    let store = RedisStore::open(&format!("redis://{}", proxy.address())).unwrap();
    (server, proxy, store)
}

fn it() -> Bytes {
    Bytes::from_static(b"it")
}

/// Reads and writes until nothing is lost any more.
async fn heals(store: &RedisStore) {
    in_the_end(|| store.get("name", 64)).await;
    in_the_end(|| store.set("name", it(), MINUTE)).await;
}

#[tokio::test]
async fn a_connection_that_is_swallowed_is_replaced_though_every_call_is_given_up() {
    let (_server, proxy, store) = behind_a_proxy();
    heals(&store).await;
    let before = proxy.accepted();
    proxy.set(Mode::BlackHole);
    let swallowed = async {
        // Until a new connection was tried: the old one stays swallowed, whatever the network does.
        while proxy.accepted() == before {
            let given_up = timeout(BUDGET, store.get("name", 64)).await;
            assert!(given_up.is_err() || given_up.unwrap().is_err());
        }
    };
    timeout(LONG, swallowed).await.unwrap();
    proxy.set(Mode::Pass);
    heals(&store).await;
}

#[tokio::test]
async fn a_value_that_was_added_and_deleted_does_not_come_back_with_its_reply_lost() {
    let (server, proxy, store) = behind_a_proxy();
    for ensures in [false, true] {
        heals(&store).await;
        proxy.set(Mode::Delay(LONG * 60));
        let name = names(&["nonce"]).remove(0);
        let values = [(name.clone(), it())];
        let adding = async {
            if ensures {
                store.ensure(&values, MINUTE).await.is_ok()
            } else {
                store.add(&name, it(), MINUTE).await.is_ok()
            }
        };
        let deleting = async {
            let is_there = || server.ask(&["EXISTS", &name]).unwrap() == Reply::Number(1);
            while !is_there() {
                tokio::task::yield_now().await;
            }
            server.ask(&["DEL", &name]).unwrap();
            // Connections from now on work, and the old one breaks before the reply arrives.
            let broken = proxy.lines();
            proxy.set(Mode::Pass);
            for line in broken {
                line.set(Mode::Reset);
            }
        };
        let (is_added, ()) = futures_util::future::join(adding, deleting).await;
        assert!(!is_added);
        assert_eq!(store.get(&name, 64).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_network_that_is_slow_to_answer_has_its_connection_kept() {
    let (_server, proxy, store) = behind_a_proxy();
    heals(&store).await;
    let before = proxy.accepted();
    proxy.set(Mode::Delay(Duration::from_millis(100)));
    // Longer than a connection may be silent: it receives answers, though no call waits for them.
    for _ in 0..20 {
        assert!(timeout(BUDGET, store.get("name", 64)).await.is_err());
    }
    let late = timeout(LONG, store.get("name", 64)).await.unwrap();
    assert!(late.unwrap().is_some());
    assert_eq!(proxy.accepted(), before);
}

#[tokio::test]
async fn an_answer_that_is_cut_anywhere_is_an_error_or_whole() {
    let (_server, proxy, store) = behind_a_proxy();
    let with = names(&["nonce", "none"]);
    heals(&store).await;
    store
        .set("nonce", Bytes::from_static(b"sixteen octets.."), MINUTE)
        .await
        .unwrap();
    for octets in 0..120 {
        heals(&store).await;
        proxy.set(Mode::CutAfter(octets));
        // Tried again once on a connection of its own, which is cut as well.
        if let Ok(found) = store.look_up("name", 64, &with).await {
            assert_eq!(found.0.unwrap().bytes, "it");
            assert_eq!(
                found.1,
                [Some(Bytes::from_static(b"sixteen octets..")), None]
            );
        }
        proxy.set(Mode::Pass);
    }
    heals(&store).await;
}

#[tokio::test]
async fn an_answer_that_is_altered_anywhere_leaves_no_connection_out_of_step() {
    let (_server, proxy, store) = behind_a_proxy();
    let with = names(&["nonce", "none"]);
    heals(&store).await;
    store
        .set("nonce", Bytes::from_static(b"sixteen octets.."), MINUTE)
        .await
        .unwrap();
    for octet in 0..80 {
        heals(&store).await;
        proxy.set(Mode::Corrupt(octet));
        // The caller can detect a wrong value; here it must only end.
        let _ = timeout(BUDGET, store.look_up("name", 64, &with)).await;
        proxy.set(Mode::Pass);
        // A length that was made greater waits for the next octets, until it times out.
        let (kept, found) = in_the_end(|| async {
            let (kept, found) = store.look_up("name", 64, &with).await?;
            Ok((kept, found))
        })
        .await;
        assert_eq!(kept.unwrap().bytes, "it", "{octet}");
        assert_eq!(
            found[0].as_deref(),
            Some(&b"sixteen octets.."[..]),
            "{octet}"
        );
    }
}
