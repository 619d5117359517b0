//! URLs that are none, as an application meets them: at `RedisStore::open` and its like.

use cached_response::testing::check_store;
use cached_response::{RedisStore, StoreError, StoreErrorKind};
use tests::servers::redis::Redis;

#[track_caller]
fn assert_wrong(store: Result<RedisStore, StoreError>, what_to_write: &str) {
    let error = store.expect_err("it is no address");
    assert_eq!(error.kind(), StoreErrorKind::InvalidAddress, "{error}");
    assert!(error.to_string().contains(what_to_write), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[test]
fn a_url_with_a_mistake_is_refused_with_what_to_write() {
    for (url, what_to_write) in [
        ("redis://:secret@h/-1", "write `redis://host:6379/1`"),
        ("redis://:secret@h/first", "write `redis://host:6379/1`"),
        ("redis://:secret@h/2147483648", "from 0 to 2147483647"),
        (
            "redis://:secret@h?db=1",
            "redis://user:password@host:6379/1",
        ),
        ("redis://:secret@h/1#top", "leave that out"),
        ("http://:secret@h", "write `redis://host:6379`"),
        ("127.0.0.1:6379", "write `redis://host:6379`"),
        ("redis:///1", "it has no host"),
        ("redis://:secret@h:65536", "from 1 to 65535"),
        ("redis+unix://", "write `unix:///run/redis.sock`"),
        ("unix:///s?password=secret", "?user=cache&pass=..&db=1"),
        ("redis-sentinel://h/mymaster", "call `RedisStore::sentinel("),
        ("redis-cluster://h", "call `RedisStore::cluster("),
        ("redis://:sec#ret@h", "`%23` for `#`"),
        ("redis://secret@h", "redis://:password@host"),
    ] {
        assert_wrong(RedisStore::open(url), what_to_write);
        assert_wrong(RedisStore::cluster([url]), what_to_write);
        assert_wrong(RedisStore::sentinel([url], "mymaster"), what_to_write);
    }
}

#[test]
fn what_only_a_cluster_or_sentinels_lack_is_refused_there() {
    assert!(RedisStore::open("redis://h/1").is_ok());
    assert_wrong(
        RedisStore::cluster(["redis://h/1"]),
        "a cluster has one database",
    );
    assert_wrong(RedisStore::cluster([]), "write one at least");
    assert_wrong(RedisStore::sentinel([], "mymaster"), "write one at least");
    assert_wrong(RedisStore::sentinel(["redis://h"], ""), "\"mymaster\"");
}

#[tokio::test]
async fn a_server_is_reached_by_a_unix_socket() {
    let socket = std::env::temp_dir().join(format!("cached-response-{}.sock", std::process::id()));
    let path = socket.display().to_string();
    let by_socket = Redis::with(&["--unixsocket", &path, "--requirepass", "secret"]).unwrap();
    let store = RedisStore::open(&format!("unix://{path}?pass=secret&db=2")).unwrap();
    assert_eq!(format!("{store:?}"), format!("RedisStore({path})"));
    check_store(store).await;
    drop(by_socket);
    // The server removes it only where it ends by itself.
    let _ = std::fs::remove_file(socket);
}

#[tokio::test]
async fn a_client_that_was_built_elsewhere_is_a_store() {
    let server = Redis::start().unwrap();
    for parameters in ["/3", "/3?protocol=resp3"] {
        let client = redis::Client::open(format!("{}{parameters}", server.url())).unwrap();
        check_store(RedisStore::from_client(client)).await;
    }
}
