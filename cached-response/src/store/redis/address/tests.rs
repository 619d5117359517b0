use super::*;
use proptest::prelude::*;

fn host_and_port(address: &Address) -> (&str, u16) {
    match address.addr() {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
            (host, *port)
        }
        other => panic!("{other} has no host"),
    }
}

#[test]
fn an_address_has_a_host_and_a_login() {
    let address = Address::parse("redis://me:p%40ss@host:7000/3").unwrap();
    assert_eq!(host_and_port(&address), ("host", 7000));
    assert_eq!(address.user(), Some("me"));
    assert_eq!(address.password(), Some("p@ss"));
    assert_eq!(address.database(), 3);
}

#[test]
fn what_is_left_out_is_as_everywhere() {
    let address = Address::parse("valkey://host").unwrap();
    assert_eq!(host_and_port(&address), ("host", 6379));
    assert_eq!(address.database(), 0);
    let address = Address::parse("redis://[::1]:7").unwrap();
    assert_eq!(host_and_port(&address), ("::1", 7));
}

#[test]
#[cfg(unix)]
fn a_unix_socket_has_its_login_in_parameters() {
    for scheme in ["unix", "redis+unix", "valkey+unix"] {
        let url = format!("{scheme}:///run/redis.sock?user=me&pass=p%40ss&db=3");
        let address = Address::parse(&url).unwrap();
        assert_eq!(format!("{address}"), "/run/redis.sock");
        assert_eq!(
            (address.user(), address.password()),
            (Some("me"), Some("p@ss"))
        );
        assert_eq!(address.database(), 3);
        assert!(address.clone().of_sentinel().is_err());
        assert!(address.in_cluster_of(&address).is_err());
    }
}

#[test]
#[cfg(feature = "redis-tls")]
fn the_nodes_of_a_cluster_have_the_login_and_the_tls_of_the_first() {
    let first = Address::parse("rediss://me:secret@a:1").unwrap();
    let other = Address::parse("redis://b:2").unwrap();
    let info = Address(other.in_cluster_of(&first).unwrap());
    assert_eq!(
        (host_and_port(&info), info.password()),
        (("b", 2), Some("secret"))
    );
    assert!(info.is_tls());
    let info = Address(first.in_cluster_of(&other).unwrap());
    assert!(!info.is_tls() && info.password().is_none());
}

#[test]
#[cfg(not(feature = "redis-tls"))]
fn an_address_of_tls_names_the_missing_feature() {
    let error = Address::parse("rediss://me:secret@host").unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::InvalidAddress);
    assert!(error.to_string().contains("`redis-tls`"), "{error}");
}

#[test]
fn what_is_no_address_is_an_error_that_keeps_the_password() {
    for wrong in [
        "",
        "host:6379",
        "http://me:secret@host",
        "redis://",
        "redis://me:secret@host/first",
        "redis://me:secret@host:99999",
        "redis://me:secret#@host",
        "redis://me:secret@/0",
        "unix:///tmp/it?pass=secret&db=first",
    ] {
        let error = Address::parse(wrong).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::InvalidAddress, "{wrong}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

/// The message for a URL with a mistake, which must not contain the secret in it.
fn why(url: &str) -> String {
    let error = Address::parse(url).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::InvalidAddress, "{url}");
    assert!(!error.to_string().contains("secret"), "{error}");
    error.to_string()
}

/// The message for each mistake, and URLs that have it.
const MISTAKES: &[(&str, &[&str])] = &[
    (
        "its database is no number from 0",
        &[
            "redis://h/-1",
            "redis://h/first",
            "redis://h/+1",
            "redis://h/1/2",
            "redis://h/1.0",
            "redis://h/2147483648",
            "redis://h/99999999999999999999",
            "redis://h/%31",
        ],
    ),
    (
        "parameters after a `?`",
        &[
            "redis://h/1?db=2",
            "redis://h?protocol=resp3",
            "redis://h?",
            "redis://h?secret",
        ],
    ),
    (
        "it ends with a `#`",
        &["redis://h/1#secret", "rediss://h#insecure", "redis://h#"],
    ),
    (
        "it has no scheme",
        &["", "h:6379", "me:secret@h", "redis:h"],
    ),
    (
        "its scheme is not known",
        &["http://me:secret@h", "memcached://h", "://h"],
    ),
    (
        "it has no path of a socket",
        &["redis+unix://", "unix:///", "unix://secret/run/redis.sock"],
    ),
    (
        "only `user`, `pass` and `db` are known",
        &["unix:///s?protocol=resp3", "unix:///s?password=secret"],
    ),
    (
        "write `?db=1`",
        &["unix:///s?db=-1", "unix:///s?db=first", "unix:///s?db="],
    ),
    (
        "RedisStore::sentinel(",
        &["redis-sentinel://h/mymaster", "redis+sentinel://h"],
    ),
    (
        "RedisStore::cluster(",
        &["redis-cluster://h", "redis+cluster://me:secret@h"],
    ),
    (
        "it has no host",
        &[
            "redis://",
            "redis:///1",
            "redis://:secret@/0",
            "redis://:6379",
        ],
    ),
    (
        "its port is no number from 1 to 65535",
        &[
            "redis://h:0",
            "redis://h:65536",
            "redis://h:port",
            "redis://:secret@h:-1",
            "redis://a:1,b:2",
        ],
    ),
    (
        "its host is neither a name",
        &["redis://a,b", "redis://h h", "redis://%00", "redis://a%2Fb"],
    ),
    (
        "its host is no IPv6 address",
        &["redis://[::1", "redis://[secret]:1"],
    ),
    (
        "in a user or a password write",
        &[
            "redis://me:secret#@h",
            "redis://:secret/@h",
            "redis://:secret?@h:1",
            "redis://:a@secret@h",
        ],
    ),
    (
        "a user and no password",
        &["redis://secret@h", "redis://me@h:6379/1"],
    ),
];

#[test]
fn each_mistake_in_a_url_has_its_own_message_with_the_correction() {
    for (mistake, urls) in MISTAKES {
        for url in *urls {
            let said = why(url);
            assert!(said.contains(mistake), "{url}: {said}");
        }
    }
}

#[test]
fn what_is_right_in_a_url_is_read() {
    for (url, port, database) in [
        ("redis://h", 6379, 0),
        ("redis://h/", 6379, 0),
        ("redis://h:1/0", 1, 0),
        ("redis://h:65535/15/", 65535, 15),
        (
            "REDIS://default@h_1.example-2/2147483647",
            6379,
            2_147_483_647,
        ),
        ("valkey://:a%40%23%2F%3F%25@127.0.0.1", 6379, 0),
    ] {
        let address = Address::parse(url).unwrap();
        assert_eq!(
            (host_and_port(&address).1, address.database()),
            (port, database),
            "{url}"
        );
    }
    let escaped = Address::parse("valkey://:a%40%23%2F%3F%25@127.0.0.1").unwrap();
    assert_eq!(escaped.password(), Some("a@#/?%"));
}

#[test]
fn what_is_shown_keeps_the_password() {
    let address = Address::parse("redis://me:secret@host:1/2").unwrap();
    assert_eq!(format!("{address} {address:?}"), "host:1 host:1");
}

proptest! {
    #[test]
    fn any_text_is_an_address_or_an_error(rest in "\\PC{0,40}") {
        for scheme in ["redis://", "valkey://", "redis://me:hidden@", ""] {
            if let Err(error) = Address::parse(&format!("{scheme}{rest}")) {
                prop_assert!(!error.to_string().contains("hidden"));
            }
        }
    }
}
